//! Conurb's own API, `/api/v1`: decisions and what people say about them, KPIs, scenarios,
//! findings, receipts, health. Described by `api/openapi.json`.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use conurb_act::Receipt;
use conurb_decide::{DecideError, Decision, Filter, Lang, Ledger, Status};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::problem::{Refusal, UpError};
use super::turn::Word;

/// Longest name or reason, bytes.
const TEXT_BYTES_MAX: usize = 4096;

/// Which decisions.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecisionsParams {
    /// Only about this entity.
    pub(crate) subject: Option<String>,
    /// Only of this scenario.
    pub(crate) scenario: Option<String>,
    /// `advised`, `pending`, `approved`, `rejected`, `acted`, `measured` or `overturned`.
    pub(crate) status: Option<String>,
    /// At most so many, the newest (default 100, at most 1,000).
    pub(crate) limit: Option<usize>,
}

/// In which language.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExplainParams {
    /// `zh` or `en` (default).
    pub(crate) lang: Option<String>,
}

/// Who says it and why.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    /// The account of the person.
    pub(crate) who: String,
    /// Why; needed to reject and to overturn.
    #[serde(default)]
    pub(crate) reason: String,
}

/// An actuator's answer to a command.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptBody {
    /// `accepted` or `refused`.
    pub(crate) receipt: String,
    /// Why it was refused.
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// The routes with their description.
fn described() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(decisions))
        .routes(routes!(decision))
        .routes(routes!(explain))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(overturn))
        .routes(routes!(receipt))
        .routes(routes!(kpis))
        .routes(routes!(scenarios))
        .routes(routes!(findings))
        .routes(routes!(health))
        .routes(routes!(super::live::live))
}

/// The routes under `/api/v1`.
pub(crate) fn router() -> Router<App> {
    let (router, _) = described().split_for_parts();
    router.route("/api/v1/openapi.json", axum::routing::get(openapi))
}

/// The OpenAPI document, as committed in `api/openapi.json`.
pub(crate) fn openapi_json() -> String {
    let mut api = described().split_for_parts().1;
    "Conurb".clone_into(&mut api.info.title);
    api.info.version = env!("CARGO_PKG_VERSION").to_owned();
    api.info.description = Some(
        "Decisions, KPIs, scenarios, findings and live events of a node. Errors are RFC 9457 \
         problem details with a stable `code`. Entities: see /ngsi-ld/v1."
            .to_owned(),
    );
    let mut text = api.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi_json()).into_response()
}

fn query<T>(params: Result<Query<T>, QueryRejection>) -> Result<T, UpError> {
    params
        .map(|q| q.0)
        .map_err(|e| UpError::BadRequest(e.body_text()))
}

fn body<T: serde::de::DeserializeOwned>(
    app: &App,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<T, UpError> {
    let bytes = bytes.map_err(|e| match e.status() {
        StatusCode::PAYLOAD_TOO_LARGE => UpError::TooLarge(app.body_bytes_max),
        _ => UpError::BadRequest(e.body_text()),
    })?;
    serde_json::from_slice(&bytes).map_err(|e| UpError::BadRequest(format!("the body: {e}")))
}

/// Reads the ledger off the request threads.
async fn from_ledger<T: Send + 'static>(
    app: &App,
    read: impl FnOnce(&Ledger) -> Result<T, DecideError> + Send + 'static,
) -> Result<T, Refusal> {
    let ledger = app.ledger.clone();
    tokio::task::spawn_blocking(move || read(&ledger))
        .await
        .map_err(|e| UpError::LoopStopped(e.to_string()))?
        .map_err(Refusal::from)
}

async fn find(app: &App, id: String) -> Result<Decision, Refusal> {
    let wanted = id.clone();
    from_ledger(app, move |ledger| ledger.read(&wanted))
        .await?
        .ok_or_else(|| Refusal::from(DecideError::Unknown { id }))
}

fn view(decision: &Decision) -> Value {
    let mut value = serde_json::to_value(decision).unwrap_or_default();
    if let Value::Object(map) = &mut value {
        map.insert("status".to_owned(), json!(decision.status()));
    }
    value
}

/// The newest decisions, newest first.
#[utoipa::path(get, path = "/api/v1/decisions", params(DecisionsParams), tag = "decisions",
    responses((status = 200, description = "Decisions with their whole story", body = Vec<Value>)))]
pub(crate) async fn decisions(
    State(app): State<App>,
    params: Result<Query<DecisionsParams>, QueryRejection>,
) -> Result<Json<Vec<Value>>, Refusal> {
    let params = query(params)?;
    let status = match params.status {
        None => None,
        Some(s) => Some(
            serde_json::from_value::<Status>(json!(s))
                .map_err(|e| UpError::BadRequest(format!("status: {e}")))?,
        ),
    };
    let limit = params.limit.unwrap_or(100);
    if !(1..=1000).contains(&limit) {
        return Err(UpError::BadRequest("limit: 1 to 1000".to_owned()).into());
    }
    let filter = Filter {
        subject: params.subject,
        scenario: params.scenario,
        status,
        limit: Some(limit),
        ..Filter::default()
    };
    let found = from_ledger(&app, move |ledger| ledger.list(&filter)).await?;
    Ok(Json(found.iter().map(view).collect()))
}

/// One decision.
#[utoipa::path(get, path = "/api/v1/decisions/{id}", params(("id" = String, Path, description = "URN, percent-encoded")), tag = "decisions",
    responses((status = 200, description = "The decision with its whole story", body = Value), (status = 404, description = "No such decision")))]
pub(crate) async fn decision(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(view(&find(&app, id).await?)))
}

/// One decision, told to a person.
#[utoipa::path(get, path = "/api/v1/decisions/{id}/explain", params(("id" = String, Path, description = "URN, percent-encoded"), ExplainParams), tag = "decisions",
    responses((status = 200, description = "Text", content_type = "text/plain", body = String), (status = 404, description = "No such decision")))]
pub(crate) async fn explain(
    State(app): State<App>,
    Path(id): Path<String>,
    params: Result<Query<ExplainParams>, QueryRejection>,
) -> Result<Response, Refusal> {
    let tag = query(params)?.lang.unwrap_or_else(|| "en".to_owned());
    let lang = Lang::from_tag(&tag)
        .ok_or_else(|| UpError::BadRequest(format!("lang \"{tag}\": zh or en")))?;
    let decision = find(&app, id).await?;
    let text = conurb_decide::explain(&decision, lang);
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// Lets a waiting decision pass; its command leaves at once.
#[utoipa::path(post, path = "/api/v1/decisions/{id}/approve", params(("id" = String, Path, description = "URN, percent-encoded")), request_body = Said, tag = "decisions",
    responses((status = 200, description = "The decision", body = Value), (status = 404, description = "No such decision"), (status = 409, description = "It does not wait")))]
pub(crate) async fn approve(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    say(app, Word::Approve, id, bytes).await
}

/// Refuses a waiting decision.
#[utoipa::path(post, path = "/api/v1/decisions/{id}/reject", params(("id" = String, Path, description = "URN, percent-encoded")), request_body = Said, tag = "decisions",
    responses((status = 200, description = "The decision", body = Value), (status = 404, description = "No such decision"), (status = 409, description = "It does not wait")))]
pub(crate) async fn reject(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    say(app, Word::Reject, id, bytes).await
}

/// Takes a decision back; what it commanded is undone at once.
#[utoipa::path(post, path = "/api/v1/decisions/{id}/overturn", params(("id" = String, Path, description = "URN, percent-encoded")), request_body = Said, tag = "decisions",
    responses((status = 200, description = "The decision", body = Value), (status = 404, description = "No such decision"), (status = 409, description = "It was taken back before")))]
pub(crate) async fn overturn(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    say(app, Word::Overturn, id, bytes).await
}

async fn say(
    app: App,
    word: Word,
    id: String,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let said: Said = body(&app, bytes)?;
    let needs_reason = !matches!(word, Word::Approve);
    if said.who.trim().is_empty() || (needs_reason && said.reason.trim().is_empty()) {
        let what = if needs_reason {
            "who and reason"
        } else {
            "who"
        };
        return Err(UpError::BadRequest(format!("{what} must not be empty")).into());
    }
    if said.who.len() > TEXT_BYTES_MAX || said.reason.len() > TEXT_BYTES_MAX {
        return Err(UpError::TooLarge(TEXT_BYTES_MAX).into());
    }
    let before = find(&app, id.clone()).await?;
    let status = before.status();
    let fits = match word {
        Word::Approve | Word::Reject => status == Status::Pending,
        Word::Overturn => status != Status::Overturned,
    };
    if !fits {
        let what = format!(
            "its status is {}",
            json!(status).as_str().unwrap_or("other")
        );
        return Err(UpError::NotWaiting { id, what }.into());
    }
    let answer = app.turns.say(word, id.clone(), said.who, said.reason).await;
    match answer {
        None => Err(UpError::LoopStopped("it is busy or stopping".to_owned()).into()),
        Some(Err(e)) if app.turns.seen().failed.is_some() => {
            Err(UpError::LoopStopped(e.to_string()).into())
        }
        Some(Err(e)) => {
            let what = e.to_string();
            Err(UpError::NotWaiting { id, what }.into())
        }
        Some(Ok(())) => Ok(Json(view(&find(&app, id).await?))),
    }
}

/// Takes the receipt of an actuator that listens to `/api/v1/live?topics=command`.
#[utoipa::path(post, path = "/api/v1/commands/{id}/receipt", params(("id" = String, Path, description = "URN of the command, percent-encoded")), request_body = ReceiptBody, tag = "commands",
    responses((status = 202, description = "Taken; it is in the ledger after the next turn"), (status = 429, description = "Too many receipts wait")))]
pub(crate) async fn receipt(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Refusal> {
    let said: ReceiptBody = body(&app, bytes)?;
    let receipt = match said.receipt.as_str() {
        "accepted" => Receipt::Accepted,
        "refused" => Receipt::Refused {
            reason: said.reason.unwrap_or_default().chars().take(500).collect(),
        },
        other => {
            let what = format!("receipt \"{other}\": accepted or refused");
            return Err(UpError::BadRequest(what).into());
        }
    };
    if id.len() > conurb_act::ID_BYTES_MAX {
        return Err(UpError::BadRequest("the id is too long".to_owned()).into());
    }
    if app.receipts.push(id, receipt) {
        Ok(StatusCode::ACCEPTED)
    } else {
        Err(UpError::TooMany("too many receipts wait".to_owned()).into())
    }
}

/// The scenarios' KPIs, and what was measured of them since the start.
#[utoipa::path(get, path = "/api/v1/kpis", tag = "measure",
    responses((status = 200, description = "Declared KPIs, measured figures, decision counts", body = Value)))]
pub(crate) async fn kpis(State(app): State<App>) -> Json<Value> {
    let seen = app.turns.seen();
    let scenarios: Vec<Value> = app
        .manifests
        .iter()
        .map(|m| {
            let declared: Vec<Value> = m
                .kpi
                .iter()
                .map(|k| {
                    let mut v = serde_json::to_value(k).unwrap_or_default();
                    v["value"] = seen
                        .measured
                        .get(&(m.id.clone(), k.id.clone()))
                        .map_or_else(|| json!("not measured"), |s| json!(s));
                    v
                })
                .collect();
            let measured: Vec<Value> = seen
                .measured
                .iter()
                .filter(|((scenario, _), _)| *scenario == m.id)
                .map(|((_, kpi), sum)| json!({"kpi": kpi, "of_decisions": sum}))
                .collect();
            json!({"scenario": m.id, "kpis": declared, "measured": measured})
        })
        .collect();
    let c = seen.counts;
    Json(json!({
        "scenarios": scenarios,
        "decisions": {
            "decided": c.decided, "auto": c.auto, "approved": c.approved, "rejected": c.rejected,
            "advised": c.advised, "overturned": c.overturned, "pending": seen.pending,
        },
        "findings": c.findings, "commands": c.commands, "measured": c.measured,
        "watchdog": c.watchdog,
    }))
}

/// The manifests of the scenarios that run.
#[utoipa::path(get, path = "/api/v1/scenarios", tag = "scenarios",
    responses((status = 200, description = "Manifests: the six blanks of each", body = Vec<Value>)))]
pub(crate) async fn scenarios(State(app): State<App>) -> Json<Value> {
    Json(json!(app.manifests))
}

/// The newest findings, newest first.
#[utoipa::path(get, path = "/api/v1/findings", tag = "findings",
    responses((status = 200, description = "At most 1,000 findings since the start", body = Vec<Value>)))]
pub(crate) async fn findings(State(app): State<App>) -> Json<Value> {
    let seen = app.turns.seen();
    Json(json!(seen.findings.iter().rev().collect::<Vec<_>>()))
}

/// Health of the parts; the same as `/healthz`, always 200.
#[utoipa::path(get, path = "/api/v1/health", tag = "health",
    responses((status = 200, description = "Health of the parts", body = Value)))]
pub(crate) async fn health(State(app): State<App>) -> Json<Value> {
    Json(super::app::health(&app).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails once after a change of the routes, having rewritten the file: commit it.
    #[test]
    fn the_committed_openapi_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../api/openapi.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        let fresh = openapi_json();
        if committed != fresh {
            std::fs::write(path, &fresh).expect("api/ is writable");
            panic!("api/openapi.json was stale and has been rewritten: review and commit it");
        }
    }
}
