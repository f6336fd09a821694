//! Whether a change sets a subscription off, and how the entity is told (clauses 5.8.6, 4.5.0).

use conurb_base::TimeMs;
use serde_json::{Map, Value, json};

use crate::model::{Attribute, Change, ChangeKind, Entity, Instances, Name};
use crate::parse_value::NULL;
use crate::query::live;
use crate::render::{entity_json, value_json};
use crate::subscription::Subscription;
use crate::write::find;

/// Whether `change` sets `s` off.
pub(crate) fn hit(s: &Subscription, change: &Change, now: TimeMs) -> bool {
    if change.kind != ChangeKind::Deleted && live(&change.entity, now).is_none() {
        return false;
    }
    if !s.about(&change.entity) {
        return false;
    }
    let t = s.triggers;
    match change.kind {
        ChangeKind::Deleted => t.entity_deleted,
        ChangeKind::Created => {
            t.entity_created
                || t.attribute_created && change.entity.attributes.iter().any(|(n, _)| s.watches(n))
        }
        ChangeKind::Updated => change.written.iter().any(|name| {
            let before = change.before.as_ref().and_then(|b| b.instances(name));
            s.watches(name)
                && match (before, change.entity.instances(name)) {
                    (None, Some(_)) => t.attribute_created,
                    (Some(_), None) => t.attribute_deleted,
                    (Some(a), Some(b)) => {
                        let gone = a.iter().any(|i| find(b, i.dataset_id.as_deref()).is_none());
                        t.attribute_deleted && gone || t.attribute_updated && !same(a, b)
                    }
                    (None, None) => false,
                }
        }),
    }
}

/// Whether two attributes say the same, whenever it was recorded.
fn same(a: &Instances, b: &Instances) -> bool {
    a.len() == b.len()
        && a.iter()
            .all(|x| find(b, x.dataset_id.as_deref()).is_some_and(|y| same_instance(x, y)))
}

fn same_instance(a: &Attribute, b: &Attribute) -> bool {
    a.value == b.value
        && a.observed_at == b.observed_at
        && a.unit_code == b.unit_code
        && a.declared_type == b.declared_type
        && a.expires_at == b.expires_at
        && a.proof == b.proof
        && a.sub.len() == b.sub.len()
        && a.sub
            .iter()
            .all(|(n, x)| b.sub.iter().any(|(m, y)| n == m && same(x, y)))
}

/// One entity of a notification.
pub(crate) fn told(s: &Subscription, change: &Change) -> Value {
    if change.kind == ChangeKind::Deleted {
        let mut bare = Entity::clone(&change.entity);
        if !s.show_changes {
            bare.attributes.clear();
        }
        let mut out = entity_json(
            &bare,
            &s.context,
            &crate::View {
                format: s.view.format,
                sys_attrs: s.view.sys_attrs,
                ..crate::View::default()
            },
        );
        if let Value::Object(m) = &mut out {
            m.insert("deletedAt".into(), json!(change.at.to_iso()));
        }
        return out;
    }
    let mut out = entity_json(&change.entity, &s.context, &s.view);
    let (Value::Object(m), Some(before)) = (&mut out, &change.before) else {
        return out;
    };
    for name in &change.written {
        let Some(old) = before.instances(name) else {
            continue;
        };
        let shown = s.context.compact(name).into_owned();
        if change.entity.instances(name).is_none() {
            if s.shows(name) {
                m.insert(shown, gone(s, old, change.at));
            }
        } else if s.show_changes
            && let Some(value) = m.get_mut(&shown)
        {
            add_previous(s, value, old);
        }
    }
    out
}

impl Subscription {
    fn shows(&self, name: &Name) -> bool {
        self.view
            .pick
            .as_ref()
            .is_none_or(|p| p.attributes.contains(name))
            && self
                .view
                .omit
                .as_ref()
                .is_none_or(|p| !p.attributes.contains(name))
            && self.view.attrs.as_ref().is_none_or(|p| p.contains(name))
    }
}

fn gone(s: &Subscription, old: &Instances, at: TimeMs) -> Value {
    let plain = !s.view.sys_attrs && !s.show_changes;
    let one = |a: &Attribute| {
        if plain && a.dataset_id.is_none() {
            return json!(NULL);
        }
        let kind = a.value.kind();
        let mut out = Map::new();
        out.insert("type".into(), json!(kind.name()));
        out.insert(kind.member().into(), json!(NULL));
        if let Some(d) = &a.dataset_id {
            out.insert("datasetId".into(), json!(&**d));
        }
        if s.view.sys_attrs {
            out.insert("deletedAt".into(), json!(at.to_iso()));
        }
        if s.show_changes {
            out.insert(
                previous(kind.member()),
                value_json(&a.value, &s.context, s.view.format),
            );
        }
        Value::Object(out)
    };
    match old.as_slice() {
        [a] => one(a),
        all => all.iter().map(one).collect(),
    }
}

/// `value` -> `previousValue`.
fn previous(member: &str) -> String {
    let (first, rest) = member.split_at(1);
    format!("previous{}{rest}", first.to_ascii_uppercase())
}

fn add_previous(s: &Subscription, value: &mut Value, old: &Instances) {
    let add = |v: &mut Value| {
        let dataset = v
            .get("datasetId")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let Some(a) = find(old, dataset.as_deref()) else {
            return;
        };
        let was = value_json(&a.value, &s.context, s.view.format);
        let member = a.value.kind().member();
        if !v.is_object() || v.get("coordinates").is_some() {
            *v = json!({ "value": v.take() });
        }
        if v.get(member) != Some(&was)
            && let Value::Object(m) = v
        {
            m.insert(previous(member), was);
        }
    };
    match value {
        Value::Array(all) if all.iter().all(Value::is_object) && !all.is_empty() => {
            all.iter_mut().for_each(add);
        }
        one => add(one),
    }
}
