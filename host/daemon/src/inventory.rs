//! The NICs of this node as the kernel and the overlay say, kept in memory and read again when the kernel says that something
//! changed. An ADD waits for neither.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use nicety_core::{facts::nic_selection::Nic, finding::Finding};
use nicety_kernel::{
    ConversationError,
    inventory::{self, Discovered, SYSFS},
    watch::{Changes, WatchError},
};
use nicety_objects::{Overlay, overlay};
use tracing::warn;

use crate::node::Node;

/// Three dumps of some hundred links take less than a millisecond.
const PATIENCE: Duration = Duration::from_secs(5);
/// A NIC that comes up says so several times within a few milliseconds.
const SETTLE: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub struct Inventory {
    nics: ArcSwap<Vec<Discovered>>,
    /// What of the overlay fits no NIC.
    findings: Mutex<Vec<Finding>>,
}

impl Inventory {
    pub fn read(overlay: &Overlay) -> Result<Inventory, ConversationError> {
        let inventory = Inventory { nics: ArcSwap::default(), findings: Mutex::default() };
        inventory.refresh(overlay)?;
        Ok(inventory)
    }

    pub fn nics(&self) -> Arc<Vec<Discovered>> {
        self.nics.load_full()
    }

    pub fn findings(&self) -> Vec<Finding> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn refresh(&self, overlay: &Overlay) -> Result<(), ConversationError> {
        let mut discovered = inventory::read(Path::new(SYSFS), Instant::now() + PATIENCE)?;
        let mut nics: Vec<Nic> = discovered.iter().map(|one| one.nic.clone()).collect();
        let findings = overlay::apply(overlay, &mut nics);
        for (one, nic) in discovered.iter_mut().zip(nics) {
            one.nic = nic;
        }
        self.nics.store(Arc::new(discovered));
        *self.findings.lock().unwrap_or_else(PoisonError::into_inner) = findings;
        Ok(())
    }
}

/// Reads again after each change, until its task is dropped.
pub async fn follow(node: Arc<Node>, mut changes: Changes) -> Result<(), WatchError> {
    loop {
        changes.changed().await?;
        tokio::time::sleep(SETTLE).await;
        let reader = node.clone();
        let read = tokio::task::spawn_blocking(move || reader.inventory.refresh(&reader.world().overlay));
        match read.await {
            Ok(Ok(())) => {
                node.peers.look();
                node.egress.stir();
            }
            Ok(Err(error)) => warn!(%error, "cannot read the node's NICs"),
            Err(panic) => warn!(%panic, "reading the node's NICs ended in a panic"),
        }
    }
}
