//! Indices of inequality: one number for a distribution.

use conurb_base::inequality;

use crate::RegionError;
use crate::inequality::{positive, total};

/// Gini index sum_ij |y_i - y_j| / (2 n^2 mean): 0 for equal values, (n-1)/n when one has all.
///
/// # Errors
/// `Option` for no values, values below 0 or not finite, or a sum of 0.
pub fn gini(values: &[f64]) -> Result<f64, RegionError> {
    total("Gini index", values)?;
    inequality::gini(values).ok_or_else(nothing)
}

/// Gini index of values per head `x` that hold for `population`: sum_ij p_i p_j |x_i - x_j| / (2 mu),
/// with p the shares of population and mu the weighted mean.
///
/// # Errors
/// As [`gini`] for both slices, and `Shape` when they differ in length.
pub fn gini_weighted(per_head: &[f64], population: &[f64]) -> Result<f64, RegionError> {
    RegionError::same_len(
        "population of the Gini index",
        per_head.len(),
        population.len(),
    )?;
    total("Gini index", per_head)?;
    total("population of the Gini index", population)?;
    inequality::gini_weighted(per_head, population).ok_or_else(nothing)
}

fn nothing() -> RegionError {
    RegionError::option(
        "index of inequality",
        "the mean is 0; there is nothing to share",
    )
}

/// Theil's T = sum s_i ln(n s_i) with s the shares of the total; a value of 0 adds 0.
///
/// # Errors
/// As [`gini`].
pub fn theil(values: &[f64]) -> Result<f64, RegionError> {
    total("Theil index", values)?;
    inequality::theil(values, &vec![1.0; values.len()]).ok_or_else(nothing)
}

/// Theil's T of totals (say GDP) against population: sum s_i ln(s_i/p_i) with shares s and p.
///
/// # Errors
/// As [`gini`], `Shape` for lengths that differ, `Option` for a unit with a total but no population.
pub fn theil_population(totals: &[f64], population: &[f64]) -> Result<f64, RegionError> {
    against(totals, population)?;
    inequality::theil(totals, population).ok_or_else(nothing)
}

/// Sums of totals and population that fit together.
pub(crate) fn against(totals: &[f64], population: &[f64]) -> Result<(f64, f64), RegionError> {
    RegionError::same_len(
        "population of the Theil index",
        totals.len(),
        population.len(),
    )?;
    let sum = total("Theil index", totals)?;
    let persons = total("population of the Theil index", population)?;
    let nobody = |(y, p): (&f64, &f64)| *y > 0.0 && *p <= 0.0;
    if let Some(at) = totals.iter().zip(population).position(nobody) {
        return Err(RegionError::option(
            "population of the Theil index",
            format!("unit {at} has the total {} but no population", totals[at]),
        ));
    }
    Ok((sum, persons))
}

/// Mean log deviation, mean of ln(mean/y) (Theil's L).
///
/// # Errors
/// As [`gini`], and `Option` for a value of 0.
pub fn mean_log_deviation(values: &[f64]) -> Result<f64, RegionError> {
    let sum = total("mean log deviation", values)?;
    positive("mean log deviation", values)?;
    let n = values.len() as f64;
    let mean = sum / n;
    Ok(values.iter().map(|y| (mean / y).ln()).sum::<f64>() / n)
}

/// Atkinson index 1 - (mean y^(1-e))^(1/(1-e))/mean; for e = 1 the geometric mean takes the place of
/// the power mean.
///
/// # Errors
/// As [`gini`]; `Option` unless `aversion` e is above 0, and for values of 0 when e >= 1.
pub fn atkinson(values: &[f64], aversion: f64) -> Result<f64, RegionError> {
    let sum = total("Atkinson index", values)?;
    if !(aversion.is_finite() && aversion > 0.0) {
        return Err(RegionError::option(
            "aversion of the Atkinson index",
            format!("{aversion}; choose a value above 0, commonly 0.5 to 2"),
        ));
    }
    if aversion >= 1.0 {
        positive("Atkinson index with an aversion of 1 or more", values)?;
    }
    let n = values.len() as f64;
    let mean = sum / n;
    // Values relative to the mean, so that powers neither overflow nor vanish.
    let relative = values.iter().map(|y| y / mean);
    let equal = if (aversion - 1.0).abs() < 1e-12 {
        (relative.map(f64::ln).sum::<f64>() / n).exp()
    } else {
        let power = 1.0 - aversion;
        (relative.map(|y| y.powf(power)).sum::<f64>() / n).powf(1.0 / power)
    };
    Ok(1.0 - equal)
}

/// Palma ratio: what the richest tenth of the population has over what the poorest four tenths have.
/// A unit that lies across a limit is divided in proportion. For units without population give 1
/// each.
///
/// # Errors
/// As [`gini_weighted`]; `Option` when the poorest four tenths have nothing.
pub fn palma_ratio(per_head: &[f64], population: &[f64]) -> Result<f64, RegionError> {
    RegionError::same_len(
        "population of the Palma ratio",
        per_head.len(),
        population.len(),
    )?;
    total("Palma ratio", per_head)?;
    total("population of the Palma ratio", population)?;
    inequality::palma(per_head, population).ok_or_else(|| {
        RegionError::option(
            "Palma ratio",
            "the poorest four tenths have nothing; the ratio has no value",
        )
    })
}

/// Population standard deviation over mean.
///
/// # Errors
/// As [`gini`].
pub fn coefficient_of_variation(values: &[f64]) -> Result<f64, RegionError> {
    let n = values.len() as f64;
    let mean = total("coefficient of variation", values)? / n;
    let squares: f64 = values.iter().map(|y| (y - mean) * (y - mean)).sum();
    Ok((squares / n).sqrt() / mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn one_who_has_all_and_all_who_have_the_same() {
        close(gini(&[0.0, 0.0, 0.0, 8.0]).unwrap(), 0.75);
        close(theil(&[0.0, 0.0, 0.0, 8.0]).unwrap(), 4.0_f64.ln());
        for even in [
            gini(&[3.0; 5]),
            theil(&[3.0; 5]),
            mean_log_deviation(&[3.0; 5]),
        ] {
            close(even.unwrap(), 0.0);
        }
        close(coefficient_of_variation(&[1.0, 3.0]).unwrap(), 0.5);
    }

    #[test]
    fn atkinson_is_continuous_at_one_and_palma_divides_units() {
        let y = [1.0, 2.0, 7.0];
        let at_one = atkinson(&y, 1.0).unwrap();
        close(at_one, 1.0 - 14.0_f64.cbrt() / (10.0 / 3.0));
        assert!((atkinson(&y, 1.000_01).unwrap() - at_one).abs() < 1e-5);
        assert!((atkinson(&y, 0.999_99).unwrap() - at_one).abs() < 1e-5);
        // Poorest 4 of 10 persons: 3 with 1, 1 of the next three with 2; richest one has 9.
        let palma = palma_ratio(&[9.0, 1.0, 2.0, 3.0], &[2.0, 3.0, 3.0, 2.0]).unwrap();
        close(palma, 9.0 / 5.0);
    }

    #[test]
    fn bad_input_is_refused_with_its_place() {
        let error = gini(&[1.0, f64::NAN]).unwrap_err();
        assert!(error.to_string().contains("value 1 is NaN"), "{error}");
        assert!(gini(&[]).is_err());
        assert!(theil(&[0.0, 0.0]).is_err());
        assert!(mean_log_deviation(&[1.0, 0.0]).is_err());
        assert!(atkinson(&[1.0, 0.0], 1.0).is_err());
        assert!(atkinson(&[1.0, 0.0], 0.5).is_ok());
        assert!(atkinson(&[1.0], 0.0).is_err());
        assert!(gini_weighted(&[1.0], &[1.0, 2.0]).is_err());
        assert!(gini_weighted(&[1.0, 0.0], &[0.0, 2.0]).is_err());
        assert!(palma_ratio(&[0.0, 1.0], &[1.0, 1.0]).is_err());
        let error = theil_population(&[1.0, 2.0], &[3.0, 0.0]).unwrap_err();
        assert!(error.to_string().contains("unit 1"), "{error}");
    }

    proptest! {
        #[test]
        fn indices_do_not_see_scale_order_or_copies(
            y in prop::collection::vec(0.01..1e4_f64, 1..30),
            scale in 0.01..100.0_f64,
        ) {
            type Index = fn(&[f64]) -> Result<f64, RegionError>;
            let indices: [Index; 5] = [gini, theil, mean_log_deviation, |y| atkinson(y, 0.5), coefficient_of_variation];
            let scaled: Vec<f64> = y.iter().rev().map(|v| v * scale).collect();
            let doubled = [y.clone(), y.clone()].concat();
            for index in indices {
                let plain = index(&y).unwrap();
                prop_assert!(plain > -1e-12);
                prop_assert!((index(&scaled).unwrap() - plain).abs() < 1e-9);
                prop_assert!((index(&doubled).unwrap() - plain).abs() < 1e-9);
            }
        }

        #[test]
        fn the_fast_gini_is_its_definition_and_weights_are_copies(
            rows in prop::collection::vec((0.0..1e4_f64, 1..6_u32), 2..20),
        ) {
            let x: Vec<f64> = rows.iter().map(|r| r.0 + 1e-3).collect();
            let p: Vec<f64> = rows.iter().map(|r| f64::from(r.1)).collect();
            let copies: Vec<f64> = x
                .iter()
                .zip(&rows)
                .flat_map(|(&x, r)| std::iter::repeat_n(x, r.1 as usize))
                .collect();
            let n = copies.len() as f64;
            let mean = copies.iter().sum::<f64>() / n;
            let all: f64 = copies
                .iter()
                .flat_map(|a| copies.iter().map(move |b| (a - b).abs()))
                .sum();
            let definition = all / (2.0 * n * n * mean);
            prop_assert!((gini(&copies).unwrap() - definition).abs() < 1e-9);
            prop_assert!((gini_weighted(&x, &p).unwrap() - definition).abs() < 1e-9);
        }
    }
}
