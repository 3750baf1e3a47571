//! Watches where objects come from (the manifests folder and the overlay, or the mirror of an API), and swaps in a new world when
//! what is there is good. What has findings leaves what was before in force and shows in `status`.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::StreamExt;
use inotify::{Inotify, WatchDescriptor, WatchMask, Watches};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::{
    config::{Config, Objects},
    node::Node,
};

/// An editor and `kubectl` write several files at once; one reload answers them all.
const SETTLE: Duration = Duration::from_millis(50);

/// A folder may be replaced whole, and a watch stays with the old one: so often it is looked which folder the path leads to.
const LOOK: Duration = Duration::from_secs(2);

/// An API tells of many objects at once; one reload answers them all.
const GATHER: Duration = Duration::from_millis(100);

/// A module that a registry did not give may be given later: so often what is refused is looked at again.
const RETRY: Duration = Duration::from_secs(60);

/// Runs until its task is dropped.
pub async fn watch(node: Arc<Node>) -> std::io::Result<()> {
    match node.source.cluster().map(|cluster| cluster.mirror.changes()) {
        None => watch_files(node).await,
        Some(changes) => {
            watch_cluster(node, changes).await;
            Ok(())
        }
    }
}

async fn watch_cluster(node: Arc<Node>, mut changes: tokio::sync::watch::Receiver<u64>) {
    changes.mark_changed();
    loop {
        // Cancel-safe: a change that is not seen here is seen by the next look.
        match timeout(RETRY, changes.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) if node.refused().is_empty() && node.config.overlay.is_none() => continue,
            Err(_) => {}
        }
        sleep(GATHER).await;
        changes.borrow_and_update();
        reload(&node).await;
    }
}

async fn watch_files(node: Arc<Node>) -> std::io::Result<()> {
    let inotify = Inotify::init()?;
    let mut watches = inotify.watches();
    let mut watched = lay(&mut watches, &node.config);
    let mut events = inotify.into_event_stream([0; 4096])?;
    loop {
        // Cancel-safe: an event that is not taken stays with the kernel.
        match timeout(LOOK, events.next()).await {
            Ok(Some(event)) => drop(event?),
            Ok(None) => return Ok(()),
            Err(_) => {
                let now = lay(&mut watches, &node.config);
                if now == watched {
                    continue;
                }
                watched = now;
            }
        }
        sleep(SETTLE).await;
        reload(&node).await;
    }
}

/// One watch per folder; none for a folder that is not there now. Laying a watch again on the same folder changes nothing.
fn lay(watches: &mut Watches, config: &Config) -> Vec<Option<WatchDescriptor>> {
    let mask = WatchMask::CLOSE_WRITE | WatchMask::MOVE | WatchMask::DELETE | WatchMask::CREATE | WatchMask::ONLYDIR;
    folders(config).iter().map(|folder| watches.add(folder, mask).ok()).collect()
}

/// Loads what the folders hold now and swaps it in, or keeps what is in force and says why.
async fn reload(node: &Arc<Node>) {
    let worker = node.clone();
    let loaded = tokio::task::spawn_blocking(move || worker.reload()).await;
    match loaded {
        Ok(Ok(Some(generation))) => info!(generation, "objects loaded"),
        Ok(Ok(None)) => {}
        Ok(Err(findings)) => {
            for finding in &findings {
                warn!(%finding, "objects refused");
            }
        }
        Err(panic) => warn!(%panic, "loading the objects ended in a panic"),
    }
}

fn folders(config: &Config) -> Vec<PathBuf> {
    let overlay =
        config.overlay.as_ref().and_then(|file| file.parent()).map(|folder| match folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => folder.to_owned(),
        });
    let manifests = match &config.objects {
        Objects::Folder(folder) => Some(folder.clone()),
        Objects::Kubernetes(_) => None,
    };
    manifests.into_iter().chain(overlay).collect()
}
