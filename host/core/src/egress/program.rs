//! What the kernel of one node must do about egress, in words that are not yet the kernel's: computed from the node's share, what its
//! policies claim and whom they capture. Whatever is not known is not let out: a captured pod without a gateway is one whose packets
//! are dropped.

mod peers;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;

pub use self::peers::{Peer, Sender, mac, next_hop};
use super::{
    capture::{Claim, flatten},
    hold::Hold,
    mark::{Assigned, Marks, Mask},
    share::{Endpoint, GatewayId, PodKey, Share, Way},
};
use crate::{
    address::Family,
    cluster::tables::TableRange,
    hash,
    ids::{IfName, NodeName},
};

/// Of the node; they do not change while the daemon runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub node: NodeName,
    /// The node's own (Kubernetes: `InternalIP`), at most one per family. Tunnels end at the first one's family; what a pod sends to a
    /// gateway of another node comes from them.
    pub addresses: Vec<IpAddr>,
    pub mask: Mask,
    /// Of the tunnels, UDP.
    pub port: u16,
    /// Routing tables that are ours: that of a gateway is the first and its number.
    pub tables: TableRange,
}

/// What is wanted of the node now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub share: Share,
    pub policies: BTreeMap<String, Policy>,
    /// By which policies a pod of the share is captured, beside those that have an exit for it.
    pub captured: BTreeMap<PodKey, BTreeSet<String>>,
    /// Pods without an assignment yet. An assignment for the same pod and one of its addresses ends it; one for the pod as it was before,
    /// or for another pod of the same address, does not.
    pub held: Vec<Hold>,
    /// The cluster's own addresses (nodes, pods, services), which nobody captures.
    pub cluster: Vec<IpNet>,
    /// Nodes that are not alive.
    pub dead: BTreeSet<NodeName>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    pub priority: i32,
    pub destinations: Vec<IpNet>,
    pub excluded: Vec<IpNet>,
}

/// The way out of a gateway of this node, as its interfaces show it, per family.
pub type Ways = BTreeMap<GatewayId, BTreeMap<Family, Out>>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Out {
    pub link: IfName,
    /// What packets leave with.
    pub address: IpAddr,
    /// None: by the node's main table. Otherwise by a table of the way's own.
    pub routes: Option<Vec<Hop>>,
}

/// A route of a way's own table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    pub to: IpNet,
    /// None: on the link.
    pub via: Option<IpAddr>,
}

/// Everything; two that are equal ask the same of the kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    pub policies: BTreeMap<String, u32>,
    pub classes: BTreeMap<u32, Class>,
    /// Which class an address of a pod is of.
    pub endpoints: BTreeMap<IpAddr, u32>,
    /// By policy: which gateway (its number) an address leaves by. Not there: it does not leave.
    pub exits: BTreeMap<String, BTreeMap<IpAddr, u32>>,
    /// By number. Flows stay on any that is here.
    pub gateways: BTreeMap<u32, Gate>,
    pub senders: BTreeMap<NodeName, Sender>,
    /// Gateways that cannot be used here, and why, in words.
    pub wrong: BTreeMap<GatewayId, String>,
    /// Numbers that had another meaning before.
    pub reused: BTreeSet<u32>,
}

/// The pods that the same policies capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    pub policies: BTreeSet<String>,
    pub intervals: Vec<Range>,
}

/// An interval of `capture`, on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    pub first: IpAddr,
    pub last: IpAddr,
    pub policy: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    pub id: GatewayId,
    pub vni: u32,
    pub kind: GateKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateKind {
    /// On another node.
    Remote(Peer),
    /// On this one.
    Own(BTreeMap<Family, Out>),
}

/// Nobody's to capture: what stays on a link or in a host.
const NEVER: [&str; 8] = [
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "::/127",
    "fe80::/10",
    "ff00::/8",
];

impl Wanted {
    /// Who is held, and not assigned yet.
    pub fn waiting(&self) -> impl Iterator<Item = &Hold> {
        self.held.iter().filter(|held| !self.is_lifted(held))
    }

    fn is_lifted(&self, held: &Hold) -> bool {
        self.share.endpoints.get(&held.pod).is_some_and(|endpoint| held.is_lifted_by(endpoint))
    }

    /// Whether it captures a pod that these did not, and that is not held: after a restart only what is written down knows of it.
    pub fn captures_more_than(&self, before: &Wanted) -> bool {
        let held: BTreeSet<&PodKey> = self.held.iter().map(|held| &held.pod).collect();
        let more = |(pod, endpoint): (&PodKey, &Endpoint)| {
            let known = before.share.endpoints.get(pod);
            !held.contains(pod)
                && known.is_none_or(|known| endpoint.exits.keys().any(|policy| !known.exits.contains_key(policy)))
        };
        (before.policies.is_empty() && !self.policies.is_empty()) || self.share.endpoints.iter().any(more)
    }

    /// Pods whose assignment is of what they were before.
    fn past(&self) -> BTreeSet<&PodKey> {
        let now: BTreeSet<&PodKey> =
            self.held.iter().filter(|held| self.is_lifted(held)).map(|held| &held.pod).collect();
        let held = self.waiting().map(|held| &held.pod);
        held.filter(|pod| !now.contains(pod) && self.share.endpoints.contains_key(*pod)).collect()
    }
}

impl Program {
    /// `marks` keeps its numbers and gets those of new gateways. `ways`: of the gateways of this node; one that has none is told as
    /// wrong by whoever looked for it.
    pub fn of(settings: &Settings, wanted: &Wanted, ways: &Ways, marks: &mut Marks) -> Program {
        let share = &wanted.share;
        let Assigned { reused, without } = marks.assign(share.gateways.keys(), settings.mask);
        let mut program = Program { reused, ..Program::default() };
        for id in without {
            let gateways = settings.mask.back() - 1;
            program
                .wrong
                .insert(id, format!("this node has numbers for {gateways} gateways; hint: a wider `--egress-mask`"));
        }
        for (id, gateway) in &share.gateways {
            let Some(number) = marks.number(id) else { continue };
            let kind = if gateway.node == settings.node {
                ways.get(id).filter(|out| !out.is_empty()).cloned().map(GateKind::Own)
            } else if wanted.dead.contains(&gateway.node) {
                None
            } else {
                match Peer::of_gateway(settings, id, gateway) {
                    Ok(peer) => Some(GateKind::Remote(peer)),
                    Err(why) => {
                        program.wrong.insert(id.clone(), why);
                        None
                    }
                }
            };
            if !settings.tables.contains(settings.table(number)) {
                program.wrong.insert(id.clone(), format!("there is no routing table for it in {}", settings.tables));
            } else if let Some(kind) = kind {
                program.gateways.insert(number, Gate { id: id.clone(), vni: gateway.vni, kind });
            }
        }
        for (node, addresses) in share.senders.iter().filter(|(node, _)| **node != settings.node) {
            program.senders.extend(Sender::of(settings, node, addresses).map(|sender| (node.clone(), sender)));
        }
        program.pods(wanted, marks);
        program
    }

    /// With no way out by these numbers: nothing gets their marks or stays with them, and their pods' packets are dropped.
    pub fn without(mut self, numbers: &BTreeSet<u32>) -> Program {
        self.gateways.retain(|number, _| !numbers.contains(number));
        self.exits.values_mut().for_each(|pods| pods.retain(|_, number| !numbers.contains(number)));
        self.exits.retain(|_, pods| !pods.is_empty());
        self
    }

    /// Rows are gathered and sorted, and maps made of what is in order: a node may have ten thousand pods, and each change looks at all.
    fn pods(&mut self, wanted: &Wanted, marks: &Marks) {
        let share = &wanted.share;
        let known = |policy: &str| wanted.policies.contains_key(policy);
        let mut captured: Vec<(IpAddr, &str)> = Vec::new();
        let (mut newer, mut taken): (BTreeSet<IpAddr>, BTreeSet<IpAddr>) = Default::default();
        for held in wanted.waiting() {
            newer.extend(held.sources());
            let rows =
                |address: &IpAddr| held.policies.iter().map(|policy| (*address, policy.as_str())).collect::<Vec<_>>();
            captured.extend(held.sources().flat_map(rows));
        }
        // What is assigned to a pod as it was before yields to a pod that has the address now.
        let past: BTreeSet<&PodKey> = wanted.past();
        if !past.is_empty() {
            let now = share.endpoints.iter().filter(|(pod, _)| !past.contains(pod));
            taken.extend(now.flat_map(|(_, endpoint)| &endpoint.addresses));
        }
        let numbers = self.numbers(share, marks);
        let mut exits: BTreeMap<&str, Vec<(IpAddr, u32)>> = BTreeMap::new();
        for (pod, endpoint) in &share.endpoints {
            let more = wanted.captured.get(pod);
            let is_past = past.contains(pod);
            let others = |address: &&IpAddr| newer.contains(*address) || (is_past && taken.contains(*address));
            for address in endpoint.addresses.iter().filter(|address| !others(address)) {
                let policies = endpoint.exits.keys().chain(more.into_iter().flatten());
                captured.extend(policies.map(|policy| (*address, policy.as_str())));
                for (policy, exit) in &endpoint.exits {
                    let family = Family::of(*address);
                    let number = exit.candidates().find_map(|id| *numbers.get(id)?.get(&family)?);
                    exits.entry(policy).or_default().extend(number.map(|number| (*address, number)));
                }
            }
        }
        self.exits = exits
            .into_iter()
            .filter(|(policy, _)| known(policy))
            .map(|(policy, rows)| (policy.to_owned(), agreed(rows)))
            .filter(|(_, exits)| !exits.is_empty())
            .collect();
        captured.retain(|(_, policy)| known(policy));
        captured.sort_unstable();
        captured.dedup();
        self.classes(wanted, &captured);
    }

    /// By which numbers packets of each family can leave, by gateway.
    fn numbers<'a>(&self, share: &'a Share, marks: &Marks) -> BTreeMap<&'a GatewayId, BTreeMap<Family, Option<u32>>> {
        let number = |id: &GatewayId, family| {
            marks.number(id).filter(|number| self.gateways.get(number).is_some_and(|gate| gate.carries(family, share)))
        };
        let both = |id| [Family::V4, Family::V6].map(|family| (family, number(id, family))).into();
        share.gateways.keys().map(|id| (id, both(id))).collect()
    }

    /// `captured`: in order, none twice.
    fn classes(&mut self, wanted: &Wanted, captured: &[(IpAddr, &str)]) {
        self.policies = numbers("egress-policy", wanted.policies.keys().map(|name| vec![name.as_str()]))
            .into_iter()
            .zip(wanted.policies.keys())
            .map(|(number, name)| (name.clone(), number))
            .collect();
        let pods = || captured.chunk_by(|(one, _), (other, _)| one == other);
        let mut sets: BTreeSet<Vec<&str>> = BTreeSet::new();
        let mut names: Vec<&str> = Vec::new();
        for pod in pods() {
            names.clear();
            names.extend(pod.iter().map(|(_, policy)| *policy));
            if !sets.contains(&names) {
                sets.insert(names.clone());
            }
        }
        let numbered: BTreeMap<&Vec<&str>, u32> =
            sets.iter().zip(numbers("egress-class", sets.iter().cloned())).collect();
        let never: Vec<IpNet> = NEVER.iter().filter_map(|text| text.parse().ok()).collect();
        let spared: Vec<IpNet> = wanted.cluster.iter().copied().chain(never).collect();
        for (names, number) in &numbered {
            let claims: Vec<Claim<'_>> = wanted
                .policies
                .iter()
                .filter(|(name, _)| names.contains(&name.as_str()))
                .map(|(name, policy)| Claim {
                    policy: name,
                    priority: policy.priority,
                    destinations: &policy.destinations,
                    excluded: &policy.excluded,
                })
                .collect();
            let intervals = flatten(&claims, &spared).into_iter();
            let intervals =
                intervals.map(|one| Range { first: one.first, last: one.last, policy: one.policy.to_owned() });
            let policies = names.iter().map(|name| (*name).to_owned()).collect();
            self.classes.insert(*number, Class { policies, intervals: intervals.collect() });
        }
        let mut endpoints = Vec::new();
        for pod in pods() {
            names.clear();
            names.extend(pod.iter().map(|(_, policy)| *policy));
            endpoints.extend(pod.first().zip(numbered.get(&names)).map(|((address, _), number)| (*address, *number)));
        }
        self.endpoints = endpoints.into_iter().collect();
    }
}

impl Settings {
    /// The routing table of the gateway with this number.
    pub fn table(&self, number: u32) -> u32 {
        self.tables.first().saturating_add(number)
    }

    pub fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| Family::of(*address) == family)
    }

    /// Of the packets that carry the tunnels'.
    pub fn underlay(&self) -> Option<IpAddr> {
        self.addresses.first().copied()
    }
}

impl Gate {
    /// Whether packets of this family can leave there, as far as this node knows.
    fn carries(&self, family: Family, share: &Share) -> bool {
        match &self.kind {
            GateKind::Own(out) => out.contains_key(&family),
            GateKind::Remote(peer) => {
                let way = share.gateways.get(&self.id).map(|gateway| &gateway.way);
                let without =
                    matches!(way, Some(Way::Addresses { .. }) if way.and_then(|way| way.address(family)).is_none());
                !without && peer.source.contains_key(&family)
            }
        }
    }
}

/// An address that two pods have leaves nowhere unless both leave by the same gateway.
fn agreed(mut rows: Vec<(IpAddr, u32)>) -> BTreeMap<IpAddr, u32> {
    rows.sort_unstable();
    rows.dedup();
    let each = rows.chunk_by(|(one, _), (other, _)| one == other);
    each.filter_map(|rows| if let [row] = rows { Some(*row) } else { None }).collect()
}

/// Numbers derived from names, so that they stay when others come and go. Those that meet are pushed apart, in the order of the names.
fn numbers<'a>(role: &str, names: impl Iterator<Item = Vec<&'a str>>) -> Vec<u32> {
    let mut taken = BTreeSet::new();
    let number = |names: Vec<&str>| {
        let fields: Vec<&str> = std::iter::once(role).chain(names).collect();
        let [a, b, c, d, ..] = hash::number(&fields).to_be_bytes();
        let mut number = u32::from_be_bytes([a, b, c, d]).max(1);
        while !taken.insert(number) {
            number = number.wrapping_add(1).max(1);
        }
        number
    };
    names.map(number).collect()
}
