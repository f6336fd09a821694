//! `conurb sim bench`: how fast the engine runs these files.

use conurb_base::{Clock as _, SystemClock};
use conurb_traffic::Signals;
use conurb_traffic::control::{Controller as _, FixedTime};
use conurb_traffic::protocol::{self, ProtocolOptions};
use serde::Serialize;

use super::args::BenchArgs;
use crate::city::{self, City};
use crate::fail::Failure;
use crate::out::say;

/// What was measured.
#[derive(Debug, Serialize)]
struct Speed {
    city: String,
    synthetic: bool,
    span_s: u32,
    runs: usize,
    threads: u32,
    /// Running vehicles summed over all steps of one run.
    vehicle_updates: u64,
    /// Seconds spent in the step alone, by run, ascending.
    step_s: Vec<f64>,
    /// Of the median run, a second.
    vehicle_updates_s_median: f64,
    /// Of the fastest run, a second.
    vehicle_updates_s_best: f64,
    /// Simulated seconds a second, median run.
    real_time_factor_median: f64,
}

/// Runs the command: the literature's fixed time sets the phases, the step alone is timed.
pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    let mut city = city::load(&args.city, args.protocol.span)?;
    let options = args.protocol.options(&mut city)?;
    let mut step_s = Vec::new();
    let mut vehicle_updates = 0;
    for _ in 0..args.runs {
        let (updates, seconds) = once(&city, &options)?;
        vehicle_updates = updates;
        step_s.push(seconds);
    }
    step_s.sort_by(f64::total_cmp);
    let median = step_s[step_s.len() / 2];
    let rate = |seconds: f64| vehicle_updates as f64 / seconds.max(1e-9);
    let speed = Speed {
        city: city.name.clone(),
        synthetic: city.synthetic.is_some(),
        span_s: args.protocol.span,
        runs: step_s.len(),
        threads: options.threads,
        vehicle_updates,
        vehicle_updates_s_median: rate(median),
        vehicle_updates_s_best: rate(step_s[0]),
        real_time_factor_median: f64::from(args.protocol.span) / median.max(1e-9),
        step_s,
    };
    say(&if args.json {
        serde_json::to_string_pretty(&speed).expect("plain figures")
    } else {
        format!(
            "{}: {} vehicle updates in {:.3} s (median of {}), {:.1} M/s, best {:.1} M/s; {:.0} times real time; {} thread(s)",
            speed.city,
            speed.vehicle_updates,
            median,
            speed.runs,
            speed.vehicle_updates_s_median / 1e6,
            speed.vehicle_updates_s_best / 1e6,
            speed.real_time_factor_median,
            speed.threads
        )
    });
    Ok(())
}

fn once(city: &City, options: &ProtocolOptions) -> Result<(u64, f64), Failure> {
    let clock = SystemClock::new();
    let mut sim = protocol::start(&city.network, &city.demand, options, Signals::External)?;
    let mut control = FixedTime::new(
        city.network.junctions().len(),
        f64::from(options.interval_s),
        f64::from(options.yellow_s),
        *options.phases.start(),
        *options.phases.end(),
    );
    let junctions = city.network.signalised();
    let (mut updates, mut step_ns) = (0, 0);
    for second in 0..options.duration_s {
        if second.is_multiple_of(options.interval_s) {
            for j in &junctions {
                let phase = control.choose(&sim, *j, sim.time_s());
                sim.set_phase(*j, phase)?;
            }
        }
        let from = clock.monotonic_ns();
        sim.step();
        step_ns += clock.monotonic_ns().saturating_sub(from);
        updates += u64::from(sim.running());
    }
    Ok((updates, step_ns as f64 / 1e9))
}
