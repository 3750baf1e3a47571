//! Times of one operation, and what is said of them.

use std::time::Duration;

#[derive(Debug, Clone, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub fn append(&mut self, times: Times) {
        self.0.extend(times.0);
    }

    /// The time that `percent` of them do not exceed, in microseconds; NaN without any.
    pub fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
        sorted.get(rank).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_of_nearest_rank_whatever_the_order() {
        let mut times = Times::default();
        assert!(times.percentile(50).is_nan());
        for time in [3, 1, 2] {
            times.push(Duration::from_micros(time));
        }
        assert_eq!([0, 50, 99].map(|percent| times.percentile(percent).round()), [1.0, 2.0, 3.0]);
    }
}
