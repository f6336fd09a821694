//! Alternative ways: shortest by free-flow time, then again with the roads already used dearer
//! (penalty method: Bader, Dees, Geisberger, Sanders 2011).

use std::collections::BTreeSet;

use super::Dispatch;
use crate::error::TrafficError;
use crate::ids::RoadIx;
use crate::network::Network;

/// What a used road costs more in the next search.
const PENALTY: f64 = 1.4;

/// Up to `most` different ways from the first road to the last, the shortest first.
///
/// # Errors
/// When there is none.
pub fn alternatives(
    net: &Network,
    dispatch: &Dispatch,
    most: usize,
) -> Result<Vec<Vec<RoadIx>>, TrafficError> {
    let mut cost_s: Vec<f64> = (net.roads().iter())
        .map(|road| {
            let lanes = road.lanes.iter().map(|l| &net.lanes()[l.ix()]);
            lanes
                .map(|l| l.length_m / l.max_speed_m_s.min(dispatch.vehicle.max_speed_m_s))
                .fold(f64::INFINITY, f64::min)
        })
        .collect();
    let mut routes: Vec<Vec<RoadIx>> = Vec::new();
    for _ in 0..most {
        let Some(route) = shortest(net, dispatch.from, dispatch.to, &cost_s) else {
            break;
        };
        for road in &route {
            cost_s[road.ix()] *= PENALTY;
        }
        if !routes.contains(&route) {
            routes.push(route);
        }
    }
    if routes.is_empty() {
        let id = |r: RoadIx| net.roads()[r.ix()].id.clone();
        return Err(TrafficError::Option {
            what: "route",
            message: format!(
                "no way leads from \"{}\" to \"{}\"",
                id(dispatch.from),
                id(dispatch.to)
            ),
        });
    }
    Ok(routes)
}

/// Dijkstra over roads; ties by index.
fn shortest(net: &Network, from: RoadIx, to: RoadIx, cost_s: &[f64]) -> Option<Vec<RoadIx>> {
    let n = net.roads().len();
    let (mut best, mut before) = (vec![f64::INFINITY; n], vec![None; n]);
    best[from.ix()] = cost_s[from.ix()];
    let mut open = BTreeSet::from([(best[from.ix()].to_bits(), from.ix())]);
    while let Some((bits, at)) = open.pop_first() {
        // Costs are positive, so their bits are in their order.
        let reached = f64::from_bits(bits);
        if at == to.ix() {
            break;
        }
        let junction = &net.junctions()[net.roads()[at].to.ix()];
        for link in junction.road_links.iter().filter(|l| l.from.ix() == at) {
            let next = link.to.ix();
            let time = reached + cost_s[next];
            if time < best[next] {
                open.remove(&(best[next].to_bits(), next));
                best[next] = time;
                before[next] = Some(at);
                open.insert((time.to_bits(), next));
            }
        }
    }
    if best[to.ix()].is_infinite() {
        return None;
    }
    let mut route = vec![to.ix()];
    while let Some(previous) = before[route[route.len() - 1]] {
        route.push(previous);
    }
    route.reverse();
    Some(route.into_iter().map(RoadIx::of).collect())
}
