//! The promise: the same changes give the same findings at any arrival speed.

use conurb_base::TimeMs;
use conurb_context::Change;
use conurb_think::{Aggregate, EngineLimits, Finding, Rule, RuleEngine, RuleKind};
use proptest::prelude::*;

use crate::support::{change, engine, rule};

fn all_kinds() -> Vec<Rule> {
    vec![
        rule(
            "now",
            RuleKind::Threshold {
                raise: 7.0,
                clear: 3.0,
                for_s: 0.0,
            },
        ),
        rule(
            "long",
            RuleKind::Threshold {
                raise: 6.0,
                clear: 5.0,
                for_s: 2.0,
            },
        ),
        rule("silent", RuleKind::Absence { silent_s: 3.0 }),
        rule(
            "fast",
            RuleKind::Rate {
                per_s: 4.0,
                over_s: 1.0,
            },
        ),
        rule(
            "mean",
            RuleKind::Window {
                aggregate: Aggregate::Mean,
                length_s: 4.0,
                step_s: 1.0,
                lag_s: 1.0,
            },
        ),
        rule(
            "sum",
            RuleKind::Window {
                aggregate: Aggregate::Sum,
                length_s: 5.0,
                step_s: 5.0,
                lag_s: 2.0,
            },
        ),
        rule(
            "often",
            RuleKind::KOfN {
                k: 3,
                n: 5,
                raise: 6.0,
            },
        ),
    ]
}

/// (entity, time step, step back, value): a stream with disorder and doubles.
fn stream() -> impl Strategy<Value = Vec<Change>> {
    let observation = (0..4u8, 0..900i64, 0..1500i64, 0..100u8);
    prop::collection::vec(observation, 1..300).prop_map(|raw| {
        let mut now = 1_000_000;
        let make = |(entity, step, back, value): (u8, i64, i64, u8)| {
            now += step;
            let at = if back > 1000 {
                now - (back - 1000) * 10
            } else {
                now
            };
            change(&format!("urn:{entity}"), at, f64::from(value) / 10.0)
        };
        raw.into_iter().map(make).collect()
    })
}

fn whole(changes: &[Change]) -> Vec<Finding> {
    let mut e = engine(all_kinds());
    let mut found = e.on_changes(changes);
    found.extend(e.on_end());
    found
}

proptest! {
    #[test]
    fn pieces_do_not_matter(changes in stream(), cuts in prop::collection::vec(1..40usize, 1..20)) {
        let mut e = engine(all_kinds());
        let mut found = Vec::new();
        let mut rest = &changes[..];
        for cut in cuts.iter().cycle() {
            let (piece, tail) = rest.split_at((*cut).min(rest.len()));
            found.extend(e.on_changes(piece));
            // Being told the time that is known already changes nothing.
            if let Some(now) = e.event_time() {
                found.extend(e.on_time(now));
            }
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        found.extend(e.on_end());
        prop_assert_eq!(found, whole(&changes));
    }

    #[test]
    fn ticks_between_observations_only_bring_findings_earlier(changes in stream()) {
        let mut e = engine(all_kinds());
        let mut found = Vec::new();
        for c in &changes {
            let at = c.at;
            if let Some(now) = e.event_time().filter(|now| *now < at) {
                found.extend(e.on_time(TimeMs(now.0 + (at.0 - now.0) / 2)));
            }
            found.extend(e.on_changes(std::slice::from_ref(c)));
        }
        found.extend(e.on_end());
        prop_assert_eq!(found, whole(&changes));
    }

    /// Entities that each come in order may be interleaved in any way within the disorder the
    /// engine was told of: the findings are the same set.
    #[test]
    fn disorder_within_the_lag_does_not_matter(
        raw in prop::collection::vec((0..5u8, 0..400i64, 0..100u8), 1..200),
        delays in prop::collection::vec(0..900i64, 5),
    ) {
        let limits = EngineLimits { disorder_ms: 1000, ..EngineLimits::default() };
        let mut at = 0;
        let mut items: Vec<(i64, u8, f64)> = Vec::new();
        for (entity, step, value) in raw {
            at += step + 1;
            items.push((at, entity, f64::from(value) / 10.0));
        }
        let run = |items: &[(i64, u8, f64)]| {
            let mut e = RuleEngine::new(all_kinds(), limits.clone()).unwrap();
            let changes: Vec<_> =
                items.iter().map(|(t, i, v)| change(&format!("urn:{i}"), *t, *v)).collect();
            let mut found = e.on_changes(&changes);
            found.extend(e.on_time(TimeMs(at + 10_000)));
            assert_eq!(e.stats().late, 0);
            found.sort_by(|a, b| a.id.cmp(&b.id));
            found
        };
        let ordered = run(&items);
        items.sort_by_key(|(t, i, _)| t + delays[usize::from(*i)]);
        prop_assert_eq!(run(&items), ordered);
    }
}
