//! Origin-destination matrices: trips between roads or zones by interval, read and written as CSV.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use conurb_base::{nearest, quoted};

use super::table::{Interval, Table, VEHICLES_MAX};
use crate::error::TrafficError;
use crate::ids::RoadIx;
use crate::network::Network;

/// Most roads of all zones together.
const MEMBERS_MAX: usize = 1_000_000;
/// Most cells of a matrix.
const CELLS_MAX: usize = 2_000_000;
/// Largest weight of a road in its zone.
const WEIGHT_MAX: f64 = 1e9;

const ZONE_COLUMNS: &[&str] = &["zone", "road", "weight"];
const OD_COLUMNS: &[&str] = &["from", "to", "start_s", "end_s", "vehicles"];

/// Zones: roads where trips begin and end, each with its share.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Zones {
    names: BTreeMap<String, u32>,
    roads: Vec<Vec<(RoadIx, f64)>>,
}

impl Zones {
    /// Reads a table with columns `zone,road` and perhaps `weight` (1 where it is missing).
    ///
    /// # Errors
    /// Where a row cannot be used; it is named.
    pub fn from_csv(bytes: &[u8], file: &str, net: &Network) -> Result<Self, TrafficError> {
        let mut table = Table::open(bytes, file, ZONE_COLUMNS, 2)?;
        let (mut zones, mut members) = (Self::default(), BTreeSet::new());
        while table.next()? {
            let road = table.road(net, 1)?;
            let weight = match table.maybe(2)? {
                Some(_) => table.number(2, WEIGHT_MAX)?,
                None => 1.0,
            };
            let next = u32::try_from(zones.roads.len()).expect("rows are limited");
            let name = table.text(0)?.to_owned();
            let zone = *zones.names.entry(name).or_insert(next);
            if zone == next {
                zones.roads.push(Vec::new());
            }
            if !members.insert((zone, road)) {
                return Err(table.refuse(
                    "road",
                    "the road stands twice in this zone".into(),
                    "Keep one of the rows.",
                ));
            }
            zones.roads[zone as usize].push((road, weight));
            if members.len() > MEMBERS_MAX {
                return Err(TrafficError::TooLarge {
                    at: table.at("road"),
                    what: "number of roads in zones",
                    found: members.len(),
                    limit: MEMBERS_MAX,
                });
            }
        }
        zones.check(&table)?;
        Ok(zones)
    }

    fn check(&self, table: &Table<'_>) -> Result<(), TrafficError> {
        let empty = |zone: &u32| {
            let roads = &self.roads[*zone as usize];
            roads.iter().map(|(_, weight)| weight).sum::<f64>() <= 0.0
        };
        match self.names.iter().find(|(_, zone)| empty(zone)) {
            Some((name, _)) => Err(table.refuse(
                "weight",
                format!("all roads of zone \"{name}\" have the weight 0"),
                "Give one of its roads a weight above 0.",
            )),
            None => Ok(()),
        }
    }
}

/// One end of trips: a road, or the roads of a zone with running sums of their weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct End {
    pub(super) name: String,
    pub(super) roads: Vec<RoadIx>,
    pub(super) sums: Vec<f64>,
}

impl End {
    fn new(name: String, roads: &[(RoadIx, f64)]) -> Self {
        let used = roads.iter().filter(|(_, weight)| *weight > 0.0);
        let mut sum = 0.0;
        let sums = used.clone().map(|(_, weight)| {
            sum += weight;
            sum
        });
        Self {
            sums: sums.collect(),
            roads: used.map(|(road, _)| *road).collect(),
            name,
        }
    }

    /// The road at a share of the weights, 0 to 1.
    pub(super) fn road(&self, share: f64) -> RoadIx {
        let at = share * self.sums.last().copied().unwrap_or(0.0);
        let place = self.sums.partition_point(|s| *s <= at);
        self.roads[place.min(self.roads.len() - 1)]
    }
}

/// Trips of one pair of places in one interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub(super) from: u32,
    pub(super) to: u32,
    /// When they depart.
    pub interval: Interval,
    /// How many, not necessarily whole.
    pub vehicles: f64,
    /// Line of the file.
    pub line: usize,
}

/// A matrix of trips.
#[derive(Debug, Clone, PartialEq)]
pub struct OdMatrix {
    pub(super) file: String,
    pub(super) ends: Vec<End>,
    cells: Vec<Cell>,
}

impl OdMatrix {
    /// Reads a table with columns `from,to,start_s,end_s,vehicles`; places are zones, or else roads.
    ///
    /// # Errors
    /// Where a row cannot be used; it is named.
    pub fn from_csv(
        bytes: &[u8],
        file: &str,
        net: &Network,
        zones: &Zones,
    ) -> Result<Self, TrafficError> {
        let mut table = Table::open(bytes, file, OD_COLUMNS, 5)?;
        let mut matrix = Self {
            file: file.to_owned(),
            ends: Vec::new(),
            cells: Vec::new(),
        };
        let mut known = BTreeMap::new();
        let mut seen = BTreeMap::new();
        while table.next()? {
            let from = matrix.end(&table, 0, net, zones, &mut known)?;
            let to = matrix.end(&table, 1, net, zones, &mut known)?;
            let interval = table.interval((2, 3))?;
            let vehicles = table.number(4, VEHICLES_MAX)?;
            let ends = (&matrix.ends[from as usize], &matrix.ends[to as usize]);
            if ends.0.roads.len() == 1 && ends.0.roads == ends.1.roads {
                return Err(table.refuse(
                    "to",
                    format!(
                        "trips from \"{}\" end on the road they begin on",
                        ends.0.name
                    ),
                    "Name another destination: a vehicle needs at least two roads.",
                ));
            }
            if let Some(first) = seen.insert((from, to, interval), table.line()) {
                return Err(table.refuse(
                    "from",
                    format!("the same pair and interval stand in line {first}"),
                    "Join the two rows.",
                ));
            }
            if matrix.cells.len() == CELLS_MAX {
                return Err(TrafficError::TooLarge {
                    at: table.at("from"),
                    what: "number of cells of the matrix",
                    found: CELLS_MAX + 1,
                    limit: CELLS_MAX,
                });
            }
            let line = table.line();
            matrix.cells.push(Cell {
                from,
                to,
                interval,
                vehicles,
                line,
            });
        }
        Ok(matrix)
    }

    fn end(
        &mut self,
        table: &Table<'_>,
        column: usize,
        net: &Network,
        zones: &Zones,
        known: &mut BTreeMap<String, u32>,
    ) -> Result<u32, TrafficError> {
        let name = table.text(column)?;
        if let Some(end) = known.get(name) {
            return Ok(*end);
        }
        let end = match (zones.names.get(name), net.road_ix(name)) {
            (Some(zone), _) => End::new(name.to_owned(), &zones.roads[*zone as usize]),
            (None, Some(road)) => End::new(name.to_owned(), &[(road, 1.0)]),
            (None, None) if zones.names.is_empty() => {
                return Err(net.unknown_road(name, table.at(OD_COLUMNS[column])));
            }
            (None, None) => {
                let names = zones.names.keys().map(String::as_str);
                let roads = net.roads.iter().map(|r| r.id.as_str());
                let near = nearest(name, names.chain(roads));
                return Err(TrafficError::UnknownId {
                    at: table.at(OD_COLUMNS[column]),
                    what: "zone or road",
                    id: name.to_owned(),
                    hint: near.map_or(String::new(), |n| format!("; did you mean \"{n}\"?")),
                });
            }
        };
        let number = u32::try_from(self.ends.len()).expect("rows are limited");
        self.ends.push(end);
        known.insert(name.to_owned(), number);
        Ok(number)
    }

    /// The cells in file order.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Names of the places a cell lies between.
    #[must_use]
    pub fn names(&self, cell: &Cell) -> (&str, &str) {
        let name = |end: u32| self.ends[end as usize].name.as_str();
        (name(cell.from), name(cell.to))
    }

    /// The same pairs with other numbers of vehicles, by cell; negative ones are taken as 0.
    #[must_use]
    pub fn with_vehicles(&self, vehicles: &[f64]) -> Self {
        let mut other = self.clone();
        for (cell, vehicles) in other.cells.iter_mut().zip(vehicles) {
            cell.vehicles = vehicles.clamp(0.0, VEHICLES_MAX);
        }
        other
    }

    /// All vehicles.
    #[must_use]
    pub fn total_vehicles(&self) -> f64 {
        self.cells.iter().map(|c| c.vehicles).sum()
    }

    /// The matrix as the table it is read from.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut out = OD_COLUMNS.join(",") + "\n";
        for cell in &self.cells {
            let (from, to) = self.names(cell);
            let Interval { start_s, end_s } = cell.interval;
            let _ = writeln!(
                out,
                "{},{},{start_s},{end_s},{}",
                quoted(from),
                quoted(to),
                (cell.vehicles * 1e6).round() / 1e6
            );
        }
        out
    }
}
