//! Regions: which places form one, what ties and separates them, what to build or share and who
//! gains or loses. Numbers in, numbers out: no network, no clock.
//!
//! Formulas, sources and validity: `docs/region/`.

pub mod allocation;
pub mod autocorrelation;
pub mod community;
pub mod convergence;
pub mod coupling;
pub mod degurba;
mod error;
pub mod facts;
pub mod flows;
pub mod games;
pub mod industry;
pub mod inequality;
pub mod joins;
pub mod links;
pub mod location;
pub mod network;
pub mod percolation;
pub mod places;
pub mod polygons;
mod programme;
pub mod river;
pub mod secondary;
pub mod size;
pub mod tables;
pub mod transit_design;
pub mod urban_area;
mod watch;
pub mod weights;

pub use error::RegionError;
pub use programme::Certificate;
pub use watch::OnStep;
