//! What becomes of a block that stands, and when one that leaves may go.

use super::{Assignment, Block, Node, Reason, Segment};
use crate::cluster::blocks::Interfaces;

pub(super) enum Verdict {
    Keep,
    Delete(Reason),
}

impl<'a> Assignment<'a> {
    /// `fresh`: no older block has the same two indexes.
    pub(super) fn verdict(&self, block: &Block, fresh: bool) -> Verdict {
        let Some(node) = self.view.nodes.get(&block.node) else { return Verdict::Delete(Reason::NodeGone) };
        if !fresh {
            return Verdict::Delete(Reason::Twice);
        }
        let claimant = self.claimants.get(&(&block.node, block.interface.as_ref()));
        let hosts = self.hosts.get(&block.interface_index);
        let own = self.segment_of(block);
        let misplaced = match (&own, hosts) {
            (_, None) => own.is_some() || !self.fits(block.interface_index),
            (own, Some(hosts)) => {
                let bound = self.by_index.get(&block.interface_index);
                hosts.is_excluded(block.host_index) || own.as_ref().is_some_and(|own| bound != Some(own))
            }
        };
        if misplaced {
            return Verdict::Delete(Reason::Misplaced);
        }
        match (claimant, &node.interfaces) {
            (Some(_), _) if self.served.contains_key(&(&block.node, block.interface.as_ref())) => {
                Verdict::Delete(Reason::Twice)
            }
            (Some(claimant), _) => {
                let stands = own.as_ref().is_none_or(|own| claimant.segments.contains(own));
                // A NIC that lost its addresses may have them back in a moment; one with others has moved.
                let silent = matches!(claimant.segments.as_slice(), [Segment::Interface(_)]);
                if stands || silent { Verdict::Keep } else { Verdict::Delete(Reason::Moved) }
            }
            (None, Interfaces::Silent | Interfaces::Empty) => Verdict::Keep,
            (None, Interfaces::Named) => Verdict::Delete(Reason::NicGone),
        }
    }
}

/// Why a block that leaves may go. None: its daemon has not let go of it yet.
pub(super) fn released(block: &Block, node: Option<&Node>) -> Option<Reason> {
    let Some(node) = node else { return Some(Reason::NodeGone) };
    if node.released.contains(&block.name) {
        return Some(Reason::Released);
    }
    (node.interfaces == Interfaces::Silent).then_some(Reason::NodeSilent)
}
