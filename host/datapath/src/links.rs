//! Devices, neighbours, routes and rules: what a program wants, and the difference to what is there. Pure.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use ipnet::IpNet;
use nicety_core::{
    address::{Family, Mac},
    egress::{
        program::{GateKind, Program, Settings, mac},
        table::{LINK_PREFIX, RETURN_LINK, link_group, way_link},
    },
};
use nicety_kernel::tunnels::{Act, Address, Entry, Link, Neighbor, PROTOCOL, Route, Rule, Seen, Vxlan};

const METRIC: u32 = 100;
/// Where the device is gone, packets stop: they must not fall through to the main table.
const METRIC_OF_NOTHING: u32 = 1000;

/// On each of our devices, for this node alone: a device without an address lets no packet pass where the host checks sources, however
/// loosely. Of the link's scope, so that nothing is ever sent from it.
const STANDS_IN: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 111, 1));

/// Ethernet, outer IP, UDP and VXLAN headers, by the outer family.
const OVERHEAD_V4: u32 = 50;
const OVERHEAD_V6: u32 = 70;
/// IPv6 needs as much.
const LEAST_MTU: u32 = 1280;

/// A device of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    pub name: String,
    pub vxlan: Vxlan,
    pub mac: Mac,
    pub mtu: u32,
    pub group: u32,
}

pub fn devices(settings: &Settings, program: &Program, seen: &Seen) -> Vec<Device> {
    let Some(underlay) = settings.underlay() else { return Vec::new() };
    if program.gateways.is_empty() && program.senders.is_empty() {
        return Vec::new();
    }
    let holds = seen.addresses.iter().find(|row| row.net.addr() == underlay);
    let below = holds.and_then(|row| seen.links.iter().find(|link| link.index == row.link));
    let overhead = if underlay.is_ipv4() { OVERHEAD_V4 } else { OVERHEAD_V6 };
    let mtu = below.map_or(1500, |link| link.mtu.min(u32::from(u16::MAX))).saturating_sub(overhead).max(LEAST_MTU);
    let device = |name: String, vni: u32, mac: Mac| {
        let vxlan = Vxlan { vni, port: settings.port, local: Some(underlay) };
        Device { name, vxlan, mac, mtu, group: link_group(vni) }
    };
    let own = program.gateways.values().filter(|gate| matches!(gate.kind, GateKind::Own(_)));
    let own = own.map(|gate| device(way_link(gate.vni), gate.vni, mac(gate.id.as_str())));
    // Number 0 is nobody's way: by it come answers.
    std::iter::once(device(RETURN_LINK.to_owned(), 0, mac(settings.node.as_str()))).chain(own).collect()
}

/// First those that are gone or are not as they should be, then those that come.
pub fn device_acts(wanted: &[Device], seen: &[Link]) -> Vec<Act> {
    let ours = |link: &&Link| link.vxlan.is_some() && link.name.starts_with(LINK_PREFIX);
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    let same = |link: &Link, device: &Device| {
        link.name == device.name
            && link.vxlan == Some(device.vxlan)
            && link.mac == Some(device.mac)
            && link.group == device.group
    };
    for link in seen.iter().filter(ours) {
        match wanted.iter().find(|device| same(link, device)) {
            None => gone.push(Act::DeleteLink { index: link.index }),
            Some(device) if !link.up || link.mtu != device.mtu => {
                come.push(Act::SetUp { index: link.index, mtu: device.mtu });
            }
            Some(_) => {}
        }
    }
    for device in wanted.iter().filter(|device| !seen.iter().any(|link| same(link, device))) {
        let Device { name, vxlan, mac, mtu, group } = device.clone();
        come.push(Act::AddDevice { name, vxlan, mac, mtu, group });
    }
    gone.into_iter().chain(come).collect()
}

/// What is to be there, in the kernel's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub neighbors: BTreeSet<Neighbor>,
    pub entries: BTreeSet<Entry>,
    pub routes: BTreeSet<Route>,
    pub rules: BTreeSet<Rule>,
}

/// `links`: with the devices in place. What hangs on a device or an interface that is not there is left out.
pub fn wanted(settings: &Settings, program: &Program, links: &[Link]) -> Wanted {
    let mut wanted = Wanted::default();
    let index = |name: &str| links.iter().find(|link| link.name == name).map(|link| link.index);
    let tunnel = index(RETURN_LINK);
    let mask = settings.mask;
    let mut rule = |number: u32, family: Family| {
        wanted.rules.insert(Rule { family, mark: mask.mark(number), mask: mask.bits(), table: settings.table(number) });
    };
    let mut routes = BTreeSet::new();
    let mut route = |number: u32, to: IpNet, via: Option<IpAddr>, link: Option<u32>, metric: u32| {
        let table = settings.table(number);
        routes.insert(Route { table, to, via, link, metric, source: None, protocol: PROTOCOL });
    };
    for (number, gate) in &program.gateways {
        match &gate.kind {
            GateKind::Remote(peer) => {
                for family in [Family::V4, Family::V6] {
                    rule(*number, family);
                    if let Some(tunnel) = tunnel {
                        route(*number, everything(family), Some(IpAddr::V6(peer.hop)), Some(tunnel), METRIC);
                    }
                    route(*number, everything(family), None, None, METRIC_OF_NOTHING);
                }
                if let Some(link) = tunnel {
                    wanted.neighbors.insert(Neighbor { link, to: peer.hop, mac: peer.mac });
                    wanted.entries.insert(Entry { link, mac: peer.mac, remote: peer.underlay, vni: Some(gate.vni) });
                }
            }
            GateKind::Own(outs) => {
                for (family, out) in outs {
                    let Some(hops) = &out.routes else { continue };
                    rule(*number, *family);
                    for hop in hops {
                        if let Some(link) = index(out.link.as_str()) {
                            route(*number, hop.to, hop.via, Some(link), METRIC);
                        }
                    }
                    route(*number, everything(*family), None, None, METRIC_OF_NOTHING);
                }
            }
        }
    }
    for sender in program.senders.values() {
        let Some(link) = tunnel else { continue };
        wanted.neighbors.insert(Neighbor { link, to: sender.hop, mac: sender.mac });
        wanted.entries.insert(Entry { link, mac: sender.mac, remote: sender.underlay, vni: None });
        for address in &sender.addresses {
            rule(mask.back(), Family::of(*address));
            route(mask.back(), IpNet::from(*address), Some(IpAddr::V6(sender.hop)), Some(link), METRIC);
        }
    }
    wanted.routes = routes;
    wanted
}

/// Those of ours that are on links of others.
pub fn floating(seen: &Seen) -> impl Iterator<Item = &Address> {
    let ours = |link: u32| seen.links.iter().any(|one| one.index == link && one.name.starts_with(LINK_PREFIX));
    seen.addresses.iter().filter(move |row| row.ours && !ours(row.link))
}

/// What is missing comes first, what is too much goes last.
pub fn acts(wanted: &Wanted, seen: &Seen) -> Vec<Act> {
    let ours = |link: u32| {
        seen.links.iter().any(|one| one.index == link && one.vxlan.is_some() && one.name.starts_with(LINK_PREFIX))
    };
    let neighbors: BTreeSet<Neighbor> = seen.neighbors.iter().copied().filter(|one| ours(one.link)).collect();
    let entries: BTreeSet<Entry> = seen.entries.iter().copied().filter(|one| ours(one.link)).collect();
    let routes: BTreeSet<Route> = seen.routes.iter().filter(|route| route.protocol == PROTOCOL).cloned().collect();
    let rules: BTreeSet<Rule> = seen.rules.iter().copied().collect();
    let bare = |link: &&Link| {
        ours(link.index) && !seen.addresses.iter().any(|row| row.link == link.index && row.net.addr() == STANDS_IN)
    };
    let bare = seen.links.iter().filter(bare);
    let mut acts: Vec<Act> = bare.map(|link| Act::AddAddress { link: link.index, address: STANDS_IN }).collect();
    acts.extend(wanted.entries.difference(&entries).map(|one| Act::PutEntry(*one)));
    acts.extend(wanted.neighbors.difference(&neighbors).map(|one| Act::PutNeighbor(*one)));
    acts.extend(wanted.routes.difference(&routes).map(|one| Act::PutRoute(one.clone())));
    acts.extend(wanted.rules.difference(&rules).map(|one| Act::AddRule(*one)));
    acts.extend(rules.difference(&wanted.rules).map(|one| Act::DeleteRule(*one)));
    // A replaced row is gone already; what is of the same place as a wanted one must not go with it.
    let place = |route: &Route| (route.table, route.to, route.metric);
    let kept: BTreeSet<_> = wanted.routes.iter().map(place).collect();
    let stale = routes.difference(&wanted.routes).filter(|route| !kept.contains(&place(route)));
    acts.extend(stale.map(|one| Act::DeleteRoute(one.clone())));
    let named: BTreeSet<_> = wanted.neighbors.iter().map(|one| (one.link, one.to)).collect();
    let stale = neighbors.difference(&wanted.neighbors).filter(|one| !named.contains(&(one.link, one.to)));
    acts.extend(stale.map(|one| Act::DeleteNeighbor(*one)));
    let known: BTreeSet<_> = wanted.entries.iter().map(|one| (one.link, one.mac)).collect();
    let stale = entries.difference(&wanted.entries).filter(|one| !known.contains(&(one.link, one.mac)));
    acts.extend(stale.map(|one| Act::DeleteEntry(*one)));
    acts
}

fn everything(family: Family) -> IpNet {
    match family {
        Family::V4 => IpNet::V4(ipnet::Ipv4Net::default()),
        Family::V6 => IpNet::V6(ipnet::Ipv6Net::default()),
    }
}
