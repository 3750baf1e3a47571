//! A StrategyStatus: which strategies one node runs. One small object per node, named as the node and written by its daemon alone,
//! so that one listing shows the cluster and nothing grows with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;

/// What the node runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StrategyStatusStatus {
    /// How many times the daemon has taken new strategies since it started; each decision's record names it.
    pub generation: u64,
    /// The `metadata.resourceVersion` of the ConfigMap that is in force. Empty: the built-in defaults.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub config_map: String,
    /// One digest over all strategies and their modules: two nodes with the same digest decide alike.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// `NAME=DIGEST` of each policy, shortened, for people to compare.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strategies: Vec<StrategyState>,
    /// Version of the daemon.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub daemon: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// One strategy on this node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StrategyState {
    pub name: String,
    /// The policy as the strategies refer to it: `builtin:spread`, `configmap:KEY`, `oci://...`.
    pub policy: String,
    /// Digest of the module that is in force: `sha256:...`. Empty: none could be loaded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Why the strategy is not as its ConfigMap says. Empty: it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}
