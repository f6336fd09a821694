//! Redundancy flags: sectors that several cities of a cluster specialise in, and pairs of cities
//! that do nearly the same. A flag asks a question; it does not say who should stop.

use serde::Serialize;

use super::{Jobs, PairMeasure};
use crate::RegionError;

/// A sector of a cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RedundantSector {
    /// The sector.
    pub sector: String,
    /// Cities with a location quotient of the threshold or more, highest first, with it.
    pub specialised: Vec<(String, f64)>,
    /// Its part of the cluster's mean pairwise overlap: mean over pairs of `min(a_is, a_js)`. Parts sum
    /// to the mean Finger-Kreinin index.
    pub overlap: f64,
}

/// Two cities of nearly one structure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RedundantPair {
    /// One.
    pub a: String,
    /// The other.
    pub b: String,
    /// Finger-Kreinin overlap.
    pub overlap: f64,
    /// Cosine similarity.
    pub similarity: f64,
    /// The three sectors that overlap most, with `min(a_is, a_js)`.
    pub by: Vec<(String, f64)>,
}

/// Sectors in which at least two cities have a location quotient of `threshold` or more, by overlap.
pub fn redundant_sectors(
    jobs: &Jobs,
    nation: &[f64],
    threshold: f64,
) -> Result<Vec<RedundantSector>, RegionError> {
    if !(threshold > 0.0 && threshold.is_finite()) {
        return Err(RegionError::option(
            "threshold of the location quotient",
            format!("{threshold} is not above 0"),
        ));
    }
    let lq = jobs.location_quotients(nation)?;
    let n = jobs.units();
    let pairs = (n * n.saturating_sub(1) / 2).max(1) as f64;
    let mut out: Vec<RedundantSector> = (0..jobs.sectors().len())
        .filter_map(|s| {
            let mut specialised: Vec<(String, f64)> = lq
                .iter()
                .zip(jobs.names())
                .filter_map(|(row, name)| Some((name.clone(), row[s]?)))
                .filter(|(_, q)| *q >= threshold)
                .collect();
            if specialised.len() < 2 {
                return None;
            }
            specialised.sort_by(|a, b| b.1.total_cmp(&a.1));
            let shared: f64 = (0..n)
                .flat_map(|i| (0..i).map(move |j| jobs.share(i, s).min(jobs.share(j, s))))
                .sum();
            Some(RedundantSector {
                sector: jobs.sectors()[s].clone(),
                specialised,
                overlap: shared / pairs,
            })
        })
        .collect();
    out.sort_by(|a, b| b.overlap.total_cmp(&a.overlap));
    Ok(out)
}

/// Pairs whose Finger-Kreinin overlap is `least` or more, highest first.
pub fn redundant_pairs(jobs: &Jobs, least: f64) -> Result<Vec<RedundantPair>, RegionError> {
    if !(0.0..=1.0).contains(&least) {
        return Err(RegionError::option(
            "least overlap",
            format!("{least} is not in 0..1"),
        ));
    }
    let mut out = Vec::new();
    for i in 0..jobs.units() {
        for j in i + 1..jobs.units() {
            let overlap = jobs.pair(i, j, PairMeasure::FingerKreinin);
            if overlap < least {
                continue;
            }
            let mut by: Vec<(String, f64)> = jobs
                .sectors()
                .iter()
                .enumerate()
                .map(|(s, name)| (name.clone(), jobs.share(i, s).min(jobs.share(j, s))))
                .collect();
            by.sort_by(|a, b| b.1.total_cmp(&a.1));
            by.truncate(3);
            out.push(RedundantPair {
                a: jobs.names()[i].clone(),
                b: jobs.names()[j].clone(),
                overlap,
                similarity: jobs.pair(i, j, PairMeasure::Similarity),
                by,
            });
        }
    }
    out.sort_by(|a, b| b.overlap.total_cmp(&a.overlap));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::industry::jobs::tests::table;

    #[test]
    fn what_two_cities_share_is_flagged_with_its_part() {
        let t = table(&[&[6., 3., 1.], &[5., 1., 4.], &[1., 1., 8.]]);
        let flags = redundant_sectors(&t, &[30., 40., 30.], 1.5).unwrap();
        assert_eq!(flags.len(), 1);
        assert_eq!(flags[0].sector, "sector 0");
        assert_eq!(flags[0].specialised[0].0, "city 0");
        // min(.6,.5) + min(.6,.1) + min(.5,.1), over three pairs.
        assert!((flags[0].overlap - 0.7 / 3.0).abs() < 1e-12);
        let all = redundant_sectors(&t, &[1., 100., 1.], 1e-9).unwrap();
        let fk = t.pairs(PairMeasure::FingerKreinin).unwrap();
        let sum: f64 = all.iter().map(|f| f.overlap).sum();
        assert!((sum - fk.mean_of_pairs().unwrap()).abs() < 1e-12);
        let pairs = redundant_pairs(&t, 0.6).unwrap();
        assert_eq!(pairs.len(), 2);
        assert_eq!(
            (pairs[0].a.as_str(), pairs[0].b.as_str()),
            ("city 0", "city 1")
        );
        assert_eq!(pairs[0].by[0].0, "sector 0");
    }

    #[test]
    fn thresholds_have_their_range() {
        let t = table(&[&[1., 1.]]);
        assert!(redundant_sectors(&t, &[1., 1.], 0.0).is_err());
        assert!(redundant_pairs(&t, 1.5).is_err());
    }
}
