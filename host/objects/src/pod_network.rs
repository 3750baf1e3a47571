//! PodNetwork and PodNetworkAttachment: networks as the proposal for Kubernetes itself names them. What they refer to may come
//! later; that is a condition of their status.

use nicety_core::finding::Finding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{API_VERSION, condition::Condition, text};

/// Who serves a PodNetwork that names no provider.
pub const PROVIDER: &str = "nicety.dev";

/// A network that pods can be attached to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodNetworkSpec {
    /// Whether new pods may be attached. Pods that are attached keep their interfaces. The one field that may change.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// Who serves the network. Absent: `nicety.dev`. Never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub provider: Option<String>,
    /// What describes the network. Of `nicety.dev` one Network. Never changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub parameters_refs: Vec<ParametersRef>,
}

/// A way into a PodNetwork with parameters of its own. All of it never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodNetworkAttachmentSpec {
    /// Name of the PodNetwork.
    #[schemars(with = "text::ObjectName")]
    pub pod_network_name: String,
    /// What describes the attachment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub parameters_refs: Vec<ParametersRef>,
}

/// An object by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParametersRef {
    /// API group of the object, without a version.
    #[schemars(with = "text::ObjectName")]
    pub group: String,
    /// Kind of the object.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Name of the object.
    #[schemars(with = "text::ObjectName")]
    pub name: String,
    /// Absent: the object is cluster-scoped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<text::Namespace>")]
    pub namespace: Option<String>,
}

/// Of a PodNetwork and of a PodNetworkAttachment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PodNetworkStatus {
    /// `Ready`, and `ParamsReady` where there are parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodNetwork {
    pub name: String,
    pub enabled: bool,
    pub provider: String,
    pub parameters: Vec<ParametersRef>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodNetworkAttachment {
    pub namespace: String,
    pub name: String,
    pub pod_network: String,
    pub parameters: Vec<ParametersRef>,
}

impl PodNetwork {
    pub fn new(name: String, spec: PodNetworkSpec) -> Result<PodNetwork, Vec<Finding>> {
        let PodNetworkSpec { enabled, provider, parameters_refs: parameters } = spec;
        let mut findings = twice(&parameters);
        let provider = provider.unwrap_or_else(|| PROVIDER.to_owned());
        if provider == PROVIDER {
            findings.extend(ours(&parameters));
        }
        let (domain, path) = provider.split_once('/').unwrap_or((&provider, "x"));
        if !text::is_subdomain(domain) || path.is_empty() {
            let message = format!("`{provider}` is not a domain, or a domain with a path behind a `/`");
            findings.push(Finding::new("spec.provider", message));
        }
        if findings.is_empty() { Ok(PodNetwork { name, enabled, provider, parameters }) } else { Err(findings) }
    }
}

impl PodNetworkAttachment {
    pub fn new(
        namespace: String,
        name: String,
        spec: PodNetworkAttachmentSpec,
    ) -> Result<PodNetworkAttachment, Vec<Finding>> {
        let PodNetworkAttachmentSpec { pod_network_name: pod_network, parameters_refs: parameters } = spec;
        let findings = twice(&parameters);
        if findings.is_empty() {
            Ok(PodNetworkAttachment { namespace, name, pod_network, parameters })
        } else {
            Err(findings)
        }
    }
}

fn ours(parameters: &[ParametersRef]) -> Vec<Finding> {
    let group = API_VERSION.split('/').next().unwrap_or_default();
    let mut findings = Vec::new();
    for (index, reference) in parameters.iter().enumerate() {
        let path = format!("spec.parametersRefs[{index}]");
        let ParametersRef { group: theirs, kind, name: _, namespace } = reference;
        if theirs != group || kind != "Network" || namespace.is_some() {
            let message =
                format!("is no Network of `{group}`, which `{PROVIDER}` serves; hint: name another `provider`");
            findings.push(Finding::new(path, message));
        } else if index > 0 {
            findings.push(Finding::new(path, "is a second Network; hint: make a PodNetwork of each"));
        }
    }
    findings
}

fn twice(parameters: &[ParametersRef]) -> Vec<Finding> {
    let again =
        |(index, reference): &(usize, &ParametersRef)| parameters.iter().take(*index).any(|one| one == *reference);
    let path = |index| format!("spec.parametersRefs[{index}]");
    let found = parameters.iter().enumerate().filter(again);
    found.map(|(index, _)| Finding::new(path(index), "is named twice")).collect()
}

fn enabled() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn paths(spec: Value) -> Vec<String> {
        match PodNetwork::new("blue".to_owned(), serde_json::from_value(spec).unwrap()) {
            Ok(_) => Vec::new(),
            Err(findings) => findings.into_iter().map(|finding| finding.path).collect(),
        }
    }

    #[test]
    fn a_network_of_ours_is_described_by_one_network() {
        let rails = json!({"group": "nicety.dev", "kind": "Network", "name": "rails"});
        let other = json!({"group": "example.com", "kind": "Net", "name": "x", "namespace": "team"});
        assert!(paths(json!({})).is_empty() && paths(json!({"parametersRefs": [rails]})).is_empty());
        let second = json!({"group": "nicety.dev", "kind": "Network", "name": "fast"});
        assert_eq!(
            paths(json!({"parametersRefs": [rails, second, other]})),
            ["spec.parametersRefs[1]", "spec.parametersRefs[2]"]
        );
        assert!(paths(json!({"provider": "example.com/net", "parametersRefs": [other, rails]})).is_empty());
        assert_eq!(
            paths(json!({"provider": "example.com", "parametersRefs": [other, other]})),
            ["spec.parametersRefs[1]"]
        );
        assert_eq!(paths(json!({"provider": "Not A Domain"})), ["spec.provider"]);
    }
}
