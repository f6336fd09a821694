//! The shape of workload CB-1 (sensor alarms with hysteresis, join to segments, window means with
//! a two-window alarm) on an integer stream of our own, against a plain loop that shares no code.

use std::collections::BTreeMap;
use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::{Attribute, Change, ChangeKind, Entity, Name};
use conurb_think::{Aggregate, EngineLimits, FindingKind, Rule, RuleEngine, RuleKind, Severity};
use serde_json::json;

const SENSORS: u64 = 500;
const SEGMENTS: u64 = 200;
const ROUNDS: u64 = 240;
const PERIOD_MS: u64 = 5000;

/// SplitMix64 (Steele, Lea and Flood 2014): integers only, so every machine agrees.
struct Mix(u64);

impl Mix {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

#[derive(Clone, Copy)]
struct Obs {
    t: i64,
    sensor: u64,
    segment: u64,
    limit: i64,
    speed: i64,
    occupancy: i64,
}

/// The sensors of a segment swing through one triangle wave; arrival is up to 1,999 ms late.
fn stream() -> Vec<Obs> {
    let mut mix = Mix(42);
    let limits: Vec<i64> = (0..SEGMENTS)
        .map(|_| [300, 500, 600, 800, 1000, 1200][mix.below(6) as usize])
        .collect();
    let waves: Vec<(u64, u64)> = (0..SEGMENTS)
        .map(|_| (240_000 + mix.below(240_000), mix.below(480_000)))
        .collect();
    let offsets: Vec<u64> = (0..SENSORS).map(|_| mix.below(PERIOD_MS)).collect();
    let mut arrivals = Vec::new();
    for k in 0..ROUNDS {
        for (i, offset) in (0u64..).zip(&offsets) {
            let segment = i % SEGMENTS;
            let (period, phase) = waves[segment as usize];
            let t = PERIOD_MS * k + offset;
            let turn = (t + phase) % period * 2000 / period;
            let wave = if turn < 1000 { turn } else { 2000 - turn };
            let r = (150 + wave * 800 / 1000 + mix.below(100)) as i64; // per mille of the limit
            let limit = limits[segment as usize];
            let occupancy = (1050 - r + mix.below(60) as i64 - 30).clamp(0, 1000);
            let obs = Obs {
                t: t as i64,
                sensor: i,
                segment,
                limit,
                speed: r * limit / 1000,
                occupancy,
            };
            arrivals.push((t + mix.below(2000), k, i, obs));
        }
    }
    arrivals.sort_by_key(|(arrival, k, i, _)| (*arrival, *k, *i));
    arrivals.into_iter().map(|(.., obs)| obs).collect()
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    windows: u64,
    segment_transitions: u64,
    sensor_transitions: u64,
    sum: i64,
}

/// The two-window alarm of the job, over one window mean.
#[derive(Default)]
struct SegmentAlarm {
    low: BTreeMap<u64, u32>,
    on: BTreeMap<u64, bool>,
}

impl SegmentAlarm {
    /// Sum of speeds and number of them in a closed window; 1 for a transition.
    fn close(&mut self, segment: u64, limit: i64, speeds: i64, n: i64) -> u64 {
        let low = self.low.entry(segment).or_default();
        let on = self.on.entry(segment).or_default();
        if 10 * speeds < 4 * limit * n {
            *low += 1;
            if *low >= 2 && !*on {
                *on = true;
                return 1;
            }
        } else {
            *low = 0;
            if 10 * speeds > 6 * limit * n && *on {
                *on = false;
                return 1;
            }
        }
        0
    }
}

/// The job as one plain loop.
fn plain_loop(stream: &[Obs]) -> Answer {
    let mut answer = Answer::default();
    let mut sensor_on = vec![false; SENSORS as usize];
    let mut open: BTreeMap<(i64, u64), (i64, i64, i64, i64)> = BTreeMap::new();
    let mut alarm = SegmentAlarm::default();
    let mut newest = 0;
    let mut close =
        |(_, segment): (i64, u64), (speed, occ, n, limit): (i64, i64, i64, i64), a: &mut Answer| {
            a.windows += 1;
            a.sum += speed / n + occ / n;
            a.segment_transitions += alarm.close(segment, limit, speed, n);
        };
    for o in stream {
        let on = &mut sensor_on[o.sensor as usize];
        if (!*on && o.occupancy > 850) || (*on && o.occupancy < 700) {
            *on = !*on;
            answer.sensor_transitions += 1;
        }
        newest = newest.max(o.t);
        while let Some(entry) = open.first_entry() {
            if (entry.key().0 + 1) * 30_000 > newest - 3000 {
                break;
            }
            let (key, value) = entry.remove_entry();
            close(key, value, &mut answer);
        }
        let w = open
            .entry((o.t / 30_000, o.segment))
            .or_insert((0, 0, 0, o.limit));
        *w = (w.0 + o.speed, w.1 + o.occupancy, w.2 + 1, o.limit);
    }
    for (key, value) in open {
        close(key, value, &mut answer);
    }
    answer
}

const SENSOR: &str = "https://example.org/TrafficFlowObserved";
const SEGMENT: &str = "https://example.org/RoadSegment";

fn name(term: &str) -> Name {
    Name::from(format!("https://example.org/{term}"))
}

fn rules() -> Vec<Rule> {
    let rule = |id: &str, entity_type: &str, attribute: &str, kind| Rule {
        id: id.to_owned(),
        version: "1".to_owned(),
        entity_type: entity_type.to_owned(),
        attribute: name(attribute).to_string(),
        severity: Severity::Minor,
        kind,
    };
    let window = |aggregate| RuleKind::Window {
        aggregate,
        length_s: 30.0,
        step_s: 30.0,
        lag_s: 3.0,
    };
    vec![
        rule(
            "jam",
            SENSOR,
            "occupancy",
            RuleKind::Threshold {
                raise: 851.0,
                clear: 699.0,
                for_s: 0.0,
            },
        ),
        rule("speed", SEGMENT, "speed", window(Aggregate::Sum)),
        rule("number", SEGMENT, "speed", window(Aggregate::Count)),
        rule("occupancy", SEGMENT, "occupancy", window(Aggregate::Mean)),
    ]
}

/// One observation becomes a change of its sensor and, joined, one of its segment. Several sensors
/// write one segment, so that its observations carry no `observedAt`: each write counts.
fn changes(o: &Obs) -> [Change; 2] {
    let change = |id: String, entity_type: &str, attributes: Vec<(&str, i64)>, observed: bool| {
        let mut entity = Entity::new(id, Name::from(entity_type));
        let mut written = Vec::new();
        for (term, value) in attributes {
            let mut attribute = Attribute::property(json!(value));
            attribute.observed_at = observed.then_some(TimeMs(o.t));
            written.push(name(term));
            entity = entity.with(name(term), attribute);
        }
        Change {
            seq: 0,
            kind: ChangeKind::Updated,
            entity: Arc::new(entity),
            before: None,
            written,
            at: TimeMs(o.t),
        }
    };
    let both = vec![("speed", o.speed), ("occupancy", o.occupancy)];
    [
        change(
            format!("urn:s:{:04}", o.sensor),
            SENSOR,
            vec![("occupancy", o.occupancy)],
            true,
        ),
        change(format!("urn:g:{:04}", o.segment), SEGMENT, both, false),
    ]
}

#[test]
fn the_engine_agrees_with_the_plain_loop_to_the_bit() {
    let stream = stream();
    let expected = plain_loop(&stream);
    assert!(
        expected.windows > 1000
            && expected.segment_transitions > 50
            && expected.sensor_transitions > 500
    );

    let limit_of: BTreeMap<u64, i64> = stream.iter().map(|o| (o.segment, o.limit)).collect();
    let mut engine = RuleEngine::new(rules(), EngineLimits::default()).unwrap();
    let all: Vec<Change> = stream.iter().flat_map(changes).collect();
    let mut findings = engine.on_changes(&all);
    findings.extend(engine.on_end());

    let mut answer = Answer::default();
    let mut windows: BTreeMap<(i64, u64), BTreeMap<&str, f64>> = BTreeMap::new();
    for f in &findings {
        if f.kind == FindingKind::Window {
            let segment = f.entity.rsplit(':').next().unwrap().parse().unwrap();
            windows
                .entry((f.at.0, segment))
                .or_default()
                .insert(&f.rule, f.value.unwrap());
        } else {
            answer.sensor_transitions += 1;
        }
    }
    let mut alarm = SegmentAlarm::default();
    for ((_, segment), figures) in windows {
        let (speeds, n) = (figures["speed@1"] as i64, figures["number@1"] as i64);
        answer.windows += 1;
        answer.sum += speeds / n + figures["occupancy@1"].floor() as i64;
        answer.segment_transitions += alarm.close(segment, limit_of[&segment], speeds, n);
    }
    assert_eq!(answer, expected);
    assert_eq!(engine.stats().late, 0);
}
