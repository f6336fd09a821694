//! Sensor to command: a thousand signals decide while their detectors report, and a consumer of
//! the live stream in the same process notes when each command arrives. One clock throughout.
//!
//! Reports leave on a schedule whether or not earlier ones have been answered (pipelining), so
//! that a slow moment of the node delays nothing here and is measured in full.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use conurb_base::{Clock, SystemClock, TimeMs};
use conurb_signals::layout::{SignalLayout, signals_of};
use conurb_signals::{Settings, names};
use conurb_testkit::feed::{Batch, Field, HEADERS, UPSERT, acknowledges, fixed_time};
use conurb_testkit::http::{Connection, Receiver, Sender, connect};
use conurb_testkit::node::Node;
use conurb_traffic::Network;
use conurb_traffic::citygen::{CityOptions, CityPlan};

use crate::figure::{Figure, quantile};
use crate::options::{Options, Scratch};

const BENCH: &str = "latency";
/// Longest sensor-to-command time at the 99th percentile, milliseconds.
const P99_MS_MAX: f64 = 10.0;
/// Signals that decide.
const SIGNALS: u32 = 1000;
/// Seconds between two decisions at a signal.
const INTERVAL_S: u64 = 15;
/// Reports a second, all lanes together.
const UPDATES_S: u64 = 25_000;
/// Reports in one request: what a gateway collects in four milliseconds.
const BATCH: usize = 100;
/// Connections the requests alternate over.
const CONNECTIONS: usize = 2;
const CITY: &str = "bench";
/// Every signal has decided once by then, seconds.
const WARM_UP_S: u64 = 18;

/// What a lane's detector reports.
const LANE: [Field; 4] = [
    Field {
        name: names::VEHICLE_COUNT,
        value: "0",
        digits: (0, 1),
        more: "",
    },
    Field {
        name: names::QUEUE_LENGTH,
        value: "0",
        digits: (0, 1),
        more: "",
    },
    Field {
        name: "averageVehicleSpeed",
        value: "10.5",
        digits: (0, 2),
        more: "",
    },
    Field {
        name: "intensity",
        value: "0",
        digits: (0, 1),
        more: "",
    },
];

/// When the reports of one batch were observed, and when their request had left.
type Left = Vec<(TimeMs, u64)>;

/// A command as it arrived.
#[derive(Debug)]
struct Arrived {
    signal: String,
    at: TimeMs,
    ns: u64,
}

/// The city as its detectors are wired.
struct Field1000 {
    layouts: Vec<SignalLayout>,
    batches: Vec<Batch>,
    /// Which batch reports a lane, by lane index.
    batch_of: BTreeMap<usize, usize>,
    lanes: usize,
}

/// Runs the bench.
pub(crate) fn run(options: &Options) -> Result<Vec<Figure>> {
    let span_s = if options.quick { 15 } else { 60 };
    let scratch = Scratch::new(BENCH)?;
    let (network, config) = city(scratch.path())?;
    let field = field(&network)?;
    let node = Node::start(
        &options.conurb()?,
        &scratch.path().join("node"),
        Some(&config),
    )?;
    let clock = SystemClock::new();
    phases(node.addr(), &clock, &field.layouts)?;
    let run = drive(&node, &clock, &field, span_s)?;
    judge(&field, &run, span_s)
}

/// Generates the city; returns its network and the node's configuration file.
fn city(folder: &Path) -> Result<(Network, PathBuf)> {
    let options = CityOptions {
        signals: SIGNALS,
        seed: 7,
        span_s: 60,
        ..CityOptions::default()
    };
    let mut roads = Vec::new();
    CityPlan::new(&options)?.write_network(&mut roads)?;
    let path = folder.join("roadnet.json");
    std::fs::write(&path, &roads)?;
    let config = folder.join("conurb.toml");
    let text = format!(
        "[node]\ncity = \"{CITY}\"\n\n[signals]\nnetwork = {:?}\nmode = \"auto\"\ndecision_interval_s = {INTERVAL_S}\nstagger = true\n",
        path.display().to_string()
    );
    std::fs::write(&config, text)?;
    Ok((Network::from_json(&roads, "generated roadnet")?, config))
}

/// Detectors of all lanes of all signals, in batches whose lanes lie anywhere in the city.
fn field(network: &Network) -> Result<Field1000> {
    let settings = Settings {
        city: CITY.to_owned(),
        ..Settings::default()
    };
    let layouts = signals_of(network, &settings);
    ensure!(
        layouts.len() >= SIGNALS as usize * 9 / 10,
        "only {} junctions decide",
        layouts.len()
    );
    let mut lanes: Vec<usize> = layouts
        .iter()
        .flat_map(|l| l.entering.iter().chain(&l.leaving))
        .map(|l| l.ix())
        .collect();
    lanes.sort_unstable();
    lanes.dedup();
    // Detectors report when they do, not junction by junction: an order that looks random.
    lanes.sort_by_key(|l| (conurb_base::stream_seed(7, "lane", &l.to_string()), *l));
    let mut batch_of = BTreeMap::new();
    let mut batches = Vec::new();
    for chunk in lanes.chunks(BATCH) {
        batch_of.extend(chunk.iter().map(|l| (*l, batches.len())));
        let ids = chunk
            .iter()
            .map(|l| names::lane_urn(CITY, &network.lanes()[*l].id));
        batches.push(Batch::new(ids, "TrafficFlowObserved", &LANE));
    }
    Ok(Field1000 {
        layouts,
        batches,
        batch_of,
        lanes: lanes.len(),
    })
}

/// Digits of a lane's report: a queue that grows and goes, by report and second.
fn reading(report: usize, field: usize, time: TimeMs) -> u64 {
    let second = u64::try_from(time.0 / 1000).unwrap_or(0);
    let vehicles = (second / 5 + report as u64 * 7) % 10;
    match field {
        0 => vehicles,
        1 => vehicles / 2,
        2 => 45 - 3 * vehicles,
        _ => u64::from(second.is_multiple_of(3)),
    }
}

/// Controllers say once which phase they show.
fn phases(addr: SocketAddr, clock: &SystemClock, layouts: &[SignalLayout]) -> Result<()> {
    let mut connection = Connection::open(addr)?;
    let now = fixed_time(clock.now());
    for chunk in layouts.chunks(BATCH) {
        let signals: Vec<String> = chunk
            .iter()
            .map(|l| phase_report(&l.urn, u64::from(l.options[0].phase), &now))
            .collect();
        let body = format!("[{}]", signals.join(","));
        let answer = connection.ask("POST", UPSERT, HEADERS, body.as_bytes())?;
        ensure!(
            acknowledges(&answer),
            "signals: {} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
    Ok(())
}

fn phase_report(urn: &str, phase: u64, time: &str) -> String {
    format!(
        "{{\"id\":\"{urn}\",\"type\":\"{}\",\"{}\":{{\"type\":\"Property\",\"value\":{phase},\"observedAt\":\"{time}\"}}}}",
        names::TRAFFIC_SIGNAL,
        names::CURRENT_PHASE
    )
}

/// What a run gave.
struct Run {
    /// By batch.
    left: Vec<Left>,
    arrived: Vec<Arrived>,
    /// Start and end of what is measured.
    from_ns: u64,
    to_ns: u64,
    updates: u64,
    cpu_s: f64,
}

fn drive(node: &Node, clock: &SystemClock, field: &Field1000, span_s: u64) -> Result<Run> {
    let addr = node.addr();
    let began = clock.monotonic_ns();
    let from_ns = began + WARM_UP_S * 1_000_000_000;
    let to_ns = from_ns + span_s * 1_000_000_000;
    let (acknowledged, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let (command_tx, command_rx) = mpsc::channel();
    let (sender, mut live) = connect(addr)?;
    let mut sender = sender;
    sender.send("GET", "/api/v1/live?topics=command", "", b"")?;
    let (stop, acknowledged) = (&stop, &acknowledged);
    std::thread::scope(|scope| -> Result<Run> {
        // Whichever way this ends, the readers must.
        let _stop = StopAtEnd(stop);
        let consumer = scope.spawn(move || arrivals(&mut live, clock, stop, &command_tx));
        let controllers = scope.spawn(move || answer_commands(addr, clock, &command_rx));
        let mut writers = Vec::new();
        let mut readers = Vec::new();
        for n in 0..CONNECTIONS {
            let (sender, receiver) = connect(addr)?;
            let asked = Arc::new(AtomicU64::new(0));
            let counted = asked.clone();
            writers.push(
                scope.spawn(move || report(sender, clock, field, n, (began, to_ns), &counted)),
            );
            readers.push(scope.spawn(move || answers(receiver, &asked, stop, acknowledged)));
        }
        wait_until(clock, from_ns);
        let (cpu, updates) = (node.cpu_s(), acknowledged.load(Ordering::Relaxed));
        wait_until(clock, to_ns);
        let updates = acknowledged.load(Ordering::Relaxed) - updates;
        let cpu_s = node.cpu_s() - cpu;
        let mut left = vec![Vec::new(); field.batches.len()];
        for writer in writers {
            for (n, times) in writer.join().map_err(|_| anyhow!("a writer panicked"))?? {
                left[n] = times;
            }
        }
        // The last decisions still come; then the stream stops being read at the next command.
        std::thread::sleep(Duration::from_secs(1));
        stop.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().map_err(|_| anyhow!("a reader panicked"))??;
        }
        last_word(addr, clock, field)?;
        let arrived = consumer
            .join()
            .map_err(|_| anyhow!("the consumer panicked"))??;
        controllers
            .join()
            .map_err(|_| anyhow!("the controllers panicked"))??;
        Ok(Run {
            left,
            arrived,
            from_ns,
            to_ns,
            updates,
            cpu_s,
        })
    })
}

/// Says stop when it is dropped.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn wait_until(clock: &SystemClock, ns: u64) {
    let now = clock.monotonic_ns();
    if ns > now {
        std::thread::sleep(Duration::from_nanos(ns - now));
    }
}

/// Sends the batches of connection `n` at their times until `to_ns`; returns when each left.
fn report(
    mut sender: Sender,
    clock: &SystemClock,
    field: &Field1000,
    n: usize,
    (began, to_ns): (u64, u64),
    asked: &AtomicU64,
) -> Result<Vec<(usize, Left)>> {
    let step_ns = BATCH as u64 * 1_000_000_000 / UPDATES_S;
    let mut mine: Vec<(usize, Batch, Left)> = (n..field.batches.len())
        .step_by(CONNECTIONS)
        .map(|i| (i, field.batches[i].clone(), Left::new()))
        .collect();
    let (mut turn, count) = (0, field.batches.len() as u64);
    loop {
        for (i, batch, left) in &mut mine {
            let due = began + (turn * count + *i as u64) * step_ns;
            if due > to_ns {
                return Ok(mine.into_iter().map(|(i, _, left)| (i, left)).collect());
            }
            wait_until(clock, due);
            let (time, body) = batch.at(clock.now(), reading);
            asked.fetch_add(1, Ordering::SeqCst);
            sender.send("POST", UPSERT, HEADERS, body)?;
            left.push((time, clock.monotonic_ns()));
        }
        turn += 1;
    }
}

/// Reads the answers of a connection; anything but an acknowledgement is an error.
fn answers(
    mut receiver: Receiver,
    asked: &AtomicU64,
    stop: &AtomicBool,
    acknowledged: &AtomicU64,
) -> Result<()> {
    let mut read = 0;
    loop {
        if read == asked.load(Ordering::SeqCst) {
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_micros(500));
            continue;
        }
        let answer = receiver.answer()?;
        read += 1;
        ensure!(
            acknowledges(&answer),
            "reports were answered {}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
        acknowledged.fetch_add(BATCH as u64, Ordering::Relaxed);
    }
}

/// Notes every command of the live stream until told to stop.
fn arrivals(
    live: &mut Receiver,
    clock: &SystemClock,
    stop: &AtomicBool,
    commands: &mpsc::Sender<(String, u64)>,
) -> Result<Vec<Arrived>> {
    let mut arrived = Vec::new();
    let mut strange = None;
    live.events(|data| {
        let ns = clock.monotonic_ns();
        match read_command(data) {
            Some((signal, at, phase)) => {
                if let Some(phase) = phase {
                    // Nobody listens any more only when the run is over.
                    let _ = commands.send((signal.clone(), phase));
                }
                arrived.push(Arrived { signal, at, ns });
            }
            None => strange = Some(data.to_owned()),
        }
        !stop.load(Ordering::Relaxed) && strange.is_none()
    })?;
    match strange {
        Some(data) => Err(anyhow!("the live stream sent what is no command: {data}")),
        None => Ok(arrived),
    }
}

/// Actuator, decision time and phase of a command event, wherever in the event the command is.
fn read_command(data: &str) -> Option<(String, TimeMs, Option<u64>)> {
    let event: serde_json::Value = serde_json::from_str(data).ok()?;
    let command = [&event, &event["data"], &event["command"]]
        .into_iter()
        .find(|c| c.get("decision_id").is_some())?;
    let signal = command["actuator"].as_str()?;
    let decision = command["decision_id"].as_str()?;
    let at = decision.split_once(signal)?.1.strip_prefix(':')?;
    let phase = command["action"]["phase"].as_u64();
    Some((signal.to_owned(), TimeMs::from_iso(at).ok()?, phase))
}

/// The controllers: each command is carried out and the new phase reported at once.
fn answer_commands(
    addr: SocketAddr,
    clock: &SystemClock,
    commands: &mpsc::Receiver<(String, u64)>,
) -> Result<()> {
    let mut connection = Connection::open(addr)?;
    while let Ok((signal, phase)) = commands.recv() {
        let time = fixed_time(clock.now());
        let mut reports = vec![phase_report(&signal, phase, &time)];
        while let Ok((signal, phase)) = commands.try_recv() {
            reports.push(phase_report(&signal, phase, &time));
        }
        let body = format!("[{}]", reports.join(","));
        let answer = connection.ask("POST", UPSERT, HEADERS, body.as_bytes())?;
        ensure!(
            acknowledges(&answer),
            "a controller was answered {}",
            answer.status
        );
    }
    Ok(())
}

/// One more report of every lane after the run, so that a command comes and the consumer, which
/// waits for one, sees that it is over.
fn last_word(addr: SocketAddr, clock: &SystemClock, field: &Field1000) -> Result<()> {
    let mut connection = Connection::open(addr)?;
    for batch in &field.batches {
        let mut batch = batch.clone();
        let (_, body) = batch.at(clock.now(), reading);
        ensure!(
            acknowledges(&connection.ask("POST", UPSERT, HEADERS, body)?),
            "the last reports were refused"
        );
    }
    Ok(())
}

/// From the departure of the last report each decision waited for to the arrival of its command.
fn judge(field: &Field1000, run: &Run, span_s: u64) -> Result<Vec<Figure>> {
    let by_urn: BTreeMap<&str, &SignalLayout> =
        field.layouts.iter().map(|l| (&*l.urn, l)).collect();
    let mut ms = Vec::new();
    for command in &run.arrived {
        let layout = by_urn
            .get(&*command.signal)
            .with_context(|| format!("a command for {}, which is no signal", command.signal))?;
        let Some(left) = last_report(field, run, layout, command.at) else {
            continue; // it rests on a report after the run
        };
        if (run.from_ns..run.to_ns).contains(&left) {
            #[allow(clippy::cast_precision_loss)] // spans far below 2^53 ns
            ms.push((command.ns.saturating_sub(left)) as f64 / 1e6);
        }
    }
    ms.sort_by(f64::total_cmp);
    #[allow(clippy::cast_precision_loss)] // far below 2^53
    let float = |n: u64| n as f64;
    let expected = float(field.layouts.len() as u64 * span_s / INTERVAL_S);
    let rate = float(run.updates) / float(span_s);
    let offered = float(UPDATES_S);
    eprintln!(
        "latency: {} signals, {} lanes, each reported every {:.2} s; no broker on the path: reports by HTTP, commands by server-sent events",
        field.layouts.len(),
        field.lanes,
        float(field.lanes as u64) / offered
    );
    let told = |metric: &str, value, unit| Figure::told(BENCH, metric, value, unit);
    Ok(vec![
        told("sensor to command, p50", quantile(&ms, 0.5), "ms"),
        Figure::at_most(
            BENCH,
            "sensor to command, p99",
            quantile(&ms, 0.99),
            "ms",
            P99_MS_MAX,
        ),
        told("sensor to command, p99.9", quantile(&ms, 0.999), "ms"),
        told("sensor to command, longest", quantile(&ms, 1.0), "ms"),
        Figure::at_least(
            BENCH,
            "commands measured",
            float(ms.len() as u64),
            "1",
            (expected * 0.95).floor(),
        ),
        // A batch more or less at either end of the span.
        Figure::at_least(
            BENCH,
            "durable updates meanwhile",
            rate,
            "1/s",
            (offered * 0.995).floor(),
        ),
        told("signals", float(field.layouts.len() as u64), "1"),
        told("brokers on the path", 0.0, "1"),
        told(
            "processor time of the node a second",
            run.cpu_s / float(span_s),
            "s",
        ),
    ])
}

/// When the last of the reports left that a decision for `at` needs: of every entering lane the
/// first one observed at `at` or later.
fn last_report(field: &Field1000, run: &Run, layout: &SignalLayout, at: TimeMs) -> Option<u64> {
    let mut last = 0;
    for lane in &layout.entering {
        let left = &run.left[*field.batch_of.get(&lane.ix())?];
        let first = left.partition_point(|(time, _)| *time < at);
        last = last.max(left.get(first)?.1);
    }
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_tells_signal_time_and_phase() {
        let signal = "urn:ngsi-ld:TrafficSignal:bench:intersection_1_1";
        let id = format!("urn:conurb:decision:bench:signals:{signal}:2026-03-02T08:15:00.015Z");
        let command = format!(
            "{{\"id\":\"x\",\"decision_id\":\"{id}\",\"actuator\":\"{signal}\",\"action\":{{\"phase\":3,\"yellow_s\":5}}}}"
        );
        let expected = TimeMs::from_iso("2026-03-02T08:15:00.015Z").unwrap();
        for event in [command.clone(), format!("{{\"data\":{command}}}")] {
            let (who, at, phase) = read_command(&event).unwrap();
            assert_eq!((&*who, at, phase), (signal, expected, Some(3)));
        }
        assert!(read_command("{\"topic\":\"decision\"}").is_none());
    }
}
