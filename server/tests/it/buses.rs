//! Buses of a GTFS feed on a network: a small feed written along a route of a generated town.

use serde_json::Value;

use crate::program::{Dir, conurb_test};

/// Metres of a degree of latitude and longitude at the equator (WGS 84), where the towns lie.
const DEGREE_M: (f64, f64) = (110_574.3, 111_319.5);

/// The outer edge of a road at 0.6 of its way, and 1 m more: latitude and longitude.
fn kerb(net: &Value, road: &str) -> (f64, f64) {
    let roads = net["roads"].as_array().expect("a list");
    let road = roads.iter().find(|r| r["id"] == road).expect("the road");
    let points = road["points"].as_array().expect("a list");
    let at = |p: &Value| (p["x"].as_f64().expect("x"), p["y"].as_f64().expect("y"));
    let (a, b) = (at(&points[0]), at(&points[points.len() - 1]));
    let lanes = road["lanes"].as_array().expect("a list");
    let width: f64 = lanes.iter().filter_map(|l| l["width"].as_f64()).sum();
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let right = (width + 1.0) / dx.hypot(dy);
    let (x, y) = (a.0 + 0.6 * dx + dy * right, a.1 + 0.6 * dy - dx * right);
    (y / DEGREE_M.0, x / DEGREE_M.1)
}

/// A town and a feed with one line along a route of its demand; the roads of the stops.
fn town(dir: &Dir) -> Vec<String> {
    dir.run("gen --signals 9 --seed 3 --span 10m --out town")
        .ok();
    let (net, flows) = (dir.json("town/roadnet.json"), dir.json("town/flow.json"));
    let longest = flows.as_array().expect("a list").iter();
    let longest = longest
        .filter_map(|f| f["route"].as_array())
        .max_by_key(|r| r.len())
        .expect("a route");
    let text = |r: &Value| r.as_str().expect("an id").to_owned();
    let roads: Vec<String> = longest.iter().map(text).collect();
    assert!(roads.len() >= 4, "{roads:?}");
    let mut stops = String::from("stop_id,stop_name,stop_lat,stop_lon\nfar,far,1,1\n");
    let mut times = String::from("trip_id,arrival_time,departure_time,stop_id,stop_sequence\n");
    for (n, road) in roads.iter().enumerate() {
        let (lat, lon) = kerb(&net, road);
        stops.push_str(&format!("s{n},s{n},{lat},{lon}\n"));
        times.push_str(&format!(
            "t,07:{:02}:00,07:{:02}:20,s{n},{n}\n",
            n + 1,
            n + 1
        ));
    }
    times.push_str("t,07:50:00,07:50:00,far,99\n");
    times.push_str("rail,07:10:00,07:10:00,s0,0\nrail,07:20:00,07:20:00,s1,1\n");
    for (name, text) in [
        (
            "agency",
            "agency_name,agency_url,agency_timezone\nA,http://a.example,Asia/Shanghai\n",
        ),
        (
            "routes",
            "route_id,route_short_name,route_long_name,route_type\nR7,7,,3\nU,U,,1\n",
        ),
        (
            "calendar",
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
             W,1,1,1,1,1,0,0,20260301,20260331\n",
        ),
        ("trips", "route_id,service_id,trip_id\nR7,W,t\nU,W,rail\n"),
        ("stops", &stops),
        ("stop_times", &times),
    ] {
        dir.write(&format!("feed/{name}.txt"), text);
    }
    roads
}

const FEED: &str = "--gtfs feed --date 2026-03-02 --anchor 0,0";

conurb_test!(
    trips_of_a_feed_become_buses_that_halt_at_their_stops,
    |dir| {
        let roads = town(&dir);
        let run = dir
            .run(&format!(
                "sim convert --network town/roadnet.json {FEED} --to cityflow --out c"
            ))
            .ok();
        for told in [
            "1 of 1 lines",
            "1 of 1 trips",
            "(1 of them in part)",
            "1 trips of the day are not of buses",
            "stop outside of the network (1, first: stop far)",
        ] {
            assert!(run.err.contains(told), "{told}: {run:#?}");
        }
        let flows = dir.json("c/flow.json");
        let flow = &flows[0];
        assert_eq!(flow["route"].as_array().map(Vec::len), Some(roads.len()));
        assert_eq!(flow["vehicle"]["conurb"]["class"], "bus");
        // It leaves its first stop at 07:01:20, 80 s after the run begins.
        assert_eq!(flow["startTime"], 80);
        let halts = flow["conurb"]["stops"].as_array().expect("halts");
        assert_eq!(halts.len(), roads.len() - 1);
        for (n, (halt, road)) in halts.iter().zip(&roads[1..]).enumerate() {
            assert_eq!(
                (&halt["road"], &halt["dwell"]),
                (&Value::from(road.as_str()), &20.0.into())
            );
            assert_eq!(halt["until"], 60.0 * (n as f64 + 1.0));
        }
        // With the cars of the town, and read again from what was written.
        let cars = "--network town/roadnet.json --demand town/flow.json";
        let figures = |words: &str| {
            let words = format!("sim run {words} --span 10m --json --quiet");
            dir.run(&words).ok().json()
        };
        let with = figures(&format!("{cars} {FEED}"));
        let inputs = with["inputs"].as_array().expect("inputs");
        assert!(inputs.iter().any(|i| i["role"] == "buses"), "{with}");
        let alone = figures("--network c/roadnet.json --demand c/flow.json");
        let direct = figures(&format!("--network town/roadnet.json {FEED}"));
        assert_eq!(
            alone["controllers"][0]["kpis"],
            direct["controllers"][0]["kpis"]
        );
    }
);

conurb_test!(feeds_that_do_not_fit_are_refused_with_the_remedy, |dir| {
    town(&dir);
    let city = "sim run --network town/roadnet.json --demand town/flow.json --quiet";
    for (words, says) in [
        (
            "--gtfs feed --date 2026-03-02",
            vec!["where on the globe", "--anchor LON,LAT"],
        ),
        (
            "--gtfs feed --date 2026-03-02 --anchor 100,0",
            vec!["none of the", "--anchor"],
        ),
        (
            "--gtfs feed --date 2026-03-01 --anchor 0,0",
            vec!["CNB-TRANSIT-0006"],
        ),
        (
            "--gtfs none.zip --date 2026-03-02 --anchor 0,0",
            vec!["none.zip"],
        ),
        (
            "--gtfs feed --date 2026-03-02 --anchor 0,0 --from 25:00",
            vec!["25:00"],
        ),
        (
            "--gtfs feed --date 2026-13-02 --anchor 0,0",
            vec!["2026-03-02"],
        ),
        (
            "--gtfs feed --date 2026-03-02 --anchor 0",
            vec!["longitude,latitude"],
        ),
        ("--gtfs feed", vec!["--date"]),
        ("--date 2026-03-02", vec!["--gtfs"]),
    ] {
        dir.run(&format!("{city} {words}")).fails(2, &says);
    }
});
