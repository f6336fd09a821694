//! Minimum and maximum green, staggered moments, and the same bytes with any number of threads.

use std::collections::BTreeMap;

use conurb_scenario::KeptDocument as _;

use crate::town::{START, Town, settings};

/// Lengths of the whole greens between two clearances or changes, per phase. The first green began
/// before the run did (`FixedPlan::offset_s`), the last one may go on: neither is whole.
fn greens(shown: &[u16], clearance: u16) -> Vec<(u16, usize)> {
    let mut runs: Vec<(u16, usize)> = Vec::new();
    for &phase in shown {
        match runs.last_mut() {
            Some((p, n)) if *p == phase => *n += 1,
            _ => runs.push((phase, 1)),
        }
    }
    let whole = runs.len().saturating_sub(1);
    runs[..whole]
        .iter()
        .skip(1)
        .filter(|(p, _)| *p != clearance)
        .copied()
        .collect()
}

#[test]
fn every_green_lasts_at_least_the_minimum_whatever_the_interval() {
    for (interval, min_green) in [(6, 10), (7, 12), (10, 20), (15, 10), (20, 40)] {
        let s = settings(|s| {
            s.decision_interval_s = interval;
            s.min_green_s = min_green;
            s.horizon_s = 3 * interval;
            s.command_valid_s = (3 * interval).min(45);
        });
        let mut town = Town::new(4, 900, s);
        town.run(600, true);
        let mut seen = 0;
        for shown in &town.shown {
            for (phase, green) in greens(shown, 0) {
                seen += 1;
                assert!(
                    green >= min_green as usize,
                    "phase {phase} was green for {green} s; interval {interval}, minimum {min_green}"
                );
            }
        }
        assert!(seen > 20, "{seen} greens");
    }
}

#[test]
fn no_green_outlasts_the_maximum_while_others_wait() {
    let s = settings(|s| s.max_green_s = 30);
    let mut town = Town::new(4, 1200, s);
    town.run(900, true);
    let mut refused = 0;
    for p in &town.proposals {
        let doc = conurb_signals::input::InputDocument::from_bytes(&p.input_document).unwrap();
        let layout = town.layouts.iter().find(|l| l.urn == p.subject).unwrap();
        let others_wait = layout
            .options
            .iter()
            .filter(|o| o.phase != doc.phase)
            .flat_map(|o| &o.lanes)
            .any(|l| doc.entering[*l].queue > 0.0);
        if doc.green_for_s >= 30 && others_wait {
            assert_ne!(layout.options[p.chosen].phase, doc.phase, "must change");
            let keep = p.options.iter().find(|o| o.action["phase"] == doc.phase);
            assert_eq!(
                keep.and_then(|o| o.refused_by.as_deref()),
                Some("max-green")
            );
            refused += 1;
        }
    }
    assert!(refused > 0, "the constraint was met at least once");
}

#[test]
fn a_change_always_passes_through_clearance() {
    let mut town = Town::new(4, 900, settings(|_| {}));
    town.run(600, true);
    for shown in &town.shown {
        for w in shown.windows(2) {
            assert!(w[0] == w[1] || w[0] == 0 || w[1] == 0, "{w:?}");
        }
    }
}

#[test]
fn stagger_spreads_decisions_over_the_interval() {
    let moments = |stagger: bool| -> BTreeMap<i64, usize> {
        let mut town = Town::new(9, 600, settings(|s| s.stagger = stagger));
        town.run(300, true);
        let mut by_moment = BTreeMap::new();
        for p in &town.proposals {
            let into = (p.at.0 - START.0).rem_euclid(15_000);
            *by_moment.entry(into).or_default() += 1;
        }
        by_moment
    };
    let together = moments(false);
    assert_eq!(together.len(), 1, "{together:?}");
    let apart = moments(true);
    assert!(apart.len() >= 5, "{apart:?}");
    let (all, most) = (apart.values().sum::<usize>(), apart.values().max().unwrap());
    assert!(
        most * 3 <= all,
        "no moment bears a third of them: {apart:?}"
    );
}

#[test]
fn one_thread_and_two_give_the_same_bytes() {
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| {
                let mut town = Town::new(9, 600, settings(|_| {}));
                town.run(300, true);
                (town.proposals, town.shown)
            })
    };
    let (one, two) = (run(1), run(2));
    assert!(one.0.len() > 100);
    assert_eq!(one, two);
}
