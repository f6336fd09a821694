//! What each write does to one entity (clause 5.6; the table of `docs/context.md`). Pure: the
//! state before goes in, the state after and the observations come out.

use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_store::{Sample, SampleValue, SeriesKey};

use crate::ContextError;
use crate::engine::ContextLimits;
use crate::fragment::{AttributePatch, Fragment, MergePatch};
use crate::merge;
use crate::model::{Attribute, AttributeValue, Entity, Instances, Name};
use crate::sample::sample_of;

/// The expanded name of `scope`, which may be deleted like an attribute.
pub(crate) const SCOPE: &str = "https://uri.etsi.org/ngsi-ld/scope";

/// What an upsert does to an entity that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpsertMode {
    /// It becomes the new one.
    Replace,
    /// As update: named instances are replaced, the others stay.
    Update,
}

/// Which instances of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one without `datasetId`.
    Default,
    /// The one with this `datasetId`.
    Dataset(Arc<str>),
    /// All of them.
    All,
}

/// One write, whichever surface it came from.
#[derive(Debug, Clone)]
pub enum WriteOp {
    /// POST `entities`: an error if the id exists.
    Create(Entity),
    /// PUT `entities/{id}`: an error if it does not.
    Replace(Entity),
    /// Batch upsert and intake.
    Upsert {
        /// The entity; a new one needs a type.
        entity: Fragment,
        /// What happens to an existing one.
        mode: UpsertMode,
    },
    /// POST `entities/{id}/attrs`.
    Append {
        /// The attributes.
        fragment: Fragment,
        /// Whether existing instances are kept.
        no_overwrite: bool,
    },
    /// PATCH `entities/{id}/attrs`.
    Update(Fragment),
    /// PATCH `entities/{id}/attrs/{attr}`.
    PartialAttribute {
        /// The entity.
        id: Arc<str>,
        /// The attribute, expanded.
        name: Name,
        /// Members to overwrite.
        patch: AttributePatch,
    },
    /// PUT `entities/{id}/attrs/{attr}`.
    ReplaceAttribute {
        /// The entity.
        id: Arc<str>,
        /// The attribute, expanded.
        name: Name,
        /// The whole new instance.
        attribute: Attribute,
    },
    /// PATCH `entities/{id}` (RFC 7396).
    Merge(MergePatch),
    /// DELETE `entities/{id}/attrs/{attr}`.
    DeleteAttribute {
        /// The entity.
        id: Arc<str>,
        /// The attribute, expanded (or the expanded `scope`).
        name: Name,
        /// Which instances.
        which: Which,
    },
    /// DELETE `entities/{id}`.
    Delete {
        /// The entity.
        id: Arc<str>,
    },
}

impl WriteOp {
    /// The upsert of intake: named instances are replaced, the others stay.
    #[must_use]
    pub fn upsert(entity: Entity) -> Self {
        Self::Upsert {
            entity: entity.into(),
            mode: UpsertMode::Update,
        }
    }

    /// The entity it is about.
    #[must_use]
    pub const fn id(&self) -> &Arc<str> {
        match self {
            Self::Create(e) | Self::Replace(e) => &e.id,
            Self::Upsert { entity: f, .. } | Self::Append { fragment: f, .. } | Self::Update(f) => {
                &f.entity.id
            }
            Self::Merge(m) => &m.id,
            Self::PartialAttribute { id, .. }
            | Self::ReplaceAttribute { id, .. }
            | Self::DeleteAttribute { id, .. }
            | Self::Delete { id } => id,
        }
    }
}

/// What a write did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpOutcome {
    /// The entity is new.
    Created,
    /// The entity changed.
    Updated {
        /// Attributes written.
        updated: Vec<Name>,
        /// Attributes left as they were, each with the reason.
        not_updated: Vec<(Name, String)>,
    },
    /// The entity is gone.
    Deleted,
    /// Nothing was written.
    Unchanged,
}

/// The effect of one write.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) outcome: OpOutcome,
    /// The state after; `None` when deleted.
    pub(crate) next: Option<Arc<Entity>>,
    pub(crate) written: Vec<Name>,
}

/// A state being changed, with what was written so far.
pub(crate) struct Draft<'s> {
    pub(crate) entity: Entity,
    pub(crate) now: TimeMs,
    pub(crate) samples: &'s mut Vec<Sample>,
    pub(crate) written: Vec<Name>,
    pub(crate) not_updated: Vec<(Name, String)>,
    /// Whether anything beside attributes changed.
    pub(crate) touched: bool,
}

/// Applies `op` to the state `current`; observations are appended to `samples`.
pub(crate) fn step(
    op: WriteOp,
    current: Option<&Arc<Entity>>,
    now: TimeMs,
    limits: &ContextLimits,
    samples: &mut Vec<Sample>,
) -> Result<Step, ContextError> {
    let id = op.id().clone();
    let Some(current) = current else {
        return match op {
            WriteOp::Create(entity) => create(entity, now, limits, samples),
            WriteOp::Upsert { entity, .. } => {
                if entity.entity.types.is_empty() {
                    return Err(ContextError::data(
                        "type",
                        "is missing, and the entity is new",
                    ));
                }
                create(entity.entity, now, limits, samples)
            }
            _ => Err(ContextError::missing(&*id)),
        };
    };
    match op {
        WriteOp::Create(_) => Err(ContextError::AlreadyExists { id: id.to_string() }),
        WriteOp::Delete { .. } => {
            for (name, instances) in &current.attributes {
                for i in instances {
                    samples.push(deleted(&id, name, i.dataset_id.clone(), now));
                }
            }
            Ok(Step {
                outcome: OpOutcome::Deleted,
                next: None,
                written: Vec::new(),
            })
        }
        WriteOp::Replace(entity) => replace(entity, current, now, limits, samples),
        WriteOp::Upsert {
            entity,
            mode: UpsertMode::Replace,
        } => {
            let mut entity = entity.entity;
            if entity.types.is_empty() {
                entity.types.clone_from(&current.types);
            }
            replace(entity, current, now, limits, samples)
        }
        op => {
            let mut draft = Draft {
                entity: Entity::clone(current),
                now,
                samples,
                written: Vec::new(),
                not_updated: Vec::new(),
                touched: false,
            };
            draft.change(op)?;
            draft.finish(limits, current)
        }
    }
}

fn create(
    mut entity: Entity,
    now: TimeMs,
    limits: &ContextLimits,
    samples: &mut Vec<Sample>,
) -> Result<Step, ContextError> {
    limits.check(&entity)?;
    entity.created_at = now;
    entity.modified_at = now;
    let id = entity.id.clone();
    let mut written = Vec::with_capacity(entity.attributes.len());
    for (name, instances) in &mut entity.attributes {
        for instance in instances {
            stamp(instance, None, now);
            samples.push(sample_of(&id, name, instance, now));
        }
        written.push(name.clone());
    }
    Ok(Step {
        outcome: OpOutcome::Created,
        next: Some(Arc::new(entity)),
        written,
    })
}

fn replace(
    mut entity: Entity,
    current: &Entity,
    now: TimeMs,
    limits: &ContextLimits,
    samples: &mut Vec<Sample>,
) -> Result<Step, ContextError> {
    limits.check(&entity)?;
    entity.created_at = current.created_at;
    entity.modified_at = now;
    let mut written = Vec::with_capacity(entity.attributes.len());
    for (name, instances) in &mut entity.attributes {
        let old = current.instances(name);
        for instance in instances {
            let before = old.and_then(|o| find(o, instance.dataset_id.as_deref()));
            stamp(instance, before, now);
            samples.push(sample_of(&current.id, name, instance, now));
        }
        written.push(name.clone());
    }
    for (name, instances) in &current.attributes {
        let new = entity.instances(name);
        for i in instances {
            if new.is_none_or(|n| find(n, i.dataset_id.as_deref()).is_none()) {
                samples.push(deleted(&current.id, name, i.dataset_id.clone(), now));
                if !written.contains(name) {
                    written.push(name.clone());
                }
            }
        }
    }
    Ok(Step {
        outcome: OpOutcome::Updated {
            updated: written.clone(),
            not_updated: Vec::new(),
        },
        next: Some(Arc::new(entity)),
        written,
    })
}

pub(crate) fn find<'i>(instances: &'i Instances, dataset: Option<&str>) -> Option<&'i Attribute> {
    instances
        .iter()
        .find(|a| a.dataset_id.as_deref() == dataset)
}

pub(crate) fn deleted(
    id: &Arc<str>,
    name: &Name,
    dataset: Option<Arc<str>>,
    now: TimeMs,
) -> Sample {
    Sample {
        series: SeriesKey {
            entity: id.clone(),
            attribute: name.clone(),
            dataset,
        },
        observed_at: now,
        recorded_at: now,
        value: SampleValue::Deleted,
    }
}

/// Sets the times of an instance and all below it; `createdAt` of what was there survives.
pub(crate) fn stamp(attribute: &mut Attribute, before: Option<&Attribute>, now: TimeMs) {
    attribute.created_at = before.map_or(now, |b| b.created_at);
    attribute.modified_at = now;
    for (name, instances) in &mut attribute.sub {
        let old = before
            .and_then(|b| b.sub.iter().find(|(n, _)| n == name))
            .map(|(_, i)| i);
        for instance in instances {
            let b = old.and_then(|o| find(o, instance.dataset_id.as_deref()));
            stamp(instance, b, now);
        }
    }
}

impl Draft<'_> {
    fn change(&mut self, op: WriteOp) -> Result<(), ContextError> {
        match op {
            WriteOp::Append {
                fragment,
                no_overwrite,
            } => self.append(fragment, no_overwrite),
            WriteOp::Update(fragment)
            | WriteOp::Upsert {
                entity: fragment, ..
            } => {
                self.update(fragment);
                Ok(())
            }
            WriteOp::PartialAttribute { name, patch, .. } => merge::partial(self, &name, patch),
            WriteOp::ReplaceAttribute {
                name, attribute, ..
            } => self.replace_attribute(&name, attribute),
            WriteOp::Merge(patch) => merge::merge(self, patch),
            WriteOp::DeleteAttribute { name, which, .. } => self.delete_attribute(&name, &which),
            WriteOp::Create(_) | WriteOp::Replace(_) | WriteOp::Delete { .. } => Ok(()),
        }
    }

    fn finish(
        mut self,
        limits: &ContextLimits,
        current: &Arc<Entity>,
    ) -> Result<Step, ContextError> {
        if self.written.is_empty() && !self.touched {
            return Ok(Step {
                outcome: if self.not_updated.is_empty() {
                    OpOutcome::Unchanged
                } else {
                    OpOutcome::Updated {
                        updated: Vec::new(),
                        not_updated: self.not_updated,
                    }
                },
                next: Some(current.clone()),
                written: Vec::new(),
            });
        }
        limits.check(&self.entity)?;
        self.entity.modified_at = self.now;
        Ok(Step {
            outcome: OpOutcome::Updated {
                updated: self.written.clone(),
                not_updated: self.not_updated,
            },
            next: Some(Arc::new(self.entity)),
            written: self.written,
        })
    }

    pub(crate) fn wrote(&mut self, name: &Name) {
        if !self.written.contains(name) {
            self.written.push(name.clone());
        }
    }

    pub(crate) fn add_types(&mut self, types: Vec<Name>) {
        for t in types {
            if !self.entity.types.contains(&t) {
                self.entity.types.push(t);
                self.touched = true;
            }
        }
    }

    pub(crate) fn set_scope(&mut self, scope: Vec<String>) {
        if self.entity.scope != scope {
            self.entity.scope = scope;
            self.touched = true;
        }
    }

    pub(crate) fn set_expiry(&mut self, expiry: Option<TimeMs>) {
        if self.entity.expires_at != expiry {
            self.entity.expires_at = expiry;
            self.touched = true;
        }
    }

    /// Puts a whole instance in its place.
    pub(crate) fn put(&mut self, name: &Name, mut instance: Attribute) {
        self.wrote(name);
        let id = self.entity.id.clone();
        match self.entity.attributes.iter_mut().find(|(n, _)| n == name) {
            Some((_, instances)) => {
                match instances
                    .iter_mut()
                    .find(|a| a.dataset_id == instance.dataset_id)
                {
                    Some(old) => {
                        stamp(&mut instance, Some(old), self.now);
                        self.samples.push(sample_of(&id, name, &instance, self.now));
                        *old = instance;
                    }
                    None => {
                        stamp(&mut instance, None, self.now);
                        self.samples.push(sample_of(&id, name, &instance, self.now));
                        instances.push(instance);
                    }
                }
            }
            None => {
                stamp(&mut instance, None, self.now);
                self.samples.push(sample_of(&id, name, &instance, self.now));
                self.entity.attributes.push((name.clone(), vec![instance]));
            }
        }
    }

    /// Takes an instance away; says whether it was there.
    pub(crate) fn remove(&mut self, name: &Name, dataset: Option<&Arc<str>>) -> bool {
        let Some(at) = self.entity.attributes.iter().position(|(n, _)| n == name) else {
            return false;
        };
        let instances = &mut self.entity.attributes[at].1;
        let Some(i) = instances
            .iter()
            .position(|a| a.dataset_id.as_ref() == dataset)
        else {
            return false;
        };
        instances.remove(i);
        if instances.is_empty() {
            self.entity.attributes.remove(at);
        }
        let sample = deleted(&self.entity.id, name, dataset.cloned(), self.now);
        self.samples.push(sample);
        self.wrote(name);
        true
    }

    fn append(&mut self, fragment: Fragment, no_overwrite: bool) -> Result<(), ContextError> {
        if !fragment.deletes.is_empty() || fragment.remove_scope {
            return Err(ContextError::data("", "null is not allowed in an append"));
        }
        let new = fragment.entity;
        self.add_types(new.types);
        if !new.scope.is_empty() {
            let mut scope = new.scope;
            if no_overwrite {
                let added: Vec<String> = scope
                    .drain(..)
                    .filter(|s| !self.entity.scope.contains(s))
                    .collect();
                scope = self.entity.scope.iter().cloned().chain(added).collect();
            }
            self.set_scope(scope);
        }
        if new.expires_at.is_some() && !(no_overwrite && self.entity.expires_at.is_some()) {
            self.set_expiry(new.expires_at);
        }
        for (name, instances) in new.attributes {
            for instance in instances {
                let exists = self
                    .entity
                    .instances(&name)
                    .is_some_and(|i| find(i, instance.dataset_id.as_deref()).is_some());
                if exists && no_overwrite {
                    self.not_updated
                        .push((name.clone(), "exists, and noOverwrite was asked for".into()));
                } else {
                    self.put(&name, instance);
                }
            }
        }
        Ok(())
    }

    fn update(&mut self, fragment: Fragment) {
        let new = fragment.entity;
        self.add_types(new.types);
        if fragment.remove_scope {
            self.set_scope(Vec::new());
        } else if !new.scope.is_empty() {
            if self.entity.scope.is_empty() {
                self.not_updated
                    .push((crate::intern(SCOPE), "the entity has no scope".into()));
            } else {
                self.set_scope(new.scope);
            }
        }
        if fragment.remove_expiry {
            self.set_expiry(None);
        } else if new.expires_at.is_some() {
            self.set_expiry(new.expires_at);
        }
        for (name, instances) in new.attributes {
            for instance in instances {
                self.put(&name, instance);
            }
        }
        for (name, dataset) in fragment.deletes {
            if !self.remove(&name, dataset.as_ref()) {
                self.not_updated.push((name, "does not exist".into()));
            }
        }
    }

    fn replace_attribute(&mut self, name: &Name, new: Attribute) -> Result<(), ContextError> {
        let old = self
            .entity
            .instances(name)
            .and_then(|i| find(i, new.dataset_id.as_deref()))
            .ok_or_else(|| no_attribute(name))?;
        same_kind(name, &old.value, &new.value)?;
        self.put(name, new);
        Ok(())
    }

    fn delete_attribute(&mut self, name: &Name, which: &Which) -> Result<(), ContextError> {
        if &**name == SCOPE {
            if self.entity.scope.is_empty() {
                return Err(no_attribute(name));
            }
            self.set_scope(Vec::new());
            return Ok(());
        }
        let gone = match which {
            Which::Default => self.remove(name, None),
            Which::Dataset(d) => self.remove(name, Some(d)),
            Which::All => {
                let datasets: Vec<Option<Arc<str>>> = self
                    .entity
                    .instances(name)
                    .map(|i| i.iter().map(|a| a.dataset_id.clone()).collect())
                    .unwrap_or_default();
                for d in &datasets {
                    self.remove(name, d.as_ref());
                }
                !datasets.is_empty()
            }
        };
        if gone {
            Ok(())
        } else {
            Err(no_attribute(name))
        }
    }
}

pub(crate) fn no_attribute(name: &Name) -> ContextError {
    ContextError::missing(format!("the attribute {name}, or the instance named,"))
}

/// Replacing and patching an attribute may not change its kind.
pub(crate) fn same_kind(
    name: &Name,
    old: &AttributeValue,
    new: &AttributeValue,
) -> Result<(), ContextError> {
    if old.kind() == new.kind() {
        return Ok(());
    }
    Err(ContextError::data(
        format!("{name}.type"),
        format!(
            "is a {} and cannot become a {}",
            old.kind().name(),
            new.kind().name()
        ),
    ))
}
