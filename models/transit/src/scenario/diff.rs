//! What a scenario changes: per city, per pair, in balance; losers first. And the effect of every
//! single line.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::World;
use crate::error::TransitError;
use crate::measures::{
    Ask, Basis, Equity, Mass, Own, Reach, Targets, TimeMatrix, contour, equity, inside_and_out,
    potential, watt, weighted_mean,
};
use crate::profile::Window;
use crate::scan::{AllPairs, Direction, OnScan, Place, Scan};

/// Which measure is compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Weighted average travel time, min: less is better.
    Watt,
    /// Potential with this exponent: more is better.
    Potential(f64),
    /// Mass within so many minutes, own mass in: more is better.
    Contour(f64),
}

/// What is asked of two states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The measure.
    pub measure: Measure,
    /// Which travel time.
    pub basis: Basis,
    /// Name of the set of cities, e.g. `Yangtze Delta, 41 cities`.
    pub label: String,
    /// Codes of the cities that are origins and destinations; those without a stop are skipped.
    pub cities: Vec<String>,
}

/// Travel times of one state between all its cities.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Times by the question's basis.
    pub times: TimeMatrix,
    /// Profiles they were made from.
    pub profiles: AllPairs,
}

impl Evaluation {
    /// Profiles and times between all cities: the whole day, on all threads of the pool.
    ///
    /// # Errors
    /// Where access names unknown stops, or the basis is not well formed.
    pub fn new(world: &World, basis: Basis) -> Result<Self, TransitError> {
        Self::between(world, &world.places()?, basis)
    }

    fn between(world: &World, places: &[Place], basis: Basis) -> Result<Self, TransitError> {
        let scan = Scan::new(&world.timetable, Direction::AllToOne);
        let profiles = scan.all_pairs(places)?;
        let times = TimeMatrix::from_profiles(places, &profiles, basis)?;
        Ok(Self { times, profiles })
    }
}

/// The change at one city.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Code of the city.
    pub city: String,
    /// The measure before, over the destinations reached before.
    pub before: Option<f64>,
    /// The measure after, over the destinations reached after.
    pub after: Option<f64>,
    /// After - before over the destinations reached both times; `None` where one has no value.
    pub change: Option<f64>,
    /// The measure after with the first and ninth decile of travel times from 07:00 to 19:00:
    /// how much it depends on when one leaves.
    pub interval: Option<(f64, f64)>,
    /// Destinations of the set reached before only.
    pub lost: Vec<String>,
    /// Destinations of the set reached after only.
    pub gained: Vec<String>,
}

/// Ordered pairs of cities, of all cities of either state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pairs {
    /// Slower, lost ones included.
    pub slower: usize,
    /// Faster, gained ones not included.
    pub faster: usize,
    /// With a journey before only.
    pub lost: usize,
    /// With a journey after only.
    pub gained: usize,
}

/// The set in one state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Balance {
    /// Mean over cities, weighted with their mass.
    pub mean: Option<f64>,
    /// Gini, Theil and the others; `None` where no city has a value.
    pub equity: Option<Equity>,
    /// Weighted mean of WATT to the cities of the set, min.
    pub intra_watt_min: Option<f64>,
    /// Weighted mean of WATT to all other cities, min.
    pub inter_watt_min: Option<f64>,
}

/// The report of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiffReport {
    /// What was asked.
    pub question: Question,
    /// Unit of the measure.
    pub unit: String,
    /// Cities that lose, most first; those cut off altogether lead.
    pub losers: Vec<Change>,
    /// Cities that win, most first; those connected for the first time lead.
    pub winners: Vec<Change>,
    /// The others.
    pub unchanged: Vec<Change>,
    /// All pairs of cities.
    pub pairs: Pairs,
    /// Before.
    pub before: Balance,
    /// After.
    pub after: Balance,
    /// What the scenario assumed.
    pub notes: Vec<String>,
}

/// One state on the union of cities.
struct Side {
    times: TimeMatrix,
    mass: Mass,
    to: Targets,
}

/// Compares two states. Masses may differ; each state is measured with its own, and the change of
/// a city with those of the second.
///
/// # Errors
/// Where the question names no city with a stop, or is not well formed.
pub fn compare(
    before: (&World, &Evaluation),
    after: (&World, &Evaluation),
    question: &Question,
) -> Result<DiffReport, TransitError> {
    let mut cities: Vec<String> = before.1.times.places.clone();
    cities.extend(after.1.times.places.iter().cloned());
    cities.sort_unstable();
    cities.dedup();
    let side = |(world, evaluation): (&World, &Evaluation), known: &TimeMatrix| {
        let own: Vec<usize> = (0..cities.len())
            .filter(|at| {
                question.cities.contains(&cities[*at]) && known.places.contains(&cities[*at])
            })
            .collect();
        Ok::<_, TransitError>(Side {
            times: evaluation.times.on(&cities)?,
            mass: world.masses.of(&cities)?,
            to: Targets::new(&question.label, own)?,
        })
    };
    let was = side(before, &before.1.times)?;
    let is = side(after, &after.1.times)?;
    let found_was = measure(&was, question.measure)?;
    let found_is = measure(&is, question.measure)?;
    let bands = bands(after, &cities, &is, question)?;
    let mut changes: Vec<Change> = Vec::new();
    let mut members: Vec<usize> = was.to.members.clone();
    members.extend(&is.to.members);
    members.sort_unstable();
    members.dedup();
    for city in members {
        changes.push(change_at(
            city,
            &cities,
            (&was, &found_was),
            (&is, &found_is),
            question,
        )?);
    }
    for change in &mut changes {
        change.interval = bands.get(&change.city).copied();
    }
    let (losers, winners, unchanged) = sort(changes, question.measure);
    Ok(DiffReport {
        question: question.clone(),
        unit: unit(question.measure, &is.mass.unit),
        losers,
        winners,
        unchanged,
        pairs: pairs(&was.times, &is.times),
        before: balance(&was, &found_was)?,
        after: balance(&is, &found_is)?,
        notes: after.0.notes.clone(),
    })
}

fn unit(measure: Measure, mass: &str) -> String {
    match measure {
        Measure::Watt => "min".into(),
        Measure::Potential(exponent) => format!("{mass}/min^{exponent}"),
        Measure::Contour(_) => mass.to_owned(),
    }
}

fn measure(side: &Side, measure: Measure) -> Result<Vec<Reach>, TransitError> {
    let own = match measure {
        Measure::Contour(_) => Own::Minutes(vec![0.0; side.times.len()]),
        Measure::Watt | Measure::Potential(_) => Own::Out,
    };
    let ask = Ask {
        times: &side.times,
        mass: &side.mass,
        to: &side.to,
        own: &own,
    };
    let from = &side.to.members;
    match measure {
        Measure::Watt => watt(&ask, from),
        Measure::Potential(exponent) => potential(&ask, from, exponent),
        Measure::Contour(limit_min) => contour(&ask, from, limit_min),
    }
}

fn value_at(found: &[Reach], city: usize) -> Option<f64> {
    found.iter().find(|r| r.place == city)?.value
}

fn change_at(
    city: usize,
    cities: &[String],
    (was, found_was): (&Side, &[Reach]),
    (is, found_is): (&Side, &[Reach]),
    question: &Question,
) -> Result<Change, TransitError> {
    let in_both: Vec<usize> = was
        .to
        .members
        .iter()
        .filter(|to| is.to.members.binary_search(to).is_ok())
        .copied()
        .collect();
    let names = |left: &Side, right: &Side| {
        let only = |to: &&usize| {
            left.times.get(city, **to).is_some() && right.times.get(city, **to).is_none()
        };
        let left = left.to.members.iter().filter(only);
        left.map(|to| cities[*to].clone()).collect::<Vec<String>>()
    };
    let (before, after) = (value_at(found_was, city), value_at(found_is, city));
    // A mean over fewer destinations can fall when service is cut, so the change is over the
    // destinations reached both times. Sums need no such care.
    let change = match (before, after) {
        (Some(_), Some(_)) if matches!(question.measure, Measure::Watt) => {
            let (mut a, mut b, mut masses) = (0.0, 0.0, 0.0);
            for to in in_both {
                let pair = (was.times.get(city, to), is.times.get(city, to));
                if let (Some(was_min), Some(is_min)) = pair {
                    a += was_min * is.mass.values[to];
                    b += is_min * is.mass.values[to];
                    masses += is.mass.values[to];
                }
            }
            (masses > 0.0).then(|| (b - a) / masses)
        }
        (Some(a), Some(b)) => Some(b - a),
        _ => None,
    };
    Ok(Change {
        city: cities[city].clone(),
        before,
        after,
        change,
        interval: None,
        lost: names(was, is),
        gained: names(is, was),
    })
}

/// The measure after with early and late deciles of travel times, by city.
fn bands(
    (world, evaluation): (&World, &Evaluation),
    cities: &[String],
    is: &Side,
    question: &Question,
) -> Result<BTreeMap<String, (f64, f64)>, TransitError> {
    let places = world.places()?;
    let members: Vec<usize> = is.to.members.clone();
    let inside: Vec<&String> = members.iter().map(|m| &cities[*m]).collect();
    let within = evaluation
        .profiles
        .only(&places, |p| inside.contains(&&p.name));
    let ends = [0.1, 0.9].map(|q| {
        let basis = Basis::Percentile(Window::DAY, q);
        let times = TimeMatrix::from_profiles(&within.0, &within.1, basis)?;
        let side = Side {
            mass: world.masses.of(&times.places)?,
            to: Targets::new(&question.label, 0..times.len())?,
            times,
        };
        let found = measure(&side, question.measure)?;
        Ok::<_, TransitError>(
            found
                .into_iter()
                .map(|r| (side.times.places[r.place].clone(), r.value))
                .collect::<BTreeMap<_, _>>(),
        )
    });
    let [low, high] = ends;
    let (low, high) = (low?, high?);
    Ok(low
        .into_iter()
        .filter_map(|(city, a)| {
            let (a, b) = (a?, (*high.get(&city)?)?);
            Some((city, (a.min(b), a.max(b))))
        })
        .collect())
}

/// Below this a change is rounding of sums.
const NO_CHANGE: f64 = 1e-9;

fn sort(changes: Vec<Change>, measure: Measure) -> (Vec<Change>, Vec<Change>, Vec<Change>) {
    let worse_is_more = matches!(measure, Measure::Watt);
    // How much is lost: above 0 for losers.
    let loss = |c: &Change| match (c.before, c.after, c.change) {
        (Some(_), None, _) => f64::INFINITY,
        (None, Some(_), _) => f64::NEG_INFINITY,
        (Some(before), _, Some(change)) if change.abs() > NO_CHANGE * before.abs().max(1.0) => {
            if worse_is_more {
                change
            } else {
                -change
            }
        }
        _ if c.lost.len() > c.gained.len() => f64::MIN_POSITIVE,
        _ if c.lost.len() < c.gained.len() => -f64::MIN_POSITIVE,
        _ => 0.0,
    };
    let mut rows: Vec<(f64, Change)> = changes.into_iter().map(|c| (loss(&c), c)).collect();
    rows.sort_by(|a, b| {
        let by_size = b.0.abs().total_cmp(&a.0.abs());
        by_size.then_with(|| a.1.city.cmp(&b.1.city))
    });
    let (mut losers, mut winners, mut unchanged) = (Vec::new(), Vec::new(), Vec::new());
    for (loss, change) in rows {
        if loss > 0.0 {
            losers.push(change);
        } else if loss < 0.0 {
            winners.push(change);
        } else {
            unchanged.push(change);
        }
    }
    (losers, winners, unchanged)
}

fn pairs(was: &TimeMatrix, is: &TimeMatrix) -> Pairs {
    let n = was.len();
    let mut made = Pairs::default();
    for from in 0..n {
        for to in 0..n {
            match (was.get(from, to), is.get(from, to)) {
                (Some(_), None) => {
                    made.lost += 1;
                    made.slower += 1;
                }
                (None, Some(_)) => made.gained += 1,
                (Some(a), Some(b)) if b > a + NO_CHANGE => made.slower += 1,
                (Some(a), Some(b)) if b < a - NO_CHANGE => made.faster += 1,
                _ => {}
            }
        }
    }
    made
}

fn balance(side: &Side, found: &[Reach]) -> Result<Balance, TransitError> {
    let all = Targets::new("all cities", 0..side.times.len())?;
    let ask = Ask {
        times: &side.times,
        mass: &side.mass,
        to: &all,
        own: &Own::Out,
    };
    let split = inside_and_out(&ask, &side.to)?;
    let intra: Vec<Reach> = split.iter().map(|s| s.intra.clone()).collect();
    let inter: Vec<Reach> = split.into_iter().filter_map(|s| s.inter).collect();
    let weights = &side.mass.values;
    Ok(Balance {
        mean: weighted_mean(found, weights),
        equity: equity(found, weights).ok(),
        intra_watt_min: weighted_mean(&intra, weights),
        inter_watt_min: weighted_mean(&inter, weights),
    })
}

/// What one line does for the measure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LineImpact {
    /// Identifier of the route.
    pub route: String,
    /// Its trips of the day.
    pub trips: usize,
    /// Change of the weighted mean when it is taken away.
    pub mean_change: Option<f64>,
    /// Ordered pairs of the set that get slower, lost ones included.
    pub slower: usize,
    /// Ordered pairs that are lost.
    pub lost: usize,
}

/// Takes every route away in turn and tells what the weighted mean of the measure loses, the most
/// harmful first, then by pairs and name. Removing one train seldom moves the fastest time of a
/// day: ask for the mean over a window. Travel is between the cities of the question only.
/// `progress` is told after each route and may stop; it is called from all threads of the pool.
///
/// # Errors
/// Where the question is not well formed, or `progress` stops.
pub fn leave_one_out(
    world: &World,
    question: &Question,
    routes: &[String],
    progress: OnScan<'_>,
) -> Result<Vec<LineImpact>, TransitError> {
    let mut places = world.places()?;
    places.retain(|p| question.cities.contains(&p.name));
    let names: Vec<String> = places.iter().map(|p| p.name.clone()).collect();
    let state = |world: &World| {
        let side = Side {
            times: Evaluation::between(world, &places, question.basis)?.times,
            mass: world.masses.of(&names)?,
            to: Targets::new(&question.label, 0..names.len())?,
        };
        let found = measure(&side, question.measure)?;
        let mean = weighted_mean(&found, &side.mass.values);
        Ok::<_, TransitError>((side, mean))
    };
    let (base, base_mean) = state(world)?;
    let (done, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let mut found: Vec<LineImpact> = routes
        .par_iter()
        .map(|route| {
            let stop = || TransitError::Stopped {
                file: "leave one out".into(),
            };
            if stopped.load(Ordering::Relaxed) {
                return Err(stop());
            }
            let mut without = world.clone();
            let all = std::mem::take(&mut without.timetable.trips);
            let before = all.len();
            let left: Vec<_> = all.into_iter().filter(|t| *t.route != **route).collect();
            let trips = before - left.len();
            without.timetable.set_trips(left)?;
            let (side, mean) = state(&without)?;
            let pairs = pairs(&base.times, &side.times);
            let so_far = done.fetch_add(1, Ordering::Relaxed) + 1;
            if progress(so_far, routes.len()).is_break() {
                stopped.store(true, Ordering::Relaxed);
                return Err(stop());
            }
            Ok(LineImpact {
                route: route.clone(),
                trips,
                mean_change: mean.zip(base_mean).map(|(a, b)| a - b),
                slower: pairs.slower,
                lost: pairs.lost,
            })
        })
        .collect::<Result<_, TransitError>>()?;
    let harm = |l: &LineImpact| {
        let change = l.mean_change.unwrap_or(f64::INFINITY);
        match question.measure {
            Measure::Watt => change,
            Measure::Potential(_) | Measure::Contour(_) => -change,
        }
    };
    found.sort_by(|a, b| {
        let by = harm(b).total_cmp(&harm(a));
        by.then_with(|| b.slower.cmp(&a.slower))
            .then_with(|| a.route.cmp(&b.route))
    });
    Ok(found)
}
