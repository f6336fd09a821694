//! JSON to attribute instances: which kind, which value, which members.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::ContextError;
use crate::check::{check_geometry, is_geometry_type, is_uri};
use crate::fragment::{AttributePatch, Kind, Patch, ValuePatch};
use crate::json::{Node, parse_json};
use crate::model::{AttributeValue, Name};
use crate::parse::{Nulls, Reader, is_null, json_value, time, uri};

/// The marker that deletes (clause 4.5.0).
pub(crate) const NULL: &str = "urn:ngsi-ld:null";

type Members<'n, 'a> = &'n [(std::borrow::Cow<'a, str>, Node<'a>)];

/// All instances an attribute's JSON holds.
pub(crate) fn instances(
    reader: &Reader<'_>,
    node: &Node<'_>,
    nulls: Nulls,
    depth: usize,
) -> Result<Vec<AttributePatch>, ContextError> {
    if reader.simplified
        && let Some(Node::Object(sets)) = node.get("dataset")
    {
        return datasets(reader, sets, nulls, depth);
    }
    let Node::Array(items) = node else {
        return Ok(vec![instance(reader, node, nulls, depth)?]);
    };
    if reader.simplified || items.is_empty() || !items.iter().all(looks_like_instance) {
        return Ok(vec![instance(reader, node, nulls, depth)?]);
    }
    if items.len() > reader.limits.instances_per_attribute {
        return Err(ContextError::TooLarge {
            path: String::new(),
            what: format!(
                "has more than {} instances",
                reader.limits.instances_per_attribute
            ),
        });
    }
    let mut all: Vec<AttributePatch> = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let one = instance(reader, item, nulls, depth).map_err(|e| e.under(&format!("[{i}]")))?;
        if all.iter().any(|a| a.dataset_id == one.dataset_id) {
            return Err(ContextError::data(
                format!("[{i}].datasetId"),
                "is given twice",
            ));
        }
        all.push(one);
    }
    Ok(all)
}

fn datasets(
    reader: &Reader<'_>,
    sets: Members<'_, '_>,
    nulls: Nulls,
    depth: usize,
) -> Result<Vec<AttributePatch>, ContextError> {
    let mut all = Vec::with_capacity(sets.len());
    for (key, value) in sets {
        let mut one = instance(reader, value, nulls, depth).map_err(|e| e.under(key))?;
        if key != "@none" {
            one.dataset_id = Some(uri("dataset", &Node::Text(key.as_ref().into()))?);
        }
        all.push(one);
    }
    Ok(all)
}

fn looks_like_instance(node: &Node<'_>) -> bool {
    node.as_object().is_some_and(|members| {
        members.iter().any(|(k, v)| match k.as_ref() {
            "type" | "@type" => v.as_str().is_some_and(|t| Kind::from_name(t).is_some()),
            key => member_kind(key).is_some(),
        })
    })
}

const fn known(kind: Kind) -> Option<Kind> {
    Some(kind)
}

/// The kind a value member stands for; `value` may also be a GeoProperty's.
fn member_kind(name: &str) -> Option<Kind> {
    match name {
        "value" => known(Kind::Property),
        "object" => known(Kind::Relationship),
        "languageMap" => known(Kind::Language),
        "vocab" => known(Kind::Vocab),
        "valueList" => known(Kind::List),
        "objectList" => known(Kind::ListRelationship),
        "json" => known(Kind::Json),
        _ => None,
    }
}

/// One instance.
pub(crate) fn instance(
    reader: &Reader<'_>,
    node: &Node<'_>,
    nulls: Nulls,
    depth: usize,
) -> Result<AttributePatch, ContextError> {
    if is_null(node) {
        if nulls == Nulls::Forbidden {
            return Err(ContextError::data("", "null is not allowed here"));
        }
        return Ok(AttributePatch {
            value: ValuePatch::Delete,
            ..AttributePatch::default()
        });
    }
    match node {
        Node::Object(members) if reader.simplified => simplified(reader, node, members, nulls),
        Node::Object(members) => object(reader, node, members, nulls, depth),
        bare => {
            let value = json_value("", bare, nulls)?;
            Ok(AttributePatch {
                value: if reader.simplified {
                    ValuePatch::Raw(value)
                } else {
                    ValuePatch::Set(AttributeValue::Property(value))
                },
                kind: if reader.simplified {
                    None
                } else {
                    Some(Kind::Property)
                },
                ..AttributePatch::default()
            })
        }
    }
}

fn is_geometry(node: &Node<'_>) -> bool {
    node.get("type")
        .and_then(Node::as_str)
        .is_some_and(is_geometry_type)
        && node.get("coordinates").is_some()
}

fn of_kind(value: AttributeValue) -> AttributePatch {
    AttributePatch {
        kind: Some(value.kind()),
        value: ValuePatch::Set(value),
        ..AttributePatch::default()
    }
}

fn simplified(
    reader: &Reader<'_>,
    node: &Node<'_>,
    members: Members<'_, '_>,
    nulls: Nulls,
) -> Result<AttributePatch, ContextError> {
    if is_geometry(node) {
        return value_of(reader, Kind::Geo, node, nulls).map(of_kind);
    }
    if let [(key, inner)] = members
        && let Some(kind @ (Kind::Language | Kind::Vocab | Kind::Json)) = member_kind(key)
    {
        return value_of(reader, kind, inner, nulls).map(of_kind);
    }
    Ok(AttributePatch {
        value: ValuePatch::Raw(json_value("", node, nulls)?),
        ..AttributePatch::default()
    })
}

fn object(
    reader: &Reader<'_>,
    node: &Node<'_>,
    members: Members<'_, '_>,
    nulls: Nulls,
    depth: usize,
) -> Result<AttributePatch, ContextError> {
    if depth > reader.limits.sub_attribute_depth {
        return Err(ContextError::TooLarge {
            path: String::new(),
            what: format!(
                "sub-attributes nest deeper than {}",
                reader.limits.sub_attribute_depth
            ),
        });
    }
    let mut patch = AttributePatch::default();
    let mut value: Option<(Kind, &Node<'_>)> = None;
    for (key, member) in members {
        match key.as_ref() {
            "type" | "@type" => {
                let name = member.as_str().unwrap_or_default();
                match Kind::from_name(name) {
                    Some(kind) => patch.kind = Some(kind),
                    None if is_geometry(node) => {
                        return value_of(reader, Kind::Geo, node, nulls).map(of_kind);
                    }
                    None => {
                        return Err(ContextError::data(
                            "type",
                            format!("{name:?} is no kind of attribute"),
                        ));
                    }
                }
            }
            "observedAt" => patch.observed_at = time("observedAt", member, nulls)?,
            "unitCode" => patch.unit_code = text("unitCode", member, nulls)?,
            "datasetId" => {
                // `@none` names the default instance, which has no datasetId
                if member.as_str() != Some("@none") {
                    patch.dataset_id = Some(uri("datasetId", member)?);
                }
            }
            "expiresAt" => patch.expires_at = time("expiresAt", member, nulls)?,
            "objectType" | "valueType" => {
                patch.declared_type = if is_null(member) && nulls != Nulls::Forbidden {
                    Patch::Delete
                } else {
                    Patch::Set(reader.types(key, member)?)
                };
            }
            "ngsildproof" => {
                patch.proof = if is_null(member) && nulls != Nulls::Forbidden {
                    Patch::Delete
                } else {
                    Patch::Set(member.to_value())
                };
            }
            "createdAt" | "modifiedAt" | "deletedAt" | "instanceId" | "lang" | "entity"
            | "entityList" => {}
            "@context" => {
                return Err(ContextError::data(
                    "@context",
                    "is not allowed in an attribute",
                ));
            }
            name if name.starts_with("previous") => {}
            name => match member_kind(name) {
                Some(_) if value.is_some() => {
                    return Err(ContextError::data(name, "is a second value"));
                }
                Some(kind) => value = Some((kind, member)),
                None => sub_attribute(reader, &mut patch, name, member, nulls, depth)?,
            },
        }
    }
    finish(reader, patch, value, nulls)
}

fn sub_attribute(
    reader: &Reader<'_>,
    patch: &mut AttributePatch,
    name: &str,
    member: &Node<'_>,
    nulls: Nulls,
    depth: usize,
) -> Result<(), ContextError> {
    let iri = reader.attribute_name(name)?;
    if patch.sub.len() >= reader.limits.attributes_per_entity
        || patch.sub.iter().any(|(n, _)| *n == iri)
    {
        return Err(ContextError::data(
            name,
            "is given twice, or once too often",
        ));
    }
    let all = instances(reader, member, nulls, depth + 1).map_err(|e| e.under(name))?;
    patch.sub.push((iri, all));
    Ok(())
}

/// Fits the declared kind and the value member together.
fn finish(
    reader: &Reader<'_>,
    mut patch: AttributePatch,
    value: Option<(Kind, &Node<'_>)>,
    nulls: Nulls,
) -> Result<AttributePatch, ContextError> {
    let kind = match (patch.kind, value) {
        (Some(kind), Some((by_member, node))) => {
            if kind.member() != by_member.member() {
                return Err(ContextError::data(
                    by_member.member(),
                    format!("a {} has {} instead", kind.name(), kind.member()),
                ));
            }
            Some((kind, node))
        }
        (None, Some((Kind::Property, node))) if is_geometry(node) => Some((Kind::Geo, node)),
        (None, Some(found)) => Some(found),
        (Some(kind), None) if nulls != Nulls::Deep => {
            return Err(ContextError::data(
                kind.member(),
                format!("is missing, a {} needs it", kind.name()),
            ));
        }
        (None, None) if nulls != Nulls::Deep => {
            return Err(ContextError::data(
                "",
                "an attribute needs a type or a value",
            ));
        }
        (_, None) => None,
    };
    if let Some((kind, node)) = kind {
        patch.kind = Some(kind);
        patch.value = if is_delete(kind, node) {
            if nulls == Nulls::Forbidden {
                return Err(ContextError::data(
                    kind.member(),
                    "null is not allowed here",
                ));
            }
            ValuePatch::Delete
        } else {
            ValuePatch::Set(value_of(reader, kind, node, nulls)?)
        };
    }
    if matches!(patch.unit_code, Patch::Set(_))
        && let Some(kind) = patch.kind
        && !matches!(kind, Kind::Property | Kind::List | Kind::Geo)
    {
        return Err(ContextError::data(
            "unitCode",
            format!("does not fit a {}", kind.name()),
        ));
    }
    Ok(patch)
}

fn is_delete(kind: Kind, node: &Node<'_>) -> bool {
    if is_null(node) {
        return true;
    }
    match (kind, node) {
        (Kind::Language, Node::Object(m)) => {
            matches!(m.as_slice(), [(k, v)] if k == "@none" && is_null(v))
        }
        (Kind::List | Kind::ListRelationship, Node::Array(a)) => {
            matches!(a.as_slice(), [v] if is_null(v))
        }
        _ => false,
    }
}

fn text(path: &str, node: &Node<'_>, nulls: Nulls) -> Result<Patch<Arc<str>>, ContextError> {
    match node.as_str() {
        _ if is_null(node) && nulls != Nulls::Forbidden => Ok(Patch::Delete),
        Some(t) if !t.is_empty() && t.len() <= 256 && t != NULL => {
            Ok(Patch::Set(crate::intern::intern(t)))
        }
        _ => Err(ContextError::data(path, "must be a short text")),
    }
}

/// The value of `kind` that this member holds.
pub(crate) fn value_of(
    reader: &Reader<'_>,
    kind: Kind,
    node: &Node<'_>,
    nulls: Nulls,
) -> Result<AttributeValue, ContextError> {
    let member = kind.member();
    let bad = |what: &str| Err(ContextError::data(member, what));
    match kind {
        Kind::Property => json_value(member, node, nulls).map(AttributeValue::Property),
        Kind::Json => Ok(AttributeValue::Json(node.to_value())),
        Kind::Geo => geometry(node),
        Kind::Relationship => match node {
            Node::Array(items) if items.is_empty() => bad("must not be empty"),
            Node::Array(items) => items
                .iter()
                .map(|n| uri(member, n))
                .collect::<Result<_, _>>()
                .map(AttributeValue::Relationship),
            one => Ok(AttributeValue::Relationship(vec![uri(member, one)?])),
        },
        Kind::Language => language(node, nulls).map(AttributeValue::Language),
        Kind::Vocab => match node {
            Node::Text(t) => Ok(AttributeValue::Vocab(
                vec![reader.ctx.expand_value(t)],
                false,
            )),
            Node::Array(items) if !items.is_empty() => items
                .iter()
                .map(|n| {
                    n.as_str()
                        .map(|t| reader.ctx.expand_value(t))
                        .ok_or_else(|| ContextError::data(member, "must hold names only"))
                })
                .collect::<Result<Vec<Name>, _>>()
                .map(|names| AttributeValue::Vocab(names, true)),
            _ => bad("must be a name or an array of names"),
        },
        Kind::List => match node {
            Node::Array(items) => items
                .iter()
                .map(|n| json_value(member, n, nulls))
                .collect::<Result<_, _>>()
                .map(AttributeValue::List),
            _ => bad("must be an array"),
        },
        Kind::ListRelationship => match node {
            Node::Array(items) => items
                .iter()
                .map(|n| uri(member, n.get("object").unwrap_or(n)))
                .collect::<Result<_, _>>()
                .map(AttributeValue::ListRelationship),
            _ => bad("must be an array of {\"object\": URI}"),
        },
    }
}

fn geometry(node: &Node<'_>) -> Result<AttributeValue, ContextError> {
    let checked = |n: &Node<'_>| {
        check_geometry(n)
            .map(|()| AttributeValue::Geo(n.to_value()))
            .map_err(|what| ContextError::data("value", what))
    };
    match node {
        Node::Text(t) => {
            let parsed = parse_json(t.as_bytes())
                .map_err(|_| ContextError::data("value", "is a text that holds no geometry"))?;
            checked(&parsed)
        }
        other => checked(other),
    }
}

fn language(node: &Node<'_>, nulls: Nulls) -> Result<Map<String, Value>, ContextError> {
    let Node::Object(members) = node else {
        return Err(ContextError::data(
            "languageMap",
            "must be an object of tag to text",
        ));
    };
    let mut map = Map::new();
    for (tag, text) in members {
        let fits_tag = tag == "@none"
            || (!tag.is_empty()
                && tag.len() <= 64
                && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
        let fits = match text {
            n if is_null(n) => nulls == Nulls::Deep,
            Node::Text(_) => true,
            Node::Array(items) => items.iter().all(|n| n.as_str().is_some_and(|t| t != NULL)),
            _ => false,
        };
        if !fits_tag || !fits {
            return Err(ContextError::data(
                format!("languageMap.{tag}"),
                "must be a language tag with a text or a list of texts",
            ));
        }
        let value = if is_null(text) {
            Value::Null
        } else {
            text.to_value()
        };
        map.insert(tag.as_ref().to_owned(), value);
    }
    Ok(map)
}

/// Turns a simplified value into one of the stored kind (merge with `format=simplified`).
pub(crate) fn coerce(kind: Kind, value: &Value, lang: Option<&str>) -> Option<AttributeValue> {
    let uris = |v: &Value| -> Option<Vec<Arc<str>>> {
        match v {
            Value::String(s) if is_uri(s) => Some(vec![Arc::from(s.as_str())]),
            Value::Array(a) if !a.is_empty() => a
                .iter()
                .map(|s| s.as_str().filter(|s| is_uri(s)).map(Arc::from))
                .collect(),
            _ => None,
        }
    };
    match kind {
        Kind::Property => Some(AttributeValue::Property(value.clone())),
        Kind::Relationship => uris(value).map(AttributeValue::Relationship),
        Kind::ListRelationship => uris(value).map(AttributeValue::ListRelationship),
        Kind::List => value.as_array().cloned().map(AttributeValue::List),
        Kind::Language => {
            let mut map = Map::new();
            map.insert(lang?.to_owned(), Value::String(value.as_str()?.to_owned()));
            Some(AttributeValue::Language(map))
        }
        Kind::Geo | Kind::Vocab | Kind::Json => None,
    }
}
