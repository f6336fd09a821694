//! Intake: durable updates a second over HTTP batch, and what a `kill -9` under load leaves.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use conurb_base::{Clock, SystemClock, TimeMs};
use conurb_testkit::feed::{FlowBatch, HEADERS, UPSERT, acknowledges, read_back, sensor};
use conurb_testkit::http::Connection;
use conurb_testkit::node::Node;

use crate::figure::{Figure, quantile};
use crate::options::{Options, Scratch};

const BENCH: &str = "intake";
/// Updates a second that must be durable.
const UPDATES_S_MIN: f64 = 50_000.0;
/// Sensors that report.
const SENSORS: usize = 50_000;
/// Reports in one request.
const BATCH: usize = 500;
/// Connections, each with one request under way.
const CONNECTIONS: usize = 4;

/// What one batch's node has acknowledged.
#[derive(Debug, Clone, Copy)]
struct Acked {
    from: usize,
    to: usize,
    /// Time of the newest acknowledged reports.
    acked: TimeMs,
    /// Time of the newest reports sent.
    sent: TimeMs,
}

/// What one connection did.
#[derive(Debug, Default)]
struct Outcome {
    batches: Vec<Acked>,
    latency_ms: Vec<f64>,
    updates: u64,
    busy: u64,
}

/// Runs the bench.
pub(crate) fn run(options: &Options) -> Result<Vec<Figure>> {
    let span = Duration::from_secs(if options.quick { 10 } else { 60 });
    let conurb = options.conurb()?;
    let scratch = Scratch::new(BENCH)?;
    let data = scratch.path().join("node");
    let clock = SystemClock::new();
    let node = Node::start(&conurb, &data, None)?;
    let addr = node.addr();
    let mut feeds = feeds();
    create(addr, &clock, &mut feeds)?;
    let log = LogWatch::default();
    let (cpu_before, disk_before) = (node.cpu_s(), node.written_bytes());
    let began = clock.monotonic_ns();
    let mut used = (0.0, 0, 0);
    let outcomes: Vec<Outcome> = std::thread::scope(|scope| -> Result<_> {
        let drivers: Vec<_> = feeds
            .into_iter()
            .map(|mut feed| {
                let clock = &clock;
                scope.spawn(move || drive(addr, clock, &mut feed))
            })
            .collect();
        while clock.monotonic_ns() - began < u64::try_from(span.as_nanos())? {
            std::thread::sleep(Duration::from_millis(100));
            log.look(&data.join("log"));
        }
        used = (
            node.cpu_s() - cpu_before,
            node.written_bytes() - disk_before,
            node.memory_peak_bytes(),
        );
        // Under full load: what it has not acknowledged by now it may lose, nothing else.
        node.kill()?;
        drivers
            .into_iter()
            .map(|d| d.join().map_err(|_| anyhow::anyhow!("a driver panicked"))?)
            .collect()
    })?;
    let seconds = seconds(clock.monotonic_ns() - began);
    let restart = clock.monotonic_ns();
    let node = Node::start(&conurb, &data, None)?;
    let restart_s = self::seconds(clock.monotonic_ns() - restart);
    let lost = lost(&node, &outcomes)?;
    figures(&outcomes, seconds, used, log.bytes(), restart_s, lost)
}

/// The batches of each connection.
fn feeds() -> Vec<Vec<FlowBatch>> {
    let mut feeds = vec![Vec::new(); CONNECTIONS];
    for (n, from) in (0..SENSORS).step_by(BATCH).enumerate() {
        feeds[n % CONNECTIONS].push(FlowBatch::new(from, BATCH.min(SENSORS - from)));
    }
    feeds
}

/// Reports everything once, so that what is measured is updates.
fn create(addr: SocketAddr, clock: &SystemClock, feeds: &mut [Vec<FlowBatch>]) -> Result<()> {
    let mut connection = Connection::open(addr)?;
    for batch in feeds.iter_mut().flatten() {
        let (_, body) = batch.at(clock.now());
        let answer = connection.ask("POST", UPSERT, HEADERS, body)?;
        ensure!(
            answer.status == 201,
            "creating sensors: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
    Ok(())
}

/// Sends the batches in turn until the connection breaks.
fn drive(addr: SocketAddr, clock: &SystemClock, feed: &mut [FlowBatch]) -> Result<Outcome> {
    let mut out = Outcome {
        batches: feed
            .iter()
            .map(|b| Acked {
                from: b.sensors().start,
                to: b.sensors().end,
                acked: b.last(),
                sent: b.last(),
            })
            .collect(),
        ..Outcome::default()
    };
    let mut connection = Connection::open(addr)?;
    loop {
        for (batch, acked) in feed.iter_mut().zip(&mut out.batches) {
            let (time, body) = batch.at(clock.now());
            acked.sent = time;
            let asked = clock.monotonic_ns();
            let Ok(answer) = connection.ask("POST", UPSERT, HEADERS, body) else {
                return Ok(out);
            };
            if acknowledges(&answer) {
                acked.acked = time;
                out.updates += batch.sensors().len() as u64;
                out.latency_ms
                    .push(seconds(clock.monotonic_ns() - asked) * 1000.0);
            } else if answer.status == 429 {
                out.busy += 1;
                std::thread::sleep(Duration::from_millis(20));
            } else {
                let said = String::from_utf8_lossy(&answer.body);
                anyhow::bail!("an update was answered {}: {said}", answer.status);
            }
        }
    }
}

/// Acknowledged updates that are not there, by sensor.
fn lost(node: &Node, outcomes: &[Outcome]) -> Result<u64> {
    let seen = read_back(&mut Connection::open(node.addr())?).context("reading back")?;
    ensure!(
        seen.len() <= SENSORS,
        "{} sensors where {SENSORS} were reported",
        seen.len()
    );
    let mut lost = 0;
    for batch in outcomes.iter().flat_map(|o| &o.batches) {
        for i in batch.from..batch.to {
            let time = seen.get(&sensor(i)).copied();
            ensure!(
                time.is_none_or(|t| t <= batch.sent),
                "sensor {i} tells of a report that was never sent"
            );
            lost += u64::from(time.is_none_or(|t| t < batch.acked));
        }
    }
    Ok(lost)
}

fn figures(
    outcomes: &[Outcome],
    seconds: f64,
    (cpu_s, disk_bytes, memory_bytes): (f64, u64, u64),
    log_bytes: u64,
    restart_s: f64,
    lost: u64,
) -> Result<Vec<Figure>> {
    #[allow(clippy::cast_precision_loss)] // far below 2^53
    let float = |n: u64| n as f64;
    let updates = float(outcomes.iter().map(|o| o.updates).sum());
    ensure!(updates > 0.0, "nothing was acknowledged");
    let mut latency: Vec<f64> = outcomes
        .iter()
        .flat_map(|o| o.latency_ms.iter().copied())
        .collect();
    latency.sort_by(f64::total_cmp);
    let told = |metric: &str, value, unit| Figure::told(BENCH, metric, value, unit);
    Ok(vec![
        Figure::at_least(
            BENCH,
            "durable updates over HTTP batch",
            updates / seconds,
            "1/s",
            UPDATES_S_MIN,
        ),
        Figure::at_most(
            BENCH,
            "acknowledged updates lost by kill -9",
            float(lost),
            "1",
            0.0,
        ),
        told("request of 500 updates, p50", quantile(&latency, 0.5), "ms"),
        told(
            "request of 500 updates, p99",
            quantile(&latency, 0.99),
            "ms",
        ),
        told(
            "requests asked to come later (429)",
            float(outcomes.iter().map(|o| o.busy).sum()),
            "1",
        ),
        told("processor time an update", cpu_s / updates * 1e6, "us"),
        told("log bytes an update", float(log_bytes) / updates, "B"),
        told(
            "bytes written an update, all files",
            float(disk_bytes) / updates,
            "B",
        ),
        told(
            "memory of the node, peak",
            float(memory_bytes) / 1048576.0,
            "MiB",
        ),
        told("restart after kill -9, to ready", restart_s, "s"),
        told("length of the run", seconds, "s"),
    ])
}

/// Counts what is written to a log whose segments come and go.
#[derive(Debug, Default)]
struct LogWatch {
    /// Greatest length of each segment, by name; the first look is where counting starts.
    seen: Mutex<Option<(u64, std::collections::BTreeMap<std::ffi::OsString, u64>)>>,
}

impl LogWatch {
    fn look(&self, folder: &Path) {
        let mut seen = self
            .seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let first = seen.is_none();
        let (start, sizes) = seen.get_or_insert_default();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let len = entry.metadata().map_or(0, |m| m.len());
            let known = sizes.entry(entry.file_name()).or_default();
            *known = len.max(*known);
        }
        if first {
            *start = sizes.values().sum();
        }
    }

    /// Bytes since the first look.
    fn bytes(&self) -> u64 {
        let seen = self
            .seen
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.as_ref()
            .map_or(0, |(start, sizes)| sizes.values().sum::<u64>() - start)
    }
}

#[allow(clippy::cast_precision_loss)] // spans far below 2^53 ns
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
