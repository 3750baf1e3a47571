//! An EgressHealth: what one node sees of the gateways that it watches. One small object per observer, named as the node and written by its
//! daemon alone, on a transition and not otherwise.

use std::collections::BTreeMap;

pub use nicety_core::egress::health::Verdict;
use nicety_core::{
    finding::Finding,
    ids::{InvalidName, NodeName},
    millis::Millis,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text;

/// Nodes that one node watches at most.
pub const MAX_OBSERVED: usize = 1024;

/// What the node of the same name sees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressHealthSpec {
    /// By name of the node. One that is watched and not listed has not been judged yet.
    #[serde(default)]
    #[schemars(length(max = 1024), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["node"]))]
    pub observed: Vec<ObservedSpec>,
}

/// One watched node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObservedSpec {
    /// Name of the watched node.
    #[schemars(with = "text::Node")]
    pub node: String,
    /// What the probes say.
    pub verdict: Verdict,
    /// Since when, in milliseconds since 1970 by the observer's clock.
    pub since: u64,
    /// What the last probe said, in words. Absent: it was answered.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub message: String,
}

/// One observer's word, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressHealth {
    pub observer: NodeName,
    pub observed: BTreeMap<NodeName, Observed>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    pub verdict: Verdict,
    pub since: Millis,
    pub message: String,
}

impl EgressHealth {
    pub fn new(observer: NodeName, spec: EgressHealthSpec) -> Result<EgressHealth, Vec<Finding>> {
        let (mut observed, mut findings) = (BTreeMap::new(), Vec::new());
        for (index, ObservedSpec { node, verdict, since, message }) in spec.observed.into_iter().enumerate() {
            let path = format!("spec.observed[{index}].node");
            match node.parse::<NodeName>() {
                Err(error) => findings.push(Finding::new(path, InvalidName::to_string(&error))),
                Ok(name) => {
                    if observed.insert(name, Observed { verdict, since: Millis(since), message }).is_some() {
                        findings.push(Finding::new(path, format!("`{node}` is there twice")));
                    }
                }
            }
        }
        if findings.is_empty() { Ok(EgressHealth { observer, observed }) } else { Err(findings) }
    }
}

impl From<&EgressHealth> for EgressHealthSpec {
    fn from(health: &EgressHealth) -> EgressHealthSpec {
        let observed = health.observed.iter().map(|(node, Observed { verdict, since, message })| ObservedSpec {
            node: node.to_string(),
            verdict: *verdict,
            since: since.0,
            message: message.chars().take(256).collect(),
        });
        EgressHealthSpec { observed: observed.collect() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::{self, Bare, Object};

    #[test]
    fn what_a_node_saw_is_read_and_written_alike() {
        let spec = json!({"observed": [
            {"node": "gw-1", "verdict": "healthy", "since": 1_700_000_000_000_u64},
            {"node": "gw-2", "verdict": "unhealthy", "since": 5, "message": "no echo within 1 s"},
        ]});
        let document = json!({"apiVersion": "nicety.dev/v1alpha1", "kind": "EgressHealth", "metadata": {"name": "node-1"}, "spec": spec});
        let Ok(Object::EgressHealth(health)) = manifest::parse(document, Bare::Nothing).1 else { panic!() };
        assert_eq!(health.observed[&"gw-2".parse().unwrap()].verdict, Verdict::Unhealthy);
        assert_eq!(serde_json::to_value(EgressHealthSpec::from(&health)).unwrap(), spec);
    }

    #[test]
    fn a_node_is_judged_once() {
        let twice = json!({"observed": [
            {"node": "gw-1", "verdict": "healthy", "since": 1}, {"node": "gw-1", "verdict": "unhealthy", "since": 2},
        ]});
        let found = EgressHealth::new("node-1".parse().unwrap(), serde_json::from_value(twice).unwrap()).unwrap_err();
        assert_eq!(found[0].to_string(), "spec.observed[1].node: `gw-1` is there twice");
    }
}
