//! What the scenario believes of its detectors.

use conurb_base::TimeMs;
use conurb_perceive::Quality;
use conurb_scenario::Scenario as _;
use conurb_signals::names;
use std::sync::Arc;

use crate::town::{Nowhere, Town, settings};

/// The reports of this moment with one lane's changed.
fn turn_with(
    town: &mut Town,
    edit: impl Fn(&mut conurb_context::Entity),
) -> Vec<conurb_scenario::Proposal> {
    let lane = town.layouts[0].entering[0];
    let id = names::lane_urn("town", &town.network.lanes()[lane.ix()].id);
    let (now, mut changes) = (town.now(), town.changes());
    let mut hit = 0;
    for c in changes.iter_mut().filter(|c| *c.entity.id == *id) {
        edit(Arc::make_mut(&mut c.entity));
        hit += 1;
    }
    assert_eq!(hit, 1);
    let triggers = town.signals.observe(&changes, &[], now);
    town.signals.decide(&triggers, &Nowhere, now)
}

fn about_first(town: &Town, proposals: &[conurb_scenario::Proposal]) -> bool {
    proposals.iter().any(|p| p.subject == town.layouts[0].urn)
}

#[test]
fn a_value_flagged_out_of_range_counts_as_silence() {
    let mut town = Town::new(4, 300, settings(|_| {}));
    let all = turn_with(&mut town, |_| {});
    assert!(about_first(&town, &all), "in order, it is decided");
    let mut town = Town::new(4, 300, settings(|_| {}));
    let flagged = turn_with(&mut town, |e| {
        let (_, instances) = &mut e.attributes[0];
        Quality::OutOfRange.flag(&mut instances[0], None);
    });
    assert!(!about_first(&town, &flagged));
    assert_eq!(flagged.len(), all.len() - 1, "the others are decided");
}

#[test]
fn a_report_from_the_far_future_does_not_silence_its_lane() {
    let mut town = Town::new(4, 300, settings(|_| {}));
    let wrong_clock = turn_with(&mut town, |e| {
        for (_, instances) in &mut e.attributes {
            instances[0].observed_at = Some(TimeMs(250_000_000_000_000));
        }
    });
    assert!(!about_first(&town, &wrong_clock));
    town.run(60, true);
    let urn = town.layouts[0].urn.clone();
    let later = town.proposals.iter().filter(|p| p.subject == urn).count();
    assert!(later >= 3, "its next reports are heard: {later} decisions");
}
