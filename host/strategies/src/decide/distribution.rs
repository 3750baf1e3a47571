//! Which gateway each endpoint leaves through: filters narrow what is allowed, one distribution assigns.

use std::borrow::Cow;

use nicety_core::{
    decision::{Assignment, Decision},
    facts::{Facts, Kind, gateways},
};

use super::{Decided, Narrowing, of_another_kind, whole};
use crate::{run::Clock, set::StrategySet};

/// `policy` names the egress policy.
pub fn distribution(
    set: &StrategySet,
    policy: &str,
    facts: &gateways::Facts,
    clock: &Clock<'_>,
) -> Decided<Assignment> {
    let before = Spread::of(facts);
    let (after, runs, shadows) = whole(set.gateway_distribution.of(policy), &before, policy, clock);
    // `build` has refused pipelines that do not end in a distribution.
    let outcome = after.and_then(|spread| spread.assignment.ok_or_else(of_another_kind));
    Decided { outcome, runs, shadows }
}

/// The first facts, what filters have left of their `allowed`, and who was assigned.
#[derive(Clone)]
pub(super) struct Spread<'a> {
    facts: &'a gateways::Facts,
    allowed: Cow<'a, [u64]>,
    pub(super) assignment: Option<Assignment>,
}

impl<'a> Spread<'a> {
    pub(super) fn of(facts: &'a gateways::Facts) -> Spread<'a> {
        Spread { facts, allowed: Cow::Borrowed(&facts.allowed), assignment: None }
    }

    pub(super) fn into_allowed(self) -> Vec<u64> {
        self.allowed.into_owned()
    }
}

impl Narrowing for Spread<'_> {
    fn question(&self, kind: Kind) -> Facts {
        let facts = gateways::Facts { allowed: self.allowed.to_vec(), ..self.facts.clone() };
        match kind {
            Kind::GatewayFilter => Facts::GatewayFilter(facts),
            Kind::Attach | Kind::NicSelection | Kind::GatewayDistribution => Facts::GatewayDistribution(facts),
        }
    }

    fn after(&self, decision: Decision) -> Option<Self> {
        match decision {
            Decision::Allowed(allowed) => Some(Spread { allowed: Cow::Owned(allowed), ..self.clone() }),
            Decision::Assignment(assignment) => Some(Spread { assignment: Some(assignment), ..self.clone() }),
            Decision::Requests(_) | Decision::Selection(_) => None,
        }
    }

    fn decision(&self) -> Option<Decision> {
        self.assignment.clone().map(Decision::Assignment)
    }
}
