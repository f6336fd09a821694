//! SUMO networks and demand run: each construct on a small net written here, and the two scenarios
//! beside SUMO's own runs. Files and errors: [`super::sumo_files`].

use std::sync::Arc;

use conurb_traffic::sumo::{
    DemandOptions, NetworkOptions, SumoDemand, SumoNetwork, read_demand, read_network,
    route_by_traffic,
};
use conurb_traffic::{Demand, Network, Signals, Sim, SimOptions};

use crate::common::bytes;

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

pub(crate) fn priority_cross() -> String {
    cross(
        "priority",
        "",
        &format!("{STRAIGHT}m\""),
        &format!("{STRAIGHT}M\""),
    )
}

pub(crate) fn signal_cross(phases: &str, offset: f64) -> String {
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

pub(crate) fn net(text: &str) -> SumoNetwork {
    read_network(text.as_bytes(), "net.xml", &NetworkOptions::default()).unwrap()
}

pub(crate) fn demand(net: &SumoNetwork, body: &str) -> SumoDemand {
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

pub(crate) const SIDE_CAR: &str =
    r#"<vehicle id="side" type="car" depart="0"><route edges="side_in side_out"/></vehicle>"#;

pub(crate) fn main_stream(period: f64, begin: f64, end: f64) -> String {
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
pub(crate) const FORK: &str = r#"<net version="1.20">
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
