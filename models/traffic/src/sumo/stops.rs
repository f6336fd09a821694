//! Stops of vehicles, routes and flows; bus stops of additional files.
//!
//! A place is one of a lane, or one named before (`busStop`, `trainStop`). Here a vehicle halts on the lane
//! it drives on, with its front at the place's end, as SUMO's do.

use std::collections::HashMap;

use super::demand::Open;
use super::departures::time;
use super::network::SumoNetwork;
use super::unmodelled::Unmodelled;
use super::xml::Element;
use crate::demand::Stop;
use crate::error::TrafficError;
use crate::ids::RoadIx;
use crate::stop_table::StopTable;

/// Most stops of one vehicle, as of a flow in our form.
const STOPS_MAX: usize = 1_000;
/// Stops nearer to the start of a lane than this are moved there, m.
const POSITION_MIN_M: f64 = 0.1;
/// Two stops of one vehicle nearer to each other than this are one, m.
const SAME_M: f64 = 0.1;

/// When a stop may be left.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Until {
    /// s of the file's clock.
    Clock(f64),
    /// s after departure: of stops that stand in a named route.
    Departure(f64),
}

/// A stop as the file has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Halt {
    pub(super) road: RoadIx,
    position_m: f64,
    dwell_s: f64,
    until: Option<Until>,
    lane: String,
}

/// A place on a road; none on an edge that is left out.
#[derive(Debug, Clone)]
struct Place {
    road: Option<RoadIx>,
    position_m: f64,
    lane: String,
}

/// Where a stop is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Vehicle,
    Route,
}

/// The named places and the lists of halts of a demand.
#[derive(Debug)]
pub(super) struct Stops<'a> {
    net: &'a SumoNetwork,
    places: HashMap<String, Place>,
    table: StopTable,
}

impl<'a> Stops<'a> {
    pub(super) fn new(net: &'a SumoNetwork) -> Self {
        Self {
            net,
            places: HashMap::new(),
            table: StopTable::default(),
        }
    }

    pub(super) fn into_lists(self) -> Vec<Vec<Stop>> {
        self.table.into_lists()
    }

    /// A `busStop` or `trainStop`.
    pub(super) fn name(
        &mut self,
        open: &mut Open<'_, '_>,
        e: &Element,
        un: &mut Unmodelled,
    ) -> Result<(), TrafficError> {
        let id = open.xml.text(e, "id")?.to_owned();
        let place = self.place(open, e, un)?;
        self.places.insert(id, place);
        Ok(())
    }

    /// The place that `lane`, `startPos` and `endPos` name.
    fn place(
        &self,
        open: &mut Open<'_, '_>,
        e: &Element,
        un: &mut Unmodelled,
    ) -> Result<Place, TrafficError> {
        let lane = open.xml.text(e, "lane")?.to_owned();
        let (edge, kept) = self
            .net
            .lane(&lane)
            .ok_or_else(|| TrafficError::UnknownId {
                at: open.xml.at(e, "lane"),
                what: "lane",
                id: lane.clone(),
                hint: " in the network".into(),
            })?;
        let network = &self.net.network;
        let road = network.road_ix(edge);
        let length_m = road.map_or(f64::INFINITY, |road| network.shortest_lane_m(road));
        let position_m = match road {
            Some(_) => ends(open, e, length_m)?,
            None => 0.0,
        };
        if road.is_some() && kept.is_none() {
            let line = open.xml.line(e);
            let what = "stop on a lane not for cars: made on the lanes beside it";
            un.add(what, open.file, line);
        }
        Ok(Place {
            road,
            position_m,
            lane,
        })
    }

    /// Reads a `stop`; none where it is not made, which is listed.
    pub(super) fn read(
        &self,
        open: &mut Open<'_, '_>,
        e: &Element,
        of: Of,
        un: &mut Unmodelled,
    ) -> Result<Option<Halt>, TrafficError> {
        let line = open.xml.line(e);
        if let Some(what) = left_out(e) {
            un.add(&format!("`stop` {what}: not made"), open.file, line);
            return Ok(None);
        }
        let (dwell_s, until) = times(open, e, of)?;
        let place = match e.get("busStop").or_else(|| e.get("trainStop")) {
            Some(id) => {
                let known = self.places.get(id).cloned();
                known.ok_or_else(|| TrafficError::UnknownId {
                    at: open.xml.at(e, "busStop"),
                    what: "busStop",
                    id: id.to_owned(),
                    hint: " before this line (give the additional file that has it)".into(),
                })?
            }
            None => self.place(open, e, un)?,
        };
        for name in e.names().filter(|n| !READ.contains(n)) {
            un.add(
                &format!("stop attribute `{name}`: not used"),
                open.file,
                line,
            );
        }
        let Some(road) = place.road else {
            let what = "`stop` on an edge that is left out: not made";
            un.add(what, open.file, line);
            return Ok(None);
        };
        Ok(Some(Halt {
            road,
            position_m: place.position_m,
            dwell_s,
            until,
            lane: place.lane,
        }))
    }

    /// The number of the list that these stops are on this route; times are counted from `depart_s`.
    pub(super) fn list(
        &mut self,
        open: &Open<'_, '_>,
        e: &Element,
        halts: &[Halt],
        (route, depart_s): (&[RoadIx], f64),
    ) -> Result<Option<u32>, TrafficError> {
        TrafficError::within(
            "number of stops of a vehicle",
            halts.len(),
            STOPS_MAX,
            || open.xml.at(e, "stop"),
        )?;
        let mut list: Vec<Stop> = Vec::with_capacity(halts.len());
        for halt in halts {
            let until_s = halt.until.map(|until| match until {
                Until::Clock(s) => (s - depart_s).max(0.0),
                Until::Departure(s) => s,
            });
            if let Some(before) = list.last_mut()
                && route[before.road_at as usize] == halt.road
                && (before.position_m - halt.position_m).abs() < SAME_M
            {
                before.dwell_s += halt.dwell_s;
                before.until_s = until_s.or(before.until_s);
                continue;
            }
            let from = list
                .last()
                .map_or((0, 0.0), |b| (b.road_at as usize, b.position_m));
            let mut roads = route.iter().enumerate().skip(from.0);
            let found = roads.find(|(at, road)| {
                **road == halt.road && (*at > from.0 || halt.position_m > from.1)
            });
            let (road_at, _) = found.ok_or_else(|| TrafficError::Inconsistent {
                at: open.xml.at(e, "stop"),
                message: format!(
                    "the route does not pass {:.1} m of lane \"{}\" after the stop before",
                    halt.position_m, halt.lane
                ),
            })?;
            list.push(Stop {
                road_at: u32::try_from(road_at).expect("routes are limited"),
                position_m: halt.position_m,
                dwell_s: halt.dwell_s,
                until_s,
            });
        }
        Ok(self.table.number(list))
    }
}

/// Attributes of a stop that are read.
const READ: [&str; 11] = [
    "lane",
    "busStop",
    "trainStop",
    "startPos",
    "endPos",
    "friendlyPos",
    "duration",
    "until",
    "triggered",
    "containerTriggered",
    "parking",
];

/// What a stop is that is not made.
fn left_out(e: &Element) -> Option<String> {
    let says = |name: &str| {
        e.get(name)
            .is_some_and(|v| !matches!(v, "false" | "0" | "no"))
    };
    if says("triggered") || says("containerTriggered") {
        return Some("that waits for persons or containers".into());
    }
    if says("parking") {
        return Some("beside the road (`parking`)".into());
    }
    let places = [
        "parkingArea",
        "containerStop",
        "chargingStation",
        "overheadWireSegment",
        "edge",
    ];
    let place = places.into_iter().find(|name| e.get(name).is_some())?;
    Some(format!("at a `{place}`"))
}

/// How long a stop lasts, s, and until when.
fn times(open: &Open<'_, '_>, e: &Element, of: Of) -> Result<(f64, Option<Until>), TrafficError> {
    let until = match e.get("until") {
        None => None,
        Some(_) if of == Of::Route => Some(Until::Departure(time(open, e, "until")?)),
        Some(_) => Some(Until::Clock(time(open, e, "until")?)),
    };
    let dwell_s = match e.get("duration") {
        Some(_) => time(open, e, "duration")?,
        None if until.is_some() => 0.0,
        None => {
            return Err(TrafficError::Syntax {
                at: open.xml.at(e, ""),
                message: "the stop has neither `duration` nor `until`".into(),
            });
        }
    };
    Ok((dwell_s, until))
}

/// Where a place on a lane ends: `endPos`, from the end where it is negative, the lane's end without.
fn ends(open: &Open<'_, '_>, e: &Element, length_m: f64) -> Result<f64, TrafficError> {
    let from_start = |value: f64| if value < 0.0 { value + length_m } else { value };
    let end = open.xml.number_if(e, "endPos")?.map(from_start);
    let start = open.xml.number_if(e, "startPos")?.map(from_start);
    let end_m = end.unwrap_or(length_m);
    let friendly = e
        .get("friendlyPos")
        .is_some_and(|v| matches!(v, "true" | "1" | "yes"));
    // SUMO forgives a tenth of a metre.
    if !friendly && !(-SAME_M..=length_m + SAME_M).contains(&end_m) {
        return Err(TrafficError::BadNumber {
            at: open.xml.at(e, "endPos"),
            what: "position in m",
            value: end_m,
            rule: "it has to be on the lane, or negative from its end",
        });
    }
    if let Some(start_m) = start.filter(|s| !friendly && *s > end_m) {
        return Err(TrafficError::Inconsistent {
            at: open.xml.at(e, "startPos"),
            message: format!("the place begins at {start_m} m behind its end at {end_m} m"),
        });
    }
    Ok(end_m.clamp(POSITION_MIN_M.min(length_m), length_m))
}
