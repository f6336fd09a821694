//! Routes for the trips of a matrix, and the run of the twin that says what they are worth.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::dynamic::{Choice, DynamicOptions, DynamicRound, ROUNDS_MAX, relative_gap};
use super::equilibrium::{Pair, assign_by_turns};
use super::observe::{Passing, Ran, Seen, Times, horizon_s, run};
use super::od::OdMatrix;
use super::table::place;
use super::trips::{RoutedTrips, Trip};
use crate::error::TrafficError;
use crate::ids::RoadIx;
use crate::network::Network;
use crate::vehicle::VehicleTemplate;

/// How trips get their routes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AssignMethod {
    /// Each the quickest way over the empty network.
    Free,
    /// Static incremental assignment with queues at movements, interval by interval, in so many slices.
    Incremental(u32),
    /// Dynamic user equilibrium in the twin, from the incremental assignment in eight slices.
    Dynamic(DynamicOptions),
}

/// Slices a dynamic assignment begins with.
const FIRST_SLICES: u32 = 8;

/// A demand with routes, and how far from equilibrium it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    /// The trips and their routes: those of the round with the smallest gap.
    pub trips: RoutedTrips,
    /// Every run of the twin.
    pub rounds: Vec<DynamicRound>,
    /// Place in `rounds` of the run of these routes.
    pub best: usize,
    /// Trips between zones that got another road of their zone: no way joined those drawn.
    pub moved: usize,
}

/// An assignment with what its run's detectors saw.
pub(super) struct Watched {
    pub(super) assignment: Assignment,
    pub(super) passings: Vec<Passing>,
}

/// Gives every trip of the matrix a route. `watch` is told each run and each of its simulated
/// seconds: (round, second, seconds a run may take).
///
/// # Errors
/// Where a pair has no way (its row is named), the matrix holds no vehicle, or options are out of
/// range.
pub fn assign(
    net: &Arc<Network>,
    od: &OdMatrix,
    method: AssignMethod,
    (vehicle, seed): (&VehicleTemplate, u32),
    watch: &mut dyn FnMut(u32, i64, i64),
) -> Result<Assignment, TrafficError> {
    let watched = assign_watched(net, od, method, (vehicle, seed), &[], watch)?;
    Ok(watched.assignment)
}

/// Runs the twin under trips that have their routes. `watch` as in [`assign`].
///
/// # Errors
/// Where the simulation cannot be set up.
pub fn drive(
    net: &Arc<Network>,
    trips: &RoutedTrips,
    (vehicle, seed): (&VehicleTemplate, u32),
    watch: &mut dyn FnMut(u32, i64, i64),
) -> Result<Ran, TrafficError> {
    let (span_s, mut second) = (horizon_s(trips), 0);
    let times = Times::free(net, span_s);
    let mut tick = || {
        second += 1;
        watch(1, second, span_s);
    };
    Ok(run(net, trips, (vehicle, seed), &times, &[], &mut tick)?.ran)
}

/// [`assign`] with passings on the lanes marked.
pub(super) fn assign_watched(
    net: &Arc<Network>,
    od: &OdMatrix,
    method: AssignMethod,
    (vehicle, seed): (&VehicleTemplate, u32),
    lanes: &[bool],
    watch: &mut dyn FnMut(u32, i64, i64),
) -> Result<Watched, TrafficError> {
    let trips = trips_of(od, seed)?;
    let routed = |choice: &Choice| RoutedTrips {
        trips: choice.trips.clone(),
        route: choice.route.clone(),
        routes: choice.table.all().to_vec(),
    };
    let last_s = trips.last().map_or(0, |t| t.depart_s);
    let (dynamic, slices) = match method {
        AssignMethod::Free => (None, None),
        AssignMethod::Incremental(slices) => (None, Some(slices)),
        AssignMethod::Dynamic(options) => (Some(check(options)?), Some(FIRST_SLICES)),
    };
    let mut times = Times::free(net, last_s + 3_600);
    let mut choice = Choice::quickest(net, od, trips, &times)?;
    if let Some(slices) = slices {
        incremental(net, od, &mut choice, slices)?;
    }
    let rounds = dynamic.map_or(1, |d| d.rounds);
    let mut found: Option<(RoutedTrips, Seen)> = None;
    let (mut done, mut best): (Vec<DynamicRound>, usize) = (Vec::new(), 0);
    for round in 1..=rounds {
        let now = routed(&choice);
        let span_s = horizon_s(&now);
        let mut second = 0;
        let mut tick = || {
            second += 1;
            watch(round, second, span_s);
        };
        let seen = run(net, &now, (vehicle, seed), &times, lanes, &mut tick)?;
        times.learn(&seen);
        let compared = choice.compare(&times);
        let gap = relative_gap(&compared);
        let last = round == rounds || dynamic.is_some_and(|d| gap <= d.gap);
        let step = 1.0 / f64::from(round + 1);
        let changed = if last {
            0
        } else {
            choice.change(&compared, step, u64::from(seed), round)
        };
        done.push(DynamicRound {
            round,
            relative_gap: gap,
            changed,
            ran: seen.ran,
        });
        if found.is_none() || gap < done[best].relative_gap {
            best = done.len() - 1;
            found = Some((now, seen));
        }
        if last || changed == 0 {
            break;
        }
    }
    let (trips, seen) = found.expect("at least one round is run");
    Ok(Watched {
        passings: seen.passings,
        assignment: Assignment {
            trips,
            rounds: done,
            best,
            moved: choice.moved,
        },
    })
}

fn trips_of(od: &OdMatrix, seed: u32) -> Result<Vec<Trip>, TrafficError> {
    let trips = od.trips(u64::from(seed))?;
    if trips.is_empty() {
        return Err(TrafficError::Table {
            at: place(&od.file, Some(1), Some("vehicles")),
            message: "the matrix holds no vehicle".into(),
            remedy: "Give at least one row with vehicles above 0.",
        });
    }
    Ok(trips)
}

fn check(options: DynamicOptions) -> Result<DynamicOptions, TrafficError> {
    let refuse = |what, message| Err(TrafficError::Option { what, message });
    if !(1..=ROUNDS_MAX).contains(&options.rounds) {
        return refuse(
            "rounds",
            format!("{} is not 1 to {ROUNDS_MAX}", options.rounds),
        );
    }
    if !(options.gap >= 0.0 && options.gap.is_finite()) {
        return refuse("gap", format!("{} is not 0 or more", options.gap));
    }
    Ok(options)
}

/// Routes by static assignment of each interval of the matrix for itself.
fn incremental(
    net: &Network,
    od: &OdMatrix,
    choice: &mut Choice,
    slices: u32,
) -> Result<(), TrafficError> {
    let mut by_interval: BTreeMap<_, BTreeMap<(RoadIx, RoadIx), Vec<usize>>> = BTreeMap::new();
    for (n, trip) in choice.trips.iter().enumerate() {
        let interval = od.cells()[trip.cell as usize].interval;
        let pairs = by_interval.entry(interval).or_default();
        pairs.entry((trip.from, trip.to)).or_default().push(n);
    }
    for (interval, by_pair) in by_interval {
        #[allow(clippy::cast_precision_loss)] // limited
        let pair = |((from, to), trips): (&(RoadIx, RoadIx), &Vec<usize>)| Pair {
            from: *from,
            to: *to,
            flow_veh_h: trips.len() as f64 / interval.hours(),
        };
        let pairs: Vec<Pair> = by_pair.iter().map(pair).collect();
        let mut routes: Vec<Vec<(Vec<RoadIx>, f64)>> = vec![Vec::new(); pairs.len()];
        for route in assign_by_turns(net, &pairs, interval.hours(), slices)?.routes {
            let share = route.flow_veh_h / pairs[route.pair].flow_veh_h;
            routes[route.pair].push((route.roads, share));
        }
        for (trips, mut routes) in by_pair.values().zip(routes) {
            spread(choice, trips, &mut routes);
        }
    }
    Ok(())
}

/// Gives trips their routes by share: each takes the one that is furthest behind.
fn spread(choice: &mut Choice, trips: &[usize], routes: &mut [(Vec<RoadIx>, f64)]) {
    // The largest share first: of two that are equally far behind the last one is taken.
    routes.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut behind = vec![0.0; routes.len()];
    for n in trips {
        for (behind, (_, share)) in behind.iter_mut().zip(routes.iter()) {
            *behind += share;
        }
        let most = (0..behind.len()).max_by(|a, b| behind[*a].total_cmp(&behind[*b]));
        let Some(most) = most else { return };
        behind[most] -= 1.0;
        let trip = choice.trips[*n];
        choice.route[*n] = choice.learn(&trip, routes[most].0.clone());
    }
}
