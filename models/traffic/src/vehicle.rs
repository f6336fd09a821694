//! Kinds of vehicles: how they move, and what they are to others.

use serde::{Deserialize, Serialize};

/// What a vehicle is to others: who is given priority, who is counted apart.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum VehicleClass {
    /// A passenger car, and whatever is not named otherwise.
    #[default]
    Car,
    /// A lorry.
    Truck,
    /// A bus of public transport.
    Bus,
    /// A bicycle on the carriageway.
    Bicycle,
    /// An emergency vehicle under way to a call.
    Emergency,
}

impl VehicleClass {
    /// A passenger car.
    #[must_use]
    pub const fn is_car(&self) -> bool {
        matches!(self, Self::Car)
    }
}

/// Kinematic parameters of a kind of vehicle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VehicleTemplate {
    /// Length, m.
    pub length_m: f64,
    /// Width, m.
    pub width_m: f64,
    /// Gap kept at standstill, m.
    pub min_gap_m: f64,
    /// Largest acceleration, m/s^2.
    pub max_pos_acc_m_s2: f64,
    /// Largest deceleration, m/s^2.
    pub max_neg_acc_m_s2: f64,
    /// Usual acceleration, m/s^2.
    pub usual_pos_acc_m_s2: f64,
    /// Usual deceleration, m/s^2.
    pub usual_neg_acc_m_s2: f64,
    /// Largest speed, m/s.
    pub max_speed_m_s: f64,
    /// Time headway, s.
    pub headway_s: f64,
    /// Wished speed over speed limit; 1 in the CityFlow form.
    pub speed_factor: f64,
    /// Mean loss of speed by imperfect driving, m/s^2; 0 in the CityFlow form.
    pub dawdle_m_s2: f64,
    /// What it is to others; a car in the CityFlow form.
    pub class: VehicleClass,
}

impl Default for VehicleTemplate {
    /// The defaults of the reference simulator's `push_vehicle`.
    fn default() -> Self {
        Self {
            length_m: 5.0,
            width_m: 2.0,
            min_gap_m: 2.0,
            max_pos_acc_m_s2: 4.5,
            max_neg_acc_m_s2: 4.5,
            usual_pos_acc_m_s2: 2.5,
            usual_neg_acc_m_s2: 2.5,
            max_speed_m_s: 16.66667,
            headway_s: 1.0,
            speed_factor: 1.0,
            dawdle_m_s2: 0.0,
            class: VehicleClass::Car,
        }
    }
}

impl VehicleTemplate {
    /// Each number with its name in the CityFlow form (`conurb` for those beyond it) and what it is.
    pub(crate) const fn members(&self) -> [(&'static str, &'static str, f64); 11] {
        [
            ("length", "vehicle length in m", self.length_m),
            ("width", "vehicle width in m", self.width_m),
            ("minGap", "gap in m", self.min_gap_m),
            ("maxPosAcc", "acceleration in m/s^2", self.max_pos_acc_m_s2),
            ("maxNegAcc", "deceleration in m/s^2", self.max_neg_acc_m_s2),
            (
                "usualPosAcc",
                "acceleration in m/s^2",
                self.usual_pos_acc_m_s2,
            ),
            (
                "usualNegAcc",
                "deceleration in m/s^2",
                self.usual_neg_acc_m_s2,
            ),
            ("maxSpeed", "speed in m/s", self.max_speed_m_s),
            ("headwayTime", "time headway in s", self.headway_s),
            ("conurb", "speed factor", self.speed_factor),
            ("conurb", DAWDLING, self.dawdle_m_s2),
        ]
    }

    /// The rule that a member breaks; none where it is as it has to be.
    pub(crate) fn broken_rule(name: &str, what: &str, value: f64) -> Option<&'static str> {
        // A gap or headway of zero is a legitimate (if daring) driver.
        let may_be_zero = matches!(name, "minGap" | "headwayTime") || what == DAWDLING;
        let fine =
            value.is_finite() && value < 1e6 && (value > 0.0 || (may_be_zero && value == 0.0));
        let rule = if may_be_zero {
            "it has to be 0 or more and below 1,000,000"
        } else {
            "it has to be above 0 and below 1,000,000"
        };
        (!fine).then_some(rule)
    }

    /// What is wrong with it, for people.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (name, what, value) in self.members() {
            if let Some(rule) = Self::broken_rule(name, what, value) {
                return Err(format!("{name}: {value} is no valid {what}; {rule}"));
            }
        }
        Ok(())
    }
}

const DAWDLING: &str = "dawdling in m/s^2";
