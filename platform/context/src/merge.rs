//! Merge patch (RFC 7396) and partial update of attributes (clauses 5.6.17, 5.6.4).

use serde_json::{Map, Value};

use crate::ContextError;
use crate::fragment::{AttributePatch, Kind, MergePatch, Patch, ValuePatch};
use crate::model::{Attribute, AttributeValue, Instances, Name};
use crate::parse_value::coerce;
use crate::write::{Draft, find, no_attribute, same_kind};

/// What applies to every attribute of one merge.
struct Options {
    simplified: bool,
    lang: Option<String>,
    observed_at: Option<conurb_base::TimeMs>,
}

/// PATCH entity.
pub(crate) fn merge(draft: &mut Draft<'_>, patch: MergePatch) -> Result<(), ContextError> {
    let options = Options {
        simplified: patch.simplified,
        lang: patch.lang,
        observed_at: patch.observed_at,
    };
    draft.add_types(patch.types);
    match patch.scope {
        Patch::Keep => {}
        Patch::Delete => draft.set_scope(Vec::new()),
        Patch::Set(s) => draft.set_scope(s),
    }
    let mut expiry = draft.entity.expires_at;
    patch.expires_at.apply(&mut expiry);
    draft.set_expiry(expiry);
    for (name, patches) in patch.attributes {
        for p in patches {
            if p.value == ValuePatch::Delete {
                draft.remove(&name, p.dataset_id.as_ref());
                continue;
            }
            let old = draft
                .entity
                .instances(&name)
                .and_then(|i| find(i, p.dataset_id.as_deref()));
            if let Some(new) = merged(&name, old, p, &options)? {
                draft.put(&name, new);
            }
        }
    }
    Ok(())
}

/// The instance after the patch; `None` if the patch of an absent one says nothing of a value.
fn merged(
    name: &Name,
    old: Option<&Attribute>,
    patch: AttributePatch,
    options: &Options,
) -> Result<Option<Attribute>, ContextError> {
    let Some(old) = old else {
        return fresh(name, patch).map(Some);
    };
    let mut new = old.clone();
    match patch.value {
        ValuePatch::Keep | ValuePatch::Delete => {
            if let Some(kind) = patch.kind
                && kind != old.value.kind()
            {
                return Err(ContextError::data(
                    format!("{name}.type"),
                    "changes without a value",
                ));
            }
        }
        ValuePatch::Set(v) => {
            if options.simplified {
                same_kind(name, &old.value, &v)?;
            }
            merge_value(&mut new.value, v);
        }
        ValuePatch::Raw(v) => {
            let kind = old.value.kind();
            let v = coerce(kind, &v, options.lang.as_deref()).ok_or_else(|| {
                ContextError::data(name.to_string(), format!("does not fit a {}", kind.name()))
            })?;
            merge_value(&mut new.value, v);
        }
    }
    if patch.observed_at == Patch::Keep
        && old.observed_at.is_some()
        && options.observed_at.is_some()
    {
        new.observed_at = options.observed_at;
    }
    members(
        &mut new,
        patch.observed_at,
        patch.unit_code,
        patch.declared_type,
        patch.expires_at,
        patch.proof,
    );
    for (sub_name, patches) in patch.sub {
        merge_sub(&mut new.sub, sub_name, patches, options)?;
    }
    Ok(Some(new))
}

fn members(
    new: &mut Attribute,
    observed_at: Patch<conurb_base::TimeMs>,
    unit_code: Patch<std::sync::Arc<str>>,
    declared_type: Patch<Vec<Name>>,
    expires_at: Patch<conurb_base::TimeMs>,
    proof: Patch<Value>,
) {
    observed_at.apply(&mut new.observed_at);
    unit_code.apply(&mut new.unit_code);
    match declared_type {
        Patch::Keep => {}
        Patch::Delete => new.declared_type.clear(),
        Patch::Set(t) => new.declared_type = t,
    }
    expires_at.apply(&mut new.expires_at);
    proof.apply(&mut new.proof);
}

fn merge_sub(
    sub: &mut Vec<(Name, Instances)>,
    name: Name,
    patches: Vec<AttributePatch>,
    options: &Options,
) -> Result<(), ContextError> {
    for patch in patches {
        let at = sub.iter().position(|(n, _)| *n == name);
        if patch.value == ValuePatch::Delete {
            if let Some(at) = at {
                sub[at].1.retain(|a| a.dataset_id != patch.dataset_id);
                if sub[at].1.is_empty() {
                    sub.remove(at);
                }
            }
            continue;
        }
        let dataset = patch.dataset_id.clone();
        let old = at.and_then(|at| find(&sub[at].1, dataset.as_deref()));
        let Some(new) = merged(&name, old, patch, options)? else {
            continue;
        };
        match at {
            Some(at) => match sub[at].1.iter_mut().find(|a| a.dataset_id == dataset) {
                Some(old) => *old = new,
                None => sub[at].1.push(new),
            },
            None => sub.push((name.clone(), vec![new])),
        }
    }
    Ok(())
}

/// An instance that was not there: the patch applied to nothing, so null members vanish.
fn fresh(name: &Name, patch: AttributePatch) -> Result<Attribute, ContextError> {
    let mut new = patch
        .whole()
        .map_err(|what| ContextError::data(name.to_string(), what))?;
    strip_attribute(&mut new);
    Ok(new)
}

fn strip_attribute(attribute: &mut Attribute) {
    match &mut attribute.value {
        AttributeValue::Property(v) | AttributeValue::Json(v) | AttributeValue::Geo(v) => strip(v),
        AttributeValue::Language(m) => m.retain(|_, v| !v.is_null()),
        AttributeValue::List(items) => items.iter_mut().for_each(strip),
        AttributeValue::Relationship(_)
        | AttributeValue::Vocab(..)
        | AttributeValue::ListRelationship(_) => {}
    }
    for (_, instances) in &mut attribute.sub {
        instances.iter_mut().for_each(strip_attribute);
    }
}

/// Removes null members at any depth of objects (RFC 7396 applied to an empty target).
fn strip(value: &mut Value) {
    if let Value::Object(map) = value {
        if is_literal(map) {
            return;
        }
        map.retain(|_, v| !v.is_null());
        map.values_mut().for_each(strip);
    }
}

/// `{"@type": "@json", "@value": ...}` is taken as it is: the null in it is meant.
fn is_literal(map: &Map<String, Value>) -> bool {
    map.get("@type").and_then(Value::as_str) == Some("@json")
}

fn merge_value(old: &mut AttributeValue, new: AttributeValue) {
    match (old, new) {
        (
            AttributeValue::Property(o) | AttributeValue::Json(o),
            AttributeValue::Property(n) | AttributeValue::Json(n),
        ) => merge_json(o, n),
        (AttributeValue::Language(o), AttributeValue::Language(n)) => {
            for (tag, text) in n {
                if text.is_null() {
                    o.shift_remove(&tag);
                } else {
                    o.insert(tag, text);
                }
            }
        }
        (o, n) => *o = n,
    }
}

fn merge_json(old: &mut Value, new: Value) {
    match (old, new) {
        (Value::Object(o), Value::Object(n)) if !is_literal(&n) && !is_literal(o) => {
            for (key, value) in n {
                if value.is_null() {
                    o.shift_remove(&key);
                } else {
                    merge_json(o.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (o, mut n) => {
            strip(&mut n);
            *o = n;
        }
    }
}

/// PATCH `attrs/{attr}`: members sent overwrite, the others stay.
pub(crate) fn partial(
    draft: &mut Draft<'_>,
    name: &Name,
    patch: AttributePatch,
) -> Result<(), ContextError> {
    let old = draft
        .entity
        .instances(name)
        .and_then(|i| find(i, patch.dataset_id.as_deref()))
        .ok_or_else(|| no_attribute(name))?;
    let kind: Kind = old.value.kind();
    if patch
        .kind
        .is_some_and(|k| k != kind && !(k == Kind::Property && kind == Kind::Geo))
    {
        return Err(ContextError::data(
            format!("{name}.type"),
            format!("is a {} and cannot change", kind.name()),
        ));
    }
    let mut new = old.clone();
    match patch.value {
        ValuePatch::Delete => {
            draft.remove(name, patch.dataset_id.as_ref());
            return Ok(());
        }
        ValuePatch::Keep | ValuePatch::Raw(_) => {}
        ValuePatch::Set(mut value) => {
            same_kind(name, &new.value, &value)?;
            if let AttributeValue::Property(v) | AttributeValue::Json(v) = &mut value {
                strip(v);
            }
            if let AttributeValue::Language(m) = &mut value {
                m.retain(|_, v| !v.is_null());
            }
            new.value = value;
        }
    }
    members(
        &mut new,
        patch.observed_at,
        patch.unit_code,
        patch.declared_type,
        patch.expires_at,
        patch.proof,
    );
    for (sub_name, patches) in patch.sub {
        for p in patches {
            let dataset = p.dataset_id.clone();
            let at = new.sub.iter().position(|(n, _)| *n == sub_name);
            let replacement = match p.value {
                ValuePatch::Delete => None,
                _ => Some(fresh(&sub_name, p)?),
            };
            match (at, replacement) {
                (Some(at), replacement) => {
                    new.sub[at].1.retain(|a| a.dataset_id != dataset);
                    new.sub[at].1.extend(replacement);
                    if new.sub[at].1.is_empty() {
                        new.sub.remove(at);
                    }
                }
                (None, Some(r)) => new.sub.push((sub_name.clone(), vec![r])),
                (None, None) => {}
            }
        }
    }
    draft.put(name, new);
    Ok(())
}
