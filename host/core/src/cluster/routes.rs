//! Routes to the pods of other nodes: for each block of another node its next hops, by the NICs of this node. Whole state in, whole
//! state out; `diff` says what is to be done to a table that has some of it. Not a word is said about routes of others.

pub mod acts;
mod diff;

pub use diff::{Change, Owner, Row, diff};

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

use ipnet::IpNet;

use super::segment::Segment;
use crate::{
    address::Family,
    ids::{IfName, NodeName},
};

/// A NIC of this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnNic {
    pub name: IfName,
    pub index: u32,
    pub state: NicState,
    /// With the lengths of their on-link prefixes.
    pub addresses: Vec<IpNet>,
}

/// Whether the kernel takes routes over the NIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NicState {
    Up,
    Down,
}

/// A block of another node, as its IPBlock says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The IPBlock's name.
    pub block: String,
    pub node: NodeName,
    /// Where the block's NIC is. `Whole`: a network without NICs, or nobody said.
    pub segment: Segment,
    /// Addresses of the block's NIC, at most one per family.
    pub via: Vec<IpAddr>,
    /// The block itself, per family.
    pub nets: Vec<IpNet>,
}

/// By which neighbour, over which of our links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    pub link: u32,
    pub via: IpAddr,
}

/// Destination to next hops; several share the traffic.
pub type Routes = BTreeMap<IpNet, BTreeSet<Hop>>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub routes: Routes,
    pub missing: Vec<Missing>,
}

/// A block that cannot be reached, and why. The other routes do not suffer from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    pub to: IpNet,
    pub node: NodeName,
    pub block: String,
    pub why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The block names no address of this family.
    NoNextHop,
    /// No NIC of ours is on the link of the next hop.
    NoLink { via: IpAddr, segment: Segment },
    /// The only NICs there are down.
    Down { via: IpAddr, links: Vec<IfName> },
    /// The next hop is an address of this very node.
    OwnAddress { via: IpAddr },
    /// Another block has the same destination.
    Claimed { by: String },
    /// A route of another program is in its place.
    Taken { protocol: u8 },
    /// The kernel's own words.
    Refused { by: String },
}

/// What the blocks of other nodes ask of this node's routes. `remotes` must not hold blocks of this node.
pub fn wanted(own: &[OwnNic], remotes: &[Remote]) -> Wanted {
    let mut wanted = Wanted::default();
    let mut claimed: BTreeMap<IpNet, &str> = BTreeMap::new();
    for remote in remotes {
        for to in &remote.nets {
            let hops = match claimed.insert(*to, &remote.block) {
                None => hops(own, remote, Family::of(to.addr())),
                Some(first) => {
                    claimed.insert(*to, first);
                    Err(Why::Claimed { by: first.to_owned() })
                }
            };
            match hops {
                Ok(hops) => {
                    wanted.routes.insert(*to, hops);
                }
                Err(why) => wanted.missing.push(remote.missing(*to, why)),
            }
        }
    }
    wanted
}

/// Over every NIC that is in the block's segment and on the link of its next hop. Never empty.
fn hops(own: &[OwnNic], remote: &Remote, family: Family) -> Result<BTreeSet<Hop>, Why> {
    let via = remote.via.iter().copied().find(|via| Family::of(*via) == family).ok_or(Why::NoNextHop)?;
    if own.iter().flat_map(|nic| &nic.addresses).any(|address| address.addr() == via) {
        return Err(Why::OwnAddress { via });
    }
    let near: Vec<&OwnNic> = own.iter().filter(|nic| nic.reaches(via)).collect();
    let within: Vec<&OwnNic> = near.iter().copied().filter(|nic| nic.is_in(&remote.segment)).collect();
    // A link-local next hop is on every link, so that only its segment tells which. Any other has told by being on the link.
    let fitting = if within.is_empty() && !is_link_local(via) { near } else { within };
    if fitting.is_empty() {
        return Err(Why::NoLink { via, segment: remote.segment.clone() });
    }
    let up = fitting.iter().filter(|nic| nic.state == NicState::Up);
    let hops: BTreeSet<Hop> = up.map(|nic| Hop { link: nic.index, via }).collect();
    match hops.is_empty() {
        true => Err(Why::Down { via, links: fitting.iter().map(|nic| nic.name.clone()).collect() }),
        false => Ok(hops),
    }
}

impl OwnNic {
    fn reaches(&self, via: IpAddr) -> bool {
        let on_link = |address: &IpNet| address.contains(&via) && address.prefix_len() < address.max_prefix_len();
        is_link_local(via) || self.addresses.iter().any(on_link)
    }

    fn is_in(&self, segment: &Segment) -> bool {
        match segment {
            Segment::Net(net) => self.addresses.iter().any(|address| address.trunc() == *net),
            Segment::Interface(name) => self.name == *name,
            Segment::Whole => false,
        }
    }
}

impl Remote {
    fn missing(&self, to: IpNet, why: Why) -> Missing {
        Missing { to, node: self.node.clone(), block: self.block.clone(), why }
    }
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(six) if six.is_unicast_link_local())
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Missing { to, node, block, why } = self;
        write!(f, "no route to `{to}` of node `{node}` (IPBlock `{block}`): {why}")
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::NoNextHop => {
                f.write_str("the block names no next hop of its address family; hint: add it to `spec.via`")
            }
            Why::NoLink { via, segment: Segment::Whole } => {
                write!(f, "no NIC of this node is on the link of `{via}`")
            }
            Why::NoLink { via, segment } => {
                write!(f, "no NIC of this node is on the link of `{via}` in segment `{segment}`")
            }
            Why::Down { via, links } => {
                let links = links.iter().map(IfName::as_str).collect::<Vec<_>>().join("`, `");
                write!(f, "`{links}`, which leads to `{via}`, is down")
            }
            Why::OwnAddress { via } => write!(f, "its next hop `{via}` is an address of this node"),
            Why::Claimed { by } => write!(f, "IPBlock `{by}` has it already"),
            Why::Taken { protocol } => {
                write!(f, "a route of protocol {protocol} is in its place; hint: `ip route show table all` names it")
            }
            Why::Refused { by } => f.write_str(by),
        }
    }
}

#[cfg(test)]
mod tests;
