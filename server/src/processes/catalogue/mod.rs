//! The processes of this build: a thin face over each model, one file an engine.

mod traffic;

use super::Process;

/// All, by id.
pub(super) const ALL: &[Process] = &[traffic::CONTROL];
