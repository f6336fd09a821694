//! What an operator may set for this scenario, with defaults. Part of every replay.

use serde::{Deserialize, Serialize};

/// A vehicle as the model imagines it: detectors do not tell one from another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fleet {
    /// Length, metres.
    pub length_m: f64,
    /// Gap when standing, metres.
    pub min_gap_m: f64,
    /// Usual acceleration, m/s^2.
    pub acceleration_m_s2: f64,
    /// Usual deceleration, m/s^2.
    pub deceleration_m_s2: f64,
    /// Top speed, m/s.
    pub max_speed_m_s: f64,
    /// Time headway, seconds.
    pub headway_s: f64,
}

impl Default for Fleet {
    /// The car of the shared benchmark sets.
    fn default() -> Self {
        Self {
            length_m: 5.0,
            min_gap_m: 2.5,
            acceleration_m_s2: 2.0,
            deceleration_m_s2: 4.5,
            max_speed_m_s: 11.111,
            headway_s: 2.0,
        }
    }
}

/// Which model decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decider {
    /// Each junction alone: every phase rolled out in the local twin, then the longest queue.
    #[default]
    LocalTwin,
    /// All junctions together: look-ahead control of `conurb_traffic`, at information level LD.
    Lookahead,
}

/// Settings of the signals scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// City id, part of every entity id.
    pub city: String,
    /// Which model decides.
    pub controller: Decider,
    /// Seconds between two decisions at a signal.
    pub decision_interval_s: u32,
    /// Clearance between two greens, seconds.
    pub yellow_s: u32,
    /// How far the local twin looks ahead, seconds; look-ahead control has its own rule.
    pub horizon_s: u32,
    /// Shortest green, seconds.
    pub min_green_s: u32,
    /// Longest green while others wait, seconds.
    pub max_green_s: u32,
    /// For how long a command holds without a newer one, seconds.
    pub command_valid_s: u32,
    /// Oldest detector report a decision may rest on, seconds.
    pub max_age_s: u32,
    /// Admissible phases (indices into the file's light phases); empty = 1 to 4 where they exist.
    pub phases: Vec<u16>,
    /// The clearance phase.
    pub clearance_phase: u16,
    /// Spread decisions of different signals over the interval instead of one common moment.
    pub stagger: bool,
    /// The model's vehicle.
    pub fleet: Fleet,
    /// Seed of the model's randomness (the local twin draws none).
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            city: "city".to_owned(),
            controller: Decider::LocalTwin,
            decision_interval_s: 15,
            yellow_s: 5,
            horizon_s: 45,
            min_green_s: 10,
            max_green_s: 120,
            command_valid_s: 45,
            max_age_s: 15,
            phases: Vec::new(),
            clearance_phase: 0,
            stagger: false,
            fleet: Fleet::default(),
            seed: 0,
        }
    }
}

impl Settings {
    /// Checks rules that span fields.
    pub fn check(&self) -> Result<(), String> {
        if self.decision_interval_s == 0 || self.decision_interval_s > 600 {
            return Err("decision_interval_s must be 1 to 600".to_owned());
        }
        if self.yellow_s >= self.decision_interval_s {
            return Err("yellow_s must be shorter than decision_interval_s".to_owned());
        }
        if self.horizon_s < self.decision_interval_s || self.horizon_s > 600 {
            return Err(
                "horizon_s must be at least decision_interval_s and at most 600".to_owned(),
            );
        }
        if self.min_green_s > self.max_green_s {
            return Err("min_green_s must not exceed max_green_s".to_owned());
        }
        if self.command_valid_s < self.decision_interval_s {
            return Err(
                "command_valid_s must be at least decision_interval_s, or the plan comes back between two decisions"
                    .to_owned(),
            );
        }
        if self.controller == Decider::Lookahead {
            if self.stagger {
                return Err("stagger cannot be set with controller lookahead, which decides for all signals at once".to_owned());
            }
            if self.clearance_phase != 0 {
                return Err("clearance_phase must be 0 with controller lookahead".to_owned());
            }
        }
        let f = &self.fleet;
        let positive = [
            f.length_m,
            f.acceleration_m_s2,
            f.deceleration_m_s2,
            f.max_speed_m_s,
            f.headway_s,
        ];
        if positive.iter().any(|v| !v.is_finite() || *v <= 0.0)
            || !(0.0..=100.0).contains(&f.min_gap_m)
        {
            return Err("fleet values must be positive numbers".to_owned());
        }
        Ok(())
    }

    /// Canonical bytes, kept as a blob beside the network.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain numbers and text always serialise")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_contradict_one_another_are_refused_by_name() {
        assert_eq!(Settings::default().check(), Ok(()));
        let refused = |name: &str, change: fn(&mut Settings)| {
            let mut s = Settings::default();
            change(&mut s);
            let e = s.check().expect_err(name);
            assert!(e.contains(name), "{name}: {e}");
        };
        refused("decision_interval_s", |s| s.decision_interval_s = 0);
        refused("yellow_s", |s| s.yellow_s = 15);
        refused("horizon_s", |s| s.horizon_s = 14);
        refused("min_green_s", |s| s.min_green_s = 121);
        refused("command_valid_s", |s| s.command_valid_s = 14);
        refused("stagger", |s| {
            (s.controller, s.stagger) = (Decider::Lookahead, true);
        });
        refused("clearance_phase", |s| {
            (s.controller, s.clearance_phase) = (Decider::Lookahead, 1);
        });
        refused("fleet", |s| s.fleet.length_m = 0.0);
        refused("fleet", |s| s.fleet.min_gap_m = f64::INFINITY);
        refused("fleet", |s| s.fleet.headway_s = f64::NAN);
    }
}
