//! Subscriptions, and notifications at a real receiver.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};

use conurb_context::{Attribute, Entity, WriteOp};

use super::super::{Notifier, NotifierOptions};
use super::{City, city, city_with};

/// Somebody who is told; answers what it is set to.
#[derive(Clone, Default)]
struct Receiver {
    got: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    refusals: Arc<AtomicU16>,
}

async fn take(State(me): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if me.refusals.load(Ordering::SeqCst) > 0 {
        me.refusals.fetch_sub(1, Ordering::SeqCst);
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let body = serde_json::from_slice(&body).unwrap();
    me.got.lock().unwrap().push((headers, body));
    StatusCode::OK
}

impl Receiver {
    async fn start(&self) -> String {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let router = Router::new()
            .route("/told", post(take))
            .with_state(self.clone());
        tokio::spawn(async move { axum::serve(socket, router).await });
        format!("http://{address}/told")
    }

    async fn wait(&self, n: usize) -> Vec<(HeaderMap, Value)> {
        for _ in 0..500 {
            let got = self.got.lock().unwrap().clone();
            if got.len() >= n {
                return got;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!(
            "{} of {n} notifications came",
            self.got.lock().unwrap().len()
        );
    }
}

fn subscription(uri: &str, more: &Value) -> String {
    let mut doc = json!({
        "id": "urn:x:sub:1",
        "type": "Subscription",
        "entities": [{"type": "Vehicle"}],
        "watchedAttributes": ["speed"],
        "notification": {"format": "keyValues", "endpoint": {
            "uri": uri, "accept": "application/json",
            "receiverInfo": [{"key": "X-Key", "value": "secret"}, {"key": "Host", "value": "evil"}]
        }}
    });
    for (k, v) in more.as_object().unwrap() {
        doc[k] = v.clone();
    }
    doc.to_string()
}

async fn state(city: &City, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..500 {
        let doc = city.get("subscriptions/urn:x:sub:1").await.body;
        if wanted(&doc["notification"]) {
            return doc;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", city.get("subscriptions/urn:x:sub:1").await.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_the_receiver_and_the_book_is_kept() {
    let receiver = Receiver::default();
    let uri = receiver.start().await;
    let city = city_with(&["127.0.0.1"]);
    let made = city
        .post("subscriptions", &subscription(&uri, &json!({})))
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(
        made.header("location"),
        "/ngsi-ld/v1/subscriptions/urn:x:sub:1"
    );
    city.vehicles().await;
    let got = receiver.wait(3).await;
    let (headers, body) = &got[0];
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["x-key"], "secret");
    assert_ne!(headers["host"], "evil");
    assert!(headers["link"].to_str().unwrap().contains("core-context"));
    assert_eq!(body["type"], "Notification");
    assert_eq!(body["subscriptionId"], "urn:x:sub:1");
    assert_eq!(body["data"][0]["speed"], 10);
    let doc = state(&city, |n| {
        n["timesSent"] == 3 && n["lastSuccess"].is_string()
    })
    .await;
    assert_eq!(doc["notification"]["status"], "ok");
    assert_eq!(doc["notification"]["timesFailed"], 0);
    // what does not touch the attribute says nothing; after deletion nothing does
    let attrs = "entities/urn:ngsi-ld:Vehicle:1/attrs";
    assert_eq!(city.post(attrs, r#"{"fuel": 1}"#).await.status, 204);
    assert_eq!(
        city.ask("DELETE", "subscriptions/urn:x:sub:1", &[], "")
            .await
            .status,
        204
    );
    assert_eq!(city.post(attrs, r#"{"speed": 99}"#).await.status, 204);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.got.lock().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_tried_again_in_order_and_counted() {
    let receiver = Receiver::default();
    let uri = receiver.start().await;
    receiver.refusals.store(2, Ordering::SeqCst);
    let city = city_with(&["127.0.0.1"]);
    city.post("subscriptions", &subscription(&uri, &json!({})))
        .await;
    city.vehicles().await;
    let got = receiver.wait(3).await;
    let speeds: Vec<&Value> = got.iter().map(|(_, b)| &b["data"][0]["speed"]).collect();
    assert_eq!(speeds, [10, 20, 30]);
    let doc = state(&city, |n| n["timesFailed"] == 2).await;
    assert_eq!(doc["notification"]["timesSent"], 3);
    // for good: more refusals than attempts
    receiver.refusals.store(1000, Ordering::SeqCst);
    city.clock.advance_ms(1000);
    let attrs = "entities/urn:ngsi-ld:Vehicle:1/attrs";
    assert_eq!(city.post(attrs, r#"{"speed": 99}"#).await.status, 204);
    let doc = state(&city, |n| n["timesFailed"] == 5).await;
    assert_eq!(doc["notification"]["status"], "failed");
    for _ in 0..100 {
        if city
            .state
            .notifier
            .lost()
            .notifications
            .load(Ordering::Relaxed)
            == 1
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the loss is not counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_follows_the_clock_and_sends_the_latest() {
    let receiver = Receiver::default();
    let uri = receiver.start().await;
    let city = city_with(&["127.0.0.1"]);
    city.post(
        "subscriptions",
        &subscription(&uri, &json!({"throttling": 60})),
    )
    .await;
    city.vehicles().await;
    receiver.wait(1).await;
    let attrs = "entities/urn:ngsi-ld:Vehicle:3/attrs";
    for speed in [31, 32] {
        city.post(attrs, &format!("{{\"speed\": {speed}}}")).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.got.lock().unwrap().len(), 1);
    city.clock.advance_ms(60_000);
    let got = receiver.wait(2).await;
    let data = got[1].1["data"].as_array().unwrap();
    let speeds: Vec<&Value> = data.iter().map(|e| &e["speed"]).collect();
    assert_eq!(speeds, [20, 32]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inline_context_is_hosted_for_plain_notifications() {
    let receiver = Receiver::default();
    let uri = receiver.start().await;
    let city = city_with(&["127.0.0.1"]);
    let context = json!({"@context": [{"Vehicle": "http://x.org/V"}, "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"]});
    let headers = [
        ("content-type", "application/ld+json"),
        ("host", "city.example"),
    ];
    let made = city
        .ask(
            "POST",
            "subscriptions",
            &headers,
            &subscription(&uri, &context),
        )
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let entity = r#"{"@context": {"Vehicle": "http://x.org/V"}, "id": "urn:x:1", "type": "Vehicle", "speed": 1}"#;
    city.ask("POST", "entities", &headers[..1], entity).await;
    let (headers, body) = receiver.wait(1).await.remove(0);
    assert_eq!(body["data"][0]["type"], "Vehicle");
    let link = headers["link"].to_str().unwrap();
    let place = link.split(['<', '>']).nth(1).unwrap();
    let place = place
        .strip_prefix("http://city.example/ngsi-ld/v1/")
        .unwrap();
    assert_eq!(
        city.get(place).await.body,
        json!({"@context": {"Vehicle": "http://x.org/V"}})
    );
    let used = city.ask("DELETE", place, &[], "").await;
    assert_eq!(
        (used.status, used.body["code"].as_str()),
        (409, Some("CNB-NGSI-0011"))
    );
    city.ask("DELETE", "subscriptions/urn:x:sub:1", &[], "")
        .await;
    assert_eq!(city.ask("DELETE", place, &[], "").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_survive_a_restart_and_send_again() {
    let receiver = Receiver::default();
    let uri = receiver.start().await;
    let city = city_with(&["127.0.0.1"]);
    city.post("subscriptions", &subscription(&uri, &json!({})))
        .await;
    let options = NotifierOptions {
        allow_hosts: vec!["127.0.0.1".to_owned()],
        ..NotifierOptions::default()
    };
    let runtime = tokio::runtime::Handle::current();
    let again = Notifier::open(city.state.engine.clone(), options, runtime.clone()).unwrap();
    let entity = Entity::new(
        "urn:x:1",
        "https://uri.etsi.org/ngsi-ld/default-context/Vehicle".into(),
    )
    .with(
        "https://uri.etsi.org/ngsi-ld/default-context/speed".into(),
        Attribute::property(json!(5)),
    );
    let applied = city
        .state
        .engine
        .apply(vec![WriteOp::Create(entity.clone())])
        .unwrap();
    again.on_changes(&applied.changes);
    assert_eq!(receiver.wait(1).await[0].1["data"][0]["speed"], 5);
    // a node whose operator no longer allows the host does not call it
    let strict = Notifier::open(
        city.state.engine.clone(),
        NotifierOptions::default(),
        runtime,
    )
    .unwrap();
    strict.on_changes(&applied.changes);
    for _ in 0..500 {
        if strict.lost().notifications.load(Ordering::Relaxed) == 1 {
            assert_eq!(receiver.got.lock().unwrap().len(), 1);
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the refusal is not counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_listed_changed_and_refused() {
    let city = city();
    let public = "http://receiver.example/told";
    let doc = subscription(public, &json!({}));
    assert_eq!(city.post("subscriptions", &doc).await.status, 201);
    assert_eq!(city.post("subscriptions", &doc).await.status, 409);
    let list = city.get("subscriptions?count=true&limit=1").await;
    assert_eq!(list.header("ngsild-results-count"), "1");
    assert_eq!(list.body[0]["status"], "active");
    let pause = r#"{"isActive": false}"#;
    let one = "subscriptions/urn:x:sub:1";
    assert_eq!(city.ask("PATCH", one, &[], pause).await.status, 204);
    assert_eq!(city.get(one).await.body["status"], "paused");
    for (uri, status) in [
        ("http://127.0.0.1:9/x", 400),
        ("http://169.254.169.254/latest", 400),
        ("https://receiver.example/", 501),
        ("mqtt://receiver.example/t", 501),
        ("ftp://receiver.example/", 400),
    ] {
        let more = json!({"id": "urn:x:sub:2"});
        let reply = city.post("subscriptions", &subscription(uri, &more)).await;
        assert_eq!(reply.status, status, "{uri}: {reply:?}");
        let patch = json!({"notification": {"endpoint": {"uri": uri}}}).to_string();
        assert_eq!(
            city.ask("PATCH", one, &[], &patch).await.status,
            status,
            "{uri}"
        );
    }
    for (more, status) in [
        (json!({"type": "Sub"}), 400),
        (json!({"entities": []}), 400),
        (json!({"notification": {}}), 400),
        (json!({"expiresAt": "2020-01-01T00:00:00Z"}), 400),
        (json!({"csf": "x"}), 501),
        (json!({"jsonldContext": "http://unknown.example/c"}), 504),
    ] {
        let mut more = more;
        more["id"] = json!("urn:x:sub:3");
        let reply = city
            .post("subscriptions", &subscription(public, &more))
            .await;
        assert_eq!(reply.status, status, "{more}: {reply:?}");
    }
    assert_eq!(city.get("subscriptions?limit=0").await.status, 400);
    assert_eq!(city.ask("DELETE", one, &[], "").await.status, 204);
    for method in ["GET", "DELETE", "PATCH"] {
        assert_eq!(
            city.ask(method, one, &[], "{}").await.status,
            404,
            "{method}"
        );
    }
}
