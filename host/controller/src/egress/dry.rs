//! What a controller would decide, computed by somebody else: of objects that he has listed with rights of his own. The very same look, and
//! nothing is written.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::core::PartialObjectMeta;
use nicety_core::ids::StrategyName;
use nicety_egress::{Assembly, plan::Plan};
use nicety_objects::{Strategies, manifest::Object};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Config,
    brain::Brain,
    items::{self, PolicyItem, StrategiesItem},
    world::EgressSnapshot,
};
use crate::items as of_cluster;

/// Kinds that say who leaves where, as `kubectl` names them, and whether they have a namespace.
pub const KINDS: [(&str, Scope); 8] = [
    ("nodes", Scope::Cluster),
    ("namespaces", Scope::Cluster),
    ("pods", Scope::EveryNamespace),
    ("hostinterfaces.nicety.dev", Scope::Cluster),
    ("egresspolicies.nicety.dev", Scope::Cluster),
    ("egressslices.nicety.dev", Scope::Cluster),
    ("egresshealths.nicety.dev", Scope::Cluster),
    ("configmaps", Scope::System),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Cluster,
    EveryNamespace,
    /// The namespace of the controller; the object is named as the strategies are.
    System,
}

/// What would be changed.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Nodes that would be gone.
    pub without: Vec<String>,
    /// Objects that would be added, or take the place of those of their names.
    pub with: Vec<Value>,
    /// Would distribute every policy's pods.
    pub strategy: Option<StrategyName>,
}

/// A cluster as it was listed, and what the controller makes of it.
#[derive(Debug)]
pub struct Dry {
    brain: Brain,
    snapshot: EgressSnapshot,
}

impl Dry {
    /// `objects`: of all [`KINDS`]. What pods have now is what slices say.
    pub fn of(config: Config, objects: impl IntoIterator<Item = Value>) -> Result<Dry, String> {
        let mut snapshot = EgressSnapshot::default();
        for object in objects {
            put(&mut snapshot, object)?;
        }
        let mut brain = Brain::new(Config { audit: None, ..config });
        brain.look(&snapshot, Vec::new());
        Ok(Dry { brain, snapshot })
    }

    pub fn assembly(&self) -> Option<&Assembly> {
        self.brain.assembly()
    }

    /// Whom a change would move. The error says what is wrong with the change.
    pub fn plan(mut self, change: Change) -> Result<Plan, String> {
        let before = self.brain.assembly().cloned().unwrap_or_default();
        let Change { without, with, strategy } = change;
        for name in without {
            self.without(&name)?;
        }
        for object in with {
            let named = named(&object);
            put(&mut self.snapshot, object)?;
            self.judge(&named)?;
        }
        if let Some(strategy) = strategy {
            self.by(strategy)?;
        }
        // The count of changes, by which a look knows that there is something to look at.
        if let Some(first) = self.snapshot.inputs.first_mut() {
            *first += 1;
        }
        let looked = self.brain.look(&self.snapshot, Vec::new());
        let then = self.brain.assembly().cloned().unwrap_or_default();
        let mut plan = Plan::of(&before, &then, looked.moves);
        for (name, summary) in &mut plan.policies {
            summary.failed = summary.failed.take().or_else(|| self.brain.refused(name));
        }
        Ok(plan)
    }

    fn without(&mut self, name: &str) -> Result<(), String> {
        let members = &mut self.snapshot.members;
        if members.nodes.remove(name).is_none() {
            let known: Vec<&str> = members.nodes.keys().map(String::as_str).collect();
            return Err(format!("there is no node `{name}`; hint: there are `{}`", known.join("`, `")));
        }
        members.hosts.remove(name);
        self.snapshot.healths.remove(name);
        Ok(())
    }

    /// Refuses what the cluster would have, but nobody means.
    fn judge(&self, (kind, name): &(String, String)) -> Result<(), String> {
        let findings = match kind.as_str() {
            "EgressPolicy" => self.snapshot.policies.get(name).and_then(|item| item.policy.as_ref().err()),
            "ConfigMap" => self.snapshot.strategies.as_ref().and_then(|item| item.object.as_ref().err()),
            _ => None,
        };
        match findings {
            Some(findings) => Err(format!("{kind} `{name}`: {}", nicety_core::finding::list(findings))),
            None => Ok(()),
        }
    }

    /// Every policy by one strategy: policies and the document no longer say another.
    fn by(&mut self, strategy: StrategyName) -> Result<(), String> {
        let written = match self.snapshot.strategies.as_ref().map(|item| &item.object) {
            Some(Ok(Object::Strategies(strategies))) => strategies.clone(),
            Some(_) => {
                return Err("the strategies of the cluster cannot be read; hint: `kubectl nicety status`".to_owned());
            }
            None => Strategies::default(),
        };
        let mut strategies = written;
        if !strategies.provide(&strategy) {
            return Err(nicety_objects::strategies::unknown(&strategy, &strategies.strategies));
        }
        strategies.gateway_distribution.default = strategy;
        strategies.gateway_distribution.overrides.clear();
        self.snapshot.strategies = Some(Arc::new(StrategiesItem { object: Ok(Object::Strategies(strategies)) }));
        for item in self.snapshot.policies.values_mut() {
            let mut changed = PolicyItem::clone(item);
            if let Ok(policy) = &mut changed.policy {
                policy.strategy = None;
            }
            *item = Arc::new(changed);
        }
        Ok(())
    }
}

/// Kind and name.
fn named(object: &Value) -> (String, String) {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("/kind"), text("/metadata/name"))
}

/// In the place of the one of its name. One that cannot be read is as a controller takes it: pods and nodes are not there.
fn put(snapshot: &mut EgressSnapshot, object: Value) -> Result<(), String> {
    let (kind, name) = named(&object);
    let EgressSnapshot { policies, slices, healths, pods, strategies, members, .. } = snapshot;
    match kind.as_str() {
        "EgressPolicy" => policies.extend(items::policy(read(object)?).map(|(name, seen)| (name, seen.value))),
        "EgressSlice" => slices.extend(items::slice(read(object)?).map(|(name, seen)| (name, seen.value))),
        "EgressHealth" => healths.extend(items::health(read(object)?).map(|(name, seen)| (name, seen.value))),
        "Pod" => pods.extend(items::pod(read(object)?).map(|(_, seen)| seen.value)),
        "ConfigMap" => *strategies = items::strategies(read(object)?).map(|(_, seen)| seen.value),
        "Node" => {
            let node: Node = read(object)?;
            members.nodes.extend(of_cluster::node(node).map(|(name, seen)| (name, seen.value)));
        }
        "Namespace" => {
            let namespace: PartialObjectMeta<Namespace> = read(object)?;
            members.namespaces.extend(of_cluster::namespace(namespace).map(|(name, seen)| (name, seen.value)));
        }
        "HostInterface" => {
            members.hosts.extend(of_cluster::host(read(object)?).map(|(name, seen)| (name, seen.value)));
        }
        _ => {
            let known = "EgressPolicy, Node, Pod, Namespace, HostInterface and the ConfigMap of strategies";
            return Err(format!("`{kind} {name}` says nothing of who leaves where; hint: {known} do"));
        }
    }
    Ok(())
}

fn read<T: DeserializeOwned>(object: Value) -> Result<T, String> {
    let (kind, name) = named(&object);
    serde_json::from_value(object).map_err(|error| format!("`{kind} {name}` cannot be read: {error}"))
}

#[cfg(test)]
mod tests;
