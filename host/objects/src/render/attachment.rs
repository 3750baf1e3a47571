//! NetworkAttachmentDefinitions: how a Network is known to a meta plugin. One per namespace that the Network serves; it names the Network
//! and says nothing else, so that an edit of the Network changes no object in any namespace.

use serde_json::{Value, json};

use super::Owner;

/// The annotation by which pods of the definition are given a device of a device plugin.
pub const RESOURCE_NAME: &str = "k8s.v1.cni.cncf.io/resourceName";
/// What `spec.config` declares. Older libcni refuses 1.1.0.
const CNI_VERSION: &str = "1.0.0";

/// The definition in one namespace, under the Network's own name.
pub fn attachment_definition(owner: Owner<'_>, namespace: &str) -> Value {
    let network = owner.network;
    let annotations =
        network.resource.as_ref().map_or_else(|| json!({}), |resource| json!({ RESOURCE_NAME: resource }));
    json!({
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {
            "name": network.name,
            "namespace": namespace,
            "labels": owner.labels(),
            "annotations": annotations,
            "ownerReferences": owner.references(),
        },
        "spec": { "config": configuration(network.name.as_str()) },
    })
}

/// One call is one attachment, so the configuration says `delegated`. The capabilities are those that a meta plugin fills in from a
/// pod's selection and from its devices.
fn configuration(network: &str) -> String {
    json!({
        "cniVersion": CNI_VERSION,
        "name": network,
        "type": "nicety",
        "network": network,
        "delegated": true,
        "capabilities": { "deviceID": true, "ips": true, "mac": true },
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sriov::tests::network;

    #[test]
    fn a_definition_names_its_network_and_owner() {
        let network = network(json!({"link": {"kind": "macvlan"}, "subnets": ["192.168.0.0/16"],
            "ipam": {"type": "blocks", "hostBlock": 8}}));
        let made = attachment_definition(Owner { network: &network, uid: "u-1" }, "team-a");
        assert_eq!(made["metadata"]["namespace"], "team-a");
        assert_eq!(made["metadata"]["labels"], json!({"nicety.dev/network": "rails"}));
        assert_eq!(made["metadata"]["annotations"], json!({}));
        assert_eq!(made["metadata"]["ownerReferences"][0]["uid"], "u-1");
        let config: Value = serde_json::from_str(made["spec"]["config"].as_str().unwrap()).unwrap();
        assert_eq!(
            (config["cniVersion"].as_str(), config["type"].as_str(), config["delegated"].as_bool()),
            (Some("1.0.0"), Some("nicety"), Some(true))
        );
        assert_eq!(config["network"], "rails");
    }

    #[test]
    fn a_network_of_devices_names_their_resource() {
        let network = network(json!({"link": {"kind": "host-device", "resourceName": "example.com/rails"},
            "ipam": {"type": "none"}}));
        let made = attachment_definition(Owner { network: &network, uid: "u-1" }, "team-a");
        assert_eq!(made["metadata"]["annotations"], json!({"k8s.v1.cni.cncf.io/resourceName": "example.com/rails"}));
    }
}
