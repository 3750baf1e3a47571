//! `strategies.yaml` as its author writes it.

use std::collections::BTreeMap;

use nicety_core::{finding::Finding, ids::StrategyName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Assigned, Body, Canary, Limits, ModuleRef, Modules, OnFailure, PolicyRef, Strategies, Strategy, builtin::strategy,
};
use crate::{
    manifest::read,
    schema::Compiled,
    text::{self, is_object_name},
};

/// The built-in policies that decide where nothing else is said.
const ATTACH: &str = "networks-annotation";
const NIC_SELECTION: &str = "all";
const GATEWAY_DISTRIBUTION: &str = "rendezvous";

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StrategiesSpec {
    /// Which networks a pod is attached to. Overrides go by the network that the NetConf names.
    pub attach: ExtensionPointSpec,
    /// Which NICs serve an attachment.
    pub nic_selection: ExtensionPointSpec,
    /// Which gateway an endpoint leaves through.
    pub gateway_distribution: GatewayPointSpec,
    pub strategies: BTreeMap<String, StrategySpec>,
    /// For every module of a registry, unless its strategy says otherwise.
    pub require_signature: Option<SignatureSpec>,
}

/// Which signatures make a module of a registry one of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignatureSpec {
    /// ECDSA P-256, each a PEM text; a signature by one of them is enough.
    #[schemars(length(min = 1))]
    pub public_keys: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CanarySpec {
    /// Takes the share.
    #[schemars(with = "text::StrategyRef")]
    pub strategy: String,
    /// Of the pods.
    #[schemars(range(min = 1, max = 100))]
    pub percent: u8,
    /// Of its decisions; above it the strategy gets no more.
    #[serde(default = "max_failure_percent")]
    #[schemars(range(max = 99))]
    pub max_failure_percent: u8,
    /// Decisions before its failures are judged.
    #[serde(default = "judged_after")]
    #[schemars(range(min = 1, max = 100_000))]
    pub judged_after: u32,
}

fn max_failure_percent() -> u8 {
    5
}

fn judged_after() -> u32 {
    20
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ExtensionPointSpec {
    #[schemars(with = "Option<text::StrategyRef>")]
    pub default: Option<String>,
    /// By name of the Network.
    #[schemars(with = "BTreeMap<String, text::StrategyRef>")]
    pub networks: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GatewayPointSpec {
    #[schemars(with = "Option<text::StrategyRef>")]
    pub default: Option<String>,
    /// By name of the EgressPolicy.
    #[schemars(with = "BTreeMap<String, text::StrategyRef>")]
    pub egress_policies: BTreeMap<String, String>,
}

/// Either `policy` (with its `config` and `limits`) or `pipeline`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StrategySpec {
    #[schemars(with = "Option<text::PolicyRefText>")]
    pub policy: Option<PolicyRef>,
    /// Handed to the policy as JSON, once its schema and the policy itself have accepted it.
    pub config: Option<Map<String, Value>>,
    pub limits: Option<Limits>,
    #[schemars(with = "Option<Vec<text::StrategyRef>>", length(min = 1))]
    pub pipeline: Option<Vec<String>>,
    pub on_failure: OnFailureSpec,
    /// Strategies that are asked the same after the answer is out, compared and never applied.
    #[schemars(with = "Vec<text::StrategyRef>")]
    pub shadow: Vec<String>,
    pub canary: Option<CanarySpec>,
    /// In place of the document's own.
    pub require_signature: Option<SignatureSpec>,
}

/// `deny`, or `fallback: STRATEGY`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnFailureSpec {
    #[default]
    Deny,
    Fallback(#[schemars(with = "text::StrategyRef")] String),
}

impl Strategies {
    /// Every finding has its path in the document: `strategies.rails.pipeline`.
    pub fn from_value(value: Value) -> Result<Strategies, Vec<Finding>> {
        static SCHEMA: std::sync::LazyLock<Compiled> = std::sync::LazyLock::new(Compiled::new::<StrategiesSpec>);
        read::<StrategiesSpec, Strategies>(&SCHEMA, value, StrategiesSpec::validate)
    }
}

impl StrategiesSpec {
    fn validate(self) -> Result<Strategies, Vec<Finding>> {
        let mut findings = Vec::new();
        let tables = [
            ("attach.networks", &self.attach.networks),
            ("nicSelection.networks", &self.nic_selection.networks),
            ("gatewayDistribution.egressPolicies", &self.gateway_distribution.egress_policies),
        ];
        for (path, table) in tables {
            findings.extend(
                table
                    .keys()
                    .filter(|name| !is_object_name(name))
                    .map(|name| Finding::new(format!("{path}.{name}"), "is not the name of an object")),
            );
        }
        for (name, strategy) in &self.strategies {
            if !is_object_name(name) {
                findings.push(Finding::new(
                    format!("strategies.{name}"),
                    "is not a strategy name: lower-case letters, digits, `-` and `.`",
                ));
            }
            findings.extend(strategy.check().into_iter().map(|finding| finding.within(&format!("strategies.{name}"))));
        }
        if findings.is_empty() { Ok(self.with_defaults()) } else { Err(findings) }
    }

    /// Names have been checked; one that is none after all is left out and missed where it is referred to. Built-in policies that are named
    /// are defined.
    pub(super) fn with_defaults(self) -> Strategies {
        let StrategiesSpec { attach, nic_selection, gateway_distribution, strategies, require_signature } = self;
        let keys = require_signature.map(|required| required.public_keys).unwrap_or_default();
        let mut strategies: BTreeMap<StrategyName, Strategy> = strategies
            .into_iter()
            .filter_map(|(name, spec)| Some((name.parse().ok()?, spec.into_strategy(&keys))))
            .collect();
        for name in [ATTACH, NIC_SELECTION, GATEWAY_DISTRIBUTION].map(builtin) {
            strategies.entry(name.clone()).or_insert_with(|| strategy(&name));
        }
        let strategies = Strategies {
            attach: assigned(attach.default, ATTACH, attach.networks),
            nic_selection: assigned(nic_selection.default, NIC_SELECTION, nic_selection.networks),
            gateway_distribution: assigned(
                gateway_distribution.default,
                GATEWAY_DISTRIBUTION,
                gateway_distribution.egress_policies,
            ),
            strategies,
            modules: Modules::new(),
        };
        strategies.provided()
    }
}

impl StrategySpec {
    fn check(&self) -> Vec<Finding> {
        let StrategySpec { policy, config, limits, pipeline, on_failure: _, shadow: _, canary: _, require_signature } =
            self;
        let of_policy = [
            ("config", config.is_some()),
            ("limits", limits.is_some()),
            ("requireSignature", require_signature.is_some()),
        ];
        match (policy, pipeline) {
            (Some(PolicyRef::Oci(_)), None) => Vec::new(),
            (Some(_), None) if require_signature.is_some() => {
                let message = "is for modules of a registry; hint: push the module and refer to it by `oci://`";
                vec![Finding::new("requireSignature", message)]
            }
            (Some(_), None) => Vec::new(),
            (None, None) => vec![Finding::new("", "has neither `policy` nor `pipeline`; hint: `policy: builtin:all`")],
            (Some(_), Some(_)) => {
                vec![Finding::new("pipeline", "stands beside `policy`; hint: a strategy is one or the other")]
            }
            (None, Some(_)) => {
                let message = "belongs to a policy; hint: write it at the strategies that the pipeline names";
                of_policy.iter().filter(|(_, there)| *there).map(|(field, _)| Finding::new(*field, message)).collect()
            }
        }
    }

    /// `keys`: whose signature modules of a registry need where the strategy does not say it.
    fn into_strategy(self, keys: &[String]) -> Strategy {
        let StrategySpec { policy, config, limits, pipeline, on_failure, shadow, canary, require_signature } = self;
        let body = match policy {
            Some(policy) => {
                let of_registry = matches!(policy, PolicyRef::Oci(_));
                let own = require_signature.map(|required| required.public_keys);
                let signed_by = own.unwrap_or_else(|| keys.to_vec());
                Body::Policy {
                    module: ModuleRef { policy, signed_by: if of_registry { signed_by } else { Vec::new() } },
                    config: Value::Object(config.unwrap_or_default()),
                    limits: limits.unwrap_or_default(),
                }
            }
            None => Body::Pipeline(names(pipeline.unwrap_or_default())),
        };
        let on_failure = match on_failure {
            OnFailureSpec::Deny => OnFailure::Deny,
            OnFailureSpec::Fallback(name) => name.parse().map_or(OnFailure::Deny, OnFailure::Fallback),
        };
        Strategy { body, on_failure, shadow: names(shadow), canary: canary.and_then(CanarySpec::into_canary) }
    }
}

impl CanarySpec {
    fn into_canary(self) -> Option<Canary> {
        let CanarySpec { strategy, percent, max_failure_percent, judged_after } = self;
        Some(Canary { strategy: strategy.parse().ok()?, percent, max_failure_percent, judged_after })
    }
}

fn names(written: Vec<String>) -> Vec<StrategyName> {
    written.iter().filter_map(|name| name.parse().ok()).collect()
}

fn assigned(default: Option<String>, builtin_name: &str, overrides: BTreeMap<String, String>) -> Assigned {
    let default = default.and_then(|name| name.parse().ok()).unwrap_or_else(|| builtin(builtin_name));
    let overrides = overrides.into_iter().filter_map(|(object, name)| Some((object, name.parse().ok()?))).collect();
    Assigned { default, overrides }
}

#[expect(clippy::expect_used, reason = "the three constants above are legal names, which a test holds")]
fn builtin(name: &str) -> StrategyName {
    name.parse().expect("a built-in policy has a legal name")
}
