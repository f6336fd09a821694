//! Stops along known roads are found again; times, edges and gaps; what is told.

use rand::RngExt as _;

use super::*;
use crate::citygen::{City, CityOptions};
use crate::file::{PointFile, RoadFile};
use crate::ids::RoadIx;
use crate::osm;
use crate::routing::Router;
use crate::sim::{Signals, Sim, SimOptions};
use crate::streets::MapOptions;

const LAT_LON: (f64, f64) = (30.2, 120.1);
const SEVEN_S: u32 = 7 * 3_600;

fn city(signals: u32) -> Network {
    let options = CityOptions {
        signals,
        span_s: 60,
        ..CityOptions::default()
    };
    let city = City::generate(&options).unwrap();
    Network::from_json(&city.network_json, "roadnet.json").unwrap()
}

fn anchor() -> Anchor {
    Anchor::at_origin(LAT_LON.0, LAT_LON.1)
}

fn options() -> BusOptions {
    BusOptions::new(anchor(), SEVEN_S, 3_600)
}

/// Latitude and longitude of a point of the network.
fn degrees(anchor: Anchor, [x, y]: [f64; 2]) -> (f64, f64) {
    let plane = anchor.plane();
    let (mut lat, mut lon) = (anchor.lat_deg, anchor.lon_deg);
    for _ in 0..6 {
        let [east, north] = plane(lat, lon);
        lat += (y - north) / 111_000.0;
        lon += (x - east) / (111_000.0 * lat.to_radians().cos());
    }
    (lat, lon)
}

/// A point beside the outermost lane of a road: share of its way, m to the right.
fn beside(net: &Network, road: RoadIx, share: f64, right_m: f64) -> [f64; 2] {
    let lanes = &net.roads[road.ix()].lanes;
    let line = &net.lanes[lanes[lanes.len() - 1].ix()].points;
    let (a, b) = (line[0], line[line.len() - 1]);
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let length = dx.hypot(dy);
    [
        a[0] + dx * share + dy / length * right_m,
        a[1] + dy * share - dx / length * right_m,
    ]
}

fn stop(id: &str, at: [f64; 2]) -> BusStop {
    BusStop {
        id: id.into(),
        lat_lon_deg: Some(degrees(anchor(), at)),
    }
}

/// A trip over all stops in order, two minutes apart, from a time of the day.
fn trip(id: &str, stops: std::ops::Range<u32>, from_s: u32) -> BusTrip {
    let calls = stops.enumerate().map(|(k, stop)| BusCall {
        stop,
        arr_s: from_s + 120 * u32::try_from(k).unwrap(),
        dep_s: from_s + 120 * u32::try_from(k).unwrap(),
        timed: true,
    });
    BusTrip {
        id: id.into(),
        calls: calls.collect(),
    }
}

fn line(trips: Vec<BusTrip>) -> Vec<BusLine> {
    vec![BusLine {
        name: "1".into(),
        trips,
    }]
}

/// Roads of a way across the city, at least `roads` of them.
fn way(net: &Network, roads: usize) -> Vec<RoadIx> {
    let mut rng = conurb_base::stream(7, "way", "test");
    let mut router = Router::by_time(net);
    let count = u32::try_from(net.roads.len()).unwrap();
    for _ in 0..10_000 {
        let (from, to) = (rng.random_range(0..count), rng.random_range(0..count));
        if let Some(way) = router.cheapest(RoadIx(from), RoadIx(to), 0.0)
            && way.len() >= roads
        {
            return way;
        }
    }
    unreachable!("the city has a way of {roads} roads")
}

/// Stops beside each of these roads.
fn along(net: &Network, roads: &[RoadIx]) -> Vec<BusStop> {
    let stops = roads.iter().enumerate();
    stops
        .map(|(n, road)| stop(&format!("s{n}"), beside(net, *road, 0.6, 3.0)))
        .collect()
}

fn halts(net: &Network, buses: &Buses, flow: usize) -> Vec<(RoadIx, f64, f64, Option<f64>)> {
    let flow = &buses.demand.flows()[flow];
    let roads = &buses.demand.routes()[flow.route as usize];
    for pair in roads.windows(2) {
        assert!(net.connected(pair[0], pair[1]));
    }
    let list = flow
        .stops
        .map(|l| &buses.demand.stop_lists()[l as usize][..]);
    let halt = |s: &crate::demand::Stop| {
        let road = roads[s.road_at as usize];
        (road, s.position_m, s.dwell_s, s.until_s)
    };
    list.unwrap_or(&[]).iter().map(halt).collect()
}

/// Forty lines over random ways with a stop beside each road, scattered by 4 m; and the ways.
fn scattered(net: &Network) -> (BusTimetable, Vec<Vec<RoadIx>>) {
    let mut rng = conurb_base::stream(3, "stops", "test");
    let mut router = Router::by_time(net);
    let count = u32::try_from(net.roads.len()).unwrap();
    let mut timetable = BusTimetable::default();
    let mut truth = Vec::new();
    while timetable.lines.len() < 40 {
        let (from, to) = (rng.random_range(0..count), rng.random_range(0..count));
        let Some(way) = router.cheapest(RoadIx(from), RoadIx(to), 0.0) else {
            continue;
        };
        if way.len() < 4 {
            continue;
        }
        let first = u32::try_from(timetable.stops.len()).unwrap();
        for (n, road) in way.iter().enumerate() {
            let share = 0.2 + 0.6 * rng.random::<f64>();
            let right_m = 3.0 + 8.0 * (rng.random::<f64>() - 0.5);
            let at = beside(net, *road, share, right_m);
            timetable.stops.push(stop(&format!("{first}/{n}"), at));
        }
        let last = u32::try_from(timetable.stops.len()).unwrap();
        timetable.lines.push(BusLine {
            name: format!("{}", truth.len()),
            trips: vec![trip("t", first..last, SEVEN_S)],
        });
        truth.push(way);
    }
    (timetable, truth)
}

#[test]
fn stops_scattered_along_known_routes_are_matched_to_their_roads() {
    let net = city(64);
    let (timetable, truth) = scattered(&net);
    let buses = add(&net, &timetable, &options()).unwrap();
    let (mut right, mut all) = (0, 0);
    for (n, way) in truth.iter().enumerate() {
        let flow = buses
            .ids
            .iter()
            .position(|id| *id == format!("{n} t"))
            .unwrap();
        let found = halts(&net, &buses, flow);
        // The bus leaves its first stop without a halt.
        assert_eq!(found.len() + 1, way.len());
        all += found.len();
        right += found
            .iter()
            .zip(&way[1..])
            .filter(|(h, r)| h.0 == **r)
            .count();
    }
    println!("{right} of {all} stops on their road");
    assert!(right * 100 >= all * 98, "{right} of {all}");
    assert_eq!(buses.report.stops.all, buses.report.stops.found);
    assert_eq!(
        (buses.report.trips.found, buses.report.trips_in_part),
        (40, 0)
    );
    assert!(
        buses.report.not_matched.is_empty(),
        "{}",
        buses.report.not_matched
    );
    // Equal input, equal output; and what is written is read again.
    let again = add(&net, &timetable, &options()).unwrap();
    assert_eq!(again.demand.flows(), buses.demand.flows());
    let written = buses.demand.to_flows(&net);
    let read = Demand::from_file(&written, "flow.json", &net).unwrap();
    for (a, b) in read.flows().iter().zip(buses.demand.flows()) {
        assert_eq!(
            read.stop_lists()[a.stops.unwrap() as usize],
            buses.demand.stop_lists()[b.stops.unwrap() as usize]
        );
        assert_eq!((a.start_s, a.end_s), (b.start_s, b.end_s));
    }
    let bus = &read.templates()[0];
    assert!(bus.class == crate::VehicleClass::Bus && bus.length_m == 12.0);
}

#[test]
fn times_become_departures_halts_and_a_timetable() {
    let net = city(16);
    let roads = way(&net, 4);
    let mut timetable = BusTimetable {
        stops: along(&net, &roads[..4]),
        lines: Vec::new(),
    };
    let mut waits = trip("waits", 0..4, SEVEN_S + 60);
    // 30 s for passengers, then a pause of five minutes.
    waits.calls[1].dep_s += 30;
    waits.calls[2].dep_s += 300;
    let mut under_way = trip("under way", 0..4, SEVEN_S - 150);
    under_way.calls[3].timed = false;
    timetable.lines = line(vec![
        waits,
        under_way,
        trip("over", 0..4, SEVEN_S - 900),
        trip("later", 0..4, SEVEN_S + 3_600),
    ]);
    let buses = add(&net, &timetable, &options()).unwrap();
    assert_eq!(buses.ids, ["1 waits", "1 under way"]);
    assert_eq!(buses.report.trips, Share { all: 2, found: 2 });
    let at = |n: usize| {
        let found = halts(&net, &buses, n).into_iter();
        found.map(|h| (h.0, h.2, h.3)).collect::<Vec<_>>()
    };
    assert_eq!(buses.demand.flows()[0].start_s, 60);
    assert_eq!(
        at(0),
        [
            (roads[1], 30.0, Some(150.0)),
            (roads[2], 60.0, Some(540.0)),
            (roads[3], 15.0, None),
        ]
    );
    // Two stops lie behind it when the run begins; it comes to the third 90 s later.
    assert_eq!(buses.demand.flows()[1].start_s, 90);
    assert_eq!(at(1), [(roads[2], 15.0, Some(0.0)), (roads[3], 15.0, None)]);
}

#[test]
fn what_lies_outside_too_far_away_or_nowhere_is_told() {
    let net = city(16);
    let roads = way(&net, 5);
    let mut stops = along(&net, &roads[..5]);
    // Of the trip the second stop is far from every road, the first lies beyond the edge.
    stops[0] = stop("s0", [-9_000.0, 0.0]);
    let near = beside(&net, roads[1], 0.6, 3.0);
    let far = (0..400).map(|k| {
        let (a, r) = (f64::from(k % 20) * 0.314, 60.0 + 10.0 * f64::from(k / 20));
        [near[0] + r * a.cos(), near[1] + r * a.sin()]
    });
    let kerbs = kerbs::Kerbs::new(&net, 50.0, 12.0);
    let p = |at: &[f64; 2]| crate::geometry::P::new(at[0], at[1]);
    let far = far
        .into_iter()
        .find(|at| kerbs.near(p(at)).is_empty() && kerbs.inside(p(at)))
        .unwrap();
    stops[1] = stop("s1", far);
    stops.push(BusStop {
        id: "s5".into(),
        lat_lon_deg: None,
    });
    let timetable = BusTimetable {
        stops,
        lines: line(vec![trip("t", 0..6, SEVEN_S), trip("out", 0..1, SEVEN_S)]),
    };
    let buses = add(&net, &timetable, &options()).unwrap();
    let report = &buses.report;
    assert_eq!(report.stops, Share { all: 6, found: 3 });
    assert_eq!(report.trips, Share { all: 2, found: 1 });
    assert_eq!(report.trips_in_part, 1);
    for (what, first) in [
        ("stop outside of the network", "stop s0"),
        (
            "stop farther than the search radius from every road that a bus fits on",
            "stop s1",
        ),
        ("stop without coordinates", "stop s5"),
        (
            "trip without a stop on the streets in the time of the run",
            "line 1 trip out",
        ),
    ] {
        let features = report.not_matched.features();
        let found = features.iter().find(|f| f.feature == what);
        assert_eq!(
            found.map(|f| (f.count, &*f.first)),
            Some((1, first)),
            "{what}"
        );
    }
    // It comes in on the road of its third stop, when it arrives there.
    assert_eq!(buses.demand.flows()[0].start_s, 240);
    let found: Vec<RoadIx> = halts(&net, &buses, 0).iter().map(|h| h.0).collect();
    assert_eq!(found, roads[2..5]);
}

#[test]
fn stops_that_no_way_joins_are_left_out_or_cut_the_trip() {
    // A road of its own in the middle of a block.
    let mut file = city(16).to_file();
    let net = Network::from_file(&file, "roadnet.json").unwrap();
    let roads = way(&net, 5);
    let kerbs = kerbs::Kerbs::new(&net, 120.0, 12.0);
    let free = (0..10_000)
        .map(|k| [f64::from(k % 100) * 20.0, f64::from(k / 100) * 20.0])
        .find(|[x, y]| {
            kerbs.near(crate::geometry::P::new(*x, *y)).is_empty()
                && kerbs.inside(crate::geometry::P::new(*x, *y))
        })
        .unwrap();
    for end in ["lost_a", "lost_b"] {
        let mut node = file.intersections[0].clone();
        (node.id, node.is_virtual) = (end.into(), true);
        file.intersections.push(node);
    }
    let point = |x: f64| PointFile {
        x: free[0] + x,
        y: free[1],
    };
    let lost = RoadFile {
        id: "lost".into(),
        points: vec![point(-40.0), point(40.0)],
        lanes: vec![file.roads[0].lanes[0].clone()],
        start_intersection: "lost_a".into(),
        end_intersection: "lost_b".into(),
        extra: Default::default(),
    };
    file.roads.push(lost);
    let net = Network::from_file(&file, "roadnet.json").unwrap();
    let mut stops = along(&net, &roads[..5]);
    stops.insert(2, stop("lost", free));
    let timetable = |stops| BusTimetable {
        stops,
        lines: line(vec![trip("t", 0..6, SEVEN_S)]),
    };
    let buses = add(&net, &timetable(stops.clone()), &options()).unwrap();
    let found: Vec<RoadIx> = halts(&net, &buses, 0).iter().map(|h| h.0).collect();
    assert_eq!(found, roads[1..5]);
    let told = buses.report.not_matched.features();
    let told: Vec<_> = told.iter().map(|f| (&*f.feature, &*f.first)).collect();
    let no_way = "call left out: no way joins it with the calls around";
    assert!(told.contains(&(no_way, "stop lost of line 1")), "{told:?}");
    assert!(told.contains(&("stop that no way joins with the stops around", "stop lost")));
    // Begun there, the first three stops behind it cannot be reached: the trip is cut, both parts run,
    // the first nowhere.
    stops.swap(0, 2);
    stops.swap(1, 2);
    let buses = add(&net, &timetable(stops), &options()).unwrap();
    let told = buses.report.not_matched.features();
    let told: Vec<_> = told.iter().map(|f| (&*f.feature, f.count)).collect();
    assert!(
        told.contains(&("trip cut: no way leads on from this stop", 1)),
        "{told:?}"
    );
    assert!(told.contains(&(
        "bus on a road that no other road is joined with: left out",
        1
    )));
    assert_eq!(halts(&net, &buses, 0).len(), 5);
}

/// A ring of four two-way streets around a block of some 200 m.
fn ring(left_hand: bool) -> Network {
    let nodes = [(0, 0), (2, 0), (2, 2), (0, 2)];
    let mut map = String::from("<osm version=\"0.6\">\n");
    for (n, (x, y)) in nodes.iter().enumerate() {
        let (lat, lon) = (30.2 + 0.001 * f64::from(*y), 120.1 + 0.001 * f64::from(*x));
        map.push_str(&format!(
            "<node id=\"{}\" lat=\"{lat}\" lon=\"{lon}\"/>\n",
            n + 1
        ));
    }
    for n in 0..4 {
        let (a, b) = (n + 1, (n + 1) % 4 + 1);
        map.push_str(&format!(
            "<way id=\"{}\"><nd ref=\"{a}\"/><nd ref=\"{b}\"/><tag k=\"highway\" v=\"secondary\"/>\
             <tag k=\"name\" v=\"{n}\"/></way>\n",
            n + 10
        ));
    }
    // A street across, so that the corners are junctions.
    map.push_str(
        "<way id=\"20\"><nd ref=\"1\"/><nd ref=\"3\"/><tag k=\"highway\" v=\"secondary\"/></way>\n\
         <way id=\"21\"><nd ref=\"2\"/><nd ref=\"4\"/><tag k=\"highway\" v=\"secondary\"/></way>\n</osm>\n",
    );
    let options = MapOptions {
        left_hand,
        ..MapOptions::default()
    };
    osm::read_map(map.as_bytes(), "ring.osm", &options)
        .unwrap()
        .network
        .network
}

#[test]
fn the_kerb_is_on_the_side_that_is_driven_on() {
    for left_hand in [false, true] {
        let net = ring(left_hand);
        let anchor = net.anchor().unwrap();
        // South of the southern street: the kerb of who drives east on the right, west on the left.
        let south = (0..net.roads.len()).map(RoadIx::of).filter(|r| {
            let road = &net.roads[r.ix()];
            road.points.iter().all(|p| p[1] < -80.0)
        });
        let east = |r: &RoadIx| {
            let points = &net.roads[r.ix()].points;
            points[points.len() - 1][0] > points[0][0]
        };
        let expected: Vec<RoadIx> = south.filter(|r| east(r) != left_hand).collect();
        let timetable = BusTimetable {
            stops: vec![BusStop {
                id: "south".into(),
                lat_lon_deg: Some((30.2 - 0.00006, 120.101)),
            }],
            lines: line(vec![trip("t", 0..1, SEVEN_S)]),
        };
        let options = BusOptions::new(anchor, SEVEN_S, 3_600);
        let buses = add(&net, &timetable, &options).unwrap();
        let flow = &buses.demand.flows()[0];
        // One road alone is no route: it drives on to another.
        let roads = &buses.demand.routes()[flow.route as usize];
        assert_eq!((roads.len(), roads[0]), (2, expected[0]), "{left_hand}");
        // The place on the globe is kept in the file.
        let again = Network::from_file(&net.to_file(), "ring.json").unwrap();
        assert_eq!(again.anchor(), Some(anchor));
    }
}

#[test]
fn a_call_of_no_stop_and_options_out_of_range_are_refused() {
    let net = city(4);
    let timetable = BusTimetable {
        stops: Vec::new(),
        lines: line(vec![trip("t", 0..2, SEVEN_S)]),
    };
    let said = |timetable: &BusTimetable, options: BusOptions| {
        add(&net, timetable, &options).unwrap_err().to_string()
    };
    let error = said(&timetable, options());
    assert!(error.contains("stop 0 is none of the 0"), "{error}");
    let none = BusTimetable::default();
    for (radius_m, dwell_s) in [
        (0.0, 15.0),
        (f64::NAN, 15.0),
        (50.0, -1.0),
        (50.0, f64::NAN),
    ] {
        let wrong = BusOptions {
            radius_m,
            dwell_s,
            ..options()
        };
        assert!(
            said(&none, wrong).contains("is not"),
            "{radius_m} {dwell_s}"
        );
    }
}

#[test]
fn buses_halt_at_every_stop_and_leave_none_too_early() {
    let net = city(16);
    let roads = way(&net, 5);
    let timetable = BusTimetable {
        stops: along(&net, &roads),
        lines: line(vec![
            trip("a", 0..5, SEVEN_S),
            trip("b", 0..5, SEVEN_S + 300),
        ]),
    };
    let buses = add(&net, &timetable, &options()).unwrap();
    let net = std::sync::Arc::new(net);
    let how = SimOptions {
        signals: Signals::Programme,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(net, std::sync::Arc::new(buses.demand), how).unwrap();
    for _ in 0..1_800 {
        sim.step();
    }
    let tally = sim.halt_tally();
    assert_eq!((tally.served, tally.missed), (8, 0));
    // Three of four have a timetable that holds; two minutes are enough from stop to stop.
    assert_eq!(tally.timed, 6);
    assert!(tally.late_s < 6.0 * 30.0, "{tally:?}");

    assert_eq!(sim.finished(), 2);
}
