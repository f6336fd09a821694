//! An undirected weighted network in compressed rows.

use crate::RegionError;

/// Nodes a network may have.
const NODES_MAX: usize = 5_000_000;
/// Entries a network may be made from.
const ENTRIES_MAX: usize = 50_000_000;

/// An undirected weighted network; loops are kept apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    offsets: Vec<usize>,
    targets: Vec<usize>,
    weights: Vec<f64>,
    loops: Vec<f64>,
    strength: Vec<f64>,
    total: f64,
}

impl Graph {
    /// From undirected edges (a, b, weight), each pair given once; equal pairs add up. A loop counts
    /// once in its node's strength, as A_ii does.
    ///
    /// # Errors
    /// [`RegionError::Option`] for nodes outside 0..n, weights that are negative or not finite, and
    /// networks without any weight; [`RegionError::TooLarge`].
    pub fn from_edges(n: usize, edges: &[(usize, usize, f64)]) -> Result<Self, RegionError> {
        check(n, edges)?;
        let mut loops = vec![0.0; n];
        let mut arcs = Vec::with_capacity(edges.len() * 2);
        for &(a, b, w) in edges {
            if a == b {
                loops[a] += w;
            } else if w > 0.0 {
                arcs.push((a, b, w));
                arcs.push((b, a, w));
            }
        }
        arcs.sort_by_key(|&(a, b, _)| (a, b));
        arcs.dedup_by(|next, kept| {
            let same = (next.0, next.1) == (kept.0, kept.1);
            if same {
                kept.2 += next.2;
            }
            same
        });
        let mut offsets = vec![0; n + 1];
        let mut strength = loops.clone();
        for &(a, _, w) in &arcs {
            offsets[a + 1] += 1;
            strength[a] += w;
        }
        for i in 0..n {
            offsets[i + 1] += offsets[i];
        }
        let total: f64 = strength.iter().sum();
        // `total` is 0 or positive here, never NaN.
        if total <= 0.0 {
            return Err(RegionError::option("network", "has no flow at all"));
        }
        Ok(Self {
            offsets,
            targets: arcs.iter().map(|a| a.1).collect(),
            weights: arcs.iter().map(|a| a.2).collect(),
            loops,
            strength,
            total,
        })
    }

    /// From directed flows (from, to, flow): S = (A + A^T)/2.
    ///
    /// # Errors
    /// As [`Graph::from_edges`].
    pub fn from_flows(n: usize, flows: &[(usize, usize, f64)]) -> Result<Self, RegionError> {
        let halves: Vec<_> = flows
            .iter()
            .map(|&(a, b, w)| (a.min(b), a.max(b), if a == b { w } else { w / 2.0 }))
            .collect();
        Self::from_edges(n, &halves)
    }

    /// Number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.loops.len()
    }

    /// Whether there are no nodes; never so for a network that was made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.loops.is_empty()
    }

    /// Sum of all strengths, 2m.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Unordered pairs with flow.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.targets.len() / 2
    }

    /// Strength of a node: the sum of its row.
    #[must_use]
    pub fn strength(&self, node: usize) -> f64 {
        self.strength[node]
    }

    /// Other nodes with flow to `node`, and the flow.
    pub fn around(&self, node: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.offsets[node]..self.offsets[node + 1];
        self.targets[range.clone()]
            .iter()
            .copied()
            .zip(self.weights[range].iter().copied())
    }

    /// Modularity of a partition at a resolution.
    ///
    /// # Errors
    /// [`RegionError::Shape`] for another number of labels than nodes; [`RegionError::Option`] for
    /// a resolution that is not positive.
    pub fn modularity(&self, community: &[usize], resolution: f64) -> Result<f64, RegionError> {
        RegionError::same_len("communities of nodes", self.len(), community.len())?;
        positive("resolution", resolution)?;
        let mut labels = community.to_vec();
        let count = super::renumber(&mut labels);
        let mut strength = vec![0.0; count];
        let mut inside = 0.0;
        for node in 0..self.len() {
            strength[labels[node]] += self.strength[node];
            inside += self.loops[node];
            for (other, w) in self.around(node) {
                if labels[node] == labels[other] {
                    inside += w;
                }
            }
        }
        let expected: f64 = strength.iter().map(|k| (k / self.total).powi(2)).sum();
        Ok(inside / self.total - resolution * expected)
    }

    /// One node per label; weights between and within labels add up.
    pub(super) fn aggregate(&self, labels: &[usize], count: usize) -> Self {
        let mut edges = Vec::with_capacity(self.targets.len() + self.len());
        for node in 0..self.len() {
            let own = labels[node];
            edges.push((own, own, self.loops[node]));
            for (other, w) in self.around(node) {
                let there = labels[other];
                if own == there {
                    // Both directions come by, so A_cc gets the whole sum over ordered pairs.
                    edges.push((own, own, w));
                } else if node < other {
                    edges.push((own.min(there), own.max(there), w));
                }
            }
        }
        Self::from_edges(count, &edges).expect("weights and nodes were checked when this was made")
    }
}

pub(super) fn positive(what: &str, value: f64) -> Result<(), RegionError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(RegionError::option(
        what,
        format!("{value} is not positive"),
    ))
}

fn check(n: usize, edges: &[(usize, usize, f64)]) -> Result<(), RegionError> {
    for (what, count, limit) in [
        ("nodes of a network", n, NODES_MAX),
        ("flows of a network", edges.len(), ENTRIES_MAX),
    ] {
        if count > limit {
            return Err(RegionError::TooLarge {
                what: what.to_owned(),
                count: count as u64,
                limit: limit as u64,
            });
        }
    }
    for &(a, b, w) in edges {
        if a >= n || b >= n {
            return Err(RegionError::option(
                "network",
                format!("the flow {a} to {b} names a node outside 0..{n}"),
            ));
        }
        if !(w.is_finite() && w >= 0.0) {
            return Err(RegionError::option(
                "network",
                format!("the flow {a} to {b} is {w}, it must be 0 or more"),
            ));
        }
    }
    Ok(())
}
