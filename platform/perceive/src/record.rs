//! A payload cut into records, and where a mapping finds things in one.

use serde_json::Value;

/// Where a mapping finds a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum From {
    /// JSON pointer (RFC 6901).
    Pointer(String),
    /// Column of a CSV line, from 0.
    Column(usize),
    /// Level of the topic, from 1.
    Topic(usize),
    /// The whole payload: a plain number.
    Payload,
}

/// How a payload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// A JSON object, or an array of them.
    Json,
    /// Lines of separated values without a head line.
    Csv,
    /// A number and nothing else.
    Number,
}

/// One record.
#[derive(Debug)]
pub(crate) enum Record<'a> {
    Json(&'a Value),
    Csv(Vec<&'a str>),
    Number(&'a str),
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Found<'a> {
    /// Nothing there, or null, or an empty column: a gap.
    Gap,
    Json(&'a Value),
    Text(&'a str),
}

impl<'a> Record<'a> {
    pub(crate) fn find(&self, from: &From, topic: &'a str) -> Found<'a> {
        let text = |t: Option<&'a str>| match t.map(str::trim) {
            None | Some("") => Found::Gap,
            Some(t) => Found::Text(t),
        };
        match (self, from) {
            (_, From::Topic(level)) => text(topic.split('/').nth(level - 1)),
            (Self::Json(value), From::Pointer(pointer)) => match value.pointer(pointer) {
                None | Some(Value::Null) => Found::Gap,
                Some(Value::String(s)) => Found::Text(s),
                Some(other) => Found::Json(other),
            },
            (Self::Csv(columns), From::Column(i)) => text(columns.get(*i).copied()),
            (Self::Number(number), From::Payload) => text(Some(number)),
            _ => Found::Gap,
        }
    }
}

impl Found<'_> {
    /// A finite number, or why it is none.
    pub(crate) fn number(&self) -> Result<f64, String> {
        let shown = |t: &str| t.chars().take(40).collect::<String>();
        match self {
            Found::Json(Value::Number(n)) => match n.as_f64().filter(|v| v.is_finite()) {
                Some(v) => Ok(v),
                None => Err(format!("{n} is too large for a number")),
            },
            Found::Text(t) => match t.parse::<f64>() {
                Ok(v) if v.is_nan() => {
                    Err("NaN is no value; leave the field out where there is none".to_owned())
                }
                Ok(v) if v.is_infinite() => Err(format!("\"{}\" is not finite", shown(t))),
                Ok(v) => Ok(v),
                Err(_) => Err(format!("\"{}\" is no number", shown(t))),
            },
            Found::Json(other) => Err(format!("{} is no number", shown(&other.to_string()))),
            Found::Gap => Err("nothing is there".to_owned()),
        }
    }

    /// As text: for ids.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Found::Text(t) => Some((*t).to_owned()),
            Found::Json(v @ (Value::Number(_) | Value::Bool(_))) => Some(v.to_string()),
            _ => None,
        }
    }
}
