//! One policy's decision: asked when something that it depends on has changed, applied as far as the host's own rules go.

use std::{collections::BTreeSet, sync::Arc};

use nicety_core::{
    decision::Assignment,
    egress::{health::Health, share::GatewayId},
    facts::gateways::NONE,
    ids::NodeName,
};
use nicety_objects::{egress_slice::spec::MAX_EXITS, listed::Pod};
use nicety_strategies::{StrategySet, decide, run::Clock};

use super::{
    Assembly, Given, Move, Of, Outcome,
    order::{InOrder, both},
};
use crate::{facts, view::Name};

/// Said of a pod that came while its policy's strategy failed.
const FAILED: &str = "no gateway: the strategy failed, and those that have a gateway keep it";
const NO_GATEWAY: &str = "no gateway: no node of the policy has a way out";
const FELL_BACK: &str = "the strategy failed, and its gateway is dead: the one that stood by";

impl Assembly {
    /// Whether there was anything to decide.
    pub(super) fn decide(&mut self, name: &str, set: &StrategySet, clock: &Clock<'_>, outcome: &mut Outcome) -> bool {
        let strategy = set.gateway_distribution.of(name);
        let identity = strategy.identity();
        let Some(of) = self.policies.get_mut(name) else { return false };
        if !of.touched && of.decided_by == identity {
            return false;
        }
        of.touched = false;
        of.strategy = strategy.name.to_string();
        of.failed = None;
        let different = if of.members.iter().any(|member| member.is_shown()) && !of.captured.is_empty() {
            let mut past = InOrder::of(&of.given);
            let previous = |name: &Name, pod: &Pod| {
                past.get(name).filter(|given| given.pod.uid == pod.uid).and_then(|given| given.primary.as_deref())
            };
            let facts = facts::of(name, &self.view, &of.members, of.captured.iter(), previous);
            let decided = decide::distribution(set, name, &facts, clock);
            outcome.runs.push((name.to_owned(), decided.runs, decided.shadows));
            match decided.outcome {
                Ok(assignment) => of.assigned(&assignment),
                Err(no) => {
                    of.failed = Some(no.to_string());
                    of.kept()
                }
            }
        } else {
            let reason: Arc<str> = NO_GATEWAY.into();
            of.different(|pod, _| Given { pod: pod.clone(), primary: None, standby: None, reason: reason.clone() })
        };
        // One that failed is asked again when something changes, or the strategy is another.
        of.decided_by = identity;
        self.apply(name, different, outcome);
        if !self.view.policies.contains_key(name) {
            self.policies.remove(name);
        }
        true
    }

    /// What differs, to those whom it concerns.
    fn apply(&mut self, policy: &str, different: Vec<Different>, outcome: &mut Outcome) {
        let Some(of) = self.policies.get_mut(policy) else { return };
        let first = outcome.moves.len();
        let mut tell = |pod: &Arc<Pod>, from: Option<&Given>, to: Option<&Given>| {
            let from = from.and_then(|given| given.primary.clone());
            let (to, why) = to.map_or((None, "gone".into()), |given| (given.primary.clone(), given.reason.clone()));
            if from != to {
                outcome.moves.push(Move { policy: policy.to_owned(), pod: pod.clone(), from, to, why });
            }
        };
        for (name, before, after) in &different {
            match (before, after) {
                (Some(before), Some(after)) if before.pod.uid == after.pod.uid => {
                    tell(&after.pod, Some(before), Some(after));
                }
                (before, after) => {
                    before.iter().for_each(|given| tell(&given.pod, Some(given), None));
                    after.iter().for_each(|given| tell(&given.pod, None, Some(given)));
                }
            }
            match after {
                Some(after) => drop(of.given.insert(name.clone(), after.clone())),
                None => drop(of.given.remove(name)),
            }
        }
        let moved = outcome.moves.iter().skip(first).filter(|one| one.is_movement()).count();
        if moved > 0 {
            of.moved = u32::try_from(moved).unwrap_or(u32::MAX);
            of.moved_ever += moved as u64;
        }
        let policy: Arc<str> = policy.into();
        let health = &self.view.health;
        let dead = |id: &GatewayId| {
            let standing = node_of(id).and_then(|node| health.get(&node));
            standing.is_some_and(|standing| standing.health == Health::Unhealthy)
        };
        for (name, before, after) in &different {
            let Some(before) = before else { continue };
            let after = after.as_ref().filter(|after| after.pod.uid == before.pod.uid);
            if after.is_none_or(|after| after.primary != before.primary) {
                self.lingering.leaves(name, before, dead);
            }
        }
        for (name, before, after) in different {
            before.into_iter().for_each(|given| self.count(&name, &policy, &given, false));
            after.into_iter().for_each(|given| self.count(&name, &policy, &given, true));
        }
    }

    /// What a pod has joins its node's, or leaves it. A gateway's node is told of nodes that send to it, not of their pods.
    pub(super) fn count(&mut self, name: &Name, policy: &Arc<str>, given: &Given, comes: bool) {
        let Some(from) = &given.pod.node else { return };
        self.touch(from.clone()).pods.insert(name.clone());
        let pods = self.held.entry(from.clone()).or_default();
        let policies = pods.entry(name.clone()).or_default();
        policies.retain(|(known, _)| known != policy);
        if comes {
            policies.push((policy.clone(), given.clone()));
        }
        let many = policies.len();
        if many == MAX_EXITS && !comes {
            self.crowded.remove(&(from.clone(), name.clone()));
        } else if many > MAX_EXITS {
            self.crowded.insert((from.clone(), name.clone()));
        }
        if policies.is_empty() {
            pods.remove(name);
        }
        if pods.is_empty() {
            self.held.remove(from);
        }
        given.primary.iter().chain(&given.standby).for_each(|id| self.sends(from, id, comes));
    }

    /// One reason more, or less, why a node sends to a gateway.
    pub(super) fn sends(&mut self, from: &NodeName, to: &GatewayId, comes: bool) {
        let Some(gateway) = node_of(to) else { return };
        let counts = self.senders.entry(gateway.clone()).or_default();
        let count = counts.entry(from.clone()).or_default();
        let before = *count;
        *count = if comes { before + 1 } else { before.saturating_sub(1) };
        let after = *count;
        if after == 0 {
            counts.remove(from);
        }
        if counts.is_empty() {
            self.senders.remove(&gateway);
        }
        if (before == 0) != (after == 0) {
            self.touch(gateway).senders.insert(from.clone());
        }
    }
}

/// The node's part of `NODE/WAY`.
pub(super) fn node_of(id: &GatewayId) -> Option<NodeName> {
    id.as_str().split_once('/')?.0.parse().ok()
}

/// A pod of which something else holds than before: what it had, and what it has.
type Different = (Name, Option<Given>, Option<Given>);

impl Of {
    /// Review has passed the assignment; nobody is sent to the dead all the same.
    fn assigned(&self, assignment: &Assignment) -> Vec<Different> {
        let shown = self.members.iter().filter(|member| member.is_shown());
        let usable: Vec<Option<&Arc<GatewayId>>> =
            shown.map(|member| member.id().filter(|_| member.is_usable())).collect();
        let usable = |index: u32| usable.get(index as usize).copied().flatten().filter(|_| index != NONE).cloned();
        let reasons: Vec<Arc<str>> = assignment.reasons.iter().map(|reason| reason.as_str().into()).collect();
        let none: Arc<str> = "".into();
        let mut rows = assignment.primary.iter().zip(&assignment.standby).zip(&assignment.reason);
        self.different(|pod, before| {
            // Review has seen to it that everybody has a row.
            let ((primary, standby), reason) = rows.next().unwrap_or(((&NONE, &NONE), &u8::MAX));
            let (primary, standby) = (usable(*primary), usable(*standby));
            // Who stays keeps the word by which it came: that it stays is no news to its node.
            let before = before.filter(|before| before.pod.uid == pod.uid && before.primary == primary);
            let reason = before.map_or_else(|| reasons.get(usize::from(*reason)), |before| Some(&before.reason));
            Given { pod: pod.clone(), primary, standby, reason: reason.unwrap_or(&none).clone() }
        })
    }

    /// The last good assignment, without the dead; who is new has nothing.
    fn kept(&self) -> Vec<Different> {
        let usable: BTreeSet<&Arc<GatewayId>> =
            self.members.iter().filter(|member| member.is_usable()).filter_map(|member| member.id()).collect();
        let lives = |id: &Option<Arc<GatewayId>>| id.clone().filter(|id| usable.contains(id));
        let (failed, fell_back): (Arc<str>, Arc<str>) = (FAILED.into(), FELL_BACK.into());
        self.different(|pod, before| {
            let before = before.filter(|given| given.pod.uid == pod.uid);
            let (primary, standby) =
                before.map_or((None, None), |given| (lives(&given.primary), lives(&given.standby)));
            let (primary, standby, reason) = match (primary, standby) {
                (Some(primary), standby) => (Some(primary), standby, before.map(|given| &given.reason)),
                (None, Some(standby)) => (Some(standby), None, Some(&fell_back)),
                (None, None) => (None, None, None),
            };
            Given { pod: pod.clone(), primary, standby, reason: reason.unwrap_or(&failed).clone() }
        })
    }

    /// Those who have something else by this rule than they had. `rule`: what a pod has now, of what it had; asked of all, in their order.
    fn different(&self, mut rule: impl FnMut(&Arc<Pod>, Option<&Given>) -> Given) -> Vec<Different> {
        let mut different = Vec::new();
        for (name, before, pod) in both(&self.given, &self.captured) {
            let after = pod.map(|pod| rule(pod, before));
            if before != after.as_ref() {
                different.push((name.clone(), before.cloned(), after));
            }
        }
        different
    }
}
