//! Units of measure: a versioned table (`data/units.toml`) of UN/CEFACT common codes, and exact
//! conversion between units of one quantity.

use std::sync::OnceLock;

use serde::Deserialize;

/// The table as shipped.
const TABLE: &str = include_str!("../data/units.toml");

/// One unit of measure.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// UN/CEFACT common code (Recommendation 20).
    pub code: String,
    /// English name.
    pub name: String,
    /// What it measures; units of one quantity convert into one another.
    pub quantity: String,
    /// How people and devices write it.
    pub symbols: Vec<String>,
    /// Numerator of the factor to the base unit.
    pub num: f64,
    /// Denominator of the factor to the base unit.
    pub den: f64,
    /// Added after the factor, in the base unit.
    #[serde(default)]
    pub offset: f64,
}

/// The table of units.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Units {
    /// Version of the table; it changes when a unit does.
    pub version: String,
    /// All units, in the order of the file.
    #[serde(rename = "unit")]
    pub units: Vec<Unit>,
}

impl Units {
    /// The table as shipped with this version.
    #[must_use]
    pub fn shipped() -> &'static Self {
        static UNITS: OnceLock<Units> = OnceLock::new();
        UNITS.get_or_init(|| toml::from_str(TABLE).expect("the shipped table is tested"))
    }

    /// A unit by code or symbol, case counts (`mW` is no `MW`).
    #[must_use]
    pub fn find(&self, word: &str) -> Option<&Unit> {
        self.units
            .iter()
            .find(|u| u.code == word || u.symbols.iter().any(|s| s == word))
    }

    /// First symbols of the units of a quantity, or of all, for messages.
    #[must_use]
    pub fn known(&self, quantity: Option<&str>) -> String {
        let of = self
            .units
            .iter()
            .filter(|u| quantity.is_none_or(|q| u.quantity == q));
        let words: Vec<String> = of
            .map(|u| format!("{} ({})", u.symbols[0], u.code))
            .collect();
        words.join(", ")
    }
}

/// How a figure in one unit becomes one in another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conversion {
    num: f64,
    den: f64,
    offset: f64,
}

impl Conversion {
    /// From one unit to another; none when they measure different things.
    #[must_use]
    pub fn between(from: &Unit, to: &Unit) -> Option<Self> {
        if from.quantity != to.quantity {
            return None;
        }
        if from == to {
            return Some(Self {
                num: 1.0,
                den: 1.0,
                offset: 0.0,
            });
        }
        Some(Self {
            num: from.num * to.den,
            den: from.den * to.num,
            offset: (from.offset - to.offset) * to.den / to.num,
        })
    }

    /// The converted figure.
    #[must_use]
    pub fn apply(&self, value: f64) -> f64 {
        value * self.num / self.den + self.offset
    }

    /// Whether it leaves every figure as it is.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.num == self.den && self.offset == 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn convert(value: f64, from: &str, to: &str) -> f64 {
        let units = Units::shipped();
        let (from, to) = (units.find(from).unwrap(), units.find(to).unwrap());
        Conversion::between(from, to).unwrap().apply(value)
    }

    #[test]
    fn codes_and_symbols_stand_for_one_unit_each() {
        let units = Units::shipped();
        let mut words = Vec::new();
        for unit in &units.units {
            words.push(&unit.code);
            words.extend(unit.symbols.iter().filter(|s| **s != unit.code));
            assert!(
                unit.num > 0.0 && unit.den > 0.0 && !unit.symbols.is_empty(),
                "{unit:?}"
            );
        }
        let count = words.len();
        words.sort();
        words.dedup();
        assert_eq!(words.len(), count);
    }

    #[test]
    fn known_figures_convert() {
        assert_eq!(convert(36.0, "km/h", "m/s"), 10.0);
        assert_eq!(convert(60.0, "mph", "km/h"), 96.560_64);
        assert_eq!(convert(85.0, "%", "1"), 0.85);
        assert_eq!(convert(20.0, "degC", "KEL"), 293.15);
        assert!((convert(212.0, "degF", "degC") - 100.0).abs() < 1e-9);
        assert_eq!(convert(30.0, "veh/min", "veh/h"), 1800.0);
    }

    #[test]
    fn speed_is_no_temperature() {
        let units = Units::shipped();
        let between =
            |a: &str, b: &str| Conversion::between(units.find(a).unwrap(), units.find(b).unwrap());
        assert_eq!(between("km/h", "degC"), None);
        assert!(between("KMH", "km/h").unwrap().is_identity());
    }

    proptest! {
        #[test]
        fn there_and_back_is_where_it_was(value in -1e6..1e6f64, i in 0..60usize, j in 0..60usize) {
            let units = &Units::shipped().units;
            let (a, b) = (&units[i % units.len()], &units[j % units.len()]);
            if let (Some(to), Some(back)) = (Conversion::between(a, b), Conversion::between(b, a)) {
                let again = back.apply(to.apply(value));
                prop_assert!((again - value).abs() <= 1e-9 * value.abs().max(1.0) , "{} {}", value, again);
            }
        }
    }
}
