//! What egress needs of routing netlink: VXLAN devices, their neighbours and forwarding entries, routes in tables of ours, rules by
//! mark, and addresses that we put on links of others. What is there, and changes to it; which changes, somebody else computes.
//!
//! Ours are: devices whose names begin as ours do and that are VXLAN, everything on them, routes and rules with our protocol number,
//! addresses with our protocol number.

mod devices;
mod entries;
mod rows;

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Instant,
};

use ipnet::IpNet;
use nicety_core::address::{Family, Mac};
use rustix::io::Errno;

use crate::{
    conversation::{Conversation, ConversationError, Request},
    refusal::Refusal,
};

/// On routes, rules and addresses of egress: `ip route show table all proto 111`. Another than that of the routes between nodes,
/// which are reconciled by somebody else.
pub const PROTOCOL: u8 = 111;

/// Before rules that send pods' packets elsewhere by their source (512 to 1536 in clouds' own CNIs), after the local table (0, or 100
/// where Cilium moves it).
pub const RULE_PRIORITY: u32 = 111;

/// What the kernel has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    pub links: Vec<Link>,
    pub addresses: Vec<Address>,
    pub routes: Vec<Route>,
    /// Ours.
    pub rules: Vec<Rule>,
    /// Those of others that look at marks.
    pub others: Vec<OthersRule>,
    /// On VXLAN devices.
    pub neighbors: Vec<Neighbor>,
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub index: u32,
    pub name: String,
    pub up: bool,
    pub loopback: bool,
    pub mtu: u32,
    pub mac: Option<Mac>,
    pub group: u32,
    pub vxlan: Option<Vxlan>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vxlan {
    pub vni: u32,
    pub port: u16,
    pub local: Option<IpAddr>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub link: u32,
    pub net: IpNet,
    pub ours: bool,
}

/// Unicast, or `unreachable` where there is no link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    pub table: u32,
    pub to: IpNet,
    /// Of either family.
    pub via: Option<IpAddr>,
    pub link: Option<u32>,
    pub metric: u32,
    /// What packets of the host itself leave with.
    pub source: Option<IpAddr>,
    pub protocol: u8,
}

/// `fwmark MARK/MASK lookup TABLE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    pub family: Family,
    pub mark: u32,
    pub mask: u32,
    pub table: u32,
}

/// `PRIORITY: fwmark MARK/MASK` of somebody else. Without a mask that is the whole mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OthersRule {
    pub family: Family,
    pub priority: u32,
    pub mark: u32,
    pub mask: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbor {
    pub link: u32,
    pub to: Ipv6Addr,
    pub mac: Mac,
}

/// Where frames for a hardware address go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub link: u32,
    pub mac: Mac,
    pub remote: IpAddr,
    /// None: that of the device.
    pub vni: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A VXLAN device that learns nothing, up.
    AddDevice {
        name: String,
        vxlan: Vxlan,
        mac: Mac,
        mtu: u32,
        group: u32,
    },
    DeleteLink {
        index: u32,
    },
    SetUp {
        index: u32,
        mtu: u32,
    },
    PutNeighbor(Neighbor),
    DeleteNeighbor(Neighbor),
    PutEntry(Entry),
    DeleteEntry(Entry),
    PutRoute(Route),
    DeleteRoute(Route),
    AddRule(Rule),
    DeleteRule(Rule),
    /// For one host, of our protocol.
    AddAddress {
        link: u32,
        address: IpAddr,
    },
    DeleteAddress {
        link: u32,
        net: IpNet,
    },
}

/// One look at all of it.
pub fn read(deadline: Instant) -> Result<Seen, ConversationError> {
    let mut host = Conversation::open()?;
    let links = devices::all(&mut host, deadline)?;
    let tunnels: Vec<u32> = links.iter().filter(|link| link.vxlan.is_some()).map(|link| link.index).collect();
    let (rules, others) = rows::rules(&mut host, deadline)?;
    Ok(Seen {
        addresses: entries::addresses(&mut host, deadline)?,
        routes: rows::routes(&mut host, deadline)?,
        rules,
        others,
        neighbors: if tunnels.is_empty() { Vec::new() } else { entries::neighbors(&mut host, &tunnels, deadline)? },
        entries: if tunnels.is_empty() { Vec::new() } else { entries::entries(&mut host, &tunnels, deadline)? },
        links,
    })
}

/// Links alone: what came of `AddDevice`.
pub fn links(deadline: Instant) -> Result<Vec<Link>, ConversationError> {
    devices::all(&mut Conversation::open()?, deadline)
}

/// In their order. A refusal stops none of the others; it comes back with the place of its act. What is there already, or gone
/// already, is as wanted.
pub fn apply(acts: &[Act], deadline: Instant) -> Result<Vec<(usize, Refusal)>, ConversationError> {
    if acts.is_empty() {
        return Ok(Vec::new());
    }
    let requests: Vec<Request> = acts.iter().map(request).collect();
    let answers = Conversation::open()?.batch(&requests, deadline)?;
    let serious = |(at, refusal): &(usize, Refusal)| match acts.get(*at) {
        Some(Act::AddRule(_) | Act::AddAddress { .. }) => refusal.errno != Errno::EXIST,
        Some(
            Act::DeleteRule(_)
            | Act::DeleteRoute(_)
            | Act::DeleteNeighbor(_)
            | Act::DeleteEntry(_)
            | Act::DeleteAddress { .. }
            | Act::DeleteLink { .. },
        ) => !matches!(refusal.errno, Errno::NOENT | Errno::SRCH | Errno::NODEV | Errno::ADDRNOTAVAIL),
        _ => true,
    };
    Ok(answers.refused.into_iter().filter(serious).collect())
}

fn request(act: &Act) -> Request {
    match act {
        Act::AddDevice { name, vxlan, mac, mtu, group } => devices::add(name, *vxlan, *mac, *mtu, *group),
        Act::DeleteLink { index } => devices::delete(*index),
        Act::SetUp { index, mtu } => devices::set_up(*index, *mtu),
        Act::PutNeighbor(one) => entries::put_neighbor(*one),
        Act::DeleteNeighbor(one) => entries::delete_neighbor(*one),
        Act::PutEntry(one) => entries::put_entry(*one),
        Act::DeleteEntry(one) => entries::delete_entry(*one),
        Act::PutRoute(route) => rows::put_route(route),
        Act::DeleteRoute(route) => rows::delete_route(route),
        Act::AddRule(rule) => rows::add_rule(*rule),
        Act::DeleteRule(rule) => rows::delete_rule(*rule),
        Act::AddAddress { link, address } => entries::add_address(*link, *address),
        Act::DeleteAddress { link, net } => entries::delete_address(*link, *net),
    }
}
