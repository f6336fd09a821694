//! Cooperative games: the exact Shapley value of a region of fourteen cities.

use anyhow::{Result, ensure};
use conurb_base::{Clock, SystemClock};
use conurb_region::games::{Game, Kind, airport_shapley, shapley};

use crate::figure::Figure;

/// Players of the game.
const PLAYERS: usize = 14;
/// Repetitions, of which the median counts.
const REPEATS: usize = 9;

/// Exact Shapley value of 14 players, game already listed: the median of nine, at most 0.1 s. The
/// game is an airport game with synthetic costs, so the closed form checks the answer.
pub(crate) fn shapley_exact() -> Result<Vec<Figure>> {
    let costs: Vec<f64> = (1..=PLAYERS).map(|i| (i * i) as f64).collect();
    let names = (1..=PLAYERS).map(|i| format!("city {i}")).collect();
    let game = Game::from_fn(names, Kind::Cost, |mask| {
        let most = usize::BITS - mask.leading_zeros();
        costs[most as usize - 1]
    })?;
    let expected = airport_shapley(&costs)?;
    let clock = SystemClock::new();
    let mut seconds = Vec::with_capacity(REPEATS);
    for _ in 0..REPEATS {
        let start = clock.monotonic_ns();
        let found = shapley(&game);
        seconds.push((clock.monotonic_ns() - start) as f64 / 1e9);
        let close = found
            .iter()
            .zip(&expected)
            .all(|(f, e)| (f - e).abs() < 1e-9);
        ensure!(close, "the Shapley value is not that of the closed form");
    }
    seconds.sort_by(f64::total_cmp);
    Ok(vec![Figure::at_most(
        "region",
        "exact Shapley, n = 14",
        seconds[REPEATS / 2],
        "s",
        0.1,
    )])
}
