//! New lines, and more or fewer trips on those there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Weekday;

use super::apply::{Fits, Misfit, room, stop_at};
use super::{Departures, Filter, Line, Rate, World};
use crate::gtfs::{Clock, clock, clock_text};
use crate::profile::Window;
use crate::timetable::{Call, TripRun};

/// Stations of one new line: with the longest runs its times stay far below 2^32 s.
const STATIONS_MAX: usize = 1_000;
/// Trips of one new line and direction.
const LINE_TRIPS_MAX: usize = 5_000;

/// Adds the trips of a line.
pub(super) fn add(
    world: &mut World,
    trips: &mut Vec<Arc<TripRun>>,
    line: &Line,
) -> Result<(), Misfit> {
    if line.stations.len() < 2 || line.run_min.len() + 1 != line.stations.len() {
        return Err(format!(
            "{} stations need {} run times, and at least two stations",
            line.stations.len(),
            line.stations.len().saturating_sub(1)
        ));
    }
    if line.stations.len() > STATIONS_MAX {
        return Err(format!(
            "{} stations, a line has at most {STATIONS_MAX}",
            line.stations.len()
        ));
    }
    let minutes = |m: f64| (0.0..=1_440.0).contains(&m);
    if !line.run_min.iter().all(|m| minutes(*m) && *m > 0.0) || !minutes(line.dwell_min) {
        return Err("run minutes are above 0 and at most 1,440, dwell 0 to 1,440".into());
    }
    if let Some(assumed) = &line.assumed {
        world
            .notes
            .push(format!("{}: assumed: {assumed}", line.name));
    }
    if !runs(world, line)? {
        world
            .notes
            .push(format!("{} does not run on this day", line.name));
        return Ok(());
    }
    let stops = line
        .stations
        .iter()
        .map(|s| stop_at(world, s))
        .collect::<Result<Vec<u32>, Misfit>>()?;
    let starts = departures(&line.departures)?;
    room(trips, 2 * starts.len())?;
    let runs_s: Vec<u32> = line.run_min.iter().map(|m| seconds(*m)).collect();
    let dwell_s = seconds(line.dwell_min);
    let mut one_way = |way: &str, stops: &[u32], runs_s: &[u32]| {
        for start in &starts {
            trips.push(Arc::new(TripRun {
                id: format!("{} {way} {}", line.name, clock_text(*start)).into(),
                name: line.name.as_str().into(),
                route: line.name.as_str().into(),
                headway_s: None,
                calls: calls(stops, runs_s, dwell_s, *start),
            }));
        }
    };
    one_way("out", &stops, &runs_s);
    if line.both_directions {
        let back: Vec<u32> = stops.iter().rev().copied().collect();
        let runs_back: Vec<u32> = runs_s.iter().rev().copied().collect();
        one_way("back", &back, &runs_back);
    }
    Ok(())
}

fn seconds(minutes: f64) -> u32 {
    (minutes * 60.0).round() as u32
}

fn calls(stops: &[u32], runs_s: &[u32], dwell_s: u32, start: u32) -> Box<[Call]> {
    let mut time = start;
    let last = stops.len() - 1;
    stops
        .iter()
        .enumerate()
        .map(|(at, stop)| {
            let arr_s = time + at.checked_sub(1).map_or(0, |leg| runs_s[leg]);
            let dwells = at > 0 && at < last;
            time = arr_s + if dwells { dwell_s } else { 0 };
            Call {
                stop: *stop,
                arr_s,
                dep_s: time,
                flags: 0,
            }
        })
        .collect()
}

/// Whether a line runs on the timetable's day; a made timetable has every day.
fn runs(world: &World, line: &Line) -> Result<bool, Misfit> {
    const DAYS: [(&str, Weekday); 7] = [
        ("mon", Weekday::Monday),
        ("tue", Weekday::Tuesday),
        ("wed", Weekday::Wednesday),
        ("thu", Weekday::Thursday),
        ("fri", Weekday::Friday),
        ("sat", Weekday::Saturday),
        ("sun", Weekday::Sunday),
    ];
    let mut runs = line.days.is_empty();
    for day in &line.days {
        let found = DAYS.iter().find(|d| d.0 == day);
        let (_, weekday) = found.ok_or_else(|| format!("\"{day}\" is not mon to sun"))?;
        runs |= world.timetable.date.is_none_or(|d| d.weekday() == *weekday);
    }
    Ok(runs)
}

fn departures(when: &Departures) -> Result<Vec<u32>, Misfit> {
    let time = |text: &str| match clock(text.trim().as_bytes()) {
        Clock::At(s) => Ok(s),
        _ => Err(format!("\"{text}\" is no time as HH:MM")),
    };
    let found: Vec<u32> = match when {
        Departures::At { times } => times.iter().map(|t| time(t)).collect::<Result<_, _>>()?,
        Departures::Every {
            first,
            last,
            headway_min,
        } => {
            let (first, last) = (time(first)?, time(last)?);
            if !(1.0..=1_440.0).contains(headway_min) {
                return Err(format!("headway {headway_min} min is not 1 to 1,440"));
            }
            (first..=last)
                .step_by(seconds(*headway_min) as usize)
                .collect()
        }
    };
    if found.is_empty() || found.len() > LINE_TRIPS_MAX {
        return Err(format!(
            "{} departures are not 1 to {LINE_TRIPS_MAX}",
            found.len()
        ));
    }
    Ok(found)
}

/// Clones or thins the trips that leave within a window, by pattern of stops.
pub(super) fn frequency(
    world: &mut World,
    trips: &mut Vec<Arc<TripRun>>,
    filter: &Filter,
    window: Window,
    rate: Rate,
) -> Result<(), Misfit> {
    let (what, value, range) = match rate {
        Rate::Factor(f) => ("factor", f, 0.01..=100.0),
        Rate::HeadwayMin(m) => ("headway", m, 1.0..=1_440.0),
    };
    if !range.contains(&value) {
        return Err(format!(
            "{what} {value} is not {} to {}",
            range.start(),
            range.end()
        ));
    }
    let fits = Fits::new(world, filter)?;
    let within = |t: &TripRun| {
        let leaves = i64::from(t.calls[0].dep_s);
        leaves >= i64::from(window.from_s) && leaves <= i64::from(window.to_s)
    };
    let mut groups: BTreeMap<Vec<u32>, Vec<Arc<TripRun>>> = BTreeMap::new();
    trips.retain(|t| {
        let chosen = fits.fits(t) && within(t);
        if chosen {
            let stops = t.calls.iter().map(|c| c.stop).collect();
            groups.entry(stops).or_default().push(t.clone());
        }
        !chosen
    });
    if groups.is_empty() {
        return Err("no trip that fits the filter leaves within the window".into());
    }
    for mut group in groups.into_values() {
        group.sort_by_key(|t| (t.calls[0].dep_s, t.id.clone()));
        if group.len() == 1 {
            let note = "is alone with its stops: its frequency stays";
            world.notes.push(format!("{} {note}", group[0].id));
        }
        if let Rate::Factor(factor) = rate {
            // Before they are made.
            room(trips, (group.len() as f64 * factor).round() as usize)?;
        }
        let made = spread(&group, rate);
        room(trips, made.len())?;
        trips.extend(made);
    }
    Ok(())
}

/// The trips of one pattern after the change; the first and last stay.
fn spread(group: &[Arc<TripRun>], rate: Rate) -> Vec<Arc<TripRun>> {
    let n = group.len();
    if n < 2 {
        return group.to_vec();
    }
    let leaves = |at: usize| group[at].calls[0].dep_s;
    match rate {
        Rate::HeadwayMin(minutes) => {
            let headway_s = (minutes * 60.0).round() as usize;
            let (first, last) = (leaves(0), leaves(n - 1));
            let mut made: Vec<Arc<TripRun>> = (first..last)
                .step_by(headway_s)
                .map(|time| {
                    let after = group.partition_point(|t| t.calls[0].dep_s <= time);
                    moved(&group[after - 1], time)
                })
                .collect();
            made.push(group[n - 1].clone());
            made
        }
        Rate::Factor(factor) => {
            let wanted = ((n as f64 * factor).round() as usize).max(2);
            if wanted <= n {
                // Evenly over the list, both ends kept.
                return (0..wanted)
                    .map(|k| group[(k * (n - 1) + (wanted - 1) / 2) / (wanted - 1)].clone())
                    .collect();
            }
            let more = wanted - n;
            let mut made = Vec::with_capacity(wanted);
            for (gap, trip) in group[..n - 1].iter().enumerate() {
                made.push(trip.clone());
                let here = (gap + 1) * more / (n - 1) - gap * more / (n - 1);
                let span_s = (leaves(gap + 1) - leaves(gap)) as usize;
                for k in 1..=here {
                    let time = leaves(gap) + (span_s * k / (here + 1)) as u32;
                    made.push(clone_at(trip, time, k));
                }
            }
            made.push(group[n - 1].clone());
            made
        }
    }
}

/// The trip itself where it leaves then, else a clone.
fn moved(trip: &Arc<TripRun>, time: u32) -> Arc<TripRun> {
    if trip.calls[0].dep_s == time {
        return trip.clone();
    }
    clone_at(trip, time, 1)
}

fn clone_at(trip: &TripRun, time: u32, k: usize) -> Arc<TripRun> {
    let later_s = time - trip.calls[0].dep_s;
    let mut made = trip.clone();
    made.id = format!("{} +{k} {}", trip.id, clock_text(time)).into();
    for call in &mut made.calls {
        call.arr_s = call.arr_s.saturating_add(later_s);
        call.dep_s = call.dep_s.saturating_add(later_s);
    }
    Arc::new(made)
}
