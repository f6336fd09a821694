//! The embedded backend against the memory backend: the same steps, the same answers, whatever
//! is sealed, snapshotted, reopened or copied off a running store in between.

use std::io;
use std::path::Path;
use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_store::embedded::disk::{Disk, DiskFile, RealDisk};
use conurb_store::embedded::{self, EmbeddedOptions};
use conurb_store::suite::{Text, all, delete, ops, points, put, sample, series};
use conurb_store::{SampleValue, SeriesKey, Stores, memory};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Commit {
        puts: Vec<(u8, u8)>,
        deletes: Vec<u8>,
        /// (entity, attribute, hours since 1970, value)
        samples: Vec<(u8, u8, i64, f64)>,
    },
    Forget(u8),
    Seal,
    Checkpoint,
    Reopen,
    /// Goes on with a copy of the files taken while the store was open, as after a kill.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let puts = proptest::collection::vec((0..6u8, any::<u8>()), 0..4);
    let deletes = proptest::collection::vec(0..6u8, 0..2);
    let point = (0..3u8, 0..2u8, -30..80i64, -9.0..9.0f64);
    let commit = (puts, deletes, proptest::collection::vec(point, 0..5)).prop_map(
        |(puts, deletes, samples)| Step::Commit {
            puts,
            deletes,
            samples,
        },
    );
    prop_oneof![
        8 => commit,
        1 => (0..3u8).prop_map(Step::Forget),
        2 => Just(Step::Seal),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ]
}

/// A disk that never syncs: a copied file is the same either way, and the test is quick.
#[derive(Debug)]
struct LazyDisk;

struct LazyFile(Box<dyn DiskFile>);

impl Disk for LazyDisk {
    fn append_to(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(LazyFile(RealDisk.append_to(path)?)))
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for LazyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.truncate(len)
    }
}

fn open(folder: &Path) -> Stores<Text> {
    let options = EmbeddedOptions {
        disk: Arc::new(LazyDisk),
        segment_bytes: 300,
        pack_from_bytes: 60,
        ..EmbeddedOptions::default()
    };
    embedded::open(folder, options).unwrap()
}

fn key(entity: u8, attribute: u8) -> SeriesKey {
    series(&format!("urn:{entity}"), &format!("a{attribute}"))
}

fn commit(stores: &Stores<Text>, step: &Step) -> u64 {
    let Step::Commit {
        puts,
        deletes,
        samples,
    } = step
    else {
        unreachable!("only commits come here")
    };
    let puts = puts
        .iter()
        .map(|(id, n)| put(&format!("urn:{id}"), &n.to_string()));
    let deletes = deletes.iter().map(|id| delete(&format!("urn:{id}")));
    let mut batch = ops(puts.chain(deletes).collect());
    batch.samples = samples
        .iter()
        .map(|(e, a, hour, value)| {
            let value = SampleValue::Number(*value);
            sample(&key(*e, *a), hour * 3_600_000, value)
        })
        .collect();
    stores.entities.commit(batch).unwrap()
}

fn same(a: &Stores<Text>, b: &Stores<Text>) -> Result<(), TestCaseError> {
    prop_assert_eq!(a.entities.last_seq(), b.entities.last_seq());
    prop_assert_eq!(all(a), all(b));
    for entity in 0..3 {
        let name = format!("urn:{entity}");
        let series = a.series.series_of(&name).unwrap();
        prop_assert_eq!(&series, &b.series.series_of(&name).unwrap());
        for key in &series {
            prop_assert_eq!(points(a, key), points(b, key));
            for newest in [false, true] {
                let (from, to) = (TimeMs(-20 * 3_600_000), TimeMs(50 * 3_600_000));
                let cut = |s: &Stores<Text>| s.series.range(key, from, to, 3, newest).unwrap();
                prop_assert_eq!(cut(a), cut(b));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]
    #[test]
    fn embedded_answers_like_memory(steps in proptest::collection::vec(step(), 1..40)) {
        let model = memory::open();
        let root = tempfile::tempdir().unwrap();
        let mut folder = root.path().join("0");
        let mut stores = Some(open(&folder));
        for (n, step) in steps.iter().enumerate() {
            let store = stores.as_ref().expect("it is open");
            match step {
                Step::Commit { .. } => {
                    prop_assert_eq!(commit(&model, step), commit(store, step));
                }
                Step::Forget(entity) => {
                    model.series.forget(&format!("urn:{entity}")).unwrap();
                    store.series.forget(&format!("urn:{entity}")).unwrap();
                }
                Step::Seal => store.series.seal().unwrap(),
                Step::Checkpoint => store.entities.checkpoint().unwrap(),
                Step::Reopen => {
                    stores = None;
                    stores = Some(open(&folder)).or(stores);
                }
                Step::Crash => {
                    let copy = root.path().join(format!("{}", n + 1));
                    std::fs::create_dir_all(&copy).unwrap();
                    crate::faults::copy(&folder, &copy);
                    folder = copy;
                    stores = Some(open(&folder));
                }
            }
            same(&model, stores.as_ref().expect("it is open"))?;
        }
    }
}
