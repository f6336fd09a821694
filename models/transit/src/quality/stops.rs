//! Rules on stops: a second source of coordinates (Q2), homonyms (Q3), near duplicates (Q12), dead
//! data (Q13), footpaths (Q14).

use std::collections::BTreeMap;

use super::{QualityOptions, QualityReport, Rule};
use crate::days::gtfs_date;
use crate::feed::{Feed, Stop};
use crate::findings::{Findings, Severity};

const STOPS: &str = "stops.txt";

const GAP: Rule = Rule {
    id: "Q2",
    severity: Severity::Warning,
    file: STOPS,
    remedy: "check the stop on a map and keep the source that fits its neighbours",
};
/// Apart by so much, km: doubtful, wrong.
const GAP_KM: (f64, f64) = (1.0, 25.0);
const HOMONYM: Rule = Rule {
    id: "Q3",
    severity: Severity::Error,
    file: STOPS,
    remedy: "give the coordinates of the stop of this name on the line; `repair_stop` proposes \
             them",
};
const NEAR: Rule = Rule {
    id: "Q12",
    severity: Severity::Note,
    file: STOPS,
    remedy: "none needed where each line has its own stop; else use one stop, or group them under \
             a station",
};
const DEAD: Rule = Rule {
    id: "Q13",
    severity: Severity::Note,
    file: STOPS,
    remedy: "choose another day if the stop should be served; else leave it out",
};
const IDLE: Rule = Rule {
    id: "Q13",
    severity: Severity::Warning,
    file: "calendar.txt",
    remedy: "give the service its days, or remove its trips",
};
const FOOT: Rule = Rule {
    id: "Q14",
    severity: Severity::Warning,
    file: "transfers.txt",
    remedy: "add the missing way or correct its time; `complete_transfers` adds those that follow \
             from others",
};

/// A stop by identifier, else by name, in a table of the caller.
fn known<'a, T>(table: &'a BTreeMap<String, T>, stop: &Stop) -> Option<&'a T> {
    table.get(&*stop.id).or_else(|| table.get(&*stop.name))
}

/// Q2.
pub(super) fn second_source(feed: &Feed, options: &QualityOptions<'_>, report: &mut QualityReport) {
    let Some(second) = options.second_source else {
        return;
    };
    let mut gaps = Vec::new();
    for stop in &feed.stops {
        let (Some(here), Some(there)) = (stop.lat_lon, known(second, stop)) else {
            continue;
        };
        let km = conurb_geo::great_circle_km(here, *there);
        gaps.push(km);
        if km > GAP_KM.0 {
            report.findings.add(GAP.id, || {
                let message = format!("{}: two sources lie {km:.1} km apart", stop.name);
                let mut made = GAP.finding(stop.row, &stop.id, Some(km), message);
                if km > GAP_KM.1 {
                    made.severity = Severity::Error;
                }
                made
            });
        }
    }
    gaps.sort_by(f64::total_cmp);
    let quantile = |q: f64| gaps.get((q * (gaps.len() as f64 - 1.0)).round() as usize);
    report.facts.coordinate_gap_km = quantile(0.5).copied().zip(quantile(0.9).copied());
}

/// Q3: too fast, and in another unit than both neighbours on most trips.
pub(super) fn homonyms(
    feed: &Feed,
    options: &QualityOptions<'_>,
    speeding: &[u32],
    findings: &mut Findings,
) {
    let Some(unit_of) = options.unit_of else {
        return;
    };
    let units: Vec<Option<&String>> = feed.stops.iter().map(|s| known(unit_of, s)).collect();
    // (calls with known neighbours, of them with none in the stop's own unit)
    let mut counts = vec![(0_u32, 0_u32); feed.stops.len()];
    for trip in &feed.trips {
        let stops = &feed.calls.stop[feed.calls_of(trip)];
        for (at, stop) in stops.iter().enumerate() {
            let Some(own) = units[*stop as usize] else {
                continue;
            };
            let before = at.checked_sub(1).and_then(|b| stops.get(b));
            let mut known = [before, stops.get(at + 1)]
                .into_iter()
                .flatten()
                .filter_map(|s| units[*s as usize])
                .peekable();
            if known.peek().is_some() {
                let count = &mut counts[*stop as usize];
                count.0 += 1;
                count.1 += u32::from(known.all(|unit| unit != own));
            }
        }
    }
    for ((stop, (calls, alone)), fast) in feed.stops.iter().zip(counts).zip(speeding) {
        // Its neighbours are too fast as well, but on the leg to it alone.
        if *fast > 0 && 2 * alone > calls && fast * 2 >= calls {
            findings.add(HOMONYM.id, || {
                let unit = known(unit_of, stop).map_or("", String::as_str);
                let message = format!(
                    "{} lies in {unit}, its neighbours on {alone} of {calls} calls do not, and \
                     {fast} of its legs are too fast",
                    stop.name
                );
                HOMONYM.finding(stop.row, &stop.id, None, message)
            });
        }
    }
}

/// Q12: stops with the coordinates of an earlier one.
pub(super) fn near_duplicates(feed: &Feed, findings: &mut Findings) {
    let mut order: Vec<(u64, u64, usize)> = feed
        .stops
        .iter()
        .enumerate()
        .filter(|(_, s)| s.kind == 0)
        .filter_map(|(at, s)| s.lat_lon.map(|p| (p.0.to_bits(), p.1.to_bits(), at)))
        .collect();
    order.sort_unstable();
    let mut found: Vec<(usize, usize)> = order
        .windows(2)
        .filter(|p| (p[0].0, p[0].1) == (p[1].0, p[1].1))
        .map(|p| (p[1].2, p[0].2))
        .collect();
    found.sort_unstable();
    for (at, first) in found {
        let stop = &feed.stops[at];
        findings.add(NEAR.id, || {
            let message = format!("stands where stop {} does", feed.stops[first].id);
            NEAR.finding(stop.row, &stop.id, None, message)
        });
    }
}

/// Q13: stops not served on the day, services without days.
pub(super) fn dead(feed: &Feed, options: &QualityOptions<'_>, report: &mut QualityReport) {
    for service in feed.services.iter().filter(|s| s.days.is_empty()) {
        report.findings.add(IDLE.id, || {
            let message = "the service has no day".to_owned();
            IDLE.finding(service.row, &service.id, None, message)
        });
    }
    let Some(date) = options.date else { return };
    let mut served = vec![false; feed.stops.len()];
    for trip in &feed.trips {
        if feed.services[trip.service as usize].days.contains(date) {
            for at in feed.calls_of(trip) {
                served[feed.calls.stop[at] as usize] = true;
            }
        }
    }
    report.facts.active_trips = Some(feed.active_trips(date));
    report.facts.served_stops = Some(served.iter().filter(|s| **s).count());
    for (stop, _) in feed
        .stops
        .iter()
        .zip(served)
        .filter(|(s, served)| s.kind == 0 && !served)
    {
        report.findings.add(DEAD.id, || {
            let message = format!("{} is not served on {}", stop.name, gtfs_date(date));
            DEAD.finding(stop.row, &stop.id, None, message)
        });
    }
}

/// Q14: ways on foot that do not follow from one another: not symmetric, not closed, or longer
/// than over a third stop.
pub(super) fn footpaths(feed: &Feed, findings: &mut Findings) {
    let mut ways: BTreeMap<(u32, u32), (u32, u32)> = BTreeMap::new();
    for t in feed.transfers.iter().filter(|t| t.from != t.to) {
        if let (Some(s), false) = (t.min_s, t.forbidden) {
            ways.entry((t.from, t.to)).or_insert((s, t.row));
        }
    }
    let id = |stop: u32| &*feed.stops[stop as usize].id;
    for ((from, to), (s, row)) in &ways {
        let mut say = |value: u32, message: String| {
            let subject = format!("{} > {}", id(*from), id(*to));
            findings.add(FOOT.id, || {
                FOOT.finding(*row, &subject, Some(f64::from(value)), message)
            });
        };
        match ways.get(&(*to, *from)) {
            None => say(*s, "there is no way back".into()),
            Some((back, _)) if back != s => {
                say(*s, format!("takes {s} s, and {back} s back"));
            }
            Some(_) => {}
        }
        for ((_, beyond), (then, _)) in ways.range((*to, 0)..=(*to, u32::MAX)) {
            if beyond == from {
                continue;
            }
            let sum = s.saturating_add(*then);
            match ways.get(&(*from, *beyond)) {
                None => say(
                    sum,
                    format!(
                        "goes on to {} in {sum} s, but no way leads there",
                        id(*beyond)
                    ),
                ),
                Some((direct, _)) if *direct > sum => say(
                    sum,
                    format!(
                        "goes on to {} in {sum} s, sooner than the {direct} s of the direct way",
                        id(*beyond)
                    ),
                ),
                Some(_) => {}
            }
        }
    }
}
