//! Writes of one entity and its attributes (clauses 5.6.1 to 5.6.6, 5.6.17 to 5.6.19).

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use axum::response::Response;
use conurb_base::TimeMs;
use conurb_context::{
    AttributePatch, ContextError, Entity, LdContext, MergePatch, Name, Node, OpOutcome, Reader,
    TypeSelection, Which, WriteOp, parse_json,
};
use serde_json::{Value, json};

use super::NgsiState;
use super::answer::{created, no_content, plain};
use super::ask::{Ask, encode};
use super::fail::Fail;

/// The name of `scope`, which may be deleted like an attribute.
const SCOPE: &str = "https://uri.etsi.org/ngsi-ld/scope";

/// POST `entities`.
pub(crate) async fn create(state: &NgsiState, ask: &Ask) -> Result<Response, Fail> {
    ask.params.only(&[])?;
    let node = parse_json(&ask.body)?;
    let ctx = ask.body_context(&state.engine, &node)?;
    let entity = state.engine.reader(&ctx).entity(&node)?;
    let location = format!("/ngsi-ld/v1/entities/{}", encode(&entity.id));
    state
        .write_one(WriteOp::Create(entity), ask.body.len())
        .await?;
    Ok(created(&location))
}

/// Refuses with 404 unless the entity is of the type the request selects.
fn selected(state: &NgsiState, ask: &Ask, id: &str) -> Result<(), Fail> {
    if let Some(text) = ask.params.get("type") {
        let ctx = ask.link_context(&state.engine)?;
        let types = TypeSelection::parse(text, &ctx)?;
        state.engine.retrieve(id, Some(&types))?;
    }
    Ok(())
}

/// PUT, PATCH, DELETE `entities/{id}`.
pub(crate) async fn entity(state: &NgsiState, ask: &Ask, id: &str) -> Result<Response, Fail> {
    match ask.method {
        Method::PATCH => ask
            .params
            .only(&["type", "options", "format", "observedAt", "lang"])?,
        _ => ask.params.only(&["type"])?,
    }
    selected(state, ask, id)?;
    if ask.method == Method::DELETE {
        let op = WriteOp::Delete { id: Arc::from(id) };
        state.write_one(op, id.len()).await?;
        return Ok(no_content());
    }
    let node = parse_json(&ask.body)?;
    let ctx = ask.body_context(&state.engine, &node)?;
    let op = if ask.method == Method::PUT {
        WriteOp::Replace(replacement(state, &ctx, &node, id)?)
    } else {
        WriteOp::Merge(MergeHow::read(ask)?.patch(state.engine.reader(&ctx), &node, Some(id))?)
    };
    state.write_one(op, ask.body.len()).await?;
    Ok(no_content())
}

/// The entity a PUT sets; id and type may be left out, then they stay.
fn replacement(
    state: &NgsiState,
    ctx: &Arc<LdContext>,
    node: &Node<'_>,
    id: &str,
) -> Result<Entity, Fail> {
    let fragment = state.engine.reader(ctx).fragment(node, Some(id), false)?;
    let mut entity = fragment.entity;
    if entity.types.is_empty() {
        entity
            .types
            .clone_from(&state.engine.retrieve(id, None)?.types);
    }
    Ok(entity)
}

/// What the parameters of a merge add to its body (clause 6.5.3.4).
#[derive(Debug, Default)]
pub(crate) struct MergeHow {
    simplified: bool,
    lang: Option<String>,
    observed_at: Option<TimeMs>,
}

impl MergeHow {
    /// Reads `options`, `format`, `lang`, `observedAt`.
    pub(crate) fn read(ask: &Ask) -> Result<Self, Fail> {
        let options = ask
            .params
            .options(&["simplified", "keyValues", "concise", "normalized"])?;
        let simplified = match ask.params.get("format").or_else(|| options.last().copied()) {
            Some("simplified" | "keyValues") => true,
            None | Some("normalized" | "concise") => false,
            Some(other) => {
                return Err(Fail::request(format!("format={other} is unknown here")));
            }
        };
        let observed_at = ask
            .params
            .get("observedAt")
            .map(|t| {
                TimeMs::from_iso(t)
                    .map_err(|_| Fail::request(format!("observedAt={t} is no ISO 8601 instant")))
            })
            .transpose()?;
        Ok(Self {
            simplified,
            lang: ask.params.text("lang"),
            observed_at,
        })
    }

    /// The patch a document says.
    pub(crate) fn patch(
        &self,
        reader: Reader<'_>,
        node: &Node<'_>,
        id: Option<&str>,
    ) -> Result<MergePatch, ContextError> {
        let reader = if self.simplified {
            reader.simplified()
        } else {
            reader
        };
        let mut patch = reader.merge_patch(node, id)?;
        patch.lang.clone_from(&self.lang);
        patch.observed_at = self.observed_at;
        Ok(patch)
    }
}

/// POST and PATCH `entities/{id}/attrs`.
pub(crate) async fn attrs(state: &NgsiState, ask: &Ask, id: &str) -> Result<Response, Fail> {
    let append = ask.method == Method::POST;
    ask.params.only(if append {
        &["type", "options"]
    } else {
        &["type"]
    })?;
    let no_overwrite = !ask.params.options(&["noOverwrite"])?.is_empty();
    selected(state, ask, id)?;
    let node = parse_json(&ask.body)?;
    let ctx = ask.body_context(&state.engine, &node)?;
    let fragment = state
        .engine
        .reader(&ctx)
        .fragment(&node, Some(id), !append)?;
    let op = if append {
        WriteOp::Append {
            fragment,
            no_overwrite,
        }
    } else {
        WriteOp::Update(fragment)
    };
    let outcome = state.write_one(op, ask.body.len()).await?;
    Ok(update_result(outcome))
}

/// 204, or 207 with an `UpdateResult` where something was left; names in full.
fn update_result(outcome: OpOutcome) -> Response {
    match outcome {
        OpOutcome::Updated {
            updated,
            not_updated,
        } if !not_updated.is_empty() => {
            let left: Vec<Value> = not_updated
                .iter()
                .map(|(name, why)| json!({ "attributeName": &**name, "reason": why }))
                .collect();
            let updated: Vec<&str> = updated.iter().map(|n| &**n).collect();
            plain(
                StatusCode::MULTI_STATUS,
                &json!({ "updated": updated, "notUpdated": left }),
            )
        }
        _ => no_content(),
    }
}

/// PATCH, PUT, DELETE `entities/{id}/attrs/{attr}`.
pub(crate) async fn attr(
    state: &NgsiState,
    ask: &Ask,
    id: &str,
    name: &str,
) -> Result<Response, Fail> {
    if ask.method == Method::DELETE {
        return delete_attr(state, ask, id, name).await;
    }
    ask.params.only(&["type"])?;
    if name == "scope" {
        return Err(Fail::data(
            "scope",
            "is no attribute and is set through the entity",
        ));
    }
    selected(state, ask, id)?;
    let node = parse_json(&ask.body)?;
    let ctx = ask.body_context(&state.engine, &node)?;
    let reader = state.engine.reader(&ctx);
    let expanded = reader.attribute_name(name)?;
    let op = if ask.method == Method::PUT {
        WriteOp::ReplaceAttribute {
            id: Arc::from(id),
            attribute: reader.attribute(name, &bare(&node))?,
            name: expanded,
        }
    } else {
        WriteOp::PartialAttribute {
            id: Arc::from(id),
            patch: partial(&reader, name, &node)?,
            name: expanded,
        }
    };
    state.write_one(op, ask.body.len()).await?;
    Ok(no_content())
}

/// The members a PATCH of one attribute brings; its own `@context` is no member.
fn partial(reader: &Reader<'_>, name: &str, node: &Node<'_>) -> Result<AttributePatch, Fail> {
    Ok(reader.partial(name, &bare(node))?)
}

/// The document without its `@context`, which the reader of attributes does not expect.
fn bare<'n>(node: &Node<'n>) -> Node<'n> {
    match node {
        Node::Object(members) => Node::Object(
            members
                .iter()
                .filter(|(n, _)| n != "@context")
                .cloned()
                .collect(),
        ),
        other => other.clone(),
    }
}

async fn delete_attr(state: &NgsiState, ask: &Ask, id: &str, name: &str) -> Result<Response, Fail> {
    ask.params.only(&["type", "deleteAll", "datasetId"])?;
    selected(state, ask, id)?;
    let ctx = ask.link_context(&state.engine)?;
    let name: Name = if name == "scope" {
        conurb_context::intern(SCOPE)
    } else {
        state.engine.reader(&ctx).attribute_name(name)?
    };
    let which = match (ask.params.flag("deleteAll")?, ask.params.get("datasetId")) {
        (true, None) => Which::All,
        (false, Some("@none") | None) => Which::Default,
        (false, Some(d)) => Which::Dataset(Arc::from(d)),
        (true, Some(_)) => {
            return Err(Fail::request("deleteAll and datasetId exclude each other"));
        }
    };
    let op = WriteOp::DeleteAttribute {
        id: Arc::from(id),
        name,
        which,
    };
    state.write_one(op, 64).await?;
    Ok(no_content())
}
