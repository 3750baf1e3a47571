//! One thread of a replay: asks the policy what was asked before, and compares.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError, mpsc::Receiver},
};

use nicety_core::{
    compare::{Agreement, Said, compare},
    evaluate::Evaluator,
    finding::Finding,
    record::decision::DecisionRecord,
};
use nicety_engine::Policy;
use serde_json::Value;

use super::Changed;

/// What one thread found.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub counts: BTreeMap<(String, Agreement), u64>,
    /// Configs that the policy does not take, with the decisions that were made under them.
    pub refused: BTreeMap<String, (u64, Vec<Finding>)>,
    /// The worst and first ones, by agreement and place.
    pub changed: BTreeMap<(Reverse<Agreement>, u64), Changed>,
}

/// Until there is no more. `config` stands for those of the records.
pub(super) fn work(
    policy: &Policy,
    config: Option<&str>,
    records: &Mutex<Receiver<(u64, DecisionRecord)>>,
    limit: usize,
) -> Part {
    let mut part = Part::default();
    let mut known: HashMap<String, Vec<Finding>> = HashMap::new();
    loop {
        let next = records.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((place, record)) = next else { return part };
        if config.is_none() {
            let findings = known.entry(record.config.clone()).or_insert_with(|| refused(policy, &record.config));
            if !findings.is_empty() {
                part.refused.entry(record.config.clone()).or_insert_with(|| (0, findings.clone())).0 += 1;
                continue;
            }
        }
        part.one(policy, config, place, record, limit);
    }
}

impl Part {
    fn one(&mut self, policy: &Policy, config: Option<&str>, place: u64, record: DecisionRecord, limit: usize) {
        let description = policy.description();
        let facts = record.facts.with_attributes(|name| description.uses(name));
        let evaluation = policy.evaluate(config.unwrap_or(&record.config), &facts);
        let outcome = evaluation.outcome.as_ref();
        let findings = outcome.map(|decision| nicety_strategies::run::reviewed(&facts, decision)).unwrap_or_default();
        let comparison = compare(&record.facts, &Said::of(&record), &Said::reviewed(outcome, &findings));
        let DecisionRecord { id, step, time, pod, asked, strategy, policy, .. } = record;
        *self.counts.entry((strategy.to_string(), comparison.agreement)).or_default() += 1;
        if comparison.agreement == Agreement::Same {
            return;
        }
        let rank = (Reverse(comparison.agreement), place);
        let strategy = strategy.to_string();
        self.changed.insert(rank, Changed { id, step, time, pod, asked, strategy, policy, comparison });
        if self.changed.len() > limit {
            self.changed.pop_last();
        }
    }
}

fn refused(policy: &Policy, config: &str) -> Vec<Finding> {
    if config.is_empty() {
        return vec![Finding::new("", "the record is of a release that kept no config; hint: `--config FILE`")];
    }
    match serde_json::from_str::<Value>(config) {
        Ok(config) => nicety_strategies::build::refused_config(policy, &config),
        Err(error) => vec![Finding::new("", format!("is not JSON: {error}"))],
    }
}
