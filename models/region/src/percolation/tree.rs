//! The minimum spanning tree of points on the sphere: Boruvka's rounds, each point asking a k-d tree
//! for its nearest point of another component. Chords order like great circles.

/// Points a leaf of the tree holds.
const LEAF: usize = 8;

/// Unit vector of (latitude, longitude) in degrees.
pub(super) fn unit_vector((lat, lon): (f64, f64)) -> [f64; 3] {
    let (lat, lon) = (lat.to_radians(), lon.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

/// Square of the chord between two unit vectors.
pub(super) fn chord2(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    let (x, y, z) = (a[0] - b[0], a[1] - b[1], a[2] - b[2]);
    x * x + y * y + z * z
}

/// A box of the tree: `order[from..to]`, its extent, and its component if all points share one.
struct Node {
    from: usize,
    to: usize,
    low: [f64; 3],
    high: [f64; 3],
    /// The second half; the first is the next node. `None` for a leaf.
    second: Option<usize>,
    component: Option<usize>,
}

impl Node {
    fn distance2(&self, p: &[f64; 3]) -> f64 {
        (0..3)
            .map(|k| {
                (self.low[k] - p[k])
                    .max(p[k] - self.high[k])
                    .max(0.0)
                    .powi(2)
            })
            .sum()
    }
}

/// Edge candidates are ordered by chord, then by both indices, so that equal chords make no cycle.
type Edge = (f64, usize, usize);

fn shorter(a: &Edge, b: &Edge) -> bool {
    a.0.total_cmp(&b.0)
        .then((a.1, a.2).cmp(&(b.1, b.2)))
        .is_lt()
}

/// The n - 1 edges of the tree, in no order that means anything.
pub(super) fn minimum_spanning_tree(points: &[[f64; 3]]) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    let mut nodes = Vec::new();
    split(points, &mut order, 0, points.len(), &mut nodes);
    let mut component: Vec<usize> = (0..points.len()).collect();
    let mut edges = Vec::with_capacity(points.len().saturating_sub(1));
    while edges.len() + 1 < points.len() {
        for n in (0..nodes.len()).rev() {
            nodes[n].component = shared(&nodes, n, &order, &component);
        }
        let mut best: Vec<Option<Edge>> = vec![None; points.len()];
        for &i in &order {
            let search = Search {
                points,
                order: &order,
                nodes: &nodes,
                component: &component,
                from: i,
            };
            search.visit(0, &mut best[component[i]]);
        }
        for (_, a, b) in best.into_iter().flatten() {
            let (a_root, b_root) = (component[a], component[b]);
            // Both ends may have chosen this edge.
            let (a_root, b_root) = (find(&component, a_root), find(&component, b_root));
            if a_root != b_root {
                component[a_root.max(b_root)] = a_root.min(b_root);
                edges.push((a, b));
            }
        }
        for i in 0..component.len() {
            component[i] = find(&component, i);
        }
    }
    edges
}

/// The root of a component; roots point to themselves, and parents are smaller than children.
fn find(component: &[usize], mut i: usize) -> usize {
    while component[i] != i {
        i = component[i];
    }
    i
}

fn split(points: &[[f64; 3]], order: &mut [usize], from: usize, to: usize, nodes: &mut Vec<Node>) {
    let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
    for &i in &order[from..to] {
        for k in 0..3 {
            low[k] = low[k].min(points[i][k]);
            high[k] = high[k].max(points[i][k]);
        }
    }
    let here = nodes.len();
    nodes.push(Node {
        from,
        to,
        low,
        high,
        second: None,
        component: None,
    });
    if to - from <= LEAF {
        return;
    }
    let width = |k: usize| high[k] - low[k];
    let axis = (1..3).fold(0, |best, k| if width(k) > width(best) { k } else { best });
    let middle = from + (to - from) / 2;
    order[from..to].select_nth_unstable_by(middle - from, |&a, &b| {
        points[a][axis].total_cmp(&points[b][axis]).then(a.cmp(&b))
    });
    split(points, order, from, middle, nodes);
    nodes[here].second = Some(nodes.len());
    split(points, order, middle, to, nodes);
}

/// The component all points of a node share; children are known already.
fn shared(nodes: &[Node], n: usize, order: &[usize], component: &[usize]) -> Option<usize> {
    match nodes[n].second {
        Some(second) => nodes[n + 1]
            .component
            .filter(|_| nodes[n + 1].component == nodes[second].component),
        None => {
            let first = component[order[nodes[n].from]];
            order[nodes[n].from..nodes[n].to]
                .iter()
                .all(|&i| component[i] == first)
                .then_some(first)
        }
    }
}

/// The search for the nearest point of another component than that of `from`.
struct Search<'s> {
    points: &'s [[f64; 3]],
    order: &'s [usize],
    nodes: &'s [Node],
    component: &'s [usize],
    from: usize,
}

impl Search<'_> {
    /// Betters `best`, the shortest edge known that leaves the component.
    fn visit(&self, n: usize, best: &mut Option<Edge>) {
        let node = &self.nodes[n];
        let own = self.component[self.from];
        let point = &self.points[self.from];
        // Equal chords must still be looked at: the indices decide.
        if node.component == Some(own)
            || best.is_some_and(|(chord2, ..)| node.distance2(point) > chord2)
        {
            return;
        }
        let Some(second) = node.second else {
            for &j in &self.order[node.from..node.to] {
                if self.component[j] != own {
                    let (a, b) = (self.from.min(j), self.from.max(j));
                    let edge = (chord2(point, &self.points[j]), a, b);
                    if best.as_ref().is_none_or(|known| shorter(&edge, known)) {
                        *best = Some(edge);
                    }
                }
            }
            return;
        };
        let first = n + 1;
        let near_first = self.nodes[first].distance2(point) <= self.nodes[second].distance2(point);
        let (near, far) = if near_first {
            (first, second)
        } else {
            (second, first)
        };
        self.visit(near, best);
        self.visit(far, best);
    }
}
