//! Tuning of look-ahead control on generated grids: prints one line a setting, the mean over the
//! grids of travel time by the published definition, each grid beside the base policy.
//!
//! `cargo run --release -p conurb-traffic --example tune_control -- FIRST COUNT "key=value ..." ...`

// This is a program for a terminal; its output is its purpose.
#![allow(clippy::print_stdout)]

use std::sync::Arc;

use conurb_base::SystemClock;
use conurb_traffic::citygen::grid::{GridOptions, generate};
use conurb_traffic::control::lookahead::BasePolicy;
use conurb_traffic::control::{Level, LookAhead, LookAheadOptions, Pressure, PressureRule};
use conurb_traffic::protocol::{Outcome, ProtocolOptions, run};
use conurb_traffic::{Demand, Network};

struct Case {
    net: Arc<Network>,
    demand: Arc<Demand>,
    text: String,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let first: u64 = args[0].parse().expect("first seed");
    let count: u64 = args[1].parse().expect("number of grids");
    let cases: Vec<Case> = (first..first + count).map(case).collect();
    for c in &cases {
        println!("{}", c.text);
    }
    for setting in &args[2..] {
        let mut line = Vec::new();
        let (mut sum, mut network, mut ms) = (0.0, 0.0, Vec::new());
        for c in &cases {
            let (outcome, times) = one(c, setting);
            sum += outcome.approach_s;
            network += outcome.network_s;
            line.push(format!("{:.2}", outcome.approach_s));
            ms.extend(times);
        }
        ms.sort_by(f64::total_cmp);
        let median = ms.get(ms.len() / 2).copied().unwrap_or(0.0);
        #[allow(clippy::cast_precision_loss)]
        let n = count as f64;
        println!(
            "{:.3} net {:.2} ms {median:.1} max {:.0} | {setting} | {}",
            sum / n,
            network / n,
            ms.last().copied().unwrap_or(0.0),
            line.join(" ")
        );
    }
}

fn case(seed: u64) -> Case {
    let options = GridOptions::random(seed);
    let (net, demand) = generate(&options).expect("a grid");
    let net = Arc::new(Network::from_json(&net, "grid").expect("it reads"));
    let demand = Arc::new(Demand::from_json(&demand, "grid", &net).expect("it reads"));
    let text = format!(
        "# {seed}: {}x{} blocks {}x{} load {:.2} straight {:.2} vehicles {}",
        options.columns,
        options.rows,
        options.block_x_m,
        options.block_y_m,
        options.load,
        options.straight,
        demand.flows().len()
    );
    Case { net, demand, text }
}

fn one(case: &Case, setting: &str) -> (Outcome, Vec<f64>) {
    let mut o = LookAheadOptions::default();
    let mut p = ProtocolOptions::default();
    let mut rule = None;
    for (key, value) in setting.split_whitespace().filter_map(|w| w.split_once('=')) {
        let number = || value.parse::<u32>().expect("a number");
        match key {
            "t" => (o.interval_s, p.interval_s) = (number(), number()),
            "h" => o.horizon_s = Some(number()),
            "s" => o.samples = number(),
            "passes" => o.passes = number(),
            "hops" => o.hops = number(),
            "rollouts" => o.rollouts_max = Some(u64::from(number())),
            "threads" => o.threads = number() as usize,
            "level" => {
                o.level = match value {
                    "LD" => Level::Detectors,
                    "L0" => Level::LaneView,
                    "L1" => Level::Routes,
                    _ => Level::Oracle,
                }
            }
            "base" => {
                o.base = match value {
                    "queue" => BasePolicy::MaxQueue,
                    _ => BasePolicy::Schedule,
                }
            }
            "rule" => {
                rule = Some(match value {
                    "mp" => PressureRule::MaxPressure,
                    "emp" => PressureRule::Efficient,
                    "amp" => PressureRule::Advanced,
                    _ => PressureRule::MaxQueue,
                });
            }
            "seed" => o.seed = u64::from(number()),
            _ => panic!("unknown key {key}"),
        }
    }
    if let Some(rule) = rule {
        let mut c = Pressure::new(&case.net, rule, 1, 4);
        return (
            run(&case.net, &case.demand, &mut c, &p).expect("it runs"),
            Vec::new(),
        );
    }
    let mut c = LookAhead::new(&case.net, case.demand.templates(), o).expect("options");
    c.time_with(Arc::new(SystemClock::new()));
    let outcome = run(&case.net, &case.demand, &mut c, &p).expect("it runs");
    (outcome, c.efforts().iter().map(|e| e.wall_ms).collect())
}
