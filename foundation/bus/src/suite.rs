//! One behaviour suite for every bus: `bus_suite!(name, open)` with
//! `open: fn(Retention) -> Arc<dyn Bus>`.

#![allow(clippy::unwrap_used, missing_docs)] // every function here is a test

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{Bus, BusError, Delivery, Retention, Start, Subscription};

/// How a bus is opened.
pub type Open = fn(Retention) -> Arc<dyn Bus>;

/// Expands to the suite for one bus.
#[macro_export]
macro_rules! bus_suite {
    ($name:ident, $open:expr) => {
        mod $name {
            use super::*;
            $crate::bus_suite!(@tests $open,
                sequences_count_from_one
                every_subscriber_has_its_own_place
                a_prefix_filters_subjects
                a_subscriber_resumes_where_it_stopped
                a_slow_subscriber_is_told_how_many_it_missed
                retention_is_bounded_in_bytes_too
                a_cursor_from_another_stream_is_refused
                bad_subjects_and_oversized_events_are_refused
                waiting_ends_with_the_event_or_the_time
                a_waker_is_called_for_its_subjects_only
                publishers_in_parallel_leave_no_gap
            );
        }
    };
    (@tests $open:expr, $($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                $crate::suite::$test($open);
            }
        )*
    };
}

fn all(subscription: &mut dyn Subscription) -> Vec<(u64, String)> {
    let mut seen = Vec::new();
    while let Some(delivery) = subscription.try_next() {
        seen.push(match delivery {
            Delivery::Event(e) => (e.seq, String::from_utf8(e.payload.to_vec()).unwrap()),
            Delivery::Missed { first, last } => (first, format!("missed to {last}")),
        });
    }
    seen
}

fn seqs(subscription: &mut dyn Subscription) -> Vec<u64> {
    all(subscription).into_iter().map(|(seq, _)| seq).collect()
}

fn filled(open: Open, items: usize, events: u64) -> Arc<dyn Bus> {
    let retention = Retention {
        items,
        ..Retention::default()
    };
    let bus = open(retention);
    for n in 1..=events {
        bus.publish("a.b", n.to_string().as_bytes()).unwrap();
    }
    bus
}

pub fn sequences_count_from_one(open: Open) {
    let bus = open(Retention::default());
    assert_eq!(bus.last_seq(), 0);
    for n in 1..=5 {
        assert_eq!(bus.publish("a", b"x").unwrap(), n);
        assert_eq!(bus.last_seq(), n);
    }
}

pub fn every_subscriber_has_its_own_place(open: Open) {
    let bus = filled(open, 100, 2);
    let mut new = bus.subscribe("", Start::New).unwrap();
    let mut old = bus.subscribe("", Start::Oldest).unwrap();
    bus.publish("c", b"3").unwrap();
    assert_eq!(seqs(&mut *new), [3]);
    let want = [(1, "1"), (2, "2"), (3, "3")].map(|(n, t)| (n, t.to_owned()));
    assert_eq!(all(&mut *old), want);
    assert!(all(&mut *old).is_empty());
}

pub fn a_prefix_filters_subjects(open: Open) {
    let bus = open(Retention::default());
    let mut some = bus.subscribe("change.", Start::Oldest).unwrap();
    for subject in ["change.a", "decision.a", "change", "change.b", "changed"] {
        bus.publish(subject, b"x").unwrap();
    }
    assert_eq!(seqs(&mut *some), [1, 4]);
    assert_eq!(some.cursor(), 6);
}

pub fn a_subscriber_resumes_where_it_stopped(open: Open) {
    let bus = filled(open, 100, 10);
    let mut first = bus.subscribe("", Start::At(4)).unwrap();
    assert!(matches!(first.try_next(), Some(Delivery::Event(e)) if e.seq == 4));
    let cursor = first.cursor();
    drop(first);
    let mut second = bus.subscribe("", Start::At(cursor)).unwrap();
    assert_eq!(seqs(&mut *second), [5, 6, 7, 8, 9, 10]);
    let mut end = bus.subscribe("", Start::At(11)).unwrap();
    assert!(seqs(&mut *end).is_empty());
}

pub fn a_slow_subscriber_is_told_how_many_it_missed(open: Open) {
    let bus = filled(open, 4, 3);
    let mut slow = bus.subscribe("a", Start::Oldest).unwrap();
    assert!(matches!(slow.try_next(), Some(Delivery::Event(e)) if e.seq == 1));
    for n in 4..=10u64 {
        bus.publish("a.b", n.to_string().as_bytes()).unwrap();
    }
    let gap = slow.try_next().unwrap();
    assert_eq!(gap, Delivery::Missed { first: 2, last: 6 });
    assert_eq!(gap.missed(), 5);
    assert_eq!(seqs(&mut *slow), [7, 8, 9, 10]);
    let mut resumed = bus.subscribe("", Start::At(1)).unwrap();
    assert_eq!(resumed.try_next().unwrap().missed(), 6);
}

pub fn retention_is_bounded_in_bytes_too(open: Open) {
    let bus = open(Retention {
        items: 1000,
        bytes: 100,
    });
    for _ in 0..50 {
        bus.publish("s", &[7; 29]).unwrap();
    }
    let mut oldest = bus.subscribe("", Start::Oldest).unwrap();
    assert_eq!(seqs_of_sizes(&mut *oldest), [48, 49, 50]);
}

fn seqs_of_sizes(subscription: &mut dyn Subscription) -> Vec<u64> {
    std::iter::from_fn(|| subscription.try_next())
        .map(|delivery| match delivery {
            Delivery::Event(e) => e.seq,
            Delivery::Missed { .. } => panic!("the oldest kept one is not missed"),
        })
        .collect()
}

pub fn a_cursor_from_another_stream_is_refused(open: Open) {
    let bus = filled(open, 10, 3);
    let refused = bus.subscribe("", Start::At(9)).err();
    assert_eq!(refused, Some(BusError::Ahead { asked: 9, last: 3 }));
}

pub fn bad_subjects_and_oversized_events_are_refused(open: Open) {
    let bus = open(Retention {
        items: 10,
        bytes: 1000,
    });
    for subject in ["", "a b", "a\n", &"x".repeat(300)] {
        let refused = bus.publish(subject, b"");
        assert!(matches!(refused, Err(BusError::BadSubject { .. })));
    }
    let refused = bus.publish("a", &[0; 1000]);
    assert!(matches!(refused, Err(BusError::TooLarge { .. })));
    assert_eq!(bus.last_seq(), 0);
}

pub fn waiting_ends_with_the_event_or_the_time(open: Open) {
    let bus = open(Retention::default());
    let mut subscription = bus.subscribe("wanted", Start::New).unwrap();
    assert_eq!(subscription.next(Duration::from_millis(5)), None);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..20 {
                bus.publish("other", b"x").unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
            bus.publish("wanted", b"x").unwrap();
        });
        let got = subscription.next(Duration::from_secs(30));
        assert!(matches!(got, Some(Delivery::Event(e)) if e.seq == 21));
    });
}

pub fn a_waker_is_called_for_its_subjects_only(open: Open) {
    let bus = open(Retention::default());
    let mut subscription = bus.subscribe("a", Start::New).unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let count = calls.clone();
    subscription.set_waker(Some(Arc::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
    })));
    for subject in ["a", "b", "ab"] {
        bus.publish(subject, b"x").unwrap();
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    drop(subscription);
    bus.publish("a", b"x").unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

pub fn publishers_in_parallel_leave_no_gap(open: Open) {
    let bus = open(Retention::default());
    let mut subscription = bus.subscribe("", Start::New).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..250 {
                    bus.publish("a", b"x").unwrap();
                }
            });
        }
        for seq in 1..=1000 {
            let got = subscription.next(Duration::from_secs(30));
            assert!(matches!(got, Some(Delivery::Event(e)) if e.seq == seq));
        }
    });
}
