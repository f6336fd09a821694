//! Movements, lanes and phases of one junction.
//!
//! Phase 0 is clearance (right turns only), then west-east through, north-south through, west-east
//! left, north-south left; right turns are green in all. Where nothing comes towards it, a left
//! turn also runs with its through phase (the stem of a T-junction, one-way streets). A phase with
//! nothing of its own is left out at the end of the list; inside it, where leaving it out would
//! shift the others, it repeats the first phase, so that a rigid cycle wastes no green.

use super::layout::{Layout, Node};

/// Which way a movement turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Straight on.
    Through,
    /// To the left.
    Left,
    /// To the right.
    Right,
}

/// One movement through a junction (a road link).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Movement {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Arm it comes from and arm it leaves by.
    pub(crate) arms: (usize, usize),
    pub(crate) turn: Turn,
    /// Approach lanes that serve it: first and one past the last, 0 = innermost.
    pub(crate) lanes: (usize, usize),
}

impl Movement {
    /// Lanes that serve it.
    pub(crate) const fn lane_count(&self) -> usize {
        self.lanes.1 - self.lanes.0
    }

    /// Whether two movements cross inside the junction. The arms stand round a circle, each with
    /// its exit before its entry (anticlockwise, right-hand traffic); chords cross when their ends
    /// alternate. A shared end is a merge or a split, no crossing.
    fn crosses(&self, other: &Self) -> bool {
        let ends = |m: &Self| (2 * m.arms.0 + 1, 2 * m.arms.1);
        let ((a, b), (c, d)) = (ends(self), ends(other));
        if a == c || b == d {
            return false;
        }
        let (low, high) = (a.min(b), a.max(b));
        let inside = |p: usize| low < p && p < high;
        inside(c) != inside(d)
    }
}

/// All movements of `node`, approach by approach from the west anticlockwise.
pub(crate) fn movements(layout: &Layout, node: &Node) -> Vec<Movement> {
    let mut all = Vec::with_capacity(12);
    for from in [2, 3, 0, 1] {
        let Some(start) = node.inn[from] else {
            continue;
        };
        let heading = (from + 2) % 4;
        let arm_of = |turn| match turn {
            Turn::Through => heading,
            Turn::Left => (heading + 1) % 4,
            Turn::Right => (heading + 3) % 4,
        };
        let turns: Vec<Turn> = [Turn::Left, Turn::Through, Turn::Right]
            .into_iter()
            .filter(|&t| node.out[arm_of(t)].is_some())
            .collect();
        let lanes = lanes(layout.roads[start as usize].class.lanes(), &turns);
        for (turn, lanes) in turns.into_iter().zip(lanes) {
            let to = arm_of(turn);
            if let Some(end) = node.out[to] {
                all.push(Movement {
                    start,
                    end,
                    arms: (from, to),
                    turn,
                    lanes,
                });
            }
        }
    }
    all
}

/// Shares `n` approach lanes among the turns (in order from the left): one lane for each turn, the
/// rest to the through movement, without one to the left turn.
fn lanes(n: usize, turns: &[Turn]) -> Vec<(usize, usize)> {
    let rest = n - turns.len();
    let main = turns.iter().position(|&t| t == Turn::Through).unwrap_or(0);
    let mut at = 0;
    (0..turns.len())
        .map(|k| {
            let first = at;
            at += 1 + if k == main { rest } else { 0 };
            (first, at)
        })
        .collect()
}

/// The phases as sets of indices into `movements`.
pub(crate) fn phases(movements: &[Movement]) -> Vec<Vec<usize>> {
    let of = |axis: usize, turn: Turn| {
        let on = move |m: &Movement| m.arms.0 % 2 == axis && m.turn == turn;
        (0..movements.len()).filter(move |&i| on(&movements[i]))
    };
    // The members of `first`, then those of `second` that cross none of them.
    let join = |axis, first: Turn, second: Turn| {
        let mut set: Vec<usize> = of(axis, first).collect();
        for i in of(axis, second) {
            if set.iter().all(|&k| !movements[i].crosses(&movements[k])) {
                set.push(i);
            }
        }
        set
    };
    let mut sets = Vec::with_capacity(4);
    for axis in [0, 1] {
        sets.push(join(axis, Turn::Through, Turn::Left));
    }
    for axis in [0, 1] {
        let left = join(axis, Turn::Left, Turn::Through);
        let adds = left.iter().any(|i| !sets[axis].contains(i));
        sets.push(if adds { left } else { Vec::new() });
    }
    while sets.last().is_some_and(Vec::is_empty) {
        sets.pop();
    }
    let filler = sets
        .iter()
        .find(|s| !s.is_empty())
        .cloned()
        .unwrap_or_default();
    let right: Vec<usize> = (0..movements.len())
        .filter(|&i| movements[i].turn == Turn::Right)
        .collect();
    let mut phases = vec![right.clone()];
    for set in sets {
        let mut phase = if set.is_empty() { filler.clone() } else { set };
        phase.extend_from_slice(&right);
        phase.sort_unstable();
        phases.push(phase);
    }
    phases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_serve_one_movement_each_and_leave_none_over() {
        use Turn::{Left, Right, Through};
        assert_eq!(lanes(4, &[Left, Through, Right]), [(0, 1), (1, 3), (3, 4)]);
        assert_eq!(lanes(3, &[Through, Right]), [(0, 2), (2, 3)]);
        assert_eq!(lanes(3, &[Left, Right]), [(0, 2), (2, 3)]);
        assert_eq!(lanes(5, &[Left]), [(0, 5)]);
    }
}
