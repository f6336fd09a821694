//! Level LD: the state of every lane from loops at its two ends, with the twin as the filter's model.
//!
//! Each lane has a loop at its start (count and speed) and one at its stop line (count), read once
//! a second. Between them the twin's car following carries the vehicles; every second its state is
//! corrected by the counts: a counted entry puts a vehicle on the lane at the measured speed, a
//! counted departure that the model has not made yet takes the first vehicle off, and one that the
//! model made too early is settled by the next count.

use std::collections::VecDeque;
use std::sync::Arc;

use super::observe::{Crossing, Observation, SeenVehicle};
use crate::ids::{JunctionIx, LaneIx, LinkIx, NONE};
use crate::network::Network;
use crate::sim::{Put, Sim, Start};
use crate::vehicle::VehicleTemplate;

/// A vehicle that left a stop line longer ago is not waited for at the next loop.
const MATCH_WITHIN_S: f64 = 60.0;

/// The loops and the filter.
#[derive(Debug, Clone)]
pub(crate) struct Loops {
    model: Sim,
    /// By lane: entries and departures counted so far.
    entered: Vec<u32>,
    left: Vec<u32>,
    /// By lane: counted departures for which the model had no vehicle.
    missing: Vec<u32>,
    /// By lane: place of its path (itself and one of its links) in the model.
    path: Vec<(u32, u32)>,
    /// By road: departures towards it that have not been counted on it yet.
    expected: Vec<VecDeque<(f64, LaneIx)>>,
    passed: Vec<f64>,
}

/// What the two loops of a lane say about one second.
#[derive(Debug, Clone, Copy)]
struct LaneReport {
    entered: u32,
    left: u32,
    speed_m_s: f64,
}

/// Reads the loops: the only look at the plant.
fn read(sim: &Sim, lane: LaneIx) -> LaneReport {
    let reading = sim.lane(lane);
    let last = sim.vehicles_on(sim.network().drivable_of_lane(lane)).last();
    LaneReport {
        entered: reading.entered_total,
        left: reading.left_total,
        speed_m_s: last.map_or(0.0, |v| v.speed_m_s),
    }
}

impl Loops {
    pub(crate) fn new(net: &Arc<Network>, fleet: &VehicleTemplate) -> Self {
        let mut start = Start {
            phases: vec![0; net.junctions().len()],
            ..Start::default()
        };
        let mut path = Vec::with_capacity(net.lanes().len());
        for l in 0..net.lanes().len() {
            let from = u32::try_from(start.paths.len()).expect("lanes are limited");
            start.paths.push(LaneIx::of(l).0);
            if let Some(link) = net.lanes()[l].links.first() {
                start.paths.push(net.drivable_of_link(*link).0);
            }
            let to = u32::try_from(start.paths.len()).expect("lanes are limited");
            path.push((from, to));
        }
        let mut model = Sim::ahead(Arc::clone(net), &[*fleet], 1.0);
        model.start_ahead(&start);
        let lanes = net.lanes().len();
        Self {
            model,
            entered: vec![0; lanes],
            left: vec![0; lanes],
            missing: vec![0; lanes],
            path,
            expected: vec![VecDeque::new(); net.roads().len()],
            passed: vec![0.0; net.links().len()],
        }
    }

    /// Takes one second's counts.
    pub(crate) fn report(&mut self, sim: &Sim) {
        let net = Arc::clone(sim.network());
        for j in 0..net.junctions().len() {
            let j = JunctionIx::of(j);
            let phase = sim.phase(j);
            if self.model.phase(j) != phase {
                self.model
                    .set_phase(j, phase)
                    .expect("the plant shows phases that exist");
            }
        }
        self.model.step();
        let now = sim.time_s();
        for l in 0..net.lanes().len() {
            self.departures(&net, l, read(sim, LaneIx::of(l)).left, now);
        }
        for l in 0..net.lanes().len() {
            self.entries(&net, l, read(sim, LaneIx::of(l)), now);
        }
    }

    fn departures(&mut self, net: &Network, l: usize, left: u32, now: f64) {
        let lane = LaneIx::of(l);
        let new = left.saturating_sub(self.left[l]);
        self.left[l] = left;
        let links = &net.lanes()[l].links;
        let road_of = |k: &LinkIx| net.lanes()[net.links()[k.ix()].to.ix()].road;
        if let Some(first) = links.first()
            && links.iter().all(|k| road_of(k) == road_of(first))
        {
            let expected = &mut self.expected[road_of(first).ix()];
            expected.extend((0..new).map(|_| (now, lane)));
        }
        while self.model.left(lane.0) + self.missing[l] < left {
            if !self.model.advance_first(lane.0) {
                self.missing[l] = left - self.model.left(lane.0);
            }
        }
    }

    fn entries(&mut self, net: &Network, l: usize, report: LaneReport, now: f64) {
        let lane = LaneIx::of(l);
        let road = net.lanes()[l].road;
        let (cursor, path_end) = self.path[l];
        for _ in self.entered[l]..report.entered {
            let put = Put {
                drivable: lane.0,
                // It crossed the loop some time within the second.
                position_m: 0.5 * report.speed_m_s,
                speed_m_s: report.speed_m_s,
                template: 0,
                cursor,
                path_end,
                prev: NONE,
            };
            if !self.model.let_in_at(put) {
                // The model's queue is too long: what stands at its head has gone.
                self.model.advance_first(lane.0);
                self.model.let_in_at(put);
            }
            let expected = &mut self.expected[road.ix()];
            while let Some((left, from)) = expected.pop_front() {
                if now - left > MATCH_WITHIN_S {
                    continue;
                }
                let links = &net.lanes()[from.ix()].links;
                if let Some(k) = links.iter().find(|k| net.links()[k.ix()].to == lane) {
                    self.passed[k.ix()] += 1.0;
                }
                break;
            }
        }
        self.entered[l] = report.entered;
    }

    /// Fills in the estimated vehicles and the counts.
    pub(crate) fn estimate(&self, net: &Network, seen: &mut Observation) {
        for l in 0..net.lanes().len() {
            let lane = LaneIx::of(l);
            for v in self.model.vehicles_on(net.drivable_of_lane(lane)) {
                seen.vehicles.push(vehicle(lane, v.position_m, v.speed_m_s));
            }
        }
        for k in 0..net.links().len() {
            let link = LinkIx::of(k);
            let from = net.links()[k].from;
            let length_m = net.lanes()[from.ix()].length_m;
            for v in self.model.vehicles_on(net.drivable_of_link(link)) {
                seen.crossings.push(Crossing {
                    from,
                    seen: vehicle(from, length_m + v.position_m, v.speed_m_s),
                    age_s: 0.0,
                });
            }
        }
        seen.passed.clone_from(&self.passed);
    }
}

fn vehicle(lane: LaneIx, position_m: f64, speed_m_s: f64) -> SeenVehicle {
    SeenVehicle {
        lane,
        position_m,
        speed_m_s,
        template: 0,
        path: None,
    }
}
