//! Who is near a signal, and which of its phases would let it through.

use std::ops::RangeInclusive;

use super::{PriorityOptions, Way};
use crate::control::movements::serving;
use crate::ids::{JunctionIx, LaneIx};
use crate::network::Network;
use crate::sim::Sim;
use crate::vehicle::VehicleClass;

/// A vehicle that has checked in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    /// Number in order of creation.
    pub(super) vehicle: u32,
    pub(super) class: VehicleClass,
    /// Phases in which its movement is green.
    pub(super) phases: Vec<u16>,
    /// Free-flow time to the stop line, s.
    pub(super) ahead_s: f64,
    /// In which way its present green was kept or brought up, if it was.
    pub(super) served: Option<Way>,
    /// It was without green for a second.
    pub(super) lacked: bool,
    /// It has had the longest pre-emption there is.
    pub(super) is_spent: bool,
}

/// A lane before a signal and, by the drivable behind its stop line, the phases that open it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Approach {
    lane: LaneIx,
    /// Phases by lane link, as drivable; none where phase 0 is green too (nothing to ask for).
    ways: Vec<(u32, Vec<u16>)>,
}

/// The lanes before a junction.
pub(super) fn approaches(
    net: &Network,
    junction: JunctionIx,
    range: &RangeInclusive<u16>,
) -> Vec<Approach> {
    let node = &net.junctions()[junction.ix()];
    let always = node.phases.first().map_or(&[][..], |p| &p.road_links);
    let ways = |lane: LaneIx| {
        let links = net.lanes()[lane.ix()].links.iter();
        let asks = links.filter(|l| !always.contains(&net.links()[l.ix()].road_link));
        asks.map(|l| {
            let all = serving(net, junction, net.links()[l.ix()].road_link);
            let mut allowed = all.clone();
            allowed.retain(|p| range.contains(p));
            let phases = if allowed.is_empty() { all } else { allowed };
            (net.drivable_of_link(*l).0, phases)
        })
        .filter(|(_, phases)| !phases.is_empty())
        .collect()
    };
    (net.incoming_lanes(junction).iter())
        .map(|lane| Approach {
            lane: *lane,
            ways: ways(*lane),
        })
        .filter(|a: &Approach| !a.ways.is_empty())
        .collect()
}

/// The vehicles with a right to ask that are near enough, in order of their numbers.
pub(super) fn near(sim: &Sim, approaches: &[Approach], o: &PriorityOptions) -> Vec<Request> {
    let net = sim.network();
    let mut found = Vec::new();
    for approach in approaches {
        let drivable = net.drivable_of_lane(approach.lane);
        for v in sim.vehicles_on(drivable) {
            let left_m = net.length_m(drivable) - v.position_m;
            if left_m > o.range_m {
                break; // those behind are further away still
            }
            let class = sim.template(v.template).class;
            let most_s = match class {
                VehicleClass::Bus if o.bus => o.bus_ahead_s,
                VehicleClass::Emergency if o.emergency => o.emergency_ahead_s,
                _ => continue,
            };
            let ahead_s = left_m / sim.free_speed_m_s(drivable, v.template);
            let path = sim.path_ahead(v.slot);
            let next = path.get(1).copied();
            let way = approach.ways.iter().find(|(link, _)| Some(*link) == next);
            if let Some((_, phases)) = way
                && ahead_s <= most_s
                && !v.shadow
                && !sim.halts_here(v.slot)
            {
                found.push(Request {
                    vehicle: v.event,
                    class,
                    phases: phases.clone(),
                    ahead_s,
                    served: None,
                    lacked: false,
                    is_spent: false,
                });
            }
        }
    }
    found.sort_by_key(|r| r.vehicle);
    found
}
