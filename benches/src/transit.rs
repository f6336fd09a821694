//! Timetables: loads with quality report, whole-day profiles, earliest arrivals, and an edit to
//! the measures of a nation. Needs the shared data.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use conurb_transit::gtfs::{Limits, read_path};
use conurb_transit::measures::Basis;
use conurb_transit::quality::{QualityOptions, examine};
use conurb_transit::scenario::{
    Departures, Edit, Evaluation, Line, MassTable, Measure, Question, Scenario, World, compare,
};
use conurb_transit::{
    AccessTable, Date, Direction, Earliest, Feed, Place, Scan, Timetable, TimetableOptions,
};

use crate::figure::Figure;
use crate::options::Options;

const BENCH: &str = "transit";
/// Random queries of each feed.
const QUERIES: usize = 1_000;
/// Destinations of the Tokyo profile.
const TARGETS: usize = 50;

/// A feed, its day, and what it is held against.
struct Case {
    name: &'static str,
    file: &'static str,
    date: Date,
    change_s: u32,
    load_s_max: f64,
    /// Earliest arrival of the quickest peer, ms, and who it is.
    peer_ms: f64,
    peer: &'static str,
}

const CASES: [Case; 2] = [
    Case {
        name: "China",
        file: "region/gtfs_cn_hsr_2016.zip",
        date: Date::constant(2016, 3, 15),
        change_s: 600,
        load_s_max: 0.3,
        peer_ms: 0.337,
        peer: "ULTRA CSA 0.337 ms; nigiri RAPTOR 3.6-7.8 ms (other machine, +-2x)",
    },
    Case {
        name: "Tokyo",
        file: "region/gtfs_tokyo_weekday.zip",
        date: Date::constant(2026, 8, 12),
        change_s: 0,
        load_s_max: 1.0,
        peer_ms: 1.515,
        peer: "ULTRA CSA 1.515 ms; nigiri RAPTOR 20.3 ms (other machine, +-2x)",
    },
];

/// All figures; none, and a word why, without the shared data.
pub(crate) fn run(options: &Options) -> Result<Vec<Figure>> {
    let Some(data) = conurb_testkit::shared_data() else {
        eprintln!("bench transit needs the shared data (region/gtfs_*.zip), which is not here");
        return Ok(Vec::new());
    };
    let rounds = if options.quick { 1 } else { 5 };
    let mut figures = Vec::new();
    let mut days = Vec::new();
    for case in &CASES {
        let (feed, figure) = load(&data, case, rounds)?;
        figures.push(figure);
        let options = TimetableOptions {
            change_s: case.change_s,
            ..TimetableOptions::default()
        };
        let day = Timetable::of_day(&feed, case.date, options)?;
        figures.push(queries(&day, case)?);
        days.push(day);
    }
    figures.push(nation(&days[0], rounds)?);
    figures.push(tokyo(&days[1])?);
    figures.push(edit(&data, &days[0], rounds)?);
    Ok(figures)
}

/// Seconds of the quickest of some rounds.
fn quickest(rounds: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        #[allow(clippy::disallowed_methods)] // a bench measures the machine
        let start = std::time::Instant::now();
        work()?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}

fn load(data: &Path, case: &Case, rounds: usize) -> Result<(Feed, Figure)> {
    let mut kept = None;
    let seconds = quickest(rounds, || {
        let feed = read_path(&data.join(case.file), Limits::default())?;
        let report = examine(&feed, &QualityOptions::default())?;
        anyhow::ensure!(report.facts.calls > 0, "an empty feed");
        kept = Some(feed);
        Ok(())
    })?;
    let metric = format!("{} feed read with quality report", case.name);
    let figure = Figure::at_most(BENCH, &metric, seconds, "s", case.load_s_max);
    let figure = Figure {
        peer: Some("gtfs-structures 0.52 without report: China 0.2 s, Tokyo 2.9 s".into()),
        ..figure
    };
    Ok((kept.context("no round was run")?, figure))
}

/// Draws pairs of served stops and times, the same every run.
fn draws(day: &Timetable) -> Vec<(u32, u32, u32)> {
    let mut served: Vec<u32> = day.connections().iter().map(|c| c.from).collect();
    served.sort_unstable();
    served.dedup();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut draw = |below: usize| {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % below as u64).unwrap_or(0)
    };
    (0..QUERIES)
        .map(|_| {
            let (from, to) = (served[draw(served.len())], served[draw(served.len())]);
            let ready_s = u32::try_from(draw(86_400)).unwrap_or(0);
            (from, to, ready_s)
        })
        .collect()
}

fn queries(day: &Timetable, case: &Case) -> Result<Figure> {
    let draws = draws(day);
    let mut engine = Earliest::new(day);
    let mut reached = 0;
    let seconds = quickest(2, || {
        reached = 0;
        for (from, to, ready_s) in &draws {
            reached += usize::from(engine.at_stop(*from, *to, *ready_s).is_some());
        }
        Ok(())
    })?;
    anyhow::ensure!(
        reached > QUERIES / 10,
        "only {reached} queries have a journey"
    );
    #[allow(clippy::cast_precision_loss)] // 1,000
    let mean_ms = seconds * 1e3 / QUERIES as f64;
    let metric = format!(
        "{} earliest arrival, mean of 1,000 random queries",
        case.name
    );
    Ok(Figure {
        peer: Some(case.peer.into()),
        ratio: Some(mean_ms / case.peer_ms),
        ..Figure::told(BENCH, &metric, mean_ms, "ms")
    })
}

fn nation(day: &Timetable, rounds: usize) -> Result<Figure> {
    let seconds = quickest(rounds, || {
        let scan = Scan::new(day, Direction::AllToOne);
        let all = scan.all_pairs(&scan.stops_as_places())?;
        let pairs: usize = all.to.iter().map(|p| p.pairs().len()).sum();
        anyhow::ensure!(pairs == 1_079_031, "{pairs} pairs are not the known ones");
        Ok(())
    })?;
    let metric = "China all pairs of stops, all day";
    Ok(Figure {
        peer: Some("plain profile scan, one thread: 0.47-0.77 s".into()),
        ..Figure::at_most(BENCH, metric, seconds, "s", 0.3)
    })
}

fn tokyo(day: &Timetable) -> Result<Figure> {
    let scan = Scan::new(day, Direction::AllToOne);
    let all = scan.stops_as_places();
    let step = all.len() / TARGETS;
    let targets: Vec<Place> = all.into_iter().step_by(step).take(TARGETS).collect();
    let seconds = quickest(2, || {
        let pairs: usize = scan
            .to_places(&targets, |_, profiles| profiles.pairs().len())?
            .into_iter()
            .sum();
        anyhow::ensure!(pairs > 1_000_000, "{pairs} pairs");
        Ok(())
    })?;
    #[allow(clippy::cast_precision_loss)] // 50
    let mean_ms = seconds * 1e3 / TARGETS as f64;
    let metric = "Tokyo all stops to one, all day, mean of 50";
    Ok(Figure {
        peer: Some("plain profile scan, one thread: 70 ms".into()),
        ..Figure::at_most(BENCH, metric, mean_ms, "ms", 25.0)
    })
}

/// A new line of ten stations to the difference of every city of the nation.
fn edit(data: &Path, day: &Timetable, rounds: usize) -> Result<Figure> {
    let text = std::fs::read_to_string(data.join("region/reference/station_to_prefecture.json"))?;
    let city_of: BTreeMap<String, String> = serde_json::from_str(&text)?;
    let mut access = AccessTable::default();
    let mut values = BTreeMap::new();
    for stop in day.stops() {
        if let Some(code) = city_of.get(&*stop.name) {
            access.set(code, &stop.id, 0.0, "bench")?;
            values.insert(code.clone(), 1.0);
        }
    }
    let question = Question {
        measure: Measure::Watt,
        basis: Basis::Fastest,
        label: "all cities".into(),
        cities: values.keys().cloned().collect(),
    };
    let masses = MassTable {
        values,
        unit: "cities".into(),
        year: 2016,
        source: "each counts as one".into(),
    };
    let world = World::new(day.clone(), access, masses);
    let before = Evaluation::new(&world, question.basis)?;
    let stations: Vec<String> = day.trips()[0].calls[..1]
        .iter()
        .map(|c| c.stop)
        .chain((0..600).step_by(67))
        .map(|stop| day.stops()[stop as usize].id.to_string())
        .collect();
    let mut scenario = Scenario::new("a line", &world);
    scenario.edits.push(Edit::AddLine {
        line: Line {
            name: "new".into(),
            run_min: vec![30.0; stations.len() - 1],
            stations,
            dwell_min: 2.0,
            departures: Departures::Every {
                first: "06:00".into(),
                last: "22:00".into(),
                headway_min: 30.0,
            },
            both_directions: true,
            days: Vec::new(),
            assumed: None,
        },
    });
    let seconds = quickest(rounds, || {
        let after = scenario.apply(&world)?;
        let evaluation = Evaluation::new(&after, question.basis)?;
        let report = compare((&world, &before), (&after, &evaluation), &question)?;
        let cities = report.losers.len() + report.winners.len() + report.unchanged.len();
        anyhow::ensure!(
            cities == 206 && report.losers.is_empty(),
            "the wrong answer"
        );
        Ok(())
    })?;
    let metric = "a new line of 10 stations to the difference of each city of the nation";
    Ok(Figure::at_most(BENCH, metric, seconds, "s", 1.0))
}
