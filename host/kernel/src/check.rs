//! Compares what the records say of a pod's interfaces with what the kernel has (CNI CHECK), and tells which names are taken.

use std::{fmt, net::IpAddr, time::Instant};

use ipnet::IpNet;
use nicety_core::{
    address::Mac,
    ids::IfName,
    plan::{Link, MacvlanMode},
    record::Attached,
};

use crate::{
    addresses,
    conversation::ConversationError,
    links::{self, LinkRow},
    netns::Netns,
    routes::{self, RouteRow},
};

/// One difference between the record of an interface and the kernel. Additions to the pod are not differences: pods may give
/// themselves addresses and routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    pub ifname: IfName,
    pub what: Difference,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    Missing,
    Kind { recorded: String, found: String },
    Master { recorded: u32, found: Option<u32> },
    Mac { recorded: Mac, found: Option<Mac> },
    Mtu { recorded: u32, found: u32 },
    Down,
    Address(IpNet),
    Route { to: IpNet, via: Option<IpAddr> },
}

/// Everything that differs, in the order of the interfaces.
pub fn check(netns: &Netns, interfaces: &[Attached], deadline: Instant) -> Result<Vec<Drift>, ConversationError> {
    let mut pod = netns.conversation();
    let links = links::all(&mut pod, deadline)?;
    let addresses = addresses::all(&mut pod, deadline)?;
    let routes = routes::all(&mut pod, deadline)?;
    let mut drift = Vec::new();
    for interface in interfaces {
        let add = |what| Drift { ifname: interface.ifname.clone(), what };
        match links.iter().find(|row| row.name == interface.ifname.as_str()) {
            None => drift.push(add(Difference::Missing)),
            Some(row) if kind(interface, row).is_some() => drift.extend(kind(interface, row).map(add)),
            Some(row) => {
                drift.extend(link(interface, row).into_iter().map(add));
                drift.extend(addresses_of(interface, row, &addresses).map(add));
                drift.extend(routes_of(interface, row, &routes).map(add));
            }
        }
    }
    Ok(drift)
}

/// Those of the names that interfaces of the pod have.
pub fn exists(netns: &Netns, ifnames: &[IfName], deadline: Instant) -> Result<Vec<IfName>, ConversationError> {
    let names: Vec<&str> = ifnames.iter().map(IfName::as_str).collect();
    let rows = links::by_name(&mut netns.conversation(), &names, deadline)?;
    Ok(ifnames.iter().zip(rows).filter_map(|(name, row)| row.map(|_| name.clone())).collect())
}

/// Another link under the same name; nothing else about it is worth comparing.
fn kind(interface: &Attached, row: &LinkRow) -> Option<Difference> {
    let recorded = match interface.link {
        Link::VethRouted | Link::Bridge => Some("veth".to_owned()),
        Link::Macvlan { .. } | Link::Ipvlan { .. } => Some(interface.link.name().to_owned()),
        // Whatever the NIC is.
        Link::HostDevice => None,
    };
    let kind = row.kind.as_deref().unwrap_or("device");
    let found = row.mode.map_or_else(|| kind.to_owned(), |mode| format!("{kind}/{mode}"));
    recorded.filter(|recorded| *recorded != found).map(|recorded| Difference::Kind { recorded, found })
}

fn link(interface: &Attached, row: &LinkRow) -> Vec<Difference> {
    let mut differences = Vec::new();
    let (has_master, has_own_mac) = match interface.link {
        Link::Macvlan { mode: MacvlanMode::Passthru } | Link::Ipvlan { .. } => (true, false),
        Link::Macvlan { .. } => (true, true),
        Link::VethRouted | Link::Bridge | Link::HostDevice => (false, true),
    };
    if let Some(nic) = interface.nic.as_ref().filter(|nic| has_master && row.parent != Some(nic.index)) {
        differences.push(Difference::Master { recorded: nic.index, found: row.parent });
    }
    if has_own_mac && row.mac != Some(interface.mac) {
        differences.push(Difference::Mac { recorded: interface.mac, found: row.mac });
    }
    if let Some(recorded) = interface.mtu.filter(|mtu| *mtu != row.mtu) {
        differences.push(Difference::Mtu { recorded, found: row.mtu });
    }
    if !row.up {
        differences.push(Difference::Down);
    }
    differences
}

fn addresses_of<'a>(
    interface: &'a Attached,
    row: &LinkRow,
    found: &'a [(u32, IpNet)],
) -> impl Iterator<Item = Difference> + use<'a> {
    let index = row.index;
    interface.addresses.iter().filter(move |a| !found.contains(&(index, **a))).map(|a| Difference::Address(*a))
}

fn routes_of<'a>(
    interface: &'a Attached,
    row: &LinkRow,
    found: &'a [RouteRow],
) -> impl Iterator<Item = Difference> + use<'a> {
    let index = row.index;
    let there = move |route: &nicety_core::plan::Route| {
        found.iter().any(|f| f.links.contains(&index) && f.to == route.to.trunc() && f.via == route.via)
    };
    let missing = interface.routes.iter().filter(move |route| !there(route));
    missing.map(|route| Difference::Route { to: route.to, via: route.via })
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interface `{}` ", self.ifname)?;
        let or_none = |found: Option<String>| found.unwrap_or_else(|| "none".to_owned());
        match &self.what {
            Difference::Missing => f.write_str("is gone from the pod"),
            Difference::Kind { recorded, found } => write!(f, "is `{found}` and was made as `{recorded}`"),
            Difference::Master { recorded, found } => {
                write!(f, "has the master with index {}, not {recorded}", or_none(found.map(|i| i.to_string())))
            }
            Difference::Mac { recorded, found } => {
                write!(f, "has the hardware address `{}`, not `{recorded}`", or_none(found.map(|m| m.to_string())))
            }
            Difference::Mtu { recorded, found } => write!(f, "has MTU {found}, not {recorded}"),
            Difference::Down => f.write_str("is down"),
            Difference::Address(address) => write!(f, "has lost its address `{address}`"),
            Difference::Route { to, via: Some(via) } => write!(f, "has lost its route to `{to}` via `{via}`"),
            Difference::Route { to, via: None } => write!(f, "has lost its route to `{to}`"),
        }
    }
}
