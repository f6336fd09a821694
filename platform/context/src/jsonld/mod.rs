//! JSON-LD as NGSI-LD uses it (clauses 4.4, 5.5.7; a subset, see ADR 0030): terms, prefixes,
//! `@vocab`, the core context last and protected. Nothing here reaches for the network.

mod cache;
mod table;

pub use cache::{ContextCache, ContextInfo, ContextKind, TRANSPORTATION_CONTEXT_URL};
pub use table::{CORE_CONTEXT_URL, DEFAULT_VOCAB, LdContext};
