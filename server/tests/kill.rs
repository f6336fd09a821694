//! A node killed at random moments, again and again, under load: whatever it acknowledged is
//! there after the restart, and nothing is there that was never sent.

use std::path::Path;
use std::time::Duration;

use conurb_base::{Clock, SystemClock, TimeMs};
use conurb_testkit::Moments;
use conurb_testkit::feed::{FlowBatch, HEADERS, UPSERT, acknowledges, read_back, sensor};
use conurb_testkit::http::Connection;
use conurb_testkit::node::Node;

/// How often it is killed.
const KILLS: usize = 50;
/// Decides when.
const SEED: u64 = 3;
/// Sensors a connection reports.
const SENSORS: usize = 200;
/// Reports in one request.
const BATCH: usize = 50;
/// Connections that report at the same time.
const CONNECTIONS: usize = 3;

/// One batch and the time of the newest reports of it that were acknowledged.
struct Told {
    batch: FlowBatch,
    acked: Option<TimeMs>,
}

/// Reports in turn until the connection breaks; returns how many requests were acknowledged.
fn report(node: &Node, clock: &SystemClock, told: &mut [Told]) -> usize {
    let mut acknowledged = 0;
    let Ok(mut connection) = Connection::open(node.addr()) else {
        return 0;
    };
    loop {
        for t in told.iter_mut() {
            let (time, body) = t.batch.at(clock.now());
            let Ok(answer) = connection.ask("POST", UPSERT, HEADERS, body) else {
                return acknowledged;
            };
            assert!(
                acknowledges(&answer),
                "answered {}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body)
            );
            t.acked = Some(time);
            acknowledged += 1;
        }
    }
}

/// Compares every acknowledged report with what the node knows.
fn compare(node: &Node, told: &[Vec<Told>], kill: usize) {
    let mut connection = Connection::open(node.addr()).expect("the node answers");
    let seen = read_back(&mut connection).expect("state can be read back");
    for t in told.iter().flatten() {
        for i in t.batch.sensors() {
            let found = seen.get(&sensor(i)).copied();
            assert!(
                found >= t.acked,
                "after kill {kill}: sensor {i} was acknowledged at {:?} and is at {found:?}",
                t.acked
            );
            assert!(
                found.is_none_or(|f| f <= t.batch.last()),
                "after kill {kill}: sensor {i} tells of a report that was never sent"
            );
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_in_fifty_kills() {
    let dir = tempfile::tempdir().unwrap();
    let conurb = Path::new(env!("CARGO_BIN_EXE_conurb"));
    let data = dir.path().join("node");
    let clock = SystemClock::new();
    let mut told: Vec<Vec<Told>> = (0..CONNECTIONS)
        .map(|c| {
            (c * SENSORS..(c + 1) * SENSORS)
                .step_by(BATCH)
                .map(|from| Told {
                    batch: FlowBatch::new(from, BATCH),
                    acked: None,
                })
                .collect()
        })
        .collect();
    let moments = Moments::new(
        SEED,
        "kill a node",
        Duration::from_millis(2),
        Duration::from_millis(900),
    );
    let mut acknowledged = 0;
    for (kill, moment) in (1..=KILLS).zip(moments) {
        let node = Node::start(conurb, &data, None).unwrap();
        compare(&node, &told, kill - 1);
        std::thread::scope(|scope| {
            let (node, clock) = (&node, &clock);
            let reporters: Vec<_> = told
                .iter_mut()
                .map(|told| scope.spawn(move || report(node, clock, told)))
                .collect();
            std::thread::sleep(moment);
            node.kill_now().unwrap();
            for reporter in reporters {
                acknowledged += reporter.join().unwrap();
            }
        });
    }
    let node = Node::start(conurb, &data, None).unwrap();
    compare(&node, &told, KILLS);
    assert!(
        acknowledged > 10 * KILLS,
        "only {acknowledged} requests were acknowledged: the kills hit an idle node"
    );
}
