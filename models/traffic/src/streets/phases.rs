//! Signal programmes from the geometry of a junction.
//!
//! Approaches that face each other share a stage. Left turns with a lane of their own against oncoming
//! traffic get a stage after it, others give way in it. Yellow and all red follow each stage, or stand
//! as one clearance phase at the start ([`Clearance`]).

use super::Clearance;
use super::rules::{Passage, Rules};
use super::turns::Kind;
use crate::geometry::P;
use crate::sumo::net::{RawPhase, RawProgramme};

/// Approaches face each other up to 40 degrees off, and are parallel up to 25 (cosines).
const FACING: f64 = -0.766;
const PARALLEL: f64 = 0.906;
/// Green of a stage of two facing approaches, of a single one, and of left turns, s.
const GREEN_S: f64 = 30.0;
const GREEN_SINGLE_S: f64 = 20.0;
const GREEN_LEFT_S: f64 = 15.0;
const ALL_RED_S: f64 = 2.0;
/// Reaction and deceleration behind the duration of yellow (Institute of Transportation Engineers:
/// t + v / 2a, 1 s and 3.05 m/s^2), and its bounds, s.
const YELLOW_REACTION_S: f64 = 1.0;
const YELLOW_M_S2: f64 = 3.05;
const YELLOW_S: (f64, f64) = (3.0, 5.0);

/// A stage: which passages go.
struct Stage {
    go: Vec<bool>,
    green_s: f64,
}

/// The programme of a junction; none where nothing there has to be kept apart.
pub(super) fn programme(
    passages: &[Passage],
    rules: &Rules,
    speeds_m_s: &[f64],
    clearance: Clearance,
    line: u32,
) -> Option<RawProgramme> {
    let stages = stages(passages, rules);
    if stages.len() < 2 {
        return None;
    }
    let fastest = speeds_m_s.iter().copied().fold(0.0, f64::max);
    let yellow = YELLOW_REACTION_S + fastest / (2.0 * YELLOW_M_S2);
    let yellow_s = yellow.ceil().clamp(YELLOW_S.0, YELLOW_S.1);
    let phase = |duration_s: f64, state: Vec<char>| RawPhase {
        duration_s,
        state,
        line,
    };
    let red = vec!['r'; passages.len()];
    let mut phases = Vec::new();
    if clearance == Clearance::First {
        phases.push(phase(yellow_s + ALL_RED_S, red.clone()));
    }
    for (k, stage) in stages.iter().enumerate() {
        let state = letters(stage, rules);
        phases.push(phase(stage.green_s, state.clone()));
        if clearance == Clearance::Between {
            let next = &stages[(k + 1) % stages.len()];
            let stays = |i: usize| next.go[i];
            let with = |end: char| -> Vec<char> {
                let all = state.iter().enumerate();
                let shown = all.map(|(i, c)| match c {
                    'r' => 'r',
                    c if stays(i) => *c,
                    _ => end,
                });
                shown.collect()
            };
            phases.push(phase(yellow_s, with('y')));
            phases.push(phase(ALL_RED_S, with('r')));
        }
    }
    Some(RawProgramme {
        offset_s: 0.0,
        phases,
    })
}

/// What each passage shows in a stage: `g` where it gives way to another that goes.
fn letters(stage: &Stage, rules: &Rules) -> Vec<char> {
    let n = stage.go.len();
    let letter = |i: usize| {
        let waits = (0..n).any(|j| stage.go[j] && rules.yields[i][j]);
        match (stage.go[i], waits) {
            (false, _) => 'r',
            (true, true) => 'g',
            (true, false) => 'G',
        }
    };
    (0..n).map(letter).collect()
}

/// Approaches that go together, by street.
fn groups(passages: &[Passage]) -> Vec<Vec<usize>> {
    let mut approaches: Vec<(usize, P)> = Vec::new();
    for p in passages {
        if !approaches.iter().any(|(s, _)| *s == p.join.from) {
            approaches.push((p.join.from, p.heading));
        }
    }
    let dot = |a: usize, b: usize| {
        let (p, q) = (approaches[a].1, approaches[b].1);
        p.x * q.x + p.y * q.y
    };
    let n = approaches.len();
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for a in 0..n {
        pairs.extend((a + 1..n).map(|b| (dot(a, b), a, b)));
    }
    pairs.sort_by(|x, y| x.0.total_cmp(&y.0));
    let mut group_of: Vec<Option<usize>> = vec![None; n];
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for &(d, a, b) in &pairs {
        if d <= FACING && group_of[a].is_none() && group_of[b].is_none() {
            (group_of[a], group_of[b]) = (Some(groups.len()), Some(groups.len()));
            groups.push(vec![a, b]);
        }
    }
    for a in 0..n {
        if group_of[a].is_some() {
            continue;
        }
        let beside = (0..n).find_map(|b| group_of[b].filter(|_| dot(a, b) >= PARALLEL));
        let group = beside.unwrap_or_else(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        group_of[a] = Some(group);
        groups[group].push(a);
    }
    for group in &mut groups {
        for a in group {
            *a = approaches[*a].0;
        }
    }
    // The main street first; of equals the one that was drawn first.
    let rank = |group: &Vec<usize>| {
        let of = passages.iter().filter(|p| group.contains(&p.join.from));
        of.map(|p| p.rank).max().unwrap_or(0)
    };
    groups.sort_by_key(|g| (-rank(g), g.iter().min().copied()));
    groups
}

fn stages(passages: &[Passage], rules: &Rules) -> Vec<Stage> {
    let n = passages.len();
    let turns_left = |i: usize| matches!(passages[i].join.kind, Kind::Left | Kind::Around);
    // A lane from which traffic turns left only.
    let own_lane = |i: usize| {
        let own = &passages[i].join;
        let same = |p: &Passage| p.join.from == own.from && p.join.from_lane == own.from_lane;
        (0..n).filter(|j| same(&passages[*j])).all(turns_left)
    };
    let mut all = Vec::new();
    for group in groups(passages) {
        let member = |i: usize| group.contains(&passages[i].join.from);
        let against = |i: usize| (0..n).any(|j| member(j) && rules.yields[i][j] && !turns_left(j));
        let apart = |i: usize| member(i) && turns_left(i) && own_lane(i) && against(i);
        let green_s = if group.len() > 1 {
            GREEN_S
        } else {
            GREEN_SINGLE_S
        };
        let through: Vec<bool> = (0..n).map(|i| member(i) && !apart(i)).collect();
        let left: Vec<bool> = (0..n).map(apart).collect();
        for (go, green_s) in [(through, green_s), (left, GREEN_LEFT_S)] {
            if go.contains(&true) {
                all.push(Stage { go, green_s });
            }
        }
    }
    all
}
