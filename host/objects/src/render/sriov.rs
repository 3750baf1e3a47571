//! What the SR-IOV network operator is asked for: virtual functions on the NICs of a Network (SriovNetworkNodePolicy), and how a
//! function is set before a pod has it (SriovNetwork). Nothing that the Network says of them is lost on the way.

use std::collections::BTreeSet;

use nicety_core::ids::IfName;
use serde_json::{Map, Value, json};

use super::Owner;
use crate::network::spec::SriovSpec;

const API_VERSION: &str = "sriovnetwork.openshift.io/v1";
/// The label that node feature discovery puts on nodes with such NICs.
const CAPABLE: &str = "feature.node.kubernetes.io/network-sriov.capable";

/// What all objects of one Network have in common.
#[derive(Debug, Clone, Copy)]
pub struct Sriov<'a> {
    pub owner: Owner<'a>,
    pub spec: &'a SriovSpec,
    /// The name of the resource, without the prefix that the operator puts before it.
    pub resource: &'a str,
    /// Where the operator looks for its objects.
    pub namespace: &'a str,
}

impl<'a> Sriov<'a> {
    /// None: the Network asks for no virtual functions.
    pub fn of(owner: Owner<'a>, namespace: &'a str) -> Option<Sriov<'a>> {
        let resource = owner.network.resource.as_deref()?;
        let resource = resource.rsplit_once('/').map_or(resource, |(_, name)| name);
        Some(Sriov { owner, spec: owner.network.sriov.as_ref()?, resource, namespace })
    }

    /// The name of both objects.
    pub fn name(&self) -> String {
        format!("nicety-{}", self.owner.network.name)
    }

    /// `nics`: physical functions that carry the Network, on whichever node. None without any: the operator takes no such policy.
    pub fn node_policy(&self, nics: &BTreeSet<IfName>) -> Option<Value> {
        let SriovSpec { num_vfs, priority, is_rdma, need_vhost_net, .. } = self.spec;
        if nics.is_empty() {
            return None;
        }
        let mut spec = Map::new();
        spec.insert("resourceName".into(), json!(self.resource));
        spec.insert("nodeSelector".into(), json!({ CAPABLE: "true" }));
        spec.insert("numVfs".into(), json!(num_vfs.unwrap_or(1)));
        spec.insert("nicSelector".into(), json!({ "pfNames": nics }));
        spec.insert("deviceType".into(), json!("netdevice"));
        spec.insert("isRdma".into(), json!(is_rdma));
        spec.insert("needVhostNet".into(), json!(need_vhost_net));
        put(&mut spec, "priority", *priority);
        put(&mut spec, "mtu", self.owner.network.mtu);
        Some(self.object("SriovNetworkNodePolicy", spec))
    }

    /// The operator makes an attachment definition of its own of it, in its own namespace, where it is in nobody's way.
    pub fn network(&self) -> Value {
        let SriovSpec { vlan, vlan_qos, spoof_chk, trust, min_tx_rate, max_tx_rate, .. } = self.spec;
        let switch = |on: &Option<bool>| on.map(|on| if on { "on" } else { "off" });
        let mut spec = Map::new();
        spec.insert("resourceName".into(), json!(self.resource));
        put(&mut spec, "vlan", *vlan);
        put(&mut spec, "vlanQoS", *vlan_qos);
        put(&mut spec, "spoofChk", switch(spoof_chk));
        put(&mut spec, "trust", switch(trust));
        put(&mut spec, "minTxRate", *min_tx_rate);
        put(&mut spec, "maxTxRate", *max_tx_rate);
        self.object("SriovNetwork", spec)
    }

    fn object(&self, kind: &str, spec: Map<String, Value>) -> Value {
        json!({
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": {
                "name": self.name(),
                "namespace": self.namespace,
                "labels": self.owner.labels(),
                "ownerReferences": self.owner.references(),
            },
            "spec": spec,
        })
    }
}

fn put(spec: &mut Map<String, Value>, field: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        spec.insert(field.to_owned(), value.into());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{Network, manifest};

    pub(in crate::render) fn network(spec: Value) -> Network {
        let document = json!({"apiVersion": "nicety.dev/v1alpha1", "kind": "Network", "metadata": {"name": "rails"}, "spec": spec});
        match manifest::parse(document, manifest::Bare::Nothing) {
            (_, Ok(manifest::Object::Network(network))) => network,
            other => panic!("{other:?}"),
        }
    }

    fn rails() -> Network {
        network(
            json!({"masterNets": ["10.0.1.0/24"], "ipam": {"type": "none"}, "link": {"kind": "host-device", "mtu": 9000, "sriov": {
                "numVfs": 8, "priority": 10, "isRdma": true, "vlan": 100, "vlanQoS": 5, "spoofChk": false, "trust": true,
                "minTxRate": 100, "maxTxRate": 2000,
            }}}),
        )
    }

    #[test]
    fn rates_priorities_spoof_check_and_trust_reach_the_operator() {
        let network = rails();
        let sriov = Sriov::of(Owner { network: &network, uid: "u" }, "operator").unwrap();
        let made = sriov.network();
        let expected = json!({"resourceName": "rails", "vlan": 100, "vlanQoS": 5, "spoofChk": "off", "trust": "on",
            "minTxRate": 100, "maxTxRate": 2000});
        assert_eq!((&made["spec"], made["metadata"]["namespace"].as_str()), (&expected, Some("operator")));
    }

    #[test]
    fn a_policy_names_the_functions_nics_and_is_none_without_any() {
        let network = rails();
        let sriov = Sriov::of(Owner { network: &network, uid: "u" }, "operator").unwrap();
        let nics = ["eth2", "eth1"].map(|name| name.parse().unwrap()).into();
        let spec = &sriov.node_policy(&nics).unwrap()["spec"];
        assert_eq!(spec["nicSelector"], json!({"pfNames": ["eth1", "eth2"]}));
        let said = (spec["numVfs"].as_u64(), spec["mtu"].as_u64(), spec["priority"].as_u64(), spec["isRdma"].as_bool());
        assert_eq!(said, (Some(8), Some(9000), Some(10), Some(true)));
        assert!(sriov.node_policy(&BTreeSet::new()).is_none());
    }

    #[test]
    fn a_network_without_functions_asks_the_operator_for_nothing() {
        let network = network(json!({"link": {"kind": "host-device"}, "ipam": {"type": "none"}}));
        assert!(Sriov::of(Owner { network: &network, uid: "u" }, "operator").is_none());
    }
}
