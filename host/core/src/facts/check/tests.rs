use super::*;
use crate::facts::{Request, Value, gateways::Gateway, nic_selection::Nic};

fn told(findings: Vec<Finding>) -> Vec<String> {
    findings.iter().map(Finding::to_string).collect()
}

fn label(key: &str) -> Label {
    Label { key: key.into(), value: String::new() }
}

fn attribute(name: &str) -> Attribute {
    Attribute { name: name.into(), value: Value::Flag(true) }
}

fn nic(name: &str) -> Nic {
    Nic { name: name.into(), ..Nic::default() }
}

fn gateway(id: &str) -> Gateway {
    Gateway {
        id: id.into(),
        node: NONE,
        zone: NONE,
        addresses: vec![],
        weight: 1,
        health: gateways::Health::Healthy,
        draining: false,
        since: None,
        attributes: vec![],
    }
}

fn endpoints(count: usize) -> gateways::Endpoints {
    let identity = (0..count).map(|n| format!("a/{n}")).collect();
    gateways::Endpoints { identity, addresses: vec![vec![]; count], ..Default::default() }
}

#[test]
fn facts_that_keep_their_promises_pass() {
    let call = attach::Call { ifname: "eth0".into(), ..Default::default() };
    let offer = attach::Offer { name: "net".into(), default: true, ready: true, attributes: vec![] };
    let networks = vec![offer.clone(), attach::Offer { name: "other".into(), default: false, ..offer }];
    assert_eq!(told(attach(&attach::Facts { call, networks, ..Default::default() })), [""; 0]);

    let pod =
        Pod { labels: Some(vec![label("a"), label("b")]), attributes: vec![attribute("tenant")], ..Pod::default() };
    let candidates = vec![nic("eth0"), nic("eth1")];
    let facts = nic_selection::Facts { pod, candidates, taken: vec![0, 1], ..Default::default() };
    assert_eq!(told(nic_selection(&facts)), [""; 0]);

    let facts = gateways::Facts {
        gateways: vec![gateway("a"), gateway("b")],
        endpoints: gateways::Endpoints { previous: vec![0, NONE, 1], ..endpoints(3) },
        allowed: vec![1, 2, 3],
        ..Default::default()
    };
    assert_eq!(told(gateways(&facts)), [""; 0]);
}

#[test]
fn a_call_has_a_name_and_one_default_network() {
    let offer = |name: &str| attach::Offer { name: name.into(), default: true, ready: true, attributes: vec![] };
    let facts = attach::Facts { networks: vec![offer("a"), offer("a"), offer("")], ..Default::default() };
    assert_eq!(
        told(attach(&facts)),
        [
            "call.ifname: interface name `` is empty",
            "networks[1].name: `a` stands twice",
            "networks[1].default: networks[0] is the default already; a NetConf names one network",
            "networks[2].name: is empty",
            "networks[2].default: networks[0] is the default already; a NetConf names one network",
        ]
    );
}

#[test]
fn nobody_attaches_a_pod_to_its_own_loopback() {
    let call = attach::Call { ifname: "lo".into(), ..Default::default() };
    let facts = attach::Facts { call, ..Default::default() };
    assert_eq!(told(attach(&facts)), ["call.ifname: `lo` is the pod's loopback"]);
}

#[test]
fn names_and_indexes_of_a_selection_lead_somewhere() {
    let class =
        |name: &str, members: &[u32]| nic_selection::DeviceClass { name: name.into(), members: members.to_vec() };
    let facts = nic_selection::Facts {
        pod: Pod { labels: Some(vec![label("b"), label("a")]), ..Pod::default() },
        request: Request { masters: vec!["eth7".into()], class: Some("gpu".into()), ..Request::default() },
        candidates: vec![nic("eth0"), nic("eth0"), nic("a/b")],
        taken: vec![1, 0, 3],
        classes: vec![class("b", &[2, 2]), class("a", &[9])],
        attributes: vec![attribute("colour")],
        ..Default::default()
    };
    assert_eq!(
        told(nic_selection(&facts)),
        [
            "pod.labels[1]: `a` does not come after `b`; entries are sorted, each once",
            "request.masters: this node has no NIC `eth7`; the network's NICs on it are `eth0`, `eth0`, `a/b`",
            "request.class: `gpu` is no DeviceClass; there are `b`, `a`",
            "candidates[2].name: interface name `a/b` has a `/`, a `:`, white space or a control character",
            "candidates[1].name: `eth0` is that of candidates[0] already",
            "taken[1]: 0 does not come after 1; entries are sorted, each once",
            "taken[2]: 3 leads nowhere; there are 3 candidates",
            "classes[1]: `a` does not come after `b`; entries are sorted, each once",
            "classes[0].members[1]: 2 does not come after 2; entries are sorted, each once",
            "classes[1].members[0]: 9 leads nowhere; there are 3 candidates",
            "attributes[0].name: `colour` is no registered attribute; hint: put your own domain in front of a name of your \
             own, `example.org/name`",
        ]
    );
}

#[test]
fn lists_of_endpoints_are_of_one_length() {
    let column = gateways::Column { name: "example.org/load".into(), cells: Cells::Numbers(vec![1]) };
    let facts = gateways::Facts {
        zones: vec!["z".into()],
        zone_region: vec![0, 0],
        gateways: vec![gateway("a"), Gateway { node: 4, ..gateway("a") }],
        endpoints: gateways::Endpoints {
            addresses: vec![],
            node: vec![0, 1, 2],
            namespace: vec![NONE, 0],
            previous: vec![2, NONE],
            columns: vec![column],
            ..endpoints(2)
        },
        allowed: vec![3, 4],
        ..Default::default()
    };
    assert_eq!(
        told(gateways(&facts)),
        [
            "zoneRegion: has 2 entries for 1 zones; hint: leave it empty if nothing is known",
            "zoneRegion[0]: 0 leads nowhere; there are 0 regions; hint: 4294967295 says unknown",
            "zoneRegion[1]: 0 leads nowhere; there are 0 regions; hint: 4294967295 says unknown",
            "gateways[1].node: 4 leads nowhere; there are 0 nodes; hint: 4294967295 says unknown",
            "gateways[1].id: `a` is that of gateways[0] already",
            "endpoints.addresses: has 0 entries for 2 endpoints",
            "endpoints.node: has 3 entries for 2 endpoints; hint: leave it empty if nothing is known",
            "endpoints.namespace[0]: 4294967295 leads nowhere; there are 0 namespaces",
            "endpoints.namespace[1]: 0 leads nowhere; there are 0 namespaces",
            "endpoints.node[0]: 0 leads nowhere; there are 0 nodes; hint: 4294967295 says unknown",
            "endpoints.node[1]: 1 leads nowhere; there are 0 nodes; hint: 4294967295 says unknown",
            "endpoints.node[2]: 2 leads nowhere; there are 0 nodes; hint: 4294967295 says unknown",
            "endpoints.previous[0]: 2 leads nowhere; there are 2 gateways; hint: 4294967295 says unknown",
            "endpoints.columns[0].cells.numbers: has 1 entries for 2 endpoints",
            "allowed[1]: endpoint `a/1`: 2 is no gateway; there are 2",
        ]
    );
}

#[test]
fn a_flood_is_counted() {
    let facts = gateways::Facts {
        endpoints: gateways::Endpoints { node: (0..5000).collect(), ..endpoints(5000) },
        ..Default::default()
    };
    let found = told(gateways(&facts));
    assert_eq!((found.len(), found[TOLD].as_str()), (TOLD + 1, "and 4000 findings more"));
}
