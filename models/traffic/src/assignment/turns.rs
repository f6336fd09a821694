//! Demand from flows at the border and turning shares, as users of SUMO's jtrrouter have them.

use std::collections::BTreeMap;

use conurb_base::{Stream, stream};

use super::table::{Interval, Table, VEHICLES_MAX};
use super::trips::{RouteTable, RoutedTrips, Trip, largest_remainder, not_too_many};
use crate::citygen::unit;
use crate::error::TrafficError;
use crate::ids::RoadIx;
use crate::network::{Network, Turn};
use crate::routing::{Graph, free_road_s};

const FLOW_COLUMNS: &[&str] = &["road", "start_s", "end_s", "vehicles"];
const TURN_COLUMNS: &[&str] = &["from", "to", "start_s", "end_s", "share"];
/// How far the shares of a road may miss 1.
const SHARES_OFF_MAX: f64 = 1e-3;
/// Shares right, left, straight where the table says nothing (jtrrouter's `turn-defaults`).
const SHARES: [(Turn, f64); 3] = [(Turn::Right, 0.3), (Turn::Left, 0.2), (Turn::Straight, 0.5)];
/// Roads after which a vehicle that has met no end leaves.
const ROADS_MAX: usize = 500;

/// Vehicles that enter on a road in an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    road: RoadIx,
    interval: Interval,
    vehicles: f64,
}

/// Where the vehicles of a road go in an interval; none is the end of the trip.
#[derive(Debug, Clone, PartialEq)]
struct Shares {
    interval: Interval,
    line: usize,
    ways: Vec<(Option<RoadIx>, f64)>,
}

/// Flows at the border and turning shares.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnDemand {
    entries: Vec<Entry>,
    shares: BTreeMap<RoadIx, Vec<Shares>>,
}

/// Trips walked by shares, and what had to be assumed.
#[derive(Debug, Clone, PartialEq)]
pub struct Walked {
    /// The trips with their routes.
    pub trips: RoutedTrips,
    /// Vehicles that met a road without shares and took the default ones.
    pub by_default: usize,
    /// Vehicles that were still turning after 500 roads and leave there.
    pub cut: usize,
    /// Vehicles left out because they would end on the road they enter on.
    pub dropped: usize,
}

impl TurnDemand {
    /// Reads flows (`road,start_s,end_s,vehicles`) and shares (`from,to,start_s,end_s,share`; an
    /// empty `to` ends the trip on `from`).
    ///
    /// # Errors
    /// Where a row cannot be used or the shares of a road do not add up to 1; it is named.
    pub fn from_csv(
        flows: (&[u8], &str),
        turns: (&[u8], &str),
        net: &Network,
    ) -> Result<Self, TrafficError> {
        let mut table = Table::open(flows.0, flows.1, FLOW_COLUMNS, 4)?;
        let mut entries = Vec::new();
        let mut total = 0.0;
        while table.next()? {
            let entry = Entry {
                road: table.road(net, 0)?,
                interval: table.interval((1, 2))?,
                vehicles: table.number(3, VEHICLES_MAX)?,
            };
            total += entry.vehicles;
            not_too_many(total, || table.at("vehicles"))?;
            entries.push(entry);
        }
        Ok(Self {
            entries,
            shares: read_shares(turns, net)?,
        })
    }

    /// All vehicles that enter.
    #[must_use]
    pub fn total_vehicles(&self) -> f64 {
        self.entries.iter().map(|e| e.vehicles).sum()
    }

    /// Walks every vehicle through the network.
    ///
    /// At each road the vehicle takes the way that is furthest behind its share, so the numbers that
    /// turn stay within one or two of the shares; `seed` sets where every road begins to count.
    #[must_use]
    pub fn walk(&self, net: &Network, seed: u64) -> Walked {
        let mut walker = Walker {
            turns: self,
            net,
            graph: Graph::by_time(net),
            road_s: free_road_s(net),
            behind: BTreeMap::new(),
            seed,
            by_default: 0,
            cut: 0,
        };
        let (mut trips, mut route, mut table) = (Vec::new(), Vec::new(), RouteTable::default());
        let mut dropped = 0;
        for (cell, road, depart_s) in self.departures(seed) {
            let roads = walker.walk(road, depart_s);
            let Some(to) = roads.last().copied().filter(|_| roads.len() > 1) else {
                dropped += 1;
                continue;
            };
            trips.push(Trip {
                cell,
                from: road,
                to,
                depart_s,
            });
            route.push(table.number(roads));
        }
        Walked {
            trips: RoutedTrips {
                trips,
                route,
                routes: table.all().to_vec(),
            },
            by_default: walker.by_default,
            cut: walker.cut,
            dropped,
        }
    }

    /// Entry, road and second of each vehicle, in order of time.
    fn departures(&self, seed: u64) -> Vec<(u32, RoadIx, i64)> {
        let vehicles: Vec<f64> = self.entries.iter().map(|e| e.vehicles).collect();
        let mut all = Vec::new();
        for ((n, entry), count) in (0..).zip(&self.entries).zip(largest_remainder(&vehicles)) {
            let mut rng = stream(seed, &format!("entry {n}"), "departures");
            #[allow(clippy::cast_precision_loss)] // limited
            let slice_s = entry.interval.seconds() / count.max(1) as f64;
            for k in 0..count {
                #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // a week
                let at = (slice_s * (k as f64 + unit(&mut rng))) as i64;
                let second = (entry.interval.start_s + at).min(entry.interval.end_s - 1);
                all.push((n, entry.road, second));
            }
        }
        all.sort_by_key(|(n, _, second)| (*second, *n));
        all
    }
}

fn read_shares(
    (bytes, file): (&[u8], &str),
    net: &Network,
) -> Result<BTreeMap<RoadIx, Vec<Shares>>, TrafficError> {
    let mut table = Table::open(bytes, file, TURN_COLUMNS, 5)?;
    let mut all: BTreeMap<RoadIx, Vec<Shares>> = BTreeMap::new();
    while table.next()? {
        let from = table.road(net, 0)?;
        let to = table.maybe(1)?.is_some();
        let to = to.then(|| table.road(net, 1)).transpose()?;
        if let Some(to) = to.filter(|to| !net.connected(from, *to)) {
            return Err(TrafficError::Disconnected {
                at: table.at("to"),
                from: net.roads[from.ix()].id.clone(),
                to: net.roads[to.ix()].id.clone(),
            });
        }
        let interval = table.interval((2, 3))?;
        let share = table.number(4, 1.0 + SHARES_OFF_MAX)?;
        let line = table.line();
        let of_road = all.entry(from).or_default();
        if let Some(other) =
            (of_road.iter()).find(|s| s.interval != interval && s.interval.meets(&interval))
        {
            return Err(table.refuse(
                "start_s",
                format!(
                    "the interval overlaps that of line {} for the same road",
                    other.line
                ),
                "Let the intervals of a road follow each other.",
            ));
        }
        let known = of_road.iter_mut().find(|s| s.interval == interval);
        let Some(shares) = known else {
            of_road.push(Shares {
                interval,
                line,
                ways: vec![(to, share)],
            });
            continue;
        };
        if shares.ways.iter().any(|(way, _)| *way == to) {
            return Err(table.refuse(
                "to",
                "the same turn stands twice in this interval".into(),
                "Keep one of the rows.",
            ));
        }
        shares.ways.push((to, share));
        shares.line = line;
    }
    check_sums(&all, file, net)?;
    Ok(all)
}

fn check_sums(
    all: &BTreeMap<RoadIx, Vec<Shares>>,
    file: &str,
    net: &Network,
) -> Result<(), TrafficError> {
    for (road, of_road) in all {
        for shares in of_road {
            let sum: f64 = shares.ways.iter().map(|(_, share)| share).sum();
            if (sum - 1.0).abs() > SHARES_OFF_MAX {
                let Interval { start_s, end_s } = shares.interval;
                return Err(TrafficError::Table {
                    at: super::table::place(file, Some(shares.line), Some("share")),
                    message: format!(
                        "the shares of road \"{}\" from {start_s} to {end_s} s add up to {}, not 1",
                        net.roads[road.ix()].id,
                        (sum * 1e6).round() / 1e6
                    ),
                    remedy: "Correct the shares; a row with an empty \"to\" is for trips that end on the road.",
                });
            }
        }
    }
    Ok(())
}

/// Ways on with their shares, and how many vehicles each is behind.
type Behind = Vec<(Option<RoadIx>, f64, f64)>;

struct Walker<'a> {
    turns: &'a TurnDemand,
    net: &'a Network,
    graph: Graph,
    road_s: Vec<f64>,
    /// By road and first second of the interval (-1: the default shares).
    behind: BTreeMap<(RoadIx, i64), Behind>,
    seed: u64,
    by_default: usize,
    cut: usize,
}

impl Walker<'_> {
    fn walk(&mut self, start: RoadIx, depart_s: i64) -> Vec<RoadIx> {
        let mut roads = vec![start];
        let (mut road, mut time_s) = (start, 0.0);
        let mut by_default = false;
        loop {
            time_s += self.road_s[road.ix()];
            #[allow(clippy::cast_possible_truncation)] // 500 roads
            let now_s = depart_s + time_s as i64;
            let known = self.turns.shares.get(&road);
            let known = known.and_then(|all| all.iter().find(|s| s.interval.holds(now_s)));
            if known.is_none() && self.graph.from(road.0).is_empty() {
                break;
            }
            by_default |= known.is_none();
            let Some(next) = self.next(road, known) else {
                break;
            };
            if roads.len() == ROADS_MAX {
                self.cut += 1;
                break;
            }
            roads.push(next);
            road = next;
        }
        self.by_default += usize::from(by_default);
        roads
    }

    fn next(&mut self, road: RoadIx, known: Option<&Shares>) -> Option<RoadIx> {
        let key = (road, known.map_or(-1, |s| s.interval.start_s));
        let (net, graph, seed) = (self.net, &self.graph, self.seed);
        let behind = self.behind.entry(key).or_insert_with(|| {
            let ways = known.map_or_else(|| default_shares(net, graph, road), |s| s.ways.clone());
            let id = &net.roads[road.ix()].id;
            let mut rng = stream(seed, &format!("{id} {}", key.1), "turns");
            begin(ways, &mut rng)
        });
        for (_, share, behind) in behind.iter_mut() {
            *behind += *share;
        }
        let most = behind.iter_mut().max_by(|a, b| a.2.total_cmp(&b.2))?;
        most.2 -= 1.0;
        most.0
    }
}

/// Every way begins somewhere in its own period, so that roads do not turn in step.
fn begin(ways: Vec<(Option<RoadIx>, f64)>, rng: &mut Stream) -> Behind {
    let sum: f64 = ways.iter().map(|(_, share)| share).sum();
    let used = ways.into_iter().filter(|(_, share)| *share > 0.0);
    used.map(|(to, share)| (to, share / sum, share / sum * unit(rng)))
        .collect()
}

/// Shares by kind of turn where the table has none, of the turns that exist.
fn default_shares(net: &Network, graph: &Graph, road: RoadIx) -> Vec<(Option<RoadIx>, f64)> {
    let links = &net.junctions[net.roads[road.ix()].to.ix()].road_links;
    let share = |to: u32| {
        let link = links.iter().find(|l| l.from == road && l.to.0 == to);
        let turn = link.map_or(Turn::Straight, |l| l.turn);
        SHARES.iter().find(|(t, _)| *t == turn).map_or(0.0, |s| s.1)
    };
    let ways = graph.from(road.0).map(|w| graph.ways()[w].to);
    ways.map(|to| (Some(RoadIx(to)), share(to))).collect()
}
