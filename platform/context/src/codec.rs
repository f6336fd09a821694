//! The persistent form of an entity: a compact binary with the common IRI prefixes as one byte.
//!
//! Byte 0 is the format's version. Numbers are LEB128 varints (signed ones zigzag), texts carry
//! their length, maps keep their order: equal entities give equal bytes.

use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_store::Document;
use serde_json::{Map, Number, Value};

use crate::intern::intern;
use crate::jsonld::DEFAULT_VOCAB;
use crate::model::{Attribute, AttributeValue, Entity, Instances, Name};

const VERSION: u8 = 1;

/// How deep sub-attributes and JSON values may nest in a stored document.
const DEPTH: usize = 160;

/// Prefixes that names start with; their order is part of the format, so only append.
const PREFIXES: [&str; 5] = [
    "",
    DEFAULT_VOCAB,
    "https://smartdatamodels.org/dataModel.Transportation/",
    "https://smartdatamodels.org/",
    "https://uri.etsi.org/ngsi-ld/",
];

impl Document for Entity {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        text(out, &self.id);
        names(out, &self.types);
        varint(out, self.scope.len() as u64);
        self.scope.iter().for_each(|s| text(out, s));
        signed(out, self.created_at.0);
        signed(out, self.modified_at.0);
        optional_time(out, self.expires_at);
        attributes(out, &self.attributes);
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let mut r = Input { bytes, at: 0 };
        let version = r.byte()?;
        if version != VERSION {
            return Err(format!("entity format {version}, known is {VERSION}"));
        }
        let entity = Self {
            id: r.text()?.into(),
            types: r.names()?,
            scope: r.many(|r| r.text().map(str::to_owned))?,
            created_at: TimeMs(r.signed()?),
            modified_at: TimeMs(r.signed()?),
            expires_at: r.optional_time()?,
            attributes: r.attributes(0)?,
        };
        if r.at == bytes.len() {
            Ok(entity)
        } else {
            Err(format!("{} bytes after the entity", bytes.len() - r.at))
        }
    }
}

fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push((n as u8) | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn signed(out: &mut Vec<u8>, n: i64) {
    varint(out, ((n << 1) ^ (n >> 63)) as u64);
}

fn text(out: &mut Vec<u8>, s: &str) {
    varint(out, s.len() as u64);
    out.extend_from_slice(s.as_bytes());
}

fn name(out: &mut Vec<u8>, n: &str) {
    let (code, rest) = PREFIXES
        .iter()
        .enumerate()
        .skip(1)
        .find_map(|(i, p)| n.strip_prefix(p).map(|rest| (i, rest)))
        .unwrap_or((0, n));
    out.push(code as u8);
    text(out, rest);
}

fn names(out: &mut Vec<u8>, all: &[Name]) {
    varint(out, all.len() as u64);
    all.iter().for_each(|n| name(out, n));
}

fn optional_time(out: &mut Vec<u8>, t: Option<TimeMs>) {
    match t {
        None => out.push(0),
        Some(t) => {
            out.push(1);
            signed(out, t.0);
        }
    }
}

fn optional_text(out: &mut Vec<u8>, t: Option<&str>) {
    match t {
        None => out.push(0),
        Some(t) => {
            out.push(1);
            text(out, t);
        }
    }
}

fn attributes(out: &mut Vec<u8>, all: &[(Name, Instances)]) {
    varint(out, all.len() as u64);
    for (n, instances) in all {
        name(out, n);
        varint(out, instances.len() as u64);
        instances.iter().for_each(|a| attribute(out, a));
    }
}

fn attribute(out: &mut Vec<u8>, a: &Attribute) {
    match &a.value {
        AttributeValue::Property(v) => {
            out.push(0);
            json(out, v);
        }
        AttributeValue::Relationship(uris) => {
            out.push(1);
            varint(out, uris.len() as u64);
            uris.iter().for_each(|u| text(out, u));
        }
        AttributeValue::Geo(v) => {
            out.push(2);
            json(out, v);
        }
        AttributeValue::Language(m) => {
            out.push(3);
            object(out, m);
        }
        AttributeValue::Vocab(all, array) => {
            out.push(if *array { 5 } else { 4 });
            names(out, all);
        }
        AttributeValue::List(items) => {
            out.push(6);
            varint(out, items.len() as u64);
            items.iter().for_each(|v| json(out, v));
        }
        AttributeValue::ListRelationship(uris) => {
            out.push(7);
            varint(out, uris.len() as u64);
            uris.iter().for_each(|u| text(out, u));
        }
        AttributeValue::Json(v) => {
            out.push(8);
            json(out, v);
        }
    }
    optional_text(out, a.dataset_id.as_deref());
    optional_time(out, a.observed_at);
    optional_text(out, a.unit_code.as_deref());
    names(out, &a.declared_type);
    optional_time(out, a.expires_at);
    match &a.proof {
        None => out.push(0),
        Some(v) => {
            out.push(1);
            json(out, v);
        }
    }
    signed(out, a.created_at.0);
    signed(out, a.modified_at.0);
    attributes(out, &a.sub);
}

fn object(out: &mut Vec<u8>, map: &Map<String, Value>) {
    varint(out, map.len() as u64);
    for (k, v) in map {
        text(out, k);
        json(out, v);
    }
}

fn json(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(0),
        Value::Bool(false) => out.push(1),
        Value::Bool(true) => out.push(2),
        Value::Number(n) => {
            if let Some(i) = n.as_i64() {
                out.push(3);
                signed(out, i);
            } else if let Some(u) = n.as_u64() {
                out.push(4);
                varint(out, u);
            } else {
                out.push(5);
                out.extend_from_slice(&n.as_f64().unwrap_or(0.0).to_bits().to_le_bytes());
            }
        }
        Value::String(s) => {
            out.push(6);
            text(out, s);
        }
        Value::Array(items) => {
            out.push(7);
            varint(out, items.len() as u64);
            items.iter().for_each(|v| json(out, v));
        }
        Value::Object(map) => {
            out.push(8);
            object(out, map);
        }
    }
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn byte(&mut self) -> Result<u8, String> {
        let b = *self.bytes.get(self.at).ok_or("the entity ends too early")?;
        self.at += 1;
        Ok(b)
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(n).ok_or("a length overflows")?;
        let part = self
            .bytes
            .get(self.at..end)
            .ok_or("the entity ends too early")?;
        self.at = end;
        Ok(part)
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.byte()?;
            n |= u64::from(b & 0x7f) << shift;
            if b < 0x80 {
                return Ok(n);
            }
        }
        Err("a number is too long".into())
    }

    fn signed(&mut self) -> Result<i64, String> {
        let n = self.varint()?;
        Ok(((n >> 1) as i64) ^ -((n & 1) as i64))
    }

    fn text(&mut self) -> Result<&'a str, String> {
        let n = usize::try_from(self.varint()?).map_err(|_| "a length overflows")?;
        std::str::from_utf8(self.take(n)?).map_err(|_| "a text is not UTF-8".into())
    }

    fn many<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let n = usize::try_from(self.varint()?).map_err(|_| "a count overflows")?;
        // every item takes at least one byte, so a damaged count cannot ask for much memory
        if n > self.bytes.len() - self.at {
            return Err("a count is larger than what follows".into());
        }
        let mut all = Vec::with_capacity(n.min(64));
        for _ in 0..n {
            all.push(one(self)?);
        }
        Ok(all)
    }

    fn name(&mut self) -> Result<Name, String> {
        let prefix = PREFIXES
            .get(usize::from(self.byte()?))
            .ok_or("an unknown name prefix")?;
        let rest = self.text()?;
        Ok(if prefix.is_empty() {
            intern(rest)
        } else {
            intern(&[prefix, rest].concat())
        })
    }

    fn names(&mut self) -> Result<Vec<Name>, String> {
        self.many(Self::name)
    }

    fn flag(&mut self) -> Result<bool, String> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("{other} where a flag should be")),
        }
    }

    fn optional_time(&mut self) -> Result<Option<TimeMs>, String> {
        Ok(if self.flag()? {
            Some(TimeMs(self.signed()?))
        } else {
            None
        })
    }

    fn attributes(&mut self, depth: usize) -> Result<Vec<(Name, Instances)>, String> {
        if depth > DEPTH {
            return Err("sub-attributes nest too deeply".into());
        }
        self.many(|r| Ok((r.name()?, r.many(|r| r.attribute(depth))?)))
    }

    fn uris(&mut self) -> Result<Vec<Arc<str>>, String> {
        self.many(|r| r.text().map(Arc::from))
    }

    fn attribute(&mut self, depth: usize) -> Result<Attribute, String> {
        let value = match self.byte()? {
            0 => AttributeValue::Property(self.json(0)?),
            1 => AttributeValue::Relationship(self.uris()?),
            2 => AttributeValue::Geo(self.json(0)?),
            3 => AttributeValue::Language(self.object(0)?),
            4 => AttributeValue::Vocab(self.names()?, false),
            5 => AttributeValue::Vocab(self.names()?, true),
            6 => AttributeValue::List(self.many(|r| r.json(0))?),
            7 => AttributeValue::ListRelationship(self.uris()?),
            8 => AttributeValue::Json(self.json(0)?),
            other => return Err(format!("{other} is no kind of attribute")),
        };
        Ok(Attribute {
            value,
            dataset_id: if self.flag()? {
                Some(self.text()?.into())
            } else {
                None
            },
            observed_at: self.optional_time()?,
            unit_code: if self.flag()? {
                Some(intern(self.text()?))
            } else {
                None
            },
            declared_type: self.names()?,
            expires_at: self.optional_time()?,
            proof: if self.flag()? {
                Some(self.json(0)?)
            } else {
                None
            },
            created_at: TimeMs(self.signed()?),
            modified_at: TimeMs(self.signed()?),
            sub: self.attributes(depth + 1)?,
        })
    }

    fn object(&mut self, depth: usize) -> Result<Map<String, Value>, String> {
        Ok(self
            .many(|r| Ok((r.text()?.to_owned(), r.json(depth)?)))?
            .into_iter()
            .collect())
    }

    fn json(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEPTH {
            return Err("a value nests too deeply".into());
        }
        Ok(match self.byte()? {
            0 => Value::Null,
            1 => Value::Bool(false),
            2 => Value::Bool(true),
            3 => Value::from(self.signed()?),
            4 => Value::from(self.varint()?),
            5 => {
                let b: [u8; 8] = self.take(8)?.try_into().map_err(|_| "a number is cut")?;
                Number::from_f64(f64::from_bits(u64::from_le_bytes(b)))
                    .map(Value::Number)
                    .ok_or("a number is not finite")?
            }
            6 => Value::String(self.text()?.to_owned()),
            7 => Value::Array(self.many(|r| r.json(depth + 1))?),
            8 => Value::Object(self.object(depth + 1)?),
            other => return Err(format!("{other} is no kind of JSON value")),
        })
    }
}
