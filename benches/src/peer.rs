//! The reference simulator on the same files and phases, where Python can import it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::json;

use crate::options::Scratch;

/// Runs the reference and prints one JSON line: CPU seconds of the process around its steps alone.
/// It leaves without tidying up, because the reference's destructor can hang.
const SCRIPT: &str = r#"
import json, os, sys, time

def say(what):
    print(json.dumps(what), flush=True)
    os._exit(0)

try:
    import cityflow
except ImportError as error:
    say({"absent": str(error)})
task = json.load(open(sys.argv[1]))
engine = cityflow.Engine(sys.argv[2], thread_num=1)
cpu, updates = 0.0, 0
for phases in task["phases"]:
    for junction, phase in zip(task["junctions"], phases):
        engine.set_tl_phase(junction, phase)
    start = time.process_time()
    engine.next_step()
    cpu += time.process_time() - start
    updates += engine.get_vehicle_count()
say({"cpu_s": cpu, "updates": updates})
"#;

/// What both engines run.
pub(crate) struct Files<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) roadnet: &'a str,
    pub(crate) flow: &'a str,
    /// Signalised junctions, and their phases by second.
    pub(crate) junctions: Vec<&'a str>,
    pub(crate) phases: &'a [Vec<u16>],
}

/// The reference's figure, or why there is none.
pub(crate) enum Peer {
    /// Vehicle updates per CPU-second (with lane change, its count has shadows in it).
    Rate(f64),
    /// Python cannot import it, or there is no Python.
    Absent(String),
}

impl Peer {
    /// The higher rate.
    pub(crate) fn better(self, other: Self) -> Self {
        match (self, other) {
            (Self::Rate(a), Self::Rate(b)) => Self::Rate(a.max(b)),
            (_, other) => other,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Said {
    Absent { absent: String },
    Ran { cpu_s: f64, updates: f64 },
}

/// Runs the reference.
pub(crate) fn rate(scratch: &Scratch, files: &Files<'_>, lane_change: bool) -> Result<Peer> {
    let (task, config) = (
        scratch.path().join("task.json"),
        scratch.path().join("config.json"),
    );
    let phases = json!({"junctions": files.junctions, "phases": files.phases});
    std::fs::write(&task, phases.to_string())?;
    let settings = json!({
        "interval": 1.0, "seed": 0, "dir": format!("{}/", files.folder.display()),
        "roadnetFile": files.roadnet, "flowFile": files.flow,
        "rlTrafficLight": true, "laneChange": lane_change, "saveReplay": false,
    });
    std::fs::write(&config, settings.to_string())?;
    let child = Command::new("python3")
        .arg("-")
        .args([&task, &config])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Ok(Peer::Absent(format!("python3: {error}"))),
    };
    let mut stdin = child.stdin.take().context("the script's way in")?;
    stdin.write_all(SCRIPT.as_bytes())?;
    drop(stdin);
    let out = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&out.stdout);
    let line = said.lines().last().unwrap_or_default();
    match serde_json::from_str(line) {
        Ok(Said::Absent { absent }) => Ok(Peer::Absent(absent)),
        Ok(Said::Ran { cpu_s, updates }) => Ok(Peer::Rate(updates / cpu_s)),
        Err(_) => bail!(
            "the reference simulator said nothing we know ({}): {said}",
            out.status
        ),
    }
}
