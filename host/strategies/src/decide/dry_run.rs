//! Any strategy on facts that somebody gives, for a look at what it would say: nothing is truncated, nothing is applied.

use nicety_core::{decision::Decision, facts::Facts, record::decision::Role};

use super::{Decided, Narrowing, attach::Asked, decide, distribution::Spread, of_another_kind, selection::Left};
use crate::{
    no::No,
    run::{Clock, Run},
    set::Strategy,
};

/// As the live strategy would be asked; canaries and shadows rest.
pub fn dry_run(strategy: &Strategy, facts: &Facts, clock: &Clock<'_>) -> Decided<Decision> {
    dry_run_as(Role::Live, strategy, facts, clock)
}

pub(crate) fn dry_run_as(role: Role, strategy: &Strategy, facts: &Facts, clock: &Clock<'_>) -> Decided<Decision> {
    let mut runs = Vec::new();
    let outcome = match facts {
        Facts::Attach(facts) => asked(role, strategy, &Asked { facts, requests: None }, clock, &mut runs),
        Facts::NicSelection(facts) => asked(role, strategy, &Left::of(facts), clock, &mut runs),
        Facts::GatewayDistribution(facts) => asked(role, strategy, &Spread::of(facts), clock, &mut runs),
        Facts::GatewayFilter(facts) => {
            let after = decide(strategy, &Spread::of(facts), role, clock, &mut runs);
            after.map(|spread| match spread {
                Spread { assignment: Some(assignment), .. } => Decision::Assignment(assignment),
                spread => Decision::Allowed(spread.into_allowed()),
            })
        }
    };
    Decided { outcome, runs, shadows: Vec::new() }
}

fn asked<N: Narrowing>(
    role: Role,
    strategy: &Strategy,
    before: &N,
    clock: &Clock<'_>,
    runs: &mut Vec<Run>,
) -> Result<Decision, No> {
    decide(strategy, before, role, clock, runs).and_then(|after| after.decision().ok_or_else(of_another_kind))
}
