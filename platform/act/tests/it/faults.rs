//! The desk against actuators that are late, silent, doubled, stubborn and lying.

use conurb_act::{Cause, FaultPlan, Plan, SimChannel, SimField};
use conurb_base::TimeMs;
use conurb_decide::LedgerEntry;
use proptest::prelude::*;

use crate::support::{Sent, T0, Tap, command, desk, grant, id};

const TICK_S: i64 = 1;

fn any_faults() -> impl Strategy<Value = FaultPlan> {
    let p = || prop_oneof![Just(0.0), 0.0..1.0f64, Just(1.0)];
    (p(), 1i64..60_000, p(), p(), p(), p()).prop_map(
        |(late, late_ms_max, lost, twice, refused, lying)| FaultPlan {
            late,
            late_ms_max,
            lost,
            twice,
            refused,
            lying,
        },
    )
}

/// When the newest command to an actuator ends, and when the last of all does.
#[derive(Clone, Copy, Default)]
struct Ends {
    newest: Option<TimeMs>,
    latest: Option<TimeMs>,
}

struct Run {
    entries: Vec<LedgerEntry>,
    sent: Sent,
}

/// Issues commands to two actuators at the given seconds and ticks each second; `check` looks at
/// the field after every tick.
fn run(
    (channel, field): (SimChannel, SimField),
    at_s: &[(i64, i64)],
    until_s: i64,
    check: &mut dyn FnMut(&SimField, TimeMs, [Ends; 2]),
) -> Run {
    let (tap, sent) = Tap::on(Box::new(channel));
    let mut desk = desk(tap, 60_000.0);
    let mut entries = Vec::new();
    let mut ends = [Ends::default(); 2];
    for s in (0..until_s).step_by(TICK_S as usize) {
        let now = T0.plus_s(s);
        entries.extend(desk.tick(now));
        for (n, (_, valid_s)) in at_s.iter().enumerate().filter(|(_, (at, _))| *at == s) {
            let actuator = ["a", "b"][n % 2];
            let d = id(actuator, n);
            grant(&mut desk, &d);
            let out = desk
                .issue(command(&d, 1, actuator, now, *valid_s), now)
                .unwrap();
            assert!(out.sent);
            entries.extend(out.entries);
            let end = Some(now.plus_s(*valid_s));
            ends[n % 2] = Ends {
                newest: end,
                latest: ends[n % 2].latest.max(end),
            };
        }
        check(&field, now, ends);
    }
    Run { entries, sent }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_watchdog_returns_every_actuator_under_every_fault(
        faults in any_faults(), seed in any::<u64>(),
        at in prop::collection::vec((0i64..90, 1i64..30), 1..25),
    ) {
        let mut failure = None;
        let mut commanded = 0;
        let run = run(SimChannel::new(seed, faults).unwrap(), &at, 160, &mut |field, now, ends| {
            for (actuator, ends) in ["a", "b"].into_iter().zip(ends) {
                let plan = field.plan_of(actuator, now);
                commanded += usize::from(plan != Plan::Safe);
                // One tick after the newest command's end it is safe. Where the newest may not have
                // arrived, an older one may hold until its own end, and no longer.
                let faultless = FaultPlan { late_ms_max: faults.late_ms_max, ..FaultPlan::default() };
                let end = if faults == faultless { ends.newest } else { ends.latest };
                if end.is_some_and(|t| now >= t.plus_s(TICK_S)) && plan != Plan::Safe {
                    failure = Some((now, actuator));
                }
            }
        });
        prop_assert_eq!(failure, None);
        // And the desk itself gave the order within one tick of the newest command's end.
        let sent = run.sent.lock().unwrap();
        for actuator in ["a", "b"] {
            let own: Vec<_> = sent.iter().filter(|(_, c)| c.actuator == actuator && c.cause() == Cause::Decision).collect();
            if let Some((_, last)) = own.last() {
                let ordered = sent.iter().any(|(t, c)| c.actuator == actuator && c.cause() == Cause::Watchdog
                    && *t >= last.expires_at && *t <= last.expires_at.plus_s(TICK_S));
                prop_assert!(ordered, "no order to {} by {}", actuator, last.expires_at.plus_s(TICK_S));
            }
        }
        if faults.lost == 0.0 && faults.late == 0.0 && faults.refused == 0.0 && faults.lying == 0.0 {
            prop_assert!(commanded > 0, "the test would pass on actuators that never act");
        }
    }

    #[test]
    fn actuators_without_expiry_of_their_own_are_brought_back_by_the_watchdog(
        seed in any::<u64>(), late in 0.0..0.5f64, lost in 0.0..0.5f64, refused in 0.0..0.5f64, twice in 0.0..1.0f64,
        at in prop::collection::vec((0i64..60, 1i64..30), 1..20),
    ) {
        let faults = FaultPlan { late, late_ms_max: 4_000, lost, refused, twice, lying: 0.0 };
        let mut end = [Plan::Safe, Plan::Safe];
        run(SimChannel::without_own_expiry(seed, faults).unwrap(), &at, 400, &mut |field, now, _| {
            end = ["a", "b"].map(|a| field.plan_of(a, now));
        });
        prop_assert_eq!(end, [Plan::Safe, Plan::Safe]);
    }

    #[test]
    fn same_seed_same_bytes(faults in any_faults(), seed in any::<u64>(), at in prop::collection::vec((0i64..60, 1i64..30), 1..20)) {
        let bytes = |seed| {
            let run = run(SimChannel::new(seed, faults).unwrap(), &at, 100, &mut |_, _, _| {});
            serde_json::to_string(&run.entries).unwrap()
        };
        prop_assert_eq!(bytes(seed), bytes(seed));
    }
}

#[test]
fn without_faults_the_watchdog_alone_is_punctual() {
    let faults = FaultPlan::default();
    let mut held = 0;
    let run = run(
        SimChannel::without_own_expiry(1, faults).unwrap(),
        &[(0, 20), (3, 10), (15, 20)],
        60,
        &mut |field, now, ends| {
            for (actuator, ends) in ["a", "b"].into_iter().zip(ends) {
                let plan = field.plan_of(actuator, now);
                match ends.newest {
                    Some(t) if now < t => {
                        assert_ne!(plan, Plan::Safe, "{actuator} at {now}");
                        held += 1;
                    }
                    _ => assert_eq!(plan, Plan::Safe, "{actuator} at {now}"),
                }
            }
        },
    );
    assert_eq!(held, 35 + 10);
    assert_eq!(run.entries.len(), 3 + 2, "three commands, two orders back");
}

#[test]
fn every_kind_of_fault_shows_in_the_record() {
    let at: Vec<(i64, i64)> = (0..60).map(|s| (s, 10)).collect();
    let words = |faults| {
        let run = run(
            SimChannel::new(3, faults).unwrap(),
            &at,
            100,
            &mut |_, _, _| {},
        );
        let mut words: Vec<String> = run
            .entries
            .iter()
            .map(|e| match e {
                LedgerEntry::Acted { receipt, .. } => receipt.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        words.sort();
        words.dedup();
        words
    };
    let none = FaultPlan::default();
    assert_eq!(words(none), ["accepted"]);
    assert_eq!(
        words(FaultPlan { lost: 1.0, ..none }),
        ["sent", "unconfirmed"]
    );
    assert_eq!(
        words(FaultPlan {
            refused: 1.0,
            ..none
        }),
        ["refused"]
    );
    assert_eq!(words(FaultPlan { twice: 1.0, ..none }), ["accepted"]);
    assert_eq!(
        words(FaultPlan { lying: 0.5, ..none }),
        ["accepted", "refused"]
    );
    let late = FaultPlan {
        late: 1.0,
        late_ms_max: 9_000,
        ..none
    };
    assert_eq!(words(late), ["accepted", "refused", "sent", "unconfirmed"]);
    assert!(FaultPlan { late: 1.5, ..none }.validate().is_err());
}
