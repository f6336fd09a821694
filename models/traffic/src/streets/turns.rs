//! Which turns are allowed: from each street that enters a junction, through the streets inside it, to
//! those that leave, past every ban on the way.

use std::collections::BTreeSet;

use super::cluster::Junctions;
use super::{Map, Street, TURN_REVERSE, heading_in, heading_out};
use crate::geometry::P;

/// Up to this angle a turn goes straight on, degrees.
const STRAIGHT_DEG: f64 = 40.0;
/// From this angle on a turn from one carriageway to another is one round, degrees.
const AROUND_DEG: f64 = 155.0;

/// The kind of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Around,
    Left,
    Straight,
    Right,
}

/// An allowed turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    pub(super) to: usize,
    pub(super) kind: Kind,
    /// Positive to the left, degrees.
    pub(super) angle_deg: f64,
}

/// The angle from one direction to another, positive to the left, degrees.
fn angle_deg(from: P, to: P) -> f64 {
    let (cross, dot) = (from.x * to.y - from.y * to.x, from.x * to.x + from.y * to.y);
    cross.atan2(dot).to_degrees()
}

/// The turns of every street, from the leftmost one; none of streets inside junctions.
pub(super) fn find(map: &Map, junctions: &Junctions) -> Vec<Vec<Turn>> {
    let mut leaving = vec![Vec::new(); map.nodes.len()];
    for (k, street) in map.streets.iter().enumerate() {
        leaving[street.from].push(k);
    }
    let all = map.streets.iter().enumerate().map(|(k, _)| {
        if junctions.inner[k] {
            return Vec::new();
        }
        let reached = reached(map, junctions, &leaving, k);
        choose(map, k, &reached)
    });
    all.collect()
}

/// Whether the map lets traffic go on from one street to another at the node between them.
fn allowed(map: &Map, from: usize, to: usize) -> bool {
    let (a, b) = (&map.streets[from], &map.streets[to]);
    if map.nodes[a.to].listed {
        return map.listed.contains_key(&(from, to));
    }
    let around = a.reverse == Some(to);
    let mut only = None;
    for ban in map.bans.get(&a.to).into_iter().flatten() {
        if ban.from_way != a.ways.1 || ban.u_turn != around {
            continue;
        }
        let named = ban.to_way == b.ways.0;
        if ban.only {
            only = Some(only.unwrap_or(false) || named);
        } else if named {
            return false;
        }
    }
    only.unwrap_or(true)
}

/// The streets that leave the junction at the end of `start`, inner streets passed.
fn reached(map: &Map, junctions: &Junctions, leaving: &[Vec<usize>], start: usize) -> Vec<usize> {
    let mut seen = BTreeSet::from([start]);
    let mut open = vec![start];
    let mut out = Vec::new();
    while let Some(street) = open.pop() {
        for &next in &leaving[map.streets[street].to] {
            if !allowed(map, street, next) {
                continue;
            }
            // Turning round inside the junction is a turn of its own, and decided for the whole.
            let back = map.streets[street].reverse == Some(next);
            if (back && street != start) || !seen.insert(next) {
                continue;
            }
            if junctions.inner[next] {
                if !back {
                    open.push(next);
                }
            } else {
                out.push(next);
            }
        }
    }
    out
}

/// Of the streets reached those that are driven to: turning round only where nothing else is left or
/// a lane is marked for it.
fn choose(map: &Map, from: usize, reached: &[usize]) -> Vec<Turn> {
    let street = &map.streets[from];
    let heading = heading_in(&street.line);
    let turns = reached.iter().map(|to| {
        let angle = angle_deg(heading, heading_out(&map.streets[*to].line));
        let kind = kind(street, *to, &map.streets[*to], angle);
        Turn {
            to: *to,
            kind,
            angle_deg: if kind == Kind::Around { 180.0 } else { angle },
        }
    });
    let mut turns: Vec<Turn> = turns.collect();
    let marked = street.turns.iter().flatten().any(|t| t & TURN_REVERSE != 0);
    let listed = map.nodes[street.to].listed;
    if !marked && !listed && turns.iter().any(|t| t.kind != Kind::Around) {
        turns.retain(|t| t.kind != Kind::Around);
    }
    turns.sort_by(|a, b| b.angle_deg.total_cmp(&a.angle_deg).then(a.to.cmp(&b.to)));
    turns
}

fn kind(from: &Street, to_ix: usize, to: &Street, angle_deg: f64) -> Kind {
    let divided = from.one_way() && to.one_way() && !from.roundabout && !to.roundabout;
    if from.reverse == Some(to_ix) || (divided && angle_deg.abs() > AROUND_DEG) {
        Kind::Around
    } else if angle_deg > STRAIGHT_DEG {
        Kind::Left
    } else if angle_deg < -STRAIGHT_DEG {
        Kind::Right
    } else {
        Kind::Straight
    }
}
