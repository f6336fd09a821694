//! Simple rules over a game: proportional, separable costs - remaining benefits, tau value.

use super::{Game, sum_of};
use crate::RegionError;
use crate::programme::all_at_least;

/// Divides the value of everybody in proportion to `weights` (the stand-alone values, populations,
/// loads ...).
///
/// # Errors
/// One weight per player, finite, not negative, not all zero.
pub fn proportional(game: &Game, weights: &[f64]) -> Result<Vec<f64>, RegionError> {
    RegionError::same_len("weights", game.players(), weights.len())?;
    all_at_least("weights", weights, 0.0)?;
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return Err(RegionError::option("weights", "are all zero"));
    }
    Ok(weights.iter().map(|w| game.total() * w / sum).collect())
}

/// Separable costs - remaining benefits (the rule of water projects, Straffin and Heaney 1981):
/// each pays what it adds to all others, `m_i = c(N) - c(N-i)`, and the rest in proportion to
/// `r_i = c(i) - m_i`.
///
/// # Errors
/// A negative `r_i` (the player costs more beside the others than alone), or a rest with no `r_i`
/// to divide it by.
pub fn scrb(game: &Game) -> Result<Vec<f64>, RegionError> {
    let n = game.players();
    let (all, scale) = (game.everybody(), game.scale());
    let separable: Vec<f64> = (0..n)
        .map(|i| game.total() - game.value(all & !(1 << i)))
        .collect();
    let mut remaining = Vec::with_capacity(n);
    for (i, m) in separable.iter().enumerate() {
        let r = game.sign() * (m - game.value(1 << i));
        if r < -1e-9 * scale {
            return Err(RegionError::option(
                "separable costs - remaining benefits",
                format!(
                    "{} does better alone than beside all others",
                    game.names()[i]
                ),
            ));
        }
        remaining.push(r.max(0.0));
    }
    let rest = game.total() - separable.iter().sum::<f64>();
    let weight: f64 = remaining.iter().sum();
    if weight <= 1e-12 * scale {
        if rest.abs() <= 1e-9 * scale {
            return Ok(separable);
        }
        return Err(RegionError::option(
            "separable costs - remaining benefits",
            format!("{rest} remains and nobody has a remaining benefit to divide it by"),
        ));
    }
    Ok(separable
        .iter()
        .zip(&remaining)
        .map(|(m, r)| m + rest * r / weight)
        .collect())
}

/// Tau value (Tijs 1981): the efficient point between the utopia payoffs `M_i = v(N) - v(N-i)` and
/// the least rights `m_i = max over S with i of v(S) - sum of M over S without i`.
///
/// # Errors
/// [`RegionError::Infeasible`] when the game is not quasi-balanced (`m <= M`,
/// `sum m <= v(N) <= sum M`).
pub fn tau_value(game: &Game) -> Result<Vec<f64>, RegionError> {
    let n = game.players();
    let (all, tolerance) = (game.everybody(), 1e-9 * game.scale());
    let total = game.gain(all);
    let utopia: Vec<f64> = (0..n).map(|i| total - game.gain(all & !(1 << i))).collect();
    let mut least = vec![f64::NEG_INFINITY; n];
    for mask in 1..=all {
        let rest = game.gain(mask) - sum_of(&utopia, mask);
        for i in (0..n).filter(|i| mask >> i & 1 == 1) {
            least[i] = least[i].max(rest + utopia[i]);
        }
    }
    let (low, high): (f64, f64) = (least.iter().sum(), utopia.iter().sum());
    let ordered = least.iter().zip(&utopia).all(|(m, u)| *m <= u + tolerance);
    if !ordered || low > total + tolerance || high < total - tolerance {
        return Err(RegionError::Infeasible {
            problem: "tau value".to_owned(),
            constraint: "least rights within utopia payoffs (the game is not quasi-balanced)"
                .to_owned(),
        });
    }
    let way = if high - low <= tolerance {
        0.0
    } else {
        (total - low) / (high - low)
    };
    Ok(least
        .iter()
        .zip(&utopia)
        .map(|(m, u)| game.sign() * (m + way * (u - m)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::tests_support::{names, tva};
    use super::*;

    #[test]
    fn tennessee_valley() {
        let found = scrb(&tva()).unwrap();
        for (f, e) in found.iter().zip([117_475.54, 99_157.29, 195_951.16]) {
            assert!((f - e).abs() < 0.005, "{f} {e}");
        }
        let alone = [163_520.0, 140_826.0, 250_096.0];
        let x = proportional(&tva(), &alone).unwrap();
        assert!((x.iter().sum::<f64>() - 412_584.0).abs() < 1e-6);
        assert!((x[0] / x[2] - 163_520.0 / 250_096.0).abs() < 1e-12);
        // Convex games: the least right is the stand-alone value, so tau is SCRB.
        for (t, s) in tau_value(&tva()).unwrap().iter().zip(&found) {
            assert!((t - s).abs() < 1e-6, "{t} {s}");
        }
    }

    #[test]
    fn tau_of_a_small_game_by_hand() {
        // Two gloves: player 1 left, 2 and 3 right. M = (1, 0, 0), m = (1, 0, 0).
        let gloves = Game::from_fn(names(3), Kind::Benefit, |m| {
            f64::from(m & 1 == 1 && m & 6 != 0)
        })
        .unwrap();
        assert_eq!(tau_value(&gloves).unwrap(), [1.0, 0.0, 0.0]);
        let majority =
            Game::from_fn(names(3), Kind::Benefit, |m| f64::from(m.count_ones() >= 2)).unwrap();
        assert!(tau_value(&majority).is_err());
    }

    #[test]
    fn refuses() {
        assert!(proportional(&tva(), &[0.0; 3]).is_err());
        assert!(proportional(&tva(), &[1.0; 2]).is_err());
        let worse = Game::new(names(2), Kind::Cost, vec![0.0, 1.0, 1.0, 5.0]).unwrap();
        assert!(scrb(&worse).is_err());
    }
}
