//! Candidates beside the strategies that distribute: once what was decided is on its way, they are asked the same, compared, counted and
//! told. Of each policy one comparison is under way at a time.

use std::{fmt, sync::Arc};

use nicety_strategies::{Shadowed, Tried, Turns};
use tracing::{debug, info};

use super::{
    metrics::EgressMetrics,
    strategies::{Deciding, Trial},
};

/// What was decided of each policy, and whom to ask as well.
pub type Decided = Vec<(String, Vec<Shadowed>)>;

pub struct Shadows {
    deciding: Arc<dyn Deciding>,
    metrics: Arc<EgressMetrics>,
    turns: Turns,
}

impl Shadows {
    pub fn new(deciding: Arc<dyn Deciding>, metrics: Arc<EgressMetrics>) -> Shadows {
        Shadows { deciding, metrics, turns: Turns::default() }
    }

    /// Never waits.
    pub fn offer(&self, decided: Decided) {
        for (policy, shadowed) in decided.into_iter().filter(|(_, shadowed)| !shadowed.is_empty()) {
            let count = shadowed.len();
            let Some(turn) = self.turns.take(&policy) else {
                self.metrics.passed_over(count);
                continue;
            };
            let metrics = self.metrics.clone();
            let tell = move |tried: Vec<Tried>| {
                metrics.passed_over(count.saturating_sub(tried.len()));
                for one in tried {
                    metrics.tried(&one);
                    told(turn.name(), &one);
                }
            };
            // One that is not taken is dropped, and its turn with it.
            if !self.deciding.try_out(Trial { policy, shadowed, tell: Box::new(tell) }) {
                self.metrics.passed_over(count);
            }
        }
    }
}

/// How many pods it would send elsewhere, and the first of them.
fn told(policy: &str, Tried { live, candidate, comparison, runs }: &Tried) {
    let (agreement, differences) = (comparison.agreement.name(), comparison.differences.len());
    let first = comparison.differences.first();
    let first = first.map(|one| format!("{}: {} -> {}", one.object, one.before, one.after)).unwrap_or_default();
    let microseconds: u64 = runs.iter().map(|run| run.duration_us).sum();
    if comparison.agreement.agrees() {
        debug!(policy, strategy = %live, %candidate, agreement, microseconds, "a candidate agrees");
    } else {
        info!(policy, strategy = %live, %candidate, agreement, differences, first, microseconds, "a candidate differs");
    }
}

impl fmt::Debug for Shadows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shadows").field("turns", &self.turns).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
