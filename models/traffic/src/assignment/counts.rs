//! Counts of detectors, what a run of the twin has at the same places, and how far they are apart.

use std::collections::BTreeMap;

use serde::Serialize;

use super::observe::Passing;
use super::table::{Interval, Table, VEHICLES_MAX};
use super::trips::Trip;
use crate::error::TrafficError;
use crate::ids::{LaneIx, RoadIx};
use crate::network::Network;

const COLUMNS: &[&str] = &["road", "start_s", "end_s", "vehicles", "lane"];
/// Most counts.
const COUNTS_MAX: usize = 500_000;
/// Counts below this GEH are usually called good.
pub(super) const GEH_GOOD: f64 = 5.0;

/// Vehicles that enter a road (or one of its lanes) in an interval, those that start there included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    /// The road.
    pub road: RoadIx,
    /// The lane, where the detector covers one only.
    pub lane: Option<LaneIx>,
    /// When.
    pub interval: Interval,
    /// How many.
    pub vehicles: f64,
    /// Line of the file.
    pub line: usize,
}

/// All counts of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    pub(super) file: String,
    all: Vec<Count>,
}

impl Counts {
    /// Reads a table with columns `road,start_s,end_s,vehicles` and perhaps `lane` (0 = innermost).
    ///
    /// # Errors
    /// Where a row cannot be used, or two rows contradict each other; they are named.
    pub fn from_csv(bytes: &[u8], file: &str, net: &Network) -> Result<Self, TrafficError> {
        let mut table = Table::open(bytes, file, COLUMNS, 4)?;
        let mut all: Vec<Count> = Vec::new();
        let mut at_place: BTreeMap<(RoadIx, Option<LaneIx>), Vec<usize>> = BTreeMap::new();
        while table.next()? {
            let road = table.road(net, 0)?;
            let interval = table.interval((1, 2))?;
            let vehicles = table.number(3, VEHICLES_MAX)?;
            let lane = lane(&table, net, road)?;
            let known = at_place.entry((road, lane)).or_default();
            let meets = |n: &&usize| all[**n].interval.meets(&interval);
            if let Some(other) = known.iter().find(meets) {
                let other = &all[*other];
                return Err(table.refuse(
                    "vehicles",
                    format!(
                        "line {} counts {} at the same place and time, this one {vehicles}",
                        other.line, other.vehicles
                    ),
                    "Keep one count of each place and time.",
                ));
            }
            if all.len() == COUNTS_MAX {
                return Err(TrafficError::TooLarge {
                    at: table.at("road"),
                    what: "number of counts",
                    found: COUNTS_MAX + 1,
                    limit: COUNTS_MAX,
                });
            }
            known.push(all.len());
            all.push(Count {
                road,
                lane,
                interval,
                vehicles,
                line: table.line(),
            });
        }
        if all.is_empty() {
            return Err(table.refuse("", "there is no count".into(), "Add rows with counts."));
        }
        check_lanes(&all, &table, net)?;
        Ok(Self {
            file: file.to_owned(),
            all,
        })
    }

    /// In file order.
    #[must_use]
    pub fn all(&self) -> &[Count] {
        &self.all
    }

    /// The counted lanes, as a mark by lane.
    pub(super) fn lanes(&self, net: &Network) -> Vec<bool> {
        let mut marks = vec![false; net.lanes.len()];
        for count in &self.all {
            match count.lane {
                Some(lane) => marks[lane.ix()] = true,
                None => net.roads[count.road.ix()]
                    .lanes
                    .iter()
                    .for_each(|lane| marks[lane.ix()] = true),
            }
        }
        marks
    }

    /// How counts and the numbers of a run compare.
    #[must_use]
    pub fn compare(&self, model: &[f64]) -> FitSummary {
        let (mut good, mut sum, mut square, mut n) = (0, 0.0, 0.0, 0.0);
        for (count, model) in self.all.iter().zip(model) {
            let hours = count.interval.hours();
            let (model, counted) = (model / hours, count.vehicles / hours);
            let geh = geh(model, counted);
            good += usize::from(geh < GEH_GOOD);
            sum += geh;
            square += (model - counted) * (model - counted);
            n += 1.0;
        }
        let n = f64::max(n, 1.0);
        #[allow(clippy::cast_precision_loss)] // limited
        FitSummary {
            geh_below_5_share: good as f64 / n,
            geh_mean: sum / n,
            rmse_veh_h: (square / n).sqrt(),
        }
    }
}

fn lane(table: &Table<'_>, net: &Network, road: RoadIx) -> Result<Option<LaneIx>, TrafficError> {
    let Some(text) = table.maybe(4)? else {
        return Ok(None);
    };
    let lanes = &net.roads[road.ix()].lanes;
    let index = text.parse::<i64>().map_err(|_| {
        table.refuse(
            "lane",
            format!("lane is \"{text}\", which is no whole number"),
            "Number lanes from the inside, from 0; leave the cell empty for the whole road.",
        )
    })?;
    let lane = usize::try_from(index).ok().and_then(|i| lanes.get(i));
    lane.copied()
        .map(Some)
        .ok_or_else(|| TrafficError::OutOfRange {
            at: table.at("lane"),
            what: "lane",
            found: index,
            count: lanes.len(),
        })
}

/// Lanes cannot count more than their road in the same interval.
fn check_lanes(all: &[Count], table: &Table<'_>, net: &Network) -> Result<(), TrafficError> {
    let mut lanes: BTreeMap<(RoadIx, Interval), f64> = BTreeMap::new();
    for count in all.iter().filter(|c| c.lane.is_some()) {
        *lanes.entry((count.road, count.interval)).or_default() += count.vehicles;
    }
    for count in all.iter().filter(|c| c.lane.is_none()) {
        let sum = lanes.get(&(count.road, count.interval));
        if let Some(sum) = sum.filter(|s| **s > count.vehicles * (1.0 + 1e-9)) {
            let mut at = table.at("vehicles");
            at.line = Some(count.line);
            return Err(TrafficError::Table {
                at,
                message: format!(
                    "the lanes of road \"{}\" count {sum} together, the road {}",
                    net.roads[count.road.ix()].id,
                    count.vehicles
                ),
                remedy: "Correct one of them, or leave the count of the road out.",
            });
        }
    }
    Ok(())
}

/// GEH statistic of two flows in vehicles an hour (Design Manual for Roads and Bridges, vol. 12).
#[must_use]
pub fn geh(model_veh_h: f64, counted_veh_h: f64) -> f64 {
    let sum = model_veh_h + counted_veh_h;
    if sum > 0.0 {
        (2.0 * (model_veh_h - counted_veh_h).powi(2) / sum).sqrt()
    } else {
        0.0
    }
}

/// How far counts and the model are apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FitSummary {
    /// Share of counts with a GEH below 5.
    pub geh_below_5_share: f64,
    /// Mean GEH.
    pub geh_mean: f64,
    /// Root of the mean squared difference, vehicles an hour.
    pub rmse_veh_h: f64,
}

/// What a run had at the counted places.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tally {
    /// Vehicles by count.
    pub(super) vehicles: Vec<f64>,
    /// By count: cells of the matrix, with the share of their vehicles that pass there then.
    pub(super) rows: Vec<Vec<(u32, f64)>>,
}

impl Tally {
    /// From the passings of a run of these trips.
    pub(super) fn new(
        net: &Network,
        counts: &Counts,
        trips: &[Trip],
        passings: &[Passing],
    ) -> Self {
        let mut of_cell: BTreeMap<u32, f64> = BTreeMap::new();
        for trip in trips {
            *of_cell.entry(trip.cell).or_default() += 1.0;
        }
        let mut at_lane: BTreeMap<LaneIx, Vec<usize>> = BTreeMap::new();
        for (n, count) in counts.all.iter().enumerate() {
            let road = &net.roads[count.road.ix()].lanes;
            for lane in road.iter().filter(|l| count.lane.is_none_or(|c| c == **l)) {
                at_lane.entry(*lane).or_default().push(n);
            }
        }
        let mut passed: Vec<BTreeMap<u32, f64>> = vec![BTreeMap::new(); counts.all.len()];
        for passing in passings {
            let here = at_lane.get(&passing.lane).map_or(&[][..], Vec::as_slice);
            for n in here {
                if counts.all[*n].interval.holds(passing.time_s) {
                    let cell = trips[passing.trip as usize].cell;
                    *passed[*n].entry(cell).or_default() += 1.0;
                }
            }
        }
        let vehicles = passed.iter().map(|cells| cells.values().sum()).collect();
        let rows = passed.into_iter().map(|cells| {
            let shares = cells
                .into_iter()
                .map(|(cell, n)| (cell, n / of_cell[&cell]));
            shares.collect()
        });
        Self {
            vehicles,
            rows: rows.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::geh;

    #[test]
    fn geh_of_the_handbook() {
        assert!((geh(1_000.0, 850.0) - 4.931_969).abs() < 1e-5);
        assert!(geh(0.0, 0.0).abs() < 1e-12);
        assert!((geh(50.0, 0.0) - 10.0).abs() < 1e-12);
    }
}
