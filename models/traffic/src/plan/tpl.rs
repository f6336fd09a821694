//! What the engine reads of a vehicle template.

use crate::vehicle::VehicleTemplate;

/// A template with everything derived from it and the step length: two cache lines and a bit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tpl {
    pub(crate) len: f64,
    pub(crate) min_gap: f64,
    pub(crate) max_pos: f64,
    pub(crate) max_neg: f64,
    pub(crate) usual_pos: f64,
    pub(crate) usual_neg: f64,
    pub(crate) vmax: f64,
    /// Headway plus half a step, s.
    pub(crate) headway_half: f64,
    /// Hardest and usual braking: `2 / b`, and the reciprocal of half that.
    pub(crate) four_a: [f64; 2],
    pub(crate) half_per_a: [f64; 2],
    pub(crate) speed_factor: f64,
    /// m/s^2.
    pub(crate) dawdle: f64,
    /// Some vehicle of this kind halts on its way.
    pub(crate) halts: bool,
    /// Distance before a junction within which it matters, m.
    pub(crate) approach: f64,
    /// Beyond this gap no leader can slow this vehicle, m.
    pub(crate) far_gap: f64,
    /// The terms of [`Tpl::sight_m`]; beyond the two lines, for networks with lists of foes only.
    pub(super) sight: [f64; 3],
}

/// Kept beyond the way to a stop: drivers slow down some metres before the line where they give way,
/// and vehicles on links that merge count by their way to the merge, m.
const REACH_SPARE_M: f64 = 5.0;

impl Tpl {
    pub(super) fn new(t: &VehicleTemplate, dt: f64) -> Self {
        let (vmax, usual_neg) = (t.max_speed_m_s, t.usual_neg_acc_m_s2);
        let a = [t.max_neg_acc_m_s2, usual_neg].map(|b| 0.5 / b);
        Self {
            len: t.length_m,
            min_gap: t.min_gap_m,
            max_pos: t.max_pos_acc_m_s2,
            max_neg: t.max_neg_acc_m_s2,
            usual_pos: t.usual_pos_acc_m_s2,
            usual_neg,
            vmax,
            headway_half: t.headway_s + dt / 2.0,
            four_a: a.map(|a| 4.0 * a),
            half_per_a: a.map(|a| 0.5 / a),
            speed_factor: t.speed_factor,
            dawdle: t.dawdle_m_s2,
            halts: false,
            approach: vmax * vmax / (2.0 * usual_neg) + 2.0 * vmax * dt,
            far_gap: f64::INFINITY,
            sight: [f64::INFINITY, 0.0, 0.0],
        }
    }

    /// Beyond this gap no leader slows a vehicle at `v` m/s in the next step, m: it stops within it
    /// from the highest speed it can have then.
    #[inline]
    pub(crate) fn sight_m(&self, v: f64) -> f64 {
        self.sight[0] + v * (self.sight[1] + v * self.sight[2])
    }

    /// The terms of [`Tpl::sight_m`]: from the speed `w = v + gain` it may have in the next step, it
    /// stops within `w^2 / 2b` and keeps its headway; a leader may brake by `leader_neg_max`.
    pub(super) fn sight(&self, leader_neg_max: f64, dt: f64) -> [f64; 3] {
        let gain = self.max_pos.max(self.usual_pos) * dt;
        let (per_w, per_w2) = (
            dt.max(self.headway_half),
            0.5 / self.usual_neg.min(self.max_neg),
        );
        let standing = self.min_gap + leader_neg_max * dt * dt / 2.0;
        [
            standing + gain * (per_w + gain * per_w2),
            per_w + 2.0 * gain * per_w2,
            per_w2,
        ]
    }

    /// Within this distance a vehicle stops that has `v` m/s now and `wish` in the next step, and some
    /// metres more, m.
    #[inline]
    pub(crate) fn reach_m(&self, v: f64, wish: f64, dt: f64) -> f64 {
        (v + wish) * dt / 2.0 + wish * wish * self.sight[2] + REACH_SPARE_M
    }

    /// A gap at which every term of the following rule is at least `vmax`, whatever the leader does.
    pub(super) fn far_gap(&self, leader_neg_max: f64, dt: f64) -> f64 {
        let b = dt / 2.0;
        let safe = |neg: f64, d: f64| {
            let a = 1.0 / (2.0 * neg);
            let root = 2.0 * a * self.vmax + b;
            let braking = self.vmax * dt / 2.0 + d + (root * root - b * b) / (4.0 * a);
            braking.max((self.vmax + leader_neg_max * dt) * dt / 2.0 + d)
        };
        let far = safe(self.max_neg, 0.0)
            .max(safe(self.usual_neg, self.min_gap))
            .max(self.vmax * self.headway_half);
        far * (1.0 + 1e-6) + 1e-3
    }
}
