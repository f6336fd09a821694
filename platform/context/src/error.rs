//! What can go wrong in the context engine, with the standard's problem types (clause 5.5.2).

use conurb_base::{At, Coded};
use conurb_store::StoreError;

/// An error of the context engine.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The request is not JSON, or a parameter does not fit.
    #[error("{what}")]
    InvalidRequest {
        /// What does not fit.
        what: String,
        /// Where in the input.
        at: Option<At>,
    },
    /// The data break the information model.
    #[error("{path}: {what}")]
    BadRequestData {
        /// The member, e.g. `speed.observedAt`.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// There is no such thing.
    #[error("{what} does not exist")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// An entity or subscription with this id exists.
    #[error("{id} exists already")]
    AlreadyExists {
        /// The id.
        id: String,
    },
    /// The query asks for too much work.
    #[error("the query is too complex: {what}")]
    TooComplexQuery {
        /// Which limit it breaks.
        what: String,
    },
    /// An `@context` is not at hand.
    #[error("the @context {url} is not available: {why}")]
    LdContextNotAvailable {
        /// Its URL.
        url: String,
        /// Why not.
        why: String,
    },
    /// The standard has it; this version does not yet.
    #[error("{what} is not there yet")]
    NotImplemented {
        /// What is missing.
        what: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The input is larger than a limit allows.
    #[error("{path}: {what}")]
    TooLarge {
        /// The member.
        path: String,
        /// Which limit.
        what: String,
    },
}

impl ContextError {
    pub(crate) fn data(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self::BadRequestData {
            path: path.into(),
            what: what.into(),
        }
    }

    pub(crate) fn request(what: impl Into<String>) -> Self {
        Self::InvalidRequest {
            what: what.into(),
            at: None,
        }
    }

    pub(crate) fn missing(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into() }
    }

    pub(crate) fn not_yet(what: impl Into<String>) -> Self {
        Self::NotImplemented { what: what.into() }
    }

    /// The same error with `outer` before its path.
    pub(crate) fn under(self, outer: &str) -> Self {
        let join = |path: String| {
            if path.is_empty() {
                outer.to_owned()
            } else if path.starts_with('[') {
                format!("{outer}{path}")
            } else {
                format!("{outer}.{path}")
            }
        };
        match self {
            Self::BadRequestData { path, what } => Self::BadRequestData {
                path: join(path),
                what,
            },
            Self::TooLarge { path, what } => Self::TooLarge {
                path: join(path),
                what,
            },
            other => other,
        }
    }
}

impl Coded for ContextError {
    fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest { .. } => "CNB-CONTEXT-0001",
            Self::BadRequestData { .. } => "CNB-CONTEXT-0002",
            Self::NotFound { .. } => "CNB-CONTEXT-0003",
            Self::AlreadyExists { .. } => "CNB-CONTEXT-0004",
            Self::TooComplexQuery { .. } => "CNB-CONTEXT-0005",
            Self::LdContextNotAvailable { .. } => "CNB-CONTEXT-0006",
            Self::NotImplemented { .. } => "CNB-CONTEXT-0007",
            Self::Store(_) => "CNB-CONTEXT-0008",
            Self::TooLarge { .. } => "CNB-CONTEXT-0009",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::InvalidRequest { .. } | Self::BadRequestData { .. } => 400,
            Self::NotFound { .. } => 404,
            Self::AlreadyExists { .. } => 409,
            Self::TooComplexQuery { .. } => 403,
            Self::LdContextNotAvailable { .. } => 504,
            Self::NotImplemented { .. } => 501,
            Self::Store(e) => e.status(),
            Self::TooLarge { .. } => 413,
        }
    }

    fn problem_type(&self) -> Option<&'static str> {
        match self {
            Self::InvalidRequest { .. } => {
                Some("https://uri.etsi.org/ngsi-ld/errors/InvalidRequest")
            }
            Self::BadRequestData { .. } => {
                Some("https://uri.etsi.org/ngsi-ld/errors/BadRequestData")
            }
            Self::NotFound { .. } => Some("https://uri.etsi.org/ngsi-ld/errors/ResourceNotFound"),
            Self::AlreadyExists { .. } => Some("https://uri.etsi.org/ngsi-ld/errors/AlreadyExists"),
            Self::TooComplexQuery { .. } => {
                Some("https://uri.etsi.org/ngsi-ld/errors/TooComplexQuery")
            }
            Self::LdContextNotAvailable { .. } => {
                Some("https://uri.etsi.org/ngsi-ld/errors/LdContextNotAvailable")
            }
            Self::Store(_) => Some("https://uri.etsi.org/ngsi-ld/errors/InternalError"),
            Self::NotImplemented { .. } | Self::TooLarge { .. } => None,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::InvalidRequest { .. } => "The request is not valid",
            Self::BadRequestData { .. } => "The data break the information model",
            Self::NotFound { .. } => "There is no such resource",
            Self::AlreadyExists { .. } => "The resource exists already",
            Self::TooComplexQuery { .. } => "The query is too complex",
            Self::LdContextNotAvailable { .. } => "The @context is not available",
            Self::NotImplemented { .. } => "Not there yet",
            Self::Store(_) => "The store refused",
            Self::TooLarge { .. } => "The input is too large",
        }
    }

    fn at(&self) -> Option<At> {
        match self {
            Self::InvalidRequest { at, .. } => at.clone(),
            Self::BadRequestData { path, .. } | Self::TooLarge { path, .. } => Some(At {
                path: Some(path.clone()),
                ..At::default()
            }),
            Self::Store(e) => e.at(),
            _ => None,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::InvalidRequest { .. } => "correct the request and send it again".into(),
            Self::BadRequestData { path, .. } => {
                format!("correct the member {path} and send the document again")
            }
            Self::NotFound { .. } => "check the id, or create it first".into(),
            Self::AlreadyExists { .. } => "use another id, or update the existing one".into(),
            Self::TooComplexQuery { .. } => "split the query into simpler ones".into(),
            Self::LdContextNotAvailable { url, .. } => {
                format!("host or preload {url}, or name a context that is")
            }
            Self::NotImplemented { .. } => "see docs/context.md for what is there".into(),
            Self::Store(e) => return e.remedy(),
            Self::TooLarge { .. } => "send less at once, or raise the limit".into(),
        })
    }
}
