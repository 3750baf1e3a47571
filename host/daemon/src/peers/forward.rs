//! Forwarding on the NICs by which other nodes' packets come in, and the values of before when it is needed no longer.

use std::collections::BTreeMap;

use nicety_kernel::forwarding;
use nicety_store::WriteError;
use tracing::warn;

use super::{Outcomes, want::Want};
use crate::node::Node;
use nicety_deciding::chain;

/// A setting that cannot be made is told of every network that needs it; the routes are made all the same.
pub fn open(node: &Node, wants: &[Want], outcomes: &mut Outcomes) -> Result<(), WriteError> {
    let mut needed = BTreeMap::new();
    for want in wants {
        let (settings, errors) = forwarding::wanted(&want.forward);
        let faults = &mut outcomes.entry(want.network.clone()).or_default().faults;
        faults.extend(errors.iter().map(|error| chain(error)));
        for (path, value) in settings {
            if let Err(error) = put(node, &path, &value)? {
                faults.push(chain(&error));
            }
            needed.insert(path, value);
        }
    }
    let known = node.store.underlay();
    for (path, before) in known.settings.iter().filter(|(path, _)| !needed.contains_key(*path)) {
        match forwarding::set(path, before) {
            Ok(()) => drop(node.store.keep_underlay(|underlay| drop(underlay.settings.remove(path)))?),
            Err(error) => warn!(error = %chain(&error), "a setting of a NIC stays changed"),
        }
    }
    Ok(())
}

/// What stood there is written down first.
fn put(node: &Node, path: &str, value: &str) -> Result<Result<(), forwarding::SettingError>, WriteError> {
    let before = match forwarding::present(path) {
        Ok(Some(before)) if before != value => before,
        Ok(_) => return Ok(Ok(())),
        Err(error) => return Ok(Err(error)),
    };
    node.store.keep_underlay(|underlay| {
        underlay.settings.entry(path.to_owned()).or_insert(before);
    })?;
    Ok(forwarding::set(path, value))
}
