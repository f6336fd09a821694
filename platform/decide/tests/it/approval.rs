//! What passes at once, what waits, and for how long.

use conurb_base::TimeMs;
use conurb_decide::{Approvals, Filter, LedgerEntry, Mode, POLICY_AUTO, Status};

use crate::support::{ledger, open, record};

fn at(s: i64) -> TimeMs {
    TimeMs(1_772_000_000_000).plus_s(s)
}

#[test]
fn the_mode_says_what_follows() {
    let mut approvals = Approvals::new(60, 10);
    assert!(
        approvals
            .decided(&record(1, 0, Mode::Advise), at(0))
            .is_empty()
    );
    let auto = approvals.decided(&record(2, 0, Mode::Auto), at(0));
    assert!(
        matches!(&auto[..], [LedgerEntry::Approved { approver, .. }] if approver == POLICY_AUTO)
    );
    assert!(
        approvals
            .decided(&record(3, 0, Mode::Approve), at(0))
            .is_empty()
    );
    assert_eq!(approvals.pending().count(), 1);
    let id = record(3, 0, Mode::Approve).id;
    assert!(
        approvals.approve(&id, "policy:auto", at(1)).is_err(),
        "a policy is no person"
    );
    assert!(approvals.approve(&id, " ", at(1)).is_err());
    assert!(approvals.approve(&id, "ana", at(59)).is_ok());
    assert!(approvals.approve(&id, "ana", at(59)).is_err(), "once");
    assert!(
        approvals
            .approve(&record(1, 0, Mode::Advise).id, "ana", at(1))
            .is_err()
    );
}

#[test]
fn nobody_in_time_is_a_rejection_with_its_reason_that_the_ledger_takes() {
    let (ledger, file) = ledger();
    let mut approvals = Approvals::new(60, 10);
    for n in 0..3 {
        let r = record(n, 10 * n as i64, Mode::Approve);
        ledger
            .append(&[LedgerEntry::Decided(Box::new(r.clone()))])
            .unwrap();
        assert!(approvals.decided(&r, r.decided_at).is_empty());
    }
    let first = record(0, 0, Mode::Approve).id;
    assert!(
        approvals.approve(&first, "ana", at(60)).is_err(),
        "too late is too late"
    );
    let late = approvals.expire(at(75));
    assert_eq!(late.len(), 2);
    assert_eq!(late[0].id(), first);
    ledger.append(&late).unwrap();
    let told = ledger.read(&first).unwrap().unwrap();
    assert_eq!(told.status(), Status::Rejected);
    assert_eq!(
        told.rejected.unwrap().reason,
        "nobody approved it within 60 s"
    );
    assert_eq!(ledger.counts().unwrap().rejected, 2);

    // After a restart the third still waits, until its own deadline.
    let ledger = open(&file);
    let mut again = Approvals::new(60, 10);
    for d in ledger.list(&Filter::default()).unwrap() {
        again.restore(&d);
    }
    let last = record(2, 20, Mode::Approve).id;
    assert_eq!(
        again.pending().map(|p| p.id.clone()).collect::<Vec<_>>(),
        std::slice::from_ref(&last)
    );
    let no = again.reject(&last, "ana", "a parade", at(79)).unwrap();
    ledger.append(&[no]).unwrap();
    assert!(again.expire(at(1000)).is_empty());
}

#[test]
fn the_queue_is_bounded_and_overturning_empties_it() {
    let mut approvals = Approvals::new(60, 2);
    assert!(
        approvals
            .decided(&record(1, 5, Mode::Approve), at(5))
            .is_empty()
    );
    assert!(
        approvals
            .decided(&record(2, 0, Mode::Approve), at(5))
            .is_empty()
    );
    let out = approvals.decided(&record(3, 6, Mode::Approve), at(6));
    assert_eq!(out.len(), 1);
    assert_eq!(
        out[0].id(),
        record(2, 0, Mode::Approve).id,
        "the oldest goes"
    );
    assert!(approvals.overturned(&record(1, 5, Mode::Approve).id));
    assert_eq!(approvals.pending().count(), 1);
}
