//! What a run leaves behind: `report.json`, `timing.json`, `report.html` and the terminal scorecard.
//!
//! The shell (`conurb day`) fills a [`model::Report`]; everything here turns it into text and reads
//! no clock, no file and no environment.
//!
//! **Invariant** `report.json` is a function of inputs, seed and version alone: no wall-clock time,
//! no absolute path, no unordered map. Wall-clock figures live in [`timing::Timing`]
//! (held by `two_builds_of_one_report_are_byte_equal` and the day's own test).

#[cfg(test)]
mod fixture;
pub(crate) mod html;
mod json;
pub(crate) mod kpi;
pub(crate) mod model;
pub(crate) mod scorecard;
pub(crate) mod timing;
