//! Travel times between places, masses of places, and which destinations count.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use crate::error::TransitError;
use crate::gtfs::Table;
use crate::profile::{Window, WindowStats, fastest_s};
use crate::scan::{AllPairs, Place};

/// Places of one table of travel times.
pub(crate) const PLACES_MAX: usize = 20_000;

/// Which travel time stands for a day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The fastest journey of the day.
    Fastest,
    /// The mean over times to be ready within a window, of the part after which a journey leaves.
    Mean(Window),
    /// A percentile over a window, as a share from 0 to 1.
    Percentile(Window, f64),
}

/// What made the times. Kinds are never mixed: measures of two kinds cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeKind {
    /// Journeys of a timetable.
    Timetable,
    /// A network of run times with assumed headways.
    RunTimes,
    /// Minutes the user gave.
    Given,
}

/// Minutes between places, by origin and destination. Travel from a place to itself is not in it:
/// measures take it from [`Own`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimeMatrix {
    /// Names or codes of places; rows and columns are in their order.
    pub places: Vec<String>,
    /// What made the times.
    pub kind: TimeKind,
    minutes: Vec<Option<f64>>,
    /// Share of the window within which a journey leaves, where a window was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    covered: Vec<f64>,
}

impl TimeMatrix {
    /// From rows of minutes; the diagonal is taken as none.
    ///
    /// # Errors
    /// Where there are not n x n values or a value is negative or not finite.
    pub fn new(
        places: Vec<String>,
        kind: TimeKind,
        mut minutes: Vec<Option<f64>>,
    ) -> Result<Self, TransitError> {
        let n = places.len();
        if n > PLACES_MAX {
            return Err(TransitError::TooLarge {
                at: TransitError::at_file("travel times"),
                what: "places",
                limit: PLACES_MAX as u64,
            });
        }
        let fine = |m: &Option<f64>| m.is_none_or(|v| v.is_finite() && v >= 0.0);
        if minutes.len() != n * n || !minutes.iter().all(fine) {
            return Err(TransitError::Option {
                what: "travel times",
                message: format!("must be {n} x {n} minutes of 0 or more"),
            });
        }
        for at in 0..n {
            minutes[at * n + at] = None;
        }
        Ok(Self {
            places,
            kind,
            minutes,
            covered: Vec::new(),
        })
    }

    /// From profiles between places.
    ///
    /// # Errors
    /// Where profiles and places differ in number, a window ends before it begins or a share is
    /// not 0 to 1.
    pub fn from_profiles(
        places: &[Place],
        all: &AllPairs,
        basis: Basis,
    ) -> Result<Self, TransitError> {
        basis.check()?;
        let n = places.len();
        if all.len() != n {
            return Err(TransitError::Option {
                what: "profiles",
                message: format!("are of {} places, not {n}", all.len()),
            });
        }
        let mut minutes = vec![None; n * n];
        let windowed = basis != Basis::Fastest;
        let mut covered = vec![0.0; if windowed { n * n } else { 0 }];
        let columns: Vec<Vec<Option<(f64, f64)>>> = all
            .to
            .par_iter()
            .map(|profiles| (0..n).map(|from| basis.of(profiles.of(from))).collect())
            .collect();
        for (to, column) in columns.into_iter().enumerate() {
            for (from, found) in column.into_iter().enumerate() {
                minutes[from * n + to] = found.map(|f| f.0);
                if let (true, Some((_, share))) = (windowed, found) {
                    covered[from * n + to] = share;
                }
            }
        }
        let names = places.iter().map(|p| p.name.clone()).collect();
        Ok(Self {
            covered,
            ..Self::new(names, TimeKind::Timetable, minutes)?
        })
    }

    /// Reads `from,to,minutes`, columns in any order; pairs that are not there, or blank, have no
    /// journey. Places are ascending by name.
    ///
    /// # Errors
    /// Where the text is no such table, minutes are negative, a pair stands there twice, or there
    /// are more than 20,000 places or 10 million rows.
    pub fn from_csv(name: &str, bytes: &[u8]) -> Result<Self, TransitError> {
        let mut table = Table::new(name, bytes, 10_000_000)?;
        let columns = (
            table.need("from")?,
            table.need("to")?,
            table.need("minutes")?,
        );
        let mut pairs: BTreeMap<(String, String), Option<f64>> = BTreeMap::new();
        while table.next()? {
            let row = table.row();
            let fail = |message: &str| TransitError::Unreadable {
                at: TransitError::at_file(name),
                message: format!("row {row}: {message}"),
            };
            let value = if table.filled(columns.2) {
                let value = table.number::<f64>(columns.2);
                Some(
                    value
                        .filter(|v| v.is_finite() && *v >= 0.0)
                        .ok_or_else(|| fail("minutes are no number of 0 or more"))?,
                )
            } else {
                None
            };
            let pair = (
                table.text(columns.0).into_owned(),
                table.text(columns.1).into_owned(),
            );
            if pairs.insert(pair, value).is_some() {
                return Err(fail("the pair stands there twice"));
            }
        }
        let names: std::collections::BTreeSet<&str> = pairs
            .keys()
            .flat_map(|(a, b)| [a.as_str(), b.as_str()])
            .collect();
        let at: BTreeMap<&str, usize> = names.iter().enumerate().map(|(n, p)| (*p, n)).collect();
        let n = names.len();
        if n > PLACES_MAX {
            return Err(TransitError::TooLarge {
                at: TransitError::at_file(name),
                what: "places",
                limit: PLACES_MAX as u64,
            });
        }
        let mut minutes = vec![None; n * n];
        for ((from, to), value) in &pairs {
            minutes[at[from.as_str()] * n + at[to.as_str()]] = *value;
        }
        let places = names.into_iter().map(str::to_owned).collect();
        Self::new(places, TimeKind::Given, minutes)
    }

    /// How many places there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Minutes from one place to another; `None` where there is no journey, or both are the same.
    #[must_use]
    pub fn get(&self, from: usize, to: usize) -> Option<f64> {
        self.minutes[from * self.places.len() + to]
    }

    /// The share of the window within which a journey still leaves: beside each mean. 1 where no
    /// window was asked for.
    #[must_use]
    pub fn covered(&self, from: usize, to: usize) -> f64 {
        let at = from * self.places.len() + to;
        self.covered.get(at).copied().unwrap_or(1.0)
    }

    /// Index of a place.
    ///
    /// # Errors
    /// Where it is not one of them.
    pub fn place(&self, name: &str) -> Result<usize, TransitError> {
        let found = self.places.iter().position(|p| p == name);
        found.ok_or_else(|| {
            TransitError::unknown("place", name, self.places.iter().map(String::as_str))
        })
    }

    /// The same times in the order of other places; pairs with a place that is not here have none.
    ///
    /// # Errors
    /// Where there are more than 20,000 places.
    pub fn on(&self, places: &[String]) -> Result<Self, TransitError> {
        let at: BTreeMap<&str, usize> = self
            .places
            .iter()
            .enumerate()
            .map(|(n, p)| (p.as_str(), n))
            .collect();
        let from: Vec<Option<usize>> = places.iter().map(|p| at.get(p.as_str()).copied()).collect();
        let minutes = from
            .iter()
            .flat_map(|a| from.iter().map(move |b| self.get((*a)?, (*b)?)))
            .collect();
        Self::new(places.to_vec(), self.kind, minutes)
    }

    /// How many ordered pairs have a journey.
    #[must_use]
    pub fn reachable_pairs(&self) -> usize {
        self.minutes.iter().flatten().count()
    }
}

impl Basis {
    pub(crate) fn check(self) -> Result<(), TransitError> {
        let (window, share) = match self {
            Self::Fastest => return Ok(()),
            Self::Mean(window) => (window, 0.5),
            Self::Percentile(window, share) => (window, share),
        };
        if window.to_s <= window.from_s {
            return Err(TransitError::Option {
                what: "window",
                message: "ends before it begins".into(),
            });
        }
        if !(0.0..=1.0).contains(&share) {
            return Err(TransitError::Option {
                what: "percentile",
                message: format!("{share} is not 0 to 1"),
            });
        }
        Ok(())
    }

    /// Minutes and the covered share of the window.
    fn of(self, profile: &[crate::profile::Pair]) -> Option<(f64, f64)> {
        let (window, share) = match self {
            Self::Fastest => return Some((f64::from(fastest_s(profile)?) / 60.0, 1.0)),
            Self::Mean(window) => (window, None),
            Self::Percentile(window, share) => (window, Some(share)),
        };
        let stats = WindowStats::new(profile, window)?;
        let minutes = share.map_or(stats.mean_min, |q| stats.percentile_min(q));
        let span_s = f64::from(window.to_s - window.from_s);
        Some((minutes, f64::from(stats.covered_s) / span_s))
    }
}

/// A mass per place: persons, jobs, product.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mass {
    /// In the order of the places; 0 or more.
    pub values: Vec<f64>,
    /// What is counted, e.g. `persons`.
    pub unit: String,
    /// Year of the count.
    pub year: u16,
    /// Who counted.
    pub source: String,
}

impl Mass {
    /// A mass per place.
    ///
    /// # Errors
    /// Where a value is negative or not finite, or unit or source is blank: a number without its
    /// source is not shown.
    pub fn new(
        values: Vec<f64>,
        unit: &str,
        year: u16,
        source: &str,
    ) -> Result<Self, TransitError> {
        if unit.trim().is_empty() || source.trim().is_empty() {
            return Err(TransitError::Option {
                what: "mass",
                message: "needs a unit and a source".into(),
            });
        }
        if let Some(at) = values.iter().position(|v| !(v.is_finite() && *v >= 0.0)) {
            return Err(TransitError::Option {
                what: "mass",
                message: format!("value {} is {}, not 0 or more", at + 1, values[at]),
            });
        }
        Ok(Self {
            values,
            unit: unit.to_owned(),
            year,
            source: source.to_owned(),
        })
    }
}

/// Which destinations count, with the name under which the set is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Targets {
    /// E.g. `the 30 cities of the Delta with a station`.
    pub label: String,
    /// Indices of places, ascending.
    pub members: Vec<usize>,
}

impl Targets {
    /// A set of destinations.
    ///
    /// # Errors
    /// Where the label is blank (a mean over unnamed destinations is not shown) or the set empty.
    pub fn new(
        label: &str,
        members: impl IntoIterator<Item = usize>,
    ) -> Result<Self, TransitError> {
        let mut members: Vec<usize> = members.into_iter().collect();
        members.sort_unstable();
        members.dedup();
        if label.trim().is_empty() || members.is_empty() {
            return Err(TransitError::Option {
                what: "destinations",
                message: "need a label and at least one place".into(),
            });
        }
        Ok(Self {
            label: label.to_owned(),
            members,
        })
    }
}

/// What a place counts for itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Own {
    /// Nothing: it is no destination of its own.
    Out,
    /// These minutes within each place, such as [`super::self_min`] gives.
    Minutes(Vec<f64>),
}

impl Own {
    pub(crate) fn minutes(&self, place: usize) -> Option<f64> {
        match self {
            Self::Out => None,
            Self::Minutes(all) => all.get(place).copied(),
        }
    }
}
