//! What the controller counts, in the text format of OpenMetrics.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::Counter,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

use crate::{egress::metrics::EgressMetrics, look::Tally};

pub struct Metrics {
    registry: Mutex<Registry>,
    leader: Gauge<i64, AtomicI64>,
    gauges: [Gauge<i64, AtomicI64>; 7],
    failing: Gauge<i64, AtomicI64>,
    written: Counter<u64, AtomicU64>,
    failed: Counter<u64, AtomicU64>,
    looks: Histogram,
    egress: Arc<EgressMetrics>,
}

/// In the order of `Tally`'s fields.
const GAUGES: [(&str, &str); 7] = [
    ("networks", "Networks there are"),
    ("nodes", "Nodes there are"),
    ("blocks", "IPBlocks there are, those that leave included"),
    ("interfaces_served", "NICs that have a block"),
    ("interfaces_short", "NICs for which no block is left"),
    ("blocks_waiting", "Blocks that leave and that their daemon has not let go of"),
    ("nodes_not_ready", "Nodes that are to be tainted"),
];

impl Metrics {
    pub fn new() -> Metrics {
        let mut registry = Registry::with_prefix("nicety_controller");
        let gauges = GAUGES.map(|(name, help)| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        });
        let (leader, failing) = (Gauge::default(), Gauge::default());
        registry.register("leader", "1 while this replica is the leader", leader.clone());
        registry.register("writes_failing", "Writes that failed and have not succeeded since", failing.clone());
        let (written, failed) = (Counter::default(), Counter::default());
        registry.register("writes", "Writes that succeeded", written.clone());
        registry.register("write_failures", "Writes that failed", failed.clone());
        let looks = Histogram::new(exponential_buckets(0.0005, 2.0, 14));
        registry.register("look_seconds", "Time that a computation of the whole cluster takes", looks.clone());
        let egress = Arc::new(EgressMetrics::register(&mut registry));
        Metrics { registry: Mutex::new(registry), leader, gauges, failing, written, failed, looks, egress }
    }

    pub fn egress(&self) -> Arc<EgressMetrics> {
        self.egress.clone()
    }

    pub fn lead(&self, leader: bool) {
        self.leader.set(i64::from(leader));
    }

    pub fn looked(&self, took: Duration) {
        self.looks.observe(took.as_secs_f64());
    }

    pub fn wrote(&self, well: bool) {
        if well {
            self.written.inc()
        } else {
            self.failed.inc()
        };
    }

    pub fn tell(&self, tally: Tally, failing: usize) {
        let Tally { networks, nodes, blocks, served, shortages, waiting, tainted } = tally;
        for (gauge, value) in self.gauges.iter().zip([networks, nodes, blocks, served, shortages, waiting, tainted]) {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
        self.failing.set(i64::try_from(failing).unwrap_or(i64::MAX));
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // A String takes everything.
        match encode(&mut text, &registry) {
            Ok(()) => text,
            Err(_) => String::new(),
        }
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
