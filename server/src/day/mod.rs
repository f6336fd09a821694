//! `conurb day`: a span of a city, with and without the brain, from the same seed, on a simulated
//! clock. Ends with the scorecard; exits 1 when a declared KPI is worse than its baseline.

mod brain_run;
mod plant;
mod score;
mod story;
mod write;

use std::path::Path;
use std::sync::Arc;

use conurb_base::{Clock as _, SystemClock, TimeMs};
use conurb_decide::Mode;
use conurb_scenario::Tick;
use conurb_signals::{Decider, Fleet, Settings};
use conurb_traffic::protocol::ProtocolOptions;
use indicatif::{ProgressBar, ProgressStyle};

use crate::city::{self, City};
use crate::cli::{BaselineArg, ControllerArg, DayArgs, ModeArg};
use crate::control_run::{Control, ControlRun};
use crate::fail::{Failure, io};
use crate::out::{Lang, tell, watched};
use crate::report::model::Text;
use crate::report::timing::PhaseTiming;
use brain_run::{BrainOutcome, BrainPlan};
use score::SeedRuns;

/// All of a day's runs, ready to be written down.
pub(crate) struct Day {
    /// What was run.
    pub(crate) city: City,
    /// The scenario's settings.
    pub(crate) settings: Settings,
    /// How decisions became actions.
    pub(crate) mode: Mode,
    /// Simulated start.
    pub(crate) start: TimeMs,
    /// Per seed.
    pub(crate) runs: Vec<SeedRuns>,
    /// Of the brain, per seed.
    pub(crate) brains: Vec<BrainOutcome>,
    /// The baseline in words.
    pub(crate) baseline: ControlRun,
    /// The strongest fixed plan in words.
    pub(crate) webster: ControlRun,
    /// Where the wall time went.
    pub(crate) phases: Vec<PhaseTiming>,
}

/// Runs the command.
pub(crate) fn run(args: &DayArgs, lang: Lang) -> Result<(), Failure> {
    let clock = SystemClock::new();
    let started = clock.now();
    let start =
        TimeMs::from_iso(&args.start).map_err(|e| Failure::plain(format!("--start: {e}"), None))?;
    clear(&args.out)?;
    let progress = Progress::new(args, lang);
    let day = simulate(args, start, &clock, &progress)?;
    progress.bar.finish_and_clear();
    let report = write::report(&day, args);
    let timing = write::timing(&day, started, clock.monotonic_ns(), args.span);
    write::files(&args.out, &report, &timing)?;
    write::show(&report, &args.out, args.json, lang);
    let worse: Vec<&str> = report
        .kpis
        .iter()
        .filter(|k| k.declared && k.worse_than_baseline)
        .map(|k| k.id.as_str())
        .collect();
    if worse.is_empty() {
        Ok(())
    } else {
        Err(Failure::check(format!(
            "worse than the baseline: {}",
            worse.join(", ")
        )))
    }
}

fn simulate(
    args: &DayArgs,
    start: TimeMs,
    clock: &SystemClock,
    progress: &Progress,
) -> Result<Day, Failure> {
    let mut watch = Watch {
        clock,
        last_ns: clock.monotonic_ns(),
        phases: Vec::new(),
    };
    let city = city::load(&args.city, args.span)?;
    if !city.changes()?.is_empty() {
        return Err(Failure::plain(
            "--additional: closures and speed limits by time are not simulated in a day",
            Some(
                "leave out the rerouters and variable speed signs, or use conurb sim run or compare",
            ),
        ));
    }
    watch.lap("read");
    let settings = settings(args, &city);
    let mode = match args.mode {
        ModeArg::Advise => Mode::Advise,
        ModeArg::Approve => Mode::Approve,
        ModeArg::Auto => Mode::Auto,
    };
    let kind = match args.baseline {
        BaselineArg::Fixed => Control::Fixed,
        BaselineArg::File => Control::File,
        BaselineArg::Webster => Control::Webster,
    };
    let protocol = ProtocolOptions {
        interval_s: settings.decision_interval_s,
        duration_s: args.span,
        yellow_s: settings.yellow_s,
        seed: args.seed,
        ..ProtocolOptions::default()
    };
    let baseline = ControlRun::new(kind, &city, &protocol)?;
    let webster = ControlRun::new(Control::Webster, &city, &protocol)?;
    watch.lap("plans");
    let (mut runs, mut brains) = (Vec::new(), Vec::new());
    for i in 0..args.seeds {
        let seed = args.seed.wrapping_add(i);
        progress.says("baseline", seed);
        let base = baseline.run(&city, seed, &mut || progress.bar.inc(1))?;
        watch.lap("baseline");
        progress.says("webster", seed);
        let strongest = webster.run(&city, seed, &mut || progress.bar.inc(1))?;
        watch.lap("webster");
        progress.says("brain", seed);
        let node = args.out.join(if i == 0 {
            "node".to_owned()
        } else {
            format!("node-seed-{seed}")
        });
        let plan = BrainPlan {
            city: &city,
            settings: settings.clone(),
            mode,
            seed,
            span_s: args.span,
            detector_period_s: args.detector_period,
            start,
            approve_after_s: args.approve_after,
            node: &node,
        };
        let brain = brain_run::run(&plan, &mut |_, tick| progress.second(tick))?;
        watch.lap("brain");
        runs.push(SeedRuns {
            seed: u64::from(seed),
            baseline: base,
            brain: brain.figures.clone(),
            webster: Some(strongest),
        });
        brains.push(brain);
    }
    Ok(Day {
        city,
        settings,
        mode,
        start,
        runs,
        brains,
        baseline,
        webster,
        phases: watch.phases,
    })
}

/// The scenario's settings for this city: the model's vehicle is the demand's commonest.
fn settings(args: &DayArgs, city: &City) -> Settings {
    let mut flows = vec![0usize; city.demand.templates().len()];
    for flow in city.demand.flows() {
        flows[flow.template as usize] += 1;
    }
    let commonest = (0..flows.len()).max_by_key(|i| (flows[*i], usize::MAX - i));
    let fleet = commonest.map_or_else(Fleet::default, |i| {
        let t = &city.demand.templates()[i];
        Fleet {
            length_m: t.length_m,
            min_gap_m: t.min_gap_m,
            acceleration_m_s2: t.usual_pos_acc_m_s2,
            deceleration_m_s2: t.usual_neg_acc_m_s2,
            max_speed_m_s: t.max_speed_m_s,
            headway_s: t.headway_s,
        }
    });
    Settings {
        city: slug(&city.name),
        controller: match args.controller {
            ControllerArg::LocalTwin => Decider::LocalTwin,
            ControllerArg::Lookahead => Decider::Lookahead,
        },
        decision_interval_s: args.interval,
        horizon_s: (3 * args.interval).clamp(45, 600),
        // At most what the scenario's envelope lets a command hold.
        command_valid_s: (3 * args.interval).min(45),
        max_age_s: (3 * args.detector_period).max(args.interval),
        fleet,
        seed: u64::from(args.seed),
        ..Settings::default()
    }
}

/// A city id out of a file name.
fn slug(name: &str) -> String {
    let plain: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(64)
        .collect();
    let trimmed = plain.trim_matches('-');
    if trimmed.is_empty() {
        "city".to_owned()
    } else {
        trimmed.to_owned()
    }
}

/// Removes what an earlier run left in the output folder, and nothing else.
fn clear(out: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(out).map_err(|e| io(out, "cannot create", &e))?;
    for name in ["report.html", "report.json", "timing.json"] {
        let path = out.join(name);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(io(&path, "cannot replace", &e));
            }
            _ => {}
        }
    }
    let entries = std::fs::read_dir(out).map_err(|e| io(out, "cannot read", &e))?;
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = name == "node" || name.starts_with("node-seed-");
        if ours && entry.path().join("node.json").is_file() {
            std::fs::remove_dir_all(entry.path())
                .map_err(|e| io(&entry.path(), "cannot replace", &e))?;
        }
    }
    Ok(())
}

/// Times the parts of a run on the wall clock.
struct Watch<'a> {
    clock: &'a SystemClock,
    last_ns: u64,
    phases: Vec<PhaseTiming>,
}

impl Watch<'_> {
    fn lap(&mut self, name: &str) {
        let now = self.clock.monotonic_ns();
        #[allow(clippy::cast_precision_loss)] // a run is shorter than years
        let wall_s = (now - self.last_ns) as f64 / 1e9;
        self.last_ns = now;
        match self.phases.iter_mut().find(|p| p.name == name) {
            Some(p) => p.wall_s += wall_s,
            None => self.phases.push(PhaseTiming {
                name: name.to_owned(),
                wall_s,
            }),
        }
    }
}

/// The progress bar, and decisions as they are made.
struct Progress {
    bar: ProgressBar,
    stream: bool,
    lang: Lang,
}

impl Progress {
    fn new(args: &DayArgs, lang: Lang) -> Self {
        let bar = if args.quiet || !watched() {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(u64::from(args.span) * 3 * u64::from(args.seeds))
        };
        if let Ok(style) = ProgressStyle::with_template("{msg:28} {wide_bar} {percent:>3}% {eta}") {
            bar.set_style(style);
        }
        Self {
            bar,
            stream: args.stream,
            lang,
        }
    }

    fn says(&self, what: &str, seed: u32) {
        let label = match (what, self.lang) {
            ("baseline", Lang::Zh) => "基准方案",
            ("webster", Lang::Zh) => "最强固定方案",
            (_, Lang::Zh) => "城市大脑",
            ("baseline", Lang::En) => "baseline",
            ("webster", Lang::En) => "strongest fixed plan",
            (_, Lang::En) => "brain",
        };
        self.bar.set_message(format!(
            "{label} · {} {seed}",
            self.lang.pick("种子", "seed")
        ));
    }

    fn second(&self, tick: Option<&Tick>) {
        self.bar.inc(1);
        if !self.stream {
            return;
        }
        for r in tick.iter().flat_map(|t| &t.decided) {
            let why = self.lang.pick(&r.why.zh, &r.why.en);
            let line = format!("{}  {}  {why}", r.decided_at, r.subject);
            self.bar.suspend(|| tell(&line));
        }
    }
}

/// What names a phase to people, for the report's sample decisions.
fn phase_labels(day: &Day) -> impl Fn(&str, &serde_json::Value) -> Text + use<> {
    let layouts: Arc<[conurb_signals::layout::SignalLayout]> =
        conurb_signals::layout::signals_of(&day.city.network, &day.settings).into();
    move |subject, action| {
        let phase = action.get("phase").and_then(serde_json::Value::as_u64);
        layouts
            .iter()
            .find(|l| *l.urn == *subject)
            .and_then(|l| l.options.iter().find(|o| Some(u64::from(o.phase)) == phase))
            .map_or_else(
                || Text::new(action.to_string(), action.to_string()),
                |o| o.label.clone().into(),
            )
    }
}
