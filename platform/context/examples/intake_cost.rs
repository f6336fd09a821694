//! What intake costs per entity: JSON to entity, and entity to commit on the memory store.
//! Run: `cargo run --release -p conurb-context --example intake_cost`.
#![allow(clippy::print_stdout)] // a program whose output is its purpose

use std::sync::Arc;

use conurb_base::{Clock, SystemClock};
use conurb_context::{
    ContextCache, ContextEngine, ContextError, ContextLimits, TRANSPORTATION_CONTEXT_URL, WriteOp,
    parse_json,
};
use conurb_store::Document;

const ENTITIES: usize = 5_000;
const ROUNDS: usize = 20;
const BATCH: usize = 500;

fn text(i: usize, round: usize) -> String {
    let at = format!("2026-03-02T08:{:02}:{:02}Z", round % 60, i % 60);
    format!(
        r#"{{"id":"urn:ngsi-ld:TrafficFlowObserved:{i}","type":"TrafficFlowObserved",
"intensity":{{"type":"Property","value":{},"observedAt":"{at}"}},
"occupancy":{{"type":"Property","value":0.{},"observedAt":"{at}"}},
"averageVehicleSpeed":{{"type":"Property","value":{}.5,"unitCode":"KMH","observedAt":"{at}"}},
"laneId":{{"type":"Property","value":{}}},
"refRoadSegment":{{"type":"Relationship","object":"urn:ngsi-ld:RoadSegment:{}"}}}}"#,
        i + round,
        (i + round) % 90 + 10,
        (i * 7 + round) % 60,
        i % 4,
        i / 4
    )
}

fn main() -> Result<(), ContextError> {
    let clock = SystemClock::new();
    let contexts = Arc::new(ContextCache::default());
    let ctx = contexts.resolve_url(TRANSPORTATION_CONTEXT_URL)?;
    let engine = ContextEngine::open(
        conurb_store::memory::open(),
        SystemClock::shared(),
        contexts,
        ContextLimits::default(),
    )?;
    let bodies: Vec<String> = (0..ROUNDS)
        .flat_map(|r| (0..ENTITIES).map(move |i| text(i, r)))
        .collect();
    let bytes: usize = bodies.iter().map(String::len).sum();
    let reader = engine.reader(&ctx);
    let (mut parse_ns, mut apply_ns, mut encode_ns, mut encoded) = (0, 0, 0, 0usize);
    for chunk in bodies.chunks(BATCH) {
        let start = clock.monotonic_ns();
        let ops = chunk
            .iter()
            .map(|b| Ok(WriteOp::upsert(reader.entity(&parse_json(b.as_bytes())?)?)))
            .collect::<Result<Vec<_>, ContextError>>()?;
        let parsed = clock.monotonic_ns();
        let applied = engine.apply(ops)?;
        let done = clock.monotonic_ns();
        let mut buffer = Vec::with_capacity(1 << 20);
        for change in &applied.changes {
            change.entity.encode(&mut buffer);
        }
        encoded += buffer.len();
        encode_ns += clock.monotonic_ns() - done;
        parse_ns += parsed - start;
        apply_ns += done - parsed;
        for outcome in applied.outcomes {
            outcome?;
        }
    }
    let n = bodies.len();
    let us = |ns: u64| ns as f64 / n as f64 / 1000.0;
    println!(
        "{n} updates of {ENTITIES} entities, 5 attributes, {} B of JSON each",
        bytes / n
    );
    println!("parse and expand  {:.2} us per entity", us(parse_ns));
    println!("apply (memory)    {:.2} us per entity", us(apply_ns));
    println!(
        "encode            {:.2} us per entity, {} B",
        us(encode_ns),
        encoded / n
    );
    Ok(())
}
