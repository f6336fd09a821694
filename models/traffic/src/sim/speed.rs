//! Car following and braking: pure functions, in the reference's order of operations.

use crate::plan::Tpl;

/// Yield distance before a conflict point, m (fixed in the reference).
pub(crate) const YIELD_M: f64 = 5.0;
/// Speed on turning lane links, m/s (fixed in the reference).
pub(crate) const TURN_SPEED_M_S: f64 = 8.3333;

/// The smaller; the first unless the second is smaller (never takes a NaN in).
#[inline]
pub(crate) fn least(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

/// The speed at which a follower with deceleration `b` still avoids a leader that brakes with
/// `leader_b`, keeping distance `d`; -100 when there is none (Krauss 1998 in the reference's form).
#[inline]
pub(crate) fn safe(leader_v: f64, leader_b: f64, v: f64, b: f64, gap: f64, d: f64, dt: f64) -> f64 {
    let c = v * dt / 2.0 + d - 0.5 * leader_v * leader_v / leader_b - gap;
    let a = 0.5 / b;
    let half = 0.5 * dt;
    if half * half < 4.0 * a * c {
        return -100.0;
    }
    let v1 = 0.5 / a * ((half * half - 4.0 * a * c).sqrt() - half);
    let v2 = 2.0 * leader_v - leader_b * dt + 2.0 * (gap - d) / dt;
    least(v1, v2)
}

/// The speed that follows a leader.
#[inline]
pub(crate) fn follow(own: &Tpl, v: f64, leader: &Tpl, leader_v: f64, gap: f64, dt: f64) -> f64 {
    if gap >= own.far_gap {
        return own.vmax;
    }
    let approach = if v > leader_v { v - leader_v } else { 0.0 };
    // `safe` twice, side by side, with what only templates decide worked out before.
    let leader_b = [leader.max_neg, leader.usual_neg];
    let d = [0.0, own.min_gap];
    let half = 0.5 * dt;
    let side = |k: usize| {
        let c = v * dt / 2.0 + d[k] - 0.5 * leader_v * leader_v / leader_b[k] - gap;
        let root = half * half - own.four_a[k] * c;
        let v1 = own.half_per_a[k] * (root.sqrt() - half);
        let v2 = 2.0 * leader_v - leader_b[k] * dt + 2.0 * (gap - d[k]) / dt;
        (half * half < own.four_a[k] * c, least(v1, v2))
    };
    let (hardest, usual) = (side(0), side(1));
    let or_none = |(none, u): (bool, f64)| if none { -100.0 } else { u };
    let u = least(or_none(hardest), or_none(usual));
    let headway = (gap + (leader_v + approach / 2.0) * dt - v * dt / 2.0) / own.headway_half;
    least(u, headway)
}

/// The speed of the next step that stops within `d` m.
#[inline]
pub(crate) fn stop(own: &Tpl, v: f64, d: f64, dt: f64) -> f64 {
    let w = v + own.usual_pos * dt;
    if (v + w) * dt / 2.0 + w * w / own.usual_neg / 2.0 < d {
        return w;
    }
    let n = 2.0 * d / (v + 1e-8) / dt;
    let u = if n >= 1.0 {
        v - v / n.trunc()
    } else {
        v - v / n
    };
    // At rest exactly at the point (0/0) there is nothing to add.
    if u.is_nan() { 0.0 } else { u }
}

/// Shortest stopping distance, m.
#[inline]
pub(crate) fn brake_m(own: &Tpl, v: f64) -> f64 {
    0.5 * v * v / own.max_neg
}

/// Steps until the vehicle has driven `d` m, accelerating as usual towards `target`.
pub(crate) fn steps_to_reach(own: &Tpl, v: f64, d: f64, target: f64, dt: f64) -> f64 {
    if d <= 0.0 {
        return 0.0;
    }
    if v > target {
        return (d / v).ceil();
    }
    let a = own.usual_pos;
    let k = ((target - v) / a / dt).floor();
    let v1 = v + k * a / dt;
    let ramp = (v + v1) * (k * dt) / 2.0;
    let last = if v1 < target {
        (v1 + target) * dt / 2.0
    } else {
        0.0
    };
    let ramp = if target <= v { 0.0 } else { ramp + last };
    if ramp > d {
        (((v * v + 2.0 * a * d).sqrt() - v) / a / dt).ceil()
    } else {
        ((target - v) / a / dt).ceil() + ((d - ramp) / target / dt).ceil()
    }
}
