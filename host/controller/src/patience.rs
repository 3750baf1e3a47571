//! What must wait: writes that failed, and changes that are made only when their cause lasts. The computation has no clock; this is
//! what stands between it and the writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use nicety_k8s::{Backoff, Failure};

/// After a conflict, which the next look mends.
const AGAIN: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(30);
/// After a refusal, which somebody must mend.
const REFUSED: Duration = Duration::from_secs(5);
const LONGEST_REFUSED: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub struct Patience {
    failed: BTreeMap<String, Failed>,
    /// Since when a cause lasts.
    since: BTreeMap<String, Instant>,
    seen: BTreeSet<String>,
    /// When something that waits now is due.
    wake: Option<Instant>,
}

/// A write that failed and has not succeeded since.
#[derive(Debug)]
pub struct Failed {
    backoff: Backoff,
    due: Instant,
    pub network: Option<String>,
    pub message: String,
    pub failure: Failure,
}

impl Patience {
    /// Before each computation.
    pub fn begin(&mut self) {
        self.wake = None;
        self.seen.clear();
    }

    /// After each: causes that were not named have passed.
    pub fn end(&mut self) {
        let seen = std::mem::take(&mut self.seen);
        self.since.retain(|cause, _| seen.contains(cause));
    }

    /// True once the cause has been named by every computation for this long.
    pub fn lasts(&mut self, cause: &str, long: Duration, now: Instant) -> bool {
        let since = *self.since.entry(cause.to_owned()).or_insert(now);
        self.seen.insert(cause.to_owned());
        let due = since + long;
        if due > now {
            self.wake_at(due);
        }
        due <= now
    }

    /// Whether a write may be tried (again) now.
    pub fn is_due(&mut self, key: &str, now: Instant) -> bool {
        let Some(due) = self.failed.get(key).map(|failed| failed.due) else { return true };
        if due > now {
            self.wake_at(due);
        }
        due <= now
    }

    pub fn succeeded(&mut self, key: &str) {
        self.failed.remove(key);
    }

    pub fn failed(&mut self, key: &str, network: Option<String>, failure: Failure, message: String, now: Instant) {
        let (first, longest) = match failure {
            Failure::Exists | Failure::Conflict | Failure::NotFound | Failure::Away => (AGAIN, LONGEST),
            Failure::Refused => (REFUSED, LONGEST_REFUSED),
        };
        let fresh =
            || Failed { backoff: Backoff::new(first, longest), due: now, network, message: String::new(), failure };
        let entry = self.failed.entry(key.to_owned()).or_insert_with(fresh);
        if entry.failure != failure {
            entry.backoff = Backoff::new(first, longest);
        }
        (entry.failure, entry.message, entry.due) = (failure, message, now + entry.backoff.next());
    }

    /// Failures of writes that nobody wants any more are forgotten.
    pub fn keep(&mut self, wanted: impl Fn(&str) -> bool) {
        self.failed.retain(|key, _| wanted(key));
    }

    pub fn failures(&self) -> impl Iterator<Item = (&str, &Failed)> {
        self.failed.iter().map(|(key, failed)| (key.as_str(), failed))
    }

    pub fn wake_at(&mut self, at: Instant) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    pub fn wake(&self) -> Option<Instant> {
        self.wake
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_passes_starts_anew() {
        let (mut patience, now, long) = (Patience::default(), Instant::now(), Duration::from_secs(10));
        patience.begin();
        assert!(!patience.lasts("nic", long, now));
        assert_eq!(patience.wake(), Some(now + long));
        patience.end();
        patience.begin();
        patience.end();
        patience.begin();
        assert!(!patience.lasts("nic", long, now + long), "it was not named in between");
        patience.end();
        patience.begin();
        assert!(patience.lasts("nic", long, now + long * 2));
    }

    #[test]
    fn one_write_that_fails_waits_alone_and_longer_each_time() {
        let (mut patience, now) = (Patience::default(), Instant::now());
        patience.failed("a", None, Failure::Away, "x".into(), now);
        assert!(!patience.is_due("a", now) && patience.is_due("b", now));
        for _ in 0..20 {
            patience.failed("a", None, Failure::Away, "x".into(), now);
        }
        assert!(!patience.is_due("a", now + LONGEST / 2 - AGAIN) && patience.is_due("a", now + LONGEST));
        patience.failed("a", None, Failure::Refused, "x".into(), now);
        assert!(patience.is_due("a", now + REFUSED));
        patience.succeeded("a");
        assert!(patience.is_due("a", now));
    }
}
