//! Flows between places: gravity as practised and as calibrated, radiation, and whether a table
//! that claims to be a flow behaves like one. Formulas and validity: `docs/region/flows.md`.

mod gravity;
mod least_squares;
mod poisson;
mod radiation;
mod sanity;
mod square;

pub use gravity::{Gravity, Separation, gravity};
pub use poisson::{Decay, Design, FitStatistics, Flow, GravityFit, Term, fit_gravity};
pub use radiation::{Radiation, radiation};
pub use sanity::{FlowSanity, Verdict, flow_sanity, spearman};
pub use square::Square;

pub(crate) use least_squares::straight_line;
pub(crate) use sanity::{correlation, ranks};
pub(crate) use square::refuse_not_positive;
