//! Which lanes a vehicle takes where right of way goes by lists of foes.
//!
//! There a road's lane can be chosen when the road is entered (lane links that change lanes stand
//! for lane changes on the road). Of the lanes that need the fewest changes for the rest of the
//! route, as SUMO's best lanes, the one that has been given the fewest vehicles.

use crate::ids::{LaneIx, RoadIx};
use crate::network::{Network, Priority};

/// Cost of a lane that cannot serve the rest of the route.
const NO_WAY: u32 = u32::MAX;

/// The drivables of a route from its best first lane; none if no chain of lanes serves it.
///
/// `given` counts the vehicles sent to each lane so far.
pub(crate) fn best(
    net: &Network,
    p: &Priority,
    route: &[RoadIx],
    given: &mut [u32],
) -> Option<Vec<u32>> {
    let changes = changes_to_go(net, p, route);
    let first = (net.roads[route[0].ix()].lanes.iter().zip(&changes[0]))
        .filter(|(_, c)| **c != NO_WAY)
        .min_by_key(|(lane, c)| (**c, given[lane.ix()]));
    let mut lane: LaneIx = *first?.0;
    let mut path = vec![lane.0];
    given[lane.ix()] += 1;
    for (road, to_go) in route[1..].iter().zip(&changes[1..]) {
        let after = |link: &crate::ids::LinkIx| {
            let to = net.links[link.ix()].to;
            (to_go[net.lanes[to.ix()].index as usize], given[to.ix()])
        };
        let link = net.links_to_road(lane, *road).min_by_key(after)?;
        path.push(net.drivable_of_link(link).0);
        lane = net.links[link.ix()].to;
        given[lane.ix()] += 1;
        path.push(lane.0);
    }
    Some(path)
}

/// Fewest lane changes from each lane of each road of a route to its end.
fn changes_to_go(net: &Network, p: &Priority, route: &[RoadIx]) -> Vec<Vec<u32>> {
    let mut all: Vec<Vec<u32>> = vec![Vec::new(); route.len()];
    for (i, road) in route.iter().enumerate().rev() {
        let lanes = &net.roads[road.ix()].lanes;
        let Some(next) = route.get(i + 1) else {
            all[i] = vec![0; lanes.len()];
            continue;
        };
        let cost = |lane: &LaneIx| {
            let ways = net.links_to_road(*lane, *next).map(|link| {
                let to = net.links[link.ix()].to;
                let rest = all[i + 1][net.lanes[to.ix()].index as usize];
                rest.saturating_add(p.changes[link.ix()])
            });
            ways.min().unwrap_or(NO_WAY)
        };
        let costs = lanes.iter().map(cost).collect();
        all[i] = costs;
    }
    all
}
