//! Candidates on trial without consequence: asked what the live strategy was asked, compared with what it said.

use std::{borrow::Cow, sync::Arc};

use nicety_core::{
    choose::choose,
    compare::{Comparison, Said, compare},
    decision::{Decision, Selection, Verdict},
    evaluate::{Failure, Refusal},
    facts::Facts,
    ids::StrategyName,
    record::decision::Role,
};

use crate::{
    decide::dry_run::dry_run_as,
    no::No,
    run::{Clock, Run},
    set::Strategy,
};

/// A question that was answered, and a candidate that has still to be asked.
#[derive(Debug, Clone)]
pub struct Shadowed {
    pub live: StrategyName,
    pub candidate: Arc<Strategy>,
    pub facts: Facts,
    /// What was answered.
    pub outcome: Result<Decision, No>,
}

/// What a candidate would have changed.
#[derive(Debug, Clone)]
pub struct Tried {
    pub live: StrategyName,
    pub candidate: StrategyName,
    pub comparison: Comparison,
    pub runs: Vec<Run>,
}

impl Shadowed {
    /// Asks the candidate. None when all sandboxes were busy with answers that somebody waits for: that says nothing of it.
    pub fn ask(&self, clock: &Clock<'_>) -> Option<Tried> {
        let asked = dry_run_as(Role::Shadow, &self.candidate, &self.facts, clock);
        let busy = |run: &Run| matches!(run.outcome, Err(Refusal::Failed(Failure::Busy { .. })));
        if asked.runs.iter().any(busy) {
            return None;
        }
        let (before, after) = (settled(&self.facts, &self.outcome), settled(&self.facts, &asked.outcome));
        Some(Tried {
            live: self.live.clone(),
            candidate: self.candidate.name.clone(),
            comparison: compare(&self.facts, &said(&before), &said(&after)),
            runs: asked.runs,
        })
    }
}

/// An answer as it would be used: a selection with as many NICs as were requested.
fn settled(facts: &Facts, outcome: &Result<Decision, No>) -> Result<Decision, No> {
    let (Facts::NicSelection(facts), Ok(Decision::Selection(selection))) = (facts, outcome) else {
        return outcome.clone();
    };
    let chosen = choose(&facts.request, &facts.candidates, selection).map_err(|denial| No::Host(Box::new(denial)))?;
    let left = selection.chosen.iter().filter(|choice| !chosen.iter().any(|used| used.candidate == choice.candidate));
    let spare =
        left.map(|choice| Verdict { candidate: choice.candidate, reason: "more than were requested".to_owned() });
    let dropped = selection.dropped.iter().cloned().chain(spare).collect();
    Ok(Decision::Selection(Selection { chosen, dropped, attributes: selection.attributes.clone() }))
}

fn said(outcome: &Result<Decision, No>) -> Said<'_> {
    match outcome {
        Ok(decision) => Said::Decided(decision),
        Err(No::Denied { denial, .. } | No::Host(denial)) => Said::Denied(denial),
        Err(failed @ (No::Failed { .. } | No::Refused { .. })) => Said::Failed(Cow::Owned(failed.to_string())),
    }
}
