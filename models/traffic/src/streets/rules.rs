//! Right of way between the turns of a junction.

use super::turns::Kind;
use super::{Map, Sign, distance, heading_in};
use crate::geometry::{self, P};

use super::lanes::Join;

/// Directions further apart than this come towards each other (cosine of 135 degrees).
const OPPOSITE: f64 = -0.707;
/// Points on two lines this near are a conflict where the lines do not cross, m.
const TOUCH_M: f64 = 1.5;

/// A turn on one pair of lanes, with its line.
#[derive(Debug, Clone)]
pub(super) struct Passage {
    pub(super) join: Join,
    pub(super) line: Vec<P>,
    pub(super) speed_m_s: f64,
    /// Direction of the street it comes from.
    pub(super) heading: P,
    /// Right of way of the street it comes from: the higher one goes first.
    pub(super) rank: i32,
}

/// Conflicts and who gives way, by passage.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    pub(super) foes: Vec<Vec<bool>>,
    pub(super) yields: Vec<Vec<bool>>,
    /// Lanes of one street that end on one: neither has priority.
    pub(super) zips: Vec<bool>,
}

/// The right of way of a street by its class, its signs, and whether it is a roundabout.
pub(super) fn rank(map: &Map, street: usize) -> i32 {
    let s = &map.streets[street];
    let sign = match s.sign {
        Sign::None => 0,
        Sign::GiveWay => 100,
        Sign::Stop => 200,
    };
    i32::from(s.rank) - sign + if s.roundabout { 1_000 } else { 0 }
}

/// The direction of the street a join comes from.
pub(super) fn heading(map: &Map, street: usize) -> P {
    heading_in(&map.streets[street].line)
}

/// All conflicts of a junction.
pub(super) fn of(passages: &[Passage], signal: bool) -> Rules {
    let n = passages.len();
    let mut rules = Rules {
        foes: vec![vec![false; n]; n],
        yields: vec![vec![false; n]; n],
        zips: vec![false; n],
    };
    for i in 0..n {
        for j in i + 1..n {
            let (a, b) = (&passages[i], &passages[j]);
            let merges = a.join.to == b.join.to && a.join.to_lane == b.join.to_lane;
            if !merges && !meet(a, b) {
                continue;
            }
            (rules.foes[i][j], rules.foes[j][i]) = (true, true);
            if a.join.from == b.join.from {
                // Where lanes end, those beside each other go in turn.
                if merges {
                    (rules.zips[i], rules.zips[j]) = (!signal, !signal);
                    rules.yields[i][j] = signal;
                }
                continue;
            }
            rules.yields[i][j] = gives_way(a, b, signal);
            rules.yields[j][i] = gives_way(b, a, signal);
        }
    }
    // Zipping is between lanes of one street: who meets others too gives way by the rules.
    for i in 0..n {
        let others =
            (0..n).any(|j| rules.foes[i][j] && passages[j].join.from != passages[i].join.from);
        rules.zips[i] &= !others;
    }
    rules
}

fn meet(a: &Passage, b: &Passage) -> bool {
    if a.join.from == b.join.from && a.join.from_lane == b.join.from_lane {
        return false;
    }
    if geometry::conflict(&a.line, &b.line).is_some() {
        return true;
    }
    // Turns side by side from one street to one street are no conflict.
    a.join.from != b.join.from
        && a.join.to != b.join.to
        && a.line
            .iter()
            .any(|p| b.line.iter().any(|q| distance(*p, *q) < TOUCH_M))
}

/// Whether `a` gives way to `b`, which it meets.
fn gives_way(a: &Passage, b: &Passage, signal: bool) -> bool {
    let (round_a, round_b) = (a.join.kind == Kind::Around, b.join.kind == Kind::Around);
    if round_a != round_b {
        return round_a;
    }
    if !signal && a.rank != b.rank {
        return a.rank < b.rank;
    }
    let dot = a.heading.x * b.heading.x + a.heading.y * b.heading.y;
    let (left_a, left_b) = (a.join.kind == Kind::Left, b.join.kind == Kind::Left);
    if dot < OPPOSITE {
        return left_a && !left_b;
    }
    let (turns_a, turns_b) = (a.join.kind != Kind::Straight, b.join.kind != Kind::Straight);
    if turns_a != turns_b {
        return turns_a;
    }
    // Equals: who comes from the right goes first.
    a.heading.x * b.heading.y - a.heading.y * b.heading.x > 0.0
}
