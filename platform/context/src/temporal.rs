//! History of entities (clauses 5.7.3, 4.5.6 to 4.5.9): series read back as instances, as
//! `temporalValues`, or aggregated.

use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_store::{Point, SampleValue, SeriesKey};
use serde_json::{Map, Value, json};

use crate::ContextError;
use crate::engine::ContextEngine;
use crate::fragment::Kind;
use crate::jsonld::LdContext;
use crate::model::{AttributeValue, Entity, Name};
use crate::parse::read_time;
use crate::parse_value::NULL;
use crate::render::{Format, value_json};
use crate::sample::value_from_json;

/// How history is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TemporalFormat {
    /// Every instance with its members and `instanceId`.
    #[default]
    Normalized,
    /// `values: [[value, time], ...]`
    TemporalValues,
}

/// The parameters of a temporal query as a request carries them.
#[derive(Debug, Clone, Default)]
pub struct TemporalParams {
    /// `timerel`: before, after, between.
    pub timerel: Option<String>,
    /// `timeAt`
    pub time_at: Option<String>,
    /// `endTimeAt`
    pub end_time_at: Option<String>,
    /// `timeproperty`; only `observedAt` is there yet.
    pub timeproperty: Option<String>,
    /// `lastN`
    pub last_n: Option<usize>,
    /// `attrs` or `pick`: attribute names.
    pub attrs: Option<String>,
    /// `aggrMethods`; not there yet.
    pub aggr_methods: Option<String>,
    /// `format` or `options`.
    pub format: Option<String>,
}

/// A temporal query ready to run: `from <= t < to`.
#[derive(Debug, Clone, PartialEq)]
pub struct TemporalQuery {
    /// From when (inclusive).
    pub from: TimeMs,
    /// Until when (exclusive).
    pub to: TimeMs,
    /// Only the newest of each series.
    pub last_n: Option<usize>,
    /// Only these attributes.
    pub attrs: Option<Vec<Name>>,
    /// How it is written.
    pub format: TemporalFormat,
}

/// The history of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Which.
    pub key: SeriesKey,
    /// Its points, oldest first (newest first with `lastN`).
    pub points: Vec<Point>,
}

/// The history of one entity.
#[derive(Debug, Clone)]
pub struct History {
    /// The entity's id.
    pub id: Arc<str>,
    /// The entity as it is now; absent when deleted.
    pub entity: Option<Arc<Entity>>,
    /// Its series, by name and dataset.
    pub series: Vec<Series>,
    /// Whether some series held more points than one answer may hold (HTTP 206).
    pub cut: bool,
}

impl Default for TemporalQuery {
    fn default() -> Self {
        Self {
            from: TimeMs(i64::MIN),
            to: TimeMs(i64::MAX),
            last_n: None,
            attrs: None,
            format: TemporalFormat::Normalized,
        }
    }
}

impl TemporalQuery {
    /// Reads `params`; without `timerel` the whole history is meant.
    pub fn parse(params: &TemporalParams, ctx: &LdContext) -> Result<Self, ContextError> {
        if let Some(p) = &params.timeproperty
            && p != "observedAt"
        {
            return Err(ContextError::not_yet(format!("timeproperty {p}")));
        }
        if params.aggr_methods.is_some() {
            return Err(ContextError::not_yet("aggregatedValues"));
        }
        if params.last_n == Some(0) {
            return Err(ContextError::request("lastN must be above 0"));
        }
        let time = |name: &str, text: &Option<String>| -> Result<Option<TimeMs>, ContextError> {
            match text {
                None => Ok(None),
                Some(t) => read_time(t).map(Some).ok_or_else(|| {
                    ContextError::request(format!("{name}: {t:?} is no ISO 8601 instant"))
                }),
            }
        };
        let at = time("timeAt", &params.time_at)?;
        let end = time("endTimeAt", &params.end_time_at)?;
        let (from, to) = match (params.timerel.as_deref(), at, end) {
            (None, None, None) => (TimeMs(i64::MIN), TimeMs(i64::MAX)),
            (Some("before"), Some(t), None) => (TimeMs(i64::MIN), t),
            (Some("after"), Some(t), None) => (t, TimeMs(i64::MAX)),
            (Some("between"), Some(t), Some(e)) if t <= e => (t, e),
            _ => {
                return Err(ContextError::request(
                    "timerel is before or after with timeAt, or between with timeAt and endTimeAt",
                ));
            }
        };
        Ok(Self {
            from,
            to,
            last_n: params.last_n,
            attrs: params
                .attrs
                .as_ref()
                .map(|a| crate::render::Projection::parse(a, ctx).map(|p| p.attributes))
                .transpose()?,
            format: match params.format.as_deref() {
                None | Some("normalized" | "concise") => TemporalFormat::Normalized,
                Some("temporalValues" | "simplified") => TemporalFormat::TemporalValues,
                Some("aggregatedValues") => return Err(ContextError::not_yet("aggregatedValues")),
                Some(other) => {
                    return Err(ContextError::request(format!(
                        "format {other:?} is unknown"
                    )));
                }
            },
        })
    }
}

impl ContextEngine {
    /// The history of an entity, also of one that is deleted; an error if nothing is known.
    pub fn history(&self, id: &str, query: &TemporalQuery) -> Result<History, ContextError> {
        let keys = self.stores.series.series_of(id)?;
        let entity = self.retrieve(id, None).ok();
        if keys.is_empty() && entity.is_none() {
            return Err(ContextError::missing(format!("the history of {id}")));
        }
        let mut history = History {
            id: Arc::from(id),
            entity,
            series: Vec::new(),
            cut: false,
        };
        let cap = self.limits.points_per_series;
        for key in keys {
            if query
                .attrs
                .as_ref()
                .is_some_and(|a| !a.contains(&key.attribute))
            {
                continue;
            }
            let newest = query.last_n.is_some();
            let wanted = query.last_n.unwrap_or(cap).min(cap);
            // one more than wanted tells whether the cap cut something off
            let mut points =
                self.stores
                    .series
                    .range(&key, query.from, query.to, wanted + 1, newest)?;
            if points.len() > wanted {
                if newest {
                    points.remove(0);
                } else {
                    points.pop();
                }
                history.cut |= query.last_n.is_none_or(|n| n > cap);
            }
            if newest {
                points.reverse();
            }
            if !points.is_empty() {
                history.series.push(Series { key, points });
            }
        }
        Ok(history)
    }

    /// Forgets the history of an entity (DELETE `temporal/entities/{id}`).
    pub fn forget_history(&self, id: &str) -> Result<(), ContextError> {
        if self.stores.series.series_of(id)?.is_empty() {
            return Err(ContextError::missing(format!("the history of {id}")));
        }
        Ok(self.stores.series.forget(id)?)
    }
}

/// The history as JSON. Types and units are those of the entity now; a deleted entity shows its
/// attributes only.
#[must_use]
pub fn history_json(history: &History, ctx: &LdContext, format: TemporalFormat) -> Value {
    let mut out = Map::new();
    out.insert("id".into(), json!(&*history.id));
    if let Some(e) = &history.entity {
        let types: Vec<_> = e.types.iter().map(|t| ctx.compact(t)).collect();
        out.insert(
            "type".into(),
            match types.as_slice() {
                [one] => json!(one),
                all => json!(all),
            },
        );
    }
    for series in &history.series {
        let name = ctx.compact(&series.key.attribute).into_owned();
        let items = match format {
            TemporalFormat::Normalized => instances(history, series, ctx),
            TemporalFormat::TemporalValues => vec![values(series, ctx)],
        };
        // several datasets of one attribute share its member
        match out.get_mut(&name) {
            Some(Value::Array(all)) => all.extend(items),
            Some(one) => {
                let first = one.take();
                *one = Value::Array(std::iter::once(first).chain(items).collect());
            }
            None => {
                let alone = format == TemporalFormat::TemporalValues;
                out.insert(
                    name,
                    match items.into_iter().collect::<Vec<_>>() {
                        mut one if alone && one.len() == 1 => one.remove(0),
                        all => Value::Array(all),
                    },
                );
            }
        }
    }
    Value::Object(out)
}

fn value_of(p: &Point) -> Option<AttributeValue> {
    match &p.value {
        SampleValue::Number(n) => Some(AttributeValue::Property(number(*n))),
        SampleValue::Json(text) => value_from_json(text),
        SampleValue::Deleted => None,
    }
}

/// A number as it was likely sent: whole ones without a fraction.
fn number(n: f64) -> Value {
    if n.fract() == 0.0 && n.abs() < 9.0e15 {
        json!(n as i64)
    } else {
        json!(n)
    }
}

fn instances(history: &History, series: &Series, ctx: &LdContext) -> Vec<Value> {
    let current = history.entity.as_ref().and_then(|e| {
        e.instances(&series.key.attribute)?
            .iter()
            .find(|a| a.dataset_id == series.key.dataset)
    });
    series
        .points
        .iter()
        .map(|p| {
            let value = value_of(p);
            let kind = value.as_ref().map_or(Kind::Property, AttributeValue::kind);
            let mut out = Map::new();
            out.insert("type".into(), json!(kind.name()));
            out.insert(
                kind.member().into(),
                value.map_or(json!(NULL), |v| value_json(&v, ctx, Format::Normalized)),
            );
            if let Some(d) = &series.key.dataset {
                out.insert("datasetId".into(), json!(&**d));
            }
            if kind == Kind::Property
                && p.value != SampleValue::Deleted
                && let Some(unit) = current.and_then(|c| c.unit_code.as_ref())
            {
                out.insert("unitCode".into(), json!(&**unit));
            }
            let time = if p.value == SampleValue::Deleted {
                "deletedAt"
            } else {
                "observedAt"
            };
            out.insert(time.into(), json!(p.observed_at.to_iso()));
            out.insert("instanceId".into(), json!(instance_id(&series.key, p)));
            Value::Object(out)
        })
        .collect()
}

/// The identity of an instance: a hash of its series and its place in it, never stored.
fn instance_id(key: &SeriesKey, p: &Point) -> String {
    let text = format!(
        "{}\u{1f}{}\u{1f}{}\u{1f}{}",
        key.entity,
        key.attribute,
        key.dataset.as_deref().unwrap_or_default(),
        p.observed_at.0
    );
    let hash = conurb_base::stream_seed(p.seq, &text, "instance");
    format!("urn:ngsi-ld:instance:{hash:016x}-{}", p.seq)
}

fn values(series: &Series, ctx: &LdContext) -> Value {
    let kind = series
        .points
        .iter()
        .find_map(value_of)
        .map_or(Kind::Property, |v| v.kind());
    let plural = match kind {
        Kind::Property | Kind::Geo => "values",
        Kind::Relationship => "objects",
        Kind::Language => "languageMaps",
        Kind::Vocab => "vocabs",
        Kind::List => "valueLists",
        Kind::ListRelationship => "objectLists",
        Kind::Json => "jsons",
    };
    let points: Vec<Value> = series
        .points
        .iter()
        .map(|p| {
            let value =
                value_of(p).map_or(json!(NULL), |v| value_json(&v, ctx, Format::Simplified));
            json!([value, p.observed_at.to_iso()])
        })
        .collect();
    let mut out = Map::new();
    out.insert("type".into(), json!(kind.name()));
    if let Some(d) = &series.key.dataset {
        out.insert("datasetId".into(), json!(&**d));
    }
    out.insert(plural.into(), Value::Array(points));
    Value::Object(out)
}
