//! Closeness and betweenness over shortest paths (Brandes 2001), on lengths: minutes, or the
//! inverse of flows. Which of the two was used must be said with the numbers.

use serde::Serialize;

use crate::RegionError;
use crate::flows::Square;

/// Path lengths closer than this, relative, count as equal.
const EQUAL: f64 = 1e-12;
/// Places: the work grows with their cube.
const PLACES_MAX: usize = 2_000;

/// Centralities over shortest paths.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathCentrality {
    /// `(r/(n-1)) (r / sum of distances to the r places reached)` (Wasserman and Faust 1994): places
    /// of small pieces do not look central. 0 where nothing is reached.
    pub closeness: Vec<f64>,
    /// Share of shortest paths of ordered pairs of others that pass through, summed over pairs.
    pub betweenness: Vec<f64>,
    /// The same over `(n-1)(n-2)`.
    pub betweenness_share: Vec<f64>,
}

/// Lengths `1 / flow`; infinite where there is no flow.
pub fn inverse_flow(flows: &Square) -> Result<Square, RegionError> {
    flows.refuse_negative("flows")?;
    Square::from_fn("lengths", flows.n(), |i, j| {
        if i == j { 0.0 } else { 1.0 / flows.at(i, j) }
    })
}

/// Closeness (of what leaves) and betweenness; `lengths` above 0 off the diagonal, infinite = no tie.
pub fn path_centrality(lengths: &Square) -> Result<PathCentrality, RegionError> {
    let n = lengths.n();
    if n > PLACES_MAX {
        return Err(RegionError::TooLarge {
            what: "places of a network".to_owned(),
            count: n as u64,
            limit: PLACES_MAX as u64,
        });
    }
    for k in (0..n * n).filter(|k| k / n != k % n) {
        let d = lengths.at(k / n, k % n);
        if d <= 0.0 || d.is_nan() {
            return Err(RegionError::option(
                "lengths",
                format!("{d} from unit {} to unit {}", k / n + 1, k % n + 1),
            ));
        }
    }
    let mut betweenness = vec![0.0; n];
    let mut closeness = vec![0.0; n];
    for (source, close) in closeness.iter_mut().enumerate() {
        let tree = shortest(lengths, source);
        let reached = tree.order.len() - 1;
        let sum: f64 = tree.order.iter().map(|&v| tree.distance[v]).sum();
        if reached > 0 {
            *close = reached as f64 / (n - 1) as f64 * reached as f64 / sum;
        }
        let mut dependency = vec![0.0; n];
        for &w in tree.order.iter().rev() {
            for &v in &tree.before[w] {
                dependency[v] += tree.paths[v] / tree.paths[w] * (1.0 + dependency[w]);
            }
            if w != source {
                betweenness[w] += dependency[w];
            }
        }
    }
    let pairs = (n.saturating_sub(1) * n.saturating_sub(2)).max(1) as f64;
    Ok(PathCentrality {
        closeness,
        betweenness_share: betweenness.iter().map(|b| b / pairs).collect(),
        betweenness,
    })
}

struct Tree {
    /// Places by distance, the source first.
    order: Vec<usize>,
    distance: Vec<f64>,
    paths: Vec<f64>,
    before: Vec<Vec<usize>>,
}

/// Dijkstra on a dense table, with the number of shortest paths.
fn shortest(lengths: &Square, source: usize) -> Tree {
    let n = lengths.n();
    let mut tree = Tree {
        order: Vec::with_capacity(n),
        distance: vec![f64::INFINITY; n],
        paths: vec![0.0; n],
        before: vec![Vec::new(); n],
    };
    tree.distance[source] = 0.0;
    tree.paths[source] = 1.0;
    let mut done = vec![false; n];
    while let Some(v) = (0..n)
        .filter(|&v| !done[v] && tree.distance[v].is_finite())
        .min_by(|&a, &b| tree.distance[a].total_cmp(&tree.distance[b]))
    {
        done[v] = true;
        tree.order.push(v);
        for w in (0..n).filter(|&w| w != v && lengths.at(v, w).is_finite()) {
            if done[w] {
                continue;
            }
            let through = tree.distance[v] + lengths.at(v, w);
            if through < tree.distance[w] * (1.0 - EQUAL) {
                tree.distance[w] = through;
                tree.paths[w] = tree.paths[v];
                tree.before[w] = vec![v];
            } else if through <= tree.distance[w] * (1.0 + EQUAL) {
                tree.paths[w] += tree.paths[v];
                tree.before[w].push(v);
            }
        }
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: f64 = f64::INFINITY;

    fn line() -> Square {
        Square::from_fn("line", 5, |i, j| match i.abs_diff(j) {
            0 => 0.0,
            1 => 1.0,
            _ => NONE,
        })
        .unwrap()
    }

    #[test]
    fn a_line_of_five() {
        let c = path_centrality(&line()).unwrap();
        // Ordered pairs: twice 0, 3, 4, 3, 0.
        assert_eq!(c.betweenness, [0.0, 6.0, 8.0, 6.0, 0.0]);
        assert_eq!(c.closeness[0], 0.4);
        assert!((c.closeness[2] - 4.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn equal_paths_share_the_credit() {
        // A square 0-1-3, 0-2-3.
        let t = Square::from_fn("ring", 4, |i, j| match (i.min(j), i.max(j)) {
            (0, 1) | (0, 2) | (1, 3) | (2, 3) => 0.1,
            _ if i == j => 0.0,
            _ => NONE,
        })
        .unwrap();
        assert_eq!(path_centrality(&t).unwrap().betweenness, [1.0; 4]);
    }

    #[test]
    fn pieces_do_not_reach_each_other_and_lengths_are_positive() {
        let t =
            inverse_flow(&Square::new("f", 3, vec![0., 2., 0., 2., 0., 0., 0., 0., 0.]).unwrap());
        let c = path_centrality(&t.unwrap()).unwrap();
        assert_eq!(c.closeness, [1.0, 1.0, 0.0]);
        let zero = Square::new("l", 2, vec![0.0; 4]).unwrap();
        assert!(
            path_centrality(&zero)
                .unwrap_err()
                .to_string()
                .contains("unit 1")
        );
    }
}
