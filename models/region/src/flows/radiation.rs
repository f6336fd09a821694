//! The radiation model (Simini, Gonzalez, Maritan, Barabasi 2012) with the factor for finite systems
//! (Masucci, Serras, Johansson, Batty 2013). It has no parameter.

use serde::Serialize;

use super::{Square, refuse_not_positive};
use crate::RegionError;

/// Flows of the radiation model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Radiation {
    /// `T_ij`, in the unit of the outflows.
    pub flows: Square,
    /// `1 / (1 - m_i / M)` of each origin, or 1 when it was not asked for.
    pub factor: Vec<f64>,
}

/// `T_ij = T_i m_i n_j / ((m_i + s_ij)(m_i + n_j + s_ij))`, where `s_ij` is the population within
/// `d_ij` of `i`, without `i` and `j`. Places exactly as far as `j` count as within.
///
/// `pop`: persons (or jobs), above 0; `outflow`: `T_i`, not negative; `between`: distances, infinite
/// where there is no way (no flow, and not within). With `finite` the rows of a closed system sum
/// to `T_i`.
pub fn radiation(
    pop: &[f64],
    outflow: &[f64],
    between: &Square,
    finite: bool,
) -> Result<Radiation, RegionError> {
    let n = between.n();
    RegionError::same_len("population", n, pop.len())?;
    RegionError::same_len("outflow", n, outflow.len())?;
    refuse_not_positive("population of the radiation model", pop)?;
    if let Some(i) = outflow.iter().position(|t| !(*t >= 0.0 && t.is_finite())) {
        return Err(RegionError::option(
            "outflow",
            format!("unit {} has {}; it must not be negative", i + 1, outflow[i]),
        ));
    }
    if finite && n < 2 {
        return Err(RegionError::option("finite factor", "it needs two places"));
    }
    let total: f64 = pop.iter().sum();
    let factor: Vec<f64> = pop
        .iter()
        .map(|m| if finite { 1.0 / (1.0 - m / total) } else { 1.0 })
        .collect();
    let mut values = vec![0.0; n * n];
    for i in 0..n {
        for (j, within) in population_within(pop, between, i)? {
            let s = within - pop[j];
            values[i * n + j] =
                outflow[i] * factor[i] * pop[i] * pop[j] / ((pop[i] + s) * (pop[i] + pop[j] + s));
        }
    }
    Ok(Radiation {
        flows: Square::new("radiation", n, values)?,
        factor,
    })
}

/// Reachable places from `i` with the population at their distance or nearer, without `i`.
fn population_within(
    pop: &[f64],
    between: &Square,
    i: usize,
) -> Result<Vec<(usize, f64)>, RegionError> {
    let d = between.row(i);
    if let Some(j) = (0..pop.len()).find(|&j| j != i && (d[j] < 0.0 || d[j].is_nan())) {
        return Err(RegionError::option(
            "distances of the radiation model",
            format!("{} between units {} and {}", d[j], i + 1, j + 1),
        ));
    }
    let mut order: Vec<usize> = (0..pop.len())
        .filter(|&j| j != i && d[j].is_finite())
        .collect();
    order.sort_by(|&a, &b| d[a].total_cmp(&d[b]).then(a.cmp(&b)));
    let mut within = Vec::with_capacity(order.len());
    let mut sum = 0.0;
    for ring in order.chunk_by(|&a, &b| d[a] == d[b]) {
        sum += ring.iter().map(|&j| pop[j]).sum::<f64>();
        within.extend(ring.iter().map(|&j| (j, sum)));
    }
    Ok(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toy(finite: bool) -> Radiation {
        let d = [0.0, 10.0, 20.0, 10.0, 0.0, 10.0, 20.0, 10.0, 0.0].to_vec();
        let between = Square::new("d", 3, d).unwrap();
        radiation(&[100.0, 50.0, 200.0], &[1000.0, 0.0, 0.0], &between, finite).unwrap()
    }

    #[test]
    fn the_toy_of_three_places() {
        let open = toy(false);
        assert!((open.flows.at(0, 1) - 333.3333).abs() < 5e-5);
        assert!((open.flows.at(0, 2) - 380.9524).abs() < 5e-5);
        let closed = toy(true);
        assert!((closed.factor[0] - 1.4).abs() < 1e-12);
        assert!((closed.flows.at(0, 1) - 466.6667).abs() < 5e-5);
        assert!((closed.flows.row(0).iter().sum::<f64>() - 1000.0).abs() < 1e-9);
    }

    #[test]
    fn a_place_without_people_is_named() {
        let between = Square::new("d", 2, vec![0.0, 1.0, 1.0, 0.0]).unwrap();
        let error = radiation(&[1.0, 0.0], &[1.0, 1.0], &between, true).unwrap_err();
        assert!(error.to_string().contains("unit 2"), "{error}");
    }
}
