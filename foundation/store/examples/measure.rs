//! Prints what the embedded store does a second on this machine:
//! `cargo run --release -p conurb-store --example measure --features suite -- [DIR]`.
//!
//! Batches of 100 documents of 400 B, each with 3 samples, from 1 and 32 committers; then how
//! long opening takes after a million puts, from the log alone and from a snapshot.

#![allow(clippy::print_stdout)] // it is here to print

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use conurb_base::{Clock, SystemClock, TimeMs};
use conurb_store::embedded::{self, Durability, EmbeddedOptions};
use conurb_store::suite::Text;
use conurb_store::{Batch, Op, Sample, SampleValue, SeriesKey, StoreError, Stores};

const DOCS: u64 = 100;

fn main() -> Result<(), StoreError> {
    let base = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let clock = SystemClock::new();
    for (committers, durability) in [
        (1, Durability::Synced),
        (32, Durability::Synced),
        (1, Durability::Buffered),
    ] {
        let dir = fresh(&base);
        throughput(&clock, &dir, committers, durability)?;
        remove(&dir);
    }
    let dir = fresh(&base);
    recovery(&clock, &dir)?;
    remove(&dir);
    let dir = fresh(&base);
    blobs_and_ledger(&clock, &dir)?;
    remove(&dir);
    Ok(())
}

fn fresh(base: &Path) -> PathBuf {
    let dir = base.join(format!("conurb-store-measure-{}", std::process::id()));
    remove(&dir);
    dir
}

fn remove(dir: &Path) {
    if dir.exists()
        && let Err(error) = std::fs::remove_dir_all(dir)
    {
        println!("cannot remove {}: {error}", dir.display());
    }
}

fn options(durability: Durability) -> EmbeddedOptions {
    EmbeddedOptions {
        durability,
        ..EmbeddedOptions::default()
    }
}

fn seconds(clock: &SystemClock, since_ns: u64) -> f64 {
    (clock.monotonic_ns() - since_ns) as f64 / 1e9
}

/// The names of one committer's entities, made once: a platform has them interned.
struct Fleet {
    ids: Vec<Arc<str>>,
    attributes: [Arc<str>; 3],
    filler: String,
}

impl Fleet {
    fn new(committer: u64, count: u64) -> Self {
        let id = |n| format!("urn:ngsi-ld:TrafficFlowObserved:{committer:02}:{n:08}");
        let name = |n| format!("https://uri.etsi.org/ngsi-ld/default-context/{n}");
        Self {
            ids: (0..count).map(|n| Arc::from(id(n))).collect(),
            attributes: ["intensity", "occupancy", "averageVehicleSpeed"].map(|n| name(n).into()),
            filler: "\"type\":\"TrafficFlowObserved\",\"laneId\":1,".repeat(9),
        }
    }

    fn batch(&self, round: u64) -> Batch<Text> {
        let mut batch = Batch::default();
        for i in 0..DOCS {
            let at = (round * DOCS + i) as usize % self.ids.len();
            let id = self.ids[at].clone();
            let mut text = format!("{{\"round\":{round},{}", self.filler);
            text.truncate(400);
            for (k, attribute) in self.attributes.iter().enumerate() {
                batch.samples.push(Sample {
                    series: SeriesKey {
                        entity: id.clone(),
                        attribute: attribute.clone(),
                        dataset: None,
                    },
                    observed_at: TimeMs(1_767_225_600_000 + round as i64 * 1000),
                    recorded_at: TimeMs(1_767_225_600_050 + round as i64 * 1000),
                    value: SampleValue::Number((round * 7 + i * 3 + k as u64) as f64 % 97.0),
                });
            }
            batch.ops.push(Op::Put {
                id,
                doc: Arc::new(Text(text)),
            });
        }
        batch
    }
}

fn throughput(
    clock: &SystemClock,
    dir: &Path,
    committers: u64,
    durability: Durability,
) -> Result<(), StoreError> {
    const SPAN_S: f64 = 6.0;
    let stores: Stores<Text> = embedded::open(dir, options(durability))?;
    let (puts, start) = (AtomicU64::new(0), clock.monotonic_ns());
    let mut latencies: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..committers)
            .map(|committer| {
                let (stores, puts) = (&stores, &puts);
                scope.spawn(move || {
                    let fleet = Fleet::new(committer, 20_000 / committers);
                    let (mut round, mut took) = (0, Vec::new());
                    while seconds(clock, start) < SPAN_S {
                        let batch = fleet.batch(round);
                        let before = clock.monotonic_ns();
                        stores.entities.commit(batch).expect("the disk has room");
                        took.push(clock.monotonic_ns() - before);
                        puts.fetch_add(DOCS, Ordering::Relaxed);
                        round += 1;
                    }
                    took
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|t| t.join().expect("a committer does not panic"))
            .collect()
    });
    latencies.sort_unstable();
    let at = |q: f64| latencies[((latencies.len() - 1) as f64 * q) as usize] as f64 / 1e6;
    println!(
        "{durability:?}, {committers:2} committers: {:.0} puts/s with {:.0} samples/s; commit p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms",
        puts.load(Ordering::Relaxed) as f64 / seconds(clock, start),
        3.0 * puts.load(Ordering::Relaxed) as f64 / seconds(clock, start),
        at(0.5),
        at(0.99),
        at(1.0),
    );
    Ok(())
}

fn recovery(clock: &SystemClock, dir: &Path) -> Result<(), StoreError> {
    let large = || EmbeddedOptions {
        checkpoint_bytes: u64::MAX,
        head_bytes: 1 << 40,
        ..options(Durability::Buffered)
    };
    let stores: Stores<Text> = embedded::open(dir, large())?;
    let fleet = Fleet::new(0, 1_000_000);
    for round in 0..1_000_000 / DOCS {
        let mut batch = fleet.batch(round);
        batch.samples.clear();
        stores.entities.commit(batch)?;
    }
    drop(stores);
    let start = clock.monotonic_ns();
    let stores: Stores<Text> = embedded::open(dir, large())?;
    println!(
        "recovery of 1 M puts into {} entities from the log: {:.2} s",
        stores.entities.len(),
        seconds(clock, start)
    );
    let start = clock.monotonic_ns();
    stores.entities.checkpoint()?;
    println!("checkpoint of 1 M entities: {:.2} s", seconds(clock, start));
    drop(stores);
    let start = clock.monotonic_ns();
    let stores: Stores<Text> = embedded::open(dir, large())?;
    println!(
        "recovery of {} entities from a snapshot: {:.2} s",
        stores.entities.len(),
        seconds(clock, start)
    );
    Ok(())
}

fn blobs_and_ledger(clock: &SystemClock, dir: &Path) -> Result<(), StoreError> {
    let stores: Stores<Text> = embedded::open(dir, options(Durability::Synced))?;
    let start = clock.monotonic_ns();
    for n in 0..1000u64 {
        let body = format!("{n} ").repeat(2000);
        stores.blobs.put(body.as_bytes())?;
    }
    println!(
        "durable blobs of 8 kB: {:.0}/s",
        1000.0 / seconds(clock, start)
    );
    let start = clock.monotonic_ns();
    for n in 0..1000u64 {
        let line = conurb_store::LedgerLine {
            id: format!("d{n}"),
            text: format!("{{\"id\":\"d{n}\",\"why\":\"{}\"}}", "x".repeat(800)),
        };
        stores.ledger.append(&[line])?;
    }
    println!(
        "durable ledger lines of 800 B: {:.0}/s",
        1000.0 / seconds(clock, start)
    );
    Ok(())
}
