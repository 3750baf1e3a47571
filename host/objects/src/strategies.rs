//! `strategies.yaml`: which policy decides what, as data. Whether the names lead somewhere and the configs are good is found out
//! where policies can be asked, in `nicety-strategies`.

mod spec;

pub use spec::{ExtensionPointSpec, GatewayPointSpec, OnFailureSpec, StrategiesSpec, StrategySpec};

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr};

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
}

#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    Policy {
        policy: PolicyRef,
        /// An object.
        config: Value,
        limits: Limits,
    },
    /// Each narrows or reorders what the one before left. Of gateways: filters, then one distribution.
    Pipeline(Vec<StrategyName>),
}

/// Where a policy's module is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PolicyRef {
    /// Shipped with the daemon.
    Builtin(String),
    /// A file; a relative path starts at the manifests folder.
    File(PathBuf),
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

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a policy reference; hint: write `builtin:NAME` or `file:PATH`")]
pub struct InvalidPolicyRef {
    text: String,
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
}

impl FromStr for PolicyRef {
    type Err = InvalidPolicyRef;
    fn from_str(text: &str) -> Result<Self, InvalidPolicyRef> {
        match text.split_once(':') {
            Some(("builtin", name)) if name.parse::<StrategyName>().is_ok() => Ok(PolicyRef::Builtin(name.to_owned())),
            Some(("file", path)) if !path.is_empty() && !path.contains('\0') => Ok(PolicyRef::File(path.into())),
            _ => Err(InvalidPolicyRef { text: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for PolicyRef {
    type Error = InvalidPolicyRef;
    fn try_from(text: String) -> Result<Self, InvalidPolicyRef> {
        text.parse()
    }
}

impl From<PolicyRef> for String {
    fn from(policy: PolicyRef) -> String {
        policy.to_string()
    }
}

impl fmt::Display for PolicyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyRef::Builtin(name) => write!(f, "builtin:{name}"),
            PolicyRef::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests;
