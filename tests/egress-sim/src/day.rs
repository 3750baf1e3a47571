//! One day: what happens when, and what is counted after each recomputation.

use std::{collections::BTreeMap, fs, time::Duration};

use nicety_core::ids::NodeName;
use nicety_egress::{Outcome, assembly::Move, slices::Slices};
use nicety_strategies::StrategySet;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::{
    arguments::Size,
    world::{TEAMS, World, team},
};

const MINUTES: u32 = 24 * 60;
/// Minutes between two batches of pods that come and go.
const CHURN: u32 = 5;
/// Steps of one rollout, five minutes each.
const STEPS: u32 = 5;

/// Why something is recomputed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    Churn,
    Rollout,
    Node,
    Gateway,
    /// Nothing happened but that what pods were moved off has been kept for long enough.
    Lingering,
}

impl Cause {
    pub const ALL: [Cause; 5] = [Cause::Churn, Cause::Rollout, Cause::Node, Cause::Gateway, Cause::Lingering];

    pub fn words(self) -> &'static str {
        match self {
            Cause::Churn => "pods come and go",
            Cause::Rollout => "rollouts",
            Cause::Node => "nodes lost and back",
            Cause::Gateway => "gateways lost, back, draining",
            Cause::Lingering => "ten minutes after",
        }
    }
}

/// What one strategy made of the day.
#[derive(Debug, Default)]
pub struct Day {
    /// By cause; those whose gateway was dead or gone, and the others, which had no need.
    pub moved: BTreeMap<Cause, (u64, u64)>,
    /// Slices created, changed and deleted.
    pub writes: BTreeMap<Cause, u64>,
    pub first_writes: u64,
    pub recomputations: u32,
    pub samples: Vec<Sample>,
    /// Microseconds of processor time of each decision.
    pub decisions: Vec<u64>,
    /// Microseconds of each recomputation as a whole, from known changes to slices, decisions within.
    pub whole: Vec<u64>,
    /// Of the first, of all pods, in microseconds.
    pub first: u64,
    /// At the end of the day one pod goes and one comes, in each team: microseconds of the whole, and of the decisions within.
    pub one_pod: Vec<u64>,
    pub one_pod_decided: Vec<u64>,
    /// Memory of the process after the first, in MiB. None: another's is in it.
    pub resident: Option<u64>,
    /// Pods that were without a gateway after a recomputation, at most.
    pub without: u64,
}

/// As it was at one minute.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub minute: u32,
    /// Pods that have been moved without need so far.
    pub moved: u64,
    /// The fullest gateway of any policy in fair shares of its policy.
    pub fullest: f64,
}

enum Event {
    Churn,
    Roll(u32, u32),
    NodeLost,
    NodeBack(u32),
    GatewayLost,
    GatewayBack(u32),
    Drain(u32),
    Open(u32),
    Remove(u32),
}

/// The day of this size, the same for each strategy. `alone`: the process has lived no other.
pub fn live(size: &Size, set: &StrategySet, alone: bool) -> Day {
    let mut world = World::new(size);
    let mut day = Day::default();
    let mut slices = Slices::default();
    let clock = processor_time;
    day.first_writes = day.recompute(&mut world, &mut slices, set, &clock).1;
    day.first = std::mem::take(&mut day.whole).into_iter().sum();
    day.decisions.clear();
    day.resident = if alone { resident() } else { None };
    let mut calendar = calendar(&mut world);
    for minute in 0..size.hours * 60 {
        if world.assembly.at(Duration::from_secs(60 * u64::from(minute))) {
            let written = day.recompute(&mut world, &mut slices, set, &clock).1;
            *day.writes.entry(Cause::Lingering).or_default() += written;
        }
        for event in calendar.remove(&minute).unwrap_or_default() {
            let cause = happen(&mut world, event, minute, size, &mut calendar);
            let (outcome, written) = day.recompute(&mut world, &mut slices, set, &clock);
            day.count(cause, &world, &outcome);
            *day.writes.entry(cause).or_default() += written;
        }
        if minute % 15 == 0 {
            let moved = day.moved.values().map(|(_, needless)| needless).sum();
            day.samples.push(Sample { minute, moved, fullest: fullest(&world) });
        }
    }
    let (whole, decisions) = (std::mem::take(&mut day.whole), std::mem::take(&mut day.decisions));
    for team in 0..TEAMS {
        world.churn(team, 1);
        day.recompute(&mut world, &mut slices, set, &clock);
    }
    day.one_pod = std::mem::replace(&mut day.whole, whole);
    day.one_pod_decided = std::mem::replace(&mut day.decisions, decisions);
    day
}

/// Of this thread, in microseconds: what else the machine does then does not count.
fn processor_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    seconds * 1_000_000 + nanoseconds / 1_000
}

/// Memory of this process, in MiB.
fn resident() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}

fn calendar(world: &mut World) -> BTreeMap<u32, Vec<Event>> {
    let mut calendar: BTreeMap<u32, Vec<Event>> = BTreeMap::new();
    let mut put = |minute: u32, event: Event| calendar.entry(minute).or_default().push(event);
    (0..MINUTES).step_by(CHURN as usize).for_each(|minute| put(minute, Event::Churn));
    let random = world.random();
    // Rollouts in working hours; nodes and gateways are lost at any.
    for _ in 0..24 {
        let (team, at) = (random.below(TEAMS), 8 * 60 + random.below(11 * 60));
        (0..STEPS).for_each(|step| put(at + step * 5, Event::Roll(team, step)));
    }
    (0..24).for_each(|_| put(random.below(MINUTES - 30), Event::NodeLost));
    (0..8).for_each(|_| put(random.below(MINUTES - 30), Event::GatewayLost));
    put(10 * 60, Event::Drain(3));
    put(11 * 60, Event::Open(3));
    put(15 * 60, Event::Remove(5));
    calendar
}

fn happen(
    world: &mut World,
    event: Event,
    minute: u32,
    size: &Size,
    calendar: &mut BTreeMap<u32, Vec<Event>>,
) -> Cause {
    match event {
        Event::Churn => {
            let each = (size.endpoints / 3_000).max(1);
            for _ in 0..3 {
                let team = world.random().below(TEAMS);
                world.churn(team, each);
            }
            Cause::Churn
        }
        Event::Roll(team, step) => {
            world.roll(team, step, STEPS);
            Cause::Rollout
        }
        Event::NodeLost => {
            let number = world.node_lost();
            calendar.entry(minute + 30).or_default().push(Event::NodeBack(number));
            Cause::Node
        }
        Event::NodeBack(number) => {
            world.node_back(number);
            Cause::Node
        }
        Event::GatewayLost => {
            let number = world.gateway_lost();
            calendar.entry(minute + 20).or_default().push(Event::GatewayBack(number));
            Cause::Gateway
        }
        Event::GatewayBack(number) => {
            world.gateway_back(number);
            Cause::Gateway
        }
        Event::Drain(number) => {
            world.drain(number, true);
            Cause::Gateway
        }
        Event::Open(number) => {
            world.drain(number, false);
            Cause::Gateway
        }
        Event::Remove(number) => {
            world.gateway_removed(number);
            Cause::Gateway
        }
    }
}

impl Day {
    /// What the controller does when changes have settled: decide, and say which slices are others now. How many those are.
    fn recompute(
        &mut self,
        world: &mut World,
        slices: &mut Slices,
        set: &StrategySet,
        clock: &dyn Fn() -> u64,
    ) -> (Outcome, u64) {
        let before = clock();
        let outcome = world.assembly.recompute(set, clock);
        let written = slices.renew(&world.assembly, &outcome.nodes).len() as u64;
        self.whole.push(clock() - before);
        self.decisions
            .extend(outcome.runs.iter().map(|(_, runs, _)| runs.iter().map(|run| run.duration_us).sum::<u64>()));
        (outcome, written)
    }

    fn count(&mut self, cause: Cause, world: &World, outcome: &Outcome) {
        self.recomputations += 1;
        let moved = self.moved.entry(cause).or_default();
        for Move { from, .. } in outcome.moves.iter().filter(|one| one.is_movement()) {
            let node = from.as_ref().and_then(|id| id.as_str().split('/').next()?.parse::<NodeName>().ok());
            let had_to =
                node.is_none_or(|node| world.is_dead(&node) || !world.assembly.view().nodes.contains_key(&node));
            if had_to { moved.0 += 1 } else { moved.1 += 1 }
        }
        let without = (0..TEAMS)
            .filter_map(|number| world.assembly.status(&team(number)))
            .map(|status| u64::from(status.unassigned));
        self.without = self.without.max(without.sum());
    }

    pub fn needed(&self) -> u64 {
        self.moved.values().map(|(needed, _)| needed).sum()
    }

    pub fn needless(&self) -> u64 {
        self.moved.values().map(|(_, needless)| needless).sum()
    }

    pub fn all_writes(&self) -> u64 {
        self.writes.values().sum()
    }

    pub fn figures(&self) -> Value {
        let mean = self.samples.iter().map(|sample| sample.fullest).sum::<f64>() / self.samples.len().max(1) as f64;
        let worst = self.samples.iter().map(|sample| sample.fullest).fold(0.0, f64::max);
        let by = |of: &dyn Fn(&Cause) -> u64| -> serde_json::Map<String, Value> {
            Cause::ALL.iter().map(|cause| (cause.words().to_owned(), of(cause).into())).collect()
        };
        json!({
            "recomputations": self.recomputations,
            "moved": {"needed": self.needed(), "needless": self.needless(),
                "needless by cause": by(&|cause| self.moved.get(cause).map_or(0, |(_, needless)| *needless))},
            "fullest gateway in fair shares": {"mean": rounded(mean), "worst": rounded(worst)},
            "slices written": {"first": self.first_writes, "day": self.all_writes(),
                "by cause": by(&|cause| self.writes.get(cause).copied().unwrap_or_default())},
            "decision ms": percentiles(&self.decisions),
            "recomputation ms": percentiles(&self.whole),
            "first recomputation ms": rounded(self.first as f64 / 1000.0),
            "one pod for another ms": {"whole": percentiles(&self.one_pod), "decision": percentiles(&self.one_pod_decided)},
            "resident MiB": self.resident,
            "pods without a gateway at most": self.without,
        })
    }
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

fn percentiles(times: &[u64]) -> Value {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = |part: f64| {
        let place = (sorted.len().saturating_sub(1) as f64 * part).round() as usize;
        sorted.get(place).map(|us| rounded(*us as f64 / 1000.0))
    };
    json!({"p50": at(0.5), "p99": at(0.99), "max": at(1.0), "count": sorted.len()})
}

fn fullest(world: &World) -> f64 {
    let of = |number: u32| {
        let policy = team(number);
        let mut loads: BTreeMap<&str, u32> = BTreeMap::new();
        let mut all = 0_u32;
        for (_, primary, ..) in world.assembly.assigned(&policy) {
            if let Some(id) = primary {
                *loads.entry(id.as_str()).or_default() += 1;
                all += 1;
            }
        }
        let members = world.assembly.members(&policy).iter();
        let usable = members.filter(|member| member.role == nicety_egress::Role::Active).count();
        let fair = f64::from(all) / usable.max(1) as f64;
        loads.values().map(|load| f64::from(*load) / fair.max(1.0)).fold(0.0, f64::max)
    };
    (0..TEAMS).map(of).fold(0.0, f64::max)
}
