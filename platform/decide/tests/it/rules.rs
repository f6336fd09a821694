//! The order of things: what may be written about a decision, and what is read back.

use conurb_base::{Coded, TimeMs};
use conurb_decide::{
    Counts, DecideError, Filter, KpiValue, LedgerEntry, Mode, POLICY_AUTO, Status,
};
use proptest::prelude::*;

use crate::support::{auto, ledger, open, record};

const NOW: TimeMs = TimeMs(1_772_000_100_000);

fn approved(id: &str, approver: &str) -> LedgerEntry {
    LedgerEntry::Approved {
        id: id.into(),
        approved_at: NOW,
        approver: approver.into(),
    }
}

fn rejected(id: &str) -> LedgerEntry {
    LedgerEntry::Rejected {
        id: id.into(),
        rejected_at: NOW,
        approver: "ana".into(),
        reason: "no".into(),
    }
}

fn acted(id: &str) -> LedgerEntry {
    LedgerEntry::Acted {
        id: id.into(),
        acted_at: NOW,
        command_id: conurb_decide::command_id(id, 1),
        receipt: "accepted".into(),
        detail: String::new(),
    }
}

fn measured(id: &str, value: f64) -> LedgerEntry {
    LedgerEntry::Measured {
        id: id.into(),
        measured_at: NOW,
        measured: vec![KpiValue {
            kpi: "delay_veh_s".into(),
            value,
            interval: None,
        }],
        counterfactual: None,
    }
}

#[test]
fn a_decision_is_read_back_with_its_story() {
    let (ledger, file) = ledger();
    let [decided, approval] = auto(1, 0);
    let id = decided.id().to_owned();
    assert_eq!(
        ledger
            .append(&[decided.clone(), approval, acted(&id)])
            .unwrap(),
        [0, 1, 2]
    );
    ledger.append(&[measured(&id, 12.5)]).unwrap();
    for ledger in [&ledger, &open(&file)] {
        let d = ledger.read(&id).unwrap().unwrap();
        assert_eq!(decided, LedgerEntry::Decided(Box::new(d.record.clone())));
        assert_eq!(d.status(), Status::Measured);
        assert_eq!(d.acted_at(), Some(NOW));
        assert_eq!(d.command_ids().len(), 1);
        assert_eq!(d.measured.unwrap().values[0].value, 12.5);
    }
    assert_eq!(ledger.read("urn:none").unwrap(), None);
}

#[test]
fn an_incomplete_decision_is_refused_and_nothing_of_its_batch_is_kept() {
    let (ledger, _) = ledger();
    let good = record(1, 0, Mode::Auto);
    let mut cases = Vec::new();
    for change in 0..7 {
        let mut r = record(2, 0, Mode::Auto);
        match change {
            0 => r.options.clear(),
            1 => r.chosen = 2,
            2 => r.options.iter_mut().for_each(|o| o.predicted.clear()),
            3 => r.options[1].predicted[0].value = f64::NAN,
            4 => r.why.zh = " ".into(),
            5 => r.id = "has \"quotes\"".into(),
            _ => r.city = "elsewhere".into(),
        }
        cases.push(r);
    }
    for bad in cases {
        let err = ledger
            .append(&[
                LedgerEntry::Decided(Box::new(good.clone())),
                LedgerEntry::Decided(Box::new(bad)),
            ])
            .unwrap_err();
        assert_eq!(err.code(), "CNB-DECIDE-0002", "{err}");
        assert!(ledger.is_empty());
    }
    let mut huge = good.clone();
    huge.why.en = "x".repeat(2 << 20);
    let err = ledger
        .append(&[LedgerEntry::Decided(Box::new(huge))])
        .unwrap_err();
    assert_eq!(err.code(), "CNB-DECIDE-0005");
    ledger
        .append(&[LedgerEntry::Decided(Box::new(good.clone()))])
        .unwrap();
    assert!(ledger.append(&[measured(&good.id, f64::INFINITY)]).is_err());
    let err = ledger
        .append(&[LedgerEntry::Decided(Box::new(good))])
        .unwrap_err();
    assert_eq!(err.code(), "CNB-DECIDE-0004", "the same id twice");
}

#[test]
fn listing_filters_and_gives_the_newest_first() {
    let (ledger, file) = ledger();
    for n in 0..40 {
        ledger.append(&auto(n % 4, 15 * n as i64)).unwrap();
    }
    let waiting = record(1, 9000, Mode::Approve);
    ledger
        .append(&[LedgerEntry::Decided(Box::new(waiting.clone()))])
        .unwrap();
    let ledger = open(&file);
    let pending = ledger
        .list(&Filter {
            status: Some(Status::Pending),
            ..Filter::default()
        })
        .unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].record.id, waiting.id);
    let of_two = ledger
        .list(&Filter {
            subject: Some("urn:ngsi-ld:TrafficLight:2".into()),
            limit: Some(3),
            ..Filter::default()
        })
        .unwrap();
    let times: Vec<i64> = of_two
        .iter()
        .map(|d| (d.record.decided_at.0 - 1_772_000_000_000) / 1000)
        .collect();
    assert_eq!(times, [38 * 15, 34 * 15, 30 * 15]);
    let span = Filter {
        from: Some(TimeMs(1_772_000_000_000).plus_s(15)),
        to: Some(TimeMs(1_772_000_000_000).plus_s(45)),
        ..Filter::default()
    };
    assert_eq!(ledger.list(&span).unwrap().len(), 2);
    assert_eq!(ledger.list(&Filter::default()).unwrap().len(), 41);
    assert_eq!(
        ledger.counts().unwrap(),
        Counts {
            decided: 41,
            auto: 40,
            ..Counts::default()
        }
    );
}

#[test]
fn overturning_says_what_to_undo() {
    let (ledger, _) = ledger();
    let [decided, approval] = auto(1, 0);
    let id = decided.id().to_owned();
    ledger.append(&[decided, approval, acted(&id)]).unwrap();
    let undo = ledger.overturn(&id, "ana", "a parade", NOW).unwrap();
    assert_eq!(undo.command_ids, [conurb_decide::command_id(&id, 1)]);
    assert_eq!(
        ledger.read(&id).unwrap().unwrap().status(),
        Status::Overturned
    );
    assert!(matches!(
        ledger.overturn(&id, "ana", "again", NOW),
        Err(DecideError::OutOfOrder { .. })
    ));
    assert!(matches!(
        ledger.overturn("urn:none", "ana", "x", NOW),
        Err(DecideError::Unknown { .. })
    ));
}

#[test]
fn inputs_are_kept_by_their_hash() {
    let (ledger, _) = ledger();
    let hash = ledger.put_inputs(b"{\"queue\":3}").unwrap();
    assert_eq!(ledger.inputs(&hash).unwrap(), b"{\"queue\":3}");
    assert_eq!(
        ledger.inputs(&"0".repeat(64)).unwrap_err().code(),
        "CNB-DECIDE-0006"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever is tried in whatever order, and across a restart, a line that says "acted" has the
    /// decision and its approval before it, advice is never acted on, and any decision that is not
    /// yet overturned can be.
    #[test]
    fn no_action_without_a_decision(steps in prop::collection::vec((0usize..3, 0u8..8), 1..60), restart in 0usize..60) {
        let (mut ledger, file) = ledger();
        let modes = [Mode::Advise, Mode::Approve, Mode::Auto];
        let mut story: std::collections::BTreeMap<String, Vec<&str>> = Default::default();
        for (step, (n, what)) in steps.into_iter().enumerate() {
            if step == restart {
                ledger = open(&file);
            }
            let r = record(n, 0, modes[n]);
            let id = r.id.clone();
            let (name, entry) = match what {
                0 | 1 => ("decided", LedgerEntry::Decided(Box::new(r))),
                2 => ("approved", approved(&id, POLICY_AUTO)),
                3 => ("approved", approved(&id, "ana")),
                4 => ("rejected", rejected(&id)),
                5 => ("measured", measured(&id, 1.0)),
                6 => ("overturned", LedgerEntry::Overturned { id: id.clone(), overturned_at: NOW, by: "ana".into(), reason: "r".into() }),
                _ => ("acted", acted(&id)),
            };
            let before = story.entry(id.clone()).or_default();
            let done = ledger.append(&[entry]).is_ok();
            if done {
                if name != "decided" { prop_assert!(before.contains(&"decided")); }
                if name == "acted" {
                    prop_assert!(before.contains(&"approved"));
                    prop_assert!(modes[n] != Mode::Advise);
                }
                if name == "approved" { prop_assert!(!before.contains(&"rejected") && !before.contains(&"approved")); }
                before.push(name);
            } else if name == "overturned" {
                prop_assert!(!before.contains(&"decided") || before.contains(&"overturned"), "overturning was refused");
            }
        }
        let verified = ledger.verify().unwrap();
        prop_assert_eq!(verified.entries as usize, story.values().map(Vec::len).sum::<usize>());
    }
}
