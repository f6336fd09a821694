//! The platform's parsers: context, mapping, rules, manifests, the ledger.

use std::sync::{Arc, LazyLock};

use conurb_base::TimeMs;
use conurb_context::{
    ContextCache, ContextLimits, Entity, GeoQuery, LdContext, Q, Query, QueryParams, Reader,
    ScopeQuery, Subscription, TemporalParams, TemporalQuery, TypeSelection, entity_json,
    parse_json,
};
use conurb_decide::Ledger;
use conurb_perceive::{Mapping, topic_matches};
use conurb_scenario::Manifest;
use conurb_store::{LedgerLine, memory};

/// The city of the ledger in the corpus (the chain begins with its name).
const LEDGER_CITY: &str = "synthetic-4-1";
const MAPPING: &str = include_str!("../../corpus/mapping/gates.toml");

static GATES: LazyLock<Mapping> =
    LazyLock::new(|| Mapping::from_toml(MAPPING, "gates.toml").expect("the seed is a mapping"));
static CORE: LazyLock<Arc<LdContext>> = LazyLock::new(|| ContextCache::default().core());

/// An entity, read in each format; what reads must be written and read again as the same.
pub(super) fn ngsi_entity(bytes: &[u8]) {
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

pub(super) fn ngsi_context(bytes: &[u8]) {
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
pub(super) fn ngsi_query(bytes: &[u8]) {
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

pub(super) fn ngsi_subscription(bytes: &[u8]) {
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

pub(super) fn mapping(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(Mapping::from_toml(text, "mapping.toml"));
    }
}

/// The bytes as what a sensor sent.
pub(super) fn payload(bytes: &[u8]) {
    drop(GATES.map(bytes, "gates/7", TimeMs(1_772_000_000_000)));
    drop(GATES.map(bytes, "table/7", TimeMs(1_772_000_000_000)));
}

/// The bytes as a topic and, in their first line, as a filter of topics.
pub(super) fn topic(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (filter, topic) = text.split_once('\n').unwrap_or((text, text));
    let taken = topic_matches(filter, topic);
    if !filter.contains(['+', '#']) {
        assert_eq!(
            taken,
            filter == topic,
            "a filter without wildcards is itself"
        );
    }
    drop(GATES.map(b"{\"count\": 3}", topic, TimeMs(1_772_000_000_000)));
    let quoted = serde_json::Value::String(filter.to_owned());
    let text = MAPPING.replacen("\"gates/+\"", &quoted.to_string(), 1);
    drop(Mapping::from_toml(&text, "mapping.toml"));
}

pub(super) fn rules(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(conurb_think::rules_from_toml(text, "rules.toml"));
    }
}

pub(super) fn manifest(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(manifest) = Manifest::from_toml(text, "scenario.toml")
    {
        drop(manifest.gaps());
    }
}

/// The bytes as the lines of a ledger: opened, walked, read.
pub(super) fn ledger(bytes: &[u8]) {
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
