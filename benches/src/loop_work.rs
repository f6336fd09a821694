//! Small deterministic pieces of the loop whose instructions are counted: reading and applying
//! reports, and appending decisions to the ledger.

use std::sync::Arc;

use anyhow::{Result, ensure};
use conurb_base::{ManualClock, TimeMs};
use conurb_context::{
    ContextCache, ContextEngine, ContextLimits, Entity, TRANSPORTATION_CONTEXT_URL, UpsertMode,
    WriteOp, parse_json,
};
use conurb_decide::{
    Bilingual, DecisionOption, DecisionRecord, InputRef, Inputs, KpiValue, Ledger, LedgerEntry,
    Mode, ModelRef, decision_id,
};
use conurb_store::memory;
use conurb_testkit::feed::FlowBatch;

const START: TimeMs = TimeMs(1_772_438_400_000);
const CITY: &str = "bench";

/// Two thousand reports of a thousand sensors: JSON to entities, entities to a commit in memory.
pub(crate) fn context() -> Result<()> {
    let clock = Arc::new(ManualClock::new(START));
    let contexts = Arc::new(ContextCache::default());
    let ctx = contexts.resolve_url(TRANSPORTATION_CONTEXT_URL)?;
    let engine = ContextEngine::open(
        memory::open(),
        clock.clone(),
        contexts,
        ContextLimits::default(),
    )?;
    let mut applied = 0;
    let mut batch = FlowBatch::new(0, 1000);
    for round in 0..2 {
        clock.set(START.plus_s(round));
        let (_, body) = batch.at(START.plus_s(round));
        let node = parse_json(body)?;
        let mut ops = Vec::new();
        for item in node.as_array().unwrap_or_default() {
            let entity = engine.reader(&ctx).fragment(item, None, true)?;
            let mode = UpsertMode::Update;
            ops.push(WriteOp::Upsert { entity, mode });
        }
        applied += engine.apply(ops)?.changes.len();
    }
    ensure!(applied == 2000, "{applied} of 2000 reports were applied");
    Ok(())
}

/// A thousand decisions, one durable append each ten.
pub(crate) fn ledger() -> Result<()> {
    let stores = memory::open::<Entity>();
    let ledger = Ledger::open(stores.ledger, stores.blobs, CITY)?;
    for tens in 0..100 {
        let entries = (0..10)
            .map(|n| decision(&ledger, tens * 10 + n))
            .collect::<Result<Vec<_>>>()?;
        ledger.append(&entries)?;
    }
    ensure!(ledger.len() == 1000, "{} of 1000 lines", ledger.len());
    Ok(())
}

/// A decision as the signals make them: twelve inputs, four options with three figures each.
fn decision(ledger: &Ledger, n: i64) -> Result<LedgerEntry> {
    let subject = format!(
        "urn:ngsi-ld:TrafficSignal:{CITY}:intersection_{}_1",
        n % 100
    );
    let at = START.plus_s(n);
    let document = format!("{{\"junction\":\"{subject}\",\"at_ms\":{}}}", at.0);
    let kpi = |kpi: &str, value: i64| {
        #[allow(clippy::cast_precision_loss)] // small
        let value = value as f64 / 10.0;
        KpiValue {
            kpi: kpi.to_owned(),
            value,
            interval: None,
        }
    };
    let options = (1..=4)
        .map(|phase| DecisionOption {
            action: serde_json::json!({"phase": phase, "yellow_s": 5}),
            predicted: vec![
                kpi("interval_delay_veh_s", n + phase),
                kpi("horizon_delay_veh_s", 3 * n + phase),
                kpi("queue_veh", phase),
            ],
            refused_by: None,
        })
        .collect();
    let entities = (0..12)
        .map(|lane| InputRef {
            entity: format!("urn:ngsi-ld:TrafficFlowObserved:{CITY}:road_{n}_1_0_{lane}"),
            version_ms: at.0,
        })
        .collect();
    Ok(LedgerEntry::Decided(Box::new(DecisionRecord {
        id: decision_id(CITY, "signals", &subject, at),
        scenario: "signals".to_owned(),
        city: CITY.to_owned(),
        subject,
        perceived_at: at,
        decided_at: at,
        findings: Vec::new(),
        inputs: Inputs {
            entities,
            hash: ledger.put_inputs(document.as_bytes())?,
        },
        model: ModelRef {
            name: "signals.local-twin".to_owned(),
            version: "1".to_owned(),
            seed: 0,
            information_level: "LD".to_owned(),
        },
        options,
        chosen: 1,
        why: Bilingual {
            zh: "切换到“西东进口直行”：该相位有 7 辆车排队".to_owned(),
            en: "switch to W-E through: 7 vehicles wait there".to_owned(),
        },
        mode: Mode::Auto,
        supersedes: None,
    })))
}
