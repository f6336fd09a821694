//! Signalised junctions as the search sees them: options, lanes, neighbours, parts of the network.

use std::ops::RangeInclusive;

use crate::control::Movements;
use crate::ids::{JunctionIx, LaneIx, RoadIx};
use crate::network::Network;
use crate::sim::{Part, Sim, WAITING_BELOW_M_S};

/// One signalised junction.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) junction: JunctionIx,
    /// Phases that may be chosen; those that serve the same as an earlier one are left out.
    pub(crate) options: Vec<u16>,
    /// Lanes an option serves.
    pub(crate) lanes: Vec<Vec<LaneIx>>,
    /// The part of the network its choice reaches.
    pub(crate) part: Part,
    /// Sites inside the part that react to what happens (itself among them), ascending.
    pub(crate) live: Vec<usize>,
    /// Sites at the part's border whose signals matter but do not react.
    pub(crate) fixed: Vec<usize>,
    /// Class of sites decided at the same time; no two of one class touch.
    pub(crate) class: usize,
}

/// Sites of a network, by place among its signalised junctions.
pub(crate) fn sites(net: &Network, phases: &RangeInclusive<u16>, hops: u32) -> Vec<Site> {
    let movements = Movements::new(net);
    let junctions = net.signalised();
    let place = |j: JunctionIx| junctions.binary_search(&j).ok();
    let next_to = |k: usize| -> Vec<usize> {
        let mut near: Vec<usize> = (net.junctions()[junctions[k].ix()].roads.iter())
            .flat_map(|r| [net.roads()[r.ix()].from, net.roads()[r.ix()].to])
            .filter_map(place)
            .filter(|n| *n != k)
            .collect();
        near.sort_unstable();
        near.dedup();
        near
    };
    let near: Vec<Vec<usize>> = (0..junctions.len()).map(next_to).collect();
    let mut all: Vec<Site> = Vec::with_capacity(junctions.len());
    for (k, j) in junctions.iter().enumerate() {
        let mut live = vec![k];
        for _ in 0..hops {
            let more: Vec<usize> = live.iter().flat_map(|l| near[*l].iter().copied()).collect();
            live.extend(more);
            live.sort_unstable();
            live.dedup();
        }
        let live_junctions: Vec<JunctionIx> = live.iter().map(|l| junctions[*l]).collect();
        let part = part(net, &live_junctions);
        let mut fixed: Vec<usize> = live.iter().flat_map(|l| near[*l].iter().copied()).collect();
        fixed.sort_unstable();
        fixed.dedup();
        fixed.retain(|f| !live.contains(f));
        let (options, lanes) = options(net, &movements, *j, phases);
        let taken: Vec<usize> = near[k]
            .iter()
            .filter_map(|n| all.get(*n))
            .map(|s| s.class)
            .collect();
        let class = (0..).find(|c| !taken.contains(c)).unwrap_or(0);
        all.push(Site {
            junction: *j,
            options,
            lanes,
            part,
            live,
            fixed,
            class,
        });
    }
    all
}

fn options(
    net: &Network,
    movements: &Movements,
    j: JunctionIx,
    phases: &RangeInclusive<u16>,
) -> (Vec<u16>, Vec<Vec<LaneIx>>) {
    let count = net.junctions()[j.ix()].phases.len();
    let last = u16::try_from(count - 1).unwrap_or(u16::MAX);
    let (mut options, mut lanes) = (Vec::new(), Vec::<Vec<LaneIx>>::new());
    for phase in *phases.start().min(&last)..=*phases.end().min(&last) {
        let mut served: Vec<LaneIx> = movements.of(j, phase).iter().map(|m| m.lane).collect();
        served.sort_unstable();
        served.dedup();
        let same = |p: &u16| net.phase_links(j, *p) == net.phase_links(j, phase);
        if !options.iter().any(same) {
            options.push(phase);
            lanes.push(served);
        }
    }
    (options, lanes)
}

/// All lanes to and from these junctions, and the ways through them.
fn part(net: &Network, live: &[JunctionIx]) -> Part {
    let mut inside = vec![false; net.lanes().len() + net.links().len()];
    for j in live {
        for lane in net.incoming_lanes(*j).iter().chain(net.outgoing_lanes(*j)) {
            inside[net.drivable_of_lane(*lane).ix()] = true;
        }
    }
    for (k, link) in net.links().iter().enumerate() {
        if live.contains(&link.junction) {
            inside[net.lanes().len() + k] = true;
        }
    }
    Part { inside }
}

/// What acts at every junction after its first interval, and where no better plan is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BasePolicy {
    /// The phase with the most vehicles waiting.
    MaxQueue,
    /// The phase that lets the most vehicles pass in the coming interval, switching counted in.
    MaxServed,
}

/// What a base policy needs to know of the protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) interval_s: u32,
    pub(crate) yellow_s: u32,
    /// Discharge headway, s.
    pub(crate) headway_s: f64,
    /// Time a queue's first vehicle needs to the stop line after green, s.
    pub(crate) start_s: f64,
}

impl BasePolicy {
    /// Chooses an option of a site.
    pub(crate) fn choose(self, sim: &Sim, site: &Site, current: usize, timing: &Timing) -> usize {
        let mut best = (0, f64::NEG_INFINITY);
        for (o, lanes) in site.lanes.iter().enumerate() {
            let value: f64 = match self {
                Self::MaxQueue => lanes.iter().map(|l| f64::from(sim.lane_waiting(*l))).sum(),
                Self::MaxServed => {
                    let start = if o == current {
                        0.0
                    } else {
                        f64::from(timing.yellow_s)
                    };
                    lanes.iter().map(|l| served(sim, *l, start, timing)).sum()
                }
            };
            if value > best.1 {
                best = (o, value);
            }
        }
        best.0
    }
}

/// Vehicles of a lane that can pass the stop line before the interval ends, if green starts after
/// `start_s`; each weighs a little more the longer it stands.
fn served(sim: &Sim, lane: LaneIx, start_s: f64, timing: &Timing) -> f64 {
    let net = sim.network();
    let length = net.lanes()[lane.ix()].length_m;
    let drivable = net.drivable_of_lane(lane);
    let end = f64::from(timing.interval_s);
    let (mut at, mut sum, mut first) = (start_s, 0.0, true);
    for v in sim.vehicles_on(drivable) {
        let free = sim.free_speed_m_s(drivable, v.template);
        let waits = v.speed_m_s < WAITING_BELOW_M_S;
        let reach = (length - v.position_m) / free;
        let arrive = if waits || first && start_s > reach {
            start_s + timing.start_s
        } else {
            reach
        };
        at = if first {
            arrive
        } else {
            arrive.max(at + timing.headway_s)
        };
        first = false;
        if at > end {
            break;
        }
        sum += 1.0;
    }
    sum
}

const _: fn(RoadIx) -> usize = RoadIx::ix;
