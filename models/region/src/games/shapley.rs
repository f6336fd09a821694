//! The Shapley value, exact.

use rayon::prelude::*;

use super::Game;

/// Players above which the sum is shared among threads.
const PARALLEL_PLAYERS: usize = 12;

/// Shapley value: what each player adds, averaged over all orders of joining (Shapley 1953),
/// `phi_i = sum_{S without i} |S|! (n-|S|-1)! / n! (v(S+i) - v(S))`, in the unit of the game.
///
/// O(n 2^n): 115,000 additions for 14 players.
#[must_use]
pub fn shapley(game: &Game) -> Vec<f64> {
    let n = game.players();
    let weights = weights(n);
    let one = |i: usize| marginal_sum(&game.values, &weights, i);
    if n > PARALLEL_PLAYERS {
        (0..n).into_par_iter().map(one).collect()
    } else {
        (0..n).map(one).collect()
    }
}

/// `s! (n-s-1)! / n!` for `s` in `0..n`, from `w(0) = 1/n`, `w(s+1) = w(s) (s+1)/(n-s-1)`.
fn weights(n: usize) -> Vec<f64> {
    let mut weights = vec![1.0 / n as f64; n];
    for s in 1..n {
        weights[s] = weights[s - 1] * s as f64 / (n - s) as f64;
    }
    weights
}

/// The weighted sum of one player's marginal values, over the masks without the player: those of
/// the low bits under each mask of the high bits, so that memory is read in order.
fn marginal_sum(values: &[f64], weights: &[f64], player: usize) -> f64 {
    let half = 1_usize << player;
    let mut by_size = vec![0.0; weights.len()];
    for block in (0..values.len()).step_by(half << 1) {
        for mask in block..block + half {
            by_size[mask.count_ones() as usize] += values[mask | half] - values[mask];
        }
    }
    by_size.iter().zip(weights).map(|(m, w)| m * w).sum()
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::{names, tva};
    use super::super::{Game, Kind};
    use super::*;
    use proptest::prelude::*;

    /// Averages marginal values over all n! orders.
    fn by_orders(game: &Game) -> Vec<f64> {
        fn walk(game: &Game, mask: usize, sums: &mut [f64]) -> f64 {
            let n = game.players();
            if mask == game.everybody() {
                return 1.0;
            }
            let mut orders = 0.0;
            for i in (0..n).filter(|i| mask >> i & 1 == 0) {
                let below = walk(game, mask | 1 << i, sums);
                // Orders before this mask are counted by the caller's recursion, so add per call.
                sums[i] += below * (game.value(mask | 1 << i) - game.value(mask));
                orders += below;
            }
            orders
        }
        let mut sums = vec![0.0; game.players()];
        let orders = walk(game, 0, &mut sums);
        sums.iter().map(|s| s / orders).collect()
    }

    #[test]
    fn tennessee_valley() {
        let x = shapley(&tva());
        for (found, expected) in x.iter().zip([117_829.0, 100_756.5, 193_998.5]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    fn game(n: usize) -> impl Strategy<Value = Game> {
        proptest::collection::vec(-100.0..100.0_f64, (1 << n) - 1).prop_map(move |mut v| {
            v.insert(0, 0.0);
            Game::new(names(n), Kind::Benefit, v).unwrap()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn is_the_average_over_orders_efficient_and_additive(a in game(5), b in game(5)) {
            let (x, y) = (shapley(&a), shapley(&b));
            for (found, expected) in x.iter().zip(by_orders(&a)) {
                prop_assert!((found - expected).abs() < 1e-9);
            }
            prop_assert!((x.iter().sum::<f64>() - a.total()).abs() < 1e-9);
            let sum = Game::from_fn(names(5), Kind::Benefit, |m| a.value(m) + b.value(m)).unwrap();
            for (i, s) in shapley(&sum).iter().enumerate() {
                prop_assert!((s - x[i] - y[i]).abs() < 1e-9);
            }
        }

        #[test]
        fn a_dummy_gets_its_own_and_symmetric_players_the_same(a in game(4), own in -9.0..9.0_f64) {
            // Player 5 adds `own` to everybody; players 1 and 2 are made symmetric.
            let swap = |m: usize| m & !3 | (m & 1) << 1 | (m & 2) >> 1;
            let v = Game::from_fn(names(5), Kind::Benefit, |m| {
                let low = m & 15;
                (a.value(low) + a.value(swap(low))) / 2.0 + if m >> 4 == 1 { own } else { 0.0 }
            }).unwrap();
            let x = shapley(&v);
            prop_assert!((x[4] - own).abs() < 1e-9);
            prop_assert!((x[0] - x[1]).abs() < 1e-9);
        }

        #[test]
        fn threads_do_not_change_a_byte(a in game(13)) {
            let weights = weights(13);
            let alone: Vec<f64> = (0..13).map(|i| marginal_sum(&a.values, &weights, i)).collect();
            prop_assert_eq!(shapley(&a), alone);
        }
    }
}
