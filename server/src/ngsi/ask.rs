//! A request as the handlers see it: parameters, media types, the context of its names.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, header};
use conurb_context::{ContextEngine, LdContext, Node};
use serde_json::Value;

use super::fail::{Fail, NgsiError};

/// The relation a Link header names a context with (clause 6.3.5).
pub(crate) const CONTEXT_REL: &str = "http://www.w3.org/ns/json-ld#context";

const CORE_STEM: &str = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context";

/// A representation we read or write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    /// `application/json`
    Json,
    /// `application/ld+json`
    Ld,
    /// `application/geo+json`
    Geo,
}

impl Media {
    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ld => "application/ld+json",
            Self::Geo => "application/geo+json",
        }
    }
}

/// One request, its body read.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// The path as it came.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) params: Params,
    pub(crate) body: Bytes,
    /// Whether the body is JSON-LD.
    pub(crate) ld: bool,
}

impl Ask {
    /// The representation the client likes best among `offers` (best first at equal weight).
    pub(crate) fn accept(&self, offers: &[Media]) -> Result<Media, Fail> {
        let ranges: Vec<(String, f32)> = self
            .headers
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .filter_map(media_range)
            .collect();
        if ranges.is_empty() {
            return Ok(offers[0]);
        }
        let mut best: Option<(Media, f32)> = None;
        for offer in offers {
            let weight = ["*/*", "application/*", offer.name()]
                .iter()
                .filter_map(|like| ranges.iter().find(|(r, _)| r == like))
                .next_back()
                .map_or(0.0, |(_, q)| *q);
            if weight > best.map_or(0.0, |(_, w)| w) {
                best = Some((*offer, weight));
            }
        }
        best.map(|(m, _)| m).ok_or_else(|| {
            let names: Vec<&str> = offers.iter().map(|m| m.name()).collect();
            NgsiError::NotAcceptable {
                offers: names.join(", "),
            }
            .into()
        })
    }

    /// The context of the Link header, or the core.
    pub(crate) fn link_context(&self, engine: &ContextEngine) -> Result<Arc<LdContext>, Fail> {
        match link_of(&self.headers)? {
            Some(url) => Ok(engine
                .contexts()
                .resolve(&without_core(Value::String(url)))?),
            None => Ok(engine.contexts().core()),
        }
    }

    /// The context a body's names are in, by the rules of clause 6.3.5.
    pub(crate) fn body_context(
        &self,
        engine: &ContextEngine,
        node: &Node<'_>,
    ) -> Result<Arc<LdContext>, Fail> {
        let inside = node.get("@context");
        if !self.ld {
            if inside.is_some() {
                return Err(Fail::data(
                    "@context",
                    "goes into the Link header with application/json; send application/ld+json to have it in the body",
                ));
            }
            return self.link_context(engine);
        }
        if link_of(&self.headers)?.is_some() {
            return Err(Fail::data(
                "Link",
                "application/ld+json carries its context in the body only",
            ));
        }
        let context =
            inside.ok_or_else(|| Fail::data("@context", "is missing in application/ld+json"))?;
        Ok(engine
            .contexts()
            .resolve(&without_core(context.to_value()))?)
    }
}

/// A context without the core, which is part of every one: `Null` where nothing else is named.
pub(crate) fn without_core(context: Value) -> Value {
    match context {
        Value::String(url) if url.starts_with(CORE_STEM) => Value::Null,
        Value::Array(items) => {
            let mut kept: Vec<Value> = items
                .into_iter()
                .filter(|i| !i.as_str().is_some_and(|u| u.starts_with(CORE_STEM)))
                .collect();
            match kept.len() {
                0 => Value::Null,
                1 => kept.remove(0),
                _ => Value::Array(kept),
            }
        }
        other => other,
    }
}

fn media_range(text: &str) -> Option<(String, f32)> {
    let mut parts = text.split(';');
    let name = parts.next()?.trim().to_ascii_lowercase();
    let q = parts
        .find_map(|p| p.trim().strip_prefix("q=")?.parse::<f32>().ok())
        .unwrap_or(1.0);
    (!name.is_empty()).then_some((name, q.clamp(0.0, 1.0)))
}

/// The context URL among the Link headers.
fn link_of(headers: &HeaderMap) -> Result<Option<String>, Fail> {
    let mut found = None;
    for value in headers.get_all(header::LINK) {
        let text = value
            .to_str()
            .map_err(|_| Fail::request("the Link header is no text"))?;
        // a link is <target>; parameters, and targets may hold commas
        for part in text.split('<').skip(1) {
            let Some((target, parameters)) = part.split_once('>') else {
                return Err(Fail::request("the Link header is malformed"));
            };
            let rel = parameters
                .split(';')
                .filter_map(|p| p.trim().trim_end_matches(',').trim().strip_prefix("rel="))
                .map(|r| r.trim_matches('"'))
                .next();
            if rel.is_some_and(|r| r.split_ascii_whitespace().any(|r| r == CONTEXT_REL))
                && found.replace(target.to_owned()).is_some()
            {
                return Err(Fail::request("the Link header names two contexts"));
            }
        }
    }
    Ok(found)
}

/// The query parameters.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pub(crate) all: Vec<(String, String)>,
    /// As they came, for paging links.
    pub(crate) raw: String,
}

/// Parameters the standard has and this surface lacks, wherever they stand.
const MISSING: [&str; 11] = [
    "csf",
    "orderBy",
    "collation",
    "orderFrom",
    "orderGeometry",
    "containedBy",
    "expandValues",
    "jsonKeys",
    "entityMap",
    "entityMapLifetime",
    "aggrPeriodDuration",
];

impl Params {
    /// Reads the query of a URI; a name given twice is an error.
    pub(crate) fn read(raw: &str) -> Result<Self, Fail> {
        let mut all: Vec<(String, String)> = Vec::new();
        for pair in raw.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(&name.replace('+', " "))?;
            let value = decode(&value.replace('+', " "))?;
            if all.iter().any(|(n, _)| *n == name) {
                return Err(Fail::request(format!(
                    "the parameter {name} is given twice"
                )));
            }
            all.push((name, value));
        }
        Ok(Self {
            all,
            raw: raw.to_owned(),
        })
    }

    /// Refuses names outside `known`; `local` is always fine, as nothing is distributed.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Fail> {
        for (name, value) in &self.all {
            let name = name.as_str();
            if known.contains(&name) || name == "local" {
                continue;
            }
            match name {
                "join" if value == "@none" => {}
                "splitEntities" | "entityMap" if value == "false" => {}
                "join" | "joinLevel" | "splitEntities" => {
                    return Err(Fail::not_yet(format!("the parameter {name}")));
                }
                _ if MISSING.contains(&name) => {
                    return Err(Fail::not_yet(format!("the parameter {name}")));
                }
                _ => {
                    return Err(Fail::request(format!(
                        "the parameter {name} is unknown here"
                    )));
                }
            }
        }
        Ok(())
    }

    /// The text of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// The same, owned.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// `true` or `false`; absent is false.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Fail> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Fail::request(format!(
                "{name}={other}: true or false is needed"
            ))),
        }
    }

    /// A whole number of 0 or more.
    pub(crate) fn number(&self, name: &str) -> Result<Option<usize>, Fail> {
        self.get(name)
            .map(|text| {
                text.parse()
                    .map_err(|_| Fail::request(format!("{name}={text}: a whole number is needed")))
            })
            .transpose()
    }

    /// The words of `options`, each one of `known`.
    pub(crate) fn options(&self, known: &[&str]) -> Result<Vec<&str>, Fail> {
        let words: Vec<&str> = self
            .get("options")
            .map(|t| t.split(',').map(str::trim).collect())
            .unwrap_or_default();
        match words.iter().find(|w| !known.contains(w)) {
            Some(word) => Err(Fail::request(format!(
                "options={word} is unknown here; there are {}",
                known.join(", ")
            ))),
            None => Ok(words),
        }
    }
}

/// Percent-decodes one part of a URI.
pub(crate) fn decode(text: &str) -> Result<String, Fail> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let bad = || Fail::request(format!("{text:?} is not percent-encoded UTF-8"));
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] == b'%' {
            let digits = bytes.get(i + 1..i + 3).ok_or_else(bad)?;
            let digit = |d: u8| (d as char).to_digit(16).ok_or_else(bad);
            let value = digit(digits[0])? * 16 + digit(digits[1])?;
            out.push(u8::try_from(value).expect("two hexadecimal digits are one byte"));
            i += 3;
        } else {
            out.push(bytes[i]);
            i += 1;
        }
    }
    String::from_utf8(out).map_err(|_| bad())
}

/// Percent-encodes one path segment: what is neither unreserved nor `:`.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~:".contains(&b) {
            out.push(b as char);
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}
