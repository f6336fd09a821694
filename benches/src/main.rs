//! `conurb-bench NAME`: runs one bench and prints its figures as JSON lines
//! `{bench, metric, value, unit, limit, peer, ratio}`; `conurb-bench work NAME` runs a small
//! deterministic piece of work, for counting instructions. `cargo xtask bench` and
//! `cargo xtask callgrind` build and run it.

// This is a program for a terminal; its output is its purpose.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod figure;
mod traffic;

use std::process::ExitCode;

use anyhow::{Result, bail};
use figure::Figure;

/// A bench: its name, what it measures, and how.
struct Bench {
    name: &'static str,
    what: &'static str,
    run: fn() -> Result<Vec<Figure>>,
}

/// A small deterministic piece of work.
type Work = fn() -> Result<()>;

/// Benches, in the order of the page.
const BENCHES: &[Bench] = &[Bench {
    name: "twin",
    what: "vehicle updates a second of the microsimulation, one thread, generated city",
    run: traffic::speed,
}];

/// Pieces of work whose instructions are counted.
const WORK: &[(&str, Work)] = &[("traffic_step", traffic::work)];

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
        [name] => match BENCHES.iter().find(|b| b.name == *name) {
            Some(bench) => {
                for figure in (bench.run)()? {
                    println!("{}", serde_json::to_string(&figure)?);
                }
                Ok(())
            }
            None => bail!("no bench is called {name}; `conurb-bench list` names them"),
        },
        _ => bail!("conurb-bench NAME | work NAME | list | works"),
    }
}
