//! The query language `q` (clause 4.9): whether an entity fits.

use std::cmp::Ordering;

use conurb_base::TimeMs;
use serde_json::{Map, Value};

use crate::model::{Attribute, AttributeValue, Entity, Instances, Name};
use crate::q::{Literal, Operand, Path, Q, Relation};

const CREATED: &str = "https://uri.etsi.org/ngsi-ld/createdAt";
const MODIFIED: &str = "https://uri.etsi.org/ngsi-ld/modifiedAt";
const OBSERVED: &str = "https://uri.etsi.org/ngsi-ld/observedAt";
const UNIT: &str = "https://uri.etsi.org/ngsi-ld/unitCode";
const DATASET: &str = "https://uri.etsi.org/ngsi-ld/datasetId";

/// One element a path leads to.
enum Element<'e> {
    Number(f64),
    Bool(bool),
    Text(&'e str),
    /// A URI: equality only.
    Uri(&'e str),
    Time(TimeMs),
    Other,
}

impl Q {
    /// Whether `entity` fits.
    #[must_use]
    pub fn fits(&self, entity: &Entity) -> bool {
        match self {
            Self::And(all) => all.iter().all(|q| q.fits(entity)),
            Self::Or(all) => all.iter().any(|q| q.fits(entity)),
            Self::Exists(path) => {
                let mut found = false;
                path.visit(entity, &mut |_| found = true);
                found
            }
            Self::Compare(path, relation, operand) => compare(path, *relation, operand, entity),
        }
    }
}

fn compare(path: &Path, relation: Relation, operand: &Operand, entity: &Entity) -> bool {
    let (mut found, mut hit) = (false, false);
    path.visit(entity, &mut |e| {
        found = true;
        hit |= match (operand, relation) {
            (Operand::Pattern(p), _) => matches!(e, Element::Text(t) if p.is_match(t)),
            (Operand::Any(all), Relation::Equal | Relation::Unequal) => {
                all.iter().any(|l| order(&e, l) == Some(Ordering::Equal))
            }
            (Operand::Range(a, b), _) => {
                !matches!(e, Element::Uri(_))
                    && order(&e, a).is_some_and(Ordering::is_ge)
                    && order(&e, b).is_some_and(Ordering::is_le)
            }
            (Operand::Any(all), _) if matches!(e, Element::Uri(_)) || all.is_empty() => false,
            (Operand::Any(all), r) => order(&e, &all[0]).is_some_and(|o| match r {
                Relation::Greater => o.is_gt(),
                Relation::GreaterEqual => o.is_ge(),
                Relation::Less => o.is_lt(),
                _ => o.is_le(),
            }),
        };
    });
    match relation {
        Relation::Unequal | Relation::MatchesNot => found && !hit,
        _ => hit,
    }
}

/// How an element stands to a literal; `None` where their types do not compare.
fn order(e: &Element<'_>, l: &Literal) -> Option<Ordering> {
    match (e, l) {
        (Element::Number(a), Literal::Number(b)) => a.partial_cmp(b),
        (Element::Bool(a), Literal::Bool(b)) => Some(a.cmp(b)),
        (Element::Time(a), Literal::Time(b, _)) => Some(a.cmp(b)),
        (Element::Text(a), Literal::Time(b, text)) => match crate::parse::read_time(a) {
            Some(a) => Some(a.cmp(b)),
            None => Some((*a).cmp(text.as_str())),
        },
        (Element::Text(a), Literal::Text(b, _)) => Some((*a).cmp(b.as_str())),
        (Element::Uri(a), Literal::Text(b, name)) => Some(if a == b || **a == **name {
            Ordering::Equal
        } else {
            (*a).cmp(b.as_str())
        }),
        _ => None,
    }
}

impl Path {
    fn visit<'e>(&self, entity: &'e Entity, visit: &mut dyn FnMut(Element<'e>)) {
        let Some((first, below)) = self.names.split_first() else {
            return;
        };
        match &**first {
            CREATED => return visit(Element::Time(entity.created_at)),
            MODIFIED => return visit(Element::Time(entity.modified_at)),
            _ => {}
        }
        if let Some(instances) = entity.instances(first) {
            self.descend(instances, below, visit);
        }
    }

    fn descend<'e>(
        &self,
        instances: &'e Instances,
        below: &[Name],
        visit: &mut dyn FnMut(Element<'e>),
    ) {
        for a in instances {
            match below.split_first() {
                None => self.value(a, visit),
                Some((name, rest)) => {
                    if rest.is_empty() && meta(a, name, visit) {
                        continue;
                    }
                    if let Some((_, sub)) = a.sub.iter().find(|(n, _)| n == name) {
                        self.descend(sub, rest, visit);
                    }
                }
            }
        }
    }

    fn value<'e>(&self, a: &'e Attribute, visit: &mut dyn FnMut(Element<'e>)) {
        match &a.value {
            AttributeValue::Property(v) | AttributeValue::Json(v) | AttributeValue::Geo(v) => {
                json_at(v, &self.keys, visit);
            }
            AttributeValue::List(items) => items.iter().for_each(|v| json_at(v, &self.keys, visit)),
            AttributeValue::Language(map) => language(map, &self.keys, visit),
            AttributeValue::Relationship(uris) | AttributeValue::ListRelationship(uris) => {
                if self.keys.is_empty() {
                    uris.iter().for_each(|u| visit(Element::Uri(u)));
                }
            }
            AttributeValue::Vocab(names, _) => {
                if self.keys.is_empty() {
                    names.iter().for_each(|n| visit(Element::Uri(n)));
                }
            }
        }
    }
}

/// Non-reified members can be asked for like sub-attributes.
fn meta<'e>(a: &'e Attribute, name: &str, visit: &mut dyn FnMut(Element<'e>)) -> bool {
    let element = match name {
        OBSERVED => a.observed_at.map(Element::Time),
        CREATED => Some(Element::Time(a.created_at)),
        MODIFIED => Some(Element::Time(a.modified_at)),
        UNIT => a.unit_code.as_deref().map(Element::Text),
        DATASET => a.dataset_id.as_deref().map(Element::Uri),
        _ => return false,
    };
    if let Some(e) = element {
        visit(e);
    }
    true
}

fn language<'e>(map: &'e Map<String, Value>, keys: &[String], visit: &mut dyn FnMut(Element<'e>)) {
    let any = keys.first().is_none_or(|k| k == "*");
    for (tag, text) in map {
        if any || keys.first().is_some_and(|k| k.eq_ignore_ascii_case(tag)) {
            json_at(text, &[], visit);
        }
    }
}

fn json_at<'e>(value: &'e Value, keys: &[String], visit: &mut dyn FnMut(Element<'e>)) {
    match (value, keys.split_first()) {
        (Value::Array(items), _) => items.iter().for_each(|v| json_at(v, keys, visit)),
        (Value::Object(map), Some((key, rest))) => {
            if let Some(v) = map.get(key) {
                json_at(v, rest, visit);
            }
        }
        (Value::Object(map), None) => match map.get("@value") {
            Some(v) => json_at(v, keys, visit),
            None => visit(Element::Other),
        },
        (_, Some(_)) => {}
        (Value::Number(n), None) => visit(n.as_f64().map_or(Element::Other, Element::Number)),
        (Value::Bool(b), None) => visit(Element::Bool(*b)),
        (Value::String(s), None) => visit(Element::Text(s)),
        (Value::Null, None) => visit(Element::Other),
    }
}
