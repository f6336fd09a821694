//! How concentrated a sector is: locational Gini, raw concentration, Ellison-Glaeser.

use serde::Serialize;

use super::Jobs;
use crate::RegionError;

/// Concentration of one sector.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SectorLocation {
    /// The sector.
    pub sector: String,
    /// Gini of the Lorenz curve of its cumulative share against the cumulative share of all jobs,
    /// cities sorted by location quotient.
    pub locational_gini: f64,
    /// `G = sum_i (s_i - x_i)^2`. It does not tell one large plant from a cluster of small ones.
    pub raw_g: f64,
    /// Ellison-Glaeser gamma, only where the plant Herfindahl was given.
    pub gamma: Option<f64>,
}

/// Concentration of a sector over the cities of the table.
///
/// `plant_herfindahl`: sum of squared plant shares of the sector, 0..1; census data do not have it.
/// Errors: nobody works in the sector.
pub fn sector_location(
    jobs: &Jobs,
    sector: usize,
    plant_herfindahl: Option<f64>,
) -> Result<SectorLocation, RegionError> {
    let name = jobs
        .sectors()
        .get(sector)
        .ok_or_else(|| RegionError::option("sector", format!("there is no sector {sector}")))?
        .clone();
    let n = jobs.units();
    let own: f64 = (0..n).map(|i| jobs.at(i, sector)).sum();
    let all: f64 = (0..n).map(|i| jobs.total(i)).sum();
    if own <= 0.0 {
        return Err(RegionError::option(
            &format!("sector {name}"),
            "nobody works in it",
        ));
    }
    // (s_i, x_i): shares of the sector and of all jobs.
    let mut shares: Vec<(f64, f64)> = (0..n)
        .map(|i| (jobs.at(i, sector) / own, jobs.total(i) / all))
        .collect();
    let raw_g = shares.iter().map(|(s, x)| (s - x).powi(2)).sum();
    let herfindahl_of_jobs: f64 = shares.iter().map(|(_, x)| x * x).sum();
    let gamma = plant_herfindahl
        .map(|h| ellison_glaeser(raw_g, herfindahl_of_jobs, h))
        .transpose()?;
    shares.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let (mut below, mut area) = (0.0, 0.0);
    for (s, x) in shares {
        area += x * (below + s / 2.0);
        below += s;
    }
    Ok(SectorLocation {
        sector: name,
        locational_gini: 1.0 - 2.0 * area,
        raw_g,
        gamma,
    })
}

/// `gamma = (G / (1 - sum x_i^2) - H) / (1 - H)` (Ellison and Glaeser 1997).
pub fn ellison_glaeser(
    raw_g: f64,
    sum_squared_shares: f64,
    plant_herfindahl: f64,
) -> Result<f64, RegionError> {
    for (what, value) in [
        ("plant Herfindahl", plant_herfindahl),
        ("sum of squared job shares", sum_squared_shares),
    ] {
        if !(0.0..1.0).contains(&value) {
            return Err(RegionError::option(what, format!("{value} is not in 0..1")));
        }
    }
    Ok((raw_g / (1.0 - sum_squared_shares) - plant_herfindahl) / (1.0 - plant_herfindahl))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::industry::jobs::tests::table;

    #[test]
    fn all_in_one_of_two_equal_cities() {
        let t = table(&[&[2.0, 8.0], &[0.0, 10.0]]);
        let l = sector_location(&t, 0, Some(0.25)).unwrap();
        assert!((l.locational_gini - 0.5).abs() < 1e-12);
        assert!((l.raw_g - 0.5).abs() < 1e-12);
        // G / (1 - 1/2) = 1.
        assert!((l.gamma.unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(sector_location(&t, 0, None).unwrap().gamma, None);
    }

    #[test]
    fn an_even_sector_is_not_concentrated_and_an_empty_one_is_refused() {
        let t = table(&[&[1.0, 2.0, 0.0], &[2.0, 4.0, 0.0]]);
        let l = sector_location(&t, 0, None).unwrap();
        assert!(l.locational_gini.abs() < 1e-12 && l.raw_g.abs() < 1e-12);
        assert!(sector_location(&t, 2, None).is_err());
        assert!(sector_location(&t, 9, None).is_err());
        assert!(sector_location(&t, 0, Some(1.0)).is_err());
    }
}
