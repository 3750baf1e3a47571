//! Which NICs serve one attachment: each strategy narrows or reorders what the one before left, and the host takes the requested
//! number last.

use std::borrow::Cow;

use nicety_core::{
    choose::choose,
    decision::{Choice, Decision, Selection, Verdict},
    facts::{Facts, Kind, nic_selection},
    ids::StrategyName,
};

use super::{Decided, Narrowing, of_another_kind, whole};
use crate::{no::No, run::Clock, set::StrategySet};

/// What a strategy left, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Indexes into the facts' candidates, as many as were requested, in order of preference.
    pub choices: Vec<Choice>,
    /// Candidates that a strategy ruled out, and why. Those in neither list were not needed.
    pub dropped: Vec<Verdict>,
    pub strategy: StrategyName,
}

/// `network` names the attachment's network.
pub fn selection(set: &StrategySet, network: &str, facts: &nic_selection::Facts, clock: &Clock<'_>) -> Decided<Chosen> {
    let strategy = set.nic_selection.of(network);
    let before = Left::of(facts);
    let pod = &facts.pod;
    let (left, runs, shadows) = whole(strategy, &before, &[pod.namespace.as_str(), &pod.name].join("/"), clock);
    let outcome = left.and_then(|left| {
        let selection = left.selection.ok_or_else(of_another_kind)?;
        let choices =
            choose(&facts.request, &facts.candidates, &selection).map_err(|denial| No::Host(Box::new(denial)))?;
        Ok(Chosen { choices, dropped: selection.dropped, strategy: strategy.name.clone() })
    });
    Decided { outcome, runs, shadows }
}

/// What the strategies so far have left, and their selection in terms of the first facts; none before the first strategy.
#[derive(Clone)]
pub(super) struct Left<'a> {
    /// What the last strategy was asked.
    asked: Cow<'a, nic_selection::Facts>,
    /// What it said. The facts for the next one are made when there is a next one: making them takes as long as a decision.
    said: Option<Selection>,
    selection: Option<Selection>,
}

impl<'a> Left<'a> {
    pub(super) fn of(facts: &'a nic_selection::Facts) -> Left<'a> {
        Left { asked: Cow::Borrowed(facts), said: None, selection: None }
    }

    /// The facts for the next strategy.
    fn facts(&self) -> Cow<'a, nic_selection::Facts> {
        self.said.as_ref().map_or_else(|| self.asked.clone(), |said| Cow::Owned(self.asked.narrowed(said)))
    }
}

impl Narrowing for Left<'_> {
    fn question(&self, _: Kind) -> Facts {
        Facts::NicSelection(self.facts().into_owned())
    }

    fn after(&self, decision: Decision) -> Option<Self> {
        let Decision::Selection(next) = decision else { return None };
        let selection = self.selection.as_ref().map_or_else(|| next.clone(), |before| before.then(&next));
        Some(Left { asked: self.facts(), said: Some(next), selection: Some(selection) })
    }

    fn decision(&self) -> Option<Decision> {
        self.selection.clone().map(Decision::Selection)
    }
}
