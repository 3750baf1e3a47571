use std::collections::BTreeMap;

use kube::api::DynamicObject;
use nicety_core::finding::Finding;
use nicety_objects::{
    Strategies,
    egress_slice::spec::SliceExit,
    strategies::{Limits, ModuleRef, PolicyRef},
};
use nicety_strategies::{StrategySet, Trials};
use serde_json::{Value, json};

use super::*;
use crate::{
    egress::{Trial, items},
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

/// A server that does what is written.
struct Cluster {
    snapshot: EgressSnapshot,
    brain: Brain,
}

fn object(kind: &str, api: &str, name: &str, rest: Value) -> DynamicObject {
    let mut object = json!({"apiVersion": api, "kind": kind,
        "metadata": {"name": name, "uid": format!("uid-{name}"), "resourceVersion": "5", "generation": 1}});
    for (field, value) in rest.as_object().unwrap() {
        match field.as_str() {
            "labels" | "namespace" => object["metadata"][field] = value.clone(),
            _ => object[field] = value.clone(),
        }
    }
    serde_json::from_value(object).unwrap()
}

impl Cluster {
    fn new(pods: usize, gateways: usize) -> Cluster {
        let snapshot = EgressSnapshot::default();
        let mut cluster = Cluster { snapshot, brain: Brain::new(Config::new(Arc::new(Native))) };
        (1..=2).for_each(|at| cluster.node(&format!("w-{at}"), json!({})));
        (1..=gateways).for_each(|at| cluster.node(&format!("gw-{at}"), json!({"egress": "yes"})));
        (0..pods).for_each(|at| cluster.pod(at));
        cluster.policy(json!({}));
        cluster
    }

    fn change(&mut self) {
        self.snapshot.inputs[0] += 1;
    }

    fn node(&mut self, name: &str, labels: Value) {
        let address = format!("10.0.0.{}", self.snapshot.members.nodes.len() + 1);
        let status = json!({"addresses": [{"type": "InternalIP", "address": address}]});
        let node = object("Node", "v1", name, json!({"labels": labels, "status": status}));
        let (name, seen) = crate::items::node(serde_json::from_value(json!(node)).unwrap()).unwrap();
        self.snapshot.members.nodes.insert(name, seen.value);
        self.change();
    }

    fn pod(&mut self, at: usize) {
        let address = format!("10.1.0.{}", at + 1);
        let rest = json!({"labels": {"app": "web"}, "namespace": "shop", "spec": {"nodeName": format!("w-{}", at % 2 + 1)},
            "status": {"podIP": address}});
        let (_, seen) = items::pod(object("Pod", "v1", &format!("web-{at}"), rest)).unwrap();
        self.snapshot.pods.insert(seen.value.0, seen.value.1);
        self.change();
    }

    fn policy(&mut self, changes: Value) {
        let mut spec = json!({
            "selectors": [{"podSelector": {"matchLabels": {"app": "web"}}}],
            "destinationCIDRs": ["0.0.0.0/0"],
            "egressGateways": [{"nodeSelector": {"matchLabels": {"egress": "yes"}}}],
        });
        changes.as_object().unwrap().iter().for_each(|(field, value)| spec[field] = value.clone());
        let status = self.snapshot.policies.get("out").map(|item| json!(item.status)).unwrap_or_default();
        let policy = object("EgressPolicy", "nicety.dev/v1alpha1", "out", json!({"spec": spec, "status": status}));
        let (name, seen) = items::policy(policy).unwrap();
        self.snapshot.policies.insert(name, seen.value);
        self.change();
    }

    fn strategies(&mut self, text: &str) {
        let map = object("ConfigMap", "v1", "nicety-strategies", json!({"data": {"strategies.yaml": text}}));
        self.snapshot.strategies = Some(items::strategies(map).unwrap().1.value);
        self.change();
    }

    /// Looks, and does what is to be done; the keys of what was, but for the cluster's ranges, which come before all else.
    fn look(&mut self) -> (Vec<String>, Option<usize>) {
        let (keys, recomputed) = self.look_once();
        match keys.iter().all(|key| key == RANGES) && !keys.is_empty() {
            true => (self.look_once().0, recomputed),
            false => (keys, recomputed),
        }
    }

    fn look_once(&mut self) -> (Vec<String>, Option<usize>) {
        let Looked { writes, recomputed, .. } = self.brain.look(&self.snapshot, Vec::new());
        for write in &writes {
            match &write.act {
                Act::Make(place, made) => {
                    self.slice(&place.name, made["spec"].clone(), made["metadata"]["labels"].clone())
                }
                Act::Merge(place, patch) => {
                    let mut spec = patch["spec"].clone();
                    spec.as_object_mut().unwrap().retain(|_, value| !value.is_null());
                    self.slice(&place.name, spec, patch["metadata"]["labels"].clone());
                }
                Act::Delete(place, _) => drop(self.snapshot.slices.remove(&place.name)),
                Act::ApplyStatus(place, told) => {
                    let item = &self.snapshot.policies[&place.name];
                    let status = serde_json::from_value(told["status"].clone()).unwrap();
                    let item = items::PolicyItem { status, ..(**item).clone() };
                    self.snapshot.policies.insert(place.name.clone(), Arc::new(item));
                }
                other => panic!("{other:?}"),
            }
        }
        (writes.into_iter().map(|write| write.key).collect(), recomputed)
    }

    fn slice(&mut self, name: &str, spec: Value, labels: Value) {
        let slice = object("EgressSlice", "nicety.dev/v1alpha1", name, json!({"spec": spec, "labels": labels}));
        let (name, seen) = items::slice(slice).unwrap();
        assert!(seen.value.slice.is_some(), "a slice that its own reader refuses");
        self.snapshot.slices.insert(name, seen.value);
    }

    /// By pod.
    fn exits(&self) -> BTreeMap<String, String> {
        self.exits_of("out")
    }

    fn exits_of(&self, policy: &str) -> BTreeMap<String, String> {
        let slices = self.snapshot.slices.values().map(|item| item.slice.as_ref().unwrap());
        let endpoints = slices.flat_map(|slice| &slice.endpoints);
        let exit = |exits: &[SliceExit]| {
            let exit = exits.iter().find(|exit| exit.policy == policy)?;
            Some(exit.primary.clone().unwrap_or_default())
        };
        endpoints.filter_map(|endpoint| Some((endpoint.name.clone(), exit(&endpoint.exits)?))).collect()
    }

    /// A policy for the same pods.
    fn other_policy(&mut self) {
        let spec = json!({
            "selectors": [{"podSelector": {"matchLabels": {"app": "web"}}}],
            "destinationCIDRs": ["192.0.2.0/24"],
            "egressGateways": [{"nodeSelector": {"matchLabels": {"egress": "yes"}}}],
        });
        let policy = object("EgressPolicy", "nicety.dev/v1alpha1", "other", json!({"spec": spec}));
        let (name, seen) = items::policy(policy).unwrap();
        self.snapshot.policies.insert(name, seen.value);
        self.change();
    }

    fn reason(&self) -> (bool, String) {
        let conditions = &self.snapshot.policies["out"].status.conditions;
        let degraded = conditions.iter().find(|one| one.kind == "Degraded").unwrap();
        (degraded.status == nicety_objects::condition::ConditionStatus::True, degraded.reason.clone())
    }

    /// Another controller.
    fn restart(&mut self) {
        self.brain = Brain::new(Config::new(Arc::new(Native)));
    }
}

/// The write of the cluster's own ranges.
const RANGES: &str = "EgressSlice cluster-ranges.0";

#[test]
fn every_node_knows_the_clusters_ranges_before_anybody_is_captured() {
    let mut cluster = Cluster::new(10, 2);
    assert_eq!(cluster.look_once().0, [RANGES]);
    let told = |cluster: &Cluster| cluster.snapshot.slices["cluster-ranges.0"].clone();
    let slice = told(&cluster);
    let ranges: Vec<String> = slice.slice.as_ref().unwrap().cluster.iter().map(ToString::to_string).collect();
    assert_eq!(
        (slice.labelled, ranges),
        (true, vec!["10.0.0.1/32".to_owned(), "10.0.0.2/31".to_owned(), "10.0.0.4/32".to_owned()])
    );
    assert!(!cluster.look_once().0.contains(&RANGES.to_owned()), "it is written once");
    cluster.node("w-3", json!({}));
    assert_eq!(cluster.look_once().0, [RANGES], "a node that comes");
    assert_eq!(told(&cluster).slice.as_ref().unwrap().cluster.last().unwrap().to_string(), "10.0.0.4/31");
    cluster.snapshot.policies.clear();
    cluster.change();
    cluster.look();
    assert_eq!(cluster.snapshot.slices.len(), 0, "without a policy there is nothing to except");
}

#[test]
fn what_is_written_once_is_not_written_again() {
    let mut cluster = Cluster::new(10, 2);
    let (keys, recomputed) = cluster.look();
    assert_eq!(recomputed, Some(0));
    assert!(keys[0].starts_with("EgressSlice gw-"), "the way back comes first: {keys:?}");
    assert!(keys.contains(&"status of EgressPolicy out".to_owned()));
    assert_eq!(cluster.exits().len(), 10);
    assert_eq!(cluster.look(), (Vec::new(), None));
    cluster.change();
    assert_eq!(cluster.look(), (Vec::new(), None), "something changed that egress does not depend on");
}

#[test]
fn a_controller_that_starts_moves_nobody_and_writes_nothing() {
    let mut cluster = Cluster::new(20, 2);
    cluster.strategies("strategies:\n  rendezvous:\n    policy: builtin:rendezvous\n");
    cluster.policy(json!({"strategy": "rendezvous"}));
    cluster.look();
    cluster.node("gw-3", json!({"egress": "yes"}));
    cluster.look();
    cluster.look();
    let before = cluster.exits();
    assert_eq!(cluster.reason(), (false, "AsWanted".to_owned()));
    cluster.restart();
    assert_eq!(cluster.look().0, Vec::<String>::new());
    assert_eq!(cluster.exits(), before);
}

#[test]
fn strategies_that_cannot_run_change_nothing_and_are_told() {
    let mut cluster = Cluster::new(10, 2);
    cluster.look();
    let before = cluster.exits();
    cluster.strategies("strategies:\n  mine:\n    policy: builtin:no-such\ngatewayDistribution:\n  default: mine\n");
    assert_eq!(cluster.look().0, ["status of EgressPolicy out"]);
    assert_eq!((cluster.exits() == before, cluster.reason()), (true, (true, "PolicyFailed".to_owned())));
    // Nor for one that has never known others; and what it cannot decide it leaves.
    cluster.restart();
    cluster.pod(10);
    cluster.look();
    let mut after = cluster.exits();
    assert_eq!(after.remove("web-10"), Some(String::new()));
    assert_eq!((after == before, cluster.reason().1), (true, "PolicyFailed".to_owned()));
    cluster.strategies("strategies:\n  mine:\n    policy: builtin:hash-mod\ngatewayDistribution:\n  default: mine\n");
    cluster.look();
    assert_eq!(cluster.reason(), (false, "AsWanted".to_owned()));
    assert!(cluster.exits().values().all(|exit| !exit.is_empty()));
}

#[test]
fn a_policy_that_is_wrong_stays_as_it_was_and_says_so() {
    let mut cluster = Cluster::new(4, 2);
    cluster.look();
    let before = cluster.exits();
    cluster.policy(json!({"egressGateways": []}));
    cluster.look();
    assert_eq!((cluster.exits() == before, cluster.reason()), (true, (true, "PolicyFailed".to_owned())));
    cluster.policy(json!({"strategy": "no-such-strategy"}));
    cluster.look();
    assert_eq!((cluster.exits() == before, cluster.reason()), (true, (true, "PolicyFailed".to_owned())));
}

#[test]
fn a_policy_that_is_wrong_keeps_its_slices_across_a_restart() {
    let mut cluster = Cluster::new(6, 3);
    cluster.look();
    cluster.look();
    let before = cluster.exits();
    // Another policy shows that the rest goes on.
    cluster.other_policy();
    cluster.look();
    cluster.policy(json!({"egressGateways": []}));
    cluster.restart();
    cluster.look();
    cluster.look();
    assert_eq!((cluster.exits(), cluster.reason().0), (before.clone(), true));
    assert_eq!(cluster.snapshot.policies["out"].status.endpoints, 6);
    assert_eq!(cluster.exits_of("other").len(), 6);
    // A pod that goes is taken out, and one that comes gets nothing; also in the next controller.
    cluster.snapshot.pods.retain(|name, _| name.1 != "web-3");
    cluster.pod(6);
    cluster.look();
    cluster.restart();
    cluster.look();
    let mut expected = before;
    let gone = expected.remove("web-3").unwrap();
    assert_eq!(cluster.exits(), expected);
    // Once it can be read again it goes on from there.
    cluster.policy(json!({}));
    cluster.pod(3);
    cluster.look();
    let mut after = cluster.exits();
    assert!(!after.remove("web-6").unwrap().is_empty() && after.remove("web-3") == Some(gone));
    assert_eq!((after, cluster.reason().0), (expected, false));
}

#[test]
fn a_policy_that_is_wrong_and_goes_takes_its_slices_with_it_after_a_restart_too() {
    let mut cluster = Cluster::new(4, 2);
    cluster.look();
    cluster.policy(json!({"egressGateways": []}));
    cluster.restart();
    let slices = cluster.snapshot.slices.clone();
    assert!(cluster.look().0.iter().all(|key| key == "status of EgressPolicy out"));
    assert_eq!(cluster.snapshot.slices, slices, "not one slice is written");
    cluster.snapshot.policies.clear();
    cluster.change();
    cluster.look();
    assert!(cluster.snapshot.slices.is_empty());
}

#[test]
fn the_audit_goes_on_for_a_policy_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::new(4, 2);
    let held = || {
        let open = nicety_core::egress::leaving::open(nicety_journal::read_held(folder.path()).unwrap());
        open.into_keys().map(|(pod, _)| pod.name).collect::<Vec<_>>()
    };
    let brain = || Brain::new(Config { audit: Some(folder.path().to_owned()), ..Config::new(Arc::new(Native)) });
    cluster.brain = brain();
    cluster.look();
    assert_eq!(held().len(), 4);
    let lines = nicety_journal::read_held(folder.path()).unwrap().len();
    cluster.policy(json!({"egressGateways": []}));
    cluster.brain = brain();
    cluster.look();
    assert_eq!(nicety_journal::read_held(folder.path()).unwrap().len(), lines, "nothing has changed");
    cluster.snapshot.pods.retain(|name, _| name.1 != "web-3");
    cluster.change();
    cluster.look();
    assert_eq!(held(), ["web-0", "web-1", "web-2"]);
}

#[test]
fn a_strategy_that_is_taken_away_moves_nobody_also_after_a_restart() {
    let mut cluster = Cluster::new(10, 2);
    cluster.strategies("strategies:\n  even:\n    policy: builtin:rendezvous\n");
    cluster.policy(json!({"strategy": "even"}));
    cluster.look();
    let before = cluster.exits();
    for text in ["strategies: {}\n", "strategies:\n  mine:\n    policy: builtin:no-such\n"] {
        cluster.strategies(text);
        cluster.look();
        assert_eq!((cluster.exits() == before, cluster.reason()), (true, (true, "PolicyFailed".to_owned())), "{text}");
        cluster.restart();
        for _ in 0..2 {
            cluster.look();
            assert_eq!(
                (cluster.exits() == before, cluster.reason()),
                (true, (true, "PolicyFailed".to_owned())),
                "{text}"
            );
            cluster.change();
        }
    }
    cluster.strategies("strategies:\n  even:\n    policy: builtin:rendezvous\n");
    cluster.look();
    assert_eq!((cluster.exits() == before, cluster.reason().0), (true, false));
}

#[test]
fn a_built_in_policy_needs_no_definition() {
    let mut cluster = Cluster::new(10, 2);
    cluster.policy(json!({"strategy": "sticky-identity"}));
    cluster.look();
    assert_eq!(cluster.reason(), (false, "AsWanted".to_owned()));
    assert_eq!(cluster.snapshot.policies["out"].status.strategy, "sticky-identity");
    cluster.strategies("gatewayDistribution:\n  default: least-loaded\n");
    cluster.policy(json!({}));
    cluster.look();
    assert_eq!(cluster.brain.led.as_ref().unwrap().assembly.status("out").unwrap().strategy, "least-loaded");
}

#[test]
fn where_nothing_is_said_a_gateway_that_goes_moves_its_own_pods_alone() {
    let mut cluster = Cluster::new(40, 4);
    cluster.look();
    let before = cluster.exits();
    cluster.snapshot.members.nodes.remove("gw-3");
    cluster.change();
    cluster.look();
    let moved = cluster.exits().into_iter().filter(|(pod, exit)| before[pod] != *exit);
    let moved: Vec<&str> = moved.map(|(pod, _)| before[&pod].as_str()).collect();
    assert!(!moved.is_empty() && moved.iter().all(|from| from.starts_with("gw-3/")), "{moved:?}");
}

#[test]
fn what_is_not_as_configured_is_a_condition_of_every_policy() {
    let mut cluster = Cluster::new(4, 2);
    let configured = vec!["10.1.0.0/16".parse().unwrap(), "10.0.0.0/29".parse().unwrap()];
    cluster.brain = Brain::new(Config { cluster_cidrs: configured, ..Config::new(Arc::new(Native)) });
    let ranges = |cluster: &Cluster| {
        let conditions = &cluster.snapshot.policies["out"].status.conditions;
        let one = conditions.iter().find(|one| one.kind == "ClusterRanges").unwrap();
        (one.status == nicety_objects::condition::ConditionStatus::True, one.reason.clone())
    };
    cluster.look();
    assert_eq!(ranges(&cluster), (true, "AsConfigured".to_owned()));
    // A node that no range covers; it is said at once, not with the next counts.
    (0..4).for_each(|at| cluster.node(&format!("far-{at}"), json!({})));
    assert!(cluster.look().0.contains(&"status of EgressPolicy out".to_owned()));
    assert_eq!((ranges(&cluster), cluster.reason().0), ((false, "NotConfigured".to_owned()), false));
    cluster.policy(json!({"destinationCIDRs": ["10.1.7.0/24"]}));
    cluster.look();
    assert_eq!(ranges(&cluster), (false, "DestinationInCluster".to_owned()));
    assert_eq!(cluster.look(), (Vec::new(), None));
}

#[test]
fn candidates_are_asked_what_was_decided_and_change_nothing() {
    let strategies = |shadow: &str| {
        let live = format!("live: {{policy: 'builtin:rendezvous', shadow: [{shadow}]}}");
        format!("{{gatewayDistribution: {{default: live}}, strategies: {{{live}}}}}")
    };
    let (mut alone, mut cluster) = (Cluster::new(10, 2), Cluster::new(10, 2));
    alone.strategies(&strategies(""));
    alone.look();
    cluster.strategies(&strategies("round-robin"));
    let Looked { shadows, .. } = cluster.brain.look(&cluster.snapshot, Vec::new());
    let names = |(policy, all): (String, Vec<nicety_strategies::Shadowed>)| {
        all.into_iter().map(move |one| (policy.clone(), one.live.to_string(), one.candidate.name.to_string()))
    };
    let asked: Vec<(String, String, String)> = shadows.into_iter().flat_map(names).collect();
    assert_eq!(asked, [("out".to_owned(), "live".to_owned(), "round-robin".to_owned())]);
    cluster.look();
    assert_eq!(cluster.exits(), alone.exits());
    cluster.change();
    assert!(cluster.brain.look(&cluster.snapshot, Vec::new()).shadows.is_empty(), "nothing was decided");
}

#[test]
fn a_policy_that_goes_takes_its_slices_with_it() {
    let mut cluster = Cluster::new(4, 2);
    cluster.look();
    cluster.snapshot.policies.clear();
    cluster.change();
    let (keys, _) = cluster.look();
    assert!(!keys.is_empty() && cluster.snapshot.slices.is_empty(), "{keys:?}");
    assert_eq!(cluster.look(), (Vec::new(), None));
}

#[test]
fn what_another_hand_changed_is_put_right() {
    let mut cluster = Cluster::new(4, 2);
    cluster.look();
    let mut slices = cluster.snapshot.slices.iter();
    let found = slices.find(|(name, _)| name.starts_with("w-"));
    let (name, item) = found.map(|(name, item)| (name.clone(), item.clone())).unwrap();
    let mut spec = json!(**item.slice.as_ref().unwrap());
    spec["watches"] = json!([]);
    cluster.slice(&name, spec, json!({}));
    assert_eq!(cluster.look().0, [format!("EgressSlice {name}")]);
    assert_eq!(cluster.look().0, Vec::<String>::new());
}
