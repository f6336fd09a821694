//! Ways cut into streets where they meet, and joined again where nothing but the way changes.

use std::collections::{BTreeMap, BTreeSet};

use super::control::{Control, Facing};
use super::tags::Direction;
use super::{Content, Drive, bans};
use crate::geometry::{self, P};
use crate::streets::{Map, MapNode, Sign, Street, clean};

/// A signal or sign on a street belongs to the junction it leads to up to this distance, m.
const CONTROL_M: f64 = 50.0;

/// A stretch of ways between two junctions, along the first way.
struct Piece {
    /// Nodes by their number in the file's content.
    nodes: Vec<usize>,
    /// The ways at its start and end.
    ways: (usize, usize),
    /// Number among the stretches of its first way.
    number: usize,
    forward: Option<Direction>,
    backward: Option<Direction>,
    gone: bool,
}

/// The streets of a file.
pub(super) fn map(mut content: Content, points: &[Option<P>], file: &str) -> Map {
    let mut map = Map::default();
    let mut pieces = pieces(&mut content, points, file);
    merge(&mut pieces, &content);
    let mut numbers = BTreeMap::new();
    for piece in pieces.iter().filter(|p| !p.gone) {
        for &node in [piece.nodes.first(), piece.nodes.last()]
            .into_iter()
            .flatten()
        {
            numbers.entry(node).or_insert(0);
        }
    }
    for (number, (&node, slot)) in numbers.iter_mut().enumerate() {
        *slot = number;
        map.nodes.push(MapNode {
            id: content.ids[node].to_string(),
            at: points[node].unwrap_or(P::new(0.0, 0.0)),
            signal: content.controls[node].signal,
            listed: false,
            line: 0,
        });
    }
    for piece in pieces.iter().filter(|p| !p.gone) {
        add(&mut map, piece, &content, points, &numbers);
    }
    signals_before(&mut map);
    let arms = crate::streets::arms(&map);
    for (node, count) in map.nodes.iter_mut().zip(arms) {
        if count < 3 && std::mem::take(&mut node.signal) {
            let what = "signal where no street crosses (for pedestrians): not simulated";
            content
                .unmodelled
                .add_at(what, || format!("{file}: node {}", node.id));
        }
    }
    let streets: BTreeSet<i64> = content.ways.iter().map(|w| w.id).collect();
    let is_street = |way: i64| streets.contains(&way);
    let bans = bans::read(
        &content.restrictions,
        is_street,
        file,
        &mut content.unmodelled,
    );
    for (node, all) in bans {
        let number = content
            .ids
            .binary_search(&node)
            .ok()
            .and_then(|ix| numbers.get(&ix));
        match number {
            Some(number) => {
                map.bans.insert(*number, all);
            }
            None => content.unmodelled.add_at(
                "turn restriction at a node where no street begins or ends: not applied",
                || format!("{file}: node {node}"),
            ),
        }
    }
    map.unmodelled = content.unmodelled;
    map.assumed = content.assumed;
    map
}

/// Ways cut at missing nodes and where ways meet.
fn pieces(content: &mut Content, points: &[Option<P>], file: &str) -> Vec<Piece> {
    let mut runs: Vec<(usize, Vec<usize>)> = Vec::new();
    for (w, way) in content.ways.iter().enumerate() {
        let mut run: Vec<usize> = Vec::new();
        let mut missing = false;
        let before = runs.len();
        for node in &way.refs {
            let ix = content.ids.binary_search(node).unwrap_or(usize::MAX);
            if points.get(ix).copied().flatten().is_none() {
                missing = true;
                runs.push((w, std::mem::take(&mut run)));
                continue;
            }
            if run.last() != Some(&ix) {
                run.push(ix);
            }
        }
        runs.push((w, run));
        let short = runs[before..].iter().all(|(_, run)| run.len() < 2);
        let what = match (missing, short) {
            (true, true) => "way of which the map has less than two nodes: left out",
            (true, false) => "way with nodes that the map does not have: cut there",
            (false, true) => "way of one node: left out",
            (false, false) => continue,
        };
        content
            .unmodelled
            .add_at(what, || format!("{file}: way {}", way.id));
    }
    runs.retain(|(_, run)| run.len() > 1);
    let mut uses = vec![0_u32; content.ids.len()];
    for (_, run) in &runs {
        run.iter().for_each(|n| uses[*n] += 1);
        // Ends count double: streets are cut there even where only one other way passes.
        for n in [run[0], run[run.len() - 1]] {
            uses[n] += 1;
        }
    }
    let mut pieces = Vec::new();
    let mut numbers = vec![0; content.ways.len()];
    for (w, run) in runs {
        let mut from = 0;
        for k in 1..run.len() {
            // A way that comes back to a node of its own is cut there too, by its second use.
            if uses[run[k]] < 2 && k + 1 < run.len() {
                continue;
            }
            let way = &content.ways[w];
            pieces.push(Piece {
                nodes: run[from..=k].to_vec(),
                ways: (w, w),
                number: numbers[w],
                forward: way.what.forward.clone(),
                backward: way.what.backward.clone(),
                gone: false,
            });
            numbers[w] += 1;
            from = k;
        }
    }
    pieces
}

/// Joins stretches that meet at a node where nothing else does, if they are alike.
fn merge(pieces: &mut [Piece], content: &Content) {
    let mut at: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (k, piece) in pieces.iter().enumerate() {
        for node in [piece.nodes[0], piece.nodes[piece.nodes.len() - 1]] {
            at.entry(node).or_default().push(k);
        }
    }
    let nodes: Vec<usize> = at.keys().copied().collect();
    for node in nodes {
        let [a, b] = at[&node][..] else {
            continue;
        };
        if a == b {
            continue;
        }
        // So that `a` ends where `b` starts; a two-way stretch may be turned round.
        let ends = |p: &Piece| p.nodes.last() == Some(&node);
        let starts = |p: &Piece| p.nodes.first() == Some(&node);
        let mut turned = None;
        let (a, b) = if ends(&pieces[a]) && starts(&pieces[b]) {
            (a, b)
        } else if ends(&pieces[b]) && starts(&pieces[a]) {
            (b, a)
        } else {
            turned = Some(b);
            turn_round(&mut pieces[b]);
            if ends(&pieces[a]) { (a, b) } else { (b, a) }
        };
        if !alike(&pieces[a], &pieces[b], content) {
            if let Some(b) = turned {
                turn_round(&mut pieces[b]);
            }
            continue;
        }
        let second = std::mem::take(&mut pieces[b].nodes);
        pieces[b].gone = true;
        let far = second[second.len() - 1];
        // What lanes are marked for counts at the end of a direction.
        let forward = pieces[b].forward.take();
        let way = pieces[b].ways.1;
        let first = &mut pieces[a];
        first.nodes.extend(&second[1..]);
        first.forward = forward;
        first.ways.1 = way;
        if let Some(list) = at.get_mut(&far)
            && let Some(slot) = list.iter_mut().find(|k| **k == b)
        {
            *slot = a;
        }
    }
}

fn turn_round(piece: &mut Piece) {
    piece.nodes.reverse();
    piece.ways = (piece.ways.1, piece.ways.0);
    std::mem::swap(&mut piece.forward, &mut piece.backward);
}

fn alike(a: &Piece, b: &Piece, content: &Content) -> bool {
    let same = |x: &Option<Direction>, y: &Option<Direction>| match (x, y) {
        (None, None) => true,
        (Some(x), Some(y)) => x.is_like(y),
        _ => false,
    };
    let (x, y) = (&content.ways[a.ways.1].what, &content.ways[b.ways.0].what);
    same(&a.forward, &b.forward)
        && same(&a.backward, &b.backward)
        && x.rank == y.rank
        && x.roundabout == y.roundabout
        && (x.width_m - y.width_m).abs() < 1e-9
}

/// The identifier of a street as SUMO names edges: `12#0`, against the way `-12#0`. Editors number what
/// is new below 0: `m12#0`.
fn name(way: i64, number: usize, forward: bool) -> String {
    let back = if forward { "" } else { "-" };
    let minus = if way < 0 { "m" } else { "" };
    format!("{back}{minus}{}#{number}", way.unsigned_abs())
}

/// Adds the streets of a stretch.
fn add(
    map: &mut Map,
    piece: &Piece,
    content: &Content,
    points: &[Option<P>],
    numbers: &BTreeMap<usize, usize>,
) {
    let drawn: Vec<P> = piece.nodes.iter().filter_map(|n| points[*n]).collect();
    let line = clean(drawn.clone());
    let way: &Drive = &content.ways[piece.ways.0];
    let last: &Drive = &content.ways[piece.ways.1];
    let (start, end) = (piece.nodes[0], piece.nodes[piece.nodes.len() - 1]);
    let lanes = |d: &Option<Direction>| d.as_ref().map_or(0, |d| d.lanes);
    let first = map.streets.len();
    let mut added = Vec::new();
    let two_way = piece.forward.is_some() && piece.backward.is_some();
    for (direction, forward) in [(&piece.forward, true), (&piece.backward, false)] {
        let Some(d) = direction else {
            continue;
        };
        let own = map.streets.len();
        let mut street = Street {
            id: name(way.id, piece.number, forward),
            from: numbers[&start],
            to: numbers[&end],
            line: line.clone(),
            lanes: d.lanes,
            width_m: way.what.width_m,
            lanes_beside: lanes(if forward {
                &piece.backward
            } else {
                &piece.forward
            }),
            speed_m_s: d.speed_m_s,
            rank: way.what.rank,
            turns: d.turns.clone(),
            reverse: two_way.then_some(if own == first { first + 1 } else { first }),
            roundabout: way.what.roundabout,
            sign: Sign::None,
            ways: (way.id, last.id),
            line_in_file: way.line,
        };
        if !forward {
            std::mem::swap(&mut street.from, &mut street.to);
            street.line.reverse();
            street.ways = (last.id, way.id);
        }
        map.streets.push(street);
        added.push((own, forward));
    }
    for (k, node) in piece.nodes.iter().enumerate() {
        let inner = k > 0 && k + 1 < piece.nodes.len();
        let control = content.controls[*node];
        if (inner && control.signal) || (control.sign.is_some()) {
            let back_m = geometry::length(&drawn[..=k]);
            let ahead_m = geometry::length(&drawn[k..]);
            apply(map, &added, control, (back_m, ahead_m));
        }
    }
}

/// A signal or sign on the streets of a stretch, so far from its start and end.
fn apply(
    map: &mut Map,
    streets: &[(usize, bool)],
    control: Control,
    (back_m, ahead_m): (f64, f64),
) {
    for &(k, forward) in streets {
        let (rest_m, other_m) = if forward {
            (ahead_m, back_m)
        } else {
            (back_m, ahead_m)
        };
        let faces = match control.facing {
            Facing::Nearest => map.streets[k].one_way() || rest_m <= other_m,
            Facing::Forward => forward,
            Facing::Backward => !forward,
            Facing::Both => true,
        };
        // A sign on the node of the junction itself does not say for which arm it stands.
        if !faces || rest_m > CONTROL_M || (control.sign.is_some() && rest_m == 0.0) {
            continue;
        }
        let to = map.streets[k].to;
        map.nodes[to].signal |= control.signal;
        if let Some(sign) = control.sign {
            map.streets[k].sign = map.streets[k].sign.max(sign);
        }
    }
}

/// Signals at the seam of two stretches stand for the junction shortly behind it.
fn signals_before(map: &mut Map) {
    let arms = crate::streets::arms(map);
    let mut marked = Vec::new();
    for s in &map.streets {
        let seam = map.nodes[s.from].signal && arms[s.from] < 3;
        if seam && arms[s.to] > 2 && geometry::length(&s.line) <= CONTROL_M {
            marked.push((s.from, s.to));
        }
    }
    for (_, to) in &marked {
        map.nodes[*to].signal = true;
    }
    for (from, _) in marked {
        map.nodes[from].signal = false;
    }
}
