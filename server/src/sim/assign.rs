//! `conurb sim assign`: tables of trips in, a demand with routes out.

use std::path::Path;

use conurb_traffic::assignment::{
    Assignment, DynamicRound, OdMatrix, Ran, RoutedTrips, TurnDemand, Zones, assign, drive,
};
use conurb_traffic::{Network, VehicleTemplate};
use serde::Serialize;

use super::convert::write;
use super::demand_args::AssignArgs;
use super::{bar, table};
use crate::city::{self, Input, Roads};
use crate::fail::{Failure, io};
use crate::out::{Lang, Text, say, tell};
use crate::stats::figure;

/// Version of `assign.json`.
const SCHEMA_VERSION: &str = "1.0";

/// `assign.json`: how the demand was made and what the twin says of it.
#[derive(Debug, Serialize)]
struct Document {
    schema_version: &'static str,
    city: String,
    /// The generator's mark of the network; null for observed data.
    synthetic: Option<Text>,
    inputs: Vec<Input>,
    /// `free`, `incremental`, `equilibrium`, or `turns`.
    method: &'static str,
    seed: u32,
    vehicles: usize,
    /// Distinct routes.
    routes: usize,
    /// Relative gap of the routes written; null with turning shares, which are no choice of route.
    relative_gap: Option<f64>,
    /// The run of the routes written.
    run: Ran,
    /// Every run.
    rounds: Vec<DynamicRound>,
    notes: Vec<String>,
}

/// Trips with routes, however they were made.
struct Made {
    trips: RoutedTrips,
    ran: Ran,
    relative_gap: Option<f64>,
    rounds: Vec<DynamicRound>,
    notes: Vec<String>,
    method: &'static str,
}

/// Runs the command.
pub(crate) fn run(args: &AssignArgs, lang: Lang) -> Result<(), Failure> {
    let mut roads = city::load_roads(&args.roads)?;
    let made = match (&args.od, &args.flows, &args.turns) {
        (Some(od), _, _) => from_matrix(args, od, &mut roads)?,
        (None, Some(flows), Some(turns)) => from_turns(args, (flows, turns), &mut roads)?,
        _ => return Err(Failure::plain("name --od, or --flows and --turns", None)),
    };
    std::fs::create_dir_all(&args.out).map_err(|e| io(&args.out, "cannot make", &e))?;
    write(
        &args.out,
        "flow.json",
        &flows_json(&roads.network, &made.trips)?,
    )?;
    let document = Document {
        schema_version: SCHEMA_VERSION,
        city: roads.name,
        synthetic: roads.synthetic,
        inputs: roads.inputs,
        method: made.method,
        seed: args.routing.seed,
        vehicles: made.trips.trips.len(),
        routes: made.trips.routes.len(),
        relative_gap: made.relative_gap,
        run: made.ran,
        rounds: made.rounds,
        notes: made.notes,
    };
    let json = serde_json::to_string_pretty(&document).expect("plain figures");
    write(&args.out, "assign.json", &json)?;
    if args.json {
        say(&json);
        return Ok(());
    }
    for note in &document.notes {
        tell(&format!("note: {note}"));
    }
    say(&render(&document, lang));
    say(&args.out.display().to_string());
    Ok(())
}

/// The trips as a CityFlow flow file.
pub(super) fn flows_json(net: &Network, trips: &RoutedTrips) -> Result<String, Failure> {
    let demand = trips.demand(&VehicleTemplate::default());
    serde_json::to_string(&demand.to_flows(net))
        .map_err(|e| Failure::plain(format!("the demand cannot be written: {e}"), None))
}

/// A matrix and its zones.
pub(super) fn read_matrix(
    od: &Path,
    zones: Option<&Path>,
    roads: &mut Roads,
) -> Result<OdMatrix, Failure> {
    let zones = match zones {
        Some(path) => {
            let (bytes, name) = city::read_input(path, "zones", &mut roads.inputs)?;
            Zones::from_csv(&bytes, &name, &roads.network)?
        }
        None => Zones::default(),
    };
    let (bytes, name) = city::read_input(od, "od", &mut roads.inputs)?;
    Ok(OdMatrix::from_csv(&bytes, &name, &roads.network, &zones)?)
}

/// What the model noticed about an assignment.
pub(super) fn notes_of(assignment: &Assignment) -> Vec<String> {
    let moved = assignment.moved;
    let moved = (moved > 0).then(|| {
        format!(
            "{moved} trips begin or end on another road of their zone: no way joins the roads drawn"
        )
    });
    let ran = &assignment.rounds[assignment.best].ran;
    let stuck = ran.vehicles - ran.finished;
    let stuck = (stuck > 0).then(|| {
        format!(
            "{stuck} vehicles had not arrived when the run ended at {} s, an hour after the last departure",
            ran.span_s
        )
    });
    moved.into_iter().chain(stuck).collect()
}

fn from_matrix(args: &AssignArgs, od: &Path, roads: &mut Roads) -> Result<Made, Failure> {
    let od = read_matrix(od, args.zones.as_deref(), roads)?;
    let bar = bar(1, args.quiet);
    let runs = args.routing.runs();
    let mut watch = |round: u32, second: i64, span_s: i64| {
        bar.set_length(u64::from(runs) * span_s.unsigned_abs());
        bar.set_position(u64::from(round - 1) * span_s.unsigned_abs() + second.unsigned_abs());
    };
    let vehicle = VehicleTemplate::default();
    let method = args.routing.method();
    let vehicle = (&vehicle, args.routing.seed);
    let assignment = assign(&roads.network, &od, method, vehicle, &mut watch)?;
    bar.finish_and_clear();
    let best = &assignment.rounds[assignment.best];
    Ok(Made {
        notes: notes_of(&assignment),
        ran: best.ran,
        relative_gap: Some(best.relative_gap),
        method: match args.routing.method {
            super::demand_args::MethodArg::Free => "free",
            super::demand_args::MethodArg::Incremental => "incremental",
            super::demand_args::MethodArg::Equilibrium => "equilibrium",
        },
        rounds: assignment.rounds,
        trips: assignment.trips,
    })
}

fn from_turns(
    args: &AssignArgs,
    (flows, turns): (&Path, &Path),
    roads: &mut Roads,
) -> Result<Made, Failure> {
    let flows = city::read_input(flows, "flows", &mut roads.inputs)?;
    let turns = city::read_input(turns, "turns", &mut roads.inputs)?;
    let net = &roads.network;
    let demand = TurnDemand::from_csv((&flows.0, &flows.1), (&turns.0, &turns.1), net)?;
    let walked = demand.walk(net, u64::from(args.routing.seed));
    let notes = [
        (
            walked.by_default,
            "vehicles met a road without shares and turned by the default ones (right 0.3, straight 0.5, left 0.2)",
        ),
        (
            walked.cut,
            "vehicles were still turning after 500 roads and end there",
        ),
        (
            walked.dropped,
            "vehicles are left out: they would end on the road they enter on",
        ),
    ];
    let bar = bar(1, args.quiet);
    let mut watch = |_, second: i64, span_s: i64| {
        bar.set_length(span_s.unsigned_abs());
        bar.set_position(second.unsigned_abs());
    };
    let vehicle = VehicleTemplate::default();
    let ran = drive(
        net,
        &walked.trips,
        (&vehicle, args.routing.seed),
        &mut watch,
    )?;
    bar.finish_and_clear();
    Ok(Made {
        notes: (notes.into_iter())
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect(),
        trips: walked.trips,
        ran,
        relative_gap: None,
        rounds: Vec::new(),
        method: "turns",
    })
}

fn render(d: &Document, lang: Lang) -> String {
    let mut lines = vec![format!(
        "{}  |  {}  |  {} {}  |  {} {}  |  {} {}",
        d.city,
        d.method,
        d.vehicles,
        lang.pick("辆车", "vehicles"),
        d.routes,
        lang.pick("条路径", "routes"),
        lang.pick("种子", "seed"),
        d.seed
    )];
    lines.extend(table::synthetic_mark(d.synthetic.as_ref(), lang));
    if !d.rounds.is_empty() {
        let mut table = table::blank();
        table.set_header(vec![
            lang.pick("轮次", "round"),
            lang.pick("相对间隙 %", "relative gap %"),
            lang.pick("总行程时间 车时", "total time veh h"),
            lang.pick("平均 秒", "mean s"),
            lang.pick("未到达", "not arrived"),
            lang.pick("改换路径", "change route"),
        ]);
        for r in &d.rounds {
            table.add_row(vec![
                r.round.to_string(),
                format!("{:.2}", 100.0 * r.relative_gap),
                figure(r.ran.total_time_veh_h),
                figure(r.ran.mean_time_s),
                (r.ran.vehicles - r.ran.finished).to_string(),
                r.changed.to_string(),
            ]);
        }
        table::to_the_right(&mut table, 0);
        lines.push(table.to_string());
    }
    lines.push(format!(
        "{} {} {}, {} {} s{}",
        lang.pick("总行程时间", "total travel time"),
        figure(d.run.total_time_veh_h),
        lang.pick("车时", "veh h"),
        lang.pick("平均", "mean"),
        figure(d.run.mean_time_s),
        d.relative_gap.map_or_else(String::new, |gap| format!(
            ", {} {:.2} %",
            lang.pick("相对间隙", "relative gap"),
            100.0 * gap
        ))
    ));
    lines.join("\n")
}
