//! The routes under `/ogc`.

use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use super::error::ProcessError;
use super::job::{Job, Stand};
use super::queue::Queue;
use super::{all, find};
use crate::up::problem::Refusal;

/// Conformance classes of OGC 18-062r2 that hold.
const CONFORMS_TO: [&str; 6] = [
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/ogc-process-description",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/job-list",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/dismiss",
];

/// What the routes need.
type State = Queue;

/// The routes.
pub(crate) fn router(queue: State) -> Router {
    Router::new()
        .route("/ogc", get(landing))
        .route("/ogc/conformance", get(conformance))
        .route("/ogc/processes", get(processes))
        .route("/ogc/processes/{id}", get(process))
        .route("/ogc/processes/{id}/execution", post(execute))
        .route("/ogc/jobs", get(jobs))
        .route("/ogc/jobs/{id}", get(job).delete(dismiss))
        .route("/ogc/jobs/{id}/results", get(results))
        .with_state(queue)
}

async fn landing() -> Json<Value> {
    let link =
        |href: &str, rel: &str| json!({ "href": href, "rel": rel, "type": "application/json" });
    Json(json!({
        "title": "Conurb: models as processes",
        "description": "OGC API - Processes, Part 1: Core",
        "links": [
            link("/ogc", "self"),
            link("/ogc/conformance", "http://www.opengis.net/def/rel/ogc/1.0/conformance"),
            link("/ogc/processes", "http://www.opengis.net/def/rel/ogc/1.0/processes"),
            link("/ogc/jobs", "http://www.opengis.net/def/rel/ogc/1.0/job-list"),
            link("/api/v1/openapi.json", "service-desc"),
        ],
    }))
}

async fn conformance() -> Json<Value> {
    Json(json!({ "conformsTo": CONFORMS_TO }))
}

async fn processes() -> Json<Value> {
    let list: Vec<Value> = all().iter().map(super::Process::summary).collect();
    Json(json!({ "processes": list, "links": [{ "href": "/ogc/processes", "rel": "self" }] }))
}

async fn process(Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(find(&id)?.description()))
}

/// Executes (clause 7.11): at once, or as a job where the client prefers `respond-async`.
async fn execute(
    Shared(queue): Shared<State>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let process = find(&id)?;
    let inputs = inputs_of(&body)?;
    let (job, ended) = queue.submit(process, inputs)?;
    if prefers_async(&headers) {
        let place = format!("/ogc/jobs/{}", job.id);
        return Ok((
            StatusCode::CREATED,
            [
                (header::LOCATION, place),
                (
                    header::HeaderName::from_static("preference-applied"),
                    "respond-async".to_owned(),
                ),
            ],
            Json(job.status()),
        )
            .into_response());
    }
    // An error means that the thread has ended, which the outcome tells as well.
    let _ = ended.await;
    outcome(&job).map(IntoResponse::into_response)
}

/// The inputs of an execute request; by-value inputs only.
fn inputs_of(body: &[u8]) -> Result<Value, ProcessError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(Map::new()));
    }
    let request: Value =
        serde_json::from_slice(body).map_err(|e| ProcessError::Input(format!("body: {e}")))?;
    match request.get("inputs") {
        Some(inputs @ Value::Object(_)) => Ok(inputs.clone()),
        Some(_) => Err(ProcessError::Input("inputs: must be an object".to_owned())),
        None => Ok(Value::Object(Map::new())),
    }
}

fn prefers_async(headers: &HeaderMap) -> bool {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|v| v.to_str().ok())
        .any(|v| v.split(',').any(|p| p.trim() == "respond-async"))
}

fn outcome(job: &Job) -> Result<Json<Value>, Refusal> {
    let course = job.course();
    match (&course.stand, course.outcome) {
        (_, Some(Ok(value))) => Ok(Json(Value::clone(&value))),
        (_, Some(Err(problem))) => Err(Refusal(*problem)),
        (Stand::Dismissed, None) => Err(ProcessError::Dismissed(job.id.clone()).into()),
        (stand, None) => Err(ProcessError::NotReady {
            id: job.id.clone(),
            status: stand.word(),
        }
        .into()),
    }
}

async fn jobs(Shared(queue): Shared<State>) -> Json<Value> {
    let list: Vec<Value> = queue.list().iter().map(|job| job.status()).collect();
    Json(json!({ "jobs": list, "links": [{ "href": "/ogc/jobs", "rel": "self" }] }))
}

async fn job(Shared(queue): Shared<State>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    Ok(Json(queue.job(&id)?.status()))
}

async fn dismiss(
    Shared(queue): Shared<State>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(queue.dismiss(&id)?.status()))
}

async fn results(
    Shared(queue): Shared<State>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    outcome(&*queue.job(&id)?)
}
