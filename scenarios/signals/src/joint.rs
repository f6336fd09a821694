//! Look-ahead control: one decision for all signals of a moment, from detector reports alone.
//!
//! The joint document holds what every lane reported; from it the same estimate as the local twin's
//! places vehicles, counts of entries and departures give turning shares and arrivals, and
//! `conurb_traffic::control::lookahead` plans all junctions together. Each signal that decides gets
//! its own record; all records of a moment keep the same document.

use std::collections::BTreeMap;
use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_decide::{Bilingual, Interval, ModelRef};
use conurb_scenario::{KeptDocument, Proposal};
use conurb_traffic::control::lookahead::{JointPlan, Observation, SeenVehicle};
use conurb_traffic::control::{Level, LookAhead, LookAheadOptions};
use conurb_traffic::{LaneIx, Network, TrafficError};
use serde::{Deserialize, Serialize};

use crate::estimate::Estimate;
use crate::input::LaneObservation;
use crate::layout::SignalLayout;
use crate::propose::{Moment, Reason};
use crate::settings::Settings;
use crate::twin::{Outlook, free_speed, template};

/// The format of joint documents written today.
pub const JOINT_FORMAT: u32 = 1;

/// Most arrivals at the edge of the network that one lane can take, vehicles a second.
const RATE_MAX_VEH_S: f64 = 1.0;

/// Everything a joint decision reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JointDocument {
    /// Format of this document.
    pub joint_format: u32,
    /// SHA-256 of the road network file, kept as a blob too.
    pub network: String,
    /// SHA-256 of the canonical settings, kept as a blob too.
    pub settings: String,
    /// The moment decided for, milliseconds since 1970.
    pub at_ms: i64,
    /// All signals, in the layout's order.
    pub signals: Vec<SignalMoment>,
    /// All lanes that lead to or away from a signal, ascending in the network's order; none where no
    /// report is fresh enough.
    pub lanes: Vec<Option<LaneHistory>>,
}

/// What is known of one signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalMoment {
    /// The green phase shown or being switched to; none before its first report.
    pub phase: Option<u16>,
    /// For how long it has been green, seconds.
    pub green_for_s: u32,
    /// Whether it decides now; one that does not keeps its phase in the model.
    pub decides: bool,
    /// The interval of the measured KPI's past errors.
    pub errors: Option<Interval>,
}

/// What is known of one lane.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LaneHistory {
    /// Its last report.
    pub seen: LaneObservation,
    /// Vehicles counted in since the first report.
    pub entered_veh: f64,
    /// Vehicles gone since then: those that were there and those that entered, less those still there.
    pub left_veh: f64,
    /// Entries a second over the last minutes.
    pub rate_veh_s: f64,
}

impl KeptDocument for JointDocument {
    const FORMAT: u32 = JOINT_FORMAT;

    fn format(&self) -> u32 {
        self.joint_format
    }
}

/// The planner of a network and what it needs to read a document.
pub(crate) struct Joint {
    network: Arc<Network>,
    planner: LookAhead,
    /// Lanes of the document.
    pub(crate) lanes: Vec<LaneIx>,
    /// By lane of the document: the signal it leads to and its place among the entering lanes.
    leads_to: Vec<Option<(usize, usize)>>,
    /// By lane of the document: whether nothing in the network leads to it.
    edge: Vec<bool>,
    /// Place in the document by lane of the network.
    place: Vec<Option<usize>>,
}

impl Joint {
    pub(crate) fn new(
        network: &Arc<Network>,
        layouts: &[SignalLayout],
        settings: &Settings,
    ) -> Result<Self, TrafficError> {
        let choices: BTreeMap<_, _> = layouts
            .iter()
            .map(|l| (l.junction, l.options.iter().map(|o| o.phase).collect()))
            .collect();
        let options = LookAheadOptions {
            level: Level::Detectors,
            interval_s: settings.decision_interval_s,
            yellow_s: settings.yellow_s,
            seed: settings.seed,
            threads: rayon::current_num_threads().clamp(1, 256),
            ..LookAheadOptions::default()
        };
        let planner = LookAhead::with_choices(network, &[template(settings)], options, choices)?;
        let all = |l: &SignalLayout| l.entering.iter().chain(&l.leaving).copied().collect();
        let mut lanes: Vec<LaneIx> = layouts.iter().flat_map::<Vec<_>, _>(all).collect();
        lanes.sort_unstable();
        lanes.dedup();
        let mut place = vec![None; network.lanes().len()];
        for (i, lane) in lanes.iter().enumerate() {
            place[lane.ix()] = Some(i);
        }
        let mut leads_to = vec![None; lanes.len()];
        for (n, layout) in layouts.iter().enumerate() {
            for (i, lane) in layout.entering.iter().enumerate() {
                if let Some(p) = place[lane.ix()] {
                    leads_to[p] = Some((n, i));
                }
            }
        }
        let mut fed = vec![false; network.lanes().len()];
        for link in network.links() {
            fed[link.to.ix()] = true;
        }
        let edge = |l: &LaneIx| !fed[l.ix()] && !network.lanes()[l.ix()].links.is_empty();
        Ok(Self {
            edge: lanes.iter().map(edge).collect(),
            network: network.clone(),
            planner,
            lanes,
            leads_to,
            place,
        })
    }

    /// How far the planner looks, s.
    pub(crate) const fn horizon_s(&self) -> u32 {
        self.planner.horizon_s()
    }

    /// One proposal for every signal that decides, in the layout's order.
    pub(crate) fn propose(
        &mut self,
        layouts: &[SignalLayout],
        document: &JointDocument,
        settings: &Settings,
        model: &ModelRef,
    ) -> Result<Vec<Proposal>, String> {
        if document.signals.len() != layouts.len() || document.lanes.len() != self.lanes.len() {
            return Err("the input document has another number of signals or of lanes".to_owned());
        }
        let entering: Vec<Vec<LaneObservation>> =
            layouts.iter().map(|l| self.entering(l, document)).collect();
        let moments: Vec<Moment<'_>> = layouts
            .iter()
            .zip(&document.signals)
            .zip(&entering)
            .map(|((layout, s), entering)| Moment {
                layout,
                phase: s.phase.unwrap_or(settings.clearance_phase),
                green_for_s: s.green_for_s,
                entering,
                errors: s.errors.as_ref(),
            })
            .collect();
        let plan = self.plan(&moments, document, settings);
        let bytes = document.to_bytes();
        let horizon_s = self.horizon_s();
        let deciding = (0..layouts.len()).filter(|n| document.signals[*n].decides);
        Ok(deciding
            .filter_map(|n| {
                let moment = &moments[n];
                let (outlooks, chosen) = told(&plan, moment)?;
                Some(Proposal {
                    subject: moment.layout.urn.clone(),
                    perceived_at: TimeMs(document.at_ms),
                    at: TimeMs(document.at_ms),
                    findings: Vec::new(),
                    input_document: bytes.clone(),
                    input_refs: Vec::new(),
                    model: model.clone(),
                    options: moment.options(&outlooks, settings),
                    chosen,
                    why: why(&moment.reason(&outlooks, chosen), &plan, horizon_s),
                })
            })
            .collect())
    }

    fn entering(&self, layout: &SignalLayout, document: &JointDocument) -> Vec<LaneObservation> {
        let seen = |l: &LaneIx| {
            let known = self.place[l.ix()].and_then(|p| document.lanes[p].as_ref());
            known.map(|k| k.seen.clone()).unwrap_or_default()
        };
        layout.entering.iter().map(seen).collect()
    }

    fn plan(
        &mut self,
        moments: &[Moment<'_>],
        document: &JointDocument,
        settings: &Settings,
    ) -> JointPlan {
        let seen = self.observation(moments, document, settings);
        let may: BTreeMap<_, Vec<u16>> = moments
            .iter()
            .zip(&document.signals)
            .map(|(m, s)| {
                let options = m.layout.options.iter().enumerate();
                let allowed = |i: usize, phase: u16| {
                    if s.decides {
                        m.refusal(settings, i).is_none()
                    } else {
                        phase == m.phase
                    }
                };
                let phases = options.filter(|(i, o)| allowed(*i, o.phase));
                (m.layout.junction, phases.map(|(_, o)| o.phase).collect())
            })
            .collect();
        self.planner.joint_plan(&seen, |junction, phase| {
            may.get(&junction).is_none_or(|m| m.contains(&phase))
        })
    }

    /// The state of the network as the reports tell it (level LD).
    fn observation(
        &self,
        moments: &[Moment<'_>],
        document: &JointDocument,
        settings: &Settings,
    ) -> Observation {
        let mut seen = Observation::default();
        #[allow(clippy::cast_precision_loss)] // milliseconds since 1970 are below 2^53
        let time_s = document.at_ms as f64 / 1000.0;
        seen.time_s = time_s;
        seen.phases = vec![settings.clearance_phase; self.network.junctions().len()];
        for m in moments {
            if m.layout.options.iter().any(|o| o.phase == m.phase) {
                seen.phases[m.layout.junction.ix()] = m.phase;
            }
        }
        for (p, (lane, known)) in self.lanes.iter().zip(&document.lanes).enumerate() {
            let Some(known) = known else { continue };
            let green = self.leads_to[p].is_none_or(|(n, i)| {
                let options = &moments[n].layout.options;
                let serves = |o: &crate::layout::PhaseOption| o.lanes.contains(&i);
                !options.iter().any(serves)
                    || options
                        .iter()
                        .any(|o| o.phase == moments[n].phase && serves(o))
            });
            let estimate = Estimate {
                seen: &known.seen,
                length_m: self.network.lanes()[lane.ix()].length_m,
                free_m_s: free_speed(&self.network, *lane, settings),
                green,
                settings,
            };
            for (position_m, speed_m_s) in estimate.vehicles() {
                seen.vehicles.push(SeenVehicle {
                    lane: *lane,
                    position_m,
                    speed_m_s,
                    template: 0,
                    path: None,
                });
            }
            if self.edge[p] && known.rate_veh_s > 0.0 {
                seen.rate
                    .push((*lane, known.rate_veh_s.min(RATE_MAX_VEH_S)));
            }
        }
        seen.passed = self.passed(document);
        seen
    }

    /// Vehicles that went from lane to lane since the first report: what left a lane, spread over the
    /// lanes it leads to as entries there are.
    fn passed(&self, document: &JointDocument) -> Vec<f64> {
        let known = |l: LaneIx| self.place[l.ix()].and_then(|p| document.lanes[p].as_ref());
        let links = self.network.links();
        let weight = |l: usize| 1.0 + known(links[l].to).map_or(0.0, |k| k.entered_veh);
        let mut passed = vec![0.0; links.len()];
        for lane in &self.lanes {
            let Some(k) = known(*lane) else { continue };
            let ways = &self.network.lanes()[lane.ix()].links;
            let all: f64 = ways.iter().map(|l| weight(l.ix())).sum();
            for l in ways {
                passed[l.ix()] = k.left_veh * weight(l.ix()) / all;
            }
        }
        passed
    }
}

/// What the plan expects of a signal's options, and which of them it chose.
fn told(plan: &JointPlan, moment: &Moment<'_>) -> Option<(Vec<Outlook>, usize)> {
    let sites = &plan.sites;
    let at = sites.binary_search_by_key(&moment.layout.junction, |s| s.junction);
    let site = &sites[at.ok()?];
    let outlooks: Vec<Outlook> = site
        .options
        .iter()
        .map(|o| Outlook {
            horizon_delay_veh_s: o.cost_veh_s,
            interval_delay_veh_s: o.interval_delay_veh_s,
            queue_veh: o.queue_veh,
        })
        .collect();
    let chosen = moment
        .layout
        .options
        .iter()
        .position(|o| o.phase == site.chosen)?;
    (outlooks.len() == moment.layout.options.len()).then_some((outlooks, chosen))
}

fn why(r: &Reason<'_>, plan: &JointPlan, horizon_s: u32) -> Bilingual {
    let (than_en, than_zh) = match r.other {
        None => (String::new(), String::new()),
        Some((other, more)) if more >= 0.0 => (
            format!(", {more:.1} less than {}", other.en),
            format!("，比“{}”少 {more:.1}", other.zh),
        ),
        // A plan counts for the whole network, or the constraints leave no better option.
        Some((other, more)) => (
            format!(
                ", {:.1} more than {}, which is not admissible now or makes the joint plan no better",
                -more, other.en
            ),
            format!(
                "，比“{}”多 {:.1}，但后者此刻不可选，或不能使整体方案更好",
                other.zh, -more
            ),
        ),
    };
    let (total, saved) = (plan.cost_veh_s, plan.base_cost_veh_s - plan.cost_veh_s);
    let n = plan.sites.len();
    Bilingual {
        en: format!(
            "{} {}: {:.0} vehicles wait there; expected delay around this junction over {horizon_s} s \
             and of what is left then: {:.1} vehicle-seconds{than_en}; joint plan of {n} signals: \
             {total:.0}, {saved:.0} less than each by its own schedule",
            r.verb.0, r.label.en, r.queue_veh, r.cost_veh_s
        ),
        zh: format!(
            "{}“{}”：该相位有 {:.0} 辆车排队；预计未来 {horizon_s} 秒及其后余留车辆的本路口延误 {:.1} 车·秒{than_zh}；\
             {n} 个信号的整体方案为 {total:.0}，比各自按排程少 {saved:.0}",
            r.verb.1, r.label.zh, r.queue_veh, r.cost_veh_s
        ),
    }
}
