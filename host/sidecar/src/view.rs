//! What is said over the socket, as types; the document is made from them.

use nicety_core::{
    decision::{Denial, Verdict},
    facts::Request,
    finding::Finding,
    record::decision::{DecisionRecord, Role},
};
use nicety_deciding::listing::{self, Strategy};
use nicety_strategies::StrategySet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What came of a question that could be put.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answered<T> {
    /// Of the decision record: `GET /v1/records/ID` while it is remembered.
    pub record: u64,
    /// Of the strategies in force, under which it was decided wholly.
    pub generation: u64,
    /// The strategy that was asked.
    pub strategy: String,
    pub outcome: Outcome<T>,
    /// Every run of a policy that led there, in order.
    pub policies: Vec<Ran>,
}

/// `decided` alone may be used. `denied` is a policy's (or, after all policies had spoken, the host's) no; `failed` is a policy that
/// broke a limit or the contract, or whose answer did not pass review.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Outcome<T> {
    Decided(T),
    Denied(Denied),
    Failed(Failed),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Denied {
    /// Null: the host itself says no.
    pub strategy: Option<String>,
    pub policy: Option<String>,
    pub denial: Denial,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    pub strategy: String,
    pub policy: String,
    pub message: String,
    /// What review found; empty when there was no answer to review.
    pub findings: Vec<Finding>,
}

/// The networks that the pod is attached to. Indexes are those of the facts' `networks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Networks {
    pub requests: Vec<Request>,
}

/// The NICs of one attachment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Nics {
    /// As many as were requested, in order of preference.
    pub chosen: Vec<Nic>,
    /// Candidates that a policy ruled out, and why; those in neither list were not needed.
    pub dropped: Vec<Verdict>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Nic {
    /// Index into the facts' `candidates`.
    pub candidate: u32,
    pub name: String,
    /// Bits per second to promise.
    pub reserve: Option<u64>,
    pub reason: String,
}

/// One run of one policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ran {
    pub role: Role,
    pub strategy: String,
    pub policy: String,
    /// SHA-256 of the module, in hexadecimal.
    pub digest: String,
    /// Microseconds.
    pub duration_us: u64,
    pub fuel: u64,
}

/// Strategies in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Strategies {
    /// Ascending from 1 with each set that came into force.
    pub generation: u64,
    /// Why what the file says now is not in force; empty when it is.
    pub refused: Vec<Finding>,
    pub strategies: Vec<Strategy>,
}

/// A decision as it is remembered: every run with its facts, answer and findings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    pub runs: Vec<DecisionRecord>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    pub version: String,
    pub generation: u64,
    /// False: what the file says now was refused, and the strategies before are in force.
    pub current: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Error {
    pub error: String,
    /// Everything that is wrong with the request; `path` names the field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

impl Strategies {
    pub fn of(generation: u64, refused: Vec<Finding>, set: &StrategySet) -> Strategies {
        Strategies { generation, refused, strategies: listing::strategies(set) }
    }
}
