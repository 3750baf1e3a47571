use nicety_core::egress::health::Verdict;
use serde_json::{Value, json};

use super::*;
use crate::egress::items;

/// Nodes `n-1` to `n-COUNT`.
fn cluster(count: usize) -> (EgressSnapshot, Known, Assembly) {
    let mut snapshot = EgressSnapshot::default();
    for at in 1..=count {
        let node = json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": format!("n-{at}"), "resourceVersion": "1", "labels": {"egress": if at == 1 { "yes" } else { "no" }}},
            "status": {"addresses": [{"type": "InternalIP", "address": format!("10.0.0.{at}")}]}});
        let (name, seen) = crate::items::node(serde_json::from_value(node).unwrap()).unwrap();
        snapshot.members.nodes.insert(name, seen.value);
    }
    snapshot.inputs[0] = 1;
    let (mut known, mut assembly) = (Known::default(), Assembly::default());
    known.changes(&snapshot, &BTreeMap::new()).into_iter().for_each(|change| assembly.take(change));
    (snapshot, known, assembly)
}

fn says(snapshot: &mut EgressSnapshot, observer: &str, of: &str, verdict: Verdict) {
    tells(snapshot, observer, json!([{"node": of, "verdict": verdict, "since": 7}]));
}

fn tells(snapshot: &mut EgressSnapshot, observer: &str, observed: Value) {
    let health = json!({"apiVersion": "nicety.dev/v1alpha1", "kind": "EgressHealth",
        "metadata": {"name": observer, "resourceVersion": "1"}, "spec": {"observed": observed}});
    let (name, seen) = items::health(serde_json::from_value(health).unwrap()).unwrap();
    snapshot.healths.insert(name, seen.value);
}

/// None: nothing has changed.
fn of(change: Option<Change>, node: &str) -> Option<Health> {
    let Change::Health(standings) = change? else { panic!() };
    Some(standings.get(&node.parse().unwrap()).map_or(Health::Unknown, |standing| standing.health))
}

#[test]
fn what_is_told_twice_is_no_change() {
    let (mut snapshot, mut known, _) = cluster(3);
    assert!(known.changes(&snapshot, &BTreeMap::new()).is_empty());
    // Counted as changed, and the same all the same.
    snapshot.inputs[0] = 2;
    assert!(known.changes(&snapshot, &BTreeMap::new()).is_empty());
    snapshot.members.nodes.remove("n-2");
    snapshot.inputs[0] = 3;
    let changes = known.changes(&snapshot, &BTreeMap::new());
    assert!(matches!(changes.as_slice(), [Change::NodeGone(name)] if name.as_str() == "n-2"), "{changes:?}");
}

#[test]
fn one_observer_of_many_is_no_word_and_two_that_agree_are() {
    let (mut snapshot, mut known, assembly) = cluster(6);
    says(&mut snapshot, "n-2", "n-1", Verdict::Unhealthy);
    assert_eq!(of(known.health(&snapshot, &assembly), "n-1"), Some(Health::Unknown));
    says(&mut snapshot, "n-3", "n-1", Verdict::Unhealthy);
    assert_eq!(of(known.health(&snapshot, &assembly), "n-1"), Some(Health::Unhealthy));
    assert!(known.health(&snapshot, &assembly).is_none(), "the same once more");
    // Where they do not agree any longer, what they agreed on stays.
    says(&mut snapshot, "n-3", "n-1", Verdict::Healthy);
    assert!(known.health(&snapshot, &assembly).is_none());
    ["n-4", "n-5"].into_iter().for_each(|observer| says(&mut snapshot, observer, "n-1", Verdict::Healthy));
    assert_eq!(of(known.health(&snapshot, &assembly), "n-1"), Some(Health::Healthy));
}

#[test]
fn nodes_that_are_gone_have_no_word_and_none_is_said_of_them() {
    let (mut snapshot, mut known, assembly) = cluster(4);
    ["n-2", "gone-1", "gone-2"]
        .into_iter()
        .for_each(|observer| says(&mut snapshot, observer, "n-1", Verdict::Unhealthy));
    assert_eq!(of(known.health(&snapshot, &assembly), "n-1"), Some(Health::Unknown));
    ["n-2", "n-3"].into_iter().for_each(|observer| says(&mut snapshot, observer, "gone-3", Verdict::Unhealthy));
    let Some(Change::Health(standings)) = known.health(&snapshot, &assembly) else { panic!() };
    assert!(standings.is_empty(), "{standings:?}");
}

#[test]
fn once_it_is_known_who_watches_nobody_else_has_a_word() {
    let (mut snapshot, mut known, mut assembly) = cluster(12);
    let spec = json!({
        "selectors": [{"podSelector": {}}],
        "destinationCIDRs": ["0.0.0.0/0"],
        "egressGateways": [{"nodeSelector": {"matchLabels": {"egress": "yes"}}}],
    });
    let policy = EgressPolicy::new("out".to_owned(), serde_json::from_value(spec).unwrap()).unwrap();
    assembly.take(Change::Policy(Box::new(policy)));
    let set = crate::egress::undecided::undecided().unwrap();
    assembly.recompute(&set, &|| 0);
    let gateway: NodeName = "n-1".parse().unwrap();
    let watching: Vec<String> = assembly.observers(&gateway).into_iter().map(ToString::to_string).collect();
    assert_eq!(watching.len(), observers::MOST);
    let others = (2..=12).map(|at| format!("n-{at}")).filter(|name| !watching.contains(name));
    others.for_each(|observer| says(&mut snapshot, &observer, "n-1", Verdict::Unhealthy));
    assert_ne!(of(known.health(&snapshot, &assembly), "n-1"), Some(Health::Unhealthy));
    watching.iter().take(2).for_each(|observer| says(&mut snapshot, observer, "n-1", Verdict::Unhealthy));
    assert_eq!(of(known.health(&snapshot, &assembly), "n-1"), Some(Health::Unhealthy));
}

#[test]
fn a_node_that_others_call_dead_has_no_word_any_more() {
    let (mut snapshot, mut known, assembly) = cluster(9);
    ["n-2", "n-3", "n-4", "n-5", "n-6"].iter().for_each(|one| says(&mut snapshot, one, "n-1", Verdict::Healthy));
    assert_eq!(of(known.health(&snapshot, &assembly), "n-1"), Some(Health::Healthy));
    // Three went with it, and the two that are left have the word.
    let told = |verdict: Verdict, nodes: &[&str]| -> Value {
        nodes.iter().map(|node| json!({"node": node, "verdict": verdict, "since": 9})).collect()
    };
    for observer in ["n-5", "n-6"] {
        tells(&mut snapshot, observer, told(Verdict::Unhealthy, &["n-1"]));
    }
    assert_eq!(of(known.health(&snapshot, &assembly), "n-1"), Some(Health::Healthy), "three to two");
    for observer in ["n-7", "n-8"] {
        tells(&mut snapshot, observer, told(Verdict::Unhealthy, &["n-2", "n-3", "n-4"]));
    }
    assert_eq!(of(known.health(&snapshot, &assembly), "n-1"), Some(Health::Unhealthy));
}

#[test]
fn differences_alone_are_told() {
    let mut known: BTreeMap<&str, u8> = [("gone", 1), ("same", 2), ("other", 3)].into();
    let now: BTreeMap<&str, u8> = [("same", 2), ("other", 4), ("new", 5)].into();
    let mut told = Vec::new();
    differ(
        &mut known,
        &now,
        PartialEq::eq,
        |one| *one,
        |key, before, after| {
            told.push((*key, before, after.copied()));
        },
    );
    assert_eq!(told, [("gone", Some(1), None), ("new", None, Some(5)), ("other", None, Some(4))]);
    assert_eq!(known, now);
}
