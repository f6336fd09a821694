//! Snapshots of current state: every document of one moment, in blocks with checksums.
//!
//! A file `NNNN.snap` is a header (magic, format, sequence, count), blocks
//! (`len u32, crc32c u32`, zstd of `id, document` pairs) and an end mark (`len 0`, checksum of
//! all block checksums). It gets its name only when it is whole and durable.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Appender, Disk, on, publish};
use super::log::damaged;
use super::wire::{Reader, put_bytes, u32_at, u64_at};
use crate::entities::Pin;
use crate::{Document, Op, StoreError};

const MAGIC: &[u8; 8] = b"CNB-SNAP";
const VERSION: u32 = 1;
const HEADER: usize = 24;
const BLOCK_BYTES: usize = 256 << 10;

/// Writes the moment `pin` holds; returns the file.
pub(crate) fn write<D: Document>(
    folder: &Path,
    disk: &dyn Disk,
    pin: &Pin<'_, D>,
) -> Result<PathBuf, StoreError> {
    let path = folder.join(format!("{:020}.snap", pin.seq()));
    let temp = path.with_extension("tmp");
    let written = write_to(&temp, disk, pin).and_then(|()| publish(disk, &temp, &path));
    if let Err(error) = written {
        let _ = std::fs::remove_file(&temp); // best effort: open removes it too
        return Err(error);
    }
    Ok(path)
}

fn write_to<D: Document>(temp: &Path, disk: &dyn Disk, pin: &Pin<'_, D>) -> Result<(), StoreError> {
    let mut file = Appender::open(disk, temp, 0)?;
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&VERSION.to_le_bytes());
    head.extend_from_slice(&pin.seq().to_le_bytes());
    let crc = crc32c::crc32c(&head);
    head.extend_from_slice(&crc.to_le_bytes());
    file.append(&head)?;
    let (mut block, mut doc_bytes, mut all, mut failed) = (Vec::new(), Vec::new(), crc, None);
    pin.scan(None, &mut |id, doc| {
        put_bytes(&mut block, id.as_bytes());
        doc_bytes.clear();
        doc.encode(&mut doc_bytes);
        put_bytes(&mut block, &doc_bytes);
        if block.len() >= BLOCK_BYTES {
            failed = write_block(&mut file, &mut block, &mut all).err();
        }
        failed.is_none()
    });
    if let Some(error) = failed {
        return Err(error);
    }
    if !block.is_empty() {
        write_block(&mut file, &mut block, &mut all)?;
    }
    let mut end = 0u32.to_le_bytes().to_vec();
    end.extend_from_slice(&all.to_le_bytes());
    file.append(&end)?;
    file.sync()
}

fn write_block(file: &mut Appender, block: &mut Vec<u8>, all: &mut u32) -> Result<(), StoreError> {
    let packed = zstd::bulk::compress(block, 1).map_err(on("cannot pack", file.path()))?;
    let crc = crc32c::crc32c(&packed);
    *all = crc32c::crc32c_append(*all, &crc.to_le_bytes());
    let mut bytes = (packed.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&packed);
    block.clear();
    file.append_paced(&bytes).map(|_| ())
}

/// The snapshots in a folder, newest first; removes unfinished ones.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(on("cannot list", folder))? {
        let path = entry.map_err(on("cannot list", folder))?.path();
        match path.extension().and_then(|e| e.to_str()) {
            Some("snap") => found.push(path),
            Some("tmp") => std::fs::remove_file(&path).map_err(on("cannot remove", &path))?,
            _ => {}
        }
    }
    found.sort();
    found.reverse();
    Ok(found)
}

/// Reads a snapshot: its sequence and its documents.
pub(crate) fn read<D: Document>(path: &Path) -> Result<(u64, Vec<Op<D>>), StoreError> {
    let bytes = std::fs::read(path).map_err(on("cannot read", path))?;
    let bad = |at: usize, what: &str| damaged(path, at as u64, what.to_owned());
    let head = bytes
        .get(..HEADER)
        .filter(|h| h.starts_with(MAGIC))
        .ok_or_else(|| bad(0, "this is no snapshot"))?;
    let version = u32_at(head, 8);
    if version > VERSION {
        return Err(StoreError::TooNew {
            path: path.display().to_string(),
            found: version,
            known: VERSION,
        });
    }
    let mut all = crc32c::crc32c(&head[..20]);
    if all != u32_at(head, 20) {
        return Err(bad(0, "the header's checksum does not fit"));
    }
    let (mut at, mut docs) = (HEADER, Vec::new());
    loop {
        let frame = bytes
            .get(at..at + 8)
            .ok_or_else(|| bad(at, "it ends too early"))?;
        let (len, crc) = (u32_at(frame, 0) as usize, u32_at(frame, 4));
        if len == 0 {
            return if crc == all && at + 8 == bytes.len() {
                Ok((u64_at(head, 12), docs))
            } else {
                Err(bad(at, "the end mark does not fit"))
            };
        }
        let packed = bytes
            .get(at + 8..at + 8 + len)
            .filter(|packed| crc32c::crc32c(packed) == crc)
            .ok_or_else(|| bad(at, "a block's checksum does not fit"))?;
        all = crc32c::crc32c_append(all, &crc.to_le_bytes());
        read_block(packed, &mut docs).map_err(|what| bad(at, &what))?;
        at += 8 + len;
    }
}

fn read_block<D: Document>(packed: &[u8], docs: &mut Vec<Op<D>>) -> Result<(), String> {
    let block = zstd::stream::decode_all(packed).map_err(|e| e.to_string())?;
    let mut reader = Reader::new(&block);
    while !reader.is_empty() {
        let id: Arc<str> = Arc::from(reader.text()?);
        let doc =
            D::decode(reader.bytes()?).map_err(|what| format!("the document of {id}: {what}"))?;
        docs.push(Op::Put {
            id,
            doc: Arc::new(doc),
        });
    }
    Ok(())
}
