//! What each condition means, at its edges.

use conurb_base::TimeMs;
use conurb_context::{Attribute, ChangeKind};
use conurb_think::FindingKind::{Cleared, Raised, Window};
use conurb_think::{Aggregate, EngineLimits, QUALITY, RuleEngine, RuleKind};
use serde_json::json;

use crate::support::{brief, change, change_with, engine, one, rule};

fn threshold(raise: f64, clear: f64, for_s: f64) -> RuleKind {
    RuleKind::Threshold {
        raise,
        clear,
        for_s,
    }
}

#[test]
fn between_clear_and_raise_nothing_changes() {
    let mut e = one(threshold(10.0, 5.0, 0.0));
    let values = [9.0, 10.0, 7.0, 12.0, 5.0, 9.9, 10.0];
    let changes: Vec<_> = (0..)
        .zip(values)
        .map(|(t, v)| change("urn:a", t * 1000, v))
        .collect();
    let expected = vec![
        (Raised, 1000, Some(10.0)),
        (Cleared, 4000, Some(5.0)),
        (Raised, 6000, Some(10.0)),
    ];
    assert_eq!(brief(&e.on_changes(&changes)), expected);
}

#[test]
fn a_raise_below_its_clear_watches_for_low_values() {
    let mut e = one(threshold(5.0, 10.0, 0.0));
    let changes = [
        change("urn:a", 0, 7.0),
        change("urn:a", 1, 5.0),
        change("urn:a", 2, 10.0),
    ];
    let found = e.on_changes(&changes);
    assert_eq!(
        brief(&found),
        vec![(Raised, 1, Some(5.0)), (Cleared, 2, Some(10.0))]
    );
}

#[test]
fn a_duration_is_decided_by_time_alone_and_starts_anew_after_a_dip() {
    let mut e = one(threshold(10.0, 5.0, 10.0));
    assert!(
        e.on_changes(&[change("urn:a", 0, 11.0), change("urn:a", 6000, 8.0)])
            .is_empty()
    );
    assert!(e.on_changes(&[change("urn:a", 7000, 12.0)]).is_empty());
    assert!(
        e.on_time(TimeMs(17_000)).is_empty(),
        "the moment itself is not complete yet"
    );
    let found = e.on_time(TimeMs(17_001));
    assert_eq!(brief(&found), vec![(Raised, 17_000, Some(12.0))]);
    assert_eq!(found[0].evidence[0].observed_at, TimeMs(7000));
    assert_eq!(found[0].id, "urn:ngsi-ld:Finding:r:raised:17000:urn:a");
    assert_eq!(found[0].rule, "r@1");
}

#[test]
fn a_value_that_held_long_enough_is_raised_before_the_observation_that_ends_it() {
    let mut e = one(threshold(10.0, 5.0, 10.0));
    let found = e.on_changes(&[change("urn:a", 0, 11.0), change("urn:a", 30_000, 1.0)]);
    assert_eq!(
        brief(&found),
        vec![(Raised, 10_000, Some(11.0)), (Cleared, 30_000, Some(1.0))]
    );
}

#[test]
fn silence_is_raised_once_and_cleared_with_the_length_of_the_gap() {
    let mut e = one(RuleKind::Absence { silent_s: 10.0 });
    let mut found = e.on_changes(&[change("urn:a", 0, 1.0), change("urn:a", 10_000, 1.0)]);
    assert!(found.is_empty(), "a gap of exactly the limit is none");
    found.extend(e.on_time(TimeMs(20_001)));
    found.extend(e.on_time(TimeMs(90_000)));
    found.extend(e.on_changes(&[change("urn:a", 95_000, 1.0)]));
    let expected = vec![(Raised, 20_000, Some(10.0)), (Cleared, 95_000, Some(85.0))];
    assert_eq!(brief(&found), expected);
}

#[test]
fn another_entity_s_observation_is_time_enough_to_notice_a_silence() {
    let mut e = one(RuleKind::Absence { silent_s: 10.0 });
    let found = e.on_changes(&[change("urn:a", 0, 1.0), change("urn:b", 10_001, 1.0)]);
    assert_eq!(found.len(), 1);
    assert_eq!(&*found[0].entity, "urn:a");
}

#[test]
fn a_rate_is_taken_over_at_least_its_span() {
    let mut e = one(RuleKind::Rate {
        per_s: 2.0,
        over_s: 4.0,
    });
    let values = [0.0, 5.0, 0.0, 5.0, 8.0, 9.0, 9.0, 9.0, 9.0];
    let changes: Vec<_> = (0..)
        .zip(values)
        .map(|(t, v)| change("urn:a", t * 1000, v))
        .collect();
    // At 4 s: (8 - 0) / 4 s; at 5 s: (9 - 5) / 4 s, and so on.
    let expected = vec![
        (Raised, 4000, Some(2.0)),
        (Cleared, 5000, Some(1.0)),
        (Raised, 6000, Some(2.25)),
    ];
    assert_eq!(brief(&e.on_changes(&changes))[..3], expected);
}

#[test]
fn k_of_n_forgets_what_is_older_than_n_observations() {
    let mut e = one(RuleKind::KOfN {
        k: 2,
        n: 3,
        raise: 1.0,
    });
    let values = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0];
    let changes: Vec<_> = (0..)
        .zip(values)
        .map(|(t, v)| change("urn:a", t, v))
        .collect();
    let found = e.on_changes(&changes);
    assert_eq!(
        brief(&found),
        vec![(Raised, 4, Some(2.0)), (Cleared, 6, Some(1.0))]
    );
    let times: Vec<i64> = found[0].evidence.iter().map(|x| x.observed_at.0).collect();
    assert_eq!(times, vec![3, 4]);
}

fn window(aggregate: Aggregate, length_s: f64, step_s: f64, lag_s: f64) -> RuleKind {
    RuleKind::Window {
        aggregate,
        length_s,
        step_s,
        lag_s,
    }
}

#[test]
fn a_window_closes_at_its_end_and_lag_and_counts_what_is_later() {
    let mut e = one(window(Aggregate::Mean, 10.0, 10.0, 2.0));
    assert!(
        e.on_changes(&[change("urn:a", 1000, 1.0), change("urn:a", 11_999, 9.0)])
            .is_empty()
    );
    assert!(
        e.on_changes(&[change("urn:a", 9999, 2.0)]).is_empty(),
        "late within the lag"
    );
    let found = e.on_changes(&[change("urn:a", 12_000, 5.0)]);
    assert_eq!(brief(&found), vec![(Window, 10_000, Some(1.5))]);
    assert!(e.on_changes(&[change("urn:a", 9000, 100.0)]).is_empty());
    assert_eq!(e.stats().late, 1);
    assert_eq!(brief(&e.on_end()), vec![(Window, 20_000, Some(7.0))]);
    assert!(e.on_end().is_empty());
}

#[test]
fn sliding_windows_share_their_panes() {
    let mut e = one(window(Aggregate::Sum, 10.0, 5.0, 0.0));
    let changes: Vec<_> = (0..5).map(|i| change("urn:a", i * 4000, 1.0)).collect();
    let mut found = e.on_changes(&changes);
    found.extend(e.on_end());
    let expected = vec![
        (Window, 5000, Some(2.0)),
        (Window, 10_000, Some(3.0)),
        (Window, 15_000, Some(2.0)),
        (Window, 20_000, Some(2.0)),
        (Window, 25_000, Some(1.0)),
    ];
    assert_eq!(brief(&found), expected);
}

#[test]
fn a_long_silence_gives_no_windows_and_costs_no_loop_over_them() {
    let mut e = one(window(Aggregate::Count, 1.0, 1.0, 0.0));
    let mut found = e.on_changes(&[change("urn:a", 500, 1.0)]);
    let year = 365 * 86_400_000;
    found.extend(e.on_changes(&[change_with(
        "urn:a",
        year,
        Attribute::property(json!(1)).observed(TimeMs(year)),
    )]));
    found.extend(e.on_time(TimeMs(2 * year)));
    assert_eq!(
        brief(&found),
        vec![(Window, 1000, Some(1.0)), (Window, year + 1000, Some(1.0))]
    );
}

#[test]
fn doubled_late_future_and_untrusted_observations_are_counted_and_not_judged() {
    let mut e = one(threshold(10.0, 5.0, 0.0));
    let flag = Attribute::property(json!("out_of_range"));
    let mut flagged = Attribute::property(json!(99.0)).observed(TimeMs(3000));
    flagged.sub.push((QUALITY.into(), vec![flag]));
    let changes = [
        change("urn:a", 2000, 1.0),
        change("urn:a", 2000, 99.0),
        change("urn:a", 1000, 99.0),
        change_with(
            "urn:a",
            2500,
            Attribute::property(json!(99.0)).observed(TimeMs(400_000)),
        ),
        change_with("urn:a", 3000, flagged),
        change_with(
            "urn:a",
            4000,
            Attribute::property(json!("high")).observed(TimeMs(4000)),
        ),
        change_with(
            "urn:a",
            5000,
            Attribute::property(json!(1e300)).observed(TimeMs(5000)),
        ),
    ];
    assert!(e.on_changes(&changes).is_empty());
    let s = e.stats();
    assert_eq!(
        (
            s.duplicates,
            s.out_of_order,
            s.future,
            s.flagged,
            s.not_numeric
        ),
        (1, 1, 1, 1, 2)
    );
    assert_eq!(e.event_time(), Some(TimeMs(5000)));
}

#[test]
fn without_observed_at_the_recorded_time_counts() {
    let mut e = one(threshold(10.0, 5.0, 0.0));
    let found = e.on_changes(&[change_with("urn:a", 77, Attribute::property(json!(10)))]);
    assert_eq!(brief(&found), vec![(Raised, 77, Some(10.0))]);
}

#[test]
fn a_deleted_entity_is_cleared_and_its_place_is_free() {
    let limits = EngineLimits {
        max_entities_per_rule: 1,
        ..EngineLimits::default()
    };
    let rules = vec![
        rule("hot", threshold(10.0, 5.0, 0.0)),
        rule("gone", RuleKind::Absence { silent_s: 5.0 }),
    ];
    let mut e = RuleEngine::new(rules, limits).unwrap();
    let mut found = e.on_changes(&[change("urn:a", 0, 11.0)]);
    let mut delete = change("urn:a", 1000, 11.0);
    delete.kind = ChangeKind::Deleted;
    found.extend(e.on_changes(&[delete, change("urn:b", 2000, 11.0)]));
    let expected = vec![
        (Raised, 0, Some(11.0)),
        (Cleared, 1000, None),
        (Raised, 2000, Some(11.0)),
    ];
    assert_eq!(brief(&found), expected);
    let silent = e.on_time(TimeMs(60_000));
    assert_eq!(
        silent.len(),
        1,
        "only the entity that is still there is missed"
    );
    assert_eq!(&*silent[0].entity, "urn:b");
    assert_eq!(e.stats().untracked, 0);
}

#[test]
fn over_the_limit_there_is_one_finding_and_a_count_and_no_growth() {
    let limits = EngineLimits {
        max_entities_per_rule: 2,
        ..EngineLimits::default()
    };
    let mut e = RuleEngine::new(vec![rule("r", threshold(10.0, 5.0, 0.0))], limits).unwrap();
    let changes: Vec<_> = (0..10)
        .map(|i| change(&format!("urn:{i}"), i, 1.0))
        .collect();
    let found = e.on_changes(&changes);
    assert_eq!(found.len(), 1);
    assert_eq!(&*found[0].entity, "urn:ngsi-ld:Rule:r");
    assert_eq!(e.stats().untracked, 8);
    assert_eq!(e.rule_stats()[0].entities, 2);
}

#[test]
fn a_rule_with_large_windows_follows_only_as_many_entities_as_its_bytes_allow() {
    let limits = EngineLimits {
        max_state_bytes_per_rule: 100_000,
        ..EngineLimits::default()
    };
    let kind = window(Aggregate::Mean, 1000.0, 1.0, 0.0);
    let mut e = RuleEngine::new(vec![rule("w", kind)], limits).unwrap();
    e.on_changes(&[
        change("urn:a", 0, 1.0),
        change("urn:b", 0, 1.0),
        change("urn:c", 0, 1.0),
    ]);
    assert_eq!(e.rule_stats()[0].entities, 1);
    assert_eq!(e.stats().untracked, 2);
}

#[test]
fn changes_of_other_types_and_attributes_pass_by() {
    let mut e = engine(vec![rule("r", threshold(0.0, -1.0, 0.0))]);
    let mut other = change("urn:a", 0, 1.0);
    other.written = vec!["https://example.org/other".into()];
    assert!(e.on_changes(&[other]).is_empty());
    assert_eq!(e.stats().observations, 0);
}
