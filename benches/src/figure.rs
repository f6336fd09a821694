//! One figure: what was measured, against what.

use serde::Serialize;

/// A line of `cargo xtask bench --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figure {
    /// Which bench.
    pub(crate) bench: &'static str,
    /// What was measured.
    pub(crate) metric: String,
    /// The value.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What it must keep: `<=` or `>=` is told by the unit's nature, see `at_least`.
    pub(crate) limit: Option<f64>,
    /// Whether the limit is the least allowed (a rate) rather than the most (a time, a count).
    pub(crate) at_least: bool,
    /// Whom it is compared with, and that one's value in the same unit.
    pub(crate) peer: Option<String>,
    /// Value over limit, or over the peer's value.
    pub(crate) ratio: Option<f64>,
}

impl Figure {
    /// A figure without a limit: it is told, and keeps nothing.
    pub(crate) fn told(bench: &'static str, metric: &str, value: f64, unit: &'static str) -> Self {
        Self {
            bench,
            metric: metric.to_owned(),
            value,
            unit,
            limit: None,
            at_least: false,
            peer: None,
            ratio: None,
        }
    }

    /// A figure that must be at least `limit`.
    pub(crate) fn at_least(
        bench: &'static str,
        metric: &str,
        value: f64,
        unit: &'static str,
        limit: f64,
    ) -> Self {
        Self {
            limit: Some(limit),
            at_least: true,
            ratio: Some(value / limit),
            ..Self::told(bench, metric, value, unit)
        }
    }

    /// A figure that must be at most `limit`.
    pub(crate) fn at_most(
        bench: &'static str,
        metric: &str,
        value: f64,
        unit: &'static str,
        limit: f64,
    ) -> Self {
        Self {
            limit: Some(limit),
            ratio: (limit > 0.0).then(|| value / limit),
            ..Self::told(bench, metric, value, unit)
        }
    }
}

/// The `q` quantile (nearest rank) of ascending `sorted`; NaN when there is none, which keeps no
/// limit.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )] // 1..=len
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(quantile(&values, 0.5).to_bits(), 50.0_f64.to_bits());
        assert_eq!(quantile(&values, 0.99).to_bits(), 99.0_f64.to_bits());
        assert_eq!(quantile(&values, 0.999).to_bits(), 100.0_f64.to_bits());
        assert!(quantile(&[], 0.5).is_nan());
    }
}
