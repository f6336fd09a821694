//! Spatial weights: who is a neighbour of whom and how much, as compressed rows.
//!
//! Builders give binary weights (1 for a neighbour); [`Weights::row_standardised`] divides each row
//! by its sum. A unit without neighbours (an island) keeps an empty row; statistics say how many
//! there are instead of dropping them.

mod contiguity;
mod distance;

pub use contiguity::{Contiguity, Rings, lattice, polygons};
pub use distance::{Metric, distance_band, k_nearest, travel_time_band};

use serde::Serialize;

use crate::RegionError;

/// Most stored links, so that memory stays bounded (12 bytes each).
pub const LINKS_MAX: usize = 50_000_000;

/// Sums of weights that analytic variances need (Cliff and Ord 1981).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WeightSums {
    /// Sum of all weights.
    pub s0: f64,
    /// Half the sum of (w_ij + w_ji)^2.
    pub s1: f64,
    /// Sum over units of (row sum + column sum)^2.
    pub s2: f64,
}

/// Spatial weights of n units; row i holds the neighbours of unit i in ascending order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Weights {
    starts: Vec<usize>,
    neighbours: Vec<u32>,
    values: Vec<f64>,
}

impl Weights {
    /// Weights from one list of (neighbour, weight) a unit. Lists may stand in any order.
    ///
    /// # Errors
    /// `Option` when a neighbour does not exist, occurs twice or is the unit itself, or a weight is
    /// negative or not finite; `TooLarge` above [`LINKS_MAX`] links.
    pub fn from_lists(lists: &[Vec<(usize, f64)>]) -> Result<Self, RegionError> {
        for (unit, list) in lists.iter().enumerate() {
            if let Some(&(_, w)) = list.iter().find(|(_, w)| !(w.is_finite() && *w >= 0.0)) {
                return Err(RegionError::option(
                    "weights",
                    format!("unit {unit} has the weight {w}; weights are finite and at least 0"),
                ));
            }
            if list.iter().any(|&(j, _)| j == unit) {
                return Err(RegionError::option(
                    "weights",
                    format!("unit {unit} is its own neighbour; statistics that need that add it"),
                ));
            }
        }
        Self::assemble(lists)
    }

    /// Binary weights from one list of neighbours a unit.
    ///
    /// # Errors
    /// As [`Weights::from_lists`].
    pub fn from_neighbours(lists: &[Vec<usize>]) -> Result<Self, RegionError> {
        let weighted: Vec<Vec<(usize, f64)>> = lists
            .iter()
            .map(|list| list.iter().map(|&j| (j, 1.0)).collect())
            .collect();
        Self::from_lists(&weighted)
    }

    /// Binary block weights: units of one group are neighbours of one another.
    ///
    /// # Errors
    /// `TooLarge` above [`LINKS_MAX`] links.
    pub fn blocks<G: Ord>(groups: &[G]) -> Result<Self, RegionError> {
        let mut members = std::collections::BTreeMap::<&G, Vec<usize>>::new();
        for (unit, group) in groups.iter().enumerate() {
            members.entry(group).or_default().push(unit);
        }
        let links: usize = members.values().map(|m| m.len() * (m.len() - 1)).sum();
        limit_links(links)?;
        let lists: Vec<Vec<usize>> = groups
            .iter()
            .enumerate()
            .map(|(unit, group)| {
                let others = &members[group];
                others.iter().copied().filter(|&j| j != unit).collect()
            })
            .collect();
        Self::from_neighbours(&lists)
    }

    fn assemble(lists: &[Vec<(usize, f64)>]) -> Result<Self, RegionError> {
        let links = lists.iter().map(Vec::len).sum();
        limit_links(links)?;
        if u32::try_from(lists.len()).is_err() {
            return Err(RegionError::TooLarge {
                what: "units of spatial weights".to_owned(),
                count: lists.len() as u64,
                limit: u64::from(u32::MAX),
            });
        }
        let mut weights = Self {
            starts: Vec::with_capacity(lists.len() + 1),
            neighbours: Vec::with_capacity(links),
            values: Vec::with_capacity(links),
        };
        weights.starts.push(0);
        for (unit, list) in lists.iter().enumerate() {
            let mut row = list.clone();
            row.sort_by_key(|&(j, _)| j);
            if let Some(pair) = row.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                return Err(RegionError::option(
                    "weights",
                    format!("unit {unit} names its neighbour {} twice", pair[0].0),
                ));
            }
            if let Some(&(j, _)) = row.last().filter(|(j, _)| *j >= lists.len()) {
                return Err(RegionError::option(
                    "weights",
                    format!(
                        "unit {unit} names neighbour {j}, but units run from 0 to {}",
                        lists.len() - 1
                    ),
                ));
            }
            // A weight of 0 is no link.
            for (j, w) in row.into_iter().filter(|&(_, w)| w > 0.0) {
                weights.neighbours.push(j as u32); // below the number of units, checked above
                weights.values.push(w);
            }
            weights.starts.push(weights.neighbours.len());
        }
        Ok(weights)
    }

    /// Number of units.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there are no units.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of stored links.
    #[must_use]
    pub fn links(&self) -> usize {
        self.neighbours.len()
    }

    /// Neighbours and weights of a unit.
    #[must_use]
    pub fn row(&self, unit: usize) -> (&[u32], &[f64]) {
        let range = self.starts[unit]..self.starts[unit + 1];
        (&self.neighbours[range.clone()], &self.values[range])
    }

    /// Links as (unit, neighbour, weight), by unit, then neighbour.
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        (0..self.len()).flat_map(move |i| {
            let (js, ws) = self.row(i);
            js.iter().zip(ws).map(move |(&j, &w)| (i, j as usize, w))
        })
    }

    /// The number of neighbours of the unit that has most.
    #[must_use]
    pub fn most_neighbours(&self) -> usize {
        self.starts
            .windows(2)
            .map(|s| s[1] - s[0])
            .max()
            .unwrap_or(0)
    }

    /// Units without neighbours.
    #[must_use]
    pub fn islands(&self) -> Vec<usize> {
        (0..self.len())
            .filter(|&i| self.row(i).1.iter().sum::<f64>() <= 0.0)
            .collect()
    }

    /// The same links with rows that sum to 1; empty rows stay empty.
    #[must_use]
    pub fn row_standardised(&self) -> Self {
        let mut weights = self.clone();
        for i in 0..self.len() {
            let row = &mut weights.values[self.starts[i]..self.starts[i + 1]];
            let sum: f64 = row.iter().sum();
            if sum > 0.0 {
                row.iter_mut().for_each(|w| *w /= sum);
            }
        }
        weights
    }

    /// The same links, each with weight 1.
    #[must_use]
    pub fn binary(&self) -> Self {
        let mut weights = self.clone();
        weights.values.fill(1.0);
        weights
    }

    /// Spatial lag: for each unit the weighted sum of its neighbours' values.
    ///
    /// # Errors
    /// `Shape` when there is not one value a unit.
    pub fn lag(&self, values: &[f64]) -> Result<Vec<f64>, RegionError> {
        RegionError::same_len("values of the spatial lag", self.len(), values.len())?;
        Ok((0..self.len()).map(|i| self.lag_of(i, values)).collect())
    }

    /// Lag of one unit; `values` holds one value a unit.
    pub(crate) fn lag_of(&self, unit: usize, values: &[f64]) -> f64 {
        let (js, ws) = self.row(unit);
        js.iter()
            .zip(ws)
            .map(|(&j, &w)| w * values[j as usize])
            .sum()
    }

    /// The weight of one link, 0 where there is none.
    #[must_use]
    pub fn weight(&self, from: usize, to: usize) -> f64 {
        let (js, ws) = self.row(from);
        u32::try_from(to)
            .ok()
            .and_then(|to| js.binary_search(&to).ok())
            .map_or(0.0, |at| ws[at])
    }

    /// S0, S1 and S2.
    #[must_use]
    pub fn sums(&self) -> WeightSums {
        let mut both = vec![0.0; self.len()];
        let (mut s0, mut s1) = (0.0, 0.0);
        for (i, j, w) in self.iter() {
            s0 += w;
            both[i] += w;
            both[j] += w;
            // (w + w')^2 / 2 counts a pair of links twice; a link without its reverse gives its
            // square for both ordered pairs.
            let back = self.weight(j, i);
            s1 += if back > 0.0 {
                (w + back) * (w + back) / 2.0
            } else {
                w * w
            };
        }
        WeightSums {
            s0,
            s1,
            s2: both.iter().map(|b| b * b).sum(),
        }
    }
}

fn limit_links(links: usize) -> Result<(), RegionError> {
    if links > LINKS_MAX {
        return Err(RegionError::TooLarge {
            what: "links of spatial weights".to_owned(),
            count: links as u64,
            limit: LINKS_MAX as u64,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_follow_their_definition_over_all_ordered_pairs() {
        let w = Weights::from_lists(&[
            vec![(2, 0.5), (1, 2.0)],
            vec![(0, 1.0)],
            vec![],
            vec![(0, 3.0)],
        ])
        .unwrap();
        let (mut s1, mut s2) = (0.0, 0.0);
        for i in 0..4 {
            let (mut row, mut column) = (0.0, 0.0);
            for j in 0..4 {
                s1 += (w.weight(i, j) + w.weight(j, i)).powi(2) / 2.0;
                row += w.weight(i, j);
                column += w.weight(j, i);
            }
            s2 += (row + column) * (row + column);
        }
        let sums = w.sums();
        assert!((sums.s0 - 6.5).abs() < 1e-12);
        assert!((sums.s1 - s1).abs() < 1e-12);
        assert!((sums.s2 - s2).abs() < 1e-12);
        assert_eq!(w.islands(), [2]);
        assert_eq!(w.row(0).0, [1, 2]);
    }

    #[test]
    fn lists_that_make_no_sense_are_refused_with_the_unit() {
        let far = Weights::from_neighbours(&[vec![1], vec![7]]).unwrap_err();
        assert!(
            far.to_string().contains("unit 1 names neighbour 7"),
            "{far}"
        );
        let own = Weights::from_neighbours(&[vec![0]]).unwrap_err();
        assert!(own.to_string().contains("unit 0 is its own"), "{own}");
        let twice = Weights::from_neighbours(&[vec![1, 1], vec![]]).unwrap_err();
        assert!(twice.to_string().contains("twice"), "{twice}");
        assert!(Weights::from_lists(&[vec![(1, f64::NAN)], vec![]]).is_err());
        assert!(Weights::from_lists(&[vec![(1, -1.0)], vec![]]).is_err());
    }

    #[test]
    fn blocks_join_the_members_of_a_group() {
        let w = Weights::blocks(&["a", "b", "a", "c", "a"]).unwrap();
        assert_eq!(w.row(2).0, [0, 4]);
        assert_eq!(w.islands(), [1, 3]);
    }
}
