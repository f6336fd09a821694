//! Routes, trips and flows to our demand.

use std::collections::HashMap;

use super::attributes;
use super::departures::{departures, time};
use super::network::SumoNetwork;
use super::stops::{Halt, Of, Stops};
use super::unmodelled::Unmodelled;
use super::vtype::VType;
use super::xml::{Element, Node, Xml};
use crate::demand::{Demand, Flow};
use crate::error::TrafficError;
use crate::ids::RoadIx;
use crate::routing::Router;
use crate::vehicle::VehicleTemplate;
use rand::RngExt as _;

/// Most edges of one route.
const ROUTE_MAX: usize = 100_000;
/// Latest departure, s.
pub(super) const TIME_MAX_S: f64 = 1e9;

/// How to read a demand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DemandOptions {
    /// Time at which the run begins, s: it becomes our 0, earlier vehicles are left out.
    pub begin_s: f64,
    /// Later vehicles are left out, s.
    pub end_s: f64,
    /// Seed of speed factors and random flows.
    pub seed: u64,
}

impl Default for DemandOptions {
    fn default() -> Self {
        Self {
            begin_s: 0.0,
            end_s: TIME_MAX_S,
            seed: 0,
        }
    }
}

/// A demand read from SUMO.
#[derive(Debug)]
pub struct SumoDemand {
    /// One flow a vehicle, by departure.
    pub demand: Demand,
    /// SUMO's identifier of the vehicle of each flow.
    pub ids: Vec<String>,
    /// Vehicles that depart outside the time asked for.
    pub outside: usize,
    /// What is not modelled.
    pub unmodelled: Unmodelled,
    /// Edges each trip without a route has to touch, by flow; empty where the route stays as it is: it is
    /// the file's, or leads to stops.
    pub(crate) via: Vec<Vec<RoadIx>>,
}

/// Reads route files (`.rou.xml`, trips, flows), in order as SUMO loads them: bytes and name.
pub fn read_demand(
    files: &[(&[u8], &str)],
    net: &SumoNetwork,
    options: &DemandOptions,
) -> Result<SumoDemand, TrafficError> {
    let limits = net.network.lanes.iter().map(|l| l.max_speed_m_s);
    let mut reader = Reader {
        net,
        options,
        limit_m_s: limits.fold(1.0, f64::max),
        router: Router::by_time(&net.network),
        types: HashMap::new(),
        routes: HashMap::new(),
        legs: HashMap::new(),
        route_ids: HashMap::new(),
        route_table: Vec::new(),
        template_ids: HashMap::new(),
        templates: Vec::new(),
        vehicles: Vec::new(),
        stops: Stops::new(net),
        outside: 0,
        departed: 0,
        un: Unmodelled::default(),
        named: HashMap::new(),
        files: Vec::new(),
        last_s: 0.0,
    };
    for (bytes, file) in files {
        reader.file(bytes, file)?;
    }
    Ok(reader.finish())
}

struct Vehicle {
    via: Vec<RoadIx>,
    /// Number of its list of halts.
    stops: Option<u32>,
    depart_s: i64,
    id: String,
    route: u32,
    template: u32,
}

/// The edges of a route and its stops.
#[derive(Debug, Clone, Default)]
struct Route {
    roads: Vec<RoadIx>,
    halts: Vec<Halt>,
}

struct Reader<'a> {
    net: &'a SumoNetwork,
    options: &'a DemandOptions,
    limit_m_s: f64,
    router: Router,
    /// By identifier; none for those that do not drive on lanes for cars.
    types: HashMap<String, Option<VType>>,
    routes: HashMap<String, Route>,
    /// Free-flow ways of trips by the edges they touch.
    legs: HashMap<Vec<RoadIx>, Option<Vec<RoadIx>>>,
    route_ids: HashMap<Vec<RoadIx>, u32>,
    route_table: Vec<Vec<RoadIx>>,
    template_ids: HashMap<(String, u64), u32>,
    templates: Vec<VehicleTemplate>,
    vehicles: Vec<Vehicle>,
    stops: Stops<'a>,
    outside: usize,
    /// Departures read, of vehicles left out too.
    departed: usize,
    un: Unmodelled,
    /// Where each kind of element used an id last: number of the file, line.
    named: HashMap<(&'static str, String), (usize, u32)>,
    /// Names of the files read.
    files: Vec<String>,
    /// The last departure in the file under way, s.
    last_s: f64,
}

/// A file under way and the elements it is in.
pub(super) struct Open<'x, 'b> {
    pub(super) xml: &'x mut Xml<'b>,
    pub(super) file: &'x str,
}

impl Reader<'_> {
    fn file(&mut self, bytes: &[u8], file: &str) -> Result<(), TrafficError> {
        let mut xml = Xml::new(bytes, file)?;
        self.files.push(file.to_owned());
        self.last_s = 0.0;
        let root = xml.next()?;
        // What else an additional file holds is read, or listed, by the reader of those.
        let additional = matches!(&root, Some(Node::Open(root)) if root.name == "additional");
        if let Some(Node::Open(root)) = root
            && !matches!(root.name.as_str(), "routes" | "additional" | "trips")
        {
            return Err(TrafficError::Syntax {
                at: xml.at(&root, ""),
                message: format!("the root element is `{}`, not `routes`", root.name),
            });
        }
        while let Some(Node::Open(e)) = xml.next()? {
            let mut open = Open {
                xml: &mut xml,
                file,
            };
            match e.name.as_str() {
                "vType" => self.vtype(&mut open, &e)?,
                "vTypeDistribution" => self.distribution(&mut open, &e)?,
                "route" => {
                    let id = open.xml.text(&e, "id")?.to_owned();
                    self.once(&mut open, &e, "route")?;
                    let route = self.route(&mut open, &e, Of::Route)?;
                    self.routes.insert(id, route);
                }
                "busStop" | "trainStop" => {
                    self.once(&mut open, &e, "busStop")?;
                    self.stops.name(&mut open, &e, &mut self.un)?;
                    open.xml.skip()?;
                }
                "vehicle" | "trip" | "flow" => self.vehicle(&mut open, &e)?,
                "param" | "include" if e.name == "param" => {
                    open.xml.skip()?;
                }
                other => {
                    let line = open.xml.line(&e);
                    let demand = matches!(other, "person" | "personFlow" | "container");
                    if demand || !additional {
                        self.un
                            .add(&format!("demand element `{other}`: skipped"), file, line);
                    }
                    open.xml.skip()?;
                }
            }
        }
        xml.end()
    }

    /// Refuses a second element of a kind with the same id, as SUMO does.
    fn once(
        &mut self,
        open: &mut Open<'_, '_>,
        e: &Element,
        what: &'static str,
    ) -> Result<(), TrafficError> {
        let id = open.xml.text(e, "id")?;
        let here = (self.files.len() - 1, open.xml.line(e));
        let Some((file, line)) = self.named.insert((what, id.to_owned()), here) else {
            return Ok(());
        };
        Err(TrafficError::DuplicateId {
            at: open.xml.at(e, "id"),
            what,
            id: id.to_owned(),
            first: format!("{}:{line}", self.files[file]),
        })
    }

    /// Refuses a vehicle that departs before the one above it: SUMO leaves those out.
    fn in_order(&mut self, open: &Open<'_, '_>, e: &Element) -> Result<(), TrafficError> {
        let name = if e.name == "flow" { "begin" } else { "depart" };
        // Lines of public transport may stand ahead of the rest.
        if e.get(name).is_none() || e.get("line").is_some() {
            return Ok(());
        }
        let depart_s = time(open, e, name)?;
        if depart_s < self.last_s {
            return Err(TrafficError::Times {
                at: open.xml.at(e, name),
                message: format!(
                    "{depart_s} s lies before the departure above it at {} s",
                    self.last_s
                ),
            });
        }
        self.last_s = depart_s;
        Ok(())
    }

    fn vtype(&mut self, open: &mut Open<'_, '_>, e: &Element) -> Result<(), TrafficError> {
        let id = open.xml.text(e, "id")?.to_owned();
        self.once(open, e, "vType")?;
        let t = VType::read(open.xml, e, open.file, &mut self.un)?;
        self.types.insert(id, t);
        open.xml.skip()?;
        Ok(())
    }

    fn distribution(&mut self, open: &mut Open<'_, '_>, e: &Element) -> Result<(), TrafficError> {
        let id = open.xml.text(e, "id")?.to_owned();
        self.once(open, e, "vType")?;
        let line = open.xml.line(e);
        self.un
            .add("vTypeDistribution: its first type drives", open.file, line);
        let mut first = e
            .get("vTypes")
            .and_then(|t| t.split_ascii_whitespace().next())
            .and_then(|t| self.types.get(t).cloned());
        while let Some(Node::Open(child)) = open.xml.next()? {
            if child.name == "vType" {
                let t = VType::read(open.xml, &child, open.file, &mut self.un)?;
                first = first.or(Some(t));
            }
            open.xml.skip()?;
        }
        self.types
            .insert(id, first.unwrap_or_else(|| VType::of_class("passenger")));
        Ok(())
    }

    fn road(
        &self,
        open: &Open<'_, '_>,
        e: &Element,
        name: &str,
        id: &str,
    ) -> Result<RoadIx, TrafficError> {
        self.net
            .network
            .road_ix(id)
            .ok_or_else(|| TrafficError::UnknownId {
                at: open.xml.at(e, name),
                what: "edge",
                id: id.to_owned(),
                hint: if self.net.lanes_of.contains_key(id) {
                    " with a lane for cars".into()
                } else {
                    " in the network".into()
                },
            })
    }

    /// A `route` element to its end.
    fn route(
        &mut self,
        open: &mut Open<'_, '_>,
        e: &Element,
        of: Of,
    ) -> Result<Route, TrafficError> {
        let mut route = Route {
            roads: self.edges(open, e)?,
            halts: Vec::new(),
        };
        while let Some(Node::Open(child)) = open.xml.next()? {
            if child.name == "stop" {
                let halt = self.stops.read(open, &child, of, &mut self.un)?;
                route.halts.extend(halt);
            }
            open.xml.skip()?;
        }
        Ok(route)
    }

    /// The edges of a `route` element, checked to be joined.
    fn edges(&self, open: &Open<'_, '_>, e: &Element) -> Result<Vec<RoadIx>, TrafficError> {
        let text = open.xml.text(e, "edges")?;
        let mut roads: Vec<RoadIx> = Vec::new();
        for id in text.split_ascii_whitespace() {
            let road = self.road(open, e, "edges", id)?;
            if let Some(before) = roads.last()
                && !self.router.joined(*before, road)
            {
                return Err(TrafficError::Disconnected {
                    at: open.xml.at(e, "edges"),
                    from: self.net.network.roads[before.ix()].id.clone(),
                    to: id.to_owned(),
                });
            }
            roads.push(road);
            if roads.len() > ROUTE_MAX {
                return Err(TrafficError::TooLarge {
                    at: open.xml.at(e, "edges"),
                    what: "number of edges in a route",
                    found: roads.len(),
                    limit: ROUTE_MAX,
                });
            }
        }
        if roads.is_empty() {
            return Err(TrafficError::Inconsistent {
                at: open.xml.at(e, "edges"),
                message: "the route has no edge".into(),
            });
        }
        Ok(roads)
    }

    /// The edges a trip has to touch.
    fn via(&self, open: &Open<'_, '_>, e: &Element) -> Result<Vec<RoadIx>, TrafficError> {
        let mut via = vec![self.road(open, e, "from", open.xml.text(e, "from")?)?];
        for id in e.get("via").unwrap_or("").split_ascii_whitespace() {
            via.push(self.road(open, e, "via", id)?);
        }
        via.push(self.road(open, e, "to", open.xml.text(e, "to")?)?);
        Ok(via)
    }

    fn vehicle(&mut self, open: &mut Open<'_, '_>, e: &Element) -> Result<(), TrafficError> {
        let line = open.xml.line(e);
        self.once(open, e, if e.name == "flow" { "flow" } else { "vehicle" })?;
        self.in_order(open, e)?;
        attributes::list(open, e, line, &mut self.un);
        let mut route = self.named(open, e)?;
        let by_zone = e
            .names()
            .any(|n| matches!(n, "fromTaz" | "toTaz" | "fromJunction" | "toJunction"));
        let mut via = Vec::new();
        if route.is_none() && !by_zone && e.get("from").is_some() {
            via = self.via(open, e)?;
        } else if by_zone {
            self.un
                .add("trip between zones or junctions: skipped", open.file, line);
        }
        let (own_route, mut halts) = self.children(open)?;
        if own_route.is_some() {
            route = own_route;
            via.clear();
        }
        if route.is_none() && via.is_empty() && !by_zone {
            return Err(TrafficError::Syntax {
                at: open.xml.at(e, ""),
                message: "it has neither a route nor `from` and `to`".into(),
            });
        }
        let roads = match route {
            Some(mut route) => {
                route.halts.append(&mut halts);
                halts = route.halts;
                Some(route.roads)
            }
            None => self.routed(open, &mut via, &halts, line),
        };
        let departures = departures(open, e, self.options, self.departed)?;
        self.departed += departures.len();
        let Some(roads) = roads else { return Ok(()) };
        if roads.len() < 2 {
            let count = u64::try_from(departures.len()).unwrap_or(u64::MAX);
            self.un
                .add_many("trip on a single edge: skipped", count, open.file, line);
            return Ok(());
        }
        self.create(open, (e, line), (roads, via, halts), &departures)
    }

    /// The route that `route` names.
    fn named(&self, open: &Open<'_, '_>, e: &Element) -> Result<Option<Route>, TrafficError> {
        let Some(id) = e.get("route") else {
            return Ok(None);
        };
        let known = self.routes.get(id).cloned();
        let known = known.ok_or_else(|| TrafficError::UnknownId {
            at: open.xml.at(e, "route"),
            what: "route",
            id: id.to_owned(),
            hint: " before this line".into(),
        })?;
        Ok(Some(known))
    }

    /// What stands in a vehicle, to its end: its own route, and its stops.
    fn children(
        &mut self,
        open: &mut Open<'_, '_>,
    ) -> Result<(Option<Route>, Vec<Halt>), TrafficError> {
        let (mut route, mut halts) = (None, Vec::new());
        while let Some(Node::Open(child)) = open.xml.next()? {
            match child.name.as_str() {
                "route" => {
                    route = Some(self.route(open, &child, Of::Vehicle)?);
                    continue;
                }
                "stop" => {
                    halts.extend(self.stops.read(open, &child, Of::Vehicle, &mut self.un)?);
                }
                "param" => {}
                other => {
                    let line = open.xml.line(&child);
                    let what = format!("`{other}` of a vehicle: not made");
                    self.un.add(&what, open.file, line);
                }
            }
            open.xml.skip()?;
        }
        Ok((route, halts))
    }

    /// The way of a trip over the empty network, by its stops where it has some; it then keeps that way.
    fn routed(
        &mut self,
        open: &Open<'_, '_>,
        via: &mut Vec<RoadIx>,
        halts: &[Halt],
        line: u32,
    ) -> Option<Vec<RoadIx>> {
        let last = via.pop()?;
        via.extend(halts.iter().map(|h| h.road));
        via.push(last);
        let router = &mut self.router;
        let way = self.legs.entry(via.clone());
        let roads = way.or_insert_with(|| router.through(via)).clone();
        if roads.is_none() {
            let what = "trip between edges that no way joins: skipped";
            self.un.add(what, open.file, line);
        }
        if !halts.is_empty() {
            via.clear();
        }
        roads
    }

    fn create(
        &mut self,
        open: &Open<'_, '_>,
        (e, line): (&Element, u32),
        (roads, via, halts): (Vec<RoadIx>, Vec<RoadIx>, Vec<Halt>),
        departures: &[f64],
    ) -> Result<(), TrafficError> {
        let kind = e.get("type").unwrap_or("DEFAULT_VEHTYPE").to_owned();
        let vtype = match self.types.get(&kind) {
            Some(t) => t.clone(),
            None => VType::of_class(match kind.as_str() {
                "DEFAULT_VEHTYPE" => "passenger",
                "DEFAULT_TAXITYPE" => "taxi",
                _ => {
                    return Err(TrafficError::UnknownId {
                        at: open.xml.at(e, "type"),
                        what: "vType",
                        id: kind,
                        hint: " before this line".into(),
                    });
                }
            }),
        };
        let Some(vtype) = vtype else {
            let count = u64::try_from(departures.len()).unwrap_or(u64::MAX);
            self.un.add_many(
                "vehicle of a class that does not drive on car lanes: skipped",
                count,
                open.file,
                line,
            );
            return Ok(());
        };
        // The times of a flow's stops are those of its first vehicle.
        let clock_s = match e.get("begin") {
            Some(_) if e.name == "flow" => time(open, e, "begin")?,
            _ => departures.first().copied().unwrap_or(0.0),
        };
        let stops = self.stops.list(open, e, &halts, (&roads, clock_s))?;
        let next = u32::try_from(self.route_table.len()).expect("vehicles are limited");
        let route = *self.route_ids.entry(roads.clone()).or_insert(next);
        if route == next {
            self.route_table.push(roads);
        }
        let id = open.xml.text(e, "id")?;
        for (k, depart) in departures.iter().enumerate() {
            let id = if e.name == "flow" {
                format!("{id}.{k}")
            } else {
                id.to_owned()
            };
            if *depart < self.options.begin_s || *depart >= self.options.end_s {
                self.outside += 1;
                continue;
            }
            let template = self.template(&kind, &vtype, &id);
            #[allow(clippy::cast_possible_truncation)] // limited to 1e9
            let depart_s = (depart - self.options.begin_s).ceil() as i64;
            self.vehicles.push(Vehicle {
                via: via.clone(),
                stops,
                depart_s,
                id,
                route,
                template,
            });
        }
        Ok(())
    }

    fn template(&mut self, kind: &str, vtype: &VType, id: &str) -> u32 {
        let mut rng = conurb_base::stream(self.options.seed, id, "speedFactor");
        // Box and Muller 1958.
        let (u, w) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
        let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * w).cos();
        let factor = vtype.factor_of(normal);
        let next = u32::try_from(self.templates.len()).expect("vehicles are limited");
        let template = self.template_ids.entry((kind.to_owned(), factor.to_bits()));
        let template = *template.or_insert(next);
        if template == next {
            self.templates.push(vtype.template(factor, self.limit_m_s));
        }
        template
    }

    fn finish(mut self) -> SumoDemand {
        self.vehicles.sort_by_key(|v| v.depart_s);
        let flows = self.vehicles.iter().map(|v| Flow {
            template: v.template,
            route: v.route,
            interval_s: 1.0,
            start_s: v.depart_s,
            end_s: Some(v.depart_s),
            stops: v.stops,
        });
        let notes = self.un.features();
        let notes = notes
            .iter()
            .map(|f| format!("not modelled, {} times: {}", f.count, f.feature));
        let demand = Demand::of(
            flows.collect(),
            self.templates,
            self.route_table,
            notes.collect(),
        );
        SumoDemand {
            demand: demand.with_stops(self.stops.into_lists()),
            via: self
                .vehicles
                .iter_mut()
                .map(|v| std::mem::take(&mut v.via))
                .collect(),
            ids: self.vehicles.into_iter().map(|v| v.id).collect(),
            outside: self.outside,
            unmodelled: self.un,
        }
    }
}
