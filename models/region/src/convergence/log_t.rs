//! The log t test of Phillips and Sul (2007): do units that may differ for long converge in the end?

use serde::Serialize;
use statrs::function::erf::erfc;

use crate::RegionError;
use crate::convergence::ols::{Column, ols};
use crate::convergence::panel_shape;
use crate::inequality::positive;

/// One-sided critical value at 5 %.
const CRITICAL: f64 = -1.65;

/// Options of the log t test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogTOptions {
    /// Share r of first periods left out; 0.3 up to some 50 periods, 0.2 from 100 on.
    pub trimmed_share: f64,
}

impl Default for LogTOptions {
    fn default() -> Self {
        Self { trimmed_share: 0.3 }
    }
}

/// The result of a log t regression.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LogT {
    /// Coefficient of log t; half of it estimates the speed of convergence.
    pub b: f64,
    /// Its standard error, robust against heteroskedasticity and autocorrelation.
    pub standard_error: f64,
    /// b / standard error.
    pub t: f64,
    /// Left-tail normal p of convergence.
    pub p: f64,
    /// Whether convergence is not rejected at 5 % (t above -1.65).
    pub converges: bool,
}

/// log(H_1/H_t) - 2 log log t = a + b log t over t = [rT] + 1, ..., T, where H_t is the mean over
/// units of (h_it - 1)^2 and h_it a unit's value over the mean of all units. Values are commonly
/// logs of output with business cycles filtered out.
///
/// Standard errors: quadratic spectral kernel, automatic bandwidth of Andrews (1991) from first-order
/// autoregressions of the scores, intercept left out of the bandwidth, factor n/(n-k).
///
/// # Errors
/// `Option`, `Shape`: at least 2 units of finite values above 0, at least 4 periods kept, and values
/// that differ between units in every period used; a share within 0 to below 1.
pub fn log_t(panel: &[Vec<f64>], options: LogTOptions) -> Result<LogT, RegionError> {
    check(panel, options)?;
    let all: Vec<usize> = (0..panel.len()).collect();
    log_t_of(panel, &all, options)
}

/// Refuses panels that no test of their units can work with.
pub(crate) fn check(panel: &[Vec<f64>], options: LogTOptions) -> Result<(), RegionError> {
    let (_, periods) = panel_shape("log t test", panel)?;
    for row in panel {
        positive("log t test", row)?;
    }
    if !(0.0..1.0).contains(&options.trimmed_share) {
        return Err(RegionError::option(
            "trimmed share of the log t test",
            format!(
                "{}; choose 0 to below 1, commonly 0.3",
                options.trimmed_share
            ),
        ));
    }
    let kept = periods - trimmed(periods, options);
    if kept < 4 {
        return Err(RegionError::option(
            "log t test",
            format!("{kept} of {periods} periods are kept; it needs at least 4"),
        ));
    }
    Ok(())
}

/// Periods left out; the first is always, since log log 1 has no value.
fn trimmed(periods: usize, options: LogTOptions) -> usize {
    ((periods as f64 * options.trimmed_share).floor() as usize).max(1) // share in 0..1, checked
}

/// The test over some units of a checked panel.
pub(crate) fn log_t_of(
    panel: &[Vec<f64>],
    units: &[usize],
    options: LogTOptions,
) -> Result<LogT, RegionError> {
    let variation = variation(panel, units);
    let periods = variation.len();
    let kept = trimmed(periods, options)..periods;
    let lowest = f64::MIN_POSITIVE.max(1e-28);
    if let Some(t) = std::iter::once(0)
        .chain(kept.clone())
        .find(|&t| variation[t] <= lowest)
    {
        return Err(RegionError::option(
            "log t test",
            format!("units {units:?} are equal in period {t}; logs of their spread have no value"),
        ));
    }
    let log_time: Vec<f64> = kept.clone().map(|t| (t as f64 + 1.0).ln()).collect();
    let y: Vec<f64> = kept
        .zip(&log_time)
        .map(|(t, log_t)| (variation[0] / variation[t]).ln() - 2.0 * log_t.ln())
        .collect();
    let columns = [
        Column::constant(y.len()),
        Column::new("log t", log_time.clone()),
    ];
    let fit = ols(&y, &columns)?;
    let b = fit.coefficients[1];
    let standard_error = robust_error(&log_time, &fit.residuals);
    let t = b / standard_error;
    Ok(LogT {
        b,
        standard_error,
        t,
        p: 0.5 * erfc(-t / std::f64::consts::SQRT_2),
        converges: t > CRITICAL,
    })
}

/// H_t.
fn variation(panel: &[Vec<f64>], units: &[usize]) -> Vec<f64> {
    let n = units.len() as f64;
    (0..panel[units[0]].len())
        .map(|t| {
            let mean = units.iter().map(|&i| panel[i][t]).sum::<f64>() / n;
            let squares: f64 = units
                .iter()
                .map(|&i| (panel[i][t] / mean - 1.0).powi(2))
                .sum();
            squares / n
        })
        .collect()
}

/// Standard error of the slope of a line over `x`.
fn robust_error(x: &[f64], residuals: &[f64]) -> f64 {
    let n = x.len();
    let count = n as f64;
    let mean = x.iter().sum::<f64>() / count;
    let spread: f64 = x.iter().map(|x| (x - mean) * (x - mean)).sum();
    // The slope is sum (x - mean) y / spread, so that its scores are (x - mean) e.
    let slope: Vec<f64> = x
        .iter()
        .zip(residuals)
        .map(|(x, e)| (x - mean) * e)
        .collect();
    let by_column: Vec<f64> = x.iter().zip(residuals).map(|(x, e)| x * e).collect();
    let bandwidth = bandwidth(&by_column);
    let mut sum = slope.iter().map(|s| s * s).sum::<f64>();
    if bandwidth > 0.0 {
        for lag in 1..n {
            let products: f64 = slope[lag..].iter().zip(&slope).map(|(a, b)| a * b).sum();
            sum += 2.0 * quadratic_spectral(lag as f64 / bandwidth) * products;
        }
    }
    (sum * count / (count - 2.0)).sqrt() / spread
}

/// Andrews' bandwidth 1.3221 (n alpha(2))^(1/5) with alpha(2) = 4 rho^2/(1 - rho)^4 of a first-order
/// autoregression; 0, no lags at all, when it has no value.
fn bandwidth(scores: &[f64]) -> f64 {
    let n = scores.len();
    let (before, after) = (&scores[..n - 1], &scores[1..]);
    let pairs = (n - 1) as f64;
    let mean_before = before.iter().sum::<f64>() / pairs;
    let mean_after = after.iter().sum::<f64>() / pairs;
    let spread: f64 = before.iter().map(|b| (b - mean_before).powi(2)).sum();
    let joint: f64 = before
        .iter()
        .zip(after)
        .map(|(b, a)| (b - mean_before) * (a - mean_after))
        .sum();
    let rho = joint / spread;
    let alpha = 4.0 * rho * rho / (1.0 - rho).powi(4);
    let bandwidth = 1.3221 * (n as f64 * alpha).powf(0.2);
    if bandwidth.is_finite() {
        bandwidth
    } else {
        0.0
    }
}

fn quadratic_spectral(x: f64) -> f64 {
    let y = 6.0 * std::f64::consts::PI * x / 5.0;
    if y < 1e-3 {
        return 1.0 - y * y / 10.0; // the series, where the formula loses all digits
    }
    3.0 / (y * y) * (y.sin() / y - y.cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units that close a share of their gap that falls with t^-alpha.
    fn panel(units: usize, periods: usize, decay: f64) -> Vec<Vec<f64>> {
        (0..units)
            .map(|i| {
                let gap = i as f64 / units as f64 - 0.4;
                (1..=periods)
                    .map(|t| {
                        let wobble = ((i * 31 + t * 17) % 23) as f64 / 23.0 - 0.5;
                        10.0 + gap * (t as f64).powf(-decay) * (1.0 + 0.05 * wobble)
                    })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn convergence_is_told_from_divergence() {
        let closing = log_t(&panel(20, 40, 0.8), LogTOptions::default()).unwrap();
        // b estimates twice the rate, less the slope of 2 log log t.
        assert!(closing.converges && closing.b > 0.0, "{closing:?}");
        let parting = log_t(&panel(20, 40, -0.5), LogTOptions::default()).unwrap();
        assert!(!parting.converges && parting.p < 0.01, "{parting:?}");
    }

    #[test]
    fn panels_that_cannot_be_tested_are_refused() {
        let ask = |panel: &[Vec<f64>]| log_t(panel, LogTOptions::default()).unwrap_err();
        assert!(
            ask(&panel(5, 4, 0.1)).to_string().contains("are kept"),
            "too short"
        );
        assert!(
            ask(&vec![vec![3.0; 20]; 4])
                .to_string()
                .contains("are equal")
        );
        assert!(
            ask(&[vec![1.0; 20], vec![-1.0; 20]])
                .to_string()
                .contains("above 0")
        );
        let share = LogTOptions { trimmed_share: 1.0 };
        assert!(log_t(&panel(5, 20, 0.1), share).is_err());
    }

    #[test]
    fn the_kernel_is_smooth_where_its_series_takes_over() {
        let edge = 1e-3 * 5.0 / (6.0 * std::f64::consts::PI);
        let (below, above) = (
            quadratic_spectral(edge * 0.999),
            quadratic_spectral(edge * 1.001),
        );
        assert!((below - above).abs() < 1e-8, "{below} {above}");
    }
}
