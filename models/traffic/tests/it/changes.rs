//! Speed limits by time, closures, incidents.

use std::sync::Arc;

use conurb_traffic::{Changes, Demand, Network, Sim, SimOptions};

use crate::streets::network;

/// From `a` over a short way (`mid`) or a long one (`up`, `down`) to `e`.
fn fork() -> Arc<Network> {
    Arc::new(network(
        &[
            ("a", 0.0, 0.0),
            ("b", 300.0, 0.0),
            ("n", 450.0, 300.0),
            ("c", 600.0, 0.0),
            ("e", 900.0, 0.0),
        ],
        &[
            ("in", "a", "b", 2, 11.0),
            ("mid", "b", "c", 2, 11.0),
            ("up", "b", "n", 2, 11.0),
            ("down", "n", "c", 2, 11.0),
            ("out", "c", "e", 2, 11.0),
        ],
    ))
}

fn start(net: &Arc<Network>, changes: &str, vehicles: u32, lane_change: bool) -> Sim {
    let flow = format!(
        r#"[{{"vehicle":{{"length":5,"width":2,"maxPosAcc":2,"maxNegAcc":4.5,"usualPosAcc":2,
        "usualNegAcc":4.5,"minGap":2.5,"maxSpeed":11,"headwayTime":1.5}},"route":["in","mid","out"],
        "interval":5,"startTime":0,"endTime":{}}}]"#,
        5 * (vehicles - 1)
    );
    let demand = Demand::from_json(flow.as_bytes(), "flow.json", net).unwrap();
    let options = SimOptions {
        lane_change,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(Arc::clone(net), Arc::new(demand), options).unwrap();
    let changes = Changes::from_json(changes.as_bytes(), "changes.json", net).unwrap();
    sim.set_changes(Arc::new(changes)).unwrap();
    sim
}

fn vehicles_on(sim: &Sim, road: &str) -> u32 {
    let net = sim.network();
    let lanes = &net.roads()[net.road_ix(road).unwrap().ix()].lanes;
    lanes.iter().map(|lane| sim.lane(*lane).vehicles).sum()
}

#[test]
fn a_speed_limit_holds_for_its_time_on_its_road() {
    let net = fork();
    let changes = r#"{"speedLimits":[{"road":"mid","from":0,"to":120,"maxSpeed":4}]}"#;
    let mut sim = start(&net, changes, 60, false);
    let mid: Vec<_> = net.roads()[net.road_ix("mid").unwrap().ix()].lanes.clone();
    let (mut during, mut after): (f64, f64) = (0.0, 0.0);
    for second in 0..300 {
        sim.step();
        for lane in &mid {
            for v in sim.vehicles_on(net.drivable_of_lane(*lane)) {
                // The limit counts on the lane itself; a vehicle brakes to it at 4.5 m/s^2.
                let settled = v.position_m > 30.0;
                if second < 119 && settled {
                    during = during.max(v.speed_m_s);
                }
                if second > 140 && settled {
                    after = after.max(v.speed_m_s);
                }
            }
        }
    }
    assert!(during > 3.9 && during <= 4.0 + 1e-9, "{during}");
    assert!(after > 10.0, "{after}");
}

#[test]
fn nobody_enters_a_closed_road_and_those_under_way_take_another() {
    let net = fork();
    let changes = r#"{"closures":[{"road":"mid","from":60,"to":200}]}"#;
    for lane_change in [false, true] {
        let mut sim = start(&net, changes, 60, lane_change);
        let (mut on_up, mut mid_late) = (0, 0);
        for second in 0..900 {
            sim.step();
            on_up += vehicles_on(&sim, "up");
            if (110..200).contains(&second) {
                // Who was on it when it closed has left it by now.
                mid_late += vehicles_on(&sim, "mid");
            }
        }
        assert_eq!(mid_late, 0);
        assert!(on_up > 0);
        assert_eq!(sim.finished(), 60);
        let tally = sim.detour_tally();
        assert!(tally.redirected > 20 && tally.stranded == 0, "{tally:?}");
    }
}

#[test]
fn who_has_no_other_way_waits_until_the_road_opens() {
    let net = fork();
    let changes = r#"{"closures":[{"road":"out","from":30,"to":200}]}"#;
    let mut sim = start(&net, changes, 10, false);
    for _ in 0..199 {
        sim.step();
    }
    assert!(sim.finished() < 3, "{}", sim.finished());
    assert!(sim.detour_tally().stranded >= 8);
    for _ in 0..400 {
        sim.step();
    }
    assert_eq!(sim.finished(), 10);
}

#[test]
fn other_changes_end_what_was_applied_before() {
    let net = fork();
    let changes = r#"{"closures":[{"road":"out","from":30,"to":9000}],
        "speedLimits":[{"road":"in","from":0,"to":9000,"maxSpeed":3}]}"#;
    let mut sim = start(&net, changes, 10, false);
    for _ in 0..200 {
        sim.step();
    }
    assert_eq!(sim.finished(), 0);
    sim.set_changes(Arc::new(Changes::default())).unwrap();
    for _ in 0..400 {
        sim.step();
    }
    assert_eq!(sim.finished(), 10);
}

#[test]
fn a_closed_lane_sends_people_over_the_other() {
    let net = fork();
    let changes = r#"{"closures":[{"road":"mid","lanes":[1],"from":0,"to":9000}]}"#;
    let mut sim = start(&net, changes, 40, false);
    let outer = net.lane_ix("mid_1").unwrap();
    for _ in 0..900 {
        sim.step();
        assert_eq!(sim.lane(outer).vehicles, 0);
    }
    assert_eq!(sim.finished(), 40);
}

#[test]
fn an_incident_holds_its_lane_from_its_place_and_only_as_long_as_it_lasts() {
    let net = fork();
    let changes = r#"{"incidents":[{"road":"mid","lane":0,"position":150,"from":0,"to":180}]}"#;
    let mut sim = start(&net, changes, 40, false);
    let (blocked, open) = (net.lane_ix("mid_0").unwrap(), net.lane_ix("mid_1").unwrap());
    let mut queued = 0;
    for second in 0..900 {
        sim.step();
        if second < 180 {
            for v in sim.vehicles_on(net.drivable_of_lane(blocked)) {
                assert!(v.position_m <= 150.0, "second {second}: {}", v.position_m);
            }
            queued = queued.max(sim.lane(blocked).waiting);
            assert_eq!(sim.lane(open).waiting, 0);
        }
    }
    assert!(queued >= 5, "{queued}");
    assert_eq!(sim.finished(), 40);
    let refused = {
        let changes = Changes::from_json(changes.as_bytes(), "c", &net).unwrap();
        let options = SimOptions {
            lane_change: true,
            ..SimOptions::default()
        };
        let mut sim = Sim::new(Arc::clone(&net), Arc::new(Demand::none()), options).unwrap();
        sim.set_changes(Arc::new(changes))
    };
    assert!(refused.unwrap_err().to_string().contains("lane change"));
}

#[test]
fn threads_and_snapshots_do_not_change_what_changes_do() {
    let net = fork();
    let changes = r#"{"closures":[{"road":"mid","from":60,"to":120}],
        "speedLimits":[{"road":"out","from":50,"to":150,"maxSpeed":6}],
        "incidents":[{"road":"up","lane":0,"position":50,"from":80,"to":140}]}"#;
    let mut one = start(&net, changes, 60, false);
    let mut two = start(&net, changes, 60, false);
    two.set_threads(2).unwrap();
    let mut kept = None;
    for second in 0..400 {
        one.step();
        two.step();
        assert_eq!(one.state_hash(), two.state_hash(), "second {second}");
        if second == 70 {
            kept = Some(one.state().clone());
        }
    }
    let end = one.state_hash();
    one.restore(&kept.unwrap()).unwrap();
    for _ in 71..400 {
        one.step();
    }
    assert_eq!(one.state_hash(), end);
}

#[test]
fn malformed_changes_are_refused_with_their_place() {
    let net = fork();
    for (changes, says) in [
        (
            r#"{"closures":[{"road":"x","from":0,"to":1}]}"#,
            "closures[0].road",
        ),
        (
            r#"{"closures":[{"road":"x","from":0,"to":1}]}"#,
            "changes.json:1:22",
        ),
        (
            r#"{"closures":[{"road":"in","from":5,"to":1}]}"#,
            "not after from 5",
        ),
        (
            r#"{"closures":[{"road":"in","from":-5,"to":1}]}"#,
            "closures[0].from",
        ),
        (
            r#"{"closures":[{"road":"in","lanes":[2],"from":0,"to":1}]}"#,
            "there are 2",
        ),
        (
            r#"{"closures":[{"road":"in","from":0}]}"#,
            "missing field `to`",
        ),
        (r#"{"closure":[]}"#, "closure"),
        (
            r#"{"speedLimits":[{"road":"in","from":0,"to":1,"maxSpeed":0}]}"#,
            "above 0",
        ),
        (
            r#"{"incidents":[{"road":"in","lane":0,"position":5000,"from":0,"to":1}]}"#,
            "below the length",
        ),
        ("[]", "changes"),
    ] {
        let error = Changes::from_json(changes.as_bytes(), "changes.json", &net);
        let text = error.unwrap_err().to_string();
        assert!(text.contains(says), "{changes}: {text}");
    }
}
