//! What the assembly has been told, so that it is told of differences alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use nicety_core::{
    egress::{
        health::{Health, Report, Standing, quorum},
        observers,
    },
    ids::NodeName,
};
use nicety_egress::{Assembly, Change, view::Name};
use nicety_objects::{EgressPolicy, HostInterface, listed, selector::Labels};

use super::world::EgressSnapshot;

#[derive(Debug, Default)]
pub struct Known {
    inputs: Option<[u64; 7]>,
    policies: BTreeMap<String, EgressPolicy>,
    nodes: BTreeMap<String, Arc<listed::Node>>,
    hosts: BTreeMap<String, Arc<HostInterface>>,
    namespaces: BTreeMap<String, Labels>,
    pods: BTreeMap<Name, Arc<listed::Pod>>,
    health: BTreeMap<NodeName, Standing>,
}

impl Known {
    /// `policies`: those that are in force.
    pub fn changes(&mut self, snapshot: &EgressSnapshot, policies: &BTreeMap<String, EgressPolicy>) -> Vec<Change> {
        let Known { inputs, policies: known, nodes, hosts, namespaces, pods, health: _ } = self;
        let mut changes = Vec::new();
        differ(known, policies, PartialEq::eq, Clone::clone, |name, _, now| {
            changes.push(match now {
                Some(policy) => Change::Policy(Box::new(policy.clone())),
                None => Change::PolicyGone(name.clone()),
            });
        });
        if *inputs == Some(snapshot.inputs) {
            return changes;
        }
        *inputs = Some(snapshot.inputs);
        let members = &snapshot.members;
        let listed = members.nodes.iter().filter_map(|(name, item)| Some((name.clone(), item.listed.clone()?)));
        differ(nodes, &listed.collect(), is, Arc::clone, |_, before, now| {
            changes.extend(match (before, now) {
                (_, Some(node)) => Some(Change::Node(Box::new((**node).clone()))),
                (before, None) => before.map(|node| Change::NodeGone(node.name.clone())),
            });
        });
        let known = members.hosts.iter().filter_map(|(name, item)| Some((name.clone(), item.host.clone()?)));
        differ(hosts, &known.collect(), is, Arc::clone, |_, before, now| {
            changes.extend(match (before, now) {
                (_, Some(host)) => Some(Change::Host(Box::new((**host).clone()))),
                (before, None) => before.map(|host| Change::HostGone(host.node.clone())),
            });
        });
        let labels = |item: &Arc<crate::items::NamespaceItem>| item.labels.clone();
        differ(
            namespaces,
            &members.namespaces,
            |old, item| *old == item.labels,
            labels,
            |name, _, now| {
                changes.push(match now {
                    Some(labels) => Change::Namespace(name.clone(), labels.clone()),
                    None => Change::NamespaceGone(name.clone()),
                });
            },
        );
        differ(pods, &snapshot.pods, is, Arc::clone, |_, before, now| {
            let gone = |pod: &Arc<listed::Pod>| Change::PodGone {
                namespace: pod.namespace.clone(),
                name: pod.name.clone(),
                uid: pod.uid.clone(),
            };
            changes.extend(match (before, now) {
                (_, Some(pod)) => Some(Change::Pod(Box::new((**pod).clone()))),
                (before, None) => before.as_ref().map(gone),
            });
        });
        changes
    }

    /// What the observers of each node agree on; where they agree on nothing, what they agreed on before. None: nothing has changed.
    pub fn health(&mut self, snapshot: &EgressSnapshot, assembly: &Assembly) -> Option<Change> {
        let mut reports: BTreeMap<&NodeName, Vec<Report>> = BTreeMap::new();
        for health in snapshot.healths.values().filter_map(|item| item.health.as_ref()) {
            // What nodes that are gone have said is no word any more.
            if !self.nodes.contains_key(health.observer.as_str()) {
                continue;
            }
            for (node, observed) in &health.observed {
                let (observer, since) = (health.observer.clone(), observed.since);
                reports.entry(node).or_default().push(Report { observer, verdict: observed.verdict, since });
            }
        }
        // Counted so until it is known which they are.
        let others = observers::MOST.min(self.nodes.len().saturating_sub(1));
        let standing = |node: &NodeName, reports: &[Report], dead: &BTreeSet<NodeName>| {
            let mut reports: Vec<&Report> = reports.iter().filter(|report| !dead.contains(&report.observer)).collect();
            let watching = assembly.observers(node);
            if !watching.is_empty() {
                reports.retain(|report| watching.contains(&report.observer));
            }
            let count = if watching.is_empty() { others } else { watching.len() };
            let now = quorum(reports, count);
            let kept = self.health.get(node).filter(|_| now.health == Health::Unknown);
            kept.copied().unwrap_or(now)
        };
        reports.retain(|node, _| self.nodes.contains_key(node.as_str()));
        let all = |dead: &BTreeSet<NodeName>| -> BTreeMap<NodeName, Standing> {
            reports.iter().map(|(node, reports)| ((*node).clone(), standing(node, reports, dead))).collect()
        };
        let first = all(&BTreeSet::new());
        let dead = first.iter().filter(|(_, standing)| standing.health == Health::Unhealthy);
        let dead: BTreeSet<NodeName> = dead.map(|(node, _)| node.clone()).collect();
        // What a node said that others call dead by now is old.
        let health = if dead.is_empty() { first } else { all(&dead) };
        if health == self.health {
            return None;
        }
        self.health.clone_from(&health);
        Some(Change::Health(health))
    }
}

fn is<T: PartialEq>(old: &Arc<T>, new: &Arc<T>) -> bool {
    Arc::ptr_eq(old, new) || old == new
}

/// Makes `known` what `now` is, and tells of each difference: what was there, and what is. Both are walked once, in order.
fn differ<K: Ord + Clone, V, N>(
    known: &mut BTreeMap<K, V>,
    now: &BTreeMap<K, N>,
    same: impl Fn(&V, &N) -> bool,
    take: impl Fn(&N) -> V,
    mut tell: impl FnMut(&K, Option<V>, Option<&V>),
) {
    let (mut gone, mut new) = (Vec::new(), Vec::new());
    let (mut old, mut fresh) = (known.iter().peekable(), now.iter().peekable());
    loop {
        match (old.peek(), fresh.peek()) {
            (None, None) => break,
            (Some((key, _)), there) if there.is_none_or(|(other, _)| key < other) => {
                gone.push((*key).clone());
                old.next();
            }
            (Some((key, before)), Some((other, after))) if key == other => {
                if !same(before, after) {
                    new.push((*key, *after));
                }
                old.next();
                fresh.next();
            }
            (_, Some((key, after))) => {
                new.push((*key, *after));
                fresh.next();
            }
            (Some(_), None) => break,
        }
    }
    let new: Vec<(K, V)> = new.into_iter().map(|(key, after)| (key.clone(), take(after))).collect();
    for key in gone {
        let before = known.remove(&key);
        tell(&key, before, None);
    }
    for (key, value) in new {
        tell(&key, None, Some(&value));
        known.insert(key, value);
    }
}

#[cfg(test)]
mod tests;
