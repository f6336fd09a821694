//! From what the twin found to a proposal: options, constraints, choice, and who pays. Pure, so that
//! a replay is the same call.

use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_decide::{
    Bilingual, DecisionOption, Direction, Goal, InputRef, KpiValue, ModelRef, Objective, choose,
};
use conurb_scenario::{KeptDocument, Proposal};
use conurb_traffic::corridor::{Corridor, Effect};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::settings::Settings;

/// Travel time of the vehicle; where it had not arrived, how long it had been on its way.
pub const VEHICLE_S: &str = "vehicle_s";
/// More time spent in the network by all others than without a plan.
pub const OTHERS_DELAY: &str = "others_delay_veh_s";
/// From the vehicle's arrival until traffic is as without a plan; where it is not, to the end of
/// the run.
pub const RECOVERY_S: &str = "recovery_s";

/// Name and version of the model; a change of behaviour is a change of version.
pub const MODEL: (&str, &str) = ("corridor.green-wave", "1");
/// The format of documents written today.
pub const FORMAT: u32 = 1;
/// Payers named in the reason.
const NAMED: usize = 3;

/// Everything a decision reads, beside the network and the demand it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputDocument {
    /// Format of this document.
    pub format: u32,
    /// SHA-256 of the road network file.
    pub network: String,
    /// SHA-256 of the demand file.
    pub demand: String,
    /// Settings.
    pub settings: Settings,
    /// The vehicle's entity.
    pub subject: Arc<str>,
    /// Its version.
    pub version_ms: i64,
    /// Dispatch, milliseconds since 1970.
    pub at_ms: i64,
    /// First road of the way.
    pub from: String,
    /// Last road of the way.
    pub to: String,
}

impl KeptDocument for InputDocument {
    const FORMAT: u32 = FORMAT;

    fn format(&self) -> u32 {
        self.format
    }
}

impl InputDocument {
    /// Second of the demand at which the vehicle is dispatched.
    pub fn at_s(&self) -> Result<u32, String> {
        let ms = TimeMs(self.at_ms).since_ms(self.settings.start());
        u32::try_from(ms.div_euclid(1000))
            .map_err(|_| "the dispatch is before the demand begins".to_owned())
    }
}

/// The proposal that follows from what the twin found.
pub fn propose(document: &InputDocument, found: &Corridor) -> Result<Proposal, String> {
    let settings = &document.settings;
    let at_s = document.at_s()?;
    let effects: Vec<&Effect> = [&found.without].into_iter().chain(&found.tried).collect();
    let options: Vec<DecisionOption> = effects
        .iter()
        .map(|e| option(found, e, settings, at_s))
        .collect();
    let lower = |kpi: &str| Goal {
        kpi: kpi.to_owned(),
        direction: Direction::Lower,
        amount: 1e-9,
    };
    let goals = Objective::Lexicographic(vec![lower(VEHICLE_S), lower(OTHERS_DELAY)]);
    let chosen = choose(&options, &goals, &[], 0).map_or(0, |c| c.chosen);
    let at = TimeMs(document.at_ms);
    Ok(Proposal {
        subject: document.subject.clone(),
        perceived_at: at,
        at,
        findings: Vec::new(),
        input_document: document.to_bytes(),
        input_refs: vec![InputRef {
            entity: document.subject.to_string(),
            version_ms: document.version_ms,
        }],
        model: ModelRef {
            name: MODEL.0.to_owned(),
            version: MODEL.1.to_owned(),
            seed: u64::from(settings.seed),
            information_level: found.information_level.to_owned(),
        },
        why: why(&found.without, effects[chosen], settings, at_s),
        options,
        chosen,
    })
}

fn option(found: &Corridor, e: &Effect, settings: &Settings, at_s: u32) -> DecisionOption {
    let value = |kpi: &str, value: f64| KpiValue {
        kpi: kpi.to_owned(),
        value,
        interval: None,
    };
    let arrived_s = f64::from(at_s) + time_s(e, settings, at_s);
    let recovery_s = e
        .recovery_s
        .map_or(f64::from(settings.span_s) - arrived_s, f64::from);
    let action = match e.plan.lead {
        None => json!({"plan": "none"}),
        Some(lead) => json!({
            "plan": "green-wave",
            "route": found.routes[e.plan.route],
            "lead": lead,
            "yellow_s": settings.yellow_s,
            "hold_s": longest_hold_s(e),
            "signals": e.holds,
        }),
    };
    DecisionOption {
        action,
        predicted: vec![
            value(VEHICLE_S, time_s(e, settings, at_s)),
            value(OTHERS_DELAY, e.others_veh_s),
            value(RECOVERY_S, recovery_s.max(0.0)),
        ],
        refused_by: refusal(e, settings).map(str::to_owned),
    }
}

/// The constraint that forbids a plan, if one does; to leave the signals alone is always allowed.
fn refusal(e: &Effect, settings: &Settings) -> Option<&'static str> {
    e.plan.lead?;
    if e.vehicle_s.is_none() {
        return Some("arrives");
    }
    if settings
        .others_max_veh_s
        .is_some_and(|most| e.others_veh_s > most)
    {
        return Some("others-delay");
    }
    (longest_hold_s(e) > settings.hold_max_s).then_some("longest-hold")
}

fn longest_hold_s(e: &Effect) -> f64 {
    e.holds
        .iter()
        .map(|h| h.to_s - h.from_s)
        .fold(0.0, f64::max)
}

/// Travel time, or time on the way when the run ended.
fn time_s(e: &Effect, settings: &Settings, at_s: u32) -> f64 {
    e.vehicle_s
        .unwrap_or_else(|| f64::from(settings.span_s.saturating_sub(at_s)))
}

fn why(without: &Effect, chosen: &Effect, settings: &Settings, at_s: u32) -> Bilingual {
    let alone_s = time_s(without, settings, at_s);
    let Some(lead) = chosen.plan.lead else {
        return Bilingual {
            en: format!(
                "leave the signals alone: no admissible plan brings the vehicle there in less than {alone_s:.0} s"
            ),
            zh: format!("保持信号自身控制：没有可选方案能使车辆用时少于 {alone_s:.0} 秒"),
        };
    };
    let vehicle_s = time_s(chosen, settings, at_s);
    let payers: Vec<String> = (chosen.payers.iter().take(NAMED))
        .map(|p| format!("{} (+{:.0})", p.road, p.more_veh_s))
        .collect();
    let (en, zh) = chosen.recovery_s.map_or_else(
        || {
            (
                "traffic is not back to normal within the run".to_owned(),
                "在仿真时段内交通尚未恢复".to_owned(),
            )
        },
        |s| {
            (
                format!("traffic is back to normal {s} s after its arrival"),
                format!("到达后 {s} 秒交通恢复"),
            )
        },
    );
    Bilingual {
        en: format!(
            "route {}, lead {lead}: the vehicle takes {vehicle_s:.0} s instead of {alone_s:.0} s; all others \
             together {:+.0} vehicle-seconds ({:+.1} s each), most on {}; {en}",
            chosen.plan.route + 1,
            chosen.others_veh_s,
            chosen.others_mean_s,
            payers.join(", ")
        ),
        zh: format!(
            "路线 {}，提前系数 {lead}：车辆用时 {vehicle_s:.0} 秒，否则 {alone_s:.0} 秒；其他车辆合计 {:+.0} 车·秒\
             （每辆 {:+.1} 秒），代价最大的路段：{}；{zh}",
            chosen.plan.route + 1,
            chosen.others_veh_s,
            chosen.others_mean_s,
            payers.join("，")
        ),
    }
}
