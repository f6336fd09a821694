//! Which resource a path names, which methods it has, who answers (clause 6.4 to 6.30).

use axum::http::Method;
use axum::response::Response;

use super::ask::{Ask, decode};
use super::fail::{Fail, NgsiError};
use super::{NgsiState, batch, contexts, entities, read, subscriptions, temporal};

/// A resource of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resource {
    /// `entities`
    Entities,
    /// `entities/{id}`
    Entity,
    /// `entities/{id}/attrs`
    Attrs,
    /// `entities/{id}/attrs/{attr}`
    Attr,
    /// `entityOperations/{name}`
    Batch(batch::Kind),
    /// `entityOperations/query`
    BatchQuery,
    /// `temporal/entities`
    TemporalEntities,
    /// `temporal/entities/{id}`
    TemporalEntity,
    /// `subscriptions`
    Subscriptions,
    /// `subscriptions/{id}`
    Subscription,
    /// `jsonldContexts`
    Contexts,
    /// `jsonldContexts/{id}`
    Context,
    /// Known to the standard, with its methods; not there yet.
    Missing(&'static str),
}

const ROOT: &str = "/ngsi-ld/v1";

/// The resource of a path (a trailing slash is fine), and the names in it, decoded.
pub(crate) fn find(path: &str) -> Result<(Resource, Vec<String>), Fail> {
    let rest = path.strip_prefix(ROOT).unwrap_or(path);
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let parts: Vec<&str> = rest.split('/').collect();
    let (resource, names): (Resource, &[&str]) = match parts.as_slice() {
        ["entities"] => (Resource::Entities, &[]),
        ["entities", id] => (Resource::Entity, &[id]),
        ["entities", id, "attrs"] => (Resource::Attrs, &[id]),
        ["entities", id, "attrs", attr] => (Resource::Attr, &[id, attr]),
        ["entities", _, "attrs", _, "value"] => (Resource::Missing("GET, PUT"), &[]),
        ["entityOperations", "query"] => (Resource::BatchQuery, &[]),
        ["entityOperations", name] => match batch::Kind::from_name(name) {
            Some(kind) => (Resource::Batch(kind), &[]),
            None => return Err(no_resource(path)),
        },
        ["temporal", "entities"] => (Resource::TemporalEntities, &[]),
        ["temporal", "entities", id] => (Resource::TemporalEntity, &[id]),
        ["temporal", "entities", _, "attrs"] => (Resource::Missing("POST"), &[]),
        ["temporal", "entities", _, "attrs", _] => (Resource::Missing("DELETE"), &[]),
        ["temporal", "entities", _, "attrs", _, _] => (Resource::Missing("PATCH, DELETE"), &[]),
        ["temporal", "entityOperations", "query"] => (Resource::Missing("POST"), &[]),
        ["subscriptions"] => (Resource::Subscriptions, &[]),
        ["subscriptions", id] => (Resource::Subscription, &[id]),
        ["jsonldContexts"] => (Resource::Contexts, &[]),
        ["jsonldContexts", id] => (Resource::Context, &[id]),
        ["types" | "attributes"] | ["types" | "attributes", _] | ["info", "sourceIdentity"] => {
            (Resource::Missing("GET"), &[])
        }
        ["csourceRegistrations" | "csourceSubscriptions"] => (Resource::Missing("GET, POST"), &[]),
        ["csourceRegistrations" | "csourceSubscriptions", _] => {
            (Resource::Missing("GET, PATCH, DELETE"), &[])
        }
        ["entityMaps"] | ["temporal", "entityMaps"] => (Resource::Missing("GET, POST"), &[]),
        ["entityMaps", _] => (Resource::Missing("GET, PATCH, DELETE"), &[]),
        ["snapshots"] => (Resource::Missing("POST, DELETE"), &[]),
        ["snapshots", _] => (Resource::Missing("GET, PATCH, DELETE"), &[]),
        ["snapshots", _, "clone"] => (Resource::Missing("POST"), &[]),
        _ => return Err(no_resource(path)),
    };
    let names = names
        .iter()
        .map(|n| decode(n))
        .collect::<Result<Vec<_>, _>>()?;
    if names.iter().any(String::is_empty) {
        return Err(no_resource(path));
    }
    Ok((resource, names))
}

fn no_resource(path: &str) -> Fail {
    let path = path.chars().take(200).collect();
    NgsiError::NoResource { path }.into()
}

/// Refuses a method the standard does not give the resource (405), or one it gives and we lack
/// (501).
pub(crate) fn allowed(resource: Resource, method: &Method, path: &str) -> Result<(), Fail> {
    let (allow, lacks): (&str, &[Method]) = match resource {
        Resource::Entities => ("GET, POST, DELETE", &[Method::DELETE]),
        Resource::Entity => ("GET, PUT, PATCH, DELETE", &[]),
        Resource::Attrs => ("POST, PATCH", &[]),
        Resource::Attr => ("PUT, PATCH, DELETE", &[]),
        Resource::Batch(_) | Resource::BatchQuery => ("POST", &[]),
        Resource::TemporalEntities => ("GET, POST", &[Method::POST]),
        Resource::TemporalEntity => ("GET, DELETE", &[]),
        Resource::Subscriptions | Resource::Contexts => ("GET, POST", &[]),
        Resource::Subscription => ("GET, PATCH, DELETE", &[]),
        Resource::Context => ("GET, DELETE", &[]),
        Resource::Missing(allow) => (allow, &[]),
    };
    let path: String = path.chars().take(200).collect();
    if !allow.split(", ").any(|m| m == method.as_str()) {
        return Err(NgsiError::Method {
            path,
            method: method.to_string(),
            allow: allow.to_owned(),
        }
        .into());
    }
    if lacks.contains(method) || matches!(resource, Resource::Missing(_)) {
        return Err(Fail::not_yet(format!("{method} {path}")));
    }
    Ok(())
}

/// Whether a POST there would create its tenant (clause 4.14).
pub(crate) fn makes_tenants(resource: Resource) -> bool {
    matches!(
        resource,
        Resource::Entities
            | Resource::Batch(batch::Kind::Create | batch::Kind::Upsert)
            | Resource::Subscriptions
    )
}

/// Hands the request to who answers it.
pub(crate) async fn serve(
    state: &NgsiState,
    ask: Ask,
    (resource, mut names): (Resource, Vec<String>),
) -> Result<Response, Fail> {
    let second = if names.len() > 1 { names.pop() } else { None };
    let first = names.pop().unwrap_or_default();
    match resource {
        Resource::Entities if ask.method == Method::POST => entities::create(state, &ask).await,
        Resource::Entities => read::query(state, ask).await,
        Resource::Entity if ask.method == Method::GET => read::retrieve(state, &ask, &first),
        Resource::Entity => entities::entity(state, &ask, &first).await,
        Resource::Attrs => entities::attrs(state, &ask, &first).await,
        Resource::Attr => entities::attr(state, &ask, &first, &second.unwrap_or_default()).await,
        Resource::Batch(kind) => batch::run(state, &ask, kind).await,
        Resource::BatchQuery => read::post_query(state, ask).await,
        Resource::TemporalEntities => temporal::query(state, ask).await,
        Resource::TemporalEntity if ask.method == Method::GET => {
            temporal::retrieve(state, ask, first).await
        }
        Resource::TemporalEntity => temporal::delete(state, first).await,
        Resource::Subscriptions | Resource::Subscription => {
            subscriptions::serve(state, ask, first).await
        }
        Resource::Contexts | Resource::Context => contexts::serve(state, ask, first).await,
        Resource::Missing(_) => Err(Fail::not_yet(ask.path)),
    }
}
