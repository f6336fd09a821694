//! `GET /api/v1/live`: events as they happen, over Server-Sent Events, with resumption.
//!
//! An event's id is `START-SEQ`: the node's start and the sequence on its bus, so that a client
//! that resumes after a restart is told that it missed something instead of getting other events.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use conurb_bus::{BusError, Delivery, Start, Subscription};
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};

use super::app::App;
use super::problem::{Refusal, UpError};

/// What a live stream may ask for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiveParams {
    /// First parts of subjects, comma-separated: `finding`, `decision`, `command`, `measured`;
    /// all when absent.
    pub(crate) topics: Option<String>,
}

const TOPICS: [&str; 4] = ["finding", "decision", "command", "measured"];

struct Follower {
    subscription: Box<dyn Subscription>,
    published: Arc<Notify>,
    stopping: watch::Receiver<bool>,
    topics: Vec<String>,
    start_ms: i64,
    /// To be told first: the client comes from before a restart.
    restarted: bool,
    _permit: OwnedSemaphorePermit,
}

/// Streams events.
#[utoipa::path(get, path = "/api/v1/live", params(LiveParams), tag = "live",
    responses((status = 200, description = "Server-Sent Events; `Last-Event-ID` resumes; `missed` marks a gap", content_type = "text/event-stream", body = String),
        (status = 429, description = "As many streams as there may be")))]
pub(crate) async fn live(
    State(app): State<App>,
    params: Result<axum::extract::Query<LiveParams>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let params = params.map_err(|e| UpError::BadRequest(e.body_text()))?.0;
    let topics: Vec<String> = params
        .topics
        .as_deref()
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|t| !t.is_empty())
        .map(str::to_owned)
        .collect();
    if let Some(odd) = topics.iter().find(|t| !TOPICS.contains(&t.as_str())) {
        let known = TOPICS.join(", ");
        return Err(UpError::BadRequest(format!("no topic \"{odd}\"; there are {known}")).into());
    }
    let permit =
        app.streams.clone().try_acquire_owned().map_err(|_| {
            UpError::TooMany("as many live streams as http.streams_max allows".into())
        })?;
    let asked = headers
        .get("last-event-id")
        .and_then(|v| v.to_str().ok())
        .map(str::trim)
        .filter(|v| !v.is_empty());
    let (start, restarted) = match asked {
        None => (Start::New, false),
        Some(id) => match resume(id, app.started.0) {
            Some(seq) => (Start::At(seq + 1), false),
            None => (Start::Oldest, true),
        },
    };
    let (subscription, restarted) = match app.bus.subscribe("", start) {
        Ok(s) => (s, restarted),
        Err(BusError::Ahead { .. }) => (app.bus.subscribe("", Start::Oldest)?, true),
        Err(e) => return Err(e.into()),
    };
    let follower = Follower::new(&app, subscription, topics, restarted, permit);
    let keep_alive = KeepAlive::new()
        .interval(Duration::from_secs(15))
        .text("beat");
    Ok(Sse::new(unfold(follower, Follower::next))
        .keep_alive(keep_alive)
        .into_response())
}

/// The sequence in an event id of this run of the node.
fn resume(id: &str, start_ms: i64) -> Option<u64> {
    let (start, seq) = id.rsplit_once('-')?;
    (start.parse::<i64>().ok()? == start_ms).then_some(())?;
    seq.parse().ok().filter(|s| *s < u64::MAX)
}

impl Follower {
    fn new(
        app: &App,
        mut subscription: Box<dyn Subscription>,
        topics: Vec<String>,
        restarted: bool,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let published = Arc::new(Notify::new());
        let waker = published.clone();
        subscription.set_waker(Some(Arc::new(move || waker.notify_one())));
        Self {
            subscription,
            published,
            stopping: app.stopping.clone(),
            topics,
            start_ms: app.started.0,
            restarted,
            _permit: permit,
        }
    }

    /// The next event of the stream; `None` when the node stops.
    async fn next(mut self) -> Option<(Result<Event, std::convert::Infallible>, Self)> {
        if std::mem::take(&mut self.restarted) {
            let event = Event::default()
                .event("missed")
                .data(json!({"restarted": true}).to_string());
            return Some((Ok(event), self));
        }
        loop {
            if *self.stopping.borrow() {
                return None;
            }
            match self.subscription.try_next() {
                Some(Delivery::Missed { first, last }) => {
                    let event = Event::default()
                        .event("missed")
                        .id(format!("{}-{last}", self.start_ms))
                        .data(json!({"first": first, "last": last}).to_string());
                    return Some((Ok(event), self));
                }
                Some(Delivery::Event(e)) => {
                    if let Some(event) = self.event(&e) {
                        return Some((Ok(event), self));
                    }
                }
                None => {
                    tokio::select! {
                        () = self.published.notified() => {}
                        _ = self.stopping.changed() => return None,
                    }
                }
            }
        }
    }

    fn event(&self, e: &conurb_bus::Event) -> Option<Event> {
        let topic = e.subject.split('.').next().unwrap_or_default();
        if !self.topics.is_empty() && !self.topics.iter().any(|t| t == topic) {
            return None;
        }
        Some(
            Event::default()
                .event(&*e.subject)
                .id(format!("{}-{}", self.start_ms, e.seq))
                .data(String::from_utf8_lossy(&e.payload)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_resumes_only_in_the_run_it_is_from() {
        assert_eq!(resume("1000-7", 1000), Some(7));
        for other in [
            "1001-7",
            "7",
            "",
            "-",
            "1000-x",
            "1000-18446744073709551615",
        ] {
            assert_eq!(resume(other, 1000), None, "{other}");
        }
    }
}
