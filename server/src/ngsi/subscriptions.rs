//! Subscriptions (clause 5.8): create, read, change, delete. Sending is `notify`'s.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use conurb_context::{LdContext, parse_json};
use serde_json::Value;

use super::NgsiState;
use super::answer::{Paging, created, document, no_content, paged};
use super::ask::{Ask, Media, encode};
use super::contexts::host;
use super::fail::Fail;

const DEFAULT_LIMIT: usize = 20;

/// `subscriptions` and `subscriptions/{id}`. All but the reads are durable, so off the reactor.
pub(crate) async fn serve(state: &NgsiState, ask: Ask, id: String) -> Result<Response, Fail> {
    let one = !id.is_empty();
    match (one, ask.method.clone()) {
        (false, Method::POST) => state.blocking(move |state| create(state, &ask)).await,
        (false, _) => list(state, &ask),
        (true, Method::PATCH) => state.blocking(move |state| update(state, &ask, &id)).await,
        (true, Method::DELETE) => {
            ask.params.only(&[])?;
            state
                .blocking(move |state| {
                    state.notifier.delete(&id)?;
                    Ok(no_content())
                })
                .await
        }
        (true, _) => {
            ask.params.only(&[])?;
            let media = ask.accept(&[Media::Json, Media::Ld])?;
            let ctx = ask.link_context(&state.engine)?;
            let body = state.notifier.subscriptions().get(&id)?;
            Ok(document(&ask, StatusCode::OK, media, &ctx, body))
        }
    }
}

fn create(state: &NgsiState, ask: &Ask) -> Result<Response, Fail> {
    ask.params.only(&[])?;
    let node = parse_json(&ask.body)?;
    let ctx = ask.body_context(&state.engine, &node)?;
    let document = node.to_value();
    let ctx = linkable(state, ask, &document, ctx)?;
    let id = state.notifier.create(&document, &ctx)?;
    Ok(created(&format!(
        "/ngsi-ld/v1/subscriptions/{}",
        encode(&id)
    )))
}

/// A context notifications in plain JSON can link to: one without a URL of its own is hosted here
/// (clause 5.13.1, implicitly created).
fn linkable(
    state: &NgsiState,
    ask: &Ask,
    document: &Value,
    ctx: Arc<LdContext>,
) -> Result<Arc<LdContext>, Fail> {
    let inside =
        document.pointer("/notification/endpoint/accept") == Some(&Value::from(Media::Ld.name()));
    match ctx.source() {
        Value::Array(_) | Value::Object(_) if !inside => {
            let url = host(state, &ask.headers, ctx.source())?;
            Ok(state.engine.contexts().resolve_url(&url)?)
        }
        _ => Ok(ctx),
    }
}

fn update(state: &NgsiState, ask: &Ask, id: &str) -> Result<Response, Fail> {
    ask.params.only(&[])?;
    let node = parse_json(&ask.body)?;
    let ctx = ask.body_context(&state.engine, &node)?;
    let patch = node.to_value();
    let ctx = linkable(state, ask, &patch, ctx)?;
    state.notifier.update(id, &patch, &ctx)?;
    Ok(no_content())
}

fn list(state: &NgsiState, ask: &Ask) -> Result<Response, Fail> {
    ask.params.only(&["limit", "offset", "count"])?;
    let media = ask.accept(&[Media::Json, Media::Ld])?;
    let ctx = ask.link_context(&state.engine)?;
    let limit = ask.params.number("limit")?.unwrap_or(DEFAULT_LIMIT);
    let offset = ask.params.number("offset")?.unwrap_or(0);
    let count = ask.params.flag("count")?;
    let most = state.engine.limits().page;
    if limit > most {
        return Err(Fail::request(format!(
            "limit is {limit}, at most {most} are given"
        )));
    }
    if limit == 0 && !count {
        return Err(Fail::request("limit=0 goes with count=true only"));
    }
    let all = state.notifier.subscriptions().list();
    let total = all.len();
    let page: Vec<Value> = all.into_iter().skip(offset).take(limit).collect();
    let paging = Paging {
        offset,
        limit,
        more: offset.saturating_add(limit) < total,
        total: count.then_some(total),
    };
    let response = document(ask, StatusCode::OK, media, &ctx, Value::Array(page));
    Ok(paged(response, ask, media, paging))
}
