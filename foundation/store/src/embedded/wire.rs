//! The bytes of a batch and of a log record.
//!
//! A record is one group commit: `len u32, first_seq u64, crc32c u32` (little endian, the
//! checksum over the other two and the payload), then the payload: a flag byte (1 = zstd), the
//! number of batches, and each batch behind its length. One record is one write and one sync, so
//! a record after it proves that it was complete.

use std::sync::Arc;

use conurb_base::TimeMs;
use rustc_hash::FxHashMap;

use crate::{Batch, Document, Op, Sample, SampleValue, SeriesKey};

/// Bytes before a record's payload.
pub(crate) const RECORD_HEADER: usize = 16;

const ZSTD: u8 = 1;
/// No record unpacks to more than this.
const MAX_UNPACKED: usize = 1 << 30;

/// Appends a number, seven bits a byte.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn put_zigzag(out: &mut Vec<u8>, n: i64) {
    put_varint(out, ((n << 1) ^ (n >> 63)) as u64);
}

/// Appends bytes behind their length.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Reads what the functions above wrote; the error says what is wrong.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn byte(&mut self) -> Result<u8, String> {
        let (first, rest) = self.rest.split_first().ok_or("it ends too early")?;
        self.rest = rest;
        Ok(*first)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, String> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err("a number is too long".into())
    }

    fn zigzag(&mut self) -> Result<i64, String> {
        let n = self.varint()?;
        Ok((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], String> {
        if len > self.rest.len() {
            return Err("it ends too early".into());
        }
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], String> {
        let len = usize::try_from(self.varint()?).map_err(|e| e.to_string())?;
        self.take(len)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, String> {
        std::str::from_utf8(self.bytes()?).map_err(|e| e.to_string())
    }
}

/// Appends a batch.
pub(crate) fn put_batch<D: Document>(out: &mut Vec<u8>, batch: &Batch<D>) {
    put_varint(out, batch.ops.len() as u64);
    let mut scratch = Vec::new();
    for op in &batch.ops {
        match op {
            Op::Put { id, doc } => {
                out.push(0);
                put_bytes(out, id.as_bytes());
                scratch.clear();
                doc.encode(&mut scratch);
                put_bytes(out, &scratch);
            }
            Op::Delete { id } => {
                out.push(1);
                put_bytes(out, id.as_bytes());
            }
        }
    }
    put_varint(out, batch.samples.len() as u64);
    let mut names = Names::default();
    let mut before = 0;
    for sample in &batch.samples {
        names.put(out, Some(&sample.series.entity));
        names.put(out, Some(&sample.series.attribute));
        names.put(out, sample.series.dataset.as_ref());
        put_zigzag(out, sample.observed_at.0.wrapping_sub(before));
        before = sample.observed_at.0;
        put_zigzag(out, sample.recorded_at.0.wrapping_sub(before));
        match &sample.value {
            SampleValue::Number(n) => {
                out.push(0);
                out.extend_from_slice(&n.to_le_bytes());
            }
            SampleValue::Json(json) => {
                out.push(1);
                put_bytes(out, json.as_bytes());
            }
            SampleValue::Deleted => out.push(2),
        }
    }
}

/// Names already written in this batch: 0 = none, 1 = a new one follows, n + 2 = the nth.
#[derive(Default)]
struct Names<'a> {
    known: FxHashMap<&'a str, u64>,
}

impl<'a> Names<'a> {
    fn put(&mut self, out: &mut Vec<u8>, name: Option<&'a Arc<str>>) {
        let Some(name) = name else {
            return out.push(0);
        };
        let next = self.known.len() as u64;
        match self.known.entry(name) {
            std::collections::hash_map::Entry::Occupied(at) => put_varint(out, at.get() + 2),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(next);
                out.push(1);
                put_bytes(out, name.as_bytes());
            }
        }
    }
}

/// Reads a batch.
pub(crate) fn read_batch<D: Document>(bytes: &[u8]) -> Result<Batch<D>, String> {
    let mut reader = Reader::new(bytes);
    let mut batch = Batch::default();
    for _ in 0..reader.varint()? {
        let kind = reader.byte()?;
        let id: Arc<str> = Arc::from(reader.text()?);
        batch.ops.push(match kind {
            0 => {
                let doc = D::decode(reader.bytes()?)
                    .map_err(|what| format!("the document of {id}: {what}"))?;
                Op::Put {
                    id,
                    doc: Arc::new(doc),
                }
            }
            1 => Op::Delete { id },
            n => return Err(format!("there is no change of kind {n}")),
        });
    }
    let count = reader.varint()?;
    let mut names = Vec::new();
    let mut before = 0i64;
    for _ in 0..count {
        let sample = read_sample(&mut reader, &mut names, &mut before)?;
        batch.samples.push(sample);
    }
    if reader.is_empty() {
        Ok(batch)
    } else {
        Err("bytes follow the last sample".into())
    }
}

fn read_sample(
    reader: &mut Reader<'_>,
    names: &mut Vec<Arc<str>>,
    before: &mut i64,
) -> Result<Sample, String> {
    let entity = read_name(reader, names)?.ok_or("a sample has no entity")?;
    let attribute = read_name(reader, names)?.ok_or("a sample has no attribute")?;
    let dataset = read_name(reader, names)?;
    *before = before.wrapping_add(reader.zigzag()?);
    let recorded_at = before.wrapping_add(reader.zigzag()?);
    let value = match reader.byte()? {
        0 => {
            let bytes = reader.take(8)?;
            let bytes = bytes.try_into().map_err(|_| "a number is cut")?;
            SampleValue::Number(f64::from_le_bytes(bytes))
        }
        1 => SampleValue::Json(Arc::from(reader.text()?)),
        2 => SampleValue::Deleted,
        n => return Err(format!("there is no value of kind {n}")),
    };
    Ok(Sample {
        series: SeriesKey {
            entity,
            attribute,
            dataset,
        },
        observed_at: TimeMs(*before),
        recorded_at: TimeMs(recorded_at),
        value,
    })
}

fn read_name(
    reader: &mut Reader<'_>,
    names: &mut Vec<Arc<str>>,
) -> Result<Option<Arc<str>>, String> {
    Ok(match reader.varint()? {
        0 => None,
        1 => {
            let name: Arc<str> = Arc::from(reader.text()?);
            names.push(name.clone());
            Some(name)
        }
        n => {
            let at = usize::try_from(n - 2).map_err(|e| e.to_string())?;
            Some(names.get(at).ok_or("a name was never given")?.clone())
        }
    })
}

/// The record of a group of encoded batches, packed when that is worth it.
pub(crate) fn record(first_seq: u64, batches: &[Vec<u8>], pack_from: usize) -> Vec<u8> {
    let size: usize = batches.iter().map(|b| b.len() + 10).sum();
    let mut out = Vec::with_capacity(RECORD_HEADER + 11 + size);
    out.resize(RECORD_HEADER, 0);
    out.push(0);
    put_varint(&mut out, batches.len() as u64);
    for batch in batches {
        put_bytes(&mut out, batch);
    }
    if size >= pack_from
        && let Ok(packed) = zstd::bulk::compress(&out[RECORD_HEADER + 1..], 1)
        && packed.len() < out.len() - RECORD_HEADER - 1
    {
        out.truncate(RECORD_HEADER);
        out.push(ZSTD);
        out.extend_from_slice(&packed);
    }
    seal_record(&mut out, first_seq);
    out
}

fn seal_record(out: &mut [u8], first_seq: u64) {
    let len = (out.len() - RECORD_HEADER) as u32;
    out[..4].copy_from_slice(&len.to_le_bytes());
    out[4..12].copy_from_slice(&first_seq.to_le_bytes());
    let crc = checksum(out);
    out[12..16].copy_from_slice(&crc.to_le_bytes());
}

fn checksum(record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&record[..12]), &record[RECORD_HEADER..])
}

/// The first sequence and the payload of the record at the start of `bytes`, or what is wrong.
pub(crate) fn read_record(bytes: &[u8]) -> Result<(u64, &[u8]), String> {
    let header = bytes.get(..RECORD_HEADER).ok_or("a record is cut")?;
    let len = u32_at(header, 0) as usize;
    let end = RECORD_HEADER + len;
    let record = bytes.get(..end).ok_or("a record is cut")?;
    if len == 0 || checksum(record) != u32_at(header, 12) {
        return Err("a record's checksum does not fit".into());
    }
    Ok((u64_at(header, 4), &record[RECORD_HEADER..]))
}

/// Whether a sound record with a sequence after `seq` starts anywhere in `bytes`.
pub(crate) fn any_record_after(bytes: &[u8], seq: u64) -> bool {
    (0..bytes.len().saturating_sub(RECORD_HEADER)).any(|at| {
        let found = u64_at(bytes, at + 4);
        // A cheap look at the sequence spares a checksum at nearly every place.
        found > seq && found - seq < 1 << 32 && read_record(&bytes[at..]).is_ok()
    })
}

/// The batches in a record's payload, unpacked.
pub(crate) fn unpack(payload: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>, String> {
    match payload.split_first() {
        Some((0, body)) => Ok(body.into()),
        Some((&ZSTD, packed)) => zstd::stream::decode_all(packed)
            .map_err(|e| e.to_string())
            .and_then(|body| {
                if body.len() <= MAX_UNPACKED {
                    Ok(body.into())
                } else {
                    Err("a record is too large".into())
                }
            }),
        _ => Err("a record is packed in an unknown way".into()),
    }
}

/// A little-endian number inside checked bounds.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// A little-endian number inside checked bounds.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Doc(Vec<u8>);

    impl Document for Doc {
        fn encode(&self, out: &mut Vec<u8>) {
            out.extend_from_slice(&self.0);
        }
        fn decode(bytes: &[u8]) -> Result<Self, String> {
            Ok(Self(bytes.to_vec()))
        }
    }

    fn name() -> impl Strategy<Value = Arc<str>> {
        "[a-c绿]{0,3}".prop_map(|s| Arc::from(s.as_str()))
    }

    fn any_sample() -> impl Strategy<Value = Sample> {
        let value = prop_oneof![
            any::<i32>().prop_map(|n| SampleValue::Number(f64::from(n) / 7.0)),
            name().prop_map(SampleValue::Json),
            Just(SampleValue::Deleted),
        ];
        let key = (name(), name(), proptest::option::of(name()));
        (key, any::<i64>(), any::<i64>(), value).prop_map(|(key, at, recorded, value)| Sample {
            series: SeriesKey {
                entity: key.0,
                attribute: key.1,
                dataset: key.2,
            },
            observed_at: TimeMs(at),
            recorded_at: TimeMs(recorded),
            value,
        })
    }

    fn batch(docs: Vec<(Arc<str>, Option<Vec<u8>>)>, samples: Vec<Sample>) -> Batch<Doc> {
        let op = |(id, doc): (Arc<str>, Option<Vec<u8>>)| match doc {
            Some(doc) => Op::Put {
                id,
                doc: Arc::new(Doc(doc)),
            },
            None => Op::Delete { id },
        };
        Batch {
            ops: docs.into_iter().map(op).collect(),
            samples,
        }
    }

    proptest! {
        #[test]
        fn a_batch_round_trips_and_its_prefixes_are_refused(
            docs in proptest::collection::vec((name(), proptest::option::of(any::<Vec<u8>>())), 0..6),
            samples in proptest::collection::vec(any_sample(), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let before = batch(docs, samples);
            let mut bytes = Vec::new();
            put_batch(&mut bytes, &before);
            let after: Batch<Doc> = read_batch(&bytes).unwrap();
            prop_assert_eq!(format!("{before:?}"), format!("{after:?}"));
            prop_assert!(read_batch::<Doc>(&bytes[..cut.index(bytes.len())]).is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
            let _ = read_batch::<Doc>(&bytes);
            let _ = read_record(&bytes);
            let _ = unpack(&bytes);
        }

        #[test]
        fn a_flipped_bit_never_passes(
            body in proptest::collection::vec(any::<u8>(), 1..400),
            at in any::<prop::sample::Index>(),
            bit in 0u8..8,
            pack in any::<bool>(),
        ) {
            let sound = record(7, std::slice::from_ref(&body), if pack { 0 } else { usize::MAX });
            let (seq, payload) = read_record(&sound).unwrap();
            let unpacked = unpack(payload).unwrap();
            let mut reader = Reader::new(&unpacked);
            prop_assert_eq!((seq, reader.varint().unwrap()), (7, 1));
            prop_assert_eq!(reader.bytes().unwrap(), &body[..]);
            let mut flipped = sound;
            let at = at.index(flipped.len());
            flipped[at] ^= 1 << bit;
            prop_assert!(read_record(&flipped).is_err());
        }
    }
}
