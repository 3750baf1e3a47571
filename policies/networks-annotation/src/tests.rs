//! The rows of the annotation's reference behaviour, marked M and a number, and the rules of the three modes.

use nicety_policy_sdk::{Attribute, Value, facts};

use super::*;

fn call(mode: Mode, text: &str) -> Facts {
    let others = ["a", "b", "c", "macvlan", "A_b.c"];
    facts::attach(mode, facts::annotated(ANNOTATION, text), "pods", &others)
}

fn asked(text: &str) -> Result<Vec<Request>, Denial> {
    decide(&Config {}, &call(Mode::Chained, text))
}

/// Names of networks and interfaces, as `a` and `a@x1`.
fn named(text: &str) -> Vec<String> {
    let facts = call(Mode::Chained, text);
    let show = |request: &Request| {
        let name = &facts.networks[request.network as usize].name;
        request.ifname.as_ref().map_or_else(|| name.clone(), |ifname| format!("{name}@{ifname}"))
    };
    asked(text).unwrap_or_else(|denial| panic!("{text}: {}", denial.message)).iter().map(show).collect()
}

/// The denial's message must have all the words.
fn refused(text: &str, words: &[&str]) -> Denial {
    let denial = asked(text).unwrap_err();
    for word in words {
        assert!(denial.message.contains(word), "{text}: `{word}` is not in: {}", denial.message);
    }
    denial
}

#[test]
fn the_short_form_names_networks_in_order_m1_m2() {
    assert_eq!(named("macvlan"), ["macvlan"]);
    assert_eq!(named("a, b@x1 ,podns/c"), ["a", "b@x1", "c"]);
    assert_eq!(named("a,a"), ["a", "a"], "a network may be named several times");
}

#[test]
fn more_than_one_separator_is_refused_m4() {
    refused("a@b@c", &["element 1", "more than one `@`"]);
    refused("x/y/z", &["element 1", "more than one `/`"]);
}

#[test]
fn a_name_of_the_short_form_is_a_dns_label_m5() {
    refused("A_b", &["`A_b`", "lower-case"]);
    refused("a.b", &["`a.b`", "list form"]);
    refused("-a", &["`-a`"]);
}

#[test]
fn an_interface_name_has_at_most_15_bytes_m6() {
    refused("a@averyverylongifname", &["`averyverylongifname`", "15 bytes"]);
    assert_eq!(named("a@fifteencharsaaa"), ["a@fifteencharsaaa"]);
    refused("a@x y", &["white space"]);
    refused("a@", &["is empty"]);
}

#[test]
fn the_list_form_names_networks_in_order_m7_m14() {
    assert_eq!(named(r#"[{"name":"a"},{"name":"a","interface":"x1"}]"#), ["a", "a@x1"]);
    assert_eq!(named("[]"), [""; 0]);
}

#[test]
fn the_list_form_is_a_list_of_objects_m8() {
    refused(r#"{"name":"a"}"#, &["an object", "list"]);
    refused(r#""a""#, &["a text", "list"]);
    refused(r#"["a"]"#, &["element 1", "a text", "object"]);
    refused(r#"[{"name":"a"}"#, &["not JSON at byte 13"]);
    refused(&"[".repeat(10_000), &["nest too deep"]);
}

#[test]
fn an_empty_name_is_refused_m9_m16() {
    refused(r#"[{"interface":"x1"}]"#, &["element 1, `name`", "missing"]);
    refused(r#"[{"name":""}]"#, &["element 1, `name`", "missing"]);
    refused("a,", &["element 2", "``"]);
    refused("@e", &["element 1", "``"]);
}

#[test]
fn addresses_and_the_hardware_address_are_passed_on_m10() {
    let request = &asked(r#"[{"name":"a","ips":["10.0.0.5/24","fd00::5"],"mac":"02:00:00:00:00:01"}]"#).unwrap()[0];
    let addresses: Vec<String> = request.addresses.iter().map(|prefix| prefix.to_string()).collect();
    assert_eq!(addresses, ["10.0.0.5/24", "fd00::5/128"]);
    assert_eq!((request.mac, request.nics_max), (Some(0x0200_0000_0001), Some(1)), "a MAC is of one interface");
    refused(r#"[{"name":"a","mac":"02:00:00:00:00:01","cni-args":{"nics":2}}]"#, &["`mac`", "several"]);
}

#[test]
fn a_default_route_goes_by_the_gateway_of_each_family_m11() {
    let request = &asked(r#"[{"name":"a","default-route":["10.0.0.1","fd00::1"]}]"#).unwrap()[0];
    assert_eq!(request.gateway4.unwrap().to_string(), "10.0.0.1");
    assert_eq!(request.gateway6.unwrap().to_string(), "fd00::1");
    let request = &asked(r#"[{"name":"a","default-route":[]}]"#).unwrap()[0];
    assert_eq!((request.gateway4, request.gateway6), (None, None));
    refused(r#"[{"name":"a","default-route":["10.0.0.1","10.0.0.2"]}]"#, &["several gateways"]);
    refused(r#"[{"name":"a","default-route":["x"]}]"#, &["`default-route`", "`x` is not an address"]);
}

#[test]
fn a_malformed_address_is_refused_m13() {
    refused(r#"[{"name":"a","mac":"zz"}]"#, &["element 1, `mac`", "`zz`"]);
    refused(r#"[{"name":"a","ips":["10.0.0.300"]}]"#, &["element 1, `ips`", "`10.0.0.300`"]);
}

#[test]
fn the_list_form_takes_any_name_on_offer_and_no_bad_interface_name_m17() {
    assert_eq!(named(r#"[{"name":"A_b.c"}]"#), ["A_b.c"]);
    refused(r#"[{"name":"a","interface":"averyverylongifname/"}]"#, &["element 1, `interface`", "15 bytes"]);
    refused(r#"[{"name":"a","interface":"a/b"}]"#, &["`a/b`", "`/`"]);
}

#[test]
fn interface_request_is_an_alias_and_interface_wins_m18() {
    assert_eq!(named(r#"[{"name":"a","interfaceRequest":"q1"}]"#), ["a@q1"]);
    assert_eq!(named(r#"[{"name":"a","interfaceRequest":"q1","interface":"x1"}]"#), ["a@x1"]);
}

#[test]
fn an_unknown_key_is_ignored_m19_m20() {
    assert_eq!(named(r#"[{"name":"a","bogus":1.5}]"#), ["a"]);
    assert_eq!(named(r#"[{"name":"a","cni-args":{"k":[1]}}]"#), ["a"]);
}

#[test]
fn cni_args_choose_nics() {
    let text = r#"[{"name":"a","cni-args":{"nics":2,"masters":["eth3","eth1"],"class":"fast","target":"10Gbps"}}]"#;
    let request = &asked(text).unwrap()[0];
    assert_eq!((request.nics_min, request.nics_max), (1, Some(2)));
    assert_eq!((&request.masters, request.class.as_deref()), (&vec!["eth3".into(), "eth1".into()], Some("fast")));
    assert_eq!(request.target, Some(10_000_000_000));
    for unlimited in ["0", "-1", "null"] {
        let text = format!(r#"[{{"name":"a","cni-args":{{"nics":{unlimited}}}}}]"#);
        assert_eq!(asked(&text).unwrap()[0].nics_max, None, "{unlimited}");
    }
}

#[test]
fn a_known_key_of_a_wrong_type_is_refused() {
    for (element, words) in [
        (r#""name":1"#, ["`name`", "a number"]),
        (r#""name":"a","namespace":[]"#, ["`namespace`", "a list"]),
        (r#""name":"a","ips":"10.0.0.5""#, ["`ips`", "no list of texts"]),
        (r#""name":"a","ips":[1]"#, ["`ips`", "no list of texts"]),
        (r#""name":"a","interface":7"#, ["`interface`", "a number"]),
        (r#""name":"a","cni-args":"nics=2""#, ["`cni-args`", "a text"]),
        (r#""name":"a","cni-args":{"nics":"2"}"#, ["`nics`", "whole number"]),
        (r#""name":"a","cni-args":{"nics":1.5}"#, ["`nics`", "whole number"]),
        (r#""name":"a","cni-args":{"masters":"eth1"}"#, ["`masters`", "no list of texts"]),
        (r#""name":"a","cni-args":{"masters":["eth1","eth1"]}"#, ["`masters`", "twice"]),
        (r#""name":"a","cni-args":{"masters":["a/b"]}"#, ["`masters`", "`/`"]),
        (r#""name":"a","cni-args":{"target":"fast"}"#, ["`target`", "Gbps"]),
    ] {
        refused(&format!("[{{{element}}}]"), &words);
    }
}

#[test]
fn a_network_of_another_namespace_is_refused() {
    let denial = refused("other/a", &["`other/a`", "`podns`", "leave the namespace out"]);
    assert_eq!((denial.code.as_str(), denial.object.as_deref()), ("foreign-namespace", Some("other/a")));
    refused(r#"[{"name":"a","namespace":"other"}]"#, &["`other/a`"]);
    assert_eq!(named(r#"[{"name":"a","namespace":"podns"}]"#), ["a"]);
}

#[test]
fn an_unknown_network_is_refused_with_those_on_offer() {
    let denial = refused("nope", &["`nope`", "`a`, `b`"]);
    assert_eq!((denial.code.as_str(), denial.retryable), ("unknown-network", false));
}

#[test]
fn a_network_that_is_not_ready_may_be_asked_for_again() {
    let mut facts = call(Mode::Chained, "a,b");
    facts.networks[1].ready = false;
    let value = Value::Text("no NIC of its pool is up".into());
    facts.networks[1].attributes = vec![Attribute { name: "unready-reason".into(), value }];
    let denial = decide(&Config {}, &facts).unwrap_err();
    assert_eq!((denial.code.as_str(), denial.retryable), ("network-not-ready", true));
    assert!(denial.message.contains("no NIC of its pool is up"), "{}", denial.message);
    facts.pod = facts::annotated(ANNOTATION, "a,nope");
    let denial = decide(&Config {}, &facts).unwrap_err();
    assert_eq!((denial.code.as_str(), denial.retryable), ("unknown-network", false), "time alone does not mend this");
    assert!(denial.message.contains("`a` is not usable"), "{}", denial.message);
}

#[test]
fn every_finding_is_in_one_denial() {
    let text = r#"[{"name":"a","mac":"zz","ips":["x"]},{"interface":"a/b"},{"name":"nope"}]"#;
    refused(
        text,
        &["annotation `k8s.v1.cni.cncf.io/networks`: ", "`zz`", "`x`", "element 2, `name`", "`a/b`", "`nope`"],
    );
}

#[test]
fn no_interface_name_is_given_twice() {
    refused("a@x1,b@x1", &["`x1` is asked for twice"]);
    refused("a@eth0", &["`eth0` is the name of the pod's first interface"]);
}

#[test]
fn a_chained_call_without_annotation_asks_for_nothing() {
    let facts = facts::attach(Mode::Chained, facts::pod("podns", "pod"), "pods", &["a"]);
    assert_eq!(decide(&Config {}, &facts).unwrap(), []);
    assert_eq!(asked("  ").unwrap(), []);
}

#[test]
fn as_the_nodes_own_network_the_primary_request_comes_first() {
    let requests = decide(&Config {}, &call(Mode::OwnNetwork, "a,b")).unwrap();
    let shape: Vec<(u32, bool)> = requests.iter().map(|request| (request.network, request.primary)).collect();
    assert_eq!(shape, [(0, true), (1, false), (2, false)]);
    assert_eq!(requests[2].reason, "annotation k8s.v1.cni.cncf.io/networks, element 2");
}

#[test]
fn a_delegated_call_is_one_request_and_its_arguments_come_with_the_call() {
    let mut facts = call(Mode::Delegated, "a,b");
    let attribute = |name: &str, value| Attribute { name: name.into(), value };
    facts.call.attributes = vec![
        attribute("class", Value::Text("fast".into())),
        attribute("masters", Value::Texts(vec!["eth2".into()])),
        attribute("nics", Value::Number(1)),
        attribute("target", Value::Text("1Gbps".into())),
    ];
    let requests = decide(&Config {}, &facts).unwrap();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].primary && requests[0].network == 0 && requests[0].nics_max == Some(1));
    assert_eq!((requests[0].class.as_deref(), requests[0].target), (Some("fast"), Some(1_000_000_000)));
    assert_eq!(requests[0].masters, ["eth2"]);
}

#[test]
fn a_delegated_call_is_of_one_nic() {
    let mut facts = call(Mode::Delegated, "");
    let value = Value::Number(3);
    facts.call.attributes = vec![Attribute { name: "nics".into(), value }];
    let denial = decide(&Config {}, &facts).unwrap_err();
    assert!(denial.message.contains("`nics`: is 3"), "{}", denial.message);
}
