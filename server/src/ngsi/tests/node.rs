//! The surface as a node mounts it: real sockets, the real writer, a store on disk.

use std::sync::Arc;

use conurb_base::SystemClock;
use conurb_context::{ContextCache, ContextEngine, ContextLimits};
use conurb_perceive::QueueLimits;
use conurb_store::embedded;

use super::super::{NgsiState, Notifier, NotifierOptions, router};
use crate::up::meters::Meters;
use crate::up::node::WritePath;

struct Node {
    base: String,
    path: WritePath,
    notifying: std::thread::JoinHandle<()>,
    _dir: tempfile::TempDir,
}

async fn start() -> Node {
    let dir = tempfile::tempdir().unwrap();
    let clock = SystemClock::shared();
    let options = embedded::EmbeddedOptions {
        clock: clock.clone(),
        ..embedded::EmbeddedOptions::default()
    };
    let engine = Arc::new(
        ContextEngine::open(
            embedded::open(dir.path(), options).unwrap(),
            clock,
            Arc::new(ContextCache::default()),
            ContextLimits::default(),
        )
        .unwrap(),
    );
    let runtime = tokio::runtime::Handle::current();
    let notifier =
        Arc::new(Notifier::open(engine.clone(), NotifierOptions::default(), runtime).unwrap());
    let (changes, committed) = std::sync::mpsc::sync_channel::<Arc<crate::up::node::Committed>>(64);
    let told = notifier.clone();
    let notifying = std::thread::spawn(move || {
        while let Ok(c) = committed.recv() {
            told.on_changes(&c.changes);
        }
    });
    let path = WritePath::start(
        engine.clone(),
        QueueLimits::default(),
        vec![changes],
        Meters::shared(),
    )
    .unwrap();
    let state = NgsiState::new(engine, Arc::new(path.writer()), notifier, 16 << 20);
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/ngsi-ld/v1", socket.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(socket, router(state)).await });
    Node {
        base,
        path,
        notifying,
        _dir: dir,
    }
}

fn batch(from: usize, n: usize, speed: usize) -> String {
    let items: Vec<String> = (from..from + n)
        .map(|i| {
            format!(
                r#"{{"id":"urn:ngsi-ld:TrafficFlowObserved:{i}","type":"TrafficFlowObserved","speed":{{"type":"Property","value":{speed},"observedAt":"2026-03-02T08:00:00Z"}},"occupancy":{{"type":"Property","value":0.{i},"observedAt":"2026-03-02T08:00:00Z"}}}}"#
            )
        })
        .collect();
    format!("[{}]", items.join(","))
}

async fn upsert(client: &reqwest::Client, base: &str, body: String) -> (u16, Option<String>) {
    let response = client
        .post(format!("{base}/entityOperations/upsert"))
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap();
    let length = response.headers().get("content-length");
    let length = length.map(|v| v.to_str().unwrap().to_owned());
    (response.status().as_u16(), length)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_goes_through_sockets_to_disk_and_back() {
    let node = start().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(upsert(&client, &node.base, batch(0, 50, 30)).await.0, 201);
    // a 204 has neither a body nor a length
    assert_eq!(
        upsert(&client, &node.base, batch(0, 50, 40)).await,
        (204, None)
    );
    let url = format!(
        "{}/entities/urn:ngsi-ld:TrafficFlowObserved:7?options=keyValues",
        node.base
    );
    let body = client.get(url).send().await.unwrap().bytes().await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["speed"], 40);
    node.path.stop();
    node.notifying.join().unwrap();
    // what comes after the node has stopped is told so
    assert_eq!(upsert(&client, &node.base, batch(0, 1, 1)).await.0, 503);
}

/// Entities per second, client included: `cargo nextest run --release -p conurb --run-ignored
/// only upserts_per_second --no-capture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn upserts_per_second() {
    let node = start().await;
    let (per_batch, batches, clients) = (500, 40, 4);
    for c in 0..clients {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        upsert(&client, &node.base, batch(c * per_batch, per_batch, 1)).await;
    }
    let bodies: Vec<String> = (0..clients)
        .map(|c| batch(c * per_batch, per_batch, 2))
        .collect();
    let clock = SystemClock::shared();
    let start_ns = clock.monotonic_ns();
    let tasks: Vec<_> = bodies
        .into_iter()
        .map(|body| {
            let base = node.base.clone();
            tokio::spawn(async move {
                let client = reqwest::Client::builder().no_proxy().build().unwrap();
                for _ in 0..batches {
                    assert_eq!(upsert(&client, &base, body.clone()).await.0, 204);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let seconds = (clock.monotonic_ns() - start_ns) as f64 / 1e9;
    let n = per_batch * batches * clients;
    println!(
        "{n} entities of 2 attributes in {seconds:.2} s: {:.0}/s",
        n as f64 / seconds
    );
    node.path.stop();
}
