//! Complementarity: what one city has and the other lacks.

use super::Jobs;
use crate::RegionError;
use crate::flows::{Square, spearman};

/// `-rho` of the location quotients of two cities (Spearman), -1 (same order) .. 1 (opposed). A
/// city with itself has -1. Sectors that the nation lacks are left out.
///
/// Errors: a city whose quotients are all equal has no order ([`RegionError::Singular`]).
pub fn rank_complementarity(jobs: &Jobs, nation: &[f64]) -> Result<Square, RegionError> {
    let lq: Vec<Vec<f64>> = jobs
        .location_quotients(nation)?
        .into_iter()
        .map(|row| row.into_iter().flatten().collect())
        .collect();
    let n = jobs.units();
    let mut values = vec![-1.0; n * n];
    for i in 0..n {
        for j in 0..i {
            let rho = spearman(&lq[i], &lq[j]).map_err(|e| match e {
                RegionError::Singular { message, .. } => RegionError::Singular {
                    what: format!(
                        "location quotients of {} and {}",
                        jobs.names()[i],
                        jobs.names()[j]
                    ),
                    message,
                },
                other => other,
            })?;
            values[i * n + j] = -rho;
            values[j * n + i] = -rho;
        }
    }
    Square::new("complementarity", n, values)
}

/// Input-output weighted complementarity, 0..1: `sum_{s != t} b_st (a_is a_jt + a_js a_it) / 2`, where
/// `b_st` is the share of purchases of sector t from sector s in all purchases between different
/// sectors. Purchases within a sector are overlap, not complementarity, and do not count.
///
/// `purchases`: sectors x sectors in the order of the table, from a national input-output table. This
/// weighting is an assumption of ours: technology is the nation's, distance plays no part.
pub fn input_output_complementarity(
    jobs: &Jobs,
    purchases: &Square,
) -> Result<Square, RegionError> {
    let width = jobs.sectors().len();
    RegionError::same_len("sectors of the input-output table", width, purchases.n())?;
    purchases.refuse_negative("purchases between sectors")?;
    let pairs: Vec<(usize, usize, f64)> = (0..width * width)
        .map(|k| (k / width, k % width, purchases.at(k / width, k % width)))
        .filter(|(s, t, b)| s != t && *b > 0.0)
        .collect();
    let all: f64 = pairs.iter().map(|p| p.2).sum();
    if all <= 0.0 {
        return Err(RegionError::option(
            "purchases between sectors",
            "there are none between different sectors",
        ));
    }
    Square::from_fn("complementarity", jobs.units(), |i, j| {
        pairs
            .iter()
            .map(|&(s, t, b)| {
                b / all
                    * (jobs.share(i, s) * jobs.share(j, t))
                        .midpoint(jobs.share(j, s) * jobs.share(i, t))
            })
            .sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::industry::jobs::tests::table;

    #[test]
    fn opposed_cities_complement_each_other() {
        let t = table(&[&[3., 2., 1.], &[1., 2., 3.], &[6., 4., 2.]]);
        let c = rank_complementarity(&t, &[1., 1., 1.]).unwrap();
        assert_eq!((c.at(0, 1), c.at(0, 2), c.at(0, 0)), (1.0, -1.0, -1.0));
        let flat = table(&[&[1., 1., 1.], &[1., 2., 3.]]);
        let error = rank_complementarity(&flat, &[1., 1., 1.]).unwrap_err();
        assert!(error.to_string().contains("city 0"), "{error}");
    }

    #[test]
    fn a_maker_and_its_supplier() {
        let t = table(&[&[1., 0.], &[0., 1.], &[1., 0.]]);
        let io = Square::new("io", 2, vec![5., 2., 0., 9.]).unwrap();
        let c = input_output_complementarity(&t, &io).unwrap();
        assert_eq!((c.at(0, 1), c.at(1, 0), c.at(0, 2)), (0.5, 0.5, 0.0));
        let none = Square::new("io", 2, vec![5., 0., 0., 9.]).unwrap();
        assert!(input_output_complementarity(&t, &none).is_err());
    }
}
