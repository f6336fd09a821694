//! Ports for entities, series, ledger, blobs and registry, with a memory and an embedded backend.
//!
//! **Invariant** Nothing is acknowledged before it is durable, and nothing is visible before it
//! is acknowledged. Held by `store_suite!` and the kill tests.

pub mod embedded;
mod entities;
mod error;
pub mod geoparquet;
mod hash;
mod head;
pub mod memory;
mod ports;
#[cfg(feature = "suite")]
pub mod suite;

pub use error::StoreError;
pub use ports::{
    Batch, BlobStore, Document, EntityStore, LedgerLine, LedgerStore, Op, Point, RegistryStore,
    Sample, SampleValue, SeriesKey, SeriesStore, Stores,
};

/// Refuses ledger lines that would not stay one line each.
fn ledger_lines_fit(path: &str, lines: &[LedgerLine]) -> Result<(), StoreError> {
    match lines.iter().find(|line| line.text.contains('\n')) {
        None => Ok(()),
        Some(line) => Err(StoreError::Io {
            doing: "cannot append a text with a newline as one line to",
            path: path.to_owned(),
            source: std::io::Error::new(
                std::io::ErrorKind::InvalidInput,
                format!("the line about {}", line.id),
            ),
        }),
    }
}
