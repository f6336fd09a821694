//! Blobs in packs: append-only files of records, so that thousands of small blobs are a few
//! large files.
//!
//! A pack is a header (magic, format) and records: `stored u32, plain u32, sha256, flag u8`
//! (1 = zstd), `crc32c u32` over these, then the stored bytes. The index is made from the record
//! heads when the store is opened.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use super::LockFile;
use super::disk::{Appender, Disk, on};
use super::log::damaged;
use super::wire::u32_at;
use crate::{BlobStore, StoreError};

const MAGIC: &[u8; 8] = b"CNB-BLOB";
const VERSION: u32 = 1;
const PACK_HEADER: u64 = 12;
const RECORD_HEADER: usize = 45;
const PACK_BYTES: u64 = 256 << 20;
/// No blob is larger, bytes.
const MAX_BLOB: usize = 1 << 30;

type Hash = [u8; 32];

pub(crate) struct Blobs {
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    synced: bool,
    index: RwLock<FxHashMap<Hash, Place>>,
    tail: Mutex<Tail>,
    _lock: Arc<LockFile>,
}

struct Tail {
    number: u32,
    file: Appender,
    reader: Arc<File>,
}

#[derive(Clone)]
struct Place {
    pack: Arc<File>,
    number: u32,
    offset: u64,
    head: Head,
}

#[derive(Clone, Copy)]
struct Head {
    stored: u32,
    plain: u32,
    hash: Hash,
    packed: bool,
}

impl Head {
    fn bytes(&self) -> Vec<u8> {
        let mut out = self.stored.to_le_bytes().to_vec();
        out.extend_from_slice(&self.plain.to_le_bytes());
        out.extend_from_slice(&self.hash);
        out.push(u8::from(self.packed));
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..RECORD_HEADER)?;
        let sound = crc32c::crc32c(&bytes[..41]) == u32_at(bytes, 41);
        sound.then(|| Self {
            stored: u32_at(bytes, 0),
            plain: u32_at(bytes, 4),
            hash: bytes[8..40].try_into().expect("32 bytes"),
            packed: bytes[40] == 1,
        })
    }
}

fn pack_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:06}.pack"))
}

impl Blobs {
    pub(crate) fn open(
        folder: &Path,
        disk: Arc<dyn Disk>,
        synced: bool,
        lock: Arc<LockFile>,
    ) -> Result<Self, StoreError> {
        let mut index = FxHashMap::default();
        let mut number = 1;
        while pack_path(folder, number + 1).exists() {
            let path = pack_path(folder, number);
            let (_, good, len) = scan_pack(&path, number, &mut index)?;
            if good < len {
                return Err(damaged(&path, good, "a blob is not whole".into()));
            }
            number += 1;
        }
        let path = pack_path(folder, number);
        let mut tail = None;
        if path.exists() {
            let (reader, good, len) = scan_pack(&path, number, &mut index)?;
            if good < len {
                if any_record_after(&reader, good + 1, len, &path)? {
                    return Err(damaged(&path, good, "a blob is not whole".into()));
                }
                let bytes = len - good;
                tracing::warn!(path = %path.display(), bytes, "cut an unfinished blob off a pack");
            }
            if good >= PACK_HEADER {
                let file = Appender::open(&*disk, &path, good)?;
                tail = Some(Tail {
                    number,
                    file,
                    reader,
                });
            }
        }
        let tail = match tail {
            Some(tail) => tail,
            None => begin_pack(folder, &*disk, number)?,
        };
        Ok(Self {
            folder: folder.to_owned(),
            disk,
            synced,
            index: RwLock::new(index),
            tail: Mutex::new(tail),
            _lock: lock,
        })
    }

    fn place(&self, hash: &Hash) -> Option<Place> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.get(hash).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn begin_pack(folder: &Path, disk: &dyn Disk, number: u32) -> Result<Tail, StoreError> {
    let path = pack_path(folder, number);
    let mut file = Appender::open(disk, &path, 0)?;
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&VERSION.to_le_bytes());
    file.append(&header)?;
    file.sync()?;
    disk.sync_folder(folder)
        .map_err(on("cannot sync", folder))?;
    let reader = Arc::new(File::open(&path).map_err(on("cannot open", &path))?);
    Ok(Tail {
        number,
        file,
        reader,
    })
}

/// Reads the record heads of a pack; returns how much of it is whole, and its length.
fn scan_pack(
    path: &Path,
    number: u32,
    index: &mut FxHashMap<Hash, Place>,
) -> Result<(Arc<File>, u64, u64), StoreError> {
    let file = Arc::new(File::open(path).map_err(on("cannot open", path))?);
    let len = file.metadata().map_err(on("cannot read", path))?.len();
    if len < PACK_HEADER {
        return Ok((file, 0, len));
    }
    let mut header = [0; PACK_HEADER as usize];
    file.read_exact_at(&mut header, 0)
        .map_err(on("cannot read", path))?;
    if !header.starts_with(MAGIC) {
        return Err(damaged(path, 0, "this is no blob pack".into()));
    }
    let found = u32_at(&header, 8);
    if found > VERSION {
        return Err(StoreError::TooNew {
            path: path.display().to_string(),
            found,
            known: VERSION,
        });
    }
    let (mut at, mut bytes) = (PACK_HEADER, [0; RECORD_HEADER]);
    while at + RECORD_HEADER as u64 <= len {
        file.read_exact_at(&mut bytes, at)
            .map_err(on("cannot read", path))?;
        let Some(head) = Head::read(&bytes) else {
            break;
        };
        let offset = at + RECORD_HEADER as u64;
        let end = offset + u64::from(head.stored);
        if end > len {
            break;
        }
        let place = Place {
            pack: file.clone(),
            number,
            offset,
            head,
        };
        if end == len && read_place(&place, path).is_err() {
            break; // the last one may be unfinished inside
        }
        index.insert(head.hash, place);
        at = end;
    }
    Ok((file, at, len))
}

fn any_record_after(file: &File, from: u64, len: u64, path: &Path) -> Result<bool, StoreError> {
    let mut rest = vec![0; usize::try_from(len.saturating_sub(from)).unwrap_or(0)];
    file.read_exact_at(&mut rest, from)
        .map_err(on("cannot read", path))?;
    Ok((0..rest.len().saturating_sub(RECORD_HEADER)).any(|at| Head::read(&rest[at..]).is_some()))
}

/// The bytes of a blob, compared with their name.
fn read_place(place: &Place, path: &Path) -> Result<Vec<u8>, StoreError> {
    let mut stored = vec![0; place.head.stored as usize];
    place
        .pack
        .read_exact_at(&mut stored, place.offset)
        .map_err(on("cannot read", path))?;
    let plain = if place.head.packed {
        zstd::bulk::decompress(&stored, place.head.plain as usize)
            .map_err(|e| damaged(path, place.offset, e.to_string()))?
    } else {
        stored
    };
    if Hash::from(Sha256::digest(&plain)) == place.head.hash {
        Ok(plain)
    } else {
        let what = "a blob does not have the hash it is kept under".into();
        Err(damaged(path, place.offset, what))
    }
}

impl BlobStore for Blobs {
    fn put(&self, bytes: &[u8]) -> Result<String, StoreError> {
        let hash = Hash::from(Sha256::digest(bytes));
        let name = hex::encode(hash);
        if bytes.len() > MAX_BLOB {
            return Err(StoreError::Io {
                doing: "cannot keep a blob of more than 1 GiB in",
                path: self.folder.display().to_string(),
                source: std::io::ErrorKind::InvalidInput.into(),
            });
        }
        if self.place(&hash).is_some() {
            return Ok(name);
        }
        let packed = zstd::bulk::compress(bytes, 1)
            .ok()
            .filter(|packed| packed.len() < bytes.len());
        let stored = packed.as_deref().unwrap_or(bytes);
        let head = Head {
            stored: stored.len() as u32,
            plain: bytes.len() as u32,
            hash,
            packed: packed.is_some(),
        };
        let mut record = head.bytes();
        record.extend_from_slice(stored);
        let mut tail = self.lock();
        if self.place(&hash).is_some() {
            return Ok(name); // another caller was faster
        }
        if tail.file.len() > PACK_BYTES {
            tail.file.sync()?;
            *tail = begin_pack(&self.folder, &*self.disk, tail.number + 1)?;
        }
        let start = tail.file.append(&record)?;
        if self.synced {
            tail.file.sync()?;
        }
        let place = Place {
            pack: tail.reader.clone(),
            number: tail.number,
            offset: start + RECORD_HEADER as u64,
            head,
        };
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.insert(hash, place);
        Ok(name)
    }

    fn get(&self, hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut wanted = Hash::default();
        if hex::decode_to_slice(hash, &mut wanted).is_err() {
            return Ok(None);
        }
        let Some(place) = self.place(&wanted) else {
            return Ok(None);
        };
        read_place(&place, &pack_path(&self.folder, place.number)).map(Some)
    }
}

impl Drop for Blobs {
    fn drop(&mut self) {
        if let Err(error) = self.lock().file.sync() {
            tracing::warn!(%error, "the blobs were not closed cleanly");
        }
    }
}
