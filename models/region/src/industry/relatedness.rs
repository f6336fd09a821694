//! Relatedness of sectors and complexity of cities (Hidalgo, Klinger, Barabasi, Hausmann 2007;
//! Hidalgo and Hausmann 2009).

use nalgebra::DMatrix;
use serde::Serialize;

use super::Jobs;
use crate::RegionError;
use crate::flows::Square;

/// Eigenvalues nearer than this are one, and their vectors have no meaning of their own.
const EQUAL: f64 = 1e-9;

/// Relatedness of a table of jobs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Relatedness {
    /// `M_cp = [LQ >= 1]`, cities x sectors.
    pub specialised: Vec<Vec<bool>>,
    /// Proximity `phi_pq = min(P(p|q), P(q|p))` of sectors; 1 on the diagonal, 0 for a sector that
    /// no city specialises in.
    pub proximity: Square,
    /// Density `w_cp = sum_q M_cq phi_pq / sum_q phi_pq`, cities x sectors, 0..1: how much of what is
    /// near sector p the city already does. For a sector it lacks: how near it is to having it.
    pub density: Vec<Vec<f64>>,
    /// Economic complexity index, standardised (population SD), higher = more complex; `None` for a
    /// city without specialisation. Empty where it cannot be told (see `eci_note`).
    pub eci: Vec<Option<f64>>,
    /// Why there is no index.
    pub eci_note: Option<String>,
}

/// Relatedness over all cities of the table; `nation` as for location quotients.
pub fn relatedness(jobs: &Jobs, nation: &[f64]) -> Result<Relatedness, RegionError> {
    let specialised: Vec<Vec<bool>> = jobs
        .location_quotients(nation)?
        .iter()
        .map(|row| row.iter().map(|lq| lq.is_some_and(|q| q >= 1.0)).collect())
        .collect();
    let sectors = jobs.sectors().len();
    let ubiquity: Vec<usize> = (0..sectors)
        .map(|p| specialised.iter().filter(|row| row[p]).count())
        .collect();
    let proximity = Square::from_fn("proximity of sectors", sectors, |p, q| {
        let both = specialised.iter().filter(|row| row[p] && row[q]).count();
        both as f64 / ubiquity[p].max(ubiquity[q]).max(1) as f64
    })?;
    let near: Vec<f64> = (0..sectors)
        .map(|p| proximity.row(p).iter().sum())
        .collect();
    let density = specialised
        .iter()
        .map(|row| {
            (0..sectors)
                .map(|p| {
                    let own = proximity.row(p).iter().zip(row).filter(|(_, m)| **m);
                    let own: f64 = own.map(|(phi, _)| phi).sum();
                    if near[p] > 0.0 { own / near[p] } else { 0.0 }
                })
                .collect()
        })
        .collect();
    let (eci, eci_note) = match complexity(&specialised, &ubiquity) {
        Ok(eci) => (eci, None),
        Err(note) => (Vec::new(), Some(note.to_owned())),
    };
    Ok(Relatedness {
        specialised,
        proximity,
        density,
        eci,
        eci_note,
    })
}

/// Second eigenvector of `D^-1 M U^-1 M'`, through the symmetric `D^-1/2 M U^-1 M' D^-1/2`.
fn complexity(
    specialised: &[Vec<bool>],
    ubiquity: &[usize],
) -> Result<Vec<Option<f64>>, &'static str> {
    let diversity: Vec<usize> = specialised
        .iter()
        .map(|row| row.iter().filter(|m| **m).count())
        .collect();
    let kept: Vec<usize> = (0..specialised.len())
        .filter(|&c| diversity[c] > 0)
        .collect();
    if kept.len() < 3 {
        return Err("fewer than three cities specialise in anything");
    }
    let s = DMatrix::from_fn(kept.len(), kept.len(), |i, j| {
        let (a, b) = (kept[i], kept[j]);
        let shared: f64 = (0..ubiquity.len())
            .filter(|&p| specialised[a][p] && specialised[b][p])
            .map(|p| 1.0 / ubiquity[p] as f64)
            .sum();
        shared / ((diversity[a] * diversity[b]) as f64).sqrt()
    });
    let eigen = s.symmetric_eigen();
    let mut order: Vec<usize> = (0..kept.len()).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let value = |k: usize| eigen.eigenvalues[order[k]];
    if value(0) - value(1) < EQUAL {
        return Err("the cities fall into groups that share no specialisation");
    }
    if value(1) < EQUAL || value(1) - value(2) < EQUAL {
        return Err("the second eigenvector is not unique");
    }
    let vector = eigen.eigenvectors.column(order[1]);
    let raw: Vec<f64> = kept
        .iter()
        .enumerate()
        .map(|(i, &c)| vector[i] / (diversity[c] as f64).sqrt())
        .collect();
    let n = raw.len() as f64;
    let mean = raw.iter().sum::<f64>() / n;
    let sd = (raw.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    let mean_diversity = kept.iter().map(|&c| diversity[c] as f64).sum::<f64>() / n;
    let along: f64 = raw
        .iter()
        .zip(&kept)
        .map(|(v, &c)| (v - mean) * (diversity[c] as f64 - mean_diversity))
        .sum();
    // The sign of an eigenvector is free: complex cities are the diverse ones.
    let sign = if along < 0.0 { -1.0 } else { 1.0 };
    let mut out = vec![None; specialised.len()];
    for (v, &c) in raw.iter().zip(&kept) {
        out[c] = Some(sign * (v - mean) / sd);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::industry::jobs::tests::table;

    /// Nested specialisations: city 0 does all three, city 1 two, city 2 one.
    #[test]
    fn nested_cities_by_hand() {
        let t = table(&[
            &[10., 10., 10., 1.],
            &[10., 10., 0., 11.],
            &[10., 0., 0., 21.],
        ]);
        let nation = [30., 20., 10., 800.];
        let r = relatedness(&t, &nation).unwrap();
        assert_eq!(r.specialised[0], [true, true, true, false]);
        assert_eq!(r.specialised[2], [true, false, false, false]);
        assert!((r.proximity.at(0, 1) - 2.0 / 3.0).abs() < 1e-12);
        assert!((r.proximity.at(0, 2) - 1.0 / 3.0).abs() < 1e-12);
        assert!((r.proximity.at(1, 2) - 0.5).abs() < 1e-12);
        // City 2 does sector 0 alone; sector 1 is near 0 (2/3), 1 (1), 2 (1/2).
        assert!((r.density[2][1] - (2.0 / 3.0) / (2.0 / 3.0 + 1.0 + 0.5)).abs() < 1e-12);
        let eci: Vec<f64> = r.eci.iter().flatten().copied().collect();
        assert_eq!(eci.len(), 3);
        assert!(eci[0] > eci[1] && eci[1] > eci[2]);
        assert!(eci.iter().sum::<f64>().abs() < 1e-12);
        assert!((eci.iter().map(|v| v * v).sum::<f64>() - 3.0).abs() < 1e-12);
        // The eigenvector equation itself, for eigenvalues by hand: M U^-1 M' of the three.
        let w = [
            [11. / 18., 5. / 18., 1. / 9.],
            [5. / 12., 5. / 12., 1. / 6.],
            [1. / 3., 1. / 3., 1. / 3.],
        ];
        let image: Vec<f64> = w
            .iter()
            .map(|row| row.iter().zip(&eci).map(|(a, b)| a * b).sum())
            .collect();
        let slope = (image[0] - image[2]) / (eci[0] - eci[2]);
        assert!((image[1] - image[2] - slope * (eci[1] - eci[2])).abs() < 1e-12);
    }

    #[test]
    fn groups_that_share_nothing_have_no_index() {
        let t = table(&[&[9., 1.], &[9., 1.], &[1., 9.]]);
        let r = relatedness(&t, &[19., 11.]).unwrap();
        assert!(r.eci.is_empty() && r.eci_note.is_some());
    }
}
