//! The gravity model of Chinese planning practice, with kilometres or minutes.
//!
//! `R_ij = sqrt(P_i G_i) sqrt(P_j G_j) / d_ij^2`, persons in 10^4, product in 10^8 yuan, distance in
//! km; with minutes for km it is the "modified" model, which shows the effect of rail.

use serde::Serialize;

use super::{Square, refuse_not_positive};
use crate::RegionError;

/// What keeps places apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Separation {
    /// Kilometres.
    Km,
    /// Minutes: the modified model.
    Minutes,
}

/// Ties of all places.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gravity {
    /// Kilometres or minutes.
    pub separation: Separation,
    /// The power of the separation.
    pub exponent: f64,
    /// `R_ij`; 0 on the diagonal and where there is no way.
    pub ties: Square,
    /// `R_i = sum_j R_ij`.
    pub total: Vec<f64>,
    /// `F_ij = R_ij / R_i`; a place without any tie has zeros.
    pub membership: Square,
}

/// Gravity ties of all pairs.
///
/// `pop_10k`: persons in 10^4; `gdp_100m_yuan`: product in 10^8 yuan; `between`: separation of every
/// pair, infinite where there is no way. Errors: a mass that is not above 0, a separation that is
/// not above 0 off the diagonal, lengths that differ.
pub fn gravity(
    pop_10k: &[f64],
    gdp_100m_yuan: &[f64],
    between: &Square,
    separation: Separation,
    exponent: f64,
) -> Result<Gravity, RegionError> {
    let n = between.n();
    RegionError::same_len("population", n, pop_10k.len())?;
    RegionError::same_len("product", n, gdp_100m_yuan.len())?;
    refuse_not_positive("population of the gravity model", pop_10k)?;
    refuse_not_positive("product of the gravity model", gdp_100m_yuan)?;
    if !exponent.is_finite() {
        return Err(RegionError::option(
            "exponent",
            format!("{exponent} is no power"),
        ));
    }
    for i in 0..n {
        if let Some(j) =
            (0..n).find(|&j| i != j && (between.at(i, j) <= 0.0 || between.at(i, j).is_nan()))
        {
            return Err(RegionError::option(
                "separation of the gravity model",
                format!(
                    "{} between units {} and {}; it must be above 0",
                    between.at(i, j),
                    i + 1,
                    j + 1
                ),
            ));
        }
    }
    let mass: Vec<f64> = pop_10k
        .iter()
        .zip(gdp_100m_yuan)
        .map(|(p, g)| (p * g).sqrt())
        .collect();
    let ties = Square::from_fn("ties", n, |i, j| {
        if i == j || between.at(i, j).is_infinite() {
            0.0
        } else {
            mass[i] * mass[j] / between.at(i, j).powf(exponent)
        }
    })?;
    let total: Vec<f64> = (0..n).map(|i| ties.row(i).iter().sum()).collect();
    let membership = Square::from_fn("membership", n, |i, j| {
        if total[i] > 0.0 {
            ties.at(i, j) / total[i]
        } else {
            0.0
        }
    })?;
    Ok(Gravity {
        separation,
        exponent,
        ties,
        total,
        membership,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(a: (f64, f64), b: (f64, f64), d_km: f64) -> f64 {
        let between = Square::new("d", 2, vec![0.0, d_km, d_km, 0.0]).unwrap();
        let g = gravity(&[a.1, b.1], &[a.0, b.0], &between, Separation::Km, 2.0).unwrap();
        assert_eq!(g.membership.at(0, 1), 1.0);
        g.ties.at(0, 1)
    }

    /// Values of a published table of the Yangtze Delta, 2019.
    #[test]
    fn the_published_pairs_are_met() {
        let (suzhou, wuxi) = ((19235.8, 1074.99), (11852.3, 659.15));
        let (nanjing, shanghai) = ((14030.2, 850.55), (38155.32, 2428.14));
        for (found, expected) in [
            (pair(suzhou, wuxi, 33.563_715_79), 11_282.639_58),
            (pair(suzhou, shanghai, 84.788_559_96), 6_088.316_65),
            (pair(nanjing, shanghai, 269.629_325_8), 457.364_040_4),
        ] {
            assert!((found / expected - 1.0).abs() < 2e-9, "{found} {expected}");
        }
    }

    #[test]
    fn no_way_is_no_tie_and_nobody_is_an_error() {
        let inf = f64::INFINITY;
        let between = Square::new("d", 2, vec![0.0, inf, inf, 0.0]).unwrap();
        let apart = gravity(&[1.0, 1.0], &[1.0, 1.0], &between, Separation::Minutes, 2.0).unwrap();
        assert_eq!(apart.total, [0.0, 0.0]);
        let empty = gravity(&[1.0, 0.0], &[1.0, 1.0], &between, Separation::Km, 2.0);
        assert!(empty.unwrap_err().to_string().contains("unit 2 has 0"));
        let same = Square::new("d", 2, vec![0.0; 4]).unwrap();
        assert!(gravity(&[1.0; 2], &[1.0; 2], &same, Separation::Km, 2.0).is_err());
    }
}
