//! Pauses between attempts: doubled each time, and spread, so that many who fail together do not come back together.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub fn new(first: Duration, longest: Duration) -> Backoff {
        Backoff { first, longest, next: first }
    }

    /// The pause before the next attempt: between half of it and all of it.
    #[expect(clippy::should_implement_trait, reason = "it has no end and is no iterator")]
    pub fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        pause.mul_f64(0.5 + spread() / 2.0)
    }

    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

/// Anywhere from 0 to 1: each state of the standard library's hasher is seeded differently.
fn spread() -> f64 {
    f64::from((RandomState::new().hash_one(0_u8) >> 32) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(4));
        for whole in [1, 2, 4, 4] {
            let pause = backoff.next();
            assert!(pause >= Duration::from_secs(whole) / 2 && pause <= Duration::from_secs(whole), "{pause:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_secs(1));
    }
}
