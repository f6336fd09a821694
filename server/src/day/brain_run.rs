//! One run of the city with the brain: detectors publish through the intake, commands come back
//! through the desk, on a simulated clock.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use conurb_act::{Desk, Envelope, NoGuard};
use conurb_base::{Clock as _, ManualClock, SystemClock, TimeMs};
use conurb_context::{ContextCache, ContextEngine, ContextLimits, Entity, WriteOp};
use conurb_decide::{Ledger, Mode};
use conurb_perceive::Mapping;
use conurb_scenario::{Brain, BrainOptions, Counts, Scenario as _, Tick};
use conurb_signals::{Settings, Signals, mapping};
use conurb_store::Stores;
use conurb_store::embedded::Durability;
use conurb_traffic::{Sim, SimOptions};

use super::plant::{Plant, Roadside, RoadsideChannel};
use super::story::Story;
use crate::city::City;
use crate::fail::Failure;
use crate::figures::{Figures, Meters};
use crate::node_dir;
use crate::report::model::LedgerRef;

/// How a run with the brain goes.
pub(crate) struct BrainPlan<'a> {
    /// City, network, demand.
    pub(crate) city: &'a City,
    /// The scenario's settings.
    pub(crate) settings: Settings,
    /// How decisions become actions.
    pub(crate) mode: Mode,
    /// Seed of the simulation.
    pub(crate) seed: u32,
    /// Seconds to run.
    pub(crate) span_s: u32,
    /// Seconds between two detector reports.
    pub(crate) detector_period_s: u32,
    /// Simulated start.
    pub(crate) start: TimeMs,
    /// The simulated operator's delay in mode approve, seconds.
    pub(crate) approve_after_s: u32,
    /// Folder of the node.
    pub(crate) node: &'a Path,
}

/// What it gave.
pub(crate) struct BrainOutcome {
    /// Its figures.
    pub(crate) figures: Figures,
    /// How far the model looked ahead, seconds.
    pub(crate) horizon_s: u32,
    /// How decisions went.
    pub(crate) counts: Counts,
    /// What there is to tell about them.
    pub(crate) story: Story,
    /// The ledger.
    pub(crate) ledger: LedgerRef,
    /// Entity updates taken in.
    pub(crate) updates: u64,
    /// Wall time of each turn that decided, nanoseconds per decision, unsorted.
    pub(crate) decision_ns: Vec<u64>,
    /// Wall time of the loop without the plant, nanoseconds.
    pub(crate) loop_ns: u64,
}

struct Node {
    clock: Arc<ManualClock>,
    context: ContextEngine,
    stores: Stores<Entity>,
    mapping: Mapping,
    ledger: Arc<Ledger>,
    brain: Brain,
    horizon_s: u32,
}

/// Runs it; `each_second` is called with the second just begun and the turn's result, if any.
pub(crate) fn run(
    plan: &BrainPlan<'_>,
    each_second: &mut dyn FnMut(u32, Option<&Tick>),
) -> Result<BrainOutcome, Failure> {
    let wall = SystemClock::new();
    let (mut node, mut plant) = set_up(plan)?;
    let mut meters = Meters::new(&plan.city.network);
    let mut story = Story::new(plan.start, u64::from(plan.seed));
    let mut out = (0u64, Vec::new(), 0u64); // updates, decision_ns, loop_ns
    let mut to_approve: BTreeMap<TimeMs, Vec<String>> = BTreeMap::new();
    for second in 0..plan.span_s {
        let now = plant.now();
        node.clock.set(now);
        let began = wall.monotonic_ns();
        answer(&mut node, plan, &mut to_approve, now)?;
        let mut tick = None;
        if second % plan.detector_period_s == 0 {
            let turn = turn(&mut node, &mut plant, now, &mut out.0)?;
            for r in &turn.decided {
                let at = now.plus_s(i64::from(plan.approve_after_s));
                to_approve.entry(at).or_default().push(r.id.clone());
            }
            if plan.approve_after_s == 0 {
                answer(&mut node, plan, &mut to_approve, now)?;
            }
            tick = Some(turn);
        }
        let spent = wall.monotonic_ns() - began;
        out.2 += spent;
        if let Some(t) = &tick {
            if !t.decided.is_empty() {
                out.1.push(spent / t.decided.len() as u64);
            }
            story.take_in(t);
        }
        each_second(second, tick.as_ref());
        plant.second()?;
        meters.observe(&plant.sim);
    }
    node.stores.entities.checkpoint()?;
    let counts = node.brain.counts();
    Ok(BrainOutcome {
        figures: meters.finish(&plant.sim),
        horizon_s: node.horizon_s,
        counts,
        story,
        ledger: LedgerRef {
            entries: node.ledger.len(),
            head_hash: node.ledger.head()?,
            file: "node/ledger/ledger.jsonl".to_owned(),
        },
        updates: out.0,
        decision_ns: out.1,
        loop_ns: out.2,
    })
}

fn set_up(plan: &BrainPlan<'_>) -> Result<(Node, Plant), Failure> {
    let clock = Arc::new(ManualClock::new(plan.start));
    let settings = &plan.settings;
    node_dir::prepare(plan.node, &settings.city)?;
    // A day is a rehearsal that can be run again: its files are ordered and checked, and synced
    // once at the end instead of at every simulated second.
    let stores = node_dir::open(plan.node, Durability::Buffered, clock.clone())?;
    let network_hash = stores.blobs.put(&plan.city.network_bytes)?;
    let settings_hash = stores.blobs.put(&settings.to_bytes())?;
    let signals = Signals::new(
        plan.city.network.clone(),
        network_hash,
        settings.clone(),
        settings_hash,
    )
    .map_err(|e| Failure::plain(e.to_string(), None))?;
    let layouts = signals.layouts().to_vec();
    let horizon_s = signals.horizon_s();
    let roadside = Arc::new(Mutex::new(Roadside::new(&layouts, settings)));
    let desk = desk(&signals, RoadsideChannel(roadside.clone()))?;
    let ledger = Arc::new(Ledger::open(
        stores.ledger.clone(),
        stores.blobs.clone(),
        &settings.city,
    )?);
    let options = BrainOptions {
        city: settings.city.clone(),
        mode: Some(plan.mode),
        approval_ttl_s: 60,
    };
    let brain = Brain::new(
        options,
        vec![(Box::new(signals), desk)],
        Vec::new(),
        ledger.clone(),
    )?;
    let contexts = Arc::new(ContextCache::default());
    let context = ContextEngine::open(
        stores.clone(),
        clock.clone(),
        contexts,
        ContextLimits::default(),
    )?;
    let mapping = Mapping::from_toml(&mapping(&settings.city), "scenarios/signals/detectors.toml")?;
    let sim = Sim::new(
        plan.city.network.clone(),
        plan.city.demand.clone(),
        sim_options(plan.seed),
    )?;
    let plant = Plant::new(
        plan.city.network.clone(),
        sim,
        layouts,
        roadside,
        plan.start,
    );
    Ok((
        Node {
            clock,
            context,
            stores,
            mapping,
            ledger,
            brain,
            horizon_s,
        },
        plant,
    ))
}

/// The simulation of every run of the day: phases from outside, one-second steps.
pub(crate) fn sim_options(seed: u32) -> SimOptions {
    SimOptions {
        seed,
        ..SimOptions::default()
    }
}

/// The desk that reaches the roadside, inside the manifest's envelope.
fn desk(signals: &Signals, channel: RoadsideChannel) -> Result<Desk, Failure> {
    let manifest = signals.manifest();
    let Some(action) = manifest.action.first() else {
        return Err(Failure::plain("the signals manifest names no action", None));
    };
    let envelope = Envelope {
        rate_per_min: action.rate_per_min,
        expires_s: action.expires_s,
        limits: action.limits.clone(),
    };
    Ok(Desk::new(
        Box::new(channel),
        envelope,
        Box::new(NoGuard),
        Box::new(|_| serde_json::json!({"release": true})),
    )?)
}

/// One turn: reports in, decisions out.
fn turn(
    node: &mut Node,
    plant: &mut Plant,
    now: TimeMs,
    updates: &mut u64,
) -> Result<Tick, Failure> {
    let mut ops = Vec::new();
    for payload in plant.reports() {
        let entities = node.mapping.apply(&payload.body, &payload.topic, now)?;
        ops.extend(entities.into_iter().map(WriteOp::upsert));
    }
    *updates += ops.len() as u64;
    let applied = node.context.apply(ops)?;
    if let Some(Err(e)) = applied.outcomes.into_iter().find(Result::is_err) {
        return Err(e.into());
    }
    Ok(node.brain.step(&applied.changes, &node.context, now)?)
}

/// The simulated operator of mode approve lets pass what is due.
fn answer(
    node: &mut Node,
    plan: &BrainPlan<'_>,
    waiting: &mut BTreeMap<TimeMs, Vec<String>>,
    now: TimeMs,
) -> Result<(), Failure> {
    while let Some(entry) = waiting.first_entry() {
        if *entry.key() > now {
            break;
        }
        for id in entry.remove() {
            if plan.mode == Mode::Approve {
                node.brain.approve(&id, "simulated-operator", now)?;
            }
        }
    }
    Ok(())
}
