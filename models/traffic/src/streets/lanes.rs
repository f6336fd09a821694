//! Which lane leads where.

use super::turns::{Kind, Turn};
use super::{Map, TURN_LEFT, TURN_REVERSE, TURN_RIGHT, TURN_THROUGH};

/// From this number of lanes on the leftmost one is for left turns alone.
const OWN_LEFT_LANE_FROM: usize = 3;

/// A lane of one street joined to a lane of another; lanes from the left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Join {
    pub(super) from: usize,
    pub(super) from_lane: usize,
    pub(super) to: usize,
    pub(super) to_lane: usize,
    pub(super) kind: Kind,
    pub(super) angle_deg: f64,
}

const fn bit(kind: Kind) -> u8 {
    match kind {
        Kind::Around => TURN_REVERSE,
        Kind::Left => TURN_LEFT,
        Kind::Straight => TURN_THROUGH,
        Kind::Right => TURN_RIGHT,
    }
}

/// The joins of a street, by lane from the left.
pub(super) fn of(map: &Map, street: usize, turns: &[Turn]) -> Vec<Join> {
    let s = &map.streets[street];
    let n = usize::from(s.lanes);
    let mut all = Vec::new();
    for (k, served) in served(n, s.turns.as_deref(), turns).into_iter().enumerate() {
        let turn = &turns[k];
        let target = usize::from(map.streets[turn.to].lanes);
        let listed = map.listed.get(&(street, turn.to));
        let lanes = match listed {
            Some(l) => (usize::from(l.from.0)..=usize::from(l.from.1))
                .filter(|l| *l < n)
                .collect(),
            None => served,
        };
        for (i, lane) in lanes.iter().enumerate() {
            let to_lane = match listed {
                Some(l) => (usize::from(l.to.0) + i)
                    .min(usize::from(l.to.1))
                    .min(target - 1),
                None => target_lane(turn.kind, (i, lanes.len()), (*lane, n), target),
            };
            all.push(Join {
                from: street,
                from_lane: *lane,
                to: turn.to,
                to_lane,
                kind: turn.kind,
                angle_deg: turn.angle_deg,
            });
        }
    }
    all
}

/// The lanes that serve each turn.
fn served(n: usize, marks: Option<&[u8]>, turns: &[Turn]) -> Vec<Vec<usize>> {
    let has = |kind: Kind| turns.iter().any(|t| t.kind == kind);
    let left = has(Kind::Left) || has(Kind::Around);
    let (straight, right) = (has(Kind::Straight), has(Kind::Right));
    let usual = |kind: Kind| -> std::ops::Range<usize> {
        match kind {
            _ if !(straight || (left && right)) => 0..n,
            // Without a way straight on both sides share the lanes.
            Kind::Left | Kind::Around if !straight => 0..n.div_ceil(2),
            Kind::Right if !straight => (n / 2).min(n - 1)..n,
            Kind::Left | Kind::Around => 0..1,
            Kind::Right => n - 1..n,
            Kind::Straight if left && n >= OWN_LEFT_LANE_FROM => 1..n,
            Kind::Straight => 0..n,
        }
    };
    let marked = |kind: Kind| -> Vec<usize> {
        let lanes = marks.into_iter().flatten().take(n).enumerate();
        lanes
            .filter(|(_, m)| *m & bit(kind) != 0)
            .map(|(lane, _)| lane)
            .collect()
    };
    let mut all: Vec<Vec<usize>> = turns
        .iter()
        .map(|turn| match marked(turn.kind) {
            lanes if lanes.is_empty() => usual(turn.kind).collect(),
            lanes => lanes,
        })
        .collect();
    // No lane is left without a way on: it takes the turn of the lane beside it.
    for lane in 0..n {
        if all.iter().any(|lanes| lanes.contains(&lane)) {
            continue;
        }
        let nearest = |lanes: &Vec<usize>| lanes.iter().map(|l| l.abs_diff(lane)).min();
        if let Some(lanes) = all
            .iter_mut()
            .min_by_key(|l| nearest(l).unwrap_or(usize::MAX))
        {
            lanes.push(lane);
            lanes.sort_unstable();
        }
    }
    all
}

/// The lane that the `i`th of `count` serving lanes leads to.
fn target_lane(
    kind: Kind,
    (i, count): (usize, usize),
    (lane, n): (usize, usize),
    target: usize,
) -> usize {
    match kind {
        Kind::Left | Kind::Around => i.min(target - 1),
        Kind::Right => target.saturating_sub(count - i).min(target - 1),
        // New lanes open on the left; where lanes end, the nearest one.
        Kind::Straight if target >= n => lane + target - n,
        Kind::Straight if target >= count => i + target - count,
        Kind::Straight => i * target / count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(kinds: &[Kind]) -> Vec<Turn> {
        let turn = |(to, kind): (usize, &Kind)| Turn {
            to,
            kind: *kind,
            angle_deg: 0.0,
        };
        kinds.iter().enumerate().map(turn).collect()
    }

    #[test]
    fn lanes_are_shared_out_from_the_left() {
        use Kind::{Left, Right, Straight};
        let all = turns(&[Left, Straight, Right]);
        assert_eq!(served(1, None, &all), [vec![0], vec![0], vec![0]]);
        assert_eq!(served(2, None, &all), [vec![0], vec![0, 1], vec![1]]);
        assert_eq!(served(4, None, &all), [vec![0], vec![1, 2, 3], vec![3]]);
        let marks = [
            TURN_LEFT,
            TURN_LEFT,
            TURN_THROUGH,
            TURN_THROUGH | TURN_RIGHT,
        ];
        let marked = served(4, Some(&marks), &all);
        assert_eq!(marked, [vec![0, 1], vec![2, 3], vec![3]]);
        let tee = turns(&[Left, Right]);
        assert_eq!(served(3, None, &tee), [vec![0, 1], vec![1, 2]]);
        // A lane marked for a turn that is not there goes where its neighbour goes.
        let marked = served(2, Some(&[TURN_LEFT, TURN_THROUGH]), &turns(&[Straight]));
        assert_eq!(marked, [vec![0, 1]]);
    }

    #[test]
    fn lanes_end_and_open() {
        assert_eq!(target_lane(Kind::Straight, (0, 2), (0, 2), 3), 1);
        assert_eq!(target_lane(Kind::Straight, (2, 3), (2, 3), 2), 1);
        assert_eq!(target_lane(Kind::Right, (0, 1), (2, 3), 3), 2);
        assert_eq!(target_lane(Kind::Right, (0, 3), (0, 3), 1), 0);
        assert_eq!(target_lane(Kind::Left, (1, 2), (1, 3), 1), 0);
    }
}
