//! Attribute instances as observations of history, and back.

use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_store::{Sample, SampleValue, SeriesKey};
use serde_json::{Value, json};

use crate::fragment::Kind;
use crate::model::{Attribute, AttributeValue, Name};

/// The observation a written instance is. A numeric Property is a number; everything else is
/// the JSON `{"type": <kind>, "<member>": <value>}` with expanded names.
pub(crate) fn sample_of(id: &Arc<str>, name: &Name, a: &Attribute, now: TimeMs) -> Sample {
    let value = match &a.value {
        AttributeValue::Property(Value::Number(n)) => n.as_f64().map(SampleValue::Number),
        _ => None,
    };
    Sample {
        series: SeriesKey {
            entity: id.clone(),
            attribute: name.clone(),
            dataset: a.dataset_id.clone(),
        },
        observed_at: a.observed_at.unwrap_or(now),
        recorded_at: now,
        value: value.unwrap_or_else(|| {
            let kind = a.value.kind();
            let text = format!(
                "{{\"type\":\"{}\",\"{}\":{}}}",
                kind.name(),
                kind.member(),
                raw_value(&a.value)
            );
            SampleValue::Json(text.into())
        }),
    }
}

/// The value of an attribute as JSON with expanded names.
pub(crate) fn raw_value(value: &AttributeValue) -> Value {
    let texts = |all: &[Arc<str>]| -> Vec<Value> { all.iter().map(|t| json!(&**t)).collect() };
    match value {
        AttributeValue::Property(v) | AttributeValue::Geo(v) | AttributeValue::Json(v) => v.clone(),
        AttributeValue::Relationship(uris) => match uris.as_slice() {
            [one] => json!(&**one),
            all => Value::Array(texts(all)),
        },
        AttributeValue::Language(m) => Value::Object(m.clone()),
        AttributeValue::Vocab(all, false) if all.len() == 1 => json!(&*all[0]),
        AttributeValue::Vocab(all, _) | AttributeValue::ListRelationship(all) => {
            Value::Array(texts(all))
        }
        AttributeValue::List(items) => Value::Array(items.clone()),
    }
}

/// The value of an observation that was no number.
pub(crate) fn value_from_json(text: &str) -> Option<AttributeValue> {
    let json: Value = serde_json::from_str(text).ok()?;
    let kind = Kind::from_name(json.get("type")?.as_str()?)?;
    let value = json.get(kind.member())?.clone();
    let texts = |v: &Value| -> Option<Vec<Arc<str>>> {
        match v {
            Value::String(s) => Some(vec![Arc::from(s.as_str())]),
            Value::Array(a) => a.iter().map(|s| s.as_str().map(Arc::from)).collect(),
            _ => None,
        }
    };
    Some(match kind {
        Kind::Property => AttributeValue::Property(value),
        Kind::Geo => AttributeValue::Geo(value),
        Kind::Json => AttributeValue::Json(value),
        Kind::Relationship => AttributeValue::Relationship(texts(&value)?),
        Kind::ListRelationship => AttributeValue::ListRelationship(texts(&value)?),
        Kind::Vocab => AttributeValue::Vocab(texts(&value)?, value.is_array()),
        Kind::Language => AttributeValue::Language(value.as_object()?.clone()),
        Kind::List => AttributeValue::List(value.as_array()?.clone()),
    })
}
