//! Gini, Theil and Palma of values that are fit for them: the one home of these sums. Callers check
//! values and name what is wrong; here no total means `None`.
//!
//! Sources: Gini 1912, Theil 1967, Palma 2011.

/// Gini index sum_ij |y_i - y_j| / (2 n^2 mean) of values of at least 0; `None` where their sum is
/// not above 0.
#[must_use]
#[allow(clippy::cast_precision_loss)] // counts of places
pub fn gini(values: &[f64]) -> Option<f64> {
    let sum: f64 = values.iter().sum();
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    // sum_ij |y_i - y_j| = 2 sum_r (2r - n - 1) y_(r), ranks r from 1.
    let ranked: f64 = (sorted.iter().enumerate())
        .map(|(at, y)| (2.0 * at as f64 + 1.0 - n) * y)
        .sum();
    (sum > 0.0).then(|| ranked / (n * sum))
}

/// Gini index of values that hold for weights (persons): sum_ij p_i p_j |x_i - x_j| / (2 mu), with p
/// the shares of weight and mu the weighted mean; `None` where the mean is not above 0. Each value
/// needs a weight.
#[must_use]
pub fn gini_weighted(values: &[f64], weights: &[f64]) -> Option<f64> {
    let total: f64 = weights.iter().sum();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let (mut below, mut sum_below, mut differences) = (0.0, 0.0, 0.0);
    for i in order {
        let p = weights[i] / total;
        differences += p * (values[i] * below - sum_below);
        below += p;
        sum_below += p * values[i];
    }
    (sum_below > 0.0).then(|| differences / sum_below)
}

/// Theil's T of totals against a base (persons, or 1 each): sum s_i ln(s_i/p_i) with the shares of
/// both; a total of 0 adds 0. `None` where totals or base do not sum above 0, or a total is below 0.
#[must_use]
pub fn theil(totals: &[f64], base: &[f64]) -> Option<f64> {
    let (sum, all): (f64, f64) = (totals.iter().sum(), base.iter().sum());
    if sum.is_nan() || sum <= 0.0 || all.is_nan() || all <= 0.0 || totals.iter().any(|y| *y < 0.0) {
        return None;
    }
    let terms = totals.iter().zip(base);
    Some(terms.map(|(y, p)| theil_term(y / sum, p / all)).sum())
}

/// s ln(s/p), 0 for s = 0.
#[must_use]
pub fn theil_term(share: f64, base: f64) -> f64 {
    if share > 0.0 {
        share * (share / base).ln()
    } else {
        0.0
    }
}

/// Palma ratio: what the top tenth of the weight has over what the bottom four tenths have; who lies
/// across a limit is divided in proportion. `None` where the bottom has nothing.
#[must_use]
pub fn palma(values: &[f64], weights: &[f64]) -> Option<f64> {
    let total: f64 = weights.iter().sum();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let take = |order: &mut dyn Iterator<Item = &usize>, share: f64| {
        let (mut left, mut sum) = (share * total, 0.0);
        for &i in order {
            let part = weights[i].min(left);
            sum += part * values[i];
            left -= part;
        }
        sum
    };
    let poor = take(&mut order.iter(), 0.4);
    let rich = take(&mut order.iter().rev(), 0.1);
    (poor > 0.0).then(|| rich / poor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_halves_with_one_and_three() {
        let near = |found: Option<f64>, known: f64| {
            assert!(
                found.is_some_and(|f| (f - known).abs() < 1e-15),
                "{found:?} {known}"
            );
        };
        near(gini(&[1.0, 3.0]), 0.25);
        near(gini_weighted(&[1.0, 3.0], &[5.0, 5.0]), 0.25);
        let known = f64::midpoint(0.5 * 0.5_f64.ln(), 1.5 * 1.5_f64.ln());
        near(theil(&[5.0, 15.0], &[5.0, 5.0]), known);
        near(palma(&[1.0, 3.0], &[5.0, 5.0]), 3.0 * 0.1 / 0.4);
        assert_eq!(gini(&[0.0, 0.0]), None);
        assert_eq!(gini_weighted(&[0.0], &[1.0]), None);
        assert_eq!(theil(&[-1.0, 2.0], &[1.0, 1.0]), None);
        assert_eq!(palma(&[0.0, 1.0], &[9.0, 1.0]), None);
    }
}
