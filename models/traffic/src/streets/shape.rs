//! Lines: streets end where their junction begins, lanes lie beside the line of the map, turns are
//! curves.

use super::cluster::Junctions;
use super::lanes::Join;
use super::{Map, SAME_M, Street, clean, distance, heading_in, heading_out};
use crate::geometry::{self, P};

/// Room between a stop line and the edge of the street it crosses, m.
const BEFORE_CROSSING_M: f64 = 1.5;
/// Streets that go on straight begin this far behind a node, m.
const SEAM_M: f64 = 1.0;
/// Farthest that a stop line lies before its node, m.
const SETBACK_MAX_M: f64 = 20.0;
/// Share of a short street that its junctions may take.
const SETBACK_SHARE: f64 = 0.8;
/// Sideways acceleration in turns, m/s^2 (as netconvert limits turning speeds).
const SIDEWAYS_M_S2: f64 = 5.5;
const TURN_SPEED_MIN_M_S: f64 = 2.5;

/// A lane's line and length.
#[derive(Debug, Clone)]
pub(super) struct Strip {
    pub(super) line: Vec<P>,
    pub(super) length_m: f64,
}

/// Lanes by street, from the left; none of streets that were cut.
pub(super) fn strips(map: &Map, junctions: &Junctions, kept: &[bool]) -> Vec<Vec<Strip>> {
    let mut at: Vec<Vec<usize>> = vec![Vec::new(); map.nodes.len()];
    for (k, s) in map.streets.iter().enumerate() {
        if kept[k] || junctions.inner[k] {
            at[s.from].push(k);
            at[s.to].push(k);
        }
    }
    let all = map.streets.iter().enumerate().map(|(k, s)| {
        if !kept[k] {
            return Vec::new();
        }
        let away_in = heading_in(&s.line);
        let start = setback(map, &at[s.from], k, heading_out(&s.line), s.from);
        let end = setback(map, &at[s.to], k, P::new(-away_in.x, -away_in.y), s.to);
        lanes_of(s, start, end)
    });
    all.collect()
}

/// How far from the node a street that leaves it in direction `away` begins, m.
fn setback(map: &Map, at: &[usize], own: usize, away: P, node: usize) -> f64 {
    let mut most = SEAM_M;
    for &k in at {
        let other = &map.streets[k];
        if k == own || map.streets[own].reverse == Some(k) {
            continue;
        }
        let direction = if other.from == node {
            heading_out(&other.line)
        } else {
            let d = heading_in(&other.line);
            P::new(-d.x, -d.y)
        };
        let sine = (away.x * direction.y - away.y * direction.x).abs();
        if sine > 0.35 {
            let half = f64::from(other.lanes + other.lanes_beside) * other.width_m / 2.0;
            most = most.max(half / sine + BEFORE_CROSSING_M);
        }
    }
    most.min(SETBACK_MAX_M)
}

/// The part of a line between two distances.
fn part(line: &[P], from_m: f64, to_m: f64) -> Vec<P> {
    let mut out = vec![geometry::point_at(line, from_m)];
    let mut along = 0.0;
    for pair in line.windows(2) {
        along += distance(pair[0], pair[1]);
        if along > from_m + SAME_M && along < to_m - SAME_M {
            out.push(pair[1]);
        }
    }
    out.push(geometry::point_at(line, to_m));
    clean(out)
}

fn lanes_of(s: &Street, start_m: f64, end_m: f64) -> Vec<Strip> {
    let length = geometry::length(&s.line);
    let share = (SETBACK_SHARE * length / (start_m + end_m)).min(1.0);
    let middle = part(&s.line, start_m * share, length - end_m * share);
    let length_m = geometry::length(&middle);
    let (own, all) = (f64::from(s.lanes), f64::from(s.lanes + s.lanes_beside));
    let left = (all / 2.0 - own) * s.width_m;
    let lanes = (0..s.lanes).map(|lane| {
        let aside = left + (f64::from(lane) + 0.5) * s.width_m;
        Strip {
            line: clean(geometry::shifted(&middle, aside)),
            length_m,
        }
    });
    lanes.collect()
}

/// The line of a turn and the speed it is driven at, m/s.
pub(super) fn turn(map: &Map, strips: &[Vec<Strip>], join: &Join) -> (Vec<P>, f64) {
    let start = &strips[join.from][join.from_lane].line;
    let end = &strips[join.to][join.to_lane].line;
    let line = clean(geometry::curve(start, end, 0.0));
    let radius = geometry::length(&line) / join.angle_deg.to_radians().abs().max(1e-3);
    let limit = map.streets[join.from]
        .speed_m_s
        .min(map.streets[join.to].speed_m_s);
    let speed = (SIDEWAYS_M_S2 * radius).sqrt().max(TURN_SPEED_MIN_M_S);
    (line, speed.min(limit))
}
