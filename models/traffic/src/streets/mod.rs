//! A street map, whoever drew it, to a network: junctions are found, turns allowed, lanes joined,
//! signals timed.
//!
//! Maps give lines and tags; [`crate::sumo`] already turns edges, connections, right of way and
//! programmes into a network. In between: nodes of one physical junction become one ([`cluster`]), the
//! allowed turns are looked for ([`turns`]), what is not connected is cut ([`reach`]), lanes get lines
//! and connections ([`lanes`], [`shape`]), right of way and signals ([`rules`], [`phases`]), and all of
//! it is written as edges and connections ([`raw`]).
//!
//! **Invariant** Maps are drawn for traffic on the right; a map of the left is mirrored on the way in
//! and back on the way out, so nothing in between knows of sides.

mod cluster;
pub(crate) use cluster::arms;
mod lanes;
mod phases;
mod raw;
mod reach;
mod rules;
mod shape;
mod turns;

use std::collections::{BTreeMap, BTreeSet};

use conurb_base::At;

use crate::anchor::Anchor;
use crate::error::TrafficError;
use crate::geometry::{self, P};
use crate::sumo::{NetworkOptions, Side, SumoNetwork, Unmodelled, assemble};

/// Turns that a lane may be marked for.
pub(crate) const TURN_LEFT: u8 = 1;
pub(crate) const TURN_THROUGH: u8 = 2;
pub(crate) const TURN_RIGHT: u8 = 4;
pub(crate) const TURN_REVERSE: u8 = 8;

/// How to make a network of a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapOptions {
    /// Traffic drives on the left.
    pub left_hand: bool,
    /// Nodes of a crossing of divided streets are one junction up to this distance, m.
    pub join_m: f64,
    /// Where signal programmes clear the junction.
    pub clearance: Clearance,
    /// Part of the map that is read: west, south, east, north in degrees.
    pub bbox_deg: Option<[f64; 4]>,
}

impl Default for MapOptions {
    fn default() -> Self {
        Self {
            left_hand: false,
            join_m: 30.0,
            clearance: Clearance::First,
            bbox_deg: None,
        }
    }
}

/// Where a signal programme has its clearance phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clearance {
    /// Once, as phase 0: controllers show it between any two phases (the form of this product).
    First,
    /// Yellow and all red after each green phase: a programme that runs by itself.
    Between,
}

/// What a map became.
#[derive(Debug)]
pub struct MapNetwork {
    /// The network, and what is not modelled.
    pub network: SumoNetwork,
    /// What the map is silent about and was assumed.
    pub assumed: Unmodelled,
}

/// What makes traffic at the end of a street wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sign {
    None,
    GiveWay,
    Stop,
}

/// A node of the map.
#[derive(Debug, Clone)]
pub(crate) struct MapNode {
    pub(crate) id: String,
    pub(crate) at: P,
    pub(crate) signal: bool,
    /// The map lists the turns at this node: others are not allowed.
    pub(crate) listed: bool,
    pub(crate) line: u32,
}

/// One direction of a street between two nodes.
#[derive(Debug, Clone)]
pub(crate) struct Street {
    pub(crate) id: String,
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The line drawn on the map, in driving direction, m.
    pub(crate) line: Vec<P>,
    pub(crate) lanes: u8,
    pub(crate) width_m: f64,
    /// Lanes of the other direction beside it.
    pub(crate) lanes_beside: u8,
    pub(crate) speed_m_s: f64,
    pub(crate) rank: u8,
    /// Allowed turns of each lane from the left.
    pub(crate) turns: Option<Vec<u8>>,
    /// The other direction of the same street.
    pub(crate) reverse: Option<usize>,
    pub(crate) roundabout: bool,
    pub(crate) sign: Sign,
    /// The way it starts with and the way it ends with: bans name ways.
    pub(crate) ways: (i64, i64),
    pub(crate) line_in_file: u32,
}

impl Street {
    /// The line is that of a divided street or one-way street.
    pub(crate) fn one_way(&self) -> bool {
        self.reverse.is_none()
    }
}

/// A turn that is not allowed, or the only one that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ban {
    pub(crate) from_way: i64,
    pub(crate) to_way: i64,
    pub(crate) only: bool,
    /// Meant is turning round.
    pub(crate) u_turn: bool,
}

/// A turn the map lists: the lanes of both streets it takes, from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) from: (u8, u8),
    pub(crate) to: (u8, u8),
}

/// A street map in the plane.
#[derive(Debug, Default)]
pub(crate) struct Map {
    pub(crate) nodes: Vec<MapNode>,
    pub(crate) streets: Vec<Street>,
    /// By node.
    pub(crate) bans: BTreeMap<usize, BTreeSet<Ban>>,
    /// By the two streets.
    pub(crate) listed: BTreeMap<(usize, usize), Listed>,
    pub(crate) unmodelled: Unmodelled,
    pub(crate) assumed: Unmodelled,
    /// Where on the globe it lies, where it is drawn in degrees.
    pub(crate) anchor: Option<Anchor>,
}

/// Where an object stands in a file.
pub(crate) fn place(file: &str, line: u32, path: String) -> Box<At> {
    Box::new(At {
        file: Some(file.to_owned()),
        line: usize::try_from(line).ok().filter(|n| *n > 0),
        column: None,
        path: Some(path),
    })
}

/// Points nearer than this are one, m.
const SAME_M: f64 = 0.01;
/// Shortest line of a lane or a turn, m.
const LINE_MIN_M: f64 = 0.1;
/// The direction of a line near its start or end, over at most this length, m.
const HEADING_OVER_M: f64 = 15.0;

/// The unit vector a line starts with.
pub(crate) fn heading_out(line: &[P]) -> P {
    let end = geometry::point_at(line, HEADING_OVER_M);
    unit(P::new(end.x - line[0].x, end.y - line[0].y))
}

/// The unit vector a line ends with.
pub(crate) fn heading_in(line: &[P]) -> P {
    let (last, start) = (
        line[line.len() - 1],
        geometry::point_at(line, geometry::length(line) - HEADING_OVER_M),
    );
    unit(P::new(last.x - start.x, last.y - start.y))
}

/// A vector of length 1; east where there is no direction.
pub(crate) fn unit(v: P) -> P {
    let length = v.len();
    if length > 1e-9 {
        P::new(v.x / length, v.y / length)
    } else {
        P::new(1.0, 0.0)
    }
}

pub(crate) fn distance(a: P, b: P) -> f64 {
    P::new(a.x - b.x, a.y - b.y).len()
}

/// Without points that are the same, and of some length.
pub(crate) fn clean(points: Vec<P>) -> Vec<P> {
    let mut line: Vec<P> = Vec::with_capacity(points.len());
    for p in points {
        if line.last().is_none_or(|q| distance(*q, p) > SAME_M) {
            line.push(p);
        }
    }
    if line.len() < 2 || geometry::length(&line) < LINE_MIN_M {
        let first = line[0];
        let along = unit(P::new(
            line[line.len() - 1].x - first.x,
            line[line.len() - 1].y - first.y,
        ));
        return vec![
            first,
            P::new(
                first.x + along.x * LINE_MIN_M,
                first.y + along.y * LINE_MIN_M,
            ),
        ];
    }
    line
}

/// Makes the network.
pub(crate) fn build(
    mut map: Map,
    file: &str,
    options: &MapOptions,
) -> Result<MapNetwork, TrafficError> {
    if options.left_hand {
        for street in &mut map.streets {
            street.line.iter_mut().for_each(|p| p.y = -p.y);
        }
        map.nodes.iter_mut().for_each(|n| n.at.y = -n.at.y);
    }
    let junctions = cluster::find(&map, options.join_m);
    let turns = turns::find(&map, &junctions);
    let kept = reach::keep(&mut map, &junctions, &turns, file)?;
    let mut net = raw::write(&map, &junctions, &turns, &kept, options.clearance);
    net.anchor = map.anchor;
    let side = if options.left_hand {
        Side::LeftMirrored
    } else {
        Side::Right
    };
    let network = assemble(&net, file, &NetworkOptions::default(), map.unmodelled, side)?;
    Ok(MapNetwork {
        network,
        assumed: map.assumed,
    })
}
