//! Replay logs: written during `conurb sim run`, and turned from binary into text.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use conurb_traffic::replay::{ReplayFrame, ReplayReader, ReplayWriter, TextLog, shapes_json};
use conurb_traffic::{Demand, Network, Sim};

use super::args::ReplayArgs;
use crate::city;
use crate::fail::{Failure, io};
use crate::out::say;

/// A log being written: the reference's text where the name ends in `.txt`, else binary.
pub(crate) struct Log {
    path: PathBuf,
    frame: ReplayFrame,
    form: Form,
    /// The first failure; nothing is written after it.
    failed: Option<std::io::Error>,
}

enum Form {
    Text(TextLog<BufWriter<File>>),
    Binary(ReplayWriter<BufWriter<File>>),
}

impl Log {
    /// Begins a log; beside a text log the network's shapes, with the ending `.json`.
    pub(crate) fn create(path: &Path, net: &Network) -> Result<Self, Failure> {
        let failed = |e: &std::io::Error| io(path, "cannot write", e);
        let to = BufWriter::new(File::create(path).map_err(|e| failed(&e))?);
        let form = if path.extension().is_some_and(|e| e == "txt") {
            write_shapes(&path.with_extension("json"), net)?;
            Form::Text(TextLog::new(to))
        } else {
            Form::Binary(ReplayWriter::new(to).map_err(|e| failed(&e))?)
        };
        Ok(Self {
            path: path.to_owned(),
            frame: ReplayFrame::default(),
            form,
            failed: None,
        })
    }

    /// Appends the present state.
    pub(crate) fn observe(&mut self, sim: &Sim) {
        if self.failed.is_some() {
            return;
        }
        self.frame.take(sim);
        let written = match &mut self.form {
            Form::Text(to) => to.push(&self.frame, sim.network(), sim.demand()),
            Form::Binary(to) => to.push(&self.frame),
        };
        self.failed = written.err();
    }

    /// Flushes; the first failure of the run, if there was one.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let flushed = match (self.failed, self.form) {
            (Some(error), _) => Err(error),
            (None, Form::Text(mut to)) => to.flush(),
            (None, Form::Binary(to)) => to.finish().map(drop),
        };
        flushed.map_err(|e| io(&self.path, "cannot write", &e))
    }
}

/// Runs `conurb sim replay`: a binary log becomes the reference's text.
pub(crate) fn run(args: &ReplayArgs) -> Result<(), Failure> {
    let city = city::load(&args.city, args.span)?;
    let cannot_read = |e: &std::io::Error| io(&args.log, "cannot read", e);
    let log = File::open(&args.log).map_err(|e| cannot_read(&e))?;
    let mut log = ReplayReader::new(BufReader::new(log)).map_err(|e| cannot_read(&e))?;
    let cannot_write = |e: &std::io::Error| io(&args.out, "cannot write", e);
    let to = BufWriter::new(File::create(&args.out).map_err(|e| cannot_write(&e))?);
    let mut to = TextLog::new(to);
    write_shapes(&args.out.with_extension("json"), &city.network)?;
    let mut frame = ReplayFrame::default();
    while log.next_into(&mut frame).map_err(|e| cannot_read(&e))? {
        check(&frame, &city.network, &city.demand, &args.log)?;
        to.push(&frame, &city.network, &city.demand)
            .map_err(|e| cannot_write(&e))?;
    }
    to.flush().map_err(|e| cannot_write(&e))?;
    say(&args.out.display().to_string());
    Ok(())
}

/// The log has to be of this city.
fn check(frame: &ReplayFrame, net: &Network, demand: &Demand, log: &Path) -> Result<(), Failure> {
    let drivables = net.lanes().len() + net.links().len();
    let fits = frame.phases.len() == net.junctions().len()
        && frame.vehicles.iter().all(|v| {
            v.drivable.ix() < drivables
                && v.towards.ix() < drivables
                && (v.template as usize) < demand.templates().len()
        });
    if fits {
        return Ok(());
    }
    Err(Failure::plain(
        format!("{}: step {} is not of this city", log.display(), frame.step),
        Some("give the network and the demand of the run that wrote the log"),
    ))
}

fn write_shapes(path: &Path, net: &Network) -> Result<(), Failure> {
    std::fs::write(path, shapes_json(net).to_string()).map_err(|e| io(path, "cannot write", &e))
}
