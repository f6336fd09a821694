//! `cargo xtask bench NAME`: the house of all performance claims. Each figure is one line with
//! value, unit, limit or peer, and ratio.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::shell::{Stopwatch, cargo, output, program, root, run, target_dir};
use crate::tidy::{PACKAGES_MAX, packages};

/// Longest cold release build on two cores, seconds.
const COLD_BUILD_S_MAX: f64 = 600.0;
/// The page that holds the figures.
const PAGE: &str = "docs/performance.md";

/// Options of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Figures mean something on a quiet machine only; close what else runs.")]
pub(crate) struct Args {
    /// Which bench, or `all`.
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// Print JSON lines {bench, metric, value, unit, limit, peer, ratio}.
    #[arg(long)]
    json: bool,
    /// Exit 1 where a limit is missed.
    #[arg(long)]
    check: bool,
    /// Say which benches there are and stop.
    #[arg(long)]
    list: bool,
    /// With `build`: also build for release in an empty target folder, and time it.
    #[arg(long)]
    cold: bool,
    /// Short runs, for continuous integration: rougher figures.
    #[arg(long, conflicts_with = "write")]
    quick: bool,
    /// Write the figures to docs/performance.md, with machine and date.
    #[arg(long)]
    write: bool,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// Which bench.
    bench: String,
    /// What was measured.
    metric: String,
    /// The value.
    value: f64,
    /// Its unit.
    unit: String,
    /// What it must keep.
    limit: Option<f64>,
    /// Whether the limit is the least allowed rather than the most.
    #[serde(default, skip_serializing)]
    at_least: bool,
    /// Whom it is compared with.
    peer: Option<String>,
    /// Value over limit, or over the peer's value.
    ratio: Option<f64>,
}

impl Figure {
    fn at_most(metric: &str, value: f64, unit: &str, limit: f64) -> Self {
        Self {
            bench: "build".to_owned(),
            metric: metric.to_owned(),
            value,
            unit: unit.to_owned(),
            limit: Some(limit),
            at_least: false,
            peer: None,
            ratio: Some(value / limit),
        }
    }

    /// Whether it keeps its limit; a figure that is no number keeps none.
    fn holds(&self) -> bool {
        self.limit.is_none_or(|limit| {
            if self.at_least {
                self.value >= limit
            } else {
                self.value <= limit
            }
        })
    }

    fn line(&self) -> String {
        let mut line = format!(
            "{:<10} {:<44} {:>14} {:<6}",
            self.bench,
            self.metric,
            rounded(self.value),
            self.unit
        );
        if let Some(limit) = self.limit {
            let sign = if self.at_least { ">=" } else { "<=" };
            write!(line, " limit {sign} {}", rounded(limit)).ok();
        }
        if let Some(peer) = &self.peer {
            write!(line, " peer {peer}").ok();
        }
        if let Some(ratio) = self.ratio {
            write!(line, " ratio {ratio:.2}").ok();
        }
        if !self.holds() {
            line.push_str("  MISSED");
        }
        line
    }
}

/// Four significant figures are plenty.
fn rounded(value: f64) -> String {
    if value.abs() >= 1000.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.4}")
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    }
}

/// Runs benches and prints their figures.
pub(crate) fn main(args: &Args) -> Result<()> {
    if args.list {
        println!(
            "build\tpackages of the default build; with --cold, seconds of a cold release build"
        );
        print!("{}", output(program(&binary()?).arg("list"))?);
        return Ok(());
    }
    let name = args.name.as_deref().context("which bench?")?;
    let mut figures = Vec::new();
    if matches!(name, "build" | "all") {
        figures.extend(build(args.cold)?);
    }
    if name != "build" {
        let binary = binary()?;
        let known = output(program(&binary).arg("list"))?;
        let names: Vec<&str> = known.lines().filter_map(|l| l.split('\t').next()).collect();
        if name != "all" && !names.contains(&name) {
            bail!(
                "no bench is called \"{name}\"; there are: build, {}, all",
                names.join(", ")
            );
        }
        for each in names.iter().filter(|n| name == "all" || **n == name) {
            let mut bench = program(&binary);
            bench.arg(each);
            if args.quick {
                bench.arg("--quick");
            }
            figures.extend(read(&output(&mut bench)?)?);
        }
    }
    for figure in &figures {
        if args.json {
            println!("{}", serde_json::to_string(figure)?);
        } else {
            println!("{}", figure.line());
        }
    }
    if args.write {
        std::fs::write(root().join(PAGE), page(&figures, &machine()?)).with_context(|| PAGE)?;
        eprintln!("written: {PAGE}");
    }
    let missed = figures.iter().filter(|f| !f.holds()).count();
    if args.check && missed > 0 {
        bail!("{missed} limits missed");
    }
    Ok(())
}

/// Builds the bench program, and beside it the binary it drives, for release; returns its path.
pub(crate) fn binary() -> Result<String> {
    // What cargo says goes to standard error: standard output is for figures.
    output(cargo().args([
        "build",
        "--locked",
        "--release",
        "--quiet",
        "--package",
        "conurb-benches",
        "--package",
        "conurb",
    ]))?;
    let path = target_dir().join("release").join("conurb-bench");
    Ok(path
        .to_str()
        .context("the target folder's path is no UTF-8")?
        .to_owned())
}

/// Figures from what a bench printed.
fn read(text: &str) -> Result<Vec<Figure>> {
    text.lines()
        .filter(|l| !l.trim().is_empty())
        .map(|l| serde_json::from_str(l).with_context(|| format!("a bench printed no figure: {l}")))
        .collect()
}

/// What a build costs.
fn build(cold: bool) -> Result<Vec<Figure>> {
    #[allow(clippy::cast_precision_loss)] // hundreds
    let count = |n: usize| n as f64;
    let mut figures = vec![Figure::at_most(
        "packages of the default build",
        count(packages()?),
        "1",
        count(PACKAGES_MAX),
    )];
    if cold {
        let folder = target_dir().join("cold");
        if folder.exists() {
            std::fs::remove_dir_all(&folder).context("cannot empty the cold target folder")?;
        }
        let watch = Stopwatch::start();
        run(cargo().env("CARGO_TARGET_DIR", &folder).args([
            "build",
            "--locked",
            "--release",
            "--quiet",
            "--package",
            "conurb",
        ]))?;
        let seconds = watch.elapsed().as_secs_f64();
        std::fs::remove_dir_all(&folder).ok();
        figures.push(Figure::at_most(
            "cold release build",
            seconds,
            "s",
            COLD_BUILD_S_MAX,
        ));
    }
    Ok(figures)
}

/// What the figures were made on.
fn machine() -> Result<String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|l| {
            l.strip_prefix("model name")
                .and_then(|r| r.split_once(": "))
        })
        .map_or("unknown processor", |(_, m)| m);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let gib = memory
        .lines()
        .find_map(|l| {
            l.strip_prefix("MemTotal:")?
                .split_whitespace()
                .next()?
                .parse::<u64>()
                .ok()
        })
        .map_or(0, |kib| kib >> 20);
    let rustc = output(program("rustc").arg("--version"))?;
    let date = output(program("date").args(["-u", "+%Y-%m-%d"]))?;
    Ok(format!(
        "{model}, {cores} cores, {gib} GiB; {}; {}",
        rustc.trim(),
        date.trim()
    ))
}

/// The page.
fn page(figures: &[Figure], machine: &str) -> String {
    let mut out = format!(
        "# Performance\n\n<!-- Generated by `cargo xtask bench all --write`: do not edit. -->\n\nMachine: {machine}.\n\nEach figure again: `cargo xtask bench NAME`. A limit is what we promise; `--check` fails where it is missed.\n\n| bench | metric | value | unit | limit | peer | ratio |\n|---|---|---:|---|---:|---|---:|\n"
    );
    for f in figures {
        let limit = f.limit.map_or(String::new(), |l| {
            format!("{} {}", if f.at_least { "≥" } else { "≤" }, rounded(l))
        });
        let ratio = f.ratio.map_or(String::new(), |r| format!("{r:.2}"));
        let missed = if f.holds() { "" } else { " (missed)" };
        out.push_str(&format!(
            "| {} | {} | {}{missed} | {} | {limit} | {} | {ratio} |\n",
            f.bench,
            f.metric,
            rounded(f.value),
            f.unit,
            f.peer.as_deref().unwrap_or_default()
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"bench":"twin","metric":"updates","value":500.0,"unit":"1/s","limit":1000.0,"at_least":true,"peer":null,"ratio":0.5}"#;

    #[test]
    fn a_missed_limit_is_told_in_both_directions() {
        let figures = read(LINE).expect("reads");
        assert!(!figures[0].holds());
        assert!(
            figures[0].line().ends_with("ratio 0.50  MISSED"),
            "{}",
            figures[0].line()
        );
        assert!(Figure::at_most("x", 450.0, "1", 450.0).holds());
        assert!(!Figure::at_most("x", 451.0, "1", 450.0).holds());
        assert!(!Figure::at_most("x", f64::NAN, "1", 450.0).holds());
    }

    #[test]
    fn the_page_says_machine_and_misses() {
        let page = page(&read(LINE).expect("reads"), "a machine");
        assert!(page.contains("Machine: a machine."));
        assert!(page.contains("| twin | updates | 500 (missed) | 1/s | ≥ 1000 |  | 0.50 |"));
    }

    #[test]
    fn what_is_no_figure_is_an_error() {
        assert!(read("warming up\n").is_err());
    }
}
