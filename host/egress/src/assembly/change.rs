//! What may change, and what each change touches.

use std::{collections::BTreeMap, sync::Arc};

use nicety_core::{egress::health::Standing, ids::NodeName};
use nicety_objects::{
    EgressPolicy, HostInterface, Set,
    listed::{Node, Pod},
    selector::Labels,
};

use super::{Assembly, Of};
use crate::view::{Name, labels_of, nics};

/// One change of what is known.
#[derive(Debug, Clone)]
pub enum Change {
    Policy(Box<EgressPolicy>),
    PolicyGone(String),
    Node(Box<Node>),
    NodeGone(NodeName),
    /// The NICs of a node.
    Host(Box<HostInterface>),
    HostGone(NodeName),
    Namespace(String, Labels),
    NamespaceGone(String),
    Pod(Box<Pod>),
    /// Of this UID: a pod of the same name that was made since stays.
    PodGone {
        namespace: String,
        name: String,
        uid: String,
    },
    /// All that observers say.
    Health(BTreeMap<NodeName, Standing>),
}

impl Assembly {
    pub fn take(&mut self, change: Change) {
        match change {
            Change::Policy(policy) => self.policy(*policy),
            Change::PolicyGone(name) => self.policy_gone(&name),
            Change::Node(node) => self.node(node.name.clone(), Some(*node)),
            Change::NodeGone(name) => self.node(name, None),
            Change::Host(host) => {
                let nics = nics(&host);
                if self.view.nics.get(&host.node) != Some(&nics) {
                    self.view.nics.insert(host.node.clone(), nics);
                    self.machines = true;
                }
            }
            Change::HostGone(name) => self.machines |= self.view.nics.remove(&name).is_some(),
            Change::Namespace(name, labels) => self.namespace(name, Some(labels)),
            Change::NamespaceGone(name) => self.namespace(name, None),
            Change::Pod(pod) => self.pod(*pod),
            Change::PodGone { namespace, name, uid } => {
                let name = Arc::new((namespace, name));
                if self.view.pods.get(&name).is_some_and(|pod| pod.uid == uid) {
                    self.forget(&name);
                }
            }
            Change::Health(health) => {
                if self.view.health != health {
                    self.view.health = health;
                    self.machines = true;
                }
            }
        }
    }

    /// From the objects of a folder.
    pub fn of(set: &Set) -> Assembly {
        let mut assembly = Assembly::default();
        set.nodes.values().for_each(|node| assembly.take(Change::Node(Box::new(node.clone()))));
        set.hosts.values().for_each(|host| assembly.take(Change::Host(Box::new(host.clone()))));
        for namespace in set.namespaces.values() {
            assembly.take(Change::Namespace(namespace.name.clone(), namespace.labels.clone()));
        }
        set.egress_policies.values().for_each(|policy| assembly.take(Change::Policy(Box::new(policy.clone()))));
        set.pods.values().for_each(|pod| assembly.take(Change::Pod(Box::new(pod.clone()))));
        assembly
    }

    fn policy(&mut self, policy: EgressPolicy) {
        if self.view.policies.get(&policy.name).is_some_and(|known| **known == policy) {
            return;
        }
        let of = self.policies.entry(policy.name.clone()).or_default();
        let captured = self.view.pods.iter().filter(|(_, pod)| self.view.captured(&policy, pod));
        of.captured = captured.map(|(name, pod)| (name.clone(), pod.clone())).collect();
        of.touched = true;
        self.machines = true;
        self.view.policies.insert(policy.name.clone(), Arc::new(policy));
    }

    fn policy_gone(&mut self, name: &str) {
        if self.view.policies.remove(name).is_none() {
            return;
        }
        self.machines = true;
        // The rest follows when the policy has no endpoints any longer.
        if let Some(of) = self.policies.get_mut(name) {
            of.captured = BTreeMap::new();
            of.touched = true;
        }
    }

    fn node(&mut self, name: NodeName, node: Option<Node>) {
        let before = self.view.nodes.get(&name).map(|known| &**known);
        if before == node.as_ref() {
            return;
        }
        let relabelled = before.map(|known| &known.labels) != node.as_ref().map(|node| &node.labels);
        // Where its packets come from is told to the gateways that it sends to.
        if before.map(|known| &known.addresses) != node.as_ref().map(|node| &node.addresses) {
            let to = self.senders.iter().filter(|(_, from)| from.contains_key(&name));
            let to: Vec<NodeName> = to.map(|(gateway, _)| gateway.clone()).collect();
            for gateway in to {
                self.touch(gateway).senders.insert(name.clone());
            }
        }
        self.machines = true;
        match node {
            Some(node) => self.view.nodes.insert(name.clone(), Arc::new(node)),
            None => self.view.nodes.remove(&name),
        };
        if relabelled {
            let pods: Vec<Name> = self.on.get(&name).into_iter().flatten().cloned().collect();
            for pod in pods {
                self.capture(&pod);
                // A zone is a label too.
                self.policies.values_mut().filter(|of| of.captured.contains_key(&pod)).for_each(|of| of.touched = true);
            }
        }
    }

    fn namespace(&mut self, name: String, labels: Option<Labels>) {
        let labels = labels.map(|labels| Arc::new(labels_of(&name, labels)));
        if self.view.namespaces.get(&name) == labels.as_ref() {
            return;
        }
        match labels {
            Some(labels) => self.view.namespaces.insert(name.clone(), labels),
            None => self.view.namespaces.remove(&name),
        };
        let first = Arc::new((name.clone(), String::new()));
        let of = self.view.pods.range(first..).map(|(pod, _)| pod).take_while(|pod| pod.0 == name);
        let of: Vec<Name> = of.cloned().collect();
        of.iter().for_each(|pod| self.capture(pod));
    }

    fn pod(&mut self, pod: Pod) {
        let name: Name = Arc::new((pod.namespace.clone(), pod.name.clone()));
        if self.view.pods.get(&name).is_some_and(|known| **known == pod) {
            return;
        }
        if let Some(node) = self.view.pods.get(&name).and_then(|known| known.node.clone())
            && pod.node.as_ref() != Some(&node)
        {
            self.leaves(&name, &node);
        }
        if let Some(node) = &pod.node {
            self.on.entry(node.clone()).or_default().insert(name.clone());
        }
        self.view.pods.insert(name.clone(), Arc::new(pod));
        self.capture(&name);
    }

    fn forget(&mut self, name: &Name) {
        if let Some(node) = self.view.pods.remove(name).and_then(|pod| pod.node.clone()) {
            self.leaves(name, &node);
        }
        self.capture(name);
    }

    fn leaves(&mut self, name: &Name, node: &NodeName) {
        if let Some(pods) = self.on.get_mut(node) {
            pods.remove(name);
            if pods.is_empty() {
                self.on.remove(node);
            }
        }
    }

    /// Asks every policy about one pod anew.
    fn capture(&mut self, name: &Name) {
        let pod = self.view.pods.get(name).cloned();
        for (policy, of) in &mut self.policies {
            let Some(policy) = self.view.policies.get(policy) else { continue };
            let captured = pod.as_ref().filter(|pod| self.view.captured(policy, pod));
            of.touched |= of.put(name, captured);
        }
    }
}

impl Of {
    /// Whether that changes anything.
    fn put(&mut self, name: &Name, pod: Option<&Arc<Pod>>) -> bool {
        match pod {
            None => self.captured.remove(name).is_some(),
            Some(pod) => match self.captured.insert(name.clone(), pod.clone()) {
                // What its labels are beyond being captured matters to nobody.
                Some(known) => Pod { labels: pod.labels.clone(), ..(*known).clone() } != **pod,
                None => true,
            },
        }
    }
}
