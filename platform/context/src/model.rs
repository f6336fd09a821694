//! The NGSI-LD information model in memory (ETSI GS CIM 009 V1.9.1, clause 4.5): names are
//! expanded IRIs, shared by pointer; JSON-LD exists only at the edges.

use std::sync::Arc;

use conurb_base::TimeMs;
use serde_json::{Map, Value};

/// An expanded name (IRI) of a type or attribute, interned: equal names usually share a pointer.
pub type Name = Arc<str>;

/// An entity and all it currently is.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// Its URI.
    pub id: Arc<str>,
    /// One type or more, in the order given.
    pub types: Vec<Name>,
    /// Scopes (`/a/b`), empty when none.
    pub scope: Vec<String>,
    /// Attributes in the order they came, each with at least one instance.
    pub attributes: Vec<(Name, Instances)>,
    /// When we first stored it.
    pub created_at: TimeMs,
    /// When we last changed it.
    pub modified_at: TimeMs,
    /// From when it is no longer returned.
    pub expires_at: Option<TimeMs>,
}

/// The instances of one attribute: at most one per `datasetId` (none = the default instance).
pub type Instances = Vec<Attribute>;

/// One instance of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// What kind it is and what it says.
    pub value: AttributeValue,
    /// Which instance; `None` is the default one.
    pub dataset_id: Option<Arc<str>>,
    /// When it was true in the world.
    pub observed_at: Option<TimeMs>,
    /// UN/CEFACT common code of the unit.
    pub unit_code: Option<Arc<str>>,
    /// `valueType` or `objectType`, expanded.
    pub declared_type: Vec<Name>,
    /// From when it is no longer returned.
    pub expires_at: Option<TimeMs>,
    /// `ngsildproof`, kept untouched.
    pub proof: Option<Value>,
    /// Sub-attributes.
    pub sub: Vec<(Name, Instances)>,
    /// When this instance was first stored.
    pub created_at: TimeMs,
    /// When it last changed.
    pub modified_at: TimeMs,
}

/// The kinds of attribute (clause 4.5.2 to 4.5.24).
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// `Property`: any JSON but null.
    Property(Value),
    /// `Relationship`: one URI or several.
    Relationship(Vec<Arc<str>>),
    /// `GeoProperty`: a GeoJSON geometry.
    Geo(Value),
    /// `LanguageProperty`: tag (or `@none`) to text or list of texts.
    Language(Map<String, Value>),
    /// `VocabProperty`: expanded IRIs; the flag says whether it was an array.
    Vocab(Vec<Name>, bool),
    /// `ListProperty`: an ordered list.
    List(Vec<Value>),
    /// `ListRelationship`: an ordered list of URIs.
    ListRelationship(Vec<Arc<str>>),
    /// `JsonProperty`: JSON that is never expanded.
    Json(Value),
}

impl Attribute {
    /// A bare Property with everything else empty; times are set when it is stored.
    #[must_use]
    pub fn property(value: Value) -> Self {
        Self::of(AttributeValue::Property(value))
    }

    /// An instance with this value and everything else empty.
    #[must_use]
    pub const fn of(value: AttributeValue) -> Self {
        Self {
            value,
            dataset_id: None,
            observed_at: None,
            unit_code: None,
            declared_type: Vec::new(),
            expires_at: None,
            proof: None,
            sub: Vec::new(),
            created_at: TimeMs(0),
            modified_at: TimeMs(0),
        }
    }

    /// The same, observed at `time`.
    #[must_use]
    pub const fn observed(mut self, time: TimeMs) -> Self {
        self.observed_at = Some(time);
        self
    }

    /// The same, in the unit with this UN/CEFACT code.
    #[must_use]
    pub fn unit(mut self, code: &str) -> Self {
        self.unit_code = Some(Arc::from(code));
        self
    }

    /// The value as a number, where it is a numeric Property.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match &self.value {
            AttributeValue::Property(v) => v.as_f64(),
            _ => None,
        }
    }

    /// The value as text, where it is a text Property.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            AttributeValue::Property(v) => v.as_str(),
            _ => None,
        }
    }
}

impl Entity {
    /// An entity of one type without attributes.
    #[must_use]
    pub fn new(id: impl Into<Arc<str>>, type_name: Name) -> Self {
        Self {
            id: id.into(),
            types: vec![type_name],
            scope: Vec::new(),
            attributes: Vec::new(),
            created_at: TimeMs(0),
            modified_at: TimeMs(0),
            expires_at: None,
        }
    }

    /// The same with one more attribute instance.
    #[must_use]
    pub fn with(mut self, name: Name, attribute: Attribute) -> Self {
        match self.attributes.iter_mut().find(|(n, _)| *n == name) {
            Some((_, instances)) => instances.push(attribute),
            None => self.attributes.push((name, vec![attribute])),
        }
        self
    }

    /// All instances of an attribute by expanded name.
    #[must_use]
    pub fn instances(&self, name: &str) -> Option<&Instances> {
        self.attributes
            .iter()
            .find(|(n, _)| &**n == name)
            .map(|(_, i)| i)
    }

    /// The default instance of an attribute by expanded name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.instances(name)?
            .iter()
            .find(|a| a.dataset_id.is_none())
    }

    /// The default instance's number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        self.attribute(name)?.number()
    }

    /// Whether it has this type (expanded).
    #[must_use]
    pub fn is_a(&self, type_name: &str) -> bool {
        self.types.iter().any(|t| &**t == type_name)
    }
}

/// What happened to an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was not there before.
    Created,
    /// It was there and is still.
    Updated,
    /// It is gone; the change carries what it was.
    Deleted,
}

/// One committed change of one entity; the change stream is a sequence of these in commit order.
#[derive(Debug, Clone)]
pub struct Change {
    /// The commit that brought it.
    pub seq: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// The entity as it is now (as it was, when deleted).
    pub entity: Arc<Entity>,
    /// The entity as it was before, absent when created.
    pub before: Option<Arc<Entity>>,
    /// Attributes that were written, whether or not the value differs.
    pub written: Vec<Name>,
    /// When it was recorded.
    pub at: TimeMs,
}
