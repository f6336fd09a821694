//! Signalised junctions as the search sees them: options, lanes, neighbours, parts of the network.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::schedule;
use crate::control::Movements;
use crate::ids::{JunctionIx, LaneIx};
use crate::network::Network;
use crate::sim::{Part, Sim};

/// One signalised junction.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) junction: JunctionIx,
    /// Phases that may be chosen; those that serve the same as an earlier one are left out.
    pub(crate) options: Vec<u16>,
    /// Lanes an option serves.
    pub(crate) lanes: Vec<Vec<LaneIx>>,
    /// Lanes by the set of options that serve them.
    pub(crate) groups: Vec<Group>,
    /// The part of the network its choice reaches.
    pub(crate) part: Part,
    /// Sites inside the part that react to what happens (itself among them), ascending.
    pub(crate) live: Vec<usize>,
    /// Sites at the part's border whose signals matter but do not react.
    pub(crate) fixed: Vec<usize>,
    /// Class of sites decided at the same time; no two of one class touch.
    pub(crate) class: usize,
}

/// Lanes served by the same options.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    /// Bit `o` is set when option `o` serves them.
    pub(crate) options: u32,
    pub(crate) lanes: Vec<LaneIx>,
    /// By lane: vehicles a second that enter it, of those not seen yet.
    pub(crate) rates: Vec<f64>,
}

impl Site {
    /// Takes the entries expected a second, by lane; none where `rates` ends.
    pub(crate) fn expect(&mut self, rates: &[f64]) {
        for group in &mut self.groups {
            for (lane, rate) in group.lanes.iter().zip(&mut group.rates) {
                *rate = rates.get(lane.ix()).copied().unwrap_or(0.0);
            }
        }
    }
}

impl Group {
    pub(crate) const fn served_by(&self, option: usize) -> bool {
        self.options >> option & 1 != 0
    }
}

fn groups(lanes: &[Vec<LaneIx>]) -> Vec<Group> {
    let mut all: Vec<LaneIx> = lanes.iter().flatten().copied().collect();
    all.sort_unstable();
    all.dedup();
    let mut groups: Vec<Group> = Vec::new();
    for lane in all {
        let options = (lanes.iter().enumerate().take(32))
            .filter(|(_, served)| served.contains(&lane))
            .fold(0, |bits, (o, _)| bits | 1 << o);
        match groups.iter_mut().find(|g| g.options == options) {
            Some(group) => {
                group.lanes.push(lane);
                group.rates.push(0.0);
            }
            None => groups.push(Group {
                options,
                lanes: vec![lane],
                rates: vec![0.0],
            }),
        }
    }
    groups
}

/// Which phases may be chosen.
#[derive(Debug, Clone)]
pub(crate) enum Choices {
    /// The same range everywhere; of phases that serve the same only the first.
    Range(RangeInclusive<u16>),
    /// By junction, in this order; a junction that is not named keeps phase 0.
    Named(BTreeMap<JunctionIx, Vec<u16>>),
}

/// Sites of a network, by place among its signalised junctions.
pub(crate) fn sites(net: &Network, choices: &Choices, hops: u32) -> Vec<Site> {
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
        let (options, lanes) = options(net, &movements, *j, choices);
        let taken: Vec<usize> = near[k]
            .iter()
            .filter_map(|n| all.get(*n))
            .map(|s| s.class)
            .collect();
        let class = (0..).find(|c| !taken.contains(c)).unwrap_or(0);
        all.push(Site {
            junction: *j,
            options,
            groups: groups(&lanes),
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
    choices: &Choices,
) -> (Vec<u16>, Vec<Vec<LaneIx>>) {
    let count = net.junctions()[j.ix()].phases.len();
    let last = u16::try_from(count - 1).unwrap_or(u16::MAX);
    let mut options: Vec<u16> = Vec::new();
    match choices {
        Choices::Range(phases) => {
            for phase in *phases.start().min(&last)..=*phases.end().min(&last) {
                let same = |p: &u16| net.phase_links(j, *p) == net.phase_links(j, phase);
                if !options.iter().any(same) {
                    options.push(phase);
                }
            }
        }
        Choices::Named(named) => options.extend(named.get(&j).map_or(&[0][..], Vec::as_slice)),
    }
    let served = |phase: &u16| {
        let mut served: Vec<LaneIx> = movements.of(j, *phase).iter().map(|m| m.lane).collect();
        served.sort_unstable();
        served.dedup();
        served
    };
    let lanes = options.iter().map(served).collect();
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
    /// The phase with the most vehicles waiting; ties go to the first.
    MaxQueue,
    /// The first phase of the sequence that costs the approaching vehicles the least delay.
    Schedule,
}

/// What a base policy needs to know of the protocol and the vehicles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) interval_s: u32,
    pub(crate) yellow_s: u32,
    /// Discharge headway, s.
    pub(crate) headway_s: f64,
    /// What the first vehicles of a queue lose against that headway, s.
    pub(crate) startup_s: f64,
}

impl BasePolicy {
    /// Chooses an option of a site.
    pub(crate) fn choose(self, sim: &Sim, site: &Site, current: usize, timing: &Timing) -> usize {
        if self == Self::Schedule {
            return schedule::choose(sim, site, current, timing).0;
        }
        let mut best = (0, 0);
        for (o, lanes) in site.lanes.iter().enumerate() {
            let waiting = lanes.iter().map(|l| sim.lane_waiting(*l)).sum();
            if waiting > best.1 {
                best = (o, waiting);
            }
        }
        best.0
    }
}
