//! `mapping.toml`: read with spans, checked, and compiled. Every error names its line.

use std::collections::BTreeMap;

use conurb_base::{ConfigError, from_toml, nearest};
use conurb_context::Name;
use serde::Deserialize;
use toml::Spanned;

use crate::error::PerceiveError;
use crate::mapping::{Field, FieldKind, Part, Source, TimeFormat};
use crate::record::{Format, From};
use crate::topic::filter_fault;
use crate::units::{Conversion, Unit, Units};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingFile {
    #[serde(default, rename = "source")]
    sources: Vec<SourceText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceText {
    id: Spanned<String>,
    topic: Spanned<String>,
    #[serde(default)]
    format: Option<Format>,
    records: Option<Spanned<String>>,
    #[serde(default)]
    columns: Vec<String>,
    separator: Option<Spanned<String>>,
    #[serde(default)]
    keys: BTreeMap<String, Spanned<String>>,
    entity: Spanned<String>,
    #[serde(rename = "type")]
    entity_type: Spanned<String>,
    observed_at: Option<ObservedText>,
    future_tolerance_s: Option<Spanned<f64>>,
    late_after_s: Option<Spanned<f64>>,
    interval_s: Option<Spanned<f64>>,
    #[serde(rename = "field")]
    fields: Spanned<Vec<FieldText>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ObservedText {
    from: Spanned<String>,
    format: TimeFormat,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldText {
    from: Spanned<String>,
    attribute: Spanned<String>,
    #[serde(default)]
    kind: FieldKind,
    unit: Option<Spanned<String>>,
    to: Option<Spanned<String>>,
    range: Option<Spanned<[f64; 2]>>,
    plausible: Option<Spanned<[f64; 2]>>,
    #[serde(default)]
    required: bool,
}

struct Reader<'a> {
    text: &'a str,
    file: &'a str,
    expand: &'a dyn Fn(&str) -> Name,
}

/// Reads and compiles the sources of a mapping file.
pub(crate) fn read(
    text: &str,
    file: &str,
    expand: &dyn Fn(&str) -> Name,
) -> Result<Vec<Source>, PerceiveError> {
    let parsed: MappingFile =
        from_toml(text, file).map_err(|e| PerceiveError::File(Box::new(e)))?;
    let reader = Reader { text, file, expand };
    let mut sources: Vec<Source> = Vec::with_capacity(parsed.sources.len());
    for raw in &parsed.sources {
        let source = reader.source(raw)?;
        if sources.iter().any(|s| s.id == source.id) {
            return Err(reader.fault(&raw.id, format!("source \"{}\" is there twice", source.id)));
        }
        sources.push(source);
    }
    Ok(sources)
}

impl Reader<'_> {
    fn fault<T>(&self, place: &Spanned<T>, message: impl Into<String>) -> PerceiveError {
        self.fault_with(place, message, None)
    }

    fn fault_with<T>(
        &self,
        place: &Spanned<T>,
        message: impl Into<String>,
        remedy: Option<String>,
    ) -> PerceiveError {
        let mut error =
            ConfigError::at_offset(self.text, self.file, place.span().start, message.into());
        error.remedy = remedy.or(error.remedy);
        PerceiveError::Mapping(Box::new(error))
    }

    fn source(&self, raw: &SourceText) -> Result<Source, PerceiveError> {
        if raw.id.get_ref().is_empty() {
            return Err(self.fault(&raw.id, "a source needs an id"));
        }
        if let Some(fault) = filter_fault(raw.topic.get_ref()) {
            return Err(self.fault(
                &raw.topic,
                format!("topic filter \"{}\": {fault}", raw.topic.get_ref()),
            ));
        }
        let format = raw.format.unwrap_or(Format::Json);
        let separator = match &raw.separator {
            None => ',',
            Some(text) => {
                let mut chars = text.get_ref().chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => c,
                    _ => return Err(self.fault(text, "a separator is one character")),
                }
            }
        };
        if let Some(records) = raw
            .records
            .as_ref()
            .filter(|r| format != Format::Json || !r.get_ref().starts_with('/'))
        {
            return Err(self.fault(
                records,
                "`records` is a JSON pointer such as \"/data\", for format = \"json\"",
            ));
        }
        if raw.fields.get_ref().is_empty() || raw.fields.get_ref().len() > 256 {
            return Err(self.fault(&raw.fields, "a source has 1 to 256 fields"));
        }
        let from = |place: &Spanned<String>| self.from(place, format, &raw.columns);
        let observed_at = match &raw.observed_at {
            None => None,
            Some(o) => Some((from(&o.from)?, o.from.get_ref().clone(), o.format)),
        };
        let fields: Result<Vec<Field>, PerceiveError> = raw
            .fields
            .get_ref()
            .iter()
            .map(|f| self.field(f, from(&f.from)?))
            .collect();
        Ok(Source {
            id: raw.id.get_ref().clone(),
            topic: raw.topic.get_ref().clone(),
            format,
            records: raw.records.as_ref().map(|r| r.get_ref().clone()),
            separator,
            entity: self.template(raw, &from)?,
            entity_type: (self.expand)(raw.entity_type.get_ref()),
            observed_at,
            future_tolerance_ms: self
                .millis(raw.future_tolerance_s.as_ref())?
                .unwrap_or(30_000),
            late_after_ms: self.millis(raw.late_after_s.as_ref())?,
            interval_s: self
                .millis(raw.interval_s.as_ref())?
                .and(raw.interval_s.as_ref())
                .map(|s| *s.get_ref()),
            fields: fields?,
        })
    }

    fn millis(&self, seconds: Option<&Spanned<f64>>) -> Result<Option<i64>, PerceiveError> {
        let Some(place) = seconds else {
            return Ok(None);
        };
        let s = *place.get_ref();
        if !(0.0..=3.2e9).contains(&s) {
            return Err(self.fault(place, format!("{s} is no span in seconds")));
        }
        #[allow(clippy::cast_possible_truncation)] // bounded above
        Ok(Some((s * 1000.0).round() as i64))
    }

    fn from(
        &self,
        place: &Spanned<String>,
        format: Format,
        columns: &[String],
    ) -> Result<From, PerceiveError> {
        let text = place.get_ref().as_str();
        if let Some(level) = text.strip_prefix("topic:") {
            return match level.parse::<usize>() {
                Ok(n) if (1..=64).contains(&n) => Ok(From::Topic(n)),
                _ => Err(self.fault(place, "write topic:N, N being a level of the topic from 1")),
            };
        }
        match format {
            Format::Json if text.is_empty() || text.starts_with('/') => {
                Ok(From::Pointer(text.to_owned()))
            }
            Format::Json => {
                let remedy = Some(format!("did you mean \"/{text}\"?"));
                let message = format!("\"{text}\" is no JSON pointer and no topic:N");
                Err(self.fault_with(place, message, remedy))
            }
            Format::Csv => match columns.iter().position(|c| c == text) {
                Some(i) => Ok(From::Column(i)),
                None => {
                    let known = columns.join(", ");
                    let remedy = nearest(text, columns.iter().map(String::as_str))
                        .map(|near| format!("did you mean \"{near}\"?"));
                    Err(self.fault_with(
                        place,
                        format!("no column \"{text}\"; columns: {known}"),
                        remedy,
                    ))
                }
            },
            Format::Number if text == "payload" => Ok(From::Payload),
            Format::Number => Err(self.fault(
                place,
                "with format = \"number\" it is \"payload\" or topic:N",
            )),
        }
    }

    fn template(
        &self,
        raw: &SourceText,
        from: &dyn Fn(&Spanned<String>) -> Result<From, PerceiveError>,
    ) -> Result<Vec<Part>, PerceiveError> {
        let mut rest = raw.entity.get_ref().as_str();
        if !rest.contains(':') {
            return Err(self.fault(
                &raw.entity,
                format!("\"{rest}\" is no URI; write urn:ngsi-ld:TYPE:{{key}}"),
            ));
        }
        let mut parts = Vec::new();
        while let Some((before, after)) = rest.split_once('{') {
            let Some((key, tail)) = after.split_once('}') else {
                return Err(self.fault(&raw.entity, "a `{` without its `}`"));
            };
            let Some(place) = raw.keys.get(key) else {
                let known: Vec<&str> = raw.keys.keys().map(String::as_str).collect();
                let remedy =
                    nearest(key, known.iter().copied()).map(|k| format!("did you mean {{{k}}}?"));
                let message = format!("no key \"{key}\" under `keys`; known: {}", known.join(", "));
                return Err(self.fault_with(&raw.entity, message, remedy));
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Key(place.get_ref().clone(), from(place)?));
            rest = tail;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(parts)
    }

    fn field(&self, raw: &FieldText, from: From) -> Result<Field, PerceiveError> {
        let numeric = raw.kind == FieldKind::Number;
        if let Some(unit) = raw.unit.as_ref().or(raw.to.as_ref()).filter(|_| !numeric) {
            return Err(self.fault(unit, "only numbers have units"));
        }
        if let Some(range) = raw
            .range
            .as_ref()
            .or(raw.plausible.as_ref())
            .filter(|_| !numeric)
        {
            return Err(self.fault(range, "only numbers have ranges"));
        }
        let given = raw.unit.as_ref().map(|u| self.unit(u, None)).transpose()?;
        let wanted = match (&raw.to, given) {
            (None, _) => given,
            (Some(to), Some(unit)) => Some(self.unit(to, Some(unit))?),
            (Some(to), None) => {
                return Err(self.fault(to, "`to` needs `unit`: from what is it converted?"));
            }
        };
        let conversion = match (given, wanted) {
            (Some(from), Some(to)) => Conversion::between(from, to).filter(|c| !c.is_identity()),
            _ => None,
        };
        Ok(Field {
            name: raw.from.get_ref().clone(),
            from,
            attribute: (self.expand)(raw.attribute.get_ref()),
            kind: raw.kind,
            conversion,
            unit_code: wanted.map(|u| u.code.as_str().into()),
            range: self.range(raw.range.as_ref())?,
            plausible: self.range(raw.plausible.as_ref())?,
            required: raw.required,
        })
    }

    fn unit(
        &self,
        place: &Spanned<String>,
        same_as: Option<&Unit>,
    ) -> Result<&'static Unit, PerceiveError> {
        let word = place.get_ref().as_str();
        let units = Units::shipped();
        let quantity = same_as.map(|u| u.quantity.as_str());
        let Some(unit) = units.find(word) else {
            let words = units
                .units
                .iter()
                .flat_map(|u| u.symbols.iter().chain([&u.code]));
            let remedy = nearest(word, words.map(String::as_str))
                .map(|near| format!("did you mean \"{near}\"?"));
            let message = format!(
                "unit \"{word}\" is not known; known: {}",
                units.known(quantity)
            );
            return Err(self.fault_with(place, message, remedy));
        };
        match quantity {
            Some(q) if q != unit.quantity => {
                let message = format!(
                    "\"{word}\" is a unit of {}, not of {q}; units of {q}: {}",
                    unit.quantity,
                    units.known(quantity)
                );
                Err(self.fault(place, message))
            }
            _ => Ok(unit),
        }
    }

    fn range(&self, place: Option<&Spanned<[f64; 2]>>) -> Result<Option<[f64; 2]>, PerceiveError> {
        match place {
            None => Ok(None),
            Some(p) => match *p.get_ref() {
                [low, high] if low <= high => Ok(Some([low, high])),
                _ => Err(self.fault(p, "a range is [least, most]")),
            },
        }
    }
}
