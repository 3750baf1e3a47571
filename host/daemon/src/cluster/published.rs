//! What this node says of itself to the cluster: its NICs, the networks that it can serve, the blocks that it has given back, and the
//! strategies that it runs. Made whole each time from what is in force; whether any of it is new is the publishers' to see.

use std::collections::BTreeSet;

use ipnet::IpNet;
use nicety_core::{
    facts::{
        Value as Fact,
        nic_selection::{LinkState, Nic},
    },
    finding::{self, Finding},
    ids::NetworkName,
};
use nicety_k8s::{
    mirror::{Known, Mirror},
    publish::Says,
    rfc3339,
};
use nicety_objects::{
    condition::{self, Condition, ConditionStatus},
    host_interface::{HostInterfaceSpec, HostInterfaceStatus, InterfaceSpec, NodeNetwork, UNMANAGED},
    manifest::Object,
    strategies::Body as Written,
    strategy_status::{StrategyState, StrategyStatusStatus},
};
use nicety_strategies::set::Body;
use serde::Serialize;
use serde_json::Value;

use crate::{
    egress::summary,
    gather::Snapshot,
    node::{Node, now},
};

/// Conditions as they were last said: the time of a transition is that of the first to say so.
#[derive(Debug, Default)]
pub struct Said {
    host: Vec<Condition>,
    strategies: Vec<Condition>,
}

/// Findings that a condition quotes.
const QUOTED: usize = 5;

/// Of the HostInterface and the StrategyStatus. None: the node has no cluster.
pub fn of(node: &Node, said: &mut Said) -> Option<(Says, Says)> {
    let mirror = &node.source.cluster()?.mirror;
    let snapshot = node.snapshot();
    let host = Says {
        spec: (!by_people(mirror)).then(|| json(&spec(&snapshot))).flatten(),
        status: json(&host_status(node, mirror, &snapshot, &mut said.host)),
    };
    let strategies = Says { spec: None, status: json(&strategy_status(node, &snapshot, &mut said.strategies)) };
    Some((host, strategies))
}

/// Whether the object's spec is people's to write.
fn by_people(mirror: &Mirror) -> bool {
    mirror.host_labels().is_some_and(|labels| labels.0.get(UNMANAGED).is_some_and(|value| value == "true"))
}

fn json(value: &impl Serialize) -> Option<Value> {
    serde_json::to_value(value).ok()
}

/// NICs of the node itself: links that it made for pods and the like are not in its inventory.
fn spec(snapshot: &Snapshot) -> HostInterfaceSpec {
    HostInterfaceSpec { interfaces: snapshot.nics.iter().map(|one| interface(&one.nic)).collect() }
}

fn interface(nic: &Nic) -> InterfaceSpec {
    // Link-local addresses are on every NIC and tell none from another.
    let global = |net: &&IpNet| match net {
        IpNet::V4(net) => !net.addr().is_link_local(),
        IpNet::V6(net) => !net.addr().is_unicast_link_local(),
    };
    let addresses: Vec<IpNet> = nic.addresses.iter().filter(global).copied().collect();
    let nets: BTreeSet<IpNet> = addresses.iter().map(IpNet::trunc).collect();
    let (up, carrier) = match nic.state {
        LinkState::Up => (Some(true), Some(true)),
        LinkState::Down => (None, Some(false)),
        LinkState::Unknown => (None, None),
    };
    let text = |fact: &Fact| match fact {
        Fact::Text(text) => text.clone(),
        Fact::Number(number) => number.to_string(),
        Fact::Flag(flag) => flag.to_string(),
        Fact::Texts(texts) => texts.join(","),
    };
    InterfaceSpec {
        name: nic.name.clone(),
        net_addresses: nets.into_iter().collect(),
        addresses,
        mac: nicety_core::address::Mac::from_u64(nic.mac).filter(|mac| mac.is_unicast()),
        mtu: Some(nic.mtu).filter(|mtu| *mtu >= 68 && *mtu <= 65_535),
        vendor: nic.vendor,
        product: nic.product,
        pci_address: nic.pci,
        numa_node: nic.numa,
        card: nic.card,
        driver: nic.driver.clone(),
        up,
        carrier,
        attributes: nic.attributes.iter().map(|one| (one.name.clone(), text(&one.value))).collect(),
    }
}

fn host_status(node: &Node, mirror: &Mirror, snapshot: &Snapshot, said: &mut Vec<Condition>) -> HostInterfaceStatus {
    let refused = node.refused();
    let (known, routes) = (mirror.networks(), node.peers.outcome());
    let networks = snapshot.world.objects.networks.values().map(|network| {
        let generation =
            known.iter().find(|known| known.name == network.name.as_str()).map_or(0, |known| known.generation);
        let unready = snapshot.world.unready.clone().or_else(|| snapshot.unready(network));
        let routes = routes.get(&network.name);
        NodeNetwork {
            name: network.name.to_string(),
            generation,
            ready: unready.is_none(),
            reason: unready.as_ref().map(|_| "NotAvailable".to_owned()).unwrap_or_default(),
            message: unready.unwrap_or_default(),
            routes_wanted: routes.map(|routes| count(routes.wanted())),
            routes_missing: routes.map(|routes| count(routes.lacking())),
        }
    });
    let ready = match &snapshot.world.unready {
        None => condition("Ready", ConditionStatus::True, "Serving", "pods are served".to_owned()),
        Some(why) => condition("Ready", ConditionStatus::False, "NotYetKnown", why.clone()),
    };
    let valid = match refused.as_slice() {
        [] => {
            condition("ObjectsInForce", ConditionStatus::True, "InForce", "all that the API has is in force".to_owned())
        }
        findings => condition("ObjectsInForce", ConditionStatus::False, "Refused", quoted(findings)),
    };
    let egress = summary::verdict(&node.egress.outcome());
    if egress.is_none() {
        said.retain(|one| one.kind != summary::CONDITION);
    }
    let egress = egress.map(|one| condition(summary::CONDITION, one.status, one.reason, one.message));
    for one in [ready, valid].into_iter().chain(egress) {
        condition::put(said, one);
    }
    HostInterfaceStatus {
        released: released(node, mirror),
        networks: networks.collect(),
        daemon: env!("CARGO_PKG_VERSION").to_owned(),
        observed_generation: None,
        conditions: said.clone(),
    }
}

/// This node's blocks that are being deleted, from which nothing is handed out any more and nothing is held.
fn released(node: &Node, mirror: &Mirror) -> Vec<String> {
    let going: Vec<Known> = mirror.blocks().into_iter().filter(|known| known.deleting).collect();
    if going.is_empty() {
        return Vec::new();
    }
    // An ADD that began before the block left the world holds this from its gathering to its lease.
    let _ledger = node.ledger();
    let world = node.world();
    let free = going.into_iter().filter(|known| {
        let Object::IpBlock(block) = &*known.object else { return false };
        let ours = block.node == *mirror.node() && !world.objects.blocks.contains_key(&known.name);
        let cut = world.objects.networks.get(&block.network).and_then(|network| network.cut(block).ok());
        ours && !holds(node, &block.network, cut.as_deref())
    });
    free.map(|known| known.name).collect()
}

/// Without its network nothing can be told of a block but that no address of the network is held at all.
fn holds(node: &Node, network: &NetworkName, cut: Option<&[(IpNet, IpNet)]>) -> bool {
    let leases = node.store.leases(network);
    match cut {
        None => !leases.is_empty(),
        Some(cut) => leases.iter().any(|(_, lease)| cut.iter().any(|(block, _)| block.contains(&lease.address.addr()))),
    }
}

fn strategy_status(node: &Node, snapshot: &Snapshot, said: &mut Vec<Condition>) -> StrategyStatusStatus {
    let world = &snapshot.world;
    let written = &world.objects.strategies.strategies;
    let strategies = world.strategies.strategies.iter().filter_map(|(name, strategy)| {
        let Body::Policy(configured) = &strategy.body else { return None };
        let policy = match written.get(name).map(|written| &written.body) {
            Some(Written::Policy { module, .. }) => module.policy.to_string(),
            Some(Written::Pipeline(_)) | None => configured.policy.description().name.clone(),
        };
        let digest = format!("sha256:{}", configured.policy.digest());
        Some(StrategyState { name: name.to_string(), policy, digest, message: String::new() })
    });
    let strategies: Vec<StrategyState> = strategies.collect();
    let short = |state: &StrategyState| {
        let digest = state.digest.trim_start_matches("sha256:");
        format!("{}={}", state.name, digest.get(..8).unwrap_or(digest))
    };
    let refused: Vec<Finding> = node.refused().into_iter().filter(|finding| of_strategies(&finding.path)).collect();
    let in_force = match (refused.as_slice(), world.origin.is_stand_in()) {
        ([], false) => condition("Ready", ConditionStatus::True, "InForce", "decisions are made by these".to_owned()),
        (findings, false) => condition("Ready", ConditionStatus::False, "Refused", quoted(findings)),
        (findings, true) => condition("Ready", ConditionStatus::False, "NothingInForce", quoted(findings)),
    };
    condition::put(said, in_force);
    StrategyStatusStatus {
        generation: world.strategies_since,
        config_map: world.origin.version.clone(),
        digest: if world.origin.is_stand_in() { String::new() } else { format!("sha256:{}", world.origin.digest) },
        summary: strategies.iter().map(short).collect::<Vec<_>>().join(" "),
        strategies,
        daemon: env!("CARGO_PKG_VERSION").to_owned(),
        conditions: said.clone(),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn of_strategies(path: &str) -> bool {
    path.starts_with("ConfigMap ") || path.starts_with("strategies ")
}

fn condition(kind: &str, status: ConditionStatus, reason: &str, message: String) -> Condition {
    Condition {
        kind: kind.to_owned(),
        status,
        reason: reason.to_owned(),
        message,
        last_transition_time: rfc3339(now()),
        observed_generation: None,
    }
}

fn quoted(findings: &[Finding]) -> String {
    let few = findings.get(..QUOTED.min(findings.len())).unwrap_or_default();
    match findings.len() - few.len() {
        0 => finding::list(few),
        more => format!("{}; and {more} more", finding::list(few)),
    }
}
