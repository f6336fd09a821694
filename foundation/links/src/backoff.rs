//! How long to wait before the next attempt.

use std::time::Duration;

/// Doubling waits between a least and a most.
#[derive(Debug, Clone)]
pub struct BackOff {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl BackOff {
    /// Starts at `least` and doubles up to `most`.
    #[must_use]
    pub const fn new(least: Duration, most: Duration) -> Self {
        Self {
            least,
            most,
            next: least,
        }
    }

    /// The wait before the coming attempt; the one after it is twice as long.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next.min(self.most);
        self.next = wait.saturating_mul(2).min(self.most);
        wait
    }

    /// An attempt succeeded: starts over.
    pub const fn reset(&mut self) {
        self.next = self.least;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most_and_start_over() {
        let mut b = BackOff::new(Duration::from_millis(200), Duration::from_millis(1000));
        let waits: Vec<u128> = (0..5).map(|_| b.wait().as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1000, 1000]);
        b.reset();
        assert_eq!(b.wait().as_millis(), 200);
    }
}
