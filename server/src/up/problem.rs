//! Refusals of Conurb's own API: RFC 9457 problem details, from any coded error, in one place.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use conurb_base::{Coded, Problem};

/// What the HTTP surface itself refuses, and what keeps the node from starting.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpError {
    /// No resource has this path.
    #[error("there is no resource {0}")]
    NoResource(String),
    /// The resource lacks the method.
    #[error("{0} has no {1}")]
    Method(String, String),
    /// A parameter or body that cannot be read.
    #[error("{0}")]
    BadRequest(String),
    /// The decision does not wait for a person.
    #[error("decision {id}: {what}")]
    NotWaiting {
        /// The decision.
        id: String,
        /// Where it stands.
        what: String,
    },
    /// The loop does not answer.
    #[error("the loop does not take it now: {0}")]
    LoopStopped(String),
    /// The request took too long.
    #[error("the request was not answered within {0} s")]
    Timeout(u64),
    /// Larger than a limit.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// As many streams or receipts as there may be.
    #[error("{0}")]
    TooMany(String),
    /// The address is in use.
    #[error("{addr} cannot be listened on: {source}")]
    Listen {
        /// The address.
        addr: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Coded for UpError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoResource(_) => "CNB-UP-0001",
            Self::Method(..) => "CNB-UP-0002",
            Self::BadRequest(_) => "CNB-UP-0003",
            Self::NotWaiting { .. } => "CNB-UP-0004",
            Self::LoopStopped(_) => "CNB-UP-0005",
            Self::Timeout(_) => "CNB-UP-0006",
            Self::TooLarge(_) => "CNB-UP-0007",
            Self::TooMany(_) => "CNB-UP-0008",
            Self::Listen { .. } => "CNB-UP-0009",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::NoResource(_) => 404,
            Self::Method(..) => 405,
            Self::BadRequest(_) => 400,
            Self::NotWaiting { .. } => 409,
            Self::LoopStopped(_) | Self::Timeout(_) => 503,
            Self::TooLarge(_) => 413,
            Self::TooMany(_) => 429,
            Self::Listen { .. } => 500,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::NoResource(_) => "There is no such resource",
            Self::Method(..) => "The resource has no such method",
            Self::BadRequest(_) => "The request is not valid",
            Self::NotWaiting { .. } => "The decision does not wait for a person",
            Self::LoopStopped(_) => "The loop does not answer",
            Self::Timeout(_) => "The request took too long",
            Self::TooLarge(_) => "The body is too large",
            Self::TooMany(_) => "Too many at one time",
            Self::Listen { .. } => "The address cannot be listened on",
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::NoResource(_) | Self::Method(..) => "see api/openapi.json for what there is".into(),
            Self::BadRequest(_) => "correct the request and send it again".into(),
            Self::NotWaiting { .. } => "read the decision to see where it stands".into(),
            Self::LoopStopped(_) => "look at /healthz".into(),
            Self::Timeout(_) => "ask for less, or raise http.timeout_s".into(),
            Self::TooLarge(_) => "send less at once, or raise http.body_bytes_max".into(),
            Self::TooMany(_) => "try again in a moment".into(),
            Self::Listen { source, .. } => match source.kind() {
                std::io::ErrorKind::AddrInUse => {
                    "another program has this port: stop it, or choose another with --listen (port 0 takes a free one)".into()
                }
                std::io::ErrorKind::PermissionDenied => {
                    "ports below 1024 need privileges: choose a higher one with --listen".into()
                }
                _ => "choose an address of this machine with --listen".into(),
            },
        })
    }
}

/// A refusal on its way out; [`finish`] writes its body, knowing the path.
#[derive(Debug, Clone)]
pub(crate) struct Refusal(pub(crate) Problem);

impl<E: Coded> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.problem())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(self);
        response
    }
}

/// Middleware: turns a [`Refusal`] into its problem document with the path as its instance.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Refusal>() {
        None => response,
        Some(Refusal(mut problem)) => {
            problem.instance = Some(path);
            document(&problem, response.headers().get(header::ALLOW).cloned())
        }
    }
}

fn document(problem: &Problem, allow: Option<HeaderValue>) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if let Some(allow) = allow {
        headers.insert(header::ALLOW, allow);
    }
    response
}
