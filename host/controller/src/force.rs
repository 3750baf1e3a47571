//! Which version of each Network is in force: the newest that is valid, may follow the one before, and takes no other's addresses. What
//! is refused is said, and changes nothing.

use std::{collections::BTreeMap, sync::Arc};

use nicety_core::finding::Finding;
use nicety_objects::{
    API_VERSION, Network,
    manifest::{self, Bare, Object},
    network::Ipam,
};
use serde_json::{Value, json};

use crate::items::NetworkItem;

#[derive(Debug, Clone, PartialEq)]
pub struct InForce {
    pub network: Arc<Network>,
    pub spec: Value,
}

/// One Network's standing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// None: no version of it was ever valid.
    pub force: Option<InForce>,
    /// What is wrong with the newest version. Empty: it is in force.
    pub findings: Vec<Finding>,
}

/// `before`: what was in force so far. Those that were there first keep their addresses.
pub fn standings(
    networks: &BTreeMap<String, Arc<NetworkItem>>,
    before: &BTreeMap<String, InForce>,
) -> BTreeMap<String, Standing> {
    let mut order: Vec<(&String, &Arc<NetworkItem>)> = networks.iter().collect();
    let known = |name: &String, item: &NetworkItem| before.contains_key(name) || item.in_force.is_some();
    order.sort_by_key(|(name, item)| (!known(name, item), item.created.clone(), (*name).clone()));
    let mut standings: BTreeMap<String, Standing> = BTreeMap::new();
    for (name, item) in order {
        let old = before.get(name).cloned().or_else(|| remembered(name, item));
        let standing = match &item.network {
            Err(findings) => Standing { force: old, findings: findings.clone() },
            Ok(network) => {
                let mut findings = overlaps(network, &standings);
                if let Some(old) = &old {
                    findings.extend(transition(&old.network, network));
                }
                match findings.is_empty() {
                    true => Standing {
                        force: Some(InForce { network: Arc::new(network.clone()), spec: item.spec.clone() }),
                        findings,
                    },
                    false => Standing { force: old, findings },
                }
            }
        };
        standings.insert(name.clone(), standing);
    }
    standings
}

/// What the object itself says was in force, for a controller that has just started.
fn remembered(name: &str, item: &NetworkItem) -> Option<InForce> {
    let spec: Value = serde_json::from_str(item.in_force.as_deref()?).ok()?;
    let document = json!({"apiVersion": API_VERSION, "kind": "Network", "metadata": {"name": name}, "spec": spec});
    match manifest::parse(document, Bare::Nothing) {
        (_, Ok(Object::Network(network))) => Some(InForce { network: Arc::new(network), spec }),
        _ => None,
    }
}

fn overlaps(network: &Network, accepted: &BTreeMap<String, Standing>) -> Vec<Finding> {
    let others = accepted.values().filter_map(|standing| standing.force.as_ref());
    let others = others.flat_map(|force| force.network.subnets.iter().map(|net| (&force.network.name, net)));
    let others: Vec<_> = others.filter(|(name, _)| **name != network.name).collect();
    let mut findings = Vec::new();
    for (index, subnet) in network.subnets.iter().enumerate() {
        for (name, other) in &others {
            if subnet.contains(*other) || other.contains(subnet) {
                let message = format!("`{subnet}` overlaps `{other}` of Network `{name}`");
                findings.push(Finding::new(format!("spec.subnets[{index}]"), message));
            }
        }
    }
    findings
}

/// What may not change while blocks and leases live by it: how addresses are cut, and what pods were attached by.
fn transition(old: &Network, new: &Network) -> Vec<Finding> {
    let fixed = [
        ("spec.subnets", old.subnets == new.subnets),
        ("spec.ipam", kind(&old.ipam) == kind(&new.ipam)),
        ("spec.link.kind", std::mem::discriminant(&old.link) == std::mem::discriminant(&new.link)),
    ];
    let message = "cannot be changed while the network is there; hint: make another Network and move the pods";
    fixed.into_iter().filter(|(_, same)| !same).map(|(path, _)| Finding::new(path, message)).collect()
}

/// How an IPAM cuts its addresses. Excludes and ranges may change: what is handed out already stays until it is given back.
fn kind(ipam: &Ipam) -> (u8, u8, u8) {
    match ipam {
        Ipam::Blocks { interface_bits, host_bits, .. } => (0, *interface_bits, *host_bits),
        Ipam::Ranges { .. } => (1, 0, 0),
        Ipam::None => (2, 0, 0),
    }
}
