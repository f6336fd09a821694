//! Delivery, redelivery, refusal, restart: what the link promises.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use conurb_base::{Coded, SystemClock};
use conurb_links::{Handler, MqttHealth, MqttLink, MqttMessage, MqttOptions, Verdict};

use crate::broker::Broker;

type Seen = Arc<Mutex<Vec<MqttMessage>>>;

fn options(broker: &Broker, client_id: &str, subscriptions: &[&str]) -> MqttOptions {
    MqttOptions {
        port: broker.port,
        client_id: client_id.to_owned(),
        subscriptions: subscriptions.iter().map(|s| (*s).to_owned()).collect(),
        reconnect_ms: (50, 500),
        ..MqttOptions::default()
    }
}

/// Notes every message; `verdict` decides on it.
fn handler(
    seen: &Seen,
    verdict: impl Fn(&MqttMessage) -> Verdict + Send + Sync + 'static,
) -> Handler {
    let seen = seen.clone();
    Arc::new(move |message| {
        let answer = verdict(&message);
        seen.lock().unwrap().push(message);
        Box::pin(async move { answer })
    })
}

fn start(options: MqttOptions, handler: Handler) -> MqttLink {
    MqttLink::start(options, SystemClock::shared(), handler).unwrap()
}

fn ignore() -> Handler {
    Arc::new(|_| Box::pin(async { Verdict::Durable }))
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("waited 15 s in vain: {what}");
}

async fn connected(link: &MqttLink, subscribed: bool) {
    until("connection", || link.health().connected).await;
    if subscribed {
        // The subscription is on its way; the broker answers within this.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn texts(seen: &Seen) -> Vec<String> {
    let seen = seen.lock().unwrap();
    seen.iter()
        .map(|m| String::from_utf8_lossy(&m.payload).into_owned())
        .collect()
}

fn health(link: &MqttLink, pick: impl Fn(&MqttHealth) -> u64) -> u64 {
    pick(&link.health())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_arrive_in_order_once_and_commands_go_out() {
    let broker = Broker::start();
    let seen = Seen::default();
    let link = start(
        options(&broker, "sub", &["city/+/up"]),
        handler(&seen, |_| Verdict::Durable),
    );
    let sender = start(options(&broker, "pub", &[]), ignore());
    connected(&link, true).await;
    connected(&sender, false).await;
    for i in 0..200 {
        sender
            .publish("city/a/up", format!("{i}").into_bytes(), false)
            .unwrap();
    }
    sender
        .publish("city/a/down", b"not for us".to_vec(), false)
        .unwrap();
    until("200 messages", || health(&link, |h| h.durable) == 200).await;
    let expected: Vec<String> = (0..200).map(|i| i.to_string()).collect();
    assert_eq!(texts(&seen), expected);
    assert_eq!(link.health().redelivered, 0);
    link.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_durable_when_we_died_comes_again() {
    let broker = Broker::start();
    let seen = Seen::default();
    // Handlers that never answer: nothing becomes durable.
    let notes = seen.clone();
    let stuck: Handler = Arc::new(move |message| {
        notes.lock().unwrap().push(message);
        Box::pin(std::future::pending())
    });
    let link = start(options(&broker, "city", &["flow/#"]), stuck);
    let sender = start(options(&broker, "pub", &[]), ignore());
    connected(&link, true).await;
    connected(&sender, false).await;
    for i in 0..5 {
        sender
            .publish("flow/1", format!("{i}").into_bytes(), false)
            .unwrap();
    }
    until("5 messages", || seen.lock().unwrap().len() == 5).await;
    drop(link); // the power is cut: no goodbye, no acknowledgement
    // What comes while we are away waits too.
    sender.publish("flow/1", b"5".to_vec(), false).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;

    let again = Seen::default();
    let link = start(
        options(&broker, "city", &["flow/#"]),
        handler(&again, |_| Verdict::Durable),
    );
    until("6 messages", || health(&link, |h| h.durable) == 6).await;
    let mut came = texts(&again);
    came.sort();
    assert_eq!(came, ["0", "1", "2", "3", "4", "5"]);
    // The sixth counts too where the broker had not yet noticed that we were gone.
    assert!((5..=6).contains(&link.health().redelivered));
    link.stop(Duration::from_secs(5)).await;

    let third = Seen::default();
    let link = start(
        options(&broker, "city", &["flow/#"]),
        handler(&third, |_| Verdict::Durable),
    );
    connected(&link, true).await;
    assert!(
        texts(&third).is_empty(),
        "what was acknowledged does not come again"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_write_is_tried_again_by_redelivery() {
    let broker = Broker::start();
    let seen = Seen::default();
    let failed = AtomicUsize::new(0);
    let verdict = move |m: &MqttMessage| {
        if m.payload == b"b" && failed.fetch_add(1, Ordering::SeqCst) < 2 {
            return Verdict::NotDurable("disk full".to_owned());
        }
        Verdict::Durable
    };
    let link = start(options(&broker, "city", &["flow"]), handler(&seen, verdict));
    let sender = start(options(&broker, "pub", &[]), ignore());
    connected(&link, true).await;
    connected(&sender, false).await;
    for text in ["a", "b", "c"] {
        sender
            .publish("flow", text.as_bytes().to_vec(), false)
            .unwrap();
    }
    // A break of the connection sends `a` or `c` again too, so the count of durable messages says
    // nothing: wait for what is promised, a third `b`, and its success.
    let of = |text: &str| texts(&seen).iter().filter(|t| *t == text).count();
    until("a, b and c", || {
        of("b") == 3 && of("a") >= 1 && of("c") >= 1 && link.health().durable >= 3
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(of("b"), 3, "what became durable does not come again");
    assert_eq!(link.health().not_durable, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_and_huge_payloads_are_counted_and_do_not_block() {
    let broker = Broker::start();
    let seen = Seen::default();
    let verdict = |m: &MqttMessage| match std::str::from_utf8(&m.payload) {
        Ok(text) if text.starts_with('{') => Verdict::Durable,
        _ => Verdict::Refused("no JSON".to_owned()),
    };
    let mut o = options(&broker, "city", &["flow"]);
    o.payload_bytes_max = 1000;
    let link = start(o, handler(&seen, verdict));
    let sender = start(options(&broker, "pub", &[]), ignore());
    connected(&link, true).await;
    connected(&sender, false).await;
    for payload in [&b"\xff\x00"[..], b"", &[b'{'; 5000], b"{}"] {
        sender.publish("flow", payload.to_vec(), false).unwrap();
    }
    until("the good one", || health(&link, |h| h.durable) == 1).await;
    let h = link.health();
    assert_eq!((h.refused, h.received, h.connections), (3, 4, 1));
    assert_eq!(
        h.last_refusal.as_deref(),
        Some("a payload of 5000 bytes; the limit is 1000")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_restarts_is_found_again() {
    let mut broker = Broker::start();
    let seen = Seen::default();
    let link = start(
        options(&broker, "city", &["flow"]),
        handler(&seen, |_| Verdict::Durable),
    );
    connected(&link, true).await;
    broker.kill();
    until("the loss", || !link.health().connected).await;
    until("failed attempts", || health(&link, |h| h.failures) >= 2).await;
    assert!(link.health().last_error.is_some());
    broker.up();
    connected(&link, true).await;
    let sender = start(options(&broker, "pub", &[]), ignore());
    sender.publish("flow", b"hello".to_vec(), false).unwrap();
    until("a message", || texts(&seen) == ["hello"]).await;
    assert!(link.health().connections >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_intake_stops_reading_and_loses_nothing() {
    let broker = Broker::start();
    let open = Arc::new(AtomicBool::new(false));
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (gate, now, peak) = (open.clone(), at_once, most.clone());
    let slow: Handler = Arc::new(move |_| {
        let (gate, now, peak) = (gate.clone(), now.clone(), peak.clone());
        Box::pin(async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            while !gate.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            now.fetch_sub(1, Ordering::SeqCst);
            Verdict::Durable
        })
    });
    let mut o = options(&broker, "city", &["flow"]);
    o.in_flight_max = 4;
    let link = start(o, slow);
    let sender = start(options(&broker, "pub", &[]), ignore());
    connected(&link, true).await;
    connected(&sender, false).await;
    for i in 0..100 {
        sender
            .publish("flow", format!("{i}").into_bytes(), false)
            .unwrap();
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(health(&link, |h| h.durable), 0);
    open.store(true, Ordering::SeqCst);
    until("all", || health(&link, |h| h.durable) == 100).await;
    assert_eq!(most.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn options_and_topics_are_checked() {
    let bad = MqttOptions {
        host: String::new(),
        ..MqttOptions::default()
    };
    let error = MqttLink::start(bad, SystemClock::shared(), ignore()).unwrap_err();
    assert_eq!(error.code(), "CNB-LINK-0001");
    let away = MqttOptions {
        port: 1,
        publish_waiting_max: 1,
        ..MqttOptions::default()
    };
    let link = MqttLink::start(away, SystemClock::shared(), ignore()).unwrap();
    assert_eq!(
        link.publish("a/#", Vec::new(), false).unwrap_err().code(),
        "CNB-LINK-0003"
    );
    let errors = (0..1000).find_map(|_| link.publish("a", Vec::new(), false).err());
    assert_eq!(
        errors.unwrap().code(),
        "CNB-LINK-0002",
        "what waits to be sent is bounded"
    );
}
