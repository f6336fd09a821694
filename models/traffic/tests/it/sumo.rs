//! SUMO networks and demand: each construct on a small net written here, bad files, the two
//! scenarios beside SUMO's own runs, and the way back to both formats.

use std::sync::Arc;

use conurb_base::Coded as _;
use conurb_traffic::file::{FlowFile, RoadnetFile};
use conurb_traffic::sumo::{
    DemandOptions, NetworkOptions, SumoDemand, SumoNetwork, plain_files, read_additional,
    read_config, read_demand, read_network, route_by_traffic, routes_xml,
};
use conurb_traffic::{Demand, Network, Signals, Sim, SimOptions, TrafficError};

use crate::common::{bytes, load};

/// A main street W-C-E and a side street S-C-N; `$JUNCTION` and `$SIDE`, `$MAIN` are the states.
const CROSS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<net version="1.20">
    <edge id=":C_0" function="internal"><lane id=":C_0_0" index="0" speed="13.89" length="14.00" shape="5,-7 5,7"/></edge>
    <edge id=":C_1" function="internal"><lane id=":C_1_0" index="0" speed="13.89" length="14.00" shape="-2,0 12,0"/></edge>
    <edge id="main_in" from="W" to="C" priority="3"><lane id="main_in_0" index="0" speed="13.89" length="300.00" shape="-302,0 -2,0"/></edge>
    <edge id="main_out" from="C" to="E" priority="3"><lane id="main_out_0" index="0" speed="13.89" length="300.00" shape="12,0 312,0"/></edge>
    <edge id="side_in" from="S" to="C" priority="1"><lane id="side_in_0" index="0" speed="13.89" length="300.00" shape="5,-307 5,-7"/></edge>
    <edge id="side_out" from="C" to="N" priority="1"><lane id="side_out_0" index="0" speed="13.89" length="300.00" shape="5,7 5,307"/></edge>
    $TL
    <junction id="W" type="dead_end" x="-302" y="0" incLanes="" intLanes="" shape="0,0"/>
    <junction id="E" type="dead_end" x="312" y="0" incLanes="main_out_0" intLanes="" shape="0,0"/>
    <junction id="S" type="dead_end" x="5" y="-307" incLanes="" intLanes="" shape="0,0"/>
    <junction id="N" type="dead_end" x="5" y="307" incLanes="side_out_0" intLanes="" shape="0,0"/>
    <junction id="C" type="$JUNCTION" x="5" y="0" incLanes="side_in_0 main_in_0" intLanes=":C_0_0 :C_1_0" shape="0,0">
        <request index="0" response="10" foes="10" cont="0"/>
        <request index="1" response="00" foes="01" cont="0"/>
    </junction>
    <connection from="side_in" to="side_out" fromLane="0" toLane="0" via=":C_0_0" $SIDE/>
    <connection from="main_in" to="main_out" fromLane="0" toLane="0" via=":C_1_0" $MAIN/>
    <connection from=":C_0" to="side_out" fromLane="0" toLane="0" dir="s" state="M"/>
    <connection from=":C_1" to="main_out" fromLane="0" toLane="0" dir="s" state="M"/>
</net>
"#;

const STRAIGHT: &str = r#"dir="s" state=""#;

fn cross(junction: &str, tl: &str, side: &str, main: &str) -> String {
    CROSS
        .replace("$JUNCTION", junction)
        .replace("$TL", tl)
        .replace("$SIDE", side)
        .replace("$MAIN", main)
}

fn priority_cross() -> String {
    cross(
        "priority",
        "",
        &format!("{STRAIGHT}m\""),
        &format!("{STRAIGHT}M\""),
    )
}

fn signal_cross(phases: &str, offset: f64) -> String {
    let tl = format!(
        "<tlLogic id=\"C\" type=\"static\" programID=\"0\" offset=\"{offset}\">{phases}</tlLogic>"
    );
    let way = |n: u8| format!("dir=\"s\" state=\"o\" tl=\"C\" linkIndex=\"{n}\"");
    cross("traffic_light", &tl, &way(0), &way(1))
}

/// Drivers without spread and dawdling, so that runs can be reckoned.
const CAR: &str = r#"<vType id="car" sigma="0" speedDev="0"/>"#;

fn routes(body: &str) -> String {
    format!("<routes>{CAR}{body}</routes>")
}

fn net(text: &str) -> SumoNetwork {
    read_network(text.as_bytes(), "net.xml", &NetworkOptions::default()).unwrap()
}

fn demand(net: &SumoNetwork, body: &str) -> SumoDemand {
    let text = routes(body);
    read_demand(
        &[(text.as_bytes(), "rou.xml")],
        net,
        &DemandOptions::default(),
    )
    .unwrap()
}

/// A finished or running trip: identifier, first and last second on the network.
struct Trip {
    id: String,
    from_s: u32,
    until_s: u32,
}

struct Run {
    trips: Vec<Trip>,
    running: u32,
    outside: u32,
}

impl Run {
    fn duration(&self, id: &str) -> u32 {
        let trip = self.trips.iter().find(|t| t.id == id);
        trip.map(|t| t.until_s - t.from_s)
            .unwrap_or_else(|| panic!("{id} has not arrived"))
    }

    fn total_s(&self) -> f64 {
        let each = self.trips.iter().map(|t| f64::from(t.until_s - t.from_s));
        each.sum()
    }
}

fn run(net: SumoNetwork, demand: SumoDemand, seconds: u32) -> Run {
    run_on(&Arc::new(net.network), demand, seconds)
}

fn run_on(net: &Arc<Network>, demand: SumoDemand, seconds: u32) -> Run {
    let ids = demand.ids;
    let options = SimOptions {
        signals: Signals::Programme,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(Arc::clone(net), Arc::new(demand.demand), options).unwrap();
    let mut came: Vec<Option<(u32, u32)>> = vec![None; ids.len()];
    let mut trips = Vec::new();
    for t in 0..seconds {
        sim.step();
        for f in sim.just_finished() {
            let (flow, from_s) = came[f.event as usize].unwrap();
            trips.push(Trip {
                id: ids[flow as usize].clone(),
                from_s,
                until_s: t + 1,
            });
        }
        for v in sim.vehicles() {
            came[v.event as usize].get_or_insert((v.flow, t));
        }
    }
    Run {
        trips,
        running: sim.running(),
        outside: sim.waiting_outside(),
    }
}

const SIDE_CAR: &str =
    r#"<vehicle id="side" type="car" depart="0"><route edges="side_in side_out"/></vehicle>"#;

fn main_stream(period: f64, begin: f64, end: f64) -> String {
    format!(
        "<route id=\"m\" edges=\"main_in main_out\"/><flow id=\"main\" type=\"car\" route=\"m\" begin=\"{begin}\" end=\"{end}\" period=\"{period}\"/>"
    )
}

#[test]
fn the_minor_road_waits_for_a_gap_and_the_main_road_hardly_notices() {
    let alone = run(
        net(&priority_cross()),
        demand(&net(&priority_cross()), SIDE_CAR),
        200,
    );
    let free_s = alone.duration("side");
    let n = net(&priority_cross());
    // A stream without a gap for half a minute around its arrival.
    let d = demand(&n, &format!("{SIDE_CAR}{}", main_stream(3.0, 0.0, 45.0)));
    let both = run(n, d, 300);
    let n = net(&priority_cross());
    let d = demand(&n, &main_stream(3.0, 0.0, 45.0));
    let main_alone = run(n, d, 300);
    let waited = both.duration("side") - free_s;
    assert!((15..60).contains(&waited), "it waited {waited} s");
    for k in 0..15 {
        let id = format!("main.{k}");
        let lost = both.duration(&id).saturating_sub(main_alone.duration(&id));
        assert!(lost <= 2, "{id} lost {lost} s");
    }
}

#[test]
fn a_green_that_yields_gives_way_and_a_green_with_priority_does_not() {
    let stream = format!("{SIDE_CAR}{}", main_stream(3.0, 0.0, 45.0));
    let with = |state: &str| {
        let n = net(&signal_cross(
            &format!(
                "<phase duration=\"90\" state=\"{state}\"/><phase duration=\"5\" state=\"ry\"/>"
            ),
            0.0,
        ));
        let d = demand(&n, &stream);
        run(n, d, 90)
    };
    let yields = with("gG");
    let n = net(&priority_cross());
    let d = demand(&n, &stream);
    let minor = run(n, d, 300);
    assert_eq!(yields.duration("side"), minor.duration("side"));
    let red = with("rG");
    assert!(red.trips.iter().all(|t| t.id != "side"), "red stops it");
}

#[test]
fn programmes_stand_where_their_offset_says_and_keep_fractions_of_a_second() {
    let phases = "<phase duration=\"10.5\" state=\"Gr\"/><phase duration=\"9.5\" state=\"rG\"/>";
    let text = signal_cross(phases, 3.0);
    let phase_at = |begin: f64| {
        let n = read_network(
            text.as_bytes(),
            "net.xml",
            &NetworkOptions { begin_s: begin },
        )
        .unwrap();
        let options = SimOptions {
            signals: Signals::Programme,
            ..SimOptions::default()
        };
        let junction = n.network.junction_ix("C").unwrap();
        let mut sim = Sim::new(Arc::new(n.network), Arc::new(Demand::none()), options).unwrap();
        let mut all = Vec::new();
        for _ in 0..60 {
            all.push(sim.phase(junction));
            sim.step();
        }
        all
    };
    // Phase 0 runs where (t - 3) mod 20 is below 10.5.
    for begin in [0.0, 7.0, 100.0] {
        let expected: Vec<u16> = (0..60)
            .map(|t| u16::from((begin + f64::from(t) - 3.0_f64).rem_euclid(20.0) >= 10.5))
            .collect();
        assert_eq!(phase_at(begin), expected, "begin {begin}");
    }
}

/// One lane widens to two: the right one turns right, the left one left.
const FORK: &str = r#"<net version="1.20">
    <edge id="in" from="A" to="B"><lane id="in_0" index="0" speed="10" length="100" shape="0,0 100,0"/></edge>
    <edge id="wide" from="B" to="C">
        <lane id="wide_0" index="0" speed="10" length="100" shape="100,0 200,0"/>
        <lane id="wide_1" index="1" speed="10" length="100" shape="100,3.2 200,3.2"/>
        <lane id="wide_2" index="2" allow="bicycle" speed="10" length="100" shape="100,6.4 200,6.4"/>
    </edge>
    <edge id="right" from="C" to="D"><lane id="right_0" index="0" speed="10" length="100" shape="205,-5 205,-105"/></edge>
    <edge id="left" from="C" to="E"><lane id="left_0" index="0" speed="10" length="100" shape="205,8 205,108"/></edge>
    <edge id="path" from="C" to="A"><lane id="path_0" index="0" allow="pedestrian" speed="1" length="200" shape="200,9 0,9"/></edge>
    <junction id="A" type="dead_end" x="0" y="0" incLanes=""/>
    <junction id="B" type="priority" x="100" y="0" incLanes="in_0"><request index="0" response="0" foes="0" cont="0"/></junction>
    <junction id="C" type="priority" x="200" y="0" incLanes="wide_0 wide_1">
        <request index="0" response="00" foes="00" cont="0"/><request index="1" response="00" foes="00" cont="0"/>
    </junction>
    <junction id="D" type="dead_end" x="205" y="-105" incLanes="right_0"/>
    <junction id="E" type="dead_end" x="205" y="108" incLanes="left_0"/>
    <connection from="in" to="wide" fromLane="0" toLane="0" dir="s" state="M"/>
    <connection from="wide" to="right" fromLane="0" toLane="0" dir="r" state="M"/>
    <connection from="wide" to="left" fromLane="1" toLane="0" dir="l" state="M"/>
</net>"#;

#[test]
fn lanes_count_from_the_left_here_and_each_vehicle_enters_the_lane_it_needs() {
    let n = net(FORK);
    let wide = n.network.road_ix("wide").unwrap();
    assert_eq!(n.network.roads()[wide.ix()].lanes.len(), 2, "no cycle lane");
    let leads_to = |lane: &str| {
        let lane = n.network.lane_ix(lane).unwrap();
        let link = n.network.lanes()[lane.ix()].links[0];
        let to = n.network.links()[link.ix()].to;
        n.network.lanes()[to.ix()].id.clone()
    };
    assert_eq!(
        (leads_to("wide_0"), leads_to("wide_1")),
        ("left_0".into(), "right_0".into())
    );
    let d = demand(
        &n,
        r#"<vehicle id="l" type="car" depart="0"><route edges="in wide left"/></vehicle>
           <vehicle id="r" type="car" depart="5"><route edges="in wide right"/></vehicle>"#,
    );
    assert!(
        Sim::new(
            Arc::new(net(FORK).network),
            Arc::new(demand(&n, "").demand),
            SimOptions::default()
        )
        .unwrap()
        .notes()
        .is_empty()
    );
    assert_eq!(
        n.unmodelled
            .count("edge without a lane for cars (paths, rails): left out"),
        1
    );
    assert_eq!(
        n.unmodelled
            .count("lane not for cars (footway, cycle, bus or rail lane): left out"),
        1
    );
    let out = run(n, d, 100);
    assert_eq!(out.trips.len(), 2);
    assert!(out.duration("l").abs_diff(out.duration("r")) <= 2);
}

#[test]
fn trips_flows_and_types_are_read_and_the_rest_is_listed() {
    let n = net(FORK);
    let d = demand(
        &n,
        r#"<vType id="lorry" vClass="truck" tau="1.4" lcStrategic="2"/>
           <vType id="walker" vClass="pedestrian"/>
           <trip id="t" type="lorry" depart="0:01:05.5" from="in" to="left" departSpeed="max"/>
           <flow id="f" type="car" from="in" to="right" begin="10" end="20" number="5"/>
           <flow id="h" type="car" from="in" to="right" begin="100" end="200" vehsPerHour="360"/>
           <flow id="p" type="car" from="in" to="right" begin="0" end="1000" probability="0.2"/>
           <vehicle id="w" type="walker" depart="1"><route edges="in wide"/></vehicle>
           <vehicle id="one" type="car" depart="1"><route edges="in"/></vehicle>
           <vehicle id="s" type="car" depart="2"><route edges="in wide right"/><stop lane="wide_0" duration="9"/></vehicle>
           <trip id="back" type="car" depart="3" from="left" to="in"/>
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
        "`stop` of a vehicle: not made",
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
    let text = br#"<additional><inductionLoop id="d" lane="in_0" pos="-20" freq="60"/><busStop id="b" lane="in_0" startPos="1" endPos="20"/></additional>"#;
    let a = read_additional(text, "x.add.xml").unwrap();
    assert_eq!((a.detectors.len(), a.detectors[0].position_m), (1, -20.0));
    assert_eq!(
        a.unmodelled
            .count("additional element `busStop`: not simulated"),
        1
    );
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
    assert_eq!(error.code(), "CNB-TRAFFIC-0011");
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

struct Scenario {
    name: &'static str,
    begin_s: f64,
}

/// Runs a scenario as `reference/sumo_1_28.csv` was run; (ours, the mean of SUMO's seeds), both the
/// sum over finished trips of the time from insertion to arrival, s.
fn beside_sumo(s: &Scenario) -> Option<(f64, f64)> {
    let dir = crate::common::shared(s.name)?;
    let file = |ext: &str| bytes(dir.join(format!("{0}/{0}.{ext}", s.name)));
    let options = NetworkOptions { begin_s: s.begin_s };
    let net = read_network(&file("net.xml"), s.name, &options).unwrap();
    let rou = file("rou.xml");
    let options = DemandOptions {
        begin_s: s.begin_s,
        end_s: s.begin_s + 3600.0,
        seed: 0,
    };
    let demand = read_demand(&[(&rou, s.name)], &net, &options).unwrap();
    println!(
        "{}: seed 0\n{}{}",
        s.name, net.unmodelled, demand.unmodelled
    );
    let network = Arc::new(net.network);
    let demand = route_by_traffic(&network, &demand, 0).unwrap();
    let ours = run_on(&network, demand, 3600);
    let csv = String::from_utf8(bytes(dir.join("reference/sumo_1_28.csv"))).unwrap();
    let rows: Vec<f64> = csv
        .lines()
        .map(|l| l.split(',').collect::<Vec<_>>())
        .filter(|r| r[0] == s.name)
        .map(|r| r[16].parse().unwrap())
        .collect();
    assert_eq!(rows.len(), 3);
    let theirs = rows.iter().sum::<f64>() / 3.0;
    println!(
        "finished {} running {} outside {} total {} s, SUMO {theirs:.0} s: {:+.1} %",
        ours.trips.len(),
        ours.running,
        ours.outside,
        ours.total_s(),
        (ours.total_s() / theirs - 1.0) * 100.0
    );
    Some((ours.total_s(), theirs))
}

#[test]
fn cologne_takes_as_long_as_in_sumo() {
    let scenario = Scenario {
        name: "cologne3",
        begin_s: 25_200.0,
    };
    if let Some((ours, theirs)) = beside_sumo(&scenario) {
        assert!(
            (ours / theirs - 1.0).abs() <= 0.10,
            "{ours} beside {theirs}"
        );
    }
}

#[test]
fn ingolstadt_takes_as_long_as_in_sumo() {
    let scenario = Scenario {
        name: "ingolstadt21",
        begin_s: 57_600.0,
    };
    if let Some((ours, theirs)) = beside_sumo(&scenario) {
        assert!(
            (ours / theirs - 1.0).abs() <= 0.10,
            "{ours} beside {theirs}"
        );
    }
}

#[test]
fn cologne_agrees_with_its_cityflow_conversion() {
    let Some(dir) = crate::common::shared("cologne_agrees_with_its_cityflow_conversion") else {
        return;
    };
    let ours = read_network(
        &bytes(dir.join("cologne3/cologne3.net.xml")),
        "net",
        &NetworkOptions::default(),
    )
    .unwrap()
    .network;
    let name = "cologne3/cologne3_roadnet_red.json";
    let theirs = Network::from_json(&bytes(dir.join(name)), name).unwrap();
    assert_eq!(ours.roads().len(), theirs.roads().len());
    for road in ours.roads() {
        let other = &theirs.roads()[theirs.road_ix(&road.id).unwrap().ix()];
        assert_eq!(road.lanes.len(), other.lanes.len(), "{}", road.id);
        for (a, b) in road.lanes.iter().zip(&other.lanes) {
            let (a, b) = (&ours.lanes()[a.ix()], &theirs.lanes()[b.ix()]);
            assert!((a.max_speed_m_s - b.max_speed_m_s).abs() < 0.01, "{}", a.id);
        }
    }
    let programmes = |net: &Network| {
        let all = net.signalised().into_iter().map(|j| {
            let j = &net.junctions()[j.ix()];
            (
                j.id.clone(),
                j.phases.iter().map(|p| p.time_s).collect::<Vec<_>>(),
            )
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    assert_eq!(programmes(&ours), programmes(&theirs));
}
