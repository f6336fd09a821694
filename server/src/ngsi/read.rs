//! Reads of current state (clauses 5.7.1, 5.7.2; POST queries 6.23).

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use conurb_context::{
    Format, LdContext, Name, Node, Projection, Query, QueryParams, TypeSelection, View,
    entity_json, feature_json, features_json, parse_json,
};
use serde_json::Value;

use super::NgsiState;
use super::answer::{Paging, document, paged};
use super::ask::{Ask, Media, Params};
use super::fail::Fail;

const OFFERS: [Media; 3] = [Media::Json, Media::Ld, Media::Geo];

/// How an answer looks: `format`, `options`, projections, language, instances.
const LOOK: [&str; 8] = [
    "attrs",
    "pick",
    "omit",
    "format",
    "options",
    "lang",
    "datasetId",
    "geometryProperty",
];

/// Reads how the answer is to look.
fn view(params: &Params, ctx: &LdContext) -> Result<View, Fail> {
    let options = params.options(&[
        "normalized",
        "concise",
        "simplified",
        "keyValues",
        "sysAttrs",
    ])?;
    let name = params
        .get("format")
        .or_else(|| options.iter().rev().find(|o| **o != "sysAttrs").copied());
    let format = match name {
        None => Format::Normalized,
        Some(name) => Format::from_name(name)
            .ok_or_else(|| Fail::request(format!("format={name} is unknown here")))?,
    };
    let projection = |name: &str| {
        params
            .get(name)
            .map(|text| Projection::parse(text, ctx))
            .transpose()
    };
    let (pick, omit) = (projection("pick")?, projection("omit")?);
    let attrs = projection("attrs")?;
    if attrs.is_some() && (pick.is_some() || omit.is_some()) {
        return Err(Fail::request("attrs goes with neither pick nor omit"));
    }
    Ok(View {
        format,
        sys_attrs: options.contains(&"sysAttrs"),
        pick,
        omit,
        attrs: attrs.map(|p| p.attributes),
        lang: params.text("lang"),
        datasets: params.get("datasetId").map(View::parse_datasets),
    })
}

/// The geometry a GeoJSON answer shows.
fn geometry(params: &Params, media: Media, ctx: &LdContext) -> Result<Option<Name>, Fail> {
    match params.get("geometryProperty") {
        None => Ok(None),
        Some(_) if media != Media::Geo => Err(Fail::request(
            "geometryProperty goes with Accept: application/geo+json only",
        )),
        Some(name) => Ok(Some(ctx.expand(name)?)),
    }
}

/// GET `entities/{id}`.
pub(crate) fn retrieve(state: &NgsiState, ask: &Ask, id: &str) -> Result<Response, Fail> {
    let mut known = LOOK.to_vec();
    known.push("type");
    ask.params.only(&known)?;
    let media = ask.accept(&OFFERS)?;
    let ctx = ask.link_context(&state.engine)?;
    let view = view(&ask.params, &ctx)?;
    let property = geometry(&ask.params, media, &ctx)?;
    let types = ask
        .params
        .get("type")
        .map(|t| TypeSelection::parse(t, &ctx))
        .transpose()?;
    let entity = state.engine.retrieve(id, types.as_ref())?;
    if !view.finds(&entity) {
        return Err(conurb_context::ContextError::NotFound {
            what: format!("any of the attributes asked for of {id}"),
        }
        .into());
    }
    let body = if media == Media::Geo {
        feature_json(&entity, &ctx, &view, property.as_ref())
    } else {
        entity_json(&entity, &ctx, &view)
    };
    Ok(document(ask, StatusCode::OK, media, &ctx, body))
}

/// GET `entities`.
pub(crate) async fn query(state: &NgsiState, ask: Ask) -> Result<Response, Fail> {
    let mut known = LOOK.to_vec();
    known.extend([
        "type",
        "id",
        "idPattern",
        "q",
        "scopeQ",
        "georel",
        "geometry",
        "coordinates",
        "geoproperty",
        "limit",
        "offset",
        "count",
    ]);
    ask.params.only(&known)?;
    let ctx = ask.link_context(&state.engine)?;
    let p = &ask.params;
    let params = QueryParams {
        id: p.text("id"),
        id_pattern: p.text("idPattern"),
        kind: p.text("type"),
        attrs: p.text("attrs"),
        q: p.text("q"),
        scope_q: p.text("scopeQ"),
        georel: p.text("georel"),
        geometry: p.text("geometry"),
        coordinates: p.text("coordinates").map(Value::String),
        geoproperty: p.text("geoproperty"),
        local: p.flag("local")?,
        limit: p.number("limit")?,
        offset: p.number("offset")?.unwrap_or(0),
        count: p.flag("count")?,
    };
    let view = view(p, &ctx)?;
    answer(state, ask, ctx, params, view).await
}

/// Runs a query off the reactor (it may walk all entities) and writes its page.
async fn answer(
    state: &NgsiState,
    ask: Ask,
    ctx: Arc<LdContext>,
    mut params: QueryParams,
    view: View,
) -> Result<Response, Fail> {
    // `*` is any type, and local as everything here is
    if params.kind.as_deref() == Some("*") {
        if ask.params.get("local") == Some("false") {
            return Err(Fail::data("type", "* goes with local=true"));
        }
        params.kind = None;
        params.local = true;
    }
    let media = ask.accept(&OFFERS)?;
    let property = geometry(&ask.params, media, &ctx)?;
    let query = Query::parse(&params, &ctx, state.engine.limits())?;
    state
        .blocking(move |state| {
            let page = state.engine.query(&query)?;
            let body = if media == Media::Geo {
                features_json(&page.entities, &ctx, &view, property.as_ref())
            } else {
                page.entities
                    .iter()
                    .map(|e| entity_json(e, &ctx, &view))
                    .collect()
            };
            let response = document(&ask, StatusCode::OK, media, &ctx, body);
            let paging = Paging {
                offset: query.offset,
                limit: query.limit,
                more: page.more,
                total: page.total,
            };
            Ok(paged(response, &ask, media, paging))
        })
        .await
}

/// POST `entityOperations/query`: the same, its parameters as members of a `Query`.
pub(crate) async fn post_query(state: &NgsiState, mut ask: Ask) -> Result<Response, Fail> {
    ask.params.only(&[
        "limit",
        "offset",
        "count",
        "format",
        "options",
        "geometryProperty",
    ])?;
    let body = ask.body.clone();
    let node = parse_json(&body)?;
    let ctx = ask.body_context(&state.engine, &node)?;
    let mut params = members(&node, &mut ask.params)?;
    params.limit = ask.params.number("limit")?;
    params.offset = ask.params.number("offset")?.unwrap_or(0);
    params.count = ask.params.flag("count")?;
    params.local = ask.params.flag("local")?;
    let view = view(&ask.params, &ctx)?;
    drop(node);
    answer(state, ask, ctx, params, view).await
}

/// The members of a `Query`; those of the answer's look go among the parameters.
fn members(node: &Node<'_>, look: &mut Params) -> Result<QueryParams, Fail> {
    let Some(all) = node.as_object() else {
        return Err(Fail::data("body", "must be a Query"));
    };
    let mut params = QueryParams::default();
    let mut typed = false;
    for (name, value) in all {
        match name.as_ref() {
            "type" => typed = value.as_str() == Some("Query"),
            "@context" => {}
            "entities" => selector(value, &mut params)?,
            "q" => params.q = Some(text(name, value)?),
            "scopeQ" => params.scope_q = Some(text(name, value)?),
            "geoQ" => geo(value, &mut params)?,
            "attrs" => {
                let list = list(name, value)?;
                params.attrs = Some(list.clone());
                look.all.push(("attrs".into(), list));
            }
            "pick" | "omit" | "datasetId" => {
                look.all.push((name.to_string(), list(name, value)?));
            }
            "lang" => look.all.push(("lang".into(), text(name, value)?)),
            "temporalQ" | "aggrParams" | "csf" | "containedBy" | "expandValues" | "jsonKeys"
            | "join" | "joinLevel" | "entityMap" | "entityMapLifetime" | "ordering"
            | "splitEntities" => {
                return Err(Fail::not_yet(format!("the member {name} of a Query")));
            }
            other => return Err(Fail::data(other, "is no member of a Query")),
        }
    }
    if !typed {
        return Err(Fail::data("type", "must be \"Query\""));
    }
    Ok(params)
}

/// `entities`: selectors with types alone are united; ids and patterns go with one selector.
fn selector(node: &Node<'_>, params: &mut QueryParams) -> Result<(), Fail> {
    let Some(all) = node.as_array().filter(|a| !a.is_empty()) else {
        return Err(Fail::data("entities", "must be an array that is not empty"));
    };
    let mut kinds = Vec::with_capacity(all.len());
    for one in all {
        let kind = one
            .get("type")
            .ok_or_else(|| Fail::data("entities.type", "is missing"))?;
        kinds.push(text("entities.type", kind)?);
        let narrowed = one.get("id").is_some() || one.get("idPattern").is_some();
        if narrowed && all.len() > 1 {
            return Err(Fail::not_yet(
                "a Query with several entity selectors of which one has an id or a pattern",
            ));
        }
        params.id = one.get("id").map(|v| list("entities.id", v)).transpose()?;
        params.id_pattern = one
            .get("idPattern")
            .map(|v| text("entities.idPattern", v))
            .transpose()?;
    }
    params.kind = Some(kinds.join(","));
    Ok(())
}

fn geo(node: &Node<'_>, params: &mut QueryParams) -> Result<(), Fail> {
    let part = |name: &str| {
        node.get(name)
            .map(|v| text(&format!("geoQ.{name}"), v))
            .transpose()
    };
    params.georel = part("georel")?;
    params.geometry = part("geometry")?;
    params.geoproperty = part("geoproperty")?;
    params.coordinates = node.get("coordinates").map(Node::to_value);
    Ok(())
}

fn text(name: &str, node: &Node<'_>) -> Result<String, Fail> {
    node.as_str()
        .map(str::to_owned)
        .ok_or_else(|| Fail::data(name, "must be text"))
}

/// A text, or an array of texts joined by commas.
fn list(name: &str, node: &Node<'_>) -> Result<String, Fail> {
    match node.as_array() {
        None => text(name, node),
        Some(items) => Ok(items
            .iter()
            .map(|i| text(name, i))
            .collect::<Result<Vec<_>, _>>()?
            .join(",")),
    }
}
