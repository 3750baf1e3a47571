//! What is known, what follows from it, and what was decided before. Changes go in one by one and mark what they touch; `recompute` then does
//! what the marks ask for and nothing else, so that one pod's change in a cluster of 250,000 costs what its own policy costs.

mod change;
mod crowded;
mod decided;
mod linger;
mod machines;
mod order;
mod recall;
mod status;
mod touched;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use nicety_core::{
    egress::{
        held::{Event, Line},
        share::{Endpoint, Exit, Gateway, GatewayId, PodKey, Share},
    },
    ids::NodeName,
    millis::Millis,
};
use nicety_objects::{
    egress_policy::EgressPolicyStatus,
    egress_slice::spec::{SliceEndpoint, SliceExit},
    listed::Pod,
};
use nicety_strategies::{Run, Shadowed, StrategySet, run::Clock};

pub use change::Change;
pub use status::{Told, Word};
pub use touched::Touched;

use crate::{
    gateways::{Member, Role},
    view::{Name, View, key},
};

#[derive(Debug, Clone, Default)]
pub struct Assembly {
    view: View,
    policies: BTreeMap<String, Of>,
    /// Pods by their node.
    on: BTreeMap<NodeName, BTreeSet<Name>>,
    /// What pods have, by their node and per policy: a node's part without a search. Most pods are of one policy.
    held: BTreeMap<NodeName, BTreeMap<Name, Vec<(Arc<str>, Given)>>>,
    /// Pods of more policies than a slice takes, with their nodes.
    crowded: BTreeSet<(NodeName, Name)>,
    /// Every gateway of every policy.
    gateways: BTreeMap<Arc<GatewayId>, Gateway>,
    gateways_of: BTreeMap<NodeName, BTreeSet<Arc<GatewayId>>>,
    /// How many exits lead from a node's pods to a gateway's node, with those that linger: gateway, then sender.
    senders: BTreeMap<NodeName, BTreeMap<NodeName, u32>>,
    /// By observer.
    watches: BTreeMap<NodeName, BTreeMap<NodeName, IpAddr>>,
    /// Where floating addresses are.
    homes: BTreeMap<IpAddr, NodeName>,
    /// Gateways that pods were moved off.
    lingering: linger::Lingering,
    /// Nodes, their health or policies have changed: gateways are to be resolved again.
    machines: bool,
    /// Nodes whose part may have changed, and what of it.
    touched: BTreeMap<NodeName, Touched>,
}

/// What is known of one policy.
#[derive(Debug, Clone, Default)]
struct Of {
    captured: BTreeMap<Name, Arc<Pod>>,
    /// Endpoints have changed.
    touched: bool,
    members: Vec<Member>,
    /// What decided last: the strategy's identity.
    decided_by: String,
    strategy: String,
    given: BTreeMap<Name, Given>,
    /// Why the last decision came to nothing.
    failed: Option<String>,
    /// Pods that have as many policies before this one as a slice takes.
    left_out: u32,
    moved: u32,
    moved_ever: u64,
    /// As it was last told.
    told: Option<status::Told>,
}

/// What one pod has under one policy.
#[derive(Debug, Clone, PartialEq)]
struct Given {
    pod: Arc<Pod>,
    primary: Option<Arc<GatewayId>>,
    standby: Option<Arc<GatewayId>>,
    reason: Arc<str>,
}

/// What came of a recomputation.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Nodes whose part is another now, or may be, and what of it.
    pub nodes: BTreeMap<NodeName, Touched>,
    /// Who has another gateway, per policy in the order of pods.
    pub moves: Vec<Move>,
    /// Policies of which something else is to be said now.
    pub statuses: BTreeMap<String, status::Told>,
    /// Per policy that was decided on.
    pub runs: Vec<(String, Vec<Run>, Vec<Shadowed>)>,
}

/// One pod's change of gateway. `from` none: it had none; `to` none: it has none any longer.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    pub policy: String,
    pub pod: Arc<Pod>,
    pub from: Option<Arc<GatewayId>>,
    pub to: Option<Arc<GatewayId>>,
    pub why: Arc<str>,
}

impl Move {
    /// From one gateway to another: what breaks connections.
    pub fn is_movement(&self) -> bool {
        self.from.is_some() && self.to.is_some()
    }
}

impl Assembly {
    pub fn view(&self) -> &View {
        &self.view
    }

    fn touch(&mut self, node: NodeName) -> &mut Touched {
        self.touched.entry(node).or_default()
    }

    /// Does what changes since the last time ask for.
    pub fn recompute(&mut self, set: &StrategySet, clock: &Clock<'_>) -> Outcome {
        let mut outcome = Outcome::default();
        let machines = std::mem::take(&mut self.machines);
        if machines {
            self.resolve();
        }
        self.decide_all(set, clock, &mut outcome);
        // The last pod may have left a floating address behind on a node that drains: now it goes where it is of use.
        if self.has_drained() {
            self.resolve();
            self.decide_all(set, clock, &mut outcome);
        }
        if machines || self.lingering.is_due() {
            self.number();
        }
        self.leave_out(&mut outcome);
        outcome.nodes = std::mem::take(&mut self.touched);
        outcome
    }

    fn decide_all(&mut self, set: &StrategySet, clock: &Clock<'_>, outcome: &mut Outcome) {
        let names: Vec<String> = self.policies.keys().cloned().collect();
        for name in &names {
            if self.decide(name, set, clock, outcome) {
                self.tell(name, outcome);
            }
        }
    }

    /// One node's part, as it follows from the last recomputation.
    pub fn share(&self, node: &NodeName) -> Share {
        let mut share = Share::default();
        let mut gateways = self.unasked(node);
        for (name, policies) in self.held.get(node).into_iter().flatten() {
            gateways.extend(policies.iter().flat_map(|(_, given)| given.primary.iter().chain(&given.standby)));
            share.endpoints.extend(self.endpoint(node, name));
        }
        let known = gateways.into_iter().filter_map(|id| Some(((**id).clone(), self.gateway(id)?.clone())));
        share.gateways = known.collect();
        let senders = self.senders.get(node).into_iter().flat_map(BTreeMap::keys);
        share.senders =
            senders.filter_map(|sender| Some((sender.clone(), self.sender(node, sender)?.collect()))).collect();
        share.watches = self.watches.get(node).cloned().unwrap_or_default();
        share
    }

    /// Where one pod of a node leaves. None: no policy is for it, or it is not there.
    pub(crate) fn endpoint(&self, node: &NodeName, name: &Name) -> Option<(PodKey, Endpoint)> {
        let policies = self.held.get(node)?.get(name)?;
        let (_, Given { pod, .. }) = policies.first()?;
        let exits =
            self.first_of(policies).into_iter().map(|(policy, given)| (policy.to_string(), exit(given))).collect();
        Some((key(pod), Endpoint { addresses: pod.addresses.clone(), exits }))
    }

    /// The same, as a slice has it.
    pub(crate) fn slice_endpoint(&self, node: &NodeName, name: &Name) -> Option<SliceEndpoint> {
        let policies = self.held.get(node)?.get(name)?;
        let (_, Given { pod, .. }) = policies.first()?;
        let text = |id: &Option<Arc<GatewayId>>| id.as_ref().map(|id| id.to_string());
        let mut exits: Vec<SliceExit> = self
            .first_of(policies)
            .into_iter()
            .map(|(policy, given)| SliceExit {
                policy: policy.to_string(),
                primary: text(&given.primary),
                standby: text(&given.standby),
                reason: given.reason.to_string(),
            })
            .collect();
        exits.sort_unstable_by(|one, other| one.policy.cmp(&other.policy));
        Some(SliceEndpoint {
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            addresses: pod.addresses.iter().copied().collect(),
            exits,
        })
    }

    /// Addresses that packets of a node which sends to this one come from. None: it sends nothing.
    pub(crate) fn sender(&self, node: &NodeName, sender: &NodeName) -> Option<impl Iterator<Item = IpAddr> + '_> {
        self.senders.get(node)?.get(sender).filter(|_| node != sender)?;
        Some(self.view.nodes.get(sender).into_iter().flat_map(|node| node.addresses.iter().copied()))
    }

    pub(crate) fn gateway(&self, id: &GatewayId) -> Option<&Gateway> {
        self.gateways.get(id)
    }

    /// Gateways that a node is itself.
    fn own(&self, node: &NodeName) -> impl Iterator<Item = &Arc<GatewayId>> + Clone {
        self.gateways_of.get(node).into_iter().flatten()
    }

    /// Gateways that a node is told of whether its pods' exits name them or not: those that it is, and those that its pods were moved off.
    pub(crate) fn unasked(&self, node: &NodeName) -> BTreeSet<&Arc<GatewayId>> {
        self.own(node).chain(self.lingering.on(node)).collect()
    }

    /// Every node that has a part.
    pub fn nodes(&self) -> BTreeSet<NodeName> {
        let all = self.held.keys().chain(self.gateways_of.keys()).chain(self.watches.keys());
        let all: BTreeSet<&NodeName> = all.chain(self.lingering.nodes()).collect();
        all.into_iter().filter(|node| !self.share(node).is_empty()).cloned().collect()
    }

    /// Every pod of a policy with its gateways, in the order of pods: pod, primary, standby, reason.
    pub fn assigned(
        &self,
        policy: &str,
    ) -> impl Iterator<Item = (&Arc<Pod>, Option<&GatewayId>, Option<&GatewayId>, &str)> {
        let given = self.policies.get(policy).into_iter().flat_map(|of| of.given.values());
        given.map(|one| (&one.pod, one.primary.as_deref(), one.standby.as_deref(), &*one.reason))
    }

    /// A policy's gateways as they were resolved last.
    pub fn members(&self, policy: &str) -> &[Member] {
        self.policies.get(policy).map_or(&[], |of| &of.members)
    }

    /// Audit lines of what moved.
    pub fn lines(&self, moves: &[Move], at: Millis) -> Vec<Line> {
        let line = |one: &Move, id: &Arc<GatewayId>, event| {
            let gateway = self.gateways.get(id);
            Some(Line {
                at,
                policy: one.policy.clone(),
                namespace: one.pod.namespace.clone(),
                name: one.pod.name.clone(),
                uid: one.pod.uid.clone(),
                addresses: one.pod.addresses.clone(),
                node: one.pod.node.clone()?,
                gateway: (**id).clone(),
                egress_ips: gateway.map(|gateway| crate::facts::addresses(&gateway.way).collect()).unwrap_or_default(),
                event,
            })
        };
        let of = |one: &Move| {
            let released = one.from.as_ref().and_then(|id| line(one, id, Event::Released));
            released.into_iter().chain(one.to.as_ref().and_then(|id| line(one, id, Event::Held))).collect::<Vec<_>>()
        };
        moves.iter().flat_map(of).collect()
    }

    /// Why the last decision on a policy came to nothing.
    pub fn failure(&self, policy: &str) -> Option<&str> {
        self.policies.get(policy)?.failed.as_deref()
    }

    /// The status of a policy as it was told last.
    pub fn status(&self, policy: &str) -> Option<&EgressPolicyStatus> {
        self.policies.get(policy)?.told.as_ref().map(|told| &told.status)
    }
}

fn exit(given: &Given) -> Exit {
    Exit {
        primary: given.primary.as_deref().cloned(),
        standby: given.standby.as_deref().cloned(),
        reason: given.reason.to_string(),
    }
}

/// Gateways that take endpoints, of several members.
fn active(members: &[Member]) -> BTreeSet<Arc<GatewayId>> {
    members.iter().filter(|member| member.role == Role::Active).filter_map(|member| member.id().cloned()).collect()
}

#[cfg(test)]
pub(crate) mod tests;
