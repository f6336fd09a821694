//! Trips as vehicles: departures, halts, times.

use super::matching::{Halt, Pattern, Piece};
use super::{BusLine, BusOptions, BusReport, BusTrip};
use crate::assignment::RouteTable;
use crate::demand::{Demand, Flow, Stop};
use crate::ids::RoadIx;
use crate::network::{Network, RoadLink};
use crate::stop_table::StopTable;
use crate::vehicle::VehicleTemplate;

/// A scheduled halt beyond this is a pause: the bus waits for its time, but not when it is late, s. The
/// longest halt that the manual named at [`BusOptions::dwell_s`] gives for passengers.
const DWELL_MAX_S: u32 = 60;

/// True for a trip of which a part lies in the time of the run.
pub(super) fn in_time(trip: &BusTrip, options: &BusOptions) -> bool {
    let end_s = u64::from(options.from_s) + u64::from(options.span_s);
    let first = trip.calls.first().map_or(u32::MAX, |c| c.dep_s);
    let last = trip.calls.last().map_or(0, |c| c.dep_s);
    u64::from(first) < end_s && last >= options.from_s
}

/// Makes flows of trips.
pub(super) struct Maker<'a> {
    net: &'a Network,
    options: &'a BusOptions,
    report: &'a mut BusReport,
    flows: Vec<(Flow, String)>,
    routes: RouteTable,
    stops: StopTable,
}

impl<'a> Maker<'a> {
    pub(super) fn new(
        net: &'a Network,
        options: &'a BusOptions,
        report: &'a mut BusReport,
    ) -> Self {
        Self {
            net,
            options,
            report,
            flows: Vec::new(),
            routes: RouteTable::default(),
            stops: StopTable::default(),
        }
    }

    /// Counts a line.
    pub(super) fn line(&mut self, in_time: bool, runs: bool) {
        self.report.lines.all += usize::from(in_time);
        self.report.lines.found += usize::from(runs);
    }

    /// Adds the vehicles of a trip; false where none of it is on the streets.
    pub(super) fn trip(&mut self, line: &BusLine, trip: &BusTrip, pattern: &Pattern) -> bool {
        self.report.trips.all += 1;
        let name = format!("{} {}", line.name, trip.id);
        let mut halts = 0;
        for piece in &pattern.pieces {
            halts += self.piece(&name, trip, piece);
        }
        let ahead = |c: &&super::BusCall| c.dep_s >= self.options.from_s;
        let wanted = trip.calls.iter().filter(ahead).count();
        if halts == 0 {
            let what = "trip without a stop on the streets in the time of the run";
            let place = || format!("line {} trip {}", line.name, trip.id);
            self.report.not_matched.add_at(what, place);
            return false;
        }
        self.report.trips.found += 1;
        self.report.trips_in_part += usize::from(halts < wanted);
        true
    }

    /// Adds the vehicle of a piece; says how many of its calls it makes.
    fn piece(&mut self, name: &str, trip: &BusTrip, piece: &Piece) -> usize {
        // What was driven before the run began is left out.
        let past = |h: &&Halt| trip.calls[h.call].dep_s < self.options.from_s;
        let done = piece.halts.iter().take_while(past).count();
        let halts = &piece.halts[done..];
        let Some(first) = halts.first() else {
            return 0;
        };
        let call = trip.calls[first.call];
        // A trip begins with its departure; one that comes from outside arrives.
        let created_s = if first.call == 0 {
            call.dep_s
        } else {
            call.arr_s
        };
        let created_s = created_s.max(self.options.from_s);
        let start_s = created_s - self.options.from_s;
        if start_s >= self.options.span_s {
            return 0;
        }
        let Some(roads) = self.route(&piece.roads[first.road_at..]) else {
            let what = "bus on a road that no other road is joined with: left out";
            self.report.not_matched.add_at(what, || name.to_owned());
            return 0;
        };
        let led_m = roads.0;
        let stops: Vec<Stop> = halts
            .iter()
            .filter(|h| h.call > 0)
            .map(|h| self.stop(trip, h, created_s, h.road_at - first.road_at + led_m))
            .collect();
        let route = self.routes.number(roads.1);
        let stops = self.stops.number(stops);
        self.flows.push((
            Flow {
                template: 0,
                route,
                interval_s: 1.0,
                start_s: i64::from(start_s),
                end_s: Some(i64::from(start_s)),
                stops,
            },
            name.to_owned(),
        ));
        halts.len()
    }

    fn stop(&self, trip: &BusTrip, halt: &Halt, created_s: u32, road_at: usize) -> Stop {
        let call = trip.calls[halt.call];
        let scheduled_s = call.dep_s.saturating_sub(call.arr_s);
        let last = halt.call + 1 == trip.calls.len();
        Stop {
            road_at: u32::try_from(road_at).expect("routes are limited"),
            position_m: halt.position_m,
            dwell_s: if call.timed && scheduled_s > 0 {
                f64::from(scheduled_s.min(DWELL_MAX_S))
            } else {
                self.options.dwell_s
            },
            until_s: (call.timed && !last).then(|| f64::from(call.dep_s.saturating_sub(created_s))),
        }
    }

    /// A route of at least two roads, and how many of them come before the first given: a bus on one road
    /// drives on to the next, or comes from the one before.
    fn route(&self, roads: &[RoadIx]) -> Option<(usize, Vec<RoadIx>)> {
        if roads.len() > 1 {
            return Some((0, roads.to_vec()));
        }
        let road = roads[0];
        let here = &self.net.roads[road.ix()];
        let best = |links: &[RoadLink], pick: fn(&RoadLink) -> (RoadIx, RoadIx)| {
            let mut found: Vec<&RoadLink> = (links.iter())
                .filter(|l| pick(l).0 == road && pick(l).1 != road && !l.links.is_empty())
                .collect();
            found.sort_by_key(|l| (std::cmp::Reverse(l.turn), pick(l).1.0));
            found.first().map(|l| pick(l).1)
        };
        let links =
            |junction: crate::ids::JunctionIx| &self.net.junctions[junction.ix()].road_links;
        if let Some(next) = best(links(here.to), |l| (l.from, l.to)) {
            return Some((0, vec![road, next]));
        }
        let before = best(links(here.from), |l| (l.to, l.from))?;
        Some((1, vec![before, road]))
    }

    /// The demand and the name of each flow's vehicle, by departure.
    pub(super) fn finish(mut self, bus: VehicleTemplate) -> (Demand, Vec<String>) {
        self.flows.sort_by_key(|(flow, _)| flow.start_s);
        let (flows, ids): (Vec<Flow>, Vec<String>) = self.flows.into_iter().unzip();
        let routes = self.routes.all().to_vec();
        let demand = Demand::of(flows, vec![bus], routes, Vec::new());
        (demand.with_stops(self.stops.into_lists()), ids)
    }
}
