//! The ways through a junction: connections with their internal lanes joined, and lane changes.

use std::collections::HashMap;

use super::conflicts::{self, Passage};
use super::net::{Point, RawConnection, RawEdge, RawJunction};
use super::network::{Importer, place};
use super::signals::{self, LinkSignal};
use crate::error::TrafficError;
use crate::file::TurnFile;
use crate::geometry::{self, P};

/// Pieces of one way through a junction.
const PIECES_MAX: usize = 16;
/// Most ways through a junction: conflicts are looked for in each pair.
const WAYS_MAX: usize = 4_000;
/// Length of a lane link where the file has no internal lanes and the lanes touch, m.
pub(super) const LINK_LENGTH_MIN_M: f64 = 0.1;

/// One way through a junction, before the file's form.
pub(super) struct Way<'a> {
    pub(super) from: &'a RawEdge,
    pub(super) to: &'a RawEdge,
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) turn: TurnFile,
    pub(super) signal: LinkSignal,
    pub(super) zips: bool,
    pub(super) max_speed: f64,
    pub(super) changes: u32,
    pub(super) passage: Passage,
}

impl<'a> Importer<'a> {
    /// All ways through a junction in the order of its requests, then those that stand for lane
    /// changes on the roads behind it.
    pub(super) fn ways(
        &mut self,
        junction: &RawJunction,
        by_lane: &HashMap<String, Vec<&'a RawConnection>>,
    ) -> Result<Vec<Way<'a>>, TrafficError> {
        let mut ways = Vec::new();
        let mut request = 0;
        for lane in &junction.inc_lanes {
            for c in by_lane.get(lane).map_or(&[][..], Vec::as_slice) {
                let number = request;
                request += 1;
                if let Some(way) = self.way(c, number)? {
                    if way.from.to != junction.id || way.to.from != junction.id {
                        return Err(TrafficError::Inconsistent {
                            at: place(self.file, c.line, "connection".into()),
                            message: format!(
                                "\"{}\" does not end or \"{}\" does not start at junction \"{}\"",
                                c.from, c.to, junction.id
                            ),
                        });
                    }
                    ways.push(way);
                }
            }
        }
        if !junction.requests.is_empty() && junction.requests.len() < request {
            return Err(TrafficError::Inconsistent {
                at: place(
                    self.file,
                    junction.line,
                    format!("junction[id=\"{}\"]", junction.id),
                ),
                message: format!(
                    "{request} connections but {} requests",
                    junction.requests.len()
                ),
            });
        }
        self.add_changes(&mut ways);
        if ways.len() > WAYS_MAX {
            return Err(TrafficError::TooLarge {
                at: place(
                    self.file,
                    junction.line,
                    format!("junction[id=\"{}\"]", junction.id),
                ),
                what: "number of ways through a junction, lane changes behind it included",
                found: ways.len(),
                limit: WAYS_MAX,
            });
        }
        conflicts::find(&mut ways, &junction.requests);
        Ok(ways)
    }

    fn way(
        &mut self,
        c: &'a RawConnection,
        request: usize,
    ) -> Result<Option<Way<'a>>, TrafficError> {
        let (Some(from), Some(to)) = (self.kept(&c.from), self.kept(&c.to)) else {
            return Ok(None);
        };
        let lane = |edge: &str, lane: usize| self.lanes_of.get(edge).and_then(|l| l[lane]);
        let (Some(start), Some(end)) = (lane(&c.from, c.from_lane), lane(&c.to, c.to_lane)) else {
            return Ok(None);
        };
        let turn = match c.dir.as_str() {
            "l" | "L" | "t" | "T" => TurnFile::TurnLeft,
            "r" | "R" => TurnFile::TurnRight,
            _ => TurnFile::GoStraight,
        };
        let signal = signals::of(self.raw, c, self.file, &mut self.un)?;
        let (line, length_m, wait_m, max_speed) = self.pieces(c, from, to)?;
        Ok(Some(Way {
            from,
            to,
            start,
            end,
            turn,
            signal,
            zips: c.state == 'Z',
            max_speed,
            changes: 0,
            passage: Passage::new(line, length_m, wait_m, request),
        }))
    }

    /// The internal lanes of a connection joined: line, length, waiting place, speed limit.
    fn pieces(
        &self,
        c: &RawConnection,
        from: &RawEdge,
        to: &RawEdge,
    ) -> Result<(Vec<P>, f64, f64, f64), TrafficError> {
        let (start, end) = (&from.lanes[c.from_lane], &to.lanes[c.to_lane]);
        let p = |q: &Point| P::new(q[0], q[1]);
        let mut line: Vec<P> = Vec::new();
        let (mut length_m, mut wait_m, mut speed) = (0.0, 0.0, f64::INFINITY);
        let mut via = c.via.as_deref();
        let mut pieces = 0;
        while let Some(id) = via {
            let lane = self.internal.get(id).ok_or_else(|| {
                self.unknown("internal lane", id, c.line, "connection.via".into())
            })?;
            wait_m = length_m;
            length_m += lane.length_m;
            speed = lane.speed_m_s.min(speed);
            for q in &lane.shape {
                let q = p(q);
                if line.last() != Some(&q) {
                    line.push(q);
                }
            }
            pieces += 1;
            if pieces > PIECES_MAX {
                return Err(TrafficError::Inconsistent {
                    at: place(self.file, c.line, "connection.via".into()),
                    message: "the internal lanes of the connection never end".into(),
                });
            }
            via = self.after.get(id).and_then(|next| next.via.as_deref());
        }
        if line.len() < 2 {
            let (s, e) = (
                start.shape.last().map_or(P::new(0.0, 0.0), p),
                p(&end.shape[0]),
            );
            line = vec![
                s,
                if s == e {
                    P::new(e.x + LINK_LENGTH_MIN_M, e.y)
                } else {
                    e
                },
            ];
        }
        if pieces == 0 {
            length_m = geometry::length(&line).max(LINK_LENGTH_MIN_M);
            speed = start.speed_m_s.min(end.speed_m_s);
        }
        Ok((line, length_m, wait_m, speed))
    }

    /// Adds, for each lane and road it leads to, ways to the lanes that its connections do not reach.
    fn add_changes(&self, ways: &mut Vec<Way<'a>>) {
        for k in 0..ways.len() {
            let (from, to, start) = (ways[k].from, ways[k].to, ways[k].start);
            let same = |w: &Way<'_>| w.start == start && w.from.id == from.id && w.to.id == to.id;
            let parents: Vec<usize> = (0..ways.len())
                .filter(|i| ways[*i].changes == 0 && same(&ways[*i]))
                .collect();
            if parents[0] != k {
                continue;
            }
            let lanes = to.lanes.iter().filter(|l| l.cars).count();
            for end in 0..u32::try_from(lanes).expect("lanes of an edge are limited") {
                let nearest = parents.iter().min_by_key(|i| ways[**i].end.abs_diff(end));
                let Some(parent) = nearest.map(|i| &ways[*i]).filter(|w| w.end != end) else {
                    continue;
                };
                let changes = parent.end.abs_diff(end);
                let target = to.lanes.iter().rev().filter(|l| l.cars).nth(end as usize);
                let first = target.map_or([0.0, 0.0], |l| l.shape[0]);
                let way = Way {
                    end,
                    changes,
                    signal: parent.signal.clone(),
                    passage: parent.passage.ending_at(P::new(first[0], first[1])),
                    ..*parent
                };
                ways.push(way);
            }
        }
    }
}
