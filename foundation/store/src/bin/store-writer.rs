//! Writes to a store as fast as it can and prints every acknowledgement, until it is killed.
//! For the kill test only.

#![allow(clippy::print_stdout)] // its output is what the test reads

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use conurb_base::{SystemClock, TimeMs};
use conurb_store::embedded::{self, EmbeddedOptions};
use conurb_store::suite::{Text, put, series};
use conurb_store::{Batch, LedgerLine, Sample, SampleValue, StoreError, Stores};

fn main() -> Result<(), StoreError> {
    let folder = std::env::args().nth(1).unwrap_or_default();
    // Low limits: segments, seals and checkpoints are to be interrupted too.
    let options = EmbeddedOptions {
        segment_bytes: 2_000,
        checkpoint_bytes: 20_000,
        head_bytes: 20_000,
        pack_from_bytes: 200,
        ..EmbeddedOptions::new(SystemClock::shared())
    };
    let stores: Stores<Text> = embedded::open(Path::new(&folder), options)?;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|thread| {
                let stores = stores.clone();
                scope.spawn(move || commit_for_ever(&stores, thread))
            })
            .collect();
        let others = scope.spawn(|| append_for_ever(&stores));
        writers
            .into_iter()
            .chain([others])
            .try_for_each(|t| t.join().expect("a writer does not panic"))
    })
}

/// One line, whole, before anything else is done.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A closed pipe means that nobody listens any more.
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

fn commit_for_ever(stores: &Stores<Text>, thread: u64) -> Result<(), StoreError> {
    let id = format!("urn:writer:{thread}");
    let key = series(&id, "round");
    let mut round: u64 = stores
        .entities
        .get(&id)
        .and_then(|doc| doc.0.parse().ok())
        .unwrap_or(0);
    loop {
        round += 1;
        stores.entities.commit(Batch {
            ops: vec![
                put(&id, &round.to_string()),
                put(&format!("{id}:{}", round % 50), "filler"),
            ],
            samples: vec![Sample {
                series: key.clone(),
                observed_at: TimeMs(round as i64),
                recorded_at: TimeMs(round as i64),
                value: SampleValue::Json(Arc::from("\"some text to fill a file with\"")),
            }],
        })?;
        say(&format!("commit {thread} {round}"));
    }
}

fn append_for_ever(stores: &Stores<Text>) -> Result<(), StoreError> {
    loop {
        let n = stores.ledger.len();
        let line = |n: u64| LedgerLine {
            id: format!("d{}", n % 5),
            text: format!("{{\"id\":\"d{}\",\"n\":{n}}}", n % 5),
        };
        stores.ledger.append(&[line(n), line(n + 1)])?;
        say(&format!("ledger {}", n + 2));
        let hash = stores
            .blobs
            .put(format!("the blob of line {n}").as_bytes())?;
        say(&format!("blob {hash}"));
    }
}
