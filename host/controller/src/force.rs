//! Which version of each Network is in force: the newest that is valid, may follow the one before, and takes no other's addresses. What
//! is refused is said, and changes nothing.

use std::{collections::BTreeMap, sync::Arc};

use nicety_core::finding::Finding;
use nicety_objects::{
    API_VERSION, Network,
    manifest::{self, Bare, Object},
    transition::transition,
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
                let accepted = standings.values().filter_map(|standing: &Standing| standing.force.as_ref());
                let mut findings = network.overlaps(accepted.map(|force| &*force.network));
                if let Some(old) = &old {
                    let whole = |spec: &Value| json!({ "spec": spec });
                    findings.extend(transition("Network", &whole(&old.spec), &whole(&item.spec)));
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
