//! Lane centre lines, built curves through junctions and conflict points.
//!
//! Follows the reference simulator's geometry operation by operation (including its quirks, which
//! are marked), because positions of conflicts decide who gives way.

use rayon::prelude::*;

/// A point or vector in the plane, m.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct P {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl P {
    pub(crate) const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    pub(crate) fn minus(self, o: Self) -> Self {
        Self::new(self.x - o.x, self.y - o.y)
    }

    fn plus(self, o: Self) -> Self {
        Self::new(self.x + o.x, self.y + o.y)
    }

    pub(crate) fn times(self, k: f64) -> Self {
        Self::new(self.x * k, self.y * k)
    }

    pub(crate) fn len(self) -> f64 {
        (self.x * self.x + self.y * self.y).sqrt()
    }

    pub(crate) fn unit(self) -> Self {
        let len = self.len();
        Self::new(self.x / len, self.y / len)
    }

    /// The right normal.
    pub(crate) fn right(self) -> Self {
        Self::new(self.y, -self.x)
    }

    pub(crate) fn cross(self, o: Self) -> f64 {
        self.x * o.y - self.y * o.x
    }

    fn dot(self, o: Self) -> f64 {
        self.x * o.x + self.y * o.y
    }

    /// The point at share `a` of the way to `o`.
    pub(crate) fn towards(self, o: Self, a: f64) -> Self {
        Self::new((o.x - self.x) * a + self.x, (o.y - self.y) * a + self.y)
    }
}

/// Below this a cross product counts as zero.
const EPSILON: f64 = 1e-8;
/// Shortest handle of a built curve, m, where the junction is at least that wide.
const HANDLE_MIN_M: f64 = 5.0;

pub(crate) fn length(points: &[P]) -> f64 {
    let mut sum = 0.0;
    for pair in points.windows(2) {
        sum += pair[1].minus(pair[0]).len();
    }
    sum
}

/// The road's points with both ends pulled back by the junctions' half-sizes.
pub(crate) fn pulled_back(points: &[P], start_m: Option<f64>, end_m: Option<f64>) -> Vec<P> {
    let mut points = points.to_vec();
    let n = points.len();
    if let Some(width) = start_m {
        points[0] = points[0].plus(points[1].minus(points[0]).unit().times(width));
    }
    if let Some(width) = end_m {
        let along = points[n - 1].minus(points[n - 2]).unit();
        points[n - 1] = points[n - 1].minus(along.times(width));
    }
    points
}

/// `points` shifted to the right of travel by `shift_m` (no mitre correction at inner points).
pub(crate) fn shifted(points: &[P], shift_m: f64) -> Vec<P> {
    let n = points.len();
    (0..n)
        .map(|j| {
            let along = if j == 0 {
                points[1].minus(points[0]).unit()
            } else if j + 1 == n {
                points[j].minus(points[j - 1]).unit()
            } else {
                let after = points[j + 1].minus(points[j]).unit();
                let before = points[j].minus(points[j - 1]).unit();
                after.plus(before).unit()
            };
            points[j].plus(along.right().times(shift_m))
        })
        .collect()
}

pub(crate) fn point_at(points: &[P], distance_m: f64) -> P {
    let mut rest = distance_m.max(0.0).min(length(points));
    if rest <= 0.0 {
        return points[0];
    }
    for pair in points.windows(2) {
        let len = pair[1].minus(pair[0]).len();
        if rest > len {
            rest -= len;
        } else {
            return pair[0].plus(pair[1].minus(pair[0]).times(rest / len));
        }
    }
    points[points.len() - 1]
}

pub(crate) fn direction_at(points: &[P], distance_m: f64) -> P {
    let mut rest = distance_m;
    for pair in points.windows(2) {
        let along = pair[1].minus(pair[0]);
        let len = along.len();
        if rest < len {
            return along.unit();
        }
        rest -= len;
    }
    let n = points.len();
    points[n - 1].minus(points[n - 2]).unit()
}

/// The curve of a lane link without points: a cubic Bezier between the unshortened centre lines.
pub(crate) fn curve(start_lane: &[P], end_lane: &[P], width_m: f64) -> Vec<P> {
    let stop = length(start_lane) - width_m;
    let (s, e) = (point_at(start_lane, stop), point_at(end_lane, width_m));
    let (ds, de) = (
        direction_at(start_lane, stop),
        direction_at(end_lane, width_m),
    );
    let half = e.minus(s).len() * 0.5;
    let (m1, m2) = if half < HANDLE_MIN_M && width_m >= HANDLE_MIN_M {
        // Quirk of the reference: the second handle points forward here.
        (
            s.plus(ds.times(HANDLE_MIN_M)),
            e.plus(de.times(HANDLE_MIN_M)),
        )
    } else {
        (s.plus(ds.times(half)), e.minus(de.times(half)))
    };
    (0..=10)
        .map(|i| {
            let a = f64::from(i) / 10.0;
            let (p1, p2, p3) = (s.towards(m1, a), m1.towards(m2, a), m2.towards(e, a));
            p1.towards(p2, a).towards(p2.towards(p3, a), a)
        })
        .collect()
}

fn zero(x: f64) -> bool {
    x.abs() < EPSILON
}

fn on_segment(a: P, b: P, p: P) -> bool {
    let (v1, v2) = (p.minus(a), p.minus(b));
    zero(v1.cross(v2)) && v1.dot(v2) <= EPSILON
}

/// Distances along `a` and `b` of their first common point, or none.
pub(crate) fn conflict(a: &[P], b: &[P]) -> Option<(f64, f64)> {
    let mut along_a = 0.0;
    for sa in a.windows(2) {
        let u = sa[1].minus(sa[0]);
        let mut along_b = 0.0;
        for sb in b.windows(2) {
            let v = sb[1].minus(sb[0]);
            let product = u.cross(v);
            if zero(product) {
                // Quirk of the reference: the length of this segment is not added.
                continue;
            }
            let p = sa[0].plus(u.times(sb[0].minus(sa[0]).cross(v) / product));
            if on_segment(sa[0], sa[1], p) && on_segment(sb[0], sb[1], p) {
                return Some((
                    along_a + p.minus(sa[0]).len(),
                    along_b + p.minus(sb[0]).len(),
                ));
            }
            along_b += v.len();
        }
        along_a += u.len();
    }
    None
}

/// One conflict as seen from one link: distance along it, the other link (local index) and its distance.
pub(crate) type LocalCross = (f64, u32, f64);

/// All conflicts among one junction's lane links, per link sorted by distance.
pub(crate) fn conflicts(lines: &[Vec<P>]) -> Vec<Vec<LocalCross>> {
    let mut crosses: Vec<Vec<LocalCross>> = vec![Vec::new(); lines.len()];
    for i in 0..lines.len() {
        for j in i + 1..lines.len() {
            if let Some((di, dj)) = conflict(&lines[i], &lines[j]) {
                let (ji, ii) = (local(j), local(i));
                crosses[i].push((di, ji, dj));
                crosses[j].push((dj, ii, di));
            }
        }
    }
    for list in &mut crosses {
        list.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    crosses
}

fn local(ix: usize) -> u32 {
    u32::try_from(ix).expect("lane links of a junction are limited on load")
}

/// [`conflicts`] for many junctions at once; the order of the result is that of the input.
pub(crate) fn conflicts_of_all(junctions: &[Vec<Vec<P>>]) -> Vec<Vec<Vec<LocalCross>>> {
    junctions.par_iter().map(|lines| conflicts(lines)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_lie_to_the_right_of_the_road() {
        let road = [P::new(0.0, 0.0), P::new(100.0, 0.0)];
        let line = shifted(&pulled_back(&road, Some(10.0), None), 2.0);
        assert_eq!(line, vec![P::new(10.0, -2.0), P::new(100.0, -2.0)]);
        assert!((length(&line) - 90.0).abs() < 1e-12);
    }

    #[test]
    fn two_lines_that_cross_meet_once_and_parallel_ones_never() {
        let a = [P::new(0.0, 0.0), P::new(10.0, 0.0)];
        let b = [P::new(4.0, -3.0), P::new(4.0, 3.0)];
        assert_eq!(conflict(&a, &b), Some((4.0, 3.0)));
        let c = [P::new(0.0, 1.0), P::new(10.0, 1.0)];
        assert_eq!(conflict(&a, &c), None);
    }
}
