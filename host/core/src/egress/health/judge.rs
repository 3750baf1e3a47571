//! One observer's verdict on one node, from its probes in their order. So many failures in a row are a death, so many answers in a row
//! a life. A node that dies again and again has to answer for longer each time before it is believed: each death adds to a penalty,
//! which halves with time.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::Verdict;

/// When a verdict changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Probes without an answer in a row that make a death; none counts as one.
    pub failures: u32,
    /// Probes with an answer in a row that make a life; none counts as one.
    pub successes: u32,
    /// In so much time the penalty of a death halves. Zero: nothing is held against a node.
    pub half_life: Duration,
    /// A node that died again has to answer for longer than usual, never for longer than this.
    pub longest_wait: Duration,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds {
            failures: 3,
            successes: 3,
            half_life: Duration::from_secs(60),
            longest_wait: Duration::from_secs(60),
        }
    }
}

/// What came of one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Came,
    /// Within the probe's time there was none.
    Missed,
}

/// What one observer remembers of one node. Times are of any clock that does not go back, such as the time since the process began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Judge {
    verdict: Option<Verdict>,
    run: Option<Run>,
    penalty: Penalty,
}

/// The same answer, time after time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    answer: Answer,
    length: u32,
    since: Duration,
}

/// In thousandths of a death, as it was at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Penalty {
    weight: u64,
    at: Duration,
}

const DEATH: u64 = 1000;
/// So many deaths ask for the longest wait; more than so many are not counted.
const DEATHS: u64 = 5;

impl Judge {
    /// None: too little was heard.
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// Takes one answer; the new verdict where it changes with this one.
    pub fn hear(&mut self, answer: Answer, now: Duration, thresholds: &Thresholds) -> Option<Verdict> {
        let run = match self.run {
            Some(run) if run.answer == answer => Run { length: run.length.saturating_add(1), ..run },
            Some(_) | None => Run { answer, length: 1, since: now },
        };
        self.run = Some(run);
        let verdict = match answer {
            Answer::Missed if run.length >= thresholds.failures.max(1) => Verdict::Unhealthy,
            Answer::Came if run.length >= thresholds.successes.max(1) && self.waited(run, now, thresholds) => {
                Verdict::Healthy
            }
            Answer::Missed | Answer::Came => return None,
        };
        if self.verdict == Some(verdict) {
            return None;
        }
        // A node that was never seen alive has not died.
        if verdict == Verdict::Unhealthy && self.verdict.is_some() {
            let weight = self.penalty.now(now, thresholds.half_life) + DEATH;
            self.penalty = Penalty { weight: weight.min(DEATHS * DEATH), at: now };
        }
        self.verdict = Some(verdict);
        Some(verdict)
    }

    /// How long a node that is dead must have answered without a miss, as things stand: nothing after its first death.
    pub fn wait(&self, now: Duration, thresholds: &Thresholds) -> Duration {
        let over = self.penalty.now(now, thresholds.half_life).saturating_sub(DEATH);
        let parts = u32::try_from(over).unwrap_or(u32::MAX);
        thresholds.longest_wait.saturating_mul(parts) / u32::try_from((DEATHS - 1) * DEATH).unwrap_or(u32::MAX)
    }

    fn waited(&self, run: Run, now: Duration, thresholds: &Thresholds) -> bool {
        now.saturating_sub(run.since) >= self.wait(now, thresholds)
    }
}

impl Penalty {
    /// Between two halvings along a straight line: whole numbers, so that every machine reckons the same.
    fn now(self, now: Duration, half_life: Duration) -> u64 {
        let passed = now.saturating_sub(self.at).as_nanos();
        let half_life = half_life.as_nanos();
        if half_life == 0 {
            return 0;
        }
        let (halvings, rest) = (passed / half_life, passed % half_life);
        let weight = u32::try_from(halvings).ok().and_then(|by| self.weight.checked_shr(by)).unwrap_or_default();
        let lost = u128::from(weight) * rest / (2 * half_life);
        weight.saturating_sub(u64::try_from(lost).unwrap_or(u64::MAX))
    }
}
