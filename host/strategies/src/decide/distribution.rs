//! Which gateway each endpoint leaves through: filters narrow what is allowed, one distribution assigns.

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
    let before = Spread { facts: facts.clone(), assignment: None };
    let (after, runs, shadows) = whole(set.gateway_distribution.of(policy), &before, policy, clock);
    // `build` has refused pipelines that do not end in a distribution.
    let outcome = after.and_then(|spread| spread.assignment.ok_or_else(of_another_kind));
    Decided { outcome, runs, shadows }
}

#[derive(Clone)]
pub(super) struct Spread {
    pub(super) facts: gateways::Facts,
    pub(super) assignment: Option<Assignment>,
}

impl Narrowing for Spread {
    fn question(&self, kind: Kind) -> Facts {
        match kind {
            Kind::GatewayFilter => Facts::GatewayFilter(self.facts.clone()),
            Kind::Attach | Kind::NicSelection | Kind::GatewayDistribution => {
                Facts::GatewayDistribution(self.facts.clone())
            }
        }
    }

    fn after(mut self, decision: Decision) -> Option<Self> {
        match decision {
            Decision::Allowed(allowed) => self.facts.allowed = allowed,
            Decision::Assignment(assignment) => self.assignment = Some(assignment),
            Decision::Requests(_) | Decision::Selection(_) => return None,
        }
        Some(self)
    }

    fn decision(&self) -> Option<Decision> {
        self.assignment.clone().map(Decision::Assignment)
    }
}
