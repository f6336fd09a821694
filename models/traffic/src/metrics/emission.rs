//! CO2 of passenger cars from vehicle specific power (VSP).
//!
//! VSP: Jimenez-Palacios 1999 (thesis, MIT), light-duty vehicles on level roads. Rates by VSP
//! mode: Frey, Zhang and Rouphail 2008 (fleet-average rates of light-duty petrol cars measured on
//! the road). A comparison of control strategies within one run of the model, not an inventory:
//! the fleet is one car and grade is zero.

/// Name and version of the factors below; a change of any number is a new version.
pub const EMISSION_FACTORS: &str = "vsp-frey-2008 v1";

/// Upper bounds of the 14 VSP modes, kW/t; a mode holds values below its bound.
pub const VSP_MODE_UPPER_KW_T: [f64; 14] = [
    -2.0,
    0.0,
    1.0,
    4.0,
    7.0,
    10.0,
    13.0,
    16.0,
    19.0,
    23.0,
    28.0,
    33.0,
    39.0,
    f64::INFINITY,
];

/// CO2 by VSP mode, g/s.
pub const CO2_G_PER_S_BY_VSP_MODE: [f64; 14] = [
    1.30, 1.43, 0.97, 2.03, 2.74, 3.42, 4.02, 4.56, 5.08, 5.61, 6.05, 6.41, 6.86, 7.41,
];

/// Vehicle specific power on a level road, kW/t, from speed (m/s) and acceleration (m/s^2).
#[must_use]
pub fn vsp_kw_t(speed_m_s: f64, acceleration_m_s2: f64) -> f64 {
    speed_m_s * (1.1 * acceleration_m_s2 + 0.132) + 0.000_302 * speed_m_s * speed_m_s * speed_m_s
}

/// CO2 of one car, g/s.
#[must_use]
pub fn co2_g_s(speed_m_s: f64, acceleration_m_s2: f64) -> f64 {
    let vsp = vsp_kw_t(speed_m_s, acceleration_m_s2);
    let mode = VSP_MODE_UPPER_KW_T.iter().position(|upper| vsp < *upper);
    CO2_G_PER_S_BY_VSP_MODE[mode.unwrap_or(VSP_MODE_UPPER_KW_T.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idling_is_mode_three_and_pulling_away_costs_more() {
        assert!((co2_g_s(0.0, 0.0) - 0.97).abs() < 1e-12);
        assert!(co2_g_s(8.0, 2.0) > co2_g_s(8.0, 0.0));
        assert!(co2_g_s(8.0, -4.0) < co2_g_s(8.0, 0.0));
    }
}
