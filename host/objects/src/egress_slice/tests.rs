use serde_json::{Value, json};

use super::*;
use crate::manifest::{self, Bare, Object};

fn read(spec: Value) -> Result<EgressSlice, Vec<String>> {
    let document = json!({"apiVersion": "nicety.dev/v1alpha1", "kind": "EgressSlice", "metadata": {"name": "node-1-0"}, "spec": spec});
    match manifest::parse(document, Bare::Nothing).1 {
        Ok(Object::EgressSlice(slice)) => Ok(slice),
        Ok(other) => panic!("{other:?}"),
        Err(findings) => Err(findings.iter().map(Finding::to_string).collect()),
    }
}

fn whole() -> Value {
    json!({
        "node": "node-1",
        "gateways": [
            {"node": "gw-1", "underlay": ["10.0.0.9"], "egressIPs": ["192.0.2.1", "2001:db8::1"], "float": true, "vni": 7},
            {"node": "gw-2", "interface": "eth1", "vni": 16_777_215},
            {"node": "node-1", "vni": 1},
        ],
        "endpoints": [{
            "namespace": "shop", "name": "web-0", "uid": "u-1", "addresses": ["10.1.0.4"],
            "exits": [
                {"policy": "out", "primary": "gw-1/192.0.2.1+2001:db8::1", "standby": "gw-2/eth1", "reason": "first"},
                {"policy": "shut", "reason": "no gateway"},
            ],
        }],
        "senders": [{"node": "node-2", "addresses": ["10.0.0.2", "fd00::2"]}],
        "watches": [{"node": "gw-1", "address": "10.0.0.9"}],
    })
}

#[test]
fn a_share_and_its_object_are_the_same() {
    let slice = read(whole()).unwrap();
    assert_eq!(serde_json::to_value(EgressSliceSpec::of(slice.node.as_ref().unwrap(), &slice.part)).unwrap(), whole());
    let exit = &slice.part.endpoints.values().next().unwrap().exits["out"];
    assert_eq!(slice.part.gateways[exit.primary.as_ref().unwrap()].vni, 7);
}

#[test]
fn what_another_hand_wrote_is_found() {
    let mut bad = whole();
    bad["gateways"][1]["egressIPs"] = json!(["192.0.2.9"]);
    bad["gateways"][2]["vni"] = json!(0);
    bad["senders"] = json!([{"node": "node-2", "addresses": []}, {"node": "node-2", "addresses": []}]);
    assert_eq!(
        read(bad).unwrap_err(),
        [
            "spec.gateways[2].vni: `0` is less than 1",
            "spec.gateways[1].interface: stands beside `egressIPs`",
            "spec.endpoints[0].exits[0].standby: `gw-2/eth1` is not among `spec.gateways`",
            "spec.senders[1]: `node-2` is there twice",
        ]
    );
}

#[test]
fn a_slice_is_bounded() {
    let endpoint = |number: usize| json!({"namespace": "a", "name": format!("p-{number}"), "addresses": []});
    let many: Vec<Value> = (0..=spec::MAX_ENDPOINTS).map(endpoint).collect();
    assert_eq!(
        read(json!({"node": "a", "endpoints": many})).unwrap_err(),
        ["spec.endpoints: has more entries than 100"]
    );
    let sender = |number: usize| json!({"node": format!("n-{number}"), "addresses": []});
    let many: Vec<Value> = (0..=spec::MAX_SENDERS).map(sender).collect();
    assert_eq!(read(json!({"node": "a", "senders": many})).unwrap_err(), ["spec.senders: has more entries than 500"]);
}

#[test]
fn slices_of_all_nodes_have_names_of_their_own() {
    let node = |text: &str| -> NodeName { text.parse().unwrap() };
    assert_eq!(name_of(&node("node-1"), 0), "node-1-0");
    assert_eq!(number_of("node-1-12"), Some(12));
    let long = |end: &str| node(&format!("{}{end}", "a".repeat(252)));
    let (one, two) = (name_of(&long("b"), 7), name_of(&long("c"), 7));
    assert!(one != two && one.len() <= 253 && number_of(&one) == Some(7), "{one}");
    assert!(one.parse::<NodeName>().is_ok(), "an object's name has the rule of a node's");
    assert_eq!((label_of(&node("node-1")).as_str(), label_of(&long("b")).len()), ("node-1", 63));
}

#[test]
fn a_slice_of_no_node_has_the_clusters_ranges_and_nothing_else() {
    let ranges: Vec<IpNet> = ["10.0.0.0/8", "fd00::/48"].map(|text| text.parse().unwrap()).into();
    let slice = read(serde_json::to_value(EgressSliceSpec::of_cluster(&ranges)).unwrap()).unwrap();
    assert_eq!((slice.node, slice.cluster), (None, ranges));
    let mut bad = whole();
    bad.as_object_mut().unwrap().remove("node");
    assert_eq!(read(bad).unwrap_err(), ["spec.node: is missing: without it a slice has `cluster` alone"]);
    let bad = json!({"node": "node-1", "cluster": ["10.0.0.0/33"]});
    assert_eq!(read(bad).unwrap_err().len(), 1);
    assert!(number_of(&name_of_cluster(0)).is_none());
}
