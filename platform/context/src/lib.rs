//! NGSI-LD: information model, JSON-LD, current state, history, change stream.
//!
//! **Invariant** Only this crate expands and compacts JSON-LD; behind it every name is an IRI.

mod model;

pub use model::{Attribute, AttributeValue, Change, ChangeKind, Entity, Instances, Name};
