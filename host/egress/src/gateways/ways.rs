//! The ways out of a group's nodes: an interface, addresses that are there, or addresses that we put there.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use nicety_core::{
    address::Family,
    egress::share::{GatewayId, Way},
    hash,
    ids::NodeName,
};
use nicety_objects::{
    EgressPolicy,
    egress_policy::{EgressHome, EgressSource, GatewayGroup},
    listed::Node,
};

use super::{Before, Member, Role, Why, member};
use crate::view::{View, is_of_link};

pub(super) fn of_group(
    place: usize,
    group: &GatewayGroup,
    policy: &EgressPolicy,
    view: &View,
    before: &Before,
    taken: &mut BTreeMap<IpAddr, NodeName>,
) -> Vec<Member> {
    let nodes: Vec<&Node> =
        view.nodes.values().map(|node| &**node).filter(|node| group.nodes.matches(&node.labels)).collect();
    let with = |node: &Node, way: Way| {
        let id = Arc::new(GatewayId::new(&node.name, &way));
        let carries = carries(node, &way, view);
        Member { gateway: Some((id, way)), carries, ..member(place, group, node, view) }
    };
    match (&group.source, group.home) {
        (EgressSource::DefaultRoute, _) => nodes.into_iter().map(|node| with(node, Way::Default)).collect(),
        (EgressSource::Interface(name), _) => {
            let of_node = |node: &Node| match view.interface(&node.name, name) {
                Some(Err(why)) => Member { role: Role::Standby, why: Some(why), ..member(place, group, node, view) },
                Some(Ok(_)) | None => with(node, Way::Interface(name.clone())),
            };
            nodes.into_iter().map(of_node).collect()
        }
        (EgressSource::Addresses(addresses), EgressHome::Stays) => {
            let of_node = |node: &Node| {
                let ways = held(addresses, node, policy, view);
                if ways.is_empty() {
                    let alone = member(place, group, node, view);
                    return vec![Member { role: Role::Standby, why: Some(Why::AddressMissing), ..alone }];
                }
                let way = |addresses| with(node, Way::Addresses { addresses, floats: false });
                ways.into_iter().map(way).collect()
            };
            nodes.into_iter().flat_map(of_node).collect()
        }
        (EgressSource::Addresses(addresses), EgressHome::Floats) => {
            let role = |node: &Node| member(place, group, node, view).role;
            let (homes, conflict) = floated(addresses, group, &nodes, role, before, taken);
            let of_node = |node: &Node| {
                let own = homes.iter().filter(|(_, home)| *home == node.name);
                let own: Vec<Member> = own
                    .map(|(addresses, _)| with(node, Way::Addresses { addresses: addresses.clone(), floats: true }))
                    .collect();
                if !own.is_empty() {
                    return own;
                }
                let alone = member(place, group, node, view);
                let why = alone.why.or(Some(if conflict { Why::AddressTaken } else { Why::NoneLeft }));
                vec![Member { role: Role::Standby, why, ..alone }]
            };
            nodes.into_iter().flat_map(of_node).collect()
        }
    }
}

/// Of an interface what is published of it; what is not published has the families that the node has.
fn carries(node: &Node, way: &Way, view: &View) -> BTreeSet<Family> {
    let of = |addresses: &mut dyn Iterator<Item = &IpAddr>| addresses.map(|one| Family::of(*one)).collect();
    let published = match way {
        Way::Addresses { addresses, .. } => return of(&mut addresses.iter()),
        Way::Interface(name) => view.interface(&node.name, name).and_then(Result::ok),
        Way::Default => None,
    };
    let families: BTreeSet<Family> = published.unwrap_or_else(|| of(&mut node.addresses.iter()));
    if families.is_empty() { [Family::V4, Family::V6].into() } else { families }
}

/// The i-th of one family with the i-th of the other.
fn pairs(addresses: impl IntoIterator<Item = IpAddr>) -> Vec<BTreeSet<IpAddr>> {
    let (four, six): (Vec<IpAddr>, Vec<IpAddr>) = addresses.into_iter().partition(IpAddr::is_ipv4);
    let count = four.len().max(six.len());
    (0..count).map(|index| four.get(index).into_iter().chain(six.get(index)).copied().collect()).collect()
}

/// What a node holds of a group's addresses, in their order. Where the group names none of a family that the policy's destinations have, the
/// NIC that holds the other lends its own.
fn held(addresses: &[IpAddr], node: &Node, policy: &EgressPolicy, view: &View) -> Vec<BTreeSet<IpAddr>> {
    let there = view.addresses(node);
    let mut ways = pairs(addresses.iter().copied().filter(|address| there.contains(address)));
    for family in [Family::V4, Family::V6] {
        let wanted = policy.destinations.iter().any(|net| Family::of(net.addr()) == family);
        let named = addresses.iter().any(|address| Family::of(*address) == family);
        if !wanted || named {
            continue;
        }
        for way in &mut ways {
            let nics = view.nics_of(&node.name).map(|nic| &nic.addresses);
            let of_way = |nic: &&Vec<IpAddr>| nic.iter().any(|address| way.contains(address));
            let usable = |address: &&IpAddr| Family::of(**address) == family && !is_of_link(**address);
            let lent = nics.filter(of_way).flatten().find(usable).copied();
            way.extend(lent);
        }
    }
    ways
}

/// Where each pair of floating addresses is: where it was while that node lives, and while a pod needs it there if the node drains; else on
/// the node with the fewest. With whether another policy has one of them elsewhere.
fn floated(
    addresses: &[IpAddr],
    group: &GatewayGroup,
    nodes: &[&Node],
    role: impl Fn(&Node) -> Role,
    before: &Before,
    taken: &mut BTreeMap<IpAddr, NodeName>,
) -> (Vec<(BTreeSet<IpAddr>, NodeName)>, bool) {
    let roles: BTreeMap<&NodeName, Role> = nodes.iter().map(|node| (&node.name, role(node))).collect();
    let able: BTreeSet<&NodeName> =
        roles.iter().filter(|(_, role)| **role == Role::Active).map(|(name, _)| *name).collect();
    let pairs = pairs(addresses.iter().copied());
    // One that drains keeps an address for the pods that leave by it; one that is dead loses all to whoever lives.
    let stays = |home: &NodeName, way: &BTreeSet<IpAddr>| match roles.get(home) {
        Some(Role::Active) => true,
        Some(Role::Draining) => able.is_empty() || way.iter().any(|address| before.needed.contains(address)),
        Some(Role::Standby) => able.is_empty(),
        None => false,
    };
    let mut loads: BTreeMap<&NodeName, usize> = BTreeMap::new();
    let mut placed: Vec<Option<NodeName>> = Vec::with_capacity(pairs.len());
    let mut conflict = false;
    // Two addresses of a pair that others have on two nodes are as far out of reach as one on a node that is none of the group's.
    let claims: Vec<BTreeSet<NodeName>> =
        pairs.iter().map(|way| way.iter().filter_map(|address| taken.get(address).cloned()).collect()).collect();
    let is_out = |claims: &BTreeSet<NodeName>| claims.len() > 1 || claims.iter().any(|home| !roles.contains_key(home));
    for (way, claims) in pairs.iter().zip(&claims) {
        if is_out(claims) {
            conflict = true;
            placed.push(None);
            continue;
        }
        let home = match claims.first() {
            Some(home) => Some(home.clone()),
            None => way.iter().find_map(|address| before.homes.get(address).cloned()).filter(|home| stays(home, way)),
        };
        if let Some((name, _)) = home.as_ref().and_then(|home| roles.get_key_value(home)) {
            *loads.entry(name).or_default() += 1;
        }
        placed.push(home);
    }
    for ((way, home), claims) in pairs.iter().zip(&mut placed).zip(&claims) {
        if home.is_some() || is_out(claims) {
            continue;
        }
        let load = |name: &NodeName| loads.get(name).copied().unwrap_or_default();
        let used = loads.values().filter(|load| **load > 0).count();
        let room = |name: &NodeName| load(name) > 0 || group.active.is_none_or(|most| used < most as usize);
        let text: Vec<String> = way.iter().map(IpAddr::to_string).collect();
        let text = text.join("+");
        // Of several with as few, one by a hash: groups of one address each do not all meet on the first node.
        let ranked = able.iter().filter(|name| room(name));
        let ranked = ranked.map(|name| (load(name), hash::number(&["egress-float", &text, name.as_str()]), *name));
        let chosen = ranked.min().map(|(.., name)| name);
        if let Some(name) = chosen {
            *loads.entry(name).or_default() += 1;
            *home = Some(name.clone());
        }
    }
    let homes: Vec<(BTreeSet<IpAddr>, NodeName)> =
        pairs.into_iter().zip(placed).filter_map(|(way, home)| Some((way, home?))).collect();
    for (way, home) in &homes {
        taken.extend(way.iter().map(|address| (*address, home.clone())));
    }
    (homes, conflict)
}
