//! The traffic twin as a process.

use conurb_base::Problem;
use conurb_traffic::protocol::ProtocolOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::{Process, ProcessError, Run, typed};
use crate::city;
use crate::control_run::{Control, ControlRun};
use crate::fail::Failure;
use crate::figures::KPIS;

/// One hour at most: what an interactive question needs.
const SPAN_S_MAX: u32 = 3600;
/// Most signals of a generated city.
const SIGNALS_MAX: u32 = 400;

/// `traffic.control`.
pub(super) const CONTROL: Process = Process::new::<Inputs, Outputs>(
    "traffic.control",
    "A signal controller on a generated city",
    "Generates a synthetic city, runs it in the traffic twin under one signal controller, and gives \
     its travel times, delay index, throughput, stops and queues (docs/traffic/model.md).",
    control,
);

/// Inputs of `traffic.control`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Inputs {
    /// Signals of the generated city, 4 to 400.
    #[serde(default = "sixteen")]
    signals: u32,
    /// Seed of city and simulation.
    #[serde(default)]
    seed: u32,
    /// Simulated seconds, 60 to 3600.
    #[serde(default = "quarter")]
    span_s: u32,
    /// fixed, file, webster, greenwave, actuated, maxpressure, efficient-mp, advanced-mp, maxqueue,
    /// lookahead, lookahead-l1 or lookahead-ld.
    #[serde(default = "maxpressure")]
    controller: String,
}

const fn sixteen() -> u32 {
    16
}

const fn quarter() -> u32 {
    900
}

fn maxpressure() -> String {
    "maxpressure".to_owned()
}

/// Outputs of `traffic.control`.
#[derive(Debug, Serialize, JsonSchema)]
struct Outputs {
    /// What the figures are: the city is synthetic.
    says: String,
    /// The measures of the run.
    kpis: Vec<Kpi>,
}

/// One measure.
#[derive(Debug, Serialize, JsonSchema)]
struct Kpi {
    /// Its id, with the unit last.
    id: &'static str,
    /// Its unit; 1 for a ratio.
    unit: &'static str,
    /// Its value.
    value: f64,
}

fn control(inputs: Value, run: &Run) -> Result<Value, Problem> {
    typed(inputs, |inputs: Inputs| {
        simulate(&inputs, run).map_err(|failure| failure.problem)
    })
}

fn simulate(inputs: &Inputs, run: &Run) -> Result<Outputs, Failure> {
    let kind = Control::ALL
        .iter()
        .find(|(word, _)| *word == inputs.controller)
        .map(|(_, kind)| *kind);
    let Some(kind) = kind else {
        let words: Vec<&str> = Control::ALL.iter().map(|(word, _)| *word).collect();
        let known = words.join(", ");
        return Err(wrong(format!(
            "controller: \"{}\" is none of {known}",
            inputs.controller
        )));
    };
    if !(4..=SIGNALS_MAX).contains(&inputs.signals) {
        let text = format!(
            "signals: {} is not within 4 to {SIGNALS_MAX}",
            inputs.signals
        );
        return Err(wrong(text));
    }
    if !(60..=SPAN_S_MAX).contains(&inputs.span_s) {
        let text = format!("span_s: {} is not within 60 to {SPAN_S_MAX}", inputs.span_s);
        return Err(wrong(text));
    }
    let spec = format!("signals={},seed={}", inputs.signals, inputs.seed);
    let city = city::generate(&spec, inputs.span_s)?;
    let options = ProtocolOptions {
        duration_s: inputs.span_s,
        seed: inputs.seed,
        ..ProtocolOptions::default()
    };
    let controller = ControlRun::new(kind, &city, &options)?;
    let mut second = 0;
    let played = controller.run_watched(&city, inputs.seed, &mut |_| {
        second += 1;
        run.progress(u8::try_from(100 * second / inputs.span_s).unwrap_or(100));
    })?;
    let says = city.synthetic.map_or_else(String::new, |text| text.en);
    let kpis = KPIS
        .iter()
        .zip(played.figures.kpis)
        .map(|(kpi, value)| Kpi {
            id: kpi.id,
            unit: kpi.unit,
            value,
        })
        .collect();
    Ok(Outputs { says, kpis })
}

fn wrong(text: String) -> Failure {
    Failure::input(&ProcessError::Input(text))
}
