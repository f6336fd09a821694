//! Ports for entities, series, ledger, blobs and registry, with a memory and an embedded backend.
//!
//! **Invariant** Nothing is acknowledged before it is durable, and nothing is visible before it
//! is acknowledged. Held by `store_suite!` and the kill tests.

mod error;
mod ports;

pub use error::StoreError;
pub use ports::{
    Batch, BlobStore, Document, EntityStore, LedgerLine, LedgerStore, Op, Point, RegistryStore,
    Sample, SampleValue, SeriesKey, SeriesStore, Stores,
};
