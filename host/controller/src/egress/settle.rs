//! When to look: a little after the last of many changes that come together, and not for ever later than the first.

use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling {
    /// So long nothing more has to come.
    pub quiet: Duration,
    /// Nothing waits longer, however much comes.
    pub longest: Duration,
}

/// Changes that have not been looked at.
#[derive(Debug, Default)]
pub struct Heard {
    first_and_last: Option<(Instant, Instant)>,
    /// No look before.
    not_before: Option<Instant>,
}

impl Default for Settling {
    fn default() -> Settling {
        Settling { quiet: Duration::from_millis(100), longest: Duration::from_secs(1) }
    }
}

impl Heard {
    pub fn change(&mut self, now: Instant) {
        let first = self.first_and_last.map_or(now, |(first, _)| first);
        self.first_and_last = Some((first, now));
    }

    /// A look has ended that took so long: the next one leaves others as much of the processor.
    pub fn looked(&mut self, now: Instant, took: Duration) {
        self.not_before = Some(now + took);
    }

    /// None: nothing has changed.
    pub fn due(&self, settling: Settling) -> Option<Instant> {
        let (first, last) = self.first_and_last?;
        let due = (last + settling.quiet).min(first + settling.longest);
        Some(self.not_before.map_or(due, |not_before| due.max(not_before)))
    }

    /// Whether to look now; what was heard is taken.
    pub fn take(&mut self, settling: Settling, now: Instant) -> bool {
        let due = self.due(settling).is_some_and(|due| due <= now);
        if due {
            self.first_and_last = None;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLING: Settling = Settling { quiet: Duration::from_millis(100), longest: Duration::from_secs(1) };

    /// How many looks a change each so many milliseconds makes in ten seconds.
    fn looks(apart: u64, took: Duration) -> usize {
        let (start, mut heard, mut looks) = (Instant::now(), Heard::default(), 0);
        for at in 0..10_000 {
            let now = start + Duration::from_millis(at);
            if at % apart == 0 {
                heard.change(now);
            }
            if heard.take(SETTLING, now) {
                looks += 1;
                heard.looked(now + took, took);
            }
        }
        looks
    }

    #[test]
    fn a_flood_is_looked_at_once_a_second_and_single_changes_at_once() {
        assert_eq!(looks(1, Duration::ZERO), 9);
        assert_eq!(looks(1000, Duration::ZERO), 10);
        assert_eq!(looks(10_000, Duration::ZERO), 1);
    }

    #[test]
    fn looks_that_take_long_leave_as_much_time_between_them() {
        assert!(looks(1, Duration::from_millis(700)) <= 7);
    }

    #[test]
    fn nothing_is_due_when_nothing_was_heard() {
        let (mut heard, now) = (Heard::default(), Instant::now());
        assert_eq!((heard.due(SETTLING), heard.take(SETTLING, now)), (None, false));
        heard.change(now);
        assert_eq!(heard.due(SETTLING), Some(now + SETTLING.quiet));
        assert!(heard.take(SETTLING, now + SETTLING.quiet) && heard.due(SETTLING).is_none());
    }
}
