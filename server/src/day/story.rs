//! What there is to tell about the decisions of a run: per signal, about the predictions, and a
//! dozen of them in full.

use std::collections::BTreeMap;

use conurb_base::{Stream, TimeMs};
use conurb_decide::{DecisionRecord, KpiValue, Mode};
use conurb_scenario::{Effect, Tick};
use conurb_signals::{HORIZON_DELAY, INTERVAL_DELAY};
use rand::RngExt as _;

use crate::report::model::{
    PredictionQuality, RunMode, SampleDecision, SampleOption, SignalRow, Text,
};

/// How many decisions the report shows in full.
const SAMPLES: usize = 12;
/// Unit of the predicted KPI.
const UNIT: &str = "veh s";

#[derive(Debug, Default)]
struct Account {
    decisions: u64,
    changed: u64,
    last_phase: Option<serde_json::Value>,
    measured_sum: f64,
    counterfactual_sum: f64,
    errors_abs: f64,
    measured: u64,
    compared: u64,
}

/// The story of a run as it unfolds; bounded, whatever the span.
#[derive(Debug)]
pub(crate) struct Story {
    start: TimeMs,
    accounts: BTreeMap<String, Account>,
    errors: f64,
    errors_abs: f64,
    measured: u64,
    with_interval: u64,
    covered: u64,
    samples: Vec<(DecisionRecord, Effect)>,
    draw: Stream,
}

impl Story {
    /// An empty story of a run from `start`; `seed` draws which decisions are shown in full.
    pub(crate) fn new(start: TimeMs, seed: u64) -> Self {
        Self {
            start,
            accounts: BTreeMap::new(),
            errors: 0.0,
            errors_abs: 0.0,
            measured: 0,
            with_interval: 0,
            covered: 0,
            samples: Vec::new(),
            draw: conurb_base::stream(seed, "day", "sample-decisions"),
        }
    }

    /// One turn more.
    pub(crate) fn take_in(&mut self, tick: &Tick) {
        for r in &tick.decided {
            let account = self.accounts.entry(r.subject.clone()).or_default();
            account.decisions += 1;
            let phase = r
                .options
                .get(r.chosen)
                .and_then(|o| o.action.get("phase"))
                .cloned();
            if account.last_phase.is_some() && account.last_phase != phase {
                account.changed += 1;
            }
            account.last_phase = phase;
        }
        for (record, effect) in &tick.measured {
            self.measured_one(record, effect);
        }
    }

    fn measured_one(&mut self, record: &DecisionRecord, effect: &Effect) {
        let Some(seen) = value(&effect.measured, INTERVAL_DELAY) else {
            return;
        };
        let Some(option) = record.options.get(record.chosen) else {
            return;
        };
        let Some(expected) = option.predicted.iter().find(|k| k.kpi == INTERVAL_DELAY) else {
            return;
        };
        let error = expected.value - seen;
        self.errors += error;
        self.errors_abs += error.abs();
        if let Some(i) = &expected.interval {
            self.with_interval += 1;
            self.covered += u64::from((i.low..=i.high).contains(&seen));
        }
        let account = self.accounts.entry(record.subject.clone()).or_default();
        account.errors_abs += error.abs();
        account.measured += 1;
        let otherwise = effect
            .counterfactual
            .as_ref()
            .and_then(|c| value(&c.values, INTERVAL_DELAY));
        if let Some(otherwise) = otherwise {
            account.compared += 1;
            account.measured_sum += seen;
            account.counterfactual_sum += otherwise;
        }
        // Every measured decision has the same chance to be shown (reservoir sampling, Vitter 1985).
        let place = self.draw.random_range(0..=self.measured);
        if self.samples.len() < SAMPLES {
            self.samples.push((record.clone(), effect.clone()));
        } else if let Some(slot) = self
            .samples
            .get_mut(usize::try_from(place).unwrap_or(SAMPLES))
        {
            *slot = (record.clone(), effect.clone());
        }
        self.measured += 1;
    }

    /// One row a signal, by entity id.
    pub(crate) fn signals(&self) -> Vec<SignalRow> {
        self.accounts
            .iter()
            .map(|(urn, a)| {
                #[allow(clippy::cast_precision_loss)] // decision counts are far below 2^53
                let n = a.measured as f64;
                let known = a.measured > 0;
                SignalRow {
                    id: urn.rsplit(':').next().unwrap_or(urn).to_owned(),
                    decisions: a.decisions,
                    changed: a.changed,
                    watchdog: 0,
                    mean_abs_error: known.then(|| a.errors_abs / n),
                    measured_sum: (a.compared > 0).then_some(a.measured_sum),
                    counterfactual_sum: (a.compared > 0).then_some(a.counterfactual_sum),
                }
            })
            .collect()
    }

    /// How good the predictions were.
    pub(crate) fn prediction(&self) -> Option<PredictionQuality> {
        if self.measured == 0 {
            return None;
        }
        #[allow(clippy::cast_precision_loss)] // as above
        let n = self.measured as f64;
        #[allow(clippy::cast_precision_loss)]
        let coverage =
            (self.with_interval > 0).then(|| self.covered as f64 / self.with_interval as f64);
        Some(PredictionQuality {
            kpi: INTERVAL_DELAY.to_owned(),
            unit: UNIT.to_owned(),
            n: self.measured,
            mean_error: self.errors / n,
            mean_abs_error: self.errors_abs / n,
            coverage,
            coverage_level: coverage.map(|_| 0.9),
        })
    }

    /// About a dozen decisions, spread over the run.
    pub(crate) fn samples(
        &self,
        label: &dyn Fn(&str, &serde_json::Value) -> Text,
    ) -> Vec<SampleDecision> {
        let mut shown: Vec<_> = self.samples.iter().collect();
        shown.sort_by(|a, b| {
            (a.0.perceived_at, &a.0.subject).cmp(&(b.0.perceived_at, &b.0.subject))
        });
        shown
            .into_iter()
            .map(|(record, effect)| self.sample(record, Some(effect), label))
            .collect()
    }

    fn sample(
        &self,
        record: &DecisionRecord,
        effect: Option<&Effect>,
        label: &dyn Fn(&str, &serde_json::Value) -> Text,
    ) -> SampleDecision {
        #[allow(clippy::cast_precision_loss)] // milliseconds of a week
        let at_s = record.perceived_at.since_ms(self.start) as f64 / 1000.0;
        let counterfactual = effect.and_then(|e| e.counterfactual.as_ref());
        SampleDecision {
            id: record.id.clone(),
            subject: record.subject.clone(),
            at_s,
            mode: run_mode(record.mode),
            kpi: HORIZON_DELAY.to_owned(),
            unit: UNIT.to_owned(),
            options: record
                .options
                .iter()
                .map(|o| {
                    let p = o.predicted.iter().find(|k| k.kpi == HORIZON_DELAY);
                    SampleOption {
                        label: label(&record.subject, &o.action),
                        action: o.action.clone(),
                        predicted: p.map(|p| p.value),
                        predicted_low: p.and_then(|p| p.interval.as_ref()).map(|i| i.low),
                        predicted_high: p.and_then(|p| p.interval.as_ref()).map(|i| i.high),
                        refused_by: o.refused_by.clone(),
                    }
                })
                .collect(),
            chosen: record.chosen,
            why: record.why.clone().into(),
            measured_kpi: INTERVAL_DELAY.to_owned(),
            expected: record
                .options
                .get(record.chosen)
                .and_then(|o| value(&o.predicted, INTERVAL_DELAY)),
            measured: effect.and_then(|e| value(&e.measured, INTERVAL_DELAY)),
            counterfactual: counterfactual.and_then(|c| value(&c.values, INTERVAL_DELAY)),
            counterfactual_method: counterfactual.map(|c| c.method.clone()),
            input_hash: record.inputs.hash.clone(),
        }
    }
}

fn value(kpis: &[KpiValue], id: &str) -> Option<f64> {
    kpis.iter().find(|k| k.kpi == id).map(|k| k.value)
}

/// The report's word for a mode.
pub(crate) const fn run_mode(mode: Mode) -> RunMode {
    match mode {
        Mode::Advise => RunMode::Advise,
        Mode::Approve => RunMode::Approve,
        Mode::Auto => RunMode::Auto,
    }
}
