//! Scenarios: the known answers of the Chinese feed, edits on a toy, text and undo, corridors.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;

use conurb_testkit::need_shared;
use conurb_transit::measures::{Ask, Basis, Own, Targets, TimeMatrix, contour, watt};
use conurb_transit::scenario::{
    CorridorCity, Departures, DiffReport, Edit, Evaluation, Filter, Line, MassTable, Measure,
    Question, Rate, Scenario, Service, World, compare, corridor_edits, leave_one_out, run_models,
};
use conurb_transit::{
    AccessTable, Call, Direction, Place, Scan, Timetable, TimetableStop, TransitError, TripRun,
    Window, fastest_s,
};

use crate::support::{china_day, cities, delta, prefectures};

/// The nation on 2016-03-15, change 600 s, access 0, persons of 2010.
fn base(data: &Path) -> &'static (World, Evaluation) {
    static BASE: OnceLock<(World, Evaluation)> = OnceLock::new();
    BASE.get_or_init(|| {
        let day = china_day(data, 600);
        let mut access = AccessTable::default();
        for place in prefectures(data, &day) {
            for (stop, _) in &place.stops {
                let id = &day.stops()[*stop as usize].id;
                access.set(&place.name, id, 0.0, "regression").unwrap();
            }
        }
        let values = cities(data).into_iter().map(|(c, v)| (c, v.pop_2010));
        let masses = MassTable {
            values: values.collect(),
            unit: "persons".into(),
            year: 2010,
            source: "census".into(),
        };
        let world = World::new(day, access, masses);
        let evaluation = Evaluation::new(&world, Basis::Fastest).unwrap();
        (world, evaluation)
    })
}

fn question(data: &Path) -> Question {
    Question {
        measure: Measure::Watt,
        basis: Basis::Fastest,
        label: "Yangtze Delta".into(),
        cities: delta(data).into_iter().collect(),
    }
}

fn run(data: &Path, edits: Vec<Edit>) -> (World, Evaluation, DiffReport) {
    let (world, before) = base(data);
    let mut scenario = Scenario::new("test", world);
    scenario.edits = edits;
    let after = scenario.apply(world).unwrap();
    let evaluation = Evaluation::new(&after, Basis::Fastest).unwrap();
    let report = compare((world, before), (&after, &evaluation), &question(data)).unwrap();
    (after, evaluation, report)
}

fn close_to(found: f64, known: f64, half: f64) {
    assert!((found - known).abs() <= half, "{found} {known}");
}

fn minutes(world: &World, from: &str, to: &str) -> Option<i32> {
    let day = &world.timetable;
    let to = Place::stop(day.stop(to).unwrap());
    let profiles = Scan::new(day, Direction::AllToOne).profiles(&to).unwrap();
    fastest_s(profiles.of(day.stop(from).unwrap() as usize)).map(|s| s / 60)
}

fn remove(route: &str) -> Edit {
    Edit::RemoveLine {
        route: route.into(),
    }
}

/// Identifier of the route of a train number.
fn route(world: &World, number: &str) -> String {
    let trip = world
        .timetable
        .trips()
        .iter()
        .find(|t| *t.name == *number || *t.route == *number);
    trip.unwrap().route.to_string()
}

#[test]
fn one_train_seldom_matters_and_two_do() {
    let data = need_shared!("one_train_seldom_matters_and_two_do");
    let (world, _) = base(&data);
    let (g1, g3) = (route(world, "G1"), route(world, "G3"));
    let (after, _, report) = run(&data, vec![remove(&g1)]);
    assert_eq!(after.timetable.trips().len(), 3_702);
    assert_eq!(minutes(&after, "北京南", "上海虹桥"), Some(298));
    assert_eq!((report.pairs.slower, report.pairs.lost), (1, 0));
    close_to(report.before.mean.unwrap(), 129.9862, 5e-5);
    assert_eq!(report.after.mean, report.before.mean);
    assert!(report.losers.is_empty() && report.unchanged.len() == 30);
    let (after, _, report) = run(&data, vec![remove(&g1), remove(&g3)]);
    assert_eq!(minutes(&after, "北京南", "上海虹桥"), Some(305));
    assert_eq!(report.pairs.slower, 5);
    close_to(report.after.mean.unwrap(), 129.9933, 5e-5);
    let first = &report.losers[0];
    assert_eq!(
        (first.city.as_str(), report.losers.len()),
        ("341100", 1),
        "滁州"
    );
    close_to(first.change.unwrap(), 0.291, 5e-4);
}

#[test]
fn a_closed_junction_has_losers() {
    let data = need_shared!("a_closed_junction_has_losers");
    let close = Edit::CloseStation {
        stop: "南京南".into(),
    };
    let (after, _, report) = run(&data, vec![close]);
    assert_eq!(after.timetable.connections().len(), 25_494);
    close_to(report.after.mean.unwrap(), 136.5736, 5e-5);
    assert_eq!(
        (report.pairs.slower, report.pairs.lost, report.pairs.faster),
        (1_589, 68, 0)
    );
    let census = cities(&data);
    let losers: Vec<(&str, f64)> = report
        .losers
        .iter()
        .map(|c| (census[&c.city].name.as_str(), c.change.unwrap()))
        .collect();
    for ((name, change), (known, amount)) in losers.iter().zip([
        ("马鞍山市", 63.312),
        ("安庆市", 22.010),
        ("池州市", 21.590),
        ("芜湖市", 21.267),
        ("铜陵市", 14.684),
    ]) {
        assert_eq!(*name, known);
        close_to(*change, amount, 5e-4);
    }
    let (name, change) = losers.last().unwrap();
    assert_eq!(*name, "镇江市");
    close_to(*change, 0.122, 5e-4);
    let (was, is) = (report.before.equity.unwrap(), report.after.equity.unwrap());
    assert!(is.gini > was.gini && is.theil > was.theil);
    assert!(report.after.intra_watt_min > report.before.intra_watt_min);
    assert!(
        report
            .losers
            .iter()
            .all(|c| c.interval.is_some_and(|i| i.0 <= i.1))
    );
}

#[test]
fn without_the_c_trains() {
    let data = need_shared!("without_the_c_trains");
    let filter = Filter {
        prefix: Some("C".into()),
        ..Filter::default()
    };
    let (after, _, report) = run(&data, vec![Edit::RemoveTrips { filter }]);
    assert_eq!(after.timetable.trips().len(), 2_827);
    assert_eq!((report.pairs.slower, report.pairs.lost), (2_962, 2_023));
    assert_eq!(report.after.mean, report.before.mean);
}

#[test]
fn a_shuttle_connects_a_city() {
    let data = need_shared!("a_shuttle_connects_a_city");
    let station = Edit::AddStation {
        id: "nantong".into(),
        name: "南通".into(),
        lat: 31.98,
        lon: 120.89,
        city: Some("320600".into()),
        access_min: Some(0.0),
    };
    let shuttle = Edit::AddLine {
        line: Line {
            name: "shuttle".into(),
            stations: vec!["nantong".into(), "上海虹桥".into()],
            run_min: vec![60.0],
            dwell_min: 0.0,
            departures: Departures::Every {
                first: "06:00".into(),
                last: "21:00".into(),
                headway_min: 60.0,
            },
            both_directions: true,
            days: Vec::new(),
            assumed: None,
        },
    };
    let (after, evaluation, report) = run(&data, vec![station, shuttle]);
    assert_eq!(after.timetable.trips().len(), 3_735);
    let pairs = report.pairs;
    assert_eq!(
        (pairs.gained, pairs.lost, pairs.slower, pairs.faster),
        (336, 0, 0, 0)
    );
    let winner = &report.winners[0];
    assert_eq!((winner.city.as_str(), winner.before), ("320600", None));
    assert_eq!(winner.gained.len(), 30);
    close_to(winner.after.unwrap(), 175.811, 5e-4);
    let times = &evaluation.times;
    let here = times.place("320600").unwrap();
    for (city, known) in [("310100", 70.0), ("330100", 132.0), ("320100", 154.0)] {
        assert_eq!(times.get(here, times.place(city).unwrap()), Some(known));
    }
    let own = Own::Minutes(vec![0.0; times.len()]);
    let members = delta(&data);
    let to = (0..times.len()).filter(|at| members.contains(&times.places[*at]));
    let ask = Ask {
        times,
        mass: &after.masses.of(&times.places).unwrap(),
        to: &Targets::new("Delta", to).unwrap(),
        own: &own,
    };
    let within = contour(&ask, &[here], 120.0).unwrap()[0].value.unwrap();
    close_to(within / 1e6, 51.638_764, 5e-7);
    assert_eq!(
        watt(
            &Ask {
                own: &Own::Out,
                ..ask
            },
            &[here]
        )
        .unwrap()[0]
            .reached,
        30
    );
}

#[test]
fn every_line_alone() {
    let data = need_shared!("every_line_alone");
    let (world, _) = base(&data);
    let routes = [route(world, "G1"), route(world, "G7001")];
    let mut asked = question(&data);
    asked.basis = Basis::Mean(Window::DAY);
    let go = |_, _| ControlFlow::Continue(());
    let found = leave_one_out(world, &asked, &routes, &go).unwrap();
    assert_eq!(found.len(), 2);
    assert!(
        found
            .iter()
            .all(|l| l.mean_change >= Some(0.0) && l.trips == 1),
        "{found:?}"
    );
    assert!(found[0].mean_change >= found[1].mean_change && found[0].mean_change > Some(0.0));
    let stopped = leave_one_out(world, &asked, &routes, &|_, _| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(TransitError::Stopped { .. })));
}

#[test]
fn a_corridor_is_completed() {
    let data = need_shared!("a_corridor_is_completed");
    let (world, _) = base(&data);
    let (version, models) = run_models().unwrap();
    assert_eq!(version, "2016-03-15");
    let model = models.iter().find(|m| m.name == "G").unwrap();
    close_to(model.minutes(100.0), 32.48, 1e-9);
    let city = |code: &str, name: &str, lat: f64, lon: f64| CorridorCity {
        code: code.into(),
        name: name.into(),
        lat_lon: (lat, lon),
        access_min: 15.0,
    };
    // 盐城 and 南通 had no station in 2016; 上海 and 宁波 had trains.
    let cities = [
        city("320900", "盐城", 33.35, 120.16),
        city("320600", "南通", 31.98, 120.89),
        city("310100", "上海", 31.23, 121.47),
        city("330200", "宁波", 29.87, 121.55),
    ];
    let service = Service {
        first: "07:00".into(),
        last: "21:00".into(),
        headway_min: 60.0,
    };
    let edits = corridor_edits(world, "coastal", &cities, model, &service).unwrap();
    let kinds: Vec<&str> = edits.iter().map(Edit::kind).collect();
    assert_eq!(
        kinds,
        ["add_station", "add_station", "add_line", "add_line"]
    );
    let Edit::AddLine { line } = &edits[2] else {
        panic!("a line")
    };
    let km = conurb_geo::great_circle_km((33.35, 120.16), (31.98, 120.89));
    close_to(line.run_min[0], 6.613 + 0.258_67 * km, 1e-9);
    let (after, _, report) = run(&data, edits);
    assert_eq!(after.timetable.trips().len(), 3_703 + 60);
    assert_eq!(
        after.notes.len(),
        2,
        "each says what it assumed: {:?}",
        after.notes
    );
    let connected: Vec<&str> = report.winners[..2]
        .iter()
        .map(|c| c.city.as_str())
        .collect();
    assert_eq!(connected, ["320600", "320900"]);
    assert!(report.losers.is_empty());
}

/// Three stops A, B, C in a row, five trains from 08:00 every hour.
fn toy() -> World {
    let stop = |n: u32| TimetableStop {
        id: format!("s{n}").into(),
        name: ["A", "B", "C"][n as usize].into(),
        lat_lon: Some((30.0 + f64::from(n), 120.0)),
    };
    let call = |stop, arr_s, dep_s| Call {
        stop,
        arr_s,
        dep_s,
        flags: 0,
    };
    let trip = |n: u32| {
        let start = (8 + n) * 3600;
        TripRun {
            id: format!("t{n}").into(),
            name: format!("G{n}").into(),
            route: format!("r{}", n % 2).into(),
            headway_s: None,
            calls: [
                call(0, start, start),
                call(1, start + 1200, start + 1320),
                call(2, start + 2520, start + 2520),
            ]
            .into(),
        }
    };
    let day = Timetable::from_parts(
        (0..3).map(stop).collect(),
        vec![600; 3],
        Vec::new(),
        (0..5).map(trip).collect(),
    );
    let mut access = AccessTable::default();
    for n in 0..3 {
        access
            .set(&format!("c{n}"), &format!("s{n}"), 0.0, "toy")
            .unwrap();
    }
    let masses = MassTable {
        values: BTreeMap::from([("c0".into(), 1.0), ("c1".into(), 2.0), ("c2".into(), 3.0)]),
        unit: "persons".into(),
        year: 2020,
        source: "toy".into(),
    };
    World::new(day.unwrap(), access, masses)
}

fn applied(edits: &[Edit]) -> Result<World, TransitError> {
    let world = toy();
    let mut scenario = Scenario::new("toy", &world);
    scenario.edits = edits.to_vec();
    scenario.apply(&world)
}

fn starts(world: &World) -> Vec<u32> {
    let mut all: Vec<u32> = world
        .timetable
        .trips()
        .iter()
        .map(|t| t.calls[0].dep_s / 60)
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn frequency_keeps_first_and_last() {
    let change = |rate, window| {
        let filter = Filter {
            from: Some("A".into()),
            ..Filter::default()
        };
        applied(&[Edit::Frequency {
            filter,
            window,
            rate,
        }])
    };
    let day = Window {
        from_s: 0,
        to_s: 86_400,
    };
    let half = change(Rate::Factor(0.6), day).unwrap();
    assert_eq!(starts(&half), [480, 600, 720]);
    let double = change(Rate::Factor(1.8), day).unwrap();
    assert_eq!(
        starts(&double),
        [480, 510, 540, 570, 600, 630, 660, 690, 720]
    );
    let every = change(Rate::HeadwayMin(45.0), day).unwrap();
    assert_eq!(starts(&every), [480, 525, 570, 615, 660, 705, 720]);
    let morning = Window {
        from_s: 8 * 3600,
        to_s: 10 * 3600,
    };
    let some = change(Rate::HeadwayMin(30.0), morning).unwrap();
    assert_eq!(starts(&some), [480, 510, 540, 570, 600, 660, 720]);
    let night = Window {
        from_s: 0,
        to_s: 3600,
    };
    let none = change(Rate::Factor(2.0), night).unwrap_err();
    assert!(
        none.to_string().starts_with("edit 1 (frequency): no trip"),
        "{none}"
    );
}

#[test]
fn speed_leaves_dwell_and_start() {
    let edit = |from: Option<&str>, to: Option<&str>| Edit::Speed {
        filter: Filter {
            trip: Some("t0".into()),
            from: from.map(Into::into),
            to: to.map(Into::into),
            ..Filter::default()
        },
        factor: 0.5,
    };
    let times = |edit| {
        let world = applied(&[edit]).unwrap();
        let calls = &world.timetable.trips()[0].calls;
        let start = calls[0].dep_s;
        calls
            .iter()
            .map(|c| (c.arr_s - start, c.dep_s - start))
            .collect::<Vec<_>>()
    };
    assert_eq!(times(edit(None, None)), [(0, 0), (600, 720), (1320, 1320)]);
    assert_eq!(
        times(edit(Some("B"), Some("C"))),
        [(0, 0), (1200, 1320), (1920, 1920)]
    );
    let back = applied(&[edit(Some("C"), Some("A"))]).unwrap_err();
    assert!(back.to_string().contains("no trip fits"), "{back}");
}

#[test]
fn other_levers() {
    let world = applied(&[
        Edit::ChangeTime {
            stop: None,
            minutes: 5.0,
        },
        Edit::ChangeTime {
            stop: Some("C".into()),
            minutes: 20.0,
        },
        Edit::Access {
            city: "c0".into(),
            stop: "s0".into(),
            minutes: 12.0,
        },
        Edit::Mass {
            city: "c2".into(),
            value: 9.0,
            source: "projection 2035".into(),
        },
        Edit::CloseStation { stop: "B".into() },
    ])
    .unwrap();
    let times = Evaluation::new(&world, Basis::Fastest).unwrap().times;
    // 12 min access, 5 min to board, 42 min ride.
    assert_eq!(times.get(0, 2), Some(59.0));
    assert_eq!((times.get(0, 1), times.get(1, 2)), (None, None));
    assert_eq!(world.masses.values["c2"], 9.0);
    assert_eq!(world.timetable.change_s(2), 1_200);
    for (edit, wanted) in [
        (Edit::CloseStation { stop: "Z".into() }, "no stop \"Z\""),
        (
            Edit::RemoveTrips {
                filter: Filter::default(),
            },
            "the filter is empty",
        ),
        (remove("r7"), "no trip fits"),
        (
            Edit::Mass {
                city: "c".into(),
                value: 1.0,
                source: " ".into(),
            },
            "has a source",
        ),
    ] {
        let message = applied(&[edit]).unwrap_err().to_string();
        assert!(
            message.starts_with("edit 1 (") && message.contains(wanted),
            "{message}"
        );
    }
}

#[test]
fn a_scenario_is_a_text_with_undo_and_branches() {
    let world = toy();
    let mut scenario = Scenario::new("faster", &world);
    scenario.edits = vec![
        remove("r0"),
        Edit::Frequency {
            filter: Filter {
                prefix: Some("G".into()),
                ..Filter::default()
            },
            window: Window::DAY,
            rate: Rate::HeadwayMin(30.0),
        },
        Edit::AddLine {
            line: Line {
                name: "new".into(),
                stations: vec!["A".into(), "C".into()],
                run_min: vec![20.5],
                dwell_min: 0.0,
                departures: Departures::At {
                    times: vec!["08:05".into(), "25:10".into()],
                },
                both_directions: false,
                days: vec!["mon".into()],
                assumed: Some("run minutes".into()),
            },
        },
    ];
    let toml = scenario.to_toml().unwrap();
    assert!(toml.contains("kind = \"add_line\""), "{toml}");
    assert_eq!(Scenario::from_toml("s.toml", &toml).unwrap(), scenario);
    let json = scenario.to_json().unwrap();
    assert_eq!(Scenario::from_json("s.json", &json).unwrap(), scenario);
    let before = world.clone();
    let after = scenario.apply(&world).unwrap();
    assert_eq!(world, before, "the base is as it was");
    assert_eq!(
        after,
        scenario.apply(&world).unwrap(),
        "the same edits, the same world"
    );
    assert_eq!(after.notes, ["new: assumed: run minutes"]);
    let mut branch = scenario.branch("less", 2);
    assert_eq!(
        (branch.edits.len(), branch.undo().unwrap().kind()),
        (2, "frequency")
    );
    assert_eq!(scenario.drop_edit(2).unwrap().kind(), "frequency");
    assert_eq!(scenario.drop_edit(3), None);
    // A scenario of another base is refused.
    let other = scenario.apply(&after).unwrap_err();
    assert!(other.to_string().contains("was made for base"), "{other}");
    let wrong = Scenario::from_toml(
        "s.toml",
        "name = \"x\"\nbase = \"y\"\n[[edits]]\nkind = \"fly\"\n",
    );
    assert!(wrong.unwrap_err().to_string().contains("fly"));
}

#[test]
fn a_cut_off_city_is_the_first_loser() {
    let world = toy();
    let before = Evaluation::new(&world, Basis::Fastest).unwrap();
    let after = applied(&[Edit::CloseStation { stop: "B".into() }]).unwrap();
    let evaluation = Evaluation::new(&after, Basis::Fastest).unwrap();
    let asked = Question {
        measure: Measure::Watt,
        basis: Basis::Fastest,
        label: "all".into(),
        cities: ["c0", "c1", "c2"].map(String::from).to_vec(),
    };
    let report = compare((&world, &before), (&after, &evaluation), &asked).unwrap();
    // B loses C, its only destination. A keeps C at the same time but has lost B.
    let first = &report.losers[0];
    assert_eq!(
        (first.city.as_str(), first.after, first.change),
        ("c1", None, None)
    );
    assert_eq!(
        (report.losers[1].city.as_str(), &report.losers[1].lost),
        ("c0", &vec!["c1".to_owned()])
    );
    assert_eq!(report.losers[1].change, Some(0.0));
    assert_eq!((report.pairs.slower, report.pairs.lost), (2, 2));
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["losers"][0]["after"].is_null());
    // A made table of times cannot stand beside a timetable.
    let given = TimeMatrix::from_csv("t", b"from,to,minutes\nc0,c1,5\n").unwrap();
    assert_ne!(given.kind, before.times.kind);
}
