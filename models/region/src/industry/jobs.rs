//! Jobs of cities by sectors, with the measures of one city and of pairs.

use serde::Serialize;

use crate::RegionError;
use crate::error::hint;
use crate::flows::Square;

/// Cells of a table: cities times sectors.
const CELLS_MAX: usize = 5_000_000;

/// Jobs `e_is` of cities in sectors. Every city has some; cells are 0 or more.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Jobs {
    names: Vec<String>,
    sectors: Vec<String>,
    jobs: Vec<f64>,
    totals: Vec<f64>,
}

/// A measure of a pair of cities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PairMeasure {
    /// Krugman's index `K = sum_s |a_is - a_js|`, 0 (equal) .. 2; Isard's is half of it.
    Krugman,
    /// Finger and Kreinin's overlap `FK = sum_s min(a_is, a_js) = 1 - K/2`.
    FingerKreinin,
    /// UNIDO similarity, the cosine of the two structures.
    Similarity,
}

impl Jobs {
    /// A table of `names x sectors` jobs, row by row.
    ///
    /// Errors: a shape that does not fit, a cell that is negative or no number, a city without any
    /// job (its name is told).
    pub fn new(
        names: Vec<String>,
        sectors: Vec<String>,
        jobs: Vec<f64>,
    ) -> Result<Self, RegionError> {
        let width = sectors.len();
        let cells = names.len().saturating_mul(width);
        RegionError::same_len("jobs (cities x sectors)", cells, jobs.len())?;
        if cells > CELLS_MAX {
            return Err(RegionError::TooLarge {
                what: "jobs (cities x sectors)".to_owned(),
                count: cells as u64,
                limit: CELLS_MAX as u64,
            });
        }
        if width == 0 || names.is_empty() {
            return Err(RegionError::option(
                "jobs",
                "a city and a sector are needed",
            ));
        }
        let mut totals = Vec::with_capacity(names.len());
        for (name, row) in names.iter().zip(jobs.chunks(width)) {
            if let Some(s) = row.iter().position(|e| !(*e >= 0.0 && e.is_finite())) {
                return Err(RegionError::option(
                    &format!("jobs of {name} in {}", sectors[s]),
                    format!("{}; they must be 0 or more", row[s]),
                ));
            }
            let total: f64 = row.iter().sum();
            if total == 0.0 {
                return Err(RegionError::option(
                    &format!("jobs of {name}"),
                    "are 0 in every sector; leave the city out",
                ));
            }
            totals.push(total);
        }
        Ok(Self {
            names,
            sectors,
            jobs,
            totals,
        })
    }

    /// Number of cities.
    #[must_use]
    pub fn units(&self) -> usize {
        self.names.len()
    }

    /// Names of the cities.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Names of the sectors.
    #[must_use]
    pub fn sectors(&self) -> &[String] {
        &self.sectors
    }

    /// Position of a sector.
    pub fn sector(&self, name: &str) -> Result<usize, RegionError> {
        self.sectors
            .iter()
            .position(|s| s == name)
            .ok_or_else(|| RegionError::UnknownName {
                what: "sector".to_owned(),
                name: name.to_owned(),
                hint: hint(name, self.sectors.iter().map(String::as_str)),
            })
    }

    /// The same without one sector (similarity with and without farming tells two stories).
    pub fn without(&self, sector: usize) -> Result<Self, RegionError> {
        let width = self.sectors.len();
        let keep = |k: &usize| k % width != sector;
        Self::new(
            self.names.clone(),
            (0..width)
                .filter(keep)
                .map(|s| self.sectors[s].clone())
                .collect(),
            (0..self.jobs.len())
                .filter(keep)
                .map(|k| self.jobs[k])
                .collect(),
        )
    }

    /// `e_is`.
    #[must_use]
    pub fn at(&self, city: usize, sector: usize) -> f64 {
        self.jobs[city * self.sectors.len() + sector]
    }

    /// All jobs of a city.
    #[must_use]
    pub fn total(&self, city: usize) -> f64 {
        self.totals[city]
    }

    /// `a_is = e_is / e_i`.
    #[must_use]
    pub fn share(&self, city: usize, sector: usize) -> f64 {
        self.at(city, sector) / self.totals[city]
    }

    /// Jobs of every sector over all cities: the nation, when the table holds it all.
    #[must_use]
    pub fn sector_totals(&self) -> Vec<f64> {
        (0..self.sectors.len())
            .map(|s| (0..self.units()).map(|i| self.at(i, s)).sum())
            .collect()
    }

    /// Location quotients `(e_is/e_i) / (E_s/E)`, cities x sectors; `None` where the nation has no
    /// job in the sector.
    ///
    /// `nation`: `E_s` of every sector.
    pub fn location_quotients(&self, nation: &[f64]) -> Result<Vec<Vec<Option<f64>>>, RegionError> {
        RegionError::same_len(
            "jobs of the nation by sector",
            self.sectors.len(),
            nation.len(),
        )?;
        let all: f64 = nation.iter().sum();
        if all <= 0.0 || nation.iter().any(|e| !(0.0..).contains(e)) {
            return Err(RegionError::option(
                "jobs of the nation by sector",
                "none may be negative and their sum must be above 0",
            ));
        }
        Ok((0..self.units())
            .map(|i| {
                nation
                    .iter()
                    .enumerate()
                    .map(|(s, e)| (*e > 0.0).then(|| self.share(i, s) / (e / all)))
                    .collect()
            })
            .collect())
    }

    /// A measure of two cities.
    #[must_use]
    pub fn pair(&self, i: usize, j: usize, measure: PairMeasure) -> f64 {
        let both = (0..self.sectors.len()).map(|s| (self.share(i, s), self.share(j, s)));
        match measure {
            PairMeasure::Krugman => both.map(|(a, b)| (a - b).abs()).sum(),
            PairMeasure::FingerKreinin => both.map(|(a, b)| a.min(b)).sum(),
            PairMeasure::Similarity => {
                let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
                for (a, b) in both {
                    ab += a * b;
                    aa += a * a;
                    bb += b * b;
                }
                ab / (aa * bb).sqrt()
            }
        }
    }

    /// A measure of all pairs.
    pub fn pairs(&self, measure: PairMeasure) -> Result<Square, RegionError> {
        Square::from_fn("pairs of cities", self.units(), |i, j| {
            self.pair(i, j, measure)
        })
    }

    /// Herfindahl index of every city's structure, 1/sectors (even) .. 1 (one sector).
    #[must_use]
    pub fn herfindahl(&self) -> Vec<f64> {
        self.of_each_city(|a| a * a)
    }

    /// Shannon entropy (nats) of every city's structure, 0 (one sector) .. ln sectors.
    #[must_use]
    pub fn entropy(&self) -> Vec<f64> {
        self.of_each_city(|a| if a > 0.0 { -a * a.ln() } else { 0.0 })
    }

    fn of_each_city(&self, term: impl Fn(f64) -> f64) -> Vec<f64> {
        (0..self.units())
            .map(|i| {
                (0..self.sectors.len())
                    .map(|s| term(self.share(i, s)))
                    .sum()
            })
            .collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A table with made-up names.
    pub(crate) fn table(rows: &[&[f64]]) -> Jobs {
        Jobs::new(
            (0..rows.len()).map(|i| format!("city {i}")).collect(),
            (0..rows[0].len()).map(|s| format!("sector {s}")).collect(),
            rows.concat(),
        )
        .unwrap()
    }

    proptest! {
        #[test]
        fn overlap_is_one_less_half_of_krugman(
            a in prop::collection::vec(0.0..1e6_f64, 6),
            b in prop::collection::vec(0.0..1e6_f64, 6),
        ) {
            prop_assume!(a.iter().sum::<f64>() > 1.0 && b.iter().sum::<f64>() > 1.0);
            let t = table(&[&a, &b]);
            let (k, fk) = (
                t.pair(0, 1, PairMeasure::Krugman),
                t.pair(0, 1, PairMeasure::FingerKreinin),
            );
            prop_assert!((fk - (1.0 - k / 2.0)).abs() < 1e-12);
            let s = t.pair(0, 1, PairMeasure::Similarity);
            prop_assert!((-1e-12..=1.0 + 1e-12).contains(&s));
        }

        #[test]
        fn mean_over_pairs_moves_with_every_city(which in 0usize..4) {
            let mut rows = vec![vec![1.0, 2.0, 3.0], vec![2.0, 2.0, 1.0], vec![5.0, 1.0, 1.0], vec![1.0, 7.0, 2.0]];
            let mean = |rows: &[Vec<f64>]| {
                let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
                table(&rows).pairs(PairMeasure::Similarity).unwrap().mean_of_pairs().unwrap()
            };
            let before = mean(&rows);
            rows[which][0] += 0.5;
            prop_assert_ne!(before, mean(&rows));
        }
    }

    #[test]
    fn one_city_by_hand() {
        let t = table(&[&[1.0, 1.0], &[4.0, 0.0]]);
        assert_eq!(t.herfindahl(), [0.5, 1.0]);
        assert!((t.entropy()[0] - std::f64::consts::LN_2).abs() < 1e-15);
        assert_eq!(t.entropy()[1], 0.0);
        let lq = t.location_quotients(&[5.0, 1.0]).unwrap();
        assert!((lq[0][1].unwrap() - 3.0).abs() < 1e-12);
        assert_eq!(t.location_quotients(&[5.0, 0.0]).unwrap()[0][1], None);
    }

    #[test]
    fn cities_without_jobs_and_unknown_sectors_are_named() {
        let names = || vec!["空城".to_owned()];
        let sectors = || vec!["制造业".to_owned()];
        let error = Jobs::new(names(), sectors(), vec![0.0]).unwrap_err();
        assert!(error.to_string().contains("空城"), "{error}");
        assert!(Jobs::new(names(), sectors(), vec![-1.0]).is_err());
        assert!(Jobs::new(names(), sectors(), vec![]).is_err());
        let t = Jobs::new(names(), sectors(), vec![1.0]).unwrap();
        let error = t.sector("制造").unwrap_err().to_string();
        assert!(error.contains("did you mean \"制造业\"?"), "{error}");
    }
}
