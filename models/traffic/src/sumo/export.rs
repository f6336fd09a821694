//! Networks to SUMO's plain files (input of its `netconvert`), demand to a route file.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use crate::demand::{Demand, Flow};
use crate::ids::{JunctionIx, LaneIx, LinkIx};
use crate::network::{Junction, Network, Road};
use crate::vehicle::VehicleClass;

/// The four plain files of a network.
///
/// `netconvert -n net.nod.xml -e net.edg.xml -x net.con.xml -i net.tll.xml -o net.net.xml`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainFiles {
    /// Nodes.
    pub nodes: String,
    /// Edges.
    pub edges: String,
    /// Connections.
    pub connections: String,
    /// Traffic-light programmes.
    pub programmes: String,
}

/// Writes a network as SUMO plain files.
///
/// Lane links that only stand for lane changes are left out: SUMO changes lanes itself. Its yellow
/// is not known here: what may not go is red.
#[must_use]
pub fn plain_files(net: &Network) -> PlainFiles {
    let mut nodes = head("nodes");
    let mut edges = head("edges");
    let mut connections = head("connections");
    let mut programmes = head("tlLogics");
    for j in net.junctions() {
        node(&mut nodes, j);
    }
    for road in net.roads() {
        edge(&mut edges, net, road);
    }
    let mut number = Vec::new();
    for (ix, j) in net.junctions().iter().enumerate() {
        let links = own_links(net, j);
        number.clear();
        for (n, link) in links.iter().enumerate() {
            let ends = connection(net, *link);
            let _ = writeln!(connections, "    <connection {ends}/>");
            number.push((n, ends));
        }
        if j.phases.len() > 1 {
            programme(&mut programmes, net, JunctionIx::of(ix), &links);
            for (n, ends) in &number {
                let _ = writeln!(
                    programmes,
                    "    <connection {ends} tl=\"{}\" linkIndex=\"{n}\"/>",
                    escape(&j.id)
                );
            }
        }
    }
    nodes.push_str("</nodes>\n");
    edges.push_str("</edges>\n");
    connections.push_str("</connections>\n");
    programmes.push_str("</tlLogics>\n");
    PlainFiles {
        nodes,
        edges,
        connections,
        programmes,
    }
}

fn head(root: &str) -> String {
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>\n")
}

fn node(out: &mut String, j: &Junction) {
    let (id, [x, y]) = (escape(&j.id), j.point);
    let kind = if j.phases.len() > 1 {
        "traffic_light"
    } else {
        "priority"
    };
    let tl = if j.phases.len() > 1 {
        format!(" tl=\"{id}\"")
    } else {
        String::new()
    };
    let _ = writeln!(
        out,
        "    <node id=\"{id}\" x=\"{x}\" y=\"{y}\" type=\"{kind}\"{tl}/>"
    );
}

fn edge(out: &mut String, net: &Network, road: &Road) {
    let id = |j: JunctionIx| escape(&net.junctions()[j.ix()].id).into_owned();
    let lanes: Vec<_> = road
        .lanes
        .iter()
        .rev()
        .map(|l| &net.lanes()[l.ix()])
        .collect();
    let shape: Vec<String> = road
        .points
        .iter()
        .map(|p| format!("{},{}", p[0], p[1]))
        .collect();
    let fastest = lanes.iter().map(|l| l.max_speed_m_s).fold(0.0, f64::max);
    let length = match net.priority {
        Some(_) => format!(" length=\"{}\"", lanes[0].length_m),
        None => String::new(),
    };
    let _ = writeln!(
        out,
        "    <edge id=\"{}\" from=\"{}\" to=\"{}\" numLanes=\"{}\" speed=\"{fastest}\" spreadType=\"right\" shape=\"{}\"{length}>",
        escape(&road.id),
        id(road.from),
        id(road.to),
        lanes.len(),
        shape.join(" "),
    );
    for (k, lane) in lanes.iter().enumerate() {
        let _ = writeln!(
            out,
            "        <lane index=\"{k}\" speed=\"{}\" width=\"{}\"/>",
            lane.max_speed_m_s, lane.width_m
        );
    }
    out.push_str("    </edge>\n");
}

/// The links of a junction that are no lane changes.
fn own_links(net: &Network, j: &Junction) -> Vec<LinkIx> {
    let changes = |l: &LinkIx| net.priority.as_ref().map_or(0, |p| p.changes[l.ix()]);
    let all = j.road_links.iter().flat_map(|r| r.links.iter().copied());
    all.filter(|l| changes(l) == 0).collect()
}

/// `from="a" to="b" fromLane="0" toLane="1"`, lanes counted from the right.
fn connection(net: &Network, link: LinkIx) -> String {
    let link = &net.links()[link.ix()];
    let end = |lane: LaneIx| {
        let lane = &net.lanes()[lane.ix()];
        let road = &net.roads()[lane.road.ix()];
        (
            escape(&road.id).into_owned(),
            road.lanes.len() - 1 - lane.index as usize,
        )
    };
    let ((from, from_lane), (to, to_lane)) = (end(link.from), end(link.to));
    format!("from=\"{from}\" to=\"{to}\" fromLane=\"{from_lane}\" toLane=\"{to_lane}\"")
}

fn programme(out: &mut String, net: &Network, j: JunctionIx, links: &[LinkIx]) {
    let junction = &net.junctions()[j.ix()];
    let _ = writeln!(
        out,
        "    <tlLogic id=\"{}\" type=\"static\" programID=\"0\" offset=\"{}\">",
        escape(&junction.id),
        junction.offset_s
    );
    for (n, phase) in (0..).zip(&junction.phases) {
        let green = net.phase_links(j, n);
        let letter = |link: &LinkIx| {
            if !green.contains(link) {
                'r'
            } else if gives_way(net, *link, green, &phase.yields) {
                'g'
            } else {
                'G'
            }
        };
        let state: String = links.iter().map(letter).collect();
        let _ = writeln!(
            out,
            "        <phase duration=\"{}\" state=\"{state}\"/>",
            phase.time_s
        );
    }
    out.push_str("    </tlLogic>\n");
}

/// By the phase where lists of foes rule; else by rank against what is green too.
fn gives_way(net: &Network, link: LinkIx, green: &[LinkIx], yields: &[u32]) -> bool {
    let me = &net.links()[link.ix()];
    if net.priority.is_some() {
        return yields.contains(&me.road_link);
    }
    net.crosses(link).iter().any(|cross| {
        let other = &net.links()[cross.other.ix()];
        green.contains(&cross.other) && other.turn > me.turn
    })
}

/// Writes a demand as a SUMO route file, by departure. `ids` names the vehicle of each flow; without,
/// they are `flow_0`, `flow_1`, ...
#[must_use]
pub fn routes_xml(net: &Network, demand: &Demand, ids: Option<&[String]>) -> String {
    let mut out = head("routes");
    for (n, t) in demand.templates().iter().enumerate() {
        let sigma = 2.0 * t.dawdle_m_s2 / t.max_pos_acc_m_s2;
        let _ = writeln!(
            out,
            "    <vType id=\"t{n}\" length=\"{}\" width=\"{}\" minGap=\"{}\" maxSpeed=\"{}\" accel=\"{}\" decel=\"{}\" tau=\"{}\" sigma=\"{sigma}\" speedFactor=\"{}\" speedDev=\"0\"{}/>",
            t.length_m,
            t.width_m,
            t.min_gap_m,
            t.max_speed_m_s,
            t.usual_pos_acc_m_s2,
            t.max_neg_acc_m_s2,
            t.headway_s,
            t.speed_factor,
            match t.class {
                VehicleClass::Car => "",
                VehicleClass::Bus => " vClass=\"bus\"",
                VehicleClass::Truck => " vClass=\"truck\"",
                VehicleClass::Bicycle => " vClass=\"bicycle\"",
                VehicleClass::Emergency => " vClass=\"emergency\"",
            }
        );
    }
    for (n, route) in demand.routes().iter().enumerate() {
        let edges: Vec<_> = route
            .iter()
            .map(|r| escape(&net.roads()[r.ix()].id))
            .collect();
        let _ = writeln!(
            out,
            "    <route id=\"r{n}\" edges=\"{}\"/>",
            edges.join(" ")
        );
    }
    let mut order: Vec<usize> = (0..demand.flows().len()).collect();
    order.sort_by_key(|i| demand.flows()[*i].start_s);
    for i in order {
        let id = ids
            .and_then(|ids| ids.get(i))
            .map_or_else(|| format!("flow_{i}"), |id| escape(id).into_owned());
        let flow = &demand.flows()[i];
        let element = departures(&mut out, &id, flow);
        stops(&mut out, net, demand, flow, element);
    }
    out.push_str("</routes>\n");
    out
}

/// Writes the start tag of a vehicle or flow, not closed; says which it is.
fn departures(out: &mut String, id: &str, flow: &Flow) -> &'static str {
    let (kind, route, start) = (flow.template, flow.route, flow.start_s);
    let place = "departLane=\"best\"";
    if flow.end_s == Some(start) {
        let _ = write!(
            out,
            "    <vehicle id=\"{id}\" type=\"t{kind}\" route=\"r{route}\" depart=\"{start}\" {place}"
        );
        return "vehicle";
    }
    // The last second counts here, and does not there.
    let end = flow
        .end_s
        .map_or_else(String::new, |end| format!(" end=\"{}\"", end + 1));
    let _ = write!(
        out,
        "    <flow id=\"{id}\" type=\"t{kind}\" route=\"r{route}\" begin=\"{start}\"{end} period=\"{}\" {place}",
        flow.interval_s
    );
    "flow"
}

/// Writes the halts of a vehicle or flow and its end. They are on the outermost lane, and their times those
/// of the first vehicle.
fn stops(out: &mut String, net: &Network, demand: &Demand, flow: &Flow, element: &str) {
    let Some(list) = flow.stops else {
        out.push_str("/>\n");
        return;
    };
    out.push_str(">\n");
    let route = &demand.routes()[flow.route as usize];
    for stop in &demand.stop_lists()[list as usize] {
        let road = escape(&net.roads()[route[stop.road_at as usize].ix()].id);
        #[allow(clippy::cast_precision_loss)] // departures are limited far below 2^53
        let until = stop.until_s.map_or_else(String::new, |until| {
            format!(" until=\"{}\"", flow.start_s as f64 + until)
        });
        let _ = writeln!(
            out,
            "        <stop lane=\"{road}_0\" endPos=\"{}\" duration=\"{}\"{until}/>",
            stop.position_m, stop.dwell_s
        );
    }
    let _ = writeln!(out, "    </{element}>");
}
