//! History (clauses 5.6.16, 5.7.3, 5.7.4).

use axum::http::{HeaderName, StatusCode};
use axum::response::Response;
use conurb_base::TimeMs;
use conurb_context::{
    History, LdContext, Query, QueryParams, TemporalParams, TemporalQuery, TypeSelection,
    history_json,
};
use serde_json::Value;

use super::NgsiState;
use super::answer::{Paging, document, no_content, paged, set};
use super::ask::{Ask, Media, Params};
use super::fail::{Fail, NgsiError};

const TEMPORAL: [&str; 9] = [
    "timerel",
    "timeAt",
    "endTimeAt",
    "timeproperty",
    "lastN",
    "attrs",
    "pick",
    "aggrMethods",
    "format",
];

/// Points one answer over several entities may hold.
const POINTS_MAX: usize = 200_000;

fn temporal_query(params: &Params, ctx: &LdContext) -> Result<TemporalQuery, Fail> {
    let options = params.options(&[
        "temporalValues",
        "aggregatedValues",
        "normalized",
        "sysAttrs",
    ])?;
    if options.contains(&"sysAttrs") {
        return Err(Fail::not_yet("options=sysAttrs in history"));
    }
    if params.get("attrs").is_some() && params.get("pick").is_some() {
        return Err(Fail::request("attrs does not go with pick"));
    }
    Ok(TemporalQuery::parse(
        &TemporalParams {
            timerel: params.text("timerel"),
            time_at: params.text("timeAt"),
            end_time_at: params.text("endTimeAt"),
            timeproperty: params.text("timeproperty"),
            last_n: params.number("lastN")?,
            attrs: params.text("attrs").or_else(|| params.text("pick")),
            aggr_methods: params.text("aggrMethods"),
            format: params
                .text("format")
                .or_else(|| options.last().map(|o| (*o).to_owned())),
        },
        ctx,
    )?)
}

/// GET `temporal/entities/{id}`: 200, or 206 where a series was cut.
pub(crate) async fn retrieve(state: &NgsiState, ask: Ask, id: String) -> Result<Response, Fail> {
    let mut known = TEMPORAL.to_vec();
    known.extend(["options", "type"]);
    ask.params.only(&known)?;
    let media = ask.accept(&[Media::Json, Media::Ld])?;
    let ctx = ask.link_context(&state.engine)?;
    let query = temporal_query(&ask.params, &ctx)?;
    let types = ask
        .params
        .get("type")
        .map(|t| TypeSelection::parse(t, &ctx))
        .transpose()?;
    state
        .blocking(move |state| {
            if types.is_some() {
                state.engine.retrieve(&id, types.as_ref())?;
            }
            let history = state.engine.history(&id, &query)?;
            let body = history_json(&history, &ctx, query.format);
            Ok(ranged(&ask, media, &ctx, body, &[history], &query))
        })
        .await
}

/// The answer with its Content-Range where it is partial (clause 6.3.10).
fn ranged(
    ask: &Ask,
    media: Media,
    ctx: &LdContext,
    body: Value,
    histories: &[History],
    query: &TemporalQuery,
) -> Response {
    if !histories.iter().any(|h| h.cut) {
        return document(ask, StatusCode::OK, media, ctx, body);
    }
    let mut response = document(ask, StatusCode::PARTIAL_CONTENT, media, ctx, body);
    let times = histories
        .iter()
        .flat_map(|h| &h.series)
        .flat_map(|s| &s.points)
        .map(|p| p.observed_at);
    let (oldest, newest) = times.fold((TimeMs(i64::MAX), TimeMs(i64::MIN)), |(a, b), t| {
        (a.min(t), b.max(t))
    });
    if oldest <= newest {
        let (start, end) = if query.last_n.is_some() {
            let from = if query.to == TimeMs(i64::MAX) {
                newest
            } else {
                query.to
            };
            (from, oldest)
        } else {
            let from = if query.from == TimeMs(i64::MIN) {
                oldest
            } else {
                query.from
            };
            (from, newest)
        };
        let size = query
            .last_n
            .map_or_else(|| "*".to_owned(), |n| n.to_string());
        set(
            &mut response,
            HeaderName::from_static("content-range"),
            &format!("DateTime {}-{}/{size}", start.to_iso(), end.to_iso()),
        );
    }
    response
}

/// GET `temporal/entities` over entities that exist now; filters on past values are not there.
pub(crate) async fn query(state: &NgsiState, ask: Ask) -> Result<Response, Fail> {
    for name in ["q", "scopeQ", "georel", "geometry", "coordinates", "count"] {
        if ask.params.get(name).is_some() {
            return Err(Fail::not_yet(format!(
                "the parameter {name} over the history of several entities"
            )));
        }
    }
    let mut known = TEMPORAL.to_vec();
    known.extend(["options", "type", "id", "idPattern", "limit", "offset"]);
    ask.params.only(&known)?;
    let media = ask.accept(&[Media::Json, Media::Ld])?;
    let ctx = ask.link_context(&state.engine)?;
    if ask.params.get("timerel").is_none() {
        return Err(Fail::data("timerel", "is missing: history needs a time"));
    }
    let temporal = temporal_query(&ask.params, &ctx)?;
    let p = &ask.params;
    let query = Query::parse(
        &QueryParams {
            id: p.text("id"),
            id_pattern: p.text("idPattern"),
            kind: p.text("type"),
            attrs: p.text("attrs"),
            local: p.flag("local")?,
            limit: p.number("limit")?,
            offset: p.number("offset")?.unwrap_or(0),
            ..QueryParams::default()
        },
        &ctx,
        state.engine.limits(),
    )?;
    state
        .blocking(move |state| {
            let page = state.engine.query(&query)?;
            let mut histories = Vec::with_capacity(page.entities.len());
            let mut points = 0usize;
            for entity in &page.entities {
                let history = state.engine.history(&entity.id, &temporal)?;
                points += history.series.iter().map(|s| s.points.len()).sum::<usize>();
                if points > POINTS_MAX {
                    return Err(NgsiError::TooMany {
                        what: format!("more than {POINTS_MAX} points are found"),
                    }
                    .into());
                }
                if !history.series.is_empty() {
                    histories.push(history);
                }
            }
            let body = histories
                .iter()
                .map(|h| history_json(h, &ctx, temporal.format))
                .collect();
            let response = ranged(&ask, media, &ctx, body, &histories, &temporal);
            let paging = Paging {
                offset: query.offset,
                limit: query.limit,
                more: page.more,
                total: None,
            };
            Ok(paged(response, &ask, media, paging))
        })
        .await
}

/// DELETE `temporal/entities/{id}`.
pub(crate) async fn delete(state: &NgsiState, id: String) -> Result<Response, Fail> {
    state
        .blocking(move |state| {
            state.engine.forget_history(&id)?;
            Ok(no_content())
        })
        .await
}
