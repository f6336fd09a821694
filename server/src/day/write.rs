//! A day written down: report.json, report.html, timing.json, and the scorecard on the terminal.

use std::collections::BTreeMap;
use std::path::Path;

use conurb_base::TimeMs;
use conurb_scenario::Manifest;
use conurb_signals::Decider;

use super::story::run_mode;
use super::{Day, phase_labels, score};
use crate::cli::{ControllerArg, DayArgs};
use crate::fail::{Failure, io};
use crate::out::{Lang, say};
use crate::report::model::{
    DecisionCounts, InformationLevel, PlanRef, Policy, Product, REPORT_SCHEMA_VERSION, Report, Text,
};
use crate::report::timing::{Latency, Machine, TIMING_SCHEMA_VERSION, Timing};
use crate::report::{html, scorecard};

/// The report of a day.
pub(crate) fn report(day: &Day, args: &DayArgs) -> Report {
    let manifest = Manifest::from_toml(conurb_signals::MANIFEST, "scenario.toml")
        .expect("the loop has read this manifest already");
    let first = &day.brains[0];
    let signals = first.story.signals();
    let labels = phase_labels(day);
    Report {
        schema_version: REPORT_SCHEMA_VERSION.to_owned(),
        product: Product {
            name: "conurb".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        seed: u64::from(args.seed),
        seeds: day.runs.iter().map(|r| r.seed).collect(),
        span_s: u64::from(args.span),
        start: day.start.to_iso(),
        synthetic: day.city.synthetic.is_some(),
        synthetic_note: day.city.synthetic.clone(),
        city: Text::new(day.city.name.clone(), day.city.name.clone()),
        inputs: day.city.inputs.clone(),
        mode: run_mode(day.mode),
        information_level: information_level(),
        baseline: PlanRef {
            kind: day.baseline.kind.word().to_owned(),
            says: day.baseline.says.clone(),
        },
        webster: Some(PlanRef {
            kind: "webster".to_owned(),
            says: day.webster.says.clone(),
        }),
        policy: policy(day),
        command: command(args),
        kpis: score::kpis(&day.runs, &manifest),
        decisions: decisions(day),
        series: score::series(&day.runs[0]),
        map: score::map(&day.city.network, &day.runs[0], &signals),
        signals,
        sample_decisions: first.story.samples(&labels),
        prediction: first.story.prediction(),
        seeds_table: score::seed_rows(&day.runs),
        ledger: Some(first.ledger.clone()),
        limits: limits(day, args),
    }
}

fn information_level() -> InformationLevel {
    InformationLevel {
        code: "LD".to_owned(),
        says: Text::new(
            "仅检测器：每条车道的车辆数、排队数、平均速度；不知道车辆位置、路线和未来到达",
            "detectors only: vehicles, queue and mean speed of each lane; no positions, no routes, no future arrivals",
        ),
    }
}

fn policy(day: &Day) -> Policy {
    let s = &day.settings;
    let number = |v: u32| serde_json::Value::from(v);
    let (name, version) = conurb_signals::model_of(s.controller);
    Policy {
        name: name.to_owned(),
        version: version.to_owned(),
        says: match s.controller {
            Decider::LocalTwin => Text::new(
                "每个路口对每个可选相位做一次局部仿真推演，取预计延误最小者；之后按最长排队放行",
                "at each signal every admissible phase is rolled out in a local twin, then the longest queue goes; the least expected delay is chosen",
            ),
            Decider::Lookahead => Text::new(
                "前瞻控制：所有路口按排程联合决策，逐个路口在孪生中试算每个可选相位（docs/traffic/control.md），状态由检测器估计",
                "look-ahead: all signals decide together; from each one's schedule on, every admissible phase is tried in the twin (docs/traffic/control.md), on a state estimated from detectors",
            ),
        },
        parameters: BTreeMap::from([
            (
                "decision_interval_s".to_owned(),
                number(s.decision_interval_s),
            ),
            ("horizon_s".to_owned(), number(day.brains[0].horizon_s)),
            ("yellow_s".to_owned(), number(s.yellow_s)),
            ("min_green_s".to_owned(), number(s.min_green_s)),
            ("max_green_s".to_owned(), number(s.max_green_s)),
        ]),
    }
}

/// The command that makes this report again, file names without their folders.
fn command(args: &DayArgs) -> String {
    let name = |p: &std::path::PathBuf| {
        p.file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let mut words = vec!["conurb day".to_owned()];
    match (&args.city.gen_spec, &args.city.network, &args.city.demand) {
        (Some(spec), _, _) => words.push(format!("--gen {spec}")),
        (None, Some(n), Some(d)) => {
            words.push(format!("--network {} --demand {}", name(n), name(d)))
        }
        _ => {}
    }
    let mode = format!("{:?}", args.mode).to_lowercase();
    let controller = match args.controller {
        ControllerArg::LocalTwin => "local-twin",
        ControllerArg::Lookahead => "lookahead",
    };
    let baseline = format!("{:?}", args.baseline).to_lowercase();
    words.push(format!(
        "--span {}s --seed {} --seeds {} --mode {mode} --controller {controller} --baseline {baseline} --interval {} --detector-period {} --start {}",
        args.span, args.seed, args.seeds, args.interval, args.detector_period, args.start
    ));
    words.join(" ")
}

fn decisions(day: &Day) -> DecisionCounts {
    let mut sum = DecisionCounts::default();
    for c in day.brains.iter().map(|b| b.counts) {
        sum.auto += c.auto;
        sum.approved += c.approved;
        sum.rejected += c.rejected;
        sum.advised += c.advised;
        sum.overturned += c.overturned;
        sum.total += c.decided;
        sum.watchdog += c.watchdog;
    }
    sum
}

/// What this run does not show.
fn limits(day: &Day, args: &DayArgs) -> Vec<Text> {
    let mut limits = vec![
        Text::new(
            "被控对象是仿真：真实驾驶人、行人和检测器故障不在其中",
            "the plant is a simulation: real drivers, pedestrians and detector faults are not in it",
        ),
        Text::new(
            "进口道行程时间是文献口径：不含出口道、路口内部和网外排队，见 docs/traffic/model.md",
            "the approach travel time is the literature's: it leaves out exit roads, junction interiors and the queue outside, see docs/traffic/model.md",
        ),
        Text::new(
            "每个决策的反事实是从同一估计状态推演固定方案的相位，只覆盖一个决策间隔",
            "a decision's counterfactual is a rollout of the fixed plan's phase from the same estimated state, over one decision interval",
        ),
    ];
    if args.seeds < 2 {
        limits.push(Text::new(
            "只运行了一个种子：没有区间，请用 --seeds",
            "one seed was run: there is no interval, use --seeds",
        ));
    }
    if day.mode == conurb_decide::Mode::Approve {
        limits.push(Text::new(
            format!(
                "审批人是模拟的：每个决策在 {} 秒后一律批准",
                args.approve_after
            ),
            format!(
                "the approver is simulated: every decision is approved after {} s",
                args.approve_after
            ),
        ));
    }
    if day.mode == conurb_decide::Mode::Advise {
        limits.push(Text::new(
            "建议模式：没有发出任何命令，信号保持固定方案",
            "mode advise: no command was sent, the signals kept their fixed plan",
        ));
    }
    limits
}

/// The wall-clock side.
pub(crate) fn timing(day: &Day, started: TimeMs, total_ns: u64, span_s: u32) -> Timing {
    let loop_ns: u64 = day.brains.iter().map(|b| b.loop_ns).sum();
    let events: u64 = day.brains.iter().map(|b| b.updates).sum();
    #[allow(clippy::cast_precision_loss)] // wall times and counts far below 2^53
    let (loop_s, total_s, events_f, n) = (
        loop_ns as f64 / 1e9,
        total_ns as f64 / 1e9,
        events as f64,
        day.brains.len() as f64,
    );
    #[allow(clippy::cast_precision_loss)]
    let latencies = day
        .brains
        .iter()
        .flat_map(|b| b.decision_ns.iter().map(|ns| *ns as f64 / 1e6))
        .collect();
    Timing {
        schema_version: TIMING_SCHEMA_VERSION.to_owned(),
        started_at: started.to_iso(),
        total_s,
        phases: day.phases.clone(),
        decision_latency: Latency::of(latencies),
        events,
        events_per_s: if loop_s > 0.0 { events_f / loop_s } else { 0.0 },
        real_time_factor: if loop_s > 0.0 {
            f64::from(span_s) * n / loop_s
        } else {
            0.0
        },
        machine: Machine::here(),
    }
}

/// Writes the three files, each whole or not at all.
pub(crate) fn files(out: &Path, report: &Report, timing: &Timing) -> Result<(), Failure> {
    let json =
        |v: serde_json::Result<String>| v.expect("reports hold numbers and text only") + "\n";
    put(out, "report.json", &report.to_json())?;
    put(
        out,
        "timing.json",
        &json(serde_json::to_string_pretty(timing)),
    )?;
    put(out, "report.html", &html::render(report))
}

fn put(out: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let path = out.join(name);
    let temporary = out.join(format!("{name}.tmp"));
    std::fs::write(&temporary, text).map_err(|e| io(&temporary, "cannot write", &e))?;
    std::fs::rename(&temporary, &path).map_err(|e| io(&path, "cannot write", &e))
}

/// The end of the run on the terminal.
pub(crate) fn show(report: &Report, out: &Path, json: bool, lang: Lang) {
    if json {
        say(report.to_json().trim_end());
        return;
    }
    say(&scorecard::render(
        report,
        lang,
        crate::out::terminal_width(),
    ));
    say(&format!(
        "{}: {}",
        lang.pick("报告", "report"),
        out.join("report.html").display()
    ));
}
