//! What a restart takes up from the ledger.

use conurb_context::Entity;
use conurb_decide::{Mode, Status};
use conurb_scenario::Resumed;
use conurb_store::memory;

use crate::lamp::{MEASURE_AFTER_S, Nothing, TTL_S, brain, change, second};

#[test]
fn a_decision_that_waited_can_be_approved_after_a_restart() {
    let stores = memory::open::<Entity>();
    let (mut before, _) = brain(&stores, Mode::Approve);
    let tick = before.step(&[change(1, 0), change(2, 0)], &Nothing, second(0));
    let ids: Vec<String> = tick.unwrap().decided.into_iter().map(|d| d.id).collect();
    before
        .reject(&ids[1], "operator", "not now", second(1))
        .unwrap();
    drop(before);

    let (mut after, ledger) = brain(&stores, Mode::Approve);
    assert!(after.pending().is_empty(), "nothing is known before resume");
    let resumed = after.resume(second(5)).unwrap();
    assert_eq!(
        resumed,
        Resumed {
            pending: 1,
            unmeasured: 2
        }
    );
    assert_eq!(after.pending(), [ids[0].clone()]);
    let sent = after.approve(&ids[0], "operator", second(6)).unwrap();
    assert_eq!(sent.commands.len(), 1);
    assert!(after.approve(&ids[1], "operator", second(7)).is_err());
    assert_eq!(
        ledger.read(&ids[0]).unwrap().unwrap().status(),
        Status::Acted
    );
}

#[test]
fn nobody_answering_over_a_restart_still_ends_in_a_rejection() {
    let stores = memory::open::<Entity>();
    let (mut before, _) = brain(&stores, Mode::Approve);
    let id = before
        .step(&[change(1, 0)], &Nothing, second(0))
        .unwrap()
        .decided[0]
        .id
        .clone();
    drop(before);

    let (mut after, ledger) = brain(&stores, Mode::Approve);
    after.resume(second(TTL_S + 1)).unwrap();
    after.step(&[], &Nothing, second(TTL_S + 1)).unwrap();
    let decision = ledger.read(&id).unwrap().unwrap();
    assert_eq!(decision.rejected.unwrap().by, "policy:expiry");
}

#[test]
fn an_effect_that_was_due_is_measured_after_a_restart_and_an_old_one_is_not() {
    let stores = memory::open::<Entity>();
    let (mut before, _) = brain(&stores, Mode::Auto);
    let id = before
        .step(&[change(1, 0)], &Nothing, second(0))
        .unwrap()
        .decided[0]
        .id
        .clone();
    drop(before);

    let (mut late, _) = brain(&stores, Mode::Auto);
    let resumed = late.resume(second(2 * MEASURE_AFTER_S + 1)).unwrap();
    assert_eq!(resumed, Resumed::default(), "a gap stays not measured");

    let (mut after, ledger) = brain(&stores, Mode::Auto);
    assert_eq!(after.resume(second(10)).unwrap().unmeasured, 1);
    let tick = after.step(&[], &Nothing, second(MEASURE_AFTER_S)).unwrap();
    assert_eq!(tick.measured.len(), 1);
    assert_eq!(
        ledger.read(&id).unwrap().unwrap().status(),
        Status::Measured
    );
    // And it can still be taken back: the desk knows the decision again.
    after
        .overturn(&id, "operator", "too bright", second(40))
        .unwrap();
    assert_eq!(
        ledger.read(&id).unwrap().unwrap().status(),
        Status::Overturned
    );
}
