//! `conurb sim convert`, and SUMO files as input: good and malformed ones, written here.

use crate::program::{Dir, conurb_test};

/// Two one-way streets of two lanes that cross at a signal.
fn cross() -> String {
    let edge = |id: &str, from: &str, to: &str, a: &str, b: &str| {
        format!(
            "<edge id=\"{id}\" from=\"{from}\" to=\"{to}\">\n\
             <lane id=\"{id}_0\" index=\"0\" speed=\"13.9\" length=\"300\" shape=\"{a} {b}\"/>\n</edge>\n"
        )
    };
    format!(
        "<net version=\"1.20\">\n{}{}{}{}\
         <tlLogic id=\"C\" type=\"static\" programID=\"0\" offset=\"0\">\n\
         <phase duration=\"30\" state=\"Gr\"/>\n<phase duration=\"5\" state=\"yr\"/>\n\
         <phase duration=\"25\" state=\"rG\"/>\n<phase duration=\"5\" state=\"ry\"/>\n</tlLogic>\n\
         <junction id=\"W\" type=\"dead_end\" x=\"-302\" y=\"0\" incLanes=\"\"/>\n\
         <junction id=\"S\" type=\"dead_end\" x=\"0\" y=\"-302\" incLanes=\"\"/>\n\
         <junction id=\"E\" type=\"dead_end\" x=\"302\" y=\"0\" incLanes=\"we_out_0\"/>\n\
         <junction id=\"N\" type=\"dead_end\" x=\"0\" y=\"302\" incLanes=\"sn_out_0\"/>\n\
         <junction id=\"C\" type=\"traffic_light\" x=\"0\" y=\"0\" incLanes=\"sn_in_0 we_in_0\">\n\
         <request index=\"0\" response=\"00\" foes=\"10\" cont=\"0\"/>\n\
         <request index=\"1\" response=\"00\" foes=\"01\" cont=\"0\"/>\n</junction>\n\
         <connection from=\"sn_in\" to=\"sn_out\" fromLane=\"0\" toLane=\"0\" tl=\"C\" linkIndex=\"0\" dir=\"s\" state=\"o\"/>\n\
         <connection from=\"we_in\" to=\"we_out\" fromLane=\"0\" toLane=\"0\" tl=\"C\" linkIndex=\"1\" dir=\"s\" state=\"o\"/>\n\
         </net>\n",
        edge("we_in", "W", "C", "-302,0", "-2,0"),
        edge("we_out", "C", "E", "2,0", "302,0"),
        edge("sn_in", "S", "C", "0,-302", "0,-2"),
        edge("sn_out", "C", "N", "0,2", "0,302"),
    )
}

const ROUTES: &str = "<routes>\n<vType id=\"car\" lcStrategic=\"2\"/>\n\
    <flow id=\"we\" type=\"car\" begin=\"0\" end=\"300\" number=\"40\"><route edges=\"we_in we_out\"/></flow>\n\
    <flow id=\"sn\" type=\"car\" from=\"sn_in\" to=\"sn_out\" begin=\"0\" end=\"300\" number=\"20\"/>\n\
    <person id=\"you\" depart=\"0\"><walk edges=\"we_in\"/></person>\n</routes>\n";

const FILES: &str = "--network net.net.xml --demand demand.rou.xml";

fn sumo(dir: &Dir) {
    dir.write("net.net.xml", cross());
    dir.write("demand.rou.xml", ROUTES);
}

/// Vehicles of a demand in CityFlow's form.
fn vehicles(flows: &serde_json::Value) -> i64 {
    let of = |f: &serde_json::Value| {
        let n = |name: &str| f[name].as_f64().expect("a number");
        ((n("endTime") - n("startTime")) / n("interval")) as i64 + 1
    };
    flows.as_array().expect("a list").iter().map(of).sum()
}

conurb_test!(sumo_becomes_cityflow_and_what_is_left_out_is_told, |dir| {
    sumo(&dir);
    let run = dir
        .run(&format!("sim convert {FILES} --to cityflow --out c"))
        .ok();
    for left_out in ["lcStrategic", "person", "demand.rou.xml:2"] {
        assert!(run.err.contains(left_out), "{left_out}: {run:#?}");
    }
    let net = dir.json("c/roadnet.json");
    assert_eq!(net["roads"].as_array().map(Vec::len), Some(4));
    let signal = net["intersections"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|i| i["id"] == "C")
        .expect("the crossing");
    let phases = signal["trafficLight"]["lightphases"].as_array();
    assert!(phases.is_some_and(|p| p.len() >= 4), "{signal}");
    assert_eq!(vehicles(&dir.json("c/flow.json")), 60);
    // What was written is read again and gives the same run as SUMO's files themselves.
    let figures = |files: &str| {
        let words = format!("sim run {files} --span 10m --controller file --json --quiet");
        dir.run(&words).ok().json()["controllers"][0]["kpis"].clone()
    };
    let (ours, theirs) = (
        figures("--network c/roadnet.json --demand c/flow.json"),
        figures(FILES),
    );
    assert_eq!(ours["throughput_veh"]["mean"], 60.0);
    assert_eq!(ours, theirs);
});

conurb_test!(cityflow_becomes_sumo_and_the_demand_is_all_there, |dir| {
    dir.run("gen --signals 4 --seed 2 --span 5m --out town")
        .ok();
    let files = "--network town/roadnet.json --demand town/flow.json";
    let run = dir
        .run(&format!("sim convert {files} --to sumo --out s"))
        .ok();
    assert!(run.err.contains("netconvert"), "{run:#?}");
    let text = |name: &str| String::from_utf8(dir.read(&format!("s/{name}"))).expect("UTF-8");
    for (name, element) in [
        ("net.nod.xml", "<node "),
        ("net.edg.xml", "<edge "),
        ("net.con.xml", "<connection "),
        ("net.tll.xml", "<tlLogic "),
    ] {
        assert!(text(name).contains(element), "{name}");
    }
    let net = dir.json("town/roadnet.json");
    let roads = net["roads"].as_array().map(Vec::len);
    assert_eq!(Some(text("net.edg.xml").matches("<edge ").count()), roads);
    let routes = text("routes.rou.xml");
    let written = routes.matches("<vehicle ").count() + routes.matches("<flow ").count();
    assert!(written > 0, "{routes}");
    // CityFlow to CityFlow keeps the run.
    dir.run(&format!("sim convert {files} --to cityflow --out again"))
        .ok();
    let figures = |files: &str| {
        let words = format!("sim run {files} --span 5m --json --quiet");
        dir.run(&words).ok().json()["controllers"][0]["kpis"].clone()
    };
    let again = "--network again/roadnet.json --demand again/flow.json";
    assert_eq!(figures(files), figures(again));
});

conurb_test!(a_sumo_city_runs_and_is_compared, |dir| {
    sumo(&dir);
    let run = dir
        .run(&format!(
            "sim run {FILES} --span 5m --controller file --lang en"
        ))
        .ok();
    assert!(run.err.contains("not modelled"), "{run:#?}");
    let run = dir
        .run(&format!(
            "sim compare {FILES} --span 5m --controllers file,webster --seeds 2 --json --quiet --out o"
        ))
        .ok();
    assert_eq!(run.json()["controllers"].as_array().map(Vec::len), Some(2));
    // Lists of foes and changing lane are two junction models that do not go together.
    dir.run(&format!("sim run {FILES} --lane-change --quiet"))
        .fails(2, &["lane_change", "CNB-TRAFFIC-"]);
});

conurb_test!(malformed_sumo_files_are_told_with_their_place, |dir| {
    sumo(&dir);
    let command = format!("sim convert {FILES} --to cityflow --out x");
    for (from, to, says) in [
        ("</net>", "</not>", "net.net.xml"),
        ("length=\"300\"", "length=\"long\"", "net.net.xml:3"),
        ("length=\"300\"", "length=\"-1\"", "net.net.xml:3"),
        ("from=\"W\"", "from=\"nowhere\"", "nowhere"),
        ("state=\"Gr\"", "state=\"Gx\"", "net.net.xml:15"),
        ("linkIndex=\"1\"", "linkIndex=\"7\"", "7"),
        ("tl=\"C\"", "tl=\"Z\"", "Z"),
        ("id=\"we_out\"", "id=\"we_in\"", "we_in"),
    ] {
        let bad = cross().replacen(from, to, 1);
        assert_ne!(bad, cross(), "{from}");
        dir.write("net.net.xml", bad);
        dir.run(&command).fails(2, &["error[CNB-TRAFFIC-", says]);
        assert!(!dir.path("x").exists(), "{from} -> {to} left something");
    }
    dir.write("net.net.xml", cross());
    for (from, to, says) in [
        ("</routes>", "", "demand.rou.xml"),
        ("begin=\"0\"", "begin=\"soon\"", "demand.rou.xml:3"),
        ("we_in we_out", "we_in nowhere", "nowhere"),
        ("number=\"40\"", "number=\"-4\"", "demand.rou.xml:3"),
        ("type=\"car\"", "type=\"tank\"", "tank"),
    ] {
        let bad = ROUTES.replacen(from, to, 1);
        assert_ne!(bad, ROUTES, "{from}");
        dir.write("demand.rou.xml", bad);
        dir.run(&command).fails(2, &["error[CNB-TRAFFIC-", says]);
    }
    dir.write("demand.rou.xml", "");
    dir.run(&command).fails(2, &["demand.rou.xml"]);
    dir.write("net.net.xml", [0xff, 0xfe, 0x00]);
    dir.run(&command).fails(2, &["net.net.xml"]);
});

conurb_test!(what_cannot_be_converted_is_refused, |dir| {
    sumo(&dir);
    dir.run(&format!("sim convert {FILES} --to vissim --out x"))
        .fails(2, &["vissim", "cityflow", "sumo"]);
    dir.run(&format!("sim convert {FILES} --out x"))
        .fails(2, &["--to"]);
    dir.run("sim convert --network none.net.xml --demand demand.rou.xml --to sumo --out x")
        .fails(2, &["none.net.xml", "check the path"]);
    dir.write("file", "in the way");
    dir.run(&format!("sim convert {FILES} --to cityflow --out file/x"))
        .fails(2, &["file/x"]);
});

/// Two streets that cross at a signal.
const MAP: &str = r#"<osm version="0.6">
<node id="1" lat="30.2500" lon="120.1480"/><node id="2" lat="30.2500" lon="120.1520"/>
<node id="3" lat="30.2480" lon="120.1500"/><node id="4" lat="30.2520" lon="120.1500"/>
<node id="5" lat="30.2500" lon="120.1500"><tag k="highway" v="traffic_signals"/></node>
<way id="10"><nd ref="1"/><nd ref="5"/><nd ref="2"/><tag k="highway" v="primary"/><tag k="lanes" v="4"/></way>
<way id="20"><nd ref="3"/><nd ref="5"/><nd ref="4"/><tag k="highway" v="tertiary"/></way>
<way id="30"><nd ref="3"/><nd ref="4"/><tag k="highway" v="footway"/></way>
</osm>
"#;

conurb_test!(maps_are_networks_with_and_without_a_demand, |dir| {
    dir.write("town.osm", MAP);
    let run = dir
        .run("sim convert --network town.osm --to cityflow --out c")
        .ok();
    assert!(run.err.contains("way `highway=footway`: left out"));
    assert!(run.err.contains("assumed: speed limit"));
    let trips = "<routes><vType id=\"car\"/>\
        <flow id=\"a\" type=\"car\" from=\"10#0\" to=\"20#1\" begin=\"0\" end=\"300\" number=\"40\"/></routes>";
    dir.write("trips.rou.xml", trips);
    dir.run(
        "sim run --network town.osm --demand trips.rou.xml --controller maxpressure --span 10m",
    )
    .ok();
    dir.run("sim convert --network town.osm --demand trips.rou.xml --to sumo --out s")
        .ok();
    dir.write(
        "node.csv",
        "node_id,x_coord,y_coord,ctrl_type\na,120.148,30.25,\nb,120.15,30.25,\n",
    );
    dir.write(
        "link.csv",
        "link_id,from_node_id,to_node_id,directed\n1,a,b,false\n",
    );
    dir.run("sim convert --network . --to cityflow --out g")
        .ok();
    dir.write(
        "link.csv",
        "link_id,from_node_id,to_node_id,directed\n1,a,q,false\n",
    );
    dir.run("sim convert --network . --to cityflow --out g")
        .fails(2, &["link.csv:2", "to_node_id", "\"q\""]);
    dir.run("sim convert --gen signals=4,seed=1 --to cityflow --out h")
        .ok();
    dir.run("sim convert --network town.osm --bbox 1,2 --to cityflow --out b")
        .fails(2, &["west,south,east,north"]);
    dir.write("town.osm.pbf", "no blocks");
    dir.run("sim convert --network town.osm.pbf --to cityflow --out p")
        .fails(2, &["error[CNB-TRAFFIC-", "block 0"]);
});

const ADDITIONAL: &str = "<additional>\n\
    <busStop id=\"stop\" lane=\"we_in_0\" startPos=\"100\" endPos=\"120\"/>\n\
    <vType id=\"line\" vClass=\"bus\"/>\n\
    <vehicle id=\"bus\" type=\"line\" depart=\"0\"><route edges=\"we_in we_out\"/><stop busStop=\"stop\" duration=\"20\" until=\"90\"/></vehicle>\n\
    <rerouter id=\"works\" edges=\"we_in\"><interval begin=\"60\" end=\"120\"><closingLaneReroute id=\"sn_out_0\"/></interval></rerouter>\n\
    <variableSpeedSign id=\"slow\" lanes=\"we_out_0\"><step time=\"30\" speed=\"5\"/><step time=\"90\" speed=\"-1\"/></variableSpeedSign>\n\
    <calibrator id=\"c\" lane=\"we_in_0\"/>\n</additional>\n";

conurb_test!(
    stops_closures_and_limits_of_additional_files_are_read,
    |dir| {
        sumo(&dir);
        dir.write("more.add.xml", ADDITIONAL);
        let files = format!("{FILES} --additional more.add.xml");
        let run = dir
            .run(&format!("sim convert {files} --to cityflow --out c"))
            .ok();
        assert!(run.err.contains("calibrator"), "{run:#?}");
        assert!(!run.err.contains("rerouter"), "{run:#?}");
        let flows = dir.json("c/flow.json");
        assert_eq!(vehicles(&flows), 61);
        let bus = flows.as_array().expect("a list").iter();
        let bus: Vec<_> = bus
            .filter(|f| f["vehicle"]["conurb"]["class"] == "bus")
            .collect();
        let halt = &bus[0]["conurb"]["stops"][0];
        assert_eq!(
            (
                &halt["road"],
                &halt["position"],
                &halt["dwell"],
                &halt["until"]
            ),
            (&"we_in".into(), &120.0.into(), &20.0.into(), &90.0.into())
        );
        let changes = dir.json("c/changes.json");
        assert_eq!(changes["closures"][0]["road"], "sn_out");
        assert_eq!(changes["closures"][0]["from"], 60.0);
        assert_eq!(changes["speedLimits"][0]["to"], 90.0);
        // They tell in the run: a closed road and a slow one cost time.
        let delay = |files: &str| {
            let words = format!("sim run {files} --span 10m --controller file --json --quiet");
            let document = dir.run(&words).ok().json();
            let kpis = &document["controllers"][0]["kpis"];
            kpis["average_travel_time_s_network"]["mean"]
                .as_f64()
                .unwrap_or_else(|| panic!("{kpis}"))
        };
        assert!(delay(&files) > delay(FILES) + 1.0);
        // Written as SUMO's, the halt is there again.
        dir.run(&format!("sim convert {files} --to sumo --out s"))
            .ok();
        let routes = String::from_utf8(dir.read("s/routes.rou.xml")).expect("UTF-8");
        let stop = "<stop lane=\"we_in_0\" endPos=\"120\" duration=\"20\" until=\"90\"/>";
        assert!(
            routes.contains(stop) && routes.contains("vClass=\"bus\""),
            "{routes}"
        );
        // Where they make no sense they are refused.
        #[cfg(feature = "signals")]
        dir.run(&format!("day {files} --span 5m --quiet"))
            .fails(2, &["--additional", "conurb sim run"]);
        dir.write("bad.add.xml", ADDITIONAL.replace("sn_out_0", "gone_0"));
        dir.run(&format!("sim run {FILES} --additional bad.add.xml --quiet"))
            .fails(2, &["bad.add.xml:5", "gone_0"]);
        dir.run("gen --signals 4 --span 5m --out town").ok();
        dir.run("sim run --network town/roadnet.json --demand town/flow.json --additional more.add.xml --quiet")
        .fails(2, &["--additional is for demands of SUMO"]);
    }
);
