//! Ways from every lane of every route: where a vehicle goes on after it has changed lane.

use crate::demand::Demand;
use crate::ids::{LaneIx, NONE, RoadIx};
use crate::network::Network;
use crate::plan::next_link;

/// In place of a link: the lane does not serve the rest of the route.
const UNSERVED: u32 = NONE - 1;

/// Tables to walk routes lane by lane.
///
/// The ways themselves stand in the plan's paths: for each route, each of its roads and each lane
/// of that road two words, the lane and the link taken from it ([`NONE`] on the last road). A
/// vehicle's cursor points at its lane's word, or on a link at the link's.
#[derive(Debug)]
pub(crate) struct Lattice {
    /// By route: its first word.
    from: Vec<u32>,
    /// By lane: place in its road, and lanes of the road.
    index: Vec<u32>,
    count: Vec<u32>,
    /// By lane, m.
    width_m: Vec<f64>,
}

/// The ways of a route, see [`Lattice`].
pub(crate) fn route_words(net: &Network, route: &[RoadIx]) -> Vec<u32> {
    let mut words = Vec::new();
    for (i, road) in route.iter().enumerate() {
        for lane in &net.roads[road.ix()].lanes {
            words.push(lane.0);
            let rest = &route[i + 1..];
            words.push(match next_link(net, *lane, rest) {
                Some(link) => net.drivable_of_link(link).0,
                None if rest.is_empty() => NONE,
                None => UNSERVED,
            });
        }
    }
    words
}

impl Lattice {
    /// Appends the ways of all routes to the paths of a plan.
    pub(crate) fn new(net: &Network, demand: &Demand, paths: &mut Vec<u32>) -> Self {
        let mut from = Vec::with_capacity(demand.routes().len());
        for route in demand.routes() {
            from.push(u32::try_from(paths.len()).expect("paths are limited by the demand"));
            paths.extend(route_words(net, route));
        }
        let lanes_of = |lane: &crate::network::Lane| net.roads[lane.road.ix()].lanes.len();
        let count = net.lanes.iter().map(lanes_of);
        Self {
            from,
            index: net.lanes.iter().map(|lane| lane.index).collect(),
            count: count
                .map(|n| u32::try_from(n).expect("lanes are limited"))
                .collect(),
            width_m: net.lanes.iter().map(|lane| lane.width_m).collect(),
        }
    }

    /// The cursor of a route on a lane of its first road.
    pub(crate) fn start(&self, route: u32, lane: u32) -> u32 {
        self.from[route as usize] + 2 * self.index[lane as usize]
    }

    /// The words of a road of a route: the first, and the first beyond.
    pub(crate) fn road_words(
        &self,
        net: &Network,
        demand: &Demand,
        route: u32,
        road_at: u32,
    ) -> (u32, u32) {
        let roads = &demand.routes()[route as usize][..=road_at as usize];
        let words = |road: &RoadIx| {
            let lanes = net.roads[road.ix()].lanes.len();
            2 * u32::try_from(lanes).expect("lanes are limited")
        };
        let to = self.from[route as usize] + roads.iter().map(words).sum::<u32>();
        (to - words(&roads[road_at as usize]), to)
    }

    /// The path's end as [`super::super::state::Car`] holds it: two words where a link follows, one
    /// on the last road and on links, none where the lane does not serve the route.
    pub(crate) fn end(&self, paths: &[u32], cursor: u32, on_link: bool) -> u32 {
        if on_link {
            return cursor + 1;
        }
        match paths[cursor as usize + 1] {
            UNSERVED => cursor,
            NONE => cursor + 1,
            _ => cursor + 2,
        }
    }

    /// Whether a vehicle on this lane's word can go on, or is on its last road.
    pub(crate) fn serves(&self, paths: &[u32], cursor: u32) -> bool {
        paths[cursor as usize + 1] != UNSERVED
    }

    /// The drivable after this one and its cursor; `NONE` where the way ends.
    #[inline]
    pub(crate) fn next(
        &self,
        net: &Network,
        paths: &[u32],
        drivable: u32,
        cursor: u32,
    ) -> (u32, u32) {
        let Some(link) = (drivable as usize).checked_sub(self.index.len()) else {
            let link = paths[cursor as usize + 1];
            let link = if link == UNSERVED { NONE } else { link };
            return (link, cursor + 1);
        };
        let (lane, to) = (net.flat.link_from[link], net.flat.link_to[link]);
        let road = cursor - 1 - 2 * self.index[lane as usize];
        let next_road = road + 2 * self.count[lane as usize];
        (to, next_road + 2 * self.index[to as usize])
    }

    /// All drivables from a cursor to the end of the way.
    pub(crate) fn path(&self, net: &Network, paths: &[u32], cursor: u32) -> Vec<u32> {
        let mut all = Vec::new();
        let (mut drivable, mut at) = (paths[cursor as usize], cursor);
        while drivable != NONE {
            all.push(drivable);
            (drivable, at) = self.next(net, paths, drivable, at);
        }
        all
    }

    /// The lane outside this one.
    pub(crate) fn outer(&self, lane: u32) -> Option<u32> {
        (self.index[lane as usize] + 1 < self.count[lane as usize]).then_some(lane + 1)
    }

    /// The lane inside this one.
    pub(crate) fn inner(&self, lane: u32) -> Option<u32> {
        (self.index[lane as usize] > 0).then(|| lane - 1)
    }

    /// The cursor of a vehicle on `lane` once it is on `beside`, a lane of the same road.
    pub(crate) fn beside(&self, cursor: u32, lane: u32, beside: u32) -> u32 {
        debug_assert_eq!(lane.abs_diff(beside), 1);
        cursor + 2 * beside - 2 * lane
    }

    /// How far a vehicle moves aside between two lanes, m: half the sum of their widths.
    pub(crate) fn aside_m(&self, from: u32, to: u32) -> f64 {
        let (from, to): (LaneIx, LaneIx) = (LaneIx(from), LaneIx(to));
        (self.width_m[to.ix()] + self.width_m[from.ix()]) / 2.0
    }
}
