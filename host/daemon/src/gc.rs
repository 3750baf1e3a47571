//! GC: takes back every attachment of one NetConf that the runtime no longer knows. Compares keys, never the single interfaces of a
//! record: those would be the extra NICs of living pods (invariant I11).

use std::{collections::BTreeSet, time::Instant};

use nicety_cni::{CniError, Code, NetConf};
use tracing::info;

use crate::{del, delegate, node::Node};

pub fn gc(node: &Node, netconf: &NetConf, deadline: Instant) -> Result<String, CniError> {
    // Without a list nothing may be concluded: cnitool sends none.
    let Some(valid) = &netconf.valid_attachments else { return Ok(String::new()) };
    let mut errors = delegate::gc(node, netconf, valid, deadline);
    let valid: BTreeSet<(&str, &str)> =
        valid.iter().map(|attachment| (attachment.container_id.as_str(), attachment.ifname.as_str())).collect();
    for record in node.store.records() {
        let key = &record.key;
        let known = valid.contains(&(key.container.as_str(), key.ifname.as_str()));
        if key.netconf.as_str() != netconf.name || known {
            continue;
        }
        match del::take_back(&node.store, key, del::reachable(&record.netns).as_ref(), deadline) {
            Ok(()) => info!(%key, "collected an attachment that the runtime no longer knows"),
            Err(failed) => errors.extend(failed.into_iter().map(|error| format!("{key}: {error}"))),
        }
    }
    if errors.is_empty() {
        Ok(String::new())
    } else {
        let message = format!("{} things could not be taken back; hint: GC may be repeated", errors.len());
        Err(CniError::new(Code::KernelRefused, message).with_details(errors.join("; ")))
    }
}
