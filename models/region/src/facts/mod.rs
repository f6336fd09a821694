//! Facts shipped with the product, each row with source and year; data files under `data/`.
//!
//! Names, codes and numbers only. What is not known is `None`, never 0. A figure computed from a
//! table is refused while the table has no source ([`Indicator`]).

mod clusters;
mod corridors;
mod indicator;
mod places;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use clusters::{ClusterCity, ClusterList, cluster_cities, cluster_lists, members};
pub use corridors::{Corridor, CorridorPart, Orientation, PartKind, corridors};
pub use indicator::{Indicator, Share, Source};
pub use places::{ReferencePlace, Target, reference_places, targets};

/// Rows of a shipped table.
fn rows<T: DeserializeOwned>(bytes: &[u8]) -> Vec<T> {
    csv::Reader::from_reader(bytes)
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("every shipped table is read by a test")
}

/// A list of names in one cell.
fn list(text: &str, separator: char) -> Vec<String> {
    text.split(separator)
        .filter(|t| !t.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Source and year of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The document.
    pub source: String,
    /// Its year.
    pub year: u16,
}
