//! Timetables, tables of access, and edits of scenarios.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use conurb_transit::gtfs::{Limits, read_zip};
use conurb_transit::scenario::{MassTable, Scenario, World};
use conurb_transit::{
    AccessTable, Call, Date, RailTableOptions, Timetable, TimetableStop, TripRun, read_rail_table,
    read_stations,
};

/// Limits small enough for a fuzzer's memory.
const fn small() -> Limits {
    Limits {
        rows: 10_000,
        stop_times: 10_000,
        table_bytes: 1 << 20,
    }
}

pub(super) fn gtfs_zip(bytes: &[u8]) {
    drop(read_zip("feed.zip", bytes.to_vec(), small()));
}

/// The bytes as `stop_times.txt` of a feed that is good otherwise.
pub(super) fn gtfs_table(bytes: &[u8]) {
    use std::io::Write as _;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let plain = zip::write::SimpleFileOptions::default();
    let tables: [(&str, &[u8]); 5] = [
        ("stops.txt", b"stop_id,stop_name,stop_lat,stop_lon\na,A,31.2,121.4\nb,B,32.0,118.8\nc,C,30.2,120.2\n"),
        ("routes.txt", b"route_id,route_short_name,route_type\nr,R,2\n"),
        ("trips.txt", b"trip_id,route_id,service_id\nt1,r,d\nt2,r,d\n"),
        ("calendar.txt", b"service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\nd,1,1,1,1,1,1,1,20260101,20261231\n"),
        ("stop_times.txt", bytes),
    ];
    for (name, table) in tables {
        archive.start_file(name, plain).expect("writes to memory");
        archive.write_all(table).expect("writes to memory");
    }
    let archive = archive.finish().expect("writes to memory");
    drop(read_zip("feed.zip", archive.into_inner(), small()));
}

pub(super) fn rail_table(bytes: &[u8]) {
    let options = RailTableOptions {
        window: (Date::constant(2026, 3, 14), Date::constant(2026, 3, 16)),
        lat_lon: BTreeMap::new(),
        limits: small(),
    };
    drop(read_rail_table("table.csv", bytes, &options));
}

pub(super) fn rail_stations(bytes: &[u8]) {
    drop(read_stations("stations.csv", bytes));
}

/// A table of access; what reads must be written and read again as the same.
pub(super) fn access_table(bytes: &[u8]) {
    if let Ok(table) = AccessTable::from_csv("access.csv", bytes) {
        let written = table.to_csv();
        let again = AccessTable::from_csv("again.csv", written.as_bytes());
        assert_eq!(again.as_ref().ok(), Some(&table), "written as {written}");
    }
}

/// Edits as TOML or JSON, applied to a small world whatever base they name.
pub(super) fn edits(bytes: &[u8]) {
    static WORLD: LazyLock<World> = LazyLock::new(toy);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let read = [
        Scenario::from_toml("edits.toml", text),
        Scenario::from_json("edits.json", text),
    ];
    for mut scenario in read.into_iter().flatten() {
        scenario.base = WORLD.hash();
        drop(scenario.apply(&WORLD));
    }
}

/// Three stops, five trips over them, three cities.
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
        let start = (8 + n) * 3_600;
        TripRun {
            id: format!("t{n}").into(),
            name: format!("G{n}").into(),
            route: format!("r{}", n % 2).into(),
            headway_s: None,
            calls: [
                call(0, start, start),
                call(1, start + 1_200, start + 1_320),
                call(2, start + 2_520, start + 2_520),
            ]
            .into(),
        }
    };
    let day = Timetable::from_parts(
        (0..3).map(stop).collect(),
        vec![600; 3],
        Vec::new(),
        (0..5).map(trip).collect(),
    )
    .expect("the calls name stops of the list");
    let mut access = AccessTable::default();
    for n in 0..3 {
        access
            .set(&format!("c{n}"), &format!("s{n}"), 0.0, "toy")
            .expect("0 minutes are allowed");
    }
    let masses = MassTable {
        values: BTreeMap::from([("c0".into(), 1.0), ("c1".into(), 2.0), ("c2".into(), 3.0)]),
        unit: "persons".into(),
        year: 2020,
        source: "toy".into(),
    };
    World::new(day, access, masses)
}
