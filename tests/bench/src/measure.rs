//! Samples of one operation and what is said about them.

use std::time::Duration;

#[derive(Debug, Default)]
pub struct Samples(Vec<Duration>);

impl Samples {
    pub fn push(&mut self, sample: Duration) {
        self.0.push(sample);
    }

    /// The value that `share` (0 to 1) of the samples do not exceed, by the nearest rank; zero without samples.
    pub fn percentile(&self, share: f64) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1).min(last)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: impl IntoIterator<Item = u64>) -> Samples {
        Samples(milliseconds.into_iter().map(Duration::from_millis).collect())
    }

    #[test]
    fn a_percentile_is_a_sample_of_nearest_rank_whatever_the_order() {
        assert_eq!(of([5, 1, 4, 2, 3]).percentile(0.5), Duration::from_millis(3));
        assert_eq!(of(1..=100).percentile(0.95), Duration::from_millis(95));
        assert_eq!(of(1..=100).percentile(1.0), Duration::from_millis(100));
        assert_eq!(of([7]).percentile(0.0), Duration::from_millis(7));
    }

    #[test]
    fn nothing_measured_is_zero() {
        assert_eq!(Samples::default().percentile(0.5), Duration::ZERO);
    }
}
