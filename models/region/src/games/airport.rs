//! Airport games: everybody needs a part of one facility, the most demanding needs all of it.

use super::{Game, Kind};
use crate::RegionError;
use crate::programme::all_at_least;

/// Players by cost, ascending; ties by position.
fn ascending(costs: &[f64]) -> Result<Vec<usize>, RegionError> {
    all_at_least("costs", costs, 0.0)?;
    if costs.is_empty() {
        return Err(RegionError::option("players", "there are none"));
    }
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by(|a, b| costs[*a].total_cmp(&costs[*b]).then(a.cmp(b)));
    Ok(order)
}

/// The game: a coalition's cost is that of its most demanding member.
///
/// # Errors
/// Costs negative or not finite; as [`Game::new`].
pub fn airport_game(names: Vec<String>, costs: &[f64]) -> Result<Game, RegionError> {
    RegionError::same_len("costs", names.len(), costs.len())?;
    ascending(costs)?;
    Game::from_fn(names, Kind::Cost, |mask| {
        costs
            .iter()
            .enumerate()
            .filter(|(i, _)| mask >> i & 1 == 1)
            .fold(0.0, |most: f64, (_, c)| most.max(*c))
    })
}

/// Shapley value in closed form (Littlechild and Owen 1973): each step of cost is shared equally
/// by those who need it, `x_i = sum_{k<=i} (c_k - c_{k-1}) / (n-k+1)`. Any number of players.
///
/// # Errors
/// No players; costs negative or not finite.
pub fn airport_shapley(costs: &[f64]) -> Result<Vec<f64>, RegionError> {
    let order = ascending(costs)?;
    let (mut shares, mut before, mut share) = (vec![0.0; costs.len()], 0.0, 0.0);
    for (k, &i) in order.iter().enumerate() {
        share += (costs[i] - before) / (costs.len() - k) as f64;
        before = costs[i];
        shares[i] = share;
    }
    Ok(shares)
}

/// Nucleolus in closed form (Littlechild 1974): the next group pays the least of
/// `(c_k - c_j + r_j) / (k - j + 1)` over `k < n` and `(c_n - c_j + r_j) / (n - j)`, where `j` is
/// the last player served and `r_j` its share. O(n^2).
///
/// # Errors
/// As [`airport_shapley`].
pub fn airport_nucleolus(costs: &[f64]) -> Result<Vec<f64>, RegionError> {
    let order = ascending(costs)?;
    let n = order.len();
    let (mut shares, mut served, mut carried) = (vec![0.0; n], 0, 0.0);
    while served < n {
        let (mut until, mut least) = (n, f64::INFINITY);
        for k in served + 1..=n {
            let parts = if k < n { k - served + 1 } else { n - served };
            let share = (costs[order[k - 1]] + carried) / parts as f64;
            // The larger group on a tie: it is the same share.
            if share <= least {
                (until, least) = (k, share);
            }
        }
        for &i in &order[served..until] {
            shares[i] = least;
        }
        // What the next ones find: the cost not covered so far, less what is kept for it.
        carried = least - costs[order[until - 1]];
        served = until;
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::names;
    use super::super::{core_test, nucleolus, shapley};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn littlechild_owen() {
        let costs = [10.0, 20.0, 50.0, 100.0];
        let x = airport_shapley(&costs).unwrap();
        for (f, e) in x.iter().zip([2.5, 35.0 / 6.0, 125.0 / 6.0, 425.0 / 6.0]) {
            assert!((f - e).abs() < 1e-9);
        }
        assert_eq!(airport_nucleolus(&costs).unwrap(), [5.0, 7.5, 18.75, 68.75]);
        assert!(airport_shapley(&[]).is_err());
        assert!(airport_nucleolus(&[1.0, -1.0]).is_err());
    }

    #[test]
    fn shares_fixed_at_what_a_player_pays_alone_leave_the_programme_soluble() {
        let costs = [0.0, 10.0, 1.0, 13.0, 10.0];
        let game = airport_game(names(5), &costs).unwrap();
        let found = nucleolus(&game).unwrap().shares;
        for (f, e) in airport_nucleolus(&costs).unwrap().iter().zip(found) {
            assert!((f - e).abs() < 1e-6, "{f} {e}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn closed_forms_are_those_of_the_game(
            costs in proptest::collection::vec((0..40_u32).prop_map(f64::from), 2..7),
        ) {
            let game = airport_game(names(costs.len()), &costs).unwrap();
            let x = airport_shapley(&costs).unwrap();
            for (f, e) in x.iter().zip(shapley(&game)) {
                prop_assert!((f - e).abs() < 1e-9);
            }
            prop_assert!(core_test(&game, &x).unwrap().in_core);
            let found = nucleolus(&game).unwrap().shares;
            for (f, e) in airport_nucleolus(&costs).unwrap().iter().zip(found) {
                prop_assert!((f - e).abs() < 1e-6, "{costs:?} {f} {e}");
            }
        }
    }
}
