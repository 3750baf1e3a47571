//! What a node without a cluster does about egress, computed here: from the machines, pods and policies of its folder, its own
//! attachments, and what its own probes say. Other machines with the same folder come to the same, but for pods that only they know
//! and gateways that only they see; so a gateway takes packets from every machine that is listed, whatever it thinks of their pods.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use nicety_core::{
    egress::{
        health::{Health, Standing},
        share::Share,
    },
    ids::NodeName,
    record::{Record, State},
};
use nicety_egress::{Assembly, Change, slices};
use nicety_health::Observed;
use nicety_objects::{EgressSlice, egress_slice::EgressSliceSpec, listed};
use tracing::warn;

use crate::{decide, node::Node};
use nicety_deciding::{Job, chain};
use nicety_strategies::{Shadowed, Turns};

/// The row of the store: every machine's part as it was last, so that a restart moves nobody.
const ROW: &str = "alone";

/// What was computed last, and of what.
#[derive(Debug, Default)]
pub struct Alone {
    of: Option<Of>,
    assembly: Assembly,
    share: Share,
    /// What its times are counted from.
    start: Option<Instant>,
    /// Policies whose strategies failed, and why.
    pub faults: Vec<String>,
    /// Candidates beside the strategies that decided last, by policy.
    untried: Vec<(String, Vec<Shadowed>)>,
    turns: Turns,
}

#[derive(Debug, PartialEq)]
struct Of {
    generation: u64,
    pods: Vec<listed::Pod>,
    health: BTreeMap<NodeName, Health>,
}

impl Alone {
    /// Computed again only when something that it depends on has changed.
    pub fn share(&mut self, node: &Node, observed: &Observed) -> Share {
        let world = node.world();
        let pods = attached(node);
        let health = observed.nodes.iter().map(|(of, seen)| (of.clone(), Health::from(seen.verdict))).collect();
        let of = Of { generation: world.generation, pods, health };
        let now = self.start.get_or_insert_with(Instant::now).elapsed();
        if self.of.as_ref() == Some(&of) && !self.assembly.at(now) {
            return self.share.clone();
        }
        if world.objects.egress_policies.is_empty() {
            *self = Alone { of: Some(of), start: self.start, ..Alone::default() };
            return Share::default();
        }
        let mut assembly = Assembly::of(&world.objects);
        for pod in &of.pods {
            assembly.take(Change::Pod(Box::new(pod.clone())));
        }
        let standing = |(of, health): (&NodeName, &Health)| {
            let since = observed.nodes.get(of).map(|seen| seen.since);
            (of.clone(), Standing { health: *health, since, agree: 1, reported: 1 })
        };
        assembly.take(Change::Health(of.health.iter().map(standing).collect()));
        // What lingers, this node's own ways among it, is in the row that was kept, and goes on from where it was.
        assembly.at(now);
        assembly.linger_as(&self.assembly);
        assembly.recall(&recalled(node));
        let decided = assembly.recompute(&world.strategies, &decide::clock()).runs;
        self.untried = decided.into_iter().map(|(policy, _, shadowed)| (policy, shadowed)).collect();
        let names = world.objects.egress_policies.keys();
        let faults = names.filter_map(|name| Some(format!("policy `{name}`: {}", assembly.failure(name)?)));
        self.faults = faults.collect();
        keep(node, &assembly);
        self.share = of_this_node(node, &assembly);
        (self.assembly, self.of) = (assembly, Some(of));
        self.share.clone()
    }

    /// Once the kernel has what was decided, candidates are asked the same; of a policy that is still compared, when it is decided again.
    pub fn try_candidates(&mut self, node: &Node) {
        for (policy, shadowed) in self.untried.drain(..).filter(|(_, shadowed)| !shadowed.is_empty()) {
            let Some(turn) = self.turns.take(&policy) else {
                node.shadows.board.passed_over(shadowed.len());
                continue;
            };
            let about = format!("policy {policy}");
            node.shadows.offer(Job { shadowed, about, keep: Box::new(move |_| drop(turn)) });
        }
    }

    /// As it was computed last, for plans and pictures.
    pub fn assembly(&self) -> &Assembly {
        &self.assembly
    }
}

fn of_this_node(node: &Node, assembly: &Assembly) -> Share {
    let here = &node.config.node;
    let mut share = assembly.share(here);
    let nodes = &assembly.view().nodes;
    if share.gateways.values().any(|gateway| gateway.node == *here) {
        let others = nodes.values().filter(|one| one.name != *here && !one.addresses.is_empty());
        share.senders = others.map(|one| (one.name.clone(), one.addresses.iter().copied().collect())).collect();
    }
    // Nobody else tells this node how a gateway is: it asks all that its pods may leave by.
    let others = share.gateways.values().filter(|gateway| gateway.node != *here);
    share.watches = others.filter_map(|gateway| Some((gateway.node.clone(), *gateway.underlay.first()?))).collect();
    // And those of its policies that nobody is at now: they are where pods go back to.
    let gateways = assembly.view().policies.keys().flat_map(|policy| assembly.members(policy));
    let members: BTreeSet<&NodeName> = gateways.map(|member| &member.node).filter(|name| *name != here).collect();
    let addressed = members.into_iter().filter_map(|name| Some((name.clone(), *nodes.get(name)?.addresses.first()?)));
    if !share.is_empty() {
        share.watches.extend(addressed);
    }
    share
}

/// This node's attachments as pods: with the labels that the folder's listing has for them.
fn attached(node: &Node) -> Vec<listed::Pod> {
    let (world, holds) = (node.world(), node.store.holds());
    let mut pods: BTreeMap<(String, String), listed::Pod> = BTreeMap::new();
    for record in node.store.records().iter().filter(|record| record.state == State::Attached) {
        let (namespace, name) = name(record);
        let listed = world.objects.pods.get(&(namespace.clone(), name.clone()));
        let pod = pods.entry((namespace.clone(), name.clone())).or_insert_with(|| listed::Pod {
            namespace,
            name,
            uid: record.pod.uid.clone(),
            labels: listed.map(|pod| pod.labels.clone()).unwrap_or_default(),
            node: Some(node.config.node.clone()),
            addresses: BTreeSet::new(),
            host_network: false,
            owner: listed.and_then(|pod| pod.owner.clone()),
            terminal: false,
        });
        match holds.get(&record.key) {
            Some(hold) => pod.addresses.extend(hold.addresses.iter().copied()),
            None => {
                let own = record.interfaces.iter().flat_map(|interface| &interface.addresses);
                pod.addresses.extend(own.map(ipnet::IpNet::addr));
            }
        }
    }
    pods.into_values().collect()
}

/// What a container is called that is no pod of Kubernetes.
pub fn name(record: &Record) -> (String, String) {
    match record.pod.name.is_empty() {
        true => (listed::NAMESPACE.to_owned(), record.key.container.to_string()),
        false => (record.pod.namespace.clone(), record.pod.name.clone()),
    }
}

/// In the form of slices: by the name of each.
type Kept = BTreeMap<String, EgressSliceSpec>;

fn recalled(node: &Node) -> BTreeMap<NodeName, Share> {
    let Some(text) = node.store.egress(ROW) else { return BTreeMap::new() };
    let kept: Kept = serde_json::from_str(&text).unwrap_or_else(|error| {
        warn!(%error, "which pod left by which gateway is not known any more; they may move");
        Kept::new()
    });
    let mut slices: BTreeMap<NodeName, Vec<EgressSlice>> = BTreeMap::new();
    for slice in kept.into_iter().filter_map(|(name, spec)| EgressSlice::new(name, spec).ok()) {
        let Some(node) = slice.node.clone() else { continue };
        slices.entry(node).or_default().push(slice);
    }
    slices.into_iter().map(|(name, slices)| (name, slices::unpack(&slices))).collect()
}

fn keep(node: &Node, assembly: &Assembly) {
    let of = |name: &NodeName| slices::pack(name, &assembly.share(name), &BTreeMap::new());
    let kept: Kept = assembly.nodes().iter().flat_map(of).collect();
    match serde_json::to_string(&kept).map(|text| node.store.keep_egress(ROW, text)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(error = %chain(&error), "which pod leaves by which gateway is not written down"),
        Err(error) => warn!(%error, "which pod leaves by which gateway is not written down"),
    }
}
