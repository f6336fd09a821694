//! What the desk lets pass, and what it says about the rest.

use conurb_act::{ActError, Cause, Command, Guard, Receipt};
use conurb_base::{Coded, TimeMs};
use conurb_decide::{LedgerEntry, Mode, POLICY_AUTO};
use proptest::prelude::*;

use crate::support::{Always, T0, Tap, approved, command, decided, desk, desk_with, grant, id};

fn receipts(entries: &[LedgerEntry]) -> Vec<(&str, &str)> {
    entries
        .iter()
        .map(|e| match e {
            LedgerEntry::Acted {
                receipt, detail, ..
            } => (receipt.as_str(), detail.as_str()),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn nothing_is_sent_without_an_approved_decision() {
    let (tap, sent) = Tap::on(Box::new(Always(Ok(Receipt::Accepted))));
    let mut desk = desk(tap, 60.0);
    let d = id("a", 1);
    let send = |desk: &mut conurb_act::Desk| desk.issue(command(&d, 1, "a", T0, 20), T0);
    assert_eq!(send(&mut desk).unwrap_err().code(), "CNB-ACT-0001");
    desk.witness(&approved(&d, "ana"));
    assert!(send(&mut desk).is_err(), "an approval without a decision");
    desk.witness(&decided(&d, Mode::Approve));
    assert!(send(&mut desk).is_err(), "not approved since");
    desk.witness(&approved(&d, "ana"));
    assert!(send(&mut desk).unwrap().sent);
    let advice = id("b", 1);
    desk.witness(&decided(&advice, Mode::Advise));
    desk.witness(&approved(&advice, POLICY_AUTO));
    assert!(desk.issue(command(&advice, 1, "b", T0, 20), T0).is_err());
    assert_eq!(sent.lock().unwrap().len(), 1);
}

#[test]
fn a_command_is_sent_once_however_often_it_is_issued() {
    let (tap, sent) = Tap::on(Box::new(Always(Ok(Receipt::Accepted))));
    let mut desk = desk(tap, 60.0);
    let d = id("a", 1);
    grant(&mut desk, &d);
    let first = desk.issue(command(&d, 1, "a", T0, 20), T0).unwrap();
    assert_eq!(receipts(&first.entries), [("accepted", "")]);
    let again = desk
        .issue(command(&d, 1, "a", T0, 20), T0.plus_s(1))
        .unwrap();
    assert_eq!((again.sent, again.entries.len()), (false, 0));
    assert_eq!(again.receipt, Receipt::Accepted);
    let other = desk.issue(command(&d, 1, "a", T0, 21), T0).unwrap_err();
    assert!(matches!(other, ActError::Conflict { .. }));
    assert_eq!(sent.lock().unwrap().len(), 1);
}

#[test]
fn the_envelope_bounds_rate_validity_and_values() {
    let mut desk = desk(Box::new(Always(Ok(Receipt::Accepted))), 4.0);
    let d = id("a", 1);
    grant(&mut desk, &d);
    for n in 0..6u32 {
        let now = T0.plus_s(i64::from(n) * 10);
        let out = desk.issue(command(&d, n, "a", now, 20), now).unwrap();
        assert_eq!(out.sent, n < 4, "command {n}");
        if n >= 4 {
            assert_eq!(out.refusal.unwrap().code(), "CNB-ACT-0004");
            assert_eq!(receipts(&out.entries)[0].0, "refused");
        }
    }
    let now = T0.plus_s(60);
    assert!(
        desk.issue(command(&d, 6, "a", now, 20), now).unwrap().sent,
        "a minute later"
    );
    assert!(
        desk.issue(command(&d, 7, "b", now, 20), now).unwrap().sent,
        "another actuator"
    );
    assert!(
        !desk.issue(command(&d, 8, "c", now, 31), now).unwrap().sent,
        "too long"
    );
    let mut wild = command(&d, 9, "c", now, 20);
    wild.action["green_s"] = 600.into();
    assert!(!desk.issue(wild, now).unwrap().sent);
    let stale = desk.issue(command(&d, 10, "c", T0, 20), now).unwrap();
    assert_eq!(receipts(&stale.entries)[0].0, "expired");
    let mut future = command(&d, 11, "c", now, 20);
    future.issued_at = now.plus_s(1);
    assert_eq!(desk.issue(future, now).unwrap_err().code(), "CNB-ACT-0003");
    let mut forged = command(&d, 12, "c", now, 20);
    forged.id = forged.id.replace(":command:", ":watchdog:");
    assert_eq!(desk.issue(forged, now).unwrap_err().code(), "CNB-ACT-0003");
}

struct ShortestGreen;

impl Guard for ShortestGreen {
    fn check(&self, c: &Command, last: Option<&Command>, now: TimeMs) -> Result<(), String> {
        match last {
            Some(l)
                if l.action["phase"] != c.action["phase"] && now.since_ms(l.issued_at) < 10_000 =>
            {
                Err("min green 10 s".into())
            }
            _ => Ok(()),
        }
    }
}

#[test]
fn the_guard_sees_the_last_command() {
    let mut desk = desk_with(
        Box::new(Always(Ok(Receipt::Accepted))),
        60.0,
        Box::new(ShortestGreen),
    );
    let d = id("a", 1);
    grant(&mut desk, &d);
    assert!(desk.issue(command(&d, 1, "a", T0, 20), T0).unwrap().sent);
    let soon = T0.plus_s(5);
    let out = desk.issue(command(&d, 2, "a", soon, 20), soon).unwrap();
    assert_eq!(out.refusal.unwrap().code(), "CNB-ACT-0005");
    let later = T0.plus_s(10);
    assert!(
        desk.issue(command(&d, 3, "a", later, 20), later)
            .unwrap()
            .sent
    );
}

#[test]
fn silence_is_recorded_as_unconfirmed_once() {
    let mut desk = desk(Box::new(Always(Ok(Receipt::Pending))), 60.0);
    let d = id("a", 1);
    grant(&mut desk, &d);
    let out = desk.issue(command(&d, 1, "a", T0, 20), T0).unwrap();
    assert_eq!(receipts(&out.entries), [("sent", "")]);
    assert!(desk.tick(T0.plus_s(4)).is_empty());
    assert_eq!(receipts(&desk.tick(T0.plus_s(5)))[0].0, "unconfirmed");
    assert!(desk.tick(T0.plus_s(6)).is_empty());
}

#[test]
fn a_broken_way_is_not_a_refusal_and_the_watchdog_keeps_trying() {
    let (tap, sent) = Tap::on(Box::new(Always(Err("cable cut".into()))));
    let mut desk = desk(tap, 60.0);
    let d = id("a", 1);
    grant(&mut desk, &d);
    let out = desk.issue(command(&d, 1, "a", T0, 20), T0).unwrap();
    assert_eq!(
        receipts(&out.entries),
        [("unconfirmed", "the channel failed: cable cut")]
    );
    let mut entries = Vec::new();
    for s in 20..40 {
        entries.extend(desk.tick(T0.plus_s(s)));
    }
    assert_eq!(
        entries.len(),
        1,
        "one line however often it is sent: {entries:?}"
    );
    assert!(receipts(&entries)[0].1.starts_with("watchdog: "));
    let sent = sent.lock().unwrap();
    let safe: Vec<_> = sent
        .iter()
        .filter(|(_, c)| c.cause() == Cause::Watchdog)
        .collect();
    assert_eq!(safe.len(), 20);
    assert!(
        safe.iter()
            .all(|(_, c)| c.id == safe[0].1.id && c.action["plan"] == "fixed")
    );
}

#[test]
fn undo_orders_the_safe_plan_and_ends_the_grant() {
    let (tap, sent) = Tap::on(Box::new(Always(Ok(Receipt::Accepted))));
    let mut desk = desk(tap, 60.0);
    let (one, two) = (id("a", 1), id("a", 2));
    grant(&mut desk, &one);
    grant(&mut desk, &two);
    desk.issue(command(&one, 1, "a", T0, 20), T0).unwrap();
    let now = T0.plus_s(5);
    desk.issue(command(&two, 1, "a", now, 20), now).unwrap();
    assert!(
        desk.undo(&one, T0.plus_s(6)).is_empty(),
        "it was replaced already"
    );
    let entries = desk.undo(&two, T0.plus_s(7));
    assert_eq!(
        receipts(&entries),
        [("accepted", "undo: the decision was taken back")]
    );
    assert_eq!(entries[0].id(), two);
    assert_eq!(sent.lock().unwrap().last().unwrap().1.cause(), Cause::Undo);
    assert_eq!(desk.exposed_until("a"), None);
    assert!(desk.tick(T0.plus_s(60)).is_empty(), "nothing left to watch");
    let late = T0.plus_s(8);
    assert!(desk.issue(command(&two, 2, "a", late, 20), late).is_err());
}

#[test]
fn undo_reaches_a_decision_behind_a_refused_one() {
    struct RefusesTheSecond(u32);
    impl conurb_act::Channel for RefusesTheSecond {
        fn send(&mut self, _: &Command, _: TimeMs) -> Result<Receipt, String> {
            self.0 += 1;
            Ok(if self.0 == 2 {
                Receipt::Refused {
                    reason: "busy".into(),
                }
            } else {
                Receipt::Accepted
            })
        }
    }
    let mut desk = desk(Box::new(RefusesTheSecond(0)), 60.0);
    let (one, two) = (id("a", 1), id("a", 2));
    grant(&mut desk, &one);
    grant(&mut desk, &two);
    desk.issue(command(&one, 1, "a", T0, 20), T0).unwrap();
    desk.issue(command(&two, 1, "a", T0, 20), T0).unwrap();
    let entries = desk.undo(&one, T0.plus_s(1));
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].id(), one);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// In any order of events, each command that leaves has its decision and its approval before
    /// it, and an order of the decision's own never leaves after a rejection or an overturning.
    #[test]
    fn every_command_has_an_approved_decision_before_it(
        steps in prop::collection::vec((0usize..4, 0u8..9, 0i64..8), 1..120),
        silent in any::<bool>(),
    ) {
        let answer = if silent { Receipt::Pending } else { Receipt::Accepted };
        let (tap, sent) = Tap::on(Box::new(Always(Ok(answer))));
        let mut desk = desk(tap, 60.0);
        let modes = [Mode::Advise, Mode::Approve, Mode::Auto, Mode::Auto];
        let mut told: Vec<Vec<&str>> = vec![Vec::new(); 4];
        let mut now = T0;
        let mut n = 0;
        let mut checked = 0;
        for (d, what, pass_s) in steps {
            now = now.plus_s(pass_s);
            let decision = id("a", d);
            match what {
                0 | 1 => { desk.witness(&decided(&decision, modes[d])); told[d].push("decided"); }
                2 => {
                    desk.witness(&approved(&decision, "ana"));
                    let known = told[d].contains(&"decided");
                    told[d].push(if known { "approved" } else { "noise" });
                }
                3 => {
                    desk.witness(&LedgerEntry::Overturned { id: decision, overturned_at: now, by: "ana".into(), reason: "r".into() });
                    if told[d].contains(&"decided") { told[d].push("stopped"); }
                }
                4 => { desk.undo(&decision, now); if told[d].contains(&"decided") { told[d].push("stopped"); } }
                5 => { desk.tick(now); }
                _ => {
                    n += 1;
                    let _ = desk.issue(command(&decision, n, ["a", "b"][d % 2], now, 15), now);
                }
            }
            let sent = sent.lock().unwrap();
            for (_, c) in &sent[checked..] {
                let of = (0..4).find(|d| id("a", *d) == c.decision_id).unwrap();
                prop_assert!(told[of].contains(&"approved"), "{:?} without an approval", c);
                prop_assert!(modes[of] != Mode::Advise);
                if c.cause() == Cause::Decision {
                    prop_assert!(!told[of].contains(&"stopped"), "{:?} after it was stopped", c);
                }
            }
            checked = sent.len();
        }
    }
}
