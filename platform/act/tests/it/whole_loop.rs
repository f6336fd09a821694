//! Decide, approve, act, undo: what the desk says is what the ledger takes, under every fault.

use std::sync::Arc;

use conurb_act::{FaultPlan, SimChannel};
use conurb_decide::{Approvals, Ledger, LedgerEntry, Mode};
use conurb_store::{Document, memory};
use proptest::prelude::*;

use crate::support::{T0, command, decided, desk, id};

struct NoDocument;

impl Document for NoDocument {
    fn encode(&self, _: &mut Vec<u8>) {}

    fn decode(_: &[u8]) -> Result<Self, String> {
        Ok(Self)
    }
}

/// Runs 60 s of decisions at three signals; returns the ledger's lines.
fn run(seed: u64, faults: FaultPlan, overturn_every: usize) -> Vec<String> {
    let stores = memory::open::<NoDocument>();
    let ledger = Ledger::open(stores.ledger.clone(), stores.blobs.clone(), "testville").unwrap();
    let (channel, _field) = SimChannel::new(seed, faults).unwrap();
    let mut desk = desk(Box::new(channel), 600.0);
    let mut approvals = Approvals::new(5, 100);
    let mut made = 0;
    for s in 0..60 {
        let now = T0.plus_s(s);
        let mut entries = desk.tick(now);
        entries.extend(approvals.expire(now));
        ledger.append(&entries).unwrap();
        if s % 5 != 0 {
            continue;
        }
        for actuator in ["a", "b", "c"] {
            made += 1;
            let mode = [Mode::Auto, Mode::Approve, Mode::Advise, Mode::Auto][made % 4];
            let decision = id(actuator, s as usize);
            let LedgerEntry::Decided(mut record) = decided(&decision, mode) else {
                unreachable!()
            };
            record.decided_at = now;
            let mut entries = approvals.decided(&record, now);
            entries.insert(0, LedgerEntry::Decided(record));
            if mode == Mode::Approve && made % 3 == 0 {
                entries.push(approvals.approve(&decision, "ana", now).unwrap());
            }
            ledger.append(&entries).unwrap();
            entries.iter().for_each(|e| desk.witness(e));
            if let Ok(out) = desk.issue(command(&decision, 1, actuator, now, 8), now) {
                ledger.append(&out.entries).unwrap();
            }
            if made % overturn_every == 0 {
                let undo = ledger.overturn(&decision, "ana", "test", now).unwrap();
                approvals.overturned(&undo.decision_id);
                ledger.append(&desk.undo(&undo.decision_id, now)).unwrap();
            }
        }
    }
    let counts = ledger.counts().unwrap();
    assert_eq!(counts.decided, 36);
    assert!(counts.auto > 0 && counts.approved > 0 && counts.rejected > 0 && counts.overturned > 0);
    assert_eq!(ledger.verify().unwrap().decisions, 36);
    let ledger_store: Arc<_> = stores.ledger;
    let mut lines = Vec::new();
    ledger_store
        .scan(0, &mut |_, line| {
            lines.push(line.to_owned());
            true
        })
        .unwrap();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_ledger_takes_all_the_desk_says_and_the_same_seed_gives_the_same_bytes(
        seed in any::<u64>(), p in prop::array::uniform5(0.0..1.0f64), overturn_every in 2usize..7,
    ) {
        let [late, lost, twice, refused, lying] = p;
        let faults = FaultPlan { late, late_ms_max: 6_000, lost, twice, refused, lying };
        let lines = run(seed, faults, overturn_every);
        prop_assert_eq!(&lines, &run(seed, faults, overturn_every));
        // Each line that says something left or came back has its approval before it.
        for (n, line) in lines.iter().enumerate() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            if value["entry"]["entry"] == "acted" {
                let before = &lines[..n];
                let id = value["entry"]["id"].as_str().unwrap();
                prop_assert!(before.iter().any(|l| l.contains("\"entry\":\"approved\"") && l.contains(id)));
            }
        }
    }
}
