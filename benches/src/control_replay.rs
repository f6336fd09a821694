//! Replays plans in the reference simulator, when its Python module can be imported.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::options::Scratch;

/// The replay: reads its task from a file named as argument, prints both travel times as JSON.
const SCRIPT: &str = include_str!("control_replay.py");

/// A Python with the reference simulator.
#[derive(Debug)]
pub(crate) struct Reference(());

impl Reference {
    /// Looks for it.
    pub(crate) fn find() -> Option<Self> {
        let imports = Command::new("python3")
            .args(["-c", "import cityflow"])
            .output()
            .is_ok_and(|done| done.status.success());
        imports.then_some(Self(()))
    }

    /// Approach and network travel time, s, of a plan (phase by second and junction) with lane
    /// change on.
    #[allow(clippy::unused_self)] // being found is the proof that it can run
    pub(crate) fn replay(
        &self,
        network: &Path,
        demand: &Path,
        junctions: &[String],
        phases: &[Vec<u16>],
    ) -> Result<[f64; 2]> {
        let scratch = Scratch::new("control")?;
        let file = |name: &str, text: &str| -> Result<std::path::PathBuf> {
            let path = scratch.path().join(name);
            std::fs::write(&path, text)?;
            Ok(path)
        };
        let script = file("replay.py", SCRIPT)?;
        let config = json!({
            "interval": 1.0, "seed": 0, "dir": "", "roadnetFile": network, "flowFile": demand,
            "rlTrafficLight": true, "laneChange": true, "saveReplay": false,
        });
        let config = file("config.json", &config.to_string())?;
        let task = json!({
            "config": config, "network": network, "junctions": junctions, "phases": phases,
        });
        let task = file("task.json", &task.to_string())?;
        let done = Command::new("python3")
            .args([&script, &task])
            .output()
            .context("cannot start python3")?;
        let said = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "the replay failed: {said}");
        serde_json::from_slice(&done.stdout).context("the replay gave no travel times")
    }
}
