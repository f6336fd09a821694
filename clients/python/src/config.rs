//! The configuration file of an engine: the reference simulator's JSON.

use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use serde::Deserialize;

use crate::errors::call;

/// Largest configuration file, bytes.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Largest network or demand file, bytes.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// What the file says; members we do not know are ignored as the reference does.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    /// Step length, s.
    #[serde(default = "one")]
    pub(crate) interval: f64,
    /// Seed.
    #[serde(default)]
    pub(crate) seed: u32,
    /// Put before every file name, as it is.
    #[serde(default)]
    pub(crate) dir: String,
    /// Road network.
    pub(crate) roadnet_file: String,
    /// Demand.
    pub(crate) flow_file: String,
    /// Phases come from outside.
    #[serde(default)]
    pub(crate) rl_traffic_light: bool,
    /// Whether vehicles change lanes.
    #[serde(default)]
    pub(crate) lane_change: bool,
    /// Whether a replay is written.
    #[serde(default)]
    pub(crate) save_replay: bool,
    /// Where the network's shapes are written with a replay.
    #[serde(default)]
    pub(crate) roadnet_log_file: String,
    /// Where a replay is written.
    #[serde(default)]
    pub(crate) replay_log_file: String,
}

const fn one() -> f64 {
    1.0
}

impl Config {
    /// Reads and checks a file.
    pub(crate) fn read(path: &Path) -> PyResult<Self> {
        let bytes = read(path, CONFIG_BYTES_MAX)?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        serde_path_to_error::deserialize(&mut json).map_err(|e| {
            call(
                format!("{}: {}: {}", path.display(), e.path(), e.inner()),
                "write interval, seed, dir, roadnetFile, flowFile, rlTrafficLight, laneChange",
            )
        })
    }

    /// The road network file.
    pub(crate) fn roadnet(&self) -> PathBuf {
        self.behind_dir(&self.roadnet_file)
    }

    /// The demand file.
    pub(crate) fn flow(&self) -> PathBuf {
        self.behind_dir(&self.flow_file)
    }

    /// A file name as the reference reads it.
    pub(crate) fn behind_dir(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("{}{name}", self.dir))
    }

    /// A file that a replay needs.
    pub(crate) fn named(&self, member: &str, name: &str) -> PyResult<PathBuf> {
        if name.is_empty() {
            return Err(call(
                format!("saveReplay is true and {member} is missing"),
                "name the file to write",
            ));
        }
        Ok(self.behind_dir(name))
    }
}

/// The bytes of a network or demand file.
pub(crate) fn read_data(path: &Path) -> PyResult<Vec<u8>> {
    read(path, FILE_BYTES_MAX)
}

fn read(path: &Path, limit: u64) -> PyResult<Vec<u8>> {
    let failed = |e: std::io::Error| {
        call(
            format!("cannot read {}: {e}", path.display()),
            "check the path",
        )
    };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > limit {
        return Err(call(
            format!(
                "{} has {size} bytes; at most {limit} are read",
                path.display()
            ),
            "name another file",
        ));
    }
    std::fs::read(path).map_err(failed)
}
