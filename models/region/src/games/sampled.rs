//! The Shapley value of games too large to list, by sampled orders.

use rand::prelude::*;
use rayon::prelude::*;
use serde::Serialize;

use conurb_base::stream;

use crate::RegionError;
use crate::programme::at_most;
use crate::watch::{OnStep, Watch, unwatched};

/// Most players of a sampled game: coalitions are 64-bit masks.
pub const SAMPLED_PLAYERS: usize = 64;

/// Most pairs of orders.
const PAIRS_LIMIT: u32 = 10_000_000;

/// Pairs of orders in a batch: one random stream each, so that threads change nothing.
const BATCH: u32 = 64;

/// Shapley value with its error.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampledShapley {
    /// Estimates, in the unit of the game; they sum to the value of everybody exactly but for
    /// rounding.
    pub value: Vec<f64>,
    /// Half width of the 95 % interval of each estimate (normal approximation).
    pub half_width_95: Vec<f64>,
    /// Seed of the orders.
    pub seed: u64,
    /// Pairs of an order and its reverse.
    pub pairs: u32,
    /// Coalitions valued.
    pub effort_iterations: u64,
}

/// Samples `pairs` random orders, each with its reverse (antithetic), and averages what each
/// player adds (Castro, Gomez, Tejada 2009). `value` is asked for the value of a mask, never for
/// the empty one. Unbiased; the interval is that of the mean of the pairs.
///
/// # Errors
/// No players, more than [`SAMPLED_PLAYERS`], fewer than 30 pairs or more than ten million, a
/// value that is not finite.
pub fn shapley_sampled(
    players: usize,
    value: impl Fn(u64) -> f64 + Sync,
    pairs: u32,
    seed: u64,
) -> Result<SampledShapley, RegionError> {
    shapley_sampled_with(players, value, pairs, seed, &unwatched)
}

/// [`shapley_sampled`] that tells how many batches of orders of how many are done, and stops where
/// `progress` breaks.
///
/// # Errors
/// As [`shapley_sampled`]; [`RegionError::Stopped`].
pub fn shapley_sampled_with(
    players: usize,
    value: impl Fn(u64) -> f64 + Sync,
    pairs: u32,
    seed: u64,
    progress: OnStep<'_>,
) -> Result<SampledShapley, RegionError> {
    at_most("players of a sampled game", players, SAMPLED_PLAYERS)?;
    if players == 0 {
        return Err(RegionError::option("players", "there are none"));
    }
    if !(30..=PAIRS_LIMIT).contains(&pairs) {
        return Err(RegionError::option(
            "pairs of orders",
            format!("{pairs} lies outside 30..={PAIRS_LIMIT}"),
        ));
    }
    let count = pairs.div_ceil(BATCH);
    let watch = Watch::new("sampled Shapley value", count as usize, progress);
    let batches: Vec<(Vec<f64>, Vec<f64>)> = (0..count)
        .into_par_iter()
        .map(|b| watch.step(|| batch(players, &value, BATCH.min(pairs - b * BATCH), seed, b)))
        .collect::<Result<_, RegionError>>()?;
    let (mut sum, mut squares) = (vec![0.0; players], vec![0.0; players]);
    for (s, q) in &batches {
        for i in 0..players {
            sum[i] += s[i];
            squares[i] += q[i];
        }
    }
    let n = f64::from(pairs);
    let mean: Vec<f64> = sum.iter().map(|s| s / n).collect();
    if let Some(i) = mean.iter().position(|m| !m.is_finite()) {
        return Err(RegionError::option(
            "value of a coalition",
            format!("is no finite number with player {}", i + 1),
        ));
    }
    let half_width_95 = (0..players)
        .map(|i| {
            let variance = (squares[i] - n * mean[i] * mean[i]).max(0.0) / (n - 1.0);
            1.959_963_984_540_054 * (variance / n).sqrt()
        })
        .collect();
    Ok(SampledShapley {
        value: mean,
        half_width_95,
        seed,
        pairs,
        effort_iterations: 2 * u64::from(pairs) * players as u64,
    })
}

/// Sums and sums of squares of a batch's pair means.
fn batch(
    players: usize,
    value: &impl Fn(u64) -> f64,
    pairs: u32,
    seed: u64,
    index: u32,
) -> (Vec<f64>, Vec<f64>) {
    let mut rng = stream(seed, &format!("orders {index}"), "shapley");
    let mut order: Vec<usize> = (0..players).collect();
    let (mut sum, mut squares) = (vec![0.0; players], vec![0.0; players]);
    let mut marginal = vec![0.0; players];
    for _ in 0..pairs {
        for last in (1..players as u32).rev() {
            order.swap(last as usize, rng.random_range(0..=last) as usize);
        }
        marginal.fill(0.0);
        add_marginals(order.iter(), value, &mut marginal);
        add_marginals(order.iter().rev(), value, &mut marginal);
        for i in 0..players {
            let mean = marginal[i] / 2.0;
            sum[i] += mean;
            squares[i] += mean * mean;
        }
    }
    (sum, squares)
}

fn add_marginals<'a>(
    order: impl Iterator<Item = &'a usize>,
    value: &impl Fn(u64) -> f64,
    marginal: &mut [f64],
) {
    let (mut mask, mut before) = (0_u64, 0.0);
    for &i in order {
        mask |= 1 << i;
        let with = value(mask);
        marginal[i] += with - before;
        before = with;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::games::airport_shapley;

    fn airport(costs: &[f64]) -> impl Fn(u64) -> f64 + Sync {
        move |mask| {
            costs
                .iter()
                .enumerate()
                .filter(|(i, _)| mask >> i & 1 == 1)
                .fold(0.0, |m: f64, (_, c)| m.max(*c))
        }
    }

    #[test]
    fn forty_players_are_inside_their_interval() {
        let costs: Vec<f64> = (1..=40).map(f64::from).collect();
        let exact = airport_shapley(&costs).unwrap();
        let seed = 7;
        let found = shapley_sampled(40, airport(&costs), 4000, seed).unwrap();
        let outside = (0..40)
            .filter(|&i| (found.value[i] - exact[i]).abs() > found.half_width_95[i])
            .count();
        println!("seed {seed}: {outside} of 40 outside");
        assert!(outside <= 6, "{outside} of 40 outside a 95 % interval");
        assert!((found.value.iter().sum::<f64>() - 40.0).abs() < 1e-9);
        let again = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap()
            .install(|| shapley_sampled(40, airport(&costs), 4000, seed).unwrap());
        assert_eq!(found, again);
    }

    #[test]
    fn whoever_watches_can_stop_between_batches() {
        let costs = [1.0, 2.0, 3.0];
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let stop = |done: usize, total: usize| {
            assert!(done <= total);
            seen.fetch_max(done, std::sync::atomic::Ordering::Relaxed);
            std::ops::ControlFlow::Break(())
        };
        let error = shapley_sampled_with(3, airport(&costs), 1_000_000, 7, &stop).unwrap_err();
        assert_eq!(conurb_base::Coded::code(&error), "CNB-REGION-0016");
        // Every thread of the pool may have been in one batch; far fewer than all were done.
        let batches = 1_000_000_usize.div_ceil(BATCH as usize);
        assert!(seen.into_inner() <= 64 && batches > 64);
    }

    #[test]
    fn refuses() {
        assert!(shapley_sampled(65, |_| 0.0, 100, 1).is_err());
        assert!(shapley_sampled(0, |_| 0.0, 100, 1).is_err());
        assert!(shapley_sampled(3, |_| 0.0, 1, 1).is_err());
        assert!(shapley_sampled(3, |_| f64::NAN, 100, 1).is_err());
    }
}
