//! History: a head in memory, sealed into one Parquet file per day and seal.
//!
//! `manifest.json` names the sealed files and the newest commit they cover; it is replaced
//! atomically. **Invariant** A point is either in a file of the manifest or its commit is newer
//! than the manifest covers, so that reading the log again neither loses nor doubles it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use conurb_base::TimeMs;
use serde::{Deserialize, Serialize};

use super::columns::{self, Filter, Row};
use super::disk::{Disk, on, replace_file};
use super::log::damaged;
use crate::head::{Head, cut, sort_points, within};
use crate::{Point, Sample, SeriesKey, SeriesStore, StoreError};

const FORMAT: u32 = 1;
const DAY_MS: i64 = 86_400_000;
/// A day with this many files is rewritten as one.
const MERGE_FILES: usize = 8;
/// Files with more rows than this are left alone when a day is merged.
const MERGE_ROWS: u64 = 1 << 18;

/// What is sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    /// Commits up to this one are in the files.
    sealed_seq: u64,
    next_file: u64,
    files: Vec<Sealed>,
    /// Entities whose points up to a commit are legally gone.
    forgotten: BTreeMap<String, u64>,
}

/// One sealed file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sealed {
    name: String,
    /// Days since 1970-01-01, UTC, by `observedAt`.
    day: i64,
    rows: u64,
    first_entity: String,
    last_entity: String,
    min_seq: u64,
    crc32c: u32,
}

impl Sealed {
    fn may_hold(&self, entity: &str) -> bool {
        self.first_entity.as_str() <= entity && entity <= self.last_entity.as_str()
    }
}

struct State {
    head: Head,
    /// The newest commit the head has seen.
    pushed_seq: u64,
    /// What is being written to files just now.
    sealing: Option<Arc<Head>>,
    manifest: Arc<Manifest>,
    /// Files whose checksum was compared since the store was opened.
    verified: BTreeSet<String>,
}

/// The history of a store.
pub(crate) struct History {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    state: RwLock<State>,
    /// One writer of files and manifest at a time.
    writing: Mutex<()>,
    /// Held while files are read, so that none is removed under a reader.
    reading: RwLock<()>,
}

impl History {
    pub(crate) fn open(folder: &Path, disk: Arc<dyn Disk>) -> Result<Self, StoreError> {
        let manifest = read_manifest(&folder.join("manifest.json"))?;
        remove_orphans(folder, &manifest)?;
        Ok(Self {
            folder: folder.to_owned(),
            disk,
            state: RwLock::new(State {
                head: Head::default(),
                pushed_seq: manifest.sealed_seq,
                sealing: None,
                manifest: Arc::new(manifest),
                verified: BTreeSet::new(),
            }),
            writing: Mutex::new(()),
            reading: RwLock::new(()),
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the samples of durable commits, in order.
    pub(crate) fn push(&self, commits: impl IntoIterator<Item = (u64, Vec<Sample>)>) {
        let mut state = self.write();
        for (seq, samples) in commits {
            for sample in samples {
                state.head.push(seq, sample);
            }
            state.pushed_seq = state.pushed_seq.max(seq);
        }
    }

    /// Takes in what recovery reads from the log: only what is neither sealed nor forgotten.
    pub(crate) fn recover(&self, seq: u64, mut samples: Vec<Sample>) {
        let manifest = self.read().manifest.clone();
        if seq <= manifest.sealed_seq {
            return;
        }
        samples.retain(|s| !is_forgotten(&manifest, &s.series.entity, seq));
        self.push([(seq, samples)]);
    }

    /// The newest commit the sealed files cover.
    pub(crate) fn sealed_seq(&self) -> u64 {
        self.read().manifest.sealed_seq
    }

    /// About how much memory the head takes, in bytes.
    pub(crate) fn head_bytes(&self) -> usize {
        self.read().head.bytes()
    }

    fn seal_head(&self) -> Result<(), StoreError> {
        let (taken, covered) = {
            let mut state = self.write();
            if state.head.is_empty() {
                return Ok(());
            }
            let taken = Arc::new(std::mem::take(&mut state.head));
            state.sealing = Some(taken.clone());
            (taken, state.pushed_seq)
        };
        let written = self.seal_days(&taken, covered);
        let mut state = self.write();
        state.sealing = None;
        match written {
            Ok(manifest) => state.manifest = Arc::new(manifest),
            Err(error) => {
                // Nobody else holds it now; readers copy points out under the lock.
                if let Some(older) = Arc::into_inner(taken) {
                    state.head.absorb(older);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn seal_days(&self, head: &Head, covered: u64) -> Result<Manifest, StoreError> {
        let mut manifest = (*self.read().manifest).clone();
        let mut days: BTreeMap<i64, Vec<(SeriesKey, Vec<Point>)>> = BTreeMap::new();
        for (key, points) in head.sorted() {
            for same_day in points.chunk_by(|a, b| day(a.observed_at) == day(b.observed_at)) {
                let rows = days.entry(day(same_day[0].observed_at)).or_default();
                rows.push((key.clone(), same_day.to_vec()));
            }
        }
        for (day, series) in days {
            let file = self.write_file(manifest.next_file, day, &series)?;
            manifest.next_file += 1;
            manifest.files.push(file);
        }
        manifest.sealed_seq = covered;
        self.write_manifest(&manifest)?;
        Ok(manifest)
    }

    fn write_file(
        &self,
        number: u64,
        day: i64,
        series: &[(SeriesKey, Vec<Point>)],
    ) -> Result<Sealed, StoreError> {
        let date = TimeMs(day.saturating_mul(DAY_MS)).to_iso();
        let date = date.get(..10).unwrap_or("far");
        let name = format!("{date}-{number:08}.parquet");
        let path = self.folder.join(&name);
        let bytes = columns::write(series).map_err(|e| failed(&path, &e))?;
        replace_file(&*self.disk, &path, &bytes)?;
        let points = || series.iter().flat_map(|(_, points)| points);
        let entity = |at: Option<&(SeriesKey, Vec<Point>)>| {
            at.map(|(key, _)| key.entity.to_string())
                .unwrap_or_default()
        };
        Ok(Sealed {
            name,
            day,
            rows: points().count() as u64,
            first_entity: entity(series.first()),
            last_entity: entity(series.last()),
            min_seq: points().map(|p| p.seq).min().unwrap_or(0),
            crc32c: crc32c::crc32c(&bytes),
        })
    }

    fn write_manifest(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let path = self.folder.join("manifest.json");
        let bytes = serde_json::to_vec_pretty(manifest).map_err(|e| failed(&path, &e))?;
        replace_file(&*self.disk, &path, &bytes)
    }

    /// Rewrites what is due: days in many files, and files with points of forgotten entities.
    fn rewrite(&self) -> Result<(), StoreError> {
        let mut manifest = (*self.read().manifest).clone();
        let due = files_due(&manifest);
        if due.is_empty() && manifest.forgotten.is_empty() {
            return Ok(());
        }
        let mut gone = Vec::new();
        for (day, names) in due {
            let mut merged: BTreeMap<SeriesKey, Vec<Point>> = BTreeMap::new();
            for sealed in manifest.files.iter().filter(|f| names.contains(&f.name)) {
                for (key, point) in self.rows(&manifest, sealed, &Filter::default())? {
                    merged.entry(key).or_default().push(point);
                }
            }
            manifest.files.retain(|f| !names.contains(&f.name));
            gone.extend(names);
            let mut series: Vec<(SeriesKey, Vec<Point>)> = merged.into_iter().collect();
            for (_, points) in &mut series {
                sort_points(points);
            }
            if !series.is_empty() {
                let file = self.write_file(manifest.next_file, day, &series)?;
                manifest.next_file += 1;
                manifest.files.push(file);
            }
        }
        {
            let state = self.read();
            if state.head.is_empty() {
                manifest.sealed_seq = state.pushed_seq;
            }
        }
        // What is burnt in, and can no longer come back from the log, need not be remembered.
        let sealed_seq = manifest.sealed_seq;
        manifest.forgotten.retain(|_, up_to| *up_to > sealed_seq);
        self.write_manifest(&manifest)?;
        self.write().manifest = Arc::new(manifest);
        let _nobody_reads = self.reading.write().unwrap_or_else(PoisonError::into_inner);
        for name in gone {
            let path = self.folder.join(name);
            std::fs::remove_file(&path).map_err(on("cannot remove", &path))?;
        }
        Ok(())
    }

    /// The rows of a sealed file that pass the filter and are not forgotten.
    fn rows(
        &self,
        manifest: &Manifest,
        sealed: &Sealed,
        filter: &Filter<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let path = self.folder.join(&sealed.name);
        self.verify(&path, sealed)?;
        let mut rows = columns::read(&path, filter).map_err(|e| failed(&path, &e))?;
        rows.retain(|(key, point)| !is_forgotten(manifest, &key.entity, point.seq));
        Ok(rows)
    }

    /// Compares a file's checksum the first time it is read.
    fn verify(&self, path: &Path, sealed: &Sealed) -> Result<(), StoreError> {
        if self.read().verified.contains(&sealed.name) {
            return Ok(());
        }
        let bytes = std::fs::read(path).map_err(on("cannot read", path))?;
        if crc32c::crc32c(&bytes) != sealed.crc32c {
            return Err(damaged(path, 0, "its checksum does not fit".into()));
        }
        self.write().verified.insert(sealed.name.clone());
        Ok(())
    }
}

/// The files to be rewritten together, each set of one day.
fn files_due(manifest: &Manifest) -> Vec<(i64, BTreeSet<String>)> {
    let mut by_day: BTreeMap<i64, Vec<&Sealed>> = BTreeMap::new();
    for file in &manifest.files {
        by_day.entry(file.day).or_default().push(file);
    }
    let burn = |file: &Sealed| {
        let mut forgotten = manifest.forgotten.iter();
        forgotten.any(|(entity, up_to)| file.may_hold(entity) && file.min_seq <= *up_to)
    };
    let mut due = Vec::new();
    for (day, files) in by_day {
        let (small, large): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|f| f.rows <= MERGE_ROWS);
        if small.len() >= MERGE_FILES || small.iter().any(|f| burn(f)) {
            due.push((day, small.iter().map(|f| f.name.clone()).collect()));
        }
        // Large files one by one, so that memory stays bounded.
        let large = large.into_iter().filter(|f| burn(f));
        due.extend(large.map(|f| (day, BTreeSet::from([f.name.clone()]))));
    }
    due
}

fn day(time: TimeMs) -> i64 {
    time.0.div_euclid(DAY_MS)
}

fn is_forgotten(manifest: &Manifest, entity: &str, seq: u64) -> bool {
    manifest
        .forgotten
        .get(entity)
        .is_some_and(|up_to| seq <= *up_to)
}

fn failed(path: &Path, what: &dyn std::fmt::Display) -> StoreError {
    StoreError::History {
        path: path.display().to_string(),
        what: what.to_string(),
    }
}

fn read_manifest(path: &Path) -> Result<Manifest, StoreError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Manifest {
                format: FORMAT,
                sealed_seq: 0,
                next_file: 1,
                files: Vec::new(),
                forgotten: BTreeMap::new(),
            });
        }
        Err(e) => return Err(on("cannot read", path)(e)),
    };
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|e| damaged(path, 0, format!("it is no history manifest: {e}")))?;
    if manifest.format > FORMAT {
        return Err(StoreError::TooNew {
            path: path.display().to_string(),
            found: manifest.format,
            known: FORMAT,
        });
    }
    Ok(manifest)
}

/// Removes files a crash left between writing them and naming them in the manifest; misses no
/// file the manifest names.
fn remove_orphans(folder: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let known: BTreeSet<&str> = manifest.files.iter().map(|f| f.name.as_str()).collect();
    for entry in std::fs::read_dir(folder).map_err(on("cannot list", folder))? {
        let path = entry.map_err(on("cannot list", folder))?.path();
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        let ours = name.ends_with(".parquet") || name.ends_with(".tmp");
        if ours && !known.contains(name) {
            std::fs::remove_file(&path).map_err(on("cannot remove", &path))?;
        }
    }
    for name in known {
        let path = folder.join(name);
        if !path.is_file() {
            return Err(damaged(
                &path,
                0,
                "the manifest names it, but it is gone".into(),
            ));
        }
    }
    Ok(())
}

impl SeriesStore for History {
    fn range(
        &self,
        series: &SeriesKey,
        from: TimeMs,
        to: TimeMs,
        limit: usize,
        newest_first_cut: bool,
    ) -> Result<Vec<Point>, StoreError> {
        let _no_file_goes = self.reading.read().unwrap_or_else(PoisonError::into_inner);
        let mut days: BTreeMap<i64, Vec<Point>> = BTreeMap::new();
        let manifest = {
            let state = self.read();
            let heads = state.sealing.iter().map(|h| &**h).chain([&state.head]);
            for point in heads.flat_map(|head| head.points(series)) {
                if within(point.observed_at, from, to) {
                    let same_day = days.entry(day(point.observed_at)).or_default();
                    same_day.push(point.clone());
                }
            }
            state.manifest.clone()
        };
        let files: Vec<&Sealed> = manifest
            .files
            .iter()
            .filter(|f| f.may_hold(&series.entity) && day(from) <= f.day && f.day <= day(to))
            .collect();
        for file in &files {
            days.entry(file.day).or_default();
        }
        let filter = Filter {
            entity: Some(&series.entity),
            series: Some(series),
            span: Some((from, to)),
        };
        let mut found: Vec<Vec<Point>> = Vec::new();
        let mut count = 0;
        let mut read_day = |(day, fresh): (i64, Vec<Point>)| -> Result<bool, StoreError> {
            let mut points = Vec::new();
            for file in files.iter().filter(|f| f.day == day) {
                let rows = self.rows(&manifest, file, &filter)?;
                points.extend(rows.into_iter().map(|(_, point)| point));
            }
            points.extend(fresh);
            sort_points(&mut points);
            count += points.len();
            found.push(points);
            Ok(count >= limit)
        };
        // Day by day from the end that is wanted, no further than the limit.
        if newest_first_cut {
            for day in days.into_iter().rev() {
                if read_day(day)? {
                    break;
                }
            }
            found.reverse();
        } else {
            for day in days {
                if read_day(day)? {
                    break;
                }
            }
        }
        Ok(cut(found.concat(), limit, newest_first_cut))
    }

    fn series_of(&self, entity: &str) -> Result<Vec<SeriesKey>, StoreError> {
        let _no_file_goes = self.reading.read().unwrap_or_else(PoisonError::into_inner);
        let mut keys = BTreeSet::new();
        let manifest = {
            let state = self.read();
            let heads = state.sealing.iter().map(|h| &**h).chain([&state.head]);
            keys.extend(heads.flat_map(|head| head.series_of(entity)));
            state.manifest.clone()
        };
        let filter = Filter {
            entity: Some(entity),
            ..Filter::default()
        };
        for file in manifest.files.iter().filter(|f| f.may_hold(entity)) {
            let rows = self.rows(&manifest, file, &filter)?;
            keys.extend(rows.into_iter().map(|(key, _)| key));
        }
        Ok(keys.into_iter().collect())
    }

    fn seal(&self) -> Result<(), StoreError> {
        let _one_writer = self.lock();
        self.seal_head()?;
        self.rewrite()
    }

    fn forget(&self, entity: &str) -> Result<(), StoreError> {
        let _one_writer = self.lock();
        let (mut manifest, up_to) = {
            let state = self.read();
            ((*state.manifest).clone(), state.pushed_seq)
        };
        manifest.forgotten.insert(entity.to_owned(), up_to);
        self.write_manifest(&manifest)?;
        let mut state = self.write();
        state.manifest = Arc::new(manifest);
        state.head.forget(entity, up_to);
        Ok(())
    }
}
