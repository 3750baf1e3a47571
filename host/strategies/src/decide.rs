//! Decisions: a strategy is asked, its pipeline member by member, and its fallback when it fails.

pub mod attach;
pub mod distribution;
pub mod dry_run;
pub mod selection;

pub use attach::attach;
pub use distribution::distribution;
pub use dry_run::dry_run;
pub use selection::selection;

use nicety_core::{
    decision::{Decision, Denial},
    facts::{Facts, Kind},
    record::decision::Role,
};

use crate::{
    no::No,
    run::{Clock, Run},
    set::{Body, Strategy},
};

/// What was decided, and every run that led there, in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided<T> {
    pub outcome: Result<T, No>,
    pub runs: Vec<Run>,
}

/// Something that decisions narrow step by step: what the next policy is asked, and what its answer makes of it.
trait Narrowing: Clone {
    /// `kind` is that of the policy that is asked.
    fn question(&self, kind: Kind) -> Facts;
    /// An answer that has passed review, and so is of the question's kind.
    fn after(self, decision: Decision) -> Option<Self>;
}

/// Runs a strategy on `before`; all its runs are added to `runs`.
fn decide<N: Narrowing>(
    strategy: &Strategy,
    before: &N,
    role: Role,
    clock: &Clock<'_>,
    runs: &mut Vec<Run>,
) -> Result<N, No> {
    let outcome = match &strategy.body {
        Body::Policy(configured) => {
            let question = before.question(configured.policy.kind());
            let run = Run::of(&strategy.name, configured, role, &question, clock);
            let judged = run.judged();
            runs.push(run);
            judged.and_then(|decision| before.clone().after(decision).ok_or_else(of_another_kind))
        }
        Body::Pipeline(members) => {
            members.iter().try_fold(before.clone(), |left, member| decide(member, &left, role, clock, runs))
        }
    };
    match (outcome, &strategy.fallback) {
        (Err(no), Some(fallback)) if no.is_failure() => decide(fallback, before, Role::Fallback, clock, runs),
        (outcome, _) => outcome,
    }
}

/// Review refuses such an answer; this is what is said if it ever did not.
fn of_another_kind() -> No {
    let message = "the answer is of another kind than the question".to_owned();
    No::Host(Box::new(Denial { code: "wrong-kind".to_owned(), message, ..Denial::default() }))
}
