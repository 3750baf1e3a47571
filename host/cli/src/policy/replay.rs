//! `nicety policy replay`: what another policy would have decided, from the decisions that were made.

mod report;
mod worker;

use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Mutex,
        mpsc::{self, Receiver},
    },
    thread,
};

use anyhow::{Context, bail};
use nicety_core::{
    compare::{Agreement, Comparison},
    evaluate::Evaluator,
    facts::Kind,
    finding::{self, Finding},
    millis::Millis,
    record::{
        PodRef,
        decision::{DecisionRecord, Role},
    },
};
use nicety_deciding::chain;
use nicety_engine::{Engine, EngineConfig, Policy};
use serde::Serialize;

use super::{DIFFERENT, module, read};
use crate::{
    args::PolicyReplay,
    text::{complain, say},
};

/// Records on their way to the workers.
const WAITING: usize = 64;

/// A decision that would not have been the same.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Changed {
    id: u64,
    step: u32,
    time: Millis,
    pod: PodRef,
    asked: String,
    strategy: String,
    policy: String,
    #[serde(flatten)]
    comparison: Comparison,
}

/// A recorded config that the policy does not take.
#[derive(Debug, Serialize)]
pub(crate) struct RefusedConfig {
    config: String,
    decisions: u64,
    findings: Vec<Finding>,
}

/// Decisions of one strategy by how they agree.
pub(crate) type Counts = BTreeMap<Agreement, u64>;

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Replayed {
    pub agreements: Counts,
    by_strategy: BTreeMap<String, Counts>,
    refused_configs: Vec<RefusedConfig>,
    /// The worst and first of them, as many as were asked for.
    differences: Vec<Changed>,
}

/// What was not replayed, and why.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeftOut {
    other_kinds: u64,
    in_shadow: u64,
    /// By `--strategy` or `--pod`.
    unwanted: u64,
    unreadable: Vec<String>,
}

pub(super) fn run(arguments: &PolicyReplay) -> anyhow::Result<ExitCode> {
    let (policy, replayed, left_out) = replayed(arguments)?;
    if arguments.json {
        say(&serde_json::to_string_pretty(&report::document(&policy, &replayed, &left_out))?);
    } else {
        left_out.unreadable.iter().for_each(|error| complain(&format!("left out: {error}")));
        say(&report::text(&policy, &replayed, &left_out));
    }
    Ok(match replayed.verdict() {
        Verdict::Nothing => ExitCode::FAILURE,
        Verdict::Same => ExitCode::SUCCESS,
        Verdict::Different => ExitCode::from(DIFFERENT),
    })
}

/// What the arguments ask for.
pub(crate) fn replayed(arguments: &PolicyReplay) -> anyhow::Result<(Policy, Replayed, LeftOut)> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let sandboxes = u32::try_from(workers)?;
    let engine = Engine::new(EngineConfig { sandboxes, ..EngineConfig::default() })?;
    let policy = engine.load(&module(&arguments.with)?).with_context(|| format!("cannot load `{}`", arguments.with))?;
    let config = arguments.config.as_deref().map(config).transpose()?;
    if let Some(config) = &config {
        let refused = nicety_strategies::build::refused_config(&policy, &serde_json::from_str(config)?);
        if !refused.is_empty() {
            let findings: Vec<Finding> = refused.into_iter().map(|finding| finding.within("config")).collect();
            let name = &policy.description().name;
            bail!("the config is not one for policy `{name}`: {}", finding::list(&findings));
        }
    }
    let records = nicety_journal::read(&arguments.journal)?;
    let (replayed, left_out) = replay(arguments, &policy, config.as_deref(), records, workers);
    Ok((policy, replayed, left_out))
}

/// One reader, and as many workers as there are processors.
fn replay(
    arguments: &PolicyReplay,
    policy: &Policy,
    config: Option<&str>,
    records: nicety_journal::Records,
    workers: usize,
) -> (Replayed, LeftOut) {
    let (sender, receiver) = mpsc::sync_channel::<(u64, DecisionRecord)>(WAITING);
    let receiver: Mutex<Receiver<_>> = Mutex::new(receiver);
    let mut left_out = LeftOut::default();
    let parts = thread::scope(|scope| {
        let receiver = &receiver;
        let work = || scope.spawn(move || worker::work(policy, config, receiver, arguments.limit));
        let threads: Vec<_> = (0..workers).map(|_| work()).collect();
        let wanted = records.filter_map(|read| left_out.wanted(arguments, policy.kind(), read));
        for next in (0..).zip(wanted) {
            if sender.send(next).is_err() {
                break;
            }
        }
        drop(sender);
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect::<Vec<_>>()
    });
    (Replayed::of(parts, arguments.limit), left_out)
}

fn config(path: &std::path::Path) -> anyhow::Result<String> {
    let value: serde_json::Value =
        serde_json::from_str(&read(path)?).with_context(|| format!("`{}` is not JSON", path.display()))?;
    Ok(value.to_string())
}

impl LeftOut {
    fn wanted(
        &mut self,
        arguments: &PolicyReplay,
        kind: Kind,
        read: Result<DecisionRecord, nicety_journal::ReadError>,
    ) -> Option<DecisionRecord> {
        let record = match read {
            Ok(record) => record,
            Err(error) => {
                self.unreadable.push(chain(&error));
                return None;
            }
        };
        let pod = || format!("{}/{}", record.pod.namespace, record.pod.name);
        let PolicyReplay { strategy, pod: of, .. } = arguments;
        if record.facts.kind() != kind {
            self.other_kinds += 1;
        } else if record.role == Role::Shadow {
            self.in_shadow += 1;
        } else if strategy.as_ref().is_some_and(|wanted| record.strategy.as_str() != wanted)
            || of.as_ref().is_some_and(|wanted| pod() != *wanted)
        {
            self.unwanted += 1;
        } else {
            return Some(record);
        }
        None
    }
}

/// What the exit code tells.
enum Verdict {
    Nothing,
    Same,
    Different,
}

impl Replayed {
    fn of(parts: Vec<worker::Part>, limit: usize) -> Replayed {
        let mut all = Replayed::default();
        let mut refused: BTreeMap<String, RefusedConfig> = BTreeMap::new();
        let mut changed = BTreeMap::new();
        for part in parts {
            for ((strategy, agreement), count) in part.counts {
                *all.agreements.entry(agreement).or_default() += count;
                *all.by_strategy.entry(strategy).or_default().entry(agreement).or_default() += count;
            }
            for (config, (decisions, findings)) in part.refused {
                let known = refused.entry(config.clone()).or_insert(RefusedConfig { config, decisions: 0, findings });
                known.decisions += decisions;
            }
            changed.extend(part.changed);
        }
        all.refused_configs = refused.into_values().collect();
        all.differences = changed.into_values().take(limit).collect();
        all
    }

    pub fn compared(&self) -> u64 {
        self.agreements.values().sum()
    }

    pub fn changed(&self) -> u64 {
        self.agreements.iter().filter(|(agreement, _)| **agreement != Agreement::Same).map(|(_, count)| count).sum()
    }

    fn verdict(&self) -> Verdict {
        if self.changed() > 0 || !self.refused_configs.is_empty() {
            Verdict::Different
        } else if self.compared() == 0 {
            Verdict::Nothing
        } else {
            Verdict::Same
        }
    }
}
