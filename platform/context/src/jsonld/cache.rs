//! Each distinct context is resolved once; documents come from the bundle, from
//! [`ContextCache::host`], or not at all.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::table::{Builder, LdContext};
use crate::ContextError;

/// The bundled context of the Smart Data Models of transportation.
pub const TRANSPORTATION_CONTEXT_URL: &str =
    "https://smart-data-models.github.io/dataModel.Transportation/context.jsonld";

const TRANSPORTATION_ALIAS: &str = "https://raw.githubusercontent.com/smart-data-models/dataModel.Transportation/master/context.jsonld";

const CORE_STEM: &str = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context";

/// How deep contexts may refer to each other.
const DEPTH_LIMIT: usize = 8;

/// How many documents may be hosted and cached.
const DOCUMENT_LIMIT: usize = 10_000;

static CORE: LazyLock<Map<String, Value>> = LazyLock::new(|| bundled(include_str!("core.jsonld")));

fn bundled(text: &str) -> Map<String, Value> {
    let whole: Value = serde_json::from_str(text).expect("bundled contexts are valid JSON");
    match whole.get("@context") {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::new(),
    }
}

/// How a context document came to be here (clause 5.13.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextKind {
    /// Given to us to serve.
    Hosted,
    /// Made by us for a subscription.
    ImplicitlyCreated,
    /// Fetched or preloaded; never served.
    Cached,
}

/// What is known of one context document.
#[derive(Debug, Clone)]
pub struct ContextInfo {
    /// Its URL.
    pub url: String,
    /// How it came.
    pub kind: ContextKind,
    /// The content of its `@context` member.
    pub content: Arc<Value>,
}

struct Inner {
    documents: IndexMap<String, (ContextKind, Arc<Value>)>,
    tables: FxHashMap<String, (Arc<LdContext>, u64)>,
    tick: u64,
}

/// The contexts a node knows. Cheap to share; resolving a known context is one locked lookup.
pub struct ContextCache {
    core: Arc<LdContext>,
    limit: usize,
    inner: Mutex<Inner>,
}

impl std::fmt::Debug for ContextCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContextCache").finish_non_exhaustive()
    }
}

impl Default for ContextCache {
    fn default() -> Self {
        Self::new(256)
    }
}

impl ContextCache {
    /// A cache with the bundled contexts that keeps at most `limit` resolved ones (least
    /// recently used goes first).
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let mut builder = Builder::default();
        builder
            .apply(&CORE)
            .expect("the bundled core context is valid");
        let mut documents = IndexMap::new();
        let transport = Arc::new(Value::Object(bundled(include_str!(
            "transportation.jsonld"
        ))));
        for url in [TRANSPORTATION_CONTEXT_URL, TRANSPORTATION_ALIAS] {
            documents.insert(url.to_owned(), (ContextKind::Cached, transport.clone()));
        }
        Self {
            core: Arc::new(builder.finish(Value::Null)),
            limit: limit.max(1),
            inner: Mutex::new(Inner {
                documents,
                tables: FxHashMap::default(),
                tick: 0,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The core context alone.
    #[must_use]
    pub fn core(&self) -> Arc<LdContext> {
        self.core.clone()
    }

    /// Makes the document at `url` known as hosted. `json` is the document (with a member
    /// `@context`) or the context itself; it is checked as far as it refers to nothing else.
    pub fn host(&self, url: &str, json: &Value) -> Result<(), ContextError> {
        self.add(url, json, ContextKind::Hosted)
    }

    /// Like [`Self::host`], for a document of another kind (e.g. one the server fetched).
    pub fn add(&self, url: &str, json: &Value, kind: ContextKind) -> Result<(), ContextError> {
        let content = json.get("@context").unwrap_or(json);
        let mut builder = Builder::default();
        match content {
            Value::Object(map) => builder.apply(map)?,
            Value::Array(items) => {
                for item in items {
                    match item {
                        Value::Object(map) => builder.apply(map)?,
                        Value::String(_) => {}
                        _ => return Err(bad_item()),
                    }
                }
            }
            Value::String(_) => {}
            _ => return Err(bad_item()),
        }
        let mut inner = self.lock();
        if inner.documents.len() >= DOCUMENT_LIMIT && !inner.documents.contains_key(url) {
            return Err(ContextError::TooLarge {
                path: "@context".into(),
                what: format!("more than {DOCUMENT_LIMIT} contexts are known"),
            });
        }
        inner
            .documents
            .insert(url.to_owned(), (kind, Arc::new(content.clone())));
        inner.tables.clear(); // others may refer to it
        Ok(())
    }

    /// Forgets the document at `url`; says whether it was known.
    pub fn remove(&self, url: &str) -> bool {
        let mut inner = self.lock();
        inner.tables.clear();
        inner.documents.shift_remove(url).is_some()
    }

    /// All known documents in the order they came.
    #[must_use]
    pub fn list(&self) -> Vec<ContextInfo> {
        self.lock()
            .documents
            .iter()
            .map(|(url, (kind, content))| ContextInfo {
                url: url.clone(),
                kind: *kind,
                content: content.clone(),
            })
            .collect()
    }

    /// The table of a context: `Null` or absent for the core alone, a URL, an inline object, or
    /// an array of these. An unknown URL is an error that names it; nothing is fetched.
    pub fn resolve(&self, context: &Value) -> Result<Arc<LdContext>, ContextError> {
        let key = match context {
            Value::Null => return Ok(self.core()),
            Value::String(url) if is_core(url) => return Ok(self.core()),
            Value::String(url) => url.clone(),
            other => other.to_string(),
        };
        let mut inner = self.lock();
        inner.tick += 1;
        let tick = inner.tick;
        if let Some((table, used)) = inner.tables.get_mut(&key) {
            *used = tick;
            return Ok(table.clone());
        }
        let mut builder = Builder::default();
        collect(&inner, &mut builder, context, 0)?;
        builder.apply(&CORE)?;
        let table = Arc::new(builder.finish(context.clone()));
        if inner.tables.len() >= self.limit {
            let oldest = inner
                .tables
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(k, _)| k.clone());
            if let Some(oldest) = oldest {
                inner.tables.remove(&oldest);
            }
        }
        inner.tables.insert(key, (table.clone(), tick));
        Ok(table)
    }

    /// The table of the context at `url`.
    pub fn resolve_url(&self, url: &str) -> Result<Arc<LdContext>, ContextError> {
        self.resolve(&Value::String(url.to_owned()))
    }
}

fn bad_item() -> ContextError {
    ContextError::data("@context", "must be a URL, an object, or an array of these")
}

/// Whether `url` names a core context we stand in for: v1.3 to v1.9, or the unversioned one.
fn is_core(url: &str) -> bool {
    url.strip_prefix(CORE_STEM)
        .and_then(|rest| rest.strip_suffix(".jsonld"))
        .is_some_and(|v| {
            v.is_empty() || matches!(v.as_bytes(), [b'-', b'v', b'1', b'.', b'3'..=b'9'])
        })
}

fn collect(
    inner: &Inner,
    builder: &mut Builder,
    context: &Value,
    depth: usize,
) -> Result<(), ContextError> {
    if depth > DEPTH_LIMIT {
        return Err(ContextError::data(
            "@context",
            "contexts refer to each other too deeply",
        ));
    }
    match context {
        Value::Null => Ok(()),
        Value::String(url) if is_core(url) => Ok(()),
        Value::String(url) => match inner.documents.get(url) {
            Some((_, content)) => collect(inner, builder, content, depth + 1),
            None => Err(ContextError::LdContextNotAvailable {
                url: url.clone(),
                why: "it is neither bundled, hosted nor preloaded".into(),
            }),
        },
        Value::Object(map) => match map.get("@context") {
            Some(nested) => collect(inner, builder, nested, depth + 1),
            None => builder.apply(map),
        },
        Value::Array(items) => {
            if items.len() > 100 {
                return Err(ContextError::data("@context", "has more than 100 items"));
            }
            items
                .iter()
                .try_for_each(|item| collect(inner, builder, item, depth + 1))
        }
        _ => Err(bad_item()),
    }
}
