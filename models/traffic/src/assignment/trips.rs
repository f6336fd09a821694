//! Single trips from a matrix: whole vehicles, roads and seconds, drawn so that totals are kept.

use std::collections::{BTreeMap, HashMap};

use conurb_base::{At, Stream, stream};
use rand::seq::SliceRandom as _;

use super::od::{Cell, OdMatrix};
use super::table::place;
use crate::citygen::unit;
use crate::demand::{Demand, Flow};
use crate::error::TrafficError;
use crate::ids::RoadIx;
use crate::network::Network;
use crate::vehicle::VehicleTemplate;

/// Most trips of one demand.
pub const TRIPS_MAX: usize = 5_000_000;

/// One vehicle before it has a route.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trip {
    /// Cell of the matrix it comes from.
    pub cell: u32,
    /// First road.
    pub from: RoadIx,
    /// Last road.
    pub to: RoadIx,
    /// When it departs, s.
    pub depart_s: i64,
}

/// Trips with a route each.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutedTrips {
    /// In order of departure.
    pub trips: Vec<Trip>,
    /// Index into `routes` by trip.
    pub route: Vec<u32>,
    /// Distinct routes.
    pub routes: Vec<Vec<RoadIx>>,
}

impl RoutedTrips {
    /// One flow of one vehicle a trip, as the twin and CityFlow take them.
    #[must_use]
    pub fn demand(&self, vehicle: &VehicleTemplate) -> Demand {
        let flows = self
            .trips
            .iter()
            .zip(&self.route)
            .map(|(trip, route)| Flow {
                template: 0,
                route: *route,
                interval_s: 1.0,
                start_s: trip.depart_s,
                end_s: Some(trip.depart_s),
                stops: None,
            });
        Demand::of(
            flows.collect(),
            vec![*vehicle],
            self.routes.clone(),
            Vec::new(),
        )
    }

    /// The road list of a trip.
    #[must_use]
    pub fn roads(&self, trip: usize) -> &[RoadIx] {
        &self.routes[self.route[trip] as usize]
    }
}

/// Distinct routes by number.
#[derive(Debug, Default)]
pub(crate) struct RouteTable {
    ids: HashMap<Vec<RoadIx>, u32>,
    all: Vec<Vec<RoadIx>>,
}

impl RouteTable {
    /// The number of a route, a new one where it is not known.
    pub(crate) fn number(&mut self, route: Vec<RoadIx>) -> u32 {
        let next = u32::try_from(self.all.len()).expect("vehicles are limited");
        let number = *self.ids.entry(route.clone()).or_insert(next);
        if number == next {
            self.all.push(route);
        }
        number
    }

    /// The routes by number.
    pub(crate) fn all(&self) -> &[Vec<RoadIx>] {
        &self.all
    }
}

/// Whole numbers with the sum of the given ones (rounded), each next to its own: everyone gets the
/// floor, those with the largest remainders one more, ties in order.
#[must_use]
pub fn largest_remainder(values: &[f64]) -> Vec<u64> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // limited, not negative
    let whole = |x: f64| x.max(0.0) as u64;
    let mut all: Vec<u64> = values.iter().map(|v| whole(v.floor())).collect();
    let total = whole(values.iter().sum::<f64>().round());
    let rest = total.saturating_sub(all.iter().sum());
    let mut order: Vec<usize> = (0..values.len()).collect();
    let remainder = |i: usize| values[i] - values[i].floor();
    order.sort_by(|a, b| remainder(*b).total_cmp(&remainder(*a)).then(a.cmp(b)));
    let rest = usize::try_from(rest).unwrap_or(usize::MAX);
    order.iter().take(rest).for_each(|i| all[*i] += 1);
    all
}

/// Refuses a demand of more than [`TRIPS_MAX`] vehicles.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
pub(super) fn not_too_many(
    vehicles: f64,
    at: impl FnOnce() -> Box<At>,
) -> Result<(), TrafficError> {
    // A sum that is no whole number yet counts as the next one.
    let found = vehicles.ceil() as usize;
    TrafficError::within("number of vehicles", found, TRIPS_MAX, at)
}

impl OdMatrix {
    /// The matrix as single trips in order of departure.
    ///
    /// Each interval gets the whole number next to its sum, shared over its cells by largest
    /// remainder. Within a cell departures are spread evenly, each at a random place of its own
    /// slice of the interval, and roads of a zone are drawn systematically by weight (Cochran 1977,
    /// ch. 8), so that a road gets its expected number up to one.
    ///
    /// # Errors
    /// More than [`TRIPS_MAX`], or a zone whose trips within itself have one road only.
    pub fn trips(&self, seed: u64) -> Result<Vec<Trip>, TrafficError> {
        let total = self.total_vehicles().round();
        not_too_many(total, || place(&self.file, Some(1), Some("vehicles")))?;
        let mut by_interval: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (n, cell) in self.cells().iter().enumerate() {
            by_interval.entry(cell.interval).or_default().push(n);
        }
        let mut trips = Vec::new();
        for cells in by_interval.values() {
            let vehicles: Vec<f64> = cells.iter().map(|n| self.cells()[*n].vehicles).collect();
            for (n, count) in cells.iter().zip(largest_remainder(&vehicles)) {
                self.draw(*n, count, seed, &mut trips);
            }
        }
        trips.sort_by_key(|t: &Trip| (t.depart_s, t.cell));
        Ok(trips)
    }

    fn draw(&self, n: usize, count: u64, seed: u64, trips: &mut Vec<Trip>) {
        let cell = &self.cells()[n];
        let (from, to) = self.names(cell);
        let entity = format!(
            "{from}\n{to}\n{}\n{}",
            cell.interval.start_s, cell.interval.end_s
        );
        let mut rng = stream(seed, &entity, "trips");
        let origins = systematic(count, &mut rng);
        let destinations = systematic(count, &mut rng);
        #[allow(clippy::cast_precision_loss)] // limited
        let slice_s = cell.interval.seconds() / count.max(1) as f64;
        for (k, shares) in (0_u32..).zip(origins.into_iter().zip(destinations)) {
            #[allow(clippy::cast_possible_truncation)] // a week
            let at = (slice_s * (f64::from(k) + unit(&mut rng))) as i64;
            let (from, to) = self.roads(cell, shares);
            trips.push(Trip {
                cell: u32::try_from(n).expect("cells are limited"),
                from,
                to,
                depart_s: (cell.interval.start_s + at).min(cell.interval.end_s - 1),
            });
        }
    }

    /// Two different roads at these shares of the weights of both ends.
    fn roads(&self, cell: &Cell, shares: (f64, f64)) -> (RoadIx, RoadIx) {
        let (from, to) = (&self.ends[cell.from as usize], &self.ends[cell.to as usize]);
        let (a, b) = (from.road(shares.0), to.road(shares.1));
        if a != b {
            return (a, b);
        }
        // Within a zone the other road is the next one of the list, at either end.
        let next = |roads: &[RoadIx]| {
            let at = roads.iter().position(|r| *r == a).unwrap_or(0);
            roads[(at + 1) % roads.len()]
        };
        match to.roads.len() {
            1 => (next(&from.roads), b),
            _ => (a, next(&to.roads)),
        }
    }
}

impl OdMatrix {
    /// Roads a trip may take instead of its own: other ends of its zone, then other starts, each
    /// list from the drawn one on.
    pub(super) fn other_roads(&self, trip: &Trip) -> [Vec<(RoadIx, RoadIx)>; 2] {
        let cell = &self.cells()[trip.cell as usize];
        let after = |end: u32, road: RoadIx| {
            let mut roads = self.ends[end as usize].roads.clone();
            let at = roads.iter().position(|r| *r == road).unwrap_or(0);
            roads.rotate_left(at);
            roads
        };
        let differ = |pair: &(RoadIx, RoadIx)| pair.0 != pair.1;
        let ends = after(cell.to, trip.to)
            .into_iter()
            .map(|to| (trip.from, to));
        let starts = after(cell.from, trip.from)
            .into_iter()
            .map(|from| (from, trip.to));
        [
            ends.filter(differ).collect(),
            starts.filter(differ).collect(),
        ]
    }

    /// The refusal of a trip that no way leads to its end, by the row it comes from.
    pub(super) fn unreachable(&self, net: &Network, trip: &Trip) -> TrafficError {
        let line = self.cells()[trip.cell as usize].line;
        TrafficError::Disconnected {
            at: place(&self.file, Some(line), Some("to")),
            from: net.roads[trip.from.ix()].id.clone(),
            to: net.roads[trip.to.ix()].id.clone(),
        }
    }
}

/// `count` shares evenly apart from a random start, in random order.
fn systematic(count: u64, rng: &mut Stream) -> Vec<f64> {
    let start = unit(rng);
    #[allow(clippy::cast_precision_loss)] // limited
    let share = |k: u64| (k as f64 + start) / count as f64;
    let mut all: Vec<f64> = (0..count).map(share).collect();
    all.shuffle(rng);
    all
}

#[cfg(test)]
mod tests {
    use super::largest_remainder;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn totals_are_kept(values in prop::collection::vec(0.0..500.0_f64, 1..60)) {
            let whole = largest_remainder(&values);
            let sum: f64 = values.iter().sum();
            prop_assert_eq!(whole.iter().sum::<u64>(), sum.round() as u64);
            for (w, v) in whole.iter().zip(&values) {
                prop_assert!((*w as f64 - v).abs() < 1.0);
            }
        }
    }
}
