//! `conurb sim calibrate`: a prior matrix and counts in, the matrix that fits them better out.

use conurb_traffic::assignment::{
    Calibration, CalibrationOptions, CalibrationRound, Count, Counts, FitMethod, OdMatrix,
    calibrate, geh,
};
use conurb_traffic::{Network, VehicleTemplate};
use serde::Serialize;

use super::assign::{flows_json, notes_of, read_matrix};
use super::convert::write;
use super::demand_args::CalibrateArgs;
use super::{bar, scatter, table};
use crate::city::{self, Input};
use crate::fail::{Failure, io};
use crate::out::{Lang, Text, say, tell};
use crate::stats::figure;

/// Version of `calibrate.json`.
const SCHEMA_VERSION: &str = "1.0";
/// Counts that are shown in the table: those that fit worst.
const SHOWN: usize = 10;

/// `calibrate.json`: what was fitted to what, and how well.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    schema_version: &'static str,
    /// City, for people.
    pub(super) city: String,
    /// The generator's mark of the network; null for observed data.
    pub(super) synthetic: Option<Text>,
    inputs: Vec<Input>,
    fit: FitMethod,
    seed: u32,
    /// Vehicles of the prior and of the matrix found.
    vehicles: (f64, f64),
    /// Root of the mean squared change of a cell, vehicles.
    change_of_cells_rms: f64,
    /// Round 0 is the prior.
    pub(super) rounds: Vec<CalibrationRound>,
    /// The round that was taken.
    pub(super) best: usize,
    /// In file order.
    pub(super) counts: Vec<Counted>,
    notes: Vec<String>,
}

/// One count with what the twin has there.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Counted {
    road: String,
    lane: Option<u32>,
    start_s: i64,
    end_s: i64,
    /// Flows, vehicles an hour.
    pub(super) counted_veh_h: f64,
    pub(super) before_veh_h: f64,
    pub(super) after_veh_h: f64,
    geh_before: f64,
    geh_after: f64,
}

impl Counted {
    fn new(net: &Network, count: &Count, (before, after): (f64, f64)) -> Self {
        let hours = count.interval.hours();
        let counted_veh_h = count.vehicles / hours;
        Self {
            road: net.roads()[count.road.ix()].id.clone(),
            lane: count.lane.map(|l| net.lanes()[l.ix()].index),
            start_s: count.interval.start_s,
            end_s: count.interval.end_s,
            counted_veh_h,
            before_veh_h: before / hours,
            after_veh_h: after / hours,
            geh_before: geh(before / hours, counted_veh_h),
            geh_after: geh(after / hours, counted_veh_h),
        }
    }
}

/// Runs the command.
pub(crate) fn run(args: &CalibrateArgs, lang: Lang) -> Result<(), Failure> {
    let mut roads = city::load_roads(&args.roads)?;
    let prior = read_matrix(&args.od, args.zones.as_deref(), &mut roads)?;
    let (bytes, name) = city::read_input(&args.counts, "counts", &mut roads.inputs)?;
    let counts = Counts::from_csv(&bytes, &name, &roads.network)?;
    let options = CalibrationOptions {
        method: args.method(),
        rounds: args.fits,
        assign: args.routing.method(),
        vehicle: VehicleTemplate::default(),
        seed: args.routing.seed,
    };
    let bar = bar(1, args.quiet);
    let mut watch = |round: u32, _: i64, span_s: i64| {
        let runs = u64::from((args.fits + 1) * args.routing.runs());
        bar.set_length(runs * span_s.unsigned_abs());
        bar.set_message(format!("{round}/{}", args.fits));
        bar.inc(1);
    };
    let found = calibrate(&roads.network, &prior, &counts, &options, &mut watch)?;
    bar.finish_and_clear();
    std::fs::create_dir_all(&args.out).map_err(|e| io(&args.out, "cannot make", &e))?;
    let net = &roads.network;
    write(&args.out, "od.csv", &found.od.to_csv())?;
    write(
        &args.out,
        "flow.json",
        &flows_json(net, &found.assignment.trips)?,
    )?;
    let numbers = found
        .before
        .iter()
        .copied()
        .zip(found.after.iter().copied());
    let compared = counts.all().iter().zip(numbers);
    let document = Document {
        schema_version: SCHEMA_VERSION,
        city: roads.name.clone(),
        synthetic: roads.synthetic.clone(),
        fit: options.method,
        seed: args.routing.seed,
        vehicles: (prior.total_vehicles(), found.od.total_vehicles()),
        change_of_cells_rms: change(&prior, &found),
        counts: compared.map(|(c, n)| Counted::new(net, c, n)).collect(),
        notes: (found.notes.iter().cloned())
            .chain(notes_of(&found.assignment))
            .collect(),
        rounds: found.rounds,
        best: found.best,
        inputs: roads.inputs,
    };
    let json = serde_json::to_string_pretty(&document).expect("plain figures");
    write(&args.out, "calibrate.json", &json)?;
    write(&args.out, "calibrate.svg", &scatter::svg(&document))?;
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

fn change(prior: &OdMatrix, found: &Calibration) -> f64 {
    let cells = prior.cells().iter().zip(found.od.cells());
    let sum: f64 = cells.map(|(a, b)| (a.vehicles - b.vehicles).powi(2)).sum();
    (sum / prior.cells().len().max(1) as f64).sqrt()
}

fn render(d: &Document, lang: Lang) -> String {
    let mut lines = vec![format!(
        "{}  |  {} {}  |  {} {} -> {}  |  {} {}",
        d.city,
        d.counts.len(),
        lang.pick("个计数", "counts"),
        lang.pick("车辆", "vehicles"),
        figure(d.vehicles.0),
        figure(d.vehicles.1),
        lang.pick("种子", "seed"),
        d.seed
    )];
    lines.extend(table::synthetic_mark(d.synthetic.as_ref(), lang));
    lines.push(rounds(d, lang));
    lines.push(worst(d, lang));
    if d.best == 0 {
        lines.push(
            lang.pick(
                "没有一轮比先验矩阵更符合计数：先验矩阵保持不变",
                "no round fits the counts better than the prior: the prior stands",
            )
            .to_owned(),
        );
    }
    lines.join("\n")
}

fn rounds(d: &Document, lang: Lang) -> String {
    let mut table = table::blank();
    table.set_header(vec![
        lang.pick("轮次", "round"),
        lang.pick("车辆", "vehicles"),
        "GEH < 5 %",
        lang.pick("平均 GEH", "mean GEH"),
        lang.pick("均方根误差 辆/时", "RMSE veh/h"),
        lang.pick("相对间隙 %", "relative gap %"),
    ]);
    for r in &d.rounds {
        let name = match r.round as usize {
            0 => lang.pick("先验", "prior").to_owned(),
            n if n == d.best => format!("{n} *"),
            n => n.to_string(),
        };
        table.add_row(vec![
            name,
            figure(r.vehicles),
            format!("{:.1}", 100.0 * r.fit.geh_below_5_share),
            format!("{:.2}", r.fit.geh_mean),
            figure(r.fit.rmse_veh_h),
            format!("{:.2}", 100.0 * r.relative_gap),
        ]);
    }
    table::to_the_right(&mut table, 1);
    table.to_string()
}

/// The counts that fit worst in the end.
fn worst(d: &Document, lang: Lang) -> String {
    let mut table = table::blank();
    table.set_header(vec![
        lang.pick("道路", "road"),
        lang.pick("时段 秒", "from-to s"),
        lang.pick("计数 辆/时", "counted veh/h"),
        lang.pick("先验", "prior"),
        lang.pick("校准后", "fitted"),
        lang.pick("GEH 先验", "GEH prior"),
        lang.pick("GEH 校准后", "GEH fitted"),
    ]);
    let mut counts: Vec<&Counted> = d.counts.iter().collect();
    counts.sort_by(|a, b| b.geh_after.total_cmp(&a.geh_after));
    for c in counts.iter().take(SHOWN) {
        let lane = c.lane.map_or_else(String::new, |l| format!(" [{l}]"));
        table.add_row(vec![
            format!("{}{lane}", c.road),
            format!("{}-{}", c.start_s, c.end_s),
            figure(c.counted_veh_h),
            figure(c.before_veh_h),
            figure(c.after_veh_h),
            format!("{:.1}", c.geh_before),
            format!("{:.1}", c.geh_after),
        ]);
    }
    table::to_the_right(&mut table, 2);
    table.to_string()
}
