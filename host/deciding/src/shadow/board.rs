//! What came of all shadow runs: how often a candidate agrees, and where it most often does not.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use nicety_core::compare::Agreement;
use nicety_strategies::Tried;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Different differences of one pair that are kept; then the rarest makes room.
const DIFFERENCES: usize = 200;

/// Counts since the start, bounded whatever candidates say.
#[derive(Debug, Default)]
pub struct Board(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    pairs: BTreeMap<(String, String), Counts>,
    passed_over: u64,
}

#[derive(Debug, Default)]
struct Counts {
    agreements: BTreeMap<Agreement, u64>,
    differences: BTreeMap<(String, String, String), (u64, String)>,
    runs: u64,
    duration_us: u64,
}

/// Differences of each pair that are told.
const TOP: usize = 20;

/// Candidates beside the strategies that decide, since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    pub pairs: Vec<Pair>,
    /// Runs that did not fit the budget.
    pub skipped: u64,
}

/// A candidate beside the strategy that decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    pub strategy: String,
    pub candidate: String,
    pub agreements: Vec<Agreed>,
    /// The most frequent first.
    pub differences: Vec<Difference>,
    /// Microseconds that the candidate took on average.
    pub mean_us: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agreed {
    pub agreement: Agreement,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    pub object: String,
    /// What the live strategy said of it, and what the candidate.
    pub live: String,
    pub candidate: String,
    pub count: u64,
    /// Who it was about last.
    pub last: String,
}

impl Board {
    pub(super) fn count(&self, tried: &Tried, about: &str) {
        let mut inner = self.locked();
        let counts = inner.pairs.entry((tried.live.to_string(), tried.candidate.to_string())).or_default();
        *counts.agreements.entry(tried.comparison.agreement).or_default() += 1;
        counts.runs += 1;
        counts.duration_us += tried.runs.iter().map(|run| run.duration_us).sum::<u64>();
        if tried.comparison.agreement == Agreement::Same {
            return;
        }
        for difference in &tried.comparison.differences {
            let key = (difference.object.clone(), difference.before.clone(), difference.after.clone());
            if counts.differences.len() >= DIFFERENCES && !counts.differences.contains_key(&key) {
                let rarest = counts.differences.iter().min_by_key(|(_, (count, _))| *count).map(|(key, _)| key.clone());
                rarest.map(|key| counts.differences.remove(&key));
            }
            let (count, last) = counts.differences.entry(key).or_default();
            *count += 1;
            about.clone_into(last);
        }
    }

    pub fn passed_over(&self, runs: usize) {
        self.locked().passed_over += runs as u64;
    }

    /// All pairs that ran, with their most frequent differences.
    pub fn compared(&self) -> Compared {
        Compared { pairs: self.pairs(TOP), skipped: self.not_run() }
    }

    /// Runs that did not fit the budget.
    pub fn not_run(&self) -> u64 {
        self.locked().passed_over
    }

    /// Every pair that ran, with its `top` differences.
    pub fn pairs(&self, top: usize) -> Vec<Pair> {
        let inner = self.locked();
        let pair = |((strategy, candidate), counts): (&(String, String), &Counts)| {
            let mut differences: Vec<Difference> = counts
                .differences
                .iter()
                .map(|((object, live, candidate), (count, last))| Difference {
                    object: object.clone(),
                    live: live.clone(),
                    candidate: candidate.clone(),
                    count: *count,
                    last: last.clone(),
                })
                .collect();
            differences.sort_by_key(|difference| std::cmp::Reverse(difference.count));
            differences.truncate(top);
            let agreed = |(agreement, count): (&Agreement, &u64)| Agreed { agreement: *agreement, count: *count };
            Pair {
                strategy: strategy.clone(),
                candidate: candidate.clone(),
                agreements: counts.agreements.iter().map(agreed).collect(),
                differences,
                mean_us: counts.duration_us.checked_div(counts.runs).unwrap_or_default(),
            }
        };
        inner.pairs.iter().map(pair).collect()
    }

    fn locked(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
