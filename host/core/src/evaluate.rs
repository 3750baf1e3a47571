//! The seam between those who ask and those who run policies: the engine in a sandbox, `nicety-native` in process for tests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    decision::{Decision, Denial},
    facts::{Description, Facts, Kind},
};

/// Runs one loaded policy. Implementations keep nothing between two calls: same config and facts, same outcome, to the byte.
pub trait Evaluator: Send + Sync {
    fn kind(&self) -> Kind;

    fn description(&self) -> &Description;

    /// SHA-256 of the module, in hexadecimal; for a native policy, `native`.
    fn digest(&self) -> &str;

    /// Rules across fields that the schema cannot say; `Ok` with every finding, none when the config is good.
    fn validate_config(&self, config: &str) -> Result<Vec<String>, Failure>;

    /// `config` is JSON that the schema and `validate_config` have accepted. Facts of another kind are a `Failure::Kind`.
    fn evaluate(&self, config: &str, facts: &Facts) -> Evaluation;

    /// The same, but rather not at all (`Failure::Busy`) than in the way of somebody whose answer is waited for.
    fn evaluate_if_free(&self, config: &str, facts: &Facts) -> Evaluation {
        self.evaluate(config, facts)
    }
}

/// One run of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    pub outcome: Result<Decision, Refusal>,
    /// Units of fuel used; zero for a native policy.
    pub fuel: u64,
    pub log: Vec<LogLine>,
}

/// Why there is no decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Refusal {
    /// The policy said no.
    #[error("{}", .0.message)]
    Denied(Denial),
    /// The policy could not be brought to say anything.
    #[error(transparent)]
    Failed(Failure),
}

/// A policy that broke its limits or the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Failure {
    #[error("the policy used up its fuel of {limit} units; hint: it loops, or its limit is too low for these facts")]
    Fuel { limit: u64 },
    #[error("the policy ran for more than {milliseconds} ms")]
    Deadline { milliseconds: u64 },
    #[error("the policy asked for more memory than its limit of {bytes} bytes")]
    Memory { bytes: u64 },
    #[error("the policy recursed past its stack")]
    Stack,
    #[error("the policy's answer is larger than {bytes} bytes")]
    Output { bytes: u64 },
    #[error("the policy trapped: {message}")]
    Trap { message: String },
    #[error("the policy's answer breaks the contract: {message}")]
    Contract { message: String },
    #[error("the policy is of kind `{policy}` and was asked for `{asked}`", policy = .policy.name(), asked = .asked.name())]
    Kind { policy: Kind, asked: Kind },
    #[error("no sandbox came free within {milliseconds} ms; hint: raise the number of concurrent decisions")]
    Busy { milliseconds: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    pub level: Level,
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    Debug,
    Info,
    Warn,
}
