//! The immutable demand: flows with checked templates and routes completed by shortest path.

use std::collections::{BTreeMap, HashMap};

use crate::error::TrafficError;
use crate::file::{self, FlowFile, StopFile, VehicleFile};
use crate::ids::RoadIx;
use crate::network::Network;
use crate::place::{Seg, Source, json_path};
use crate::routing::Router;
use crate::stop_table::StopTable;
use crate::vehicle::{VehicleClass, VehicleTemplate};

/// Most flows in one file.
const FLOWS_MAX: usize = 20_000_000;
/// Most roads in one route, anchors or completed.
const ROUTE_MAX: usize = 100_000;
/// Latest start or end, s: some thirty years.
const TIME_MAX_S: i64 = 1_000_000_000;
/// Most halts of one flow.
const STOPS_MAX: usize = 1_000;
/// Longest halt, s.
const HALT_MAX_S: f64 = 1e9;
/// Longest time between two vehicles of a flow, s.
const INTERVAL_MAX_S: f64 = 1e9;

/// One flow, its route completed.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// Index into [`Demand::templates`].
    pub template: u32,
    /// Index into [`Demand::routes`].
    pub route: u32,
    /// Seconds between two vehicles.
    pub interval_s: f64,
    /// First second.
    pub start_s: i64,
    /// Last second, inclusive; `None` never ends.
    pub end_s: Option<i64>,
    /// Index into [`Demand::stop_lists`]; none: it does not halt on its way.
    pub stops: Option<u32>,
}

/// A halt on the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop {
    /// Which road of the route, from 0.
    pub road_at: u32,
    /// Where the front bumper comes to rest, m from the start of the road's lanes.
    pub position_m: f64,
    /// Shortest halt, s.
    pub dwell_s: f64,
    /// Not to be left earlier than this, s after creation; none: no timetable.
    pub until_s: Option<f64>,
}

/// The demand of a run.
#[derive(Debug)]
pub struct Demand {
    flows: Vec<Flow>,
    templates: Vec<VehicleTemplate>,
    routes: Vec<Vec<RoadIx>>,
    stop_lists: Vec<Vec<Stop>>,
    notes: Vec<String>,
}

impl Demand {
    /// Reads and checks a CityFlow flow file against a network.
    pub fn from_json(bytes: &[u8], file: &str, net: &Network) -> Result<Self, TrafficError> {
        let flows = file::read_flows(bytes, file)?;
        compile(&flows, Source { file, bytes }, net)
    }

    /// Builds the demand from already parsed flows (places in errors have a path, no line).
    pub fn from_file(flows: &[FlowFile], file: &str, net: &Network) -> Result<Self, TrafficError> {
        compile(flows, Source { file, bytes: b"" }, net)
    }

    /// A demand without vehicles.
    #[must_use]
    pub fn none() -> Self {
        Self {
            flows: Vec::new(),
            templates: Vec::new(),
            routes: Vec::new(),
            stop_lists: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// A demand whose parts another reader has checked: routes of at least two joined roads.
    pub(crate) const fn of(
        flows: Vec<Flow>,
        templates: Vec<VehicleTemplate>,
        routes: Vec<Vec<RoadIx>>,
        notes: Vec<String>,
    ) -> Self {
        Self {
            flows,
            templates,
            routes,
            stop_lists: Vec::new(),
            notes,
        }
    }

    /// The same with these lists of halts, which its flows point into.
    pub(crate) fn with_stops(mut self, stop_lists: Vec<Vec<Stop>>) -> Self {
        self.stop_lists = stop_lists;
        self
    }

    /// This demand and, after its own, the flows of another one of the same network.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let after = |n: usize| u32::try_from(n).expect("flows are limited");
        let (templates, routes, lists) = (
            after(self.templates.len()),
            after(self.routes.len()),
            after(self.stop_lists.len()),
        );
        let moved = other.flows.iter().map(|flow| Flow {
            template: flow.template + templates,
            route: flow.route + routes,
            stops: flow.stops.map(|list| list + lists),
            ..flow.clone()
        });
        Self {
            flows: self.flows.iter().cloned().chain(moved).collect(),
            templates: [&self.templates[..], &other.templates].concat(),
            routes: [&self.routes[..], &other.routes].concat(),
            stop_lists: [&self.stop_lists[..], &other.stop_lists].concat(),
            notes: [&self.notes[..], &other.notes].concat(),
        }
    }

    /// The flows in file order.
    #[must_use]
    pub fn flows(&self) -> &[Flow] {
        &self.flows
    }

    /// Distinct vehicle templates.
    #[must_use]
    pub fn templates(&self) -> &[VehicleTemplate] {
        &self.templates
    }

    /// Distinct routes, completed: consecutive roads are connected.
    #[must_use]
    pub fn routes(&self) -> &[Vec<RoadIx>] {
        &self.routes
    }

    /// Distinct lists of halts, each in the order of its route.
    #[must_use]
    pub fn stop_lists(&self) -> &[Vec<Stop>] {
        &self.stop_lists
    }

    /// Remarks for the user: unknown members and the like.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

fn compile(flows: &[FlowFile], source: Source<'_>, net: &Network) -> Result<Demand, TrafficError> {
    TrafficError::within("number of flows", flows.len(), FLOWS_MAX, || source.at(&[]))?;
    let mut c = Compiler {
        source,
        net,
        router: Router::by_length(net),
        legs: HashMap::new(),
        by_anchors: HashMap::new(),
        template_ids: HashMap::new(),
        stop_table: StopTable::default(),
        demand: Demand::none(),
    };
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    for (i, flow) in flows.iter().enumerate() {
        let template = c.template(i, &flow.vehicle)?;
        let (interval_s, start_s, end_s) = c.times(i, flow)?;
        let route = c.route(i, &flow.route)?;
        let stops = flow.conurb.as_ref().map_or(&[][..], |ext| &ext.stops);
        let stops = c.stops(i, route, stops)?;
        c.demand.flows.push(Flow {
            template,
            route,
            interval_s,
            start_s,
            end_s,
            stops,
        });
        for key in flow.extra.keys() {
            *unknown.entry(format!("[].{key}")).or_default() += 1;
        }
        for key in flow.vehicle.extra.keys() {
            *unknown.entry(format!("[].vehicle.{key}")).or_default() += 1;
        }
    }
    c.demand
        .notes
        .extend(unknown.into_iter().map(|(path, count)| {
            format!("unknown member `{path}` ({count} times): kept in the file, not used")
        }));
    Ok(c.demand.with_stops(c.stop_table.into_lists()))
}

struct Compiler<'a> {
    source: Source<'a>,
    net: &'a Network,
    router: Router,
    legs: HashMap<(u32, u32), Option<Vec<RoadIx>>>,
    by_anchors: HashMap<Vec<u32>, u32>,
    template_ids: HashMap<([u64; 11], VehicleClass), u32>,
    stop_table: StopTable,
    demand: Demand,
}

impl Compiler<'_> {
    fn template(&mut self, i: usize, v: &VehicleFile) -> Result<u32, TrafficError> {
        let ext = v.conurb.as_ref();
        let template = VehicleTemplate {
            length_m: v.length,
            width_m: v.width,
            min_gap_m: v.min_gap,
            max_pos_acc_m_s2: v.max_pos_acc,
            max_neg_acc_m_s2: v.max_neg_acc,
            usual_pos_acc_m_s2: v.usual_pos_acc,
            usual_neg_acc_m_s2: v.usual_neg_acc,
            max_speed_m_s: v.max_speed,
            headway_s: v.headway_time,
            speed_factor: ext.map_or(1.0, |e| e.speed_factor),
            dawdle_m_s2: ext.map_or(0.0, |e| e.dawdle),
            class: ext.map_or(VehicleClass::Car, |e| e.class),
        };
        let members = template.members();
        for (name, what, value) in members {
            if let Some(rule) = VehicleTemplate::broken_rule(name, what, value) {
                return Err(TrafficError::BadNumber {
                    at: self.source.at(&json_path![i, "vehicle", name]),
                    what,
                    value,
                    rule,
                });
            }
        }
        let key = (members.map(|(_, _, value)| value.to_bits()), template.class);
        let next = u32::try_from(self.demand.templates.len()).expect("flows are limited");
        let id = *self.template_ids.entry(key).or_insert(next);
        if id == next {
            self.demand.templates.push(template);
        }
        Ok(id)
    }

    fn times(&self, i: usize, flow: &FlowFile) -> Result<(f64, i64, Option<i64>), TrafficError> {
        let start = flow.start_time.unwrap_or(0);
        let end = flow.end_time.unwrap_or(-1);
        let wrong = |name: &'static str, message: String| TrafficError::Times {
            at: self.source.at(&json_path![i, name]),
            message,
        };
        if !(0..=TIME_MAX_S).contains(&start) {
            return Err(wrong(
                "startTime",
                format!("startTime {start} is not between 0 and {TIME_MAX_S} s"),
            ));
        }
        if !(-1..=TIME_MAX_S).contains(&end) {
            return Err(wrong(
                "endTime",
                format!(
                    "endTime {end} is neither -1 (never ends) nor between 0 and {TIME_MAX_S} s"
                ),
            ));
        }
        if end != -1 && end < start {
            return Err(wrong(
                "endTime",
                format!("endTime {end} lies before startTime {start}"),
            ));
        }
        if !(flow.interval > 0.0 && flow.interval <= INTERVAL_MAX_S) {
            return Err(TrafficError::BadNumber {
                at: self.source.at(&json_path![i, "interval"]),
                what: "interval in s",
                value: flow.interval,
                rule: "it has to be above 0 and at most 1e9",
            });
        }
        if flow.interval < 1.0 && start != end {
            return Err(wrong(
                "interval",
                format!(
                    "interval {} is below 1 s in a flow that lasts",
                    flow.interval
                ),
            ));
        }
        Ok((flow.interval, start, (end != -1).then_some(end)))
    }

    fn route(&mut self, i: usize, anchors: &[String]) -> Result<u32, TrafficError> {
        let at = || self.source.at(&json_path![i, "route"]);
        TrafficError::within("number of roads in a route", anchors.len(), ROUTE_MAX, at)?;
        let mut ids = Vec::with_capacity(anchors.len());
        for (k, id) in anchors.iter().enumerate() {
            let at = || self.source.at(&json_path![i, "route", k]);
            let road = self.net.known_road(id, at)?;
            ids.push(road.0);
        }
        if let Some(route) = self.by_anchors.get(&ids) {
            return Ok(*route);
        }
        let mut roads: Vec<RoadIx> = ids.first().map(|r| RoadIx(*r)).into_iter().collect();
        for k in 1..ids.len() {
            self.join(&mut roads, &ids, i, k)?;
        }
        if roads.len() < 2 {
            return Err(TrafficError::Inconsistent {
                at: self.source.at(&json_path![i, "route"]),
                message: format!(
                    "the route has {} road(s), a vehicle needs at least 2",
                    roads.len()
                ),
            });
        }
        let route = u32::try_from(self.demand.routes.len()).expect("flows are limited");
        self.demand.routes.push(roads);
        self.by_anchors.insert(ids, route);
        Ok(route)
    }

    /// The halts of a flow, each after the one before on its route.
    fn stops(
        &mut self,
        i: usize,
        route: u32,
        stops: &[StopFile],
    ) -> Result<Option<u32>, TrafficError> {
        if stops.is_empty() {
            return Ok(None);
        }
        let at = || self.source.at(&json_path![i, "conurb", "stops"]);
        TrafficError::within("number of halts of a flow", stops.len(), STOPS_MAX, at)?;
        let mut list: Vec<Stop> = Vec::with_capacity(stops.len());
        for (k, stop) in stops.iter().enumerate() {
            let stop = self.stop(i, k, stop, route, list.last())?;
            list.push(stop);
        }
        Ok(self.stop_table.number(list))
    }

    fn stop(
        &self,
        i: usize,
        k: usize,
        stop: &StopFile,
        route: u32,
        before: Option<&Stop>,
    ) -> Result<Stop, TrafficError> {
        let place = |name: &'static str| self.source.at(&json_path![i, "conurb", "stops", k, name]);
        for (name, value) in [("dwell", Some(stop.dwell)), ("until", stop.until)] {
            if let Some(value) = value.filter(|v| !(0.0..=HALT_MAX_S).contains(v)) {
                return Err(TrafficError::BadNumber {
                    at: place(name),
                    what: "time in s",
                    value,
                    rule: "it has to be between 0 and 1e9",
                });
            }
        }
        let road = self.net.known_road(&stop.road, || place("road"))?;
        let length_m = self.net.shortest_lane_m(road);
        if !(stop.position > 0.0 && stop.position <= length_m) {
            return Err(TrafficError::BadNumber {
                at: place("position"),
                what: "position in m",
                value: stop.position,
                rule: "it has to be above 0 and no more than the length of the road's lanes",
            });
        }
        let from = before.map_or(0, |b| b.road_at as usize);
        let behind = |at: usize| {
            before.is_none_or(|b| at > b.road_at as usize || stop.position > b.position_m)
        };
        let roads = &self.demand.routes[route as usize];
        let road_at = (from..roads.len()).find(|at| roads[*at] == road && behind(*at));
        let road_at = road_at.ok_or_else(|| TrafficError::Inconsistent {
            at: place("road"),
            message: format!(
                "the route does not pass {:.1} m of road {} after the halt before",
                stop.position, stop.road
            ),
        })?;
        Ok(Stop {
            road_at: u32::try_from(road_at).expect("routes are limited"),
            position_m: stop.position,
            dwell_s: stop.dwell,
            until_s: stop.until,
        })
    }

    fn join(
        &mut self,
        roads: &mut Vec<RoadIx>,
        ids: &[u32],
        i: usize,
        k: usize,
    ) -> Result<(), TrafficError> {
        let (from, to) = (RoadIx(ids[k - 1]), RoadIx(ids[k]));
        if from == to {
            return Ok(());
        }
        let router = &mut self.router;
        let leg = self.legs.entry((from.0, to.0)).or_insert_with(|| {
            if router.joined(from, to) {
                // Any other way would enter this road too, after entering another one.
                return Some(vec![to]);
            }
            router.cheapest(from, to, 0.0).map(|way| way[1..].to_vec())
        });
        let place: &[Seg] = &json_path![i, "route", k];
        let Some(leg) = leg else {
            return Err(TrafficError::Disconnected {
                at: self.source.at(place),
                from: self.net.roads[from.ix()].id.clone(),
                to: self.net.roads[to.ix()].id.clone(),
            });
        };
        if roads.len() + leg.len() > ROUTE_MAX {
            return Err(TrafficError::TooLarge {
                at: self.source.at(place),
                what: "number of roads in a completed route",
                found: roads.len() + leg.len(),
                limit: ROUTE_MAX,
            });
        }
        roads.extend_from_slice(leg);
        Ok(())
    }
}
