//! The incentive race: cities that subsidise the same sector, against each other or together.
//!
//! A contest for one mobile investment (Tullock 1980, lottery form; unequal contestants: Hillman and
//! Riley 1989, Stein 2002): city i offers `x_i`, which counts `a_i x_i` because a subsidy weighs more
//! where the site is better; it wins with chance `p_i = a_i x_i / sum a_j x_j` and gets
//! `V_i p_i - x_i`. That cities bid for firms this way is the reading of Black and Hoyt (1989).
//!
//! **Assumed**: every offer is spent, won or not (sites, zones, tax years given to all comers); the
//! investment comes to one of the cities anyway; values `V_i` are known to all; one round. Under
//! these the race moves nothing but money out of the cities.

use serde::Serialize;

use crate::RegionError;

/// Cities of one race.
const CITIES_MAX: usize = 1_000;

/// A city in the race.
#[derive(Debug, Clone, PartialEq)]
pub struct RaceCity {
    /// Its name.
    pub name: String,
    /// `V_i`: what winning is worth to it, money.
    pub value: f64,
    /// `a_i`: how good its site is, relative; above 0.
    pub attractiveness: f64,
}

/// What the race does to one city.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CityBid {
    /// Its name.
    pub name: String,
    /// `x_i` in the Nash equilibrium.
    pub nash_subsidy: f64,
    /// Its chance there.
    pub nash_chance: f64,
    /// `V_i p_i - x_i` there.
    pub nash_payoff: f64,
    /// Chance when nobody subsidises: by attractiveness.
    pub agreed_chance: f64,
    /// Its payoff then.
    pub agreed_payoff: f64,
    /// Agreed less Nash; below 0 it loses by the agreement.
    pub gain: f64,
}

/// The race, the agreement, and the best that is possible together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Race {
    /// Every city, in the order given.
    pub cities: Vec<CityBid>,
    /// Sum of subsidies in the Nash equilibrium.
    pub nash_subsidies: f64,
    /// Sum of payoffs in it.
    pub nash_payoff: f64,
    /// Sum of payoffs when nobody subsidises and the site decides.
    pub agreed_payoff: f64,
    /// Largest possible sum: no subsidy, and the city that values it most gets it.
    pub joint_payoff: f64,
    /// That city.
    pub joint_host: String,
    /// Joint less Nash: what the race costs the cities together.
    pub cost_of_race: f64,
    /// Cities that lose by the agreement without side payments.
    pub losers: Vec<String>,
}

/// Nash equilibrium and joint optimum of the contest; unique and in closed form.
///
/// With `w_i = a_i V_i`, the k strongest take part, `Y = (k-1) / sum 1/w`, `a_i x_i = Y (1 - Y/w_i)`;
/// city i takes part when `w_i > Y`. Errors: fewer than two cities, values or attractiveness not
/// above 0.
pub fn incentive_race(cities: &[RaceCity]) -> Result<Race, RegionError> {
    check(cities)?;
    let weight = |c: &RaceCity| c.attractiveness * c.value;
    let mut order: Vec<usize> = (0..cities.len()).collect();
    order.sort_by(|&a, &b| weight(&cities[b]).total_cmp(&weight(&cities[a])));
    let (mut inverse, mut effort) = (0.0, 0.0);
    for (k, &i) in order.iter().enumerate() {
        let w = weight(&cities[i]);
        // Who is not worth more than the effort of those before stays out, and all after.
        if k >= 2 && w <= effort {
            break;
        }
        inverse += 1.0 / w;
        effort = k as f64 / inverse;
    }
    let attraction: f64 = cities.iter().map(|c| c.attractiveness).sum();
    let bids: Vec<CityBid> = cities
        .iter()
        .map(|c| {
            let chance = (1.0 - effort / weight(c)).max(0.0);
            let subsidy = effort * chance / c.attractiveness;
            let nash_payoff = c.value * chance - subsidy;
            let agreed_chance = c.attractiveness / attraction;
            let agreed_payoff = c.value * agreed_chance;
            CityBid {
                name: c.name.clone(),
                nash_subsidy: subsidy,
                nash_chance: chance,
                nash_payoff,
                agreed_chance,
                agreed_payoff,
                gain: agreed_payoff - nash_payoff,
            }
        })
        .collect();
    crate::joins::closes(
        "chances of the race",
        1.0,
        &bids.iter().map(|b| b.nash_chance).collect::<Vec<_>>(),
    )?;
    let host = cities
        .iter()
        .reduce(|best, c| if c.value > best.value { c } else { best })
        .expect("there are two cities or more");
    let sum = |f: fn(&CityBid) -> f64| bids.iter().map(f).sum::<f64>();
    let nash_payoff = sum(|b| b.nash_payoff);
    Ok(Race {
        nash_subsidies: sum(|b| b.nash_subsidy),
        nash_payoff,
        agreed_payoff: sum(|b| b.agreed_payoff),
        joint_payoff: host.value,
        joint_host: host.name.clone(),
        cost_of_race: host.value - nash_payoff,
        losers: bids
            .iter()
            .filter(|b| b.gain < 0.0)
            .map(|b| b.name.clone())
            .collect(),
        cities: bids,
    })
}

fn check(cities: &[RaceCity]) -> Result<(), RegionError> {
    if cities.len() < 2 {
        return Err(RegionError::option(
            "incentive race",
            "two cities are needed",
        ));
    }
    if cities.len() > CITIES_MAX {
        return Err(RegionError::TooLarge {
            what: "cities of an incentive race".to_owned(),
            count: cities.len() as u64,
            limit: CITIES_MAX as u64,
        });
    }
    for c in cities {
        for (what, v) in [("value", c.value), ("attractiveness", c.attractiveness)] {
            if !(v > 0.0 && v.is_finite()) {
                return Err(RegionError::option(
                    &format!("{what} of {}", c.name),
                    format!("{v} is not above 0"),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cities(pairs: &[(f64, f64)]) -> Vec<RaceCity> {
        pairs
            .iter()
            .enumerate()
            .map(|(i, &(value, attractiveness))| RaceCity {
                name: format!("city {i}"),
                value,
                attractiveness,
            })
            .collect()
    }

    /// Equal cities spend (n-1)/n of the value (Tullock 1980): x = V (n-1)/n^2 each.
    #[test]
    fn four_equal_cities_burn_three_quarters() {
        let race = incentive_race(&cities(&[(100.0, 2.0); 4])).unwrap();
        assert!((race.cities[0].nash_subsidy - 100.0 * 3.0 / 16.0).abs() < 1e-12);
        assert!((race.nash_subsidies - 75.0).abs() < 1e-12);
        assert!((race.nash_payoff - 25.0).abs() < 1e-12);
        assert!((race.agreed_payoff - 100.0).abs() < 1e-12);
        assert!((race.cost_of_race - 75.0).abs() < 1e-12);
        assert!(race.losers.is_empty());
    }

    /// Two unequal cities: x_i = V_i^2 V_j / (V_i + V_j)^2 (Hillman and Riley 1989).
    #[test]
    fn two_unequal_cities() {
        let race = incentive_race(&cities(&[(60.0, 1.0), (30.0, 1.0)])).unwrap();
        assert!((race.cities[0].nash_subsidy - 3600.0 * 30.0 / 8100.0).abs() < 1e-12);
        assert!((race.cities[1].nash_subsidy - 900.0 * 60.0 / 8100.0).abs() < 1e-12);
        assert_eq!(race.joint_host, "city 0");
    }

    #[test]
    fn the_weak_stay_out_and_bad_cities_are_named() {
        let race = incentive_race(&cities(&[(100.0, 1.0), (100.0, 1.0), (10.0, 1.0)])).unwrap();
        assert_eq!(race.cities[2].nash_subsidy, 0.0);
        let error = incentive_race(&cities(&[(1.0, 1.0), (0.0, 1.0)])).unwrap_err();
        assert!(error.to_string().contains("city 1"), "{error}");
        assert!(incentive_race(&cities(&[(1.0, 1.0)])).is_err());
    }

    proptest! {
        /// No city gains by another offer, and the race is never better than the joint optimum.
        #[test]
        fn it_is_an_equilibrium(
            pairs in prop::collection::vec((1.0..100.0_f64, 0.1..10.0_f64), 2..7),
            factor in 0.0..3.0_f64,
        ) {
            let given = cities(&pairs);
            let race = incentive_race(&given).unwrap();
            prop_assert!(race.cost_of_race >= -1e-9);
            for (i, c) in given.iter().enumerate() {
                let others: f64 = (0..given.len()).filter(|&j| j != i)
                    .map(|j| given[j].attractiveness * race.cities[j].nash_subsidy).sum();
                // Around its own offer, or around a small one for who stays out.
                let x = race.cities[i].nash_subsidy.max(0.01) * factor;
                let own = c.attractiveness * x;
                let payoff = c.value * own / (own + others) - x;
                prop_assert!(payoff <= race.cities[i].nash_payoff + 1e-9);
            }
        }
    }
}
