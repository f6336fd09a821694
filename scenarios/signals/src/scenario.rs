//! The scenario itself: observe, decide, order, measure, replay.

use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::Change;
use conurb_decide::{
    Bilingual, Counterfactual, DecisionOption, DecisionRecord, Direction, Goal, InputRef, Interval,
    KpiValue, ModelRef, Objective, Residuals, choose,
};
use conurb_scenario::{Effect, Manifest, Order, Proposal, Scenario, Trigger, World};
use conurb_think::Finding;
use conurb_traffic::Network;
use rayon::prelude::*;

use crate::field::Field;
use crate::head::FixedPlan;
use crate::input::{FORMAT, InputDocument, LaneObservation};
use crate::layout::{SignalLayout, signals_of};
use crate::names;
use crate::settings::Settings;
use crate::twin::{LocalTwin, Outlook};

/// The KPI that detectors measure after each decision.
pub const INTERVAL_DELAY: &str = "interval_delay_veh_s";
/// The KPI the choice rests on.
pub const HORIZON_DELAY: &str = "horizon_delay_veh_s";
/// Vehicles queued at the next decision.
pub const QUEUE: &str = "queue_veh";

/// The model's name in records.
pub const MODEL_NAME: &str = "signals.local-twin";
/// Its version; a change of behaviour is a change of version.
pub const MODEL_VERSION: &str = "3";
const COUNTERFACTUAL: &str =
    "local-twin rollout of the fixed plan's phase from the same estimated state";

/// Past errors kept per signal.
const RESIDUALS_MAX: usize = 200;
/// Share of the measured values a prediction's interval shall hold.
const INTERVAL_LEVEL: f64 = 0.9;
/// Two outlooks closer than this are equally good, vehicle-seconds.
const EQUAL_VEH_S: f64 = 1e-9;

/// Why the scenario cannot run on a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignalsError {
    /// A setting is out of its range.
    #[error("signals settings: {0}")]
    Settings(String),
    /// The manifest does not parse (a defect of the build).
    #[error("signals manifest: {0}")]
    Manifest(String),
    /// The network leaves nothing to decide.
    #[error("no junction of this network has two admissible phases")]
    NothingToDecide,
}

/// The signals scenario on one network.
pub struct Signals {
    manifest: Manifest,
    network: Arc<Network>,
    network_hash: String,
    settings: Settings,
    settings_hash: String,
    layouts: Vec<SignalLayout>,
    field: Field,
    plans: Vec<FixedPlan>,
    twins: Vec<LocalTwin>,
    residuals: Residuals,
    start: Option<TimeMs>,
}

impl Signals {
    /// The scenario on `network`. The hashes are those under which the network file and
    /// `settings.to_bytes()` are kept as blobs.
    pub fn new(
        network: Arc<Network>,
        network_hash: String,
        settings: Settings,
        settings_hash: String,
    ) -> Result<Self, SignalsError> {
        settings.check().map_err(SignalsError::Settings)?;
        let manifest = Manifest::from_toml(crate::MANIFEST, "scenarios/signals/scenario.toml")
            .map_err(|e| SignalsError::Manifest(e.to_string()))?;
        inside_envelope(&manifest, &settings).map_err(SignalsError::Settings)?;
        let layouts = signals_of(&network, &settings);
        if layouts.is_empty() {
            return Err(SignalsError::NothingToDecide);
        }
        let field = Field::new(&network, &layouts, &settings);
        let plans = layouts.iter().map(fixed_plan).collect();
        let threads = rayon::current_num_threads().max(1);
        let twins = (0..threads)
            .map(|_| LocalTwin::new(network.clone()))
            .collect();
        let residuals = Residuals::new(RESIDUALS_MAX, layouts.len() + 1);
        Ok(Self {
            manifest,
            network,
            network_hash,
            settings,
            settings_hash,
            layouts,
            field,
            plans,
            twins,
            residuals,
            start: None,
        })
    }

    /// The signals it decides for.
    #[must_use]
    pub fn layouts(&self) -> &[SignalLayout] {
        &self.layouts
    }

    /// Its settings.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Decisions not made because an entering lane had no fresh report.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.field.signals.iter().map(|s| s.missed).sum()
    }

    fn input(&self, n: usize, at: TimeMs) -> Option<InputDocument> {
        let layout = &self.layouts[n];
        let oldest = TimeMs(at.0 - i64::from(self.settings.max_age_s) * 1000);
        let entering = self.seen(&layout.entering, at, Some(oldest))?;
        let leaving = self.seen(&layout.leaving, at, None)?;
        let state = &self.field.signals[n];
        let start = self.start.unwrap_or(at);
        let green_ms = at.since_ms(state.green_since).max(0) / 1000;
        Some(InputDocument {
            format: FORMAT,
            network: self.network_hash.clone(),
            settings: self.settings_hash.clone(),
            junction: layout.id.to_string(),
            at_ms: at.0,
            phase: state.phase?,
            green_for_s: u32::try_from(green_ms).unwrap_or(u32::MAX),
            fixed_phase: self.plans[n].phase_at(at.since_ms(start) / 1000),
            entering,
            leaving,
            errors: self
                .residuals
                .interval(&layout.urn, INTERVAL_DELAY, 0.0, INTERVAL_LEVEL),
        })
    }

    /// What is known of lanes at `at`; with `oldest`, none of their reports may be older.
    fn seen(
        &self,
        lanes: &[conurb_traffic::LaneIx],
        at: TimeMs,
        oldest: Option<TimeMs>,
    ) -> Option<Vec<LaneObservation>> {
        lanes
            .iter()
            .map(|l| {
                let state = &self.field.lanes[l.ix()];
                match oldest {
                    Some(limit) if state.at < limit => None,
                    Some(_) => state.observation(at),
                    None => Some(state.observation(at).unwrap_or_default()),
                }
            })
            .collect()
    }

    fn refs(&self, n: usize) -> Vec<InputRef> {
        let layout = &self.layouts[n];
        let mut refs: Vec<InputRef> = layout
            .entering
            .iter()
            .chain(&layout.leaving)
            .filter(|l| self.field.lanes[l.ix()].seen.is_some())
            .map(|l| InputRef {
                entity: names::lane_urn(&self.settings.city, &self.network.lanes()[l.ix()].id),
                version_ms: self.field.lanes[l.ix()].version_ms,
            })
            .collect();
        refs.push(InputRef {
            entity: layout.urn.to_string(),
            version_ms: self.field.signals[n].green_since.0,
        });
        refs
    }

    fn model(&self) -> ModelRef {
        ModelRef {
            name: MODEL_NAME.to_owned(),
            version: MODEL_VERSION.to_owned(),
            seed: self.settings.seed,
            information_level: "LD".to_owned(),
        }
    }
}

/// Whether the commands that follow from `settings` pass the manifest's envelope. Better refused
/// here, once, than each of them at the desk.
fn inside_envelope(manifest: &Manifest, settings: &Settings) -> Result<(), String> {
    for action in &manifest.action {
        if i64::from(settings.command_valid_s) > action.expires_s {
            return Err(format!(
                "command_valid_s is {}, the envelope of {} allows {} at most",
                settings.command_valid_s, action.id, action.expires_s
            ));
        }
        let limit = |name: &str| action.limits.get(name).copied();
        let yellow_s = f64::from(settings.yellow_s);
        let (least, most) = (limit("min_yellow_s"), limit("max_yellow_s"));
        if least.is_some_and(|l| yellow_s < l) || most.is_some_and(|m| yellow_s > m) {
            return Err(format!(
                "yellow_s is {yellow_s}, the envelope of {} allows {} to {}",
                action.id,
                least.unwrap_or(0.0),
                most.unwrap_or(f64::INFINITY)
            ));
        }
        let per_min = 60.0 / f64::from(settings.decision_interval_s);
        if per_min > action.rate_per_min {
            return Err(format!(
                "decision_interval_s is {}, the envelope of {} allows {} commands a minute",
                settings.decision_interval_s, action.id, action.rate_per_min
            ));
        }
    }
    Ok(())
}

/// The controller's own plan at a signal: the literature's FixedTime at 15 s, whose first green lasts
/// 15 s and every later one 25 s, so that advice nobody follows gives the baseline to the digit.
#[must_use]
pub fn fixed_plan(layout: &SignalLayout) -> FixedPlan {
    FixedPlan {
        phases: layout.options.iter().map(|o| o.phase).collect(),
        green_s: 25,
        yellow_s: 5,
        offset_s: 10,
    }
}

/// The proposal that follows from an input document: pure, so that replay is the same call.
fn propose(
    twin: &mut LocalTwin,
    layout: &SignalLayout,
    input: &InputDocument,
    settings: &Settings,
    model: ModelRef,
) -> Proposal {
    let outlooks = twin.outlooks(layout, input, settings);
    let options: Vec<DecisionOption> = layout
        .options
        .iter()
        .zip(&outlooks)
        .enumerate()
        .map(|(i, (option, outlook))| DecisionOption {
            action: serde_json::json!({"phase": option.phase, "yellow_s": settings.yellow_s}),
            predicted: predicted(outlook, input.errors.as_ref()),
            refused_by: refusal(layout, input, settings, i),
        })
        .collect();
    let chosen = choice(layout, input, &options);
    Proposal {
        subject: layout.urn.clone(),
        perceived_at: TimeMs(input.at_ms),
        at: TimeMs(input.at_ms),
        findings: Vec::new(),
        input_document: input.to_bytes(),
        input_refs: Vec::new(),
        model,
        options,
        chosen,
        why: why(layout, input, &outlooks, chosen, settings),
    }
}

/// The constraint that forbids option `i`, if one does.
fn refusal(
    layout: &SignalLayout,
    input: &InputDocument,
    settings: &Settings,
    i: usize,
) -> Option<String> {
    let keeps = layout.options[i].phase == input.phase;
    let shows_option = layout.options.iter().any(|o| o.phase == input.phase);
    if !keeps && shows_option && input.green_for_s < settings.min_green_s {
        return Some("min-green".to_owned());
    }
    let others_wait = layout
        .options
        .iter()
        .filter(|o| o.phase != input.phase)
        .flat_map(|o| &o.lanes)
        .any(|l| input.entering[*l].queue > 0.0);
    if keeps && input.green_for_s >= settings.max_green_s && others_wait {
        return Some("max-green".to_owned());
    }
    None
}

/// Least delay over the horizon among the allowed; the present phase wins ties, then the first.
///
/// Minimum and maximum green never forbid everything at once: the first forbids only changes, the
/// second only staying. A signal that shows a phase outside its options changes to the first.
fn choice(layout: &SignalLayout, input: &InputDocument, options: &[DecisionOption]) -> usize {
    let keep = layout.options.iter().position(|o| o.phase == input.phase);
    let objective = Objective::Lexicographic(vec![Goal {
        kpi: HORIZON_DELAY.to_owned(),
        direction: Direction::Lower,
        amount: EQUAL_VEH_S,
    }]);
    let safe = keep.unwrap_or(0);
    choose(options, &objective, &[], safe).map_or(safe, |c| c.chosen)
}

fn predicted(o: &Outlook, errors: Option<&Interval>) -> Vec<KpiValue> {
    let interval = errors.map(|e| Interval {
        low: (o.interval_delay_veh_s + e.low).max(0.0),
        high: (o.interval_delay_veh_s + e.high).max(0.0),
        ..e.clone()
    });
    vec![
        KpiValue {
            kpi: INTERVAL_DELAY.to_owned(),
            value: o.interval_delay_veh_s,
            interval,
        },
        KpiValue {
            kpi: HORIZON_DELAY.to_owned(),
            value: o.horizon_delay_veh_s,
            interval: None,
        },
        KpiValue {
            kpi: QUEUE.to_owned(),
            value: o.queue_veh,
            interval: None,
        },
    ]
}

fn why(
    layout: &SignalLayout,
    input: &InputDocument,
    outlooks: &[Outlook],
    chosen: usize,
    settings: &Settings,
) -> Bilingual {
    let option = &layout.options[chosen];
    let cost = outlooks[chosen].horizon_delay_veh_s;
    let queue: f64 = option.lanes.iter().map(|l| input.entering[*l].queue).sum();
    let runner_up = (0..outlooks.len()).filter(|i| *i != chosen).min_by(|a, b| {
        outlooks[*a]
            .horizon_delay_veh_s
            .total_cmp(&outlooks[*b].horizon_delay_veh_s)
    });
    let keeps = option.phase == input.phase;
    let (verb_en, verb_zh) = if keeps {
        ("keep", "保持")
    } else {
        ("switch to", "切换到")
    };
    let (than_en, than_zh) = runner_up.map_or_else(
        || (String::new(), String::new()),
        |r| {
            let other = &layout.options[r];
            let saved = outlooks[r].horizon_delay_veh_s - cost;
            (
                format!(", {saved:.1} less than {}", other.label.en),
                format!("，比“{}”少 {saved:.1}", other.label.zh),
            )
        },
    );
    Bilingual {
        en: format!(
            "{verb_en} {}: {queue:.0} vehicles wait there; expected delay around this junction \
             over {} s: {cost:.1} vehicle-seconds{than_en}",
            option.label.en, settings.horizon_s
        ),
        zh: format!(
            "{verb_zh}“{}”：该相位有 {queue:.0} 辆车排队；预计未来 {} 秒本路口延误 {cost:.1} 车·秒{than_zh}",
            option.label.zh, settings.horizon_s
        ),
    }
}

impl Scenario for Signals {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn observe(&mut self, changes: &[Change], _findings: &[Finding], _now: TimeMs) -> Vec<Trigger> {
        let touched = self.field.take_in(changes, &self.network, &self.settings);
        let mut triggers = Vec::new();
        for n in touched {
            let layout = &self.layouts[n];
            if let Some(at) = self.field.take_due(n, layout, &self.settings) {
                self.start.get_or_insert(at);
                triggers.push(Trigger {
                    subject: layout.urn.clone(),
                    at,
                    findings: Vec::new(),
                });
            }
        }
        triggers
    }

    fn decide(&mut self, triggers: &[Trigger], _world: &dyn World, _now: TimeMs) -> Vec<Proposal> {
        let mut twins = std::mem::take(&mut self.twins);
        let this = &*self;
        let jobs: Vec<(usize, InputDocument)> = triggers
            .iter()
            .filter_map(|t| {
                let n = this.field.signal(&t.subject)?;
                Some((n, this.input(n, t.at)?))
            })
            .collect();
        let share = jobs.len().div_ceil(twins.len()).max(1);
        let work = |twin: &mut LocalTwin, part: &[(usize, InputDocument)]| -> Vec<Proposal> {
            part.iter()
                .map(|(n, input)| {
                    let model = this.model();
                    let mut p = propose(twin, &this.layouts[*n], input, &this.settings, model);
                    p.input_refs = this.refs(*n);
                    p
                })
                .collect()
        };
        // Junctions are independent, and the parts are joined in order: the same bytes for any
        // number of threads. A few are faster without a hand-over.
        let parts: Vec<Vec<Proposal>> = if jobs.len() < 4 {
            vec![work(&mut twins[0], &jobs)]
        } else {
            twins
                .par_iter_mut()
                .zip(jobs.par_chunks(share))
                .map(|(twin, part)| work(twin, part))
                .collect()
        };
        self.twins = twins;
        parts.into_iter().flatten().collect()
    }

    fn replay(&self, input_document: &[u8], model: &ModelRef) -> Result<Proposal, String> {
        if model.name != MODEL_NAME || model.version != MODEL_VERSION {
            return Err(format!(
                "this build has {MODEL_NAME} version {MODEL_VERSION}, the record names {} version {}",
                model.name, model.version
            ));
        }
        let input = InputDocument::from_bytes(input_document)?;
        if input.network != self.network_hash || input.settings != self.settings_hash {
            return Err(
                "the decision was made on another network or with other settings".to_owned(),
            );
        }
        let layout = self
            .layouts
            .iter()
            .find(|l| *l.id == *input.junction)
            .ok_or_else(|| format!("junction {} is not in the network", input.junction))?;
        if input.entering.len() != layout.entering.len()
            || input.leaving.len() != layout.leaving.len()
        {
            return Err("the input document has another number of lanes".to_owned());
        }
        let mut twin = LocalTwin::new(self.network.clone());
        Ok(propose(
            &mut twin,
            layout,
            &input,
            &self.settings,
            model.clone(),
        ))
    }

    fn order(&self, record: &DecisionRecord) -> Option<Order> {
        let option = record.options.get(record.chosen)?;
        Some(Order {
            actuator: record.subject.clone(),
            action: option.action.clone(),
            valid_s: i64::from(self.settings.command_valid_s),
        })
    }

    fn measure_after_s(&self) -> i64 {
        i64::from(self.settings.decision_interval_s)
    }

    fn measure(
        &mut self,
        record: &DecisionRecord,
        _world: &dyn World,
        _now: TimeMs,
    ) -> Option<Effect> {
        let n = self.field.signal(&record.subject)?;
        let (from, _, delay) = self.field.signals[n].closed?;
        if from != record.perceived_at {
            return None;
        }
        let value_of = |o: &DecisionOption, kpi: &str| {
            o.predicted.iter().find(|k| k.kpi == kpi).map(|k| k.value)
        };
        let expected = value_of(record.options.get(record.chosen)?, INTERVAL_DELAY)?;
        self.residuals
            .learn(&record.subject, INTERVAL_DELAY, expected, delay);
        let start = self.start.unwrap_or(record.perceived_at);
        let fixed = self.plans[n].phase_at(record.perceived_at.since_ms(start) / 1000);
        let counterfactual = fixed
            .and_then(|p| self.layouts[n].options.iter().position(|o| o.phase == p))
            .and_then(|i| record.options.get(i))
            .map(|o| Counterfactual {
                method: COUNTERFACTUAL.to_owned(),
                values: o.predicted.clone(),
            });
        let measured = vec![KpiValue {
            kpi: INTERVAL_DELAY.to_owned(),
            value: delay,
            interval: None,
        }];
        Some(Effect {
            measured,
            counterfactual,
        })
    }
}
