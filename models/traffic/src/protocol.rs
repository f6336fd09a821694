//! The evaluation protocol of the published signal control comparisons.
//!
//! 1 s steps; a decision every `interval_s`; a changed phase is preceded by phase 0 (yellow: only
//! right turns) for the first `yellow_s` of the interval; every junction starts with the first of
//! `phases`.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::changes::Changes;
use crate::control::{Controller, SecondPlan};
use crate::demand::Demand;
use crate::error::TrafficError;
use crate::ids::JunctionIx;
use crate::metrics::ApproachMeter;
use crate::network::Network;
use crate::parking::Parking;
use crate::sim::{Signals, Sim, SimOptions};

/// How a run is made.
#[derive(Debug, Clone, PartialEq)]
pub struct ProtocolOptions {
    /// Seconds between decisions (15 or 30 in the publications).
    pub interval_s: u32,
    /// Length of the run, s.
    pub duration_s: u32,
    /// Yellow before a changed phase, s.
    pub yellow_s: u32,
    /// Phases that may be chosen.
    pub phases: RangeInclusive<u16>,
    /// Seed of the simulation.
    pub seed: u32,
    /// Whether vehicles change lane (the publications: yes).
    pub lane_change: bool,
    /// Threads for the steps ([`Sim::set_threads`]): the same bytes on any number.
    pub threads: u32,
    /// What changes on the streets during the run.
    pub changes: Option<Arc<Changes>>,
    /// Car parks that vehicles look for.
    pub parking: Option<Arc<Parking>>,
}

impl Default for ProtocolOptions {
    fn default() -> Self {
        Self {
            interval_s: 15,
            duration_s: 3_600,
            yellow_s: 5,
            phases: 1..=4,
            seed: 0,
            lane_change: false,
            threads: 1,
            changes: None,
            parking: None,
        }
    }
}

/// What a run gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The papers' travel time, s ([`ApproachMeter`]).
    pub approach_s: f64,
    /// The simulator's own, s ([`Sim::average_travel_time_network_s`]).
    pub network_s: f64,
    /// Vehicles ever seen on an approach.
    pub vehicles_seen: usize,
    /// Vehicles created.
    pub created: u32,
    /// Trips finished.
    pub finished: u32,
    /// Running at the end.
    pub running_at_end: u32,
    /// Waiting outside at the end.
    pub waiting_outside_at_end: u32,
    /// Running vehicles summed over all steps.
    pub vehicle_updates: u64,
    /// Running vehicles after every 600 s.
    pub running_every_600_s: Vec<u32>,
    /// Hash of the last state.
    pub state_hash: u64,
}

/// Runs a controller under the protocol.
pub fn run(
    net: &Arc<Network>,
    demand: &Arc<Demand>,
    controller: &mut dyn Controller,
    options: &ProtocolOptions,
) -> Result<Outcome, TrafficError> {
    run_observed(net, demand, controller, options, &mut |_| {})
}

/// Like [`run`], calling `observe` after every step.
pub fn run_observed(
    net: &Arc<Network>,
    demand: &Arc<Demand>,
    controller: &mut dyn Controller,
    options: &ProtocolOptions,
    observe: &mut dyn FnMut(&Sim),
) -> Result<Outcome, TrafficError> {
    let mut paced = Paced::new(net, controller, options);
    run_plan(net, demand, &mut paced, options, observe)
}

/// Runs a plan that says every second's phase, under the same accounting.
pub fn run_plan(
    net: &Arc<Network>,
    demand: &Arc<Demand>,
    plan: &mut dyn SecondPlan,
    options: &ProtocolOptions,
    observe: &mut dyn FnMut(&Sim),
) -> Result<Outcome, TrafficError> {
    check(options)?;
    let mut sim = start(net, demand, options, Signals::External)?;
    plan.begin(&mut sim)?;
    let junctions = net.signalised();
    let mut tally = Tally::new(net);
    for _ in 0..options.duration_s {
        let time_s = sim.time_s();
        plan.decide(&sim, time_s);
        for j in &junctions {
            let phase = plan.phase(&sim, *j, time_s);
            sim.set_phase(*j, phase)?;
        }
        sim.step();
        plan.observe(&sim);
        tally.observe(&sim);
        observe(&sim);
    }
    Ok(tally.outcome(&sim))
}

/// Runs the programme in the road network file.
pub fn run_programme(
    net: &Arc<Network>,
    demand: &Arc<Demand>,
    options: &ProtocolOptions,
    observe: &mut dyn FnMut(&Sim),
) -> Result<Outcome, TrafficError> {
    check(options)?;
    let mut sim = start(net, demand, options, Signals::Programme)?;
    let mut tally = Tally::new(net);
    for _ in 0..options.duration_s {
        sim.step();
        tally.observe(&sim);
        observe(&sim);
    }
    Ok(tally.outcome(&sim))
}

fn check(options: &ProtocolOptions) -> Result<(), TrafficError> {
    let wrong = |what: &'static str, message: String| Err(TrafficError::Option { what, message });
    if options.interval_s == 0 || options.yellow_s >= options.interval_s {
        return wrong(
            "interval_s",
            format!(
                "{} s leaves no green after {} s of yellow",
                options.interval_s, options.yellow_s
            ),
        );
    }
    if options.duration_s > 10_000_000 {
        return wrong(
            "duration_s",
            format!("{} s is longer than 10,000,000 s", options.duration_s),
        );
    }
    if options.phases.is_empty() {
        return wrong("phases", "the range of phases is empty".into());
    }
    Ok(())
}

/// The simulation that a run under these options steps through.
///
/// # Errors
/// Options that do not fit the network or each other.
pub fn start(
    net: &Arc<Network>,
    demand: &Arc<Demand>,
    options: &ProtocolOptions,
    signals: Signals,
) -> Result<Sim, TrafficError> {
    let how = SimOptions {
        seed: options.seed,
        signals,
        lane_change: options.lane_change,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(Arc::clone(net), Arc::clone(demand), how)?;
    sim.set_threads(options.threads as usize)?;
    if let Some(changes) = &options.changes {
        sim.set_changes(Arc::clone(changes))?;
    }
    if let Some(parking) = &options.parking {
        sim.set_parking(Arc::clone(parking))?;
    }
    Ok(sim)
}

/// The environment between controller and simulation: yellow, then the chosen phase.
#[derive(Debug, Clone)]
pub struct Head {
    junctions: Vec<JunctionIx>,
    current: Vec<u16>,
    chosen: Vec<u16>,
}

impl Head {
    /// Sets every signalised junction to the first phase.
    pub fn new(
        net: &Network,
        sim: &mut Sim,
        options: &ProtocolOptions,
    ) -> Result<Self, TrafficError> {
        let junctions = net.signalised();
        let mut current = Vec::with_capacity(junctions.len());
        for j in &junctions {
            let last = net.junctions()[j.ix()].phases.len() - 1;
            let first = u16::try_from(last)
                .unwrap_or(u16::MAX)
                .min(*options.phases.start());
            sim.set_phase(*j, first)?;
            current.push(first);
        }
        Ok(Self {
            chosen: current.clone(),
            current,
            junctions,
        })
    }

    /// Sets the phases for the step that starts at `second`.
    pub fn act(
        &mut self,
        sim: &mut Sim,
        controller: &mut dyn Controller,
        second: u32,
        options: &ProtocolOptions,
    ) -> Result<(), TrafficError> {
        self.ask(sim, controller, second, options);
        for k in 0..self.junctions.len() {
            let phase = self.show(k, second, options);
            sim.set_phase(self.junctions[k], phase)?;
        }
        Ok(())
    }

    /// Asks the controller, when it is time to.
    fn ask(
        &mut self,
        sim: &Sim,
        controller: &mut dyn Controller,
        second: u32,
        options: &ProtocolOptions,
    ) {
        if !second.is_multiple_of(options.interval_s) {
            return;
        }
        let time_s = sim.time_s();
        controller.decide(sim, time_s);
        for (k, j) in self.junctions.iter().enumerate() {
            self.chosen[k] = controller.choose(sim, *j, time_s);
        }
    }

    /// What the signal at this place of the list shows.
    fn show(&mut self, k: usize, second: u32, options: &ProtocolOptions) -> u16 {
        if second % options.interval_s < options.yellow_s && self.chosen[k] != self.current[k] {
            return 0;
        }
        self.current[k] = self.chosen[k];
        self.chosen[k]
    }
}

/// A controller as a plan of every second: asked every interval, yellow before a changed phase.
pub struct Paced<'a> {
    controller: &'a mut dyn Controller,
    options: ProtocolOptions,
    head: Option<Head>,
    /// Place in the head's list, by junction.
    place: Vec<usize>,
    second: u32,
}

impl<'a> Paced<'a> {
    /// A controller of this network.
    pub fn new(
        net: &Network,
        controller: &'a mut dyn Controller,
        options: &ProtocolOptions,
    ) -> Self {
        let mut place = vec![0; net.junctions().len()];
        for (k, j) in net.signalised().into_iter().enumerate() {
            place[j.ix()] = k;
        }
        Self {
            controller,
            options: options.clone(),
            head: None,
            place,
            second: 0,
        }
    }
}

impl SecondPlan for Paced<'_> {
    fn begin(&mut self, sim: &mut Sim) -> Result<(), TrafficError> {
        let net = Arc::clone(sim.network());
        self.head = Some(Head::new(&net, sim, &self.options)?);
        self.second = 0;
        Ok(())
    }

    fn decide(&mut self, sim: &Sim, _time_s: f64) {
        if let Some(head) = &mut self.head {
            head.ask(sim, self.controller, self.second, &self.options);
        }
    }

    fn phase(&mut self, sim: &Sim, junction: JunctionIx, _time_s: f64) -> u16 {
        match &mut self.head {
            Some(head) => head.show(self.place[junction.ix()], self.second, &self.options),
            None => sim.phase(junction),
        }
    }

    fn observe(&mut self, sim: &Sim) {
        self.second += 1;
        self.controller.observe(sim);
    }
}

struct Tally {
    approach: ApproachMeter,
    updates: u64,
    every_600: Vec<u32>,
}

impl Tally {
    fn new(net: &Network) -> Self {
        Self {
            approach: ApproachMeter::new(net),
            updates: 0,
            every_600: Vec::new(),
        }
    }

    fn observe(&mut self, sim: &Sim) {
        self.approach.observe(sim);
        self.updates += u64::from(sim.running());
        if sim.step_count().is_multiple_of(600) {
            self.every_600.push(sim.running());
        }
    }

    fn outcome(self, sim: &Sim) -> Outcome {
        Outcome {
            approach_s: self.approach.average_s(),
            network_s: sim.average_travel_time_network_s(),
            vehicles_seen: self.approach.vehicles_seen(),
            created: sim.created(),
            finished: sim.finished(),
            running_at_end: sim.running(),
            waiting_outside_at_end: sim.waiting_outside(),
            vehicle_updates: self.updates,
            running_every_600_s: self.every_600,
            state_hash: sim.state_hash(),
        }
    }
}
