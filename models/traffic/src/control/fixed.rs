//! Fixed time as the published environments run it.

use super::Controller;
use crate::ids::JunctionIx;
use crate::sim::Sim;

/// Phases in order; moves on when the present green has lasted at least `green_s`.
///
/// Green is counted from the end of yellow and looked at only when the protocol asks. So at an
/// interval of 15 s the first green lasts 15 s and every later one 25 s (55 s at 30 s).
#[derive(Debug, Clone)]
pub struct FixedTime {
    green_s: f64,
    yellow_s: f64,
    first: u16,
    last: u16,
    green_since_s: Vec<f64>,
    current: Vec<Option<u16>>,
}

impl FixedTime {
    /// For a network of `junctions`, over the phases `first..=last`.
    #[must_use]
    pub fn new(junctions: usize, green_s: f64, yellow_s: f64, first: u16, last: u16) -> Self {
        Self {
            green_s,
            yellow_s,
            first,
            last,
            green_since_s: vec![0.0; junctions],
            current: vec![None; junctions],
        }
    }
}

impl Controller for FixedTime {
    fn choose(&mut self, sim: &Sim, junction: JunctionIx, time_s: f64) -> u16 {
        let phases = sim.network().junctions()[junction.ix()].phases.len();
        let last = usize::from(self.last).min(phases.saturating_sub(1));
        let last = u16::try_from(last).unwrap_or(self.last);
        let current = self.current[junction.ix()].get_or_insert_with(|| sim.phase(junction));
        if time_s - self.green_since_s[junction.ix()] >= self.green_s {
            *current = if *current >= last {
                self.first.min(last)
            } else {
                *current + 1
            };
            self.green_since_s[junction.ix()] = time_s + self.yellow_s;
        }
        *current
    }
}
