//! Secondary cities: a scorecard in which every column shows its source and rank, and the measures
//! that fill it. Nothing is a black box: weights are the user's, and a rank that they decide is
//! marked.

mod measures;
mod roles;
mod scorecard;

pub use measures::{BorrowedSize, Siphon, SizeEffect, borrowed_size, dependence, siphon_watch};
pub use roles::{Role, RoleSector, roles};
pub use scorecard::{Better, CityScore, Column, Scorecard, ScoredColumn, scorecard};
