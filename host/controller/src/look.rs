//! One look at the whole cluster: from a snapshot to every write that it needs now. It does no I/O; what failed before and what must
//! last before it is acted upon is asked of `Patience`. Each Network and each node is computed by itself, so that what is wrong with
//! one is said there and holds back nothing else.

mod attachments;
mod blocks;
mod conditions;
mod networks;
mod nodes;
mod operator;
mod status;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use nicety_core::{
    cluster::{self, NewBlock, Plan},
    ids::NodeName,
};

use crate::{
    force::{InForce, Standing},
    patience::Patience,
    promises::Promise,
    snapshot::{Member, Snapshot},
    write::Write,
};

/// What a look depends on beside the cluster itself.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a NIC must be gone before its block goes, and a node silent.
    pub grace: Duration,
    /// How long a node may be without its daemon before it is tainted.
    pub daemon_grace: Duration,
    /// What a status gathers before it is written.
    pub settle: Duration,
    pub taints: Taints,
    /// Where the SR-IOV network operator looks for its objects.
    pub sriov_namespace: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taints {
    Written,
    Left,
}

/// The time, as a computation may know it.
#[derive(Debug, Clone)]
pub struct Now {
    pub instant: Instant,
    /// RFC 3339, in UTC and with seconds.
    pub text: String,
}

/// What a look yields.
#[derive(Debug, Default)]
pub struct Seen {
    /// Most urgent first; at most one of each key.
    pub writes: Vec<Write>,
    /// Keys of creations whose outcome is unknown and still matters.
    pub doubted: BTreeSet<String>,
    pub force: BTreeMap<String, InForce>,
    pub tally: Tally,
}

/// For metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub networks: usize,
    pub nodes: usize,
    pub blocks: usize,
    pub served: usize,
    pub shortages: usize,
    pub waiting: usize,
    pub tainted: usize,
}

/// What one Network comes to.
struct Computed<'a> {
    name: &'a str,
    standing: &'a Standing,
    plan: Plan,
    /// Blocks that may have been made.
    doubted: Vec<NewBlock>,
    /// NICs that carry the network, by node.
    claims: usize,
}

/// Everything that the parts of a look read.
struct Look<'a> {
    snapshot: &'a Snapshot,
    settings: &'a Settings,
    members: BTreeMap<NodeName, Member>,
    nodes: BTreeMap<NodeName, cluster::Node>,
    now: &'a Now,
}

/// `promised`: blocks that are being made or may have been. `before`: which version of each Network was in force.
pub fn look(
    snapshot: &Snapshot,
    before: &BTreeMap<String, InForce>,
    promised: &[Promise],
    patience: &mut Patience,
    settings: &Settings,
    now: &Now,
) -> Seen {
    patience.begin();
    let members = snapshot.members();
    let nodes = members.iter().map(|(name, member)| (name.clone(), member.for_assignment())).collect();
    let standings = crate::force::standings(&snapshot.networks, before);
    let look = Look { snapshot, settings, members, nodes, now };

    let mut computed = look.blocks(&standings, promised);
    let mut writes = look.finalizers(&standings, &computed);
    for one in &computed {
        look.block_writes(one, patience, &mut writes);
    }
    look.orphans(patience, &mut writes);
    look.attachments(&standings, &mut writes);
    look.operator(&standings, &mut writes);
    let unwritten = unwritten(&computed, patience);
    let tainted = look.node_writes(&unwritten, patience, &mut writes);
    let tally = Tally {
        networks: snapshot.networks.len(),
        nodes: look.members.len(),
        blocks: snapshot.blocks.len(),
        served: computed.iter().map(|one| one.plan.served).sum(),
        shortages: computed.iter().map(|one| one.plan.shortages.len()).sum(),
        waiting: computed.iter().flat_map(|one| one.plan.waiting.values()).sum(),
        tainted,
    };
    let doubted = computed.iter().flat_map(|one| &one.doubted).map(|block| blocks::key(&block.name())).collect();
    for one in computed.drain(..) {
        look.status(&one, patience, &mut writes);
    }
    let wanted: BTreeSet<&str> = writes.iter().map(|write| write.key.as_str()).collect();
    patience.keep(|key| wanted.contains(key));
    drop(wanted);
    writes.retain(|write| patience.is_due(&write.key, now.instant));
    patience.end();
    let force = standings.into_iter().filter_map(|(name, standing)| Some((name, standing.force?))).collect();
    Seen { writes, doubted, force, tally }
}

/// Nodes of blocks whose making failed.
fn unwritten(computed: &[Computed<'_>], patience: &Patience) -> BTreeSet<NodeName> {
    let failed: BTreeSet<&str> = patience.failures().map(|(key, _)| key).collect();
    let new = computed.iter().flat_map(|one| &one.plan.create);
    let failed = new.filter(|block| failed.contains(blocks::key(&block.name()).as_str()));
    failed.chain(computed.iter().flat_map(|one| &one.doubted)).map(|block| block.node.clone()).collect()
}
