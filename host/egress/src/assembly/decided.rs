//! One policy's decision: asked when something that it depends on has changed, applied as far as the host's own rules go.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use nicety_core::{decision::Assignment, egress::share::GatewayId, facts::gateways::NONE, ids::NodeName};
use nicety_objects::listed::Pod;
use nicety_strategies::{StrategySet, decide, run::Clock};

use super::{Assembly, Given, Move, Of, Outcome};
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
        let new = if of.members.iter().any(|member| member.is_shown()) && !of.captured.is_empty() {
            let previous = |name: &Name, pod: &Pod| {
                of.given.get(name).filter(|given| given.pod.uid == pod.uid).and_then(|given| given.primary.clone())
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
            let none =
                |pod: &Arc<Pod>| Given { pod: pod.clone(), primary: None, standby: None, reason: reason.clone() };
            of.captured.iter().map(|(name, pod)| (name.clone(), none(pod))).collect()
        };
        // One that failed is asked again when something changes, or the strategy is another.
        of.decided_by = identity;
        let old = std::mem::replace(&mut of.given, new);
        self.compare(name, &old, outcome);
        if !self.view.policies.contains_key(name) {
            self.policies.remove(name);
        }
        true
    }

    /// What differs, to those whom it concerns.
    fn compare(&mut self, policy: &str, old: &BTreeMap<Name, Given>, outcome: &mut Outcome) {
        let Some(of) = self.policies.get_mut(policy) else { return };
        let mut counted = Vec::new();
        let first = outcome.moves.len();
        let mut tell = |pod: &Arc<Pod>, from: Option<&Given>, to: Option<&Given>| {
            let from = from.and_then(|given| given.primary.clone());
            let (to, why) = to.map_or((None, "gone".into()), |given| (given.primary.clone(), given.reason.clone()));
            if from != to {
                outcome.moves.push(Move { policy: policy.to_owned(), pod: pod.clone(), from, to, why });
            }
        };
        let gone = old.iter().filter(|(name, _)| !of.given.contains_key(*name));
        let gone = gone.map(|(name, before)| (name, Some(before), None));
        let there = of.given.iter().map(|(name, after)| (name, old.get(name), Some(after)));
        for (name, before, after) in there.chain(gone) {
            if before == after {
                continue;
            }
            self.touched.extend([before, after].into_iter().flatten().filter_map(|given| given.pod.node.clone()));
            counted.extend(before.map(|given| (name.clone(), given.clone(), false)));
            counted.extend(after.map(|given| (name.clone(), given.clone(), true)));
            match (before, after) {
                (Some(before), Some(after)) if before.pod.uid == after.pod.uid => {
                    tell(&after.pod, Some(before), Some(after));
                }
                (before, after) => {
                    before.into_iter().for_each(|given| tell(&given.pod, Some(given), None));
                    after.into_iter().for_each(|given| tell(&given.pod, None, Some(given)));
                }
            }
        }
        let moved = outcome.moves.iter().skip(first).filter(|one| one.is_movement()).count();
        if moved > 0 {
            of.moved = u32::try_from(moved).unwrap_or(u32::MAX);
            of.moved_ever += moved as u64;
        }
        for (name, given, comes) in counted {
            self.count(&name, policy, &given, comes);
        }
    }

    /// What a pod has joins its node's, or leaves it. A gateway's node is told of nodes that send to it, not of their pods.
    pub(super) fn count(&mut self, name: &Name, policy: &str, given: &Given, comes: bool) {
        let Some(from) = &given.pod.node else { return };
        let pods = self.held.entry(from.clone()).or_default();
        let policies = pods.entry(name.clone()).or_default();
        policies.retain(|(known, _)| known != policy);
        if comes {
            policies.push((policy.to_owned(), given.clone()));
        }
        if policies.is_empty() {
            pods.remove(name);
        }
        if pods.is_empty() {
            self.held.remove(from);
        }
        for id in given.primary.iter().chain(&given.standby) {
            let Some(gateway) = node_of(id) else { continue };
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
                self.touched.insert(gateway);
            }
        }
    }
}

/// The node's part of `NODE/WAY`.
fn node_of(id: &GatewayId) -> Option<NodeName> {
    id.as_str().split_once('/')?.0.parse().ok()
}

impl Of {
    /// Review has passed the assignment; nobody is sent to the dead all the same.
    fn assigned(&self, assignment: &Assignment) -> BTreeMap<Name, Given> {
        let shown = self.members.iter().filter(|member| member.is_shown());
        let usable: Vec<Option<&Arc<GatewayId>>> =
            shown.map(|member| member.id().filter(|_| member.is_usable())).collect();
        let usable = |index: u32| usable.get(index as usize).copied().flatten().filter(|_| index != NONE).cloned();
        let reasons: Vec<Arc<str>> = assignment.reasons.iter().map(|reason| reason.as_str().into()).collect();
        let none: Arc<str> = "".into();
        let rows = assignment.primary.iter().zip(&assignment.standby).zip(&assignment.reason);
        let mut given = BTreeMap::new();
        for ((name, pod), ((primary, standby), reason)) in self.captured.iter().zip(rows) {
            let reason = reasons.get(usize::from(*reason)).unwrap_or(&none).clone();
            let (primary, standby) = (usable(*primary), usable(*standby));
            // Who stays keeps the word by which it came: that it stays is no news to its node.
            let before = self.given.get(name).filter(|before| before.pod.uid == pod.uid && before.primary == primary);
            let reason = before.map_or(reason, |before| before.reason.clone());
            given.insert(name.clone(), Given { pod: pod.clone(), primary, standby, reason });
        }
        given
    }

    /// The last good assignment, without the dead; who is new has nothing.
    fn kept(&self) -> BTreeMap<Name, Given> {
        let usable: BTreeSet<&Arc<GatewayId>> =
            self.members.iter().filter(|member| member.is_usable()).filter_map(|member| member.id()).collect();
        let lives = |id: &Option<Arc<GatewayId>>| id.clone().filter(|id| usable.contains(id));
        let mut kept = BTreeMap::new();
        for (name, pod) in &self.captured {
            let before = self.given.get(name).filter(|given| given.pod.uid == pod.uid);
            let (primary, standby) =
                before.map_or((None, None), |given| (lives(&given.primary), lives(&given.standby)));
            let (primary, standby, reason) = match (primary, standby) {
                (Some(primary), standby) => (Some(primary), standby, before.map(|given| given.reason.clone())),
                (None, Some(standby)) => (Some(standby), None, Some(FELL_BACK.into())),
                (None, None) => (None, None, None),
            };
            let reason = reason.unwrap_or_else(|| FAILED.into());
            kept.insert(name.clone(), Given { pod: pod.clone(), primary, standby, reason });
        }
        kept
    }
}
