//! The nucleolus, by successive linear programmes.

use good_lp::{Expression, Solution, SolverModel, Variable, constraint, variable, variables};
use serde::Serialize;

use super::linear::Span;
use super::{Game, sum_of};
use crate::RegionError;
use crate::programme::{all_at_least, at_most, model, solve};

/// Most players: a programme has a column for each of the 2^n coalitions.
pub const NUCLEOLUS_PLAYERS: usize = 14;

/// Duals below this are rounding.
const DUAL: f64 = 1e-7;
/// How much lower than alone a share may lie, in values of order one: the next where rounding has
/// left a stage no solution with the one before.
const SLACKS: [f64; 3] = [1e-9, 1e-7, 1e-6];

/// The nucleolus and the way to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Nucleolus {
    /// Shares, in the unit of the game.
    pub shares: Vec<f64>,
    /// Largest excess after each programme, ascending in satisfaction: how much the worst-off
    /// coalition would gain alone (negative: lose).
    pub excess_levels: Vec<f64>,
    /// Whether the core has a point: the first level is not above 0.
    pub core_not_empty: bool,
    /// Programmes solved.
    pub effort_iterations: u64,
}

/// Nucleolus (Schmeidler 1969): among the shares that sum to the value of everybody and give no
/// player less than alone, the one that makes the excesses of all coalitions smallest, largest
/// first.
///
/// Each programme is solved in its dual form: `n` rows instead of 2^n, and the coalitions with a
/// positive weight are those tight in every solution (complementary slackness), so they are fixed
/// at once. At most `n` programmes.
///
/// # Errors
/// More than [`NUCLEOLUS_PLAYERS`] players; [`RegionError::Infeasible`] when the players alone get
/// more than everybody together.
pub fn nucleolus(game: &Game) -> Result<Nucleolus, RegionError> {
    let n = game.players();
    at_most("players of a nucleolus", n, NUCLEOLUS_PLAYERS)?;
    let scale = game.scale();
    let alone: f64 = (0..n).map(|i| game.gain(1 << i)).sum();
    if alone - game.gain(game.everybody()) > 1e-9 * scale {
        return Err(RegionError::Infeasible {
            problem: "nucleolus".to_owned(),
            constraint: "no player worse off than alone".to_owned(),
        });
    }
    // Values of order one keep the solver's tolerances meaningful.
    let value: Vec<f64> = (0..=game.everybody())
        .map(|m| game.gain(m) / scale)
        .collect();
    let mut span = Span::default();
    let mut fixed = vec![(game.everybody(), value[game.everybody()])];
    span.add(fixed[0].0, n, fixed[0].1);
    let mut levels = Vec::new();
    while span.rank() < n {
        let [first, wider @ ..] = SLACKS;
        let (level, tight) = wider
            .iter()
            .fold(stage(n, &value, &span, &fixed, first), |found, slack| {
                found.or_else(|_| stage(n, &value, &span, &fixed, *slack))
            })?;
        for mask in tight {
            let sum = value[mask] - level;
            if span.add(mask, n, sum) {
                fixed.push((mask, sum));
            }
        }
        levels.push(level * scale);
        if levels.len() > n {
            return Err(RegionError::NotConverged {
                what: "nucleolus".to_owned(),
                iterations: levels.len() as u32,
            });
        }
    }
    let shares: Vec<f64> = span
        .solution(n)
        .expect("the rank is n")
        .iter()
        .map(|x| game.sign() * scale * x)
        .collect();
    all_at_least("shares of the nucleolus", &shares, f64::NEG_INFINITY)?;
    let core_not_empty = (1..game.everybody())
        .all(|m| game.gain(m) - game.sign() * sum_of(&shares, m) <= 1e-7 * scale);
    Ok(Nucleolus {
        shares,
        core_not_empty,
        effort_iterations: levels.len() as u64,
        excess_levels: levels,
    })
}

/// One programme: the least largest excess over the coalitions not yet fixed, and coalitions that
/// have it in every solution.
///
/// Primal: min e with x(S) + e >= v(S) for the free, x(T) = r_T for the fixed, x_i >= v(i).
/// Dual: max sum y_S v(S) + sum z_T r_T + sum w_i v(i), sum y_S = 1, and for each player
/// the y, z and w of the coalitions with the player sum to 0; y and w >= 0.
fn stage(
    n: usize,
    value: &[f64],
    span: &Span,
    fixed: &[(usize, f64)],
    slack: f64,
) -> Result<(f64, Vec<usize>), RegionError> {
    let mut vars = variables!();
    let mut rows: Vec<Expression> = vec![Expression::default(); n];
    let mut objective = Expression::default();
    let mut total = Expression::default();
    let mut enter = |v: Variable, mask: usize, worth: f64| {
        objective.add_mul(worth, v);
        for (i, row) in rows.iter_mut().enumerate() {
            if mask >> i & 1 == 1 {
                row.add_mul(1.0, v);
            }
        }
    };
    let mut free = Vec::new();
    for mask in (1..value.len() - 1).filter(|m| !span.holds(*m, n)) {
        let y = vars.add(variable().min(0.0));
        enter(y, mask, value[mask]);
        total.add_mul(1.0, y);
        free.push((mask, y));
    }
    for &(mask, sum) in fixed {
        let z = vars.add(variable());
        enter(z, mask, sum);
    }
    for i in 0..n {
        // A share fixed at what its player gets alone may lie a rounding below it: the bound gives
        // way by as much, or the programme would have no solution.
        let w = vars.add(variable().min(0.0));
        enter(w, 1 << i, value[1 << i] - slack);
    }
    let mut programme = model(vars.maximise(objective.clone()));
    programme.add_constraint(constraint!(total == 1.0));
    for row in rows {
        programme.add_constraint(constraint!(row == 0.0));
    }
    let solution = solve("nucleolus", programme)?.ok_or_else(|| RegionError::Solver {
        what: "nucleolus".to_owned(),
        message: "a stage has no solution".to_owned(),
    })?;
    let tight = free
        .into_iter()
        .filter(|(_, y)| solution.value(*y) > DUAL)
        .map(|(mask, _)| mask)
        .collect();
    Ok((solution.eval(objective), tight))
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::{names, tva};
    use super::super::{Kind, core_test};
    use super::*;
    use proptest::prelude::*;

    fn close(found: &[f64], expected: &[f64], tolerance: f64) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() <= tolerance, "{found:?} {expected:?}");
        }
    }

    #[test]
    fn tennessee_valley() {
        let found = nucleolus(&tva()).unwrap();
        close(&found.shares, &[116_234.0, 93_540.0, 202_810.0], 1e-4);
        assert!(found.core_not_empty);
    }

    #[test]
    fn one_player_and_an_empty_core() {
        let one = Game::new(names(1), Kind::Cost, vec![0.0, 5.0]).unwrap();
        close(&nucleolus(&one).unwrap().shares, &[5.0], 1e-12);
        // Majority: any two of three get everything.
        let majority =
            Game::from_fn(names(3), Kind::Benefit, |m| f64::from(m.count_ones() >= 2)).unwrap();
        let found = nucleolus(&majority).unwrap();
        close(&found.shares, &[1.0 / 3.0; 3], 1e-9);
        assert!(!found.core_not_empty);
        assert!((found.excess_levels[0] - 1.0 / 3.0).abs() < 1e-9);
        let lonely = Game::new(names(2), Kind::Benefit, vec![0.0, 2.0, 2.0, 3.0]).unwrap();
        let error = nucleolus(&lonely).unwrap_err();
        assert!(
            error.to_string().contains("worse off than alone"),
            "{error}"
        );
    }

    #[test]
    fn three_players_who_get_nothing_alone() {
        let mut values = vec![0.0, 5.413155805533197, 0.0, 0.0, 0.0, 7.977821728280303];
        values.extend([8.468700961649446, 0.0, 7.570227263327086, 0.0, 0.0, 0.0]);
        values.extend([8.190491571441068, 0.0, 0.0, 21.13248430870813]);
        let game = Game::new(names(4), Kind::Benefit, values).unwrap();
        let found = nucleolus(&game).unwrap();
        assert!((found.shares.iter().sum::<f64>() - game.total()).abs() < 1e-6);
    }

    /// Excesses of all coalitions, largest first.
    fn excesses(game: &Game, x: &[f64]) -> Vec<f64> {
        let mut e: Vec<f64> = (1..game.everybody())
            .map(|m| game.gain(m) - game.sign() * sum_of(x, m))
            .collect();
        e.sort_by(|a, b| b.total_cmp(a));
        e
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn no_share_near_it_has_lexicographically_smaller_excesses(
            v in proptest::collection::vec(0.0..10.0_f64, 14), grand in 20.0..60.0_f64,
        ) {
            let mut values = vec![0.0];
            values.extend(v);
            values.push(grand);
            let game = Game::new(names(4), Kind::Benefit, values).unwrap();
            prop_assume!((0..4).map(|i| game.value(1 << i)).sum::<f64>() <= grand);
            let best = nucleolus(&game).unwrap();
            prop_assert!((best.shares.iter().sum::<f64>() - grand).abs() < 1e-6);
            let at = excesses(&game, &best.shares);
            prop_assert!((at[0] - best.excess_levels[0]).abs() < 1e-6);
            if best.core_not_empty {
                prop_assert!(at[0] <= 1e-6);
            }
            for i in 0..4 {
                for j in (0..4).filter(|j| *j != i) {
                    let mut near = best.shares.clone();
                    near[i] += 0.01;
                    near[j] -= 0.01;
                    if near[j] < game.value(1 << j) { continue; }
                    let moved = excesses(&game, &near);
                    let first = at.iter().zip(&moved).find(|(a, b)| (*a - *b).abs() > 1e-6);
                    prop_assert!(first.is_none_or(|(a, b)| a < b), "{at:?} {moved:?}");
                }
            }
        }

        #[test]
        fn lies_in_the_core_of_a_convex_game(parts in proptest::collection::vec(0.0..5.0_f64, 32)) {
            // A sum of non-negative unanimity games is convex, so its core is not empty.
            let game = Game::from_fn(names(5), Kind::Benefit, |m| {
                (1..32).filter(|t| t & !m == 0).map(|t| parts[t]).sum()
            }).unwrap();
            let best = nucleolus(&game).unwrap();
            prop_assert!(best.core_not_empty);
            let slack: Vec<f64> = best.shares.clone();
            let worst = core_test(&game, &slack).unwrap().worst.map_or(0.0, |w| w.excess);
            prop_assert!(worst < 1e-6 * game.total().max(1.0));
        }
    }
}
