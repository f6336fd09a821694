//! `kill -9` at random moments: every acknowledged update is there after reopening.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use conurb_store::Stores;
use conurb_store::embedded::{self, EmbeddedOptions};
use conurb_store::suite::{Text, points, series, text};
use conurb_testkit::Moments;

/// What the writer has acknowledged, over all its lives.
#[derive(Default)]
struct Acknowledged {
    /// The newest acknowledged round of each writer thread.
    rounds: BTreeMap<u64, u64>,
    ledger_lines: u64,
    blobs: Vec<String>,
    total: u64,
}

impl Acknowledged {
    fn take(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (kind, a, b) = (words.next(), words.next(), words.next());
        match (kind, a, b) {
            (Some("commit"), Some(thread), Some(round)) => {
                let round = round.parse().unwrap();
                self.rounds.insert(thread.parse().unwrap(), round);
            }
            (Some("ledger"), Some(lines), None) => self.ledger_lines = lines.parse().unwrap(),
            (Some("blob"), Some(hash), None) => self.blobs.push(hash.to_owned()),
            _ => return, // cut by the kill
        }
        self.total += 1;
    }

    fn check(&self, stores: &Stores<Text>) {
        for (thread, acknowledged) in &self.rounds {
            let id = format!("urn:writer:{thread}");
            let kept: u64 = text(stores, &id).expect("it was put").parse().unwrap();
            assert!(kept >= *acknowledged, "{id}: {kept} < {acknowledged}");
            // Every round left one point: none is lost, none is doubled.
            let points = points(stores, &series(&id, "round"));
            let times: Vec<i64> = points.iter().map(|p| p.0).collect();
            assert_eq!(times, (1..=kept as i64).collect::<Vec<_>>(), "{id}");
        }
        assert!(stores.ledger.len() >= self.ledger_lines);
        let mut next = 0;
        stores
            .ledger
            .scan(0, &mut |seq, text| {
                assert_eq!(seq, next);
                assert_eq!(text, format!("{{\"id\":\"d{}\",\"n\":{seq}}}", seq % 5));
                next += 1;
                true
            })
            .unwrap();
        assert_eq!(next, stores.ledger.len());
        for hash in &self.blobs {
            assert!(stores.blobs.get(hash).unwrap().is_some(), "blob {hash}");
        }
    }
}

/// Runs the writer until it is killed; `wait` counts from its first acknowledgement.
fn one_life(folder: &Path, wait: Duration, acknowledged: &mut Acknowledged) {
    let mut writer = Command::new(env!("CARGO_BIN_EXE_store-writer"))
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let first = lines.next().expect("the writer opens the store").unwrap();
    acknowledged.take(&first);
    let killer = std::thread::spawn(move || {
        std::thread::sleep(wait);
        writer.kill().unwrap(); // SIGKILL
        writer.wait().unwrap();
    });
    for line in lines {
        acknowledged.take(&line.unwrap());
    }
    killer.join().unwrap();
}

#[test]
fn what_was_acknowledged_survives_fifty_kills() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::default();
    let (least, most) = (Duration::from_millis(1), Duration::from_millis(250));
    for wait in Moments::new(7, "kill -9", least, most).take(50) {
        one_life(folder.path(), wait, &mut acknowledged);
        let stores = embedded::open(folder.path(), EmbeddedOptions::default()).unwrap();
        acknowledged.check(&stores);
        acknowledged.blobs.clear();
    }
    assert!(
        acknowledged.total > 1000,
        "only {} updates: the test tested little",
        acknowledged.total
    );
}
