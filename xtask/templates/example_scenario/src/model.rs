//! The model: a balance of arrivals and departures. Pure functions, numbers in, numbers out.

use conurb_decide::{DecisionOption, KpiValue};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The KPI predicted and measured.
pub(crate) const KPI: &str = "free_spots";

/// What a person may set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// At so many free spots or fewer a decision is asked for.
    pub raise_spots: f64,
    /// At so many free spots or more the condition is over.
    pub clear_spots: f64,
    /// How far the model looks ahead, and for how long a message holds, seconds.
    pub horizon_s: i64,
    /// Share of drivers that follow the board, 0 to 1.
    pub comply: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            raise_spots: 10.0,
            clear_spots: 20.0,
            horizon_s: 900,
            comply: 0.3,
        }
    }
}

impl Settings {
    /// Reads a section of the configuration.
    pub fn read(section: &toml::Table) -> Result<Self, String> {
        let settings: Self = section
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| error.message().to_owned())?;
        if settings.raise_spots >= settings.clear_spots {
            return Err("raise_spots must be below clear_spots".to_owned());
        }
        if !(1..=86_400).contains(&settings.horizon_s) {
            return Err("horizon_s must be between 1 and 86400".to_owned());
        }
        if !(0.0..=1.0).contains(&settings.comply) {
            return Err("comply must be between 0 and 1".to_owned());
        }
        Ok(settings)
    }
}

/// What the model reads.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Free spots now.
    pub free_spots: f64,
    /// Change of free spots a second; negative while it fills.
    pub rate_spots_s: f64,
}

/// The action that changes nothing.
pub(crate) fn leave_alone() -> Value {
    json!({ "message": "none" })
}

/// All options with their predictions.
pub(crate) fn options(input: &Input, settings: &Settings) -> Vec<DecisionOption> {
    [
        (leave_alone(), 0.0),
        (json!({ "message": "divert" }), settings.comply),
    ]
    .into_iter()
    .map(|(action, comply)| DecisionOption {
        action,
        predicted: vec![KpiValue {
            kpi: KPI.to_owned(),
            value: free_after(input, settings.horizon_s, comply),
            interval: None,
        }],
        refused_by: None,
    })
    .collect()
}

/// Free spots after the horizon, when a share of those who would come does not.
fn free_after(input: &Input, horizon_s: i64, comply: f64) -> f64 {
    let horizon = f64::from(i32::try_from(horizon_s).unwrap_or(i32::MAX));
    // Diverting slows filling; it does not slow emptying.
    let rate = if input.rate_spots_s < 0.0 {
        input.rate_spots_s * (1.0 - comply)
    } else {
        input.rate_spots_s
    };
    (input.free_spots + rate * horizon).max(0.0)
}

/// The option that leaves most free spots; the first on a tie.
pub(crate) fn choose(options: &[DecisionOption]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (i, option) in options.iter().enumerate() {
        let value = option.predicted.first()?.value;
        if option.refused_by.is_none() && best.is_none_or(|(_, b)| value > b) {
            best = Some((i, value));
        }
    }
    best.map(|(i, _)| i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_filling_car_park_is_diverted_and_an_emptying_one_is_not() {
        let settings = Settings::default();
        let chosen = |rate_spots_s| {
            choose(&options(
                &Input {
                    free_spots: 10.0,
                    rate_spots_s,
                },
                &settings,
            ))
        };
        assert_eq!(chosen(-0.01), Some(1));
        assert_eq!(chosen(0.01), Some(0));
        assert_eq!(chosen(0.0), Some(0));
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        let read = |text: &str| Settings::read(&text.parse().expect("TOML"));
        assert!(read("").is_ok());
        assert!(read("comply = 2.0").is_err_and(|e| e.contains("comply")));
        assert!(read("raise_spots = 50.0").is_err_and(|e| e.contains("raise_spots")));
        assert!(read("rise_spots = 5.0").is_err_and(|e| e.contains("rise_spots")));
    }

    proptest! {
        #[test]
        fn diverting_never_predicts_fewer_free_spots(free in 0.0..500.0, rate in -1.0..1.0, comply in 0.0..1.0) {
            let settings = Settings { comply, ..Settings::default() };
            let options = options(&Input { free_spots: free, rate_spots_s: rate }, &settings);
            prop_assert!(options[1].predicted[0].value >= options[0].predicted[0].value);
        }
    }
}
