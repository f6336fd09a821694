//! The surface over an engine on a memory store: no sockets but for the receiver of notifications.

mod batches;
mod node;
mod reads;
mod refusals;
mod sending;
mod writes;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, header};
use conurb_base::{ManualClock, TimeMs};
use conurb_context::{ContextCache, ContextEngine, ContextLimits, WriteOp};
use serde_json::Value;

use super::{
    NgsiState, Notifier, NotifierOptions, WriteFailure, WritePort, Writing, Written, handle,
};

/// 2026-03-02T08:00:00Z
pub(super) const START: TimeMs = TimeMs(1_772_438_400_000);

/// Writes straight through the engine, as a node's owner thread does.
struct Direct {
    engine: Arc<ContextEngine>,
    notifier: Arc<Notifier>,
    full: std::sync::atomic::AtomicBool,
    calls: std::sync::atomic::AtomicUsize,
}

impl WritePort for Direct {
    fn write(&self, ops: Vec<WriteOp>, _bytes: usize) -> Writing<'_> {
        use std::sync::atomic::Ordering;
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::Relaxed);
            if self.full.load(Ordering::Relaxed) {
                let full = conurb_perceive::PerceiveError::QueueFull { items: 1, bytes: 1 };
                return Err(full.into());
            }
            let applied = self
                .engine
                .apply(ops)
                .map_err(|e| WriteFailure::Context(Arc::new(e)))?;
            self.notifier.on_changes(&applied.changes);
            Ok(Written {
                outcomes: applied.outcomes,
            })
        })
    }
}

/// A node to ask.
pub(super) struct City {
    pub(super) state: NgsiState,
    pub(super) clock: Arc<ManualClock>,
    direct: Arc<Direct>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
    pub(super) length: usize,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    pub(super) fn links(&self) -> Vec<&str> {
        let all = self.headers.get_all(header::LINK).iter();
        all.map(|v| v.to_str().unwrap()).collect()
    }
}

pub(super) fn city() -> City {
    city_with(&[])
}

pub(super) fn city_with(allow_hosts: &[&str]) -> City {
    let clock = Arc::new(ManualClock::new(START));
    let engine = Arc::new(
        ContextEngine::open(
            conurb_store::memory::open(),
            clock.clone(),
            Arc::new(ContextCache::default()),
            ContextLimits::default(),
        )
        .unwrap(),
    );
    let options = NotifierOptions {
        allow_hosts: allow_hosts.iter().map(|h| (*h).to_owned()).collect(),
        retry_first: std::time::Duration::from_millis(20),
        attempts: 3,
        ..NotifierOptions::default()
    };
    let handle = tokio::runtime::Handle::current();
    let notifier = Arc::new(Notifier::open(engine.clone(), options, handle).unwrap());
    let direct = Arc::new(Direct {
        engine: engine.clone(),
        notifier: notifier.clone(),
        full: false.into(),
        calls: 0.into(),
    });
    City {
        state: NgsiState::new(engine, direct.clone(), notifier, 1 << 20),
        clock,
        direct,
    }
}

impl City {
    pub(super) async fn raw(&self, request: Request<Body>) -> Reply {
        let (parts, body) = handle(&self.state, request).await.into_parts();
        let bytes = to_bytes(body, 1 << 26).await.unwrap();
        Reply {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            length: bytes.len(),
        }
    }

    /// A request below `/ngsi-ld/v1/`.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/ngsi-ld/v1/{path}"));
        if matches!(method, "POST" | "PUT" | "PATCH") {
            request = request.header("content-length", body.len());
            if !headers.iter().any(|(n, _)| *n == "content-type") {
                request = request.header("content-type", "application/json");
            }
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.raw(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], "").await
    }

    pub(super) async fn post(&self, path: &str, body: &str) -> Reply {
        self.ask("POST", path, &[], body).await
    }

    /// Fills the queue, or drains it.
    pub(super) fn set_full(&self, full: bool) {
        self.direct
            .full
            .store(full, std::sync::atomic::Ordering::Relaxed);
    }

    /// How many writes the node was asked for.
    pub(super) fn writes(&self) -> usize {
        self.direct.calls.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Three vehicles: 1 to 3, speeds 10, 20, 30.
    pub(super) async fn vehicles(&self) {
        for n in 1..=3 {
            let body = format!(
                r#"{{"id": "urn:ngsi-ld:Vehicle:{n}", "type": "Vehicle",
                "speed": {{"type": "Property", "value": {n}0, "observedAt": "2026-03-02T08:00:0{n}Z"}},
                "location": {{"type": "GeoProperty", "value": {{"type": "Point", "coordinates": [{n}, 2]}}}}}}"#
            );
            assert_eq!(self.post("entities", &body).await.status, 201);
        }
    }
}
