//! Industry: who does the same, who complements whom, who could grow what. All measures take jobs
//! of cities by sectors; formulas, sources and what they hide: `docs/region/industry.md`.

mod complement;
mod jobs;
mod location;
mod race;
mod redundancy;
mod relatedness;
mod shift_share;

pub use complement::{input_output_complementarity, rank_complementarity};
pub use jobs::{Jobs, PairMeasure};
pub use location::{SectorLocation, ellison_glaeser, sector_location};
pub use race::{CityBid, Race, RaceCity, incentive_race};
pub use redundancy::{RedundantPair, RedundantSector, redundant_pairs, redundant_sectors};
pub use relatedness::{Relatedness, relatedness};
pub use shift_share::{ShiftShare, shift_share};
