//! NGSI-LD: information model, JSON-LD, current state, history, change stream.
//!
//! **Invariant** Only this crate expands and compacts JSON-LD; behind it every name is an IRI.

mod check;
mod codec;
mod engine;
mod error;
mod fragment;
mod intern;
mod json;
mod jsonld;
mod merge;
mod model;
mod parse;
mod parse_value;
mod sample;
mod write;

pub use engine::{Applied, ContextEngine, ContextLimits};
pub use error::ContextError;
pub use fragment::{AttributePatch, Fragment, Kind, MergePatch, Patch, ValuePatch};
pub use intern::intern;
pub use json::{Node, parse_json};
pub use jsonld::{
    CORE_CONTEXT_URL, ContextCache, ContextInfo, ContextKind, DEFAULT_VOCAB, LdContext,
    TRANSPORTATION_CONTEXT_URL,
};
pub use model::{Attribute, AttributeValue, Change, ChangeKind, Entity, Instances, Name};
pub use parse::Reader;
pub use write::{OpOutcome, UpsertMode, Which, WriteOp};
