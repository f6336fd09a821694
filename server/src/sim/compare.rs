//! `conurb sim compare`: several controllers on the same seeds, side by side, with intervals.

use std::collections::BTreeMap;
use std::path::Path;

use conurb_traffic::crossings::ServedReport;
use conurb_traffic::protocol::ProtocolOptions;
use conurb_traffic::webster::Wave;
use rayon::prelude::*;
use serde::Serialize;

use super::args::CompareArgs;
use super::{bar, figure, table};
use crate::city::{self, City, Input};
use crate::control_around::PriorityEffect;
use crate::control_run::{ControlRun, Played};
use crate::fail::{Failure, io};
use crate::figures::{KPIS, OnTheWay};
use crate::out::{Lang, Text, say, tell};
use crate::stats::{mean, mean_interval};

/// Version of `compare.json`.
const SCHEMA_VERSION: &str = "1.0";

/// `compare.json`: what was run, and what each controller came to.
#[derive(Debug, Serialize)]
pub(crate) struct Document {
    schema_version: &'static str,
    /// City, for people.
    pub(crate) city: String,
    /// The generator's mark; null for observed data.
    pub(crate) synthetic: Option<Text>,
    inputs: Vec<Input>,
    /// Length of each run, s.
    pub(crate) span_s: u32,
    /// Seconds between decisions.
    pub(crate) interval_s: u32,
    /// Clearance, s.
    pub(crate) yellow_s: u32,
    /// Whether vehicles changed lane.
    pub(crate) lane_change: bool,
    /// Seeds, each used by every controller.
    pub(crate) seeds: Vec<u32>,
    /// In the order asked; the first is the reference.
    pub(crate) controllers: Vec<Controlled>,
}

/// What one controller came to.
#[derive(Debug, Serialize)]
pub(crate) struct Controlled {
    /// The word of the command line.
    pub(crate) id: &'static str,
    /// In words.
    pub(crate) says: Text,
    /// What it knew of the traffic.
    pub(crate) information_level: &'static str,
    /// By KPI id, in the order of the table.
    pub(crate) kpis: BTreeMap<&'static str, Measured>,
    /// Green waves of a plan that has some, the busiest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) waves: Vec<Wave>,
    /// What priority did, by seed; empty where nobody has it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) priority: Vec<PriorityEffect>,
    /// Who crossed at signals, by seed; empty where nobody wants to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) crossings: Vec<ServedReport>,
    /// Wall time of a joint decision of all junctions; null for plans, which decide nothing.
    pub(crate) decision_ms: Option<DecisionMs>,
    /// Halts, detours and parking of each seed's run; empty where there were none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) on_the_way: Vec<OnTheWay>,
}

/// A KPI over the seeds.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    /// Mean over the seeds; null where a run has no such figure.
    pub(crate) mean: Option<f64>,
    /// Student's 95 % interval of the mean; null with one seed.
    pub(crate) interval_95: Option<(f64, f64)>,
    /// Change against the reference, per cent.
    pub(crate) change_pct: Option<f64>,
    /// 95 % interval of that change, from the paired differences by seed.
    pub(crate) change_interval_95_pct: Option<(f64, f64)>,
    /// One value a seed.
    by_seed: Vec<Option<f64>>,
}

/// Time of joint decisions.
#[derive(Debug, Serialize)]
pub(crate) struct DecisionMs {
    /// Median.
    pub(crate) median: f64,
    /// Worst.
    pub(crate) worst: f64,
}

impl Controlled {
    /// Puts the runs of one controller together; `reference` holds the first controller's.
    pub(crate) fn new(
        controller: &ControlRun,
        runs: &[Played],
        reference: Option<&[Played]>,
    ) -> Self {
        let measured = |i: usize| {
            let of = |runs: &[Played]| {
                let kpis = runs.iter().map(|r| r.figures.kpis[i]);
                kpis.collect::<Vec<f64>>()
            };
            Measured::new(&of(runs), reference.map(of).as_deref())
        };
        Self {
            id: controller.kind.word(),
            says: controller.says.clone(),
            information_level: controller.kind.level(),
            kpis: KPIS
                .iter()
                .enumerate()
                .map(|(i, k)| (k.id, measured(i)))
                .collect(),
            waves: controller.waves.clone(),
            priority: runs.iter().filter_map(|r| r.priority.clone()).collect(),
            crossings: runs.iter().filter_map(|r| r.crossings.clone()).collect(),
            decision_ms: DecisionMs::new(runs),
            on_the_way: (runs.iter())
                .filter_map(|r| r.figures.on_the_way.clone())
                .collect(),
        }
    }
}

impl Measured {
    fn new(values: &[f64], reference: Option<&[f64]>) -> Self {
        let all = values.iter().all(|v| v.is_finite());
        let centre = all.then(|| mean(values.iter().copied()));
        let base = reference.filter(|r| all && r.iter().all(|v| v.is_finite()));
        let base_mean = base.map(|r| mean(r.iter().copied())).filter(|m| *m != 0.0);
        let differences: Option<Vec<f64>> =
            base.map(|r| values.iter().zip(r).map(|(v, b)| v - b).collect());
        let scaled = |x: f64| base_mean.map(|m| 100.0 * x / m);
        Self {
            mean: centre,
            interval_95: all.then(|| mean_interval(values)).flatten(),
            change_pct: differences
                .as_ref()
                .and_then(|d| scaled(mean(d.iter().copied()))),
            change_interval_95_pct: differences
                .as_deref()
                .and_then(mean_interval)
                .and_then(|(low, high)| Some((scaled(low)?, scaled(high)?))),
            by_seed: values.iter().map(|v| v.is_finite().then_some(*v)).collect(),
        }
    }
}

impl DecisionMs {
    fn new(runs: &[Played]) -> Option<Self> {
        let all = runs.iter().flat_map(|r| r.decisions_ns.iter().copied());
        let mut sorted: Vec<u64> = all.collect();
        sorted.sort_unstable();
        let ms = |ns: u64| ns as f64 / 1.0e6;
        Some(Self {
            median: ms(*sorted.get(sorted.len() / 2)?),
            worst: ms(*sorted.last()?),
        })
    }
}

impl Document {
    /// Puts everything together.
    pub(crate) fn new(
        city: &City,
        options: &ProtocolOptions,
        seeds: Vec<u32>,
        controllers: Vec<Controlled>,
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            city: city.name.clone(),
            synthetic: city.synthetic.clone(),
            inputs: city.inputs.clone(),
            span_s: options.duration_s,
            interval_s: options.interval_s,
            yellow_s: options.yellow_s,
            lane_change: options.lane_change,
            seeds,
            controllers,
        }
    }

    /// Whether several seeds gave every controller the same figures.
    pub(crate) fn nothing_random(&self) -> bool {
        let same = |m: &Measured| m.by_seed.windows(2).all(|w| w[0] == w[1]);
        self.seeds.len() > 1 && self.controllers.iter().all(|c| c.kpis.values().all(same))
    }

    /// As JSON for scripts.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self)
            .expect("the document holds only string keys and serialisable values")
    }
}

/// Runs the command.
pub(crate) fn run(args: &CompareArgs, lang: Lang) -> Result<(), Failure> {
    for (i, c) in args.controllers.iter().enumerate() {
        if args.controllers[..i].contains(c) {
            return Err(Failure::plain(
                format!("--controllers names {} twice", c.word()),
                Some("name each controller once"),
            ));
        }
    }
    std::fs::create_dir_all(&args.out).map_err(|e| io(&args.out, "cannot create", &e))?;
    let mut city = city::load(&args.city, args.protocol.span)?;
    let options = args.protocol.options(&mut city)?;
    let seeds: Vec<u32> = (0..args.seeds)
        .map(|i| options.seed.wrapping_add(i))
        .collect();
    let around = args.around.read(&city.network, &options)?;
    let prepared = (args.controllers.iter())
        .map(|kind| Ok(ControlRun::new(*kind, &city, &options)?.among(&around)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let controllers = all_runs(&city, &options, &prepared, &seeds, args.quiet)?;
    let document = Document::new(&city, &options, seeds, controllers);
    let json = document.to_json();
    write(&args.out.join("compare.json"), &json)?;
    write(&args.out.join("compare.svg"), &figure::svg(&document))?;
    if args.json {
        say(&json);
        return Ok(());
    }
    say(&table::render(&document, lang));
    tell(&format!(
        "{0}/compare.json, {0}/compare.svg",
        args.out.display()
    ));
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|e| io(path, "cannot write", &e))
}

/// Every controller on every seed, on all cores; the result does not depend on how many.
fn all_runs(
    city: &City,
    options: &ProtocolOptions,
    prepared: &[ControlRun],
    seeds: &[u32],
    quiet: bool,
) -> Result<Vec<Controlled>, Failure> {
    let jobs: Vec<(usize, u32)> = (0..prepared.len())
        .flat_map(|k| seeds.iter().map(move |s| (k, *s)))
        .collect();
    let bar = bar(jobs.len() as u64 * u64::from(options.duration_s), quiet);
    let done: Vec<Played> = jobs
        .par_iter()
        .map(|(k, seed)| {
            bar.set_message(prepared[*k].kind.word());
            prepared[*k].run_watched(city, *seed, &mut |_| bar.inc(1))
        })
        .collect::<Result<_, Failure>>()?;
    bar.finish_and_clear();
    let runs: Vec<&[Played]> = done.chunks(seeds.len()).collect();
    let together = |k: usize| {
        let reference = (k > 0).then_some(runs[0]);
        Controlled::new(&prepared[k], runs[k], reference)
    };
    Ok((0..prepared.len()).map(together).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_paired_by_seed() {
        let m = Measured::new(&[90.0, 180.0], Some(&[100.0, 200.0]));
        assert_eq!(m.mean, Some(135.0));
        assert_eq!(m.change_pct, Some(-10.0));
        let (low, high) = m.change_interval_95_pct.expect("two seeds");
        // Differences -10 and -20: mean -15, standard error 5, t(1) = 12.706; over 150.
        assert!((low - (-15.0 - 12.706 * 5.0) / 1.5).abs() < 1e-9);
        assert!((high - (-15.0 + 12.706 * 5.0) / 1.5).abs() < 1e-9);
    }

    #[test]
    fn what_was_not_measured_stays_empty() {
        let m = Measured::new(&[f64::NAN, 1.0], Some(&[1.0, 1.0]));
        assert_eq!((m.mean, m.interval_95, m.change_pct), (None, None, None));
        assert!(DecisionMs::new(&[]).is_none());
        let one = Measured::new(&[3.0], None);
        assert_eq!((one.mean, one.interval_95), (Some(3.0), None));
    }
}
