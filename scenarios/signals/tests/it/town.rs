//! A small city for tests: generated roads and demand, a controller at every signal, detectors that
//! report through the scenario's own mapping. No store: the scenario is called as the loop calls it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::{Change, ChangeKind, Entity};
use conurb_decide::{DecisionRecord, Mode};
use conurb_perceive::Mapping;
use conurb_scenario::{Proposal, Scenario, World, kit};
use conurb_signals::layout::SignalLayout;
use conurb_signals::{Settings, SignalController, Signals, fixed_plan, mapping};
use conurb_traffic::citygen::{City, CityOptions};
use conurb_traffic::metrics::{ApproachMeter, TripMeter};
use conurb_traffic::{Demand, LaneIx, Network, Sim, SimOptions};

/// Seconds between two detector reports.
pub(crate) const PERIOD_S: u32 = 5;
/// 2026-03-02T00:00:00Z.
pub(crate) const START: TimeMs = TimeMs(1_772_409_600_000);

/// The scenario reads the changes it is handed, never the world.
pub(crate) struct Nowhere;

impl World for Nowhere {
    fn entity(&self, _id: &str) -> Option<Arc<Entity>> {
        None
    }
}

/// What a run of the town came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Kpis {
    pub(crate) network_s: f64,
    pub(crate) approach_s: f64,
    pub(crate) throughput_veh: f64,
    pub(crate) delay_index: f64,
}

/// A generated city with everything that stands in it.
pub(crate) struct Town {
    pub(crate) network: Arc<Network>,
    pub(crate) sim: Sim,
    pub(crate) signals: Signals,
    pub(crate) layouts: Vec<SignalLayout>,
    pub(crate) controllers: Vec<SignalController>,
    mapping: Mapping,
    approach: ApproachMeter,
    trips: TripMeter,
    /// Lanes whose detector is silent.
    pub(crate) silent: BTreeSet<usize>,
    /// Whether commands reach the controllers.
    pub(crate) connected: bool,
    /// All proposals so far.
    pub(crate) proposals: Vec<Proposal>,
    /// Per signal, the phase shown each second.
    pub(crate) shown: Vec<Vec<u16>>,
    seq: u64,
    entered: BTreeMap<LaneIx, u32>,
}

/// Settings of the town with a change.
pub(crate) fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
    let mut s = Settings {
        city: "town".to_owned(),
        ..Settings::default()
    };
    change(&mut s);
    s
}

/// The scenario on a network.
pub(crate) fn signals(network: &Arc<Network>, settings: Settings) -> Signals {
    Signals::new(network.clone(), "n".to_owned(), settings, "s".to_owned()).expect("a usable city")
}

/// A generated network and its demand.
pub(crate) fn city(signals: u32, span_s: u32) -> (Arc<Network>, Arc<Demand>) {
    let options = CityOptions {
        signals,
        seed: 7,
        span_s,
        start_of_day_s: 27_000,
        ..CityOptions::default()
    };
    let city = City::generate(&options).expect("a city of this size");
    let network = Network::from_json(&city.network_json, "roadnet.json").expect("it reads");
    let demand = Demand::from_json(&city.demand_json, "flow.json", &network).expect("it reads");
    (Arc::new(network), Arc::new(demand))
}

impl Town {
    pub(crate) fn new(count: u32, span_s: u32, settings: Settings) -> Self {
        let (network, demand) = city(count, span_s);
        let options = SimOptions::default();
        let sim = Sim::new(network.clone(), demand, options).expect("it starts");
        let mapping = Mapping::from_toml(&mapping(&settings.city), "detectors.toml").expect("ours");
        let signals = signals(&network, settings);
        let layouts = signals.layouts().to_vec();
        let clearance = signals.settings().clearance_phase;
        let controllers = layouts
            .iter()
            .map(|l| SignalController::new(fixed_plan(l), clearance, l.options[0].phase))
            .collect();
        Self {
            approach: ApproachMeter::new(&network),
            trips: TripMeter::new(&network),
            shown: vec![Vec::new(); layouts.len()],
            network,
            sim,
            signals,
            layouts,
            controllers,
            mapping,
            silent: BTreeSet::new(),
            connected: true,
            proposals: Vec::new(),
            seq: 0,
            entered: BTreeMap::new(),
        }
    }

    pub(crate) fn now(&self) -> TimeMs {
        #[allow(clippy::cast_possible_truncation)]
        let ms = (self.sim.time_s() * 1000.0).round() as i64;
        TimeMs(START.0 + ms)
    }

    /// What the stations say now, as the loop would hand it on.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        let (now, time) = (self.now(), self.now().to_iso());
        let mut payloads = Vec::new();
        let mut told: BTreeSet<LaneIx> = BTreeSet::new();
        for n in 0..self.layouts.len() {
            let (layout, controller) = (self.layouts[n].clone(), self.controllers[n].clone());
            let id = &layout.id;
            let mut body = String::from("[");
            for lane in layout.entering.iter().chain(&layout.leaving) {
                if self.silent.contains(&lane.ix()) || !told.insert(*lane) {
                    continue;
                }
                if body.len() > 1 {
                    body.push(',');
                }
                body.push_str(&self.lane_report(*lane, &time));
            }
            body.push(']');
            payloads.push((
                format!("signals/{id}"),
                format!(
                    r#"{{"device":"{id}","t":"{time}","phase":{},"green_s":{}}}"#,
                    controller.target(),
                    controller.green_for_s()
                ),
            ));
            payloads.push((format!("detectors/{id}"), body));
        }
        let mut entities = Vec::new();
        for (topic, body) in payloads {
            entities.extend(
                self.mapping
                    .apply(body.as_bytes(), &topic, now)
                    .expect("our own payloads"),
            );
        }
        entities
            .into_iter()
            .map(|entity| {
                self.seq += 1;
                change(self.seq, entity, now)
            })
            .collect()
    }

    fn lane_report(&mut self, lane: LaneIx, time: &str) -> String {
        let r = self.sim.lane(lane);
        let l = &self.network.lanes()[lane.ix()];
        let entered = r.entered_total - self.entered.insert(lane, r.entered_total).unwrap_or(0);
        let mut text = format!(
            r#"{{"device":"{}","t":"{time}","vehicles":{},"queue":{},"intensity":{entered}"#,
            l.id, r.vehicles, r.waiting
        );
        if let Some(v) = r.mean_speed_m_s {
            write!(text, r#","speed_km_h":{:.3}"#, v * 3.6).expect("a String takes all");
        }
        text.push('}');
        text
    }

    /// One turn: reports in, proposals out, commands at the controllers.
    pub(crate) fn turn(&mut self) -> usize {
        let (now, changes) = (self.now(), self.changes());
        let triggers = self.signals.observe(&changes, &[], now);
        let proposals = self.signals.decide(&triggers, &Nowhere, now);
        for p in &proposals {
            kit::check_proposal(p).expect("keeps the contract");
            if self.connected {
                let record = record(p);
                let order = self.signals.order(&record).expect("an order");
                let n = self.layouts.iter().position(|l| *l.urn == *order.actuator);
                let phase = order.action["phase"].as_u64().expect("a phase") as u16;
                let yellow = order.action["yellow_s"].as_u64().expect("a clearance") as u32;
                self.controllers[n.expect("one of ours")]
                    .command(phase, yellow, now.plus_s(order.valid_s))
                    .expect("an admissible phase");
            }
        }
        let count = proposals.len();
        self.proposals.extend(proposals);
        count
    }

    /// Runs on; with `brain` a turn is taken at every detector report.
    pub(crate) fn run(&mut self, seconds: u32, brain: bool) {
        for _ in 0..seconds {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let second = self.sim.time_s().round() as u32;
            if brain && second.is_multiple_of(PERIOD_S) {
                self.turn();
            }
            let now = self.now();
            for (n, controller) in self.controllers.iter_mut().enumerate() {
                let phase = controller.tick(now);
                self.shown[n].push(phase);
                self.sim
                    .set_phase(self.layouts[n].junction, phase)
                    .expect("its own phase");
            }
            self.sim.step();
            self.approach.observe(&self.sim);
            self.trips.observe(&self.sim);
        }
    }

    pub(crate) fn kpis(&self) -> Kpis {
        let t = self.trips.summary(&self.sim);
        Kpis {
            network_s: self.sim.average_travel_time_network_s(),
            approach_s: self.approach.average_s(),
            throughput_veh: f64::from(t.throughput_veh),
            delay_index: t.delay_index.expect("trips were finished"),
        }
    }
}

/// A committed change.
pub(crate) fn change(seq: u64, entity: Entity, at: TimeMs) -> Change {
    Change {
        seq,
        kind: ChangeKind::Updated,
        written: entity.attributes.iter().map(|(n, _)| n.clone()).collect(),
        entity: Arc::new(entity),
        before: None,
        at,
    }
}

/// The record the loop would make of a proposal.
pub(crate) fn record(p: &Proposal) -> DecisionRecord {
    let id = "urn:conurb:decision:town:1".to_owned();
    p.clone()
        .into_record(id, ("signals", "town"), Mode::Auto, String::new())
}
