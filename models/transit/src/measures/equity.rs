//! How evenly reach is shared, weighted by persons: Gini, Theil, coefficient of variation, Palma,
//! least.

use serde::Serialize;

use super::reach::Reach;
use crate::error::TransitError;

/// Balance of a measure over places.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Equity {
    /// Places with a value and a weight: the others are in no figure.
    pub places: usize,
    /// Places without a value: cut off, the least equal of all.
    pub without: Vec<usize>,
    /// Weighted mean.
    pub mean: f64,
    /// Gini coefficient: 0 where all are equal.
    pub gini: f64,
    /// Theil T; `None` where a value is negative.
    pub theil: Option<f64>,
    /// Population standard deviation over mean.
    pub cv: f64,
    /// Share of the top tenth over share of the bottom four tenths of persons; `None` where the
    /// bottom has nothing.
    pub palma: Option<f64>,
    /// The least value.
    pub least: f64,
    /// The place that has it (the first in order).
    pub least_place: usize,
}

/// Balance of a measure, weighted (by default with persons). Sound for measures where more is
/// better (potential, contour); for travel times a Palma above 1 means long ways for few.
///
/// # Errors
/// Where no place has both a value and a weight, or the mean is not above 0.
pub fn equity(found: &[Reach], weights: &[f64]) -> Result<Equity, TransitError> {
    let wrong = |message: String| TransitError::Option {
        what: "equity",
        message,
    };
    let mut rows: Vec<(f64, f64)> = Vec::new();
    let mut without = Vec::new();
    let mut least: Option<(f64, usize)> = None;
    for reach in found {
        let weight = weights.get(reach.place).copied().unwrap_or(0.0);
        match reach.value {
            Some(value) if weight > 0.0 => {
                rows.push((value, weight));
                if least.is_none_or(|l| value < l.0) {
                    least = Some((value, reach.place));
                }
            }
            Some(_) => {}
            None => without.push(reach.place),
        }
    }
    let (least, least_place) =
        least.ok_or_else(|| wrong("no place has both a value and a weight".into()))?;
    let total: f64 = rows.iter().map(|r| r.1).sum();
    let mean = rows.iter().map(|(v, w)| v * w).sum::<f64>() / total;
    if mean <= 0.0 {
        return Err(wrong(format!("the mean is {mean}, not above 0")));
    }
    let variance = rows
        .iter()
        .map(|(v, w)| w * (v - mean) * (v - mean))
        .sum::<f64>()
        / total;
    Ok(Equity {
        places: rows.len(),
        without,
        mean,
        gini: gini(&rows).unwrap_or(0.0),
        theil: theil(&rows),
        cv: variance.sqrt() / mean,
        palma: palma(&rows),
        least,
        least_place,
    })
}

/// Weighted Gini of (value, weight): sum w_i w_j |v_i - v_j| / (2 mean W^2); `None` where the mean
/// is not above 0.
#[must_use]
pub fn gini(rows: &[(f64, f64)]) -> Option<f64> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = sorted.iter().map(|r| r.1).sum();
    let sum: f64 = sorted.iter().map(|r| r.0 * r.1).sum();
    if sum <= 0.0 {
        return None;
    }
    // Twice the sum over ordered pairs, in one pass: each value against all below.
    let (mut below_weight, mut below_sum, mut pairs) = (0.0, 0.0, 0.0);
    for (value, weight) in sorted {
        pairs += weight * (value * below_weight - below_sum);
        below_weight += weight;
        below_sum += value * weight;
    }
    Some(pairs / (total * sum))
}

/// Weighted Theil T of (value, weight): sum (w/W) (v/mean) ln(v/mean), 0 for a value of 0; `None`
/// where a value is negative or the mean is not above 0.
#[must_use]
pub fn theil(rows: &[(f64, f64)]) -> Option<f64> {
    let total: f64 = rows.iter().map(|r| r.1).sum();
    let mean = rows.iter().map(|r| r.0 * r.1).sum::<f64>() / total;
    if rows.iter().any(|r| r.0 < 0.0) || mean.is_nan() || mean <= 0.0 {
        return None;
    }
    let part = |(value, weight): &(f64, f64)| {
        let ratio = value / mean;
        if ratio > 0.0 {
            weight / total * ratio * ratio.ln()
        } else {
            0.0
        }
    };
    Some(rows.iter().map(part).sum())
}

/// What the top tenth of the weight has over what the bottom four tenths have; a place on the
/// border is split. `None` where the bottom has nothing.
#[must_use]
pub fn palma(rows: &[(f64, f64)]) -> Option<f64> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = sorted.iter().map(|r| r.1).sum();
    let share = |rows: &mut dyn Iterator<Item = &(f64, f64)>, part: f64| {
        let (mut left, mut sum) = (part * total, 0.0);
        for (value, weight) in rows {
            let taken = weight.min(left);
            sum += value * taken;
            left -= taken;
            if left <= 0.0 {
                break;
            }
        }
        sum
    };
    let bottom = share(&mut sorted.iter(), 0.4);
    let top = share(&mut sorted.iter().rev(), 0.1);
    (bottom > 0.0).then(|| top / bottom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_small_cases() {
        // Two equal halves with 1 and 3: Gini 1/4, Theil (0.5 ln 0.5 + 1.5 ln 1.5) / 2.
        let rows = [(1.0, 5.0), (3.0, 5.0)];
        assert!((gini(&rows).unwrap() - 0.25).abs() < 1e-15);
        let known = f64::midpoint(0.5 * 0.5_f64.ln(), 1.5 * 1.5_f64.ln());
        assert!((theil(&rows).unwrap() - known).abs() < 1e-15);
        assert!((palma(&rows).unwrap() - 3.0 * 0.1 / 0.4).abs() < 1e-15);
        assert_eq!(gini(&[(7.0, 1.0), (7.0, 2.0)]), Some(0.0));
        assert_eq!(theil(&[(-1.0, 1.0)]), None);
        assert_eq!(palma(&[(0.0, 9.0), (1.0, 1.0)]), None);
    }

    #[test]
    fn weights_are_repeated_persons() {
        let weighted = [(2.0, 3.0), (5.0, 1.0), (9.0, 2.0)];
        let persons: Vec<(f64, f64)> = [2.0, 2.0, 2.0, 5.0, 9.0, 9.0].map(|v| (v, 1.0)).to_vec();
        assert!((gini(&weighted).unwrap() - gini(&persons).unwrap()).abs() < 1e-15);
        assert!((theil(&weighted).unwrap() - theil(&persons).unwrap()).abs() < 1e-15);
        // By the definition over ordered pairs.
        let (mut sum, mut total) = (0.0, 0.0);
        for (a, _) in &persons {
            total += a;
            sum += persons.iter().map(|(b, _)| (a - b).abs()).sum::<f64>();
        }
        let known = sum / (2.0 * 6.0 * total);
        assert!((gini(&persons).unwrap() - known).abs() < 1e-15);
    }

    #[test]
    fn places_without_a_value_are_told() {
        let reach = |place, value| Reach {
            place,
            value,
            reached: 0,
            lost: Vec::new(),
            lost_mass: 0.0,
        };
        let found = [reach(0, Some(4.0)), reach(1, None), reach(2, Some(2.0))];
        let made = equity(&found, &[1.0, 1.0, 1.0]).unwrap();
        assert_eq!((made.places, made.mean, made.least), (2, 3.0, 2.0));
        assert_eq!((made.without, made.least_place), (vec![1], 2));
        assert!((made.cv - 1.0 / 3.0).abs() < 1e-15);
        assert!(equity(&found[1..2], &[1.0, 1.0]).is_err());
    }
}
