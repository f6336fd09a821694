//! Our engine and SUMO on the same SUMO scenarios, in one run.
//!
//! SUMO is the program `bin/sumo` under the folder that `SUMO_HOME` names (SUMO's own variable), or
//! `sumo` on the `PATH`; without one our side is told alone. Updates are running vehicles summed over
//! the seconds of the hour, for SUMO as its summary output has them. CPU time is that of the steps: for
//! SUMO the CPU time of a run less that of one that ends after its first second, both with all
//! routes read at the start and no output. The best of each: what else the machine does only ever
//! costs time.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use conurb_traffic::sumo::{
    DemandOptions, NetworkOptions, read_demand, read_network, route_by_traffic,
};
use conurb_traffic::{Signals, Sim, SimOptions};

use crate::figure::Figure;
use crate::options::Scratch;
use crate::traffic::{BENCH, cpu_s, per_second};

/// Times SUMO's updates per CPU-second.
const TIMES_MIN: f64 = 100.0;
/// Length of the runs, s.
const SPAN_S: u32 = 3_600;
/// Clock ticks a second in `/proc/self/stat` (fixed in Linux's user interface).
const TICKS_S: f64 = 100.0;

/// A scenario: name, folder and stem of its files, begin in s.
const SCENARIOS: [(&str, &str, u32); 2] = [
    ("Cologne", "cologne3", 25_200),
    ("Ingolstadt", "ingolstadt21", 57_600),
];

/// Compares both engines on both scenarios; `data` is the shared folder of traffic data.
pub(crate) fn compare(data: &Path, scratch: &Scratch, rounds: u32) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, stem, begin_s) in SCENARIOS {
        let folder = data.join(stem);
        let ours = Ours::read(&folder, stem, begin_s)?;
        let theirs = Theirs {
            folder: &folder,
            stem,
            begin_s,
        };
        let (mut rate, mut updates) = (0.0, 0);
        for _ in 0..rounds {
            let (run_rate, run_updates) = ours.rate()?;
            rate = run_rate.max(rate);
            updates = run_updates;
        }
        let what = format!("{name}, {updates} vehicle updates");
        let mut figure = Figure::told(
            BENCH,
            &format!("vehicle updates per CPU-second, {what}"),
            rate / 1e6,
            "M/s",
        );
        match theirs.rate(scratch, rounds)? {
            Some((sumo_rate, sumo_updates)) => {
                let times = rate / sumo_rate;
                figure.peer = Some(format!(
                    "SUMO {:.3} M/s over {sumo_updates} updates",
                    sumo_rate / 1e6
                ));
                figure.ratio = Some(times);
                figures.push(figure);
                figures.push(Figure::at_least(
                    BENCH,
                    &format!("times SUMO in the same run, {name}"),
                    times,
                    "x",
                    TIMES_MIN,
                ));
            }
            None => {
                eprintln!(
                    "{BENCH}: no SUMO beside us for {name}: neither SUMO_HOME nor PATH has it"
                );
                figures.push(figure);
            }
        }
    }
    Ok(figures)
}

struct Ours(Sim);

impl Ours {
    fn read(folder: &Path, stem: &str, begin_s: u32) -> Result<Self> {
        let bytes = |ext: &str| {
            let path = folder.join(format!("{stem}.{ext}"));
            std::fs::read(&path).with_context(|| path.display().to_string())
        };
        let begin_s = f64::from(begin_s);
        let net = read_network(&bytes("net.xml")?, stem, &NetworkOptions { begin_s })?;
        let options = DemandOptions {
            begin_s,
            end_s: begin_s + f64::from(SPAN_S),
            seed: 0,
        };
        let routes = bytes("rou.xml")?;
        let demand = read_demand(&[(&routes, stem)], &net, &options)?;
        let network = Arc::new(net.network);
        let demand = route_by_traffic(&network, &demand, 0)?.demand;
        let options = SimOptions {
            signals: Signals::Programme,
            ..SimOptions::default()
        };
        Ok(Self(Sim::new(network, Arc::new(demand), options)?))
    }

    /// Updates per CPU-second of this thread, and updates.
    fn rate(&self) -> Result<(f64, u64)> {
        let mut sim = self.0.clone();
        let mut updates = 0_u64;
        let start = cpu_s();
        for _ in 0..SPAN_S {
            sim.step();
            updates += u64::from(sim.running());
        }
        let seconds = cpu_s() - start;
        ensure!(updates > 0, "the scenario has no vehicle");
        Ok((per_second(updates, seconds), updates))
    }
}

struct Theirs<'a> {
    folder: &'a Path,
    stem: &'a str,
    begin_s: u32,
}

impl Theirs<'_> {
    /// Updates per CPU-second, and updates; none where there is no SUMO.
    fn rate(&self, scratch: &Scratch, rounds: u32) -> Result<Option<(f64, u64)>> {
        let summary = scratch.path().join("summary.xml");
        if self.run(SPAN_S, Some(&summary))?.is_none() {
            return Ok(None);
        }
        let updates = running_sum(&std::fs::read_to_string(&summary)?)?;
        let (mut whole_s, mut load_s) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..rounds {
            let run = |span_s| self.run(span_s, None)?.context("SUMO has gone");
            whole_s = run(SPAN_S)?.min(whole_s);
            load_s = run(1)?.min(load_s);
        }
        ensure!(
            whole_s > load_s,
            "SUMO's run took {whole_s} s of CPU time, its loading {load_s} s"
        );
        Ok(Some((per_second(updates, whole_s - load_s), updates)))
    }

    /// CPU seconds of a run; none where there is no SUMO.
    fn run(&self, span_s: u32, summary: Option<&Path>) -> Result<Option<f64>> {
        let program = match std::env::var_os("SUMO_HOME") {
            Some(home) => Path::new(&home).join("bin/sumo"),
            None => "sumo".into(),
        };
        let file = |ext: &str| self.folder.join(format!("{}.{ext}", self.stem));
        let mut command = Command::new(&program);
        command
            .arg("--net-file")
            .arg(file("net.xml"))
            .arg("--route-files")
            .arg(file("rou.xml"))
            .args(["--begin", &self.begin_s.to_string()])
            .args(["--end", &(self.begin_s + span_s).to_string()])
            .args(["--route-steps", "0", "--no-step-log", "--no-warnings"])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some(summary) = summary {
            command.arg("--summary-output").arg(summary);
        }
        let before_s = children_cpu_s()?;
        match command.status() {
            Ok(status) if status.success() => Ok(Some(children_cpu_s()? - before_s)),
            Ok(status) => bail!("{} ended with {status}", program.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| program.display().to_string()),
        }
    }
}

/// The sum of `running` over the steps of a summary output.
fn running_sum(summary: &str) -> Result<u64> {
    let mut sum = 0;
    for step in summary.split("<step ").skip(1) {
        let value = step.split_once("running=\"").and_then(|(_, rest)| {
            let (value, _) = rest.split_once('"')?;
            value.parse::<u64>().ok()
        });
        sum += value.context("a step of SUMO's summary output does not say what is running")?;
    }
    ensure!(sum > 0, "SUMO's summary output has no running vehicle");
    Ok(sum)
}

/// CPU time of children that have ended, s.
fn children_cpu_s() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // After the program's name in parentheses: `cutime` and `cstime` are fields 16 and 17.
    let fields = stat
        .rsplit_once(')')
        .map(|(_, rest)| rest.split_whitespace());
    let ticks: Vec<f64> = fields
        .context("/proc/self/stat")?
        .skip(13)
        .take(2)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_vehicles_are_summed_over_the_steps() {
        let text = r#"<summary><step time="0.00" loaded="9" running="2" halting="0"/>
            <step time="1.00" loaded="9" running="3" halting="1"/></summary>"#;
        assert_eq!(running_sum(text).unwrap(), 5);
        assert!(running_sum("<summary></summary>").is_err());
        assert!(running_sum(r#"<step time="0"/>"#).is_err());
    }
}
