//! What a controller knows while it leads, and what follows of it for slices and statuses.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ipnet::IpNet;
use k8s_openapi::jiff::Timestamp;
use nicety_core::{
    egress::share::{Gateway, GatewayId, PodKey, Share},
    finding,
    ids::NodeName,
};
use nicety_egress::{
    Assembly, Word,
    assembly::{Told, Touched},
    slices::{Slices, unpack},
};
use nicety_objects::{
    condition,
    egress_policy::EgressPolicyStatus,
    egress_slice::{EgressSlice, EgressSliceSpec, name_of_cluster, spec::MAX_CLUSTER},
};
use nicety_strategies::StrategySet;

use crate::egress::{
    audit::Audit,
    frozen::Frozen,
    items::PolicyItem,
    known::Known,
    metrics::EgressTally,
    ranges,
    strategies::{self, InForce},
    world::EgressSnapshot,
    writes::{Wanted, Written},
};

/// What is known while this replica leads.
#[derive(Default)]
pub(super) struct Led {
    pub(super) known: Known,
    pub(super) assembly: Assembly,
    /// What stays of policies that were never read.
    pub(super) frozen: Frozen,
    pub(super) told: BTreeMap<String, Told>,
    /// Of pods that were moved before: last, and ever.
    pub(super) moved: BTreeMap<String, (u32, u64)>,
    /// Each node's slices as they should be; `wanted` has the same ones.
    pub(super) slices: Slices,
    pub(super) wanted: Wanted,
    pub(super) written: Written,
    pub(super) audit: Audit,
    /// What the last computation ran.
    pub(super) set: Option<Arc<StrategySet>>,
}

impl Led {
    /// `nodes`: those whose part may have changed, and what of it; None: all.
    pub(super) fn pack(&mut self, snapshot: &EgressSnapshot, nodes: Option<BTreeMap<NodeName, Touched>>) {
        let nodes = nodes.unwrap_or_else(|| {
            let read = snapshot.slices.iter().filter_map(|(name, item)| Some((name.as_str(), item.slice.as_ref()?)));
            self.slices = Slices::of(read);
            self.wanted.slices = self.slices.all().map(|(name, spec)| (name, spec.clone())).collect();
            let all = self.slices.nodes().cloned().chain(self.assembly.nodes());
            all.map(|node| (node, Touched::all())).collect()
        });
        // Where something stays of policies that cannot be read, the whole part is made anew: that is rare.
        let (kept, others) = nodes.into_iter().partition(|(node, _)| self.frozen.has(node));
        let mut changed = self.slices.renew(&self.assembly, &others);
        for node in BTreeMap::into_keys(kept) {
            let share = self.frozen.beside(&node, self.assembly.share(&node));
            changed.extend(self.slices.replace(&node, &share));
        }
        for (name, spec) in changed {
            match spec {
                Some(spec) => drop(self.wanted.slices.insert(name, spec)),
                None => drop(self.wanted.slices.remove(&name)),
            }
        }
    }

    /// Which ranges every node is to know as the cluster's own: none where no policy could capture them.
    pub(super) fn ranges(&mut self, snapshot: &EgressSnapshot, ranges: &[IpNet]) {
        let chunks = ranges.chunks(MAX_CLUSTER).enumerate().filter(|_| !snapshot.policies.is_empty());
        let made = chunks.map(|(number, chunk)| {
            let (name, spec) = (name_of_cluster(number), EgressSliceSpec::of_cluster(chunk));
            let kept = self.wanted.cluster.get(&name).filter(|kept| ***kept == spec).cloned();
            (name, kept.unwrap_or_else(|| Arc::new(spec)))
        });
        self.wanted.cluster = made.collect();
    }

    /// What every policy's status should be.
    pub(super) fn tell(&mut self, snapshot: &EgressSnapshot, in_force: &InForce, ranges: impl Fn(&[IpNet]) -> Word) {
        let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default().to_string();
        self.moved.retain(|name, _| snapshot.policies.contains_key(name));
        self.wanted.statuses.clear();
        for (name, item) in &snapshot.policies {
            let mut told = self.told.get(name).cloned().unwrap_or_else(|| unknown(item, self.frozen.count(name)));
            let failed = match (in_force.refused.get(name), in_force.wrong.as_slice()) {
                (Some(findings), _) => Some(finding::list(findings)),
                (None, []) => None,
                (None, findings) => Some(strategies::wrong(findings)),
            };
            if let Some(why) = failed {
                let message = format!("what was decided before stays: {why}");
                told.degraded = Word { holds: true, reason: "PolicyFailed", message };
            }
            let (last, ever) = self.moved.get(name).copied().unwrap_or_default();
            if told.status.moved_ever == 0 {
                told.status.moved = last;
            }
            told.status.moved_ever += ever;
            let generation = Some(item.generation);
            let mut status = told.written(&item.status.conditions, generation, &now);
            if let Ok(policy) = &item.policy {
                let word = ranges(&policy.destinations);
                condition::put(&mut status.conditions, word.condition(ranges::CONDITION, generation, &now));
            }
            self.wanted.statuses.insert(name.clone(), status);
        }
    }

    pub(super) fn tally(&self) -> EgressTally {
        let sum = |of: fn(&Told) -> u32| self.told.values().map(|told| of(told) as usize).sum();
        EgressTally {
            policies: self.wanted.statuses.len(),
            degraded: self.told.values().filter(|told| told.degraded.holds).count(),
            endpoints: sum(|told| told.status.endpoints),
            unassigned: sum(|told| told.status.unassigned),
            gateways: sum(|told| told.status.active),
            slices: self.wanted.slices.len(),
        }
    }
}

/// Of a policy that was never in force. What is known of its gateways is what was told of them last.
fn unknown(item: &PolicyItem, kept: u32) -> Told {
    let message = match kept {
        0 => "no version of the policy was ever in force".to_owned(),
        kept => {
            format!("{kept} pods keep the gateways that they had, and new ones get none: the policy cannot be read")
        }
    };
    let status = match kept {
        0 => EgressPolicyStatus::default(),
        kept => EgressPolicyStatus { endpoints: kept, moved: 0, moved_ever: 0, ..item.status.clone() },
    };
    let word = |holds| Word { holds, reason: "NotInForce", message: message.clone() };
    Told { status, ready: word(false), degraded: word(true) }
}

pub(super) fn is_there(snapshot: &EgressSnapshot, node: &NodeName) -> bool {
    snapshot.members.nodes.contains_key(node.as_str())
}

pub(super) fn has_pod(snapshot: &EgressSnapshot, node: &NodeName, pod: &PodKey) -> bool {
    let name = Arc::new((pod.namespace.clone(), pod.name.clone()));
    let found = snapshot.pods.get(&name).filter(|found| found.uid == pod.uid && !found.terminal);
    found.is_some_and(|found| found.node.as_ref() == Some(node))
}

/// All that are decided on, as nodes know them.
pub(super) fn gateways<'a>(
    assembly: &Assembly,
    policies: impl Iterator<Item = &'a String>,
) -> BTreeMap<GatewayId, Gateway> {
    let nodes: BTreeSet<&NodeName> =
        policies.flat_map(|policy| assembly.members(policy)).map(|member| &member.node).collect();
    nodes.into_iter().flat_map(|node| assembly.share(node).gateways).collect()
}

/// Each node's part, as the slices say.
pub(super) fn shares(snapshot: &EgressSnapshot) -> BTreeMap<NodeName, Share> {
    let mut of_node: BTreeMap<NodeName, Vec<EgressSlice>> = BTreeMap::new();
    for (name, spec) in snapshot.slices.iter().filter_map(|(name, item)| Some((name, item.slice.as_ref()?))) {
        if let Ok(slice) = EgressSlice::new(name.clone(), (**spec).clone()) {
            let Some(node) = slice.node.clone() else { continue };
            of_node.entry(node).or_default().push(slice);
        }
    }
    of_node.into_iter().map(|(node, slices)| (node, unpack(&slices))).collect()
}
