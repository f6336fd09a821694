//! The position of cities in a network of ties: strength, alternative centrality and power,
//! dominance, polycentricity; over paths closeness and betweenness.

mod paths;

use nalgebra::DMatrix;
use serde::Serialize;

pub use paths::{PathCentrality, inverse_flow, path_centrality};

use crate::RegionError;
use crate::flows::{Square, refuse_not_positive, straight_line};

/// Centralities from the ties themselves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TieCentrality {
    /// `s_i = sum_j R_ij`, without the diagonal.
    pub strength: Vec<f64>,
    /// Alternative centrality, `sum_j R_ij s_j` (Neal 2011): tied to the strong.
    pub alternative_centrality: Vec<f64>,
    /// Alternative power, `sum_j R_ij / s_j` (Neal 2011): others depend on it. Terms with `s_j` = 0
    /// are left out.
    pub alternative_power: Vec<f64>,
}

/// Strength, alternative centrality and power. With directed ties the sums are over what leaves.
pub fn tie_centrality(ties: &Square) -> Result<TieCentrality, RegionError> {
    ties.refuse_negative("ties")?;
    let n = ties.n();
    let sum = |i: usize, weight: &dyn Fn(usize) -> f64| -> f64 {
        (0..n)
            .filter(|&j| j != i)
            .map(|j| ties.at(i, j) * weight(j))
            .sum()
    };
    let strength: Vec<f64> = (0..n).map(|i| sum(i, &|_| 1.0)).collect();
    let inverse = |j: usize| {
        if strength[j] > 0.0 {
            1.0 / strength[j]
        } else {
            0.0
        }
    };
    Ok(TieCentrality {
        alternative_centrality: (0..n).map(|i| sum(i, &|j| strength[j])).collect(),
        alternative_power: (0..n).map(|i| sum(i, &inverse)).collect(),
        strength,
    })
}

/// Eigenvector centrality.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Eigenvector {
    /// Unit norm, not negative.
    pub centrality: Vec<f64>,
    /// The largest eigenvalue.
    pub eigenvalue: f64,
}

/// Eigenvector centrality (Bonacich 1972) of symmetric ties; the diagonal does not count.
///
/// In a network of several pieces only the piece with the largest eigenvalue has values above 0.
/// Errors: ties that are not symmetric (make them so first), negative, or all 0.
pub fn eigenvector(ties: &Square) -> Result<Eigenvector, RegionError> {
    ties.refuse_negative("ties")?;
    if !ties.is_symmetric() {
        return Err(RegionError::option(
            "ties for eigenvector centrality",
            "they differ by direction; use their symmetric part",
        ));
    }
    let n = ties.n();
    let matrix = DMatrix::from_fn(n, n, |i, j| if i == j { 0.0 } else { ties.at(i, j) });
    if matrix.iter().all(|v| *v == 0.0) {
        return Err(RegionError::Singular {
            what: "eigenvector centrality".to_owned(),
            message: "there are no ties".to_owned(),
        });
    }
    let eigen = matrix.symmetric_eigen();
    let top = eigen.eigenvalues.imax();
    let vector = eigen.eigenvectors.column(top);
    let sign = if vector.sum() < 0.0 { -1.0 } else { 1.0 };
    Ok(Eigenvector {
        // Perron: no entry of the true vector is negative.
        centrality: vector.iter().map(|v| (v * sign).max(0.0)).collect(),
        eigenvalue: eigen.eigenvalues[top],
    })
}

/// Who depends on whom (Nystuen and Dacey 1961).
///
/// For every place the destination of its largest outflow if that has the larger total inflow,
/// else `None`: an independent centre. Equal outflows: the destination with the larger inflow, then
/// the first. Cycles cannot occur, for inflow rises along every step.
pub fn primary_flow(flows: &Square) -> Result<Vec<Option<usize>>, RegionError> {
    flows.refuse_negative("flows")?;
    let n = flows.n();
    let inflow: Vec<f64> = (0..n)
        .map(|j| (0..n).filter(|&i| i != j).map(|i| flows.at(i, j)).sum())
        .collect();
    let parent = |i: usize| {
        let largest = (0..n).filter(|&j| j != i).max_by(|&a, &b| {
            flows
                .at(i, a)
                .total_cmp(&flows.at(i, b))
                .then(inflow[a].total_cmp(&inflow[b]))
                .then(b.cmp(&a))
        })?;
        (flows.at(i, largest) > 0.0 && inflow[largest] > inflow[i]).then_some(largest)
    };
    Ok((0..n).map(parent).collect())
}

/// How even the centres of a region are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Polycentricity {
    /// `P = 1 - SD(x) / SD_max`, `SD_max = max(x) / 2` (Green 2007): 1 = all equal, 0 = one centre
    /// of two.
    pub p: f64,
    /// Pairs with a tie, of all ordered pairs; only for ties.
    pub density: Option<f64>,
    /// `P` times density: functional polycentricity.
    pub p_times_density: Option<f64>,
}

/// Polycentricity of a centrality; with `ties` also weighted by the density of the network.
pub fn polycentricity(
    centrality: &[f64],
    ties: Option<&Square>,
) -> Result<Polycentricity, RegionError> {
    let largest = centrality.iter().copied().fold(0.0, f64::max);
    if centrality.len() < 2 || largest <= 0.0 || centrality.iter().any(|v| !(0.0..).contains(v)) {
        return Err(RegionError::option(
            "centrality",
            "polycentricity needs two places, no negative value and one above 0",
        ));
    }
    let n = centrality.len();
    let mean = centrality.iter().sum::<f64>() / n as f64;
    let variance = centrality.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64;
    let p = 1.0 - variance.sqrt() / (largest / 2.0);
    let density = match ties {
        None => None,
        Some(t) => {
            RegionError::same_len("ties for density", n, t.n())?;
            let tied = (0..n * n).filter(|k| k / n != k % n && t.at(k / n, k % n) > 0.0);
            Some(tied.count() as f64 / (n * (n - 1)) as f64)
        }
    };
    Ok(Polycentricity {
        p,
        density,
        p_times_density: density.map(|d| d * p),
    })
}

/// Slope of ln(rank) on ln(centrality), places with 0 left out (their number is the second value).
/// Flatter (nearer 0) is more hierarchical, steeper more even.
pub fn rank_slope(centrality: &[f64]) -> Result<(f64, usize), RegionError> {
    let mut above: Vec<f64> = centrality.iter().copied().filter(|v| *v != 0.0).collect();
    refuse_not_positive("centrality", &above)?;
    above.sort_by(|a, b| b.total_cmp(a));
    let ln_rank: Vec<f64> = (1..=above.len()).map(|r| (r as f64).ln()).collect();
    let ln: Vec<f64> = above.iter().map(|v| v.ln()).collect();
    let line = straight_line("rank slope", &ln, &ln_rank)?;
    Ok((line.slope, centrality.len() - above.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn star() -> Square {
        Square::from_fn("star", 4, |i, j| f64::from((i == 0) != (j == 0))).unwrap()
    }

    #[test]
    fn the_centre_of_a_star() {
        let c = tie_centrality(&star()).unwrap();
        assert_eq!(c.strength, [3.0, 1.0, 1.0, 1.0]);
        assert_eq!(c.alternative_centrality, [3.0, 3.0, 3.0, 3.0]);
        assert_eq!(c.alternative_power[0], 3.0);
        let e = eigenvector(&star()).unwrap();
        assert!((e.eigenvalue - 3.0_f64.sqrt()).abs() < 1e-12);
        assert!((e.centrality[0] - 0.5_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn dominance_goes_up_only() {
        let flows = [0., 5., 1., 9., 0., 2., 3., 1., 0.].to_vec();
        let flows = Square::new("flows", 3, flows).unwrap();
        assert_eq!(primary_flow(&flows).unwrap(), [None, Some(0), Some(0)]);
        let none = Square::new("flows", 2, vec![0.0; 4]).unwrap();
        assert_eq!(primary_flow(&none).unwrap(), [None, None]);
    }

    #[test]
    fn equal_centres_are_polycentric_and_one_of_two_is_not() {
        assert_eq!(polycentricity(&[2.0, 2.0, 2.0], None).unwrap().p, 1.0);
        assert_eq!(polycentricity(&[2.0, 0.0], None).unwrap().p, 0.0);
        let p = polycentricity(&[2.0, 2.0, 2.0, 2.0], Some(&star())).unwrap();
        assert_eq!(p.density, Some(0.5));
        assert_eq!(p.p_times_density, Some(0.5));
        assert!(polycentricity(&[0.0, 0.0], None).is_err());
    }

    #[test]
    fn rank_slope_of_zipf_is_minus_one() {
        let (slope, left_out) = rank_slope(&[6.0, 3.0, 2.0, 0.0]).unwrap();
        assert!((slope + 1.0).abs() < 1e-12);
        assert_eq!(left_out, 1);
    }

    #[test]
    fn directed_negative_and_empty_networks_are_refused() {
        let directed = Square::new("t", 2, vec![0.0, 1.0, 2.0, 0.0]).unwrap();
        assert!(eigenvector(&directed).is_err());
        let negative = Square::new("t", 2, vec![0.0, -1.0, -1.0, 0.0]).unwrap();
        assert!(tie_centrality(&negative).is_err());
        assert!(eigenvector(&Square::new("t", 2, vec![0.0; 4]).unwrap()).is_err());
    }
}
