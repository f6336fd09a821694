//! Small networks for tests: named roads between points, every turn but the one back allowed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use conurb_traffic::Network;

/// A road: name, where it starts and ends, lanes, speed limit in m/s.
pub(crate) type Street = (&'static str, &'static str, &'static str, usize, f64);

/// A network of these nodes (name, x, y in m) and roads.
pub(crate) fn network(nodes: &[(&str, f64, f64)], roads: &[Street]) -> Network {
    let at: BTreeMap<&str, (f64, f64)> = nodes.iter().map(|n| (n.0, (n.1, n.2))).collect();
    let mut out = String::from("{\"intersections\":[");
    for (i, (node, x, y)) in nodes.iter().enumerate() {
        let incoming: Vec<&Street> = roads.iter().filter(|r| r.2 == *node).collect();
        let outgoing: Vec<&Street> = roads.iter().filter(|r| r.1 == *node).collect();
        let border = incoming.is_empty() || outgoing.is_empty();
        let names = incoming.iter().chain(&outgoing);
        let names: Vec<String> = names.map(|r| format!("\"{}\"", r.0)).collect();
        let mut links = Vec::new();
        for a in incoming.iter().filter(|_| !border) {
            for b in outgoing.iter().filter(|b| b.2 != a.1) {
                let lanes: Vec<String> = (0..a.3)
                    .flat_map(|k| (0..b.3).map(move |n| (k, n)))
                    .map(|(k, n)| format!("{{\"startLaneIndex\":{k},\"endLaneIndex\":{n}}}"))
                    .collect();
                links.push(format!(
                    "{{\"type\":\"go_straight\",\"startRoad\":\"{}\",\"endRoad\":\"{}\",\"laneLinks\":[{}]}}",
                    a.0, b.0, lanes.join(",")
                ));
            }
        }
        let all: Vec<String> = (0..links.len()).map(|n| n.to_string()).collect();
        let comma = if i == 0 { "" } else { "," };
        write!(
            out,
            "{comma}{{\"id\":\"{node}\",\"point\":{{\"x\":{x},\"y\":{y}}},\"width\":5,\"roads\":[{}],\
             \"roadLinks\":[{}],\"trafficLight\":{{\"lightphases\":[{{\"time\":30,\
             \"availableRoadLinks\":[{}]}}]}},\"virtual\":{border}}}",
            names.join(","),
            links.join(","),
            all.join(",")
        )
        .unwrap();
    }
    out.push_str("],\"roads\":[");
    for (i, (id, from, to, lanes, speed)) in roads.iter().enumerate() {
        let (a, b) = (at[from], at[to]);
        let lane = format!("{{\"width\":3,\"maxSpeed\":{speed}}}");
        let comma = if i == 0 { "" } else { "," };
        write!(
            out,
            "{comma}{{\"id\":\"{id}\",\"startIntersection\":\"{from}\",\"endIntersection\":\"{to}\",\
             \"points\":[{{\"x\":{},\"y\":{}}},{{\"x\":{},\"y\":{}}}],\"lanes\":[{}]}}",
            a.0, a.1, b.0, b.1, vec![lane; *lanes].join(",")
        )
        .unwrap();
    }
    out.push_str("]}");
    Network::from_json(out.as_bytes(), "streets.json").unwrap()
}
