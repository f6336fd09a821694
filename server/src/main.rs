//! Conurb: cities that see, decide and act together.

mod city;
mod cli;
mod config;
mod control_around;
mod control_run;
#[cfg(feature = "signals")]
mod day;
mod decide_cmd;
mod doctor;
mod fail;
mod figures;
mod gen_cmd;
mod markup;
mod ngsi;
mod node_dir;
mod out;
mod plan;
mod processes;
mod registry;
#[cfg(feature = "signals")]
mod report;
mod scenarios;
mod sim;
mod stats;
mod up;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use cli::{Cli, Command};
use fail::Failure;
use out::{Lang, tell};

/// What one thread of a node allocates another one frees: requests are read, written and thought
/// about by different threads, and the system's allocator makes them wait for one another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The allocator's option `purge_delay`, which the crate has no name for: it stands before this one.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = libmimalloc_sys::mi_option_use_numa_nodes - 1;

/// Freed memory stays with the process, for the next checkpoint needs it again. Else whichever thread
/// allocates next hands the old state of a city back to the system, and a command waits 20 to 30 ms
/// for it. `MIMALLOC_PURGE_DELAY` in the environment (ms) overrules this.
#[allow(unsafe_code)]
fn keep_freed_memory() {
    // SAFETY: writes one number of the allocator's table of options; no other thread runs yet.
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, -1) }
}

fn main() -> ExitCode {
    keep_freed_memory();
    let cli = Cli::parse();
    let lang = Lang::resolve(cli.lang);
    match run(cli.command, lang) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure.to_string());
            ExitCode::from(failure.exit)
        }
    }
}

fn run(command: Command, lang: Lang) -> Result<(), Failure> {
    match command {
        #[cfg(feature = "signals")]
        Command::Day(args) => day::run(&args, lang),
        #[cfg(not(feature = "signals"))]
        Command::Day(_) => Err(Failure::plain(
            "`conurb day` measures the signals scenario, which is not in this build",
            Some("build with the feature `signals` (it is on by default)"),
        )),
        Command::Sim(args) => sim::run(&args, lang),
        Command::Plan(args) => plan::run(&args, lang),
        Command::Cluster(args) => plan::run_cluster(&args, lang),
        Command::Up(args) => up::run(&args),
        Command::Gen(args) => gen_cmd::run(&args),
        Command::Decide(args) => decide_cmd::run(&args, lang),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "conurb", &mut std::io::stdout());
            Ok(())
        }
        Command::Man { out } => man(out.as_deref()),
    }
}

fn man(out: Option<&std::path::Path>) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::plain(format!("cannot write the manual: {e}"), None);
    match out {
        None => clap_mangen::Man::new(Cli::command())
            .render(&mut std::io::stdout())
            .map_err(failed),
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(failed)?;
            clap_mangen::generate_to(Cli::command(), dir).map_err(failed)
        }
    }
}
