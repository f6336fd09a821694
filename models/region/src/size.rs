//! City-size distribution: rank-size with the correction of Gabaix and Ibragimov (2011), Zipf's
//! exponent, primacy, concentration.

use serde::Serialize;

use crate::RegionError;
use crate::flows::{refuse_not_positive, straight_line};

/// The distribution of sizes within one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SizeDistribution {
    /// Cities.
    pub n: usize,
    /// `a` of `ln(R - 1/2) = a - b ln S`.
    pub a: f64,
    /// `b` of the same; 1 is Zipf's law, more is a more even system.
    pub b: f64,
    /// `b sqrt(2/n)`: the ordinary standard error is far too small here.
    pub b_se: f64,
    /// `q` of `ln S = c - q ln R`.
    pub q: f64,
    /// `c` of the same.
    pub c: f64,
    /// `S1 / S2`.
    pub primacy: f64,
    /// `S1 / (S2 + S3 + S4)`; `None` below four cities.
    pub four_city: Option<f64>,
    /// Sum of squared shares.
    pub hhi: f64,
}

/// Describes sizes (persons, jobs, product), in any order, all above 0.
///
/// Errors: fewer than two cities, a size not above 0 (the city is named by its position from 1),
/// sizes that are all equal.
pub fn size_distribution(sizes: &[f64]) -> Result<SizeDistribution, RegionError> {
    if sizes.len() < 2 {
        return Err(RegionError::option("city sizes", "two cities are needed"));
    }
    refuse_not_positive("city sizes", sizes)?;
    let mut s = sizes.to_vec();
    s.sort_by(|a, b| b.total_cmp(a));
    let n = s.len() as f64;
    let ln_size: Vec<f64> = s.iter().map(|v| v.ln()).collect();
    let ln_rank =
        |shift: f64| -> Vec<f64> { (1..=s.len()).map(|r| (r as f64 - shift).ln()).collect() };
    let shifted = straight_line("rank-size regression", &ln_size, &ln_rank(0.5))?;
    let zipf = straight_line("rank-size regression", &ln_rank(0.0), &ln_size)?;
    let total: f64 = s.iter().sum();
    let b = -shifted.slope;
    Ok(SizeDistribution {
        n: s.len(),
        a: shifted.intercept,
        b,
        b_se: b * (2.0 / n).sqrt(),
        q: -zipf.slope,
        c: zipf.intercept,
        primacy: s[0] / s[1],
        four_city: (s.len() >= 4).then(|| s[0] / (s[1] + s[2] + s[3])),
        hhi: s.iter().map(|v| (v / total).powi(2)).sum(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zipf_sizes_have_exponent_one() {
        let sizes: Vec<f64> = (1..=50).map(|r| 1e6 / f64::from(r)).collect();
        let d = size_distribution(&sizes).unwrap();
        assert!((d.q - 1.0).abs() < 1e-12 && (d.c - 1e6_f64.ln()).abs() < 1e-9);
        assert!((d.primacy - 2.0).abs() < 1e-12);
        assert!((d.b_se / d.b - 0.2).abs() < 1e-12);
    }

    /// A published script assigned where it should have summed: its mean was the last city's.
    #[test]
    fn every_city_counts() {
        let sizes = [9.0, 5.0, 4.0, 2.0, 1.5];
        let before = size_distribution(&sizes).unwrap();
        for i in 0..sizes.len() {
            let mut changed = sizes;
            changed[i] *= 1.01;
            let after = size_distribution(&changed).unwrap();
            assert_ne!(before.b, after.b, "city {i} does not count in b");
            assert_ne!(before.q, after.q, "city {i} does not count in q");
            assert_ne!(before.hhi, after.hhi, "city {i} does not count in hhi");
        }
    }

    #[test]
    fn empty_and_equal_cities_are_errors() {
        let error = size_distribution(&[5.0, 0.0, 1.0]).unwrap_err().to_string();
        assert!(error.contains("unit 2 has 0"), "{error}");
        assert!(matches!(
            size_distribution(&[5.0, 5.0]),
            Err(RegionError::Singular { .. })
        ));
        assert!(size_distribution(&[5.0]).is_err());
        assert_eq!(size_distribution(&[5.0, 3.0, 1.0]).unwrap().four_city, None);
    }
}
