//! The city's two files, written directly as a stream: no tree of values in between.

use std::io::{self, Write};

use super::demand::Demand;
use super::junction::{Movement, Turn, movements, phases};
use super::layout::{Layout, Node, Road};
use super::{CityOptions, GENERATOR, VERSION};

/// Seconds of the file's own programme: clearance, through, left.
const PROGRAMME_S: (u32, u32, u32) = (5, 30, 20);

/// Writes `items` with commas in between.
fn list<W: Write, T>(
    out: &mut W,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut W, T) -> io::Result<()>,
) -> io::Result<()> {
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        each(out, item)?;
    }
    Ok(())
}

/// The road network. Ids hold letters, digits and `_` only, so they need no escape.
pub(crate) fn network(layout: &Layout, o: &CityOptions, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{{\"synthetic\":{{\"generator\":\"{GENERATOR}\",\"version\":{VERSION},\"seed\":{},\"signals\":{}}},",
        o.seed, o.signals
    )?;
    writeln!(out, "\"intersections\":[")?;
    list(out, &layout.nodes, |out, node| {
        junction(layout, node, out)?;
        out.write_all(b"\n")
    })?;
    writeln!(out, "],\"roads\":[")?;
    list(out, &layout.roads, |out, r| road(layout, r, out))?;
    writeln!(out, "]}}")
}

fn junction(layout: &Layout, node: &Node, out: &mut impl Write) -> io::Result<()> {
    let (x, y) = (node.x, node.y);
    write!(
        out,
        "{{\"id\":\"{}\",\"point\":{{\"x\":{x},\"y\":{y}}},\"width\":{},\"roads\":[",
        node.id, node.width_m
    )?;
    list(
        out,
        node.inn.iter().chain(&node.out).flatten(),
        |out, &r| write!(out, "\"{}\"", layout.roads[r as usize].id),
    )?;
    let all = if node.border {
        Vec::new()
    } else {
        movements(layout, node)
    };
    write!(out, "],\"roadLinks\":[")?;
    list(out, &all, |out, m| road_link(layout, m, out))?;
    write!(out, "],\"trafficLight\":{{\"roadLinkIndices\":[")?;
    list(out, 0..all.len(), |out, i| write!(out, "{i}"))?;
    write!(out, "],\"lightphases\":[")?;
    let phases = if node.border {
        Vec::new()
    } else {
        phases(&all)
    };
    list(out, phases.iter().enumerate(), |out, (i, phase)| {
        let time = match i {
            0 => PROGRAMME_S.0,
            1 | 2 => PROGRAMME_S.1,
            _ => PROGRAMME_S.2,
        };
        write!(out, "{{\"time\":{time},\"availableRoadLinks\":[")?;
        list(out, phase, |out, link| write!(out, "{link}"))?;
        write!(out, "]}}")
    })?;
    write!(out, "]}},\"virtual\":{}}}", node.border)
}

fn road_link(layout: &Layout, m: &Movement, out: &mut impl Write) -> io::Result<()> {
    let kind = match m.turn {
        Turn::Through => "go_straight",
        Turn::Left => "turn_left",
        Turn::Right => "turn_right",
    };
    let (start, end) = (
        &layout.roads[m.start as usize],
        &layout.roads[m.end as usize],
    );
    write!(
        out,
        "{{\"type\":\"{kind}\",\"startRoad\":\"{}\",\"endRoad\":\"{}\",\"direction\":{},\"laneLinks\":[",
        start.id, end.id, start.dir
    )?;
    // To every lane: the lane after the junction must serve the next turn without a change.
    let pairs = (m.lanes.0..m.lanes.1).flat_map(|a| (0..end.class.lanes()).map(move |b| (a, b)));
    list(out, pairs, |out, (a, b)| {
        write!(
            out,
            "{{\"startLaneIndex\":{a},\"endLaneIndex\":{b},\"points\":[]}}"
        )
    })?;
    write!(out, "]}}")
}

fn road(layout: &Layout, road: &Road, out: &mut impl Write) -> io::Result<()> {
    let (a, b) = (
        &layout.nodes[road.from as usize],
        &layout.nodes[road.to as usize],
    );
    write!(
        out,
        "{{\"id\":\"{}\",\"points\":[{{\"x\":{},\"y\":{}}},{{\"x\":{},\"y\":{}}}],\"lanes\":[",
        road.id, a.x, a.y, b.x, b.y
    )?;
    let (width, speed) = (road.class.lane_width_m(), road.class.speed_m_s());
    list(out, 0..road.class.lanes(), |out, _| {
        write!(out, "{{\"width\":{width},\"maxSpeed\":{speed}}}")
    })?;
    writeln!(
        out,
        "],\"startIntersection\":\"{}\",\"endIntersection\":\"{}\"}}",
        a.id, b.id
    )
}

/// A car: headway 1.5 s, so that a lane discharges about 1,800 vehicles an hour.
const CAR: &str = r#"{"length":5.0,"width":2.0,"maxPosAcc":2.0,"maxNegAcc":4.5,"usualPosAcc":2.0,"usualNegAcc":4.5,"minGap":2.5,"maxSpeed":16.667,"headwayTime":1.5}"#;
/// A bus or a lorry.
const HEAVY: &str = r#"{"length":12.0,"width":2.5,"maxPosAcc":1.3,"maxNegAcc":4.0,"usualPosAcc":1.3,"usualNegAcc":4.0,"minGap":2.5,"maxSpeed":13.889,"headwayTime":1.8}"#;

/// The demand: one entry a vehicle, its whole route road by road.
pub(crate) fn demand(layout: &Layout, demand: &Demand, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "[")?;
    list(out, &demand.trips, |out, trip| {
        let vehicle = if trip.heavy { HEAVY } else { CAR };
        write!(out, "{{\"vehicle\":{vehicle},\"route\":[")?;
        list(out, &demand.routes[trip.route as usize], |out, &r| {
            write!(out, "\"{}\"", layout.roads[r as usize].id)
        })?;
        let t = trip.start_s;
        writeln!(
            out,
            "],\"interval\":1.0,\"startTime\":{t},\"endTime\":{t}}}"
        )
    })?;
    writeln!(out, "]")
}
