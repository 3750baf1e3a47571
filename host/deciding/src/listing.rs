//! The strategies in force as they are told to people and other programs: by `nicety status`, and over the engine's socket.

use nicety_core::facts::Kind;
use nicety_strategies::{
    StrategySet,
    canary::{Score, Terms},
    set::{Body, Extension, Strategy as Running},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Strategy {
    pub name: String,
    pub kind: Option<Kind>,
    /// Null for a pipeline.
    pub policy: Option<Policy>,
    /// Names of its members, in order; empty for a policy.
    pub pipeline: Vec<String>,
    /// Decides in its place when it fails.
    pub fallback: Option<String>,
    /// Candidates that are asked the same once the answer is out, and compared.
    pub shadow: Vec<String>,
    /// Takes a share of its decisions.
    pub canary: Option<Canary>,
    /// Where it decides: `nicSelection.default`, `nicSelection.networks.rails`.
    pub decides: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    pub name: String,
    pub version: String,
    /// SHA-256 of the module, in hexadecimal.
    pub digest: String,
}

/// The strategy that takes a share, and what it has done with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Canary {
    pub strategy: String,
    pub terms: Terms,
    pub score: Score,
}

/// Every strategy of the set, by name.
pub fn strategies(set: &StrategySet) -> Vec<Strategy> {
    let StrategySet { attach, nic_selection, gateway_distribution, strategies } = set;
    let extensions = [
        ("attach", "networks", attach),
        ("nicSelection", "networks", nic_selection),
        ("gatewayDistribution", "egressPolicies", gateway_distribution),
    ];
    let decides = |strategy: &Running| {
        extensions.iter().flat_map(|(field, key, extension)| places(field, key, extension, strategy)).collect()
    };
    strategies.values().map(|strategy| one(strategy, decides(strategy))).collect()
}

fn one(strategy: &Running, decides: Vec<String>) -> Strategy {
    let (policy, pipeline) = match &strategy.body {
        Body::Policy(configured) => {
            let description = configured.policy.description();
            let (name, version) = (description.name.clone(), description.version.clone());
            (Some(Policy { name, version, digest: configured.policy.digest().to_owned() }), Vec::new())
        }
        Body::Pipeline(members) => (None, members.iter().map(|member| member.name.to_string()).collect()),
    };
    Strategy {
        name: strategy.name.to_string(),
        kind: strategy.kind(),
        policy,
        pipeline,
        fallback: strategy.fallback.as_ref().map(|fallback| fallback.name.to_string()),
        shadow: strategy.shadow.iter().map(|candidate| candidate.name.to_string()).collect(),
        canary: strategy.canary.as_ref().map(|canary| Canary {
            strategy: canary.strategy.name.to_string(),
            terms: canary.terms,
            score: canary.trial.score(),
        }),
        decides,
    }
}

/// Where a strategy decides within one extension point.
fn places(field: &str, key: &str, extension: &Extension, strategy: &Running) -> Vec<String> {
    let default = (extension.default.name == strategy.name).then(|| format!("{field}.default"));
    let overrides = extension.overrides.iter().filter(|(_, other)| other.name == strategy.name);
    default.into_iter().chain(overrides.map(|(of, _)| format!("{field}.{key}.{of}"))).collect()
}
