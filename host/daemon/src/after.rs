//! What is done once a reply has been sent: nobody waits for it.

use std::sync::Arc;

use nicety_core::{
    ids::AttachmentKey,
    record::{
        PodRef,
        decision::{DecisionRecord, Outcome},
    },
};
use nicety_deciding::Job;
use nicety_strategies::{Run, Shadowed};

use crate::{
    cluster::told::Told,
    node::{Node, now},
};

/// Left by a call that decided something; empty for all others.
#[derive(Debug, Default)]
pub struct After {
    /// Of the call's decisions, in order.
    pub records: Vec<DecisionRecord>,
    /// Candidates that have still to be asked.
    pub shadows: Vec<Shadowed>,
    /// For the pod's object in the API.
    pub told: Option<Told>,
}

/// What all records of one ADD have in common.
#[derive(Debug, Clone)]
pub struct Occasion {
    pub id: u64,
    pub generation: u64,
    pub key: AttachmentKey,
    pub pod: PodRef,
}

impl After {
    pub fn run(self, node: &Arc<Node>) {
        let After { records, shadows, told } = self;
        if let (Some(told), Some(cluster)) = (told, node.source.cluster()) {
            cluster.tell(told);
        }
        let step = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let occasion = records.first().filter(|_| !shadows.is_empty()).and_then(Occasion::of);
        node.journal.append(records);
        let Some(occasion) = occasion else { return };
        let about = format!("{}/{}", occasion.pod.namespace, occasion.pod.name);
        let keeping = node.clone();
        let keep = move |tried: Vec<nicety_strategies::Tried>| {
            let runs = tried.into_iter().flat_map(|one| {
                let asked = format!("in the place of strategy `{}`: {}", one.live, one.comparison.agreement);
                one.runs.into_iter().map(move |run| (asked.clone(), run))
            });
            let records: Vec<DecisionRecord> =
                (step..).zip(runs).map(|(step, (asked, run))| occasion.record(step, asked, run)).collect();
            records.iter().for_each(|record| keeping.metrics.count_record(record));
            keeping.store.remember(&records);
            keeping.journal.append(records);
        };
        node.shadows.offer(Job { shadowed: shadows, about, keep: Box::new(keep) });
    }
}

impl Occasion {
    fn of(record: &DecisionRecord) -> Option<Occasion> {
        let DecisionRecord { id, generation, key, pod, .. } = record;
        Some(Occasion { id: *id, generation: *generation, key: key.clone()?, pod: pod.clone() })
    }

    pub fn record(&self, step: u32, asked: String, run: Run) -> DecisionRecord {
        DecisionRecord {
            id: self.id,
            step,
            time: now(),
            key: Some(self.key.clone()),
            pod: self.pod.clone(),
            asked,
            role: run.role,
            generation: self.generation,
            strategy: run.strategy,
            policy: run.policy,
            digest: run.digest,
            config: run.config,
            config_hash: run.config_hash,
            facts: run.facts,
            outcome: Outcome::from(run.outcome),
            findings: run.findings,
            duration_us: run.duration_us,
            fuel: run.fuel,
            log: run.log,
        }
    }
}
