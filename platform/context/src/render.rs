//! Entities to JSON (clauses 4.5.2 to 4.5.24, 4.5.16 GeoJSON): normalized, concise, simplified,
//! compacted with the context of the request.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::ContextError;
use crate::check::is_geometry_type;
use crate::fragment::Kind;
use crate::jsonld::LdContext;
use crate::lang::choose;
use crate::model::{Attribute, AttributeValue, Entity, Instances, Name};

/// How an answer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Every attribute with type and members.
    #[default]
    Normalized,
    /// Types left out where they can be told.
    Concise,
    /// Values only (`keyValues`).
    Simplified,
}

impl Format {
    /// The format of this name, as `format` and `options` spell it.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "normalized" => Self::Normalized,
            "concise" => Self::Concise,
            "simplified" | "keyValues" => Self::Simplified,
            _ => return None,
        })
    }
}

/// A list of members: `id`, `type`, `scope` and attributes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Projection {
    /// `id` is listed.
    pub id: bool,
    /// `type` is listed.
    pub kind: bool,
    /// `scope` is listed.
    pub scope: bool,
    /// The attributes, expanded.
    pub attributes: Vec<Name>,
}

impl Projection {
    /// Reads `pick`, `omit` or `attrs`: names separated by comma or `|`.
    pub fn parse(text: &str, ctx: &LdContext) -> Result<Self, ContextError> {
        let mut list = Self::default();
        for item in text.split([',', '|']) {
            match item.trim() {
                "" => return Err(ContextError::request("a projection has an empty name")),
                "id" => list.id = true,
                "type" => list.kind = true,
                "scope" => list.scope = true,
                nested if nested.contains('{') => {
                    return Err(ContextError::not_yet(format!(
                        "the projection {nested} into linked entities"
                    )));
                }
                name => list.attributes.push(ctx.expand(name)?),
            }
        }
        Ok(list)
    }
}

/// What of an entity an answer shows.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// How it is written.
    pub format: Format,
    /// Whether `createdAt`, `modifiedAt`, `expiresAt` are shown.
    pub sys_attrs: bool,
    /// Only these members.
    pub pick: Option<Projection>,
    /// All but these members.
    pub omit: Option<Projection>,
    /// Only these attributes (deprecated `attrs`); id, type and scope stay.
    pub attrs: Option<Vec<Name>>,
    /// An Accept-Language list: language maps become Properties.
    pub lang: Option<String>,
    /// Only these instances (`None` is the default one).
    pub datasets: Option<Vec<Option<Arc<str>>>>,
}

impl View {
    /// Reads the `datasetId` parameter: URIs separated by comma, `@none` is the default instance.
    pub fn parse_datasets(text: &str) -> Vec<Option<Arc<str>>> {
        text.split(',')
            .map(|d| match d.trim() {
                "@none" => None,
                uri => Some(Arc::from(uri)),
            })
            .collect()
    }

    fn shows(&self, name: &Name) -> bool {
        self.pick
            .as_ref()
            .is_none_or(|p| p.attributes.contains(name))
            && self
                .omit
                .as_ref()
                .is_none_or(|o| !o.attributes.contains(name))
            && self.attrs.as_ref().is_none_or(|a| a.contains(name))
    }

    fn member(&self, of: impl Fn(&Projection) -> bool) -> bool {
        self.pick.as_ref().is_none_or(&of) && !self.omit.as_ref().is_some_and(of)
    }

    /// Whether the entity has at least one attribute that `pick` or `attrs` names (where they
    /// name any).
    #[must_use]
    pub fn finds(&self, entity: &Entity) -> bool {
        let any = |names: &[Name]| {
            names.is_empty() || names.iter().any(|n| entity.instances(n).is_some())
        };
        self.attrs.as_ref().is_none_or(|a| any(a))
            && self
                .pick
                .as_ref()
                .is_none_or(|p| p.id || p.kind || p.scope || any(&p.attributes))
    }
}

/// The entity as JSON, without `@context`.
#[must_use]
pub fn entity_json(entity: &Entity, ctx: &LdContext, view: &View) -> Value {
    let mut out = Map::with_capacity(entity.attributes.len() + 3);
    if view.member(|p| p.id) {
        out.insert("id".into(), json!(&*entity.id));
    }
    if view.member(|p| p.kind) {
        out.insert("type".into(), one_or_many(&entity.types, ctx));
    }
    if !entity.scope.is_empty() && view.member(|p| p.scope) {
        out.insert(
            "scope".into(),
            match entity.scope.as_slice() {
                [one] => json!(one),
                all => json!(all),
            },
        );
    }
    if view.sys_attrs {
        out.insert("createdAt".into(), json!(entity.created_at.to_iso()));
        out.insert("modifiedAt".into(), json!(entity.modified_at.to_iso()));
        if let Some(t) = entity.expires_at {
            out.insert("expiresAt".into(), json!(t.to_iso()));
        }
    }
    attributes_json(&mut out, entity, ctx, view);
    Value::Object(out)
}

fn attributes_json(out: &mut Map<String, Value>, entity: &Entity, ctx: &LdContext, view: &View) {
    for (name, instances) in &entity.attributes {
        if view.shows(name)
            && let Some(value) = instances_json(instances, ctx, view)
        {
            out.insert(ctx.compact(name).into_owned(), value);
        }
    }
}

fn one_or_many(types: &[Name], ctx: &LdContext) -> Value {
    match types {
        [one] => json!(ctx.compact(one)),
        all => all.iter().map(|t| json!(ctx.compact(t))).collect(),
    }
}

fn instances_json(instances: &Instances, ctx: &LdContext, view: &View) -> Option<Value> {
    let shown: Vec<&Attribute> = instances
        .iter()
        .filter(|a| {
            view.datasets
                .as_ref()
                .is_none_or(|d| d.contains(&a.dataset_id))
        })
        .collect();
    match shown.as_slice() {
        [] => None,
        [one]
            if view.format != Format::Simplified
                || one.dataset_id.is_none()
                || view.datasets.is_some() =>
        {
            Some(attribute_json(one, ctx, view))
        }
        all if view.format == Format::Simplified => {
            let sets: Map<String, Value> = all
                .iter()
                .map(|a| {
                    let key = a.dataset_id.as_deref().unwrap_or("@none");
                    (key.to_owned(), attribute_json(a, ctx, view))
                })
                .collect();
            Some(json!({ "dataset": sets }))
        }
        all => Some(all.iter().map(|a| attribute_json(a, ctx, view)).collect()),
    }
}

/// One attribute instance as JSON.
#[must_use]
pub fn attribute_json(a: &Attribute, ctx: &LdContext, view: &View) -> Value {
    if let (Some(lang), AttributeValue::Language(map)) = (&view.lang, &a.value)
        && let Some((tag, text)) = choose(map, lang)
    {
        let mut flat = a.clone();
        flat.value = AttributeValue::Property(text.clone());
        let plain = View {
            lang: None,
            ..view.clone()
        };
        let mut out = attribute_json(&flat, ctx, &plain);
        if view.format != Format::Simplified {
            if !out.is_object() {
                out = json!({ "value": out });
            }
            if let Value::Object(m) = &mut out {
                m.insert("lang".into(), json!(tag));
            }
        }
        return out;
    }
    let value = value_json(&a.value, ctx, view.format);
    let kind = a.value.kind();
    match view.format {
        Format::Simplified => match kind {
            Kind::Language | Kind::Vocab | Kind::Json => json!({ kind.member(): value }),
            _ => value,
        },
        Format::Normalized => {
            let mut out = Map::with_capacity(4);
            out.insert("type".into(), json!(kind.name()));
            out.insert(kind.member().into(), value);
            members_json(&mut out, a, ctx, view);
            Value::Object(out)
        }
        Format::Concise => {
            let mut out = Map::with_capacity(4);
            if kind == Kind::Property && looks_like_geometry(&value) {
                out.insert("type".into(), json!(kind.name()));
            }
            out.insert(kind.member().into(), value);
            members_json(&mut out, a, ctx, view);
            bare(kind, out)
        }
    }
}

fn looks_like_geometry(value: &Value) -> bool {
    value
        .get("type")
        .and_then(Value::as_str)
        .is_some_and(is_geometry_type)
        && value.get("coordinates").is_some()
}

/// Drops the wrapping object of a concise value where it can be told without.
fn bare(kind: Kind, mut out: Map<String, Value>) -> Value {
    if out.len() == 1
        && let Some(value) = out.get(kind.member())
    {
        let plain = match kind {
            Kind::Geo => true,
            Kind::Property => match value {
                Value::Object(_) => false,
                Value::Array(items) => !items.iter().any(Value::is_object),
                _ => true,
            },
            _ => false,
        };
        if plain && let Some(value) = out.shift_remove(kind.member()) {
            return value;
        }
    }
    Value::Object(out)
}

/// The value member of an attribute.
#[must_use]
pub fn value_json(value: &AttributeValue, ctx: &LdContext, format: Format) -> Value {
    match value {
        AttributeValue::Vocab(names, array) => match names.as_slice() {
            [one] if !array => json!(ctx.compact_value(one)),
            all => all.iter().map(|n| json!(ctx.compact_value(n))).collect(),
        },
        AttributeValue::ListRelationship(uris) if format == Format::Normalized => {
            uris.iter().map(|u| json!({ "object": &**u })).collect()
        }
        other => crate::sample::raw_value(other),
    }
}

fn members_json(out: &mut Map<String, Value>, a: &Attribute, ctx: &LdContext, view: &View) {
    if let Some(t) = a.observed_at {
        out.insert("observedAt".into(), json!(t.to_iso()));
    }
    if let Some(u) = &a.unit_code {
        out.insert("unitCode".into(), json!(&**u));
    }
    if let Some(d) = &a.dataset_id {
        out.insert("datasetId".into(), json!(&**d));
    }
    if !a.declared_type.is_empty() {
        let member = match a.value.kind() {
            Kind::Relationship | Kind::ListRelationship => "objectType",
            _ => "valueType",
        };
        out.insert(member.into(), one_or_many(&a.declared_type, ctx));
    }
    if let Some(p) = &a.proof {
        out.insert("ngsildproof".into(), p.clone());
    }
    if view.sys_attrs {
        out.insert("createdAt".into(), json!(a.created_at.to_iso()));
        out.insert("modifiedAt".into(), json!(a.modified_at.to_iso()));
        if let Some(t) = a.expires_at {
            out.insert("expiresAt".into(), json!(t.to_iso()));
        }
    }
    let below = View {
        format: view.format,
        sys_attrs: view.sys_attrs,
        lang: view.lang.clone(),
        ..View::default()
    };
    for (name, instances) in &a.sub {
        if let Some(value) = instances_json(instances, ctx, &below) {
            out.insert(ctx.compact(name).into_owned(), value);
        }
    }
}

/// The entity as a GeoJSON Feature; `geometry` is that of `property` (default `location`), null
/// where there is none.
#[must_use]
pub fn feature_json(
    entity: &Entity,
    ctx: &LdContext,
    view: &View,
    property: Option<&Name>,
) -> Value {
    let location = crate::intern(LOCATION);
    let property = property.unwrap_or(&location);
    let dataset = view
        .datasets
        .as_ref()
        .and_then(|d| d.first().cloned())
        .flatten();
    let geometry = entity
        .instances(property)
        .and_then(|i| i.iter().find(|a| a.dataset_id == dataset))
        .and_then(|a| match &a.value {
            AttributeValue::Geo(g) => Some(g.clone()),
            _ => None,
        });
    let mut properties = Map::new();
    if view.member(|p| p.kind) {
        properties.insert("type".into(), one_or_many(&entity.types, ctx));
    }
    attributes_json(&mut properties, entity, ctx, view);
    json!({
        "id": &*entity.id,
        "type": "Feature",
        "geometry": geometry,
        "properties": properties,
    })
}

/// Several entities as a GeoJSON FeatureCollection.
#[must_use]
pub fn features_json(
    entities: &[Arc<Entity>],
    ctx: &LdContext,
    view: &View,
    property: Option<&Name>,
) -> Value {
    let features: Vec<Value> = entities
        .iter()
        .map(|e| feature_json(e, ctx, view, property))
        .collect();
    json!({ "type": "FeatureCollection", "features": features })
}

/// The expanded name of `location`.
pub(crate) const LOCATION: &str = "https://uri.etsi.org/ngsi-ld/location";
