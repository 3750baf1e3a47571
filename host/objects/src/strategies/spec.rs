//! `strategies.yaml` as its author writes it.

use std::collections::BTreeMap;

use nicety_core::{finding::Finding, ids::StrategyName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Assigned, Body, Limits, OnFailure, PolicyRef, Strategies, Strategy};
use crate::{
    manifest::read,
    schema::Compiled,
    text::{self, is_object_name},
};

/// The built-in policies that decide where nothing else is said. They exist as strategies of these names, unless a strategy of
/// the same name is written.
const ATTACH: &str = "networks-annotation";
const NIC_SELECTION: &str = "all";
const GATEWAY_DISTRIBUTION: &str = "round-robin";

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

    /// Names have been checked; one that is none after all is left out and missed where it is referred to.
    pub(super) fn with_defaults(self) -> Strategies {
        let StrategiesSpec { attach, nic_selection, gateway_distribution, strategies } = self;
        let mut strategies: BTreeMap<StrategyName, Strategy> = strategies
            .into_iter()
            .filter_map(|(name, spec)| Some((name.parse().ok()?, spec.into_strategy())))
            .collect();
        for name in [ATTACH, NIC_SELECTION, GATEWAY_DISTRIBUTION] {
            let body = Body::Policy {
                policy: PolicyRef::Builtin(name.to_owned()),
                config: Value::Object(Map::new()),
                limits: Limits::default(),
            };
            strategies.entry(builtin(name)).or_insert(Strategy { body, on_failure: OnFailure::Deny });
        }
        Strategies {
            attach: assigned(attach.default, ATTACH, attach.networks),
            nic_selection: assigned(nic_selection.default, NIC_SELECTION, nic_selection.networks),
            gateway_distribution: assigned(
                gateway_distribution.default,
                GATEWAY_DISTRIBUTION,
                gateway_distribution.egress_policies,
            ),
            strategies,
        }
    }
}

impl StrategySpec {
    fn check(&self) -> Vec<Finding> {
        let StrategySpec { policy, config, limits, pipeline, on_failure: _ } = self;
        match (policy, pipeline) {
            (Some(_), None) => Vec::new(),
            (None, None) => vec![Finding::new("", "has neither `policy` nor `pipeline`; hint: `policy: builtin:all`")],
            (Some(_), Some(_)) => {
                vec![Finding::new("pipeline", "stands beside `policy`; hint: a strategy is one or the other")]
            }
            (None, Some(_)) => {
                let fields = [("config", config.is_some()), ("limits", limits.is_some())];
                let message = "belongs to a policy; hint: write it at the strategies that the pipeline names";
                fields.iter().filter(|(_, there)| *there).map(|(field, _)| Finding::new(*field, message)).collect()
            }
        }
    }

    fn into_strategy(self) -> Strategy {
        let StrategySpec { policy, config, limits, pipeline, on_failure } = self;
        let body = match policy {
            Some(policy) => Body::Policy {
                policy,
                config: Value::Object(config.unwrap_or_default()),
                limits: limits.unwrap_or_default(),
            },
            None => Body::Pipeline(pipeline.unwrap_or_default().iter().filter_map(|name| name.parse().ok()).collect()),
        };
        let on_failure = match on_failure {
            OnFailureSpec::Deny => OnFailure::Deny,
            OnFailureSpec::Fallback(name) => name.parse().map_or(OnFailure::Deny, OnFailure::Fallback),
        };
        Strategy { body, on_failure }
    }
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
