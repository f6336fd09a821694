//! The replay log of an engine: the reference's text.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use conurb_traffic::replay::{ReplayFrame, TextLog, shapes_json};
use conurb_traffic::{Network, Sim};
use pyo3::prelude::*;

use crate::errors::call;

/// A log that is being written.
pub(crate) struct Replay {
    path: PathBuf,
    log: TextLog<BufWriter<File>>,
    frame: ReplayFrame,
    /// False while the caller has it stopped.
    pub(crate) on: bool,
}

impl Replay {
    pub(crate) fn create(path: PathBuf) -> PyResult<Self> {
        let file = File::create(&path).map_err(|e| failed(&path, &e))?;
        Ok(Self {
            path,
            log: TextLog::new(BufWriter::new(file)),
            frame: ReplayFrame::default(),
            on: true,
        })
    }

    /// Appends the present state; on disk when the call returns, as the reference has it.
    pub(crate) fn push(&mut self, sim: &Sim) -> PyResult<()> {
        if !self.on {
            return Ok(());
        }
        self.frame.take(sim);
        let written = self
            .log
            .push(&self.frame, sim.network(), sim.demand())
            .and_then(|()| self.log.flush());
        written.map_err(|e| failed(&self.path, &e))
    }
}

/// Writes the network's shapes.
pub(crate) fn write_shapes(path: &Path, net: &Network) -> PyResult<()> {
    std::fs::write(path, shapes_json(net).to_string()).map_err(|e| failed(path, &e))
}

fn failed(path: &Path, error: &std::io::Error) -> PyErr {
    call(
        format!("cannot write {}: {error}", path.display()),
        "check the folder and the space on the disk",
    )
}
