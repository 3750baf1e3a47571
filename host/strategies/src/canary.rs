//! A strategy on trial: which decisions it takes, and when it has lost them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nicety_core::hash;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The share of a canary and what it may do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Of the pods, 1 to 100.
    pub percent: u8,
    /// Of its decisions; above it, it is rolled back.
    pub max_failure_percent: u8,
    /// Decisions before its failures are judged.
    pub judged_after: u32,
}

/// What a canary has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Score {
    pub decisions: u64,
    /// Broken limits, traps, answers that review refused. A denial is none.
    pub failures: u64,
    /// Final: it gets no decisions any more until it, or the strategy that it stands in for, is changed.
    pub rolled_back: bool,
}

/// The score of one canary, shared by all sets in which it is the same.
#[derive(Debug, Default)]
pub struct Trial(Mutex<Score>);

/// All trials by the identities of canary, strategy and terms.
#[derive(Debug, Default)]
pub struct Trials(Mutex<BTreeMap<String, Arc<Trial>>>);

impl Terms {
    /// Whether a pod is of the share. Stable: a pod that comes back is, or is not, as before.
    pub fn take(&self, salt: &str, pod: &str) -> bool {
        hash::number(&["canary", salt, pod]) % 100 < u64::from(self.percent)
    }

    fn is_too_much(&self, score: &Score) -> bool {
        let judged = score.decisions >= u64::from(self.judged_after);
        judged
            && score.failures.saturating_mul(100) > score.decisions.saturating_mul(u64::from(self.max_failure_percent))
    }
}

impl Trial {
    pub fn score(&self) -> Score {
        *self.locked()
    }

    /// Counts a decision.
    pub fn count(&self, terms: &Terms, failed: bool) {
        let mut score = self.locked();
        score.decisions += 1;
        score.failures += u64::from(failed);
        score.rolled_back |= terms.is_too_much(&score);
    }

    fn locked(&self) -> MutexGuard<'_, Score> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trials {
    /// The one of this identity, new or from a set before.
    pub fn of(&self, identity: String) -> Arc<Trial> {
        self.locked().entry(identity).or_default().clone()
    }

    /// Forgets those that no set has any more.
    pub fn forget_unused(&self) {
        self.locked().retain(|_, trial| Arc::strong_count(trial) > 1);
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Trial>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { percent: 10, max_failure_percent: 20, judged_after: 10 };

    #[test]
    fn a_share_is_of_the_pods_and_stays() {
        let taken = |terms: Terms| (0..2_000).filter(|n| terms.take("rails", &format!("default/web-{n}"))).count();
        assert!((140..260).contains(&taken(TERMS)), "{} of 2,000 for 10 %", taken(TERMS));
        assert_eq!(taken(Terms { percent: 100, ..TERMS }), 2_000);
        assert_eq!(taken(TERMS), taken(TERMS));
    }

    #[test]
    fn more_failures_than_allowed_roll_it_back_for_good() {
        let trial = Trial::default();
        (0..9).for_each(|n| trial.count(&TERMS, n < 3));
        assert!(!trial.score().rolled_back, "too early to judge");
        trial.count(&TERMS, false);
        assert_eq!(trial.score(), Score { decisions: 10, failures: 3, rolled_back: true });
        (0..1_000).for_each(|_| trial.count(&TERMS, false));
        assert!(trial.score().rolled_back);
    }

    #[test]
    fn a_trial_goes_on_while_a_set_has_it() {
        let trials = Trials::default();
        let held = trials.of("a".into());
        held.count(&TERMS, true);
        trials.of("b".into()).count(&TERMS, true);
        trials.forget_unused();
        assert_eq!(trials.of("a".into()).score().decisions, 1);
        assert_eq!(trials.of("b".into()).score().decisions, 0);
    }
}
