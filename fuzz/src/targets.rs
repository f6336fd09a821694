//! The targets.

use std::sync::{Arc, LazyLock};

use conurb_base::TimeMs;
use conurb_context::{
    ContextCache, ContextLimits, Entity, GeoQuery, LdContext, Q, Query, QueryParams, Reader,
    ScopeQuery, Subscription, TemporalParams, TemporalQuery, TypeSelection, entity_json,
    parse_json,
};
use conurb_decide::Ledger;
use conurb_perceive::Mapping;
use conurb_scenario::Manifest;
use conurb_store::{LedgerLine, memory};
use conurb_traffic::{Demand, Network};
use conurb_transit::gtfs::{Limits, read_zip};

use crate::Target;

/// Mutations a target gets in the tests.
const ROUNDS: u64 = 1_500;

/// One target per parser. The ledger gets fewer mutations: naming the record of a damaged line
/// tries every byte of its id.
pub const TARGETS: &[Target] = &[
    Target {
        name: "roadnet",
        run: roadnet,
        rounds: ROUNDS,
    },
    Target {
        name: "flow",
        run: flow,
        rounds: ROUNDS,
    },
    Target {
        name: "gtfs_zip",
        run: gtfs_zip,
        rounds: ROUNDS,
    },
    Target {
        name: "gtfs_table",
        run: gtfs_table,
        rounds: ROUNDS,
    },
    Target {
        name: "ngsi_entity",
        run: ngsi_entity,
        rounds: ROUNDS,
    },
    Target {
        name: "ngsi_context",
        run: ngsi_context,
        rounds: ROUNDS,
    },
    Target {
        name: "ngsi_query",
        run: ngsi_query,
        rounds: ROUNDS,
    },
    Target {
        name: "ngsi_subscription",
        run: ngsi_subscription,
        rounds: ROUNDS,
    },
    Target {
        name: "mapping",
        run: mapping,
        rounds: ROUNDS,
    },
    Target {
        name: "payload",
        run: payload,
        rounds: ROUNDS,
    },
    Target {
        name: "rules",
        run: rules,
        rounds: ROUNDS,
    },
    Target {
        name: "manifest",
        run: manifest,
        rounds: ROUNDS,
    },
    Target {
        name: "ledger",
        run: ledger,
        rounds: 100,
    },
];

const ROADNET: &[u8] = include_bytes!("../corpus/roadnet/cross.json");
/// The city of the ledger in the corpus (the chain begins with its name).
const LEDGER_CITY: &str = "synthetic-4-1";
const MAPPING: &str = include_str!("../corpus/mapping/gates.toml");

static CORE: LazyLock<Arc<LdContext>> = LazyLock::new(|| ContextCache::default().core());

fn roadnet(bytes: &[u8]) {
    drop(Network::from_json(bytes, "roadnet.json"));
}

fn flow(bytes: &[u8]) {
    static NET: LazyLock<Network> =
        LazyLock::new(|| Network::from_json(ROADNET, "cross.json").expect("the seed is a network"));
    drop(Demand::from_json(bytes, "flow.json", &NET));
}

/// Limits small enough for a fuzzer's memory.
const fn small() -> Limits {
    Limits {
        rows: 10_000,
        stop_times: 10_000,
        table_bytes: 1 << 20,
    }
}

fn gtfs_zip(bytes: &[u8]) {
    drop(read_zip("feed.zip", bytes.to_vec(), small()));
}

/// The bytes as `stop_times.txt` of a feed that is good otherwise.
fn gtfs_table(bytes: &[u8]) {
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

/// An entity, read in each format; what reads must be written and read again as the same.
fn ngsi_entity(bytes: &[u8]) {
    let limits = ContextLimits::default();
    let Ok(node) = parse_json(bytes) else { return };
    drop(Reader::new(&CORE, &limits).simplified().entity(&node));
    let reader = Reader::new(&CORE, &limits);
    drop(reader.fragment(&node, None, true));
    drop(reader.merge_patch(&node, None));
    let Ok(entity) = reader.entity(&node) else {
        return;
    };
    let written = entity_json(&entity, &CORE, &conurb_context::View::default());
    let text = serde_json::to_vec(&written).expect("JSON values are written");
    let again = parse_json(&text).expect("what we write is JSON");
    let again = reader.entity(&again).expect("what we write is an entity");
    assert_eq!(again.attributes, entity.attributes, "written as {written}");
}

fn ngsi_context(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return;
    };
    let cache = ContextCache::default();
    if cache
        .host("https://example.org/context.jsonld", &value)
        .is_ok()
    {
        drop(cache.resolve_url("https://example.org/context.jsonld"));
    }
    if let Ok(context) = cache.resolve(&value) {
        drop(context.expand("speed"));
        drop(context.expand("ex:speed"));
    }
}

/// The bytes as the text of each query parameter that has a language of its own.
fn ngsi_query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    drop(Q::parse(text, &CORE, 100));
    drop(TypeSelection::parse(text, &CORE));
    drop(ScopeQuery::parse(text));
    for geometry in ["Point", "Polygon", "LineString"] {
        let coordinates = serde_json::Value::String(text.to_owned());
        drop(GeoQuery::parse(
            "near;maxDistance==100",
            geometry,
            &coordinates,
            None,
            &CORE,
        ));
    }
    drop(GeoQuery::parse(
        text,
        "Point",
        &serde_json::json!([8.0, 40.0]),
        None,
        &CORE,
    ));
    let params = QueryParams {
        id: Some(text.to_owned()),
        id_pattern: Some(text.to_owned()),
        attrs: Some(text.to_owned()),
        ..QueryParams::default()
    };
    drop(Query::parse(&params, &CORE, &ContextLimits::default()));
    let times = TemporalParams {
        timerel: Some("between".to_owned()),
        time_at: Some(text.to_owned()),
        end_time_at: Some(text.to_owned()),
        ..TemporalParams::default()
    };
    drop(TemporalQuery::parse(&times, &CORE));
}

fn ngsi_subscription(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return;
    };
    let cache = ContextCache::default();
    drop(Subscription::parse(
        &value,
        &cache.core(),
        &cache,
        &ContextLimits::default(),
    ));
}

fn mapping(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(Mapping::from_toml(text, "mapping.toml"));
    }
}

/// The bytes as what a sensor sent.
fn payload(bytes: &[u8]) {
    static GATES: LazyLock<Mapping> =
        LazyLock::new(|| Mapping::from_toml(MAPPING, "gates.toml").expect("the seed is a mapping"));
    drop(GATES.map(bytes, "gates/7", TimeMs(1_772_000_000_000)));
    drop(GATES.map(bytes, "table/7", TimeMs(1_772_000_000_000)));
}

fn rules(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(conurb_think::rules_from_toml(text, "rules.toml"));
    }
}

fn manifest(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(manifest) = Manifest::from_toml(text, "scenario.toml")
    {
        drop(manifest.gaps());
    }
}

/// The bytes as the lines of a ledger: opened, walked, read.
fn ledger(bytes: &[u8]) {
    let stores = memory::open::<Entity>();
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<LedgerLine> = text
        .lines()
        .map(|line| LedgerLine {
            id: id_in(line).to_owned(),
            text: line.to_owned(),
        })
        .collect();
    if lines.is_empty() || stores.ledger.append(&lines).is_err() {
        return;
    }
    if let Ok(ledger) = Ledger::open(stores.ledger.clone(), stores.blobs.clone(), LEDGER_CITY) {
        drop(ledger.verify());
        drop(ledger.read(&lines[0].id));
        drop(ledger.counts());
    }
}

/// The decision a line speaks of, as the store would have indexed it.
fn id_in(line: &str) -> &str {
    line.split("\"id\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("nobody")
}
