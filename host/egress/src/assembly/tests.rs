//! Rows of several gateways as others define them, and what we promise beyond, with the real policies in process.

mod linger;
mod properties;
mod rows;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use nicety_core::{
    egress::health::{Health, Standing},
    evaluate::Evaluator,
    facts::Kind,
    millis::Millis,
};
use nicety_objects::{Set, set::File};
use nicety_strategies::{StrategySet, Trials, build};
use serde_json::{Value, json};

use super::*;
use crate::Change;

/// A strategy of this name for everything; `config` as JSON. `zone/NAME`: the filter before it.
pub(crate) fn strategies(policy: &str, config: Value) -> StrategySet {
    let pipeline = |filter: Value| {
        json!({
            "gatewayDistribution": {"default": "chain"},
            "strategies": {
                "chain": {"pipeline": ["filter", "last"]},
                "filter": {"policy": "builtin:zone", "config": filter},
                "last": {"policy": "builtin:rendezvous"},
            },
        })
    };
    let document = match policy.strip_prefix("zone/") {
        Some(mode) => pipeline(json!({"mode": mode})),
        None => json!({
            "gatewayDistribution": {"default": "tried"},
            "strategies": {"tried": {"policy": format!("builtin:{policy}"), "config": config}},
        }),
    };
    let file = File { name: "strategies.yaml".to_owned(), text: document.to_string() };
    let set = Set::parse(&[file]).unwrap();
    set_of(&set)
}

pub(crate) fn set_of(set: &Set) -> StrategySet {
    let mut load = |module: &nicety_objects::strategies::ModuleRef, _: &nicety_objects::strategies::Limits| {
        let nicety_objects::strategies::PolicyRef::Builtin(name) = &module.policy else { panic!("{module:?}") };
        let native = nicety_native::get(name).ok_or_else(|| format!("no {name}"))?;
        Ok(Arc::from(native) as Arc<dyn Evaluator>)
    };
    build(&set.strategies, &mut load, &Trials::default()).unwrap()
}

pub(crate) struct Lab {
    pub(crate) assembly: Assembly,
    pub(crate) set: StrategySet,
}

impl Lab {
    pub(crate) fn new(policy: &str) -> Lab {
        Lab { assembly: Assembly::default(), set: strategies(policy, json!({})) }
    }

    pub(crate) fn policy(&mut self, name: &str, changes: Value) {
        let mut spec = json!({
            "selectors": [{"podSelector": {"matchLabels": {"app": "web"}}}],
            "destinationCIDRs": ["1.1.1.0/24"],
            "egressGateways": [{"nodeSelector": {"matchLabels": {"gateway": "yes"}}}],
        });
        for (field, value) in changes.as_object().unwrap() {
            spec[field] = value.clone();
        }
        let policy = nicety_objects::EgressPolicy::new(name.to_owned(), serde_json::from_value(spec).unwrap()).unwrap();
        self.assembly.take(Change::Policy(Box::new(policy)));
    }

    /// `k8s1` has 192.168.1.1.
    pub(crate) fn node(&mut self, number: u32, changes: Value) {
        let mut node = json!({
            "metadata": {"name": format!("k8s{number}"), "labels": {"gateway": "yes"}},
            "status": {"addresses": [{"type": "InternalIP", "address": format!("192.168.{}.{}", 1 + number / 250, number % 250)}]},
        });
        merge(&mut node, changes);
        self.assembly.take(Change::Node(Box::new(nicety_objects::listed::Node::read(&node).unwrap())));
    }

    pub(crate) fn pod(&mut self, number: u32, changes: Value) {
        let mut pod = json!({
            "metadata": {"name": format!("ep{number}"), "namespace": "shop", "uid": uid(number), "labels": {"app": "web"}},
            "spec": {"nodeName": "k8s1"},
            "status": {"podIPs": [{"ip": format!("10.{}.{}.{}", number >> 16, number >> 8 & 255, number & 255)}]},
        });
        merge(&mut pod, changes);
        self.assembly.take(Change::Pod(Box::new(nicety_objects::listed::Pod::read(&pod).unwrap())));
    }

    pub(crate) fn pod_gone(&mut self, number: u32) {
        let (namespace, name) = ("shop".to_owned(), format!("ep{number}"));
        self.assembly.take(Change::PodGone { namespace, name, uid: uid(number) });
    }

    pub(crate) fn dead(&mut self, numbers: &[u32]) {
        let standing = Standing { health: Health::Unhealthy, since: Some(Millis(1)), agree: 3, reported: 3 };
        let health = numbers.iter().map(|number| (name(*number), standing));
        self.assembly.take(Change::Health(health.collect()));
    }

    pub(crate) fn recompute(&mut self) -> Outcome {
        self.assembly.recompute(&self.set, &|| 0)
    }

    /// Pod to gateway.
    pub(crate) fn exits(&self, policy: &str) -> BTreeMap<String, String> {
        let text = |id: Option<&GatewayId>| id.map_or("none".to_owned(), |id| id.to_string());
        self.assembly.assigned(policy).map(|(pod, primary, ..)| (pod.name.clone(), text(primary))).collect()
    }

    pub(crate) fn of(&mut self, policy: &str) -> Vec<String> {
        self.recompute();
        self.exits(policy).into_iter().map(|(pod, id)| format!("{pod} {id}")).collect()
    }
}

pub(crate) fn uid(number: u32) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}

pub(crate) fn name(number: u32) -> NodeName {
    format!("k8s{number}").parse().unwrap()
}

fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (field, value) in changes {
                merge(into.entry(field).or_insert(Value::Null), value);
            }
        }
        (into, value) => *into = value,
    }
}

#[test]
fn the_strategies_of_the_tests_are_distributions() {
    let set = strategies("zone/localOnly", json!({}));
    assert_eq!(set.gateway_distribution.default.kind(), Some(Kind::GatewayDistribution));
}
