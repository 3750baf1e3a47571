//! What is said of a policy: how its gateways are, what is wrong and how grave it is.

#![expect(
    clippy::disallowed_types,
    reason = "looked up or sorted, never walked as they lie: no order of theirs is seen"
)]

use std::{collections::HashMap, sync::Arc};

use nicety_core::egress::{health::Health, share::GatewayId};
use nicety_objects::{
    condition::{self, Condition, ConditionStatus},
    egress_policy::{EgressPolicyStatus, GatewayRole, GatewayStatus},
    egress_slice::spec::MAX_EXITS,
};

use super::{Assembly, Of, Outcome};
use crate::gateways::{Member, Role, Why};

/// Gateways that a status tells of.
const TOLD: usize = 64;

/// One aspect, before anybody knows the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub holds: bool,
    pub reason: &'static str,
    pub message: String,
}

/// A policy's status without its conditions, and what they say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub status: EgressPolicyStatus,
    pub ready: Word,
    pub degraded: Word,
}

impl Word {
    /// `now`: RFC 3339, in UTC.
    pub fn condition(&self, kind: &str, generation: Option<i64>, now: &str) -> Condition {
        let Word { holds, reason, message } = self;
        Condition {
            kind: kind.to_owned(),
            status: if *holds { ConditionStatus::True } else { ConditionStatus::False },
            reason: (*reason).to_owned(),
            message: message.clone(),
            last_transition_time: now.to_owned(),
            observed_generation: generation,
        }
    }
}

impl Told {
    /// As the object has it. `before`: its conditions so far, whose times stay where nothing changed; `now`: RFC 3339, in UTC.
    pub fn written(&self, before: &[Condition], generation: Option<i64>, now: &str) -> EgressPolicyStatus {
        let mut conditions = before.to_vec();
        for (kind, word) in [("Ready", &self.ready), ("Degraded", &self.degraded)] {
            condition::put(&mut conditions, word.condition(kind, generation, now));
        }
        EgressPolicyStatus { observed_generation: generation, conditions, ..self.status.clone() }
    }
}

impl Assembly {
    pub(super) fn tell(&mut self, name: &str, outcome: &mut Outcome) {
        let Some(of) = self.policies.get_mut(name) else { return };
        let told = of.tell();
        if of.told.as_ref() != Some(&told) {
            outcome.statuses.insert(name.to_owned(), told.clone());
            of.told = Some(told);
        }
    }
}

impl Of {
    fn tell(&self) -> Told {
        let mut primaries: HashMap<&Arc<GatewayId>, u32> = HashMap::new();
        let mut standbys: HashMap<&Arc<GatewayId>, u32> = HashMap::new();
        let mut unassigned = 0;
        for given in self.given.values() {
            match &given.primary {
                Some(id) => *primaries.entry(id).or_default() += 1,
                None => unassigned += 1,
            }
            if let Some(id) = &given.standby {
                *standbys.entry(id).or_default() += 1;
            }
        }
        let of = |counts: &HashMap<&Arc<GatewayId>, u32>, member: &Member| {
            member.id().and_then(|id| counts.get(id).copied()).unwrap_or_default()
        };
        let mut members: Vec<&Member> = self.members.iter().collect();
        members.sort_by_key(|member| (member.role, member.why == Some(Why::Enough), member.gateway.is_none()));
        let gateways = members.iter().take(TOLD).map(|member| GatewayStatus {
            node: member.node.to_string(),
            way: member.gateway.as_ref().map(|(_, way)| way.to_string()).unwrap_or_default(),
            role: match member.role {
                Role::Active => GatewayRole::Active,
                Role::Draining => GatewayRole::Draining,
                Role::Standby => GatewayRole::Standby,
            },
            health: member.health.health,
            since: member.health.since.map(|since| since.0),
            endpoints: of(&primaries, member),
            standby_for: of(&standbys, member),
            message: member.why.map(|why| why.words().to_owned()).unwrap_or_default(),
            egress_ips: member
                .gateway
                .iter()
                .flat_map(|(_, way)| crate::facts::addresses(way))
                .map(|address| address.to_string())
                .collect(),
        });
        let status = EgressPolicyStatus {
            endpoints: count(self.captured.len()),
            unassigned,
            active: count(self.members.iter().filter(|member| member.role == Role::Active).count()),
            strategy: self.strategy.clone(),
            gateways: gateways.collect(),
            moved: self.moved,
            moved_ever: self.moved_ever,
            ..EgressPolicyStatus::default()
        };
        let (ready, degraded) = self.words(unassigned);
        Told { status, ready, degraded }
    }

    /// The gravest of what is wrong gives the reason.
    fn words(&self, unassigned: u32) -> (Word, Word) {
        let (usable, all) = (self.members.iter().filter(|member| member.is_usable()).count(), self.members.len());
        let named = |wanted: Why| -> Vec<String> {
            let of = self.members.iter().filter(|member| member.why == Some(wanted));
            of.map(|member| format!("`{}`", member.node)).collect()
        };
        let nodes = |names: &[String]| match names {
            [first, second, third, _, ..] => format!("{first}, {second}, {third} and {} more", names.len() - 3),
            few => few.join(", "),
        };
        let (missing, dead) = (named(Why::AddressMissing), named(Why::Unhealthy));
        let taken = named(Why::AddressTaken);
        let no_way = [Why::InterfaceMissing, Why::InterfaceDown, Why::InterfaceBare].map(named).concat();
        let trouble = if let Some(why) = &self.failed {
            Some(("PolicyFailed", format!("the last good assignment stays: {why}")))
        } else if usable == 0 {
            Some(match all {
                0 => (
                    "NoGateway",
                    "no node matches `egressGateways`; packets that the policy captures are dropped".to_owned(),
                ),
                _ if !missing.is_empty() && missing.len() == all => {
                    ("EgressIPMissing", format!("none of the egress addresses is on {}", nodes(&missing)))
                }
                _ if !no_way.is_empty() && no_way.len() == all => (
                    "InterfaceMissing",
                    format!("the interface is missing, down or without an address on {}", nodes(&no_way)),
                ),
                _ => (
                    "NoGateway",
                    format!("of {all} gateways none is usable; packets that the policy captures are dropped"),
                ),
            })
        } else if self.left_out > 0 {
            let message = format!(
                "{} pods have {MAX_EXITS} policies that come before this one, which gives them no gateway",
                self.left_out
            );
            Some(("TooManyPolicies", message))
        } else if !missing.is_empty() {
            Some(("EgressIPMissing", format!("none of the group's egress addresses is on {}", nodes(&missing))))
        } else if !no_way.is_empty() {
            let message = format!("the group's interface is missing, down or without an address on {}", nodes(&no_way));
            Some(("InterfaceMissing", message))
        } else if !taken.is_empty() {
            Some(("EgressIPTaken", format!("another policy has a floating address elsewhere: {}", nodes(&taken))))
        } else if !dead.is_empty() {
            Some(("GatewayUnhealthy", format!("dead: {}", nodes(&dead))))
        } else if unassigned > 0 {
            Some(("Unassigned", format!("{unassigned} pods have no gateway; their packets are dropped")))
        } else {
            None
        };
        let degraded = match &trouble {
            Some((reason, message)) => Word { holds: true, reason, message: message.clone() },
            None => Word { holds: false, reason: "AsWanted", message: "all is as the policy wants it".to_owned() },
        };
        let ready = match trouble {
            Some((reason, message)) if unassigned > 0 || usable == 0 || self.left_out > 0 => {
                Word { holds: false, reason, message }
            }
            _ => {
                let unknown = self.members.iter().filter(|member| member.health.health == Health::Unknown).count();
                let message =
                    format!("{} pods leave through {usable} gateways, {unknown} of unknown health", self.given.len());
                Word { holds: true, reason: "Assigned", message }
            }
        };
        (ready, degraded)
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
