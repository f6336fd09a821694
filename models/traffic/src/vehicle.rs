//! What drives: kinds of vehicles and their parameters.

use serde::{Deserialize, Serialize};

/// What a vehicle is to others and to rules.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum VehicleClass {
    /// A car.
    #[default]
    Car,
    /// A bus.
    Bus,
    /// A lorry.
    Truck,
    /// A vehicle with blue lights.
    Emergency,
}

impl VehicleClass {
    /// True for a car.
    #[must_use]
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde asks so
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
    /// What it is to others.
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
