//! Seeded random moments: when a test interrupts what it tests.

use std::time::Duration;

use rand::RngExt;

/// An endless sequence of waits, the same for the same seed and purpose.
#[derive(Debug)]
pub struct Moments {
    stream: conurb_base::Stream,
    least: Duration,
    most: Duration,
}

impl Moments {
    /// Waits spread evenly over `least..=most`, drawn from (`seed`, `purpose`).
    #[must_use]
    pub fn new(seed: u64, purpose: &str, least: Duration, most: Duration) -> Self {
        Self {
            stream: conurb_base::stream(seed, "testkit", purpose),
            least: least.min(most),
            most: most.max(least),
        }
    }
}

impl Iterator for Moments {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let least = u64::try_from(self.least.as_micros()).unwrap_or(u64::MAX);
        let most = u64::try_from(self.most.as_micros()).unwrap_or(u64::MAX);
        Some(Duration::from_micros(
            self.stream.random_range(least..=most),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_repeat_by_seed_and_stay_within_bounds() {
        let (least, most) = (Duration::from_millis(2), Duration::from_millis(9));
        let draw =
            |seed| -> Vec<Duration> { Moments::new(seed, "kill", least, most).take(50).collect() };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!(draw(3).iter().all(|m| (least..=most).contains(m)));
    }
}
