//! Bad files: each kind gives its own located error; nothing panics.

use conurb_base::Coded as _;
use conurb_traffic::{Demand, Network};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Two roads and one signalised junction between two border nodes.
fn roadnet() -> Value {
    let light = json!({"lightphases": [
        {"time": 5, "availableRoadLinks": []},
        {"time": 30, "availableRoadLinks": [0]},
    ]});
    json!({
        "intersections": [
            {"id": "west", "point": {"x": -100, "y": 0}, "virtual": true},
            {"id": "east", "point": {"x": 100, "y": 0}, "virtual": true},
            {"id": "mid", "point": {"x": 0, "y": 0}, "width": 10, "virtual": false,
             "roads": ["in", "out"],
             "roadLinks": [{"type": "go_straight", "startRoad": "in", "endRoad": "out", "direction": 0,
                "laneLinks": [{"startLaneIndex": 0, "endLaneIndex": 0, "points": []}]}],
             "trafficLight": light},
        ],
        "roads": [
            {"id": "in", "points": [{"x": -100, "y": 0}, {"x": 0, "y": 0}],
             "lanes": [{"width": 4, "maxSpeed": 11.111}], "startIntersection": "west", "endIntersection": "mid"},
            {"id": "out", "points": [{"x": 0, "y": 0}, {"x": 100, "y": 0}],
             "lanes": [{"width": 4, "maxSpeed": 11.111}], "startIntersection": "mid", "endIntersection": "east"},
        ],
    })
}

fn flow() -> Value {
    json!([{
        "vehicle": {"length": 5, "width": 2, "maxPosAcc": 2, "maxNegAcc": 4.5, "usualPosAcc": 2,
            "usualNegAcc": 4.5, "minGap": 2.5, "maxSpeed": 11.111, "headwayTime": 2},
        "route": ["in", "out"], "interval": 5, "startTime": 0, "endTime": 100,
    }])
}

fn net_of(value: &Value) -> Result<Network, conurb_traffic::TrafficError> {
    Network::from_json(
        serde_json::to_string_pretty(value).unwrap().as_bytes(),
        "net.json",
    )
}

/// The network with one value replaced.
fn changed(pointer: &str, to: Value) -> Result<Network, conurb_traffic::TrafficError> {
    net_of(&set(roadnet(), pointer, to))
}

fn demand_of(value: &Value) -> Result<Demand, conurb_traffic::TrafficError> {
    let net = net_of(&roadnet()).unwrap();
    Demand::from_json(
        serde_json::to_string_pretty(value).unwrap().as_bytes(),
        "flow.json",
        &net,
    )
}

fn set(mut value: Value, pointer: &str, to: Value) -> Value {
    *value
        .pointer_mut(pointer)
        .unwrap_or_else(|| panic!("no {pointer}")) = to;
    value
}

fn without(mut value: Value, parent: &str, key: &str) -> Value {
    let removed = value
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove(key);
    assert!(removed.is_some());
    value
}

#[track_caller]
fn refused<T>(result: Result<T, conurb_traffic::TrafficError>, code: &str, path: &str) {
    let Err(error) = result else {
        panic!("accepted")
    };
    assert_eq!(error.code(), format!("CNB-TRAFFIC-{code}"), "{error}");
    let at = error.at().expect("a place");
    assert!(at.line.is_some() && at.column.is_some(), "{error}");
    assert_eq!(at.path.as_deref().unwrap_or(""), path, "{error}");
    assert!(error.remedy().is_some());
}

#[test]
fn the_small_files_are_fine() {
    let net = net_of(&roadnet()).unwrap();
    assert_eq!(net.signalised().len(), 1);
    assert!(net.notes().is_empty());
    assert_eq!(demand_of(&flow()).unwrap().flows().len(), 1);
}

#[test]
fn missing_members_and_names_are_refused_with_place() {
    let n = roadnet;
    let r = changed;
    refused(
        net_of(&without(n(), "/roads/1/lanes/0", "width")),
        "0001",
        "roads[1].lanes[0]",
    );
    refused(
        net_of(&without(n(), "/intersections/2", "width")),
        "0001",
        "intersections[2]",
    );
    refused(
        r("/roads/0/lanes/0/width", json!("4")),
        "0001",
        "roads[0].lanes[0].width",
    );
    refused(
        r("/intersections/2/roadLinks/0/type", json!("u_turn")),
        "0001",
        "intersections[2].roadLinks[0].type",
    );
    refused(r("/roads/1/id", json!("in")), "0003", "roads[1].id");
    refused(
        r("/intersections/1/id", json!("west")),
        "0003",
        "intersections[1].id",
    );
    refused(
        r("/roads/0/endIntersection", json!("gone")),
        "0004",
        "roads[0].endIntersection",
    );
    refused(
        r("/intersections/2/roads/1", json!("gone")),
        "0004",
        "intersections[2].roads[1]",
    );
}

#[test]
fn links_phases_and_geometry_are_refused_with_place() {
    let r = changed;
    let link = "/intersections/2/roadLinks/0";
    refused(
        r(&format!("{link}/endRoad"), json!("gone")),
        "0004",
        "intersections[2].roadLinks[0].endRoad",
    );
    refused(
        r(&format!("{link}/endRoad"), json!("in")),
        "0010",
        "intersections[2].roadLinks[0]",
    );
    let lane_link = "intersections[2].roadLinks[0].laneLinks[0]";
    refused(
        r(&format!("{link}/laneLinks/0/startLaneIndex"), json!(1)),
        "0005",
        &format!("{lane_link}.startLaneIndex"),
    );
    refused(
        r(&format!("{link}/laneLinks/0/endLaneIndex"), json!(-1)),
        "0005",
        &format!("{lane_link}.endLaneIndex"),
    );
    refused(
        r(
            &format!("{link}/laneLinks/0/points"),
            json!([{"x": 0, "y": 0}]),
        ),
        "0007",
        &format!("{lane_link}.points"),
    );
    let phase = "intersections[2].trafficLight.lightphases[1]";
    refused(
        r(
            "/intersections/2/trafficLight/lightphases/1/availableRoadLinks/0",
            json!(7),
        ),
        "0005",
        &format!("{phase}.availableRoadLinks[0]"),
    );
    refused(
        r(
            "/intersections/2/trafficLight/lightphases/1/time",
            json!(-3),
        ),
        "0006",
        &format!("{phase}.time"),
    );
    refused(
        r("/roads/0/lanes/0/maxSpeed", json!(0)),
        "0006",
        "roads[0].lanes[0].maxSpeed",
    );
    refused(
        r("/roads/0/points/1", json!({"x": -100, "y": 0})),
        "0007",
        "roads[0].points[1]",
    );
    refused(
        r("/roads/0/points", json!([{"x": 1, "y": 1}])),
        "0007",
        "roads[0].points",
    );
    refused(r("/roads/0/lanes", json!([])), "0007", "roads[0].lanes");
    refused(
        r("/roads/0/points/0", json!({"x": -10, "y": 0})),
        "0007",
        "roads[0].lanes[0]",
    );
    refused(
        r("/intersections/2/point/x", json!(1e300)),
        "0006",
        "intersections[2].point",
    );
}

#[test]
fn flows_are_refused_with_place() {
    let f = |pointer: &str, to: Value| demand_of(&set(flow(), pointer, to));
    refused(
        demand_of(&without(flow(), "/0/vehicle", "minGap")),
        "0001",
        "[0].vehicle",
    );
    refused(
        f("/0/vehicle/length", json!(0)),
        "0006",
        "[0].vehicle.length",
    );
    refused(
        f("/0/vehicle/usualNegAcc", json!(-4.5)),
        "0006",
        "[0].vehicle.usualNegAcc",
    );
    refused(f("/0/interval", json!(0)), "0006", "[0].interval");
    refused(f("/0/interval", json!(0.5)), "0008", "[0].interval");
    refused(f("/0/endTime", json!(-2)), "0008", "[0].endTime");
    refused(f("/0/startTime", json!(101)), "0008", "[0].endTime");
    refused(f("/0/startTime", json!(-1)), "0008", "[0].startTime");
    refused(f("/0/route/1", json!("gone")), "0004", "[0].route[1]");
    refused(f("/0/route", json!(["out", "in"])), "0009", "[0].route[1]");
    refused(f("/0/route", json!(["in"])), "0010", "[0].route");
    refused(f("/0/route", json!([])), "0010", "[0].route");
}

#[test]
fn broken_bytes_are_refused_with_line_and_column() {
    let good = serde_json::to_vec_pretty(&roadnet()).unwrap();
    let deep = "[".repeat(100_000);
    let cases: [&[u8]; 7] = [
        b"",
        &good[..good.len() / 2],
        b"{\"intersections\": [], \"roads\": NaN}",
        b"{\"intersections\": [], \"roads\": []} x",
        b"\xff\xfe{\"intersections\": []}",
        b"{\"intersections\": [{\"id\": \"\xc3\x28\"}], \"roads\": []}",
        deep.as_bytes(),
    ];
    for bytes in cases {
        let error = Network::from_json(bytes, "net.json").unwrap_err();
        assert_eq!(error.code(), "CNB-TRAFFIC-0001", "{error}");
        assert!(error.at().unwrap().line.is_some());
        assert!(error.to_string().starts_with("net.json"), "{error}");
    }
}

#[test]
fn the_line_and_column_point_at_the_value() {
    let text = "{\n \"intersections\": [],\n \"roads\": [\n  {\"id\": \"a\", \"points\": [], \"lanes\": [],\n   \"startIntersection\": \"p\", \"endIntersection\": \"q\"}]\n}";
    let error = Network::from_json(text.as_bytes(), "n.json").unwrap_err();
    assert_eq!(
        error.to_string(),
        "n.json:5:25 at roads[0].startIntersection: there is no intersection \"p\""
    );
}

#[test]
fn unknown_members_are_noted_and_kept() {
    let mut value = roadnet();
    value["roads"][0]["surface"] = json!("asphalt");
    let net = net_of(&value).unwrap();
    assert_eq!(
        net.notes(),
        ["unknown member `roads[].surface` (1 times): kept in the file, not used"]
    );
    let file = conurb_traffic::file::read_roadnet(value.to_string().as_bytes(), "n").unwrap();
    let written = serde_json::to_value(&file).unwrap();
    assert_eq!(written["roads"][0]["surface"], json!("asphalt"));
    let again = conurb_traffic::file::read_roadnet(written.to_string().as_bytes(), "n").unwrap();
    assert_eq!(file, again);
}

/// Replaces one scalar of a document, chosen by `pick`.
fn mutate(value: &mut Value, pick: &mut usize, to: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().any(|v| mutate(v, pick, to)),
        Value::Object(members) => members.values_mut().any(|v| mutate(v, pick, to)),
        scalar if *pick == 0 => {
            *scalar = to.clone();
            true
        }
        _ => {
            *pick -= 1;
            false
        }
    }
}

fn run_if_accepted(net: Result<Network, conurb_traffic::TrafficError>, flows: &Value) {
    use std::sync::Arc;
    let Ok(net) = net else { return };
    let Ok(demand) = Demand::from_json(flows.to_string().as_bytes(), "f", &net) else {
        return;
    };
    let options = conurb_traffic::SimOptions {
        signals: conurb_traffic::Signals::Programme,
        ..conurb_traffic::SimOptions::default()
    };
    let mut sim = conurb_traffic::Sim::new(Arc::new(net), Arc::new(demand), options).unwrap();
    for _ in 0..120 {
        sim.step();
        assert!(
            sim.vehicles()
                .all(|v| v.position_m.is_finite() && v.speed_m_s >= 0.0)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Network::from_json(&bytes, "n");
        let net = net_of(&roadnet()).unwrap();
        let _ = Demand::from_json(&bytes, "f", &net);
    }

    #[test]
    fn truncated_and_flipped_files_never_panic(cut in 0usize..4000, at in 0usize..4000, byte in any::<u8>()) {
        let mut bytes = serde_json::to_vec(&roadnet()).unwrap();
        let len = bytes.len();
        bytes[at % len] = byte;
        bytes.truncate(cut.max(1).min(len));
        run_if_accepted(Network::from_json(&bytes, "n"), &flow());
    }

    #[test]
    fn changed_scalars_never_panic(
        in_flow in any::<bool>(),
        pick in 0usize..60,
        to in prop_oneof![
            Just(json!(null)), Just(json!(-1)), Just(json!(0)), Just(json!(1e308)), Just(json!(1e-308)),
            Just(json!(1_000_000_000_000_i64)), Just(json!("in")), Just(json!(true)), Just(json!([])),
            any::<f64>().prop_map(|x| json!(x)), (-50i64..50).prop_map(|x| json!(x)),
        ],
    ) {
        let (mut net, mut flows) = (roadnet(), flow());
        mutate(if in_flow { &mut flows } else { &mut net }, &mut pick.clone(), &to);
        run_if_accepted(net_of(&net), &flows);
    }
}
