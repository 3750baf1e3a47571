//! `strategies.yaml`: which policy decides what, as data. Whether the names lead somewhere and the configs are good is found out
//! where policies can be asked, in `nicety-strategies`.

mod builtin;
mod reference;
mod spec;

pub use builtin::BUILTIN;
pub use reference::{CONFIG_MAP_MODULE_MAX, InvalidPolicyRef, Module, ModuleRef, Modules, PolicyRef};
pub use spec::{
    CanarySpec, ExtensionPointSpec, GatewayPointSpec, OnFailureSpec, SignatureSpec, StrategiesSpec, StrategySpec,
};

use std::collections::BTreeMap;

use nicety_core::{facts::Kind, ids::StrategyName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Name of the ConfigMap, and the key in it.
pub const CONFIG_MAP: &str = "nicety-strategies";
pub const CONFIG_MAP_KEY: &str = "strategies.yaml";

/// Who decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Strategies {
    pub attach: Assigned,
    pub nic_selection: Assigned,
    pub gateway_distribution: Assigned,
    pub strategies: BTreeMap<StrategyName, Strategy>,
    /// What `configmap:KEY` leads to; empty where the document stands in no ConfigMap.
    pub modules: Modules,
}

/// The strategies of one extension point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assigned {
    pub default: StrategyName,
    /// By network; of gateway-distribution by EgressPolicy.
    pub overrides: BTreeMap<String, StrategyName>,
}

/// A named choice of policy, or of other strategies one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Strategy {
    pub body: Body,
    pub on_failure: OnFailure,
    /// Asked the same once the answer is out, and compared; never applied.
    pub shadow: Vec<StrategyName>,
    pub canary: Option<Canary>,
}

/// A strategy that takes a share of another's decisions while it is being tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    pub strategy: StrategyName,
    /// Of the pods, in percent: which ones is a hash of the pod, so a pod that comes back meets the same strategy.
    pub percent: u8,
    /// Failures in percent of its decisions above which it gets no more of them. A denial is no failure.
    pub max_failure_percent: u8,
    /// So many decisions are waited for before its failures are judged.
    pub judged_after: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Policy {
        module: ModuleRef,
        /// An object.
        config: Value,
        limits: Limits,
    },
    /// Each narrows or reorders what the one before left. Of gateways: filters, then one distribution.
    Pipeline(Vec<StrategyName>),
}

/// What one decision may cost. None: the engine's default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Limits {
    /// Units of fuel; about one a WebAssembly instruction.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// Wall-clock time, in milliseconds; the backstop behind fuel.
    #[schemars(range(min = 1, max = 60_000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
    /// Linear memory, in bytes.
    #[schemars(range(min = 65_536, max = 4_294_967_296_u64))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// What a decision may hold, in bytes.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
    /// What a decision may log, in bytes; the rest is dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u64>,
}

/// What happens when a strategy fails: it breaks a limit, traps, or its answer does not pass review. A denial is an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OnFailure {
    #[default]
    Deny,
    Fallback(StrategyName),
}

impl Strategies {
    pub fn assigned(&self, kind: Kind) -> Option<&Assigned> {
        match kind {
            Kind::Attach => Some(&self.attach),
            Kind::NicSelection => Some(&self.nic_selection),
            Kind::GatewayDistribution => Some(&self.gateway_distribution),
            // Filters stand in the pipelines of distributions.
            Kind::GatewayFilter => None,
        }
    }
}

/// What is said of a strategy's name that leads nowhere.
pub fn unknown(name: &StrategyName, strategies: &BTreeMap<StrategyName, Strategy>) -> String {
    let known = strategies.keys().map(StrategyName::as_str).collect::<Vec<_>>().join("`, `");
    format!("there is no strategy `{name}`; hint: there are `{known}`, and each built-in policy by its name")
}

impl Default for Strategies {
    /// Without `strategies.yaml`: the built-in policies that need no config. Each is a strategy of its own name.
    fn default() -> Self {
        StrategiesSpec::default().with_defaults()
    }
}

impl Assigned {
    pub fn to(&self, object: &str) -> &StrategyName {
        self.overrides.get(object).unwrap_or(&self.default)
    }

    /// Whether a strategy decides anything here.
    pub fn names(&self, strategy: &StrategyName) -> bool {
        self.default == *strategy || self.overrides.values().any(|other| other == strategy)
    }
}

#[cfg(test)]
mod tests;
