//! Sigma and beta convergence.

use serde::Serialize;

use crate::RegionError;
use crate::convergence::ols::{Column, Ols, ols};
use crate::convergence::panel_shape;
use crate::inequality::{coefficient_of_variation, positive};

/// Sigma convergence: the coefficient of variation over units, period by period; it falls when
/// places become alike.
///
/// # Errors
/// `Option`, `Shape`: at least 2 units x 2 periods of finite values of at least 0.
pub fn sigma_convergence(panel: &[Vec<f64>]) -> Result<Vec<f64>, RegionError> {
    let (_, periods) = panel_shape("sigma convergence", panel)?;
    (0..periods)
        .map(|t| {
            let year: Vec<f64> = panel.iter().map(|row| row[t]).collect();
            coefficient_of_variation(&year)
        })
        .collect()
}

/// Beta convergence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beta {
    /// Intercept a.
    pub a: f64,
    /// Coefficient of the log of the first value; below 0 the poor grow faster.
    pub b: f64,
    /// Its standard error.
    pub b_standard_error: f64,
    /// Speed -ln(1 + b T)/T a year; none when 1 + b T is not above 0.
    pub speed_per_year: Option<f64>,
    /// Years to halve the gap, ln 2 / speed; none unless the speed is above 0.
    pub half_life_years: Option<f64>,
    /// The regression: constant, log of the first value, then controls.
    pub fit: Ols,
}

/// (1/T) ln(y_T/y_0) = a + b ln y_0 + controls, by least squares; conditional convergence when there
/// are controls.
///
/// # Errors
/// `Shape`, `Option` for values that are not above 0 and years that are not; `Singular` as [`ols`].
pub fn beta_convergence(
    first: &[f64],
    last: &[f64],
    years: f64,
    controls: &[Column],
) -> Result<Beta, RegionError> {
    RegionError::same_len("last values of beta convergence", first.len(), last.len())?;
    if !(years.is_finite() && years > 0.0) {
        return Err(RegionError::option(
            "years of beta convergence",
            format!("{years}; give the years between the values, above 0"),
        ));
    }
    for values in [first, last] {
        positive("beta convergence", values)?;
    }
    let growth: Vec<f64> = first
        .iter()
        .zip(last)
        .map(|(a, b)| (b / a).ln() / years)
        .collect();
    let log_first = Column::new(
        "log of the first value",
        first.iter().map(|y| y.ln()).collect(),
    );
    let mut columns = vec![Column::constant(first.len()), log_first];
    columns.extend(controls.iter().cloned());
    let fit = ols(&growth, &columns)?;
    let b = fit.coefficients[1];
    let kept = 1.0 + b * years;
    let speed = (kept > 0.0).then(|| -kept.ln() / years);
    Ok(Beta {
        a: fit.coefficients[0],
        b,
        b_standard_error: fit.standard_errors[1],
        speed_per_year: speed,
        half_life_years: speed
            .filter(|s| *s > 0.0)
            .map(|s| std::f64::consts::LN_2 / s),
        fit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_speed_is_found() {
        // ln y_T = (1 - e^(-beta T)) ln y* + e^(-beta T) ln y_0 exactly.
        let first: Vec<f64> = (1..=6_u32).map(|i| f64::from(i) * 100.0).collect();
        let decay = (-0.02_f64 * 30.0).exp();
        let last: Vec<f64> = first
            .iter()
            .map(|y| ((1.0 - decay) * 1000.0_f64.ln() + decay * y.ln()).exp())
            .collect();
        let beta = beta_convergence(&first, &last, 30.0, &[]).unwrap();
        assert!((beta.speed_per_year.unwrap() - 0.02).abs() < 1e-12);
        assert!((beta.half_life_years.unwrap() - 50.0 * std::f64::consts::LN_2).abs() < 1e-9);
    }

    #[test]
    fn divergence_has_no_half_life_and_bad_input_is_refused() {
        let beta = beta_convergence(&[1.0, 2.0, 4.0], &[1.0, 3.0, 9.0], 10.0, &[]).unwrap();
        assert!(beta.b > 0.0 && beta.half_life_years.is_none());
        assert!(beta_convergence(&[1.0, 0.0, 4.0], &[1.0; 3], 10.0, &[]).is_err());
        assert!(beta_convergence(&[1.0, 2.0, 4.0], &[1.0; 3], 0.0, &[]).is_err());
        let same = beta_convergence(&[2.0; 4], &[1.0, 2.0, 3.0, 4.0], 1.0, &[]).unwrap_err();
        assert!(matches!(same, RegionError::Singular { .. }), "{same}");
        assert!(sigma_convergence(&[vec![1.0, 2.0], vec![1.0]]).is_err());
        assert!(sigma_convergence(&[vec![1.0, 2.0]]).is_err());
    }
}
