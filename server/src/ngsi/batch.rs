//! Batches (clauses 5.6.7 to 5.6.10, 5.6.20): one parse, one write, one commit per request. This
//! is the intake path of other brokers and gateways, so nothing is built that is not sent.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use conurb_context::{ContextError, LdContext, Node, OpOutcome, UpsertMode, WriteOp, parse_json};
use serde_json::{Value, json};

use super::NgsiState;
use super::answer::{no_content, plain};
use super::ask::{Ask, without_core};
use super::entities::MergeHow;
use super::fail::{Fail, problem_of};

/// Which batch operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Entities that must be new.
    Create,
    /// Entities, new or not.
    Upsert,
    /// Attributes appended to entities that exist.
    Update,
    /// Merge patches of entities that exist.
    Merge,
    /// Ids.
    Delete,
}

impl Kind {
    /// The operation of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "create" => Self::Create,
            "upsert" => Self::Upsert,
            "update" => Self::Update,
            "merge" => Self::Merge,
            "delete" => Self::Delete,
            _ => return None,
        })
    }
}

/// How one operation reads its elements.
struct Plan<'a> {
    state: &'a NgsiState,
    ask: &'a Ask,
    kind: Kind,
    mode: UpsertMode,
    no_overwrite: bool,
    merge: MergeHow,
}

/// What one element says it is, for the answer; shares its text with the operation.
type Id = Arc<str>;

/// Runs a batch operation.
pub(crate) async fn run(state: &NgsiState, ask: &Ask, kind: Kind) -> Result<Response, Fail> {
    let plan = plan(state, ask, kind)?;
    let mut ids: Vec<Id> = Vec::new();
    let mut ops: Vec<WriteOp> = Vec::new();
    let mut refused: Vec<(Option<Id>, ContextError)> = Vec::new();
    // the tree borrows the body and must not live across the write
    {
        let node = parse_json(&ask.body)?;
        let items = items(state, &node)?;
        ids.reserve_exact(items.len());
        ops.reserve_exact(items.len());
        plan.read(items, &mut |id, op| match op {
            Ok(op) => {
                ids.push(op.id().clone());
                ops.push(op);
            }
            Err(e) => refused.push((id, e)),
        })?;
    }
    let outcomes = if ops.is_empty() {
        Vec::new()
    } else {
        state.writer.write(ops, ask.body.len()).await?.outcomes
    };
    let mut done: Vec<(Id, bool)> = Vec::new();
    let mut all_existed = true;
    for (id, outcome) in ids.into_iter().zip(outcomes) {
        match outcome {
            Ok(outcome) => {
                let new = outcome == OpOutcome::Created;
                all_existed &= !new;
                done.push((id, new));
            }
            Err(e) => refused.push((Some(id), e)),
        }
    }
    Ok(answer(kind, &done, all_existed, &refused))
}

fn plan<'a>(state: &'a NgsiState, ask: &'a Ask, kind: Kind) -> Result<Plan<'a>, Fail> {
    let mut plan = Plan {
        state,
        ask,
        kind,
        mode: UpsertMode::Replace,
        no_overwrite: false,
        merge: MergeHow::default(),
    };
    match kind {
        Kind::Create | Kind::Delete => ask.params.only(&[])?,
        Kind::Merge => {
            ask.params
                .only(&["options", "format", "observedAt", "lang"])?;
            plan.merge = MergeHow::read(ask)?;
        }
        Kind::Update => {
            ask.params.only(&["options"])?;
            plan.no_overwrite = !ask.params.options(&["noOverwrite"])?.is_empty();
        }
        Kind::Upsert => {
            ask.params.only(&["options"])?;
            match ask.params.options(&["replace", "update"])?.as_slice() {
                [] | ["replace"] => {}
                ["update"] => plan.mode = UpsertMode::Update,
                _ => return Err(Fail::request("options: replace or update, not both")),
            }
        }
    }
    Ok(plan)
}

/// The elements: an array that is neither empty nor longer than one commit may be.
fn items<'n>(state: &NgsiState, node: &'n Node<'n>) -> Result<&'n [Node<'n>], Fail> {
    let Some(items) = node.as_array() else {
        return Err(Fail::data("body", "must be an array"));
    };
    if items.is_empty() {
        return Err(Fail::data("body", "must not be empty"));
    }
    let most = state.engine.limits().ops_per_batch;
    if items.len() > most {
        return Err(ContextError::TooLarge {
            path: "body".to_owned(),
            what: format!("has {} elements, the limit is {most}", items.len()),
        }
        .into());
    }
    Ok(items)
}

impl Plan<'_> {
    /// Reads the elements in order, handing on each as an operation or with what is wrong.
    fn read(
        &self,
        items: &[Node<'_>],
        each: &mut dyn FnMut(Option<Id>, Result<WriteOp, ContextError>),
    ) -> Result<(), Fail> {
        if self.kind == Kind::Delete {
            for (i, item) in items.iter().enumerate() {
                let id = item
                    .as_str()
                    .ok_or_else(|| Fail::data(&format!("[{i}]"), "must be the id of an entity"))?;
                each(None, Ok(WriteOp::Delete { id: Arc::from(id) }));
            }
            return Ok(());
        }
        let link = if self.ask.ld {
            None
        } else {
            Some(self.ask.link_context(&self.state.engine)?)
        };
        // elements of JSON-LD mostly carry the same context: resolve it once
        let mut last: Option<(&Node<'_>, Arc<LdContext>)> = None;
        for (i, item) in items.iter().enumerate() {
            if item.as_object().is_none() {
                return Err(Fail::data(&format!("[{i}]"), "must be an entity"));
            }
            let ctx = match (&link, item.get("@context")) {
                (Some(ctx), None) => ctx.clone(),
                (Some(_), Some(_)) | (None, None) => {
                    // says what is wrong, by the rules for single documents
                    self.ask.body_context(&self.state.engine, item)?
                }
                (None, Some(context)) => match &last {
                    Some((known, ctx)) if *known == context => ctx.clone(),
                    _ => {
                        if last.is_none() {
                            self.ask.body_context(&self.state.engine, item)?;
                        }
                        let contexts = self.state.engine.contexts();
                        let ctx = contexts.resolve(&without_core(context.to_value()))?;
                        last = Some((context, ctx.clone()));
                        ctx
                    }
                },
            };
            let id = || item.get("id").and_then(Node::as_str).map(Arc::from);
            match self.op(&ctx, item) {
                Ok(op) => each(None, Ok(op)),
                Err(e) => each(id(), Err(e)),
            }
        }
        Ok(())
    }

    /// One element as an operation.
    fn op(&self, ctx: &LdContext, item: &Node<'_>) -> Result<WriteOp, ContextError> {
        let reader = self.state.engine.reader(ctx);
        match self.kind {
            Kind::Create => reader.entity(item).map(WriteOp::Create),
            Kind::Upsert => reader
                .fragment(item, None, self.mode == UpsertMode::Update)
                .map(|entity| WriteOp::Upsert {
                    entity,
                    mode: self.mode,
                }),
            Kind::Update => reader
                .fragment(item, None, false)
                .map(|fragment| WriteOp::Append {
                    fragment,
                    no_overwrite: self.no_overwrite,
                }),
            Kind::Merge => self.merge.patch(reader, item, None).map(WriteOp::Merge),
            Kind::Delete => Err(ContextError::NotFound {
                what: "an entity to delete".to_owned(),
            }),
        }
    }
}

/// What a batch answers: ids that are new, nothing, or who failed and why.
fn answer(
    kind: Kind,
    done: &[(Id, bool)],
    all_existed: bool,
    refused: &[(Option<Id>, ContextError)],
) -> Response {
    if refused.is_empty() {
        return match kind {
            Kind::Create | Kind::Upsert if !all_existed => {
                let new: Vec<&str> = done.iter().filter(|d| d.1).map(|d| &*d.0).collect();
                plain(StatusCode::CREATED, &json!(new))
            }
            _ => no_content(),
        };
    }
    let errors: Vec<Value> = refused
        .iter()
        .map(|(id, e)| {
            let mut item = json!({ "error": problem_of(e) });
            if let Some(id) = id {
                item["entityId"] = json!(&**id);
            }
            item
        })
        .collect();
    let success: Vec<&str> = done.iter().map(|d| &*d.0).collect();
    plain(
        StatusCode::MULTI_STATUS,
        &json!({ "success": success, "errors": errors }),
    )
}
