//! How a standing queue leaves under the engine's car following: the field procedure of the Highway
//! Capacity Manual (headways after the fourth vehicle).

use crate::vehicle::VehicleTemplate;

/// How a standing queue of equal vehicles leaves: saturation headway and start-up lost time, s.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Discharge {
    /// Mean headway from the fifth to the twentieth vehicle, s; 3,600 over it is the flow per hour.
    pub headway_s: f64,
    /// What the first vehicles lose against that headway, s.
    pub startup_s: f64,
}

/// Lets a queue of vehicles go at a stop line under the engine's car following, steps of 1 s.
#[must_use]
pub fn discharge(v: &VehicleTemplate, limit_m_s: f64) -> Discharge {
    const QUEUE: usize = 21;
    let top = v.max_speed_m_s.min(limit_m_s);
    let spacing = v.length_m + v.min_gap_m;
    let mut at: Vec<f64> = (0..QUEUE).map(|i| -spacing * i as f64).collect();
    let mut speed = vec![0.0_f64; QUEUE];
    let mut passed = vec![None; QUEUE];
    for second in 0..600 {
        let (old_at, old_speed) = (at.clone(), speed.clone());
        for i in 0..QUEUE {
            let mut u = top.min(old_speed[i] + v.max_pos_acc_m_s2);
            if i > 0 {
                let gap = old_at[i - 1] - v.length_m - old_at[i];
                u = u.min(follow(v, old_speed[i], old_speed[i - 1], gap));
            }
            u = u.max(old_speed[i] - v.max_neg_acc_m_s2).max(0.0);
            at[i] += f64::midpoint(old_speed[i], u);
            speed[i] = u;
            if passed[i].is_none() && at[i] > 0.0 {
                passed[i] = Some(f64::from(second) + (-old_at[i]) / (at[i] - old_at[i]));
            }
        }
        if passed[QUEUE - 1].is_some() {
            break;
        }
    }
    // A vehicle too slow to pass in ten minutes counts as one every half minute.
    let time = |i: usize| passed[i].unwrap_or(30.0 * i as f64);
    let headway_s = (time(20) - time(4)) / 16.0;
    Discharge {
        headway_s,
        startup_s: (time(20) - 20.0 * headway_s).max(0.0),
    }
}

/// The engine's speed behind an equal leader for steps of 1 s (`docs/traffic/model.md`).
fn follow(t: &VehicleTemplate, v: f64, leader_v: f64, gap: f64) -> f64 {
    let safe = |b: f64, distance: f64| {
        let c = v / 2.0 + distance - leader_v * leader_v / (2.0 * b) - gap;
        let root = 0.25 - 2.0 * c / b;
        if root < 0.0 {
            return -100.0;
        }
        let first = b * (root.sqrt() - 0.5);
        first.min(2.0 * leader_v - b + 2.0 * (gap - distance))
    };
    let closing = (v - leader_v).max(0.0);
    let headway = (gap + leader_v + closing / 2.0 - v / 2.0) / (t.headway_s + 0.5);
    safe(t.max_neg_acc_m_s2, 0.0)
        .min(safe(t.usual_neg_acc_m_s2, t.min_gap_m))
        .min(headway)
}
