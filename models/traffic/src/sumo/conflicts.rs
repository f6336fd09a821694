//! Where the ways through a junction meet, who gives way, where a vehicle is out of the way.

use super::net::RawRequest;
use super::ways::Way;
use crate::geometry::{self, P};

/// Lines nearer than this are in conflict where the file says so without a crossing, m.
const TOUCH_M: f64 = 2.0;
/// Beyond this distance from the other lines a vehicle is out of their way, m.
const CLEAR_M: f64 = 2.0;
/// Steps along a line, m.
const STRIDE_M: f64 = 0.5;
/// Most steps along a line.
const STRIDES_MAX: f64 = 1_000.0;

/// A conflict with another way of the junction.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Meeting {
    pub(super) way: usize,
    pub(super) at_m: f64,
    pub(super) other_at_m: f64,
    pub(super) yields: bool,
}

/// The geometry of a way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Passage {
    pub(super) line: Vec<P>,
    /// Length driven, m; may differ from the line's.
    pub(super) length_m: f64,
    pub(super) wait_m: f64,
    pub(super) clear_m: f64,
    pub(super) foes: Vec<Meeting>,
    /// Number of its request.
    pub(super) request: usize,
}

impl Passage {
    pub(super) fn new(line: Vec<P>, length_m: f64, wait_m: f64, request: usize) -> Self {
        Self {
            line,
            length_m,
            wait_m,
            clear_m: length_m,
            foes: Vec::new(),
            request,
        }
    }

    /// The same way to another lane.
    pub(super) fn ending_at(&self, end: P) -> Self {
        let mut other = self.clone();
        if let Some(last) = other.line.last_mut() {
            *last = end;
        }
        other
    }
}

/// Finds all conflicts among the ways of a junction and where each is out of the others' way.
pub(super) fn find(ways: &mut [Way<'_>], requests: &[RawRequest]) {
    let bit = |bits: fn(&RawRequest) -> &Vec<bool>, a: usize, b: usize| {
        let row = requests.get(a).map(bits);
        row.and_then(|r| r.get(b)).copied().unwrap_or(false)
    };
    for a in 0..ways.len() {
        for b in a + 1..ways.len() {
            let (wa, wb) = (&ways[a], &ways[b]);
            if wa.from.id == wb.from.id && wa.start == wb.start {
                continue;
            }
            let (ra, rb) = (wa.passage.request, wb.passage.request);
            let merges = wa.to.id == wb.to.id && wa.end == wb.end;
            let place = if merges {
                Some((wa.passage.length_m, wb.passage.length_m))
            } else if bit(|r| &r.foes, ra, rb) || bit(|r| &r.foes, rb, ra) {
                meet(&wa.passage, &wb.passage)
            } else {
                None
            };
            let Some((at_m, other_at_m)) = place else {
                continue;
            };
            let zips = wa.zips || wb.zips;
            let told = bit(|r| &r.response, ra, rb) || bit(|r| &r.response, rb, ra);
            // Where the file knows of no conflict, who changes lanes gives way to another road.
            let by_change = |x: &Way<'_>, y: &Way<'_>| {
                !told && x.from.id != y.from.id && x.changes > 0 && y.changes == 0
            };
            let yields = |x: &Way<'_>, y: &Way<'_>| {
                let (rx, ry) = (x.passage.request, y.passage.request);
                !zips && (bit(|r| &r.response, rx, ry) || by_change(x, y))
            };
            let meeting = |way, at_m, other_at_m, yields| Meeting {
                way,
                at_m,
                other_at_m,
                yields,
            };
            let first = meeting(b, at_m, other_at_m, yields(wa, wb));
            let second = meeting(a, other_at_m, at_m, yields(wb, wa));
            ways[a].passage.foes.push(first);
            ways[b].passage.foes.push(second);
        }
    }
    for a in 0..ways.len() {
        let me = &ways[a];
        let clear = (0..ways.len())
            .filter(|b| ways[*b].from.id == me.from.id && ways[*b].start == me.start)
            .filter(|b| ways[*b].passage.request != me.passage.request)
            .map(|b| parts(&me.passage, &ways[b].passage))
            .fold(0.0, f64::max);
        ways[a].passage.clear_m = clear;
        ways[a]
            .passage
            .foes
            .sort_by(|x, y| x.at_m.total_cmp(&y.at_m));
    }
}

/// Where two ways cross, or come close where they do not.
fn meet(a: &Passage, b: &Passage) -> Option<(f64, f64)> {
    let scale = |p: &Passage| p.length_m / geometry::length(&p.line);
    let found = geometry::conflict(&a.line, &b.line).or_else(|| nearest(&a.line, &b.line));
    found.map(|(x, y)| {
        (
            (x * scale(a)).min(a.length_m),
            (y * scale(b)).min(b.length_m),
        )
    })
}

fn stations(line: &[P]) -> impl Iterator<Item = f64> {
    let length = geometry::length(line);
    let stride = STRIDE_M.max(length / STRIDES_MAX);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // at most 1,000
    let count = (length / stride) as u32;
    (0..=count).map(move |k| f64::from(k) * stride)
}

fn distance(p: P, q: P) -> f64 {
    P::new(p.x - q.x, p.y - q.y).len()
}

/// The first pair of places nearer than [`TOUCH_M`].
fn nearest(a: &[P], b: &[P]) -> Option<(f64, f64)> {
    let others: Vec<(f64, P)> = stations(b).map(|y| (y, geometry::point_at(b, y))).collect();
    stations(a).find_map(|x| {
        let p = geometry::point_at(a, x);
        let close = others.iter().find(|(_, q)| distance(p, *q) < TOUCH_M);
        close.map(|(y, _)| (x, *y))
    })
}

/// From where on `a` is out of the way of `b`, which starts on the same lane, m.
fn parts(a: &Passage, b: &Passage) -> f64 {
    let others: Vec<P> = stations(&b.line)
        .map(|y| geometry::point_at(&b.line, y))
        .collect();
    let scale = a.length_m / geometry::length(&a.line);
    let apart = |x: &f64| {
        let p = geometry::point_at(&a.line, *x);
        others.iter().all(|q| distance(p, *q) > CLEAR_M)
    };
    stations(&a.line)
        .find(apart)
        .map_or(a.length_m, |x| (x * scale).min(a.length_m))
}
