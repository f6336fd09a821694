//! Coupling coordination of subsystems in its three published variants, and the weights they are
//! used with. The standard C squeezes near 1 for two subsystems, and wrong exponents circulate
//! (Wang, Kong, Ren et al. 2021, doi 10.31497/zrzyxb.20210319); grade tables differ between papers
//! and are the caller's.

use serde::{Deserialize, Serialize};

use crate::RegionError;
use crate::flows::correlation;

/// How C is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// `[prod U_i / (mean U)^n]^(1/n)`.
    Standard,
    /// `sqrt([1 - sum |U_i - U_j| / (n(n-1)/2)] (prod U_i / max U)^(1/(n-1)))`, the product over all
    /// but the largest: spread over the whole of 0..1.
    Wang,
    /// `1 - 2 sqrt((n sum U^2 - (sum U)^2) / n^2)`: one less twice the standard deviation.
    Fan,
}

/// Coupling coordination of one place and year.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coupling {
    /// Coupling degree, 0..1.
    pub c: f64,
    /// Development, `sum a_i U_i`.
    pub t: f64,
    /// Coordination, `sqrt(C T)`.
    pub d: f64,
}

/// Coupling coordination of subsystem scores `u`, each in 0..1, with weights that sum to 1.
///
/// Errors: fewer than two subsystems, scores outside 0..1 or all 0, weights that are negative or
/// do not sum to 1.
pub fn coupling(u: &[f64], weights: &[f64], variant: Variant) -> Result<Coupling, RegionError> {
    if u.len() < 2 {
        return Err(RegionError::option("subsystems", "two are needed"));
    }
    RegionError::same_len("weights of subsystems", u.len(), weights.len())?;
    if let Some(i) = u.iter().position(|v| !(0.0..=1.0).contains(v)) {
        return Err(RegionError::option(
            "score of a subsystem",
            format!("subsystem {} has {}; scores are 0..1", i + 1, u[i]),
        ));
    }
    if let Some(i) = weights.iter().position(|w| !(0.0..=1.0).contains(w)) {
        return Err(RegionError::option(
            "weights of subsystems",
            format!("weight {} is {}; weights are 0..1", i + 1, weights[i]),
        ));
    }
    crate::joins::closes("weights of subsystems", 1.0, weights)?;
    let largest = u.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return Err(RegionError::option("score of a subsystem", "all are 0"));
    }
    let n = u.len() as f64;
    let c = match variant {
        Variant::Standard => {
            let mean = u.iter().sum::<f64>() / n;
            u.iter().map(|v| v / mean).product::<f64>().powf(1.0 / n)
        }
        Variant::Wang => {
            let gaps: f64 = (0..u.len())
                .flat_map(|i| (0..i).map(move |j| (u[i] - u[j]).abs()))
                .sum();
            let near = (1.0 - gaps / (n * (n - 1.0) / 2.0)).max(0.0);
            let product: f64 = u.iter().map(|v| v / largest).product();
            (near * product.powf(1.0 / (n - 1.0))).sqrt()
        }
        Variant::Fan => {
            let (sum, squares) = (u.iter().sum::<f64>(), u.iter().map(|v| v * v).sum::<f64>());
            1.0 - 2.0 * ((n * squares - sum * sum).max(0.0) / (n * n)).sqrt()
        }
    };
    let c = c.clamp(0.0, 1.0);
    let t = u.iter().zip(weights).map(|(u, a)| u * a).sum();
    Ok(Coupling {
        c,
        t,
        d: (c * t).sqrt(),
    })
}

/// The label of `d` in a grade table: `(upper limit, label)`, ascending; a limit belongs to the
/// lower grade. `None` above the last limit.
#[must_use]
pub fn grade(d: f64, table: &[(f64, String)]) -> Option<&str> {
    table
        .iter()
        .find(|(limit, _)| d <= *limit)
        .map(|(_, label)| label.as_str())
}

/// Equal weights.
#[must_use]
pub fn equal_weights(n: usize) -> Vec<f64> {
    vec![1.0 / n as f64; n]
}

/// Entropy weights (Shannon) of indicators, `columns[k][i]` = indicator k of unit i, all on scales
/// where more is better, not negative: `p = x / sum x`, `e_k = -sum p ln p / ln n`,
/// `w_k = (1 - e_k) / sum (1 - e)`. An indicator without spread gets 0.
pub fn entropy_weights(columns: &[Vec<f64>]) -> Result<Vec<f64>, RegionError> {
    let n = check_columns(columns)?;
    let mut spread = Vec::with_capacity(columns.len());
    for (k, column) in columns.iter().enumerate() {
        let sum: f64 = column.iter().sum();
        if column.iter().any(|v| *v < 0.0) || sum <= 0.0 {
            return Err(RegionError::option(
                "entropy weights",
                format!(
                    "indicator {} has a negative value or is 0 everywhere",
                    k + 1
                ),
            ));
        }
        let plogp: f64 = column
            .iter()
            .map(|v| v / sum)
            .filter(|p| *p > 0.0)
            .map(|p| p * p.ln())
            .sum();
        // Rounding leaves 1e-16 where there is no spread at all.
        let rest = 1.0 + plogp / (n as f64).ln();
        spread.push(if rest < 1e-12 { 0.0 } else { rest });
    }
    shares("entropy weights", &spread)
}

/// CRITIC weights (Diakoulaki, Mavrotas, Papayannakis 1995): on min-max scaled indicators
/// `sd_k sum_l (1 - r_kl)`, normalised. Errors: an indicator without spread, by its position.
pub fn critic_weights(columns: &[Vec<f64>]) -> Result<Vec<f64>, RegionError> {
    let n = check_columns(columns)? as f64;
    let mut scaled = Vec::with_capacity(columns.len());
    for (k, column) in columns.iter().enumerate() {
        let low = column.iter().copied().fold(f64::INFINITY, f64::min);
        let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if high <= low {
            return Err(RegionError::Singular {
                what: "CRITIC weights".to_owned(),
                message: format!("indicator {} has one value everywhere", k + 1),
            });
        }
        scaled.push(
            column
                .iter()
                .map(|v| (v - low) / (high - low))
                .collect::<Vec<f64>>(),
        );
    }
    let mut information = Vec::with_capacity(columns.len());
    for x in &scaled {
        let mean = x.iter().sum::<f64>() / n;
        let sd = (x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        let mut conflict = 0.0;
        for y in &scaled {
            conflict += 1.0 - correlation("CRITIC weights", x, y)?;
        }
        information.push(sd * conflict);
    }
    shares("CRITIC weights", &information)
}

fn shares(what: &str, values: &[f64]) -> Result<Vec<f64>, RegionError> {
    let sum: f64 = values.iter().sum();
    if sum <= 1e-12 {
        return Err(RegionError::Singular {
            what: what.to_owned(),
            message: "the indicators tell nothing apart".to_owned(),
        });
    }
    Ok(values.iter().map(|v| v / sum).collect())
}

fn check_columns(columns: &[Vec<f64>]) -> Result<usize, RegionError> {
    let n = columns.first().map_or(0, Vec::len);
    if n < 2 {
        return Err(RegionError::option("indicators", "two units are needed"));
    }
    for (k, column) in columns.iter().enumerate() {
        RegionError::same_len(&format!("indicator {}", k + 1), n, column.len())?;
        if let Some(i) = column.iter().position(|v| !v.is_finite()) {
            return Err(RegionError::option(
                "indicators",
                format!("indicator {} of unit {} is {}", k + 1, i + 1, column[i]),
            ));
        }
    }
    Ok(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_variants_on_the_toys() {
        use Variant::{Fan, Standard, Wang};
        let cases: [(&[f64], Variant, f64, f64); 9] = [
            (&[0.2, 0.8], Standard, 0.8, 0.632_456),
            (&[0.2, 0.8], Wang, 0.316_228, 0.397_635),
            (&[0.2, 0.8], Fan, 0.4, 0.447_214),
            (&[0.3, 0.6, 0.9], Standard, 0.908_560, 0.738_333),
            (&[0.3, 0.6, 0.9], Wang, 0.531_830, 0.564_887),
            (&[0.3, 0.6, 0.9], Fan, 0.510_102, 0.553_228),
            (&[0.5, 0.5], Standard, 1.0, std::f64::consts::FRAC_1_SQRT_2),
            (&[0.5, 0.5], Wang, 1.0, std::f64::consts::FRAC_1_SQRT_2),
            (&[0.5, 0.5], Fan, 1.0, std::f64::consts::FRAC_1_SQRT_2),
        ];
        for (u, variant, c, d) in cases {
            let found = coupling(u, &equal_weights(u.len()), variant).unwrap();
            assert!(
                (found.c - c).abs() < 6e-7,
                "{variant:?} {u:?}: C {}",
                found.c
            );
            assert!(
                (found.d - d).abs() < 6e-7,
                "{variant:?} {u:?}: D {}",
                found.d
            );
        }
    }

    #[test]
    fn bad_scores_and_weights_are_refused() {
        assert!(coupling(&[0.2, 1.2], &[0.5, 0.5], Variant::Fan).is_err());
        assert!(coupling(&[0.0, 0.0], &[0.5, 0.5], Variant::Wang).is_err());
        assert!(coupling(&[0.2], &[1.0], Variant::Fan).is_err());
        assert!(matches!(
            coupling(&[0.2, 0.3], &[0.5, 0.6], Variant::Fan),
            Err(RegionError::DoesNotAddUp { .. })
        ));
    }

    /// By hand: shares (1/4, 3/4) have entropy 0.8112781245 of ln 2, (1/2, 1/2) all of it.
    #[test]
    fn an_indicator_without_spread_gets_no_entropy_weight() {
        let w = entropy_weights(&[vec![1.0, 3.0], vec![2.0, 2.0]]).unwrap();
        assert_eq!(w, [1.0, 0.0]);
        let w = entropy_weights(&[vec![1.0, 3.0], vec![0.0, 2.0]]).unwrap();
        let rest = 1.0 - 0.811_278_124_459;
        assert!((w[0] - rest / (rest + 1.0)).abs() < 1e-11);
        assert!(entropy_weights(&[vec![2.0, 2.0]]).is_err());
    }

    /// Two equal indicators share what one opposed to both keeps: conflicts 2, 2, 4, equal spread.
    #[test]
    fn critic_rewards_conflict() {
        let (up, down) = (vec![0.0, 1.0, 2.0], vec![2.0, 1.0, 0.0]);
        let w = critic_weights(&[up.clone(), up, down]).unwrap();
        for (found, expected) in w.iter().zip([0.25, 0.25, 0.5]) {
            assert!((found - expected).abs() < 1e-12);
        }
        let error = critic_weights(&[vec![1.0, 2.0], vec![3.0, 3.0]]).unwrap_err();
        assert!(error.to_string().contains("indicator 2"));
    }

    #[test]
    fn grades_come_from_the_callers_table() {
        let table = [(0.4, "poor".to_owned()), (1.0, "good".to_owned())];
        assert_eq!(grade(0.4, &table), Some("poor"));
        assert_eq!(grade(0.41, &table), Some("good"));
        assert_eq!(grade(1.1, &table), None);
    }
}
