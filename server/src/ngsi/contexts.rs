//! Hosted contexts (clause 5.13): given to us, served by us, kept over a restart.

use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use conurb_context::{ContextError, ContextInfo, ContextKind, parse_json};
use serde_json::{Value, json};

use super::NgsiState;
use super::answer::{created, no_content, plain};
use super::ask::{Ask, Media};
use super::fail::{Fail, NgsiError};

/// The kind under which the engine keeps hosted contexts in the registry.
const REGISTRY_KIND: &str = "context";

/// The kind of subscriptions there.
const SUBSCRIPTION_KIND: &str = "subscription";

const PATH: &str = "/ngsi-ld/v1/jsonldContexts/";

/// `jsonldContexts` and `jsonldContexts/{id}`.
pub(crate) async fn serve(state: &NgsiState, ask: Ask, id: String) -> Result<Response, Fail> {
    let one = !id.is_empty();
    match (one, ask.method.clone()) {
        (false, Method::POST) => {
            ask.params.only(&[])?;
            state.blocking(move |state| post(state, &ask)).await
        }
        (false, _) => list(state, &ask),
        (true, Method::DELETE) => {
            ask.params.only(&["reload"])?;
            if ask.params.flag("reload")? {
                return Err(Fail::not_yet("reload of a context: nothing is fetched"));
            }
            state.blocking(move |state| delete(state, &id)).await
        }
        (true, _) => get(state, &ask, &id),
    }
}

fn post(state: &NgsiState, ask: &Ask) -> Result<Response, Fail> {
    let node = parse_json(&ask.body)?;
    let context = node
        .get("@context")
        .ok_or_else(|| Fail::data("@context", "is missing"))?
        .to_value();
    let url = host(state, &ask.headers, &context)?;
    let id = url.rsplit('/').next().unwrap_or_default();
    Ok(created(&format!("{PATH}{id}")))
}

/// Hosts `context` under a URL at the host the client spoke to; the same content, the same URL.
pub(crate) fn host(
    state: &NgsiState,
    headers: &HeaderMap,
    context: &Value,
) -> Result<String, Fail> {
    let name = headers
        .get(header::HOST)
        .and_then(|v| v.to_str().ok())
        .filter(|h| {
            h.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-.:[]_".contains(&b))
        })
        .unwrap_or("localhost");
    let id = conurb_base::stream_seed(0, &context.to_string(), REGISTRY_KIND);
    let url = format!("http://{name}{PATH}{id:016x}");
    // what it refers to must be at hand: otherwise it could not be used
    state.engine.contexts().resolve(context)?;
    state
        .engine
        .host_context(&url, &json!({ "@context": context }))?;
    Ok(url)
}

fn find(state: &NgsiState, id: &str) -> Result<ContextInfo, Fail> {
    let tail = format!("{PATH}{id}");
    state
        .engine
        .contexts()
        .list()
        .into_iter()
        .find(|c| c.url == id || c.url.ends_with(&tail))
        .ok_or_else(|| {
            ContextError::NotFound {
                what: format!("the context {id}"),
            }
            .into()
        })
}

fn get(state: &NgsiState, ask: &Ask, id: &str) -> Result<Response, Fail> {
    ask.params.only(&["details"])?;
    let info = find(state, id)?;
    if ask.params.flag("details")? {
        return Ok(plain(StatusCode::OK, &details(&info)));
    }
    if info.kind == ContextKind::Cached {
        return Err(ContextError::NotImplemented {
            what: format!("serving {id}, a context of others,"),
        }
        .into());
    }
    // whatever the client accepts: a context is one document (clause 6.30.3.1)
    ask.accept(&[Media::Ld, Media::Json])?;
    Ok(plain(StatusCode::OK, &json!({ "@context": *info.content })))
}

fn details(info: &ContextInfo) -> Value {
    let kind = match info.kind {
        ContextKind::Hosted => "Hosted",
        ContextKind::ImplicitlyCreated => "ImplicitlyCreated",
        ContextKind::Cached => "Cached",
    };
    let local = info.url.rsplit_once(PATH).map_or(&*info.url, |(_, id)| id);
    json!({ "URL": info.url, "localId": local, "kind": kind })
}

fn list(state: &NgsiState, ask: &Ask) -> Result<Response, Fail> {
    ask.params.only(&["details", "kind"])?;
    let full = ask.params.flag("details")?;
    let wanted = ask.params.get("kind");
    if wanted.is_some_and(|k| !matches!(k, "Cached" | "Hosted" | "ImplicitlyCreated")) {
        return Err(Fail::request("kind: Cached, Hosted or ImplicitlyCreated"));
    }
    let items: Vec<Value> = state
        .engine
        .contexts()
        .list()
        .iter()
        .map(|info| (info, details(info)))
        .filter(|(_, d)| wanted.is_none_or(|k| d["kind"] == k))
        .map(|(info, d)| if full { d } else { json!(info.url) })
        .collect();
    Ok(plain(StatusCode::OK, &Value::Array(items)))
}

fn delete(state: &NgsiState, id: &str) -> Result<Response, Fail> {
    if id.starts_with("https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context") {
        return Err(Fail::data("id", "the core context cannot be deleted"));
    }
    let info = find(state, id)?;
    let registry = &state.engine.stores().registry;
    // what refers to it could not be read back after a restart
    let quoted = Value::from(info.url.as_str()).to_string();
    for kind in [SUBSCRIPTION_KIND, REGISTRY_KIND] {
        let users = registry.list(kind).map_err(ContextError::from)?;
        if let Some((user, _)) = users
            .into_iter()
            .find(|(user, text)| *user != info.url && text.contains(&quoted))
        {
            return Err(NgsiError::InUse {
                url: info.url,
                by: user,
            }
            .into());
        }
    }
    registry
        .delete(REGISTRY_KIND, &info.url)
        .map_err(ContextError::from)?;
    state.engine.contexts().remove(&info.url);
    Ok(no_content())
}
