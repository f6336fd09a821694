//! Conditional permutation: a unit keeps its value, its neighbours are drawn from all others.
//!
//! One table of draws serves all units (as in GeoDa and esda). Row r of the table is a uniform
//! random sequence of distinct numbers out of 0..n-1, as long as the longest neighbour list. For
//! unit i the number j stands for unit j when j < i, for unit j + 1 otherwise: a bijection to the
//! units other than i. So the first k of a row are, for *every* unit, a uniform draw of k distinct
//! others, rows are independent, and each unit's pseudo p has exactly the distribution it would have
//! with draws of its own. What the units share is the sampling error: it does not average out over
//! the map, which only more permutations reduce (ADR 0105).
//!
//! Speed follows from the same mapping. Going from unit i to i + 1 changes the meaning of the number
//! i alone, from unit i + 1 to unit i. A block of units looks the drawn values up once and then
//! mends the few entries that change, so that the inner loop is a product of short columns without
//! look-ups.

use conurb_base::stream;
use rand::RngExt;
use rayon::prelude::*;

use crate::RegionError;
use crate::autocorrelation::deviations;
use crate::watch::{OnStep, Watch, unwatched};
use crate::weights::Weights;

/// Most permutations.
const PERMUTATIONS_MAX: usize = 1_000_000;

/// Most entries of the table of draws (permutations x longest neighbour list).
const TABLE_MAX: usize = 50_000_000;

/// Units a task handles; results do not depend on it.
const BLOCK: usize = 512;

/// How many permutations, and from which seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permutations {
    /// How many; the smallest pseudo p is 1/(draws + 1).
    pub draws: usize,
    /// Seed of the random streams.
    pub seed: u64,
}

impl Permutations {
    /// 999 permutations.
    #[must_use]
    pub fn with_seed(seed: u64) -> Self {
        Self { draws: 999, seed }
    }

    pub(crate) fn checked(self) -> Result<usize, RegionError> {
        if self.draws == 0 || self.draws > PERMUTATIONS_MAX {
            return Err(RegionError::option(
                "permutations",
                format!("{}; choose 1 to {PERMUTATIONS_MAX}", self.draws),
            ));
        }
        Ok(self.draws)
    }
}

/// (r + 1)/(R + 1) with r the smaller tail; draws equal to the observed value count in both tails.
pub(crate) fn folded_p(at_least: usize, at_most: usize, draws: usize) -> f64 {
    (at_least.min(at_most) + 1) as f64 / (draws + 1) as f64
}

/// What two sums of the same numbers in different order may differ by.
pub(crate) fn rounding(scale: f64) -> f64 {
    1e-12 * scale.abs()
}

/// Pseudo p of each unit's lag under conditional permutation: are its neighbours' values higher or
/// lower than those of units drawn at random? It is the p of local Moran (the unit's own value only
/// scales its lag), of bivariate local Moran (values = y) and of G*. `None` for islands.
///
/// # Errors
/// `Shape`, `Option`: one finite value a unit, at least 4, values that vary, 1 to 1,000,000
/// permutations; `TooLarge` when permutations x longest neighbour list exceed 50,000,000.
pub fn neighbour_p(
    values: &[f64],
    weights: &Weights,
    permutations: Permutations,
) -> Result<Vec<Option<f64>>, RegionError> {
    neighbour_p_with(values, weights, permutations, &unwatched)
}

/// [`neighbour_p`] that tells `progress` after each block of units.
pub(crate) fn neighbour_p_with(
    values: &[f64],
    weights: &Weights,
    permutations: Permutations,
    progress: OnStep<'_>,
) -> Result<Vec<Option<f64>>, RegionError> {
    let (_, z) = deviations("conditional permutation", values, weights)?;
    let table = Table::draw(&z, weights, permutations)?;
    let blocks = z.len().div_ceil(BLOCK);
    let watch = Watch::new("conditional permutation", blocks, progress);
    let blocks: Vec<Vec<Option<f64>>> = (0..blocks)
        .into_par_iter()
        .map(|block| {
            let first = block * BLOCK;
            watch.step(|| table.block(&z, weights, first, (first + BLOCK).min(z.len())))
        })
        .collect::<Result<_, RegionError>>()?;
    Ok(blocks.into_iter().flatten().collect())
}

/// The draws: `longest` columns of `draws` numbers each, column by column.
struct Table {
    ids: Vec<u32>,
    draws: usize,
    /// Places in `ids`, ordered by the number that stands there.
    by_id: Vec<u32>,
    /// The largest absolute value that can be drawn.
    largest: f64,
}

impl Table {
    fn draw(z: &[f64], weights: &Weights, permutations: Permutations) -> Result<Self, RegionError> {
        let draws = permutations.checked()?;
        let longest = weights.most_neighbours();
        let entries = draws.saturating_mul(longest);
        if entries > TABLE_MAX {
            return Err(RegionError::TooLarge {
                what: "permutations x longest neighbour list".to_owned(),
                count: entries as u64,
                limit: TABLE_MAX as u64,
            });
        }
        // A partial Fisher-Yates shuffle that is taken back after each row: O(longest) a row.
        let others = weights.len() - 1;
        let mut deck: Vec<u32> = (0..others as u32).collect(); // below u32::MAX by construction
        let mut random = stream(permutations.seed, "neighbours", "region permutations");
        let mut ids = vec![0_u32; entries];
        let mut swaps = vec![0_usize; longest];
        for row in 0..draws {
            for (at, swap) in swaps.iter_mut().enumerate() {
                *swap = random.random_range(at..others);
                deck.swap(at, *swap);
                ids[at * draws + row] = deck[at];
            }
            for (at, &swap) in swaps.iter().enumerate().rev() {
                deck.swap(at, swap);
            }
        }
        let mut by_id: Vec<u32> = (0..entries as u32).collect();
        by_id.sort_by_key(|&place| ids[place as usize]);
        Ok(Self {
            ids,
            draws,
            by_id,
            largest: z.iter().fold(0.0, |m, z| m.max(z.abs())),
        })
    }

    /// p of the units `first..end`.
    fn block(&self, z: &[f64], weights: &Weights, first: usize, end: usize) -> Vec<Option<f64>> {
        // The values that the numbers mean to unit `first`.
        let mut drawn: Vec<f64> = self
            .ids
            .iter()
            .map(|&id| z[id as usize + usize::from(id as usize >= first)])
            .collect();
        let mut changes = self
            .by_id
            .partition_point(|&place| (self.ids[place as usize] as usize) < first);
        let mut lags = vec![0.0; self.draws];
        let mut result = Vec::with_capacity(end - first);
        for unit in first..end {
            result.push(self.unit(z, weights, unit, &drawn, &mut lags));
            // To the next unit, the number `unit` means unit `unit`, no longer the one after it.
            while let Some(&place) = self.by_id.get(changes) {
                if self.ids[place as usize] as usize != unit {
                    break;
                }
                drawn[place as usize] = z[unit];
                changes += 1;
            }
        }
        result
    }

    fn unit(
        &self,
        z: &[f64],
        weights: &Weights,
        unit: usize,
        drawn: &[f64],
        lags: &mut [f64],
    ) -> Option<f64> {
        let (neighbours, ws) = weights.row(unit);
        if neighbours.is_empty() {
            return None;
        }
        lags.fill(0.0);
        for (column, w) in drawn.chunks_exact(self.draws).zip(ws) {
            for (lag, value) in lags.iter_mut().zip(column) {
                *lag += w * value;
            }
        }
        let observed = weights.lag_of(unit, z);
        let slack = rounding(ws.iter().sum::<f64>() * self.largest);
        let (low, high) = (observed - slack, observed + slack);
        let (mut at_least, mut at_most) = (0_u32, 0_u32);
        for &lag in lags.iter() {
            at_least += u32::from(lag >= low);
            at_most += u32::from(lag <= high);
        }
        Some(folded_p(at_least as usize, at_most as usize, self.draws))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{Contiguity, lattice};

    /// The same p from draws of the unit's own, one by one.
    fn by_own_draws(z: &[f64], weights: &Weights, unit: usize, draws: usize) -> f64 {
        let mut random = stream(5, &unit.to_string(), "test draws");
        let (neighbours, ws) = weights.row(unit);
        let observed = weights.lag_of(unit, z);
        let (mut at_least, mut at_most) = (0, 0);
        for _ in 0..draws {
            let mut others: Vec<usize> = (0..z.len()).filter(|&j| j != unit).collect();
            let mut lag = 0.0;
            for w in &ws[..neighbours.len()] {
                lag += w * z[others.swap_remove(random.random_range(0..others.len()))];
            }
            at_least += usize::from(lag >= observed);
            at_most += usize::from(lag <= observed);
        }
        folded_p(at_least, at_most, draws)
    }

    #[test]
    fn one_table_gives_each_unit_the_p_of_its_own_draws() {
        // 26 x 26 cells: the second block begins inside the map.
        let w = lattice(26, 26, Contiguity::Queen)
            .unwrap()
            .row_standardised();
        let z: Vec<f64> = (0..676_u32)
            .map(|i| f64::from(i * i % 677) / 677.0 + f64::from(i / 26) / 26.0)
            .collect();
        let draws = 4_999;
        let shared = neighbour_p(&z, &w, Permutations { draws, seed: 11 }).unwrap();
        for unit in [0, 1, 300, 511, 512, 513, 600, 675] {
            let own = by_own_draws(&z, &w, unit, draws);
            let p = shared[unit].unwrap();
            // Four standard errors of a difference of two shares, and a tail may fold.
            let room = 4.0 * (2.0 * p.max(0.01) * (1.0 - p) / draws as f64).sqrt() + 0.001;
            assert!((p - own).abs() < room, "unit {unit}: {p} against {own}");
        }
    }

    #[test]
    fn the_mended_table_means_what_the_mapping_says() {
        let w = lattice(30, 30, Contiguity::Rook).unwrap();
        let z: Vec<f64> = (0..900_u32).map(|i| f64::from(i * 7919 % 1009)).collect();
        let table = Table::draw(&z, &w, Permutations { draws: 50, seed: 3 }).unwrap();
        let whole = table.block(&z, &w, 0, 900);
        let apart: Vec<_> = (0..900)
            .flat_map(|i| table.block(&z, &w, i, i + 1))
            .collect();
        assert_eq!(whole, apart);
        for row in 0..50 {
            let mut ids: Vec<u32> = (0..4).map(|m| table.ids[m * 50 + row]).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), 4, "a row draws without replacement");
        }
    }

    #[test]
    fn ties_count_in_both_tails() {
        // Two values only: many draws equal the observed lag, in another order.
        let w = lattice(3, 3, Contiguity::Rook).unwrap().row_standardised();
        let mut x = vec![0.1; 9];
        x[0] = 0.7;
        let p = neighbour_p(&x, &w, Permutations::with_seed(1)).unwrap();
        // Unit 8 sees only small values, as most draws do: not extreme at all.
        assert!(p[8].unwrap() > 0.5, "{p:?}");
    }

    #[test]
    fn limits_are_kept() {
        let w = lattice(3, 3, Contiguity::Rook).unwrap();
        let x: Vec<f64> = (0..9_u32).map(f64::from).collect();
        assert!(neighbour_p(&x, &w, Permutations { draws: 0, seed: 1 }).is_err());
        let many = Permutations {
            draws: 1_000_001,
            seed: 1,
        };
        assert!(neighbour_p(&x, &w, many).is_err());
        let full = Weights::blocks(&[0; 100]).unwrap();
        let x: Vec<f64> = (0..100_u32).map(f64::from).collect();
        let many = Permutations {
            draws: 999_999,
            seed: 1,
        };
        let error = neighbour_p(&x, &full, many).unwrap_err();
        assert!(matches!(error, RegionError::TooLarge { .. }), "{error}");
    }
}
