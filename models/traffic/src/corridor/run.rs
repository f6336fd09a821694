//! One run under one plan, and its difference to another.

use std::sync::Arc;

use super::{CorridorOptions, Effect, Hold, Payer, Plan};
use crate::control::{Controller, serving};
use crate::demand::Demand;
use crate::error::TrafficError;
use crate::ids::{JunctionIx, LaneIx, RoadIx};
use crate::network::Network;
use crate::protocol::Head;
use crate::sim::{Signals, Sim, SimOptions, VehicleView};

/// Roads named as payers.
const PAYERS_MAX: usize = 10;
/// Share of vehicles more than without a plan that counts as recovered, and for how long, s.
const RECOVERED: (f64, u32) = (0.02, 60);

/// What is to be run.
pub(super) struct Job<'a> {
    pub(super) net: &'a Arc<Network>,
    pub(super) demand: &'a Arc<Demand>,
    pub(super) route: &'a [RoadIx],
    pub(super) lead: Option<f64>,
    pub(super) options: &'a CorridorOptions,
}

/// What a run came to.
pub(super) struct Course {
    /// Creation and arrival of the emergency vehicle, s.
    created_s: Option<f64>,
    arrived_s: Option<f64>,
    /// Vehicles in the network and before it after each second, the emergency vehicle left out.
    others: Vec<u32>,
    /// Vehicle-seconds by road, the emergency vehicle included.
    road_veh_s: Vec<u64>,
    /// Vehicles of the run.
    vehicles: u32,
    holds: Vec<Hold>,
    track: Vec<(f64, f64)>,
}

/// A signal on the way.
struct Gate {
    junction: JunctionIx,
    /// Its place: the road before it, as an index into the route.
    road: usize,
    /// Phases that serve the movement.
    phases: Vec<u16>,
    /// Lanes before it that serve the movement.
    lanes: Vec<LaneIx>,
}

/// Runs the job.
pub(super) fn course(
    job: &Job<'_>,
    controller: &mut dyn Controller,
) -> Result<Course, TrafficError> {
    let protocol = &job.options.protocol;
    let options = SimOptions {
        seed: protocol.seed,
        signals: Signals::External,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(Arc::clone(job.net), Arc::clone(job.demand), options)?;
    let mut head = Head::new(job.net, &mut sim, protocol)?;
    let mut wave = Wave::new(job);
    let flow = u32::try_from(job.demand.flows().len() - 1).unwrap_or(u32::MAX);
    let mut course = Course {
        created_s: None,
        arrived_s: None,
        others: Vec::new(),
        road_veh_s: vec![0; job.net.roads().len()],
        vehicles: 0,
        holds: Vec::new(),
        track: Vec::new(),
    };
    let mut event = None;
    for second in 0..protocol.duration_s {
        head.act(&mut sim, controller, second, protocol)?;
        let vehicle = sim.vehicles().find(|v| v.flow == flow);
        wave.act(&mut sim, vehicle.as_ref())?;
        if vehicle.is_some() {
            course.track.push((sim.time_s(), wave.place_m));
        }
        sim.step();
        controller.observe(&sim);
        event = event.or(vehicle.map(|v| v.event));
        let arrived = sim.just_finished().iter().find(|f| Some(f.event) == event);
        if let Some(f) = arrived {
            course.created_s = Some(f.entered_s);
            course.arrived_s = Some(f.left_s + sim.step_s());
        }
        course.count(&sim, event.is_some() && course.arrived_s.is_none());
    }
    course.vehicles = sim.created();
    course.holds = wave.told(sim.time_s());
    Ok(course)
}

impl Course {
    fn count(&mut self, sim: &Sim, vehicle_runs: bool) {
        let all = sim.running() + sim.waiting_outside();
        self.others.push(all - u32::from(vehicle_runs));
        for (road, sum) in sim.network().roads().iter().zip(&mut self.road_veh_s) {
            for lane in &road.lanes {
                let on = sim.lane(*lane).vehicles + sim.lane_waiting_outside(*lane);
                *sum += u64::from(on);
            }
        }
    }

    fn others_veh_s(&self) -> f64 {
        self.others.iter().map(|n| f64::from(*n)).sum()
    }
}

/// The green wave in one run.
struct Wave<'a> {
    job: &'a Job<'a>,
    gates: Vec<Gate>,
    /// What each gate shows for the vehicle: the phase, and for how many more seconds clearance.
    held: Vec<Option<(u16, u32)>>,
    /// The road the vehicle was on last, as an index into the route.
    road: usize,
    /// Where it was last, metres from the start of the route.
    place_m: f64,
    /// By gate: when it was turned and to which phase, and when it was given back.
    turned: Vec<Option<(f64, u16)>>,
    given_back_s: Vec<Option<f64>>,
}

impl<'a> Wave<'a> {
    fn new(job: &'a Job<'a>) -> Self {
        let gates = match job.lead {
            Some(_) => gates(job.net, job.route),
            None => Vec::new(),
        };
        Self {
            job,
            held: vec![None; gates.len()],
            turned: vec![None; gates.len()],
            given_back_s: vec![None; gates.len()],
            gates,
            road: 0,
            place_m: 0.0,
        }
    }

    /// Sets the signals that are to be held, over what the controller set.
    fn act(&mut self, sim: &mut Sim, vehicle: Option<&VehicleView>) -> Result<(), TrafficError> {
        let Some(vehicle) = vehicle else {
            // It has not come, or it has arrived.
            for k in 0..self.gates.len() {
                self.give_back(k, sim.time_s());
            }
            return Ok(());
        };
        let mut free_s = self.rest_of_road_s(sim, vehicle);
        for k in 0..self.gates.len() {
            let gate = &self.gates[k];
            if gate.road < self.road {
                self.give_back(k, sim.time_s()); // it has passed
                continue;
            }
            if gate.road > self.road {
                free_s += self.road_s(gate.road);
            }
            if self.held[k].is_none() && free_s <= self.lead_s(sim, gate) {
                let phase = most_queued(sim, gate);
                let clear = if sim.phase(gate.junction) == phase {
                    0
                } else {
                    self.job.options.protocol.yellow_s
                };
                self.held[k] = Some((phase, clear));
                self.turned[k] = Some((sim.time_s(), phase));
            }
            if let Some((phase, clear)) = &mut self.held[k] {
                let show = if *clear > 0 { 0 } else { *phase };
                *clear = clear.saturating_sub(1);
                sim.set_phase(gate.junction, show)?;
            }
        }
        Ok(())
    }

    fn give_back(&mut self, gate: usize, now_s: f64) {
        if self.held[gate].take().is_some() {
            self.given_back_s[gate] = Some(now_s);
        }
    }

    /// What was held, in the order of the route.
    fn told(&self, end_s: f64) -> Vec<Hold> {
        let net = self.job.net;
        let times = self.turned.iter().zip(&self.given_back_s);
        (self.gates.iter().zip(times))
            .filter_map(|(gate, (turned, back))| {
                let (from_s, phase) = (*turned)?;
                Some(Hold {
                    junction: net.junctions()[gate.junction.ix()].id.clone(),
                    phase,
                    at_m: self.roads_m(gate.road + 1),
                    from_s,
                    to_s: back.unwrap_or(end_s),
                })
            })
            .collect()
    }

    /// Length of the first roads of the route, m.
    fn roads_m(&self, count: usize) -> f64 {
        let net = self.job.net;
        let lane = |r: &RoadIx| net.roads()[r.ix()].lanes[0];
        let roads = self.job.route[..count].iter();
        roads.map(|r| net.lanes()[lane(r).ix()].length_m).sum()
    }

    /// How long before the vehicle's free arrival the gate must turn: clearance, start-up, and the
    /// queue of the moment, times the plan's lead.
    fn lead_s(&self, sim: &Sim, gate: &Gate) -> f64 {
        let o = self.job.options;
        let queue = (gate.lanes.iter())
            .map(|lane| sim.lane(*lane).vehicles)
            .max()
            .unwrap_or(0);
        let turn_s = f64::from(o.protocol.yellow_s) + o.startup_s + o.headway_s * f64::from(queue);
        self.job.lead.unwrap_or(0.0) * turn_s
    }

    /// Free-flow time to the end of the road the vehicle is on; notes which one that is.
    fn rest_of_road_s(&mut self, sim: &Sim, vehicle: &VehicleView) -> f64 {
        let net = self.job.net;
        let Some(lane) = net.as_lane(vehicle.drivable) else {
            // Inside a junction: the road before it is behind the vehicle.
            if let Some(link) = net.as_link(vehicle.drivable) {
                let to = net.lanes()[net.links()[link.ix()].to.ix()].road;
                self.find(to);
            }
            self.place_m = self.roads_m(self.road);
            return self.road_s(self.road);
        };
        let lane = &net.lanes()[lane.ix()];
        self.find(lane.road);
        self.place_m = self.roads_m(self.road) + vehicle.position_m;
        let speed_m_s = sim.free_speed_m_s(vehicle.drivable, vehicle.template);
        (lane.length_m - vehicle.position_m) / speed_m_s
    }

    fn find(&mut self, road: RoadIx) {
        let ahead = self.job.route[self.road..].iter().position(|r| *r == road);
        self.road += ahead.unwrap_or(0);
    }

    fn road_s(&self, place: usize) -> f64 {
        let net = self.job.net;
        let lane = net.roads()[self.job.route[place].ix()].lanes[0];
        let lane = &net.lanes()[lane.ix()];
        lane.length_m / lane.max_speed_m_s
    }
}

/// The phase serving the movement that lets most vehicles go; the first of equals.
fn most_queued(sim: &Sim, gate: &Gate) -> u16 {
    let net = sim.network();
    let waiting = |phase: u16| -> u32 {
        let mut lanes: Vec<LaneIx> = (net.phase_links(gate.junction, phase).iter())
            .map(|l| net.links()[l.ix()].from)
            .collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes.iter().map(|l| sim.lane_waiting(*l)).sum()
    };
    let best = (gate.phases.iter()).max_by_key(|p| (waiting(**p), std::cmp::Reverse(**p)));
    best.copied().unwrap_or(0)
}

/// The signals between the roads of a way.
fn gates(net: &Network, route: &[RoadIx]) -> Vec<Gate> {
    (route.windows(2).enumerate())
        .filter_map(|(road, pair)| {
            let ix = net.roads()[pair[0].ix()].to;
            let junction = &net.junctions()[ix.ix()];
            let movement =
                (junction.road_links.iter()).position(|l| l.from == pair[0] && l.to == pair[1])?;
            let phases = serving(net, ix, u32::try_from(movement).ok()?);
            let mut lanes: Vec<LaneIx> = (junction.road_links[movement].links.iter())
                .map(|l| net.links()[l.ix()].from)
                .collect();
            lanes.sort_unstable();
            lanes.dedup();
            (!phases.is_empty()).then_some(Gate {
                junction: ix,
                road,
                phases,
                lanes,
            })
        })
        .collect()
}

/// What a plan's run differs by from the run without one.
pub(super) fn effect(net: &Network, without: &Course, with: &Course, plan: Plan) -> Effect {
    let others_veh_s = with.others_veh_s() - without.others_veh_s();
    Effect {
        plan,
        vehicle_s: with
            .arrived_s
            .zip(with.created_s)
            .map(|(to, from)| to - from),
        others_veh_s,
        others_mean_s: others_veh_s / f64::from(with.vehicles.saturating_sub(1).max(1)),
        recovery_s: with.arrived_s.and_then(|at| recovery_s(without, with, at)),
        payers: payers(net, without, with),
        holds: with.holds.clone(),
        track: with.track.clone(),
    }
}

fn recovery_s(without: &Course, with: &Course, arrived_s: f64) -> Option<u32> {
    let mut good = 0;
    for (second, (w, o)) in (0_u32..).zip(with.others.iter().zip(&without.others)) {
        if f64::from(second) < arrived_s {
            continue;
        }
        let same = f64::from(*w) <= f64::from(*o) * (1.0 + RECOVERED.0);
        good = if same { good + 1 } else { 0 };
        if good == RECOVERED.1 {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // whole seconds
            let arrived = arrived_s as u32;
            return Some((second + 1 - RECOVERED.1).saturating_sub(arrived));
        }
    }
    None
}

fn payers(net: &Network, without: &Course, with: &Course) -> Vec<Payer> {
    #[allow(clippy::cast_precision_loss)] // far below 2^53
    let mut all: Vec<Payer> = (net.roads().iter())
        .zip(with.road_veh_s.iter().zip(&without.road_veh_s))
        .filter(|(_, (w, o))| w > o)
        .map(|(road, (w, o))| Payer {
            road: road.id.clone(),
            more_veh_s: (w - o) as f64,
        })
        .collect();
    all.sort_by(|a, b| {
        b.more_veh_s
            .total_cmp(&a.more_veh_s)
            .then(a.road.cmp(&b.road))
    });
    all.truncate(PAYERS_MAX);
    all
}
