//! Pedestrians and cyclists who cross at signals: demand on phases, by counts alone.
//!
//! Every arm of a signalised junction has a crossing over all its lanes. It may be walked in phases
//! in which no straight or left-turning stream runs across it; right turns give way (HCM 6,
//! chapter 19: the usual concurrent phasing). Who waits makes its phase last at least walk time plus
//! clearance ([`CrossingOptions`]), whatever controls the signals, and is served within a longest
//! waiting time. The vehicles of the simulation do not see pedestrians: what right turns lose by
//! giving way is not modelled.

mod demand;
mod guard;

use std::ops::RangeInclusive;

use serde::Serialize;

pub use demand::WalkDemand;
pub use guard::{Crossings, Served, ServedCrossing, ServedReport};

use crate::error::TrafficError;
use crate::ids::JunctionIx;
use crate::network::{Network, Turn};

/// A crossing over one arm of a signalised junction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Crossing {
    /// `junction/neighbour`: the arm is the one towards that junction.
    pub id: String,
    /// The junction.
    #[serde(skip)]
    pub junction: JunctionIx,
    /// Widths of all lanes of the arm, both directions, m.
    pub length_m: f64,
    /// Phases in which it may be walked; none: it cannot be served by signals.
    pub phases: Vec<u16>,
}

/// Times at crossings.
#[derive(Debug, Clone, PartialEq)]
pub struct CrossingOptions {
    /// Walk interval, s.
    pub walk_s: u32,
    /// Speed that the clearance of pedestrians is reckoned with, m/s.
    pub walk_m_s: f64,
    /// What cyclists need to get going from standstill, s.
    pub bike_start_s: f64,
    /// Speed of cyclists, m/s.
    pub bike_m_s: f64,
    /// Nobody waits longer, as far as what others need at least permits, s.
    pub max_wait_s: u32,
    /// Shortest green of any phase, s.
    pub min_green_s: u32,
    /// Clearance (phase 0) before a changed phase, s.
    pub yellow_s: u32,
    /// Phases that may be shown.
    pub phases: RangeInclusive<u16>,
    /// Seed of the arrivals.
    pub seed: u32,
}

impl Default for CrossingOptions {
    /// Walk 7 s (MUTCD 2009, section 4E.06) and clearance at 1.2 m/s (HCM 6, chapter 19); cyclists
    /// 6 s and 4.5 m/s (AASHTO Guide for the Development of Bicycle Facilities 2012, section 4.12).
    fn default() -> Self {
        Self {
            walk_s: 7,
            walk_m_s: 1.2,
            bike_start_s: 6.0,
            bike_m_s: 4.5,
            max_wait_s: 90,
            min_green_s: 5,
            yellow_s: 5,
            phases: 1..=4,
            seed: 0,
        }
    }
}

impl CrossingOptions {
    /// Shortest green with pedestrians on a crossing of this length, s.
    #[must_use]
    pub fn pedestrian_green_s(&self, length_m: f64) -> u32 {
        self.walk_s + whole(length_m / self.walk_m_s)
    }

    /// Shortest green with cyclists (of 1.8 m) alone on it, s.
    #[must_use]
    pub fn bicycle_green_s(&self, length_m: f64) -> u32 {
        whole(self.bike_start_s + (length_m + 1.8) / self.bike_m_s)
    }

    fn check(&self) -> Result<(), TrafficError> {
        let wrong =
            |what: &'static str, message: String| Err(TrafficError::Option { what, message });
        if !(1..=60).contains(&self.walk_s) {
            return wrong(
                "walk_s",
                format!("{} s is not between 1 and 60 s", self.walk_s),
            );
        }
        for (what, value) in [("walk_m_s", self.walk_m_s), ("bike_m_s", self.bike_m_s)] {
            if !(0.2..=20.0).contains(&value) {
                return wrong(what, format!("{value} m/s is not between 0.2 and 20 m/s"));
            }
        }
        if !(0.0..=60.0).contains(&self.bike_start_s) {
            let message = format!("{} s is not between 0 and 60 s", self.bike_start_s);
            return wrong("bike_start_s", message);
        }
        if !(10..=3_600).contains(&self.max_wait_s) {
            let message = format!("{} s is not between 10 and 3,600 s", self.max_wait_s);
            return wrong("max_wait_s", message);
        }
        Ok(())
    }
}

/// Seconds, rounded up.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // minutes
fn whole(seconds: f64) -> u32 {
    seconds.ceil() as u32
}

/// Mean delay of pedestrians who arrive at random, HCM 6 equation 19-71, s: `(C - g)^2 / 2C` for a
/// cycle `C` with a walk of `g`.
#[must_use]
pub fn hcm_delay_s(cycle_s: f64, walk_s: f64) -> f64 {
    (cycle_s - walk_s).powi(2) / (2.0 * cycle_s)
}

/// The crossings of all signalised junctions, in file order.
#[must_use]
pub fn crossings(net: &Network, phases: &RangeInclusive<u16>) -> Vec<Crossing> {
    let mut arms: Vec<Vec<JunctionIx>> = vec![Vec::new(); net.junctions().len()];
    for road in net.roads() {
        for (at, to) in [(road.to, road.from), (road.from, road.to)] {
            if at != to && !arms[at.ix()].contains(&to) {
                arms[at.ix()].push(to);
            }
        }
    }
    (net.signalised().into_iter())
        .flat_map(|j| arms[j.ix()].iter().map(move |arm| (j, *arm)))
        .map(|(j, arm)| crossing(net, j, arm, phases))
        .collect()
}

fn crossing(
    net: &Network,
    j: JunctionIx,
    arm: JunctionIx,
    range: &RangeInclusive<u16>,
) -> Crossing {
    let junction = &net.junctions()[j.ix()];
    let is_arm = |r: crate::ids::RoadIx| {
        let road = &net.roads()[r.ix()];
        (road.from, road.to) == (j, arm) || (road.from, road.to) == (arm, j)
    };
    let width_m = |lane: &crate::ids::LaneIx| {
        let lane = &net.lanes()[lane.ix()];
        if is_arm(lane.road) { lane.width_m } else { 0.0 }
    };
    let lanes = [net.incoming_lanes(j), net.outgoing_lanes(j)];
    let runs_across = |r: &u32| {
        let link = &junction.road_links[*r as usize];
        link.turn != Turn::Right && (is_arm(link.from) || is_arm(link.to))
    };
    let walkable = (0..)
        .zip(&junction.phases)
        .skip(1) // phase 0 is clearance
        .filter(|(n, p)| range.contains(n) && !p.road_links.iter().any(runs_across))
        .map(|(n, _)| n);
    Crossing {
        id: format!("{}/{}", junction.id, net.junctions()[arm.ix()].id),
        junction: j,
        length_m: lanes.into_iter().flatten().map(width_m).sum(),
        phases: walkable.collect(),
    }
}
