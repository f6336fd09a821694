//! What changes on the streets during a run: speed limits by time, closures, incidents.
//!
//! A file of [`ChangesFile`] (JSON) beside network and demand. Times are seconds of the run, from
//! inclusive, to exclusive.

use serde::{Deserialize, Serialize};

use crate::error::TrafficError;
use crate::file;
use crate::ids::LaneIx;
use crate::network::Network;
use crate::place::{Seg, Source, json_path};

/// Most entries of each kind in one file.
const ENTRIES_MAX: usize = 100_000;
/// Latest time, s.
const TIME_MAX_S: f64 = 1e9;

/// The file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangesFile {
    /// Other speed limits for a time.
    #[serde(default)]
    pub speed_limits: Vec<SpeedLimit>,
    /// Lanes nobody may enter for a time; who is on them drives on.
    #[serde(default)]
    pub closures: Vec<Closure>,
    /// Places nobody can pass for a time.
    #[serde(default)]
    pub incidents: Vec<Incident>,
}

/// Another speed limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpeedLimit {
    /// Road id.
    pub road: String,
    /// Lane numbers from the inside, 0 first; empty: all.
    #[serde(default)]
    pub lanes: Vec<u32>,
    /// From when, s.
    pub from: f64,
    /// Until when, s.
    pub to: f64,
    /// The limit, m/s.
    pub max_speed: f64,
}

/// A closure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Closure {
    /// Road id.
    pub road: String,
    /// Lane numbers from the inside, 0 first; empty: all.
    #[serde(default)]
    pub lanes: Vec<u32>,
    /// From when, s.
    pub from: f64,
    /// Until when, s.
    pub to: f64,
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Incident {
    /// Road id.
    pub road: String,
    /// Lane number from the inside, 0 first.
    pub lane: u32,
    /// Where, m from the start of the lane.
    pub position: f64,
    /// From when, s.
    pub from: f64,
    /// Until when, s.
    pub to: f64,
}

/// A change of lanes for a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span<T> {
    pub(crate) lane: LaneIx,
    pub(crate) from_s: f64,
    pub(crate) to_s: f64,
    pub(crate) what: T,
}

impl<T> Span<T> {
    pub(crate) fn holds_at(&self, time_s: f64) -> bool {
        (self.from_s..self.to_s).contains(&time_s)
    }
}

/// The changes of a run, checked against its network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// Limit, m/s.
    pub(crate) limits: Vec<Span<f64>>,
    pub(crate) closures: Vec<Span<()>>,
    /// Position, m.
    pub(crate) incidents: Vec<Span<f64>>,
    /// Times at which something begins or ends, in order, s.
    pub(crate) times_s: Vec<f64>,
}

impl Changes {
    /// Reads and checks a file of changes against a network.
    ///
    /// # Errors
    /// Malformed JSON, roads and lanes that do not exist, numbers out of range, each with its place.
    pub fn from_json(bytes: &[u8], file: &str, net: &Network) -> Result<Self, TrafficError> {
        let changes = file::read_changes(bytes, file)?;
        Check {
            net,
            source: Source { file, bytes },
        }
        .all(&changes)
    }

    /// Checks changes that another reader has read; places in errors have a path, no line.
    ///
    /// # Errors
    /// As [`Changes::from_json`].
    pub fn from_file(
        changes: &ChangesFile,
        file: &str,
        net: &Network,
    ) -> Result<Self, TrafficError> {
        let source = Source { file, bytes: b"" };
        Check { net, source }.all(changes)
    }

    /// Nothing ever changes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.times_s.is_empty()
    }

    /// Everything in both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.limits.extend(other.limits);
        self.closures.extend(other.closures);
        self.incidents.extend(other.incidents);
        self.sort_times();
        self
    }

    fn sort_times(&mut self) {
        let limits = self.limits.iter().map(|s| [s.from_s, s.to_s]);
        let closures = self.closures.iter().map(|s| [s.from_s, s.to_s]);
        let incidents = self.incidents.iter().map(|s| [s.from_s, s.to_s]);
        self.times_s = limits.chain(closures).chain(incidents).flatten().collect();
        self.times_s.sort_by(f64::total_cmp);
        self.times_s.dedup();
    }
}

struct Check<'a> {
    net: &'a Network,
    source: Source<'a>,
}

impl Check<'_> {
    fn all(&self, file: &ChangesFile) -> Result<Changes, TrafficError> {
        let mut changes = Changes::default();
        for (kind, found) in [
            ("speedLimits", file.speed_limits.len()),
            ("closures", file.closures.len()),
            ("incidents", file.incidents.len()),
        ] {
            let at = || self.source.at(&json_path![kind]);
            TrafficError::within("number of entries", found, ENTRIES_MAX, at)?;
        }
        for (i, s) in file.speed_limits.iter().enumerate() {
            let place = &json_path!["speedLimits", i];
            let limit = s.max_speed;
            let rule = "it has to be above 0 and at most 1,000 m/s";
            let fine = limit > 0.0 && limit <= 1_000.0;
            self.number(place, "maxSpeed", "speed limit in m/s", limit, fine, rule)?;
            let spans = self.spans(place, (&s.road, &s.lanes), (s.from, s.to), limit)?;
            changes.limits.extend(spans);
        }
        for (i, c) in file.closures.iter().enumerate() {
            let place = &json_path!["closures", i];
            let spans = self.spans(place, (&c.road, &c.lanes), (c.from, c.to), ())?;
            changes.closures.extend(spans);
        }
        for (i, c) in file.incidents.iter().enumerate() {
            let place = &json_path!["incidents", i];
            let at = (c.road.as_str(), &[c.lane][..]);
            let spans = self.spans(place, at, (c.from, c.to), c.position)?;
            let length_m = self.net.lanes()[spans[0].lane.ix()].length_m;
            let fine = c.position > 0.0 && c.position < length_m;
            let rule = "it has to be above 0 and below the length of the lane";
            self.number(place, "position", "position in m", c.position, fine, rule)?;
            changes.incidents.extend(spans);
        }
        changes.sort_times();
        Ok(changes)
    }

    fn place(&self, place: &[Seg], name: &'static str) -> Box<conurb_base::At> {
        let mut path = place.to_vec();
        path.extend(json_path![name]);
        self.source.at(&path)
    }

    fn number(
        &self,
        place: &[Seg],
        name: &'static str,
        what: &'static str,
        value: f64,
        fine: bool,
        rule: &'static str,
    ) -> Result<(), TrafficError> {
        if fine {
            return Ok(());
        }
        Err(TrafficError::BadNumber {
            at: self.place(place, name),
            what,
            value,
            rule,
        })
    }

    fn spans<T: Copy>(
        &self,
        place: &[Seg],
        (road, lanes): (&str, &[u32]),
        (from_s, to_s): (f64, f64),
        what: T,
    ) -> Result<Vec<Span<T>>, TrafficError> {
        let rule = "it has to be between 0 and 1e9";
        for (name, t) in [("from", from_s), ("to", to_s)] {
            let fine = (0.0..=TIME_MAX_S).contains(&t);
            self.number(place, name, "time in s", t, fine, rule)?;
        }
        if to_s <= from_s {
            return Err(TrafficError::Times {
                at: self.place(place, "to"),
                message: format!("to {to_s} s is not after from {from_s} s"),
            });
        }
        let road_ix = self.net.known_road(road, || self.place(place, "road"))?;
        let all = &self.net.roads()[road_ix.ix()].lanes;
        let chosen: Vec<LaneIx> = if lanes.is_empty() {
            all.clone()
        } else {
            let member = if place[0] == Seg::Key("incidents") {
                "lane"
            } else {
                "lanes"
            };
            let lane = |k: &u32| {
                let found = all.get(*k as usize).copied();
                found.ok_or_else(|| TrafficError::OutOfRange {
                    at: self.place(place, member),
                    what: "lane",
                    found: i64::from(*k),
                    count: all.len(),
                })
            };
            lanes.iter().map(lane).collect::<Result<_, _>>()?
        };
        let span = |lane| Span {
            lane,
            from_s,
            to_s,
            what,
        };
        Ok(chosen.into_iter().map(span).collect())
    }
}
