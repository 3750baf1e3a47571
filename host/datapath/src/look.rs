//! Which interface a gateway of this node leaves by, with which address and by which route: found in what the kernel shows. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use nicety_core::{
    address::Family,
    egress::{
        program::{Hop, Out, Settings, Ways},
        share::{GatewayId, Share, Way},
    },
};
use nicety_kernel::tunnels::{Link, PROTOCOL, Route, Seen};

/// The main routing table.
const MAIN: u32 = 254;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub ways: Ways,
    /// Why a way cannot be used, or one of its families.
    pub wrong: BTreeMap<GatewayId, String>,
    /// Addresses that float here, and the link that they are for.
    pub floating: BTreeSet<(u32, IpAddr)>,
}

pub fn find(settings: &Settings, share: &Share, seen: &Seen) -> Found {
    let mut found = Found::default();
    for (id, gateway) in share.gateways.iter().filter(|(_, gateway)| gateway.node == settings.node) {
        let mut wrong = Vec::new();
        let mut outs = BTreeMap::new();
        for (family, wanted) in wanted(&gateway.way) {
            match out(seen, family, wanted) {
                Ok((link, out)) => {
                    if let Wanted::Floating(address) = wanted {
                        found.floating.insert((link, address));
                    }
                    outs.insert(family, out);
                }
                Err(Some(why)) => wrong.push(why),
                // A family that an interface does not have is a family that the way does not have.
                Err(None) => {}
            }
        }
        if outs.is_empty() && wrong.is_empty() {
            wrong.push(format!("`{}` has no address to leave with", gateway.way));
        }
        if !wrong.is_empty() {
            found.wrong.insert(id.clone(), wrong.join("; "));
        }
        found.ways.insert(id.clone(), outs);
    }
    found
}

#[derive(Clone, Copy)]
enum Wanted<'a> {
    Default,
    Interface(&'a str),
    Address(IpAddr),
    Floating(IpAddr),
}

fn wanted(way: &Way) -> Vec<(Family, Wanted<'_>)> {
    let both = |wanted| vec![(Family::V4, wanted), (Family::V6, wanted)];
    match way {
        Way::Default => both(Wanted::Default),
        Way::Interface(name) => both(Wanted::Interface(name.as_str())),
        Way::Addresses { addresses, floats } => {
            let one = |address: IpAddr| if *floats { Wanted::Floating(address) } else { Wanted::Address(address) };
            addresses.iter().map(|address| (Family::of(*address), one(*address))).collect()
        }
    }
}

/// The link's index, and the way out. An error without words: there is nothing of this family.
fn out(seen: &Seen, family: Family, wanted: Wanted<'_>) -> Result<(u32, Out), Option<String>> {
    let default = default_route(seen, family);
    let by_index = |index: u32| seen.links.iter().find(|link| link.index == index);
    let (link, address) = match wanted {
        Wanted::Default => {
            let route = default.ok_or(None)?;
            let link = route.link.and_then(by_index).ok_or(None)?;
            (link, route.source.or_else(|| first_address(seen, link, family)).ok_or(None)?)
        }
        Wanted::Interface(name) => {
            let link = seen.links.iter().find(|link| link.name == name);
            let link = link.ok_or_else(|| Some(format!("this node has no interface `{name}`")))?;
            (link, first_address(seen, link, family).ok_or(None)?)
        }
        Wanted::Address(address) => {
            let row = seen.addresses.iter().find(|row| row.net.addr() == address);
            let link = row.and_then(|row| by_index(row.link));
            (link.ok_or_else(|| Some(format!("no interface of this node has address {address}")))?, address)
        }
        Wanted::Floating(address) => {
            let holds = seen.addresses.iter().find(|row| row.net.addr() == address);
            let near = || seen.addresses.iter().find(|row| row.net.prefix_len() > 0 && row.net.contains(&address));
            let link = holds.or_else(near).map(|row| row.link).or_else(|| default.and_then(|route| route.link));
            let none = || {
                Some(format!("no interface of this node has the subnet of {address}, and there is no default route"))
            };
            (link.and_then(by_index).ok_or_else(none)?, address)
        }
    };
    if !link.up {
        return Err(Some(format!("interface `{}` is down", link.name)));
    }
    let main = link.loopback || default.is_some_and(|route| route.link == Some(link.index));
    let name = link.name.parse().map_err(|_| Some(format!("`{}` is no name of an interface", link.name)))?;
    let routes = (!main).then(|| own_routes(seen, link, family));
    Ok((link.index, Out { link: name, address, routes }))
}

/// That of the main table with the least metric.
fn default_route(seen: &Seen, family: Family) -> Option<&Route> {
    let defaults = seen.routes.iter().filter(|route| {
        route.table == MAIN
            && route.to.prefix_len() == 0
            && route.link.is_some()
            && Family::of(route.to.addr()) == family
    });
    defaults.min_by_key(|route| route.metric)
}

/// The first that people put there: no floating one, and none that stays on the link. The kernel lists those of IPv6 last first.
fn first_address(seen: &Seen, link: &Link, family: Family) -> Option<IpAddr> {
    let global = |address: IpAddr| match address {
        IpAddr::V4(v4) => !v4.is_link_local() && !v4.is_loopback(),
        IpAddr::V6(v6) => !v6.is_unicast_link_local() && !v6.is_loopback(),
    };
    let own = seen.addresses.iter().filter(|row| row.link == link.index && !row.ours);
    let mut global = own.map(|row| row.net.addr()).filter(|address| Family::of(*address) == family && global(*address));
    match family {
        Family::V4 => global.next(),
        Family::V6 => global.next_back(),
    }
}

/// What is on the link, and all else by the gateway that some default route over this link names; by the link itself where none does.
fn own_routes(seen: &Seen, link: &Link, family: Family) -> Vec<Hop> {
    let own = seen.addresses.iter().filter(|row| row.link == link.index && Family::of(row.net.addr()) == family);
    let wide = own.filter(|row| row.net.prefix_len() < family.width());
    let mut routes: Vec<Hop> = wide.map(|row| Hop { to: row.net.trunc(), via: None }).collect();
    let named = seen.routes.iter().find(|route| {
        route.link == Some(link.index)
            && route.protocol != PROTOCOL
            && route.to.prefix_len() == 0
            && Family::of(route.to.addr()) == family
            && route.via.is_some()
    });
    let any = match family {
        Family::V4 => IpAddr::from([0; 4]),
        Family::V6 => IpAddr::from([0; 16]),
    };
    if let Ok(to) = IpNet::new(any, 0) {
        routes.push(Hop { to, via: named.and_then(|route| route.via) });
    }
    routes.retain(|hop| !matches!(hop.to.addr(), IpAddr::V6(v6) if v6.is_unicast_link_local()));
    routes.sort();
    routes.dedup();
    routes
}
