//! Refusals of the HTTP surface: RFC 9457 bodies with the standard's types (clause 5.5.2), sent as
//! `application/json` (clause 6.3.2).

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use conurb_base::{Coded, Problem};
use conurb_context::ContextError;

use super::port::WriteFailure;

/// What the surface itself refuses.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NgsiError {
    /// No resource has this path.
    #[error("there is no resource {path}")]
    NoResource {
        /// The path.
        path: String,
    },
    /// The resource lacks the method.
    #[error("{path} has no {method}: {allow}")]
    Method {
        /// The path.
        path: String,
        /// The method asked for.
        method: String,
        /// The methods it has.
        allow: String,
    },
    /// No representation the client accepts.
    #[error("none of the accepted media types can be given; there are {offers}")]
    NotAcceptable {
        /// Those there are.
        offers: String,
    },
    /// A body without its length.
    #[error("the request has no Content-Length")]
    LengthRequired,
    /// A body above the limit.
    #[error("the body has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: usize,
    },
    /// A body in a media type not read here.
    #[error("bodies of type {media:?} are not read")]
    MediaType {
        /// The type.
        media: String,
    },
    /// A tenant other than the default one.
    #[error("the tenant {tenant:?} does not exist: this node has the default tenant only")]
    Tenant {
        /// Its name.
        tenant: String,
        /// Whether the operation would have had to make it.
        create: bool,
    },
    /// The node is going down.
    #[error("the node is going down")]
    Closed,
    /// Notifications may not go there.
    #[error("notifications may not be sent to {host}: it is a loopback or private address")]
    Endpoint {
        /// The host.
        host: String,
    },
    /// Something still refers to what is to be deleted.
    #[error("the context {url} is used by {by}")]
    InUse {
        /// The context.
        url: String,
        /// Who uses it.
        by: String,
    },
    /// More is found than one answer may hold.
    #[error("{what}")]
    TooMany {
        /// What, and the limit.
        what: String,
    },
}

impl Coded for NgsiError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoResource { .. } => "CNB-NGSI-0001",
            Self::Method { .. } => "CNB-NGSI-0002",
            Self::NotAcceptable { .. } => "CNB-NGSI-0003",
            Self::LengthRequired => "CNB-NGSI-0004",
            Self::TooLarge { .. } => "CNB-NGSI-0005",
            Self::MediaType { .. } => "CNB-NGSI-0006",
            Self::Tenant { .. } => "CNB-NGSI-0007",
            Self::Closed => "CNB-NGSI-0008",
            Self::Endpoint { .. } => "CNB-NGSI-0009",
            Self::TooMany { .. } => "CNB-NGSI-0010",
            Self::InUse { .. } => "CNB-NGSI-0011",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::NoResource { .. } | Self::Tenant { create: false, .. } => 404,
            Self::Method { .. } => 405,
            Self::NotAcceptable { .. } => 406,
            Self::LengthRequired => 411,
            Self::TooLarge { .. } => 413,
            Self::MediaType { .. } => 415,
            Self::Tenant { create: true, .. } => 501,
            Self::Closed => 503,
            Self::Endpoint { .. } => 400,
            Self::TooMany { .. } => 403,
            Self::InUse { .. } => 409,
        }
    }

    fn problem_type(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoResource { .. } => "https://uri.etsi.org/ngsi-ld/errors/ResourceNotFound",
            Self::Tenant { create: false, .. } => {
                "https://uri.etsi.org/ngsi-ld/errors/NonexistentTenant"
            }
            Self::Tenant { create: true, .. } => {
                "https://uri.etsi.org/ngsi-ld/errors/NoMultiTenantSupport"
            }
            Self::Method { .. } => "https://uri.etsi.org/ngsi-ld/errors/OperationNotSupported",
            Self::Endpoint { .. } => "https://uri.etsi.org/ngsi-ld/errors/BadRequestData",
            Self::InUse { .. } => "https://uri.etsi.org/ngsi-ld/errors/Conflict",
            Self::TooMany { .. } => "https://uri.etsi.org/ngsi-ld/errors/TooManyResults",
            _ => return None,
        })
    }

    fn title(&self) -> &'static str {
        match self {
            Self::NoResource { .. } => "There is no such resource",
            Self::Method { .. } => "The resource lacks this method",
            Self::NotAcceptable { .. } => "No acceptable representation",
            Self::LengthRequired => "The length of the body is missing",
            Self::TooLarge { .. } => "The body is too large",
            Self::MediaType { .. } => "The media type is not read",
            Self::Tenant { .. } => "There is no such tenant",
            Self::Closed => "The node is going down",
            Self::Endpoint { .. } => "The endpoint is refused",
            Self::InUse { .. } => "The context is in use",
            Self::TooMany { .. } => "The answer would be too large",
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(
            match self {
                Self::NoResource { .. } | Self::Method { .. } => {
                    "see docs/api/ngsi-ld.md for what is there"
                }
                Self::NotAcceptable { .. } => "accept one of the types named",
                Self::LengthRequired => "send Content-Length; chunked bodies are not read",
                Self::TooLarge { .. } => "send less at once, or raise http.body_bytes_max",
                Self::MediaType { .. } => "send application/json or application/ld+json",
                Self::Tenant { .. } => "leave the header NGSILD-Tenant out",
                Self::Closed => "send again once the node is back",
                Self::Endpoint { .. } => "use a public host, or name it in http.allow_hosts",
                Self::InUse { .. } => "delete what uses it first",
                Self::TooMany { .. } => "ask for less: fewer entities or a shorter time",
            }
            .to_owned(),
        )
    }
}

/// A refusal, ready to be sent.
#[derive(Debug)]
pub(crate) struct Fail {
    problem: Box<Problem>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Fail {
    /// The status it is answered with.
    #[cfg(test)]
    pub(crate) fn status(&self) -> u16 {
        self.problem.status
    }

    /// What does not fit in the request (400 `InvalidRequest`).
    pub(crate) fn request(what: impl Into<String>) -> Self {
        ContextError::InvalidRequest {
            what: what.into(),
            at: None,
        }
        .into()
    }

    /// What breaks the data types (400 `BadRequestData`).
    pub(crate) fn data(path: &str, what: impl Into<String>) -> Self {
        ContextError::BadRequestData {
            path: path.to_owned(),
            what: what.into(),
        }
        .into()
    }

    /// What the standard has and we lack (501).
    pub(crate) fn not_yet(what: impl Into<String>) -> Self {
        ContextError::NotImplemented { what: what.into() }.into()
    }

    /// The refusal as an answer; 411 and 415 have no body (clause 6.3.4).
    pub(crate) fn response(self) -> Response {
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let bodiless = matches!(self.problem.status, 411 | 415);
        let body = if bodiless {
            Body::empty()
        } else {
            Body::from(serde_json::to_vec(&self.problem).expect("a problem always serialises"))
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        if !bodiless {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}

/// The problem of an engine's error, as this surface names it.
pub(crate) fn problem_of(error: &ContextError) -> Problem {
    let mut problem = error.problem();
    if matches!(error, ContextError::NotImplemented { .. }) {
        "https://uri.etsi.org/ngsi-ld/errors/OperationNotSupported"
            .clone_into(&mut problem.problem_type);
        problem.remedy = Some("see docs/api/ngsi-ld.md for what is there".to_owned());
    }
    problem
}

impl From<ContextError> for Fail {
    fn from(error: ContextError) -> Self {
        Self::from(&error)
    }
}

impl From<&ContextError> for Fail {
    fn from(error: &ContextError) -> Self {
        Self {
            problem: Box::new(problem_of(error)),
            headers: Vec::new(),
        }
    }
}

impl From<NgsiError> for Fail {
    fn from(error: NgsiError) -> Self {
        let mut headers = Vec::new();
        match &error {
            NgsiError::Method { allow, .. } => {
                if let Ok(value) = HeaderValue::from_str(allow) {
                    headers.push((header::ALLOW, value));
                }
            }
            NgsiError::Closed => {
                headers.push((header::RETRY_AFTER, HeaderValue::from_static("1")));
            }
            _ => {}
        }
        Self {
            problem: Box::new(error.problem()),
            headers,
        }
    }
}

impl From<WriteFailure> for Fail {
    fn from(failure: WriteFailure) -> Self {
        if let WriteFailure::Context(error) = &failure {
            return Self::from(&**error);
        }
        let later = matches!(failure.status(), 429 | 503);
        Self {
            problem: Box::new(failure.problem()),
            headers: later
                .then_some((header::RETRY_AFTER, HeaderValue::from_static("1")))
                .into_iter()
                .collect(),
        }
    }
}
