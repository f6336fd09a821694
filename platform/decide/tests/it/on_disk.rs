//! The ledger over the embedded store: a damaged file is still opened, and the record is named.

use std::path::{Path, PathBuf};

use conurb_decide::{DecideError, Ledger};
use conurb_store::{Document, Stores, embedded};

use crate::support::{CITY, auto};

struct NoDocument;

impl Document for NoDocument {
    fn encode(&self, _: &mut Vec<u8>) {}

    fn decode(_: &[u8]) -> Result<Self, String> {
        Ok(Self)
    }
}

fn open(dir: &Path) -> Result<(Stores<NoDocument>, Ledger), String> {
    let stores =
        embedded::open(dir, embedded::EmbeddedOptions::default()).map_err(|e| e.to_string())?;
    let ledger = Ledger::open(stores.ledger.clone(), stores.blobs.clone(), CITY)
        .map_err(|e| e.to_string())?;
    Ok((stores, ledger))
}

fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    for entry in std::fs::read_dir(dir).ok()?.flatten() {
        let path = entry.path();
        if path.file_name().is_some_and(|n| n == name) {
            return Some(path);
        }
        if path.is_dir()
            && let Some(found) = find(&path, name)
        {
            return Some(found);
        }
    }
    None
}

#[test]
fn a_byte_changed_on_disk_is_found_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (stores, ledger) = open(dir.path()).unwrap();
    for n in 0..4 {
        ledger.append(&auto(n, 15)).unwrap();
    }
    let head = ledger.head().unwrap();
    drop((stores, ledger));
    let (stores, ledger) = open(dir.path()).unwrap();
    assert_eq!(ledger.verify_against(Some(&head)).unwrap().entries, 8);
    drop((stores, ledger));

    let file = find(dir.path(), "ledger.jsonl").unwrap();
    let whole = std::fs::read(&file).unwrap();
    for at in (11..whole.len()).step_by(whole.len() / 23) {
        let mut hurt = whole.clone();
        hurt[at] ^= 4;
        std::fs::write(&file, &hurt).unwrap();
        let line = whole[..at].iter().filter(|b| **b == b'\n').count() as u64;
        let (stores, ledger) = open(dir.path()).expect("a damaged ledger still opens");
        match ledger.verify_against(Some(&head)) {
            Err(DecideError::Broken(b)) => assert_eq!(b.seq, line, "byte {at}: {b}"),
            other => panic!("byte {at}: {other:?}"),
        }
        drop((stores, ledger));
        std::fs::write(&file, &whole).unwrap();
    }
}
