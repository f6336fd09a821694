//! The scenario itself: observe, decide, order, measure, replay.

use std::collections::BTreeMap;
use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::Change;
use conurb_decide::{
    Counterfactual, DecisionOption, DecisionRecord, InputRef, Interval, KpiValue, ModelRef,
    Residuals,
};
use conurb_scenario::{
    Effect, KeptDocument as _, Manifest, Order, Proposal, Scenario, Trigger, World,
};
use conurb_think::Finding;
use conurb_traffic::{LaneIx, Network};
use rayon::prelude::*;

use crate::field::Field;
use crate::head::FixedPlan;
use crate::input::{FORMAT, InputDocument, LaneObservation};
use crate::joint::{JOINT_FORMAT, Joint, JointDocument, LaneHistory, SignalMoment};
use crate::layout::{SignalLayout, signals_of};
use crate::names;
use crate::propose;
use crate::settings::{Decider, Settings};
use crate::twin::LocalTwin;

/// The KPI that detectors measure after each decision.
pub const INTERVAL_DELAY: &str = "interval_delay_veh_s";
/// The KPI the choice rests on.
pub const HORIZON_DELAY: &str = "horizon_delay_veh_s";
/// Vehicles queued at the next decision.
pub const QUEUE: &str = "queue_veh";

/// The local twin's name in records.
pub const MODEL_NAME: &str = "signals.local-twin";
/// Its version; a change of behaviour is a change of version.
pub const MODEL_VERSION: &str = "3";
/// Name and version of look-ahead control in records.
pub const LOOKAHEAD_MODEL: (&str, &str) = ("signals.lookahead", "1");
const COUNTERFACTUAL: &str =
    "local-twin rollout of the fixed plan's phase from the same estimated state";
const COUNTERFACTUAL_JOINT: &str = "rollout of the fixed plan's phase around the junction from the same estimated state, the other junctions as in the joint plan";

/// Past errors kept per signal.
const RESIDUALS_MAX: usize = 200;
/// Share of the measured values a prediction's interval shall hold.
const INTERVAL_LEVEL: f64 = 0.9;

/// Why the scenario cannot run on a network.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
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
    /// Look-ahead control does not take the network or the settings.
    #[error("signals look-ahead: {0}")]
    Lookahead(#[from] conurb_traffic::TrafficError),
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
    joint: Option<Joint>,
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
        let joint = match settings.controller {
            Decider::LocalTwin => None,
            Decider::Lookahead => Some(Joint::new(&network, &layouts, &settings)?),
        };
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
            joint,
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

    /// How far its model looks ahead, s.
    #[must_use]
    pub fn horizon_s(&self) -> u32 {
        let joint = self.joint.as_ref().map(Joint::horizon_s);
        joint.unwrap_or(self.settings.horizon_s)
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
            errors: self.errors(&layout.urn),
        })
    }

    /// What is known of lanes at `at`; with `oldest`, none of their reports may be older.
    fn seen(
        &self,
        lanes: &[LaneIx],
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
        let (name, version) = model_of(self.settings.controller);
        ModelRef {
            name: name.to_owned(),
            version: version.to_owned(),
            seed: self.settings.seed,
            information_level: "LD".to_owned(),
        }
    }
}

/// Name and version of the model that decides.
#[must_use]
pub const fn model_of(controller: Decider) -> (&'static str, &'static str) {
    match controller {
        Decider::LocalTwin => (MODEL_NAME, MODEL_VERSION),
        Decider::Lookahead => LOOKAHEAD_MODEL,
    }
}

impl Signals {
    fn decide_locally(&mut self, triggers: &[Trigger]) -> Vec<Proposal> {
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
                    let (layout, model) = (&this.layouts[*n], this.model());
                    let mut p = propose::local(twin, layout, input, &this.settings, model);
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

    /// One joint decision for each moment that is asked for; in a day all signals ask for the same.
    fn decide_jointly(&self, joint: &mut Joint, triggers: &[Trigger]) -> Vec<Proposal> {
        let mut moments: BTreeMap<TimeMs, Vec<usize>> = BTreeMap::new();
        for t in triggers {
            if let Some(n) = self.field.signal(&t.subject) {
                moments.entry(t.at).or_default().push(n);
            }
        }
        let mut all = Vec::new();
        for (at, asked) in moments {
            let document = self.joint_document(joint, at, &asked);
            if !document.signals.iter().any(|s| s.decides) {
                continue;
            }
            match joint.propose(&self.layouts, &document, &self.settings, &self.model()) {
                Ok(proposals) => all.extend(proposals),
                Err(e) => tracing::error!("no joint decision: {e}"),
            }
        }
        for p in &mut all {
            if let Some(n) = self.field.signal(&p.subject) {
                p.input_refs = self.refs(n);
            }
        }
        all
    }

    fn joint_document(&self, joint: &Joint, at: TimeMs, asked: &[usize]) -> JointDocument {
        let oldest = TimeMs(at.0 - i64::from(self.settings.max_age_s) * 1000);
        let fresh = |l: &LaneIx| self.field.lanes[l.ix()].at >= oldest;
        let signals = self.layouts.iter().zip(&self.field.signals).enumerate();
        let signals = signals.map(|(n, (layout, state))| {
            let green_ms = at.since_ms(state.green_since).max(0) / 1000;
            let known = state.phase.is_some() && layout.entering.iter().all(fresh);
            SignalMoment {
                phase: state.phase,
                green_for_s: u32::try_from(green_ms).unwrap_or(u32::MAX),
                decides: known && asked.contains(&n),
                errors: self.errors(&layout.urn),
            }
        });
        let lanes = joint.lanes.iter().map(|l| {
            let state = &self.field.lanes[l.ix()];
            let seen = state.observation(at).filter(|_| fresh(l))?;
            Some(LaneHistory {
                seen,
                entered_veh: state.entered_veh,
                left_veh: state.left_veh,
                rate_veh_s: state.rate_veh_s(at),
            })
        });
        JointDocument {
            joint_format: JOINT_FORMAT,
            network: self.network_hash.clone(),
            settings: self.settings_hash.clone(),
            at_ms: at.0,
            signals: signals.collect(),
            lanes: lanes.collect(),
        }
    }

    fn errors(&self, urn: &str) -> Option<Interval> {
        self.residuals
            .interval(urn, INTERVAL_DELAY, 0.0, INTERVAL_LEVEL)
    }

    fn check_model(&self, model: &ModelRef) -> Result<(), String> {
        let (name, version) = model_of(self.settings.controller);
        if model.name == name && model.version == version {
            return Ok(());
        }
        Err(format!(
            "this build has {name} version {version}, the record names {} version {}",
            model.name, model.version
        ))
    }

    fn check_kept(&self, network: &str, settings: &str) -> Result<(), String> {
        if network == self.network_hash && settings == self.settings_hash {
            return Ok(());
        }
        Err("the decision was made on another network or with other settings".to_owned())
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
        match self.joint.take() {
            Some(mut joint) => {
                let proposals = self.decide_jointly(&mut joint, triggers);
                self.joint = Some(joint);
                proposals
            }
            None => self.decide_locally(triggers),
        }
    }

    fn replay(&self, input_document: &[u8], model: &ModelRef) -> Result<Proposal, String> {
        self.check_model(model)?;
        if self.joint.is_some() {
            return Err("a joint document tells of many signals: name the one".to_owned());
        }
        let input = InputDocument::from_bytes(input_document)?;
        self.check_kept(&input.network, &input.settings)?;
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
        let (settings, model) = (&self.settings, model.clone());
        Ok(propose::local(&mut twin, layout, &input, settings, model))
    }

    fn replay_for(
        &self,
        subject: &str,
        input_document: &[u8],
        model: &ModelRef,
    ) -> Result<Proposal, String> {
        if self.joint.is_none() {
            return self.replay(input_document, model);
        }
        self.check_model(model)?;
        let document = JointDocument::from_bytes(input_document)?;
        self.check_kept(&document.network, &document.settings)?;
        let mut joint =
            Joint::new(&self.network, &self.layouts, &self.settings).map_err(|e| e.to_string())?;
        let proposals = joint.propose(&self.layouts, &document, &self.settings, model)?;
        let mut of_subject = proposals.into_iter().filter(|p| *p.subject == *subject);
        of_subject
            .next()
            .ok_or_else(|| format!("{subject} does not decide in this document"))
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
                method: match self.settings.controller {
                    Decider::LocalTwin => COUNTERFACTUAL.to_owned(),
                    Decider::Lookahead => COUNTERFACTUAL_JOINT.to_owned(),
                },
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
