//! From the text of facts to an answer, on a thread that may block.

use std::{
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use hyper::StatusCode;
use nicety_core::{
    decision::Assignment,
    facts::{attach, check, gateways, nic_selection},
    finding::Finding,
    millis::Millis,
    record::{
        PodRef,
        decision::{DecisionRecord, Outcome},
    },
};
use nicety_deciding::Job;
use nicety_strategies::{Decided, No, Run, Shadowed, StrategySet, Tried, run::Clock, set::Extension};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    answer::{Answer, json, refusal},
    records::Records,
    shape::{self, Body},
    source::InForce,
    view::{self, Answered, Denied, Failed, Networks, Nics, Ran},
};

/// What a record holds beside the facts, about.
const RECORD_BYTES: usize = 2048;

/// Facts that are a question to strategies.
pub trait Question: Body {
    type Decision: Serialize + JsonSchema;

    /// Promises to policies that the facts break.
    fn check(&self) -> Vec<Finding>;

    /// The network or egress policy whose strategy is asked. `network` comes with the request.
    fn of(&self, network: Option<String>) -> String;

    fn extension(set: &StrategySet) -> &Extension;

    fn ask(&self, of: &str, set: &StrategySet, clock: &Clock<'_>) -> Decided<Self::Decision>;

    /// For people, and whose it is.
    fn asked(&self, of: &str) -> (String, PodRef);
}

/// Candidates that have still to be asked what was answered.
#[derive(Debug)]
pub struct Trials {
    shadows: Vec<Shadowed>,
    record: u64,
    asked: String,
    pod: PodRef,
    generation: u64,
}

pub fn answer<Q: Question>(
    text: &[u8],
    network: Option<String>,
    in_force: &dyn InForce,
    records: &dyn Records,
) -> (Answer, Option<Trials>) {
    let facts: Q = match shape::read(text) {
        Ok(facts) => facts,
        Err(findings) => {
            return (refusal(StatusCode::BAD_REQUEST, "the body does not hold such facts", findings), None);
        }
    };
    let findings = facts.check();
    if !findings.is_empty() {
        let answer = refusal(StatusCode::UNPROCESSABLE_ENTITY, "the facts contradict themselves", findings);
        return (answer, None);
    }
    let of = facts.of(network);
    let set = in_force.strategies();
    let (generation, strategy) = (in_force.generation(), Q::extension(set).of(&of).name.to_string());
    let start = Instant::now();
    let clock = || u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    let time = now();
    let Decided { outcome, runs, shadows } = facts.ask(&of, set, &clock);
    let policies = runs.iter().map(ran).collect();
    let (asked, pod) = facts.asked(&of);
    let bytes = text.len().saturating_add(RECORD_BYTES).saturating_mul(runs.len());
    let runs = runs.into_iter().zip(0..).map(|(run, step)| recorded(run, step, time, &asked, &pod, generation));
    let record = records.keep(runs.collect(), bytes);
    let trials = (!shadows.is_empty()).then_some(Trials { shadows, record, asked, pod, generation });
    let outcome = match outcome {
        Ok(decision) => view::Outcome::Decided(decision),
        Err(no) => refused(no),
    };
    (json(StatusCode::OK, &Answered { record, generation, strategy, outcome, policies }), trials)
}

impl Trials {
    pub fn job(self, records: Arc<dyn Records>) -> Job {
        let Trials { shadows, record, asked, pod, generation } = self;
        let about = match pod.name.is_empty() {
            true => asked,
            false => format!("{}/{}", pod.namespace, pod.name),
        };
        let keep = move |tried: Vec<Tried>| {
            let time = now();
            let runs = tried.into_iter().flat_map(|one| {
                let asked = format!("in the place of strategy `{}`: {}", one.live, one.comparison.agreement);
                let pod = pod.clone();
                one.runs.into_iter().map(move |run| recorded(run, 0, time, &asked, &pod, generation))
            });
            records.also(record, runs.collect());
        };
        Job { shadowed: shadows, about, keep: Box::new(keep) }
    }
}

impl Question for attach::Facts {
    type Decision = Networks;

    fn check(&self) -> Vec<Finding> {
        check::attach(self)
    }

    /// The network that the NetConf names, which the facts say.
    fn of(&self, _: Option<String>) -> String {
        self.networks.iter().find(|offer| offer.default).map(|offer| offer.name.clone()).unwrap_or_default()
    }

    fn extension(set: &StrategySet) -> &Extension {
        &set.attach
    }

    fn ask(&self, of: &str, set: &StrategySet, clock: &Clock<'_>) -> Decided<Networks> {
        let Decided { outcome, runs, shadows } = nicety_strategies::attach(set, of, self, clock);
        Decided { outcome: outcome.map(|requests| Networks { requests }), runs, shadows }
    }

    fn asked(&self, _: &str) -> (String, PodRef) {
        ("networks of the pod".to_owned(), pod(&self.pod))
    }
}

impl Question for nic_selection::Facts {
    type Decision = Nics;

    fn check(&self) -> Vec<Finding> {
        check::nic_selection(self)
    }

    fn of(&self, network: Option<String>) -> String {
        network.unwrap_or_default()
    }

    fn extension(set: &StrategySet) -> &Extension {
        &set.nic_selection
    }

    fn ask(&self, of: &str, set: &StrategySet, clock: &Clock<'_>) -> Decided<Nics> {
        let Decided { outcome, runs, shadows } = nicety_strategies::selection(set, of, self, clock);
        let name = |candidate: u32| self.candidates.get(candidate as usize).map(|nic| nic.name.clone());
        let outcome = outcome.map(|chosen| Nics {
            chosen: chosen
                .choices
                .into_iter()
                .map(|choice| view::Nic {
                    name: name(choice.candidate).unwrap_or_default(),
                    candidate: choice.candidate,
                    reserve: choice.reserve,
                    reason: choice.reason,
                })
                .collect(),
            dropped: chosen.dropped,
        });
        Decided { outcome, runs, shadows }
    }

    fn asked(&self, of: &str) -> (String, PodRef) {
        let asked = if of.is_empty() { "NICs".to_owned() } else { format!("NICs of network `{of}`") };
        (asked, pod(&self.pod))
    }
}

impl Question for gateways::Facts {
    type Decision = Assignment;

    fn check(&self) -> Vec<Finding> {
        check::gateways(self)
    }

    fn of(&self, _: Option<String>) -> String {
        self.policy.clone()
    }

    fn extension(set: &StrategySet) -> &Extension {
        &set.gateway_distribution
    }

    fn ask(&self, of: &str, set: &StrategySet, clock: &Clock<'_>) -> Decided<Assignment> {
        nicety_strategies::distribution(set, of, self, clock)
    }

    fn asked(&self, of: &str) -> (String, PodRef) {
        let nobody = PodRef { namespace: String::new(), name: String::new(), uid: String::new() };
        (format!("gateways of the endpoints of egress policy `{of}`"), nobody)
    }
}

fn pod(pod: &nicety_core::facts::Pod) -> PodRef {
    PodRef { namespace: pod.namespace.clone(), name: pod.name.clone(), uid: pod.uid.clone() }
}

fn refused<T>(no: No) -> view::Outcome<T> {
    let message = no.to_string();
    match no {
        No::Denied { strategy, policy, denial } => {
            let (strategy, policy) = (Some(strategy.to_string()), Some(policy));
            view::Outcome::Denied(Denied { strategy, policy, denial: *denial })
        }
        No::Host(denial) => view::Outcome::Denied(Denied { strategy: None, policy: None, denial: *denial }),
        No::Failed { strategy, policy, failure: _ } => {
            view::Outcome::Failed(Failed { strategy: strategy.to_string(), policy, message, findings: Vec::new() })
        }
        No::Refused { strategy, policy, findings } => {
            view::Outcome::Failed(Failed { strategy: strategy.to_string(), policy, message, findings })
        }
    }
}

fn ran(run: &Run) -> Ran {
    Ran {
        role: run.role,
        strategy: run.strategy.to_string(),
        policy: run.policy.clone(),
        digest: run.digest.clone(),
        duration_us: run.duration_us,
        fuel: run.fuel,
    }
}

fn recorded(run: Run, step: u32, time: Millis, asked: &str, pod: &PodRef, generation: u64) -> DecisionRecord {
    let Run { role, strategy, policy, digest, config, config_hash, facts, outcome, findings, duration_us, fuel, log } =
        run;
    DecisionRecord {
        id: 0,
        step,
        time,
        key: None,
        pod: pod.clone(),
        asked: asked.to_owned(),
        role,
        generation,
        strategy,
        policy,
        digest,
        config,
        config_hash,
        facts,
        outcome: Outcome::from(outcome),
        findings,
        duration_us,
        fuel,
        log,
    }
}

/// Wall-clock time.
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
