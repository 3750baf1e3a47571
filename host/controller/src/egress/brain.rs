//! One look at egress: from a snapshot to every write that it needs now. It computes anew only when something changed that a
//! distribution depends on, and starts from what the slices say when it has just become the leader, so that nobody moves for that.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use k8s_openapi::jiff::Timestamp;
use nicety_core::{
    egress::share::{Gateway, GatewayId, PodKey, Share},
    finding,
    ids::NodeName,
};
use nicety_egress::{
    Assembly, Outcome, Word,
    assembly::{Move, Told, Touched},
    slices::{Slices, unpack},
};
use nicety_k8s::Failure;
use nicety_objects::{condition, egress_policy::EgressPolicyStatus, egress_slice::EgressSlice};
use nicety_strategies::StrategySet;
use tracing::{info, warn};

use super::{
    Config,
    audit::{self, Audit},
    frozen::Frozen,
    items::PolicyItem,
    known::Known,
    metrics::EgressTally,
    ranges::{self, Ranges, ranges},
    shadows::Decided,
    strategies::{self, Deciding, InForce},
    undecided::undecided,
    world::EgressSnapshot,
    writes::{Wanted, Written, writes},
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

/// What is known while this replica leads.
#[derive(Default)]
struct Led {
    known: Known,
    assembly: Assembly,
    /// What stays of policies that were never read.
    frozen: Frozen,
    told: BTreeMap<String, Told>,
    /// Of pods that were moved before: last, and ever.
    moved: BTreeMap<String, (u32, u64)>,
    /// Each node's slices as they should be; `wanted` has the same ones.
    slices: Slices,
    wanted: Wanted,
    written: Written,
    audit: Audit,
    /// What the last computation ran.
    set: Option<Arc<StrategySet>>,
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
        let writes = writes(&led.wanted, snapshot, &mut led.written, &mut self.patience, now);
        self.patience.end();
        let wake = self.patience.wake().into_iter().chain(self.in_force.wake()).min();
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
        let mut touched = !changes.is_empty();
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
        let nodes = snapshot.members.nodes.values();
        let shown = nodes
            .flat_map(|node| node.pod_nets.iter().copied().chain(node.addresses.iter().map(|one| ranges::alone(*one))));
        let ranges = ranges(&self.cluster_cidrs, shown);
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

impl Led {
    /// `nodes`: those whose part may have changed, and what of it; None: all.
    fn pack(&mut self, snapshot: &EgressSnapshot, nodes: Option<BTreeMap<NodeName, Touched>>) {
        let nodes = nodes.unwrap_or_else(|| {
            let read = snapshot.slices.iter().filter_map(|(name, item)| Some((name.as_str(), item.slice.as_ref()?)));
            self.slices = Slices::of(read);
            self.wanted.slices = self.slices.all().map(|(name, spec)| (name, spec.clone())).collect();
            let all = self.slices.nodes().cloned().chain(self.assembly.nodes());
            all.map(|node| (node, Touched::all())).collect()
        });
        // Where something stays of policies that cannot be read, the whole part is made anew: that is rare.
        let (kept, others) = nodes.into_iter().partition(|(node, _)| self.frozen.has(node));
        let mut changed = self.slices.renew(&self.assembly, &others);
        for node in BTreeMap::into_keys(kept) {
            let share = self.frozen.beside(&node, self.assembly.share(&node));
            changed.extend(self.slices.replace(&node, &share));
        }
        for (name, spec) in changed {
            match spec {
                Some(spec) => drop(self.wanted.slices.insert(name, spec)),
                None => drop(self.wanted.slices.remove(&name)),
            }
        }
    }

    /// What every policy's status should be.
    fn tell(&mut self, snapshot: &EgressSnapshot, in_force: &InForce, ranges: impl Fn(&[IpNet]) -> Word) {
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default().to_string();
        self.moved.retain(|name, _| snapshot.policies.contains_key(name));
        self.wanted.statuses.clear();
        for (name, item) in &snapshot.policies {
            let mut told = self.told.get(name).cloned().unwrap_or_else(|| unknown(item, self.frozen.count(name)));
            let failed = match (in_force.refused.get(name), in_force.wrong.as_slice()) {
                (Some(findings), _) => Some(finding::list(findings)),
                (None, []) => None,
                (None, findings) => Some(strategies::wrong(findings)),
            };
            if let Some(why) = failed {
                let message = format!("what was decided before stays: {why}");
                told.degraded = Word { holds: true, reason: "PolicyFailed", message };
            }
            let (last, ever) = self.moved.get(name).copied().unwrap_or_default();
            if told.status.moved_ever == 0 {
                told.status.moved = last;
            }
            told.status.moved_ever += ever;
            let generation = Some(item.generation);
            let mut status = told.written(&item.status.conditions, generation, &now);
            if let Ok(policy) = &item.policy {
                let word = ranges(&policy.destinations);
                condition::put(&mut status.conditions, word.condition(ranges::CONDITION, generation, &now));
            }
            self.wanted.statuses.insert(name.clone(), status);
        }
    }

    fn tally(&self) -> EgressTally {
        let sum = |of: fn(&Told) -> u32| self.told.values().map(|told| of(told) as usize).sum();
        EgressTally {
            policies: self.wanted.statuses.len(),
            degraded: self.told.values().filter(|told| told.degraded.holds).count(),
            endpoints: sum(|told| told.status.endpoints),
            unassigned: sum(|told| told.status.unassigned),
            gateways: sum(|told| told.status.active),
            slices: self.wanted.slices.len(),
        }
    }
}

/// Of a policy that was never in force. What is known of its gateways is what was told of them last.
fn unknown(item: &PolicyItem, kept: u32) -> Told {
    let message = match kept {
        0 => "no version of the policy was ever in force".to_owned(),
        kept => {
            format!("{kept} pods keep the gateways that they had, and new ones get none: the policy cannot be read")
        }
    };
    let status = match kept {
        0 => EgressPolicyStatus::default(),
        kept => EgressPolicyStatus { endpoints: kept, moved: 0, moved_ever: 0, ..item.status.clone() },
    };
    let word = |holds| Word { holds, reason: "NotInForce", message: message.clone() };
    Told { status, ready: word(false), degraded: word(true) }
}

fn is_there(snapshot: &EgressSnapshot, node: &NodeName) -> bool {
    snapshot.members.nodes.contains_key(node.as_str())
}

fn has_pod(snapshot: &EgressSnapshot, node: &NodeName, pod: &PodKey) -> bool {
    let name = std::sync::Arc::new((pod.namespace.clone(), pod.name.clone()));
    let found = snapshot.pods.get(&name).filter(|found| found.uid == pod.uid && !found.terminal);
    found.is_some_and(|found| found.node.as_ref() == Some(node))
}

/// All that are decided on, as nodes know them.
fn gateways<'a>(assembly: &Assembly, policies: impl Iterator<Item = &'a String>) -> BTreeMap<GatewayId, Gateway> {
    let nodes: BTreeSet<&NodeName> =
        policies.flat_map(|policy| assembly.members(policy)).map(|member| &member.node).collect();
    nodes.into_iter().flat_map(|node| assembly.share(node).gateways).collect()
}

/// Each node's part, as the slices say.
fn shares(snapshot: &EgressSnapshot) -> BTreeMap<NodeName, Share> {
    let mut of_node: BTreeMap<NodeName, Vec<EgressSlice>> = BTreeMap::new();
    for (name, spec) in snapshot.slices.iter().filter_map(|(name, item)| Some((name, item.slice.as_ref()?))) {
        if let Ok(slice) = EgressSlice::new(name.clone(), (**spec).clone()) {
            of_node.entry(slice.node.clone()).or_default().push(slice);
        }
    }
    of_node.into_iter().map(|(node, slices)| (node, unpack(&slices))).collect()
}

impl fmt::Debug for Brain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brain").field("leads", &self.led.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
