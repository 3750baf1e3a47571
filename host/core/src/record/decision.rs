//! What is remembered of a decision, so that it can be explained and replayed: the question in full, the answer, and what it cost.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PodRef;
use crate::{
    decision::Decision,
    evaluate::{LogLine, Refusal},
    facts::Facts,
    finding::Finding,
    ids::{AttachmentKey, StrategyName},
    millis::Millis,
};

/// One run of one policy on behalf of one attachment. An ADD makes several: one for attach, and one per strategy of the chain for
/// each attachment that it asked for. They share `id` and are told apart by `step`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DecisionRecord {
    /// Of the ADD, as `Record::decision` carries it; ascending over the life of the store.
    pub id: u64,
    /// Position among the decisions of the same ADD, from 0.
    pub step: u32,
    pub time: Millis,
    /// None: made for a caller that keeps its own attachments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<AttachmentKey>,
    pub pod: PodRef,
    /// For people: `NICs for net1 on network storage`.
    pub asked: String,
    #[serde(default)]
    pub role: Role,
    /// Of the strategies in force, under which it was made wholly.
    #[serde(default)]
    pub generation: u64,
    pub strategy: StrategyName,
    /// The policy's own name.
    #[serde(default)]
    pub policy: String,
    /// SHA-256 of the module, in hexadecimal; for a native policy, `native`.
    pub digest: String,
    /// JSON, as it was given to the policy; empty in a record of an older release.
    #[serde(default)]
    pub config: String,
    /// SHA-256 of the config, in hexadecimal.
    pub config_hash: String,
    pub facts: Facts,
    pub outcome: Outcome,
    /// What review found wrong with the decision; any finding means that it was not applied.
    pub findings: Vec<Finding>,
    /// Microseconds.
    pub duration_us: u64,
    pub fuel: u64,
    pub log: Vec<LogLine>,
}

/// What the outcome was used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    #[default]
    Live,
    /// Asked because the live policy failed.
    Fallback,
    /// Took this decision as part of its share of them, while it is being tried.
    Canary,
    /// Compared, never applied.
    Shadow,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    Decided(Decision),
    Refused(Refusal),
}

impl From<Result<Decision, Refusal>> for Outcome {
    fn from(outcome: Result<Decision, Refusal>) -> Outcome {
        match outcome {
            Ok(decision) => Outcome::Decided(decision),
            Err(refusal) => Outcome::Refused(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decision::{Choice, Denial, Selection},
        facts::nic_selection,
    };

    fn record(outcome: Result<Decision, Refusal>) -> DecisionRecord {
        DecisionRecord {
            id: 7,
            step: 1,
            time: Millis(1_700_000_000_000),
            key: Some(AttachmentKey {
                netconf: "multi".parse().unwrap(),
                container: "c1".parse().unwrap(),
                ifname: "net1".parse().unwrap(),
            }),
            pod: PodRef { namespace: "default".into(), name: "web".into(), uid: String::new() },
            asked: "NICs for net1".into(),
            role: Role::Shadow,
            generation: 3,
            strategy: "spread".parse().unwrap(),
            policy: "spread".into(),
            config: "{}".into(),
            digest: "native".into(),
            config_hash: "00".into(),
            facts: Facts::NicSelection(nic_selection::Facts::default()),
            outcome: outcome.into(),
            findings: vec![Finding::new("chosen[0]", "is not a candidate")],
            duration_us: 12,
            fuel: 3,
            log: Vec::new(),
        }
    }

    #[test]
    fn a_decision_record_reads_back_as_it_was_written() {
        let chosen = Choice { candidate: 2, reserve: Some(1), reason: "fewest attachments".into() };
        let decided = Decision::Selection(Selection { chosen: vec![chosen], ..Selection::default() });
        let denied = Refusal::Denied(Denial { code: "no-nic".into(), ..Denial::default() });
        let of_nobody = DecisionRecord { key: None, ..record(Ok(decided.clone())) };
        for record in [record(Ok(decided)), record(Err(denied)), of_nobody] {
            let text = serde_json::to_string(&record).unwrap();
            assert_eq!(serde_json::from_str::<DecisionRecord>(&text).unwrap(), record, "{text}");
        }
    }
}
