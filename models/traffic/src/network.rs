//! The immutable road network: checked, indexed and laid out in flat tables.
//!
//! **Invariant** A `Network` is consistent: every index in it points at something, every lane has
//! a positive length, every number is finite. The engine relies on it and does not check again.

use std::collections::HashMap;

use conurb_base::{At, nearest};

use crate::anchor::Anchor;
use crate::error::TrafficError;
use crate::file::{self, TurnFile};
use crate::ids::{DrivableIx, JunctionIx, LaneIx, LinkIx, RoadIx};

/// The kind of a movement through a junction; also its rank of right of way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// Right: lowest rank.
    Right = 1,
    /// Left.
    Left = 2,
    /// Straight on: highest rank.
    Straight = 3,
}

impl From<TurnFile> for Turn {
    fn from(turn: TurnFile) -> Self {
        match turn {
            TurnFile::GoStraight => Self::Straight,
            TurnFile::TurnLeft => Self::Left,
            TurnFile::TurnRight => Self::Right,
        }
    }
}

/// One signal phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Duration in the file's own programme, s.
    pub time_s: f64,
    /// Indices into the junction's road links that are green.
    pub road_links: Vec<u32>,
    /// Those of them that give way to their foes (none where right of way goes by rank).
    pub yields: Vec<u32>,
}

/// One movement of a junction.
#[derive(Debug, Clone, PartialEq)]
pub struct RoadLink {
    /// Kind.
    pub turn: Turn,
    /// Road it comes from.
    pub from: RoadIx,
    /// Road it goes to.
    pub to: RoadIx,
    /// Its lane links.
    pub links: Vec<LinkIx>,
}

/// A junction.
#[derive(Debug, Clone, PartialEq)]
pub struct Junction {
    /// Identifier in the file.
    pub id: String,
    /// Position, m.
    pub point: [f64; 2],
    /// True: a border node.
    pub is_virtual: bool,
    /// Half-size of the box, m (0 for border nodes).
    pub width_m: f64,
    /// Phases; at most one means unsignalised.
    pub phases: Vec<Phase>,
    /// When the programme's first phase begins after the start of a run, s, modulo the cycle.
    pub offset_s: f64,
    /// Movements.
    pub road_links: Vec<RoadLink>,
    /// Incident roads in the order of route search (empty for border nodes).
    pub roads: Vec<RoadIx>,
}

/// A carriageway.
#[derive(Debug, Clone, PartialEq)]
pub struct Road {
    /// Identifier in the file.
    pub id: String,
    /// Left edge in driving direction, m.
    pub points: Vec<[f64; 2]>,
    /// Lanes from the inside.
    pub lanes: Vec<LaneIx>,
    /// Where it starts.
    pub from: JunctionIx,
    /// Where it ends.
    pub to: JunctionIx,
}

/// A lane.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// `road_k`.
    pub id: String,
    /// Its road.
    pub road: RoadIx,
    /// Place in the road, 0 = innermost.
    pub index: u32,
    /// Length of the centre line, m.
    pub length_m: f64,
    /// Width, m.
    pub width_m: f64,
    /// Speed limit, m/s.
    pub max_speed_m_s: f64,
    /// Lane links that start here, in file order.
    pub links: Vec<LinkIx>,
    /// Centre line, m.
    pub points: Vec<[f64; 2]>,
}

/// A lane link.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// `lane_TO_lane`.
    pub id: String,
    /// Lane it starts from.
    pub from: LaneIx,
    /// Lane it ends on.
    pub to: LaneIx,
    /// Junction.
    pub junction: JunctionIx,
    /// Index into the junction's road links.
    pub road_link: u32,
    /// Kind.
    pub turn: Turn,
    /// Length, m.
    pub length_m: f64,
    /// Speed limit, m/s (10,000: none).
    pub max_speed_m_s: f64,
    /// Line, m.
    pub points: Vec<[f64; 2]>,
}

/// A conflict point as seen from one lane link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cross {
    /// Distance along this link, m.
    pub distance_m: f64,
    /// The other link.
    pub other: LinkIx,
    /// Distance along the other link, m.
    pub other_distance_m: f64,
}

/// The road network.
#[derive(Debug)]
pub struct Network {
    pub(crate) junctions: Vec<Junction>,
    pub(crate) roads: Vec<Road>,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) links: Vec<Link>,
    pub(crate) crosses: Vec<Cross>,
    pub(crate) cross_from: Vec<u32>,
    pub(crate) flat: Flat,
    pub(crate) junction_ids: HashMap<String, JunctionIx>,
    pub(crate) road_ids: HashMap<String, RoadIx>,
    pub(crate) incoming: Vec<Vec<LaneIx>>,
    pub(crate) outgoing: Vec<Vec<LaneIx>>,
    pub(crate) phase_links: Vec<Vec<Vec<LinkIx>>>,
    pub(crate) priority: Option<Priority>,
    pub(crate) anchor: Option<Anchor>,
    pub(crate) junction_links: Vec<std::ops::Range<u32>>,
    pub(crate) notes: Vec<String>,
}

/// What the engine's inner loop reads, by drivable or link.
#[derive(Debug, Default)]
pub(crate) struct Flat {
    /// Length by drivable, m.
    pub(crate) length_m: Vec<f64>,
    /// Speed limit by drivable, m/s.
    pub(crate) limit_m_s: Vec<f64>,
    /// Start lane by link.
    pub(crate) link_from: Vec<u32>,
    /// End lane by link.
    pub(crate) link_to: Vec<u32>,
    /// Rank of right of way by link; below straight it is a turn.
    pub(crate) link_rank: Vec<u8>,
    /// Link range starts by lane (links of a lane as drivables in `lane_links`).
    pub(crate) lane_links_from: Vec<u32>,
    /// Drivable numbers of the links of a lane.
    pub(crate) lane_links: Vec<u32>,
    /// Place in its junction, by link.
    pub(crate) seats: Vec<Seat>,
}

/// A link among those of its junction, which share sets of 64 bits. Where there are more links, some
/// share a bit: a bit that is not set says that nobody is there, one that is set that somebody may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seat {
    /// The links it has conflict points with.
    pub(crate) foes: u64,
    pub(crate) junction: u32,
    /// The junction's first link.
    pub(crate) first: u32,
}

impl Seat {
    /// The bit of a link of the same junction.
    #[inline]
    pub(crate) const fn bit(self, link: usize) -> u64 {
        1 << ((link - self.first as usize) % 64)
    }
}

/// Right of way by lists of foes instead of by rank: networks of other simulators.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Priority {
    /// Where a vehicle that gives way waits, m from the start, by link.
    pub(crate) wait_m: Vec<f64>,
    /// Beyond this a vehicle is out of the way of those that leave its lane elsewhere, by link, m.
    pub(crate) clear_m: Vec<f64>,
    /// Lanes changed on the way, by link.
    pub(crate) changes: Vec<u32>,
    /// Some foe is given way to, by link.
    pub(crate) yields: Vec<bool>,
    /// Ranges of `foes`, by link.
    pub(crate) foe_from: Vec<u32>,
    pub(crate) foes: Vec<Foe>,
    /// Ranges of `upstream`, by link.
    pub(crate) upstream_from: Vec<u32>,
    /// Drivables before each link within sight, the start lane first.
    pub(crate) upstream: Vec<Upstream>,
}

impl Priority {
    /// The conflicts of a link, nearest first as the file has them.
    pub(crate) fn foes_of(&self, link: usize) -> &[Foe] {
        &self.foes[self.foe_from[link] as usize..self.foe_from[link + 1] as usize]
    }

    /// The drivables from which a link is reached, its start lane first.
    pub(crate) fn upstream_of(&self, link: usize) -> &[Upstream] {
        &self.upstream[self.upstream_from[link] as usize..self.upstream_from[link + 1] as usize]
    }
}

/// A conflict with another lane link, as seen from one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Foe {
    pub(crate) link: u32,
    /// Distance along this link, m.
    pub(crate) at_m: f64,
    /// Distance along the other, m.
    pub(crate) other_at_m: f64,
    /// This one gives way where its signal says so.
    pub(crate) yields: bool,
    /// The other gives way to this one where its signal says so.
    pub(crate) is_yielded_to: bool,
    /// Both end on the same lane.
    pub(crate) merges: bool,
}

/// A drivable from which vehicles reach a link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Upstream {
    pub(crate) drivable: u32,
    /// From its end to the link, m.
    pub(crate) beyond_m: f64,
    /// Places in a path from it to the link.
    pub(crate) hops: u32,
}

/// Speed limit of lane links, m/s: none in effect.
pub(crate) const LINK_LIMIT_M_S: f64 = 10_000.0;

impl Network {
    /// Reads and checks a CityFlow road network. `file` is only used to name places in errors.
    pub fn from_json(bytes: &[u8], file: &str) -> Result<Self, TrafficError> {
        let roadnet = file::read_roadnet(bytes, file)?;
        crate::build::build(&roadnet, crate::place::Source { file, bytes })
    }

    /// Builds the network from an already parsed file (places in errors have a path, no line).
    pub fn from_file(roadnet: &file::RoadnetFile, file: &str) -> Result<Self, TrafficError> {
        crate::build::build(roadnet, crate::place::Source { file, bytes: b"" })
    }

    /// All junctions, by [`JunctionIx`].
    #[must_use]
    pub fn junctions(&self) -> &[Junction] {
        &self.junctions
    }

    /// All roads, by [`RoadIx`].
    #[must_use]
    pub fn roads(&self) -> &[Road] {
        &self.roads
    }

    /// All lanes, by [`LaneIx`].
    #[must_use]
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// All lane links, by [`LinkIx`].
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Conflict points of a link, nearest first.
    #[must_use]
    pub fn crosses(&self, link: LinkIx) -> &[Cross] {
        &self.crosses[self.cross_from[link.ix()] as usize..self.cross_from[link.ix() + 1] as usize]
    }

    /// The junction with this identifier.
    #[must_use]
    pub fn junction_ix(&self, id: &str) -> Option<JunctionIx> {
        self.junction_ids.get(id).copied()
    }

    /// The road with this identifier.
    #[must_use]
    pub fn road_ix(&self, id: &str) -> Option<RoadIx> {
        self.road_ids.get(id).copied()
    }

    /// The road with this identifier, or the error that there is none, with the one that may be meant.
    pub(crate) fn known_road(
        &self,
        id: &str,
        at: impl FnOnce() -> Box<At>,
    ) -> Result<RoadIx, TrafficError> {
        self.road_ix(id).ok_or_else(|| self.unknown_road(id, at()))
    }

    /// That there is no such road, with the one that may be meant.
    pub(crate) fn unknown_road(&self, id: &str, at: Box<At>) -> TrafficError {
        let near = nearest(id, self.roads.iter().map(|r| r.id.as_str()));
        let hint = near.map(|n| format!("; did you mean \"{n}\"?"));
        TrafficError::UnknownId {
            at,
            what: "road",
            id: id.to_owned(),
            hint: format!(" in the road network{}", hint.unwrap_or_default()),
        }
    }

    /// Length of a road's shortest lane, m.
    pub(crate) fn shortest_lane_m(&self, road: RoadIx) -> f64 {
        let lanes = self.roads[road.ix()].lanes.iter();
        let lengths = lanes.map(|lane| self.lanes[lane.ix()].length_m);
        lengths.fold(f64::INFINITY, f64::min)
    }

    /// The lane with this identifier (`road_k`).
    #[must_use]
    pub fn lane_ix(&self, id: &str) -> Option<LaneIx> {
        let (road, index) = id.rsplit_once('_')?;
        let road = self.road_ix(road)?;
        self.roads[road.ix()]
            .lanes
            .get(index.parse::<usize>().ok()?)
            .copied()
    }

    /// Junctions with signals: not virtual and more than one phase, in file order.
    #[must_use]
    pub fn signalised(&self) -> Vec<JunctionIx> {
        (0..self.junctions.len())
            .filter(|j| !self.junctions[*j].is_virtual && self.junctions[*j].phases.len() > 1)
            .map(JunctionIx::of)
            .collect()
    }

    /// Lanes that lead to a junction, roads in file order.
    #[must_use]
    pub fn incoming_lanes(&self, junction: JunctionIx) -> &[LaneIx] {
        &self.incoming[junction.ix()]
    }

    /// Lanes that leave a junction, roads in file order.
    #[must_use]
    pub fn outgoing_lanes(&self, junction: JunctionIx) -> &[LaneIx] {
        &self.outgoing[junction.ix()]
    }

    /// Lane links that are green in a phase; empty for a phase that does not exist.
    #[must_use]
    pub fn phase_links(&self, junction: JunctionIx, phase: u16) -> &[LinkIx] {
        self.phase_links[junction.ix()]
            .get(usize::from(phase))
            .map_or(&[], Vec::as_slice)
    }

    /// Where on the globe it lies, where its file says so.
    #[must_use]
    pub const fn anchor(&self) -> Option<Anchor> {
        self.anchor
    }

    /// What was found in the file but is not used, and other remarks for the user.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// A lane as a drivable.
    #[must_use]
    pub const fn drivable_of_lane(&self, lane: LaneIx) -> DrivableIx {
        DrivableIx(lane.0)
    }

    /// A lane link as a drivable.
    #[must_use]
    pub fn drivable_of_link(&self, link: LinkIx) -> DrivableIx {
        DrivableIx::of(self.lanes.len() + link.ix())
    }

    /// The lane behind a drivable, if it is one.
    #[must_use]
    pub fn as_lane(&self, drivable: DrivableIx) -> Option<LaneIx> {
        (drivable.ix() < self.lanes.len()).then_some(LaneIx(drivable.0))
    }

    /// The lane link behind a drivable, if it is one.
    #[must_use]
    pub fn as_link(&self, drivable: DrivableIx) -> Option<LinkIx> {
        let ix = drivable.ix().checked_sub(self.lanes.len())?;
        (ix < self.links.len()).then(|| LinkIx::of(ix))
    }

    /// Length of a lane or lane link, m.
    #[must_use]
    pub fn length_m(&self, drivable: DrivableIx) -> f64 {
        self.flat.length_m[drivable.ix()]
    }

    /// Links of `lane` that lead to `road`, in file order.
    pub(crate) fn links_to_road(
        &self,
        lane: LaneIx,
        road: RoadIx,
    ) -> impl Iterator<Item = LinkIx> + '_ {
        self.lanes[lane.ix()]
            .links
            .iter()
            .copied()
            .filter(move |link| self.lanes[self.links[link.ix()].to.ix()].road == road)
    }

    /// True when at least one lane link leads from `from` to `to`.
    pub(crate) fn connected(&self, from: RoadIx, to: RoadIx) -> bool {
        self.roads[from.ix()]
            .lanes
            .iter()
            .any(|lane| self.links_to_road(*lane, to).next().is_some())
    }
}
