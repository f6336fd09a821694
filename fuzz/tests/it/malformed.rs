//! Networks and demands wrong in one way each: every file is refused, with its place and a remedy.
//!
//! The texts stand in `corpus/malformed/expected.txt`, so that each is read by a person when it
//! changes. A stale file fails this test once, which rewrites it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use conurb_base::Coded as _;
use conurb_traffic::assignment::{Counts, OdMatrix, TurnDemand, Zones};
use conurb_traffic::gmns::read_tables;
use conurb_traffic::osm::read_map;
use conurb_traffic::sumo::{
    DemandOptions, NetworkOptions, SumoNetwork, read_additional, read_demand, read_network,
};
use conurb_traffic::{Changes, Demand, MapOptions, Network, Parking, TrafficError};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The files of a folder of malformed ones, by name.
fn files(kind: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = corpus().join("malformed").join(kind);
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let files = entries.map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(path).unwrap())
    });
    files.collect()
}

fn sumo_net() -> SumoNetwork {
    let bytes = std::fs::read(corpus().join("sumo_net/signals.net.xml")).unwrap();
    read_network(&bytes, "signals.net.xml", &NetworkOptions::default()).unwrap()
}

fn net() -> Network {
    let bytes = std::fs::read(corpus().join("roadnet/cross.json")).unwrap();
    Network::from_json(&bytes, "cross.json").unwrap()
}

fn map(bytes: &[u8], name: &str) -> Option<TrafficError> {
    read_map(bytes, name, &MapOptions::default()).err()
}

type Reader = Box<dyn Fn(&[u8], &str) -> Option<TrafficError>>;

/// Each folder with the reader of its files.
fn readers() -> Vec<(&'static str, Reader)> {
    let mut all = file_readers();
    all.extend(table_readers());
    all
}

/// Readers of the tables of demand.
fn table_readers() -> Vec<(&'static str, Reader)> {
    vec![
        (
            "od_table",
            Box::new(|bytes, name| {
                OdMatrix::from_csv(bytes, name, &net(), &Zones::default()).err()
            }),
        ),
        (
            "zone_table",
            Box::new(|bytes, name| Zones::from_csv(bytes, name, &net()).err()),
        ),
        (
            "entry_table",
            Box::new(|bytes, name| {
                let turns = std::fs::read(corpus().join("turn_table/two.csv")).unwrap();
                TurnDemand::from_csv((bytes, name), (&turns, "two.csv"), &net()).err()
            }),
        ),
        (
            "turn_table",
            Box::new(|bytes, name| {
                let flows = std::fs::read(corpus().join("entry_table/two.csv")).unwrap();
                TurnDemand::from_csv((&flows, "two.csv"), (bytes, name), &net()).err()
            }),
        ),
        (
            "count_table",
            Box::new(|bytes, name| Counts::from_csv(bytes, name, &net()).err()),
        ),
    ]
}

fn file_readers() -> Vec<(&'static str, Reader)> {
    let (net, sumo, signals) = (net(), sumo_net(), sumo_net());
    vec![
        (
            "roadnet",
            Box::new(|bytes, name| Network::from_json(bytes, name).err()),
        ),
        (
            "flow",
            Box::new(move |bytes, name| Demand::from_json(bytes, name, &net).err()),
        ),
        (
            "changes",
            Box::new(|bytes, name| Changes::from_json(bytes, name, &self::net()).err()),
        ),
        (
            "parking",
            Box::new(|bytes, name| Parking::from_json(bytes, name, &self::net()).err()),
        ),
        (
            "sumo_net",
            Box::new(|bytes, name| read_network(bytes, name, &NetworkOptions::default()).err()),
        ),
        (
            "sumo_demand",
            Box::new(move |bytes, name| {
                read_demand(&[(bytes, name)], &sumo, &DemandOptions::default()).err()
            }),
        ),
        (
            "sumo_additional",
            Box::new(move |bytes, name| read_additional(bytes, name, &signals, 0.0).err()),
        ),
        ("osm_xml", Box::new(map)),
        ("osm_pbf", Box::new(map)),
        (
            "gmns",
            Box::new(|bytes, name| {
                let tables = conurb_fuzz::gmns_tables(bytes);
                read_tables(&tables, name, &MapOptions::default()).err()
            }),
        ),
    ]
}

/// One refusal as a person reads it.
fn refusal(name: &str, error: &TrafficError) -> String {
    let at = error.at().unwrap_or_default();
    // A folder of tables is one file here: its errors name the table in it.
    let file = at.file.as_deref().unwrap_or_default();
    assert!(file.starts_with(name), "{error} names another file");
    // Blocks, and maps without streets, have no line but a name.
    let located = at.line.is_some() || at.path.is_some();
    assert!(located, "{error} has no line");
    let remedy = error.remedy().unwrap_or_default();
    assert!(!remedy.is_empty(), "{error} has no remedy");
    format!("{}\n  {error}\n  {remedy}\n", error.code())
}

#[test]
fn every_malformed_file_is_refused_with_place_and_remedy() {
    let mut found = String::new();
    let mut accepted = Vec::new();
    for (kind, read) in readers() {
        for (name, bytes) in files(kind) {
            let name = format!("{kind}/{name}");
            match read(&bytes, &name) {
                Some(error) => writeln!(found, "{}", refusal(&name, &error)).unwrap(),
                None => accepted.push(name),
            }
        }
    }
    assert_eq!(accepted, [""; 0], "files that should be refused");
    let file = corpus().join("malformed/expected.txt");
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    if found != expected {
        let differs = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
        std::fs::write(&file, &found).unwrap();
        panic!(
            "{} was stale and is written anew; read what changed, first: {differs:?}",
            file.display()
        );
    }
}

/// What the malformed files are made from is fine: each is wrong by what was done to it.
#[test]
fn the_files_they_are_made_from_are_accepted() {
    assert_eq!(net().signalised().len(), 1);
    let flows = std::fs::read(corpus().join("flow/two.json")).unwrap();
    assert_eq!(
        Demand::from_json(&flows, "two.json", &net())
            .unwrap()
            .flows()
            .len(),
        2
    );
    for (kind, file) in [("osm_xml", "cross.osm"), ("osm_pbf", "cross.osm.pbf")] {
        let bytes = std::fs::read(corpus().join(kind).join(file)).unwrap();
        assert!(map(&bytes, file).is_none(), "{file}");
    }
    let tables = std::fs::read(corpus().join("gmns/cross.gmns")).unwrap();
    let tables = conurb_fuzz::gmns_tables(&tables);
    assert!(read_tables(&tables, "cross", &MapOptions::default()).is_ok());
    for file in ["vehicles.rou.xml", "flows.rou.xml"] {
        let bytes = std::fs::read(corpus().join("sumo_demand").join(file)).unwrap();
        let demand = read_demand(&[(&bytes, file)], &sumo_net(), &DemandOptions::default());
        assert!(!demand.unwrap().demand.flows().is_empty(), "{file}");
    }
}
