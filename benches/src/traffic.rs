//! The microsimulation: speed of its own and beside the reference simulator, copies and rollouts,
//! and a small piece of work for counting instructions.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use conurb_testkit::shared_data;
use conurb_traffic::citygen::{CityOptions, CityPlan};
use conurb_traffic::control::FixedTime;
use conurb_traffic::protocol::{Head, ProtocolOptions};
use conurb_traffic::{Demand, JunctionIx, Network, Signals, Sim, SimOptions};
use rustix::time::{ClockId, clock_gettime};

use crate::figure::{Figure, quantile};
use crate::options::{Options, Scratch};
use crate::peer::{self, Peer};
use crate::sumo;

pub(crate) const BENCH: &str = "twin";
/// Vehicle updates a second below which a day of a city is no longer quick: what one core of a
/// small machine must give.
const UPDATES_S_MIN: f64 = 1.0e6;
/// Times the reference's updates per CPU-second, lane change off and on.
const TIMES_OFF_MIN: f64 = 20.0;
const TIMES_ON_MIN: f64 = 10.0;
/// A copy of the state and a minute of about this many vehicles, ms.
const ROLLOUT_VEHICLES: u32 = 600;
const ROLLOUT_MS_MAX: f64 = 1.5;
const ROLLOUT_S: u32 = 60;
/// Runs of each engine.
const ROUNDS: u32 = 3;

/// The published sets that are compared: name, folder, road network, demand.
const SETS: [(&str, &str, &str, &str); 3] = [
    (
        "Hangzhou-1",
        "hangzhou_4x4",
        "roadnet_4_4.json",
        "anon_4_4_hangzhou_real.json",
    ),
    (
        "Hangzhou-2",
        "hangzhou_4x4",
        "roadnet_4_4.json",
        "anon_4_4_hangzhou_real_5816.json",
    ),
    (
        "Jinan-1",
        "jinan_3x4",
        "roadnet_3_4.json",
        "anon_3_4_jinan_real.json",
    ),
];

/// Seconds of CPU this thread has used.
pub(crate) fn cpu_s() -> f64 {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    let whole = u64::try_from(t.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(t.tv_nsec).unwrap_or(0);
    Duration::new(whole, nanos).as_secs_f64()
}

/// A simulation of a generated city at time 0.
fn city(signals: u32, span_s: u32) -> Result<Sim> {
    let options = CityOptions {
        signals,
        seed: 7,
        span_s,
        ..CityOptions::default()
    };
    let plan = CityPlan::new(&options)?;
    let (mut roads, mut trips) = (Vec::new(), Vec::new());
    plan.write_network(&mut roads)?;
    plan.write_demand(&mut trips)?;
    let network = Network::from_json(&roads, "generated roadnet")?;
    let demand = Demand::from_json(&trips, "generated demand", &network)?;
    let options = SimOptions {
        signals: Signals::Programme,
        ..SimOptions::default()
    };
    Ok(Sim::new(Arc::new(network), Arc::new(demand), options)?)
}

/// Runs the bench: the generated city always, the rest where the shared data are.
pub(crate) fn run(options: &Options) -> Result<Vec<Figure>> {
    let mut figures = vec![generated()?];
    let Some(data) = shared_data() else {
        eprintln!(
            "{BENCH}: the published sets, the reference beside us and the rollout are left out, ../shared is not there"
        );
        return Ok(figures);
    };
    let span_s = if options.quick { 900 } else { 3_600 };
    let scratch = Scratch::new(BENCH)?;
    let rounds = if options.quick { 1 } else { ROUNDS };
    for (name, folder, roadnet, flow) in SETS {
        let set = Set::read(name, &data.join("traffic").join(folder), roadnet, flow)?;
        let phases = set.phases(span_s)?;
        if name == "Jinan-1" {
            figures.push(set.rollout(&phases)?);
        }
        let files = peer::Files {
            folder: &data.join("traffic").join(folder),
            roadnet,
            flow,
            junctions: set.names(),
            phases: &phases,
        };
        for lane_change in [false, true] {
            // In turns, the best of each: what else the machine does only ever costs time.
            let (mut ours, mut theirs) = (0.0, Peer::Absent(String::new()));
            for _ in 0..rounds {
                ours = set.rate(&phases, lane_change)?.max(ours);
                theirs = theirs.better(peer::rate(&scratch, &files, lane_change)?);
            }
            figures.extend(compared(name, lane_change, ours, &theirs));
        }
    }
    figures.extend(sumo::compare(&data.join("traffic"), &scratch, rounds)?);
    Ok(figures)
}

/// Vehicle updates a second over a busy quarter of an hour of 64 signals.
fn generated() -> Result<Figure> {
    let mut sim = city(64, 900)?;
    let mut updates = 0_u64;
    let start = cpu_s();
    for _ in 0..900 {
        sim.step();
        updates += u64::from(sim.running());
    }
    Ok(Figure::at_least(
        BENCH,
        "vehicle updates per CPU-second, generated city of 64 signals",
        per_second(updates, cpu_s() - start),
        "1/s",
        UPDATES_S_MIN,
    ))
}

#[allow(clippy::cast_precision_loss)] // far below 2^53
pub(crate) fn per_second(updates: u64, seconds: f64) -> f64 {
    updates as f64 / seconds
}

/// Ours in millions a CPU-second, and how many times the reference's that is.
fn compared(name: &str, lane_change: bool, ours: f64, theirs: &Peer) -> Vec<Figure> {
    let (word, limit) = if lane_change {
        ("on", TIMES_ON_MIN)
    } else {
        ("off", TIMES_OFF_MIN)
    };
    let what = format!("{name}, FixedTime(15), lane change {word}");
    let mut rate = Figure::told(
        BENCH,
        &format!("vehicle updates per CPU-second, {what}"),
        ours / 1e6,
        "M/s",
    );
    match theirs {
        Peer::Rate(theirs) => {
            rate.peer = Some(format!("reference simulator {:.3} M/s", theirs / 1e6));
            rate.ratio = Some(ours / theirs);
            let times = Figure::at_least(
                BENCH,
                &format!("times the reference simulator in the same run, {what}"),
                ours / theirs,
                "x",
                limit,
            );
            vec![rate, times]
        }
        Peer::Absent(why) => {
            eprintln!("{BENCH}: no reference beside us for {what}: {why}");
            vec![rate]
        }
    }
}

struct Set {
    net: Arc<Network>,
    demand: Arc<Demand>,
    signalised: Vec<JunctionIx>,
}

impl Set {
    fn read(name: &str, folder: &Path, roadnet: &str, flow: &str) -> Result<Self> {
        let bytes = |file: &str| {
            let path = folder.join(file);
            std::fs::read(&path).with_context(|| format!("{name}: {}", path.display()))
        };
        let net = Network::from_json(&bytes(roadnet)?, roadnet)?;
        let demand = Demand::from_json(&bytes(flow)?, flow, &net)?;
        let signalised = net.signalised();
        Ok(Self {
            net: Arc::new(net),
            demand: Arc::new(demand),
            signalised,
        })
    }

    fn sim(&self, lane_change: bool) -> Result<Sim> {
        let options = SimOptions {
            lane_change,
            ..SimOptions::default()
        };
        Ok(Sim::new(self.net.clone(), self.demand.clone(), options)?)
    }

    /// Names of the signalised junctions.
    fn names(&self) -> Vec<&str> {
        let junctions = self.net.junctions();
        self.signalised
            .iter()
            .map(|j| junctions[j.ix()].id.as_str())
            .collect()
    }

    /// The phase of every signalised junction in every second, under FixedTime(15).
    fn phases(&self, span_s: u32) -> Result<Vec<Vec<u16>>> {
        let options = ProtocolOptions::default();
        let mut sim = self.sim(false)?;
        let junctions = self.net.junctions().len();
        let interval_s = f64::from(options.interval_s);
        let yellow_s = f64::from(options.yellow_s);
        let mut control = FixedTime::new(junctions, interval_s, yellow_s, 1, 4);
        let mut head = Head::new(&self.net, &mut sim, &options)?;
        let mut all = Vec::new();
        for second in 0..span_s {
            head.act(&mut sim, &mut control, second, &options)?;
            all.push(self.signalised.iter().map(|j| sim.phase(*j)).collect());
            sim.step();
        }
        Ok(all)
    }

    fn show(&self, sim: &mut Sim, phases: &[u16]) -> Result<()> {
        for (junction, phase) in self.signalised.iter().zip(phases) {
            sim.set_phase(*junction, *phase)?;
        }
        Ok(())
    }

    /// Vehicle updates per CPU-second of this thread, showing phases included.
    fn rate(&self, phases: &[Vec<u16>], lane_change: bool) -> Result<f64> {
        let mut sim = self.sim(lane_change)?;
        let mut updates = 0;
        let start = cpu_s();
        for now in phases {
            self.show(&mut sim, now)?;
            sim.step();
            updates += u64::from(sim.running());
        }
        Ok(per_second(updates, cpu_s() - start))
    }

    /// CPU time of a copy of the state and a minute's rollout from it, about 600 vehicles, ms.
    fn rollout(&self, phases: &[Vec<u16>]) -> Result<Figure> {
        let mut sim = self.sim(false)?;
        for now in phases {
            self.show(&mut sim, now)?;
            sim.step();
            if sim.running() >= ROLLOUT_VEHICLES {
                break;
            }
        }
        anyhow::ensure!(
            sim.running() >= ROLLOUT_VEHICLES,
            "the set has never {ROLLOUT_VEHICLES} vehicles at once"
        );
        let vehicles = sim.running();
        let state = sim.state().clone();
        let mut times = Vec::new();
        for _ in 0..51 {
            let start = cpu_s();
            let snapshot = state.clone();
            sim.restore(&snapshot)?;
            for _ in 0..ROLLOUT_S {
                sim.step();
            }
            times.push((cpu_s() - start) * 1e3);
        }
        times.sort_by(f64::total_cmp);
        Ok(Figure::at_most(
            BENCH,
            &format!(
                "snapshot, restore and {ROLLOUT_S} s of {vehicles} vehicles, CPU time, median"
            ),
            quantile(&times, 0.5),
            "ms",
            ROLLOUT_MS_MAX,
        ))
    }
}

/// Two minutes of a city of sixteen signals.
pub(crate) fn work() -> Result<()> {
    let mut sim = city(16, 120)?;
    for _ in 0..120 {
        sim.step();
    }
    anyhow::ensure!(sim.step_count() == 120, "the work was not done");
    Ok(())
}
