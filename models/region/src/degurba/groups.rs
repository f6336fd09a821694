//! Groups of contiguous cells: labelling, smoothing of edges, holes, windows.

use super::rules::{GroupRule, Neighbours, Smoothing};

/// No group.
pub(super) const NONE: u32 = u32::MAX;

const OFFSETS: [(isize, isize); 8] = [
    (-1, 0),
    (0, -1),
    (0, 1),
    (1, 0),
    (-1, -1),
    (-1, 1),
    (1, -1),
    (1, 1),
];

/// Shape of a grid; cells are numbered row by row.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) rows: usize,
    pub(super) cols: usize,
}

impl Shape {
    pub(super) fn around(self, cell: usize, neighbours: Neighbours) -> impl Iterator<Item = usize> {
        let count = match neighbours {
            Neighbours::Four => 4,
            Neighbours::Eight => 8,
        };
        let (row, col) = (cell / self.cols, cell % self.cols);
        OFFSETS[..count].iter().filter_map(move |&(dr, dc)| {
            let r = row.checked_add_signed(dr).filter(|&r| r < self.rows)?;
            let c = col.checked_add_signed(dc).filter(|&c| c < self.cols)?;
            Some(r * self.cols + c)
        })
    }
}

/// Labels of the groups of `member` cells whose persons reach the rule's size, numbered from 0 by
/// their first cell; all else is [`NONE`].
pub(super) fn label(
    shape: Shape,
    member: impl Fn(usize) -> bool,
    persons: &[f64],
    rule: &GroupRule,
) -> Vec<u32> {
    let mut labels = vec![NONE; persons.len()];
    let mut seen = vec![false; persons.len()];
    let mut next = 0;
    let mut group = Vec::new();
    for start in 0..persons.len() {
        if seen[start] || !member(start) {
            continue;
        }
        group.clear();
        group.push(start);
        seen[start] = true;
        let mut done = 0;
        while done < group.len() {
            let cell = group[done];
            done += 1;
            for near in shape.around(cell, rule.neighbours) {
                if !seen[near] && member(near) {
                    seen[near] = true;
                    group.push(near);
                }
            }
        }
        let size: f64 = group
            .iter()
            .map(|&c| persons[c])
            .filter(|p| !p.is_nan())
            .sum();
        if size >= rule.size_persons {
            group.iter().for_each(|&c| labels[c] = next);
            next += 1;
        }
    }
    labels
}

/// What smoothing needs to know of a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// May join, and counts as a neighbour.
    Plain,
    /// May join, does not count: little land and nobody on it.
    Ignored,
    /// Neither: permanent water.
    Water,
    /// May not join, counts as an ordinary neighbour: outside the study area.
    Outside,
}

/// Smooths the edges of labelled groups until nothing changes; a step sees the labels before it.
pub(super) fn smooth(shape: Shape, labels: &mut [u32], ground: &[Ground], how: Smoothing) {
    let mut front: Vec<usize> = (0..labels.len()).filter(|&c| labels[c] != NONE).collect();
    while !front.is_empty() {
        let mut edge: Vec<usize> = front
            .iter()
            .flat_map(|&c| shape.around(c, Neighbours::Eight))
            .filter(|&c| labels[c] == NONE && ground[c] != Ground::Outside)
            .filter(|&c| how == Smoothing::R2022A || ground[c] != Ground::Water)
            .collect();
        edge.sort_unstable();
        edge.dedup();
        let joins: Vec<(usize, u32)> = edge
            .into_iter()
            .filter_map(|c| majority(shape, labels, ground, how, c).map(|l| (c, l)))
            .collect();
        for &(cell, label) in &joins {
            labels[cell] = label;
        }
        front = joins.into_iter().map(|(c, _)| c).collect();
    }
}

/// The group that holds the majority around a cell.
fn majority(
    shape: Shape,
    labels: &[u32],
    ground: &[Ground],
    how: Smoothing,
    cell: usize,
) -> Option<u32> {
    let mut counts = [(NONE, 0_usize); 8];
    let mut kinds = 0;
    let mut invalid = 0;
    for near in shape.around(cell, Neighbours::Eight) {
        let label = labels[near];
        if label == NONE {
            invalid += usize::from(matches!(ground[near], Ground::Ignored | Ground::Water));
            continue;
        }
        match counts[..kinds].iter_mut().find(|(l, _)| *l == label) {
            Some((_, n)) => *n += 1,
            None => {
                counts[kinds] = (label, 1);
                kinds += 1;
            }
        }
    }
    // Neighbours outside the grid count as valid ones without a group.
    let needed = match how {
        Smoothing::R2022A => 5,
        Smoothing::R2023A => (8 - invalid) / 2 + 1,
    };
    counts[..kinds]
        .iter()
        .find(|(_, n)| *n >= needed)
        .map(|(l, _)| *l)
}

/// Fills holes (side-connected cells not of the group, shut in by it) smaller than a limit of area.
pub(super) fn fill_holes(
    shape: Shape,
    labels: &mut [u32],
    may_join: impl Fn(usize) -> bool,
    area_km2: impl Fn(usize) -> f64,
    below_km2: f64,
) {
    let groups = labels
        .iter()
        .filter(|&&l| l != NONE)
        .max()
        .map_or(0, |&l| l + 1);
    let mut boxes = vec![(usize::MAX, 0, usize::MAX, 0); groups as usize];
    for (cell, &label) in labels.iter().enumerate().filter(|(_, l)| **l != NONE) {
        let (row, col) = (cell / shape.cols, cell % shape.cols);
        let b: &mut (usize, usize, usize, usize) = &mut boxes[label as usize];
        *b = (b.0.min(row), b.1.max(row), b.2.min(col), b.3.max(col));
    }
    let mut seen = vec![NONE; labels.len()];
    for (label, &(top, bottom, left, right)) in (0..groups).zip(&boxes) {
        if top == usize::MAX {
            continue;
        }
        let inside = |c: usize| {
            let (row, col) = (c / shape.cols, c % shape.cols);
            row > top && row < bottom && col > left && col < right
        };
        for row in top + 1..bottom {
            for col in left + 1..right {
                let start = row * shape.cols + col;
                if labels[start] == label || seen[start] == label {
                    continue;
                }
                let (hole, shut) = flood(shape, labels, &mut seen, label, start, inside);
                let area: f64 = hole.iter().map(|&c| area_km2(c)).sum();
                if shut && area < below_km2 {
                    for cell in hole {
                        if labels[cell] == NONE && may_join(cell) {
                            labels[cell] = label;
                        }
                    }
                }
            }
        }
    }
}

/// The side-connected cells around `start` that are not of the group, within its box, and whether
/// they never reach the box's edge.
fn flood(
    shape: Shape,
    labels: &[u32],
    seen: &mut [u32],
    label: u32,
    start: usize,
    inside: impl Fn(usize) -> bool,
) -> (Vec<usize>, bool) {
    let mut hole = vec![start];
    let mut shut = true;
    seen[start] = label;
    let mut done = 0;
    while done < hole.len() {
        let cell = hole[done];
        done += 1;
        for near in shape.around(cell, Neighbours::Four) {
            if labels[near] == label || seen[near] == label {
                continue;
            }
            if inside(near) {
                seen[near] = label;
                hole.push(near);
            } else {
                shut = false;
            }
        }
    }
    (hole, shut)
}

/// Mean over a square window of known values; the window is cut at the grid's edge.
pub(super) fn window_mean(shape: Shape, values: &[f64], side: usize) -> Vec<f64> {
    let half = side / 2;
    (0..values.len())
        .map(|cell| {
            let (row, col) = (cell / shape.cols, cell % shape.cols);
            let (mut sum, mut n) = (0.0, 0_u32);
            for r in row.saturating_sub(half)..(row + half + 1).min(shape.rows) {
                let line = r * shape.cols;
                let from = line + col.saturating_sub(half);
                let to = line + (col + half + 1).min(shape.cols);
                for v in values[from..to].iter().filter(|v| !v.is_nan()) {
                    sum += v;
                    n += 1;
                }
            }
            sum / f64::from(n)
        })
        .collect()
}

/// Marks cells within `cells` eight-neighbour steps of marked ones.
pub(super) fn widen(shape: Shape, marked: &mut [bool], cells: usize) {
    let mut front: Vec<usize> = (0..marked.len()).filter(|&c| marked[c]).collect();
    for _ in 0..cells {
        let mut next = Vec::new();
        for cell in front {
            for near in shape.around(cell, Neighbours::Eight) {
                if !marked[near] {
                    marked[near] = true;
                    next.push(near);
                }
            }
        }
        front = next;
    }
}
