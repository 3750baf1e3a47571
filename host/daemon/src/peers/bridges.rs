//! Bridges of networks that are gone: they go when nobody is on them any more.

use std::time::{Duration, Instant};

use nicety_kernel::bridges::{self, Removal};
use nicety_store::{Store, WriteError};
use tracing::{info, warn};

use crate::node::Node;
use nicety_deciding::chain;

const PATIENCE: Duration = Duration::from_secs(5);

/// The ledger's lock keeps an ADD from choosing a network between the look at the records and the removal. One that has chosen it
/// before has its record.
pub fn sweep(node: &Node) -> Result<(), WriteError> {
    let underlay = node.store.underlay();
    if underlay.bridges.is_empty() {
        return Ok(());
    }
    let _ledger = node.ledger();
    let world = node.world();
    let records = node.store.records();
    for (bridge, network) in &underlay.bridges {
        let defined = world.objects.networks.get(network).and_then(|network| network.bridge.as_ref());
        let used = records.iter().flat_map(|record| &record.interfaces).any(|interface| interface.network == *network);
        if defined.is_none_or(|defined| defined.name != *bridge) && !used {
            remove(&node.store, bridge, network)?;
        }
    }
    Ok(())
}

/// Told in the log when it cannot be; the next look tries again.
pub fn remove(
    store: &Store,
    bridge: &nicety_core::ids::IfName,
    network: &nicety_core::ids::NetworkName,
) -> Result<Option<String>, WriteError> {
    match bridges::remove(bridge, network, Instant::now() + PATIENCE) {
        Ok(Removal::Gone) => {
            store.keep_underlay(|underlay| drop(underlay.bridges.remove(bridge)))?;
            info!(%bridge, %network, "a bridge that nobody needs is gone");
            Ok(None)
        }
        Ok(Removal::InUse) => Ok(Some(format!("bridge `{bridge}` has ports still"))),
        Err(error) => {
            warn!(error = %chain(&error), "a bridge that nobody needs stays");
            Ok(Some(chain(&error)))
        }
    }
}
