//! Regions: which places form one, what ties and separates them, what to build or share and who
//! gains or loses. Numbers in, numbers out: no network, no clock.
//!
//! Formulas, sources and validity: `docs/region/`.

pub mod allocation;
pub mod autocorrelation;
pub mod convergence;
mod error;
pub mod games;
pub mod inequality;
pub mod links;
pub mod location;
mod programme;
pub mod river;
pub mod transit_design;
pub mod weights;

pub use error::RegionError;
pub use programme::Certificate;
