//! Stops of SUMO's vehicles, routes and flows: where, how long, until when; what is listed; bad ones.

use std::sync::Arc;

use conurb_base::Coded as _;
use conurb_traffic::sumo::{DemandOptions, SumoDemand, read_demand, route_by_traffic, routes_xml};
use conurb_traffic::{Stop, TrafficError};

use crate::sumo::{FORK, demand, net};

/// The halts of a vehicle.
fn halts(d: &SumoDemand, id: &str) -> Vec<Stop> {
    let at = d.ids.iter().position(|i| i == id);
    let flow = &d.demand.flows()[at.unwrap_or_else(|| panic!("{id} is read"))];
    let list = flow
        .stops
        .map(|l| d.demand.stop_lists()[l as usize].clone());
    list.unwrap_or_default()
}

fn stop(road_at: u32, position_m: f64, dwell_s: f64, until_s: Option<f64>) -> Stop {
    Stop {
        road_at,
        position_m,
        dwell_s,
        until_s,
    }
}

#[test]
fn stops_of_vehicles_routes_and_flows_become_halts() {
    let n = net(FORK);
    let wide_m = n.network.lanes()[n.network.lane_ix("wide_0").unwrap().0 as usize].length_m;
    let d = demand(
        &n,
        r#"<busStop id="b" lane="wide_0" startPos="20" endPos="40"/>
           <route id="r" edges="in wide right"><stop busStop="b" until="90"/></route>
           <vehicle id="lane" type="car" depart="5"><route edges="in wide right"/>
             <stop lane="in_0" endPos="30" duration="9"/>
             <stop lane="in_0" endPos="30" duration="2" until="65"/>
             <stop lane="wide_0" endPos="-10" duration="0:00:20"/>
             <stop lane="right_0" until="2"/></vehicle>
           <vehicle id="named" type="car" depart="6" route="r"/>
           <flow id="f" type="car" route="r" begin="10" end="40" period="10">
             <stop lane="right_0" endPos="15" duration="3" until="110"/></flow>
           <trip id="t" type="car" depart="50" from="in" to="right"><stop busStop="b" duration="4"/></trip>
           <vehicle id="none" type="car" depart="60"><route edges="in wide right"/></vehicle>"#,
    );
    let right_m = n.network.lanes()[n.network.lane_ix("right_0").unwrap().0 as usize].length_m;
    assert_eq!(
        halts(&d, "lane"),
        [
            // Two at one place are one, and 65 s of the clock 60 s after it departs.
            stop(0, 30.0, 11.0, Some(60.0)),
            stop(1, wide_m - 10.0, 20.0, None),
            // What was due before it departed holds nobody.
            stop(2, right_m, 0.0, Some(0.0)),
        ]
    );
    // Times of a named route's stops count from departure, those of a flow are its first vehicle's.
    assert_eq!(halts(&d, "named"), [stop(1, 40.0, 0.0, Some(90.0))]);
    for id in ["f.0", "f.1", "f.2"] {
        let all = [
            stop(1, 40.0, 0.0, Some(90.0)),
            stop(2, 15.0, 3.0, Some(100.0)),
        ];
        assert_eq!(halts(&d, id), all, "{id}");
    }
    assert_eq!(halts(&d, "t"), [stop(1, 40.0, 4.0, None)]);
    assert_eq!(halts(&d, "none"), []);
    assert!(d.unmodelled.is_empty(), "{}", d.unmodelled);
    // Routing by traffic keeps halts; written as SUMO's they are read again.
    let network = Arc::new(net(FORK).network);
    let routed = route_by_traffic(&network, &d, 0).unwrap();
    let text = routes_xml(&network, &d.demand, Some(&d.ids));
    let again = read_demand(
        &[(text.as_bytes(), "again.rou.xml")],
        &n,
        &DemandOptions::default(),
    );
    let again = again.unwrap();
    for id in &d.ids {
        assert_eq!(halts(&routed, id), halts(&d, id), "{id}");
        assert_eq!(halts(&again, id), halts(&d, id), "{id}: {text}");
    }
}

#[test]
fn a_trip_is_led_over_its_stops() {
    let n = net(FORK);
    let d = demand(
        &n,
        r#"<trip id="t" type="car" depart="0" from="in" to="right">
             <stop lane="in_0" endPos="30" duration="1"/><stop lane="wide_0" endPos="9" duration="1"/></trip>"#,
    );
    assert_eq!(halts(&d, "t").len(), 2);
    let route = &d.demand.routes()[d.demand.flows()[0].route as usize];
    let ids: Vec<&str> = (route.iter().map(|r| &*n.network.roads()[r.0 as usize].id)).collect();
    assert_eq!(ids, ["in", "wide", "right"]);
}

#[test]
fn stops_that_are_not_made_are_listed() {
    let n = net(FORK);
    let d = demand(
        &n,
        r#"<vehicle id="v" type="car" depart="5"><route edges="in wide right"/>
             <stop lane="in_0" triggered="true" duration="9"/>
             <stop lane="in_0" parking="true" duration="9"/>
             <stop parkingArea="p" duration="9"/>
             <stop containerStop="p" duration="9"/>
             <stop lane="in_0" parking="false" duration="9" tripId="7"/></vehicle>"#,
    );
    assert_eq!(halts(&d, "v").len(), 1);
    for feature in [
        "`stop` that waits for persons or containers: not made",
        "`stop` beside the road (`parking`): not made",
        "`stop` at a `parkingArea`: not made",
        "`stop` at a `containerStop`: not made",
        "stop attribute `tripId`: not used",
    ] {
        assert_eq!(
            d.unmodelled.count(feature),
            1,
            "{feature}\n{}",
            d.unmodelled
        );
    }
}

#[test]
fn stops_that_cannot_be_are_refused_with_their_line() {
    let n = net(FORK);
    let refused = |stop: &str| -> TrafficError {
        let text = format!(
            "<routes>\n<vehicle id=\"v\" depart=\"0\">\n<route edges=\"in wide right\"/>\n{stop}\n</vehicle></routes>"
        );
        let files = [(text.as_bytes(), "rou.xml")];
        let read = read_demand(&files, &n, &DemandOptions::default());
        read.map(|d| panic!("{stop}: {:?}", d.demand.stop_lists()))
            .unwrap_err()
    };
    for (stop, line, says) in [
        (
            "<stop lane=\"no_0\" duration=\"1\"/>",
            4,
            "no lane \"no_0\"",
        ),
        (
            "<stop lane=\"in_7\" duration=\"1\"/>",
            4,
            "no lane \"in_7\"",
        ),
        ("<stop lane=\"in\" duration=\"1\"/>", 4, "no lane \"in\""),
        ("<stop lane=\"in_0\"/>", 4, "neither `duration` nor `until`"),
        ("<stop duration=\"1\"/>", 4, "missing attribute `lane`"),
        ("<stop lane=\"in_0\" duration=\"-1\"/>", 4, "duration"),
        ("<stop lane=\"in_0\" until=\"soon\"/>", 4, "no time"),
        (
            "<stop lane=\"in_0\" endPos=\"1e6\" duration=\"1\"/>",
            4,
            "on the lane",
        ),
        (
            "<stop lane=\"in_0\" endPos=\"-1e6\" duration=\"1\"/>",
            4,
            "on the lane",
        ),
        (
            "<stop lane=\"in_0\" startPos=\"9\" endPos=\"8\" duration=\"1\"/>",
            4,
            "begins at 9 m",
        ),
        (
            "<stop busStop=\"b\" duration=\"1\"/>",
            4,
            "no busStop \"b\"",
        ),
        ("<stop lane=\"left_0\" duration=\"1\"/>", 2, "does not pass"),
        (
            "<stop lane=\"wide_0\" duration=\"1\"/><stop lane=\"in_0\" duration=\"1\"/>",
            2,
            "does not pass",
        ),
    ] {
        let error = refused(stop);
        assert!(error.to_string().contains(says), "{stop}: {error}");
        assert_eq!(
            error.at().and_then(|at| at.line),
            Some(line),
            "{stop}: {error}"
        );
    }
}
