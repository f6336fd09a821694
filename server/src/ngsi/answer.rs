//! Answers: status, media type, context, paging links.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use conurb_context::{CORE_CONTEXT_URL, LdContext};
use serde_json::{Value, json};

use super::ask::{Ask, CONTEXT_REL, Media};

/// The header with the total of a query (clause 6.3.13).
pub(crate) const RESULTS_COUNT: &str = "ngsild-results-count";

/// 204 without a body.
pub(crate) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// 201 with a Location.
pub(crate) fn created(location: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::CREATED;
    set(&mut response, header::LOCATION, location);
    response
}

/// `body` as plain JSON, without a context: lists of ids, 207, API documents.
pub(crate) fn plain(status: StatusCode, body: &Value) -> Response {
    bytes(
        status,
        Media::Json.name(),
        serde_json::to_vec(body).expect("JSON values always serialise"),
    )
}

fn bytes(status: StatusCode, media: &str, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, media);
    response
}

/// Sets a header; text that is no header value is left out.
pub(crate) fn set(response: &mut Response, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(name, value);
    }
}

fn append(response: &mut Response, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().append(header::LINK, value);
    }
}

/// The Link header value of a context; none where it has no URL.
pub(crate) fn context_link(source: &Value) -> Option<String> {
    let url = match source {
        Value::Null => CORE_CONTEXT_URL,
        Value::String(url) => url,
        _ => return None,
    };
    Some(format!(
        "<{url}>; rel=\"{CONTEXT_REL}\"; type=\"application/ld+json\""
    ))
}

/// `body` in the names of `ctx`: its context goes into the Link header of JSON, into every
/// document of JSON-LD, and into GeoJSON unless `Prefer: body=json` asks for the header.
pub(crate) fn document(
    ask: &Ask,
    status: StatusCode,
    media: Media,
    ctx: &LdContext,
    mut body: Value,
) -> Response {
    let prefers_link = ask
        .headers
        .get("prefer")
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.split(',').any(|p| p.trim() == "body=json"));
    let inside = media == Media::Ld || (media == Media::Geo && !prefers_link);
    if inside {
        let context = match ctx.source() {
            Value::Null => json!(CORE_CONTEXT_URL),
            other => other.clone(),
        };
        let put = |v: &mut Value| {
            if let Value::Object(map) = v {
                map.insert("@context".into(), context.clone());
            }
        };
        match &mut body {
            Value::Array(items) => items.iter_mut().for_each(put),
            one => put(one),
        }
    }
    let mut response = bytes(
        status,
        media.name(),
        serde_json::to_vec(&body).expect("JSON values always serialise"),
    );
    if !inside && let Some(link) = context_link(ctx.source()) {
        append(&mut response, &link);
    }
    response
}

/// A page of a list: where it starts, how long it may be, what follows, how many there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging {
    pub(crate) offset: usize,
    pub(crate) limit: usize,
    pub(crate) more: bool,
    pub(crate) total: Option<usize>,
}

/// Adds the paging headers (clause 6.3.10, 6.3.13).
pub(crate) fn paged(mut response: Response, ask: &Ask, media: Media, page: Paging) -> Response {
    let others: Vec<&str> = ask
        .params
        .raw
        .split('&')
        .filter(|p| !p.is_empty() && !p.starts_with("offset=") && !p.starts_with("limit="))
        .collect();
    let link = |offset: usize, rel: &str| {
        let mut query = others.join("&");
        if !query.is_empty() {
            query.push('&');
        }
        format!(
            "<{}?{query}limit={}&offset={offset}>; rel=\"{rel}\"; type=\"{}\"",
            ask.path,
            page.limit,
            media.name()
        )
    };
    if page.limit > 0 {
        if page.offset > 0 {
            append(
                &mut response,
                &link(page.offset.saturating_sub(page.limit), "prev"),
            );
        }
        if page.more {
            append(&mut response, &link(page.offset + page.limit, "next"));
        }
    }
    if let Some(total) = page.total {
        set(
            &mut response,
            HeaderName::from_static(RESULTS_COUNT),
            &total.to_string(),
        );
    }
    response
}
