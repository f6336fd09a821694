//! A large city on one core and on several: real-time factor, what a second core gives, memory, and
//! that the number of threads changes no byte.
//!
//! The city is synthetic: the generator's streets and routes at 10,000 signals. Ten minutes of its
//! peak demand are repeated without end (every trip becomes a flow with an interval of ten minutes),
//! and the city fills under its fixed programmes until the wanted number of vehicles is inside.
//!
//! Wall time is what counts and needs a quiet machine. Beside it stands what the threads' own CPU
//! times say, which others on the machine disturb less: the busiest worker plus the calling thread.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use conurb_base::{Clock as _, SystemClock};
use conurb_traffic::citygen::{CityOptions, CityPlan};
use conurb_traffic::{Demand, Network, Signals, Sim, SimOptions, file};

use crate::figure::{Figure, quantile};
use crate::options::Options;

const BENCH: &str = "scale";
/// What two cores must give over one.
const TWO_OVER_ONE_MIN: f64 = 1.7;
/// Simulated over wall time on two cores.
const REAL_TIME_MIN: f64 = 1.0;
/// Length of the demand that is repeated, s.
const PERIOD_S: u32 = 600;
/// Steps measured at a time, in turns for each number of threads, and turns.
const STEPS: u32 = 20;
const TURNS: u32 = 7;
/// The city is not filled for longer than this, s.
const FILL_S_MAX: u32 = 4 * 3_600;
const THREADS: [usize; 3] = [1, 2, 3];

/// Signals, vehicles wanted inside, and the load of the demand.
struct Size {
    signals: u32,
    vehicles: u32,
    load: f64,
}

const FULL: Size = Size {
    signals: 10_000,
    vehicles: 300_000,
    load: 1.3,
};
const QUICK: Size = Size {
    signals: 400,
    vehicles: 10_000,
    load: 1.3,
};

/// Runs the bench.
pub(crate) fn run(options: &Options) -> Result<Vec<Figure>> {
    let size = if options.quick { QUICK } else { FULL };
    let net = Arc::new(network(&size)?);
    let demand = Arc::new(demand(&size, &net)?);
    let mut sim = fill(&size, net.clone(), demand)?;
    eprintln!(
        "{BENCH}: {} vehicles inside after {} s, {} wait outside, {} lanes, {} links",
        sim.running(),
        sim.step_count(),
        sim.waiting_outside(),
        net.lanes().len(),
        net.links().len()
    );
    let what = format!("{} signals, {} vehicles", size.signals, sim.running());
    let vehicles = f64::from(sim.running());
    let lanes = u32::try_from(net.lanes().len()).context("lanes")?;
    sim.set_threads(1)?;
    let memory = sim.memory();
    let mut figures = speed(&sim, &what, !options.quick)?;
    figures.push(Figure::told(
        BENCH,
        &format!("memory per vehicle, demand and state, {what}"),
        count(memory.demand_b + memory.state_b) / vehicles,
        "B",
    ));
    figures.push(Figure::told(
        BENCH,
        &format!("memory per lane, network alone, {lanes} lanes"),
        count(memory.network_b) / f64::from(lanes),
        "B",
    ));
    Ok(figures)
}

fn city(size: &Size) -> Result<CityPlan> {
    let options = CityOptions {
        signals: size.signals,
        seed: 7,
        span_s: PERIOD_S,
        start_of_day_s: 28_500,
        load: size.load,
        ..CityOptions::default()
    };
    Ok(CityPlan::new(&options)?)
}

fn network(size: &Size) -> Result<Network> {
    let mut roads = Vec::new();
    city(size)?.write_network(&mut roads)?;
    Ok(Network::from_json(&roads, "generated roadnet")?)
}

/// Ten minutes of trips, again and again.
fn demand(size: &Size, net: &Network) -> Result<Demand> {
    let mut trips = Vec::new();
    city(size)?.write_demand(&mut trips)?;
    let mut flows = file::read_flows(&trips, "generated demand")?;
    for flow in &mut flows {
        flow.interval = f64::from(PERIOD_S);
        flow.end_time = None;
    }
    Ok(Demand::from_file(&flows, "generated demand", net)?)
}

/// Runs the city until it holds the wanted number of vehicles.
fn fill(size: &Size, net: Arc<Network>, demand: Arc<Demand>) -> Result<Sim> {
    let options = SimOptions {
        signals: Signals::Programme,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(net, demand, options)?;
    sim.set_threads(2)?;
    while sim.running() < size.vehicles {
        ensure!(
            sim.step_count() < FILL_S_MAX,
            "only {} vehicles are inside after {FILL_S_MAX} s",
            sim.running()
        );
        sim.step();
    }
    Ok(sim)
}

/// Steps from the same state on 1, 2 and 3 threads, in turns, the best of each: what else the
/// machine does only ever costs time.
fn speed(sim: &Sim, what: &str, large: bool) -> Result<Vec<Figure>> {
    let clock = SystemClock::new();
    let mut sims = Vec::new();
    for threads in THREADS {
        let mut copy = sim.clone();
        copy.set_threads(threads)?;
        sims.push((copy, Vec::new(), Vec::new()));
    }
    for _ in 0..TURNS {
        for (sim, times_ms, paths_ms) in &mut sims {
            let before = threads_ns()?;
            let start = clock.monotonic_ns();
            for _ in 0..STEPS {
                sim.step();
            }
            let ns = clock.monotonic_ns() - start;
            #[allow(clippy::cast_precision_loss)] // minutes at most
            times_ms.push(ns as f64 / 1e6 / f64::from(STEPS));
            paths_ms.push(path_ms(&before, &threads_ns()?) / f64::from(STEPS));
        }
        let hashes = sims.iter().map(|(sim, ..)| sim.state_hash());
        let hashes: Vec<u64> = hashes.collect();
        ensure!(
            hashes.iter().all(|h| *h == hashes[0]),
            "{THREADS:?} threads gave states {hashes:x?}"
        );
    }
    let mut figures = Vec::new();
    let (mut steps_ms, mut middle_paths_ms) = (Vec::new(), Vec::new());
    for (threads, (sim, mut times_ms, mut paths_ms)) in THREADS.into_iter().zip(sims) {
        times_ms.sort_by(f64::total_cmp);
        paths_ms.sort_by(f64::total_cmp);
        eprintln!(
            "{BENCH}: {threads} threads: {:.2} ms a step at best, {:.2} in the median; CPU of the longest way {:.2} ms at best, {:.2} in the median",
            times_ms[0],
            quantile(&times_ms, 0.5),
            paths_ms[0],
            quantile(&paths_ms, 0.5)
        );
        let factor = sim.step_s() * 1e3 / times_ms[0];
        let metric = format!("real-time factor, {threads} threads, {what}");
        if threads == 2 {
            let figure = Figure::at_least(BENCH, &metric, factor, "x", REAL_TIME_MIN);
            figures.push(figure);
        } else {
            figures.push(Figure::told(BENCH, &metric, factor, "x"));
        }
        steps_ms.push(times_ms[0]);
        middle_paths_ms.push(quantile(&paths_ms, 0.5));
    }
    let ratio = steps_ms[0] / steps_ms[1];
    let metric = format!("two threads over one, {what}");
    figures.push(if large {
        Figure::at_least(BENCH, &metric, ratio, "x", TWO_OVER_ONE_MIN)
    } else {
        Figure::told(BENCH, &metric, ratio, "x")
    });
    figures.push(Figure::told(
        BENCH,
        &format!("two threads over one by the threads' CPU times, medians, {what}"),
        middle_paths_ms[0] / middle_paths_ms[1],
        "x",
    ));
    figures.push(Figure::at_least(
        BENCH,
        &format!("turns of {STEPS} steps with equal states on {THREADS:?} threads"),
        f64::from(TURNS),
        "",
        f64::from(TURNS),
    ));
    Ok(figures)
}

/// CPU time of each thread of this process so far, ns.
fn threads_ns() -> Result<BTreeMap<String, u64>> {
    let mut all = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").context("/proc/self/task")? {
        let path = task?.path().join("schedstat");
        // A thread may end meanwhile.
        if let Ok(text) = std::fs::read_to_string(&path) {
            let ns = text
                .split_whitespace()
                .next()
                .context("an empty schedstat")?;
            all.insert(path.display().to_string(), ns.parse()?);
        }
    }
    Ok(all)
}

/// CPU time of the busiest thread and of the calling one (the process's first), once if they are
/// the same, ms.
fn path_ms(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> f64 {
    let own = format!("/{}/schedstat", std::process::id());
    let (mut caller, mut busiest) = (0, 0);
    for (thread, ns) in after {
        let used = ns - before.get(thread).copied().unwrap_or(0);
        if thread.ends_with(&own) {
            caller = used;
        } else {
            busiest = used.max(busiest);
        }
    }
    #[allow(clippy::cast_precision_loss)] // minutes at most
    let ms = (caller + busiest) as f64 / 1e6;
    ms
}

#[allow(clippy::cast_precision_loss)] // far below 2^53
const fn count(bytes: usize) -> f64 {
    bytes as f64
}
