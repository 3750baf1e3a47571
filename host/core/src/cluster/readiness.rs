//! Which nodes must not get pods yet. A node waits for its daemon, and for the blocks that it could have: what is short of blocks, or
//! wrong, is said of the network and holds back no node.

use std::collections::BTreeSet;

use crate::ids::NodeName;

/// Whether pods that want a network can be started on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// It has no HostInterface: no daemon has spoken for it.
    NoDaemon,
    /// Blocks for it could not be written.
    NoBlocks,
}

/// `speaks`: it has a HostInterface. `unwritten`: nodes of blocks whose making failed.
pub fn readiness(node: &NodeName, speaks: Speaks, unwritten: &BTreeSet<NodeName>) -> Readiness {
    match speaks {
        Speaks::No => Readiness::NoDaemon,
        Speaks::Yes if unwritten.contains(node) => Readiness::NoBlocks,
        Speaks::Yes => Readiness::Ready,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    Yes,
    No,
}
