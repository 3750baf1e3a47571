//! Any strategy on facts that somebody gives, for a look at what it would say: nothing is truncated, nothing is applied.

use nicety_core::{decision::Decision, facts::Facts, record::decision::Role};

use super::{Decided, attach::Asked, decide, distribution::Spread, of_another_kind, selection::Left};
use crate::{run::Clock, set::Strategy};

pub fn dry_run(strategy: &Strategy, facts: &Facts, clock: &Clock<'_>) -> Decided<Decision> {
    let mut runs = Vec::new();
    let outcome = match facts {
        Facts::Attach(facts) => {
            let after = decide(strategy, &Asked { facts, requests: Vec::new() }, Role::Live, clock, &mut runs);
            after.map(|asked| Decision::Requests(asked.requests))
        }
        Facts::NicSelection(facts) => {
            let after = decide(strategy, &Left { facts: facts.clone(), selection: None }, Role::Live, clock, &mut runs);
            after.and_then(|left| left.selection.map(Decision::Selection).ok_or_else(of_another_kind))
        }
        Facts::GatewayFilter(facts) | Facts::GatewayDistribution(facts) => {
            let after =
                decide(strategy, &Spread { facts: facts.clone(), assignment: None }, Role::Live, clock, &mut runs);
            after.map(|spread| match spread.assignment {
                Some(assignment) => Decision::Assignment(assignment),
                None => Decision::Allowed(spread.facts.allowed),
            })
        }
    };
    Decided { outcome, runs }
}
