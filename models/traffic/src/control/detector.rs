//! Presence detectors on approach lanes: what a detector card reports once a second.

use crate::ids::LaneIx;
use crate::sim::Sim;

/// Where the detectors of a lane are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// Length of the zone before the stop line, m.
    pub stop_zone_m: f64,
    /// Distance of the upstream detector from the stop line, m; on a shorter lane, its start.
    pub setback_m: f64,
}

impl Default for Placement {
    /// Stop-line zone of 6 m; upstream detector 30 m before the line.
    fn default() -> Self {
        Self {
            stop_zone_m: 6.0,
            setback_m: 30.0,
        }
    }
}

/// What the two detectors of a lane say about the last second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Presence {
    /// Some part of a vehicle is or was in the zone before the stop line.
    pub at_stop: bool,
    /// Some part of a vehicle is or was over the upstream detector.
    pub upstream: bool,
}

impl Presence {
    /// Either.
    #[must_use]
    pub const fn any(self) -> bool {
        self.at_stop || self.upstream
    }
}

/// Reads the detectors of a lane: nothing else of the simulation is looked at.
#[must_use]
pub(super) fn read(sim: &Sim, lane: LaneIx, placement: Placement) -> Presence {
    let net = sim.network();
    let end_m = net.lanes()[lane.ix()].length_m;
    let upstream_m = (end_m - placement.setback_m).max(0.0);
    let zone_m = (end_m - placement.stop_zone_m).max(0.0);
    let mut seen = Presence::default();
    for v in sim.vehicles_on(net.drivable_of_lane(lane)) {
        if v.position_m < upstream_m {
            break; // those behind are further away still
        }
        // What its body has covered since the last report.
        let length_m = sim.template(v.template).length_m;
        let back_m = v.position_m - length_m - v.speed_m_s * sim.step_s();
        seen.at_stop |= v.position_m >= zone_m;
        seen.upstream |= back_m <= upstream_m;
    }
    seen
}
