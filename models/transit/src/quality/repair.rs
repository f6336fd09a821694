//! Proposes coordinates for a stop that is in the wrong place: of several sources the one its
//! trains could reach, else a point between its neighbours.

use std::collections::BTreeMap;

use serde::Serialize;

use super::SpeedLimits;
use super::trips::implied_km_h;
use crate::error::TransitError;
use crate::feed::Feed;

/// A proposal for a stop.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Repair {
    /// Latitude and longitude, degrees.
    pub lat_lon: (f64, f64),
    /// How it was found.
    pub by: Repaired,
    /// Sum over neighbours of the speed above the limit that is left, km/h.
    pub excess_km_h: f64,
}

/// How a proposal was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Repaired {
    /// It is this candidate, from 0.
    Candidate(usize),
    /// Between the two nearest neighbours in minutes: approximate, and to be marked so.
    Approximate,
}

/// Proposes coordinates for a stop among candidates (coordinates of other sources): the one with
/// the smallest sum over neighbours of max(0, v - limit), v from the fastest run between the two.
/// Where none has a sum of 0, the two nearest neighbours in minutes, weighted with 1 / minutes.
/// `None` where the stop has no neighbour with coordinates.
///
/// # Errors
/// Where the stop is not in the feed.
pub fn repair_stop(
    feed: &Feed,
    stop: u32,
    candidates: &[(f64, f64)],
    limits: &SpeedLimits,
) -> Result<Option<Repair>, TransitError> {
    if stop as usize >= feed.stops.len() {
        return Err(TransitError::Option {
            what: "stop",
            message: format!("{stop} is not one of {}", feed.stops.len()),
        });
    }
    let near = neighbours(feed, stop, limits);
    let excess = |place: (f64, f64)| -> f64 {
        near.iter()
            .map(|n| {
                let km = conurb_geo::great_circle_km(place, n.lat_lon);
                (implied_km_h(km, n.run_s) - n.limit_km_h).max(0.0)
            })
            .sum()
    };
    if near.is_empty() {
        return Ok(None);
    }
    let best = candidates
        .iter()
        .enumerate()
        .map(|(at, place)| (at, *place, excess(*place)))
        .min_by(|a, b| a.2.total_cmp(&b.2));
    if let Some((at, lat_lon, excess_km_h)) = best
        && excess_km_h == 0.0
    {
        return Ok(Some(Repair {
            lat_lon,
            by: Repaired::Candidate(at),
            excess_km_h,
        }));
    }
    let mut by_time: Vec<&Neighbour> = near.iter().collect();
    by_time.sort_by_key(|n| n.run_s);
    let (mut lat, mut lon, mut weights) = (0.0, 0.0, 0.0);
    for n in by_time.iter().take(2) {
        let weight = 1.0 / f64::from(n.run_s.max(60));
        lat += n.lat_lon.0 * weight;
        lon += n.lat_lon.1 * weight;
        weights += weight;
    }
    let lat_lon = (lat / weights, lon / weights);
    Ok(Some(Repair {
        lat_lon,
        by: Repaired::Approximate,
        excess_km_h: excess(lat_lon),
    }))
}

struct Neighbour {
    lat_lon: (f64, f64),
    /// The fastest run between the two, s.
    run_s: u32,
    limit_km_h: f64,
}

fn neighbours(feed: &Feed, stop: u32, limits: &SpeedLimits) -> Vec<Neighbour> {
    let mut found: BTreeMap<u32, (u32, f64)> = BTreeMap::new();
    let calls = &feed.calls;
    for trip in &feed.trips {
        let limit = limits.of(feed.routes[trip.route as usize].kind);
        let range = feed.calls_of(trip);
        for at in range.start + 1..range.end {
            let (a, b) = (calls.stop[at - 1], calls.stop[at]);
            let other = match (a == stop, b == stop) {
                (true, false) => b,
                (false, true) => a,
                _ => continue,
            };
            let run_s = calls.arr_s[at].saturating_sub(calls.dep_s[at - 1]);
            let slot = found.entry(other).or_insert((run_s, limit));
            if run_s < slot.0 {
                *slot = (run_s, limit);
            }
        }
    }
    found
        .into_iter()
        .filter_map(|(other, (run_s, limit_km_h))| {
            Some(Neighbour {
                lat_lon: feed.stops[other as usize].lat_lon?,
                run_s,
                limit_km_h,
            })
        })
        .collect()
}
