//! Delay index, throughput, stops, queues, CO2 and their course over time and place.

use serde::Serialize;

use super::emission::co2_g_s;
use crate::network::Network;
use crate::sim::{Sim, WAITING_BELOW_M_S};

/// Seconds between two points of the time series.
const SERIES_S: f64 = 60.0;

/// The network at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SeriesPoint {
    /// When, s.
    pub time_s: f64,
    /// Vehicles on the network.
    pub running: u32,
    /// Of these slower than 0.1 m/s.
    pub waiting: u32,
    /// Vehicles waiting to enter.
    pub waiting_outside: u32,
}

/// What vehicles lost on one road.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct RoadDelay {
    /// Vehicles that entered the road.
    pub vehicles: u32,
    /// Seconds lost against free flow, all vehicles.
    pub delay_s: f64,
    /// Seconds lost per vehicle that entered; 0 without any.
    pub mean_delay_s: f64,
}

/// The measures of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TripSummary {
    /// Mean over finished trips of actual / free-flow time; none without finished trips.
    /// Actual time counts from creation, so waiting to enter is included.
    pub delay_index: Option<f64>,
    /// Mean time of finished trips, s.
    pub mean_trip_s: Option<f64>,
    /// Trips finished.
    pub throughput_veh: u32,
    /// Times a vehicle on the network fell below 0.1 m/s.
    pub stops: u64,
    /// Stops per vehicle that entered; 0 without any.
    pub stops_per_vehicle: f64,
    /// Mean over time of the vehicles slower than 0.1 m/s.
    pub queue_mean_veh: f64,
    /// Largest number of vehicles slower than 0.1 m/s at one time.
    pub queue_max_veh: u32,
    /// Largest number of waiting vehicles on one lane.
    pub lane_queue_max_veh: u32,
    /// Share of vehicle time below half of free-flow speed.
    pub congested_share: f64,
    /// CO2 of the vehicles on the network, kg.
    pub co2_kg: f64,
    /// Every 60 s.
    pub series: Vec<SeriesPoint>,
    /// By road.
    pub roads: Vec<RoadDelay>,
}

/// Collects the measures; call [`TripMeter::observe`] after every step.
#[derive(Debug, Clone)]
pub struct TripMeter {
    /// By vehicle in order of creation: its speed when last seen; NaN before.
    last: Vec<f64>,
    road_delay_s: Vec<f64>,
    road_of_lane: Vec<u32>,
    lane_queue: Vec<u32>,
    entered: u32,
    finished: u32,
    ratio_sum: f64,
    trip_s_sum: f64,
    stops: u64,
    queue_sum: f64,
    queue_max: u32,
    lane_queue_max: u32,
    observed_s: f64,
    vehicle_s: f64,
    congested_s: f64,
    co2_g: f64,
    next_point_s: f64,
    series: Vec<SeriesPoint>,
}

impl TripMeter {
    /// A meter at time 0.
    #[must_use]
    pub fn new(net: &Network) -> Self {
        Self {
            last: Vec::new(),
            road_delay_s: vec![0.0; net.roads().len()],
            road_of_lane: net.lanes().iter().map(|l| l.road.0).collect(),
            lane_queue: vec![0; net.lanes().len()],
            entered: 0,
            finished: 0,
            ratio_sum: 0.0,
            trip_s_sum: 0.0,
            stops: 0,
            queue_sum: 0.0,
            queue_max: 0,
            lane_queue_max: 0,
            observed_s: 0.0,
            vehicle_s: 0.0,
            congested_s: 0.0,
            co2_g: 0.0,
            next_point_s: 0.0,
            series: Vec::new(),
        }
    }

    /// Looks at the simulation after a step.
    pub fn observe(&mut self, sim: &Sim) {
        let dt = sim.step_s();
        let waiting = self.observe_vehicles(sim, dt);
        for trip in sim.just_finished() {
            let free_s = sim.free_flow_s(trip.event);
            if free_s > 0.0 {
                self.finished += 1;
                self.ratio_sum += (trip.left_s - trip.entered_s) / free_s;
                self.trip_s_sum += trip.left_s - trip.entered_s;
            }
        }
        self.entered = sim.running() + sim.finished();
        self.observed_s += dt;
        self.queue_sum += f64::from(waiting) * dt;
        self.queue_max = self.queue_max.max(waiting);
        if sim.time_s() >= self.next_point_s {
            self.next_point_s += SERIES_S;
            self.series.push(SeriesPoint {
                time_s: sim.time_s(),
                running: sim.running(),
                waiting,
                waiting_outside: sim.waiting_outside(),
            });
        }
    }

    fn observe_vehicles(&mut self, sim: &Sim, dt: f64) -> u32 {
        let net = sim.network();
        self.lane_queue.fill(0);
        let mut waiting = 0;
        for v in sim.vehicles() {
            let vehicle = v.event as usize;
            if vehicle >= self.last.len() {
                self.last.resize(vehicle + 1, f64::NAN);
            }
            let before = std::mem::replace(&mut self.last[vehicle], v.speed_m_s);
            let known = !before.is_nan();
            let before = if known { before } else { 0.0 };
            self.co2_g += co2_g_s(v.speed_m_s, (v.speed_m_s - before) / dt) * dt;
            let is_waiting = v.speed_m_s < WAITING_BELOW_M_S;
            waiting += u32::from(is_waiting);
            self.stops += u64::from(known && is_waiting && before >= WAITING_BELOW_M_S);
            let share = (v.speed_m_s / sim.free_speed_m_s(v.drivable, v.template)).min(1.0);
            self.vehicle_s += dt;
            self.congested_s += if share < 0.5 { dt } else { 0.0 };
            if let Some(lane) = net.as_lane(v.drivable) {
                self.road_delay_s[self.road_of_lane[lane.ix()] as usize] += (1.0 - share) * dt;
                self.lane_queue[lane.ix()] += u32::from(is_waiting);
                self.lane_queue_max = self.lane_queue_max.max(self.lane_queue[lane.ix()]);
            }
        }
        waiting
    }

    fn vehicles_by_road(&self, sim: &Sim) -> Vec<u32> {
        let mut vehicles = vec![0; self.road_delay_s.len()];
        for (lane, road) in self.road_of_lane.iter().enumerate() {
            let state = sim.state();
            let from_beside = state.from_beside.get(lane).copied().unwrap_or(0);
            vehicles[*road as usize] += state.lanes[lane].entered - from_beside;
        }
        vehicles
    }

    /// The measures so far.
    #[must_use]
    pub fn summary(&self, sim: &Sim) -> TripSummary {
        let vehicles = self.vehicles_by_road(sim);
        let per = |sum: f64, count: u32| (count > 0).then(|| sum / f64::from(count));
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let roads = self.road_delay_s.iter().zip(&vehicles);
        TripSummary {
            delay_index: per(self.ratio_sum, self.finished),
            mean_trip_s: per(self.trip_s_sum, self.finished),
            throughput_veh: sim.finished(),
            stops: self.stops,
            #[allow(clippy::cast_precision_loss)] // counts far below 2^53
            stops_per_vehicle: per(self.stops as f64, self.entered).unwrap_or(0.0),
            queue_mean_veh: share(self.queue_sum, self.observed_s),
            queue_max_veh: self.queue_max,
            lane_queue_max_veh: self.lane_queue_max,
            congested_share: share(self.congested_s, self.vehicle_s),
            co2_kg: self.co2_g / 1000.0,
            series: self.series.clone(),
            roads: roads
                .map(|(delay_s, vehicles)| RoadDelay {
                    vehicles: *vehicles,
                    delay_s: *delay_s,
                    mean_delay_s: per(*delay_s, *vehicles).unwrap_or(0.0),
                })
                .collect(),
        }
    }
}
