//! Fixed plans from the demand: Webster's cycle and splits.
//!
//! F. V. Webster, Traffic Signal Settings, Road Research Technical Paper 39, London 1958: the cycle
//! of least delay is `C = (1.5 L + 5) / (1 - Y)` with lost time `L` and the sum `Y` of the stages'
//! critical flow ratios; effective green is shared in proportion to those ratios. Practical limits
//! of the cycle (25 and 120 s) follow Webster and Cobbe, Traffic Signals, Technical Paper 56, 1966.
//!
//! Flows come from the demand's own routes, saturation flows from the discharge of a standing queue
//! under the engine's car following (the field procedure of the Highway Capacity Manual: headways
//! after the fourth vehicle). This is the fixed plan with perfect knowledge of the demand; nothing
//! that controls adaptively is measured against less.

mod bands;
mod discharge;
mod progression;
mod waves;

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::control::SecondPlan;
use crate::demand::{Demand, Flow};
use crate::error::TrafficError;
use crate::ids::{JunctionIx, LaneIx};
use crate::network::{Network, Turn};
use crate::protocol::{self, Outcome, ProtocolOptions};
use crate::sim::Sim;

pub use bands::{Bands, CYCLE_MAX_S};
pub use discharge::{Discharge, discharge};
pub use waves::Wave;

/// Speed on turns in the engine, m/s.
const TURN_SPEED_M_S: f64 = 8.3333;
/// Most phases of a junction whose combinations are tried; of more, the first are.
const PHASES_MAX: usize = 10;
/// From this sum of flow ratios on a junction counts as oversaturated: the longest cycle.
const OVERSATURATED: f64 = 0.95;

/// How plans with a common cycle are set against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offsets {
    /// All start at 0.
    Zero,
    /// One-way green waves along the busiest roads, as far as they make no circle.
    Tree,
    /// Two-way green waves of the largest bandwidth along the arterials.
    Bands,
}

/// How plans are computed.
#[derive(Debug, Clone, PartialEq)]
pub struct WebsterOptions {
    /// Clearance after each stage, s, shown as phase 0.
    pub yellow_s: u32,
    /// Shortest green, s.
    pub min_green_s: u32,
    /// Limits of the cycle, s.
    pub cycle_s: RangeInclusive<u32>,
    /// Phases that may be used.
    pub phases: RangeInclusive<u16>,
    /// Arrivals counted, from and until, s; by free-flow travel time to each junction.
    pub window_s: (f64, f64),
    /// Factor on Webster's cycle before the limits; 1 is his.
    pub cycle_factor: f64,
    /// The same cycle at every junction, s, instead of each its own.
    pub common_cycle_s: Option<u32>,
    /// With a common cycle: how the junctions' plans are set against each other.
    pub offsets: Offsets,
}

impl Default for WebsterOptions {
    fn default() -> Self {
        Self {
            yellow_s: 5,
            min_green_s: 5,
            cycle_s: 25..=120,
            phases: 1..=4,
            window_s: (0.0, 3600.0),
            cycle_factor: 1.0,
            common_cycle_s: None,
            offsets: Offsets::Zero,
        }
    }
}

/// One stage of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Stage {
    /// The phase shown.
    pub phase: u16,
    /// For how long, s.
    pub green_s: u32,
    /// Phase 0 after it, s; 0 in a plan of a single stage.
    pub yellow_s: u32,
}

/// The fixed plan of one junction.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SignalPlan {
    /// Which junction.
    pub junction: JunctionIx,
    /// Sum of greens and yellows, s.
    pub cycle_s: u32,
    /// Start of the first stage, s after time 0.
    pub offset_s: u32,
    /// The stages in order; at least one.
    pub stages: Vec<Stage>,
    /// Sum Y of critical flow ratios; 1 or more cannot be served.
    pub flow_ratio: f64,
}

impl SignalPlan {
    /// The phase at a time.
    #[must_use]
    pub fn phase_at(&self, time_s: f64) -> u16 {
        let cycle = f64::from(self.cycle_s);
        let mut at = (time_s - f64::from(self.offset_s)).rem_euclid(cycle);
        for stage in &self.stages {
            if at < f64::from(stage.green_s) {
                return stage.phase;
            }
            at -= f64::from(stage.green_s);
            if at < f64::from(stage.yellow_s) {
                return 0;
            }
            at -= f64::from(stage.yellow_s);
        }
        self.stages.last().map_or(0, |s| s.phase)
    }
}

/// Plays the plans of all junctions; one without a plan keeps its phase.
#[derive(Debug, Clone)]
pub struct PlanPlayer {
    plans: Vec<Option<SignalPlan>>,
}

impl PlanPlayer {
    /// A player for these plans.
    #[must_use]
    pub fn new(net: &Network, plans: &[SignalPlan]) -> Self {
        let mut by_junction = vec![None; net.junctions().len()];
        for plan in plans {
            if let Some(slot) = by_junction.get_mut(plan.junction.ix()) {
                *slot = Some(plan.clone());
            }
        }
        Self { plans: by_junction }
    }
}

impl SecondPlan for PlanPlayer {
    fn phase(&mut self, sim: &Sim, junction: JunctionIx, time_s: f64) -> u16 {
        match self.plans.get(junction.ix()) {
            Some(Some(plan)) => plan.phase_at(time_s),
            _ => sim.phase(junction),
        }
    }
}

/// Webster's cycle of least delay, s; `None` where the flow ratios leave no room (`Y >= 1`).
#[must_use]
pub fn optimal_cycle_s(lost_s: f64, flow_ratio: f64) -> Option<f64> {
    (flow_ratio < 1.0).then(|| (1.5 * lost_s + 5.0) / (1.0 - flow_ratio))
}

/// Effective greens, s: the cycle without its lost time, shared by flow ratio.
#[must_use]
pub fn effective_greens_s(cycle_s: f64, lost_s: f64, flow_ratios: &[f64]) -> Vec<f64> {
    let sum: f64 = flow_ratios.iter().sum();
    let room = (cycle_s - lost_s).max(0.0);
    flow_ratios.iter().map(|y| room * y / sum).collect()
}

/// Vehicles by lane: in the window per hour, and ever.
struct LaneLoad {
    /// Critical flow ratio contributions, by lane.
    ratio: Vec<f64>,
    /// Some vehicle of the demand uses the lane for a movement that needs a phase.
    used: Vec<bool>,
    /// Mean start-up lost time, s.
    startup_s: f64,
    /// Vehicles per hour that go straight on at the end of a road, and its free-flow time, s.
    through_veh_h: Vec<f64>,
    travel_s: Vec<f64>,
}

/// Vehicles of a flow that come by in the window when they need `delay_s` to get there.
fn arrivals(flow: &Flow, delay_s: f64, (from, until): (f64, f64)) -> f64 {
    #[allow(clippy::cast_precision_loss)] // seconds
    let first = flow.start_s as f64 + delay_s;
    #[allow(clippy::cast_precision_loss)]
    let last = flow.end_s.map_or(f64::INFINITY, |e| e as f64 + delay_s);
    let below = |t: f64| {
        let t = t.min(last + 1e-9);
        if t <= first {
            0.0
        } else {
            ((t - first) / flow.interval_s).ceil()
        }
    };
    (below(until) - below(from)).max(0.0)
}

fn lane_load(net: &Network, demand: &Demand, options: &WebsterOptions) -> LaneLoad {
    let mut links = HashMap::new();
    for (j, junction) in net.junctions().iter().enumerate() {
        for (r, link) in junction.road_links.iter().enumerate() {
            links.insert((link.from, link.to), (j, r));
        }
    }
    let mut discharges: HashMap<(u32, u64), Discharge> = HashMap::new();
    let mut load = LaneLoad {
        ratio: vec![0.0; net.lanes().len()],
        used: vec![false; net.lanes().len()],
        startup_s: 0.0,
        through_veh_h: vec![0.0; net.roads().len()],
        travel_s: vec![0.0; net.roads().len()],
    };
    let hours = (options.window_s.1 - options.window_s.0).max(1.0) / 3600.0;
    let mut startup_weight = 0.0;
    for flow in demand.flows() {
        let template = &demand.templates()[flow.template as usize];
        let mut delay_s = 0.0;
        for pair in demand.routes()[flow.route as usize].windows(2) {
            let road = &net.roads()[pair[0].ix()];
            let lane = &net.lanes()[road.lanes[0].ix()];
            let limit = lane.max_speed_m_s.min(template.max_speed_m_s);
            delay_s += lane.length_m / limit;
            load.travel_s[pair[0].ix()] = lane.length_m / limit;
            let Some(&(j, r)) = links.get(&(pair[0], pair[1])) else {
                continue;
            };
            let road_link = &net.junctions()[j].road_links[r];
            let speed = match road_link.turn {
                Turn::Straight => limit,
                _ => limit.min(TURN_SPEED_M_S),
            };
            let d = *discharges
                .entry((flow.template, speed.to_bits()))
                .or_insert_with(|| discharge(template, speed));
            let mut lanes: Vec<LaneIx> = (road_link.links.iter())
                .map(|l| net.links()[l.ix()].from)
                .collect();
            lanes.dedup();
            let veh_h = arrivals(flow, delay_s, options.window_s) / hours;
            load.startup_s += veh_h * d.startup_s;
            startup_weight += veh_h;
            if road_link.turn == Turn::Straight {
                load.through_veh_h[pair[0].ix()] += veh_h;
            }
            for lane in &lanes {
                load.used[lane.ix()] = true;
                #[allow(clippy::cast_precision_loss)] // a handful of lanes
                let share = veh_h / lanes.len() as f64;
                load.ratio[lane.ix()] += share * d.headway_s / 3600.0;
            }
        }
    }
    load.startup_s /= f64::max(startup_weight, 1e-9);
    load
}

/// The stages of one junction: phases and their critical flow ratios.
struct Choice {
    phases: Vec<u16>,
    ratios: Vec<f64>,
}

/// Chooses the phases: of all sets that serve every used lane the one with the shortest Webster
/// cycle (oversaturated: the smallest sum of ratios).
fn choose(
    net: &Network,
    j: JunctionIx,
    load: &LaneLoad,
    o: &WebsterOptions,
    lost_s: f64,
) -> Choice {
    let junction = &net.junctions()[j.ix()];
    let lanes_of = |phase: u16| -> Vec<LaneIx> {
        let links = net.phase_links(j, phase).iter();
        let mut lanes: Vec<LaneIx> = links.map(|l| net.links()[l.ix()].from).collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes
    };
    // What phase 0 serves too (right turns) needs no stage of its own.
    let always = lanes_of(0);
    let last = u16::try_from(junction.phases.len() - 1).unwrap_or(u16::MAX);
    let candidates: Vec<(u16, Vec<LaneIx>)> = (*o.phases.start().max(&1)
        ..=last.min(*o.phases.end()))
        .take(PHASES_MAX)
        .map(|p| {
            let needs = |l: &LaneIx| load.used[l.ix()] && !always.contains(l);
            (p, lanes_of(p).into_iter().filter(needs).collect())
        })
        .collect();
    let mut needed: Vec<LaneIx> = candidates.iter().flat_map(|c| c.1.clone()).collect();
    needed.sort_unstable();
    needed.dedup();
    let mut best: Option<(f64, Choice)> = None;
    for set in 1_u32..1 << candidates.len() {
        let members: Vec<&(u16, Vec<LaneIx>)> = (0..candidates.len())
            .filter(|k| set >> k & 1 == 1)
            .map(|k| &candidates[k])
            .collect();
        if !needed
            .iter()
            .all(|l| members.iter().any(|m| m.1.contains(l)))
        {
            continue;
        }
        let ratios = ratios(&members, &needed, &load.ratio);
        let sum: f64 = ratios.iter().sum();
        #[allow(clippy::cast_precision_loss)] // at most ten
        let lost = lost_s * members.len() as f64;
        let score = match optimal_cycle_s(lost, sum) {
            Some(cycle) if sum < OVERSATURATED => cycle,
            _ => 1e6 * sum + lost,
        };
        if best.as_ref().is_none_or(|b| score < b.0) {
            let phases = members.iter().map(|m| m.0).collect();
            best = Some((score, Choice { phases, ratios }));
        }
    }
    best.map_or_else(
        || Choice {
            phases: vec![last.min(1)],
            ratios: vec![0.0],
        },
        |b| b.1,
    )
}

/// Ratio of each member: first what lanes with no other stage need, then the deficits of lanes
/// with several, largest first, at the stage that already has most.
fn ratios(members: &[&(u16, Vec<LaneIx>)], needed: &[LaneIx], load: &[f64]) -> Vec<f64> {
    let mut ratios = vec![0.0; members.len()];
    let serving = |l: LaneIx| -> Vec<usize> {
        (0..members.len())
            .filter(|&k| members[k].1.contains(&l))
            .collect()
    };
    let mut shared = Vec::new();
    for &lane in needed {
        match serving(lane)[..] {
            [only] => ratios[only] = f64::max(ratios[only], load[lane.ix()]),
            _ => shared.push(lane),
        }
    }
    shared.sort_by(|a, b| load[b.ix()].total_cmp(&load[a.ix()]).then(a.cmp(b)));
    for lane in shared {
        let stages = serving(lane);
        let has: f64 = stages.iter().map(|&k| ratios[k]).sum();
        let most =
            (stages.into_iter()).max_by(|&a, &b| ratios[a].total_cmp(&ratios[b]).then(b.cmp(&a)));
        if let Some(k) = most {
            ratios[k] += (load[lane.ix()] - has).max(0.0);
        }
    }
    ratios
}

/// The plan of one junction from its stages.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)] // seconds of a cycle
fn time(junction: JunctionIx, choice: &Choice, o: &WebsterOptions, startup_s: f64) -> SignalPlan {
    let n = choice.phases.len();
    let flow_ratio: f64 = choice.ratios.iter().sum();
    let yellow_s = if n > 1 { o.yellow_s } else { 0 };
    let lost_s = n as f64 * (f64::from(yellow_s) + startup_s);
    let fewest = n as u32 * (o.min_green_s.max(1) + yellow_s);
    let longest = *o.cycle_s.end();
    let wanted = match optimal_cycle_s(lost_s, flow_ratio) {
        Some(cycle) if flow_ratio < OVERSATURATED => cycle * o.cycle_factor,
        _ => f64::from(longest),
    };
    let cycle = wanted.round() as u32;
    let cycle_s = o
        .common_cycle_s
        .unwrap_or_else(|| cycle.clamp((*o.cycle_s.start()).min(longest), longest))
        .max(fewest);
    let room = cycle_s - n as u32 * yellow_s;
    // Shown green = effective green + start-up loss; whole seconds by largest remainder, never
    // below the shortest green.
    let ratios: Vec<f64> = choice.ratios.iter().map(|y| y.max(1e-6)).collect();
    let wish: Vec<f64> = effective_greens_s(f64::from(cycle_s), lost_s, &ratios)
        .into_iter()
        .map(|g| g + startup_s)
        .collect();
    let greens = whole_seconds(&wish, room, o.min_green_s.max(1));
    let stages = choice.phases.iter().zip(greens);
    SignalPlan {
        junction,
        cycle_s,
        offset_s: 0,
        stages: stages
            .map(|(&phase, green_s)| Stage {
                phase,
                green_s,
                yellow_s,
            })
            .collect(),
        flow_ratio,
    }
}

/// Whole numbers of at least `least` that sum up to `sum` and are as near to `wish` as can be
/// (`sum >= least * wish.len()`).
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn whole_seconds(wish: &[f64], sum: u32, least: u32) -> Vec<u32> {
    let mut whole: Vec<u32> = wish.iter().map(|w| (w.floor() as u32).max(least)).collect();
    loop {
        let now: u32 = whole.iter().sum();
        // One second at a time, where it is missed most or hurts least.
        let lacks = |i: usize| wish[i] - f64::from(whole[i]);
        let order = |a: &usize, b: &usize| lacks(*a).total_cmp(&lacks(*b)).then(b.cmp(a));
        if now < sum {
            let Some(i) = (0..whole.len()).max_by(order) else {
                return whole;
            };
            whole[i] += 1;
        } else if now > sum {
            let cuttable = (0..whole.len()).filter(|&i| whole[i] > least);
            let Some(i) = cuttable.min_by(order) else {
                return whole;
            };
            whole[i] -= 1;
        } else {
            return whole;
        }
    }
}

/// Webster's plan for every signalised junction, in file order.
#[must_use]
pub fn webster(net: &Network, demand: &Demand, options: &WebsterOptions) -> Vec<SignalPlan> {
    with_waves(net, demand, options).0
}

/// The plans, and with [`Offsets::Bands`] the green waves they give, the busiest first.
#[must_use]
pub fn with_waves(
    net: &Network,
    demand: &Demand,
    options: &WebsterOptions,
) -> (Vec<SignalPlan>, Vec<Wave>) {
    let load = lane_load(net, demand, options);
    let lost_s = f64::from(options.yellow_s) + load.startup_s;
    let mut plans: Vec<SignalPlan> = net
        .signalised()
        .into_iter()
        .map(|j| {
            let choice = choose(net, j, &load, options, lost_s);
            time(j, &choice, options, load.startup_s)
        })
        .collect();
    let waves = match options.offsets {
        _ if options.common_cycle_s.is_none() => Vec::new(),
        Offsets::Zero => Vec::new(),
        Offsets::Tree => {
            progression::set_offsets(net, &mut plans, &load.through_veh_h, &load.travel_s);
            Vec::new()
        }
        Offsets::Bands => waves::set_offsets(net, &mut plans, &load.through_veh_h, &load.travel_s),
    };
    (plans, waves)
}

/// "Webster, cycle searched": what was tried and the best.
#[derive(Debug, Clone)]
pub struct Searched {
    /// The best plans.
    pub plans: Vec<SignalPlan>,
    /// Their green waves, with [`Offsets::Bands`].
    pub waves: Vec<Wave>,
    /// The options that gave them.
    pub options: WebsterOptions,
    /// Their run.
    pub outcome: Outcome,
    /// Every candidate with its average travel time (network), s, in order of trial.
    pub tried: Vec<(WebsterOptions, f64)>,
}

/// The factors on Webster's cycle, and the common cycles (with offsets 0 and with progression)
/// that [`webster_searched`] tries; the latter with bands are what [`greenwave_searched`] tries.
pub const SEARCH: (&[f64], &[u32]) = (&[1.0, 0.8, 1.25, 1.5], &[50, 60, 70, 80, 90, 100, 120]);

/// Tries the cycle lengths of [`SEARCH`] in the simulator on the same demand and keeps the plan
/// with the least average travel time (network); the first of equals. It sees the very vehicles it
/// will be judged on: an upper bound for what a fixed plan of this kind can do.
pub fn webster_searched(
    net: &Arc<Network>,
    demand: &Arc<Demand>,
    options: &WebsterOptions,
    protocol: &ProtocolOptions,
) -> Result<Searched, TrafficError> {
    let own = SEARCH.0.iter().map(|&cycle_factor| WebsterOptions {
        cycle_factor,
        common_cycle_s: None,
        ..options.clone()
    });
    let common = [Offsets::Zero, Offsets::Tree].into_iter();
    let common = common.flat_map(|offsets| common_cycles(options, offsets));
    search(net, demand, own.chain(common), protocol)
}

/// Webster's splits at a common cycle with the offsets of largest bandwidth; the cycle is searched
/// as in [`webster_searched`].
///
/// # Errors
/// A junction whose stages do not fit into a cycle of [`CYCLE_MAX_S`].
pub fn greenwave_searched(
    net: &Arc<Network>,
    demand: &Arc<Demand>,
    options: &WebsterOptions,
    protocol: &ProtocolOptions,
) -> Result<Searched, TrafficError> {
    let candidates = common_cycles(options, Offsets::Bands);
    let found = search(net, demand, candidates, protocol)?;
    if let Some(plan) = found.plans.iter().find(|p| p.cycle_s > CYCLE_MAX_S) {
        return Err(TrafficError::Option {
            what: "yellow_s",
            message: format!(
                "the stages of junction \"{}\" need a cycle of {} s; a common cycle has at most \
                 {CYCLE_MAX_S} s",
                net.junctions()[plan.junction.ix()].id,
                plan.cycle_s
            ),
        });
    }
    Ok(found)
}

fn common_cycles(
    options: &WebsterOptions,
    offsets: Offsets,
) -> impl Iterator<Item = WebsterOptions> + '_ {
    SEARCH.1.iter().map(move |&cycle| WebsterOptions {
        common_cycle_s: Some(cycle),
        offsets,
        ..options.clone()
    })
}

fn search(
    net: &Arc<Network>,
    demand: &Arc<Demand>,
    candidates: impl Iterator<Item = WebsterOptions>,
    protocol: &ProtocolOptions,
) -> Result<Searched, TrafficError> {
    let mut best: Option<Searched> = None;
    let mut tried = Vec::new();
    for candidate in candidates {
        let (plans, waves) = with_waves(net, demand, &candidate);
        let mut player = PlanPlayer::new(net, &plans);
        let outcome = protocol::run_plan(net, demand, &mut player, protocol, &mut |_| {})?;
        tried.push((candidate.clone(), outcome.network_s));
        let better = |b: &Searched| outcome.network_s < b.outcome.network_s;
        if best.as_ref().is_none_or(better) {
            best = Some(Searched {
                plans,
                waves,
                options: candidate,
                outcome,
                tried: Vec::new(),
            });
        }
    }
    let mut best = best.expect("at least one candidate is tried");
    best.tried = tried;
    Ok(best)
}

#[cfg(test)]
mod tests;
