//! Signal control under the published settings: every competitor on the five sets of the
//! comparisons, in one run, and the page with the table.
//!
//! Travel times do not depend on the machine (no controller has a deadline here); decision times do.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use conurb_base::SystemClock;
use conurb_traffic::control::{
    Actuated, ActuatedOptions, Controller, FixedTime, Level, LookAhead, LookAheadOptions, Pressure,
    PressureRule,
};
use conurb_traffic::metrics::{TripMeter, TripSummary};
use conurb_traffic::protocol::{Outcome, ProtocolOptions, run_observed, run_plan};
use conurb_traffic::webster::{PlanPlayer, WebsterOptions, greenwave_searched, webster_searched};
use conurb_traffic::{Demand, JunctionIx, Network, Sim};

use crate::control_replay;
use crate::figure::{Figure, quantile};
use crate::options::Options;

const BENCH: &str = "control";
/// Threads of the look-ahead search.
const THREADS: usize = 2;
/// Longest joint decision, ms.
const DECISION_MS_MAX: f64 = 1_000.0;
/// Median of a joint decision of 16 junctions, ms.
const DECISION_MS_MEDIAN: f64 = 50.0;

/// A set of the published comparisons, and the limits of look-ahead control on it: approach travel
/// time, s, at L0 every 15 and 30 s and at L1 every 15 s.
struct Set {
    name: &'static str,
    network: &'static str,
    demand: &'static str,
    l0_15: f64,
    l0_30: f64,
    l1_15: f64,
}

const JINAN: &str = "jinan_3x4/roadnet_3_4.json";
const HANGZHOU: &str = "hangzhou_4x4/roadnet_4_4.json";
const SETS: [Set; 5] = [
    set(
        "Jinan-1",
        JINAN,
        "jinan_3x4/anon_3_4_jinan_real.json",
        [245.7, 268.4, 244.9],
    ),
    set(
        "Jinan-2",
        JINAN,
        "jinan_3x4/anon_3_4_jinan_real_2000.json",
        [232.6, 259.9, 230.2],
    ),
    set(
        "Jinan-3",
        JINAN,
        "jinan_3x4/anon_3_4_jinan_real_2500.json",
        [229.0, 255.9, 227.4],
    ),
    set(
        "Hangzhou-1",
        HANGZHOU,
        "hangzhou_4x4/anon_4_4_hangzhou_real.json",
        [270.4, 296.4, 269.1],
    ),
    set(
        "Hangzhou-2",
        HANGZHOU,
        "hangzhou_4x4/anon_4_4_hangzhou_real_5816.json",
        [311.0, 327.2, 304.6],
    ),
];

const fn set(
    name: &'static str,
    network: &'static str,
    demand: &'static str,
    limits: [f64; 3],
) -> Set {
    Set {
        name,
        network,
        demand,
        l0_15: limits[0],
        l0_30: limits[1],
        l1_15: limits[2],
    }
}

/// Who controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Fixed,
    Webster,
    GreenWave,
    Actuated,
    Rule(PressureRule, &'static str),
    /// The look-ahead controller's base policy alone, without a rollout.
    Base,
    LookAhead(Level),
}

const ALL: [Who; 13] = [
    Who::Fixed,
    Who::Webster,
    Who::GreenWave,
    Who::Actuated,
    Who::Rule(PressureRule::MaxPressure, "MaxPressure"),
    Who::Rule(PressureRule::Efficient, "Efficient-MP"),
    Who::Rule(PressureRule::Advanced, "Advanced-MP"),
    Who::Rule(PressureRule::MaxQueue, "Max queue"),
    Who::Base,
    Who::LookAhead(Level::Detectors),
    Who::LookAhead(Level::LaneView),
    Who::LookAhead(Level::Routes),
    Who::LookAhead(Level::Oracle),
];

impl Who {
    const fn name(self) -> &'static str {
        match self {
            Self::Fixed => "FixedTime",
            Self::Webster => "Webster, searched",
            Self::GreenWave => "green waves",
            Self::Actuated => "actuated",
            Self::Rule(_, name) => name,
            Self::Base => "schedule alone",
            Self::LookAhead(_) => "look-ahead",
        }
    }

    const fn level(self) -> &'static str {
        match self {
            Self::Fixed => "none",
            Self::Webster | Self::GreenWave => "the demand",
            Self::Actuated => Level::Detectors.name(),
            Self::Rule(..) | Self::Base => "L0",
            Self::LookAhead(level) => level.name(),
        }
    }
}

/// One row of the table.
struct Row {
    who: Who,
    outcome: Outcome,
    trips: TripSummary,
    /// Ascending, ms.
    decisions_ms: Vec<f64>,
    parameters: String,
    /// Phase of every signalised junction, second by second.
    phases: Vec<Vec<u16>>,
}

/// All rows of a set at one interval.
struct Table {
    set: &'static Set,
    interval_s: u32,
    rows: Vec<Row>,
    /// Travel times of the look-ahead plans (L0) in the reference simulator with lane change on.
    replayed: Option<[f64; 2]>,
}

/// Runs everything; writes the page unless it is a quick run.
pub(crate) fn run(options: &Options) -> Result<Vec<Figure>> {
    let Some(data) = conurb_testkit::shared_data() else {
        eprintln!("control: left out, it needs ../shared/data/traffic");
        return Ok(Vec::new());
    };
    let data = data.join("traffic");
    let reference = control_replay::Reference::find();
    if reference.is_none() {
        eprintln!("control: replay left out, no Python module cityflow can be imported");
    }
    let (sets, intervals): (&[Set], &[u32]) = if options.quick {
        (&SETS[3..4], &[15])
    } else {
        (&SETS, &[15, 30])
    };
    let mut tables = Vec::new();
    for set in sets {
        for interval_s in intervals {
            tables.push(table(&data, set, *interval_s, reference.as_ref())?);
        }
    }
    if !options.quick {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/traffic/results.md");
        std::fs::write(&page, self::page(&tables))
            .with_context(|| format!("cannot write {}", page.display()))?;
    }
    Ok(tables.iter().flat_map(figures).collect())
}

fn table(
    data: &Path,
    set: &'static Set,
    interval_s: u32,
    reference: Option<&control_replay::Reference>,
) -> Result<Table> {
    let read = |name: &str| -> Result<(PathBuf, Vec<u8>)> {
        let path = data.join(name);
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {name}"))?;
        Ok((path, bytes))
    };
    let (network, bytes) = read(set.network)?;
    let net = Arc::new(Network::from_json(&bytes, set.network)?);
    let (trips, bytes) = read(set.demand)?;
    let demand = Arc::new(Demand::from_json(&bytes, set.demand, &net)?);
    let mut rows = Vec::new();
    for who in ALL {
        eprintln!(
            "control: {} every {interval_s} s, {} {}",
            set.name,
            who.name(),
            who.level()
        );
        rows.push(row(&net, &demand, who, interval_s)?);
    }
    let shown = rows
        .iter()
        .find(|r| r.who == Who::LookAhead(Level::LaneView));
    let replayed = match (reference, shown) {
        (Some(reference), Some(row)) => {
            let id = |j: &JunctionIx| net.junctions()[j.ix()].id.clone();
            let ids: Vec<String> = net.signalised().iter().map(id).collect();
            Some(reference.replay(&network, &trips, &ids, &row.phases)?)
        }
        _ => None,
    };
    Ok(Table {
        set,
        interval_s,
        rows,
        replayed,
    })
}

fn row(net: &Arc<Network>, demand: &Arc<Demand>, who: Who, interval_s: u32) -> Result<Row> {
    let protocol = ProtocolOptions {
        interval_s,
        ..ProtocolOptions::default()
    };
    let mut meter = Meter::new(net);
    let yellow_s = f64::from(protocol.yellow_s);
    let mut decisions_ms = Vec::new();
    let mut parameters = String::new();
    let outcome = match who {
        Who::Webster | Who::GreenWave => {
            let search = match who {
                Who::Webster => webster_searched,
                _ => greenwave_searched,
            };
            let found = search(net, demand, &WebsterOptions::default(), &protocol)?;
            let mut player = PlanPlayer::new(net, &found.plans);
            run_plan(net, demand, &mut player, &protocol, &mut |sim| {
                meter.look(sim)
            })?
        }
        Who::Actuated => {
            let mut plan = Actuated::new(net, ActuatedOptions::default())?;
            run_plan(net, demand, &mut plan, &protocol, &mut |sim| {
                meter.look(sim)
            })?
        }
        Who::Fixed => {
            let junctions = net.junctions().len();
            let mut c = FixedTime::new(junctions, f64::from(interval_s), yellow_s, 1, 4);
            driven(net, demand, &mut c, &protocol, &mut meter)?
        }
        Who::Rule(rule, _) => {
            let mut c = Pressure::new(net, rule, 1, 4);
            driven(net, demand, &mut c, &protocol, &mut meter)?
        }
        Who::Base | Who::LookAhead(_) => {
            let mut options = LookAheadOptions {
                interval_s,
                threads: THREADS,
                ..LookAheadOptions::default()
            };
            match who {
                Who::LookAhead(level) => options.level = level,
                _ => options.rollouts_max = Some(0),
            }
            let samples = options.samples;
            let mut c = LookAhead::new(net, demand.templates(), options)?;
            c.time_with(Arc::new(SystemClock::new()));
            let outcome = driven(net, demand, &mut c, &protocol, &mut meter)?;
            decisions_ms = c.efforts().iter().map(|e| e.wall_ms).collect();
            parameters = match who {
                Who::Base => "no rollouts".to_owned(),
                _ => format!("horizon {} s, {samples} sample(s)", c.horizon_s()),
            };
            outcome
        }
    };
    decisions_ms.sort_by(f64::total_cmp);
    let trips = meter
        .trips
        .summary(meter.last.as_ref().context("a run without a step")?);
    Ok(Row {
        who,
        outcome,
        trips,
        decisions_ms,
        parameters,
        phases: meter.phases,
    })
}

fn driven(
    net: &Arc<Network>,
    demand: &Arc<Demand>,
    controller: &mut dyn Controller,
    protocol: &ProtocolOptions,
    meter: &mut Meter,
) -> Result<Outcome> {
    let look = &mut |sim: &Sim| meter.look(sim);
    Ok(run_observed(net, demand, controller, protocol, look)?)
}

/// What is noted second by second.
struct Meter {
    junctions: Vec<JunctionIx>,
    trips: TripMeter,
    phases: Vec<Vec<u16>>,
    last: Option<Sim>,
    steps: u32,
}

impl Meter {
    fn new(net: &Network) -> Self {
        Self {
            junctions: net.signalised(),
            trips: TripMeter::new(net),
            phases: Vec::new(),
            last: None,
            steps: ProtocolOptions::default().duration_s,
        }
    }

    fn look(&mut self, sim: &Sim) {
        self.trips.observe(sim);
        self.phases
            .push(self.junctions.iter().map(|j| sim.phase(*j)).collect());
        if sim.step_count() == self.steps {
            self.last = Some(sim.clone());
        }
    }
}

fn figures(table: &Table) -> Vec<Figure> {
    let what = |row: &Row, what: &str| {
        let (set, t) = (table.set.name, table.interval_s);
        format!(
            "{set}, t = {t} s, {} {}: {what}",
            row.who.name(),
            row.who.level()
        )
    };
    let row_of = |who: Who| table.rows.iter().find(|r| r.who == who);
    let perfect = ALL.iter().find_map(|who| match who {
        Who::Rule(PressureRule::MaxPressure, _) => row_of(*who),
        _ => None,
    });
    let mut all = Vec::new();
    for row in &table.rows {
        let (name, value) = (what(row, "approach travel time"), row.outcome.approach_s);
        let limit = match (row.who, table.interval_s) {
            (Who::LookAhead(Level::LaneView), 15) => Some(table.set.l0_15),
            (Who::LookAhead(Level::LaneView), 30) => Some(table.set.l0_30),
            (Who::LookAhead(Level::Routes), 15) => Some(table.set.l1_15),
            (Who::LookAhead(Level::Detectors), 15) => perfect.map(|r| r.outcome.approach_s),
            _ => None,
        };
        all.push(match limit {
            Some(limit) => Figure::at_most(BENCH, &name, value, "s", limit),
            None => Figure::told(BENCH, &name, value, "s"),
        });
        if let (Who::LookAhead(_), Some(worst)) = (row.who, row.decisions_ms.last()) {
            let name = what(row, "decision, worst");
            all.push(Figure::at_most(BENCH, &name, *worst, "ms", DECISION_MS_MAX));
            let name = what(row, "decision, median");
            let median = quantile(&row.decisions_ms, 0.5);
            all.push(Figure::at_most(
                BENCH,
                &name,
                median,
                "ms",
                DECISION_MS_MEDIAN,
            ));
        }
        if let (Who::LookAhead(Level::LaneView), Some([approach_s, _])) = (row.who, table.replayed)
        {
            let off = (approach_s / value - 1.0).abs() * 100.0;
            let name = what(
                row,
                "replayed with lane change in the reference simulator, difference",
            );
            all.push(Figure::at_most(BENCH, &name, off, "%", 0.5));
        }
    }
    all
}

const HEAD: &str = "# Signal control: results

Written by `cargo xtask bench control`; do not edit. Settings of the published comparisons: four phases, 5 s yellow inside the interval, 3,600 s, lane change off, seed of the simulation 0, seed of the samples 0, one rule for all sets ([control](control.md)). Both travel times are means in seconds; what each counts and hides is told in [the model](model.md). Queue: most vehicles below 0.1 m/s at one time. Stops: per vehicle that entered. Decision time (median / worst, ms, two threads) depends on the machine. Level: none and `the demand` are plans made beforehand; L0 what is on lanes now, L1 also routes of vehicles inside, L2 also arrivals to come (an oracle, to show what information is worth), LD loop detectors alone.
";

fn page(tables: &[Table]) -> String {
    let mut out = String::from(HEAD);
    for t in tables {
        let set = t.set;
        write!(
            out,
            "\n## {}, a decision every {} s\n\n",
            set.name, t.interval_s
        )
        .expect(TEXT);
        out.push_str("| controller | level | approach s | network s | finished | max queue | stops | decision ms | parameters |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
        for r in &t.rows {
            let decision = r.decisions_ms.last().map_or_else(String::new, |worst| {
                format!("{:.1} / {worst:.1}", quantile(&r.decisions_ms, 0.5))
            });
            writeln!(
                out,
                "| {} | {} | {:.2} | {:.2} | {} | {} | {:.2} | {decision} | {} |",
                r.who.name(),
                r.who.level(),
                r.outcome.approach_s,
                r.outcome.network_s,
                r.outcome.finished,
                r.trips.queue_max_veh,
                r.trips.stops_per_vehicle,
                r.parameters
            )
            .expect(TEXT);
        }
        let limits = match t.interval_s {
            15 => format!(
                "L0 at most {}, L1 at most {}, LD below MaxPressure",
                set.l0_15, set.l1_15
            ),
            _ => format!("L0 at most {}", set.l0_30),
        };
        write!(out, "\nAsked of look-ahead, approach s: {limits}.").expect(TEXT);
        if let Some([approach_s, network_s]) = t.replayed {
            write!(out, " The L0 plan replayed in the reference simulator with lane change on: {approach_s:.2} / {network_s:.2} s.").expect(TEXT);
        }
        out.push('\n');
    }
    out.push_str(PUBLISHED);
    out
}

const TEXT: &str = "a string takes everything";

/// Rows quoted from memory of the papers.
const PUBLISHED: &str = "
## Published figures, approach s

Quoted from memory of the papers and **not yet verified against them**; with lane change on, in the simulator versions of their time. `~` marks a rounded memory.

| every | method | Jinan-1 | Jinan-2 | Jinan-3 | Hangzhou-1 | Hangzhou-2 |
| --- | --- | --- | --- | --- | --- | --- |
| 15 s | MaxPressure | 273.96 | 245.38 | 245.81 | 288.54 | 348.98 |
| 15 s | Efficient-MP | 269.87 | 239.75 | 240.03 | 284.44 | 327.62 |
| 15 s | CoLight | 272.06 | 252.44 | 249.56 | 297.02 | 347.27 |
| 15 s | Advanced-MP | 253.61 | 238.62 | ~235 | 279.47 | 318.67 |
| 15 s | Advanced-MPLight | 251.29 | 234.78 | 231.76 | 273.26 | 312.68 |
| 15 s | Advanced-CoLight | 245.73 | 232.63 | ~229 | 270.45 | ~311 |
| 30 s | MaxPressure | 281.58 | 273.20 | 265.75 | 325.33 | 347.74 |
| 30 s | CoLight | 279.60 | 274.77 | 266.39 | 322.85 | ~343 |
| 30 s | Efficient-CoLight | 277.11 | 269.24 | 262.25 | 311.96 | 333.27 |
| 30 s | Advanced-CoLight | 274.67 | 268.28 | 259.68 | 304.47 | 329.16 |
| 30 s | LLMLight (GPT-4, LightGPT) | ~274 | ~267 | ~260 | ~310 | ~330 |
";
