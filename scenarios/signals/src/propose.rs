//! From what a model expects of every phase to a proposal: constraints, choice, reason. Pure, so
//! that a replay is the same call.

use conurb_base::TimeMs;
use conurb_decide::{
    Bilingual, DecisionOption, Direction, Goal, Interval, KpiValue, ModelRef, Objective, choose,
};
use conurb_scenario::{KeptDocument as _, Proposal};

use crate::input::{InputDocument, LaneObservation};
use crate::layout::SignalLayout;
use crate::scenario::{HORIZON_DELAY, INTERVAL_DELAY, QUEUE};
use crate::settings::Settings;
use crate::twin::{LocalTwin, Outlook};

/// Two outlooks closer than this are equally good, vehicle-seconds.
const EQUAL_VEH_S: f64 = 1e-9;

/// One signal at the moment of a decision.
pub(crate) struct Moment<'a> {
    /// The signal.
    pub(crate) layout: &'a SignalLayout,
    /// The green phase shown or being switched to.
    pub(crate) phase: u16,
    /// For how long it has been green, seconds.
    pub(crate) green_for_s: u32,
    /// What the entering lanes reported, in the layout's order.
    pub(crate) entering: &'a [LaneObservation],
    /// The interval of past errors of the measured KPI.
    pub(crate) errors: Option<&'a Interval>,
}

impl Moment<'_> {
    /// The constraint that forbids option `i`, if one does.
    pub(crate) fn refusal(&self, settings: &Settings, i: usize) -> Option<String> {
        let options = &self.layout.options;
        let keeps = options[i].phase == self.phase;
        let shows_option = options.iter().any(|o| o.phase == self.phase);
        if !keeps && shows_option && self.green_for_s < settings.min_green_s {
            return Some("min-green".to_owned());
        }
        let others_wait = options
            .iter()
            .filter(|o| o.phase != self.phase)
            .flat_map(|o| &o.lanes)
            .any(|l| self.entering[*l].queue > 0.0);
        if keeps && self.green_for_s >= settings.max_green_s && others_wait {
            return Some("max-green".to_owned());
        }
        None
    }

    /// The options as they stand in the record.
    pub(crate) fn options(&self, outlooks: &[Outlook], settings: &Settings) -> Vec<DecisionOption> {
        self.layout
            .options
            .iter()
            .zip(outlooks)
            .enumerate()
            .map(|(i, (option, outlook))| DecisionOption {
                action: serde_json::json!({"phase": option.phase, "yellow_s": settings.yellow_s}),
                predicted: predicted(outlook, self.errors),
                refused_by: self.refusal(settings, i),
            })
            .collect()
    }

    /// Least delay over the horizon among the allowed; the present phase wins ties, then the first.
    ///
    /// Minimum and maximum green never forbid everything at once: the first forbids only changes,
    /// the second only staying. A signal that shows a phase outside its options changes to the first.
    fn choice(&self, options: &[DecisionOption]) -> usize {
        let shown = |o: &crate::layout::PhaseOption| o.phase == self.phase;
        let keep = self.layout.options.iter().position(shown);
        let objective = Objective::Lexicographic(vec![Goal {
            kpi: HORIZON_DELAY.to_owned(),
            direction: Direction::Lower,
            amount: EQUAL_VEH_S,
        }]);
        let safe = keep.unwrap_or(0);
        choose(options, &objective, &[], safe).map_or(safe, |c| c.chosen)
    }

    /// What a reason is made of: what is done, who waits, and the best of the other options.
    pub(crate) fn reason(&self, outlooks: &[Outlook], chosen: usize) -> Reason<'_> {
        let option = &self.layout.options[chosen];
        let cost = outlooks[chosen].horizon_delay_veh_s;
        let keeps = option.phase == self.phase;
        let runner_up = (0..outlooks.len()).filter(|i| *i != chosen).min_by(|a, b| {
            let of = |i: &usize| outlooks[*i].horizon_delay_veh_s;
            of(a).total_cmp(&of(b))
        });
        Reason {
            verb: if keeps {
                ("keep", "保持")
            } else {
                ("switch to", "切换到")
            },
            label: &option.label,
            queue_veh: option.lanes.iter().map(|l| self.entering[*l].queue).sum(),
            cost_veh_s: cost,
            other: runner_up.map(|r| {
                let more = outlooks[r].horizon_delay_veh_s - cost;
                (&self.layout.options[r].label, more)
            }),
        }
    }
}

/// Parts of a reason.
pub(crate) struct Reason<'a> {
    /// English, Chinese.
    pub(crate) verb: (&'static str, &'static str),
    /// The option chosen.
    pub(crate) label: &'a Bilingual,
    /// Vehicles that wait on the lanes it serves.
    pub(crate) queue_veh: f64,
    /// Delay expected of it.
    pub(crate) cost_veh_s: f64,
    /// The best other option, and how much more it is expected to cost.
    pub(crate) other: Option<(&'a Bilingual, f64)>,
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

/// The proposal of the local twin.
pub(crate) fn local(
    twin: &mut LocalTwin,
    layout: &SignalLayout,
    input: &InputDocument,
    settings: &Settings,
    model: ModelRef,
) -> Proposal {
    let outlooks = twin.outlooks(layout, input, settings);
    let moment = Moment {
        layout,
        phase: input.phase,
        green_for_s: input.green_for_s,
        entering: &input.entering,
        errors: input.errors.as_ref(),
    };
    let options = moment.options(&outlooks, settings);
    let chosen = moment.choice(&options);
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
        why: why(&moment.reason(&outlooks, chosen), settings),
    }
}

fn why(r: &Reason<'_>, settings: &Settings) -> Bilingual {
    let (than_en, than_zh) = r.other.map_or_else(
        || (String::new(), String::new()),
        |(other, saved)| {
            (
                format!(", {saved:.1} less than {}", other.en),
                format!("，比“{}”少 {saved:.1}", other.zh),
            )
        },
    );
    Bilingual {
        en: format!(
            "{} {}: {:.0} vehicles wait there; expected delay around this junction \
             over {} s: {:.1} vehicle-seconds{than_en}",
            r.verb.0, r.label.en, r.queue_veh, settings.horizon_s, r.cost_veh_s
        ),
        zh: format!(
            "{}“{}”：该相位有 {:.0} 辆车排队；预计未来 {} 秒本路口延误 {:.1} 车·秒{than_zh}",
            r.verb.1, r.label.zh, r.queue_veh, settings.horizon_s, r.cost_veh_s
        ),
    }
}
