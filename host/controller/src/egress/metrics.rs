//! What is counted of egress.

use std::{
    sync::atomic::{AtomicI64, AtomicU64},
    time::Duration,
};

use nicety_strategies::Tried;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

#[derive(Debug)]
pub struct EgressMetrics {
    gauges: [Gauge<i64, AtomicI64>; 6],
    looks: Counter<u64, AtomicU64>,
    recomputations: Counter<u64, AtomicU64>,
    moved: Counter<u64, AtomicU64>,
    written: Counter<u64, AtomicU64>,
    failed: Counter<u64, AtomicU64>,
    shadows: Family<PairLabels, Counter>,
    passed_over: Counter<u64, AtomicU64>,
    seconds: Histogram,
}

/// Names of strategies, of which a document has few.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PairLabels {
    strategy: String,
    candidate: String,
    agreement: &'static str,
}

/// For gauges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EgressTally {
    pub policies: usize,
    pub degraded: usize,
    pub endpoints: usize,
    /// Whose packets are dropped.
    pub unassigned: usize,
    pub gateways: usize,
    pub slices: usize,
}

/// In the order of the tally's fields.
const GAUGES: [(&str, &str); 6] = [
    ("egress_policies", "EgressPolicies there are"),
    ("egress_policies_degraded", "EgressPolicies of which something is not as they want it"),
    ("egress_endpoints", "Pods that egress policies capture, counted for each policy"),
    ("egress_endpoints_unassigned", "Those of them that have no gateway: their packets are dropped"),
    ("egress_gateways", "Gateways that pods leave through, counted for each policy"),
    ("egress_slices", "EgressSlices there should be"),
];

impl EgressMetrics {
    pub fn register(registry: &mut Registry) -> EgressMetrics {
        let gauges = GAUGES.map(|(name, help)| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        });
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let looks = counter("egress_looks", "Looks at what egress depends on, most of which find nothing new");
        let recomputations = counter("egress_recomputations", "Distributions of pods over gateways");
        let moved = counter("egress_endpoints_moved", "Pods that were moved from one gateway to another");
        let written = counter("egress_writes", "Writes for egress that succeeded");
        let failed = counter("egress_write_failures", "Writes for egress that failed");
        let passed_over = counter("egress_shadow_runs_skipped", "Candidates that did not fit the budget");
        let shadows = Family::default();
        registry.register("egress_shadow_runs", "Candidates compared with what was decided", shadows.clone());
        let seconds = Histogram::new(exponential_buckets(0.001, 2.0, 14));
        let help = "Time of one recomputation, from what is watched to what is to be written";
        registry.register("egress_recomputation_seconds", help, seconds.clone());
        EgressMetrics { gauges, looks, recomputations, moved, written, failed, shadows, passed_over, seconds }
    }

    pub fn looked(&self) {
        self.looks.inc();
    }

    pub fn recomputed(&self, took: Duration, moved: usize) {
        self.recomputations.inc();
        self.moved.inc_by(moved as u64);
        self.seconds.observe(took.as_secs_f64());
    }

    pub fn wrote(&self, well: bool) {
        if well {
            self.written.inc()
        } else {
            self.failed.inc()
        };
    }

    /// A candidate that was asked.
    pub fn tried(&self, Tried { live, candidate, comparison, runs: _ }: &Tried) {
        let (strategy, candidate) = (live.to_string(), candidate.to_string());
        self.shadows.get_or_create(&PairLabels { strategy, candidate, agreement: comparison.agreement.name() }).inc();
    }

    /// Candidates that were not.
    pub fn passed_over(&self, count: usize) {
        self.passed_over.inc_by(count as u64);
    }

    pub fn tell(&self, tally: EgressTally) {
        let EgressTally { policies, degraded, endpoints, unassigned, gateways, slices } = tally;
        for (gauge, value) in self.gauges.iter().zip([policies, degraded, endpoints, unassigned, gateways, slices]) {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }
}
