//! `conurb day`: wall time from files to scorecard.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use conurb_base::{Clock, SystemClock};

use crate::figure::Figure;
use crate::options::{Options, Scratch};

const BENCH: &str = "day";
/// Longest wall time of an hour of a network of sixteen signals, with baseline, brain and report.
const DAY_S_MAX: f64 = 60.0;

/// Runs the bench.
pub(crate) fn run(options: &Options) -> Result<Vec<Figure>> {
    let conurb = options.conurb()?;
    let scratch = Scratch::new(BENCH)?;
    let span = if options.quick { "15m" } else { "1h" };
    let name = |city: &str| format!("{span} of {city}, wall time");
    let generated = day(
        &conurb,
        &scratch.path().join("generated"),
        &["--gen", "signals=16,seed=7", "--span", span],
    )?;
    let mut figures = vec![Figure::at_most(
        BENCH,
        &name("a generated city of 16 signals"),
        generated,
        "s",
        DAY_S_MAX,
    )];
    let Some(data) = conurb_testkit::shared_data() else {
        eprintln!("day: Hangzhou is left out, ../shared is not there");
        return Ok(figures);
    };
    let folder = data.join("traffic/hangzhou_4x4");
    let file = |name: &str| -> Result<String> {
        let path = folder.join(name);
        let text = path.to_str().context("a path that is no UTF-8")?;
        Ok(text.to_owned())
    };
    let network = file("roadnet_4_4.json")?;
    let demand = file("anon_4_4_hangzhou_real.json")?;
    let hangzhou = day(
        &conurb,
        &scratch.path().join("hangzhou"),
        &["--network", &network, "--demand", &demand, "--span", span],
    )?;
    figures.push(Figure::at_most(
        BENCH,
        &name("Hangzhou, 16 signals"),
        hangzhou,
        "s",
        DAY_S_MAX,
    ));
    Ok(figures)
}

/// Seconds of one day; an exit code other than 0 is an error (2: input, 1: a KPI got worse).
fn day(conurb: &Path, out: &Path, arguments: &[&str]) -> Result<f64> {
    let clock = SystemClock::new();
    let began = clock.monotonic_ns();
    let done = Command::new(conurb)
        .args(["day", "--quiet", "--out"])
        .arg(out)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("cannot start conurb day")?;
    #[allow(clippy::cast_precision_loss)] // spans far below 2^53 ns
    let seconds = (clock.monotonic_ns() - began) as f64 / 1e9;
    ensure!(
        done.status.success(),
        "conurb day ended with {}: {}",
        done.status,
        String::from_utf8_lossy(&done.stderr)
    );
    ensure!(
        out.join("report.json").is_file(),
        "conurb day left no report.json"
    );
    Ok(seconds)
}
