//! Who gets which block. Sticky: who has a block keeps it as long as it fits. Canonical: existing blocks first, oldest first; then
//! NICs without one by the name of their node. A node that joins or leaves changes nothing of the others.

mod judge;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;

use super::{
    blocks::{Block, Change, Claimant, NewBlock, Node, Plan, Reason, SegmentResult, Shortage, State, View},
    scheme::{Hosts, NoBlock},
    segment::Segment,
};
use crate::{
    ids::{IfName, NodeName},
    ipam::{Ranges, ranges::first_free},
};
use judge::Verdict;

/// One NIC of one node; of a network without NICs, the node.
type Key<'a> = (&'a NodeName, Option<&'a IfName>);

/// The blocks of a network that is in force.
pub fn assign(view: View<'_>) -> Plan {
    let mut assignment = Assignment::new(view);
    assignment.bind();
    assignment.judge();
    assignment.give();
    assignment.finish()
}

/// A network that is being deleted, or is not there: all its blocks go.
pub fn retire(nodes: &BTreeMap<NodeName, Node>, blocks: &[Block]) -> Plan {
    let mut plan = freeze(nodes, blocks);
    let standing = blocks.iter().filter(|block| block.state == State::Standing);
    let gone = |block: &Block| change(block, Reason::NetworkGone);
    plan.delete = standing.map(gone).collect();
    plan.delete.sort_by(|one, other| one.name.cmp(&other.name));
    plan
}

/// A network of which nothing valid is known: what stands stays, and what is on its way out may go.
pub fn freeze(nodes: &BTreeMap<NodeName, Node>, blocks: &[Block]) -> Plan {
    let mut plan = Plan::default();
    for block in blocks.iter().filter(|block| block.state == State::Leaving) {
        match judge::released(block, nodes.get(&block.node)) {
            Some(reason) => plan.release.push(change(block, reason)),
            None => *plan.waiting.entry(block.node.clone()).or_default() += 1,
        }
    }
    plan.release.sort_by(|one, other| one.name.cmp(&other.name));
    plan
}

struct Assignment<'a> {
    view: View<'a>,
    /// Oldest first, those that stand before those that leave.
    blocks: Vec<&'a Block>,
    claimants: BTreeMap<Key<'a>, &'a Claimant>,
    by_segment: BTreeMap<Segment, u32>,
    by_index: BTreeMap<u32, Segment>,
    excluded: Vec<Ranges>,
    /// Interface indexes that any block has, or a segment.
    used: Ranges,
    /// Of each interface index that is bound.
    hosts: BTreeMap<u32, Hosts>,
    refused: BTreeMap<Segment, NoBlock>,
    served: BTreeMap<Key<'a>, Segment>,
    /// Of all NICs, sorted: wanted only where pods share the nodes' own networks.
    addresses: Vec<IpAddr>,
    plan: Plan,
}

impl<'a> Assignment<'a> {
    fn new(view: View<'a>) -> Self {
        let View { scheme, nodes, claimants, blocks } = view;
        let mut blocks: Vec<&Block> = blocks.iter().collect();
        blocks.sort_by(|one, other| (one.state, one.born, &one.name).cmp(&(other.state, other.born, &other.name)));
        let mut by_key: BTreeMap<Key<'_>, &Claimant> = BTreeMap::new();
        for claimant in claimants.iter().filter(|claimant| nodes.contains_key(&claimant.node)) {
            let first = by_key.entry((&claimant.node, claimant.interface.as_ref())).or_insert(claimant);
            if claimant.rank < first.rank {
                *first = claimant;
            }
        }
        let own = claimants.iter().filter(|_| scheme.subnets.is_empty());
        let own: BTreeSet<IpAddr> = own.flat_map(|claimant| &claimant.addresses).map(IpNet::addr).collect();
        Assignment {
            view,
            used: blocks.iter().map(|block| u128::from(block.interface_index)).collect(),
            blocks,
            claimants: by_key,
            by_segment: BTreeMap::new(),
            by_index: BTreeMap::new(),
            // A scheme that cannot be cut refuses each segment by itself, with the reason.
            excluded: scheme.excluded_interfaces().unwrap_or_default(),
            hosts: BTreeMap::new(),
            refused: BTreeMap::new(),
            served: BTreeMap::new(),
            addresses: own.into_iter().collect(),
            plan: freeze(nodes, view.blocks),
        }
    }

    /// Which interface index is which segment's, as blocks say, those that leave too: their addresses are still in use.
    fn bind(&mut self) {
        for block in self.blocks.clone() {
            let Some(segment) = self.segment_of(block) else { continue };
            let index = block.interface_index;
            if self.fits(index) && !self.by_index.contains_key(&index) && !self.by_segment.contains_key(&segment) {
                self.bind_to(segment, index);
            }
        }
        for block in self.blocks.clone() {
            if let Some(hosts) = self.hosts.get_mut(&block.interface_index) {
                hosts.take(block.host_index);
            }
        }
    }

    fn bind_to(&mut self, segment: Segment, index: u32) {
        let scheme = self.view.scheme;
        let hosts = scheme.around(&segment, index).and_then(|around| Ok(Hosts::new(scheme, around)?));
        match hosts {
            Ok(hosts) => {
                self.hosts.insert(index, hosts);
                self.used.insert(u128::from(index));
                self.by_index.insert(index, segment.clone());
                self.by_segment.insert(segment, index);
            }
            Err(error) => {
                self.refused.insert(segment, error);
            }
        }
    }

    fn judge(&mut self) {
        let mut pairs = BTreeSet::new();
        for block in self.blocks.clone() {
            if block.state == State::Leaving {
                continue;
            }
            let fresh = pairs.insert((block.interface_index, block.host_index));
            match self.verdict(block, fresh) {
                Verdict::Delete(reason) => self.plan.delete.push(change(block, reason)),
                Verdict::Keep => self.keep(block),
            }
        }
    }

    /// The block stays; what follows its NIC is brought up to date.
    fn keep(&mut self, block: &'a Block) {
        let key = (&block.node, block.interface.as_ref());
        let segment = self.by_index.get(&block.interface_index).cloned().unwrap_or(Segment::Whole);
        let Some(claimant) = self.claimants.get(&key) else { return };
        let via = segment.next_hops(&claimant.addresses, &block.via);
        // A NIC that has lost its addresses keeps its last ones: it flaps.
        let via = if via.is_empty() { block.via.clone() } else { via };
        let around = self.hosts.get(&block.interface_index).map_or(&[][..], |hosts| &hosts.around);
        let reserved = self.view.scheme.reserved(around, block.host_index, &self.addresses);
        if via != block.via || reserved != block.reserved || !block.guarded {
            self.plan.update.push(super::blocks::Update { name: block.name.clone(), via, reserved });
        }
        self.served.insert(key, segment);
    }

    fn give(&mut self) {
        let mut waiting: Vec<&Claimant> =
            self.claimants.iter().filter(|(key, _)| !self.served.contains_key(*key)).map(|(_, one)| *one).collect();
        waiting.sort_by_key(|one| (&one.node, one.rank, &one.interface));
        let wanted: BTreeSet<&Segment> = waiting.iter().filter_map(|one| one.segments.first()).collect();
        for segment in self.view.scheme.order.iter().chain(wanted) {
            self.number(segment);
        }
        for claimant in waiting {
            let Some(segment) = claimant.segments.first() else { continue };
            match self.next(segment) {
                Ok((interface_index, host_index, reserved)) => {
                    self.plan.create.push(NewBlock {
                        network: self.view.scheme.network.clone(),
                        node: claimant.node.clone(),
                        interface: claimant.interface.clone(),
                        interface_index,
                        host_index,
                        segment: segment.clone(),
                        via: segment.next_hops(&claimant.addresses, &[]),
                        reserved,
                    });
                    self.served.insert((&claimant.node, claimant.interface.as_ref()), segment.clone());
                }
                Err(error) => self.plan.shortages.push(Shortage {
                    node: claimant.node.clone(),
                    interface: claimant.interface.clone(),
                    segment: segment.clone(),
                    message: error.to_string(),
                }),
            }
        }
    }

    /// Gives the segment the least free interface index, when it has none.
    fn number(&mut self, segment: &Segment) {
        if self.by_segment.contains_key(segment) || self.refused.contains_key(segment) {
            return;
        }
        let sets: Vec<&Ranges> = std::iter::once(&self.used).chain(&self.excluded).collect();
        let free = first_free(&sets, 0, self.view.scheme.last_interface());
        match free.and_then(|index| u32::try_from(index).ok()) {
            Some(index) => self.bind_to(segment.clone(), index),
            None => {
                let error = NoBlock::NoInterfaceIndex { bits: self.view.scheme.interface_bits };
                self.refused.insert(segment.clone(), error);
            }
        }
    }

    fn next(&mut self, segment: &Segment) -> Result<(u32, u32, Vec<IpAddr>), NoBlock> {
        let scheme = self.view.scheme;
        if let Some(error) = self.refused.get(segment) {
            return Err(error.clone());
        }
        let none = match scheme.host_bits {
            0 => NoBlock::WholeTaken { segment: segment.clone() },
            bits => NoBlock::NoHostIndex { bits },
        };
        let index = self.by_segment.get(segment).copied();
        let Some((index, hosts)) = index.and_then(|index| Some((index, self.hosts.get_mut(&index)?))) else {
            return Err(none);
        };
        // Each round takes an index away, and only those are passed over in which excludes or nodes' own addresses are: there are
        // no more of them than of these.
        while let Some(host) = hosts.next() {
            hosts.take(host);
            let reserved = scheme.reserved(&hosts.around, host, &self.addresses);
            if scheme.usable(&hosts.around, host, &reserved) {
                return Ok((index, host, reserved));
            }
        }
        Err(none)
    }

    fn finish(mut self) -> Plan {
        let mut given: BTreeMap<&Segment, usize> = BTreeMap::new();
        for segment in self.served.values() {
            *given.entry(segment).or_default() += 1;
        }
        let result = |(index, segment): (&u32, &Segment)| SegmentResult {
            segment: segment.clone(),
            interface_index: *index,
            hosts: given.get(segment).copied().unwrap_or(0),
            free: self.hosts.get(index).map_or(0, Hosts::free),
        };
        self.plan.segments = self.by_index.iter().map(result).collect();
        self.plan.served = self.served.len();
        self.plan.delete.sort_by(|one, other| one.name.cmp(&other.name));
        self.plan.update.sort_by(|one, other| one.name.cmp(&other.name));
        self.plan
    }

    fn fits(&self, index: u32) -> bool {
        let index = u128::from(index);
        index <= self.view.scheme.last_interface() && !self.excluded.iter().any(|set| set.contains(index))
    }

    /// Where a block stands: as it says, else where its NIC stands.
    fn segment_of(&self, block: &Block) -> Option<Segment> {
        let of_nic = || self.claimants.get(&(&block.node, block.interface.as_ref()))?.segments.first().cloned();
        block.segment.clone().or_else(of_nic)
    }
}

fn change(block: &Block, reason: Reason) -> Change {
    Change { name: block.name.clone(), node: block.node.clone(), reason }
}
