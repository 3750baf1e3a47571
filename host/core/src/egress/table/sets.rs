//! The sets and maps, and what stands in them.

use std::{collections::BTreeMap, net::IpAddr};

use super::{
    Key, Set, Shape, Type, Value, octets,
    rules::{class_chain, drop_chain, exit_chain},
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

pub fn endpoints(family: Family) -> String {
    format!("endpoints{}", suffix(family))
}

pub fn classes(family: Family) -> String {
    format!("classes{}", suffix(family))
}

pub fn destinations(family: Family, class: u32) -> String {
    format!("to{}-{class:08x}", suffix(family))
}

pub fn exits(family: Family) -> String {
    format!("exits{}", suffix(family))
}

pub fn leave(family: Family) -> String {
    format!("leave{}", suffix(family))
}

/// What may go over the tunnel, and what may leave the node: mark and source.
pub fn right(family: Family, place: &str) -> String {
    format!("{place}{}", suffix(family))
}

pub fn nodes(family: Family) -> String {
    format!("nodes{}", suffix(family))
}

pub const GATES: &str = "gates";
pub const DROPS: &str = "drops";
pub const MINE: &str = "mine";
pub const ARRIVALS: &str = "arrivals";
pub const TUNNEL: &str = "tunnel";
pub const DIRECT: &str = "direct";

pub fn sets(settings: &Settings, program: &Program) -> BTreeMap<String, Set> {
    let mask = settings.mask;
    let mut sets = BTreeMap::new();
    let mut put = |name: String, key, value, interval, elements: BTreeMap<Key, Value>| {
        sets.insert(name, Set { shape: Shape { key, value, interval }, elements });
    };
    let marked = || program.gateways.iter().map(|(number, gate)| (mask.mark(*number), *number, gate));
    let own = || marked().filter(|(_, _, gate)| matches!(gate.kind, GateKind::Own(_)));

    let gates = marked().map(|(mark, number, _)| (Key::number(mark), Value::Goto(exit_chain(number))));
    put(GATES.to_owned(), Type::Mark, Some(Type::Verdict), false, gates.collect());
    let drops = program.policies.iter().map(|(name, id)| (Key::number(*id), Value::Goto(drop_chain(name))));
    put(DROPS.to_owned(), Type::Mark, Some(Type::Verdict), false, drops.collect());
    put(MINE.to_owned(), Type::Mark, None, false, own().map(|(mark, ..)| (Key::number(mark), Value::None)).collect());
    let arrivals = own().map(|(mark, _, gate)| (link(&way_link(gate.vni)), Value::number(mark)));
    put(ARRIVALS.to_owned(), Type::Ifname, Some(Type::Mark), false, arrivals.collect());

    for family in [Family::V4, Family::V6] {
        let here = |address: &IpAddr| Family::of(*address) == family;
        let address = address_type(family);
        let joined = if family == Family::V4 { Type::MarkAndV4 } else { Type::MarkAndV6 };

        let all = program.endpoints.iter().filter(|(pod, _)| here(pod));
        let all = all.map(|(pod, class)| (Key::address(*pod), Value::number(*class)));
        put(endpoints(family), address, Some(Type::Mark), false, all.collect());
        let leads = program.classes.keys().map(|class| (Key::number(*class), Value::Goto(class_chain(family, *class))));
        put(classes(family), Type::Mark, Some(Type::Verdict), false, leads.collect());
        for (number, class) in &program.classes {
            put(destinations(family, *number), address, Some(Type::Mark), true, intervals(family, program, class));
        }
        let each = program.exits.iter().filter_map(|(policy, exits)| Some((program.policies.get(policy)?, exits)));
        let each = each.flat_map(|(id, exits)| exits.iter().map(move |(pod, number)| (id, pod, number)));
        let each = each.filter(|(_, pod, _)| here(pod)).map(|(id, pod, number)| {
            (Key::of([id.to_ne_bytes().as_slice(), &octets(*pod)].concat()), Value::number(mask.mark(*number)))
        });
        put(exits(family), joined, Some(Type::Mark), false, each.collect());

        let sources = || {
            marked().filter_map(|(mark, _, gate)| match &gate.kind {
                GateKind::Remote(peer) => Some((mark, TUNNEL, *peer.source.get(&family)?)),
                GateKind::Own(out) => Some((mark, DIRECT, out.get(&family)?.address)),
            })
        };
        let leaves = sources().map(|(mark, _, from)| (Key::number(mark), Value::Bytes(octets(from))));
        put(leave(family), Type::Mark, Some(address), false, leaves.collect());
        for place in [TUNNEL, DIRECT] {
            let pairs = sources().filter(|(_, where_to, _)| *where_to == place);
            let pairs = pairs
                .map(|(mark, _, from)| (Key::of([mark.to_ne_bytes().as_slice(), &octets(from)].concat()), Value::None));
            put(right(family, place), joined, None, false, pairs.collect());
        }
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

/// A name fills sixteen bytes.
fn link(name: &str) -> Key {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(16, 0);
    Key::of(bytes)
}

/// Where one begins as the one before ends, the kernel wants both.
fn intervals(family: Family, program: &Program, class: &Class) -> BTreeMap<Key, Value> {
    let mut elements = BTreeMap::new();
    for range in class.intervals.iter().filter(|range| Family::of(range.first) == family) {
        let Some(policy) = program.policies.get(&range.policy) else { continue };
        elements.insert(Key::address(range.first), Value::number(*policy));
        // What reaches the last address has no end.
        let after = number(range.last).checked_add(1).and_then(|after| family.address(after));
        elements.extend(after.map(|after| (Key { bytes: octets(after), ends: true }, Value::None)));
    }
    elements
}
