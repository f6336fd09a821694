//! A ledger file in memory, and decisions to put in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use conurb_base::TimeMs;
use conurb_decide::{
    Bilingual, DecisionOption, DecisionRecord, InputRef, Inputs, Interval, KpiValue, Ledger,
    LedgerEntry, Mode, ModelRef, decision_id,
};
use conurb_store::{BlobStore, LedgerLine, LedgerStore, StoreError};
use sha2::{Digest, Sha256};

/// The city of the tests.
pub(crate) const CITY: &str = "testville";

/// Lines as the bytes of a file would hold them.
#[derive(Default)]
pub(crate) struct FileInMemory {
    pub(crate) bytes: Mutex<Vec<u8>>,
    ids: Mutex<Vec<String>>,
}

impl FileInMemory {
    fn lines(&self) -> Vec<String> {
        let bytes = self.bytes.lock().unwrap();
        let mut parts: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
        if parts.last().is_some_and(|p| p.is_empty()) {
            parts.pop();
        }
        parts
            .into_iter()
            .map(|p| String::from_utf8_lossy(p).into_owned())
            .collect()
    }
}

impl LedgerStore for FileInMemory {
    fn append(&self, lines: &[LedgerLine]) -> Result<u64, StoreError> {
        let mut ids = self.ids.lock().unwrap();
        let first = ids.len() as u64;
        let mut bytes = self.bytes.lock().unwrap();
        for line in lines {
            ids.push(line.id.clone());
            bytes.extend_from_slice(line.text.as_bytes());
            bytes.push(b'\n');
        }
        Ok(first)
    }

    fn len(&self) -> u64 {
        self.ids.lock().unwrap().len() as u64
    }

    fn lines_of(&self, id: &str) -> Result<Vec<(u64, String)>, StoreError> {
        let lines = self.lines();
        let ids = self.ids.lock().unwrap();
        Ok(ids
            .iter()
            .zip(lines)
            .enumerate()
            .filter(|(_, (of, _))| *of == id)
            .map(|(seq, (_, line))| (seq as u64, line))
            .collect())
    }

    fn scan(&self, from: u64, visit: &mut dyn FnMut(u64, &str) -> bool) -> Result<(), StoreError> {
        for (seq, line) in self.lines().iter().enumerate().skip(from as usize) {
            if !visit(seq as u64, line) {
                break;
            }
        }
        Ok(())
    }
}

/// Blobs in memory.
#[derive(Default)]
pub(crate) struct Blobs(Mutex<BTreeMap<String, Vec<u8>>>);

impl BlobStore for Blobs {
    fn put(&self, bytes: &[u8]) -> Result<String, StoreError> {
        let hash = hex::encode(Sha256::digest(bytes));
        self.0.lock().unwrap().insert(hash.clone(), bytes.to_vec());
        Ok(hash)
    }

    fn get(&self, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().unwrap().get(hash).cloned())
    }
}

/// An empty ledger and the file under it.
pub(crate) fn ledger() -> (Ledger, Arc<FileInMemory>) {
    let file = Arc::new(FileInMemory::default());
    (open(&file), file)
}

/// A ledger over a file.
pub(crate) fn open(file: &Arc<FileInMemory>) -> Ledger {
    Ledger::open(file.clone(), Arc::new(Blobs::default()), CITY).unwrap()
}

/// A decision about signal `n` at second `s`.
pub(crate) fn record(n: usize, s: i64, mode: Mode) -> DecisionRecord {
    let subject = format!("urn:ngsi-ld:TrafficLight:{n}");
    let at = TimeMs(1_772_000_000_000).plus_s(s);
    let predicted = |value: f64| {
        vec![KpiValue {
            kpi: "delay_veh_s".into(),
            value,
            interval: Some(Interval {
                low: value - 1.5,
                high: value + 1.5,
                level: 0.9,
                method: "residual quantiles, n = 40".into(),
            }),
        }]
    };
    DecisionRecord {
        id: decision_id(CITY, "signals", &subject, at),
        scenario: "signals".into(),
        city: CITY.into(),
        subject: subject.clone(),
        perceived_at: TimeMs(at.0 - 800),
        decided_at: at,
        findings: vec![],
        inputs: Inputs {
            entities: vec![InputRef {
                entity: subject,
                version_ms: at.0 - 800,
            }],
            hash: hex::encode(Sha256::digest(n.to_le_bytes())),
        },
        model: ModelRef {
            name: "signals.local-twin".into(),
            version: "1".into(),
            seed: 7,
            information_level: "LD".into(),
        },
        options: vec![
            DecisionOption {
                action: serde_json::json!({"phase": 1}),
                predicted: predicted(41.25),
                refused_by: None,
            },
            DecisionOption {
                action: serde_json::json!({"phase": 3}),
                predicted: predicted(17.5),
                refused_by: Some("min_green_s".into()),
            },
        ],
        chosen: 0,
        why: Bilingual {
            zh: "当前相位未满最短绿灯\u{fffd}".into(),
            en: "the running phase has not had its shortest green".into(),
        },
        mode,
        supersedes: None,
    }
}

/// The record and its approval by policy.
pub(crate) fn auto(n: usize, s: i64) -> [LedgerEntry; 2] {
    let record = record(n, s, Mode::Auto);
    let approved = LedgerEntry::Approved {
        id: record.id.clone(),
        approved_at: record.decided_at,
        approver: conurb_decide::POLICY_AUTO.into(),
    };
    [LedgerEntry::Decided(Box::new(record)), approved]
}
