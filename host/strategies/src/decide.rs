//! Decisions: a strategy is asked, its pipeline member by member, and its fallback when it fails.

pub mod attach;
pub mod distribution;
pub mod dry_run;
pub mod selection;

pub use attach::attach;
pub use distribution::distribution;
pub use dry_run::dry_run;
pub use selection::selection;

use std::sync::Arc;

use nicety_core::{
    decision::{Decision, Denial},
    facts::{Facts, Kind},
    record::decision::Role,
};

use crate::{
    no::No,
    run::{Clock, Run},
    set::{Body, Canary, Strategy},
    shadow::Shadowed,
};

/// What was decided, and every run that led there, in order.
#[derive(Debug, Clone)]
pub struct Decided<T> {
    pub outcome: Result<T, No>,
    pub runs: Vec<Run>,
    /// What is to be asked of candidates now that the answer is known.
    pub shadows: Vec<Shadowed>,
}

/// Something that decisions narrow step by step: what the next policy is asked, and what its answer makes of it.
trait Narrowing: Clone {
    /// `kind` is that of the policy that is asked.
    fn question(&self, kind: Kind) -> Facts;
    /// An answer that has passed review, and so is of the question's kind.
    fn after(&self, decision: Decision) -> Option<Self>;
    /// All answers so far as one; None before the first.
    fn decision(&self) -> Option<Decision>;
}

/// A whole decision: the canary's where the pod is of its share, and what is to be asked in shadow. `pod` is who it is for.
fn whole<N: Narrowing>(
    strategy: &Strategy,
    before: &N,
    pod: &str,
    clock: &Clock<'_>,
) -> (Result<N, No>, Vec<Run>, Vec<Shadowed>) {
    let mut runs = Vec::new();
    let outcome = match strategy.canary.as_ref().filter(|canary| canary.takes(strategy, pod)) {
        None => decide(strategy, before, Role::Live, clock, &mut runs),
        Some(Canary { strategy: candidate, terms, trial }) => {
            let tried = decide(candidate, before, Role::Canary, clock, &mut runs);
            let failed = tried.as_ref().is_err_and(No::is_failure);
            trial.count(terms, failed);
            // What is being tried costs nobody an answer.
            if failed { decide(strategy, before, Role::Fallback, clock, &mut runs) } else { tried }
        }
    };
    let shadows = strategy.kind().map(|kind| {
        let said = |outcome: &Result<N, No>| match outcome {
            Ok(after) => after.decision().ok_or_else(of_another_kind),
            Err(no) => Err(no.clone()),
        };
        let shadowed = |candidate: &Arc<Strategy>| Shadowed {
            live: strategy.name.clone(),
            candidate: candidate.clone(),
            facts: before.question(kind),
            outcome: said(&outcome),
        };
        strategy.shadow.iter().map(shadowed).collect()
    });
    (outcome, runs, shadows.unwrap_or_default())
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
            judged.and_then(|decision| before.after(decision).ok_or_else(of_another_kind))
        }
        Body::Pipeline(members) => {
            members.iter().try_fold(before.clone(), |left, member| decide(member, &left, role, clock, runs))
        }
    };
    match (outcome, &strategy.fallback) {
        (Err(no), Some(fallback)) if no.is_failure() => {
            // A shadow stays one, whoever answers in it.
            let role = if role == Role::Shadow { Role::Shadow } else { Role::Fallback };
            decide(fallback, before, role, clock, runs)
        }
        (outcome, _) => outcome,
    }
}

/// Review refuses such an answer; this is what is said if it ever did not.
fn of_another_kind() -> No {
    let message = "the answer is of another kind than the question".to_owned();
    No::Host(Box::new(Denial { code: "wrong-kind".to_owned(), message, ..Denial::default() }))
}
