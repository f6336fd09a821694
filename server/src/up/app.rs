//! What every request may need, and the surfaces that are no API: health, metrics, the front page.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use conurb_base::{SharedClock, TimeMs};
use conurb_bus::Bus;
use conurb_context::ContextEngine;
use conurb_decide::Ledger;
use conurb_scenario::Manifest;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};

use super::meters::{Level, Meters};
use super::mqtt::MqttPort;
use super::node::Writer;
use super::outbox::Receipts;
use super::turn::LoopPort;
use crate::ngsi::Notifier;

/// Shared by all requests.
pub(crate) struct Inner {
    pub(crate) city: String,
    pub(crate) context: Arc<ContextEngine>,
    pub(crate) writer: Writer,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) turns: LoopPort,
    pub(crate) receipts: Receipts,
    pub(crate) notifier: Arc<Notifier>,
    pub(crate) mqtt: Option<Arc<MqttPort>>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) gauges: Gauges,
    pub(crate) registry: Registry,
    pub(crate) manifests: Vec<Manifest>,
    pub(crate) processes: crate::processes::Queue,
    pub(crate) clock: SharedClock,
    pub(crate) started: TimeMs,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) stopping: watch::Receiver<bool>,
    /// Whether the last checkpoint went through.
    pub(crate) checkpoint_ok: Arc<AtomicBool>,
    pub(crate) body_bytes_max: usize,
    pub(crate) timeout_s: u64,
}

/// The node as a request sees it; cheap to clone.
pub(crate) type App = Arc<Inner>;

/// Levels that are read when metrics are asked for.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    entities: Level,
    ledger_lines: Level,
    queue_items: Level,
    queue_bytes: Level,
    queue_items_peak: Level,
    queue_accepted: Level,
    queue_refused: Level,
    pending: Level,
    lost_changes: Level,
    lost_notifications: Level,
    subscriptions: Level,
    mqtt_connected: Level,
    mqtt_received: Level,
    mqtt_durable: Level,
    mqtt_refused: Level,
    mqtt_not_durable: Level,
    mqtt_published: Level,
    mqtt_failures: Level,
    resident_bytes: Level,
    acting: Level,
}

impl Gauges {
    /// Enters them into a registry.
    pub(crate) fn register(&self, r: &mut Registry) {
        for (name, help, level) in [
            ("entities", "Entities in the current state", &self.entities),
            (
                "ledger_lines",
                "Lines of the decision ledger",
                &self.ledger_lines,
            ),
            (
                "intake_queue_items",
                "Operations waiting",
                &self.queue_items,
            ),
            ("intake_queue_bytes", "Bytes waiting", &self.queue_bytes),
            (
                "intake_queue_items_peak",
                "Most operations that ever waited",
                &self.queue_items_peak,
            ),
            (
                "intake_accepted",
                "Submissions taken in since the start",
                &self.queue_accepted,
            ),
            (
                "intake_refused",
                "Submissions refused because the queue was full",
                &self.queue_refused,
            ),
            (
                "decisions_pending",
                "Decisions waiting for a person",
                &self.pending,
            ),
            (
                "notification_changes_lost",
                "Changes not matched with subscriptions",
                &self.lost_changes,
            ),
            (
                "notifications_lost",
                "Notifications not delivered",
                &self.lost_notifications,
            ),
            ("subscriptions", "Subscriptions", &self.subscriptions),
            (
                "mqtt_connected",
                "Whether the MQTT link is up",
                &self.mqtt_connected,
            ),
            (
                "mqtt_received",
                "MQTT messages that came",
                &self.mqtt_received,
            ),
            ("mqtt_durable", "MQTT messages on disk", &self.mqtt_durable),
            (
                "mqtt_refused",
                "MQTT messages refused for good",
                &self.mqtt_refused,
            ),
            (
                "mqtt_not_durable",
                "MQTT messages to come again",
                &self.mqtt_not_durable,
            ),
            (
                "mqtt_published",
                "MQTT messages published",
                &self.mqtt_published,
            ),
            (
                "mqtt_failures",
                "MQTT connections that failed or broke",
                &self.mqtt_failures,
            ),
            (
                "process_resident_memory_bytes",
                "Resident memory",
                &self.resident_bytes,
            ),
            (
                "loop_acting",
                "1 while the loop decides and acts",
                &self.acting,
            ),
        ] {
            r.register(name, help, level.clone());
        }
    }

    fn read(&self, app: &Inner) {
        let set = |level: &Level, n: u64| {
            level.set(i64::try_from(n).unwrap_or(i64::MAX));
        };
        set(&self.entities, app.context.stores().entities.len() as u64);
        set(&self.ledger_lines, app.ledger.len());
        let queue = app.writer.stats();
        set(&self.queue_items, queue.items as u64);
        set(&self.queue_bytes, queue.bytes as u64);
        set(&self.queue_items_peak, queue.items_peak as u64);
        set(&self.queue_accepted, queue.accepted);
        set(&self.queue_refused, queue.refused);
        let lost = app.notifier.lost();
        set(&self.lost_changes, lost.changes.load(Ordering::Relaxed));
        set(
            &self.lost_notifications,
            lost.notifications.load(Ordering::Relaxed),
        );
        set(
            &self.subscriptions,
            app.notifier.subscriptions().list().len() as u64,
        );
        set(&self.resident_bytes, resident_bytes().unwrap_or(0));
        {
            let seen = app.turns.seen();
            set(&self.pending, seen.pending as u64);
            set(&self.acting, u64::from(seen.failed.is_none()));
        }
        if let Some(mqtt) = &app.mqtt {
            let (link, _) = mqtt.health();
            set(&self.mqtt_connected, u64::from(link.connected));
            set(&self.mqtt_received, link.received);
            set(&self.mqtt_durable, link.durable);
            set(&self.mqtt_refused, link.refused);
            set(&self.mqtt_not_durable, link.not_durable);
            set(&self.mqtt_published, link.published);
            set(&self.mqtt_failures, link.failures);
        }
    }
}

/// Resident memory of this process, where the system tells (Linux).
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// `GET /metrics`: OpenMetrics text.
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    app.gauges.read(&app);
    let mut text = String::new();
    if prometheus_client::encoding::text::encode(&mut text, &app.registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Health of the parts, and whether the node as a whole does its work.
pub(crate) fn health(app: &Inner) -> (bool, Value) {
    let failed = app.turns.seen().failed.clone();
    let queue = app.writer.stats();
    let mut parts = serde_json::Map::new();
    parts.insert(
        "store".into(),
        json!({
            "ok": app.checkpoint_ok.load(Ordering::Relaxed),
            "entities": app.context.stores().entities.len(),
            "seq": app.context.stores().entities.last_seq(),
        }),
    );
    let open = app.writer.is_open();
    parts.insert(
        "intake".into(),
        json!({"ok": open, "items": queue.items, "bytes": queue.bytes, "refused": queue.refused}),
    );
    parts.insert(
        "loop".into(),
        json!({"ok": failed.is_none(), "scenarios": app.manifests.iter().map(|m| &m.id).collect::<Vec<_>>(), "error": failed}),
    );
    let mut degraded = false;
    if let Some(mqtt) = &app.mqtt {
        let (link, sources) = mqtt.health();
        degraded = !link.connected;
        let now = app.clock.now();
        let silent: Vec<&str> = sources
            .iter()
            .filter(|s| s.is_silent(now) == Some(true))
            .map(|s| s.source.as_str())
            .collect();
        parts.insert(
            "mqtt".into(),
            json!({"ok": link.connected, "link": link, "sources": sources, "silent": silent}),
        );
    }
    // A broker that is away is no reason to restart the node: degraded, but up.
    let ok = open && failed.is_none() && app.checkpoint_ok.load(Ordering::Relaxed);
    let status = match (ok, degraded) {
        (false, _) => "failed",
        (true, true) => "degraded",
        (true, false) => "ok",
    };
    let body = json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "city": app.city,
        "started": app.started.to_iso(),
        "now": app.clock.now().to_iso(),
        "parts": parts,
    });
    (ok, body)
}

/// `GET /healthz`: 200 while the node does its work, else 503.
pub(crate) async fn healthz(State(app): State<App>) -> Response {
    let (ok, body) = health(&app);
    let status = if ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, axum::Json(body)).into_response()
}

/// `GET /`: one page that says what is where.
pub(crate) async fn front() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'",
        ),
    ];
    (headers, include_str!("front.html")).into_response()
}
