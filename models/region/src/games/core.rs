//! The core: whether some coalition would do better alone.

use serde::Serialize;

use super::{Game, Kind, sum_of};
use crate::RegionError;
use crate::programme::all_at_least;

/// A coalition that would do better alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Violation {
    /// Its members.
    pub members: Vec<String>,
    /// Its mask.
    pub mask: usize,
    /// Its own value.
    pub value: f64,
    /// What the shares give or ask of it.
    pub share: f64,
    /// How much better it does alone, in the unit of the game, above 0.
    pub excess: f64,
}

/// Whether shares lie in the core.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CoreReport {
    /// Whether the shares sum to the value of everybody and no coalition does better alone.
    pub in_core: bool,
    /// Sum of the shares less the value of everybody.
    pub imbalance: f64,
    /// How many coalitions would do better alone.
    pub violations: usize,
    /// The one that would gain most; the smaller mask on a tie.
    pub worst: Option<Violation>,
}

/// Tests `x(S) <= c(S)` for costs, `x(S) >= v(S)` for benefits, for every coalition, to 1e-9 of the
/// largest value.
///
/// # Errors
/// One share per player is needed, each a finite number.
pub fn core_test(game: &Game, shares: &[f64]) -> Result<CoreReport, RegionError> {
    RegionError::same_len("shares", game.players(), shares.len())?;
    all_at_least("shares", shares, f64::MIN)?;
    let tolerance = 1e-9 * game.scale();
    let imbalance = shares.iter().sum::<f64>() - game.total();
    let (mut violations, mut worst) = (0, None::<(usize, f64)>);
    for mask in 1..game.everybody() {
        let share = sum_of(shares, mask);
        let excess = match game.kind() {
            Kind::Cost => share - game.value(mask),
            Kind::Benefit => game.value(mask) - share,
        };
        if excess > tolerance {
            violations += 1;
            if worst.is_none_or(|(_, most)| excess > most) {
                worst = Some((mask, excess));
            }
        }
    }
    Ok(CoreReport {
        in_core: violations == 0 && imbalance.abs() <= tolerance,
        imbalance,
        violations,
        worst: worst.map(|(mask, excess)| Violation {
            members: game.members(mask),
            mask,
            value: game.value(mask),
            share: sum_of(shares, mask),
            excess,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::tva;
    use super::*;

    #[test]
    fn names_the_coalition_that_would_leave() {
        let game = tva();
        assert!(
            core_test(&game, &[117_829.0, 100_756.5, 193_998.5])
                .unwrap()
                .in_core
        );
        // Navigation and flood control asked for more than the 301,607 of their own dam.
        let report = core_test(&game, &[170_000.0, 140_000.0, 102_584.0]).unwrap();
        let worst = report.worst.unwrap();
        assert_eq!(worst.members, ["navigation", "flood"]);
        assert!((worst.excess - 8_393.0).abs() < 1e-6);
        assert_eq!(report.violations, 2);
        assert!(!core_test(&game, &[0.0; 3]).unwrap().in_core);
        assert!(core_test(&game, &[0.0; 2]).is_err());
        assert!(core_test(&game, &[f64::NAN; 3]).is_err());
    }
}
