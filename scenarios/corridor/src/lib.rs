//! Emergency corridor: when a vehicle on emergency duty sets out, plan a green wave for it, say what
//! it costs everybody else, and give the signals back behind it.
//!
//! Options are routes and leads, each tried in the twin ([`conurb_traffic::corridor`]); the choice is
//! the fastest that keeps the constraints; one order carries the plan to the city's pre-emption.
//!
//! **Invariant** No vehicle but one on emergency duty is looked at (test
//! `other_vehicles_are_passed_over`).

pub mod names;
mod propose;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::{Change, ChangeKind, Entity};
use conurb_decide::{Counterfactual, DecisionRecord, KpiValue, ModelRef};
use conurb_scenario::{
    Effect, KeptDocument as _, Manifest, Order, Proposal, Scenario, Trigger, World,
};
use conurb_think::Finding;
use conurb_traffic::control::{Controller, FixedTime, Pressure, PressureRule};
use conurb_traffic::corridor::{self, Corridor, Dispatch};
use conurb_traffic::file::FlowFile;
use conurb_traffic::{Network, RoadIx, VehicleTemplate};

pub use propose::{FORMAT, InputDocument, MODEL, OTHERS_DELAY, RECOVERY_S, VEHICLE_S, propose};
pub use settings::{OwnControl, Settings};

/// The scenario's manifest, the six blanks.
pub const MANIFEST: &str = include_str!("../scenario.toml");

/// Most vehicles remembered.
const VEHICLES_MAX: usize = 10_000;

/// The corridor scenario on one network and its demand.
pub struct CorridorScenario {
    manifest: Manifest,
    network: Arc<Network>,
    network_hash: String,
    flows: Vec<FlowFile>,
    demand_hash: String,
    settings: Settings,
    /// Dispatches asked about already.
    asked: BTreeSet<(Arc<str>, TimeMs)>,
    /// The last trip times reported, and when.
    arrived: BTreeMap<Arc<str>, (TimeMs, f64)>,
}

impl CorridorScenario {
    /// The scenario on `network` under the demand `flows`; the hashes are those of their files.
    ///
    /// # Errors
    /// Settings that do not pass the manifest's envelope, named.
    pub fn new(
        network: Arc<Network>,
        network_hash: String,
        flows: Vec<FlowFile>,
        demand_hash: String,
        settings: Settings,
    ) -> Result<Self, String> {
        let manifest = Manifest::from_toml(MANIFEST, "scenarios/corridor/scenario.toml")
            .map_err(|e| e.to_string())?;
        inside_envelope(&manifest, &settings)?;
        Ok(Self {
            manifest,
            network,
            network_hash,
            flows,
            demand_hash,
            settings,
            asked: BTreeSet::new(),
            arrived: BTreeMap::new(),
        })
    }

    /// Tries the plans for a dispatch: what the decision is made of.
    ///
    /// # Errors
    /// Roads that are not in the network, no way between them, or settings out of their range.
    pub fn plan(&self, document: &InputDocument) -> Result<Corridor, String> {
        let dispatch = self.dispatch(document)?;
        let settings = &document.settings;
        let control = || self.control(settings);
        let options = settings.options();
        corridor::plan(&self.network, &self.flows, &dispatch, &control, &options)
            .map_err(|e| e.to_string())
    }

    /// The vehicle without a plan, under these settings' control.
    ///
    /// # Errors
    /// As [`CorridorScenario::plan`].
    pub fn without_plan(&self, document: &InputDocument) -> Result<corridor::Effect, String> {
        let dispatch = self.dispatch(document)?;
        let settings = &document.settings;
        let control = || self.control(settings);
        let options = settings.options();
        corridor::without_plan(&self.network, &self.flows, &dispatch, &control, &options)
            .map_err(|e| e.to_string())
    }

    fn dispatch(&self, document: &InputDocument) -> Result<Dispatch, String> {
        Ok(Dispatch {
            from: self.road(&document.from)?,
            to: self.road(&document.to)?,
            at_s: document.at_s()?,
            vehicle: VehicleTemplate::default(),
        })
    }

    fn road(&self, id: &str) -> Result<RoadIx, String> {
        let found = (0..).zip(self.network.roads()).find(|(_, r)| *r.id == *id);
        found
            .map(|(ix, _)| RoadIx(ix))
            .ok_or_else(|| format!("road \"{id}\" is not in the network"))
    }

    fn control(&self, settings: &Settings) -> Box<dyn Controller> {
        let phases = settings.options().protocol.phases;
        let (first, last) = (*phases.start(), *phases.end());
        match settings.control {
            OwnControl::MaxPressure => Box::new(Pressure::new(
                &self.network,
                PressureRule::MaxPressure,
                first,
                last,
            )),
            OwnControl::Fixed => Box::new(FixedTime::new(
                self.network.junctions().len(),
                f64::from(settings.interval_s),
                f64::from(settings.yellow_s),
                first,
                last,
            )),
        }
    }

    /// The document of a dispatch, where the vehicle says where it goes.
    #[must_use]
    pub fn document(&self, vehicle: &Entity, at: TimeMs) -> Option<InputDocument> {
        let text = |name: &str| vehicle.attribute(name)?.text().map(str::to_owned);
        Some(InputDocument {
            format: FORMAT,
            network: self.network_hash.clone(),
            demand: self.demand_hash.clone(),
            settings: self.settings.clone(),
            subject: vehicle.id.clone(),
            version_ms: vehicle.modified_at.0,
            at_ms: at.0,
            from: text(names::FROM_ROAD)?,
            to: text(names::TO_ROAD)?,
        })
    }
}

/// Whether the orders that follow from `settings` pass the manifest's envelope.
fn inside_envelope(manifest: &Manifest, settings: &Settings) -> Result<(), String> {
    let limits = manifest.action.iter().flat_map(|a| &a.limits);
    for (name, limit) in limits {
        let value = match name.as_str() {
            "min_yellow_s" | "max_yellow_s" => f64::from(settings.yellow_s),
            "max_hold_s" => settings.hold_max_s,
            _ => continue,
        };
        let fine = if name.starts_with("min_") {
            value >= *limit
        } else {
            value <= *limit
        };
        if !fine {
            return Err(format!(
                "{value} does not keep the envelope's {name} = {limit}"
            ));
        }
    }
    Ok(())
}

/// Whether this is a vehicle on emergency duty.
fn on_duty(vehicle: &Entity) -> bool {
    let usage = vehicle.attribute(names::SPECIAL_USAGE);
    vehicle.is_a(names::VEHICLE)
        && usage
            .and_then(|a| a.text())
            .is_some_and(|u| names::ON_DUTY.contains(&u))
}

impl Scenario for CorridorScenario {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn observe(&mut self, changes: &[Change], _findings: &[Finding], _now: TimeMs) -> Vec<Trigger> {
        let mut triggers = Vec::new();
        let live = changes.iter().filter(|c| c.kind != ChangeKind::Deleted);
        for vehicle in live.map(|c| &c.entity).filter(|e| on_duty(e)) {
            if let Some(trip) = vehicle.attribute(names::TRIP_TIME)
                && let Some(s) = trip.number().filter(|s| s.is_finite() && *s >= 0.0)
                && (self.arrived.len() < VEHICLES_MAX || self.arrived.contains_key(&vehicle.id))
            {
                let at = trip.observed_at.unwrap_or(vehicle.modified_at);
                self.arrived.insert(vehicle.id.clone(), (at, s));
            }
            let Some(status) = vehicle.attribute(names::SERVICE_STATUS) else {
                continue;
            };
            let at = status.observed_at.unwrap_or(vehicle.modified_at);
            // The model lets modifiers follow: `onRoute,transfer`.
            let mission = status.text().and_then(|t| t.split(',').next());
            if mission.map(str::trim) != Some(names::ON_ROUTE) {
                continue;
            }
            if self.asked.len() == VEHICLES_MAX {
                self.asked.pop_first();
            }
            if self.asked.insert((vehicle.id.clone(), at)) {
                triggers.push(Trigger {
                    subject: vehicle.id.clone(),
                    at,
                    findings: Vec::new(),
                });
            }
        }
        triggers
    }

    fn decide(&mut self, triggers: &[Trigger], world: &dyn World, _now: TimeMs) -> Vec<Proposal> {
        let decide = |t: &Trigger| {
            let vehicle = world.entity(&t.subject)?;
            let document = self.document(&vehicle, t.at)?;
            let found = self.plan(&document);
            match found.and_then(|found| propose(&document, &found)) {
                Ok(proposal) => Some(proposal),
                Err(e) => {
                    tracing::warn!("no plan for {}: {e}", t.subject);
                    None
                }
            }
        };
        triggers.iter().filter_map(decide).collect()
    }

    fn replay(&self, input_document: &[u8], model: &ModelRef) -> Result<Proposal, String> {
        if (model.name.as_str(), model.version.as_str()) != MODEL {
            return Err(format!(
                "this build has {} version {}, the record names {} version {}",
                MODEL.0, MODEL.1, model.name, model.version
            ));
        }
        let document = InputDocument::from_bytes(input_document)?;
        if document.network != self.network_hash || document.demand != self.demand_hash {
            return Err("the decision was made on another network or demand".to_owned());
        }
        propose(&document, &self.plan(&document)?)
    }

    fn order(&self, record: &DecisionRecord) -> Option<Order> {
        let option = record.options.get(record.chosen)?;
        let holds = option.action.get("signals")?.as_array()?;
        let last_s = holds.iter().filter_map(|h| h.get("to_s")?.as_f64());
        let from_s = record.perceived_at.since_ms(self.settings.start()) / 1000;
        let expires_s = self.manifest.action.first().map_or(1, |a| a.expires_s);
        #[allow(clippy::cast_possible_truncation)] // seconds of a run
        let to_s = last_s.fold(0.0, f64::max).ceil() as i64;
        Some(Order {
            actuator: names::preemption_urn(&self.settings.city),
            action: option.action.clone(),
            valid_s: (to_s - from_s).clamp(1, expires_s),
        })
    }

    fn measure_after_s(&self) -> i64 {
        i64::from(self.settings.span_s)
    }

    fn measure(
        &mut self,
        record: &DecisionRecord,
        _world: &dyn World,
        _now: TimeMs,
    ) -> Option<Effect> {
        let (at, value) = *self.arrived.get(record.subject.as_str())?;
        // Only an arrival after the dispatch is its effect.
        (at > record.perceived_at).then(|| Effect {
            measured: vec![KpiValue {
                kpi: VEHICLE_S.to_owned(),
                value,
                interval: None,
            }],
            counterfactual: record.options.first().map(|none| Counterfactual {
                method: "the same run in the twin without a plan".to_owned(),
                values: none.predicted.clone(),
            }),
        })
    }
}
