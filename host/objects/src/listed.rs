//! Machines, pods and namespaces as Kubernetes has them (`v1`), of which a few fields are read: from an API server, or from a manifests folder
//! where there is none. People paste real ones there, so what is not read is not checked.

use std::{collections::BTreeSet, net::IpAddr, slice};

use ipnet::IpNet;
use nicety_core::{
    finding::Finding,
    ids::{InvalidName, NodeName},
};
use serde_json::Value;

use crate::selector::Labels;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub name: NodeName,
    pub labels: Labels,
    /// Its internal addresses, in the order of its status.
    pub addresses: Vec<IpAddr>,
    /// Ranges that its pods' addresses are of.
    pub pod_nets: Vec<IpNet>,
    /// None: nothing says so. Of a machine that is only listed, nobody does.
    pub ready: Option<bool>,
    /// Cordoned.
    pub unschedulable: bool,
    pub deleting: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    /// Empty: it has none.
    pub uid: String,
    pub labels: Labels,
    /// None: no node has it yet.
    pub node: Option<NodeName>,
    pub addresses: BTreeSet<IpAddr>,
    /// In its node's own network namespace.
    pub host_network: bool,
    /// The controller that made it.
    pub owner: Option<Owner>,
    /// Succeeded or failed: its addresses may be another's by now.
    pub terminal: bool,
}

/// `ownerReferences[]` with `controller: true`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    pub kind: String,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    pub name: String,
    pub labels: Labels,
}

/// Namespace of a pod that does not say which.
pub const NAMESPACE: &str = "default";

impl Node {
    pub fn read(document: &Value) -> Result<Node, Vec<Finding>> {
        let mut reader = Reader { document, findings: Vec::new() };
        let name = reader.node("/metadata/name");
        let labels = reader.labels();
        let listed = document.pointer("/status/addresses").and_then(Value::as_array).into_iter().flatten();
        let mut addresses = Vec::new();
        for (index, entry) in listed.enumerate() {
            if entry.get("type").and_then(Value::as_str) == Some("InternalIP") {
                addresses.extend(reader.address(&format!("status.addresses[{index}].address"), entry.get("address")));
            }
        }
        let ranges = document.pointer("/spec/podCIDRs").or_else(|| document.pointer("/spec/podCIDR"));
        let mut pod_nets = Vec::new();
        for range in ranges.map(|one| one.as_array().map_or(slice::from_ref(one), Vec::as_slice)).unwrap_or_default() {
            match range.as_str().map(str::parse::<IpNet>) {
                Some(Ok(net)) => pod_nets.push(net.trunc()),
                _ => reader
                    .findings
                    .push(Finding::new("spec.podCIDRs", format!("`{range}` is no prefix like `10.1.0.0/24`"))),
            }
        }
        let conditions = document.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
        let ready = conditions.filter(|one| one.get("type").and_then(Value::as_str) == Some("Ready"));
        let ready = ready.map(|one| one.get("status").and_then(Value::as_str) == Some("True")).next();
        let unschedulable = document.pointer("/spec/unschedulable").and_then(Value::as_bool).unwrap_or(false);
        let deleting = reader.is_being_deleted();
        match name {
            Some(name) if reader.findings.is_empty() => {
                Ok(Node { name, labels, addresses, pod_nets, ready, unschedulable, deleting })
            }
            _ => Err(reader.findings),
        }
    }
}

impl Node {
    /// Of its pods, and its own addresses.
    pub fn ranges(&self) -> impl Iterator<Item = IpNet> {
        self.pod_nets.iter().copied().chain(self.addresses.iter().map(|address| IpNet::from(*address)))
    }
}

impl Pod {
    pub fn read(document: &Value) -> Result<Pod, Vec<Finding>> {
        let mut reader = Reader { document, findings: Vec::new() };
        let name = reader.text("/metadata/name");
        if name.is_empty() {
            reader.findings.push(Finding::new("metadata.name", "is missing"));
        }
        let namespace = Some(reader.text("/metadata/namespace")).filter(|text| !text.is_empty());
        let labels = reader.labels();
        let node = document.pointer("/spec/nodeName").is_some().then(|| reader.node("/spec/nodeName")).flatten();
        let mut addresses = BTreeSet::new();
        let listed = document.pointer("/status/podIPs").and_then(Value::as_array).into_iter().flatten();
        for (index, entry) in listed.enumerate() {
            addresses.extend(reader.address(&format!("status.podIPs[{index}].ip"), entry.get("ip")));
        }
        if let Some(one) = document.pointer("/status/podIP").filter(|one| one.as_str() != Some("")) {
            addresses.extend(reader.address("status.podIP", Some(one)));
        }
        let host_network = document.pointer("/spec/hostNetwork").and_then(Value::as_bool).unwrap_or(false);
        let owners = document.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten();
        let owner = owners.filter(|one| one.get("controller").and_then(Value::as_bool) == Some(true)).find_map(|one| {
            let field = |name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
            Some(Owner { kind: field("kind")?, name: field("name")? })
        });
        let terminal = matches!(reader.text("/status/phase").as_str(), "Succeeded" | "Failed");
        let uid = reader.text("/metadata/uid");
        if !reader.findings.is_empty() {
            return Err(reader.findings);
        }
        let namespace = namespace.unwrap_or_else(|| NAMESPACE.to_owned());
        Ok(Pod { namespace, name, uid, labels, node, addresses, host_network, owner, terminal })
    }
}

impl Namespace {
    pub fn read(document: &Value) -> Result<Namespace, Vec<Finding>> {
        let mut reader = Reader { document, findings: Vec::new() };
        let (name, labels) = (reader.text("/metadata/name"), reader.labels());
        if name.is_empty() {
            reader.findings.push(Finding::new("metadata.name", "is missing"));
        }
        if reader.findings.is_empty() { Ok(Namespace { name, labels }) } else { Err(reader.findings) }
    }
}

struct Reader<'d> {
    document: &'d Value,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn text(&self, path: &str) -> String {
        self.document.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn node(&mut self, path: &str) -> Option<NodeName> {
        let field = path.trim_start_matches('/').replace('/', ".");
        let parsed = self.text(path).parse();
        parsed.map_err(|error: InvalidName| self.findings.push(Finding::new(field, error.to_string()))).ok()
    }

    fn labels(&mut self) -> Labels {
        let mut labels = Labels::new();
        for (key, value) in self.document.pointer("/metadata/labels").and_then(Value::as_object).into_iter().flatten() {
            match value.as_str() {
                Some(text) => {
                    labels.insert(key.clone(), text.to_owned());
                }
                None => {
                    let path = format!("metadata.labels[\"{key}\"]");
                    self.findings.push(Finding::new(path, "is not text; hint: write it with quotes"));
                }
            }
        }
        labels
    }

    fn address(&mut self, path: &str, value: Option<&Value>) -> Option<IpAddr> {
        let text = value.and_then(Value::as_str).unwrap_or_default();
        let parsed = text.parse();
        parsed.map_err(|_| self.findings.push(Finding::new(path, format!("`{text}` is not an IP address")))).ok()
    }

    fn is_being_deleted(&self) -> bool {
        self.document.pointer("/metadata/deletionTimestamp").is_some_and(|value| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_real_node_is_read_for_what_matters() {
        let node = Node::read(&json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"name": "node-1", "labels": {"topology.kubernetes.io/zone": "a"}, "managedFields": [1]},
            "spec": {"podCIDRs": ["10.1.0.0/24"], "unschedulable": true},
            "status": {
                "addresses": [{"type": "Hostname", "address": "node-1"}, {"type": "InternalIP", "address": "10.0.0.1"}],
                "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "Unknown"}],
            },
        }))
        .unwrap();
        assert_eq!((node.addresses, node.ready), (vec!["10.0.0.1".parse().unwrap()], Some(false)));
        assert!(node.unschedulable && !node.deleting);
        let bare = Node::read(&json!({"metadata": {"name": "node-2"}})).unwrap();
        assert_eq!((bare.ready, bare.unschedulable), (None, false));
    }

    #[test]
    fn a_real_pod_is_read_for_what_matters() {
        let pod = Pod::read(&json!({
            "metadata": {
                "name": "db-3", "uid": "u", "labels": {"app": "db"},
                "ownerReferences": [{"kind": "StatefulSet", "name": "db", "controller": true, "apiVersion": "apps/v1"}],
            },
            "spec": {"nodeName": "node-1", "containers": []},
            "status": {"phase": "Running", "podIP": "10.1.0.4", "podIPs": [{"ip": "10.1.0.4"}, {"ip": "fd00::4"}]},
        }))
        .unwrap();
        assert_eq!((pod.namespace.as_str(), pod.addresses.len(), pod.terminal), ("default", 2, false));
        assert_eq!(pod.owner.unwrap().name, "db");
        let pending = Pod::read(&json!({"metadata": {"name": "a"}, "status": {"podIP": ""}})).unwrap();
        assert_eq!((pending.node, pending.addresses.len()), (None, 0));
    }

    #[test]
    fn what_is_read_and_wrong_is_found() {
        let found = Pod::read(&json!({
            "metadata": {"name": "a", "labels": {"on": true}},
            "spec": {"nodeName": "Node"}, "status": {"podIPs": [{"ip": "10.1.0"}]},
        }));
        let lines: Vec<String> = found.unwrap_err().iter().map(|finding| finding.path.clone()).collect();
        assert_eq!(lines, ["metadata.labels[\"on\"]", "spec.nodeName", "status.podIPs[0].ip"]);
    }
}
