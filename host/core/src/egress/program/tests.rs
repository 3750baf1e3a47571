use super::*;
use crate::egress::{
    share::{Exit, Gateway},
    table::{
        Key, Shown, Table, Value,
        change::{Change, between},
    },
    trace::{By, Verdict, trace},
};
use proptest::prelude::*;

pub fn settings() -> Settings {
    Settings {
        node: "here".parse().unwrap(),
        addresses: ["10.0.0.1", "fd00::1"].map(|text| text.parse().unwrap()).into(),
        mask: Mask::default(),
        port: 4790,
        tables: "12000-12255".parse().unwrap(),
    }
}

fn gateway(node: &str, way: Way) -> (GatewayId, Gateway) {
    let node: NodeName = node.parse().unwrap();
    let id = GatewayId::new(&node, &way);
    let underlay = vec!["10.0.0.9".parse().unwrap(), "fd00::9".parse().unwrap()];
    (id.clone(), Gateway { node, underlay, way, vni: id.preferred_vni() })
}

fn pod(name: &str) -> PodKey {
    PodKey { namespace: "default".to_owned(), name: name.to_owned(), uid: name.to_owned() }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Pod `p` (10.1.0.1 and fd01::1) leaves by `far`, with `here` as its standby.
fn wanted() -> (Wanted, Ways) {
    let (far, here) = (gateway("far", Way::Default), gateway("here", Way::Default));
    let exit = Exit { primary: Some(far.0.clone()), standby: Some(here.0.clone()), reason: String::new() };
    let endpoint =
        Endpoint { addresses: [ip("10.1.0.1"), ip("fd01::1")].into(), exits: [("all".to_owned(), exit)].into() };
    let destinations = ["0.0.0.0/0", "::/0"].map(|text| text.parse().unwrap()).into();
    let out = Out { link: "eth1".parse().unwrap(), address: ip("192.0.2.1"), routes: None };
    let ways = [(here.0.clone(), [(Family::V4, out)].into())].into();
    let wanted = Wanted {
        share: Share { gateways: [far, here].into(), endpoints: [(pod("p"), endpoint)].into(), ..Share::default() },
        policies: [("all".to_owned(), Policy { priority: 0, destinations, excluded: Vec::new() })].into(),
        cluster: vec!["10.0.0.0/8".parse().unwrap()],
        ..Wanted::default()
    };
    (wanted, ways)
}

fn program(wanted: &Wanted, ways: &Ways) -> Program {
    Program::of(&settings(), wanted, ways, &mut Marks::default())
}

fn gateway_of(program: &Program, source: &str, destination: &str) -> Option<String> {
    match trace(program, ip(source), ip(destination)) {
        Verdict::Leaves { gateway, .. } => Some(gateway.to_string()),
        _ => None,
    }
}

#[test]
fn a_pod_leaves_by_its_gateway_and_by_its_standby_when_that_is_dead() {
    let (mut wanted, ways) = wanted();
    let before = program(&wanted, &ways);
    assert_eq!(gateway_of(&before, "10.1.0.1", "192.0.2.9").as_deref(), Some("far/default"));
    assert!(matches!(
        trace(&before, ip("10.1.0.1"), ip("192.0.2.9")),
        Verdict::Leaves { by: By::Tunnel { underlay, .. }, .. } if underlay == ip("10.0.0.9")
    ));
    wanted.dead.insert("far".parse().unwrap());
    let after = program(&wanted, &ways);
    assert_eq!(gateway_of(&after, "10.1.0.1", "192.0.2.9").as_deref(), Some("here/default"));
    // This node has no way out in IPv6.
    assert_eq!(trace(&after, ip("fd01::1"), ip("2001:db8::9")), Verdict::Dropped { policy: "all".to_owned() });
    let nowhere = program(&wanted, &Ways::new());
    assert_eq!(trace(&nowhere, ip("10.1.0.1"), ip("192.0.2.9")), Verdict::Dropped { policy: "all".to_owned() });
}

#[test]
fn without_its_number_a_gateway_gets_no_packet_and_keeps_no_flow() {
    let (wanted, ways) = wanted();
    let mut marks = Marks::default();
    let program = Program::of(&settings(), &wanted, &ways, &mut marks);
    let far = marks.number(&"far/default".to_owned().into()).unwrap();
    let without = program.clone().without(&[far].into());
    let dropped = Verdict::Dropped { policy: "all".to_owned() };
    assert_eq!(trace(&without, ip("10.1.0.1"), ip("192.0.2.9")), dropped);
    assert_eq!(without.endpoints, program.endpoints);
    let table = Table::of(&settings(), &without);
    assert!(!table.sets["gates"].elements.contains_key(&Key::number(settings().mask.mark(far))));
    assert!(!table.sets.keys().any(|name| name.starts_with("exits")), "{:?}", table.sets.keys());
    assert_eq!(program.clone().without(&BTreeSet::new()), program);
}

#[test]
fn the_cluster_and_the_link_are_nobodys_to_capture() {
    let (wanted, ways) = wanted();
    let program = program(&wanted, &ways);
    for to in ["10.2.3.4", "169.254.169.254", "224.0.0.1", "255.255.255.255"] {
        assert!(matches!(trace(&program, ip("10.1.0.1"), ip(to)), Verdict::NoDestination { .. }), "{to}");
    }
    for to in ["fe80::1", "ff02::1"] {
        assert!(matches!(trace(&program, ip("fd01::1"), ip(to)), Verdict::NoDestination { .. }), "{to}");
    }
    assert_eq!(trace(&program, ip("10.1.0.2"), ip("192.0.2.9")), Verdict::NoEndpoint);
}

fn held(name: &str, addresses: &[&str]) -> Hold {
    let addresses = addresses.iter().map(|address| ip(address)).collect();
    Hold { pod: pod(name), addresses, beside: BTreeSet::new(), policies: ["all".to_owned()].into() }
}

#[test]
fn a_pod_that_is_made_again_is_held_until_the_assignment_has_its_new_address() {
    let (mut wanted, ways) = wanted();
    let dropped = Verdict::Dropped { policy: "all".to_owned() };
    let of = |wanted: &Wanted, source: &str| {
        let to = if source.contains(':') { "2001:db8::9" } else { "192.0.2.9" };
        trace(&program(wanted, &ways), ip(source), ip(to))
    };
    // Its namespace is another now, under the same UID; the slice is of before.
    wanted.held = vec![Hold { beside: [ip("10.9.0.1")].into(), ..held("p", &["10.1.0.7", "fd01::7"]) }];
    for source in ["10.1.0.7", "10.9.0.1", "fd01::7"] {
        assert_eq!(of(&wanted, source), dropped, "{source}");
    }
    // One family alone is of now.
    wanted.held[0].addresses = [ip("10.1.0.7"), ip("fd01::1")].into();
    assert_eq!(of(&wanted, "10.1.0.7"), dropped);
    // The one before is still there: it lifts its own hold, not that of the one after it.
    wanted.held.push(held("p", &["10.1.0.1", "fd01::1"]));
    assert_eq!(of(&wanted, "10.1.0.7"), dropped);
    wanted.held.pop();
    wanted.share.endpoints.get_mut(&pod("p")).unwrap().addresses = [ip("10.1.0.7")].into();
    assert_eq!(gateway_of(&program(&wanted, &ways), "10.1.0.7", "192.0.2.9").as_deref(), Some("far/default"));
    // What no cluster tells of is not waited for.
    assert_eq!(of(&wanted, "10.9.0.1"), Verdict::NoEndpoint);
    wanted.held = vec![Hold { addresses: BTreeSet::new(), beside: [ip("10.9.0.1")].into(), ..held("p", &[]) }];
    assert_eq!(of(&wanted, "10.9.0.1"), Verdict::NoEndpoint);
}

#[test]
fn whom_nothing_but_the_assignment_tells_of_is_more() {
    let (mut now, _) = wanted();
    assert!(now.captures_more_than(&Wanted::default()));
    assert!(!now.captures_more_than(&now));
    let before = now.clone();
    let endpoint = now.share.endpoints[&pod("p")].clone();
    now.share.endpoints.insert(pod("q"), endpoint.clone());
    assert!(now.captures_more_than(&before));
    // The hold is written down with the attachment.
    now.held = vec![held("q", &["10.1.0.2"])];
    assert!(!now.captures_more_than(&before));
    now.share.endpoints.get_mut(&pod("p")).unwrap().exits.insert("more".to_owned(), endpoint.exits["all"].clone());
    assert!(now.captures_more_than(&before));
    assert!(!before.captures_more_than(&now));
}

#[test]
fn an_address_that_a_pod_had_before_is_whose_it_is_now() {
    let (mut wanted, ways) = wanted();
    // The pod `p` has another address now, and `q` the one that the slice still says is of `p`.
    wanted.held = vec![held("p", &["10.1.0.7"]), held("q", &["10.1.0.1"])];
    let dropped = Verdict::Dropped { policy: "all".to_owned() };
    assert_eq!(trace(&program(&wanted, &ways), ip("10.1.0.1"), ip("192.0.2.9")), dropped);
    let here = Some(gateway("here", Way::Default).0);
    let exit = Exit { primary: here, standby: None, reason: String::new() };
    let endpoint = Endpoint { addresses: [ip("10.1.0.1")].into(), exits: [("all".to_owned(), exit)].into() };
    wanted.share.endpoints.insert(pod("q"), endpoint);
    let now = program(&wanted, &ways);
    assert_eq!(gateway_of(&now, "10.1.0.1", "192.0.2.9").as_deref(), Some("here/default"));
    assert_eq!(trace(&now, ip("10.1.0.7"), ip("192.0.2.9")), dropped);
}

#[test]
fn a_held_pod_is_dropped_until_its_own_assignment_comes() {
    let (mut wanted, ways) = wanted();
    let hold = |name: &str| held(name, &["10.1.0.1"]);
    // Another pod with the address of the one before.
    wanted.held.push(hold("q"));
    let dropped = Verdict::Dropped { policy: "all".to_owned() };
    assert_eq!(trace(&program(&wanted, &ways), ip("10.1.0.1"), ip("192.0.2.9")), dropped);
    wanted.held = vec![hold("p")];
    assert_eq!(gateway_of(&program(&wanted, &ways), "10.1.0.1", "192.0.2.9").as_deref(), Some("far/default"));
    // One that no policy captures is free, whatever the one before was.
    wanted.held = vec![Hold { policies: BTreeSet::new(), ..hold("q") }];
    assert_eq!(trace(&program(&wanted, &ways), ip("10.1.0.1"), ip("192.0.2.9")), Verdict::NoEndpoint);
}

#[test]
fn a_policy_that_captures_a_pod_and_gives_it_no_exit_drops_it() {
    let (mut wanted, ways) = wanted();
    let narrow = Policy { priority: 0, destinations: vec!["192.0.2.0/24".parse().unwrap()], excluded: Vec::new() };
    wanted.policies.insert("narrow".to_owned(), narrow);
    wanted.captured.insert(pod("p"), ["narrow".to_owned(), "unknown".to_owned()].into());
    let program = program(&wanted, &ways);
    assert_eq!(trace(&program, ip("10.1.0.1"), ip("192.0.2.9")), Verdict::Dropped { policy: "narrow".to_owned() });
    assert_eq!(gateway_of(&program, "10.1.0.1", "198.51.100.9").as_deref(), Some("far/default"));
}

#[test]
fn an_address_of_two_pods_leaves_only_where_both_agree() {
    let (mut wanted, ways) = wanted();
    let mut other = wanted.share.endpoints[&pod("p")].clone();
    wanted.share.endpoints.insert(pod("q"), other.clone());
    assert_eq!(gateway_of(&program(&wanted, &ways), "10.1.0.1", "192.0.2.9").as_deref(), Some("far/default"));
    other.exits.get_mut("all").unwrap().primary = None;
    wanted.share.endpoints.insert(pod("q"), other);
    assert_eq!(gateway_of(&program(&wanted, &ways), "10.1.0.1", "192.0.2.9"), None);
}

#[test]
fn every_destination_has_an_answer_in_a_class() {
    let (wanted, ways) = wanted();
    let table = Table::of(&settings(), &program(&wanted, &ways));
    for (name, set) in table.sets.iter().filter(|(_, set)| set.shape.interval) {
        let begins: Vec<&Key> = set.elements.keys().filter(|key| !key.ends).collect();
        let ends: Vec<&Key> = set.elements.keys().filter(|key| key.ends).collect();
        assert!(begins[0].bytes().iter().all(|byte| *byte == 0), "{name}");
        assert_eq!(begins.len(), ends.len() + 1, "{name}");
        let touching = begins.iter().skip(1).zip(&ends).all(|(begin, end)| begin.bytes() == end.bytes());
        assert!(touching, "{name} has a gap");
        assert!(set.elements.values().any(|value| *value == Value::Accept), "{name}");
    }
}

#[test]
fn the_kernel_takes_the_longest_names_of_policies_and_tells_them_apart() {
    let (mut wanted, ways) = wanted();
    let policy = wanted.policies["all"].clone();
    let exit = wanted.share.endpoints[&pod("p")].exits["all"].clone();
    let long = ["a", "b"].map(|last| format!("{}{last}", "x".repeat(252)));
    for name in long.iter().chain([&"y".repeat(240)]) {
        wanted.policies.insert(name.clone(), policy.clone());
        wanted.share.endpoints.get_mut(&pod("p")).unwrap().exits.insert(name.clone(), exit.clone());
    }
    let table = Table::of(&settings(), &program(&wanted, &ways));
    let names = || table.chains.keys().chain(table.sets.keys()).chain(&table.counters);
    assert!(names().all(|name| name.len() <= 255));
    let of = |begin: &str| names().filter(|name| name.starts_with(begin)).count();
    assert_eq!([of("policy-"), of("dropped-"), of("exits4-")], [4, 4, 4]);
    assert!(names().any(|name| *name == format!("dropped-{}", "y".repeat(240))));
}

#[test]
fn nothing_is_wanted_of_a_kernel_that_has_it() {
    let (wanted, ways) = wanted();
    let table = Table::of(&settings(), &program(&wanted, &ways));
    let all = between(None, &table);
    assert_eq!(all.first(), Some(&Change::AddTable));
    assert_eq!(between(Some(&table.clone().shown()), &table), []);
    let mut old = table.clone().shown();
    old.chains.get_mut("leave").unwrap().0.as_mut().unwrap().priority = 0;
    assert_eq!(between(Some(&old), &table)[..2], [Change::DeleteTable, Change::AddTable]);
}

/// What the kernel would do with the changes; what it would refuse fails the test.
fn kernel(mut shown: Shown, changes: &[Change]) -> Shown {
    for change in changes {
        match change {
            Change::AddTable => {}
            Change::DeleteTable => shown = Shown::default(),
            Change::AddChain { name, base } => {
                assert!(shown.chains.insert(name.clone(), (base.clone(), Vec::new())).is_none());
            }
            Change::AddSet { name, shape } => {
                let set = crate::egress::table::Set { shape: *shape, elements: BTreeMap::new() };
                assert!(shown.sets.insert(name.clone(), set).is_none());
            }
            Change::AddCounter { name } => assert!(shown.counters.insert(name.clone())),
            Change::DeleteElements { set, keys } => {
                let elements = &mut shown.sets.get_mut(set).unwrap().elements;
                keys.iter().for_each(|key| assert!(elements.remove(key).is_some()));
            }
            Change::Flush { chain } => shown.chains.get_mut(chain).unwrap().1.clear(),
            Change::AddRule { chain, rule } => shown.chains.get_mut(chain).unwrap().1.push(rule.comment()),
            Change::AddElements { set, shape: _, elements } => {
                for (key, value) in elements {
                    if let Value::Goto(chain) = value {
                        assert!(shown.chains.contains_key(chain), "{chain}");
                    }
                    let before = shown.sets.get_mut(set).unwrap().elements.insert(*key, value.clone());
                    assert_eq!(before, None);
                }
            }
            Change::DeleteSet { name } => assert!(shown.sets.remove(name).is_some_and(|set| set.elements.is_empty())),
            Change::DeleteChain { name } => {
                let used = |set: &crate::egress::table::Set| {
                    set.elements.values().any(|value| matches!(value, Value::Goto(chain) if chain == name))
                };
                assert!(!shown.sets.values().any(used), "{name} is in use");
                assert!(shown.chains.remove(name).is_some_and(|(_, rules)| rules.is_empty()));
            }
            Change::DeleteCounter { name } => assert!(shown.counters.remove(name)),
        }
    }
    shown
}

fn any_wanted() -> impl Strategy<Value = (Wanted, Ways)> {
    let pods = prop::collection::vec((0u8..40, prop::collection::vec((0usize..3, 0usize..5, 0usize..5), 0..3)), 0..12);
    (pods, prop::collection::btree_set(0usize..3, 0..4), prop::collection::btree_set(0usize..4, 0..3)).prop_map(
        |(pods, policies, dead)| {
            let nodes = ["far", "near", "other", "here"];
            let gateways: Vec<_> = nodes.iter().map(|node| gateway(node, Way::Default)).collect();
            let id = |at: usize| gateways.get(at).map(|(id, _)| id.clone());
            let names = ["one", "two", "three"];
            let nets = ["0.0.0.0/0", "192.0.2.0/24", "192.0.2.128/25"];
            let (mut wanted, ways) = wanted();
            wanted.share = Share { gateways: gateways.clone().into_iter().collect(), ..Share::default() };
            wanted.policies = policies
                .iter()
                .map(|at| {
                    let destinations = vec![nets[*at].parse().unwrap(), "2001:db8::/32".parse().unwrap()];
                    (names[*at].to_owned(), Policy { priority: 0, destinations, excluded: Vec::new() })
                })
                .collect();
            wanted.dead = dead.iter().map(|at| nodes[*at].parse().unwrap()).collect();
            for (last, exits) in pods {
                let exits = exits.into_iter().map(|(policy, primary, standby)| {
                    let exit = Exit { primary: id(primary), standby: id(standby), reason: String::new() };
                    (names[policy].to_owned(), exit)
                });
                let addresses = [IpAddr::from([10, 1, 0, last]), format!("fd01::{last}").parse().unwrap()].into();
                let endpoint = Endpoint { addresses, exits: exits.collect() };
                wanted.share.endpoints.insert(pod(&format!("pod-{last}")), endpoint);
            }
            (wanted, ways)
        },
    )
}

proptest! {
    #[test]
    fn changes_lead_from_any_table_to_any_other((before, ways) in any_wanted(), (after, _) in any_wanted()) {
        let mut marks = Marks::default();
        let settings = settings();
        let one = Table::of(&settings, &Program::of(&settings, &before, &ways, &mut marks));
        let two = Table::of(&settings, &Program::of(&settings, &after, &ways, &mut marks));
        let there = kernel(Shown::default(), &between(None, &one));
        prop_assert_eq!(&there, &one.clone().shown());
        let changed = kernel(there, &between(Some(&one.shown()), &two));
        prop_assert_eq!(changed, two.shown());
    }

    #[test]
    fn nobody_leaves_by_a_gateway_that_is_not_its_own((wanted, ways) in any_wanted()) {
        let program = Program::of(&settings(), &wanted, &ways, &mut Marks::default());
        for endpoint in wanted.share.endpoints.values() {
            for source in &endpoint.addresses {
                let to = if source.is_ipv4() { "192.0.2.200" } else { "2001:db8::9" };
                if let Verdict::Leaves { policy, gateway, .. } = trace(&program, *source, ip(to)) {
                    let exit = &endpoint.exits[&policy];
                    prop_assert!(exit.candidates().any(|id| *id == gateway));
                    let node = &wanted.share.gateways[&gateway].node;
                    prop_assert!(!wanted.dead.contains(node) || node.as_str() == "here");
                }
            }
        }
    }
}
