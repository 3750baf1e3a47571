//! One look at egress: from a snapshot to every write that it needs now. It computes anew only when something changed that a
//! distribution depends on, and starts from what the slices say when it has just become the leader, so that nobody moves for that.

mod led;

use std::{
    collections::BTreeSet,
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use nicety_core::finding;
use nicety_egress::{
    Assembly, Outcome,
    assembly::{Move, Touched},
};
use nicety_k8s::Failure;
use tracing::{info, warn};

use self::led::{Led, gateways, has_pod, is_there, shares};
use super::{
    Config,
    audit::{self, Audit},
    frozen::Frozen,
    metrics::EgressTally,
    ranges::{Ranges, ranges},
    shadows::Decided,
    strategies::{self, Deciding, InForce},
    undecided::undecided,
    world::EgressSnapshot,
    writes::writes,
};
use crate::{patience::Patience, write::Write};

pub struct Brain {
    deciding: Arc<dyn Deciding>,
    cluster_cidrs: Vec<IpNet>,
    /// Folder of the audit.
    audit: Option<PathBuf>,
    in_force: InForce,
    patience: Patience,
    /// None: this replica does not lead, or has not looked since it does.
    led: Option<Led>,
    /// The last finding about the cluster's ranges, and about strategies.
    said: (Option<String>, String),
    /// Where monotonic time begins.
    start: Instant,
}

/// What a look comes to.
#[derive(Debug)]
pub struct Looked {
    pub writes: Vec<Write>,
    pub took: Duration,
    /// So many pods were moved. None: nothing was computed anew.
    pub recomputed: Option<usize>,
    /// Those, and pods that got a gateway or lost theirs.
    pub moves: Vec<Move>,
    pub tally: EgressTally,
    /// Candidates that are to be asked as well, once the writes are on their way.
    pub shadows: Decided,
    /// When something that waits now is due.
    pub wake: Option<Instant>,
}

/// A write that has ended: its key, and why it had no effect.
pub type Ended = (String, Result<(), (Failure, String)>);

impl Brain {
    /// What was looked at last, as it was decided. None: nothing was.
    pub fn assembly(&self) -> Option<&Assembly> {
        self.led.as_ref().map(|led| &led.assembly)
    }

    /// Why a policy, or the strategies, are not in force as they are written.
    pub fn refused(&self, policy: &str) -> Option<String> {
        match (self.in_force.refused.get(policy), self.in_force.wrong.as_slice()) {
            (Some(findings), _) => Some(finding::list(findings)),
            (None, []) => None,
            (None, findings) => Some(strategies::wrong(findings)),
        }
    }

    /// Makes strategies run.
    pub fn deciding(&self) -> Arc<dyn Deciding> {
        self.deciding.clone()
    }

    pub fn new(config: Config) -> Brain {
        let Config { deciding, cluster_cidrs, settling: _, audit } = config;
        Brain {
            deciding,
            cluster_cidrs,
            audit,
            in_force: InForce::default(),
            patience: Patience::default(),
            led: None,
            said: (None, String::new()),
            start: Instant::now(),
        }
    }

    /// Another may lead now: what it writes is read when this one leads again.
    pub fn forget(&mut self) {
        self.led = None;
    }

    pub fn look(&mut self, snapshot: &EgressSnapshot, ended: Vec<Ended>) -> Looked {
        let now = Instant::now();
        self.patience.begin();
        for (key, outcome) in ended {
            match outcome {
                Ok(()) => self.patience.succeeded(&key),
                Err((failure, message)) => self.patience.failed(&key, None, failure, message, now),
            }
        }
        self.in_force.renew(snapshot, &*self.deciding, now);
        let ranges = self.say(snapshot);
        let (moves, shadows) = self.recompute(snapshot).unzip();
        let led = self.led.get_or_insert_default();
        let of_policy = |destinations: &[IpNet]| ranges.word(&self.cluster_cidrs, destinations);
        led.tell(snapshot, &self.in_force, of_policy);
        led.ranges(snapshot, &ranges.all);
        let writes = writes(&led.wanted, snapshot, &mut led.written, &mut self.patience, now);
        self.patience.end();
        let lingers = led.assembly.wake().map(|at| self.start + at);
        let wake = self.patience.wake().into_iter().chain(self.in_force.wake()).chain(lingers).min();
        let shadows = shadows.unwrap_or_default();
        let recomputed = moves.as_ref().map(|moves: &Vec<Move>| moves.iter().filter(|one| one.is_movement()).count());
        let moves = moves.unwrap_or_default();
        Looked { writes, took: now.elapsed(), recomputed, moves, tally: led.tally(), shadows, wake }
    }

    /// Who has another gateway, and what candidates are to be asked; None: there was nothing to compute.
    fn recompute(&mut self, snapshot: &EgressSnapshot) -> Option<(Vec<Move>, Decided)> {
        let first = self.led.is_none();
        let led = self.led.get_or_insert_default();
        let changes = led.known.changes(snapshot, self.in_force.policies());
        // A gateway may have lingered long enough.
        let mut touched = led.assembly.at(self.start.elapsed()) || !changes.is_empty();
        changes.into_iter().for_each(|change| led.assembly.take(change));
        let mut refrozen = BTreeSet::new();
        let unread: BTreeSet<String> =
            snapshot.policies.keys().filter(|name| !self.in_force.policies().contains_key(*name)).cloned().collect();
        if first {
            let shares = shares(snapshot);
            led.assembly.recall(&shares);
            led.frozen = Frozen::of(&shares, &unread);
            let moved = snapshot.policies.iter().map(|(name, item)| (name, &item.status));
            led.moved = moved.map(|(name, status)| (name.clone(), (status.moved, status.moved_ever))).collect();
        }
        if !led.frozen.is_empty() {
            let (released, nodes) = led.frozen.release(&unread);
            led.assembly.recall(&released);
            refrozen.extend(nodes);
            refrozen.extend(led.frozen.keep(|node| is_there(snapshot, node), |node, pod| has_pod(snapshot, node, pod)));
            touched |= !refrozen.is_empty();
        }
        if let Some(change) = led.known.health(snapshot, &led.assembly) {
            led.assembly.take(change);
            touched = true;
        }
        // Where none ever ran, each decision fails, and what was decided before stays.
        let set = self.in_force.set().or_else(|| led.set.clone()).or_else(|| undecided().map(Arc::new))?;
        let same = led.set.as_ref().is_some_and(|old| Arc::ptr_eq(old, &set));
        if !touched && same && !first {
            return None;
        }
        led.set = Some(set.clone());
        let start = self.start;
        let clock = move || u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut outcome = led.assembly.recompute(&set, &clock);
        // Who observes whom follows from nodes: now their words can be weighed.
        if let Some(change) = led.known.health(snapshot, &led.assembly) {
            led.assembly.take(change);
            let more = led.assembly.recompute(&set, &clock);
            more.nodes.into_iter().for_each(|(node, touched)| outcome.nodes.entry(node).or_default().and(touched));
            outcome.moves.extend(more.moves);
            outcome.statuses.extend(more.statuses);
            // What was decided last is what holds.
            outcome.runs.retain(|(policy, ..)| more.runs.iter().all(|(later, ..)| later != policy));
            outcome.runs.extend(more.runs);
        }
        let Outcome { mut nodes, moves, statuses, runs } = outcome;
        if !led.frozen.is_empty() {
            refrozen.extend(led.frozen.give_way(&gateways(&led.assembly, self.in_force.policies().keys())));
        }
        if !refrozen.is_empty() {
            nodes.extend(refrozen.into_iter().map(|node| (node, Touched::all())));
            // What went with them is in no movement.
            led.audit = Audit::default();
        }
        led.pack(snapshot, if first { None } else { Some(nodes) });
        led.told.extend(statuses);
        led.told.retain(|name, _| snapshot.policies.contains_key(name));
        if let Some(folder) = &self.audit {
            let Led { audit, assembly, frozen, .. } = &mut *led;
            audit.follow(folder, assembly, &moves, || {
                let mut leaving = audit::leaving(assembly, self.in_force.policies().keys());
                leaving.extend(frozen.leaving());
                leaving
            });
        }
        let moved = moves.iter().filter(|one| one.is_movement()).count();
        if moved > 0 {
            info!(moved, "pods were moved to other gateways");
        }
        Some((moves, runs.into_iter().map(|(policy, _, shadowed)| (policy, shadowed)).collect()))
    }

    /// Says what is not as configured, once; returns the cluster's own ranges.
    fn say(&mut self, snapshot: &EgressSnapshot) -> Ranges {
        let wrong = match self.in_force.wrong.is_empty() {
            true => String::new(),
            false => strategies::wrong(&self.in_force.wrong),
        };
        if wrong != self.said.1 && !wrong.is_empty() {
            warn!(error = wrong, "the strategies cannot be used; those of before stay in force");
        }
        self.said.1 = wrong;
        let nodes = snapshot.members.nodes.values().filter_map(|node| node.listed.as_ref());
        let ranges = ranges(&self.cluster_cidrs, nodes.flat_map(|node| node.ranges()));
        let finding = ranges.finding(&self.cluster_cidrs);
        if finding != self.said.0
            && let Some(finding) = &finding
        {
            warn!(finding, "the cluster's ranges");
        }
        self.said.0 = finding;
        ranges
    }
}

impl fmt::Debug for Brain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brain").field("leads", &self.led.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
