//! `report.json`: what one run of a day showed, and on what ground.
//!
//! The shape is public: `api/report.schema.json` is generated from these types (a test keeps it
//! fresh). Lengths are metres, times seconds of simulated time, coordinates local metres, unless a
//! `unit` member beside the figure says otherwise. `null` always means *not measured*.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use crate::city::Input;
pub(crate) use crate::out::Text;

/// The version of `report.json` this build writes, `major.minor`; a reader of a major version
/// reads every minor of it.
pub(crate) const REPORT_SCHEMA_VERSION: &str = "1.0";

/// One run: baseline, brain and (where it was computed) the strongest fixed plan, side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Report {
    /// Version of this shape, `major.minor`.
    pub(crate) schema_version: String,
    /// What wrote it.
    pub(crate) product: Product,
    /// The first (or only) seed.
    pub(crate) seed: u64,
    /// All seeds run, in order; one of them: no interval can be given.
    pub(crate) seeds: Vec<u64>,
    /// Simulated time, seconds.
    pub(crate) span_s: u64,
    /// Simulated start, ISO 8601 with offset.
    pub(crate) start: String,
    /// True when any input was generated and not observed; then the banner is shown everywhere.
    pub(crate) synthetic: bool,
    /// Which generator made it, with its parameters; null when nothing is synthetic.
    pub(crate) synthetic_note: Option<Text>,
    /// The city, or the name of the network where no city is named.
    pub(crate) city: Text,
    /// What was read, in order of role.
    pub(crate) inputs: Vec<Input>,
    /// `advise`, `approve` or `auto`.
    pub(crate) mode: RunMode,
    /// What the brain was allowed to know.
    pub(crate) information_level: InformationLevel,
    /// What the effect is measured against.
    pub(crate) baseline: PlanRef,
    /// The strongest fixed plan that could be computed from the demand; null when it was not run.
    pub(crate) webster: Option<PlanRef>,
    /// What decided.
    pub(crate) policy: Policy,
    /// The command that makes this report again, file names without their folders.
    pub(crate) command: String,
    /// The scorecard, declared KPIs first.
    pub(crate) kpis: Vec<Kpi>,
    /// How many decisions took which way, summed over the seeds.
    pub(crate) decisions: DecisionCounts,
    /// Courses over the run, of the first seed.
    pub(crate) series: Vec<Series>,
    /// The network and what happened on it, of the first seed.
    pub(crate) map: NetworkMap,
    /// One row per signal that decided, of the first seed.
    pub(crate) signals: Vec<SignalRow>,
    /// About a dozen decisions, explained.
    pub(crate) sample_decisions: Vec<SampleDecision>,
    /// How good the predictions were; null when nothing was predicted.
    pub(crate) prediction: Option<PredictionQuality>,
    /// The figures behind the intervals, one row per seed.
    pub(crate) seeds_table: Vec<SeedRow>,
    /// Where the decisions are written down; null when no ledger was kept.
    pub(crate) ledger: Option<LedgerRef>,
    /// What this run does not show.
    pub(crate) limits: Vec<Text>,
}

/// What wrote the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Product {
    /// `conurb`.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
}

/// How automatic decisions became actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RunMode {
    /// Shown, never sent.
    Advise,
    /// Sent once approved.
    Approve,
    /// Sent at once, inside the envelope.
    Auto,
}

/// What the brain could know while it decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct InformationLevel {
    /// `LD`, `L0`, `L1` or `L2`.
    pub(crate) code: String,
    /// What that means.
    pub(crate) says: Text,
}

/// A plan the brain is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PlanRef {
    /// `fixed`, `file`, `webster`.
    pub(crate) kind: String,
    /// What it does: phases, greens, cycle.
    pub(crate) says: Text,
}

/// What decided: a policy, or a model with a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Policy {
    /// Name, e.g. `signals.local-twin`.
    pub(crate) name: String,
    /// Version; a change of behaviour is a change of version.
    pub(crate) version: String,
    /// What it does.
    pub(crate) says: Text,
    /// Its parameters, units last in names.
    pub(crate) parameters: BTreeMap<String, serde_json::Value>,
}

/// Which direction is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// One line of the scorecard. With several seeds the figures are means over them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Kpi {
    /// Id with its unit last, e.g. `average_travel_time_s_network`.
    pub(crate) id: String,
    /// Name for people.
    pub(crate) name: Text,
    /// Unit, e.g. `s`, `veh`, `1`.
    pub(crate) unit: String,
    /// Which direction is good.
    pub(crate) better: Better,
    /// True: the run fails (exit 1) when the brain is worse here than the baseline.
    pub(crate) declared: bool,
    /// Under the baseline.
    pub(crate) baseline: f64,
    /// Under the brain.
    pub(crate) brain: f64,
    /// Under the strongest fixed plan; null when it was not run.
    pub(crate) webster: Option<f64>,
    /// `100 * (brain - baseline) / baseline`; null when the baseline is 0.
    pub(crate) change_pct: Option<f64>,
    /// The same against the strongest fixed plan.
    pub(crate) change_vs_webster_pct: Option<f64>,
    /// Interval; null with one seed: one run shows no interval.
    pub(crate) interval: Option<KpiInterval>,
    /// Whether the brain is worse than the baseline in the KPI's own direction.
    pub(crate) worse_than_baseline: bool,
    /// The line as a sentence.
    pub(crate) says: Text,
}

/// An interval, and of what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct KpiInterval {
    /// Lower end, in the KPI's unit.
    pub(crate) low: f64,
    /// Upper end, in the KPI's unit.
    pub(crate) high: f64,
    /// Coverage, e.g. 0.95.
    pub(crate) level: f64,
    /// How many seeds.
    pub(crate) n: u32,
    /// How it was made, e.g. `paired t`.
    pub(crate) method: String,
    /// Of which quantity, e.g. `difference brain - baseline`.
    pub(crate) of: String,
}

/// How many decisions took which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DecisionCounts {
    /// Sent at once under mode `auto`.
    pub(crate) auto: u64,
    /// Sent after a person approved.
    pub(crate) approved: u64,
    /// Refused by a person, or never approved in time.
    pub(crate) rejected: u64,
    /// Shown only.
    pub(crate) advised: u64,
    /// Taken back by a person.
    pub(crate) overturned: u64,
    /// All decision records.
    pub(crate) total: u64,
    /// How often the watchdog returned a signal to its fixed plan.
    pub(crate) watchdog: u64,
}

/// A quantity over the run; sample `i` is at `start + i * step_s`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Series {
    /// Id with its unit last, e.g. `running_veh`.
    pub(crate) id: String,
    /// Name for people.
    pub(crate) name: Text,
    /// Unit.
    pub(crate) unit: String,
    /// Distance of samples, seconds.
    pub(crate) step_s: f64,
    /// Under the baseline.
    pub(crate) baseline: Vec<f64>,
    /// Under the brain.
    pub(crate) brain: Vec<f64>,
    /// Under the strongest fixed plan; empty when it was not run.
    pub(crate) webster: Vec<f64>,
}

/// The network as drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct NetworkMap {
    /// Of the coordinates, e.g. `local metres`.
    pub(crate) projection: String,
    /// Least and greatest coordinates.
    pub(crate) bounds: Bounds,
    /// Roads, ordered by id or by the network's file.
    pub(crate) roads: Vec<MapRoad>,
    /// Junctions, likewise.
    pub(crate) junctions: Vec<MapJunction>,
}

/// A box in the map's coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Bounds {
    /// Least x.
    pub(crate) min_x: f64,
    /// Least y.
    pub(crate) min_y: f64,
    /// Greatest x.
    pub(crate) max_x: f64,
    /// Greatest y.
    pub(crate) max_y: f64,
}

/// A directed road and the delay on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct MapRoad {
    /// Id in the network.
    pub(crate) id: String,
    /// Its course in driving direction, `[x, y]` each.
    pub(crate) points: Vec<[f64; 2]>,
    /// Number of lanes.
    pub(crate) lanes: u32,
    /// Length, metres.
    pub(crate) length_m: f64,
    /// Mean delay over the vehicles that passed under the baseline; null when none did.
    pub(crate) delay_baseline_s_per_veh: Option<f64>,
    /// The same under the brain.
    pub(crate) delay_brain_s_per_veh: Option<f64>,
    /// Vehicles that passed under the baseline.
    pub(crate) vehicles_baseline: u64,
    /// Vehicles that passed under the brain.
    pub(crate) vehicles: u64,
}

/// A junction and how busy the brain was there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct MapJunction {
    /// Id in the network.
    pub(crate) id: String,
    /// East, metres.
    pub(crate) x: f64,
    /// North, metres.
    pub(crate) y: f64,
    /// Whether it has a signal.
    pub(crate) signalised: bool,
    /// Decisions taken here.
    pub(crate) decisions: u64,
    /// How many of them changed the phase.
    pub(crate) phases_changed: u64,
}

/// One signal's account. Sums and errors are in [`PredictionQuality::unit`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SignalRow {
    /// The signal's junction.
    pub(crate) id: String,
    /// Decisions taken.
    pub(crate) decisions: u64,
    /// How many of them changed the phase.
    pub(crate) changed: u64,
    /// How often the watchdog took over.
    pub(crate) watchdog: u64,
    /// Mean of |predicted - measured|; null when nothing was measured.
    pub(crate) mean_abs_error: Option<f64>,
    /// Sum of what was measured after the decisions.
    pub(crate) measured_sum: Option<f64>,
    /// Sum of what the twin says would have been without them.
    pub(crate) counterfactual_sum: Option<f64>,
}

/// A decision, explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SampleDecision {
    /// Id of the record in the ledger.
    pub(crate) id: String,
    /// The entity decided about.
    pub(crate) subject: String,
    /// When, seconds since the start.
    pub(crate) at_s: f64,
    /// How it became an action.
    pub(crate) mode: RunMode,
    /// Id of the KPI the options were predicted in.
    pub(crate) kpi: String,
    /// Its unit.
    pub(crate) unit: String,
    /// What could be done.
    pub(crate) options: Vec<SampleOption>,
    /// Index into `options`.
    pub(crate) chosen: usize,
    /// Why.
    pub(crate) why: Text,
    /// Id of the KPI that was measured afterwards, in `unit` too; it may cover a shorter time than
    /// the one the options were compared in.
    pub(crate) measured_kpi: String,
    /// What the chosen option was expected to give in it; null: not predicted.
    pub(crate) expected: Option<f64>,
    /// What was measured after it; null: not measured.
    pub(crate) measured: Option<f64>,
    /// What would have been without it; null: not computed.
    pub(crate) counterfactual: Option<f64>,
    /// How that was computed.
    pub(crate) counterfactual_method: Option<String>,
    /// SHA-256 of all it read.
    pub(crate) input_hash: String,
}

/// One option of a sample decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SampleOption {
    /// What it does, for people.
    pub(crate) label: Text,
    /// The action in the scenario's own words.
    pub(crate) action: serde_json::Value,
    /// Predicted value of the decision's KPI; null: not predicted.
    pub(crate) predicted: Option<f64>,
    /// Lower end of its interval.
    pub(crate) predicted_low: Option<f64>,
    /// Upper end of its interval.
    pub(crate) predicted_high: Option<f64>,
    /// The constraint that forbids it.
    pub(crate) refused_by: Option<String>,
}

/// Predicted against measured, over all measured decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PredictionQuality {
    /// Id of the KPI that was predicted.
    pub(crate) kpi: String,
    /// Its unit.
    pub(crate) unit: String,
    /// Decisions with a measured value.
    pub(crate) n: u64,
    /// Mean of predicted - measured: the bias.
    pub(crate) mean_error: f64,
    /// Mean of |predicted - measured|.
    pub(crate) mean_abs_error: f64,
    /// Share of measured values inside their predicted interval; null when none was predicted.
    pub(crate) coverage: Option<f64>,
    /// What that share should be.
    pub(crate) coverage_level: Option<f64>,
}

/// One seed's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SeedRow {
    /// The seed.
    pub(crate) seed: u64,
    /// KPI id to its figures.
    pub(crate) kpis: BTreeMap<String, SeedKpi>,
}

/// One KPI under one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SeedKpi {
    /// Under the baseline.
    pub(crate) baseline: f64,
    /// Under the brain.
    pub(crate) brain: f64,
    /// Under the strongest fixed plan; null when it was not run.
    pub(crate) webster: Option<f64>,
}

/// The ledger of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct LedgerRef {
    /// Number of entries.
    pub(crate) entries: u64,
    /// Hash of the last one, lower-case hexadecimal.
    pub(crate) head_hash: String,
    /// File name inside the output folder.
    pub(crate) file: String,
}
