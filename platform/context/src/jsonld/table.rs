//! One resolved context: an immutable table from names to IRIs and back.

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use crate::ContextError;
use crate::check::{is_name, is_uri};
use crate::intern::intern;
use crate::model::Name;

/// The core context this version speaks (all of v1.3 to v1.9 are read as this one).
pub const CORE_CONTEXT_URL: &str =
    "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld";

/// Where names go that no context maps (the core context's `@vocab`).
pub const DEFAULT_VOCAB: &str = "https://uri.etsi.org/ngsi-ld/default-context/";

/// How many names outside the terms one context remembers the expansion of.
const SEEN_LIMIT: usize = 65_536;

/// How many terms one context may define.
const TERM_LIMIT: usize = 50_000;

/// A resolved `@context`: expands names to IRIs and compacts IRIs to names.
#[derive(Debug)]
pub struct LdContext {
    source: Value,
    terms: FxHashMap<Box<str>, Name>,
    inverse: FxHashMap<Name, Box<str>>,
    /// (namespace, prefix), longest namespace first.
    prefixes: Vec<(Box<str>, Box<str>)>,
    seen: RwLock<FxHashMap<Box<str>, Name>>,
}

impl LdContext {
    /// The user's context as it is to be returned; `Null` for the core alone.
    #[must_use]
    pub const fn source(&self) -> &Value {
        &self.source
    }

    /// The IRI of a type or attribute name: a mapped term, a prefixed name, an absolute IRI, or
    /// a name in the default vocabulary.
    pub fn expand(&self, name: &str) -> Result<Name, ContextError> {
        if let Some(iri) = self.terms.get(name) {
            return Ok(iri.clone());
        }
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(iri) = seen.get(name) {
            return Ok(iri.clone());
        }
        drop(seen);
        let iri = self.expand_slowly(name)?;
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < SEEN_LIMIT {
            seen.insert(name.into(), iri.clone());
        }
        Ok(iri)
    }

    fn expand_slowly(&self, name: &str) -> Result<Name, ContextError> {
        if let Some((prefix, rest)) = name.split_once(':') {
            if let Some(namespace) = self.terms.get(prefix)
                && !rest.starts_with("//")
            {
                return if is_name(rest) {
                    Ok(intern(&format!("{namespace}{rest}")))
                } else {
                    Err(bad_name(name))
                };
            }
            return if is_uri(name) {
                Ok(intern(name))
            } else {
                Err(bad_name(name))
            };
        }
        if is_name(name) {
            Ok(intern(&format!("{DEFAULT_VOCAB}{name}")))
        } else {
            Err(bad_name(name))
        }
    }

    /// The IRI of a vocabulary value (`vocab`), which may be any text.
    #[must_use]
    pub fn expand_value(&self, text: &str) -> Name {
        self.expand(text).unwrap_or_else(|_| {
            if is_uri(text) {
                intern(text)
            } else {
                intern(&format!("{DEFAULT_VOCAB}{text}"))
            }
        })
    }

    /// The shortest form of a vocabulary value.
    #[must_use]
    pub fn compact_value<'a>(&'a self, iri: &'a str) -> Cow<'a, str> {
        match iri.strip_prefix(DEFAULT_VOCAB) {
            Some(rest) if !self.inverse.contains_key(iri) && !self.terms.contains_key(rest) => {
                Cow::Borrowed(rest)
            }
            _ => self.compact(iri),
        }
    }

    /// The shortest name of `iri` in this context; the IRI itself where there is none.
    #[must_use]
    pub fn compact<'a>(&'a self, iri: &'a str) -> Cow<'a, str> {
        if let Some(term) = self.inverse.get(iri) {
            return Cow::Borrowed(term);
        }
        if let Some(rest) = iri.strip_prefix(DEFAULT_VOCAB)
            && is_name(rest)
            && !self.terms.contains_key(rest)
        {
            return Cow::Borrowed(rest);
        }
        for (namespace, prefix) in &self.prefixes {
            if let Some(rest) = iri.strip_prefix(&**namespace)
                && is_name(rest)
            {
                return Cow::Owned(format!("{prefix}:{rest}"));
            }
        }
        Cow::Borrowed(iri)
    }
}

fn bad_name(name: &str) -> ContextError {
    let shown: String = name.chars().take(80).collect();
    ContextError::data(
        shown,
        "is no valid name: a letter, then letters, digits or _, with an optional prefix, or an absolute IRI",
    )
}

/// Collects term definitions in the order contexts are applied.
#[derive(Default)]
pub(super) struct Builder {
    terms: FxHashMap<Box<str>, (Name, bool)>,
    vocab: Option<String>,
}

impl Builder {
    /// Applies one context object.
    pub(super) fn apply(&mut self, map: &Map<String, Value>) -> Result<(), ContextError> {
        match map.get("@vocab") {
            Some(Value::String(v)) => self.vocab = Some(v.clone()),
            Some(Value::Null) => self.vocab = None,
            Some(_) => return Err(ContextError::data("@context.@vocab", "must be a string")),
            None => {}
        }
        if map.contains_key("@import") {
            return Err(ContextError::data("@context.@import", "is not supported"));
        }
        for name in map.keys() {
            if !name.starts_with('@') {
                self.define(name, map, 0)?;
            }
        }
        if self.terms.len() > TERM_LIMIT {
            return Err(ContextError::TooLarge {
                path: "@context".into(),
                what: format!("has more than {TERM_LIMIT} terms"),
            });
        }
        Ok(())
    }

    fn define(
        &mut self,
        name: &str,
        map: &Map<String, Value>,
        depth: usize,
    ) -> Result<Option<Name>, ContextError> {
        let bad = |what: &str| Err(ContextError::data(format!("@context.{name}"), what));
        if depth > 16 {
            return bad("is defined by itself");
        }
        let (id, simple) = match map.get(name) {
            Some(Value::String(id)) => (Some(id.as_str()), true),
            Some(Value::Object(o)) => {
                if o.contains_key("@context") {
                    return bad("has a scoped context, which NGSI-LD does not allow");
                }
                if o.contains_key("@reverse") {
                    return bad("is a reverse property, which NGSI-LD does not have");
                }
                match o.get("@id") {
                    Some(Value::String(id)) => (
                        Some(id.as_str()),
                        o.get("@prefix") == Some(&Value::Bool(true)),
                    ),
                    Some(Value::Null) => {
                        self.terms.remove(name);
                        return Ok(None);
                    }
                    Some(_) => return bad("has an @id that is no string"),
                    None => (None, false),
                }
            }
            Some(Value::Null) => {
                self.terms.remove(name);
                return Ok(None);
            }
            _ => return bad("must be a string or an object"),
        };
        let iri = match id {
            Some(id) if id.starts_with('@') => return Ok(None), // an alias of a keyword
            Some(id) => self.resolve(id, name, map, depth)?,
            None => match name.split_once(':') {
                Some(_) => self.resolve(name, name, map, depth)?,
                None => self.vocab.as_ref().map(|v| intern(&format!("{v}{name}"))),
            },
        };
        match iri {
            Some(iri) if iri.contains(':') => {
                self.terms.insert(name.into(), (iri.clone(), simple));
                Ok(Some(iri))
            }
            Some(_) => bad("does not expand to an absolute IRI"),
            None => {
                self.terms.remove(name);
                Ok(None)
            }
        }
    }

    /// The IRI an `@id` stands for.
    fn resolve(
        &mut self,
        id: &str,
        of: &str,
        map: &Map<String, Value>,
        depth: usize,
    ) -> Result<Option<Name>, ContextError> {
        if let Some((prefix, rest)) = id.split_once(':') {
            if rest.starts_with("//") || prefix == "_" {
                return Ok(Some(intern(id)));
            }
            let namespace = if prefix != of && map.contains_key(prefix) {
                self.define(prefix, map, depth + 1)?
            } else {
                self.terms.get(prefix).map(|(iri, _)| iri.clone())
            };
            return Ok(Some(match namespace {
                Some(ns) => intern(&format!("{ns}{rest}")),
                None => intern(id),
            }));
        }
        if id != of && map.contains_key(id) {
            return self.define(id, map, depth + 1);
        }
        if let Some((iri, _)) = self.terms.get(id) {
            return Ok(Some(iri.clone()));
        }
        Ok(self.vocab.as_ref().map(|v| intern(&format!("{v}{id}"))))
    }

    /// The finished table.
    pub(super) fn finish(self, source: Value) -> LdContext {
        let mut sorted: Vec<(&Box<str>, &(Name, bool))> = self.terms.iter().collect();
        sorted.sort_by(|a, b| a.0.len().cmp(&b.0.len()).then_with(|| a.0.cmp(b.0)));
        let mut inverse: FxHashMap<Name, Box<str>> = FxHashMap::default();
        let mut prefixes: Vec<(Box<str>, Box<str>)> = Vec::new();
        for (term, (iri, simple)) in sorted {
            inverse.entry(iri.clone()).or_insert_with(|| term.clone());
            if *simple && iri.ends_with([':', '/', '?', '#', '[', ']', '@']) {
                prefixes.push((Box::from(&**iri), term.clone()));
            }
        }
        prefixes.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.1.cmp(&b.1)));
        LdContext {
            source,
            terms: self
                .terms
                .into_iter()
                .map(|(t, (iri, _))| (t, iri))
                .collect(),
            inverse,
            prefixes,
            seen: RwLock::default(),
        }
    }
}
