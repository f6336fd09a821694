//! `.osm.pbf`: blocks of protocol buffers, raw or packed with zlib.
//!
//! After the wiki's page "PBF Format" (`fileformat.proto`, `osmformat.proto`). Errors name the block and
//! its place in the file. Written here because no reader at hand bounds its sums and member kinds: a
//! damaged file must be an error, never a panic.

use std::io::Read as _;

use conurb_base::At;

use super::raw::{
    Item, Kind, MEMBERS_MAX, Member, Node, REFS_MAX, Relation, TAGS_MAX, Tags, Wanted, Way,
    check_position,
};
use super::wire::{Fault, Field, Fields, packed_signed, packed_unsigned};
use crate::error::TrafficError;

/// Largest header and largest block once unpacked, bytes, as the format says.
const HEADER_BYTES_MAX: usize = 64 * 1024;
const BLOCK_BYTES_MAX: usize = 32 * 1024 * 1024;
/// What a file may require of its readers.
const FEATURES: [&str; 2] = ["OsmSchema-V0.6", "DenseNodes"];

/// A block under way, to name places.
struct Place<'a> {
    file: &'a str,
    number: usize,
    offset: usize,
}

impl Place<'_> {
    fn at(&self) -> Box<At> {
        Box::new(At {
            file: Some(self.file.to_owned()),
            line: None,
            column: None,
            path: Some(format!("block {} (byte {})", self.number, self.offset)),
        })
    }

    fn fault(&self, message: impl Into<String>) -> TrafficError {
        TrafficError::Syntax {
            at: self.at(),
            message: message.into(),
        }
    }

    fn limit(&self, what: &'static str, found: usize, limit: usize) -> Result<(), TrafficError> {
        TrafficError::within(what, found, limit, || self.at())
    }
}

/// Reads the file and hands over what is wanted.
pub(super) fn each(
    bytes: &[u8],
    file: &str,
    wanted: Wanted,
    take: &mut dyn FnMut(Item) -> Result<(), TrafficError>,
) -> Result<(), TrafficError> {
    let mut place = Place {
        file,
        number: 0,
        offset: 0,
    };
    if bytes.is_empty() {
        return Err(place.fault("the file is empty"));
    }
    if bytes.starts_with(b"<") {
        return Err(place.fault("the file is XML: name it .osm"));
    }
    while place.offset < bytes.len() {
        let (kind, blob, next) = frame(&bytes[place.offset..], &place)?;
        if place.number == 0 && kind != "OSMHeader" {
            return Err(place.fault(format!("the first block is \"{kind}\", not \"OSMHeader\"")));
        }
        match kind {
            "OSMHeader" => header(&unpack(blob, &place)?, &place)?,
            "OSMData" => block(&unpack(blob, &place)?, &place, wanted, take)?,
            // Other kinds are to be skipped, says the format.
            _ => {}
        }
        place.offset += next;
        place.number += 1;
    }
    Ok(())
}

/// The kind and content of the block that starts here, and its length.
fn frame<'a>(
    bytes: &'a [u8],
    place: &Place<'_>,
) -> Result<(&'a str, &'a [u8], usize), TrafficError> {
    let cut = || place.fault("the file ends inside a block");
    let size = bytes.first_chunk::<4>().ok_or_else(cut)?;
    let size = u32::from_be_bytes(*size) as usize;
    place.limit("size of a block's header in bytes", size, HEADER_BYTES_MAX)?;
    let head = bytes.get(4..4 + size).ok_or_else(cut)?;
    let (mut kind, mut length) = ("", None);
    for field in Fields::of(head) {
        match field.map_err(|e| place.fault(e))? {
            (1, Field::Bytes(text)) => {
                kind = std::str::from_utf8(text).map_err(|_| place.fault("a kind is no text"))?;
            }
            (3, Field::Number(n)) => length = usize::try_from(n).ok(),
            _ => {}
        }
    }
    let length = length.ok_or_else(|| place.fault("a block's header has no size"))?;
    place.limit("size of a block in bytes", length, BLOCK_BYTES_MAX)?;
    let blob = bytes.get(4 + size..4 + size + length).ok_or_else(cut)?;
    Ok((kind, blob, 4 + size + length))
}

/// The content of a block.
fn unpack(blob: &[u8], place: &Place<'_>) -> Result<Vec<u8>, TrafficError> {
    for field in Fields::of(blob) {
        match field.map_err(|e| place.fault(e))? {
            (1, Field::Bytes(raw)) => return Ok(raw.to_vec()),
            (3, Field::Bytes(packed)) => {
                let mut out = Vec::new();
                // One byte more than allowed, so that too much is noticed.
                let most = BLOCK_BYTES_MAX as u64 + 1;
                let mut reader = flate2::read::ZlibDecoder::new(packed).take(most);
                reader
                    .read_to_end(&mut out)
                    .map_err(|e| place.fault(format!("the block cannot be unpacked: {e}")))?;
                place.limit("size of a block in bytes", out.len(), BLOCK_BYTES_MAX)?;
                return Ok(out);
            }
            (4..=7, Field::Bytes(_)) => {
                return Err(place.fault(
                    "the block is packed with lzma, bzip2, lz4 or zstd; zlib is read \
                     (osmium cat -f pbf,pbf_compression=zlib)",
                ));
            }
            _ => {}
        }
    }
    Err(place.fault("the block has no content"))
}

fn header(bytes: &[u8], place: &Place<'_>) -> Result<(), TrafficError> {
    for field in Fields::of(bytes) {
        if let (4, Field::Bytes(feature)) = field.map_err(|e| place.fault(e))? {
            let feature = String::from_utf8_lossy(feature);
            if !FEATURES.contains(&feature.as_ref()) {
                let name: String = feature.chars().take(80).collect();
                return Err(
                    place.fault(format!("the file requires \"{name}\", which is not known"))
                );
            }
        }
    }
    Ok(())
}

/// What the objects of a block share.
struct Block<'a> {
    place: &'a Place<'a>,
    strings: Vec<&'a [u8]>,
    granularity: f64,
    lat_offset: f64,
    lon_offset: f64,
}

fn block(
    bytes: &[u8],
    place: &Place<'_>,
    wanted: Wanted,
    take: &mut dyn FnMut(Item) -> Result<(), TrafficError>,
) -> Result<(), TrafficError> {
    let mut block = Block {
        place,
        strings: Vec::new(),
        granularity: 100.0,
        lat_offset: 0.0,
        lon_offset: 0.0,
    };
    let mut groups = Vec::new();
    for field in Fields::of(bytes) {
        match field.map_err(|e| place.fault(e))? {
            (1, Field::Bytes(table)) => {
                for entry in Fields::of(table) {
                    if let (1, Field::Bytes(text)) = entry.map_err(|e| place.fault(e))? {
                        block.strings.push(text);
                    }
                }
            }
            (2, Field::Bytes(group)) => groups.push(group),
            // Two's complement of 64 bits, as protocol buffers write negative numbers.
            (17, Field::Number(n)) => block.granularity = n.cast_signed() as f64,
            (19, Field::Number(n)) => block.lat_offset = n.cast_signed() as f64,
            (20, Field::Number(n)) => block.lon_offset = n.cast_signed() as f64,
            _ => {}
        }
    }
    let nodes = wanted == Wanted::Nodes;
    for group in groups {
        for field in Fields::of(group) {
            match field.map_err(|e| place.fault(e))? {
                (1, Field::Bytes(node)) if nodes => take(Item::Node(block.node(node)?))?,
                (2, Field::Bytes(dense)) if nodes => block.dense(dense, take)?,
                (3, Field::Bytes(way)) if !nodes => take(Item::Way(block.way(way)?))?,
                (4, Field::Bytes(relation)) if !nodes => {
                    take(Item::Relation(block.relation(relation)?))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

impl Block<'_> {
    fn fields<'b>(
        &self,
        bytes: &'b [u8],
    ) -> impl Iterator<Item = Result<(u64, Field<'b>), TrafficError>> {
        Fields::of(bytes).map(|field| field.map_err(|e| self.place.fault(e)))
    }

    fn signed(&self, bytes: &[u8]) -> Result<Vec<i64>, TrafficError> {
        packed_signed(bytes).map_err(|e: Fault| self.place.fault(e))
    }

    fn unsigned(&self, bytes: &[u8]) -> Result<Vec<u64>, TrafficError> {
        packed_unsigned(bytes).map_err(|e: Fault| self.place.fault(e))
    }

    fn string(&self, index: u64) -> Result<String, TrafficError> {
        let found = usize::try_from(index)
            .ok()
            .and_then(|i| self.strings.get(i));
        let text = found.ok_or_else(|| {
            let count = self.strings.len();
            self.place
                .fault(format!("text {index} of {count} does not exist"))
        })?;
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    fn tags(&self, keys: &[u64], values: &[u64]) -> Result<Tags, TrafficError> {
        if keys.len() != values.len() {
            let (k, v) = (keys.len(), values.len());
            return Err(self
                .place
                .fault(format!("an object has {k} keys and {v} values")));
        }
        self.place.limit("number of tags", keys.len(), TAGS_MAX)?;
        let pairs = keys.iter().zip(values);
        let pairs = pairs.map(|(k, v)| Ok((self.string(*k)?, self.string(*v)?)));
        Ok(Tags(pairs.collect::<Result<_, TrafficError>>()?))
    }

    fn position(&self, id: i64, lat: i64, lon: i64) -> Result<(f64, f64), TrafficError> {
        let degrees = |offset: f64, n: i64| (offset + self.granularity * n as f64) * 1e-9;
        let (lat, lon) = (degrees(self.lat_offset, lat), degrees(self.lon_offset, lon));
        check_position(lat, lon, || {
            let mut at = self.place.at();
            at.path = at.path.map(|p| format!("{p}, node {id}"));
            at
        })?;
        Ok((lat, lon))
    }

    fn node(&self, bytes: &[u8]) -> Result<Node, TrafficError> {
        let (mut id, mut lat, mut lon) = (0, 0, 0);
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for field in self.fields(bytes) {
            match field? {
                (1, Field::Number(n)) => id = super::wire::zigzag(n),
                (2, Field::Bytes(b)) => keys = self.unsigned(b)?,
                (3, Field::Bytes(b)) => values = self.unsigned(b)?,
                (8, Field::Number(n)) => lat = super::wire::zigzag(n),
                (9, Field::Number(n)) => lon = super::wire::zigzag(n),
                _ => {}
            }
        }
        let (lat_deg, lon_deg) = self.position(id, lat, lon)?;
        Ok(Node {
            id,
            lat_deg,
            lon_deg,
            tags: self.tags(&keys, &values)?,
        })
    }

    fn dense(
        &self,
        bytes: &[u8],
        take: &mut dyn FnMut(Item) -> Result<(), TrafficError>,
    ) -> Result<(), TrafficError> {
        let (mut ids, mut lats, mut lons, mut words) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for field in self.fields(bytes) {
            match field? {
                (1, Field::Bytes(b)) => ids = self.signed(b)?,
                (8, Field::Bytes(b)) => lats = self.signed(b)?,
                (9, Field::Bytes(b)) => lons = self.signed(b)?,
                (10, Field::Bytes(b)) => words = self.unsigned(b)?,
                _ => {}
            }
        }
        if ids.len() != lats.len() || ids.len() != lons.len() {
            let (i, a, o) = (ids.len(), lats.len(), lons.len());
            let message = format!("{i} nodes have {a} latitudes and {o} longitudes");
            return Err(self.place.fault(message));
        }
        let (mut id, mut lat, mut lon) = (0_i64, 0_i64, 0_i64);
        let mut words = words.into_iter();
        for ((d_id, d_lat), d_lon) in ids.into_iter().zip(lats).zip(lons) {
            id = id.wrapping_add(d_id);
            lat = lat.wrapping_add(d_lat);
            lon = lon.wrapping_add(d_lon);
            let (mut keys, mut values) = (Vec::new(), Vec::new());
            // Key and value in turn up to a 0; no word at all where no node has tags.
            while let Some(key) = words.next().filter(|k| *k != 0) {
                let value = words.next();
                keys.push(key);
                values.push(value.ok_or_else(|| self.place.fault("a key has no value"))?);
            }
            let (lat_deg, lon_deg) = self.position(id, lat, lon)?;
            take(Item::Node(Node {
                id,
                lat_deg,
                lon_deg,
                tags: self.tags(&keys, &values)?,
            }))?;
        }
        Ok(())
    }

    fn way(&self, bytes: &[u8]) -> Result<Way, TrafficError> {
        let (mut id, mut refs) = (0, Vec::new());
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for field in self.fields(bytes) {
            match field? {
                (1, Field::Number(n)) => id = n.cast_signed(),
                (2, Field::Bytes(b)) => keys = self.unsigned(b)?,
                (3, Field::Bytes(b)) => values = self.unsigned(b)?,
                (8, Field::Bytes(b)) => refs = self.signed(b)?,
                _ => {}
            }
        }
        self.place
            .limit("number of nodes of a way", refs.len(), REFS_MAX)?;
        Ok(Way {
            id,
            refs: sums(refs),
            tags: self.tags(&keys, &values)?,
            line: 0,
        })
    }

    fn relation(&self, bytes: &[u8]) -> Result<Relation, TrafficError> {
        let (mut id, mut roles, mut ids, mut kinds) = (0, Vec::new(), Vec::new(), Vec::new());
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for field in self.fields(bytes) {
            match field? {
                (1, Field::Number(n)) => id = n.cast_signed(),
                (2, Field::Bytes(b)) => keys = self.unsigned(b)?,
                (3, Field::Bytes(b)) => values = self.unsigned(b)?,
                (8, Field::Bytes(b)) => roles = self.unsigned(b)?,
                (9, Field::Bytes(b)) => ids = self.signed(b)?,
                (10, Field::Bytes(b)) => kinds = self.unsigned(b)?,
                _ => {}
            }
        }
        if ids.len() != roles.len() || ids.len() != kinds.len() {
            let (i, r, k) = (ids.len(), roles.len(), kinds.len());
            let message = format!("relation {id} has {i} members, {r} roles and {k} kinds");
            return Err(self.place.fault(message));
        }
        self.place
            .limit("number of members", ids.len(), MEMBERS_MAX)?;
        let mut members = Vec::with_capacity(ids.len());
        for ((member, role), kind) in sums(ids).into_iter().zip(roles).zip(kinds) {
            let kind = match kind {
                0 => Kind::Node,
                1 => Kind::Way,
                2 => Kind::Relation,
                other => {
                    let message =
                        format!("a member of relation {id} is of the unknown kind {other}");
                    return Err(self.place.fault(message));
                }
            };
            members.push(Member {
                kind,
                id: member,
                role: self.string(role)?,
            });
        }
        Ok(Relation {
            id,
            members,
            tags: self.tags(&keys, &values)?,
            line: 0,
        })
    }
}

/// Differences to numbers.
fn sums(differences: Vec<i64>) -> Vec<i64> {
    let mut sum = 0_i64;
    let mut all = differences;
    for n in &mut all {
        sum = sum.wrapping_add(*n);
        *n = sum;
    }
    all
}
