//! Candidates beside the strategies that distribute: once what was decided is on its way, they are asked the same, compared, counted and
//! told. Of each policy one comparison is under way at a time: a distribution of many pods is large, and an older one of no interest.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nicety_strategies::{Shadowed, Tried};
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
    under_way: UnderWay,
}

/// Names of policies.
type UnderWay = Arc<Mutex<BTreeSet<String>>>;

impl Shadows {
    pub fn new(deciding: Arc<dyn Deciding>, metrics: Arc<EgressMetrics>) -> Shadows {
        Shadows { deciding, metrics, under_way: UnderWay::default() }
    }

    /// Never waits.
    pub fn offer(&self, decided: Decided) {
        for (policy, shadowed) in decided.into_iter().filter(|(_, shadowed)| !shadowed.is_empty()) {
            let count = shadowed.len();
            if !locked(&self.under_way).insert(policy.clone()) {
                self.metrics.passed_over(count);
                continue;
            }
            let (turn, metrics) =
                (Turn { under_way: self.under_way.clone(), policy: policy.clone() }, self.metrics.clone());
            let tell = move |tried: Vec<Tried>| {
                metrics.passed_over(count.saturating_sub(tried.len()));
                for one in tried {
                    metrics.tried(&one);
                    told(&turn.policy, &one);
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

/// Ends when it is dropped, whatever became of it.
struct Turn {
    under_way: UnderWay,
    policy: String,
}

impl Drop for Turn {
    fn drop(&mut self) {
        locked(&self.under_way).remove(&self.policy);
    }
}

fn locked(under_way: &UnderWay) -> MutexGuard<'_, BTreeSet<String>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Shadows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shadows").field("under_way", &self.under_way).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
