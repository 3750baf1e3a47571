//! Row by row: what an agent of the system that several gateways come from does with the same changes.

use super::*;

/// FNV-1a of 32 bits, as it is published.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn hashed(number: u32, gateways: u32) -> String {
    format!("k8s{}/default", fnv(&uid(number)) % gateways + 1)
}

#[test]
fn a_pod_that_fits_leaves_by_the_gateway_and_one_that_does_not_any_longer_does_not() {
    let mut lab = Lab::new("hash-mod");
    lab.node(1, json!({}));
    lab.policy("policy-1", json!({"egressGateways": [{"nodeSelector": {}, "interface": "egw1"}]}));
    lab.pod(1, json!({}));
    assert_eq!(lab.of("policy-1"), ["ep1 k8s1/egw1"]);
    lab.pod(1, json!({"metadata": {"labels": {"app": "other"}}}));
    assert_eq!(lab.of("policy-1"), [""; 0]);
    lab.pod(1, json!({}));
    assert_eq!(lab.of("policy-1"), ["ep1 k8s1/egw1"]);
}

#[test]
fn other_destinations_are_no_other_gateway() {
    let mut lab = Lab::new("hash-mod");
    lab.node(1, json!({}));
    lab.policy("policy-1", json!({}));
    lab.pod(1, json!({}));
    let before = lab.of("policy-1");
    lab.policy("policy-1", json!({"destinationCIDRs": ["0.0.0.0/0"], "excludedCIDRs": ["1.1.1.22/32"]}));
    assert!(lab.recompute().moves.is_empty());
    assert_eq!(lab.of("policy-1"), before);
}

#[test]
fn each_policy_has_its_own_pods_and_gateways() {
    let mut lab = Lab::new("hash-mod");
    (1..=2).for_each(|number| lab.node(number, json!({"metadata": {"labels": {"number": number.to_string()}}})));
    let by = |number: u32| json!([{"nodeSelector": {"matchLabels": {"number": number.to_string()}}}]);
    lab.policy("policy-1", json!({"egressGateways": by(1)}));
    let two = json!([{"podSelector": {"matchLabels": {"app": "two"}}}]);
    lab.policy("policy-2", json!({"egressGateways": by(2), "selectors": two}));
    lab.pod(1, json!({}));
    lab.pod(2, json!({"metadata": {"labels": {"app": "two"}}}));
    assert_eq!(
        (lab.of("policy-1"), lab.of("policy-2")),
        (vec!["ep1 k8s1/default".to_owned()], vec!["ep2 k8s2/default".to_owned()])
    );
}

#[test]
fn a_selector_without_nodes_leaves_its_pods_without_a_gateway_and_says_so() {
    let mut lab = Lab::new("hash-mod");
    lab.node(1, json!({}));
    lab.policy("policy-1", json!({"egressGateways": [{"nodeSelector": {"matchLabels": {"no": "such"}}}]}));
    lab.pod(1, json!({}));
    let outcome = lab.recompute();
    assert_eq!(lab.exits("policy-1")["ep1"], "none");
    let told = &outcome.statuses["policy-1"];
    assert_eq!((told.ready.holds, told.ready.reason, told.status.unassigned), (false, "NoGateway", 1));
    // The pod is in its node's part all the same: dropped, not passed.
    assert_eq!(lab.assembly.share(&name(1)).endpoints.len(), 1);
}

#[test]
fn a_rule_s_node_selector_binds_that_rule_alone() {
    let mut lab = Lab::new("hash-mod");
    (1..=2).for_each(|number| lab.node(number, json!({"metadata": {"labels": {"number": number.to_string()}}})));
    let on_two =
        json!({"podSelector": {"matchLabels": {"app": "web"}}, "nodeSelector": {"matchLabels": {"number": "2"}}});
    let any = json!({"podSelector": {"matchLabels": {"app": "any"}}});
    lab.policy(
        "policy-1",
        json!({"selectors": [on_two, any], "egressGateways": [{"nodeSelector": {"matchLabels": {"number": "1"}}}]}),
    );
    lab.pod(1, json!({}));
    lab.pod(2, json!({"metadata": {"labels": {"app": "any"}}}));
    assert_eq!(lab.of("policy-1"), ["ep2 k8s1/default"]);
    // The same pod, made again on the other node: before the old one is gone, or after.
    lab.pod(1, json!({"metadata": {"uid": "another"}, "spec": {"nodeName": "k8s2"}}));
    lab.pod_gone(1);
    assert_eq!(lab.of("policy-1"), ["ep1 k8s1/default", "ep2 k8s1/default"]);
    assert!(lab.assembly.share(&name(1)).endpoints.keys().all(|key| key.name == "ep2"));
    assert!(lab.assembly.share(&name(2)).endpoints.keys().any(|key| key.uid == "another"));
}

#[test]
fn pods_of_the_node_s_own_network_are_never_captured() {
    let mut lab = Lab::new("hash-mod");
    lab.node(1, json!({}));
    lab.policy("policy-1", json!({"selectors": [{"podSelector": {}}]}));
    lab.pod(1, json!({"spec": {"hostNetwork": true}}));
    lab.pod(2, json!({"status": {"phase": "Succeeded"}}));
    lab.pod(3, json!({}));
    assert_eq!(lab.of("policy-1"), ["ep3 k8s1/default"]);
}

#[test]
fn gateways_are_those_of_the_hash_whoever_comes_and_goes() {
    let mut lab = Lab::new("hash-mod");
    (1..=2).for_each(|number| lab.node(number, json!({})));
    lab.policy("policy-1", json!({}));
    (1..=4).for_each(|number| lab.pod(number, json!({})));
    let expected = |gateways: u32, pods: &[u32]| -> Vec<String> {
        pods.iter().map(|number| format!("ep{number} {}", hashed(*number, gateways))).collect()
    };
    assert_eq!(lab.of("policy-1"), expected(2, &[1, 2, 3, 4]));
    lab.pod_gone(1);
    assert!(lab.recompute().moves.iter().all(|one| !one.is_movement()));
    assert_eq!(lab.of("policy-1"), expected(2, &[2, 3, 4]));
    lab.pod(1, json!({}));
    assert_eq!(lab.of("policy-1"), expected(2, &[1, 2, 3, 4]));
    lab.node(3, json!({}));
    assert_eq!(lab.of("policy-1"), expected(3, &[1, 2, 3, 4]));
    lab.assembly.take(Change::NodeGone(name(2)));
    lab.assembly.take(Change::NodeGone(name(3)));
    assert!(lab.of("policy-1").iter().all(|line| line.ends_with(" k8s1/default")));
}

#[test]
fn a_pod_made_again_elsewhere_is_the_new_one_whichever_is_told_first() {
    let mut lab = Lab::new("rendezvous");
    (1..=2).for_each(|number| lab.node(number, json!({})));
    lab.policy("policy-1", json!({}));
    lab.pod(1, json!({}));
    lab.recompute();
    let new =
        json!({"metadata": {"uid": "new"}, "spec": {"nodeName": "k8s2"}, "status": {"podIPs": [{"ip": "10.9.9.9"}]}});
    lab.pod(1, new.clone());
    lab.pod_gone(1);
    let outcome = lab.recompute();
    let (one, two) = (lab.assembly.share(&name(1)), lab.assembly.share(&name(2)));
    assert_eq!((one.endpoints.len(), two.endpoints.len()), (0, 1));
    let ends: Vec<bool> = outcome.moves.iter().map(|one| one.to.is_some()).collect();
    assert_eq!(ends, [false, true], "the old one's time ends, the new one's begins");
}

#[test]
fn an_egress_address_belongs_to_the_node_that_has_it() {
    let mut lab = Lab::new("rendezvous");
    (1..=3).for_each(|number| lab.node(number, json!({})));
    for number in 1..=2 {
        let host = json!({"interfaces": [{"name": "eth1", "addresses": [format!("192.0.2.{number}/24"), format!("2001:db8::{number}/64")]}]});
        let spec = serde_json::from_value(host).unwrap();
        let author = nicety_objects::host_interface::Author::Daemon;
        let host = nicety_objects::HostInterface::new(name(number), author, spec).unwrap();
        lab.assembly.take(Change::Host(Box::new(host)));
    }
    let group = |addresses: Value| json!({"egressGateways": [{"nodeSelector": {}, "egressIPs": addresses}]});
    lab.policy("policy-1", group(json!(["192.0.2.1", "192.0.2.2"])));
    lab.pod(1, json!({}));
    let told = lab.recompute().statuses["policy-1"].clone();
    let ways = |lab: &Lab| -> Vec<String> {
        let ids = lab
            .assembly
            .members("policy-1")
            .iter()
            .map(|member| member.id().map_or("none".to_owned(), |id| id.to_string()));
        ids.collect()
    };
    assert_eq!(ways(&lab), ["k8s1/192.0.2.1", "k8s2/192.0.2.2", "none"]);
    assert_eq!((told.degraded.reason, told.ready.holds), ("EgressIPMissing", true));
    // The other family is lent by the NIC where nobody names an address of it, and kept from where somebody does.
    let both = json!(["1.1.1.0/24", "2001:db8:1::/64"]);
    let mut wide = group(json!(["192.0.2.1"]));
    wide["destinationCIDRs"] = both.clone();
    lab.policy("policy-1", wide);
    lab.recompute();
    assert_eq!(ways(&lab)[0], "k8s1/192.0.2.1+2001:db8::1");
    let mut named = group(json!(["192.0.2.1", "2001:db8::9"]));
    named["destinationCIDRs"] = both.clone();
    lab.policy("policy-1", named);
    lab.recompute();
    assert_eq!(ways(&lab)[0], "k8s1/192.0.2.1", "one that is not there is not made up");
    let mut six = group(json!(["2001:db8::2"]));
    six["destinationCIDRs"] = json!(["2001:db8:1::/64"]);
    lab.policy("policy-1", six);
    lab.recompute();
    assert_eq!(ways(&lab), ["none", "k8s2/2001:db8::2", "none"]);
}

#[test]
fn two_addresses_of_one_node_are_two_gateways() {
    let mut lab = Lab::new("round-robin");
    lab.node(
        1,
        json!({"status": {"addresses": [
            {"type": "InternalIP", "address": "192.0.2.1"}, {"type": "InternalIP", "address": "192.0.2.2"},
        ]}}),
    );
    lab.policy("policy-1", json!({"egressGateways": [{"nodeSelector": {}, "egressIPs": ["192.0.2.2", "192.0.2.1"]}]}));
    (1..=4).for_each(|number| lab.pod(number, json!({})));
    let once = lab.of("policy-1");
    assert_eq!(once.iter().filter(|line| line.ends_with("/192.0.2.1")).count(), 2);
    let share = lab.assembly.share(&name(1));
    let numbers: BTreeSet<u32> = share.gateways.values().map(|gateway| gateway.vni).collect();
    assert_eq!(numbers.len(), 2);
}

#[test]
fn a_gateway_s_address_and_region_are_heard_of_when_they_come_late() {
    let mut late = Lab::new("round-robin");
    // The second registers before it has an address.
    late.node(2, json!({"status": {"addresses": null}}));
    late.node(1, json!({}));
    late.policy("out", json!({}));
    (1..=4).for_each(|number| late.pod(number, json!({})));
    late.recompute();
    let mut whole = Lab::new("round-robin");
    let first = json!({"status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.1"}]}});
    late.node(2, first.clone());
    let outcome = late.recompute();
    assert_eq!(outcome.runs.len(), 1, "it is decided anew");
    whole.node(2, first);
    whole.node(1, json!({}));
    whole.policy("out", json!({}));
    (1..=4).for_each(|number| whole.pod(number, json!({})));
    assert_eq!(late.of("out"), whole.of("out"));
    let region = json!({"metadata": {"labels": {"topology.kubernetes.io/region": "north"}}});
    late.node(1, region);
    assert_eq!(late.recompute().runs.len(), 1);
}

/// IPv4 leaves by the first two nodes, IPv6 by the other two.
fn families(policy: &str) -> Lab {
    let mut lab = Lab::new(policy);
    (1..=4_u32).for_each(|number| {
        lab.node(number, json!({"metadata": {"labels": {"six": (number > 2).to_string()}}}));
    });
    let group = |six: &str, addresses: [&str; 2]| json!({"nodeSelector": {"matchLabels": {"six": six}}, "egressIPs": addresses, "float": true});
    lab.policy("out", json!({
        "destinationCIDRs": ["0.0.0.0/0", "::/0"],
        "egressGateways": [group("false", ["192.0.2.1", "192.0.2.2"]), group("true", ["2001:db8::1", "2001:db8::2"])],
    }));
    lab
}

#[test]
fn a_pod_gets_a_gateway_that_carries_its_packets_and_one_that_stands_by_does_too() {
    for strategy in
        ["rendezvous", "sticky-identity", "least-loaded", "round-robin", "hash-mod", "jump", "zone/localOnlyFirst"]
    {
        let mut lab = families(strategy);
        let addresses = |number: u32| match number % 3 {
            0 => json!([{"ip": format!("10.0.0.{number}")}]),
            1 => json!([{"ip": format!("2001:db8:1::{number}")}]),
            _ => json!([{"ip": format!("10.0.0.{number}")}, {"ip": format!("2001:db8:1::{number}")}]),
        };
        (1..=30).for_each(|number| lab.pod(number, json!({"status": {"podIPs": addresses(number)}})));
        let outcome = lab.recompute();
        assert!(lab.assembly.failure("out").is_none(), "{strategy}: {outcome:?}");
        for (pod, primary, standby, reason) in lab.assembly.assigned("out") {
            let families = |six: bool| pod.addresses.iter().any(|one| one.is_ipv6() == six);
            assert!(primary.is_some(), "{strategy}: {pod:?}: {reason}");
            for id in primary.into_iter().chain(standby) {
                assert!(families(id.as_str().contains("2001:")), "{strategy}: {pod:?}: {id}");
            }
        }
    }
}

#[test]
fn a_pod_whose_family_no_way_carries_has_no_gateway_and_one_that_some_carry_whole_has_one_of_those() {
    let mut lab = families("rendezvous");
    let only = |six: &str, addresses: Value| {
        json!({
            "destinationCIDRs": ["0.0.0.0/0", "::/0"],
            "egressGateways": [{"nodeSelector": {"matchLabels": {"six": six}}, "egressIPs": addresses, "float": true}],
        })
    };
    lab.policy("out", only("false", json!(["192.0.2.1"])));
    lab.pod(1, json!({"status": {"podIPs": [{"ip": "2001:db8:1::1"}]}}));
    lab.pod(2, json!({}));
    assert_eq!(
        lab.of("out"),
        ["ep1 none", "ep2 k8s1/192.0.2.1"].map(str::to_owned).map(|one| one.replace("k8s1", &home(&lab)))
    );
    lab.policy("out", only("true", json!(["192.0.2.1", "192.0.2.2", "2001:db8::2"])));
    (1..=20).for_each(|number| {
        lab.pod(number, json!({"status": {"podIPs": [{"ip": format!("10.0.0.{number}")}, {"ip": format!("2001:db8:1::{number}")}]}}));
    });
    lab.recompute();
    assert!(lab.exits("out").values().all(|id| id.ends_with("/192.0.2.1+2001:db8::2")), "{:?}", lab.exits("out"));
}

fn home(lab: &Lab) -> String {
    let members = lab.assembly.members("out").iter();
    members.filter(|member| member.gateway.is_some()).map(|member| member.node.to_string()).collect()
}

#[test]
fn a_pod_of_more_policies_than_a_slice_takes_has_the_first_and_the_others_say_so() {
    use nicety_objects::egress_slice::spec::MAX_EXITS;
    let mut lab = Lab::new("rendezvous");
    lab.node(1, json!({}));
    (0..=MAX_EXITS).for_each(|number| lab.policy(&format!("p-{number:03}"), json!({})));
    lab.pod(1, json!({}));
    let reasons = |lab: &mut Lab| -> Vec<String> {
        let statuses = lab.recompute().statuses.into_iter();
        statuses.filter(|(_, told)| told.degraded.reason == "TooManyPolicies").map(|(name, _)| name).collect()
    };
    let has = |lab: &Lab, policy: &str| {
        let exits = lab.assembly.share(&name(1)).endpoints.into_values().next().unwrap().exits;
        assert_eq!(exits.len(), MAX_EXITS);
        exits.contains_key(policy)
    };
    let last = format!("p-{MAX_EXITS:03}");
    assert_eq!(reasons(&mut lab), [last.clone()]);
    assert!(!has(&lab, &last));
    lab.policy(&last, json!({"priority": 1}));
    assert_eq!(reasons(&mut lab), [format!("p-{:03}", MAX_EXITS - 1)]);
    assert!(has(&lab, &last));
    assert_eq!(lab.assembly.status(&last).unwrap().unassigned, 0);
    lab.assembly.take(Change::PolicyGone("p-000".to_owned()));
    assert!(reasons(&mut lab).is_empty() && has(&lab, &last));
}
