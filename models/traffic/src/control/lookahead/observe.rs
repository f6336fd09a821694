//! What a controller may know: the only place where look-ahead control touches the simulation.
//!
//! A [`Watch`] looks at the plant once a second and gives, when a decision is due, an
//! [`Observation`]. Everything after it (state, samples, rollouts) is built from the observation
//! alone, so a level cannot be cheated on.

use std::collections::{BTreeMap, VecDeque};

use crate::ids::{JunctionIx, LaneIx, LinkIx, NONE};
use crate::network::Network;
use crate::sim::{Due, Sim};
use crate::vehicle::VehicleTemplate;

use super::loops::Loops;

/// How much is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// LD: loops at both ends of every lane, counts and speeds once a second; the rest is estimated.
    Detectors,
    /// L0: positions and speeds of the vehicles now on lanes, and past counts.
    LaneView,
    /// L1: also the routes of vehicles already inside.
    Routes,
    /// L2: also future arrivals; an oracle, to see what information is worth.
    Oracle,
}

impl Level {
    /// `LD`, `L0`, `L1`, `L2`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Detectors => "LD",
            Self::LaneView => "L0",
            Self::Routes => "L1",
            Self::Oracle => "L2",
        }
    }
}

/// A vehicle on a lane.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenVehicle {
    /// The lane.
    pub lane: LaneIx,
    /// Front bumper from the start of the lane, m.
    pub position_m: f64,
    /// m/s.
    pub speed_m_s: f64,
    /// Its kind: an index into the controller's templates.
    pub template: u32,
    /// Lanes and lane links it will drive, the present one first; known from level L1 on.
    pub path: Option<Vec<u32>>,
}

/// A vehicle that has left a lane and is not yet seen on another: it is inside the junction.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    /// The lane it was seen on last.
    pub from: LaneIx,
    /// Its state there.
    pub seen: SeenVehicle,
    /// Seconds since.
    pub age_s: f64,
}

/// What is known when a decision is due.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// Time, s.
    pub time_s: f64,
    /// Phase shown, by junction.
    pub phases: Vec<u16>,
    /// Vehicles on lanes; those of a lane from the front to the back.
    pub vehicles: Vec<SeenVehicle>,
    /// Vehicles inside junctions.
    pub crossings: Vec<Crossing>,
    /// Vehicles counted from one lane to another, by lane link, since the start.
    pub passed: Vec<f64>,
    /// Recent rate of entries, vehicles a second, by lane; only lanes at the network's edge.
    pub rate: Vec<(LaneIx, f64)>,
    /// Entries expected a second, by lane; lanes beyond its end: none expected.
    pub inflow: Vec<f64>,
    /// Arrivals to come and their paths: level L2 only.
    pub(crate) future: Option<(Vec<Due>, Vec<u32>)>,
}

/// Counts of the last this many seconds give the rates.
const RATE_WINDOW_S: f64 = 300.0;
/// A vehicle not seen for so long has left the network.
const LOST_AFTER_S: f64 = 30.0;

/// Looks at the plant once a second.
#[derive(Debug, Clone)]
pub struct Watch {
    level: Level,
    /// By vehicle: where it was seen last and when.
    last: BTreeMap<u32, (SeenVehicle, f64)>,
    passed: Vec<f64>,
    edge: Vec<LaneIx>,
    counts: VecDeque<(f64, Vec<u32>)>,
    loops: Option<Loops>,
}

impl Watch {
    /// A watch of this level; `fleet` is the vehicle the estimate of level LD assumes.
    #[must_use]
    pub fn new(net: &std::sync::Arc<Network>, level: Level, fleet: &VehicleTemplate) -> Self {
        let mut fed = vec![false; net.lanes().len()];
        for link in net.links() {
            fed[link.to.ix()] = true;
        }
        let edge = (0..net.lanes().len())
            .filter(|l| !fed[*l] && !net.lanes()[*l].links.is_empty())
            .map(LaneIx::of)
            .collect();
        Self {
            level,
            last: BTreeMap::new(),
            passed: vec![0.0; net.links().len()],
            edge,
            counts: VecDeque::new(),
            loops: (level == Level::Detectors).then(|| Loops::new(net, fleet)),
        }
    }

    /// The level.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// Looks; call it after every step.
    pub fn look(&mut self, sim: &Sim) {
        if let Some(loops) = &mut self.loops {
            loops.report(sim);
            return;
        }
        let net = sim.network();
        let now = sim.time_s();
        for l in 0..net.lanes().len() {
            let lane = LaneIx::of(l);
            for v in sim.vehicles_on(net.drivable_of_lane(lane)) {
                let seen = SeenVehicle {
                    lane,
                    position_m: v.position_m,
                    speed_m_s: v.speed_m_s,
                    template: v.template,
                    path: None,
                };
                let before = self.last.insert(v.event, (seen, now));
                if let Some((before, _)) = before
                    && before.lane != lane
                    && let Some(link) = link_between(net, before.lane, lane)
                {
                    self.passed[link.ix()] += 1.0;
                }
            }
        }
        let links = |lane: LaneIx| !net.lanes()[lane.ix()].links.is_empty();
        self.last
            .retain(|_, (seen, at)| *at == now || (now - *at <= LOST_AFTER_S && links(seen.lane)));
    }

    /// What is known now. `horizon_steps` limits how much of the future level L2 sees.
    pub fn observation(&mut self, sim: &Sim, horizon_steps: u32) -> Observation {
        let net = sim.network();
        let now = sim.time_s();
        let junctions = 0..net.junctions().len();
        let mut seen = Observation {
            time_s: now,
            phases: junctions.map(|j| sim.phase(JunctionIx::of(j))).collect(),
            ..Observation::default()
        };
        if let Some(loops) = &mut self.loops {
            loops.estimate(net, &mut seen);
            seen.rate = self.rates(now, |lane| self_entered(sim, lane));
            seen.inflow = inflow(net, &seen);
            return seen;
        }
        for l in 0..net.lanes().len() {
            let lane = LaneIx::of(l);
            for v in sim.vehicles_on(net.drivable_of_lane(lane)) {
                let path = (self.level >= Level::Routes).then(|| sim.path_ahead(v.slot).to_vec());
                seen.vehicles.push(SeenVehicle {
                    lane,
                    position_m: v.position_m,
                    speed_m_s: v.speed_m_s,
                    template: v.template,
                    path,
                });
            }
        }
        self.crossings(sim, &mut seen);
        seen.passed.clone_from(&self.passed);
        seen.rate = self.rates(now, |lane| self_entered(sim, lane));
        if self.level == Level::Oracle {
            let mut paths = Vec::new();
            let due = sim.upcoming(horizon_steps, &mut paths);
            seen.future = Some((due, paths));
            seen.rate.clear();
        }
        seen.inflow = inflow(net, &seen);
        seen
    }

    /// Vehicles inside junctions: from L1 on as they are, at L0 from where they were seen last.
    fn crossings(&self, sim: &Sim, seen: &mut Observation) {
        let net = sim.network();
        if self.level >= Level::Routes {
            for k in 0..net.links().len() {
                let link = LinkIx::of(k);
                for v in sim.vehicles_on(net.drivable_of_link(link)) {
                    let from = net.links()[k].from;
                    seen.crossings.push(Crossing {
                        from,
                        seen: SeenVehicle {
                            lane: from,
                            position_m: v.position_m,
                            speed_m_s: v.speed_m_s,
                            template: v.template,
                            path: Some(sim.path_ahead(v.slot).to_vec()),
                        },
                        age_s: 0.0,
                    });
                }
            }
            return;
        }
        for (vehicle, at) in self.last.values().filter(|(_, at)| *at < seen.time_s) {
            seen.crossings.push(Crossing {
                from: vehicle.lane,
                seen: vehicle.clone(),
                age_s: seen.time_s - at,
            });
        }
    }

    fn rates(&mut self, now: f64, entered: impl Fn(LaneIx) -> u32) -> Vec<(LaneIx, f64)> {
        let counts: Vec<u32> = self.edge.iter().map(|l| entered(*l)).collect();
        while self.counts.len() > 1 && now - self.counts[0].0 > RATE_WINDOW_S {
            self.counts.pop_front();
        }
        let rates = match self.counts.front() {
            Some((then, old)) if now > *then => (self.edge.iter().zip(counts.iter().zip(old)))
                .map(|(l, (new, old))| (*l, f64::from(new.saturating_sub(*old)) / (now - then)))
                .filter(|(_, rate)| *rate > 0.0)
                .collect(),
            _ => Vec::new(),
        };
        self.counts.push_back((now, counts));
        rates
    }
}

fn self_entered(sim: &Sim, lane: LaneIx) -> u32 {
    sim.lane(lane).entered_total
}

fn link_between(net: &Network, from: LaneIx, to: LaneIx) -> Option<LinkIx> {
    let links = &net.lanes()[from.ix()].links;
    links.iter().copied().find(|l| net.links()[l.ix()].to == to)
}

/// Entries expected a second, by lane: at the network's edge the recent rate, elsewhere what has
/// been counted since the start.
fn inflow(net: &Network, seen: &Observation) -> Vec<f64> {
    let mut rates = vec![0.0; net.lanes().len()];
    // A count of a few minutes says little yet.
    let over_s = seen.time_s.max(RATE_WINDOW_S);
    for (link, passed) in net.links().iter().zip(&seen.passed) {
        rates[link.to.ix()] += passed / over_s;
    }
    for (lane, rate) in &seen.rate {
        rates[lane.ix()] += rate;
    }
    rates
}

/// Shares of the ways out of each lane, learned from counts.
///
/// Counts of one lane's links are sparse at first, so they are drawn towards the shares of the
/// target road's lanes over all origins, and those towards equal shares (a Dirichlet prior of
/// [`PRIOR`] vehicles each).
#[derive(Debug, Clone)]
pub struct TurnShares {
    /// Cumulative share by link, in the order of the lane's links.
    cumulative: Vec<f64>,
}

/// Weight of a prior, vehicles.
const PRIOR: f64 = 5.0;

impl TurnShares {
    /// From counts by link.
    #[must_use]
    pub fn new(net: &Network, passed: &[f64]) -> Self {
        let count = |l: LinkIx| passed.get(l.ix()).copied().unwrap_or(0.0);
        let mut into = vec![0.0; net.lanes().len()];
        for l in 0..net.links().len() {
            into[net.links()[l].to.ix()] += count(LinkIx::of(l));
        }
        let mut cumulative = vec![0.0; net.links().len()];
        for lane in net.lanes() {
            let weight = |l: LinkIx| {
                let to = net.links()[l.ix()].to;
                let road = &net.roads()[net.lanes()[to.ix()].road.ix()];
                // A lane without a way on serves exits only; counts tell how often that is so.
                let all: f64 = road.lanes.iter().map(|l| into[l.ix()] + 1.0).sum();
                count(l) + PRIOR * (into[to.ix()] + 1.0) / all
            };
            let all: f64 = lane.links.iter().map(|l| weight(*l)).sum();
            let mut sum = 0.0;
            for l in &lane.links {
                sum += weight(*l) / all;
                cumulative[l.ix()] = sum;
            }
        }
        Self { cumulative }
    }

    /// The way out of `lane` at quantile `u` (0 to 1); none at the network's edge.
    #[must_use]
    pub fn way(&self, net: &Network, lane: LaneIx, u: f64) -> Option<LinkIx> {
        let links = &net.lanes()[lane.ix()].links;
        let found = links.iter().find(|l| u < self.cumulative[l.ix()]);
        found.or(links.last()).copied()
    }
}

const _: () = assert!(NONE == u32::MAX);
