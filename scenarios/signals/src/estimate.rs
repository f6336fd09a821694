//! Where the vehicles of a lane are, from what its detectors count.
//!
//! A lane is first in, first out. Entries of known age have come as far as free flow would carry
//! them, unless those ahead hold them up; who is held up stands in the queue. Those of the queue
//! that do not stand are its head where the signal is green (they discharge), its tail where it is
//! red (they are joining).

use crate::input::LaneObservation;
use crate::settings::Settings;

/// Slowest speed given to a vehicle that is known to move, m/s.
const CREEP_M_S: f64 = 0.5;

/// One lane's reports, and what is needed to read them.
pub(crate) struct Estimate<'a> {
    /// The reports.
    pub(crate) seen: &'a LaneObservation,
    /// Length of the lane, m.
    pub(crate) length_m: f64,
    /// Free speed, m/s.
    pub(crate) free_m_s: f64,
    /// Whether the lane has green.
    pub(crate) green: bool,
    /// The model's vehicle.
    pub(crate) settings: &'a Settings,
}

impl Estimate<'_> {
    /// Position (from the start of the lane, m) and speed (m/s) of every vehicle, front first.
    pub(crate) fn vehicles(&self) -> Vec<(f64, f64)> {
        let fleet = &self.settings.fleet;
        let spacing = fleet.length_m + fleet.min_gap_m;
        let (queued, moving) = split(self.seen, self.length_m, spacing);
        let total = (queued + moving) as usize;
        let reach = self.reach(total);
        // How far each has come; the first that is not held up ends the queue.
        let mut positions = Vec::with_capacity(total);
        let mut held = 0;
        let mut ahead = self.length_m + spacing;
        for x in reach {
            let stop = (ahead - spacing).max(0.0);
            let position = x.min(stop);
            if x >= stop {
                held += 1;
            }
            positions.push(position);
            ahead = position;
        }
        // The counted queue is the truth; entries only tell where the others are.
        let held = held.max(queued as usize).min(total);
        let slow = held - (queued as usize).min(held);
        let slow_speed = self.slow_speed(total, held, slow);
        (0..total)
            .map(|i| {
                let moves_in_queue = if self.green {
                    i < slow
                } else {
                    i >= held - slow && i < held
                };
                let speed = if i >= held {
                    self.free_m_s
                } else if moves_in_queue {
                    slow_speed
                } else {
                    0.0
                };
                (positions[i], speed)
            })
            .collect()
    }

    /// How far free flow would have carried each vehicle, oldest first; infinite where unknown.
    fn reach(&self, total: usize) -> Vec<f64> {
        let mut newest_first = Vec::with_capacity(total);
        for e in &self.seen.entered {
            let n = if e.vehicles.is_finite() {
                e.vehicles.round().clamp(0.0, 1000.0)
            } else {
                0.0
            };
            let mut k = 0.5;
            while k < n && newest_first.len() < total {
                let age_s = e.to_s + (e.from_s - e.to_s) * k / n;
                newest_first.push(age_s.max(0.0) * self.free_m_s);
                k += 1.0;
            }
        }
        newest_first.resize(total, f64::INFINITY);
        newest_first.reverse();
        newest_first
    }

    /// Mean speed of those that move inside the queue, from the mean over all.
    fn slow_speed(&self, total: usize, held: usize, slow: usize) -> f64 {
        if slow == 0 {
            return 0.0;
        }
        #[allow(clippy::cast_precision_loss)] // at most thousands
        let (all, free, slow) = (total as f64, (total - held) as f64, slow as f64);
        let mean = self
            .seen
            .speed_km_h
            .filter(|v| v.is_finite())
            .unwrap_or(0.0)
            / 3.6;
        ((mean * all - free * self.free_m_s) / slow).clamp(CREEP_M_S, self.free_m_s)
    }
}

/// Whole vehicles queued and moving, bounded by what fits on the lane.
pub(crate) fn split(seen: &LaneObservation, length_m: f64, spacing_m: f64) -> (u32, u32) {
    let room = (length_m / spacing_m).floor().clamp(0.0, 10_000.0);
    let whole = |v: f64| {
        if v.is_finite() {
            v.round().clamp(0.0, room)
        } else {
            0.0
        }
    };
    let all = whole(seen.vehicles);
    let queued = whole(seen.queue).min(all);
    // Both are whole and within 0..=10,000.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (queued as u32, (all - queued) as u32)
}
