//! Dividing less than what is claimed: a cleaned-up budget, a water quota, an emission cap.

use super::{Game, Kind, sum_of};
use crate::RegionError;
use crate::programme::all_at_least;

fn check(estate: f64, claims: &[f64]) -> Result<f64, RegionError> {
    all_at_least("claims", claims, 0.0)?;
    let sum: f64 = claims.iter().sum();
    if !(estate.is_finite() && (0.0..=sum * (1.0 + 1e-12)).contains(&estate)) {
        return Err(RegionError::option(
            "estate",
            format!("{estate} lies outside 0..={sum}, the sum of the claims"),
        ));
    }
    Ok(sum)
}

/// Awards in proportion to the claims.
///
/// # Errors
/// Claims negative or not finite, an estate outside `0..=sum of claims`; likewise below.
pub fn proportional_awards(estate: f64, claims: &[f64]) -> Result<Vec<f64>, RegionError> {
    let sum = check(estate, claims)?;
    if sum <= 0.0 {
        return Ok(vec![0.0; claims.len()]);
    }
    Ok(claims.iter().map(|c| estate * c / sum).collect())
}

/// Constrained equal awards: everybody gets the same, nobody more than the claim.
///
/// # Errors
/// As [`proportional_awards`].
pub fn constrained_equal_awards(estate: f64, claims: &[f64]) -> Result<Vec<f64>, RegionError> {
    check(estate, claims)?;
    let mut order: Vec<usize> = (0..claims.len()).collect();
    order.sort_by(|a, b| claims[*a].total_cmp(&claims[*b]).then(a.cmp(b)));
    let (mut awards, mut left) = (vec![0.0; claims.len()], estate);
    for (done, &i) in order.iter().enumerate() {
        let equal = left / (claims.len() - done) as f64;
        awards[i] = claims[i].min(equal);
        left -= awards[i];
    }
    Ok(awards)
}

/// Constrained equal losses: everybody loses the same, nobody more than the claim.
///
/// # Errors
/// As [`proportional_awards`].
pub fn constrained_equal_losses(estate: f64, claims: &[f64]) -> Result<Vec<f64>, RegionError> {
    let sum = check(estate, claims)?;
    let losses = constrained_equal_awards((sum - estate).max(0.0), claims)?;
    Ok(claims.iter().zip(losses).map(|(c, l)| c - l).collect())
}

/// The rule of the Talmud (Aumann and Maschler 1985): equal awards of the half claims up to half
/// of the claims, equal losses of the half claims above. It is the nucleolus of
/// [`bankruptcy_game`].
///
/// # Errors
/// As [`proportional_awards`].
pub fn talmud(estate: f64, claims: &[f64]) -> Result<Vec<f64>, RegionError> {
    let sum = check(estate, claims)?;
    let half: Vec<f64> = claims.iter().map(|c| c / 2.0).collect();
    if estate <= sum / 2.0 {
        return constrained_equal_awards(estate, &half);
    }
    let losses = constrained_equal_awards((sum - estate).max(0.0), &half)?;
    Ok(claims.iter().zip(losses).map(|(c, l)| c - l).collect())
}

/// The game of a bankruptcy (O'Neill 1982): a coalition is sure of what is left when all others
/// are paid in full, `v(S) = max(0, E - claims of the others)`.
///
/// # Errors
/// As [`proportional_awards`] and [`Game::new`].
pub fn bankruptcy_game(
    names: Vec<String>,
    estate: f64,
    claims: &[f64],
) -> Result<Game, RegionError> {
    RegionError::same_len("claims", names.len(), claims.len())?;
    check(estate, claims)?;
    let all = (1_usize << names.len().min(63)) - 1;
    Game::from_fn(names, Kind::Benefit, |mask| {
        (estate - sum_of(claims, all & !mask)).max(0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::names;
    use super::super::{nucleolus, shapley};
    use super::*;
    use proptest::prelude::*;

    fn close(found: &[f64], expected: &[f64], tolerance: f64) {
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() <= tolerance, "{found:?} {expected:?}");
        }
    }

    #[test]
    fn the_three_wives() {
        let claims = [100.0, 200.0, 300.0];
        let third = 100.0 / 3.0;
        close(&talmud(100.0, &claims).unwrap(), &[third; 3], 1e-9);
        close(&talmud(200.0, &claims).unwrap(), &[50.0, 75.0, 75.0], 1e-9);
        close(
            &talmud(300.0, &claims).unwrap(),
            &[50.0, 100.0, 150.0],
            1e-9,
        );
        let game = bankruptcy_game(names(3), 200.0, &claims).unwrap();
        close(&shapley(&game), &[third, 250.0 / 3.0, 250.0 / 3.0], 1e-9);
        let cea = constrained_equal_awards(400.0, &claims).unwrap();
        close(&cea, &[100.0, 150.0, 150.0], 1e-9);
        let cel = constrained_equal_losses(300.0, &claims).unwrap();
        close(&cel, &[0.0, 100.0, 200.0], 1e-9);
        close(
            &proportional_awards(300.0, &claims).unwrap(),
            &[50.0, 100.0, 150.0],
            1e-9,
        );
    }

    #[test]
    fn refuses() {
        assert!(talmud(700.0, &[100.0, 200.0]).is_err());
        assert!(talmud(-1.0, &[100.0]).is_err());
        assert!(constrained_equal_awards(1.0, &[f64::NAN]).is_err());
        assert_eq!(proportional_awards(0.0, &[0.0, 0.0]).unwrap(), [0.0, 0.0]);
        assert!(bankruptcy_game(names(40), 1.0, &[1.0; 40]).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn the_talmud_is_the_nucleolus(
            claims in proptest::collection::vec(1.0..100.0_f64, 2..6), part in 0.05..0.95_f64,
        ) {
            let estate = part * claims.iter().sum::<f64>();
            let game = bankruptcy_game(names(claims.len()), estate, &claims).unwrap();
            let found = nucleolus(&game).unwrap().shares;
            for (f, e) in found.iter().zip(talmud(estate, &claims).unwrap()) {
                prop_assert!((f - e).abs() < 1e-6, "{f} {e}");
            }
            for rule in [proportional_awards, constrained_equal_awards, constrained_equal_losses, talmud] {
                let x = rule(estate, &claims).unwrap();
                prop_assert!((x.iter().sum::<f64>() - estate).abs() < 1e-9);
                prop_assert!(x.iter().zip(&claims).all(|(a, c)| *a >= -1e-12 && *a <= c + 1e-12));
            }
        }
    }
}
