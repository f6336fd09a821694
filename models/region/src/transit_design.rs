//! Transit network design: what a set of routes gives its passengers, and the least any set could.
//!
//! Route-set evaluation as in Mandl (1980) and Mumford (2013): passengers take the path of least
//! generalised time (ride minutes plus a penalty per transfer), with fewer transfers on a tie.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use serde::Serialize;

use crate::RegionError;
use crate::error::hint;
use crate::programme::at_most;

/// Most nodes.
const NODES: usize = 5_000;
/// Most (node, route) states.
const STATES: usize = 500_000;
/// Minutes are counted in millionths: sums are exact, so ties are ties.
const MICRO: f64 = 1e6;
/// Longest link, minutes: a path over all states stays far from overflow.
const LONGEST_MIN: f64 = 1e5;

/// Nodes, links and demand of a design problem.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DesignNetwork {
    ids: Vec<u32>,
    terminal: Vec<bool>,
    /// Per node: (neighbour, millionths of a minute), ascending.
    links: Vec<Vec<(usize, u64)>>,
    demand: Vec<f64>,
}

/// A set of routes as read from a file of published solutions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteSet {
    /// Title, e.g. author and year.
    pub title: String,
    /// Routes as ids of nodes in order; each is run both ways.
    pub routes: Vec<Vec<u32>>,
}

/// What a set of routes gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RouteSetReport {
    /// Share of the demand without, with one and with two transfers, per cent.
    pub direct_percent: f64,
    /// One transfer.
    pub one_transfer_percent: f64,
    /// Two transfers.
    pub two_transfers_percent: f64,
    /// More than two transfers, or no path.
    pub unsatisfied_percent: f64,
    /// Mean minutes of the demand that has a path, ride and transfer penalties; none when no
    /// demand has one.
    pub average_travel_min: Option<f64>,
    /// Demand without any path.
    pub no_path_demand: f64,
    /// Length of all routes, minutes, one way (in the order given).
    pub route_length_min: f64,
    /// No set of routes has a smaller mean: demand-weighted shortest paths over the links.
    pub bound_min: f64,
}

impl DesignNetwork {
    /// Reads the three tables `id,lat,lon,terminal`, `from,to,travel_time` (minutes, one row per
    /// direction) and `from,to,demand`. Coordinates are not used. A link that occurs twice keeps
    /// its last time.
    ///
    /// # Errors
    /// Columns that lack, values that are no numbers, ids that do not join (all named), times not
    /// above 0, demand negative or all zero.
    pub fn read(nodes: &str, links: &str, demand: &str) -> Result<Self, RegionError> {
        let mut index: BTreeMap<u32, usize> = BTreeMap::new();
        let (mut ids, mut terminal) = (Vec::new(), Vec::new());
        for row in Table::read(nodes, "nodes", &["id", "terminal"])? {
            let id = row.id(0)?;
            if index.insert(id, ids.len()).is_some() {
                return Err(row.bad(0, "occurs twice"));
            }
            ids.push(id);
            terminal.push(row.number(1)? != 0.0);
        }
        let n = ids.len();
        at_most("nodes of a transit design", n, NODES)?;
        if n == 0 {
            return Err(RegionError::option("nodes", "there are none"));
        }
        let node = |row: &Row, column: usize| -> Result<usize, RegionError> {
            let id = row.id(column)?;
            index
                .get(&id)
                .copied()
                .ok_or_else(|| row.bad(column, "is no id of the nodes"))
        };
        let mut times: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for row in Table::read(links, "links", &["from", "to", "travel_time"])? {
            let minutes = row.number(2)?;
            if !(minutes > 0.0 && minutes <= LONGEST_MIN) {
                return Err(row.bad(2, &format!("lies outside 0..={LONGEST_MIN} minutes")));
            }
            let (a, b) = (node(&row, 0)?, node(&row, 1)?);
            times.insert((a, b), (minutes * MICRO).round() as u64);
        }
        let mut lists = vec![Vec::new(); n];
        for ((a, b), time) in times {
            lists[a].push((b, time));
        }
        let mut trips = vec![0.0; n * n];
        for row in Table::read(demand, "demand", &["from", "to", "demand"])? {
            let amount = row.number(2)?;
            if amount < 0.0 {
                return Err(row.bad(2, "is negative"));
            }
            trips[node(&row, 0)? * n + node(&row, 1)?] += amount;
        }
        if trips.iter().sum::<f64>() <= 0.0 {
            return Err(RegionError::option("demand", "is all zero"));
        }
        Ok(Self {
            ids,
            terminal,
            links: lists,
            demand: trips,
        })
    }

    /// Number of nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.ids.len()
    }

    /// Number of directed links.
    #[must_use]
    pub fn directed_links(&self) -> usize {
        self.links.iter().map(Vec::len).sum()
    }

    /// Number of nodes where routes may begin and end.
    #[must_use]
    pub fn terminals(&self) -> usize {
        self.terminal.iter().filter(|t| **t).count()
    }

    /// All trips, in the unit of the demand table.
    #[must_use]
    pub fn total_demand(&self) -> f64 {
        self.demand.iter().sum()
    }

    /// Least mean minutes any set of routes can give: shortest paths over the links.
    ///
    /// # Errors
    /// [`RegionError::Infeasible`] with the first pair of nodes that has demand and no path.
    pub fn bound_min(&self) -> Result<f64, RegionError> {
        let n = self.nodes();
        let mut sum = 0.0;
        for from in 0..n {
            let best = shortest(&self.links, [(from, (0, 0))], |_| 0);
            for (to, reached) in best.iter().enumerate() {
                let trips = self.demand[from * n + to];
                if trips > 0.0 {
                    let Some((time, _)) = *reached else {
                        return Err(RegionError::Infeasible {
                            problem: "transit design".to_owned(),
                            constraint: format!(
                                "a path for every trip: none from node {} to node {}",
                                self.ids[from], self.ids[to]
                            ),
                        });
                    };
                    sum += trips * time as f64 / MICRO;
                }
            }
        }
        Ok(sum / self.total_demand())
    }

    /// What `routes` give with `transfer_penalty_min` per transfer (5 in the literature). Every
    /// route is run both ways, each way with its own link times.
    ///
    /// # Errors
    /// No routes, a route of one node, unknown nodes, consecutive nodes without a link in both
    /// directions, a penalty that is negative or not finite; as [`DesignNetwork::bound_min`].
    pub fn evaluate(
        &self,
        routes: &[Vec<u32>],
        transfer_penalty_min: f64,
    ) -> Result<RouteSetReport, RegionError> {
        if !(0.0..=LONGEST_MIN).contains(&transfer_penalty_min) {
            return Err(RegionError::option(
                "transfer penalty",
                format!("{transfer_penalty_min} min lies outside 0..={LONGEST_MIN}"),
            ));
        }
        let graph = RouteGraph::new(self, routes, (transfer_penalty_min * MICRO).round() as u64)?;
        let n = self.nodes();
        let (mut by_transfers, mut no_path, mut minutes, mut with_path) = ([0.0; 4], 0.0, 0.0, 0.0);
        for from in 0..n {
            let best = graph.reached(from);
            for (to, reached) in best.into_iter().enumerate() {
                let trips = self.demand[from * n + to];
                let reached = if from == to { Some((0, 0)) } else { reached };
                match reached {
                    None => {
                        by_transfers[3] += trips;
                        no_path += trips;
                    }
                    Some((time, transfers)) => {
                        by_transfers[transfers.min(3) as usize] += trips;
                        minutes += trips * time as f64 / MICRO;
                        with_path += trips;
                    }
                }
            }
        }
        let percent = |trips: f64| 100.0 * trips / self.total_demand();
        Ok(RouteSetReport {
            direct_percent: percent(by_transfers[0]),
            one_transfer_percent: percent(by_transfers[1]),
            two_transfers_percent: percent(by_transfers[2]),
            unsatisfied_percent: percent(by_transfers[3]),
            average_travel_min: (with_path > 0.0).then(|| minutes / with_path),
            no_path_demand: no_path,
            route_length_min: graph.length as f64 / MICRO,
            bound_min: self.bound_min()?,
        })
    }

    fn time(&self, from: usize, to: usize) -> Option<u64> {
        self.links[from]
            .binary_search_by_key(&to, |l| l.0)
            .ok()
            .map(|k| self.links[from][k].1)
    }
}

/// Least (time, transfers) of each state from `starts`; `added` says which edges are transfers.
fn shortest(
    edges: &[Vec<(usize, u64)>],
    starts: impl IntoIterator<Item = (usize, (u64, u32))>,
    added: impl Fn((usize, usize)) -> u32,
) -> Vec<Option<(u64, u32)>> {
    let mut best: Vec<Option<(u64, u32)>> = vec![None; edges.len()];
    let mut heap = BinaryHeap::new();
    for (state, label) in starts {
        best[state] = Some(label);
        heap.push(Reverse((label, state)));
    }
    while let Some(Reverse((label, state))) = heap.pop() {
        if best[state] != Some(label) {
            continue;
        }
        for &(next, time) in &edges[state] {
            let reached = (label.0 + time, label.1 + added((state, next)));
            if best[next].is_none_or(|b| reached < b) {
                best[next] = Some(reached);
                heap.push(Reverse((reached, next)));
            }
        }
    }
    best
}

/// States (node, route), with rides along routes and transfers at nodes.
struct RouteGraph {
    /// Node and route of each state.
    state: Vec<(usize, usize)>,
    /// States of each node.
    at: Vec<Vec<usize>>,
    edges: Vec<Vec<(usize, u64)>>,
    length: u64,
}

impl RouteGraph {
    fn new(
        network: &DesignNetwork,
        routes: &[Vec<u32>],
        penalty: u64,
    ) -> Result<Self, RegionError> {
        if routes.is_empty() {
            return Err(RegionError::option("routes", "there are none"));
        }
        at_most(
            "stops of all routes",
            routes.iter().map(Vec::len).sum(),
            STATES,
        )?;
        let mut graph = Self {
            state: Vec::new(),
            at: vec![Vec::new(); network.nodes()],
            edges: Vec::new(),
            length: 0,
        };
        for (r, route) in routes.iter().enumerate() {
            let nodes = nodes_of(network, r, route)?;
            let mut of: BTreeMap<usize, usize> = BTreeMap::new();
            for &node in &nodes {
                of.entry(node).or_insert_with(|| {
                    graph.at[node].push(graph.state.len());
                    graph.state.push((node, r));
                    graph.edges.push(Vec::new());
                    graph.state.len() - 1
                });
            }
            for pair in nodes.windows(2) {
                for (k, (a, b)) in [(pair[0], pair[1]), (pair[1], pair[0])]
                    .into_iter()
                    .enumerate()
                {
                    let time = network.time(a, b).ok_or_else(|| {
                        RegionError::option(
                            &format!("route {}", r + 1),
                            format!(
                                "there is no link from {} to {}",
                                network.ids[a], network.ids[b]
                            ),
                        )
                    })?;
                    graph.edges[of[&a]].push((of[&b], time));
                    graph.length += if k == 0 { time } else { 0 };
                }
            }
        }
        for here in &graph.at {
            for &a in here {
                graph.edges[a].extend(here.iter().filter(|b| **b != a).map(|b| (*b, penalty)));
            }
        }
        Ok(graph)
    }

    /// Least (time, transfers) of each node.
    fn reached(&self, node: usize) -> Vec<Option<(u64, u32)>> {
        let starts = self.at[node].iter().map(|s| (*s, (0, 0)));
        let change = |(a, b): (usize, usize)| u32::from(self.state[a].1 != self.state[b].1);
        let best = shortest(&self.edges, starts, change);
        let nearest = |states: &Vec<usize>| states.iter().filter_map(|s| best[*s]).min();
        self.at.iter().map(nearest).collect()
    }
}

fn nodes_of(network: &DesignNetwork, r: usize, route: &[u32]) -> Result<Vec<usize>, RegionError> {
    let what = format!("route {}", r + 1);
    if route.len() < 2 {
        return Err(RegionError::option(&what, "has fewer than two nodes"));
    }
    route
        .iter()
        .map(|id| {
            network
                .ids
                .iter()
                .position(|i| i == id)
                .ok_or_else(|| RegionError::option(&what, format!("there is no node {id}")))
        })
        .collect()
}

/// Reads a file of published solutions: title, number of routes, then that many lines of node ids
/// joined by `-`; blank lines do not count.
///
/// # Errors
/// [`RegionError::Unreadable`] with the line.
pub fn read_route_sets(text: &str, file: &str) -> Result<Vec<RouteSet>, RegionError> {
    let unreadable = |line: usize, message: String| RegionError::Unreadable {
        at: RegionError::place(file, line),
        message,
    };
    let mut lines = (text.lines().enumerate())
        .map(|(i, l)| (i + 1, l.trim()))
        .filter(|(_, l)| !l.is_empty());
    let mut sets = Vec::new();
    while let Some((line, title)) = lines.next() {
        let (at, count) = lines
            .next()
            .ok_or_else(|| unreadable(line, format!("\"{title}\" has no number of routes")))?;
        let count: usize = count
            .parse()
            .map_err(|_| unreadable(at, format!("\"{count}\" is no number of routes")))?;
        at_most("routes of a set", count, STATES)?;
        let mut routes = Vec::new();
        for _ in 0..count {
            let (at, route) = lines.next().ok_or_else(|| {
                unreadable(line, format!("\"{title}\" has fewer than {count} routes"))
            })?;
            let ids: Result<Vec<u32>, _> = route.split('-').map(|id| id.trim().parse()).collect();
            routes.push(ids.map_err(|_| {
                unreadable(
                    at,
                    format!("\"{route}\" is no list of node ids joined by \"-\""),
                )
            })?);
        }
        sets.push(RouteSet {
            title: title.to_owned(),
            routes,
        });
    }
    Ok(sets)
}

/// Rows of a CSV table with the columns asked for, in that order.
struct Table;

struct Row {
    file: String,
    line: usize,
    columns: Vec<String>,
    cells: Vec<String>,
}

impl Table {
    fn read(text: &str, file: &str, columns: &[&str]) -> Result<Vec<Row>, RegionError> {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .flexible(true)
            .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let headers = reader
            .headers()
            .map_err(|e| RegionError::unreadable(file, &e))?
            .clone();
        let mut places = Vec::new();
        for column in columns {
            let place = headers.iter().position(|h| h.eq_ignore_ascii_case(column));
            places.push(place.ok_or_else(|| RegionError::MissingColumn {
                at: RegionError::place(file, 1),
                column: (*column).to_owned(),
                hint: hint(column, headers.iter()),
            })?);
        }
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| RegionError::unreadable(file, &e))?;
            if record.iter().all(str::is_empty) {
                continue;
            }
            rows.push(Row {
                file: file.to_owned(),
                line: record.position().map_or(0, |p| p.line() as usize),
                columns: columns.iter().map(|c| (*c).to_owned()).collect(),
                cells: places
                    .iter()
                    .map(|p| record.get(*p).unwrap_or("").to_owned())
                    .collect(),
            });
        }
        Ok(rows)
    }
}

impl Row {
    fn bad(&self, column: usize, message: &str) -> RegionError {
        RegionError::BadValue {
            at: RegionError::place(&self.file, self.line),
            what: self.columns[column].clone(),
            value: self.cells[column].clone(),
            message: message.to_owned(),
        }
    }

    fn id(&self, column: usize) -> Result<u32, RegionError> {
        self.cells[column]
            .parse()
            .map_err(|_| self.bad(column, "is no whole number"))
    }

    fn number(&self, column: usize) -> Result<f64, RegionError> {
        self.cells[column]
            .parse()
            .ok()
            .filter(|v: &f64| v.is_finite())
            .ok_or_else(|| self.bad(column, "is no finite number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "id,lat,lon,terminal\n1,0,0,1\n2,0,0,0\n3,0,0,1\n4,0,0,0\n";
    const LINKS: &str =
        "from,to,travel_time\n1,2,5\n2,1,5\n2,3,4\n3,2,6\n1,3,20\n3,1,20\n3,4,2.5\n4,3,2.5\n";

    fn network() -> DesignNetwork {
        DesignNetwork::read(NODES, LINKS, "from,to,demand\n1,3,10\n3,1,20\n1,4,10\n").unwrap()
    }

    #[test]
    fn by_hand() {
        let n = network();
        assert_eq!((n.nodes(), n.directed_links(), n.terminals()), (4, 8, 2));
        // 1-3 in 9, 3-1 in 11, 1-4 in 11.5.
        let bound = (90.0 + 220.0 + 115.0) / 40.0;
        assert!((n.bound_min().unwrap() - bound).abs() < 1e-12);
        let r = n.evaluate(&[vec![1, 2, 3], vec![3, 4]], 5.0).unwrap();
        assert_eq!((r.direct_percent, r.one_transfer_percent), (75.0, 25.0));
        let att = (90.0 + 220.0 + 165.0) / 40.0;
        assert!((r.average_travel_min.unwrap() - att).abs() < 1e-12);
        assert_eq!(r.route_length_min, 11.5);
        // A transfer of 11 minutes makes the direct link as good as two routes: fewer transfers win.
        let r = n
            .evaluate(&[vec![1, 2], vec![2, 3], vec![1, 3]], 11.0)
            .unwrap();
        assert_eq!(r.one_transfer_percent, 0.0);
        assert_eq!((r.direct_percent, r.unsatisfied_percent), (75.0, 25.0));
        assert_eq!(r.no_path_demand, 10.0);
    }

    #[test]
    fn refuses() {
        let n = network();
        let error = |routes: &[Vec<u32>]| n.evaluate(routes, 5.0).unwrap_err().to_string();
        assert!(error(&[]).contains("none"));
        assert!(error(&[vec![1]]).contains("fewer than two"));
        assert!(error(&[vec![1, 9]]).contains("no node 9"));
        assert!(error(&[vec![1, 4]]).contains("no link from 1 to 4"));
        assert!(n.evaluate(&[vec![1, 2]], -1.0).is_err());
        let read =
            |n: &str, l: &str, d: &str| DesignNetwork::read(n, l, d).unwrap_err().to_string();
        let demand = "from,to,demand\n1,3,10\n";
        assert!(read(NODES, "from,to,minutes\n1,2,5\n", demand).contains("travel_time"));
        assert!(read(NODES, "from,to,travel_time\n1,7,5\n", demand).contains("\"7\" is no id"));
        assert!(read(NODES, "from,to,travel_time\n1,2,0\n", demand).contains("outside"));
        assert!(read(NODES, LINKS, "from,to,demand\n1,3,0\n").contains("all zero"));
        assert!(read("id,terminal\n1,1\n1,1\n", LINKS, demand).contains("twice"));
        let pieces = DesignNetwork::read(NODES, "from,to,travel_time\n1,2,5\n", demand).unwrap();
        let none = pieces.bound_min().unwrap_err().to_string();
        assert!(none.contains("from node 1 to node 3"), "{none}");
        assert!(read_route_sets("a\n2\n1-2\n", "x").is_err());
        assert!(read_route_sets("a\nb\n", "x").is_err());
        assert!(read_route_sets("a\n1\n1-x\n", "x").is_err());
    }
}
