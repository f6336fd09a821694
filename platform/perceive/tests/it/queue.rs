//! The intake queue: bounds, order, and acknowledgements that never lie.

use std::sync::mpsc;
use std::time::Duration;

use conurb_base::Coded;
use conurb_perceive::{Ack, IntakeQueue, PerceiveError, QueueLimits, Submission};

type Answer = Result<u64, PerceiveError>;

fn submission(
    payload: u32,
    items: usize,
    bytes: usize,
) -> (Submission<u32, u64>, mpsc::Receiver<Answer>) {
    let (tx, rx) = mpsc::channel();
    let ack = Ack::new(move |r| drop(tx.send(r)));
    (
        Submission {
            payload,
            items,
            bytes,
            ack,
        },
        rx,
    )
}

fn queue() -> IntakeQueue<u32, u64> {
    IntakeQueue::new(QueueLimits {
        items_max: 10,
        bytes_max: 1000,
    })
}

const NOW: Duration = Duration::ZERO;

#[test]
fn full_is_429_and_gives_the_submission_back() {
    let q = queue();
    q.submit(submission(1, 6, 10).0).unwrap();
    let (error, back) = q.submit(submission(2, 5, 10).0).unwrap_err();
    assert_eq!(
        (error.status(), error.code(), back.payload),
        (429, "CNB-PERCEIVE-0007", 2)
    );
    assert_eq!(q.take(100, NOW).unwrap().len(), 1);
    q.submit(back).unwrap();
    let (error, _) = q.submit(submission(3, 1, 995).0).unwrap_err();
    assert_eq!(error.status(), 429, "bytes are bounded too");
    let (error, _) = q.submit(submission(4, 1, 2000).0).unwrap_err();
    assert_eq!(error.status(), 413, "what never fits is told so");
    assert_eq!(
        (q.stats().accepted, q.stats().refused, q.stats().items_peak),
        (2, 2, 6)
    );
}

#[test]
fn batches_keep_order_and_size() {
    let q = queue();
    for i in 0..4 {
        q.submit(submission(i, 2, 1).0).unwrap();
    }
    let first: Vec<u32> = q.take(5, NOW).unwrap().iter().map(|s| s.payload).collect();
    let second: Vec<u32> = q.take(1, NOW).unwrap().iter().map(|s| s.payload).collect();
    assert_eq!((first, second), (vec![0, 1], vec![2]));
    assert_eq!((q.stats().items, q.stats().bytes), (2, 1));
}

#[test]
fn a_dropped_submission_is_not_durable() {
    let q = queue();
    let (durable, rx_durable) = submission(1, 1, 1);
    let (lost, rx_lost) = submission(2, 1, 1);
    q.submit(durable).unwrap();
    q.submit(lost).unwrap();
    let mut batch = q.take(10, NOW).unwrap();
    let second = batch.pop().unwrap();
    batch.pop().unwrap().ack.answer(Ok(7));
    drop(second);
    assert_eq!(rx_durable.recv().unwrap(), Ok(7));
    assert_eq!(rx_lost.recv().unwrap(), Err(PerceiveError::Stopped));
}

#[test]
fn closed_takes_nothing_in_but_gives_what_waits() {
    let q = queue();
    q.submit(submission(1, 1, 1).0).unwrap();
    q.close();
    assert!(matches!(
        q.submit(submission(2, 1, 1).0),
        Err((PerceiveError::Stopped, _))
    ));
    assert_eq!(q.take(10, NOW).unwrap().len(), 1);
    assert!(q.take(10, NOW).is_none());
}

#[test]
fn the_owner_is_woken_by_a_submission() {
    let q = queue();
    let owner = q.clone();
    let thread = std::thread::spawn(move || owner.take(10, Duration::from_secs(30)).unwrap().len());
    q.submit(submission(1, 1, 1).0).unwrap();
    assert_eq!(thread.join().unwrap(), 1);
}
