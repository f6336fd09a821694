//! Regions: which places form one, what ties and separates them, what to build or share and who
//! gains or loses. Numbers in, numbers out: no network, no clock.
//!
//! Formulas, sources and validity: `docs/region/`.

pub mod coupling;
mod error;
pub mod flows;
pub mod industry;
pub mod joins;
pub mod network;
pub mod secondary;
pub mod size;
pub mod tables;

pub use error::RegionError;
