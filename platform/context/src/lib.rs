//! NGSI-LD: information model, JSON-LD, current state, history, change stream.
//!
//! **Invariant** Only this crate expands and compacts JSON-LD; behind it every name is an IRI.

mod check;
mod codec;
mod engine;
mod error;
mod fragment;
mod geo;
mod intern;
mod json;
mod jsonld;
mod lang;
mod merge;
mod model;
mod notify;
mod parse;
mod parse_value;
mod q;
mod q_eval;
mod query;
mod render;
mod sample;
mod select;
mod subscription;
mod temporal;
mod told;
mod write;

pub use engine::{Applied, ContextEngine, ContextLimits};
pub use error::ContextError;
pub use fragment::{AttributePatch, Fragment, Kind, MergePatch, Patch, ValuePatch};
pub use geo::{GeoQuery, GeoRelation};
pub use intern::intern;
pub use json::{Node, parse_json};
pub use jsonld::{
    CORE_CONTEXT_URL, ContextCache, ContextInfo, ContextKind, DEFAULT_VOCAB, LdContext,
    TRANSPORTATION_CONTEXT_URL,
};
pub use model::{Attribute, AttributeValue, Change, ChangeKind, Entity, Instances, Name};
pub use notify::{Delivery, NotificationSink, Subscriptions};
pub use parse::Reader;
pub use q::{Literal, Operand, Path, Q, Relation};
pub use query::{Filter, Page, Query, QueryParams};
pub use render::{
    Format, Projection, View, attribute_json, entity_json, feature_json, features_json, value_json,
};
pub use select::{ScopeQuery, TypeSelection};
pub use subscription::{Endpoint, Subscription};
pub use temporal::{History, Series, TemporalFormat, TemporalParams, TemporalQuery, history_json};
pub use write::{OpOutcome, UpsertMode, Which, WriteOp};
