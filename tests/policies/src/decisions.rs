//! What one decision takes, and how decisions of several threads share the machine.

use std::{
    thread,
    time::{Duration, Instant},
};

use nicety_core::{
    evaluate::{Evaluator, Refusal},
    facts::Facts,
};

use crate::times::Times;

/// Runs `decisions` after a tenth of that to warm up.
pub fn measure(policy: &dyn Evaluator, config: &str, facts: &Facts, decisions: usize) -> Result<Times, Refusal> {
    for _ in 0..decisions.div_ceil(10) {
        policy.evaluate(config, facts).outcome?;
    }
    let mut times = Times::default();
    for _ in 0..decisions {
        let started = Instant::now();
        let evaluation = policy.evaluate(config, facts);
        times.push(started.elapsed());
        evaluation.outcome?;
    }
    Ok(times)
}

/// Decisions per second of `callers` threads together, over `time`.
pub fn throughput(policy: &dyn Evaluator, facts: &Facts, callers: usize, time: Duration) -> Result<f64, Refusal> {
    let started = Instant::now();
    let call = || -> Result<u64, Refusal> {
        let mut decisions = 0;
        while started.elapsed() < time {
            policy.evaluate("{}", facts).outcome?;
            decisions += 1;
        }
        Ok(decisions)
    };
    let decisions = thread::scope(|scope| {
        let callers: Vec<_> = (0..callers).map(|_| scope.spawn(call)).collect();
        callers.into_iter().try_fold(0, |sum, caller| {
            // A caller that panicked has decided nothing.
            Ok(sum + caller.join().unwrap_or(Ok(0))?)
        })
    })?;
    Ok(decisions as f64 / started.elapsed().as_secs_f64())
}
