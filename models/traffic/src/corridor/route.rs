//! Alternative ways: shortest by free-flow time, then again with the roads already used dearer
//! (penalty method: Bader, Dees, Geisberger, Sanders 2011).

use super::Dispatch;
use crate::error::TrafficError;
use crate::ids::RoadIx;
use crate::network::Network;
use crate::routing::Router;

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
    let mut router = Router::by_road(net, &cost_s);
    let mut routes: Vec<Vec<RoadIx>> = Vec::new();
    for _ in 0..most {
        let start_s = cost_s[dispatch.from.ix()];
        router.set_road_cost(&cost_s);
        let Some(route) = router.cheapest(dispatch.from, dispatch.to, start_s) else {
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
