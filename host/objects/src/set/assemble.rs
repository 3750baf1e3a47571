//! A set of objects that come one by one, as from an API: what does not fit the others stays out alone, in its version before if
//! that one fits, and everything else is in force.

use std::collections::BTreeSet;

use nicety_core::{
    finding::Finding,
    ids::{IfName, NetworkName, NodeName},
};

use super::Set;
use crate::{IpBlock, Network, Strategies, manifest::Object};

/// An object that is not in force as it is written, or not wholly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub kind: &'static str,
    pub name: String,
    pub findings: Vec<Finding>,
}

impl Set {
    /// `objects`: each good in itself, older ones first: of two that exclude each other the first stays. Those that were in force
    /// `before`, and are what they were, come before all others.
    pub fn assemble<'a>(objects: impl IntoIterator<Item = &'a Object>, before: &Set) -> (Set, Vec<Refused>) {
        let mut offered = Offered::default();
        for object in objects {
            offered.take(object);
        }
        let mut refused = Vec::new();
        let mut set = offered.alone;
        networks(&mut set, offered.networks, before, &mut refused);
        blocks(&mut set, offered.blocks, before, &mut refused);
        strategies(&mut set, offered.strategies, before, &mut refused);
        egress_strategies(&mut set, before, &mut refused);
        (set, refused)
    }
}

#[derive(Default)]
struct Offered<'a> {
    networks: Vec<&'a Network>,
    blocks: Vec<&'a IpBlock>,
    strategies: Option<&'a Strategies>,
    /// What depends on no other object.
    alone: Set,
}

impl<'a> Offered<'a> {
    fn take(&mut self, object: &'a Object) {
        match object {
            Object::Network(network) => self.networks.push(network),
            Object::IpBlock(block) => self.blocks.push(block),
            Object::DeviceClass(class) => {
                self.alone.classes.insert(class.name.clone(), class.clone());
            }
            Object::HostInterface(host) => {
                self.alone.hosts.insert(host.node.clone(), host.clone());
            }
            Object::EgressPolicy(policy) => {
                self.alone.egress_policies.insert(policy.name.clone(), policy.clone());
            }
            Object::EgressGateway(gateway) => {
                self.alone.egress_gateways.insert(gateway.name.clone(), gateway.clone());
            }
            Object::EgressSlice(slice) => {
                self.alone.egress_slices.insert(slice.name.clone(), slice.clone());
            }
            Object::EgressHealth(health) => {
                self.alone.egress_healths.insert(health.observer.clone(), health.clone());
            }
            Object::Node(node) => {
                self.alone.nodes.insert(node.name.clone(), node.clone());
            }
            Object::Pod(pod) => {
                self.alone.pods.insert((pod.namespace.clone(), pod.name.clone()), pod.clone());
            }
            Object::Namespace(namespace) => {
                self.alone.namespaces.insert(namespace.name.clone(), namespace.clone());
            }
            Object::PodNetwork(network) => {
                self.alone.pod_networks.insert(network.name.clone(), network.clone());
            }
            Object::PodNetworkAttachment(one) => {
                let key = (one.namespace.clone(), one.name.clone());
                self.alone.pod_network_attachments.insert(key, one.clone());
            }
            Object::Strategies(strategies) => self.strategies = Some(strategies),
        }
    }
}

fn networks(set: &mut Set, mut offered: Vec<&Network>, before: &Set, refused: &mut Vec<Refused>) {
    let unchanged = |network: &&Network| before.networks.get(&network.name) == Some(*network);
    // Stable: among the unchanged, and among the rest, the older comes first.
    offered.sort_by_key(|network| !unchanged(network));
    for network in offered {
        let findings = network.overlaps(set.networks.values());
        let kept = match findings.is_empty() {
            true => Some(network),
            false => before
                .networks
                .get(&network.name)
                .filter(|old| *old != network && old.overlaps(set.networks.values()).is_empty()),
        };
        if let Some(kept) = kept {
            set.networks.insert(kept.name.clone(), kept.clone());
        }
        if !findings.is_empty() {
            refused.push(Refused { kind: "Network", name: network.name.to_string(), findings });
        }
    }
}

/// What only one block may have.
type ByIndex<'a> = BTreeSet<(&'a NetworkName, u32, u32)>;
type ByNic<'a> = BTreeSet<(&'a NetworkName, &'a NodeName, &'a Option<IfName>)>;

fn blocks(set: &mut Set, mut offered: Vec<&IpBlock>, before: &Set, refused: &mut Vec<Refused>) {
    offered.sort_by_key(|block| before.blocks.get(&block.name) != Some(*block));
    let (mut by_index, mut by_nic) = (ByIndex::new(), ByNic::new());
    for block in offered {
        let findings = match set.networks.get(&block.network) {
            None => {
                let message = format!("there is no Network `{}`, or none that is in force", block.network);
                vec![Finding::new("spec.network", message)]
            }
            Some(network) => block.check(network),
        };
        let twice = twice(block, &by_index, &by_nic);
        let findings: Vec<Finding> = findings.into_iter().chain(twice).collect();
        if findings.is_empty() {
            by_index.insert((&block.network, block.interface_index, block.host_index));
            by_nic.insert((&block.network, &block.node, &block.interface));
            set.blocks.insert(block.name.clone(), block.clone());
        } else {
            refused.push(Refused { kind: "IPBlock", name: block.name.clone(), findings });
        }
    }
}

fn twice(block: &IpBlock, by_index: &ByIndex<'_>, by_nic: &ByNic<'_>) -> Option<Finding> {
    if by_index.contains(&(&block.network, block.interface_index, block.host_index)) {
        let (interface, host) = (block.interface_index, block.host_index);
        let message = format!("interfaceIndex {interface} with hostIndex {host} is another IPBlock already");
        return Some(Finding::new("spec", message));
    }
    by_nic.contains(&(&block.network, &block.node, &block.interface)).then(|| {
        let nic = block.interface.as_ref().map(|nic| format!("NIC `{nic}` of ")).unwrap_or_default();
        let message = format!("{nic}node `{}` has another IPBlock of network `{}` already", block.node, block.network);
        Finding::new("spec", message)
    })
}

/// The networks' own choices join the overrides. A network that names a strategy which is not there waits for it; when it is in
/// force already, the strategies that leave it out are what is wrong, and are found out when they are built.
fn strategies(set: &mut Set, offered: Option<&Strategies>, before: &Set, refused: &mut Vec<Refused>) {
    set.strategies = offered.cloned().unwrap_or_default();
    let written = set.strategies.nic_selection.overrides.clone();
    let missing = written.keys().filter(|name| !set.networks.keys().any(|network| network.as_str() == name.as_str()));
    let unknown: Vec<Finding> = missing
        .map(|name| Finding::new(format!("nicSelection.networks.{name}"), "there is no Network of this name"))
        .collect();
    if !unknown.is_empty() {
        refused.push(Refused { kind: "ConfigMap", name: crate::strategies::CONFIG_MAP.to_owned(), findings: unknown });
    }
    let mut waiting = Vec::new();
    for network in set.networks.values() {
        let Some(own) = &network.nic_selection else { continue };
        let finding = match written.get(network.name.as_str()) {
            Some(chosen) if chosen != own => {
                let message =
                    format!("is `{own}`, but the strategies say `{chosen}` for this network, and they decide");
                Some(Finding::new("spec.strategy.nicSelection", message))
            }
            Some(_) => None,
            None if set.strategies.provide(own) || before.networks.get(&network.name) == Some(network) => {
                set.strategies.nic_selection.overrides.insert(network.name.to_string(), own.clone());
                None
            }
            None => {
                waiting.push(network.name.clone());
                Some(Finding::new("spec.strategy.nicSelection", format!("there is no strategy `{own}`")))
            }
        };
        refused.extend(finding.map(|finding| Refused {
            kind: "Network",
            name: network.name.to_string(),
            findings: vec![finding],
        }));
    }
    for name in waiting {
        set.networks.remove(&name);
        // Its version before named one that is there, or none.
        if let Some(old) = before.networks.get(&name)
            && old.overlaps(set.networks.values()).is_empty()
        {
            set.networks.insert(name.clone(), old.clone());
            if let Some(own) = &old.nic_selection {
                set.strategies.nic_selection.overrides.insert(name.to_string(), own.clone());
            }
        } else {
            set.blocks.retain(|_, block| block.network != name);
        }
    }
}

/// The egress policies' own choices join the overrides. One that names a strategy which is not there waits for it, as a network does.
fn egress_strategies(set: &mut Set, before: &Set, refused: &mut Vec<Refused>) {
    let written = set.strategies.gateway_distribution.overrides.clone();
    let missing = written.keys().filter(|name| !set.egress_policies.contains_key(*name));
    let unknown: Vec<Finding> = missing
        .map(|name| {
            let path = format!("gatewayDistribution.egressPolicies.{name}");
            Finding::new(path, "there is no EgressPolicy of this name")
        })
        .collect();
    if !unknown.is_empty() {
        refused.push(Refused { kind: "ConfigMap", name: crate::strategies::CONFIG_MAP.to_owned(), findings: unknown });
    }
    let offered = std::mem::take(&mut set.egress_policies);
    for (name, policy) in offered {
        let Some(own) = policy.strategy.clone() else {
            set.egress_policies.insert(name, policy);
            continue;
        };
        let finding = match written.get(&name) {
            Some(chosen) if *chosen != own => {
                Some(format!("is `{own}`, but the strategies say `{chosen}` for this policy, and they decide"))
            }
            Some(_) => None,
            None if set.strategies.provide(&own) => {
                set.strategies.gateway_distribution.overrides.insert(name.clone(), own);
                None
            }
            None => {
                let message = crate::strategies::unknown(&own, &set.strategies.strategies);
                let findings = vec![Finding::new("spec.strategy", message)];
                refused.push(Refused { kind: "EgressPolicy", name: name.clone(), findings });
                // Its version before, where that named one that is there, or none; else what it was keeps being it.
                if let Some(old) = before.egress_policies.get(&name) {
                    let named = old.strategy.clone().filter(|name| set.strategies.provide(name));
                    set.strategies.gateway_distribution.overrides.extend(named.map(|own| (name.clone(), own)));
                    set.egress_policies.insert(name, old.clone());
                }
                continue;
            }
        };
        refused.extend(finding.map(|message| Refused {
            kind: "EgressPolicy",
            name: name.clone(),
            findings: vec![Finding::new("spec.strategy", message)],
        }));
        set.egress_policies.insert(name, policy);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::{self, Bare};

    fn object(kind: &str, name: &str, spec: Value) -> Object {
        let document =
            json!({"apiVersion": "nicety.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
        manifest::parse(document, Bare::Nothing).1.unwrap()
    }

    fn network(name: &str, subnet: &str) -> Object {
        object("Network", name, network_spec(subnet, None))
    }

    fn network_spec(subnet: &str, strategy: Option<&str>) -> Value {
        let mut spec = json!({
            "subnets": [subnet], "ipam": {"type": "blocks", "interfaceBlock": 2, "hostBlock": 8}, "link": {"kind": "macvlan"},
        });
        if let Some(name) = strategy {
            spec["strategy"] = json!({"nicSelection": name});
        }
        spec
    }

    fn block(name: &str, network: &str, interface: &str, host_index: u32) -> Object {
        let spec = json!({
            "network": network, "node": "node-1", "interface": interface, "interfaceIndex": 0, "hostIndex": host_index,
        });
        object("IPBlock", name, spec)
    }

    fn said(refused: &[Refused]) -> Vec<String> {
        refused.iter().map(|one| format!("{} {}: {}", one.kind, one.name, one.findings[0])).collect()
    }

    fn subnets(set: &Set) -> Vec<String> {
        set.networks.values().map(|network| format!("{} {}", network.name, network.subnets[0])).collect()
    }

    #[test]
    fn of_two_networks_that_overlap_the_older_is_in_force() {
        let (old, new) = (network("zeta", "10.0.0.0/8"), network("alpha", "10.1.0.0/16"));
        let (set, refused) = Set::assemble([&old, &new], &Set::default());
        assert_eq!(subnets(&set), ["zeta 10.0.0.0/8"]);
        let expected = "Network alpha: spec.subnets[0]: `10.1.0.0/16` overlaps `10.0.0.0/8` of Network `zeta`";
        assert_eq!(said(&refused), [expected]);
    }

    #[test]
    fn an_edit_that_collides_leaves_the_version_before_in_force() {
        let (one, two) = (network("one", "10.1.0.0/16"), network("two", "10.2.0.0/16"));
        let (before, _) = Set::assemble([&one, &two], &Set::default());
        let edited = network("one", "10.0.0.0/8");
        let (set, refused) = Set::assemble([&edited, &two], &before);
        assert_eq!(subnets(&set), ["one 10.1.0.0/16", "two 10.2.0.0/16"]);
        assert_eq!(refused.len(), 1);
        let (set, refused) = Set::assemble([&edited], &before);
        assert_eq!((subnets(&set), refused.len()), (vec!["one 10.0.0.0/8".to_owned()], 0));
    }

    #[test]
    fn a_block_that_does_not_fit_keeps_no_other_out() {
        let rails = network("rails", "192.168.0.0/16");
        let good = block("rails-0-1", "rails", "eth1", 1);
        let (twice, nic) = (block("copy", "rails", "eth2", 1), block("rails-0-2", "rails", "eth1", 2));
        let (far, lost) = (block("rails-0-999", "rails", "eth3", 999), block("lost-0-1", "lost", "eth4", 1));
        let (set, refused) = Set::assemble([&rails, &good, &twice, &nic, &far, &lost], &Set::default());
        assert_eq!(set.blocks.keys().collect::<Vec<_>>(), ["rails-0-1"]);
        assert_eq!(
            refused.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
            ["copy", "rails-0-2", "rails-0-999", "lost-0-1"]
        );
    }

    #[test]
    fn a_network_waits_for_the_strategy_that_it_names() {
        let plain = object("Network", "rails", network_spec("10.1.0.0/16", None));
        let wants = object("Network", "rails", network_spec("10.1.0.0/16", Some("mine")));
        let (set, refused) = Set::assemble([&wants], &Set::default());
        assert_eq!(said(&refused), ["Network rails: spec.strategy.nicSelection: there is no strategy `mine`"]);
        assert_eq!(set.networks.len(), 0);
        let (before, _) = Set::assemble([&plain], &Set::default());
        let (set, refused) = Set::assemble([&wants], &before);
        assert_eq!((set.networks, refused.len()), (before.networks, 1));
    }

    #[test]
    fn an_egress_policy_waits_for_the_strategy_that_it_names() {
        let policy = |strategy: Option<&str>| {
            let mut spec = json!({
                "selectors": [{"podSelector": {}}], "destinationCIDRs": ["0.0.0.0/0"], "egressGateways": [{"nodeSelector": {}}],
            });
            if let Some(name) = strategy {
                spec["strategy"] = json!(name);
            }
            object("EgressPolicy", "out", spec)
        };
        let (plain, wants) = (policy(None), policy(Some("mine")));
        let (set, refused) = Set::assemble([&wants], &Set::default());
        assert!(said(&refused)[0].starts_with("EgressPolicy out: spec.strategy: there is no strategy `mine`"));
        assert_eq!(set.egress_policies.len(), 0);
        let (before, _) = Set::assemble([&plain], &Set::default());
        let (set, refused) = Set::assemble([&wants], &before);
        assert_eq!((set.egress_policies, refused.len()), (before.egress_policies, 1));
        // A built-in policy is there without a definition.
        let known = policy(Some("jump"));
        let (set, refused) = Set::assemble([&known], &Set::default());
        assert_eq!((set.strategies.gateway_distribution.to("out").as_str(), refused.len()), ("jump", 0));
        assert!(set.strategies.strategies.keys().any(|name| name.as_str() == "jump"));
    }
}
