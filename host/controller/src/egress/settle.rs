//! When to look: at once where little happens, and with growing pauses while more comes than it pays to look at one by one.

use std::time::{Duration, Instant};

/// More than so many changes between two looks are a flood.
const MANY: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling {
    /// After the first change of many that come together.
    pub breath: Duration,
    /// Between two looks at least; it doubles while in each more than [`MANY`] changes come.
    pub pause: Duration,
    /// But no longer than so: nothing waits longer, however much comes.
    pub longest: Duration,
}

/// Changes that have not been looked at.
#[derive(Debug, Default)]
pub struct Heard {
    first: Option<Instant>,
    count: usize,
    /// The last look, and what had to pass after it.
    last: Option<Look>,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    ended: Instant,
    pause: Duration,
    took: Duration,
}

impl Default for Settling {
    fn default() -> Settling {
        let [breath, pause, longest] = [10, 100, 1000].map(Duration::from_millis);
        Settling { breath, pause, longest }
    }
}

impl Heard {
    pub fn change(&mut self, now: Instant) {
        self.first.get_or_insert(now);
        self.count += 1;
    }

    /// A look has ended that took so long: the next one leaves others as much of the processor.
    pub fn looked(&mut self, now: Instant, took: Duration) {
        if let Some(last) = &mut self.last {
            (last.ended, last.took) = (now, took);
        }
    }

    /// None: nothing has changed.
    pub fn due(&self, settling: Settling) -> Option<Instant> {
        let due = self.first? + settling.breath;
        Some(self.last.map_or(due, |last| due.max(last.ended + last.pause.max(last.took))))
    }

    /// Whether to look now; what was heard is taken.
    pub fn take(&mut self, settling: Settling, now: Instant) -> bool {
        let due = self.due(settling).is_some_and(|due| due <= now);
        if due {
            self.first = None;
            let flood = std::mem::take(&mut self.count) > MANY;
            let longer = self.last.filter(|_| flood).map(|last| (2 * last.pause).min(settling.longest));
            let pause = longer.unwrap_or(settling.pause);
            self.last = Some(Look { ended: now, pause, took: Duration::ZERO });
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When it was looked, in milliseconds, and how long the longest change had waited, with a change each so many milliseconds for
    /// ten seconds.
    fn looks(apart: u64, took: Duration) -> (Vec<u64>, u64) {
        let (settling, start, mut heard) = (Settling::default(), Instant::now(), Heard::default());
        let (mut looks, mut waiting, mut longest) = (Vec::new(), None, 0);
        for at in 0..10_000 {
            let now = start + Duration::from_millis(at);
            if at % apart == 0 {
                heard.change(now);
                waiting.get_or_insert(at);
            }
            if heard.take(settling, now) {
                longest = longest.max(at - waiting.take().unwrap_or(at));
                looks.push(at);
                heard.looked(now + took, took);
            }
        }
        (looks, longest)
    }

    #[test]
    fn single_changes_are_looked_at_at_once() {
        let (times, longest) = looks(1000, Duration::ZERO);
        assert_eq!((times.len(), longest), (10, 10));
        // Ten a second, each before the next comes.
        assert!(looks(100, Duration::ZERO).1 <= 20);
    }

    #[test]
    fn a_flood_is_looked_at_once_a_second_in_the_end_and_nothing_waits_longer() {
        let (times, longest) = looks(1, Duration::ZERO);
        assert_eq!(times[..5], [10, 110, 310, 710, 1510]);
        assert!(times.len() <= 14 && longest <= 1000, "{times:?}, {longest}");
    }

    #[test]
    fn looks_that_take_long_leave_as_much_time_between_them() {
        let (times, _) = looks(1, Duration::from_millis(1400));
        assert!(times.len() <= 4, "{times:?}");
    }

    #[test]
    fn after_a_flood_the_next_single_change_does_not_wait() {
        let (settling, mut heard, mut now) = (Settling::default(), Heard::default(), Instant::now());
        for _ in 0..6 {
            (0..100).for_each(|_| heard.change(now));
            now = heard.due(settling).unwrap_or(now);
            assert!(heard.take(settling, now));
        }
        now += Duration::from_secs(5);
        heard.change(now);
        assert_eq!(heard.due(settling), Some(now + settling.breath));
    }

    #[test]
    fn nothing_is_due_when_nothing_was_heard() {
        let (settling, mut heard, now) = (Settling::default(), Heard::default(), Instant::now());
        assert_eq!((heard.due(settling), heard.take(settling, now)), (None, false));
        heard.change(now);
        assert!(heard.take(settling, now + settling.breath) && heard.due(settling).is_none());
    }
}
