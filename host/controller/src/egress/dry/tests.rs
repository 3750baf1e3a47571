use nicety_core::finding::Finding;
use nicety_egress::assembly::Move;
use nicety_objects::strategies::{Limits, ModuleRef, PolicyRef};
use nicety_strategies::{StrategySet, Trials};
use serde_json::json;

use super::*;
use crate::{
    egress::{Deciding, Trial, brain::Looked},
    write::Act,
};

struct Native;

impl Deciding for Native {
    fn build(&self, document: &Strategies) -> Result<StrategySet, Vec<Finding>> {
        let mut load = |module: &ModuleRef, _: &Limits| match &module.policy {
            PolicyRef::Builtin(name) => nicety_native::get(name).map(Arc::from).ok_or_else(|| format!("no `{name}`")),
            other => Err(format!("{other:?}")),
        };
        nicety_strategies::build(document, &mut load, &Trials::default())
    }

    fn try_out(&self, _: Trial) -> bool {
        false
    }
}

fn config() -> Config {
    Config::new(Arc::new(Native))
}

fn node(name: &str, last: usize, egress: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "uid": name, "resourceVersion": "5", "labels": {"egress": egress}},
        "status": {"addresses": [{"type": "InternalIP", "address": format!("10.0.0.{last}")}]}})
}

fn policy(changes: Value) -> Value {
    let mut spec = json!({
        "selectors": [{"namespaceSelector": {"matchLabels": {"team": "web"}}}],
        "destinationCIDRs": ["0.0.0.0/0"],
        "egressGateways": [{"nodeSelector": {"matchLabels": {"egress": "yes"}}}],
    });
    changes.as_object().unwrap().iter().for_each(|(field, value)| spec[field] = value.clone());
    json!({"apiVersion": "nicety.dev/v1alpha1", "kind": "EgressPolicy", "metadata": {"name": "out"}, "spec": spec})
}

/// 40 pods of `w-1`, three gateways and one node that could be one.
fn objects() -> Vec<Value> {
    let mut objects = vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "web"}}}),
        policy(json!({})),
        node("w-1", 1, ""),
        node("spare", 2, ""),
    ];
    objects.extend((1..=3).map(|at| node(&format!("gw-{at}"), 10 + at, "yes")));
    objects.extend((0..40).map(|at| {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("web-{at}"), "namespace": "shop", "uid": format!("uid-{at}")},
            "spec": {"nodeName": "w-1"}, "status": {"podIP": format!("10.1.0.{}", at + 1)}})
    }));
    objects
}

/// What a controller that leads writes of them, as the API would list it.
fn with_slices(mut objects: Vec<Value>) -> Vec<Value> {
    let mut dry = Dry::of(config(), objects.clone()).unwrap();
    dry.brain.forget();
    let Looked { writes, .. } = dry.brain.look(&dry.snapshot, Vec::new());
    objects.extend(writes.into_iter().filter_map(|write| match write.act {
        Act::Make(_, made) => Some(made),
        _ => None,
    }));
    objects
}

fn texts(moves: &[Move]) -> Vec<String> {
    let name = |id: &Option<Arc<nicety_core::egress::share::GatewayId>>| {
        id.as_ref().map_or("none".to_owned(), |id| id.to_string())
    };
    let mut texts: Vec<String> =
        moves.iter().map(|one| format!("{} {} -> {}", one.pod.name, name(&one.from), name(&one.to))).collect();
    texts.sort();
    texts
}

fn refused(change: Change) -> String {
    Dry::of(config(), objects()).unwrap().plan(change).unwrap_err()
}

#[test]
fn a_plan_is_what_the_controller_does_when_the_change_is_made() {
    let objects = with_slices(objects());
    assert!(objects.iter().any(|one| one["kind"] == "EgressSlice"));
    let without = vec!["gw-2".to_owned()];
    let plan = Dry::of(config(), objects.clone()).unwrap().plan(Change { without, ..Change::default() }).unwrap();
    // Really.
    let mut real = Dry::of(config(), objects).unwrap();
    real.snapshot.members.nodes.remove("gw-2");
    real.snapshot.inputs[0] += 1;
    let moves = real.brain.look(&real.snapshot, Vec::new()).moves;
    assert_eq!(texts(&plan.moves), texts(&moves));
    let summary = &plan.policies["out"];
    assert_eq!((summary.endpoints, summary.lost, summary.gained), (40, 0, 0));
    assert!(summary.moved > 5 && texts(&plan.moves).iter().all(|line| line.contains("gw-2/default -> ")), "{plan:?}");
}

#[test]
fn what_slices_say_is_where_a_plan_begins() {
    // One more gateway than the slices know, by a strategy that lets everybody stay.
    let mut objects = with_slices(objects());
    objects.retain(|one| one["metadata"]["name"] != "spare");
    objects.push(node("spare", 2, "yes"));
    let with = vec![policy(json!({"strategy": "least-loaded"}))];
    let plan = Dry::of(config(), objects).unwrap().plan(Change { with, ..Change::default() }).unwrap();
    assert_eq!(plan.policies["out"].moved, 0);
}

#[test]
fn objects_are_added_or_take_the_place_of_those_of_their_names() {
    let plan = |with: Vec<Value>| {
        let plan = Dry::of(config(), with_slices(objects())).unwrap().plan(Change { with, ..Change::default() });
        plan.unwrap().policies["out"].clone()
    };
    let more = plan(vec![node("spare", 2, "yes")]);
    assert!(more.moved > 0 && more.moved <= 13, "{more:?}");
    let nobody = plan(vec![policy(json!({"egressGateways": [{"nodeSelector": {"matchLabels": {"no": "such"}}}]}))]);
    assert_eq!((nobody.lost, nobody.moved), (40, 0));
    let lost = plan(vec![policy(json!({"strategy": "no-such"}))]);
    assert!(lost.failed.unwrap().contains("there is no strategy `no-such`"));
    let map = |text: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "nicety-strategies", "namespace": "nicety-system"},
            "data": {"strategies.yaml": text}})
    };
    assert!(plan(vec![map("gatewayDistribution: {default: hash-mod}")]).moved > 0);
    assert!(plan(vec![map("strategies: {mine: {policy: 'builtin:no-such'}}")]).failed.is_some());
}

#[test]
fn one_strategy_for_everybody_is_whatever_policies_and_the_document_say() {
    let by = |strategy: &str| {
        let mut objects = with_slices(objects());
        objects.retain(|one| one["kind"] != "EgressPolicy");
        objects.push(policy(json!({"strategy": "rendezvous"})));
        let strategy = Some(strategy.parse().unwrap());
        Dry::of(config(), objects).unwrap().plan(Change { strategy, ..Change::default() })
    };
    assert_eq!(by("rendezvous").unwrap().policies["out"].moved, 0);
    assert!(by("hash-mod").unwrap().policies["out"].moved > 0);
    assert!(by("no-such").unwrap_err().contains("there is no strategy `no-such`"));
}

#[test]
fn a_change_that_makes_no_sense_is_refused_with_the_reason() {
    let with = |object: Value| refused(Change { with: vec![object], ..Change::default() });
    let without = vec!["gw-9".to_owned()];
    let unknown = refused(Change { without, ..Change::default() });
    assert!(unknown.starts_with("there is no node `gw-9`; hint: there are `gw-1`, `gw-2`"), "{unknown}");
    assert!(with(policy(json!({"egressGateways": []}))).starts_with("EgressPolicy `out`: spec.egressGateways"));
    let other = with(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}));
    assert!(other.starts_with("`Secret s` says nothing of who leaves where"), "{other}");
    let map = with(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}, "data": {}}));
    assert!(map.contains("is no ConfigMap of ours"), "{map}");
}

#[test]
fn nothing_is_there_where_nothing_is_listed() {
    let dry = Dry::of(config(), Vec::new()).unwrap();
    assert!(dry.assembly().unwrap().view().policies.is_empty());
    assert!(dry.plan(Change::default()).unwrap().policies.is_empty());
}
