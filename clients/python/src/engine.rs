//! The traffic twin under the reference simulator's calls.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use conurb_traffic::{
    Demand, DrivableIx, LaneIx, Network, RoadIx, Signals, Sim, SimOptions, VehicleTemplate,
    VehicleView, WAITING_BELOW_M_S,
};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::archive::Archive;
use crate::config::{Config, read_data};
use crate::errors::{call, raise};
use crate::replay::{Replay, write_shapes};

/// The traffic twin: `Engine(config_file, thread_num=1)`, then `next_step()` and read.
///
/// The same calls as the reference simulator's Python engine, on the same files, with the same
/// numbers while lane change is off. Lanes are named `road_k`, lane links `lane_TO_lane`, vehicles
/// `flow_i_n`.
#[pyclass(module = "conurb", unsendable)]
pub(crate) struct Engine {
    config: Config,
    network: Arc<Network>,
    demand: Arc<Demand>,
    sim: Sim,
    replay: Option<Replay>,
    seed: u32,
    /// Names handed out again and again, made once.
    lane_names: Vec<Py<PyString>>,
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |n| n.to_string_lossy().into_owned())
}

fn no_replay() -> PyErr {
    call(
        "the configuration asks for no replay",
        "set saveReplay, roadnetLogFile and replayLogFile in it",
    )
}

/// A vehicle as `push_vehicle` is given it.
fn template_of(info: &HashMap<String, f64>) -> PyResult<VehicleTemplate> {
    let mut t = VehicleTemplate::default();
    for (name, value) in info {
        let member = match name.as_str() {
            "length" => &mut t.length_m,
            "width" => &mut t.width_m,
            "minGap" => &mut t.min_gap_m,
            "maxPosAcc" => &mut t.max_pos_acc_m_s2,
            "maxNegAcc" => &mut t.max_neg_acc_m_s2,
            "usualPosAcc" => &mut t.usual_pos_acc_m_s2,
            "usualNegAcc" => &mut t.usual_neg_acc_m_s2,
            "maxSpeed" => &mut t.max_speed_m_s,
            "headwayTime" => &mut t.headway_s,
            // The reference takes a speed and starts everybody at rest all the same.
            "speed" => continue,
            _ => {
                return Err(call(
                    format!("a vehicle has no member \"{name}\""),
                    "length, width, minGap, maxPosAcc, maxNegAcc, usualPosAcc, usualNegAcc, maxSpeed, \
                     headwayTime",
                ));
            }
        };
        *member = *value;
    }
    Ok(t)
}

fn simulation(
    config: &Config,
    network: &Arc<Network>,
    demand: &Arc<Demand>,
    seed: u32,
) -> PyResult<Sim> {
    let options = SimOptions {
        seed,
        step_s: config.interval,
        signals: if config.rl_traffic_light {
            Signals::External
        } else {
            Signals::Programme
        },
        lane_change: config.lane_change,
    };
    Sim::new(network.clone(), demand.clone(), options).map_err(|e| raise(&e))
}

impl Engine {
    fn lanes(&self) -> impl Iterator<Item = LaneIx> + use<> {
        let count = u32::try_from(self.network.lanes().len()).unwrap_or(u32::MAX);
        (0..count).map(LaneIx)
    }

    /// A dictionary of every lane.
    fn by_lane<'py, T: IntoPyObject<'py>>(
        &self,
        py: Python<'py>,
        value: impl Fn(LaneIx) -> T,
    ) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (lane, name) in self.lanes().zip(&self.lane_names) {
            dict.set_item(name.bind(py), value(lane))?;
        }
        Ok(dict)
    }

    fn on_lane(&self, lane: LaneIx) -> impl Iterator<Item = VehicleView> + '_ {
        self.sim.vehicles_on(self.network.drivable_of_lane(lane))
    }

    /// Running vehicles in order of creation.
    fn running(&self) -> Vec<VehicleView> {
        let mut all: Vec<VehicleView> = self.sim.vehicles().collect();
        all.sort_unstable_by_key(|v| v.event);
        all
    }

    fn find(&self, id: &str) -> PyResult<VehicleView> {
        self.sim.vehicles().find(|v| v.id() == id).ok_or_else(|| {
            call(
                format!("vehicle \"{id}\" does not run now"),
                "ask get_vehicles()",
            )
        })
    }

    fn drivable_name(&self, drivable: DrivableIx) -> &str {
        match self.network.as_lane(drivable) {
            Some(lane) => &self.network.lanes()[lane.ix()].id,
            None => self
                .network
                .as_link(drivable)
                .map_or("", |link| &self.network.links()[link.ix()].id),
        }
    }

    /// Roads by name.
    fn roads(&self, names: &[String]) -> PyResult<Vec<RoadIx>> {
        let road = |name: &String| {
            self.network.road_ix(name).ok_or_else(|| {
                call(
                    format!("there is no road \"{name}\""),
                    "name roads as the road network file does",
                )
            })
        };
        names.iter().map(road).collect()
    }

    /// The roads a vehicle has still to drive, its present one first where it is on one.
    fn roads_ahead(&self, vehicle: &VehicleView) -> Vec<RoadIx> {
        let path = self.sim.path_ahead(vehicle.slot);
        path.iter()
            .filter_map(|d| self.network.as_lane(DrivableIx(*d)))
            .map(|lane| self.network.lanes()[lane.ix()].road)
            .collect()
    }
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (config_file, thread_num = 1))]
    fn new(py: Python<'_>, config_file: PathBuf, thread_num: u32) -> PyResult<Self> {
        if thread_num == 0 {
            return Err(call("thread_num is 0", "give 1 or more"));
        }
        let config = Config::read(&config_file)?;
        let (roadnet, flow) = (config.roadnet(), config.flow());
        let network = Network::from_json(&read_data(&roadnet)?, &file_name(&roadnet))
            .map_err(|e| raise(&e))?;
        let demand = Demand::from_json(&read_data(&flow)?, &file_name(&flow), &network)
            .map_err(|e| raise(&e))?;
        let replay = if config.save_replay {
            write_shapes(
                &config.named("roadnetLogFile", &config.roadnet_log_file)?,
                &network,
            )?;
            let path = config.named("replayLogFile", &config.replay_log_file)?;
            Some(Replay::create(path)?)
        } else {
            None
        };
        let (network, demand) = (Arc::new(network), Arc::new(demand));
        let sim = simulation(&config, &network, &demand, config.seed)?;
        let lane_names = network
            .lanes()
            .iter()
            .map(|l| PyString::intern(py, &l.id).unbind())
            .collect();
        Ok(Self {
            seed: config.seed,
            config,
            network,
            demand,
            sim,
            replay,
            lane_names,
        })
    }

    fn __repr__(&self) -> String {
        format!(
            "<conurb.Engine: {} roads, {} junctions, t = {} s, {} vehicles>",
            self.network.roads().len(),
            self.network.junctions().len(),
            self.sim.time_s(),
            self.sim.running()
        )
    }

    /// One step of `interval` seconds.
    fn next_step(&mut self) -> PyResult<()> {
        self.sim.step();
        match &mut self.replay {
            Some(replay) => replay.push(&self.sim),
            None => Ok(()),
        }
    }

    /// Goes on with the replay in another file; its name is put behind `dir` of the configuration.
    fn set_replay_file(&mut self, replay_file: &str) -> PyResult<()> {
        let replay = self.replay.as_mut().ok_or_else(no_replay)?;
        let on = replay.on;
        *replay = Replay::create(self.config.behind_dir(replay_file))?;
        replay.on = on;
        Ok(())
    }

    /// Stops (`False`) or goes on with (`True`) the replay that the configuration asked for.
    fn set_save_replay(&mut self, open: bool) -> PyResult<()> {
        self.replay.as_mut().ok_or_else(no_replay)?.on = open;
        Ok(())
    }

    /// Simulated time, s.
    fn get_current_time(&self) -> f64 {
        self.sim.time_s()
    }

    /// Vehicles on the network.
    fn get_vehicle_count(&self) -> u32 {
        self.sim.running()
    }

    /// Names of the running vehicles in order of creation; those that wait to enter are not told.
    #[pyo3(signature = (include_waiting = false))]
    fn get_vehicles(&self, include_waiting: bool) -> PyResult<Vec<String>> {
        if include_waiting {
            return Err(call(
                "include_waiting: waiting vehicles are counted, not named",
                "leave include_waiting out",
            ));
        }
        Ok(self.running().iter().map(VehicleView::id).collect())
    }

    /// Vehicles on each lane.
    fn get_lane_vehicle_count<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.by_lane(py, |lane| self.on_lane(lane).count())
    }

    /// Vehicles slower than 0.1 m/s on each lane.
    fn get_lane_waiting_vehicle_count<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.by_lane(py, |lane| {
            self.on_lane(lane)
                .filter(|v| v.speed_m_s < WAITING_BELOW_M_S)
                .count()
        })
    }

    /// Names of the vehicles on each lane, from the front to the back.
    fn get_lane_vehicles<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.by_lane(py, |lane| {
            self.on_lane(lane).map(|v| v.id()).collect::<Vec<_>>()
        })
    }

    /// Speed of each running vehicle, m/s.
    fn get_vehicle_speed(&self) -> HashMap<String, f64> {
        self.sim.vehicles().map(|v| (v.id(), v.speed_m_s)).collect()
    }

    /// Distance of each running vehicle from the start of its lane or lane link, m.
    fn get_vehicle_distance(&self) -> HashMap<String, f64> {
        self.sim
            .vehicles()
            .map(|v| (v.id(), v.position_m))
            .collect()
    }

    /// One vehicle as text: running, distance, speed, drivable, road, intersection, route.
    fn get_vehicle_info<'py>(
        &self,
        py: Python<'py>,
        vehicle_id: &str,
    ) -> PyResult<Bound<'py, PyDict>> {
        let v = self.find(vehicle_id)?;
        let info = PyDict::new(py);
        info.set_item("running", "1")?;
        info.set_item("distance", format!("{:.6}", v.position_m))?;
        info.set_item("speed", format!("{:.6}", v.speed_m_s))?;
        info.set_item("drivable", self.drivable_name(v.drivable))?;
        if let Some(lane) = self.network.as_lane(v.drivable) {
            let road = &self.network.roads()[self.network.lanes()[lane.ix()].road.ix()];
            info.set_item("road", &road.id)?;
            info.set_item("intersection", &self.network.junctions()[road.to.ix()].id)?;
        }
        let route: String = self
            .roads_ahead(&v)
            .iter()
            .map(|r| format!("{} ", self.network.roads()[r.ix()].id))
            .collect();
        info.set_item("route", route)?;
        Ok(info)
    }

    /// The vehicle in front on the same lane or lane link; empty where there is none.
    fn get_leader(&self, vehicle_id: &str) -> PyResult<String> {
        let v = self.find(vehicle_id)?;
        let ahead = self
            .sim
            .vehicles_on(v.drivable)
            .take_while(|w| w.slot != v.slot)
            .last();
        Ok(ahead.map_or_else(String::new, |w| w.id()))
    }

    /// Mean over all created vehicles of the time from creation to exit (or until now), s.
    fn get_average_travel_time(&self) -> f64 {
        self.sim.average_travel_time_network_s()
    }

    /// Shows a phase from the next step on; needs `rlTrafficLight`.
    fn set_tl_phase(&mut self, intersection_id: &str, phase_id: u16) -> PyResult<()> {
        if !self.config.rl_traffic_light {
            return Err(call(
                "the programme of the file sets the phases",
                "set rlTrafficLight to true in the configuration",
            ));
        }
        let junction = self.network.junction_ix(intersection_id).ok_or_else(|| {
            call(
                format!("there is no intersection \"{intersection_id}\""),
                "ask get_intersections()",
            )
        })?;
        self.sim
            .set_phase(junction, phase_id)
            .map_err(|e| raise(&e))
    }

    /// Pushes a vehicle in: it is created in the next step at the start of the first road. Members of
    /// the dictionary left out have the reference's defaults. Named `manually_pushed_n`.
    fn push_vehicle(&mut self, info: HashMap<String, f64>, roads: Vec<String>) -> PyResult<()> {
        let template = template_of(&info)?;
        let roads = self.roads(&roads)?;
        let pushed = self.sim.push_vehicle(&template, &roads);
        pushed.map(|_| ()).map_err(|e| raise(&e))
    }

    /// Sets what a vehicle wishes to drive in the next step alone, m/s.
    fn set_vehicle_speed(&mut self, vehicle_id: &str, speed: f64) -> PyResult<()> {
        if !(speed.is_finite() && speed >= 0.0) {
            return Err(call(
                format!("a speed of {speed} m/s"),
                "give a number that is 0 or more",
            ));
        }
        let slot = self.find(vehicle_id)?.slot;
        self.sim.set_vehicle_speed(slot, speed);
        Ok(())
    }

    /// Sends a vehicle from the road it is on to these roads, joined by shortest paths. False, and
    /// nothing changes, inside junctions and where its lane does not serve the new way.
    fn set_vehicle_route(&mut self, vehicle_id: &str, route: Vec<String>) -> PyResult<bool> {
        let roads = self.roads(&route)?;
        let slot = self.find(vehicle_id)?.slot;
        Ok(self.sim.set_vehicle_route(slot, &roads))
    }

    /// The seed of the next `reset`.
    fn set_random_seed(&mut self, seed: u32) {
        self.seed = seed;
    }

    /// Back to time 0; `seed=True` draws as a new engine with the present seed would.
    #[pyo3(signature = (seed = false))]
    fn reset(&mut self, seed: bool) -> PyResult<()> {
        let seed = if seed { self.seed } else { self.config.seed };
        self.sim = simulation(&self.config, &self.network, &self.demand, seed)?;
        Ok(())
    }

    /// Keeps the present state.
    fn snapshot(&self) -> Archive {
        Archive {
            state: self.sim.state().clone(),
        }
    }

    /// Goes back to a kept state of the same network and demand.
    fn load(&mut self, archive: &Archive) -> PyResult<()> {
        self.sim.restore(&archive.state).map_err(|e| raise(&e))
    }

    // What the reference has no call for.

    /// Names of the junctions with signals, in file order.
    fn get_intersections(&self) -> Vec<String> {
        let named = |j: &conurb_traffic::JunctionIx| self.network.junctions()[j.ix()].id.clone();
        self.network.signalised().iter().map(named).collect()
    }

    /// Number of phases of a junction.
    fn get_phase_count(&self, intersection_id: &str) -> PyResult<usize> {
        self.network
            .junction_ix(intersection_id)
            .map(|j| self.network.junctions()[j.ix()].phases.len())
            .ok_or_else(|| {
                call(
                    format!("there is no intersection \"{intersection_id}\""),
                    "ask get_intersections()",
                )
            })
    }

    /// Lanes that enter a junction, in the order of its roads.
    fn get_incoming_lanes<'py>(
        &self,
        py: Python<'py>,
        intersection_id: &str,
    ) -> PyResult<Bound<'py, PyList>> {
        let junction = self.network.junction_ix(intersection_id).ok_or_else(|| {
            call(
                format!("there is no intersection \"{intersection_id}\""),
                "ask get_intersections()",
            )
        })?;
        let names = self
            .network
            .incoming_lanes(junction)
            .iter()
            .map(|l| self.lane_names[l.ix()].bind(py));
        PyList::new(py, names)
    }

    /// Vehicles that have finished their trip.
    fn get_finished_vehicle_count(&self) -> u32 {
        self.sim.finished()
    }

    /// Vehicles created that wait outside, because the lane they shall enter is full.
    fn get_waiting_outside_count(&self) -> u32 {
        self.sim.waiting_outside()
    }

    /// A hash of the whole state, equal for equal states on any machine.
    fn state_hash(&self) -> u64 {
        self.sim.state_hash()
    }
}
