//! What the assignment of one network's blocks sees, and what it yields.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;

use super::{Scheme, Segment};
use crate::ids::{IfName, NetworkName, NodeName};

/// A NIC that carries the network; of a network without NICs, a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    pub node: NodeName,
    pub interface: Option<IfName>,
    /// Place among the node's NICs in the order in which the network prefers them.
    pub rank: usize,
    /// Where it may stand, best first.
    pub segments: Vec<Segment>,
    /// Of the NIC; without NIC, those by which other nodes reach this one.
    pub addresses: Vec<IpNet>,
}

/// A node that exists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    pub interfaces: Interfaces,
    /// Names of the blocks that its daemon no longer hands out from and has no lease in.
    pub released: BTreeSet<String>,
}

/// What is known of a node's NICs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Interfaces {
    /// Nobody speaks for the node: it has no HostInterface.
    #[default]
    Silent,
    /// Its HostInterface names none. A discovery that found nothing is taken for a broken one.
    Empty,
    Named,
}

/// An IPBlock that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub name: String,
    pub node: NodeName,
    pub interface: Option<IfName>,
    pub interface_index: u32,
    pub host_index: u32,
    /// None: written by someone who did not say; that of the NIC then.
    pub segment: Option<Segment>,
    pub via: Vec<IpAddr>,
    /// Addresses inside that are nodes' own.
    pub reserved: Vec<IpAddr>,
    /// Has the finalizer that keeps a deleted block until its daemon has let go of it.
    pub guarded: bool,
    /// When it was made, in seconds: of two that claim the same, the older stays.
    pub born: i64,
    pub state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Standing,
    /// Deleted, and kept by its finalizer.
    Leaving,
}

/// The difference between what is and what should be, and what is to be said of it. All lists are in canonical order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub create: Vec<NewBlock>,
    pub update: Vec<Update>,
    pub delete: Vec<Change>,
    /// Blocks whose finalizer comes off.
    pub release: Vec<Change>,
    /// Blocks that are on their way out and that nobody may release yet, by node.
    pub waiting: BTreeMap<NodeName, usize>,
    pub segments: Vec<SegmentResult>,
    /// NICs that get no block, and why.
    pub shortages: Vec<Shortage>,
    /// NICs that have a block, those in `create` included.
    pub served: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewBlock {
    pub network: NetworkName,
    pub node: NodeName,
    pub interface: Option<IfName>,
    pub interface_index: u32,
    pub host_index: u32,
    pub segment: Segment,
    pub via: Vec<IpAddr>,
    pub reserved: Vec<IpAddr>,
}

/// The parts of a block that follow its NIC. Written with the finalizer, for a block that lacks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    pub name: String,
    pub via: Vec<IpAddr>,
    pub reserved: Vec<IpAddr>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub name: String,
    pub node: NodeName,
    pub reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// To be asked of the server once more: watches of different kinds do not run in step.
    NodeGone,
    /// To be done only when it stays so for a while: NICs flap.
    NicGone,
    /// As `NicGone`: the node has no HostInterface, so nobody will ever say that the block is released.
    NodeSilent,
    NetworkGone,
    /// The NIC, or the two indexes, are another block's, which is older.
    Twice,
    /// The NIC stands in another segment now.
    Moved,
    /// The indexes are past the network's bits, or excluded, or its interface index is another segment's.
    Misplaced,
    /// The node's daemon said so.
    Released,
}

/// Everything that one network's assignment depends on. The order of the lists does not matter.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub scheme: &'a Scheme,
    pub nodes: &'a BTreeMap<NodeName, Node>,
    pub claimants: &'a [Claimant],
    pub blocks: &'a [Block],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentResult {
    pub segment: Segment,
    pub interface_index: u32,
    /// Blocks given.
    pub hosts: usize,
    /// Blocks left.
    pub free: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortage {
    pub node: NodeName,
    pub interface: Option<IfName>,
    pub segment: Segment,
    pub message: String,
}

impl NewBlock {
    /// `NETWORK-INTERFACEINDEX-HOSTINDEX`: making an object of this name is the claim.
    pub fn name(&self) -> String {
        name(&self.network, self.interface_index, self.host_index)
    }

    /// As it stands once it is made. `born`: seconds since the epoch.
    pub fn standing(&self, born: i64) -> Block {
        let NewBlock { network: _, node, interface, interface_index, host_index, segment, via, reserved } =
            self.clone();
        Block {
            name: self.name(),
            node,
            interface,
            interface_index,
            host_index,
            segment: Some(segment),
            via,
            reserved,
            guarded: true,
            born,
            state: State::Standing,
        }
    }
}

pub fn name(network: &NetworkName, interface_index: u32, host_index: u32) -> String {
    format!("{network}-{interface_index}-{host_index}")
}

impl Plan {
    /// True when there is nothing to write. What waits or is short is no work.
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.update.is_empty() && self.delete.is_empty() && self.release.is_empty()
    }
}
