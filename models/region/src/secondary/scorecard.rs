//! The scorecard: columns with source and rank, a weighted score, and how firm its ranks are.

use serde::{Deserialize, Serialize};

use crate::RegionError;
use crate::flows::ranks;

/// Change of one weight under which a rank must hold.
const WEIGHT_CHANGE: f64 = 0.2;
/// Cities times columns.
const CELLS_MAX: usize = 100_000;
/// Scores nearer than this are equal: rounding must not order cities.
const EQUAL: f64 = 1e-12;

/// Which end of a column is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Persons, power, entropy.
    High,
    /// Minutes, dependence.
    Low,
}

/// One measure of all cities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    /// Name, e.g. `dependence on Shanghai`.
    pub name: String,
    /// Unit, e.g. `min`.
    pub unit: String,
    /// Where the numbers are from, with the year. A column without source is refused.
    pub source: String,
    /// The better end.
    pub better: Better,
    /// Weight in the score; 0 shows the column only.
    pub weight: f64,
    /// One value a city; `None` = not known, never filled in.
    pub values: Vec<Option<f64>>,
}

/// A column with ranks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScoredColumn {
    /// The column as given.
    #[serde(flatten)]
    pub column: Column,
    /// Rank of each city, 1 = best, equal values with their mean rank.
    pub ranks: Vec<Option<f64>>,
}

/// A city's place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CityScore {
    /// The city.
    pub city: String,
    /// Weighted mean of its columns' scores, each 0 (last) .. 1 (first) by rank.
    pub score: f64,
    /// Rank by score, 1 = best; equal scores share the better rank.
    pub rank: usize,
    /// Best and worst rank when any one weight is 20 % lower or higher.
    pub rank_range: (usize, usize),
    /// The range is wider than one rank.
    pub unstable: bool,
}

/// The scorecard.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scorecard {
    /// Cities in the order given.
    pub cities: Vec<String>,
    /// Columns with ranks.
    pub columns: Vec<ScoredColumn>,
    /// Scored cities, best first.
    pub scores: Vec<CityScore>,
    /// Cities without score, each with the weighted columns that lack its value.
    pub not_scored: Vec<(String, Vec<String>)>,
}

/// Builds the scorecard.
///
/// A city that lacks a value of a weighted column is listed as not scored. Errors: no column, a column
/// without source ([`RegionError::NoSource`]), lengths that differ, values that are no numbers,
/// weights that are negative or all 0.
pub fn scorecard(cities: &[String], columns: Vec<Column>) -> Result<Scorecard, RegionError> {
    check(cities, &columns)?;
    let columns = columns
        .into_iter()
        .map(rank_column)
        .collect::<Result<Vec<_>, _>>()?;
    let missing = |i: usize| -> Vec<String> {
        columns
            .iter()
            .filter(|c| c.column.weight > 0.0 && c.column.values[i].is_none())
            .map(|c| c.column.name.clone())
            .collect()
    };
    let (mut scored, mut not_scored) = (Vec::new(), Vec::new());
    for (i, city) in cities.iter().enumerate() {
        let lacks = missing(i);
        if lacks.is_empty() {
            scored.push(i);
        } else {
            not_scored.push((city.clone(), lacks));
        }
    }
    let scores = score(cities, &columns, &scored);
    Ok(Scorecard {
        cities: cities.to_vec(),
        columns,
        scores,
        not_scored,
    })
}

fn check(cities: &[String], columns: &[Column]) -> Result<(), RegionError> {
    let cells = cities.len().saturating_mul(columns.len());
    if cells > CELLS_MAX {
        return Err(RegionError::TooLarge {
            what: "cells of a scorecard".to_owned(),
            count: cells as u64,
            limit: CELLS_MAX as u64,
        });
    }
    for column in columns {
        let what = format!("column \"{}\"", column.name);
        if column.source.trim().is_empty() {
            return Err(RegionError::NoSource { figure: what });
        }
        RegionError::same_len(&what, cities.len(), column.values.len())?;
        if !(column.weight >= 0.0 && column.weight.is_finite()) {
            return Err(RegionError::option(
                &what,
                format!("its weight is {}; weights are 0 or more", column.weight),
            ));
        }
        if let Some(i) = column
            .values
            .iter()
            .position(|v| v.is_some_and(|v| !v.is_finite()))
        {
            return Err(RegionError::option(
                &what,
                format!("the value of {} is no number", cities[i]),
            ));
        }
    }
    if columns.iter().map(|c| c.weight).sum::<f64>() > 0.0 {
        return Ok(());
    }
    Err(RegionError::option("weights of the scorecard", "all are 0"))
}

fn rank_column(column: Column) -> Result<ScoredColumn, RegionError> {
    let known: Vec<f64> = column
        .values
        .iter()
        .flatten()
        .map(|v| match column.better {
            Better::High => -v,
            Better::Low => *v,
        })
        .collect();
    let mut found = ranks(&known)?.into_iter();
    let ranks = column
        .values
        .iter()
        .map(|v| v.and_then(|_| found.next()))
        .collect();
    Ok(ScoredColumn { column, ranks })
}

fn score(cities: &[String], columns: &[ScoredColumn], scored: &[usize]) -> Vec<CityScore> {
    let weights: Vec<f64> = columns.iter().map(|c| c.column.weight).collect();
    // By rank among the cities that have the value: one outlier does not decide a column.
    let parts: Vec<Vec<f64>> = scored
        .iter()
        .map(|&i| {
            columns
                .iter()
                .map(|c| {
                    let others = c.ranks.iter().flatten().count().saturating_sub(1);
                    c.ranks[i].map_or(0.0, |r| {
                        if others == 0 {
                            1.0
                        } else {
                            1.0 - (r - 1.0) / others as f64
                        }
                    })
                })
                .collect()
        })
        .collect();
    let total = |weights: &[f64]| -> Vec<f64> {
        let sum: f64 = weights.iter().sum();
        let weighted = |row: &Vec<f64>| row.iter().zip(weights).map(|(p, w)| p * w).sum::<f64>();
        parts.iter().map(|row| weighted(row) / sum).collect()
    };
    let base = total(&weights);
    let rank = places(&base);
    let mut range: Vec<(usize, usize)> = rank.iter().map(|&r| (r, r)).collect();
    for k in (0..weights.len()).filter(|&k| weights[k] > 0.0) {
        for factor in [1.0 - WEIGHT_CHANGE, 1.0 + WEIGHT_CHANGE] {
            let mut changed = weights.clone();
            changed[k] *= factor;
            for (range, r) in range.iter_mut().zip(places(&total(&changed))) {
                *range = (range.0.min(r), range.1.max(r));
            }
        }
    }
    let mut out: Vec<CityScore> = scored
        .iter()
        .enumerate()
        .map(|(k, &i)| CityScore {
            city: cities[i].clone(),
            score: base[k],
            rank: rank[k],
            rank_range: range[k],
            unstable: range[k].0 != range[k].1,
        })
        .collect();
    // Stable: equal ranks keep the order given.
    out.sort_by_key(|c| c.rank);
    out
}

/// Rank of every score: one more than the number of scores that are clearly higher.
fn places(scores: &[f64]) -> Vec<usize> {
    scores
        .iter()
        .map(|s| 1 + scores.iter().filter(|other| **other > s + EQUAL).count())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, better: Better, weight: f64, values: &[f64]) -> Column {
        Column {
            name: name.to_owned(),
            unit: "1".to_owned(),
            source: "made up for this test".to_owned(),
            better,
            weight,
            values: values.iter().copied().map(Some).collect(),
        }
    }

    fn cities() -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_rank_that_a_fifth_of_a_weight_decides_is_unstable() {
        let card = scorecard(
            &cities(),
            vec![
                column("power", Better::High, 1.0, &[9.0, 5.0, 1.0]),
                column("minutes", Better::Low, 1.1, &[60.0, 30.0, 90.0]),
            ],
        )
        .unwrap();
        assert_eq!(card.columns[1].ranks, [Some(2.0), Some(1.0), Some(3.0)]);
        let by: Vec<(&str, usize, (usize, usize), bool)> = card
            .scores
            .iter()
            .map(|s| (s.city.as_str(), s.rank, s.rank_range, s.unstable))
            .collect();
        // b leads by minutes, unless power weighs a fifth more.
        assert_eq!(
            by,
            [
                ("b", 1, (1, 2), true),
                ("a", 2, (1, 2), true),
                ("c", 3, (3, 3), false)
            ]
        );
        assert!((card.scores[0].score - (0.5 + 1.1) / 2.1).abs() < 1e-12);
    }

    #[test]
    fn an_unknown_value_leaves_the_city_out_by_name() {
        let mut gap = column("power", Better::High, 1.0, &[9.0, 5.0, 1.0]);
        gap.values[1] = None;
        let card = scorecard(&cities(), vec![gap]).unwrap();
        assert_eq!(card.scores.len(), 2);
        assert_eq!(
            card.not_scored,
            [("b".to_owned(), vec!["power".to_owned()])]
        );
        assert_eq!(card.columns[0].ranks, [Some(1.0), None, Some(2.0)]);
    }

    #[test]
    fn no_source_no_figure() {
        let mut bare = column("gdp", Better::High, 1.0, &[1.0, 2.0, 3.0]);
        bare.source = " ".to_owned();
        let error = scorecard(&cities(), vec![bare]).unwrap_err();
        assert!(matches!(error, RegionError::NoSource { .. }), "{error}");
    }

    #[test]
    fn weights_and_shapes_are_checked() {
        let values = [1.0, 2.0, 3.0];
        let with = |w| scorecard(&cities(), vec![column("x", Better::Low, w, &values)]);
        assert!(with(0.0).is_err() && with(-1.0).is_err() && with(f64::NAN).is_err());
        assert!(scorecard(&cities(), vec![column("x", Better::Low, 1.0, &[1.0])]).is_err());
        let nan = column("x", Better::Low, 1.0, &[1.0, f64::NAN, 2.0]);
        assert!(
            scorecard(&cities(), vec![nan])
                .unwrap_err()
                .to_string()
                .contains("of b")
        );
        assert!(scorecard(&cities(), vec![]).is_err());
    }
}
