//! Logs of a run to look at later: the reference simulator's text, and a binary form of our own.
//!
//! The text is what the reference's public player reads: a file with the network's shapes and one
//! line a step. The binary holds the same facts in about half the space (checked frame by frame,
//! so that a log that was cut off can be played up to the cut), and becomes the text again.

mod binary;
mod shapes;

pub use binary::{ReplayReader, ReplayWriter};
pub use shapes::shapes_json;

use std::fmt::Write as _;
use std::io;

use crate::demand::Demand;
use crate::geometry::{self, P};
use crate::ids::{DrivableIx, JunctionIx};
use crate::network::Network;
use crate::sim::Sim;

/// A running vehicle in a log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplayVehicle {
    /// Flow of the demand file.
    pub flow: u32,
    /// Running number in the flow.
    pub number: u32,
    /// Index into [`Demand::templates`].
    pub template: u32,
    /// Where it is.
    pub drivable: DrivableIx,
    /// The lane beside that it is changing to, or the drivable itself.
    pub towards: DrivableIx,
    /// Front bumper from the start of the drivable, m.
    pub position_m: f64,
    /// How far it has moved aside, m.
    pub aside_m: f64,
}

/// The state of a run after a step, as a log has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReplayFrame {
    /// Steps done.
    pub step: u32,
    /// Phase shown, by junction.
    pub phases: Vec<u16>,
    /// In order of their signed priority, as the reference writes them.
    pub vehicles: Vec<ReplayVehicle>,
}

impl ReplayFrame {
    /// Becomes the present state of `sim`.
    pub fn take(&mut self, sim: &Sim) {
        self.step = sim.step_count();
        self.phases.clear();
        let junctions = (0..sim.network().junctions().len()).map(JunctionIx::of);
        self.phases.extend(junctions.map(|j| sim.phase(j)));
        self.vehicles.clear();
        let mut order: Vec<(i32, ReplayVehicle)> = sim
            .vehicles()
            .map(|v| {
                let (towards, aside_m) = sim.changing_to(v.slot).unwrap_or((v.drivable, 0.0));
                let vehicle = ReplayVehicle {
                    flow: v.flow,
                    number: v.number,
                    template: v.template,
                    drivable: v.drivable,
                    towards,
                    position_m: v.position_m,
                    aside_m,
                };
                (sim.priority(v.slot), vehicle)
            })
            .collect();
        order.sort_by_key(|(priority, v)| (*priority, v.flow, v.number));
        self.vehicles.extend(order.into_iter().map(|(_, v)| v));
    }

    /// Appends the line of the reference's replay log, with its line feed.
    ///
    /// `x y angle id change length width,` a vehicle (m, radians), a semicolon, then each road before
    /// a junction that is not at the border with a letter a lane: `g` all its links may go, `r`
    /// some may not, `i` the junction has no signals.
    pub fn write_line(&self, net: &Network, demand: &Demand, line: &mut String) {
        for vehicle in &self.vehicles {
            put_vehicle(vehicle, net, demand, line);
        }
        line.push(';');
        for road in net.roads() {
            let junction = &net.junctions()[road.to.ix()];
            if junction.is_virtual {
                continue;
            }
            line.push_str(&road.id);
            let phase = self.phases.get(road.to.ix()).copied().unwrap_or(0);
            let green = &net.phase_links[road.to.ix()];
            let green = green.get(usize::from(phase)).map_or(&[][..], Vec::as_slice);
            for lane in &road.lanes {
                let links = &net.lanes()[lane.ix()].links;
                line.push_str(if junction.phases.len() < 2 {
                    " i"
                } else if links.iter().all(|link| green.contains(link)) {
                    " g"
                } else {
                    " r"
                });
            }
            line.push(',');
        }
        line.push('\n');
    }
}

/// Writes the reference's text.
#[derive(Debug)]
pub struct TextLog<W> {
    to: W,
    line: String,
}

impl<W: io::Write> TextLog<W> {
    /// Begins a log.
    pub const fn new(to: W) -> Self {
        let line = String::new();
        Self { to, line }
    }

    /// Appends the line of a step, see [`ReplayFrame::write_line`].
    pub fn push(&mut self, frame: &ReplayFrame, net: &Network, demand: &Demand) -> io::Result<()> {
        self.line.clear();
        frame.write_line(net, demand, &mut self.line);
        self.to.write_all(self.line.as_bytes())
    }

    /// Hands everything on.
    pub fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

fn put_vehicle(vehicle: &ReplayVehicle, net: &Network, demand: &Demand, line: &mut String) {
    let points = points_of(net, vehicle.drivable);
    let mut at = geometry::point_at(&points, vehicle.position_m);
    let along = geometry::direction_at(&points, vehicle.position_m);
    let mut change = 0;
    if let (Some(from), Some(to)) = (net.as_lane(vehicle.drivable), net.as_lane(vehicle.towards))
        && from != to
    {
        let (from, to) = (&net.lanes()[from.ix()], &net.lanes()[to.ix()]);
        let beside = geometry::point_at(&points_of(net, vehicle.towards), vehicle.position_m);
        at = at.towards(beside, 2.0 * vehicle.aside_m / (from.width_m + to.width_m));
        change = if to.index > from.index { 1 } else { -1 };
    }
    let template = demand.templates().get(vehicle.template as usize);
    let (length_m, width_m) = template.map_or((0.0, 0.0), |t| (t.length_m, t.width_m));
    let (flow, number) = (vehicle.flow, vehicle.number);
    let angle = along.y.atan2(along.x);
    // `{:?}` keeps every digit and a point. Writing to a string cannot fail.
    let _ = write!(
        line,
        "{:?} {:?} {angle:?} flow_{flow}_{number} {change} {length_m:?} {width_m:?},",
        at.x, at.y
    );
}

fn points_of(net: &Network, drivable: DrivableIx) -> Vec<P> {
    let points = match net.as_lane(drivable) {
        Some(lane) => &net.lanes()[lane.ix()].points,
        None => match net.as_link(drivable) {
            Some(link) => &net.links()[link.ix()].points,
            None => return vec![P::new(0.0, 0.0); 2],
        },
    };
    points.iter().map(|[x, y]| P::new(*x, *y)).collect()
}
