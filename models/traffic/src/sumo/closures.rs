//! Closures of `rerouter` and limits of `variableSpeedSign` elements.
//!
//! Times of the file become those of the run: less its begin, and what was over then is left out.

use std::collections::BTreeMap;

use super::demand::Open;
use super::departures::time;
use super::network::SumoNetwork;
use super::unmodelled::Unmodelled;
use super::xml::{Element, Node};
use crate::changes::{ChangesFile, Closure, SpeedLimit};
use crate::error::TrafficError;

/// When what has no end ends, s of the run.
const NEVER_S: f64 = 1e9;
/// Most closures and limits of one file.
const ENTRIES_MAX: usize = 100_000;

/// What is closed and limited.
pub(super) struct Closures<'a> {
    net: &'a SumoNetwork,
    begin_s: f64,
    pub(super) found: ChangesFile,
}

/// Our lanes of each road, by its edge's name; none: all.
type Places = BTreeMap<String, Vec<u32>>;

impl<'a> Closures<'a> {
    pub(super) fn new(net: &'a SumoNetwork, begin_s: f64) -> Self {
        Self {
            net,
            begin_s,
            found: ChangesFile::default(),
        }
    }

    /// A `rerouter` to its end.
    pub(super) fn rerouter(
        &mut self,
        open: &mut Open<'_, '_>,
        e: &Element,
        un: &mut Unmodelled,
    ) -> Result<(), TrafficError> {
        let line = open.xml.line(e);
        let obeyed = open.xml.number_if(e, "probability")?.unwrap_or(1.0);
        if obeyed < 1.0 {
            let what = "rerouter attribute `probability`: its closures hold for all";
            un.add(what, open.file, line);
        }
        list_unused(open, e, &["id", "edges", "pos", "probability"], un);
        while let Some(Node::Open(child)) = open.xml.next()? {
            if child.name == "interval" {
                self.interval(open, &child, un)?;
            } else {
                if child.name != "param" {
                    let line = open.xml.line(&child);
                    let what = format!("rerouter element `{}`: not followed", child.name);
                    un.add(&what, open.file, line);
                }
                open.xml.skip()?;
            }
        }
        Ok(())
    }

    fn interval(
        &mut self,
        open: &mut Open<'_, '_>,
        e: &Element,
        un: &mut Unmodelled,
    ) -> Result<(), TrafficError> {
        let from = match e.get("begin") {
            Some(_) => time(open, e, "begin")?,
            None => 0.0,
        };
        let to = match e.get("end") {
            Some(_) => time(open, e, "end")?,
            None => NEVER_S,
        };
        if to <= from {
            return Err(TrafficError::Times {
                at: open.xml.at(e, "end"),
                message: format!("the interval ends at {to} s, not after it begins at {from} s"),
            });
        }
        while let Some(Node::Open(child)) = open.xml.next()? {
            let line = open.xml.line(&child);
            let places = match child.name.as_str() {
                "closingReroute" if closes(&child, open, un) => {
                    let id = open.xml.text(&child, "id")?;
                    self.edge(open, &child, "id", id)?
                }
                "closingLaneReroute" if closes(&child, open, un) => {
                    let id = open.xml.text(&child, "id")?;
                    self.lane(open, &child, "id", id)?
                }
                "closingReroute" | "closingLaneReroute" | "param" => None,
                other => {
                    let what = format!("rerouter element `{other}`: not followed");
                    un.add(&what, open.file, line);
                    None
                }
            };
            if let (Some((road, lanes)), Some((from, to))) = (places, self.span(from, to)) {
                self.found.closures.push(Closure {
                    road,
                    lanes: lanes.into_iter().collect(),
                    from,
                    to,
                });
                self.limit(open, &child)?;
            }
            open.xml.skip()?;
        }
        Ok(())
    }

    /// A `variableSpeedSign` to its end.
    pub(super) fn sign(
        &mut self,
        open: &mut Open<'_, '_>,
        e: &Element,
        un: &mut Unmodelled,
    ) -> Result<(), TrafficError> {
        list_unused(open, e, &["id", "lanes", "edges", "pos"], un);
        let mut places = Places::new();
        for lane in e.get("lanes").unwrap_or("").split_ascii_whitespace() {
            if let Some((road, lane)) = self.lane(open, e, "lanes", lane)? {
                places.entry(road).or_default().extend(lane);
            }
        }
        for edge in e.get("edges").unwrap_or("").split_ascii_whitespace() {
            if let Some((road, _)) = self.edge(open, e, "edges", edge)? {
                places.insert(road, Vec::new());
            }
        }
        if e.get("lanes").is_none() && e.get("edges").is_none() {
            open.xml.text(e, "lanes")?;
        }
        let steps = steps(open, e, un)?;
        for (k, (from, speed)) in steps.iter().enumerate() {
            let Some(max_speed) = speed else { continue };
            let to = steps.get(k + 1).map_or(NEVER_S, |next| next.0);
            let Some((from, to)) = self.span(*from, to) else {
                continue;
            };
            for (road, lanes) in &places {
                self.found.speed_limits.push(SpeedLimit {
                    road: road.clone(),
                    lanes: lanes.clone(),
                    from,
                    to,
                    max_speed: *max_speed,
                });
            }
            self.limit(open, e)?;
        }
        Ok(())
    }

    /// Times of the file as times of the run; none for what is over when it begins.
    fn span(&self, from: f64, to: f64) -> Option<(f64, f64)> {
        let to = if to < NEVER_S {
            to - self.begin_s
        } else {
            NEVER_S
        };
        let from = (from - self.begin_s).max(0.0);
        (to > from).then_some((from, to))
    }

    fn limit(&self, open: &Open<'_, '_>, e: &Element) -> Result<(), TrafficError> {
        let found = self.found.closures.len() + self.found.speed_limits.len();
        TrafficError::within("number of closures and limits", found, ENTRIES_MAX, || {
            open.xml.at(e, "")
        })
    }

    /// A road and all its lanes; none for an edge that is left out.
    fn edge(
        &self,
        open: &Open<'_, '_>,
        e: &Element,
        name: &str,
        id: &str,
    ) -> Result<Option<(String, Option<u32>)>, TrafficError> {
        if !self.net.lanes_of.contains_key(id) {
            return Err(unknown(open, e, name, ("edge", id)));
        }
        let road = self.net.network.road_ix(id);
        Ok(road.map(|_| (id.to_owned(), None)))
    }

    /// A road and one of its lanes; none for a lane that is left out.
    fn lane(
        &self,
        open: &Open<'_, '_>,
        e: &Element,
        name: &str,
        id: &str,
    ) -> Result<Option<(String, Option<u32>)>, TrafficError> {
        let Some((edge, lane)) = self.net.lane(id) else {
            return Err(unknown(open, e, name, ("lane", id)));
        };
        Ok(lane.map(|lane| (edge.to_owned(), Some(lane))))
    }
}

/// Lists the attributes of an element that are not among these.
fn list_unused(open: &mut Open<'_, '_>, e: &Element, used: &[&str], un: &mut Unmodelled) {
    let line = open.xml.line(e);
    for name in e.names().filter(|name| !used.contains(name)) {
        let what = match name {
            "file" => format!("{} with its own file: that is not read", e.name),
            other => format!("{} attribute `{other}`: not used", e.name),
        };
        un.add(&what, open.file, line);
    }
}

fn unknown(
    open: &Open<'_, '_>,
    e: &Element,
    name: &str,
    (what, id): (&'static str, &str),
) -> TrafficError {
    TrafficError::UnknownId {
        at: open.xml.at(e, name),
        what,
        id: id.to_owned(),
        hint: " in the network".into(),
    }
}

/// Whether a closing closes for cars; what it says of classes otherwise is listed.
fn closes(e: &Element, open: &mut Open<'_, '_>, un: &mut Unmodelled) -> bool {
    let names = |attribute: &str| {
        let classes = e.get(attribute).unwrap_or("").split_ascii_whitespace();
        classes
            .into_iter()
            .any(|c| matches!(c, "passenger" | "private" | "all"))
    };
    let (allow, disallow) = (e.get("allow").is_some(), e.get("disallow").is_some());
    if !allow && !disallow {
        return true;
    }
    let open_to_cars = names("allow") || (disallow && !names("disallow"));
    let what = if open_to_cars {
        "closing that leaves cars through: not made"
    } else {
        "closing for some classes: made for all"
    };
    let line = open.xml.line(e);
    un.add(what, open.file, line);
    !open_to_cars
}

/// The steps of a sign to its end, in order of time: limit in m/s, none where the lane's own holds.
fn steps(
    open: &mut Open<'_, '_>,
    sign: &Element,
    un: &mut Unmodelled,
) -> Result<Vec<(f64, Option<f64>)>, TrafficError> {
    let mut steps: Vec<(f64, Option<f64>)> = Vec::new();
    while let Some(Node::Open(e)) = open.xml.next()? {
        if e.name == "step" {
            let at = time(open, &e, "time")?;
            if let Some((before, _)) = steps.last().filter(|(before, _)| *before >= at) {
                return Err(TrafficError::Times {
                    at: open.xml.at(&e, "time"),
                    message: format!("{at} s does not lie after the step above it at {before} s"),
                });
            }
            let mut speed = open.xml.number_if(&e, "speed")?.filter(|v| *v >= 0.0);
            if speed.is_some_and(|v| v == 0.0 || v > 1_000.0) {
                let line = open.xml.line(&e);
                let what = "variableSpeedSign step of no speed or over 1,000 m/s: without limit";
                un.add(what, open.file, line);
                speed = None;
            }
            steps.push((at, speed));
            let at = || open.xml.at(sign, "");
            TrafficError::within("number of steps", steps.len(), ENTRIES_MAX, at)?;
        } else if e.name != "param" {
            let line = open.xml.line(&e);
            let what = format!("variableSpeedSign element `{}`: not followed", e.name);
            un.add(&what, open.file, line);
        }
        open.xml.skip()?;
    }
    Ok(steps)
}
