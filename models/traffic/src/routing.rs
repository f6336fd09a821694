//! Least-cost ways over roads: one search for every purpose of the crate.
//!
//! A node of the search is a road and a step is a movement, so a turn that no lane link allows does
//! not exist in it. Costs may depend on the cost so far, and so on the time of day.

use rayon::prelude::*;

use crate::heap::Heap;
use crate::ids::{NONE, RoadIx};
use crate::network::Network;

/// Time added for a connection without signal that gives way, s (SUMO's `weights.minor-penalty`).
const MINOR_S: f64 = 1.5;

/// One movement: the road it leads to and the cost of the junction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Way {
    pub(crate) to: u32,
    pub(crate) through: f64,
}

/// The movements of a network, by the road they leave.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    first: Vec<usize>,
    ways: Vec<Way>,
}

impl Graph {
    fn of(next: Vec<Vec<Way>>) -> Self {
        let mut first = vec![0];
        first.extend(next.iter().scan(0, |sum, ways| {
            *sum += ways.len();
            Some(*sum)
        }));
        Self {
            first,
            ways: next.into_iter().flatten().collect(),
        }
    }

    /// Movements with the free-flow time of their junction, s.
    pub(crate) fn by_time(net: &Network) -> Self {
        let mut next: Vec<Vec<Way>> = vec![Vec::new(); net.roads.len()];
        for junction in &net.junctions {
            let signals = junction.phases.len() > 1;
            for (n, road_link) in (0..).zip(&junction.road_links) {
                if road_link.links.is_empty() {
                    continue;
                }
                let minor = !signals && junction.phases.iter().any(|p| p.yields.contains(&n));
                let through_s = (road_link.links.iter())
                    .map(|l| &net.links[l.ix()])
                    .map(|link| link.length_m / link.max_speed_m_s)
                    .fold(f64::INFINITY, f64::min);
                let through = through_s + if minor { MINOR_S } else { 0.0 };
                let ways = &mut next[road_link.from.ix()];
                match ways.iter_mut().find(|way| way.to == road_link.to.0) {
                    Some(known) => known.through = known.through.min(through),
                    None => ways.push(Way {
                        to: road_link.to.0,
                        through,
                    }),
                }
            }
        }
        Self::of(next)
    }

    /// Movements that cost nothing, in the order in which the reference simulator looks at them.
    fn in_file_order(net: &Network) -> Self {
        let next = (0..net.roads.len()).map(|r| {
            let from = RoadIx::of(r);
            let roads = &net.junctions[net.roads[r].to.ix()].roads;
            let joined = roads.iter().filter(|to| net.connected(from, **to));
            joined
                .map(|to| Way {
                    to: to.0,
                    through: 0.0,
                })
                .collect()
        });
        Self::of(next.collect())
    }

    /// Number of roads.
    pub(crate) const fn roads(&self) -> usize {
        self.first.len() - 1
    }

    /// All movements; the place in it is the movement's number.
    pub(crate) fn ways(&self) -> &[Way] {
        &self.ways
    }

    /// Numbers of the movements that leave a road.
    pub(crate) fn from(&self, road: u32) -> std::ops::Range<usize> {
        self.first[road as usize]..self.first[road as usize + 1]
    }

    /// The number of the movement from one road to another, if there is one.
    pub(crate) fn way(&self, from: RoadIx, to: RoadIx) -> Option<usize> {
        self.from(from.0).find(|w| self.ways[*w].to == to.0)
    }
}

#[derive(Debug, PartialEq)]
struct Open {
    cost: f64,
    road: u32,
}

/// Which of two roads of equal cost is looked at first.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ties {
    /// The one with the smaller number.
    Road,
    /// The one that the heap of the reference simulator has on top.
    Heap,
}

/// Working memory of a search, used again and again.
#[derive(Debug)]
struct Search {
    label: Vec<f64>,
    before: Vec<u32>,
    touched: Vec<u32>,
    open: Heap<Open>,
}

impl Search {
    fn new(roads: usize, ties: Ties) -> Self {
        let worse: fn(&Open, &Open) -> bool = match ties {
            Ties::Road => |a, b| (a.cost, a.road) > (b.cost, b.road),
            Ties::Heap => |a, b| a.cost > b.cost,
        };
        Self {
            label: vec![f64::INFINITY; roads],
            before: vec![NONE; roads],
            touched: Vec::new(),
            open: Heap::new(worse),
        }
    }

    /// Dijkstra from a road whose label is `start`. `cost` says what a movement costs from its
    /// number, the road it leaves and the label there; `done` is told each settled road and ends
    /// the search by saying true.
    fn run(
        &mut self,
        graph: &Graph,
        (from, start): (RoadIx, f64),
        cost: impl Fn(usize, u32, f64) -> f64,
        mut done: impl FnMut(u32) -> bool,
    ) {
        for road in self.touched.drain(..) {
            self.label[road as usize] = f64::INFINITY;
            self.before[road as usize] = NONE;
        }
        self.open.clear();
        self.label[from.ix()] = start;
        self.touched.push(from.0);
        self.open.push(Open {
            cost: start,
            road: from.0,
        });
        while let Some(Open { cost: at, road }) = self.open.pop() {
            if at > self.label[road as usize] {
                continue;
            }
            if done(road) {
                return;
            }
            for way in graph.from(road) {
                let next = graph.ways[way].to;
                let label = at + cost(way, road, at);
                let known = &mut self.label[next as usize];
                if label < *known {
                    if known.is_infinite() {
                        self.touched.push(next);
                    }
                    *known = label;
                    self.before[next as usize] = road;
                    self.open.push(Open {
                        cost: label,
                        road: next,
                    });
                }
            }
        }
    }

    /// The way of the last search to a road it has settled.
    fn trace(&self, to: RoadIx) -> Vec<RoadIx> {
        let mut way = vec![to];
        let mut road = self.before[to.ix()];
        while road != NONE {
            way.push(RoadIx(road));
            road = self.before[road as usize];
        }
        way.reverse();
        way
    }
}

/// A network with a cost for entering each road.
#[derive(Debug)]
pub(crate) struct Router {
    graph: Graph,
    road_cost: Vec<f64>,
    search: Search,
}

impl Router {
    /// By free-flow time in s; ties by number of road.
    pub(crate) fn by_time(net: &Network) -> Self {
        let graph = Graph::by_time(net);
        Self {
            search: Search::new(graph.roads(), Ties::Road),
            graph,
            road_cost: free_road_s(net),
        }
    }

    /// By mean length of lanes in m, ties as in the reference simulator.
    pub(crate) fn by_length(net: &Network) -> Self {
        let graph = Graph::in_file_order(net);
        let mean_length = |road: &crate::network::Road| {
            let sum: f64 = road.lanes.iter().map(|l| net.lanes[l.ix()].length_m).sum();
            #[allow(clippy::cast_precision_loss)] // at most 64 lanes
            let count = road.lanes.len() as f64;
            sum / count
        };
        Self {
            search: Search::new(graph.roads(), Ties::Heap),
            road_cost: net.roads.iter().map(mean_length).collect(),
            graph,
        }
    }

    /// By these costs of the roads alone; ties by number of road.
    pub(crate) fn by_road(net: &Network, road_cost: &[f64]) -> Self {
        let mut graph = Graph::by_time(net);
        graph.ways.iter_mut().for_each(|way| way.through = 0.0);
        Self {
            search: Search::new(graph.roads(), Ties::Road),
            graph,
            road_cost: road_cost.to_vec(),
        }
    }

    /// Takes these costs of the roads from now on.
    pub(crate) fn set_road_cost(&mut self, road_cost: &[f64]) {
        self.road_cost.clear();
        self.road_cost.extend_from_slice(road_cost);
    }

    /// The cheapest way over all stops in order; none if two of them are not joined.
    pub(crate) fn through(&mut self, stops: &[RoadIx]) -> Option<Vec<RoadIx>> {
        let mut roads = vec![*stops.first()?];
        for pair in stops.windows(2).filter(|p| p[0] != p[1]) {
            roads.extend_from_slice(&self.cheapest(pair[0], pair[1], 0.0)?[1..]);
        }
        Some(roads)
    }

    /// True where a lane link leads from one road to the other.
    pub(crate) fn joined(&self, from: RoadIx, to: RoadIx) -> bool {
        self.graph.way(from, to).is_some()
    }

    /// The roads of the cheapest way, both ends included, counted from `start`.
    pub(crate) fn cheapest(&mut self, from: RoadIx, to: RoadIx, start: f64) -> Option<Vec<RoadIx>> {
        let (graph, road_cost) = (&self.graph, &self.road_cost);
        let mut found = false;
        self.search.run(
            graph,
            (from, start),
            |way, _, _| {
                let way = graph.ways[way];
                way.through + road_cost[way.to as usize]
            },
            |road| {
                found = road == to.0;
                found
            },
        );
        found.then(|| self.search.trace(to))
    }
}

/// Free-flow time over each road, s.
pub(crate) fn free_road_s(net: &Network) -> Vec<f64> {
    let free = |road: &crate::network::Road| {
        let lanes = road.lanes.iter().map(|l| &net.lanes[l.ix()]);
        lanes
            .map(|l| l.length_m / l.max_speed_m_s)
            .fold(f64::INFINITY, f64::min)
    };
    net.roads.iter().map(free).collect()
}

/// A way that is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ask {
    pub(crate) from: RoadIx,
    pub(crate) to: RoadIx,
    /// Departure, s.
    pub(crate) start_s: f64,
}

/// The cheapest way for every question, one search for all that share road and time of departure;
/// none where there is no way. `cost` is as in [`Search::run`]. On as many threads as there are;
/// the answers do not depend on how many.
pub(crate) fn ways(
    graph: &Graph,
    asks: &[Ask],
    cost: impl Fn(usize, u32, f64) -> f64 + Sync,
) -> Vec<Option<Vec<RoadIx>>> {
    let key = |n: &usize| (asks[*n].from, asks[*n].start_s.to_bits());
    let mut order: Vec<usize> = (0..asks.len()).collect();
    order.sort_by_key(key);
    let groups: Vec<&[usize]> = order.chunk_by(|a, b| key(a) == key(b)).collect();
    let found: Vec<Vec<(usize, Option<Vec<RoadIx>>)>> = groups
        .par_iter()
        .map_init(
            || Search::new(graph.roads(), Ties::Road),
            |search, group| {
                let ask = &asks[group[0]];
                let mut open: Vec<u32> = group.iter().map(|n| asks[*n].to.0).collect();
                open.sort_unstable();
                open.dedup();
                let mut rest = open.len();
                let wanted = |road: u32| open.binary_search(&road).is_ok();
                search.run(graph, (ask.from, ask.start_s), &cost, |road| {
                    rest -= usize::from(wanted(road));
                    rest == 0
                });
                let way = |n: &usize| {
                    let to = asks[*n].to;
                    (
                        *n,
                        search.label[to.ix()].is_finite().then(|| search.trace(to)),
                    )
                };
                group.iter().map(way).collect()
            },
        )
        .collect();
    let mut all = vec![None; asks.len()];
    for (n, way) in found.into_iter().flatten() {
        all[n] = way;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::citygen::{City, CityOptions};
    use conurb_base::{Clock as _, SystemClock, stream};
    use rand::RngExt as _;

    fn city(signals: u32) -> Network {
        let options = CityOptions {
            signals,
            span_s: 60,
            ..CityOptions::default()
        };
        let city = City::generate(&options).unwrap();
        Network::from_json(&city.network_json, "roadnet.json").unwrap()
    }

    /// Asks as an assignment has them: random pairs, departures in twelve intervals.
    fn asks(net: &Network, count: usize, origins: u32) -> Vec<Ask> {
        let mut rng = stream(1, "asks", "test");
        let roads = u32::try_from(net.roads.len()).unwrap();
        let mut draw = |below: u32| rng.random_range(0..below);
        let ask = |_| Ask {
            from: RoadIx(draw(origins.min(roads)) * (roads / origins.min(roads))),
            to: RoadIx(draw(roads)),
            start_s: f64::from(draw(12)) * 300.0,
        };
        (0..count).map(ask).collect()
    }

    #[test]
    fn one_search_for_many_is_each_search_for_one() {
        let net = city(64);
        let mut router = Router::by_time(&net);
        let asks: Vec<Ask> = asks(&net, 400, 40)
            .into_iter()
            .map(|ask| Ask {
                start_s: 0.0,
                ..ask
            })
            .collect();
        let road_cost = router.road_cost.clone();
        let graph = Graph::by_time(&net);
        let found = ways(&graph, &asks, |way, _, _| {
            let way = graph.ways()[way];
            way.through + road_cost[way.to as usize]
        });
        for (ask, way) in asks.iter().zip(found) {
            assert_eq!(way, router.cheapest(ask.from, ask.to, 0.0), "{ask:?}");
            for pair in way.iter().flat_map(|way| way.windows(2)) {
                assert!(net.connected(pair[0], pair[1]));
            }
        }
    }

    /// The count behind the record on plain Dijkstra; prints, asserts nothing about time.
    #[test]
    fn a_city_of_a_thousand_signals_is_asked() {
        let net = city(1_000);
        let graph = Graph::by_time(&net);
        let road_s = free_road_s(&net);
        let cost =
            |way: usize, from: u32, _: f64| road_s[from as usize] + graph.ways()[way].through;
        let clock = SystemClock::new();
        for (count, origins) in [(1_000, u32::MAX), (30_000, 400), (30_000, u32::MAX)] {
            let asks = asks(&net, count, origins);
            let from = clock.monotonic_ns();
            let found = ways(&graph, &asks, cost);
            #[allow(clippy::cast_precision_loss)]
            let ms = (clock.monotonic_ns() - from) as f64 / 1e6;
            let joined = found.iter().filter(|w| w.is_some()).count();
            println!(
                "{} roads, {} movements: {count} ways from at most {origins} roads in 12 intervals: {ms:.0} ms, {joined} joined",
                graph.roads(),
                graph.ways().len()
            );
            assert!(joined * 10 > count * 8);
        }
    }
}
