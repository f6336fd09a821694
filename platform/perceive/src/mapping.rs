//! From a payload to entity updates, as a mapping says.

use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::{Attribute, DEFAULT_VOCAB, Entity, Name};
use serde::Deserialize;
use serde_json::Value;

use crate::error::PerceiveError;
use crate::mapping_file;
use crate::quality::Quality;
use crate::record::{Format, Found, From, Record};
use crate::topic::topic_matches;
use crate::units::Conversion;

/// How much one payload may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadLimits {
    /// Bytes at most.
    pub bytes_max: usize,
    /// Records at most.
    pub records_max: usize,
    /// Bytes of an entity id at most.
    pub id_bytes_max: usize,
}

impl Default for PayloadLimits {
    fn default() -> Self {
        Self {
            bytes_max: 4 << 20,
            records_max: 50_000,
            id_bytes_max: 512,
        }
    }
}

/// A compiled mapping file: sources in the order of the file; the first whose topic matches
/// takes a payload.
#[derive(Debug, Clone)]
pub struct Mapping {
    sources: Vec<Source>,
    limits: PayloadLimits,
}

/// What links need to know of a source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceInfo<'a> {
    /// Its id.
    pub id: &'a str,
    /// The topic filter to subscribe to.
    pub topic: &'a str,
    /// How often it is expected to speak, in seconds.
    pub interval_s: Option<f64>,
}

/// What a payload gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mapped {
    /// One entity a record, in the order of the payload.
    pub entities: Vec<Entity>,
    /// Records and fields that could not be used, with the reason.
    pub refused: Vec<PerceiveError>,
}

#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) id: String,
    pub(crate) topic: String,
    pub(crate) format: Format,
    pub(crate) records: Option<String>,
    pub(crate) separator: char,
    pub(crate) entity: Vec<Part>,
    pub(crate) entity_type: Name,
    /// Where, as written, and how.
    pub(crate) observed_at: Option<(From, String, TimeFormat)>,
    pub(crate) future_tolerance_ms: i64,
    pub(crate) late_after_ms: Option<i64>,
    pub(crate) interval_s: Option<f64>,
    pub(crate) fields: Vec<Field>,
}

/// A piece of the entity id.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Text(String),
    /// As written in the mapping, and where to look.
    Key(String, From),
}

#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// As written in the mapping.
    pub(crate) name: String,
    pub(crate) from: From,
    pub(crate) attribute: Name,
    pub(crate) kind: FieldKind,
    pub(crate) conversion: Option<Conversion>,
    pub(crate) unit_code: Option<Arc<str>>,
    /// In the unit that is stored.
    pub(crate) range: Option<[f64; 2]>,
    pub(crate) plausible: Option<[f64; 2]>,
    pub(crate) required: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FieldKind {
    #[default]
    Number,
    Text,
    Flag,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TimeFormat {
    Iso8601,
    UnixS,
    UnixMs,
}

impl Mapping {
    /// Reads a mapping; terms become names of the NGSI-LD default vocabulary, IRIs stay.
    ///
    /// # Errors
    /// Unknown keys, units, columns and placeholders, each with file, line and column.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, PerceiveError> {
        let expand = |term: &str| {
            let is_iri = term.contains(':');
            Name::from(if is_iri {
                term.to_owned()
            } else {
                format!("{DEFAULT_VOCAB}{term}")
            })
        };
        Self::from_toml_with(text, file, &expand)
    }

    /// The same with the expansion of a loaded context.
    ///
    /// # Errors
    /// As [`Mapping::from_toml`].
    pub fn from_toml_with(
        text: &str,
        file: &str,
        expand: &dyn Fn(&str) -> Name,
    ) -> Result<Self, PerceiveError> {
        let sources = mapping_file::read(text, file, expand)?;
        Ok(Self {
            sources,
            limits: PayloadLimits::default(),
        })
    }

    /// The same with other limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: PayloadLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The sources, in the order of the file.
    pub fn sources(&self) -> impl Iterator<Item = SourceInfo<'_>> {
        self.sources.iter().map(|s| SourceInfo {
            id: &s.id,
            topic: &s.topic,
            interval_s: s.interval_s,
        })
    }

    /// Number of the source that takes a topic.
    ///
    /// # Errors
    /// `NoSource`.
    pub fn source_of(&self, topic: &str) -> Result<usize, PerceiveError> {
        self.sources
            .iter()
            .position(|s| topic_matches(&s.topic, topic))
            .ok_or_else(|| PerceiveError::NoSource {
                topic: topic.chars().take(256).collect(),
            })
    }

    /// Turns a payload into entity updates, all or nothing.
    ///
    /// # Errors
    /// The first thing that cannot be used.
    pub fn apply(
        &self,
        payload: &[u8],
        topic: &str,
        received_at: TimeMs,
    ) -> Result<Vec<Entity>, PerceiveError> {
        let mapped = self.map(payload, topic, received_at)?;
        match mapped.refused.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(mapped.entities),
        }
    }

    /// Turns a payload into entity updates; one bad record does not lose the others.
    ///
    /// # Errors
    /// When no source takes the topic, or the payload as a whole cannot be read.
    pub fn map(
        &self,
        payload: &[u8],
        topic: &str,
        received_at: TimeMs,
    ) -> Result<Mapped, PerceiveError> {
        let source = &self.sources[self.source_of(topic)?];
        let wrong = |detail: String| PerceiveError::Payload {
            source_id: source.id.clone(),
            detail,
        };
        let limits = &self.limits;
        source.bounded(payload.len(), limits.bytes_max, "bytes")?;
        let text = std::str::from_utf8(payload)
            .map_err(|e| wrong(format!("no UTF-8 at byte {}", e.valid_up_to())))?;
        let context = Context {
            source,
            topic,
            received_at,
            limits,
        };
        let mut mapped = Mapped::default();
        match source.format {
            Format::Json => {
                let value: Value =
                    serde_json::from_str(text).map_err(|e| wrong(format!("no JSON: {e}")))?;
                let root = match &source.records {
                    None => &value,
                    Some(p) => value
                        .pointer(p)
                        .ok_or_else(|| wrong(format!("nothing at \"{p}\"")))?,
                };
                let records = match root {
                    Value::Array(items) => items.as_slice(),
                    other => std::slice::from_ref(other),
                };
                source.bounded(records.len(), limits.records_max, "records")?;
                for (i, item) in records.iter().enumerate() {
                    context.record(i, &Record::Json(item), &mut mapped);
                }
            }
            Format::Csv => {
                let lines = text.lines().filter(|l| !l.trim().is_empty());
                source.bounded(lines.clone().count(), limits.records_max, "records")?;
                for (i, line) in lines.enumerate() {
                    let columns = line
                        .split(source.separator)
                        .map(|c| c.trim().trim_matches('"'))
                        .collect();
                    context.record(i, &Record::Csv(columns), &mut mapped);
                }
            }
            Format::Number => context.record(0, &Record::Number(text), &mut mapped),
        }
        Ok(mapped)
    }
}

impl Source {
    fn bounded(&self, count: usize, limit: usize, unit: &'static str) -> Result<(), PerceiveError> {
        if count <= limit {
            return Ok(());
        }
        Err(PerceiveError::TooLarge {
            source_id: self.id.clone(),
            count,
            limit,
            unit,
        })
    }
}

struct Context<'a> {
    source: &'a Source,
    topic: &'a str,
    received_at: TimeMs,
    limits: &'a PayloadLimits,
}

impl Context<'_> {
    fn refusal(&self, record: usize, from: &str, detail: impl Into<String>) -> PerceiveError {
        let source_id = self.source.id.clone();
        PerceiveError::Record {
            source_id,
            record,
            from: from.to_owned(),
            detail: detail.into(),
        }
    }

    fn record(&self, number: usize, record: &Record<'_>, out: &mut Mapped) {
        let before = out.refused.len();
        match self.try_record(number, record, &mut out.refused) {
            Ok(entity) if !entity.attributes.is_empty() => out.entities.push(entity),
            // A record without a single value: a gap, or all its fields were refused already.
            Ok(_) if out.refused.len() > before => {}
            Ok(_) => out
                .refused
                .push(self.refusal(number, "", "no field of the mapping is in it")),
            Err(error) => out.refused.push(error),
        }
    }

    fn try_record(
        &self,
        number: usize,
        record: &Record<'_>,
        refused: &mut Vec<PerceiveError>,
    ) -> Result<Entity, PerceiveError> {
        let id = self.entity_id(number, record)?;
        let observed_at = self.observed_at(number, record)?;
        let lateness_ms = self.received_at.since_ms(observed_at);
        let late = self
            .source
            .late_after_ms
            .filter(|limit| lateness_ms > *limit);
        let mut entity = Entity::new(id, self.source.entity_type.clone());
        for field in &self.source.fields {
            let found = record.find(&field.from, self.topic);
            if found == Found::Gap {
                if field.required {
                    return Err(self.refusal(number, &field.name, "is required and not there"));
                }
                continue;
            }
            match field.read(found) {
                Ok((mut attribute, doubt)) => {
                    attribute.observed_at = Some(observed_at);
                    let (quality, reason) =
                        doubt.map_or((Quality::Good, None), |(q, why)| (q, Some(why)));
                    quality.flag(&mut attribute, reason);
                    if let Some(limit) = late {
                        let reason = format!(
                            "observed {lateness_ms} ms before it came; {limit} ms are allowed"
                        );
                        Quality::Late.flag(&mut attribute, Some(reason));
                    }
                    entity = entity.with(field.attribute.clone(), attribute);
                }
                Err(detail) if field.required => {
                    return Err(self.refusal(number, &field.name, detail));
                }
                Err(detail) => refused.push(self.refusal(number, &field.name, detail)),
            }
        }
        Ok(entity)
    }

    fn entity_id(&self, number: usize, record: &Record<'_>) -> Result<String, PerceiveError> {
        let mut id = String::new();
        for part in &self.source.entity {
            match part {
                Part::Text(text) => id.push_str(text),
                Part::Key(name, from) => {
                    let found = record.find(from, self.topic);
                    let text = found.text().ok_or_else(|| {
                        self.refusal(number, name, "is needed for the entity id and not there")
                    })?;
                    // RFC 3986: what may stand in a URI; everything else would need escaping.
                    let plain =
                        |c: char| c.is_ascii_alphanumeric() || "-._~:@!$&'()*+,;=%/".contains(c);
                    if text.is_empty() || !text.chars().all(plain) {
                        let shown: String = text.chars().take(40).collect();
                        return Err(self.refusal(
                            number,
                            name,
                            format!("{shown:?} cannot be part of a URI"),
                        ));
                    }
                    id.push_str(&text);
                }
            }
            if id.len() > self.limits.id_bytes_max {
                let detail = format!(
                    "makes an entity id of more than {} bytes",
                    self.limits.id_bytes_max
                );
                return Err(self.refusal(number, "entity", detail));
            }
        }
        Ok(id)
    }

    fn observed_at(&self, number: usize, record: &Record<'_>) -> Result<TimeMs, PerceiveError> {
        let Some((from, name, format)) = &self.source.observed_at else {
            return Ok(self.received_at);
        };
        let refuse = |detail: String| self.refusal(number, name, detail);
        let found = record.find(from, self.topic);
        let at = match format {
            TimeFormat::Iso8601 => {
                let text = found
                    .text()
                    .ok_or_else(|| refuse("no time is there".to_owned()))?;
                TimeMs::from_iso(&text).map_err(|e| refuse(e.to_string()))?
            }
            TimeFormat::UnixS => unix(found.number().map_err(refuse)? * 1000.0).map_err(refuse)?,
            TimeFormat::UnixMs => unix(found.number().map_err(refuse)?).map_err(refuse)?,
        };
        let ahead_ms = at.since_ms(self.received_at);
        if ahead_ms > self.source.future_tolerance_ms {
            let limit = self.source.future_tolerance_ms;
            return Err(refuse(format!(
                "{at} is {ahead_ms} ms in the future; {limit} ms are allowed"
            )));
        }
        Ok(at)
    }
}

/// Milliseconds since 1970 in years 1970 to 9999.
fn unix(ms: f64) -> Result<TimeMs, String> {
    if !(0.0..=253_402_300_799_999.0).contains(&ms) {
        return Err(format!(
            "{ms} ms since 1970 is no time between 1970 and 9999"
        ));
    }
    #[allow(clippy::cast_possible_truncation)] // bounded above
    Ok(TimeMs(ms.round() as i64))
}

impl Field {
    /// The attribute, and a doubt with its reason.
    fn read(&self, found: Found<'_>) -> Result<(Attribute, Option<(Quality, String)>), String> {
        match self.kind {
            FieldKind::Number => self.number(found.number()?),
            FieldKind::Text => {
                let text = found.text().ok_or("is no text")?;
                Ok((Attribute::property(Value::String(text)), None))
            }
            FieldKind::Flag => match found {
                Found::Json(Value::Bool(b)) => Ok((Attribute::property(Value::Bool(*b)), None)),
                Found::Text("true" | "1") => Ok((Attribute::property(Value::Bool(true)), None)),
                Found::Text("false" | "0") => Ok((Attribute::property(Value::Bool(false)), None)),
                _ => Err("is neither true nor false".to_owned()),
            },
        }
    }

    fn number(&self, raw: f64) -> Result<(Attribute, Option<(Quality, String)>), String> {
        let value = self.conversion.map_or(raw, |c| c.apply(raw));
        let number = serde_json::Number::from_f64(value)
            .ok_or_else(|| format!("{raw} is not finite in its unit"))?;
        let mut attribute = Attribute::property(Value::Number(shorter(value).unwrap_or(number)));
        attribute.unit_code.clone_from(&self.unit_code);
        let outside = |[low, high]: [f64; 2]| value < low || value > high;
        let doubt = if let Some([low, high]) = self.range.filter(|r| outside(*r)) {
            Some((
                Quality::OutOfRange,
                format!("{value} is outside {low} to {high}"),
            ))
        } else if let Some([low, high]) = self.plausible.filter(|r| outside(*r)) {
            Some((
                Quality::Suspect,
                format!("{value} is not plausible outside {low} to {high}"),
            ))
        } else {
            None
        };
        Ok((attribute, doubt))
    }
}

/// Whole numbers are kept as such: 12 stays 12 and does not become 12.0.
fn shorter(value: f64) -> Option<serde_json::Number> {
    #[allow(clippy::cast_possible_truncation)] // whole and below 2^53
    (value.fract() == 0.0 && value.abs() < 9e15).then(|| serde_json::Number::from(value as i64))
}
