//! Build, test, tidy and benchmark this repository: `cargo xtask --help`.
//!
//! One file (or folder) per command. Nothing in the product depends on this crate.

// This is a program for a terminal; its output is its purpose.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod callgrind;
mod demo;
mod generate;
mod new_scenario;
mod python;
mod shell;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, test, tidy and benchmark this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The commands there are.
#[derive(Debug, Subcommand)]
enum Command {
    /// Build and pass everything; `--list` shows the steps.
    Test(test::Args),
    /// Build the release binary and run the main job on a generated city.
    Demo(demo::Args),
    /// Check the rules of the house that a compiler does not know.
    Tidy(tidy::Args),
    /// Make all generated files again.
    Generate,
    /// Copy the template of a scenario and register it.
    NewScenario(new_scenario::Args),
    /// Measure, and compare with limits and peers.
    Bench(bench::Args),
    /// Count instructions of the hot loops, and compare with the committed figures.
    Callgrind(callgrind::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Test(args) => test::main(&args),
        Command::Demo(args) => demo::main(&args),
        Command::Tidy(args) => tidy::main(&args),
        Command::Generate => generate::main(),
        Command::NewScenario(args) => new_scenario::main(&args),
        Command::Bench(args) => bench::main(&args),
        Command::Callgrind(args) => callgrind::main(&args).and_then(|counts| {
            anyhow::ensure!(
                counts.failed == 0,
                "{} of the hot loops got slower",
                counts.failed
            );
            Ok(())
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
