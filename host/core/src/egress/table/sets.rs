//! The sets and maps, and what stands in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{
    Key, Set, Shape, Type, Value, octets,
    rules::{exit_chain, policy_chain, stay_chain},
    short,
};
use crate::{
    address::{Family, number},
    egress::program::{Class, GateKind, Program, Settings},
};

/// The device by which this node sends to gateways and answers to senders.
pub const RETURN_LINK: &str = "nicety-egress";

/// All links of ours begin like this, and none of others should.
pub const LINK_PREFIX: &str = "nicety-e";

/// The device by which packets for one of this node's ways arrive.
pub fn way_link(vni: u32) -> String {
    format!("{LINK_PREFIX}{:06x}", vni & 0x00ff_ffff)
}

/// Whether a link is one of ours: the upper eight bits of its group.
pub const LINK_GROUPS: u32 = 0xff00_0000;

/// The group of a link of ours, which has the rest from its number. Rules know links by their groups: a group is there from the moment
/// that a link is, and is compared in one step.
pub fn link_group(vni: u32) -> u32 {
    0x4500_0000 | (vni & !LINK_GROUPS)
}

pub fn suffix(family: Family) -> char {
    match family {
        Family::V4 => '4',
        Family::V6 => '6',
    }
}

pub fn address_type(family: Family) -> Type {
    match family {
        Family::V4 => Type::V4,
        Family::V6 => Type::V6,
    }
}

/// All pods that any policy captures.
pub fn captured(family: Family) -> String {
    format!("captured{}", suffix(family))
}

/// The pods of a class.
pub fn pods(family: Family, class: u32) -> String {
    format!("pods{}-{class:08x}", suffix(family))
}

pub fn destinations(family: Family, class: u32) -> String {
    format!("to{}-{class:08x}", suffix(family))
}

/// The pods that leave by this gateway under this policy.
pub fn exits(family: Family, policy: &str, number: u32) -> String {
    format!("exits{}-{number}-{}", suffix(family), short(policy))
}

/// A policy's pods by family and gateway, in their order.
fn exits_of(program: &Program, policy: &str) -> BTreeMap<(Family, u32), Vec<IpAddr>> {
    let mut found: BTreeMap<(Family, u32), Vec<IpAddr>> = BTreeMap::new();
    for (pod, number) in program.exits.get(policy).into_iter().flatten() {
        found.entry((Family::of(*pod), *number)).or_default().push(*pod);
    }
    found
}

/// By which gateways a policy's pods leave.
pub fn gateways_of(program: &Program, policy: &str) -> BTreeSet<(Family, u32)> {
    program.exits.get(policy).into_iter().flatten().map(|(pod, number)| (Family::of(*pod), *number)).collect()
}

pub fn leave(family: Family) -> String {
    format!("leave{}", suffix(family))
}

/// What may leave the node by a way of its own: mark and source.
pub fn direct(family: Family) -> String {
    format!("direct{}", suffix(family))
}

pub fn nodes(family: Family) -> String {
    format!("nodes{}", suffix(family))
}

pub const GATES: &str = "gates";
pub const MINE: &str = "mine";
pub const ARRIVALS: &str = "arrivals";

pub fn sets(settings: &Settings, program: &Program) -> BTreeMap<String, Set> {
    let mask = settings.mask;
    let mut sets = BTreeMap::new();
    let mut put = |name: String, key, value, interval, elements: BTreeMap<Key, Value>| {
        // By gateways, of which there are as many as marks; by pods and destinations without an end.
        let few = matches!(key, Type::Mark | Type::Group | Type::MarkAndV4 | Type::MarkAndV6);
        let most = few.then_some(mask.back() + 1);
        sets.insert(name, Set { shape: Shape { key, value, interval, most }, elements });
    };
    let marked = || program.gateways.iter().map(|(number, gate)| (mask.mark(*number), *number, gate));
    let own = || marked().filter(|(_, _, gate)| matches!(gate.kind, GateKind::Own(_)));

    let gates = marked().map(|(mark, number, _)| (Key::number(mark), Value::Goto(stay_chain(number))));
    put(GATES.to_owned(), Type::Mark, Some(Type::Verdict), false, gates.collect());
    put(MINE.to_owned(), Type::Mark, None, false, own().map(|(mark, ..)| (Key::number(mark), Value::None)).collect());
    let arrivals = own().map(|(_, number, gate)| (Key::number(link_group(gate.vni)), Value::Goto(exit_chain(number))));
    put(ARRIVALS.to_owned(), Type::Group, Some(Type::Verdict), false, arrivals.collect());

    for policy in program.policies.keys() {
        for ((family, number), pods) in exits_of(program, policy) {
            let each = pods.into_iter().map(|pod| (Key::address(pod), Value::None));
            put(exits(family, policy, number), address_type(family), None, false, each.collect());
        }
    }
    for family in [Family::V4, Family::V6] {
        let here = |address: &IpAddr| Family::of(*address) == family;
        let address = address_type(family);
        let joined = if family == Family::V4 { Type::MarkAndV4 } else { Type::MarkAndV6 };

        let all = program.endpoints.keys().filter(|pod| here(pod)).map(|pod| (Key::address(*pod), Value::None));
        put(captured(family), address, None, false, all.collect());
        let mut classes: BTreeMap<u32, BTreeMap<Key, Value>> = BTreeMap::new();
        for (pod, class) in program.endpoints.iter().filter(|(pod, _)| here(pod)) {
            classes.entry(*class).or_default().insert(Key::address(*pod), Value::None);
        }
        for (number, class) in &program.classes {
            put(pods(family, *number), address, None, false, classes.remove(number).unwrap_or_default());
            put(destinations(family, *number), address, Some(Type::Verdict), true, intervals(family, class));
        }

        let leaves = marked().filter_map(|(mark, _, gate)| match &gate.kind {
            GateKind::Remote(peer) => Some((mark, *peer.source.get(&family)?)),
            GateKind::Own(out) => Some((mark, out.get(&family)?.address)),
        });
        let leaves = leaves.map(|(mark, from)| (Key::number(mark), Value::Bytes(octets(from))));
        put(leave(family), Type::Mark, Some(address), false, leaves.collect());
        let pairs = own().filter_map(|(mark, _, gate)| match &gate.kind {
            GateKind::Own(out) => Some((mark, out.get(&family)?.address)),
            GateKind::Remote(_) => None,
        });
        let pairs =
            pairs.map(|(mark, from)| (Key::of(mark.to_ne_bytes().into_iter().chain(octets(from))), Value::None));
        put(direct(family), joined, None, false, pairs.collect());
        let peers = marked().filter_map(|(_, _, gate)| match &gate.kind {
            GateKind::Remote(peer) => Some(peer.underlay),
            GateKind::Own(_) => None,
        });
        let known = peers.chain(program.senders.values().flat_map(|sender| sender.addresses.iter().copied()));
        let known = known.filter(here).map(|address| (Key::address(address), Value::None));
        put(nodes(family), address, None, false, known.collect());
    }
    sets
}

/// The whole of the family: what is of no policy is let pass. Where one begins as the one before ends, the kernel wants both.
fn intervals(family: Family, class: &Class) -> BTreeMap<Key, Value> {
    let mut elements = BTreeMap::new();
    let mut put = |first: u128, value: Value| {
        let Some(address) = family.address(first) else { return };
        elements.insert(Key::address(address), value);
        if first > 0 {
            elements.insert(Key { ends: true, ..Key::address(address) }, Value::None);
        }
    };
    let mut next = Some(0);
    for range in class.intervals.iter().filter(|range| Family::of(range.first) == family) {
        let first = number(range.first);
        if next.is_some_and(|next| next < first) {
            put(next.unwrap_or_default(), Value::Accept);
        }
        put(first, Value::Goto(policy_chain(&range.policy)));
        // What reaches the last address has no end.
        next = Some(number(range.last)).filter(|last| *last < family.max()).map(|last| last + 1);
    }
    if let Some(next) = next {
        put(next, Value::Accept);
    }
    elements
}
