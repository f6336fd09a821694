//! SUMO files: what is read and listed, bad input, the ways to CityFlow files and back.

use conurb_base::Coded as _;
use conurb_traffic::file::{FlowFile, RoadnetFile};
use conurb_traffic::sumo::{
    DemandOptions, NetworkOptions, plain_files, read_additional, read_config, read_demand,
    read_network, routes_xml,
};
use conurb_traffic::{Demand, Network, TrafficError};

use crate::common::load;
use crate::sumo::{FORK, SIDE_CAR, demand, main_stream, net, priority_cross, signal_cross};

#[test]
fn trips_flows_and_types_are_read_and_the_rest_is_listed() {
    let n = net(FORK);
    let d = demand(
        &n,
        r#"<vType id="lorry" vClass="truck" tau="1.4" lcStrategic="2"/>
           <vType id="walker" vClass="pedestrian"/>
           <flow id="p" type="car" from="in" to="right" begin="0" end="1000" probability="0.2"/>
           <vehicle id="w" type="walker" depart="1"><route edges="in wide"/></vehicle>
           <vehicle id="one" type="car" depart="1"><route edges="in"/></vehicle>
           <vehicle id="s" type="car" depart="2"><route edges="in wide right"/><stop parkingArea="p" duration="9"/></vehicle>
           <trip id="back" type="car" depart="3" from="left" to="in"/>
           <flow id="f" type="car" from="in" to="right" begin="10" end="20" number="5"/>
           <trip id="t" type="lorry" depart="0:01:05.5" from="in" to="left" departSpeed="max"/>
           <flow id="h" type="car" from="in" to="right" begin="100" end="200" vehsPerHour="360"/>
           <person id="you" depart="0"><walk edges="in"/></person>"#,
    );
    let count = |prefix: &str| d.ids.iter().filter(|i| i.starts_with(prefix)).count();
    assert_eq!((count("t"), count("f."), count("h.")), (1, 5, 10));
    assert!((150..250).contains(&count("p.")), "{}", count("p."));
    let lorry = &d.demand.flows()[d.ids.iter().position(|i| i == "t").unwrap()];
    assert_eq!(lorry.start_s, 66, "65.5 s: at the next whole second");
    let t = d.demand.templates()[lorry.template as usize];
    assert_eq!(
        (t.length_m, t.max_pos_acc_m_s2, t.headway_s),
        (7.1, 1.3, 1.4)
    );
    assert!((t.dawdle_m_s2 - 0.325).abs() < 1e-12);
    for feature in [
        "vType attribute `lcStrategic`: not used",
        "vehicle attribute `departSpeed`: vehicles start from rest",
        "vehicle of a class that does not drive on car lanes: skipped",
        "trip on a single edge: skipped",
        "`stop` at a `parkingArea`: not made",
        "trip between edges that no way joins: skipped",
        "demand element `person`: skipped",
    ] {
        assert_eq!(
            d.unmodelled.count(feature),
            1,
            "{feature}\n{}",
            d.unmodelled
        );
    }
    assert!(
        d.unmodelled
            .features()
            .iter()
            .all(|f| f.first.starts_with("rou.xml:"))
    );
}

#[test]
fn configurations_and_additional_files_are_read_or_listed() {
    let text = br#"<configuration><input><net-file value="a.net.xml"/><route-files value="b.rou.xml,c.rou.xml"/></input>
        <time><begin value="25200"/><end value="28800"/><step-length value="0.5"/></time>
        <processing><lateral-resolution value="0.8"/></processing></configuration>"#;
    let c = read_config(text, "x.sumocfg").unwrap();
    assert_eq!(
        (c.net_file.as_deref(), c.begin_s, c.end_s, c.step_s),
        (Some("a.net.xml"), 25200.0, Some(28800.0), 0.5)
    );
    assert_eq!(c.route_files, ["b.rou.xml", "c.rou.xml"]);
    assert_eq!(
        c.unmodelled.count("option `lateral-resolution`: not used"),
        1
    );
    let text = br#"<additional><inductionLoop id="d" lane="in_0" pos="-20" freq="60"/><busStop id="b" lane="in_0" startPos="1" endPos="20"/><calibrator id="c" lane="in_0"/></additional>"#;
    let a = read_additional(text, "x.add.xml", &net(FORK), 0.0).unwrap();
    assert_eq!((a.detectors.len(), a.detectors[0].position_m), (1, -20.0));
    assert_eq!(
        a.unmodelled
            .count("additional element `calibrator`: not simulated"),
        1
    );
    // Bus stops are the demand's to read.
    assert_eq!(a.unmodelled.features().len(), 1);
}

fn net_error(from: &str, to: &str) -> TrafficError {
    let text = signal_cross(
        "<phase duration=\"30\" state=\"Gr\"/><phase duration=\"30\" state=\"rG\"/>",
        0.0,
    );
    assert!(text.contains(from), "{from}");
    read_network(
        text.replacen(from, to, 1).as_bytes(),
        "net.xml",
        &NetworkOptions::default(),
    )
    .err()
    .unwrap_or_else(|| panic!("{from} -> {to} is accepted"))
}

#[test]
fn each_kind_of_bad_network_is_a_located_error() {
    for (from, to, code, line) in [
        ("</net>", "", "CNB-TRAFFIC-0001", 0),
        ("</net>", "</not>", "CNB-TRAFFIC-0001", 0),
        ("<net ", "<routes ", "CNB-TRAFFIC-0001", 0),
        (
            "length=\"300.00\"",
            "length=\"long\"",
            "CNB-TRAFFIC-0001",
            5,
        ),
        ("length=\"300.00\"", "length=\"-1\"", "CNB-TRAFFIC-0006", 5),
        ("length=\"300.00\"", "length=\"NaN\"", "CNB-TRAFFIC-0006", 5),
        (
            "speed=\"13.89\" length=\"300.00\"",
            "length=\"300.00\"",
            "CNB-TRAFFIC-0001",
            5,
        ),
        (
            "shape=\"-302,0 -2,0\"",
            "shape=\"-302,0 -2;0\"",
            "CNB-TRAFFIC-0001",
            5,
        ),
        (
            "shape=\"-302,0 -2,0\"",
            "shape=\"-302,0\"",
            "CNB-TRAFFIC-0007",
            5,
        ),
        ("id=\"main_out\"", "id=\"main_in\"", "CNB-TRAFFIC-0003", 6),
        (
            "junction id=\"E\"",
            "junction id=\"W\"",
            "CNB-TRAFFIC-0003",
            11,
        ),
        ("from=\"W\"", "from=\"X\"", "CNB-TRAFFIC-0004", 5),
        ("response=\"10\"", "response=\"1x\"", "CNB-TRAFFIC-0001", 15),
        (
            "<request index=\"0\"",
            "<request index=\"1\"",
            "CNB-TRAFFIC-0010",
            15,
        ),
        (
            "connection from=\"side_in\"",
            "connection from=\"nowhere\"",
            "CNB-TRAFFIC-0004",
            18,
        ),
        (
            "connection from=\"side_in\" to=\"side_out\" fromLane=\"0\"",
            "connection from=\"side_in\" to=\"side_out\" fromLane=\"4\"",
            "CNB-TRAFFIC-0005",
            18,
        ),
        ("via=\":C_0_0\"", "via=\":C_9_0\"", "CNB-TRAFFIC-0004", 18),
        (
            "tl=\"C\" linkIndex=\"1\"",
            "tl=\"Z\" linkIndex=\"1\"",
            "CNB-TRAFFIC-0004",
            19,
        ),
        ("linkIndex=\"1\"", "linkIndex=\"7\"", "CNB-TRAFFIC-0005", 9),
        ("state=\"Gr\"", "state=\"Gx\"", "CNB-TRAFFIC-0001", 9),
        ("duration=\"30\"", "duration=\"0\"", "CNB-TRAFFIC-0006", 9),
    ] {
        let error = net_error(from, to);
        assert_eq!(error.code(), code, "{from} -> {to}: {error}");
        let at = error.at().unwrap();
        assert_eq!(at.file.as_deref(), Some("net.xml"), "{error}");
        assert!(at.line.is_some(), "{error}");
        if line > 0 {
            assert_eq!(at.line, Some(line), "{from} -> {to}: {error}");
        }
    }
    let deep = format!("<net>{}", "<a>".repeat(100));
    let error = read_network(deep.as_bytes(), "n", &NetworkOptions::default()).unwrap_err();
    assert_eq!(error.code(), "CNB-TRAFFIC-0002", "{error}");
    let left = priority_cross().replace("version=\"1.20\"", "lefthand=\"true\"");
    let error = read_network(left.as_bytes(), "n", &NetworkOptions::default()).unwrap_err();
    assert_eq!(error.code(), "CNB-TRAFFIC-0010");
    assert_eq!(error.at().unwrap().path.as_deref(), Some("net.lefthand"));
}

#[test]
fn each_kind_of_bad_demand_is_a_located_error() {
    let n = net(FORK);
    for (body, code) in [
        (
            "<vehicle id=\"a\" depart=\"x\"><route edges=\"in wide\"/></vehicle>",
            "CNB-TRAFFIC-0001",
        ),
        (
            "<vehicle id=\"a\" depart=\"-5\"><route edges=\"in wide\"/></vehicle>",
            "CNB-TRAFFIC-0008",
        ),
        (
            "<vehicle id=\"a\" depart=\"1\"><route edges=\"in nowhere\"/></vehicle>",
            "CNB-TRAFFIC-0004",
        ),
        (
            "<vehicle id=\"a\" depart=\"1\"><route edges=\"in path\"/></vehicle>",
            "CNB-TRAFFIC-0004",
        ),
        (
            "<vehicle id=\"a\" depart=\"1\"><route edges=\"in left\"/></vehicle>",
            "CNB-TRAFFIC-0009",
        ),
        ("<vehicle id=\"a\" depart=\"1\"/>", "CNB-TRAFFIC-0001"),
        (
            "<vehicle id=\"a\" depart=\"1\" route=\"none\"/>",
            "CNB-TRAFFIC-0004",
        ),
        (
            "<vehicle id=\"a\" type=\"none\" depart=\"1\"><route edges=\"in wide\"/></vehicle>",
            "CNB-TRAFFIC-0004",
        ),
        (
            "<flow id=\"a\" from=\"in\" to=\"wide\" begin=\"9\" end=\"3\" period=\"1\"/>",
            "CNB-TRAFFIC-0008",
        ),
        (
            "<flow id=\"a\" from=\"in\" to=\"wide\" begin=\"0\" end=\"9\" period=\"0\"/>",
            "CNB-TRAFFIC-0006",
        ),
        (
            "<flow id=\"a\" from=\"in\" to=\"wide\" begin=\"0\" end=\"9\"/>",
            "CNB-TRAFFIC-0001",
        ),
        (
            "<flow id=\"a\" from=\"in\" to=\"wide\" begin=\"0\" end=\"9\" probability=\"3\"/>",
            "CNB-TRAFFIC-0006",
        ),
        (
            "<flow id=\"a\" from=\"in\" to=\"wide\" begin=\"0\" end=\"900000000\" period=\"0.001\"/>",
            "CNB-TRAFFIC-0002",
        ),
        ("<vType id=\"z\" length=\"0\"/>", "CNB-TRAFFIC-0006"),
        ("<vType id=\"z\" speedFactor=\"fast\"/>", "CNB-TRAFFIC-0001"),
    ] {
        let text = format!("<routes>\n\n{body}</routes>");
        let error = read_demand(
            &[(text.as_bytes(), "rou.xml")],
            &n,
            &DemandOptions::default(),
        )
        .err()
        .unwrap_or_else(|| panic!("accepted: {body}"));
        assert_eq!(error.code(), code, "{body}: {error}");
        assert_eq!(error.at().unwrap().line, Some(3), "{error}");
    }
}

/// Networks and demands equal in everything that is public and in how they run.
fn same_network(a: &Network, b: &Network) {
    assert_eq!(a.junctions(), b.junctions());
    assert_eq!(a.roads(), b.roads());
    assert_eq!(a.lanes(), b.lanes());
    assert_eq!(a.links(), b.links());
    assert_eq!(a.to_file(), b.to_file());
}

#[test]
fn a_sumo_network_survives_the_way_through_cityflow_files() {
    let phases = "<phase duration=\"10.5\" state=\"Gg\"/><phase duration=\"9.5\" state=\"rG\"/>";
    for text in [priority_cross(), signal_cross(phases, 3.0), FORK.to_owned()] {
        let n = net(&text);
        let json = serde_json::to_vec(&n.network.to_file()).unwrap();
        let again = Network::from_json(&json, "roadnet.json").unwrap();
        same_network(&n.network, &again);
        let file: RoadnetFile = serde_json::from_slice(&json).unwrap();
        assert_eq!(file, n.file);
    }
    let n = net(&priority_cross());
    let d = demand(&n, &format!("{SIDE_CAR}{}", main_stream(3.0, 0.0, 45.0)));
    let json = serde_json::to_vec(&d.demand.to_flows(&n.network)).unwrap();
    let flows: Vec<FlowFile> = serde_json::from_slice(&json).unwrap();
    let again = Demand::from_file(&flows, "flow.json", &n.network).unwrap();
    assert_eq!(
        (again.flows(), again.routes()),
        (d.demand.flows(), d.demand.routes())
    );
    assert_eq!(again.templates(), d.demand.templates());
}

#[test]
fn a_cityflow_network_comes_back_equal() {
    let Some(dir) = crate::common::shared("a_cityflow_network_comes_back_equal") else {
        return;
    };
    let (net, demand) = load(&dir, "hangzhou1");
    let json = serde_json::to_vec(&net.to_file()).unwrap();
    let again = Network::from_json(&json, "roadnet.json").unwrap();
    same_network(&net, &again);
    let flows = demand.to_flows(&net);
    let back = Demand::from_file(&flows, "flow.json", &again).unwrap();
    assert_eq!(
        (back.flows(), back.routes(), back.templates()),
        (demand.flows(), demand.routes(), demand.templates())
    );
    let plain = plain_files(&net);
    assert_eq!(plain.edges.matches("<edge ").count(), net.roads().len());
    assert_eq!(
        plain.programmes.matches("<tlLogic ").count(),
        net.signalised().len()
    );
}

#[test]
fn what_is_written_for_sumo_is_read_back() {
    let n = net(&priority_cross());
    let d = demand(&n, &format!("{SIDE_CAR}{}", main_stream(3.0, 0.0, 45.0)));
    let text = routes_xml(&n.network, &d.demand, Some(&d.ids));
    let again = read_demand(
        &[(text.as_bytes(), "rou.xml")],
        &n,
        &DemandOptions::default(),
    )
    .unwrap();
    assert_eq!(again.ids, d.ids);
    assert_eq!(again.demand.flows().len(), d.demand.flows().len());
    assert_eq!(again.demand.templates(), d.demand.templates());
    let plain = plain_files(&n.network);
    assert!(
        plain
            .connections
            .contains("from=\"side_in\" to=\"side_out\" fromLane=\"0\" toLane=\"0\"")
    );
}
