//! Closures and speed limits of SUMO's additional files.

use conurb_base::Coded as _;
use conurb_traffic::sumo::{Additional, read_additional};
use conurb_traffic::{Changes, Closure, SpeedLimit, TrafficError};

use crate::sumo::{FORK, net};

fn read(body: &str, begin_s: f64) -> Result<Additional, TrafficError> {
    let text = format!("<additional>\n{body}\n</additional>");
    read_additional(text.as_bytes(), "x.add.xml", &net(FORK), begin_s)
}

fn closure(road: &str, lanes: &[u32], from: f64, to: f64) -> Closure {
    Closure {
        road: road.into(),
        lanes: lanes.to_vec(),
        from,
        to,
    }
}

#[test]
fn rerouters_close_roads_and_lanes_in_times_of_the_run() {
    let text = r#"<rerouter id="r" edges="in" probability="0.4">
          <interval begin="0" end="90"><closingReroute id="left"/></interval>
          <interval begin="0:02:00" end="300">
            <closingReroute id="left"/>
            <closingLaneReroute id="wide_0" disallow="all"/>
            <closingReroute id="right" allow="passenger"/>
            <closingReroute id="right" allow="emergency"/>
            <destProbReroute id="left"/>
          </interval>
          <interval><closingReroute id="right"/></interval>
        </rerouter>"#;
    let found = read(text, 100.0).unwrap();
    // SUMO counts lanes from the right.
    let outer = u32::try_from(net(FORK).network.roads()[1].lanes.len() - 1).unwrap();
    assert_eq!(
        found.changes.closures,
        [
            closure("left", &[], 20.0, 200.0),
            closure("wide", &[outer], 20.0, 200.0),
            closure("right", &[], 20.0, 200.0),
            closure("right", &[], 0.0, 1e9),
        ]
    );
    for (feature, count) in [
        (
            "rerouter attribute `probability`: its closures hold for all",
            1,
        ),
        ("closing that leaves cars through: not made", 1),
        ("closing for some classes: made for all", 2),
        ("rerouter element `destProbReroute`: not followed", 1),
    ] {
        assert_eq!(
            found.unmodelled.count(feature),
            count,
            "{feature}\n{}",
            found.unmodelled
        );
    }
    let changes = Changes::from_file(&found.changes, "x.add.xml", &net(FORK).network).unwrap();
    assert!(!changes.is_empty());
}

#[test]
fn variable_speed_signs_limit_lanes_until_the_next_step() {
    let text = r#"<variableSpeedSign id="v" lanes="wide_0 wide_1 in_0">
          <step time="0" speed="8.33"/><step time="60" speed="-1"/><step time="120" speed="5"/>
          <step time="180" speed="0"/>
        </variableSpeedSign>
        <variableSpeedSign id="e" edges="left" vTypes="car"><step time="10" speed="7"/></variableSpeedSign>"#;
    let found = read(text, 30.0).unwrap();
    let limit = |road: &str, lanes: &[u32], from: f64, to: f64, max_speed: f64| SpeedLimit {
        road: road.into(),
        lanes: lanes.to_vec(),
        from,
        to,
        max_speed,
    };
    assert_eq!(
        found.changes.speed_limits,
        [
            limit("in", &[0], 0.0, 30.0, 8.33),
            limit("wide", &[1, 0], 0.0, 30.0, 8.33),
            limit("in", &[0], 90.0, 150.0, 5.0),
            limit("wide", &[1, 0], 90.0, 150.0, 5.0),
            limit("left", &[], 0.0, 1e9, 7.0),
        ]
    );
    for feature in [
        "variableSpeedSign step of no speed or over 1,000 m/s: without limit",
        "variableSpeedSign attribute `vTypes`: not used",
    ] {
        assert_eq!(
            found.unmodelled.count(feature),
            1,
            "{feature}\n{}",
            found.unmodelled
        );
    }
    Changes::from_file(&found.changes, "x.add.xml", &net(FORK).network).unwrap();
}

#[test]
fn closures_and_signs_that_cannot_be_are_refused_with_their_line() {
    for (body, says) in [
        (
            r#"<rerouter id="r" edges="in"><interval begin="9" end="9"><closingReroute id="left"/></interval></rerouter>"#,
            "not after it begins",
        ),
        (
            r#"<rerouter id="r" edges="in"><interval begin="-1"/></rerouter>"#,
            "begin",
        ),
        (
            r#"<rerouter id="r" edges="in"><interval><closingReroute id="no"/></interval></rerouter>"#,
            "no edge \"no\"",
        ),
        (
            r#"<rerouter id="r" edges="in"><interval><closingLaneReroute id="in_9"/></interval></rerouter>"#,
            "no lane \"in_9\"",
        ),
        (
            r#"<rerouter id="r" edges="in" probability="often"/>"#,
            "no number",
        ),
        (
            r#"<variableSpeedSign id="v"><step time="0" speed="5"/></variableSpeedSign>"#,
            "`lanes`",
        ),
        (
            r#"<variableSpeedSign id="v" lanes="in_9"/>"#,
            "no lane \"in_9\"",
        ),
        (
            r#"<variableSpeedSign id="v" lanes="in_0"><step time="9" speed="5"/><step time="9" speed="4"/></variableSpeedSign>"#,
            "does not lie after",
        ),
        (
            r#"<variableSpeedSign id="v" lanes="in_0"><step time="soon" speed="5"/></variableSpeedSign>"#,
            "no time",
        ),
        (
            r#"<variableSpeedSign id="v" lanes="in_0"><step time="1" speed="fast"/></variableSpeedSign>"#,
            "no number",
        ),
    ] {
        let error = read(body, 0.0)
            .map(|a| panic!("{body}: {a:?}"))
            .unwrap_err();
        assert!(error.to_string().contains(says), "{body}: {error}");
        assert_eq!(
            error.at().and_then(|at| at.line),
            Some(2),
            "{body}: {error}"
        );
    }
}
