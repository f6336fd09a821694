//! Car parks beside the streets, and who looks for one.
//!
//! A file of [`ParkingFile`] (JSON): the entries of car parks (and of streets with places at the kerb:
//! an entry with the places of the street), and what share of trips ends in one. A vehicle that looks
//! for a place drives to the car park nearest to its destination (straight line from entry to the end
//! of its last road), stops at the entry, and goes on to the next nearest where it is full; where none
//! is left it drives to its destination and is counted as one that gave up. Search as in agent models of
//! parking (Benenson, Martens and Birfir, "PARKAGENT", Computers, Environment and Urban Systems 32,
//! 2008), without circling: drivers know the order, not the occupancy.

use serde::{Deserialize, Serialize};

use crate::error::TrafficError;
use crate::file;
use crate::geometry::{self, P};
use crate::ids::RoadIx;
use crate::network::Network;
use crate::place::{Source, json_path};

/// Most car parks.
const PARKS_MAX: usize = 100_000;
/// Most places of one.
const PLACES_MAX: u32 = 1_000_000;
/// Longest stay, s.
const STAY_MAX_S: f64 = 1e7;

/// The file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParkingFile {
    /// Share of vehicles that look for a place, of those with a car park in reach: 0 to 1.
    pub share: f64,
    /// Mean stay (exponential), s.
    pub stay_mean: f64,
    /// How far people walk, m in a straight line.
    pub walk_max: f64,
    /// The car parks.
    pub car_parks: Vec<CarParkFile>,
}

/// A car park (entity `OffStreetParking` or `OnStreetParking`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CarParkFile {
    /// Its name in reports.
    pub id: String,
    /// Road of the entry.
    pub road: String,
    /// Entry, m from the start of the road's lanes.
    pub position: f64,
    /// Places.
    pub total_spot_number: u32,
    /// Places taken at the start; they are free again one by one as if all had just come.
    #[serde(default)]
    pub occupied_spot_number: u32,
}

/// A checked car park.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CarPark {
    pub(crate) id: String,
    pub(crate) road: RoadIx,
    pub(crate) position_m: f64,
    pub(crate) spots: u32,
    pub(crate) taken: u32,
}

/// The car parks of a run, checked against its network.
#[derive(Debug, Clone, PartialEq)]
pub struct Parking {
    pub(crate) share: f64,
    pub(crate) stay_mean_s: f64,
    pub(crate) parks: Vec<CarPark>,
    /// By road as a destination: car parks within reach, nearest first, with the way on foot, m.
    pub(crate) near: Vec<Vec<(u32, f64)>>,
}

impl Parking {
    /// Reads and checks a file of car parks against a network.
    ///
    /// # Errors
    /// Malformed JSON, roads that do not exist, numbers out of range, each with its place.
    pub fn from_json(bytes: &[u8], file: &str, net: &Network) -> Result<Self, TrafficError> {
        let parking = file::read_parking(bytes, file)?;
        check(&parking, Source { file, bytes }, net)
    }

    /// Number of car parks.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.parks.len()
    }

    /// No car park at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.parks.is_empty()
    }
}

fn check(
    parking: &ParkingFile,
    source: Source<'_>,
    net: &Network,
) -> Result<Parking, TrafficError> {
    let bad = |path: &[crate::place::Seg], what, value, rule| TrafficError::BadNumber {
        at: source.at(path),
        what,
        value,
        rule,
    };
    if !(0.0..=1.0).contains(&parking.share) {
        let rule = "it has to be between 0 and 1";
        return Err(bad(&json_path!["share"], "share", parking.share, rule));
    }
    for (name, value, max) in [
        ("stayMean", parking.stay_mean, STAY_MAX_S),
        ("walkMax", parking.walk_max, 1e6),
    ] {
        if !(value > 0.0 && value <= max) {
            let rule = "it has to be above 0 (and no more than 1e7 s, 1e6 m)";
            return Err(bad(&json_path![name], "time in s or way in m", value, rule));
        }
    }
    TrafficError::within(
        "number of car parks",
        parking.car_parks.len(),
        PARKS_MAX,
        || source.at(&json_path!["carParks"]),
    )?;
    let parks = parking.car_parks.iter().enumerate();
    let parks = parks.map(|(i, p)| car_park(i, p, source, net));
    let parks: Vec<CarPark> = parks.collect::<Result<_, _>>()?;
    let near = net.roads.iter().map(|road| {
        let end = road.points[road.points.len() - 1];
        let ways = (0..).zip(&parks).map(|(n, p)| (n, way_m(net, p, end)));
        let mut near: Vec<(u32, f64)> = ways.filter(|w| w.1 <= parking.walk_max).collect();
        near.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        near
    });
    Ok(Parking {
        share: parking.share,
        stay_mean_s: parking.stay_mean,
        near: near.collect(),
        parks,
    })
}

fn car_park(
    i: usize,
    p: &CarParkFile,
    source: Source<'_>,
    net: &Network,
) -> Result<CarPark, TrafficError> {
    let place = |name: &'static str| source.at(&json_path!["carParks", i, name]);
    let road = net.known_road(&p.road, || place("road"))?;
    let length_m = net.shortest_lane_m(road);
    if !(p.position > 0.0 && p.position < length_m) {
        return Err(TrafficError::BadNumber {
            at: place("position"),
            what: "position in m",
            value: p.position,
            rule: "it has to be above 0 and below the length of the road's lanes",
        });
    }
    for (name, value, max) in [
        ("totalSpotNumber", p.total_spot_number, PLACES_MAX),
        (
            "occupiedSpotNumber",
            p.occupied_spot_number,
            p.total_spot_number,
        ),
    ] {
        if value > max {
            return Err(TrafficError::BadNumber {
                at: place(name),
                what: "number of places",
                value: f64::from(value),
                rule: "it has to be at most 1,000,000, and no more taken than there are",
            });
        }
    }
    Ok(CarPark {
        id: p.id.clone(),
        road,
        position_m: p.position,
        spots: p.total_spot_number,
        taken: p.occupied_spot_number,
    })
}

/// From a car park's entry to a point, in a straight line, m.
fn way_m(net: &Network, park: &CarPark, to: [f64; 2]) -> f64 {
    let points = net.roads[park.road.ix()].points.iter();
    let line: Vec<P> = points.map(|p| P::new(p[0], p[1])).collect();
    let entry = geometry::point_at(&line, park.position_m);
    entry.minus(P::new(to[0], to[1])).len()
}
