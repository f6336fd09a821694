//! Where buses can halt: the outermost lane of each road, found by place.

use std::collections::HashMap;

use crate::geometry::P;
use crate::ids::RoadIx;
use crate::network::Network;

/// Standard deviation of a stop's place across the road, m: stops are mapped at the pole, on the platform
/// or on the carriageway.
const STOP_DEVIATION_M: f64 = 15.0;
/// Cost of a stop on the far side of the lane: as of one three standard deviations away.
const WRONG_SIDE: f64 = 4.5;
/// A stop so little beside the middle of the lane is on neither side, m.
const SIDE_M: f64 = 3.0;
/// Roads looked at for one stop.
const CANDIDATES_MAX: usize = 6;
/// Pieces a lane is found by: one of two thousand kilometres is no street.
const PIECES_MAX: f64 = 100_000.0;
/// Kept free before the end of a road, m.
const BEFORE_LINE_M: f64 = 1.0;

/// A place on a road where a stop may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub(super) road: RoadIx,
    /// Of the front bumper, m from the start of the road's lanes.
    pub(super) position_m: f64,
    pub(super) distance_m: f64,
    /// Minus the logarithm of how likely it is the stop's.
    pub(super) cost: f64,
}

struct Kerb {
    line: Vec<P>,
    /// Driven length of the lane of the line, and of the road's shortest, m.
    length_m: f64,
    shortest_m: f64,
    /// The kerb is on the right.
    right: bool,
}

/// All kerbs.
pub(super) struct Kerbs {
    by_road: Vec<Kerb>,
    cells: HashMap<(i64, i64), Vec<u32>>,
    radius_m: f64,
    bus_m: f64,
    /// West, south, east, north of all, m.
    extent_m: [f64; 4],
}

impl Kerbs {
    pub(super) fn new(net: &Network, radius_m: f64, bus_m: f64) -> Self {
        let mut kerbs = Self {
            by_road: (0..net.roads.len())
                .map(|r| kerb(net, RoadIx::of(r)))
                .collect(),
            cells: HashMap::new(),
            radius_m,
            bus_m,
            extent_m: [
                f64::INFINITY,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::NEG_INFINITY,
            ],
        };
        for (road, kerb) in (0..).zip(&kerbs.by_road) {
            let [west, south, east, north] = &mut kerbs.extent_m;
            for p in &kerb.line {
                (*west, *east) = (west.min(p.x), east.max(p.x));
                (*south, *north) = (south.min(p.y), north.max(p.y));
            }
            for pair in kerb.line.windows(2) {
                // At most half a cell apart, so that a place within a radius is two cells away at most.
                let steps = (pair[1].minus(pair[0]).len() * 2.0 / radius_m)
                    .ceil()
                    .clamp(1.0, PIECES_MAX);
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                // within the clamp
                let count = steps as u32;
                for k in 0..=count {
                    let p = pair[0].towards(pair[1], f64::from(k) / steps);
                    let roads = kerbs.cells.entry(cell(p, radius_m)).or_default();
                    if roads.last() != Some(&road) {
                        roads.push(road);
                    }
                }
            }
        }
        kerbs
    }

    /// True for a place within the extent of the network, or less than a radius beside it.
    pub(super) fn inside(&self, p: P) -> bool {
        let [west, south, east, north] = self.extent_m;
        let r = self.radius_m;
        (west - r..=east + r).contains(&p.x) && (south - r..=north + r).contains(&p.y)
    }

    /// The places on roads within the radius, the likeliest first.
    pub(super) fn near(&self, p: P) -> Vec<Candidate> {
        let (column, row) = cell(p, self.radius_m);
        let mut roads: Vec<u32> = Vec::new();
        for c in column - 2..=column + 2 {
            for r in row - 2..=row + 2 {
                roads.extend(self.cells.get(&(c, r)).into_iter().flatten());
            }
        }
        roads.sort_unstable();
        roads.dedup();
        let mut found: Vec<Candidate> = roads
            .into_iter()
            .filter_map(|road| self.candidate(RoadIx(road), p))
            .collect();
        found.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.road.0.cmp(&b.road.0)));
        found.truncate(CANDIDATES_MAX);
        found
    }

    fn candidate(&self, road: RoadIx, p: P) -> Option<Candidate> {
        let kerb = &self.by_road[road.ix()];
        if kerb.shortest_m < self.bus_m + BEFORE_LINE_M {
            return None;
        }
        let foot = foot(&kerb.line, p);
        if foot.distance_m > self.radius_m {
            return None;
        }
        let beside_m = if kerb.right {
            foot.right_m
        } else {
            -foot.right_m
        };
        let share = foot.distance_m / STOP_DEVIATION_M;
        let side = if beside_m < -SIDE_M { WRONG_SIDE } else { 0.0 };
        let along_m = foot.along_share * kerb.length_m;
        Some(Candidate {
            road,
            // The whole bus stands on the road, before the line.
            position_m: along_m.clamp(self.bus_m, kerb.shortest_m - BEFORE_LINE_M),
            distance_m: foot.distance_m,
            cost: share * share / 2.0 + side,
        })
    }
}

fn cell(p: P, size_m: f64) -> (i64, i64) {
    #[allow(clippy::cast_possible_truncation)] // coordinates are limited
    let at = |v: f64| (v / size_m).floor() as i64;
    (at(p.x), at(p.y))
}

fn line(points: &[[f64; 2]]) -> Vec<P> {
    points.iter().map(|p| P::new(p[0], p[1])).collect()
}

fn kerb(net: &Network, ix: RoadIx) -> Kerb {
    let road = &net.roads[ix.ix()];
    let outer = &net.lanes[road.lanes[road.lanes.len() - 1].ix()];
    let lane = line(&outer.points);
    // Lanes lie on the kerb's side of the road's line, whatever side is driven on.
    let middle = lane[0].towards(lane[lane.len() - 1], 0.5);
    let nearest = if lane.len() > 2 {
        lane[lane.len() / 2]
    } else {
        middle
    };
    Kerb {
        right: foot(&line(&road.points), nearest).right_m >= 0.0,
        line: lane,
        length_m: outer.length_m,
        shortest_m: net.shortest_lane_m(ix),
    }
}

/// Where a place is nearest to a line.
struct Foot {
    distance_m: f64,
    /// How far to the right of the line's direction, m; negative to the left.
    right_m: f64,
    /// Share of the line before it.
    along_share: f64,
}

fn foot(line: &[P], p: P) -> Foot {
    let mut best = Foot {
        distance_m: f64::INFINITY,
        right_m: 0.0,
        along_share: 0.0,
    };
    let (mut before_m, mut at_m) = (0.0, 0.0);
    for pair in line.windows(2) {
        let along = pair[1].minus(pair[0]);
        let length_m = along.len();
        let to = p.minus(pair[0]);
        let share = if length_m > 0.0 {
            ((to.x * along.x + to.y * along.y) / (length_m * length_m)).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let distance_m = p.minus(pair[0].towards(pair[1], share)).len();
        if distance_m < best.distance_m {
            best.distance_m = distance_m;
            let turn = to.cross(along);
            best.right_m = if length_m > 0.0 { turn / length_m } else { 0.0 };
            at_m = before_m + share * length_m;
        }
        before_m += length_m;
    }
    best.along_share = if before_m > 0.0 { at_m / before_m } else { 0.0 };
    best
}
