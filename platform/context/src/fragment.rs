//! What a write brings: whole entities, fragments that replace instances, patches that merge.

use std::sync::Arc;

use conurb_base::TimeMs;
use serde_json::Value;

use crate::model::{Attribute, AttributeValue, Entity, Name};

/// The kinds of attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `Property`
    Property,
    /// `Relationship`
    Relationship,
    /// `GeoProperty`
    Geo,
    /// `LanguageProperty`
    Language,
    /// `VocabProperty`
    Vocab,
    /// `ListProperty`
    List,
    /// `ListRelationship`
    ListRelationship,
    /// `JsonProperty`
    Json,
}

impl Kind {
    /// The kind's name as `type` says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Property => "Property",
            Self::Relationship => "Relationship",
            Self::Geo => "GeoProperty",
            Self::Language => "LanguageProperty",
            Self::Vocab => "VocabProperty",
            Self::List => "ListProperty",
            Self::ListRelationship => "ListRelationship",
            Self::Json => "JsonProperty",
        }
    }

    /// The member that holds the value.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::Property | Self::Geo => "value",
            Self::Relationship => "object",
            Self::Language => "languageMap",
            Self::Vocab => "vocab",
            Self::List => "valueList",
            Self::ListRelationship => "objectList",
            Self::Json => "json",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "Property" => Self::Property,
            "Relationship" => Self::Relationship,
            "GeoProperty" => Self::Geo,
            "LanguageProperty" => Self::Language,
            "VocabProperty" => Self::Vocab,
            "ListProperty" => Self::List,
            "ListRelationship" => Self::ListRelationship,
            "JsonProperty" => Self::Json,
            _ => return None,
        })
    }
}

impl AttributeValue {
    /// Which kind it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Property(_) => Kind::Property,
            Self::Relationship(_) => Kind::Relationship,
            Self::Geo(_) => Kind::Geo,
            Self::Language(_) => Kind::Language,
            Self::Vocab(..) => Kind::Vocab,
            Self::List(_) => Kind::List,
            Self::ListRelationship(_) => Kind::ListRelationship,
            Self::Json(_) => Kind::Json,
        }
    }
}

/// What a patch says of one member.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Patch<T> {
    /// Nothing: it stays.
    #[default]
    Keep,
    /// It goes.
    Delete,
    /// It becomes this.
    Set(T),
}

impl<T> Patch<T> {
    pub(crate) fn set(self) -> Option<T> {
        match self {
            Self::Set(v) => Some(v),
            _ => None,
        }
    }

    pub(crate) fn apply(self, to: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Delete => *to = None,
            Self::Set(v) => *to = Some(v),
        }
    }
}

/// What a patch says of the value.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum ValuePatch {
    /// Nothing: it stays.
    #[default]
    Keep,
    /// The instance goes.
    Delete,
    /// It is merged in; `null` inside JSON deletes there.
    Set(AttributeValue),
    /// A simplified value: the stored instance says of which kind it is.
    Raw(Value),
}

/// A patch of one attribute instance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AttributePatch {
    /// The kind it claims to be, where it says so.
    pub kind: Option<Kind>,
    /// Its value.
    pub value: ValuePatch,
    /// Which instance it is about.
    pub dataset_id: Option<Arc<str>>,
    /// `observedAt`
    pub observed_at: Patch<TimeMs>,
    /// `unitCode`
    pub unit_code: Patch<Arc<str>>,
    /// `valueType`, `objectType`
    pub declared_type: Patch<Vec<Name>>,
    /// `expiresAt`
    pub expires_at: Patch<TimeMs>,
    /// `ngsildproof`
    pub proof: Patch<Value>,
    /// Sub-attributes.
    pub sub: Vec<(Name, Vec<AttributePatch>)>,
}

/// Attributes that replace, add or delete whole instances (append, update, upsert).
#[derive(Debug, Clone, PartialEq)]
pub struct Fragment {
    /// Id, types (may be none), scope, attributes.
    pub entity: Entity,
    /// Instances to delete.
    pub deletes: Vec<(Name, Option<Arc<str>>)>,
    /// Whether the scope goes.
    pub remove_scope: bool,
    /// Whether the expiry goes.
    pub remove_expiry: bool,
}

impl From<Entity> for Fragment {
    fn from(entity: Entity) -> Self {
        Self {
            entity,
            deletes: Vec::new(),
            remove_scope: false,
            remove_expiry: false,
        }
    }
}

/// A merge patch of an entity (RFC 7396).
#[derive(Debug, Clone, PartialEq)]
pub struct MergePatch {
    /// The entity.
    pub id: Arc<str>,
    /// Types to add.
    pub types: Vec<Name>,
    /// Scope.
    pub scope: Patch<Vec<String>>,
    /// `expiresAt`
    pub expires_at: Patch<TimeMs>,
    /// Attributes.
    pub attributes: Vec<(Name, Vec<AttributePatch>)>,
    /// Written in the simplified format: an attribute keeps its stored kind.
    pub simplified: bool,
    /// Plain strings go under this tag of an existing LanguageProperty.
    pub lang: Option<String>,
    /// Set on attributes that had `observedAt` and bring none.
    pub observed_at: Option<TimeMs>,
}

impl AttributePatch {
    /// The instance this is, for operations that write whole instances.
    pub(crate) fn whole(self) -> Result<Attribute, &'static str> {
        let value = match self.value {
            ValuePatch::Set(v) => v,
            ValuePatch::Raw(v) => AttributeValue::Property(v),
            ValuePatch::Keep | ValuePatch::Delete => return Err("needs a value"),
        };
        let mut sub = Vec::with_capacity(self.sub.len());
        for (name, instances) in self.sub {
            let whole: Vec<Attribute> = instances
                .into_iter()
                .filter(|i| i.value != ValuePatch::Delete)
                .map(Self::whole)
                .collect::<Result<_, _>>()?;
            if !whole.is_empty() {
                sub.push((name, whole));
            }
        }
        Ok(Attribute {
            value,
            dataset_id: self.dataset_id,
            observed_at: self.observed_at.set(),
            unit_code: self.unit_code.set(),
            declared_type: self.declared_type.set().unwrap_or_default(),
            expires_at: self.expires_at.set(),
            proof: self.proof.set(),
            sub,
            created_at: TimeMs(0),
            modified_at: TimeMs(0),
        })
    }
}
