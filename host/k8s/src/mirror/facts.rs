//! What is kept of pods, namespaces and the node: what policies may see, and no more. Pure.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::table::{Entry, Seen};

/// The name by which the kubelet knows a pod of its own manifests: `K8S_POD_UID` of a static pod, whose object in the API is a
/// mirror with another UID.
const CONFIG_HASH: &str = "kubernetes.io/config.hash";

/// A copy of the whole object that nobody decides by.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    pub uid: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub service_account: Option<String>,
    pub phase: String,
    pub deleting: bool,
    /// Of all containers together, by name of the extended resource: `nvidia.com/gpu`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub devices: BTreeMap<String, u64>,
}

/// Of a namespace or of this node's HostInterface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labels(pub BTreeMap<String, String>);

/// Of this node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SavedMachine")]
pub struct Machine {
    pub labels: BTreeMap<String, String>,
    /// Its internal ones, in the order of its status.
    pub addresses: Vec<IpAddr>,
}

/// As it is on disk. An older daemon kept labels alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum SavedMachine {
    Whole { labels: BTreeMap<String, String>, addresses: Vec<IpAddr> },
    Labels(BTreeMap<String, String>),
}

impl From<SavedMachine> for Machine {
    fn from(saved: SavedMachine) -> Machine {
        match saved {
            SavedMachine::Whole { labels, addresses } => Machine { labels, addresses },
            SavedMachine::Labels(labels) => Machine { labels, addresses: Vec::new() },
        }
    }
}

/// The Network that a NetworkAttachmentDefinition stands for; none when it is another plugin's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment(pub Option<String>);

/// Longest configuration that is read.
const CONFIG_MAX: usize = 64 << 10;

impl Entry for Attachment {
    /// `spec.config` is a plugin's configuration, or a list of them; ours names its network.
    fn of(seen: &Seen, _: Option<Attachment>) -> Attachment {
        let text = seen.value.pointer("/spec/config").and_then(Value::as_str).filter(|text| text.len() <= CONFIG_MAX);
        let Some(config) = text.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
            return Attachment(None);
        };
        let listed = config.get("plugins").and_then(Value::as_array).into_iter().flatten();
        let ours = |plugin: &&Value| plugin.get("type").is_some_and(|name| name == "nicety");
        let network =
            std::iter::once(&config).chain(listed).find(ours).and_then(|plugin| plugin.get("network")?.as_str());
        Attachment(network.map(str::to_owned))
    }
}

impl Pod {
    /// Whether the runtime means this pod. One that names no UID means whatever has the name.
    pub fn is(&self, uid: &str) -> bool {
        uid.is_empty() || uid == self.uid || self.annotations.get(CONFIG_HASH).is_some_and(|hash| hash == uid)
    }
}

impl Entry for Pod {
    fn of(seen: &Seen, _: Option<Pod>) -> Pod {
        let text = |path: &str| seen.value.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let mut annotations = texts(&seen.value, "/metadata/annotations");
        annotations.remove(LAST_APPLIED);
        Pod {
            uid: text("/metadata/uid").unwrap_or_default(),
            labels: texts(&seen.value, "/metadata/labels"),
            annotations,
            service_account: text("/spec/serviceAccountName").filter(|name| !name.is_empty()),
            phase: text("/status/phase").unwrap_or_default(),
            deleting: seen.value.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null()),
            devices: devices(&seen.value),
        }
    }
}

impl Entry for Labels {
    fn of(seen: &Seen, _: Option<Labels>) -> Labels {
        Labels(texts(&seen.value, "/metadata/labels"))
    }
}

impl Entry for Machine {
    fn of(seen: &Seen, _: Option<Machine>) -> Machine {
        let listed = seen.value.pointer("/status/addresses").and_then(Value::as_array).into_iter().flatten();
        let internal = listed.filter(|one| one.get("type").and_then(Value::as_str) == Some("InternalIP"));
        let addresses = internal.filter_map(|one| one.get("address")?.as_str()?.parse().ok());
        Machine { labels: texts(&seen.value, "/metadata/labels"), addresses: addresses.collect() }
    }
}

fn texts(value: &Value, path: &str) -> BTreeMap<String, String> {
    let object = value.pointer(path).and_then(Value::as_object).into_iter().flatten();
    object.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// Extended resources are whole numbers, and their names have a domain.
fn devices(pod: &Value) -> BTreeMap<String, u64> {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array).into_iter().flatten();
    let mut devices = BTreeMap::new();
    for (name, count) in containers.filter_map(|one| one.pointer("/resources/limits")?.as_object()).flatten() {
        let count = count.as_str().and_then(|count| count.parse::<u64>().ok()).filter(|_| name.contains('/'));
        if let Some(count) = count {
            let sum: &mut u64 = devices.entry(name.clone()).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    devices
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(value: Value) -> Pod {
        Pod::of(&Seen::of(value).unwrap(), None)
    }

    #[test]
    fn a_pod_keeps_what_policies_see() {
        let gpus = |count: &str| json!({"name": "c", "resources": {"limits": {"nvidia.com/gpu": count, "cpu": "2"}}});
        let kept = pod(json!({
            "metadata": {
                "namespace": "a", "name": "x", "uid": "1", "resourceVersion": "5",
                "labels": {"app": "web"}, "annotations": {"team": "blue", LAST_APPLIED: "{}"},
            },
            "spec": {"serviceAccountName": "default", "containers": [gpus("1"), gpus("2")]},
            "status": {"phase": "Pending", "conditions": [{"type": "Ready"}]},
        }));
        let text = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let expected = Pod {
            uid: "1".to_owned(),
            labels: text("app", "web"),
            annotations: text("team", "blue"),
            service_account: Some("default".to_owned()),
            phase: "Pending".to_owned(),
            deleting: false,
            devices: BTreeMap::from([("nvidia.com/gpu".to_owned(), 3)]),
        };
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_machine_has_labels_and_its_own_addresses() {
        let listed = json!([
            {"type": "Hostname", "address": "a"}, {"type": "ExternalIP", "address": "203.0.113.1"},
            {"type": "InternalIP", "address": "10.0.0.1"}, {"type": "InternalIP", "address": "2001:db8::1"},
        ]);
        let value = json!({"metadata": {"name": "a", "labels": {"zone": "1"}}, "status": {"addresses": listed}});
        let machine = Machine::of(&Seen::of(value).unwrap(), None);
        let addresses: Vec<IpAddr> = ["10.0.0.1", "2001:db8::1"].map(|text| text.parse().unwrap()).into();
        assert_eq!(machine, Machine { labels: BTreeMap::from([("zone".to_owned(), "1".to_owned())]), addresses });
        let saved = serde_json::to_string(&machine).unwrap();
        assert_eq!(serde_json::from_str::<Machine>(&saved).unwrap(), machine);
        let older: Machine = serde_json::from_str(r#"{"zone": "1", "labels": "x"}"#).unwrap();
        assert_eq!((older.labels.len(), older.addresses.len()), (2, 0), "as an older daemon saved it");
    }

    #[test]
    fn a_static_pod_is_known_by_the_hash_of_its_manifest() {
        let annotations = json!({CONFIG_HASH: "0123"});
        let mirrored = pod(json!({"metadata": {"name": "etcd", "uid": "77", "annotations": annotations}}));
        assert!(mirrored.is("0123") && mirrored.is("77") && mirrored.is(""));
        assert!(!mirrored.is("78"));
    }

    #[test]
    fn a_definition_stands_for_the_network_that_our_plugin_names_in_it() {
        let network = |config: &str| {
            let object = serde_json::json!({"spec": {"config": config}});
            let seen = Seen { key: "shop/fast".to_owned(), version: "1".to_owned(), value: object };
            Attachment::of(&seen, None).0
        };
        assert_eq!(network(r#"{"type": "nicety", "network": "rails"}"#).as_deref(), Some("rails"));
        let list = r#"{"plugins": [{"type": "tuning"}, {"type": "nicety", "network": "rails"}]}"#;
        assert_eq!(network(list).as_deref(), Some("rails"));
        for others in [r#"{"type": "macvlan", "network": "rails"}"#, r#"{"type": "nicety"}"#, "{", "", "[]", "7"] {
            assert_eq!(network(others), None, "{others}");
        }
    }
}
