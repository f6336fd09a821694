//! Regions: which places form one, what ties and separates them, what to build or share and who
//! gains or loses. Numbers in, numbers out: no network, no clock.
//!
//! Formulas, sources and validity: `docs/region/`.

pub mod community;
pub mod degurba;
mod error;
pub mod facts;
pub mod percolation;
pub mod places;
pub mod polygons;
pub mod urban_area;

pub use error::RegionError;
