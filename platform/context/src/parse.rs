//! JSON to entities and patches (clauses 4.5, 5.2.4 to 5.2.8): normalized, concise and, where
//! asked for, simplified. This is the hot path of intake: one pass over the members, names by
//! table, values moved.

use std::sync::Arc;

use conurb_base::TimeMs;
use serde_json::Value;

use crate::ContextError;
use crate::check::is_uri;
use crate::engine::ContextLimits;
use crate::fragment::{AttributePatch, Fragment, MergePatch, Patch, ValuePatch};
use crate::json::Node;
use crate::jsonld::LdContext;
use crate::model::{Attribute, Entity, Name};
use crate::parse_value::{self, NULL};

/// How deletions are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// Null is an error (create, replace, append).
    Forbidden,
    /// Null deletes an instance (update, upsert-update).
    Instance,
    /// Null deletes at any depth (merge, partial update).
    Deep,
}

/// Reads entities and fragments in one context.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'c> {
    pub(crate) ctx: &'c LdContext,
    pub(crate) limits: &'c ContextLimits,
    pub(crate) simplified: bool,
}

/// The members of an entity that are no attributes, as they were found.
#[derive(Default)]
struct Head {
    id: Option<Arc<str>>,
    types: Vec<Name>,
    scope: Patch<Vec<String>>,
    expires_at: Patch<TimeMs>,
}

impl<'c> Reader<'c> {
    /// A reader of normalized and concise documents.
    #[must_use]
    pub const fn new(ctx: &'c LdContext, limits: &'c ContextLimits) -> Self {
        Self {
            ctx,
            limits,
            simplified: false,
        }
    }

    /// The same for the simplified format (`keyValues`): a bare object is a Property's value.
    #[must_use]
    pub const fn simplified(mut self) -> Self {
        self.simplified = true;
        self
    }

    /// A whole entity (create, replace, upsert); `id` and `type` are mandatory.
    pub fn entity(&self, node: &Node<'_>) -> Result<Entity, ContextError> {
        let (head, attributes, _) = self.instances(node, Nulls::Forbidden)?;
        let Some(id) = head.id else {
            return Err(ContextError::data("id", "is missing"));
        };
        if head.types.is_empty() {
            return Err(ContextError::data("type", "is missing"));
        }
        Ok(Entity {
            id,
            types: head.types,
            scope: head.scope.set().unwrap_or_default(),
            attributes,
            created_at: TimeMs(0),
            modified_at: TimeMs(0),
            expires_at: head.expires_at.set(),
        })
    }

    /// A fragment for append (`nulls` false) or update and upsert-update (`nulls` true: null
    /// deletes an instance). `id` is the one of the path; without it the body must have one.
    pub fn fragment(
        &self,
        node: &Node<'_>,
        id: Option<&str>,
        nulls: bool,
    ) -> Result<Fragment, ContextError> {
        let mode = if nulls {
            Nulls::Instance
        } else {
            Nulls::Forbidden
        };
        let (head, attributes, deletes) = self.instances(node, mode)?;
        let remove_scope = head.scope == Patch::Delete;
        let remove_expiry = head.expires_at == Patch::Delete;
        Ok(Fragment {
            entity: Entity {
                id: same_id(head.id, id)?,
                types: head.types,
                scope: head.scope.set().unwrap_or_default(),
                attributes,
                created_at: TimeMs(0),
                modified_at: TimeMs(0),
                expires_at: head.expires_at.set(),
            },
            deletes,
            remove_scope,
            remove_expiry,
        })
    }

    /// A merge patch (PATCH entity). `id` as in [`Self::fragment`].
    pub fn merge_patch(
        &self,
        node: &Node<'_>,
        id: Option<&str>,
    ) -> Result<MergePatch, ContextError> {
        let mut attributes: Vec<(Name, Vec<AttributePatch>)> = Vec::new();
        let head = self.members(node, Nulls::Deep, &mut |name, patches| {
            attributes.push((name, patches));
            Ok(())
        })?;
        Ok(MergePatch {
            id: same_id(head.id, id)?,
            types: head.types,
            scope: head.scope,
            expires_at: head.expires_at,
            attributes,
            simplified: self.simplified,
            lang: None,
            observed_at: None,
        })
    }

    /// A whole attribute (PUT `entities/{id}/attrs/{attr}`): one instance.
    pub fn attribute(&self, name: &str, node: &Node<'_>) -> Result<Attribute, ContextError> {
        parse_value::instance(self, node, Nulls::Forbidden, 0)
            .and_then(|p| p.whole().map_err(|what| ContextError::data("", what)))
            .map_err(|e| e.under(name))
    }

    /// A partial attribute (PATCH `entities/{id}/attrs/{attr}`): one instance, not empty.
    pub fn partial(&self, name: &str, node: &Node<'_>) -> Result<AttributePatch, ContextError> {
        let patch = parse_value::instance(self, node, Nulls::Deep, 0).map_err(|e| e.under(name))?;
        let empty = AttributePatch {
            dataset_id: patch.dataset_id.clone(),
            kind: patch.kind,
            ..AttributePatch::default()
        };
        if patch == empty {
            return Err(ContextError::data(name, "the fragment is empty"));
        }
        Ok(patch)
    }

    /// An attribute name as the standard lets entities and attributes have it, expanded.
    pub fn attribute_name(&self, name: &str) -> Result<Name, ContextError> {
        if is_reserved(name) {
            return Err(ContextError::data(
                name,
                "is a term of the standard and names no attribute",
            ));
        }
        self.ctx.expand(name)
    }

    /// The attributes as whole instances, and the instances to delete.
    #[allow(clippy::type_complexity)]
    fn instances(
        &self,
        node: &Node<'_>,
        nulls: Nulls,
    ) -> Result<
        (
            Head,
            Vec<(Name, Vec<Attribute>)>,
            Vec<(Name, Option<Arc<str>>)>,
        ),
        ContextError,
    > {
        let mut attributes = Vec::with_capacity(node.as_object().map_or(0, <[_]>::len));
        let mut deletes = Vec::new();
        let head = self.members(node, nulls, &mut |name, patches| {
            let mut whole = Vec::with_capacity(patches.len());
            for patch in patches {
                if patch.value == ValuePatch::Delete {
                    deletes.push((name.clone(), patch.dataset_id));
                } else {
                    whole.push(patch.whole().map_err(|w| ContextError::data("", w))?);
                }
            }
            if !whole.is_empty() {
                attributes.push((name, whole));
            }
            Ok(())
        })?;
        Ok((head, attributes, deletes))
    }

    fn members(
        &self,
        node: &Node<'_>,
        nulls: Nulls,
        each: &mut dyn FnMut(Name, Vec<AttributePatch>) -> Result<(), ContextError>,
    ) -> Result<Head, ContextError> {
        let Some(members) = node.as_object() else {
            return Err(ContextError::request("an entity is a JSON object"));
        };
        if members.len() > self.limits.attributes_per_entity {
            return Err(ContextError::TooLarge {
                path: "entity".into(),
                what: format!(
                    "has more than {} members",
                    self.limits.attributes_per_entity
                ),
            });
        }
        let mut head = Head::default();
        let mut seen: Vec<Name> = Vec::with_capacity(members.len());
        for (key, value) in members {
            match key.as_ref() {
                "id" | "@id" => head.id = Some(uri("id", value)?),
                "type" | "@type" => head.types = self.types("type", value)?,
                "@context" | "createdAt" | "modifiedAt" | "deletedAt" => {}
                "scope" => head.scope = scope(value, nulls)?,
                "expiresAt" => head.expires_at = time("expiresAt", value, nulls)?,
                name => {
                    let iri = self.attribute_name(name)?;
                    let patches =
                        parse_value::instances(self, value, nulls, 0).map_err(|e| e.under(name))?;
                    if seen.iter().any(|n| Arc::ptr_eq(n, &iri) || *n == iri) {
                        return Err(ContextError::data(name, "is given twice"));
                    }
                    seen.push(iri.clone());
                    each(iri, patches).map_err(|e| e.under(name))?;
                }
            }
        }
        Ok(head)
    }

    /// One type name or several, expanded.
    pub(crate) fn types(&self, path: &str, node: &Node<'_>) -> Result<Vec<Name>, ContextError> {
        let one = |n: &Node<'_>| match n.as_str() {
            Some(t) => self.ctx.expand(t).map_err(|e| e.under(path)),
            None => Err(ContextError::data(
                path,
                "must be a name or an array of names",
            )),
        };
        match node {
            Node::Array(items) => {
                if items.is_empty() {
                    return Err(ContextError::data(path, "must not be empty"));
                }
                let mut types: Vec<Name> = Vec::with_capacity(items.len());
                for item in items {
                    let t = one(item)?;
                    if !types.contains(&t) {
                        types.push(t);
                    }
                }
                Ok(types)
            }
            other => Ok(vec![one(other)?]),
        }
    }
}

/// Members of the core context that are not attributes and may not name one (clause 4.5.1).
pub(crate) fn is_reserved(name: &str) -> bool {
    matches!(
        name,
        "id" | "@id"
            | "type"
            | "@type"
            | "@context"
            | "value"
            | "object"
            | "languageMap"
            | "vocab"
            | "valueList"
            | "objectList"
            | "json"
            | "observedAt"
            | "datasetId"
            | "unitCode"
            | "objectType"
            | "valueType"
            | "expiresAt"
            | "createdAt"
            | "modifiedAt"
            | "deletedAt"
            | "instanceId"
            | "lang"
            | "ngsildproof"
            | "scope"
            | "entity"
            | "entityList"
            | "coordinates"
            | "previousValue"
            | "previousObject"
            | "previousLanguageMap"
            | "previousVocab"
            | "previousValueList"
            | "previousObjectList"
            | "previousJson"
    )
}

fn same_id(body: Option<Arc<str>>, path: Option<&str>) -> Result<Arc<str>, ContextError> {
    match (body, path) {
        (Some(b), Some(p)) if &*b != p => Err(ContextError::data(
            "id",
            format!("is {b}, but the resource is {p}"),
        )),
        (Some(b), _) => Ok(b),
        (None, Some(p)) if is_uri(p) => Ok(Arc::from(p)),
        (None, Some(_)) => Err(ContextError::data("id", "is no URI")),
        (None, None) => Err(ContextError::data("id", "is missing")),
    }
}

pub(crate) fn is_null(node: &Node<'_>) -> bool {
    matches!(node, Node::Null) || node.as_str() == Some(NULL)
}

/// A URI, shared.
pub(crate) fn uri(path: &str, node: &Node<'_>) -> Result<Arc<str>, ContextError> {
    match node.as_str() {
        Some(text) if text != NULL && is_uri(text) => Ok(Arc::from(text)),
        _ => Err(ContextError::data(path, "must be a URI")),
    }
}

/// An instant, or its deletion where that is allowed.
pub(crate) fn time(
    path: &str,
    node: &Node<'_>,
    nulls: Nulls,
) -> Result<Patch<TimeMs>, ContextError> {
    if is_null(node) && nulls != Nulls::Forbidden {
        return Ok(Patch::Delete);
    }
    node.as_str()
        .and_then(read_time)
        .map(Patch::Set)
        .ok_or_else(|| {
            ContextError::data(
                path,
                "must be an ISO 8601 date and time in UTC, e.g. 2026-03-02T08:15:00Z",
            )
        })
}

/// ISO 8601 to milliseconds: the common form `YYYY-MM-DDThh:mm:ss[.fraction]Z` by hand (intake
/// reads one per attribute), everything else by the calendar library.
pub(crate) fn read_time(text: &str) -> Option<TimeMs> {
    fast_time(text.as_bytes()).or_else(|| TimeMs::from_iso(text).ok())
}

fn fast_time(b: &[u8]) -> Option<TimeMs> {
    if b.len() < 20
        || b[4] != b'-'
        || b[7] != b'-'
        || b[10] != b'T'
        || b[13] != b':'
        || b[16] != b':'
        || b[b.len() - 1] != b'Z'
    {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        b[range].iter().try_fold(0i64, |sum, d| {
            d.is_ascii_digit().then(|| sum * 10 + i64::from(d - b'0'))
        })
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    // before the epoch the library rounds fractions towards zero: leave those to it
    if year < 1970 || !(1..=days_in_month).contains(&day) || hour > 23 || minute > 59 || second > 59
    {
        return None;
    }
    let mut ms = 0;
    if b.len() > 20 {
        let digits = &b[20..b.len() - 1];
        if b[19] != b'.' || digits.is_empty() || digits.len() > 9 {
            return None;
        }
        for i in 0..3 {
            ms = ms * 10
                + match digits.get(i) {
                    Some(d) if d.is_ascii_digit() => i64::from(d - b'0'),
                    Some(_) => return None,
                    None => 0,
                };
        }
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
    }
    // Days since the epoch of a proleptic Gregorian date (Howard Hinnant's days_from_civil).
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    Some(TimeMs(
        (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms,
    ))
}

fn scope(node: &Node<'_>, nulls: Nulls) -> Result<Patch<Vec<String>>, ContextError> {
    if is_null(node) && nulls != Nulls::Forbidden {
        return Ok(Patch::Delete);
    }
    let one = |n: &Node<'_>| {
        n.as_str()
            .filter(|s| {
                s.strip_prefix('/').is_some_and(|rest| {
                    s.len() <= 1024
                        && rest.split('/').all(|level| {
                            level.chars().next().is_some_and(char::is_alphabetic)
                                && level.chars().all(|c| c.is_alphanumeric() || c == '_')
                        })
                })
            })
            .map(str::to_owned)
            .ok_or_else(|| ContextError::data("scope", "must look like /city/district"))
    };
    Ok(Patch::Set(match node {
        Node::Array(items) if !items.is_empty() => {
            items.iter().map(one).collect::<Result<_, _>>()?
        }
        other => vec![one(other)?],
    }))
}

/// The JSON of a value with the deletion rules of `nulls` applied.
pub(crate) fn json_value(path: &str, node: &Node<'_>, nulls: Nulls) -> Result<Value, ContextError> {
    if let Node::Object(m) = node
        && m.len() == 2
        && node.get("@type").and_then(Node::as_str) == Some("@json")
    {
        return Ok(node.to_value()); // a JSON literal: null inside is meant
    }
    Ok(match node {
        n if is_null(n) => {
            if nulls == Nulls::Deep {
                return Ok(Value::Null);
            }
            return Err(ContextError::data(path, "null is not allowed here"));
        }
        Node::Array(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(i, n)| {
                    json_value("", n, nulls).map_err(|e| e.under(&format!("[{i}]")).under(path))
                })
                .collect::<Result<_, _>>()?,
        ),
        Node::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, n)| {
                    Ok((
                        name.as_ref().to_owned(),
                        json_value("", n, nulls).map_err(|e| e.under(name).under(path))?,
                    ))
                })
                .collect::<Result<_, ContextError>>()?,
        ),
        scalar => scalar.to_value(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn times_by_hand_are_those_of_the_library(ms in 0i64..4_000_000_000_000) {
            let text = TimeMs(ms).to_iso();
            prop_assert_eq!(fast_time(text.as_bytes()), Some(TimeMs(ms)));
        }

        #[test]
        fn odd_times_agree_too(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{1,9})?Z") {
            if let Some(ours) = fast_time(text.as_bytes()) {
                prop_assert_eq!(TimeMs::from_iso(&text), Ok(ours));
            }
        }
    }
}
