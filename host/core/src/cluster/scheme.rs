//! How a network is cut into blocks, over both of its families at once: a pair of indexes is one block per family, and an index that
//! one family excludes is no index of the other either.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Segment;
use crate::{
    address::Family,
    ids::NetworkName,
    ipam::{BlockError, Pool, Ranges, block, block::last_index, exclude::excluded_blocks, ranges::first_free},
};

/// The geometry of a network whose addresses come in blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    pub network: NetworkName,
    /// At most one per family. Empty: blocks are cut from the segment that a NIC stands in, by `host_bits` alone.
    pub subnets: Vec<IpNet>,
    pub interface_bits: u8,
    pub host_bits: u8,
    pub excludes: Vec<IpNet>,
    /// These segments get their indexes first, in this order, also while nobody stands there.
    pub order: Vec<Segment>,
}

/// Why a segment has no blocks to give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoBlock {
    #[error(transparent)]
    Cut(#[from] BlockError),
    #[error(
        "no interface index is left: `interfaceBlock: {bits}` numbers {} segments; hint: raise `interfaceBlock` or exclude less",
        last_index(*.bits).saturating_add(1)
    )]
    NoInterfaceIndex { bits: u8 },
    #[error("no available host index: `hostBlock: {bits}` numbers {} blocks; hint: raise `hostBlock` or exclude less", last_index(*.bits).saturating_add(1))]
    NoHostIndex { bits: u8 },
    #[error(
        "`hostBlock: 0` gives the whole of segment `{segment}` to one NIC, and another one has it; hint: raise `hostBlock`"
    )]
    WholeTaken { segment: Segment },
    #[error(
        "the NIC has no address, and a network without subnets is cut from the network that its NIC has; hint: name `subnets`"
    )]
    NoSegmentNet,
    #[error("blocks of `{net}` by `hostBlock: {bits}` hold one address each; hint: lower `hostBlock`")]
    OneAddress { net: IpNet, bits: u8 },
}

impl Scheme {
    /// Indexes of segments that excludes take away.
    pub fn excluded_interfaces(&self) -> Result<Vec<Ranges>, BlockError> {
        self.subnets.iter().map(|subnet| excluded_blocks(*subnet, self.interface_bits, &self.excludes)).collect()
    }

    pub fn last_interface(&self) -> u128 {
        let last = if self.subnets.is_empty() { u128::MAX } else { last_index(self.interface_bits) };
        last.min(u128::from(u32::MAX))
    }

    pub fn last_host(&self) -> u128 {
        last_index(self.host_bits).min(u128::from(u32::MAX))
    }

    /// The interface block of a segment, per family.
    pub fn around(&self, segment: &Segment, interface: u32) -> Result<Vec<IpNet>, NoBlock> {
        if !self.subnets.is_empty() {
            let cut = |subnet: &IpNet| block(*subnet, u128::from(interface), self.interface_bits);
            return Ok(self.subnets.iter().map(cut).collect::<Result<_, _>>()?);
        }
        let Segment::Net(net) = segment else { return Err(NoBlock::NoSegmentNet) };
        let length = net.prefix_len().saturating_add(self.host_bits);
        if length == net.max_prefix_len() {
            return Err(NoBlock::OneAddress { net: *net, bits: self.host_bits });
        }
        // Refuses what is longer still.
        block(*net, 0, self.host_bits)?;
        Ok(vec![*net])
    }

    /// Whether each family of the block holds an address to hand out, beside these that nodes have themselves.
    pub fn usable(&self, around: &[IpNet], host: u32, reserved: &[IpAddr]) -> bool {
        let usable = |around: &IpNet| {
            let Ok(cut) = block(*around, u128::from(host), self.host_bits) else { return false };
            let near = self.excludes.iter().filter(|exclude| cut.contains(*exclude) || exclude.contains(&cut)).copied();
            let own = reserved.iter().filter(|address| cut.contains(*address)).map(|address| IpNet::from(*address));
            Pool::block(cut, around.prefix_len(), near.chain(own).collect()).is_ok_and(|pool| pool.usable() > 0)
        };
        around.iter().all(usable)
    }

    /// Addresses of nodes inside the block: of a network without subnets, whose pods share the nodes' own.
    pub fn reserved(&self, around: &[IpNet], host: u32, nodes: &[IpAddr]) -> Vec<IpAddr> {
        if !self.subnets.is_empty() {
            return Vec::new();
        }
        let cut = around.iter().filter_map(|around| block(*around, u128::from(host), self.host_bits).ok());
        cut.flat_map(|cut| between(nodes, &cut)).collect()
    }
}

/// Host indexes of one interface block.
#[derive(Debug, Clone)]
pub struct Hosts {
    pub around: Vec<IpNet>,
    excluded: Vec<Ranges>,
    taken: Ranges,
    last: u128,
}

impl Hosts {
    pub fn new(scheme: &Scheme, around: Vec<IpNet>) -> Result<Hosts, BlockError> {
        let excluded = around
            .iter()
            .map(|base| excluded_blocks(*base, scheme.host_bits, &scheme.excludes))
            .collect::<Result<_, _>>()?;
        Ok(Hosts { around, excluded, taken: Ranges::default(), last: scheme.last_host() })
    }

    pub fn take(&mut self, host: u32) {
        self.taken.insert(u128::from(host));
    }

    pub fn is_excluded(&self, host: u32) -> bool {
        u128::from(host) > self.last || self.excluded.iter().any(|set| set.contains(u128::from(host)))
    }

    /// The index after the greatest taken; once these are exhausted, the least that is free. It is not taken yet.
    pub fn next(&self) -> Option<u32> {
        let sets: Vec<&Ranges> = std::iter::once(&self.taken).chain(&self.excluded).collect();
        let after = self.taken.last().map_or(Some(0), |last| last.checked_add(1));
        let next = after.and_then(|after| first_free(&sets, after, self.last));
        next.or_else(|| first_free(&sets, 0, self.last)).and_then(|index| u32::try_from(index).ok())
    }

    pub fn free(&self) -> u64 {
        let mut gone = self.taken.clone();
        for (first, last) in self.excluded.iter().flat_map(Ranges::intervals) {
            gone.insert_range(first, last.min(self.last));
        }
        u64::try_from((self.last + 1).saturating_sub(gone.len())).unwrap_or(u64::MAX)
    }
}

/// Of sorted addresses those inside of a prefix.
fn between(sorted: &[IpAddr], net: &IpNet) -> Vec<IpAddr> {
    let start = sorted.partition_point(|address| *address < net.network());
    let inside = |address: &&IpAddr| Family::of(**address) == Family::of(net.addr()) && net.contains(*address);
    sorted.iter().skip(start).take_while(inside).copied().collect()
}
