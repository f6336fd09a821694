//! The microsimulation: speed, and a small piece of work for counting instructions.

use std::sync::Arc;

use anyhow::Result;
use conurb_traffic::citygen::{CityOptions, CityPlan};
use conurb_traffic::{Demand, Network, Signals, Sim, SimOptions};

use crate::figure::Figure;

/// Vehicle updates a second below which a day of a city is no longer quick: what one core of a
/// small machine must give.
const UPDATES_S_MIN: f64 = 1.0e6;

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

/// Vehicle updates a second over a busy quarter of an hour of 64 signals.
pub(crate) fn speed() -> Result<Vec<Figure>> {
    let mut sim = city(64, 900)?;
    let mut updates = 0_u64;
    #[allow(clippy::disallowed_methods)] // a bench measures the machine
    let start = std::time::Instant::now();
    for _ in 0..900 {
        sim.step();
        updates += u64::from(sim.running());
    }
    let seconds = start.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss)] // far below 2^53
    let rate = updates as f64 / seconds;
    Ok(vec![Figure::at_least(
        "twin",
        "vehicle updates, one thread",
        rate,
        "1/s",
        UPDATES_S_MIN,
    )])
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
