//! The network's shapes, as the reference's player reads them.

use serde_json::{Value, json};

use crate::geometry::P;
use crate::ids::JunctionIx;
use crate::network::{Junction, Network};

/// Least length of the piece of road that belongs to a junction's outline, m (fixed in the
/// reference).
const STUB_MIN_M: f64 = 5.0;

/// `{"static": {"nodes": [...], "edges": [...]}}`: junctions with their outline and roads with their
/// lanes' widths, m.
#[must_use]
pub fn shapes_json(net: &Network) -> Value {
    let nodes: Vec<Value> = (net.junctions().iter().enumerate())
        .map(|(ix, junction)| node(net, JunctionIx::of(ix), junction))
        .collect();
    let edges: Vec<Value> = (net.roads().iter())
        .map(|road| {
            let widths: Vec<f64> = road
                .lanes
                .iter()
                .map(|l| net.lanes()[l.ix()].width_m)
                .collect();
            json!({
                "id": road.id,
                "from": net.junctions()[road.from.ix()].id,
                "to": net.junctions()[road.to.ix()].id,
                "points": road.points,
                "nLane": road.lanes.len(),
                "laneWidths": widths,
            })
        })
        .collect();
    json!({ "static": { "nodes": nodes, "edges": edges } })
}

fn node(net: &Network, ix: JunctionIx, junction: &Junction) -> Value {
    let mut node = json!({
        "id": junction.id,
        "point": junction.point,
        "virtual": junction.is_virtual,
        "outline": outline(net, ix, junction),
    });
    if !junction.is_virtual {
        node["width"] = json!(junction.width_m);
    }
    node
}

/// The hull of the junction and of the ends of its roads, as `x, y, x, y, ...`, counterclockwise from
/// the lowest point.
fn outline(net: &Network, ix: JunctionIx, junction: &Junction) -> Vec<f64> {
    let centre = P::new(junction.point[0], junction.point[1]);
    let mut points = vec![centre];
    for road in net.roads().iter().filter(|r| r.from == ix || r.to == ix) {
        let place = |j: JunctionIx| {
            let [x, y] = net.junctions()[j.ix()].point;
            P::new(x, y)
        };
        let along = place(road.to).minus(place(road.from)).unit();
        let (left, inward) = if road.from == ix {
            (along.right().times(-1.0), along.times(-1.0))
        } else {
            (along.right().times(-1.0), along)
        };
        let lanes = || road.lanes.iter().map(|l| &net.lanes()[l.ix()]);
        let width_m: f64 = lanes().map(|l| l.width_m).sum();
        let mean_m = lanes().map(|l| l.length_m).sum::<f64>() / f64::from(count(road.lanes.len()));
        let a = centre.minus(inward.times(junction.width_m));
        let b = a.minus(left.times(width_m));
        points.extend([a, b]);
        let stub_m = (0.5 * junction.width_m.min(width_m)).max(STUB_MIN_M);
        if stub_m < mean_m {
            points.extend([a, b].map(|p| p.minus(inward.times(stub_m))));
        }
    }
    hull(points).iter().flat_map(|p| [p.x, p.y]).collect()
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX).max(1)
}

/// The convex hull, counterclockwise from the lowest (then leftmost) point (A. M. Andrew, 1979).
fn hull(mut points: Vec<P>) -> Vec<P> {
    points.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x)));
    points.dedup_by(|a, b| a.minus(*b).len() < 1e-9);
    if points.len() < 3 {
        return points;
    }
    let chain = |points: &mut dyn Iterator<Item = P>| {
        let mut chain: Vec<P> = Vec::new();
        for p in points {
            while let [.., a, b] = chain[..]
                && b.minus(a).cross(p.minus(b)) <= 1e-9
            {
                chain.pop();
            }
            chain.push(p);
        }
        chain.pop();
        chain
    };
    let mut hull = chain(&mut points.iter().copied());
    hull.extend(chain(&mut points.iter().rev().copied()));
    hull
}
