//! `conurb-bench NAME [--quick]`: runs one bench and prints its figures as JSON lines
//! `{bench, metric, value, unit, limit, peer, ratio}`; `conurb-bench work NAME` runs a small
//! deterministic piece of work, for counting instructions. `cargo xtask bench` and
//! `cargo xtask callgrind` build and run it.

// This is a program for a terminal; its output is its purpose.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod control;
mod control_replay;
mod corridor;
mod day;
mod figure;
mod games;
mod intake;
mod latency;
mod loop_work;
mod options;
mod peer;
mod region;
mod scale;
mod sumo;
mod traffic;
mod transit;

use std::process::ExitCode;

use anyhow::{Result, bail};
use figure::Figure;
use options::Options;

/// A bench: its name, what it measures, and how.
struct Bench {
    name: &'static str,
    what: &'static str,
    run: fn(&Options) -> Result<Vec<Figure>>,
}

/// A small deterministic piece of work.
type Work = fn() -> Result<()>;

/// Benches, in the order of the page.
const BENCHES: &[Bench] = &[
    Bench {
        name: "twin",
        what: "vehicle updates per CPU-second of the microsimulation, beside the reference simulator and SUMO",
        run: traffic::run,
    },
    Bench {
        name: "scale",
        what: "a city of 10,000 signals and 300,000 vehicles: one core, two, and memory",
        run: scale::run,
    },
    Bench {
        name: "control",
        what: "signal control under the published settings: travel and decision times, five sets",
        run: control::run,
    },
    Bench {
        name: "day",
        what: "wall time of `conurb day`, 16 signals, an hour",
        run: day::run,
    },
    Bench {
        name: "intake",
        what: "durable updates a second over HTTP batch, and what a kill -9 loses",
        run: intake::run,
    },
    Bench {
        name: "latency",
        what: "sensor to command: 1,000 signals at 25,000 updates a second",
        run: latency::run,
    },
    Bench {
        name: "corridor",
        what: "an ambulance over 21 signals of a generated arterial, with and without a green wave",
        run: |_| corridor::run(),
    },
    Bench {
        name: "region",
        what: "regional statistics: local Moran with permutations",
        run: |_| region::run(),
    },
    Bench {
        name: "transit",
        what: "timetables of a nation and a metropolis: load, whole-day profiles, queries, an edit",
        run: transit::run,
    },
];

/// Pieces of work whose instructions are counted.
const WORK: &[(&str, Work)] = &[
    ("traffic_step", traffic::work),
    ("context_parse_apply", loop_work::context),
    ("ledger_append", loop_work::ledger),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conurb-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    match words {
        ["list"] => {
            for bench in BENCHES {
                println!("{}\t{}", bench.name, bench.what);
            }
            Ok(())
        }
        ["works"] => {
            for (name, _) in WORK {
                println!("{name}");
            }
            Ok(())
        }
        ["work", name] => match WORK.iter().find(|(n, _)| n == name) {
            Some((_, work)) => work(),
            None => bail!("no work is called {name}"),
        },
        [name] | [name, "--quick"] => match BENCHES.iter().find(|b| b.name == *name) {
            Some(bench) => {
                for figure in (bench.run)(&Options {
                    quick: words.len() == 2,
                })? {
                    println!("{}", serde_json::to_string(&figure)?);
                }
                Ok(())
            }
            None => bail!("no bench is called {name}; `conurb-bench list` names them"),
        },
        _ => bail!("conurb-bench NAME [--quick] | work NAME | list | works"),
    }
}
