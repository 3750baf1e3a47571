//! `strategies.yaml`: who decides. What the names mean is checked when a set is built from it (crate `nicety-strategies`); here is
//! only its shape.

use std::{collections::BTreeMap, fmt, str::FromStr};

use nicety_core::ids::StrategyName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The whole document. What is left out is as in [`Strategies::built_in`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Strategies {
    /// Every strategy by its name.
    #[schemars(with = "BTreeMap<String, Strategy>")]
    pub strategies: BTreeMap<StrategyName, Strategy>,
    /// Which networks a pod is attached to. Overrides go by the network that the NetConf names.
    pub attach: Assigned,
    /// Which NICs serve an attachment. Overrides go by the attachment's network.
    pub nic_selection: Assigned,
    /// Which gateway an endpoint leaves through. Overrides go by the egress policy.
    pub gateway_distribution: Assigned,
}

/// The strategies of one extension point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assigned {
    #[schemars(with = "crate::text::StrategyRef")]
    pub default: StrategyName,
    /// By name of the network (or egress policy).
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, crate::text::StrategyRef>")]
    pub networks: BTreeMap<String, StrategyName>,
}

/// One policy with its config and limits, or a pipeline of strategies: exactly one of `policy` and `pipeline`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Strategy {
    #[schemars(with = "Option<crate::text::PolicyRefText>")]
    pub policy: Option<PolicyRef>,
    /// Strategies that narrow or reorder one after the other.
    #[schemars(with = "Vec<crate::text::StrategyRef>")]
    pub pipeline: Vec<StrategyName>,
    /// As the policy's own schema has it.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub config: Option<serde_json::Map<String, serde_json::Value>>,
    pub limits: Limits,
    pub on_failure: OnFailure,
}

/// Where a module comes from: `builtin:NAME`, or `file:PATH` relative to the manifests folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PolicyRef {
    Builtin(String),
    File(String),
}

/// What a policy may use for one decision; absent fields are as the engine's defaults for the kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Limits {
    /// Units of fuel, about one per WebAssembly instruction.
    #[schemars(range(min = 1))]
    pub fuel: Option<u64>,
    /// Wall-clock time, the backstop behind fuel.
    #[schemars(range(min = 1, max = 60_000))]
    pub milliseconds: Option<u64>,
    /// Bytes of linear memory.
    #[schemars(range(min = 65_536))]
    pub memory: Option<u64>,
    /// Bytes of the answer.
    #[schemars(range(min = 1))]
    pub output_bytes: Option<u64>,
    /// Bytes of all log messages together.
    pub log_bytes: Option<u64>,
}

/// What happens when the policy traps, stalls, balloons or lies. A denial is no failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    #[default]
    Deny,
    /// Another strategy decides in its place.
    Fallback(#[schemars(with = "crate::text::StrategyRef")] StrategyName),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a policy reference; hint: write `builtin:NAME` or `file:PATH`")]
pub struct InvalidPolicyRef(String);

impl FromStr for PolicyRef {
    type Err = InvalidPolicyRef;
    fn from_str(text: &str) -> Result<PolicyRef, InvalidPolicyRef> {
        match text.split_once(':') {
            Some(("builtin", name)) if !name.is_empty() => Ok(PolicyRef::Builtin(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(PolicyRef::File(path.to_owned())),
            _ => Err(InvalidPolicyRef(text.to_owned())),
        }
    }
}

impl TryFrom<String> for PolicyRef {
    type Error = InvalidPolicyRef;
    fn try_from(text: String) -> Result<PolicyRef, InvalidPolicyRef> {
        text.parse()
    }
}

impl From<PolicyRef> for String {
    fn from(reference: PolicyRef) -> String {
        reference.to_string()
    }
}

impl fmt::Display for PolicyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyRef::Builtin(name) => write!(f, "builtin:{name}"),
            PolicyRef::File(path) => write!(f, "file:{path}"),
        }
    }
}

impl Strategies {
    /// Without a `strategies.yaml`: the annotation decides, NICs come in the pool's order, endpoints take gateways in turn.
    pub fn built_in() -> Strategies {
        Strategies::default()
    }
}

impl Default for Strategies {
    fn default() -> Self {
        let policy = |name: &str| Strategy { policy: Some(PolicyRef::Builtin(name.to_owned())), ..Strategy::default() };
        let names = ["networks-annotation", "all", "round-robin"];
        let strategies = names.iter().filter_map(|name| Some((name.parse().ok()?, policy(name)))).collect();
        let [attach, nic_selection, gateway_distribution] = names.map(Assigned::to);
        Strategies { strategies, attach, nic_selection, gateway_distribution }
    }
}

impl Assigned {
    #[expect(clippy::expect_used, reason = "the three names of the built-in set are literals that the test below parses")]
    fn to(name: &str) -> Assigned {
        Assigned { default: name.parse().expect("a legal name"), networks: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_set_names_only_strategies_that_it_has() {
        let set = Strategies::built_in();
        for assigned in [&set.attach, &set.nic_selection, &set.gateway_distribution] {
            assert!(set.strategies.contains_key(&assigned.default), "{}", assigned.default);
        }
    }

    #[test]
    fn a_policy_reference_survives_text() {
        for text in ["builtin:all", "file:policies/mine.wasm"] {
            assert_eq!(text.parse::<PolicyRef>().unwrap().to_string(), text);
        }
        for bad in ["all", "builtin:", "file:", "http://x", ""] {
            assert!(bad.parse::<PolicyRef>().is_err(), "{bad}");
        }
    }
}
