//! Built-in policies as strategies: whoever names one means it, with no config, and needs no definition of it. A definition of the same name
//! wins.

use std::collections::BTreeSet;

use nicety_core::ids::StrategyName;
use serde_json::{Map, Value};

use super::{Body, Limits, ModuleRef, OnFailure, PolicyRef, Strategies, Strategy};

/// Every policy that is shipped. That these are all is held where they are built.
pub const BUILTIN: [&str; 13] = [
    "all",
    "device-class",
    "hash-mod",
    "jump",
    "least-loaded",
    "multi-card",
    "networks-annotation",
    "rendezvous",
    "round-robin",
    "spread",
    "sticky-identity",
    "topology",
    "zone",
];

impl Strategies {
    /// Whether there is a strategy of this name. A built-in policy becomes one by being named.
    pub fn provide(&mut self, name: &StrategyName) -> bool {
        if !self.strategies.contains_key(name) && BUILTIN.contains(&name.as_str()) {
            self.strategies.insert(name.clone(), strategy(name));
        }
        self.strategies.contains_key(name)
    }

    /// For everything that the document names.
    pub(super) fn provided(mut self) -> Strategies {
        let Strategies { attach, nic_selection, gateway_distribution, strategies, modules: _ } = &self;
        let points = [attach, nic_selection, gateway_distribution];
        let assigned = points.iter().flat_map(|point| point.overrides.values().chain([&point.default]));
        let named: BTreeSet<StrategyName> =
            assigned.cloned().chain(strategies.values().flat_map(named).cloned()).collect();
        for name in &named {
            self.provide(name);
        }
        self
    }
}

/// A built-in policy as it stands for itself.
pub(super) fn strategy(name: &StrategyName) -> Strategy {
    let body = Body::Policy {
        module: ModuleRef { policy: PolicyRef::Builtin(name.to_string()), signed_by: Vec::new() },
        config: Value::Object(Map::new()),
        limits: Limits::default(),
    };
    Strategy { body, on_failure: OnFailure::Deny, shadow: Vec::new(), canary: None }
}

fn named(strategy: &Strategy) -> impl Iterator<Item = &StrategyName> {
    let Strategy { body, on_failure, shadow, canary } = strategy;
    let members: &[StrategyName] = match body {
        Body::Pipeline(members) => members,
        Body::Policy { .. } => &[],
    };
    let fallback = match on_failure {
        OnFailure::Fallback(name) => Some(name),
        OnFailure::Deny => None,
    };
    members.iter().chain(fallback).chain(shadow).chain(canary.as_ref().map(|canary| &canary.strategy))
}
