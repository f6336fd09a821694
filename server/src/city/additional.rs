//! A demand of SUMO with its additional files: stops, closures, limits.

use std::path::PathBuf;

use conurb_traffic::ChangesFile;
use conurb_traffic::sumo::{self, DemandOptions, SumoDemand, SumoNetwork};

use super::{Input, input, name_of, not_modelled, read};
use crate::fail::Failure;

/// What was read.
pub(super) struct Read {
    /// Vehicles.
    pub(super) found: SumoDemand,
    /// Closures and limits.
    pub(super) changes: ChangesFile,
    /// The additional files, for the report.
    pub(super) inputs: Vec<Input>,
}

/// Reads a demand after its additional files, as SUMO does.
pub(super) fn demand(
    additional: &[PathBuf],
    (bytes, name): (&[u8], &str),
    net: &SumoNetwork,
    span_s: u32,
) -> Result<Read, Failure> {
    let options = DemandOptions {
        end_s: f64::from(span_s),
        ..DemandOptions::default()
    };
    let (mut changes, mut inputs, mut files) = (ChangesFile::default(), Vec::new(), Vec::new());
    for path in additional {
        let (bytes, name) = (read(path)?, name_of(path));
        let found = sumo::read_additional(&bytes, &name, net, options.begin_s)?;
        changes.closures.extend(found.changes.closures);
        changes.speed_limits.extend(found.changes.speed_limits);
        let notes = not_modelled(&found.unmodelled);
        inputs.push(input("additional", &name, &bytes, &notes));
        files.push((bytes, name));
    }
    let mut all: Vec<(&[u8], &str)> = files.iter().map(|(b, n)| (&b[..], &n[..])).collect();
    all.push((bytes, name));
    Ok(Read {
        found: sumo::read_demand(&all, net, &options)?,
        changes,
        inputs,
    })
}

/// Other demands have no use for additional files.
pub(super) fn none(additional: &[PathBuf]) -> Result<(), Failure> {
    if additional.is_empty() {
        return Ok(());
    }
    Err(Failure::plain(
        "--additional is for demands of SUMO (.rou.xml)",
        None,
    ))
}
