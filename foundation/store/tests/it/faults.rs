//! What the embedded backend does when the disk is full, short, broken or lying, and when files
//! were changed behind its back.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use conurb_store::embedded::disk::{Disk, DiskFile, RealDisk};
use conurb_store::embedded::{self, EmbeddedOptions};
use conurb_store::suite::{
    Text, all, delete, line, ops, points, put, sample, samples, series, text,
};
use conurb_store::{SampleValue, StoreError, Stores};

/// A disk with a fault plan, shared with the files it hands out.
#[derive(Debug, Default)]
struct FaultyDisk {
    plan: Arc<Plan>,
}

#[derive(Debug)]
struct Plan {
    /// Bytes until the disk is full.
    room: AtomicU64,
    /// Whether a sync fails.
    sync_fails: AtomicBool,
    /// Whether cutting a file fails.
    truncate_fails: AtomicBool,
    /// Files that were synced, in order.
    synced: Mutex<Vec<PathBuf>>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            room: AtomicU64::new(u64::MAX),
            sync_fails: AtomicBool::new(false),
            truncate_fails: AtomicBool::new(false),
            synced: Mutex::default(),
        }
    }
}

struct FaultyFile {
    inner: Box<dyn DiskFile>,
    path: PathBuf,
    plan: Arc<Plan>,
}

impl Disk for FaultyDisk {
    fn append_to(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(FaultyFile {
            inner: RealDisk.append_to(path)?,
            path: path.to_owned(),
            plan: self.plan.clone(),
        }))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        RealDisk.sync_folder(folder)
    }
}

impl DiskFile for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.plan.room.load(Ordering::SeqCst);
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // Short writes: never more than 100 bytes at once, and only what there is room for.
        let most = bytes.len().min(100).min(room as usize);
        let written = self.inner.write(&bytes[..most])?;
        if room != u64::MAX {
            self.plan.room.fetch_sub(written as u64, Ordering::SeqCst);
        }
        Ok(written)
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.plan.sync_fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("the cable is out"));
        }
        self.plan.synced.lock().unwrap().push(self.path.clone());
        self.inner.sync()
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        if self.plan.truncate_fails.load(Ordering::SeqCst) {
            return Err(io::Error::other("the cable is out"));
        }
        self.inner.truncate(len)
    }
}

fn faulty(folder: &Path) -> (Stores<Text>, Arc<Plan>) {
    let plan = Arc::new(Plan::default());
    let options = EmbeddedOptions {
        disk: Arc::new(FaultyDisk { plan: plan.clone() }),
        ..EmbeddedOptions::default()
    };
    (embedded::open(folder, options).unwrap(), plan)
}

fn try_open(folder: &Path) -> Result<Stores<Text>, StoreError> {
    embedded::open(folder, EmbeddedOptions::default())
}

fn open(folder: &Path) -> Stores<Text> {
    try_open(folder).unwrap()
}

fn log_file(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("log"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    files.pop().unwrap()
}

/// A store that was killed: its files as they were while it was open.
fn killed(commits: u32) -> tempfile::TempDir {
    let (alive, dead) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stores = open(alive.path());
    for n in 0..commits {
        let batch = ops(vec![put(&format!("urn:{n}"), &n.to_string())]);
        stores.entities.commit(batch).unwrap();
    }
    copy(alive.path(), dead.path());
    dead
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn a_second_opener_is_told_who_is_first() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    assert!(matches!(
        try_open(folder.path()),
        Err(StoreError::Locked { .. })
    ));
    // Any part of the handle holds the store.
    let ledger = first.ledger.clone();
    drop(first);
    assert!(matches!(
        try_open(folder.path()),
        Err(StoreError::Locked { .. })
    ));
    drop(ledger);
    open(folder.path());
}

#[test]
fn a_full_disk_refuses_the_write_keeps_nothing_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, plan) = faulty(folder.path());
    stores
        .entities
        .commit(ops(vec![put("urn:a", "1")]))
        .unwrap();
    for room in [0, 1, 20, 150] {
        plan.room.store(room, Ordering::SeqCst);
        let large = ops(vec![put("urn:a", &"2".repeat(300)), delete("urn:b")]);
        let error = stores.entities.commit(large).unwrap_err();
        assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
        let lines = [line("d1", 0), line("d2", 1), line("d3", 2), line("d4", 3)];
        plan.room.store(room, Ordering::SeqCst);
        let error = stores.ledger.append(&lines).unwrap_err();
        assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
        plan.room.store(room, Ordering::SeqCst);
        let noise: Vec<u8> = (0..300u32).map(|i| (i * i % 251) as u8).collect();
        let error = stores.blobs.put(&noise).unwrap_err();
        assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    }
    assert_eq!(text(&stores, "urn:a").as_deref(), Some("1"));
    assert_eq!((stores.entities.last_seq(), stores.ledger.len()), (1, 0));
    plan.room.store(u64::MAX, Ordering::SeqCst);
    let next = stores.entities.commit(ops(vec![put("urn:b", "3")]));
    assert_eq!(next.unwrap(), 2);
    stores.ledger.append(&[line("d5", 0)]).unwrap();
    let blob = stores.blobs.put(b"kept").unwrap();
    drop(stores);
    let stores = open(folder.path());
    assert_eq!(text(&stores, "urn:a").as_deref(), Some("1"));
    assert_eq!(text(&stores, "urn:b").as_deref(), Some("3"));
    assert_eq!(stores.ledger.len(), 1);
    assert_eq!(stores.blobs.get(&blob).unwrap().unwrap(), b"kept");
}

#[test]
fn a_failed_sync_closes_the_store_for_writing_and_shows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, plan) = faulty(folder.path());
    stores
        .entities
        .commit(ops(vec![put("urn:a", "1")]))
        .unwrap();
    plan.sync_fails.store(true, Ordering::SeqCst);
    let write = || stores.entities.commit(ops(vec![put("urn:a", "2")]));
    assert!(matches!(write(), Err(StoreError::Uncertain { .. })));
    // A later sync that works proves nothing about the pages that were lost.
    plan.sync_fails.store(false, Ordering::SeqCst);
    assert!(matches!(write(), Err(StoreError::Uncertain { .. })));
    assert!(stores.entities.checkpoint().is_err());
    assert_eq!(text(&stores, "urn:a").as_deref(), Some("1"));
    drop(stores);
    // Whether the write survived is unknown; a whole answer is one of the two.
    let stores = open(folder.path());
    assert!(["1", "2"].contains(&text(&stores, "urn:a").unwrap().as_str()));
}

#[test]
fn a_write_that_cannot_be_cut_back_closes_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, plan) = faulty(folder.path());
    plan.room.store(20, Ordering::SeqCst);
    plan.truncate_fails.store(true, Ordering::SeqCst);
    let write = || stores.entities.commit(ops(vec![put("urn:a", "2")]));
    assert!(matches!(write(), Err(StoreError::Uncertain { .. })));
    plan.room.store(u64::MAX, Ordering::SeqCst);
    assert!(matches!(write(), Err(StoreError::Uncertain { .. })));
    drop(stores);
    assert!(open(folder.path()).entities.is_empty());
}

#[test]
fn everything_acknowledged_was_synced() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, plan) = faulty(folder.path());
    let syncs = || std::mem::take(&mut *plan.synced.lock().unwrap());
    syncs();
    let ends = |paths: &[PathBuf], name: &str| paths.iter().any(|p| p.ends_with(name));
    stores
        .entities
        .commit(ops(vec![put("urn:a", "1")]))
        .unwrap();
    assert!(ends(&syncs(), "log/000001.log"));
    stores.ledger.append(&[line("d", 1)]).unwrap();
    assert!(ends(&syncs(), "ledger/ledger.jsonl"));
    stores.blobs.put(b"x").unwrap();
    assert!(ends(&syncs(), "blobs/000001.pack"));
}

#[test]
fn a_full_disk_while_sealing_or_snapshotting_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, plan) = faulty(folder.path());
    let key = series("urn:a", "speed");
    let some = || samples(vec![sample(&key, 1, SampleValue::Number(1.0))]);
    stores.entities.commit(some()).unwrap();
    stores
        .entities
        .commit(ops(vec![put("urn:a", "1")]))
        .unwrap();
    for room in [30, 200, 900, 1500, 2500] {
        plan.room.store(room, Ordering::SeqCst);
        let _ = stores.series.seal();
        let _ = stores.entities.checkpoint();
        plan.room.store(u64::MAX, Ordering::SeqCst);
        assert_eq!(points(&stores, &key).len(), 1);
    }
    stores.entities.commit(some()).unwrap();
    drop(stores);
    let stores = open(folder.path());
    assert_eq!(points(&stores, &key).len(), 2);
    assert_eq!(all(&stores).len(), 1);
}

#[test]
fn a_torn_tail_is_cut_wherever_it_is_torn() {
    let dead = killed(5);
    let log = log_file(dead.path());
    let whole = std::fs::read(&log).unwrap();
    let mut kept_before = 0;
    for len in (0..=whole.len()).step_by(7).chain([whole.len()]) {
        std::fs::write(&log, &whole[..len]).unwrap();
        let stores = open(dead.path());
        let kept = stores.entities.len() as u64;
        assert_eq!(stores.entities.last_seq(), kept);
        assert!(kept >= kept_before);
        kept_before = kept;
        let next = stores.entities.commit(ops(vec![put("urn:new", "x")]));
        assert_eq!(next.unwrap(), kept + 1);
        drop(stores);
        let stores = open(dead.path());
        assert_eq!(text(&stores, "urn:new").as_deref(), Some("x"));
    }
    assert_eq!(kept_before, 5);
}

#[test]
fn a_flipped_bit_before_sound_records_is_damage_named_by_file_and_offset() {
    let dead = killed(6);
    let log = log_file(dead.path());
    let whole = std::fs::read(&log).unwrap();
    // The last record may be unfinished; all before it are proven by it.
    let record = (whole.len() - 24) / 6;
    for at in (0..whole.len() - record).step_by(5) {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        std::fs::write(&log, &bytes).unwrap();
        match try_open(dead.path()).err() {
            Some(StoreError::Damaged { path, offset, .. }) => {
                assert!(path.ends_with("000001.log"));
                assert!(offset <= at as u64);
            }
            Some(StoreError::TooNew { found, known, .. }) => assert!(found > known),
            other => panic!("byte {at} was flipped, and yet: {other:?}"),
        }
        assert_eq!(std::fs::read(&log).unwrap(), bytes, "nothing is repaired");
    }
}

#[test]
fn after_a_clean_close_even_the_last_record_is_proven() {
    let folder = tempfile::tempdir().unwrap();
    let stores = open(folder.path());
    let batch = ops(vec![put("urn:a", "a rather long text to flip a bit in")]);
    stores.entities.commit(batch).unwrap();
    drop(stores);
    let log = log_file(folder.path());
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&log, &bytes).unwrap();
    assert!(matches!(
        try_open(folder.path()),
        Err(StoreError::Damaged { .. })
    ));
}

#[test]
fn a_log_that_lost_what_a_snapshot_covers_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let stores = open(folder.path());
    for _ in 0..3 {
        stores
            .entities
            .commit(ops(vec![put("urn:a", "1")]))
            .unwrap();
    }
    stores.entities.checkpoint().unwrap();
    drop(stores);
    let log = log_file(folder.path());
    let whole = std::fs::read(&log).unwrap();
    for cut in [None, Some(0), Some(10)] {
        std::fs::remove_file(&log).unwrap();
        if let Some(len) = cut {
            std::fs::write(&log, &whole[..len]).unwrap();
        }
        assert!(
            matches!(try_open(folder.path()), Err(StoreError::Damaged { .. })),
            "{cut:?}"
        );
        std::fs::write(&log, &whole).unwrap();
    }
    open(folder.path());
}

#[test]
fn what_is_left_of_a_segment_that_was_being_removed_goes_at_the_next_opening() {
    let folder = tempfile::tempdir().unwrap();
    let stores = open(folder.path());
    stores
        .entities
        .commit(ops(vec![put("urn:a", "1")]))
        .unwrap();
    let first = log_file(folder.path());
    let whole = std::fs::read(&first).unwrap();
    stores.entities.checkpoint().unwrap();
    drop(stores);
    assert!(!first.exists(), "the checkpoint covers the first segment");
    let left = first.with_extension("gone");
    std::fs::write(&left, &whole[..whole.len() / 2]).unwrap();
    let stores = open(folder.path());
    assert_eq!(stores.entities.len(), 1);
    assert!(!left.exists());
}

#[test]
fn a_damaged_snapshot_sealed_file_or_blob_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let stores = open(folder.path());
    let key = series("urn:a", "speed");
    let batch = samples(vec![sample(&key, 1, SampleValue::Number(1.0))]);
    stores.entities.commit(batch).unwrap();
    stores
        .entities
        .commit(ops(vec![put("urn:a", "1")]))
        .unwrap();
    let hash = stores.blobs.put(b"a blob").unwrap();
    stores.blobs.put(b"another").unwrap();
    stores.entities.checkpoint().unwrap();
    drop(stores);
    let flip = |folder_name: &str, end: &str, at: usize| {
        let path = std::fs::read_dir(folder.path().join(folder_name))
            .unwrap()
            .map(|e| e.unwrap().path())
            .find(|p| p.to_string_lossy().ends_with(end))
            .unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
    };
    flip("snapshot", ".snap", 40);
    assert!(matches!(
        try_open(folder.path()),
        Err(StoreError::Damaged { .. })
    ));
    flip("snapshot", ".snap", 40);
    flip("history", ".parquet", 30);
    flip("blobs", ".pack", 12 + 45 + 2);
    let stores = open(folder.path());
    let all_time = stores
        .series
        .range(&key, 0.into_time(), 9.into_time(), 9, false);
    assert!(matches!(all_time, Err(StoreError::Damaged { .. })));
    assert!(matches!(
        stores.blobs.get(&hash),
        Err(StoreError::Damaged { .. })
    ));
}

trait IntoTime {
    fn into_time(self) -> conurb_base::TimeMs;
}

impl IntoTime for i64 {
    fn into_time(self) -> conurb_base::TimeMs {
        conurb_base::TimeMs(self)
    }
}

#[test]
fn the_ledger_index_is_made_again_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let stores = open(folder.path());
    for n in 0..30 {
        let lines = [line(&format!("d{}", n % 3), n)];
        stores.ledger.append(&lines).unwrap();
    }
    let before = stores.ledger.lines_of("d1").unwrap();
    drop(stores);
    for end in ["", "-wal", "-shm"] {
        let path = folder.path().join(format!("registry.sqlite{end}"));
        let _ = std::fs::remove_file(path);
    }
    let stores = open(folder.path());
    assert_eq!(stores.ledger.len(), 30);
    assert_eq!(stores.ledger.lines_of("d1").unwrap(), before);
}

/// Lines move from memory to the index while others append and read: none is missed or read twice.
#[test]
fn the_ledger_is_read_whole_while_its_index_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let stores = open(folder.path());
    let (mut count, batch) = (0, 1_000);
    // More than may wait in memory: the index has been written to by then.
    for _ in 0..70 {
        let lines: Vec<_> = (count..count + batch)
            .map(|n| line(&format!("d{}", n % 500), n))
            .collect();
        stores.ledger.append(&lines).unwrap();
        count += batch;
        let found = stores.ledger.lines_of("d7").unwrap();
        let want: Vec<u64> = (0..count).filter(|n| n % 500 == 7).collect();
        assert_eq!(found.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), want);
        let mut seen = Vec::new();
        let mut three = |seq, text: &str| {
            seen.push((seq, text.to_owned()));
            seen.len() < 3
        };
        stores.ledger.scan(count / 2, &mut three).unwrap();
        let middle = count / 2..count / 2 + 3;
        let want = middle.map(|n| (n, line(&format!("d{}", n % 500), n).text));
        assert_eq!(seen, want.collect::<Vec<_>>());
    }
    let index = rusqlite::Connection::open(folder.path().join("registry.sqlite")).unwrap();
    let indexed: i64 = index
        .query_row("SELECT count(*) FROM ledger_line", [], |row| row.get(0))
        .unwrap();
    assert!(indexed > 0, "nothing was indexed while the store was open");
}

#[test]
fn the_ledger_file_holds_the_lines_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let stores = open(folder.path());
    let lines = [line("d1", 0), line("d2", 1)];
    stores.ledger.append(&lines).unwrap();
    let file = folder.path().join("ledger/ledger.jsonl");
    let want = format!("{}\n{}\n", lines[0].text, lines[1].text);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), want);
    drop(stores);
    // A torn last line was never acknowledged.
    std::fs::write(&file, format!("{want}{{\"id\":\"d3\"")).unwrap();
    let stores = open(folder.path());
    assert_eq!(stores.ledger.len(), 2);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), want);
    // A changed byte is read as it is: naming it is the verifier's business.
    std::fs::write(&file, want.replace("\"n\":0", "\"n\":7")).unwrap();
    let mut seen = Vec::new();
    stores
        .ledger
        .scan(0, &mut |_, text| {
            seen.push(text.to_owned());
            true
        })
        .unwrap();
    assert!(seen[0].contains("\"n\":7"));
    assert_eq!(seen[1], lines[1].text);
    drop(stores);
    // Kept lines that are gone are a loss, and said to be one.
    std::fs::write(&file, format!("{}\n", lines[0].text)).unwrap();
    assert!(matches!(
        try_open(folder.path()),
        Err(StoreError::Damaged { .. })
    ));
}

#[test]
fn a_store_from_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let log = log_file(folder.path());
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[8] = 9;
    std::fs::write(&log, &bytes).unwrap();
    assert!(matches!(
        try_open(folder.path()),
        Err(StoreError::TooNew {
            found: 9,
            known: 1,
            ..
        })
    ));
}

#[test]
fn a_crash_between_sealing_and_dropping_the_log_doubles_nothing() {
    let (alive, dead) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stores = open(alive.path());
    let key = series("urn:a", "speed");
    for at in 0..20 {
        let batch = samples(vec![sample(&key, at, SampleValue::Number(1.0))]);
        stores.entities.commit(batch).unwrap();
        if at % 6 == 5 {
            // Sealed, and the log still holds every point.
            stores.series.seal().unwrap();
        }
    }
    copy(alive.path(), dead.path());
    let reopened = open(dead.path());
    assert_eq!(points(&reopened, &key), points(&stores, &key));
    drop(reopened);
    // A crash before the manifest: a file nobody names. It goes, the points stay.
    let orphan = dead.path().join("history/1970-01-01-99999999.parquet");
    std::fs::write(&orphan, b"unfinished").unwrap();
    let reopened = open(dead.path());
    assert_eq!(points(&reopened, &key).len(), 20);
    assert!(!orphan.exists());
}
