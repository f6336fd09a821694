//! One link's end of intake: mapping, and what only shows over time (doubles, disorder, health).

use std::hash::Hasher;
use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::{Attribute, AttributeValue, Entity, Name};
use rustc_hash::{FxHashMap, FxHasher};

use crate::error::PerceiveError;
use crate::health::LinkHealth;
use crate::mapping::Mapping;
use crate::quality::Quality;

/// What a payload gave.
#[derive(Debug, Default)]
pub struct Received {
    /// Entities to write, in the order of the payload.
    pub entities: Vec<Entity>,
    /// What was refused, with the reason.
    pub refused: Vec<PerceiveError>,
}

#[derive(Debug)]
struct Newest {
    attribute: Name,
    at: TimeMs,
    value: u64,
}

/// A mapping with a memory: the newest observation of each attribute, and the health per source.
#[derive(Debug)]
pub struct Receiver {
    mapping: Mapping,
    newest: FxHashMap<Arc<str>, Vec<Newest>>,
    entities_max: usize,
    health: Vec<LinkHealth>,
}

impl Receiver {
    /// A receiver that remembers at most `entities_max` entities; doubles and disorder of others
    /// go unnoticed here (the context and the rules still see them by their times).
    #[must_use]
    pub fn new(mapping: Mapping, entities_max: usize) -> Self {
        let health = mapping.sources().map(|s| LinkHealth {
            source: s.id.to_owned(),
            expected_interval_s: s.interval_s,
            ..LinkHealth::default()
        });
        Self {
            health: health.collect(),
            mapping,
            newest: FxHashMap::default(),
            entities_max,
        }
    }

    /// Takes a payload. A redelivered observation (same moment, same value) goes through again,
    /// since the first delivery may not have become durable; writing it twice changes nothing.
    ///
    /// # Errors
    /// When the payload as a whole cannot be used; records that cannot are in `refused`.
    pub fn receive(
        &mut self,
        payload: &[u8],
        topic: &str,
        received_at: TimeMs,
    ) -> Result<Received, PerceiveError> {
        let source = self.mapping.source_of(topic)?;
        self.health[source].payload(received_at);
        let mapped = match self.mapping.map(payload, topic, received_at) {
            Ok(mapped) => mapped,
            Err(error) => {
                self.health[source].refuse(&error);
                return Err(error);
            }
        };
        for error in &mapped.refused {
            self.health[source].refuse(error);
        }
        let mut entities = mapped.entities;
        for entity in &mut entities {
            self.compare(source, entity, received_at);
        }
        Ok(Received {
            entities,
            refused: mapped.refused,
        })
    }

    /// The mapping.
    #[must_use]
    pub const fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Health of each source, in the order of the mapping.
    #[must_use]
    pub fn health(&self) -> &[LinkHealth] {
        &self.health
    }

    fn compare(&mut self, source: usize, entity: &mut Entity, received_at: TimeMs) {
        let health = &mut self.health[source];
        let room = self.newest.len() < self.entities_max;
        let known = match self.newest.get_mut(&*entity.id) {
            Some(known) => Some(known),
            None if room => Some(self.newest.entry(entity.id.clone()).or_default()),
            None => None,
        };
        let mut nothing = Vec::new();
        let known = known.unwrap_or(&mut nothing);
        for (name, instances) in &mut entity.attributes {
            for attribute in instances {
                let at = attribute.observed_at.unwrap_or(received_at);
                health.observed(at, received_at);
                compare_one(known, name, attribute, at, health);
                if Quality::of(attribute).is_some_and(|q| q != Quality::Good) {
                    health.flagged += 1;
                }
            }
        }
    }
}

fn compare_one(
    known: &mut Vec<Newest>,
    name: &Name,
    attribute: &mut Attribute,
    at: TimeMs,
    health: &mut LinkHealth,
) {
    let value = fingerprint(&attribute.value);
    let Some(newest) = known.iter_mut().find(|n| n.attribute == *name) else {
        known.push(Newest {
            attribute: name.clone(),
            at,
            value,
        });
        return;
    };
    if at > newest.at {
        newest.at = at;
        newest.value = value;
    } else if at == newest.at {
        health.duplicates += 1;
        if value != newest.value {
            let reason = format!("another value was observed at {at} already");
            Quality::Duplicate.flag(attribute, Some(reason));
        }
    } else {
        health.out_of_order += 1;
        let reason = format!("came after the observation of {}", newest.at);
        Quality::Late.flag(attribute, Some(reason));
    }
}

fn fingerprint(value: &AttributeValue) -> u64 {
    let mut hasher = FxHasher::default();
    if let AttributeValue::Property(v) = value {
        match v.as_f64() {
            Some(number) => hasher.write_u64(number.to_bits()),
            None => hasher.write(v.to_string().as_bytes()),
        }
    }
    hasher.finish()
}
