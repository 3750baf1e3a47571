use nicety_objects::host_interface::Author;
use serde_json::json;

use super::*;
use crate::assembly::tests::{Lab, name};

#[test]
fn readiness_is_no_verdict_but_breaks_a_tie() {
    let mut lab = Lab::new("rendezvous");
    lab.node(1, json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}));
    lab.node(2, json!({}));
    lab.policy("out", json!({"egressGateways": [{"nodeSelector": {}, "maxGateways": 1}]}));
    lab.recompute();
    let role = |lab: &Lab, number: usize| lab.assembly.members("out")[number].role;
    assert_eq!((role(&lab, 0), role(&lab, 1)), (Role::Standby, Role::Active));
    lab.policy("out", json!({"egressGateways": [{"nodeSelector": {}}]}));
    lab.recompute();
    assert_eq!((role(&lab, 0), role(&lab, 1)), (Role::Active, Role::Active));
}

#[test]
fn a_cordoned_node_drains() {
    let mut lab = Lab::new("rendezvous");
    lab.node(1, json!({"spec": {"unschedulable": true}}));
    lab.node(2, json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}));
    lab.node(3, json!({"metadata": {"labels": {"nicety.dev/egress": "draining"}}}));
    lab.policy("out", json!({}));
    lab.recompute();
    let whys: Vec<Option<Why>> = lab.assembly.members("out").iter().map(|member| member.why).collect();
    assert_eq!(whys, [Some(Why::Cordoned), Some(Why::Deleting), Some(Why::Labelled)]);
    lab.dead(&[1]);
    lab.recompute();
    assert_eq!(lab.assembly.members("out")[0].why, Some(Why::Unhealthy));
    assert!(lab.assembly.observers(&name(1)).contains(&name(3)));
    assert!(!lab.assembly.observers(&name(1)).contains(&name(2)), "one on its way out watches nobody");
}

#[test]
fn a_node_of_two_groups_is_one_gateway() {
    let mut lab = Lab::new("rendezvous");
    lab.node(1, json!({}));
    lab.policy("out", json!({"egressGateways": [{"nodeSelector": {}, "weight": 3}, {"nodeSelector": {}}, {"nodeSelector": {}, "interface": "eth1"}]}));
    lab.recompute();
    let members: Vec<(String, u32)> =
        lab.assembly.members("out").iter().map(|member| (member.id().unwrap().to_string(), member.weight)).collect();
    assert_eq!(members, [("k8s1/default".to_owned(), 3), ("k8s1/eth1".to_owned(), 1)]);
}

#[test]
fn one_address_is_never_on_two_nodes_for_a_pair_of_which_two_policies_have_one_each() {
    let mut lab = Lab::new("rendezvous");
    (1..=2).for_each(|number| lab.node(number, json!({"metadata": {"labels": {"number": number.to_string()}}})));
    let group = |nodes: serde_json::Value, addresses: serde_json::Value| {
        json!({
            "egressGateways": [{"nodeSelector": nodes, "egressIPs": addresses, "float": true}],
            "destinationCIDRs": ["1.1.1.0/24", "2001:db8:1::/64"],
        })
    };
    lab.policy("a", group(json!({"matchLabels": {"number": "1"}}), json!(["192.0.2.1"])));
    lab.policy("b", group(json!({"matchLabels": {"number": "2"}}), json!(["2001:db8::1"])));
    lab.policy("c", group(json!({}), json!(["192.0.2.1", "2001:db8::1", "192.0.2.2"])));
    let told = lab.recompute().statuses["c"].clone();
    let floats = |number: u32| -> BTreeSet<IpAddr> {
        let share = lab.assembly.share(&name(number));
        share
            .gateways
            .into_values()
            .filter(|gateway| gateway.node == name(number))
            .flat_map(|gateway| match gateway.way {
                Way::Addresses { addresses, .. } => addresses,
                Way::Default | Way::Interface(_) => BTreeSet::new(),
            })
            .collect()
    };
    assert!(floats(1).is_disjoint(&floats(2)), "{:?} {:?}", floats(1), floats(2));
    let ways: Vec<String> =
        lab.assembly.members("c").iter().filter_map(|member| Some(member.gateway.as_ref()?.1.to_string())).collect();
    assert_eq!(ways, ["192.0.2.2"], "who came first has the others");
    assert_eq!(told.degraded.reason, "EgressIPTaken");
}

fn published(lab: &mut Lab, number: u32, author: Author, interfaces: serde_json::Value) {
    let spec = serde_json::from_value(json!({"interfaces": interfaces})).unwrap();
    let host = nicety_objects::HostInterface::new(name(number), author, spec).unwrap();
    lab.assembly.take(crate::Change::Host(Box::new(host)));
}

#[test]
fn a_node_whose_interface_is_known_to_be_of_no_use_gets_no_pods() {
    let mut lab = Lab::new("rendezvous");
    (1..=6).for_each(|number| lab.node(number, json!({})));
    let eth = |name: &str, addresses: serde_json::Value, carrier: bool| json!([{"name": name, "addresses": addresses, "carrier": carrier}]);
    let there = json!(["192.0.2.1/24"]);
    published(&mut lab, 1, Author::Daemon, eth("eth1", there.clone(), true));
    published(&mut lab, 2, Author::Daemon, eth("eth0", there.clone(), true));
    published(&mut lab, 3, Author::Daemon, eth("eth1", there.clone(), false));
    published(&mut lab, 4, Author::Daemon, eth("eth1", json!(["fe80::1/64"]), true));
    // Of this one people wrote down what its daemon does not see, and of the last nothing is known.
    published(&mut lab, 5, Author::People, eth("ib0", there.clone(), true));
    lab.policy("out", json!({"egressGateways": [{"nodeSelector": {}, "interface": "eth1"}]}));
    (1..=60).for_each(|number| lab.pod(number, json!({})));
    let told = lab.recompute().statuses["out"].clone();
    let whys: Vec<Option<Why>> = lab.assembly.members("out").iter().map(|member| member.why).collect();
    let (missing, down, bare) = (Why::InterfaceMissing, Why::InterfaceDown, Why::InterfaceBare);
    assert_eq!(whys, [None, Some(missing), Some(down), Some(bare), None, None]);
    let used: BTreeSet<String> = lab.exits("out").into_values().collect();
    assert_eq!(used, ["k8s1/eth1", "k8s5/eth1", "k8s6/eth1"].map(str::to_owned).into());
    assert_eq!((told.degraded.reason, told.ready.holds, told.status.active), ("InterfaceMissing", true, 3));
    published(&mut lab, 2, Author::Daemon, eth("eth1", there, true));
    lab.recompute();
    assert_eq!(lab.assembly.members("out")[1].why, None);
}
