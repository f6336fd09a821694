//! `conurb up`: the loop at wall time, behind HTTP and MQTT.
//!
//! ```text
//! HTTP, MQTT -> queue -> owner thread (one durable commit) -> loop thread (brain) -> bus, MQTT
//! ```

mod api;
mod app;
mod live;
pub(crate) mod meters;
mod mqtt;
pub(crate) mod node;
mod outbox;
pub(crate) mod problem;
mod serve;
mod turn;
mod wiring;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use conurb_base::{SharedClock, SystemClock};
use conurb_bus::{Bus, InProcess};
use conurb_context::{ContextCache, ContextEngine, ContextLimits, Entity};
use conurb_decide::Ledger;
use conurb_perceive::QueueLimits;
use conurb_scenario::{Brain, BrainOptions};
use conurb_store::Stores;
use conurb_store::embedded::Durability;
use prometheus_client::registry::Registry;
use tokio::sync::{Semaphore, watch};

use crate::cli::UpArgs;
use crate::config::Config;
use crate::fail::Failure;
use crate::ngsi::{Notifier, NotifierOptions};
use crate::node_dir;
use crate::out::say;
use app::{App, Gauges, Inner};
use meters::Meters;
use mqtt::MqttPort;
use node::WritePath;
use outbox::{Outbox, Receipts};
use turn::Loop;

/// Commits that may wait for the loop; then intake waits.
const COMMITS_WAITING_MAX: usize = 16;

/// Threads that serve requests: the owner and the loop want the rest of a small machine.
const WORKERS: usize = 2;

/// How long requests and links may take to end on a stop, each.
const PATIENCE: Duration = Duration::from_secs(4);

/// Runs the command.
pub(crate) fn run(args: &UpArgs) -> Result<(), Failure> {
    let config = configuration(args)?;
    if args.check {
        return check(&config);
    }
    log_to_stderr();
    let clock = SystemClock::shared();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|e| Failure::plain(format!("no threads for requests: {e}"), None))?;
    runtime.block_on(up(config, clock))
}

fn configuration(args: &UpArgs) -> Result<Config, Failure> {
    let mut config = Config::load(args.config.as_deref(), std::env::vars())?;
    if let Some(data) = &args.data {
        config.node.data.clone_from(data);
    }
    if let Some(listen) = &args.listen {
        if listen.parse::<std::net::SocketAddr>().is_err() {
            return Err(Failure::plain(
                format!("--listen \"{listen}\" is no address"),
                Some("write it like 127.0.0.1:8440; port 0 takes a free one"),
            ));
        }
        config.http.listen.clone_from(listen);
    }
    Ok(config)
}

/// `--check`: everything that can be read without touching data or network.
fn check(config: &Config) -> Result<(), Failure> {
    let bus: Arc<dyn Bus> = Arc::new(InProcess::default());
    if let Some(mqtt) = &config.mqtt {
        MqttPort::load(mqtt)?;
    }
    let wired = wiring::scenarios(config, None, &|id| {
        outbox_of(id, &bus, None, &Receipts::default())
    })?;
    let rules = wiring::rules(config)?;
    say(&format!(
        "configuration is good: city {}, {} scenarios, {} rules, MQTT {}",
        config.node.city,
        wired.len(),
        rules.len(),
        if config.mqtt.is_some() { "on" } else { "off" }
    ));
    Ok(())
}

fn outbox_of(
    id: &str,
    bus: &Arc<dyn Bus>,
    mqtt: Option<(Arc<MqttPort>, String)>,
    receipts: &Receipts,
) -> Outbox {
    Outbox {
        subject: format!("command.{id}"),
        bus: bus.clone(),
        mqtt,
        receipts: receipts.clone(),
    }
}

/// Logs to standard error; `CONURB_LOG` sets the level, e.g. `debug`.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CONURB_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // Fails only where a logger is set already, which then is the one to use.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(crate::out::watched())
        .with_writer(std::io::stderr)
        .try_init();
}

async fn up(config: Config, clock: SharedClock) -> Result<(), Failure> {
    // The port first: it is the likeliest to fail, and nothing is open yet.
    let listener = serve::bind(&config.http.listen).await?;
    let (stop, stopping) = watch::channel(false);
    let node = start(&config, clock, stopping)?;
    let addr = listener
        .local_addr()
        .map_err(|e| Failure::plain(format!("no local address: {e}"), None))?;
    say(&format!("listening on http://{addr}"));
    let served = serve::serve(listener, &config, node.app.clone(), stop).await;
    if let Some(mqtt) = &node.app.mqtt {
        mqtt.stop(PATIENCE).await;
    }
    // Joining threads blocks: off the request threads.
    let closed = tokio::task::spawn_blocking(move || node.close()).await;
    served?;
    closed.unwrap_or_else(|e| Err(Failure::plain(format!("closing: {e}"), None)))
}

/// A running node.
struct Node {
    app: App,
    path: WritePath,
    turns: JoinHandle<()>,
    keeper: (Sender<()>, JoinHandle<()>),
    stores: Stores<Entity>,
}

/// What a data folder holds, opened.
type State = (Stores<Entity>, Arc<ContextEngine>, Arc<Ledger>);

/// Opens the data folder: the stores, current state over them, and the ledger.
fn open_state(config: &Config, clock: &SharedClock) -> Result<State, Failure> {
    let city = &config.node.city;
    node_dir::prepare(&config.node.data, city)?;
    let stores = node_dir::open(&config.node.data, Durability::Synced, clock.clone())?;
    let context = Arc::new(ContextEngine::open(
        stores.clone(),
        clock.clone(),
        Arc::new(ContextCache::default()),
        ContextLimits::default(),
    )?);
    let ledger = Arc::new(Ledger::open(
        stores.ledger.clone(),
        stores.blobs.clone(),
        city,
    )?);
    Ok((stores, context, ledger))
}

fn start(
    config: &Config,
    clock: SharedClock,
    stopping: watch::Receiver<bool>,
) -> Result<Node, Failure> {
    let city = &config.node.city;
    let (stores, context, ledger) = open_state(config, &clock)?;
    let options = NotifierOptions {
        allow_hosts: config.http.allow_hosts.clone(),
        ..NotifierOptions::default()
    };
    let runtime = tokio::runtime::Handle::current();
    let notifier = Arc::new(Notifier::open(context.clone(), options, runtime)?);
    let bus: Arc<dyn Bus> = Arc::new(InProcess::default());
    let receipts = Receipts::default();
    let mqtt = config
        .mqtt
        .as_ref()
        .map(MqttPort::load)
        .transpose()?
        .map(Arc::new);
    let prefix = config.mqtt.as_ref().and_then(|m| m.command_prefix.clone());
    let wired = wiring::scenarios(config, Some(&stores), &|id| {
        outbox_of(id, &bus, mqtt.clone().zip(prefix.clone()), &receipts)
    })?;
    let manifests = wired.iter().map(|(s, _)| s.manifest().clone()).collect();
    let section = config.signals.as_ref();
    let options = BrainOptions {
        city: city.clone(),
        mode: section.and_then(|s| s.mode).map(Into::into),
        approval_ttl_s: section.map_or(60, |s| i64::from(s.approval_ttl_s)),
    };
    let mut brain = Brain::new(options, wired, wiring::rules(config)?, ledger.clone())?;
    let resumed = brain.resume(clock.now())?;
    tracing::info!(
        pending = resumed.pending,
        unmeasured = resumed.unmeasured,
        "decisions under way taken up"
    );
    let meters = Meters::shared();
    let (commits, changes) = std::sync::mpsc::sync_channel(COMMITS_WAITING_MAX);
    let failed = |e: std::io::Error| Failure::plain(format!("a thread does not start: {e}"), None);
    let (port, turns) = Loop {
        brain,
        context: context.clone(),
        bus: bus.clone(),
        notifier: notifier.clone(),
        clock: clock.clone(),
        meters: meters.clone(),
        changes,
    }
    .start()
    .map_err(failed)?;
    let queue = QueueLimits {
        items_max: config.node.queue_items_max,
        bytes_max: config.node.queue_bytes_max,
    };
    let path =
        WritePath::start(context.clone(), queue, vec![commits], meters.clone()).map_err(failed)?;
    let writer = path.writer();
    if let (Some(port), Some(section)) = (&mqtt, &config.mqtt) {
        port.connect(section, clock.clone(), writer.clone(), receipts.clone())?;
    }
    let checkpoint_ok = Arc::new(AtomicBool::new(true));
    let keeper = keep(&stores, config.node.checkpoint_s, checkpoint_ok.clone()).map_err(failed)?;
    let gauges = Gauges::default();
    let mut registry = Registry::with_prefix("conurb");
    meters.register(&mut registry);
    gauges.register(&mut registry);
    let processes = crate::processes::Queue::start(clock.clone()).map_err(failed)?;
    let app = Arc::new(Inner {
        city: city.clone(),
        processes,
        context,
        writer,
        ledger,
        bus,
        turns: port,
        receipts,
        notifier,
        mqtt,
        meters,
        gauges,
        registry,
        manifests,
        started: clock.now(),
        clock,
        streams: Arc::new(Semaphore::new(config.http.streams_max)),
        stopping,
        checkpoint_ok,
        body_bytes_max: config.http.body_bytes_max,
        timeout_s: config.http.timeout_s,
    });
    Ok(Node {
        app,
        path,
        turns,
        keeper,
        stores,
    })
}

/// The thread that makes snapshots and seals history.
fn keep(
    stores: &Stores<Entity>,
    every_s: u64,
    ok: Arc<AtomicBool>,
) -> std::io::Result<(Sender<()>, JoinHandle<()>)> {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let stores = stores.clone();
    let thread = std::thread::Builder::new()
        .name("keeper".to_owned())
        .spawn(move || {
            while stopped.recv_timeout(Duration::from_secs(every_s))
                == Err(RecvTimeoutError::Timeout)
            {
                let done = stores
                    .entities
                    .checkpoint()
                    .and_then(|()| stores.series.seal());
                if let Err(error) = &done {
                    tracing::error!(%error, "no checkpoint");
                }
                ok.store(done.is_ok(), Ordering::Relaxed);
            }
        })?;
    Ok((stop, thread))
}

impl Node {
    /// Writes what waits, lets the loop finish, makes a last snapshot.
    fn close(self) -> Result<(), Failure> {
        self.path.stop();
        if self.turns.join().is_err() {
            tracing::error!("the loop thread panicked");
        }
        let (stop, keeper) = self.keeper;
        drop(stop);
        if keeper.join().is_err() {
            tracing::error!("the keeper thread panicked");
        }
        self.stores.entities.checkpoint()?;
        tracing::info!(
            seq = self.stores.entities.last_seq(),
            "stopped; all is on disk"
        );
        Ok(())
    }
}
