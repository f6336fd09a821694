//! The NGSI-LD API of ETSI GS CIM 009 V1.9.1 over HTTP: `/ngsi-ld/v1`. What is there and what
//! answers 501 is in `docs/api/ngsi-ld.md`.
//!
//! **Invariant** Every write goes through one [`WritePort`] call per request and is answered once
//! it is durable; nothing is fetched from elsewhere while a request waits.

mod answer;
mod ask;
mod batch;
mod contexts;
mod entities;
mod fail;
mod guard;
mod notify;
mod port;
mod read;
mod route;
mod subscriptions;
mod temporal;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use axum::routing::any;
use conurb_context::{ContextEngine, WriteOp};
use tokio::sync::Semaphore;

use ask::{Ask, Params};
use fail::{Fail, NgsiError};
#[allow(unused_imports, reason = "`conurb up` sets them")]
pub(crate) use notify::{Notifier, NotifierOptions};
pub(crate) use port::WritePort;
#[cfg(test)]
pub(crate) use port::{WriteFailure, Writing, Written};

/// Everything a request may need; cheap to clone.
#[derive(Clone)]
pub(crate) struct NgsiState {
    pub(crate) engine: Arc<ContextEngine>,
    pub(crate) writer: Arc<dyn WritePort>,
    pub(crate) notifier: Arc<Notifier>,
    /// Largest request body, bytes.
    pub(crate) body_bytes_max: usize,
    /// Work away from the reactor at one time; the rest waits its turn.
    walks: Arc<Semaphore>,
}

/// How many requests may walk the entities or read files at one time.
const WALKS_MAX: usize = 8;

/// The routes under `/ngsi-ld/v1`.
#[allow(dead_code, reason = "`conurb up` mounts it")]
pub(crate) fn router(state: NgsiState) -> Router {
    Router::new()
        .route("/ngsi-ld/v1", any(entry))
        .route("/ngsi-ld/v1/", any(entry))
        .route("/ngsi-ld/v1/{*rest}", any(entry))
        .with_state(state)
}

async fn entry(State(state): State<NgsiState>, request: Request) -> Response {
    handle(&state, request).await
}

/// Answers one request; the tenant header, being the default one, is echoed.
pub(crate) async fn handle(state: &NgsiState, request: Request) -> Response {
    let tenant = request.headers().get("ngsild-tenant").cloned();
    let mut response = match read(state, request).await {
        Ok((ask, resource)) => route::serve(state, ask, resource)
            .await
            .unwrap_or_else(Fail::response),
        Err(fail) => fail.response(),
    };
    if let Some(tenant) = tenant
        && response.status().is_success()
    {
        response.headers_mut().insert("ngsild-tenant", tenant);
    }
    response
}

/// Checks what every resource checks and reads the body.
async fn read(
    state: &NgsiState,
    request: Request,
) -> Result<(Ask, (route::Resource, Vec<String>)), Fail> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let (resource, names) = route::find(&path)?;
    route::allowed(resource, &parts.method, &path)?;
    tenant(&parts.headers, resource, &parts.method)?;
    let params = Params::read(parts.uri.query().unwrap_or(""))?;
    let sends = matches!(parts.method, Method::POST | Method::PUT | Method::PATCH);
    let mut ask = Ask {
        method: parts.method,
        path,
        headers: parts.headers,
        params,
        body: Bytes::new(),
        ld: false,
    };
    if sends {
        let length = body_length(&ask.headers, state.body_bytes_max)?;
        ask.ld = body_is_ld(&ask.headers, &ask.method)?;
        ask.body = to_bytes(body, length)
            .await
            .map_err(|e| Fail::request(format!("the body did not arrive: {e}")))?;
    }
    Ok((ask, (resource, names)))
}

/// The length the request declares: it must (clause 6.3.4), within the limit.
fn body_length(headers: &HeaderMap, limit: usize) -> Result<usize, Fail> {
    let length: u64 = headers
        .get(header::CONTENT_LENGTH)
        .ok_or(NgsiError::LengthRequired)?
        .to_str()
        .ok()
        .and_then(|t| t.parse().ok())
        .ok_or_else(|| Fail::request("Content-Length is no number"))?;
    match usize::try_from(length) {
        Ok(n) if n <= limit => Ok(n),
        _ => Err(NgsiError::TooLarge {
            bytes: length,
            limit,
        }
        .into()),
    }
}

/// Whether the body is JSON-LD; an error where it is no JSON at all (clause 6.3.4).
fn body_is_ld(headers: &HeaderMap, method: &Method) -> Result<bool, Fail> {
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v: &HeaderValue| v.to_str().ok())
        .unwrap_or("");
    let media = text.split(';').next().unwrap_or("").trim();
    if media.eq_ignore_ascii_case("application/ld+json") {
        return Ok(true);
    }
    let json = media.eq_ignore_ascii_case("application/json")
        || (*method == Method::PATCH && media.eq_ignore_ascii_case("application/merge-patch+json"));
    if json {
        Ok(false)
    } else {
        Err(NgsiError::MediaType {
            media: media.to_owned(),
        }
        .into())
    }
}

/// Only the default tenant exists; what would make another says that it cannot (clause 6.3.14).
fn tenant(headers: &HeaderMap, resource: route::Resource, method: &Method) -> Result<(), Fail> {
    if headers.contains_key("ngsild-snapshot") {
        return Err(Fail::not_yet("the header NGSILD-Snapshot"));
    }
    let Some(value) = headers.get("ngsild-tenant") else {
        return Ok(());
    };
    let name = value.to_str().unwrap_or("").trim();
    if matches!(name, "" | "default" | "urn:ngsi-ld:tenant:default") {
        return Ok(());
    }
    Err(NgsiError::Tenant {
        tenant: name.to_owned(),
        create: *method == Method::POST && route::makes_tenants(resource),
    }
    .into())
}

impl NgsiState {
    /// What the routes need of a node.
    #[allow(dead_code, reason = "`conurb up` makes it")]
    pub(crate) fn new(
        engine: Arc<ContextEngine>,
        writer: Arc<dyn WritePort>,
        notifier: Arc<Notifier>,
        body_bytes_max: usize,
    ) -> Self {
        Self {
            engine,
            writer,
            notifier,
            body_bytes_max,
            walks: Arc::new(Semaphore::new(WALKS_MAX)),
        }
    }

    /// Writes one operation and says what it did.
    pub(crate) async fn write_one(
        &self,
        op: WriteOp,
        bytes: usize,
    ) -> Result<conurb_context::OpOutcome, Fail> {
        let mut written = self.writer.write(vec![op], bytes).await?;
        match written.outcomes.pop() {
            Some(outcome) => Ok(outcome?),
            None => Err(NgsiError::Closed.into()),
        }
    }

    /// Runs work that may read files or walk all entities away from the reactor.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, Fail> {
        let closed = |_| Fail::from(NgsiError::Closed);
        let _turn = self.walks.acquire().await.map_err(closed)?;
        let state = self.clone();
        tokio::task::spawn_blocking(move || work(&state))
            .await
            .map_err(|_| Fail::from(NgsiError::Closed))?
    }
}
