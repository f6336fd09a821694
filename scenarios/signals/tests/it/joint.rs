//! Look-ahead control of all signals together, on the town's detectors.

use std::collections::BTreeMap;

use conurb_base::TimeMs;
use conurb_decide::ModelRef;
use conurb_scenario::{KeptDocument as _, Scenario as _};
use conurb_signals::joint::JointDocument;
use conurb_signals::{Decider, INTERVAL_DELAY, LOOKAHEAD_MODEL, Settings};

use crate::town::{Kpis, Nowhere, START, Town, record, settings};

fn lookahead(change: impl FnOnce(&mut Settings)) -> Settings {
    settings(|s| {
        s.controller = Decider::Lookahead;
        change(s);
    })
}

fn day(settings: Settings, brain: bool) -> (Kpis, Town) {
    let mut town = Town::new(4, 900, settings);
    town.run(900, brain);
    (town.kpis(), town)
}

#[test]
fn it_is_better_than_the_fixed_plan_and_than_each_signal_alone() {
    let (fixed, _) = day(lookahead(|_| {}), false);
    let (alone, _) = day(settings(|_| {}), true);
    let (joint, town) = day(lookahead(|_| {}), true);
    println!("fixed {fixed:?}\nalone {alone:?}\njoint {joint:?}");
    assert!(joint.network_s < fixed.network_s);
    assert!(joint.network_s < alone.network_s);
    // Four signals, a decision each every 15 s.
    assert_eq!(town.proposals.len(), 4 * 900 / 15);
    for p in &town.proposals {
        assert_eq!(
            (p.model.name.as_str(), p.model.version.as_str()),
            LOOKAHEAD_MODEL
        );
        assert_eq!(p.model.information_level, "LD");
        assert!(p.why.en.contains("joint plan of 4 signals"), "{}", p.why.en);
    }
}

#[test]
fn every_decision_replays_and_the_day_to_itself() {
    let (first, town) = day(lookahead(|_| {}), true);
    let (second, again) = day(lookahead(|_| {}), true);
    assert_eq!(first, second);
    assert!(town.proposals == again.proposals);
    for p in town.proposals.iter().step_by(7) {
        let mut again = (town.signals)
            .replay_for(&p.subject, &p.input_document, &p.model)
            .expect("a kept document");
        again.input_refs.clone_from(&p.input_refs); // kept in the record, not in the document
        assert_eq!(again, *p);
    }
}

#[test]
fn signals_of_one_moment_share_a_document() {
    let (_, town) = day(lookahead(|_| {}), true);
    let mut by_moment: BTreeMap<TimeMs, Vec<&[u8]>> = BTreeMap::new();
    for p in &town.proposals {
        by_moment.entry(p.at).or_default().push(&p.input_document);
    }
    assert_eq!(by_moment.len(), 60);
    for documents in by_moment.values() {
        assert!(documents.len() == 4 && documents.iter().all(|d| *d == documents[0]));
    }
}

#[test]
fn a_silent_lane_keeps_its_signal_on_its_plan_and_no_other() {
    let mut town = Town::new(4, 600, lookahead(|_| {}));
    let lane = town.layouts[0].entering[0];
    town.silent.insert(lane.ix());
    town.run(300, true);
    let of = |n: usize| {
        let urn = town.layouts[n].urn.clone();
        town.proposals.iter().filter(|p| p.subject == urn).count()
    };
    assert_eq!(of(0), 0);
    assert!((1..4).all(|n| of(n) == 20), "{:?}", [of(1), of(2), of(3)]);
}

#[test]
fn greens_are_neither_shorter_nor_longer_than_allowed() {
    let mut town = Town::new(
        4,
        900,
        lookahead(|s| (s.min_green_s, s.max_green_s) = (20, 60)),
    );
    town.run(600, true);
    let refused = |word: &str| {
        let mut options = town.proposals.iter().flat_map(|p| &p.options);
        options.any(|o| o.refused_by.as_deref() == Some(word))
    };
    assert!(refused("min-green") && refused("max-green"));
    for shown in &town.shown {
        let mut length = 0;
        // The first green began before the run and the last goes on after it.
        let mut greens = Vec::new();
        for pair in shown.windows(2) {
            length += 1;
            if pair[0] != pair[1] {
                greens.push((pair[0], length));
                length = 0;
            }
        }
        for (phase, length) in greens.iter().skip(1) {
            assert!(
                *phase == 0 || (20..=75).contains(length),
                "{phase} for {length} s"
            );
        }
    }
}

#[test]
fn what_cannot_be_replayed_says_why() {
    let (_, town) = day(lookahead(|_| {}), true);
    let (s, p) = (&town.signals, &town.proposals[0]);
    let says = |subject: &str, bytes: &[u8], model: &ModelRef| {
        s.replay_for(subject, bytes, model).expect_err("refused")
    };
    assert!(says("urn:nobody", &p.input_document, &p.model).contains("urn:nobody"));
    assert!(
        s.replay(&p.input_document, &p.model)
            .expect_err("which signal?")
            .contains("many signals")
    );
    let other = ModelRef {
        version: "0".to_owned(),
        ..p.model.clone()
    };
    assert!(says(&p.subject, &p.input_document, &other).contains("version 0"));
    let good = JointDocument::from_bytes(&p.input_document).expect("ours");
    let with = |change: fn(&mut JointDocument)| {
        let mut doc = good.clone();
        change(&mut doc);
        says(&p.subject, &doc.to_bytes(), &p.model)
    };
    assert!(with(|d| d.joint_format = 9).contains("format 9"));
    assert!(with(|d| d.network = "other".to_owned()).contains("another network"));
    assert!(with(|d| drop(d.lanes.pop())).contains("number of"));
    assert!(says(&p.subject, b"{", &p.model).contains("document"));
}

/// Numbers no detector should send give a decision all the same, and only finite predictions.
#[test]
fn absurd_documents_give_finite_predictions() {
    let (_, town) = day(lookahead(|_| {}), true);
    let p = &town.proposals[40];
    let good = JointDocument::from_bytes(&p.input_document).expect("ours");
    for absurd in [-1e300, -3.0, 1e300, 9_999.0] {
        let mut doc = good.clone();
        for lane in doc.lanes.iter_mut().flatten().step_by(3) {
            lane.seen.vehicles = absurd;
            lane.seen.queue = -absurd;
            lane.seen.speed_km_h = Some(absurd);
            lane.rate_veh_s = absurd;
        }
        doc.signals[0].phase = Some(9_999);
        doc.signals[1].green_for_s = u32::MAX;
        let p = (town.signals)
            .replay_for(&p.subject, &doc.to_bytes(), &p.model)
            .expect("still a decision");
        conurb_scenario::kit::check_proposal(&p).expect("keeps the contract");
    }
}

#[test]
fn the_effect_of_a_decision_is_measured() {
    let mut town = Town::new(4, 600, lookahead(|_| {}));
    town.run(300, true);
    let last = START.plus_s(285 - 15);
    let p = (town.proposals.iter().find(|p| p.at == last)).expect("a decision");
    let effect = (town.signals)
        .measure(&record(&p.clone()), &Nowhere, START.plus_s(285))
        .expect("the interval is over");
    assert_eq!(effect.measured[0].kpi, INTERVAL_DELAY);
    let method = effect.counterfactual.expect("the fixed plan").method;
    assert!(method.contains("joint plan"), "{method}");
}
