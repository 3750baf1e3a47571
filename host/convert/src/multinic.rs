//! Multi-NIC CNI (`multinic.fms.io/v1`): networks, their state, classes of devices.
//!
//! Where a CIDR stands beside its MultiNicNetwork, the CIDR is the truth: there an edit of the network's addresses never reached a
//! CIDR that existed, so the addresses that pods have are the CIDR's.

mod blocks;
mod class;
mod host;
mod ipam;
mod link;
mod network;
mod single;
mod state;
mod strategy;

use std::collections::BTreeMap;

use ipnet::IpNet;
use nicety_core::ipam::Blocks;
use serde_json::Value;

use crate::{foreign::Foreign, ours::Converted};
use state::State;

/// A network of ours that a MultiNicNetwork became.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cut {
    pub network: String,
    /// None: its addresses do not come in blocks.
    pub scheme: Option<Blocks>,
    /// The one NIC network that it serves, where each had to become a network of its own.
    pub net: Option<IpNet>,
    pub l3: bool,
}

pub(crate) fn is_ours(object: &Foreign) -> bool {
    object.group() == "multinic.fms.io" || is_generated(object)
}

pub(crate) fn convert(objects: Vec<Foreign>) -> Vec<Converted> {
    let (mut state, objects) = State::gather(objects);
    let mut cuts: BTreeMap<String, Vec<Cut>> = BTreeMap::new();
    let mut converted = Vec::new();
    for object in objects {
        let name = object.name.clone();
        converted.push(match object.kind.as_str() {
            "MultiNicNetwork" => {
                let (result, own) = network::convert(object, &state);
                cuts.insert(name, own);
                result
            }
            "HostInterface" => host::convert(object),
            "DeviceClass" => class::convert(object),
            "Config" => settings(object),
            "NetworkAttachmentDefinition" => {
                object.not_needed("was generated there; the controller makes one in each namespace of the network")
            }
            _ => object.unknown(),
        });
    }
    for (name, cidr) in std::mem::take(&mut state.cidrs) {
        converted.push(match cuts.get(&name) {
            Some(cuts) => blocks::of_cidr(cidr, cuts, Vec::new(), Vec::new()),
            None => {
                let (networks, own, notes) = network::of_cidr(&cidr);
                let converted = blocks::of_cidr(cidr, &own, networks, notes);
                cuts.insert(name.clone(), own);
                converted
            }
        });
        state.with_cidr.insert(name);
    }
    for pool in std::mem::take(&mut state.pools) {
        converted.push(blocks::of_pool(pool, &cuts, &state.with_cidr));
    }
    converted
}

/// A NetworkAttachmentDefinition that its operator made.
fn is_generated(object: &Foreign) -> bool {
    let mut spec = object.spec.clone();
    let mut config = || spec.text("config").and_then(|text| serde_json::from_str::<Value>(&text).ok());
    object.group() == "k8s.cni.cncf.io"
        && object.kind == "NetworkAttachmentDefinition"
        && config().is_some_and(|config| config.get("type").and_then(Value::as_str) == Some("multi-nic"))
}

/// How the operator ran its daemon.
fn settings(object: Foreign) -> Converted {
    object.not_needed(
        "says how the daemon there is run; here that is the DaemonSet's own manifest (images, node selector, tolerations, \
         resources: values of the Helm chart), and there is no port to choose, as nothing listens on the network",
    )
}
