//! Communities of a flow network: modularity, Louvain and Leiden.
//!
//! Q = 1/2m sum_ij (A_ij - g k_i k_j / 2m) [c_i = c_j] with resolution g (Newman and Girvan 2004;
//! Reichardt and Bornholdt 2006). Louvain: Blondel et al. 2008; Leiden: Traag, Waltman and van Eck
//! 2019. Flows weigh S = (A + A^T)/2.

mod graph;
mod search;

use serde::Serialize;

pub use graph::Graph;
pub use search::{Method, SearchOptions, search};

/// A partition and what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Partition {
    /// Community per node, numbered by first node.
    pub community: Vec<usize>,
    /// Number of communities.
    pub count: usize,
    /// Modularity at the resolution of the search.
    pub modularity: f64,
}

impl Partition {
    /// The nodes of each community, in order.
    #[must_use]
    pub fn members(&self) -> Vec<Vec<usize>> {
        let mut lists = vec![Vec::new(); self.count];
        for (node, &c) in self.community.iter().enumerate() {
            lists[c].push(node);
        }
        lists
    }
}

/// Renumbers labels by their first appearance; returns the number of labels.
pub(crate) fn renumber(labels: &mut [usize]) -> usize {
    let mut new = std::collections::BTreeMap::new();
    for label in labels {
        let next = new.len();
        *label = *new.entry(*label).or_insert(next);
    }
    new.len()
}
