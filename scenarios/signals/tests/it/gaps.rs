//! Never on a gap: without a fresh report of every entering lane nothing is decided, and the
//! controller's own plan comes back.

use conurb_scenario::Scenario as _;

use crate::town::{Town, settings};

#[test]
fn a_silent_lane_means_no_decision_and_the_fixed_plan_comes_back() {
    let mut town = Town::new(4, 900, settings(|_| {}));
    town.run(120, true);
    let urn = town.layouts[0].urn.clone();
    let about = |town: &Town| town.proposals.iter().filter(|p| p.subject == urn).count();
    assert!(about(&town) >= 7, "one each 15 s");
    assert!(town.controllers[0].is_commanded());
    let others = |town: &Town| town.proposals.len() - about(town);
    let (before, others_before) = (about(&town), others(&town));
    // One detector falls silent.
    let lane = town.layouts[0].entering[0];
    town.silent.insert(lane.ix());
    town.run(180, true);
    assert_eq!(about(&town), before, "nothing is decided on a gap");
    assert!(others(&town) > others_before + 10, "the others go on");
    assert!(town.signals.missed() > 0, "and the gap is counted");
    // The last command ran out: the controller cycles through its own plan again.
    assert!(!town.controllers[0].is_commanded());
    let tail = &town.shown[0][town.shown[0].len() - 125..];
    for option in &town.layouts[0].options {
        let green = tail.iter().filter(|p| **p == option.phase).count();
        assert!(green >= 20, "phase {} of the plan: {green} s", option.phase);
    }
    // It is heard again: decisions go on.
    town.silent.clear();
    town.run(60, true);
    assert!(about(&town) >= before + 3);
}

#[test]
fn a_command_that_does_not_arrive_changes_nothing_at_the_roadside() {
    let mut cut = Town::new(4, 600, settings(|_| {}));
    cut.connected = false;
    cut.run(300, true);
    let mut without = Town::new(4, 600, settings(|_| {}));
    without.run(300, false);
    assert!(!cut.proposals.is_empty());
    assert_eq!(cut.shown, without.shown, "advice alone moves no signal");
}

#[test]
fn before_the_first_report_of_every_lane_nothing_is_decided() {
    let mut town = Town::new(4, 600, settings(|_| {}));
    let lane = town.layouts[1].entering[0];
    town.silent.insert(lane.ix());
    town.run(100, true);
    let urn = &town.layouts[1].urn;
    assert!(town.proposals.iter().all(|p| p.subject != *urn));
    // Nor without knowing what the signal shows.
    let now = town.now();
    let mut blind = crate::town::signals(&town.network, settings(|_| {}));
    let lanes: Vec<_> = town
        .changes()
        .into_iter()
        .filter(|c| c.entity.id.contains("TrafficFlowObserved"))
        .collect();
    let triggers = blind.observe(&lanes, &[], now);
    let proposals = blind.decide(&triggers, &crate::town::Nowhere, now);
    assert!(proposals.is_empty());
}
