//! What is counted, in the text format of OpenMetrics.

use std::{fmt, sync::atomic::AtomicU64};

use nicety_core::{
    evaluate::Refusal,
    record::decision::{DecisionRecord, Outcome, Role},
};
use nicety_strategies::StrategySet;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::shadow::Board;

/// Seconds; a Rust policy takes 20 microseconds, a Python one a millisecond.
const BUCKETS: [f64; 10] = [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.001, 0.0025, 0.01, 0.05, 0.25];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RunLabels {
    strategy: String,
    policy: String,
    role: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PairLabels {
    strategy: String,
    candidate: String,
    agreement: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CanaryLabels {
    strategy: String,
    canary: String,
}

/// Counted while deciding.
#[derive(Default)]
pub struct Metrics {
    runs: Family<RunLabels, Counter>,
    fuel: Counter,
    durations: Durations,
}

struct Durations(Histogram);

/// What is looked up when somebody asks.
#[derive(Debug)]
pub struct Now<'a> {
    pub generation: u64,
    /// Findings that keep what was read out of force.
    pub refused: usize,
    pub set: &'a StrategySet,
    pub board: &'a Board,
    /// Decision records that did not get to the disk.
    pub records_lost: u64,
}

impl Metrics {
    /// A run of a policy.
    pub fn count_record(&self, record: &DecisionRecord) {
        let outcome = match &record.outcome {
            Outcome::Decided(_) if record.findings.is_empty() => "decided",
            Outcome::Decided(_) => "refused",
            Outcome::Refused(Refusal::Denied(_)) => "denied",
            Outcome::Refused(Refusal::Failed(_)) => "failed",
        };
        let role = match record.role {
            Role::Live => "live",
            Role::Fallback => "fallback",
            Role::Canary => "canary",
            Role::Shadow => "shadow",
        };
        let labels = RunLabels { strategy: record.strategy.to_string(), policy: record.policy.clone(), role, outcome };
        self.runs.get_or_create(&labels).inc();
        self.fuel.inc_by(record.fuel);
        self.durations.0.observe(record.duration_us as f64 / 1e6);
    }

    /// Everything, for a scraper.
    pub fn text(&self, now: &Now<'_>) -> String {
        let mut registry = Registry::with_prefix("nicety");
        registry.register("policy_runs", "Runs of policies", self.runs.clone());
        registry.register("policy_fuel", "Fuel that policies used", self.fuel.clone());
        registry.register("policy_run_seconds", "Duration of a run of a policy", self.durations.0.clone());
        let gauge = |value: u64| Gauge::<i64>::from_value(value);
        registry.register("strategies_generation", "Of what is in force", gauge(now.generation));
        registry.register(
            "strategies_refused_findings",
            "Findings that keep what was read out of force; zero when it is in force",
            gauge(now.refused as u64),
        );
        let shadows = Family::<PairLabels, Counter>::default();
        for pair in now.board.pairs(0) {
            for agreed in pair.agreements {
                let labels = PairLabels {
                    strategy: pair.strategy.clone(),
                    candidate: pair.candidate.clone(),
                    agreement: agreed.agreement.to_string(),
                };
                shadows.get_or_create(&labels).inc_by(agreed.count);
            }
        }
        registry.register("shadow_runs", "Candidates compared with what was decided", shadows);
        let not_run = Counter::<u64, AtomicU64>::default();
        not_run.inc_by(now.board.not_run());
        registry.register("shadow_runs_skipped", "Candidates that did not fit the budget", not_run);
        let lost = Counter::<u64, AtomicU64>::default();
        lost.inc_by(now.records_lost);
        registry.register("journal_records_lost", "Decision records that the journal on disk does not have", lost);
        let (decisions, failures) =
            (Family::<CanaryLabels, Counter>::default(), Family::<CanaryLabels, Counter>::default());
        let rolled_back = Family::<CanaryLabels, Gauge>::default();
        for strategy in now.set.strategies.values() {
            let Some(canary) = &strategy.canary else { continue };
            let labels = CanaryLabels { strategy: strategy.name.to_string(), canary: canary.strategy.name.to_string() };
            let score = canary.trial.score();
            decisions.get_or_create(&labels).inc_by(score.decisions);
            failures.get_or_create(&labels).inc_by(score.failures);
            rolled_back.get_or_create(&labels).set(i64::from(score.rolled_back));
        }
        registry.register("canary_decisions", "Decisions of canaries", decisions);
        registry.register("canary_failures", "Failures of canaries", failures);
        registry.register("canary_rolled_back", "1 for a canary that gets no more decisions", rolled_back);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

trait FromValue {
    fn from_value(value: u64) -> Self;
}

impl FromValue for Gauge<i64> {
    fn from_value(value: u64) -> Self {
        let gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        gauge
    }
}

impl Default for Durations {
    fn default() -> Self {
        Durations(Histogram::new(BUCKETS))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
