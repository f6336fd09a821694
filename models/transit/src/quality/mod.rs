//! The quality report of a feed: rules Q1 to Q3 and Q8 to Q15 of `docs/transit/quality.md`, each
//! finding with its row and remedy; what the reader repaired or dropped stands in the same list.

mod codes;
mod repair;
mod stops;
mod trips;

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::error::TransitError;
use crate::feed::Feed;
use crate::findings::{Finding, Findings, Severity};

pub use codes::{CodeMatch, match_codes, normal_code};
pub use repair::{Repair, Repaired, repair_stop};

/// Speed limits by kind of vehicle, km/h.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpeedLimits {
    /// Trains (route types 2 and 100 to 199).
    pub rail_km_h: f64,
    /// Metro, monorail (1, 12, 400 to 499).
    pub metro_km_h: f64,
    /// Buses, trams, trolleybuses and all else (0, 3, 11, 200 to 999).
    pub bus_km_h: f64,
    /// Ferries (4, 1000 to 1099).
    pub ferry_km_h: f64,
    /// Aircraft (1100 to 1199).
    pub air_km_h: f64,
}

impl Default for SpeedLimits {
    fn default() -> Self {
        Self {
            rail_km_h: 340.0,
            metro_km_h: 130.0,
            bus_km_h: 110.0,
            ferry_km_h: 90.0,
            air_km_h: 1_000.0,
        }
    }
}

impl SpeedLimits {
    /// The limit of a GTFS route type.
    #[must_use]
    pub const fn of(&self, route_type: u16) -> f64 {
        match route_type {
            2 | 100..=199 => self.rail_km_h,
            1 | 12 | 400..=499 => self.metro_km_h,
            4 | 1000..=1099 => self.ferry_km_h,
            1100..=1199 => self.air_km_h,
            _ => self.bus_km_h,
        }
    }

    fn check(&self) -> Result<(), TransitError> {
        let all = [
            self.rail_km_h,
            self.metro_km_h,
            self.bus_km_h,
            self.ferry_km_h,
            self.air_km_h,
        ];
        match all.iter().find(|v| !(v.is_finite() && **v > 0.0)) {
            Some(v) => Err(TransitError::Option {
                what: "speed limit",
                message: format!("{v} km/h is not above 0"),
            }),
            None => Ok(()),
        }
    }
}

/// What a report takes into account.
#[derive(Debug, Clone, Default)]
pub struct QualityOptions<'a> {
    /// Speed limits.
    pub limits: SpeedLimits,
    /// The day for which stops without service are told.
    pub date: Option<Date>,
    /// A second source of coordinates, by stop identifier or name (Q2).
    pub second_source: Option<&'a BTreeMap<String, (f64, f64)>>,
    /// The polygon unit each stop lies in, by stop identifier or name (Q3).
    pub unit_of: Option<&'a BTreeMap<String, String>>,
    /// Severities other than the rules' own, by rule.
    pub severity: BTreeMap<String, Severity>,
}

/// The fastest run between two stops in a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FastestLeg {
    /// Implied speed, km/h.
    pub km_h: f64,
    /// Name of the stop it leaves.
    pub from: String,
    /// Name of the stop it reaches.
    pub to: String,
    /// Identifier of the trip.
    pub trip: String,
    /// Row of the call it reaches.
    pub row: u32,
}

/// Sizes and facts that belong beside the findings.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Facts {
    /// Stops of the feed.
    pub stops: usize,
    /// Routes.
    pub routes: usize,
    /// Trips.
    pub trips: usize,
    /// Calls.
    pub calls: usize,
    /// First and last day of service, as YYYYMMDD.
    pub span: Option<(String, String)>,
    /// The fastest leg.
    pub fastest: Option<FastestLeg>,
    /// Stops served on the day asked for, and trips that run.
    pub served_stops: Option<usize>,
    /// Trips that run on it.
    pub active_trips: Option<usize>,
    /// How far two sources of coordinates lie apart, km: median and ninth decile, where both
    /// know a stop.
    pub coordinate_gap_km: Option<(f64, f64)>,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityReport {
    /// What was read.
    pub source: String,
    /// Sizes.
    pub facts: Facts,
    /// Findings by rule, those of the reader included.
    pub findings: Findings,
}

impl QualityReport {
    /// The worst severity there is; `None` where nothing was found.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|f| f.severity).max()
    }
}

/// Examines a feed.
///
/// # Errors
/// Where a speed limit is not above 0.
pub fn examine(feed: &Feed, options: &QualityOptions<'_>) -> Result<QualityReport, TransitError> {
    options.limits.check()?;
    let mut made = QualityReport {
        source: feed.source.clone(),
        facts: Facts {
            stops: feed.stops.len(),
            routes: feed.routes.len(),
            trips: feed.trips.len(),
            calls: feed.calls.len(),
            span: feed
                .span()
                .map(|(a, b)| (crate::days::gtfs_date(a), crate::days::gtfs_date(b))),
            ..Facts::default()
        },
        findings: feed.findings.clone(),
    };
    let speeding = trips::speeds(feed, options, &mut made);
    trips::zero_legs(feed, &mut made.findings);
    trips::loops(feed, &mut made.findings);
    trips::duplicates(feed, &mut made.findings);
    stops::second_source(feed, options, &mut made);
    stops::homonyms(feed, options, &speeding, &mut made.findings);
    stops::near_duplicates(feed, &mut made.findings);
    stops::dead(feed, options, &mut made);
    stops::footpaths(feed, &mut made.findings);
    for (rule, severity) in &options.severity {
        for finding in made.findings.kept.get_mut(rule).into_iter().flatten() {
            finding.severity = *severity;
        }
    }
    Ok(made)
}

/// A finding of a rule.
#[derive(Debug, Clone, Copy)]
struct Rule {
    id: &'static str,
    severity: Severity,
    file: &'static str,
    remedy: &'static str,
}

impl Rule {
    fn finding(&self, row: u32, subject: &str, value: Option<f64>, message: String) -> Finding {
        Finding {
            rule: self.id.to_owned(),
            severity: self.severity,
            file: self.file.to_owned(),
            row: (row > 0).then_some(u64::from(row)),
            subject: subject.to_owned(),
            value,
            message,
            remedy: self.remedy.to_owned(),
        }
    }
}
