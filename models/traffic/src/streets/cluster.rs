//! Which nodes of a map are one physical junction.

use super::{Map, Street, distance};
use crate::geometry;

/// Nodes this near are one junction wherever they are, m (the distance netconvert suggests for maps
/// of OpenStreetMap, and the width of a lane more).
const JOIN_ALWAYS_M: f64 = 12.0;
/// Largest extent of a joined junction, m.
const EXTENT_MAX_M: f64 = 80.0;
/// From this rank on streets keep their nodes: merges and diverges of motorways are no crossing.
const MOTORWAY_RANK: u8 = 12;

/// The junctions of a map.
#[derive(Debug)]
pub(super) struct Junctions {
    /// By node.
    pub(super) of: Vec<usize>,
    /// Nodes by junction, ascending.
    pub(super) nodes: Vec<Vec<usize>>,
    /// Streets inside a junction.
    pub(super) inner: Vec<bool>,
    pub(super) signal: Vec<bool>,
}

/// The streets at each node, in and out.
fn incident(map: &Map) -> Vec<Vec<usize>> {
    let mut at = vec![Vec::new(); map.nodes.len()];
    for (k, street) in map.streets.iter().enumerate() {
        at[street.from].push(k);
        at[street.to].push(k);
    }
    at
}

/// Number of arms by node: two directions of one street are one.
pub(crate) fn arms(map: &Map) -> Vec<usize> {
    let mut arms = vec![0; map.nodes.len()];
    for (k, street) in map.streets.iter().enumerate() {
        if street.reverse.is_none_or(|r| r > k) {
            arms[street.from] += 1;
            arms[street.to] += 1;
        }
    }
    arms
}

/// Joins nodes to junctions.
pub(super) fn find(map: &Map, join_m: f64) -> Junctions {
    let at = incident(map);
    let arms = arms(map);
    let touches = |node: usize, what: &dyn Fn(&Street) -> bool| {
        at[node].iter().any(|k| what(&map.streets[*k]))
    };
    let may_join = |node: usize| {
        arms[node] > 1
            && !map.nodes[node].listed
            && !touches(node, &|s| s.roundabout || s.rank >= MOTORWAY_RANK)
    };
    // A divided street, or a signal, makes two near nodes parts of one crossing.
    let divided = |node: usize, link: usize| {
        let reverse = map.streets[link].reverse;
        let other = |k: &usize| *k != link && Some(*k) != reverse && map.streets[*k].one_way();
        arms[node] > 2 && (map.nodes[node].signal || at[node].iter().any(other))
    };
    let mut near: Vec<(f64, usize)> = Vec::new();
    for (k, s) in map.streets.iter().enumerate() {
        let length = geometry::length(&s.line);
        let near_enough =
            length <= JOIN_ALWAYS_M || (length <= join_m && divided(s.from, k) && divided(s.to, k));
        if near_enough && s.from != s.to && may_join(s.from) && may_join(s.to) {
            near.push((length, k));
        }
    }
    near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut groups = Groups::new(map);
    for (_, k) in near {
        groups.join(map.streets[k].from, map.streets[k].to);
    }
    groups.finish(map)
}

/// Disjoint sets of nodes with their extents.
struct Groups {
    parent: Vec<usize>,
    /// West, south, east, north, m.
    extent: Vec<[f64; 4]>,
}

impl Groups {
    fn new(map: &Map) -> Self {
        Self {
            parent: (0..map.nodes.len()).collect(),
            extent: map
                .nodes
                .iter()
                .map(|n| [n.at.x, n.at.y, n.at.x, n.at.y])
                .collect(),
        }
    }

    fn root(&mut self, mut node: usize) -> usize {
        while self.parent[node] != node {
            self.parent[node] = self.parent[self.parent[node]];
            node = self.parent[node];
        }
        node
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        let (p, q) = (self.extent[a], self.extent[b]);
        let all = [
            p[0].min(q[0]),
            p[1].min(q[1]),
            p[2].max(q[2]),
            p[3].max(q[3]),
        ];
        if a == b || (all[2] - all[0]).hypot(all[3] - all[1]) > EXTENT_MAX_M {
            return;
        }
        let (low, high) = (a.min(b), a.max(b));
        self.parent[high] = low;
        self.extent[low] = all;
    }

    fn finish(mut self, map: &Map) -> Junctions {
        let mut of = vec![usize::MAX; map.nodes.len()];
        let mut nodes: Vec<Vec<usize>> = Vec::new();
        for node in 0..map.nodes.len() {
            let root = self.root(node);
            if of[root] == usize::MAX {
                of[root] = nodes.len();
                nodes.push(Vec::new());
            }
            of[node] = of[root];
            nodes[of[node]].push(node);
        }
        let inner = map.streets.iter().map(|s| {
            let straight = distance(map.nodes[s.from].at, map.nodes[s.to].at);
            let short = geometry::length(&s.line) <= (2.0 * straight).max(JOIN_ALWAYS_M);
            of[s.from] == of[s.to] && s.from != s.to && short
        });
        let inner: Vec<bool> = inner.collect();
        let signal = nodes
            .iter()
            .map(|all| all.iter().any(|n| map.nodes[*n].signal));
        let signal = signal.collect();
        Junctions {
            of,
            nodes,
            inner,
            signal,
        }
    }
}
