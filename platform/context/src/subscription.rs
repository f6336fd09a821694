//! A subscription (clause 5.2.12): reading and checking its JSON.

use std::sync::Arc;

use conurb_base::TimeMs;
use regex::Regex;
use serde_json::{Map, Value};

use crate::ContextError;
use crate::check::is_uri;
use crate::engine::ContextLimits;
use crate::geo::GeoQuery;
use crate::jsonld::{ContextCache, LdContext};
use crate::model::{Entity, Name};
use crate::parse::read_time;
use crate::q::Q;
use crate::query::Filter;
use crate::render::{Format, Projection, View};
use crate::select::{ScopeQuery, TypeSelection};

/// Which entities: a type selection, and an id or a pattern.
#[derive(Debug, Clone)]
pub(crate) struct Selector {
    types: TypeSelection,
    id: Option<Vec<Arc<str>>>,
    pattern: Option<Regex>,
}

/// What sets a notification off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Triggers {
    pub(crate) attribute_created: bool,
    pub(crate) attribute_updated: bool,
    pub(crate) attribute_deleted: bool,
    pub(crate) entity_created: bool,
    pub(crate) entity_deleted: bool,
}

/// Where notifications go.
#[derive(Debug, Clone, PartialEq)]
pub struct Endpoint {
    /// `http(s)://` or `mqtt(s)://`.
    pub uri: String,
    /// `application/json`, `application/ld+json` or `application/geo+json`.
    pub accept: String,
    /// Extra headers, in order.
    pub receiver_info: Vec<(String, String)>,
    /// Settings of the binding (MQTT).
    pub notifier_info: Vec<(String, String)>,
    /// How long to wait for the answer, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// How long to leave it alone after a failure, in milliseconds.
    pub cooldown_ms: Option<u64>,
}

/// A checked subscription.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Its URI.
    pub id: Arc<str>,
    /// The document as it was given (with `id`).
    pub document: Map<String, Value>,
    /// Where notifications go.
    pub endpoint: Endpoint,
    /// Until when it lives.
    pub expires_at: Option<TimeMs>,
    /// Whether it is switched on.
    pub is_active: bool,
    /// The context names are compacted with in notifications.
    pub context: Arc<LdContext>,
    /// The context its own names were read in.
    pub(crate) names: Arc<LdContext>,
    pub(crate) selectors: Vec<Selector>,
    pub(crate) watched: Option<Vec<Name>>,
    pub(crate) triggers: Triggers,
    pub(crate) filter: Filter,
    pub(crate) throttling_ms: Option<u64>,
    pub(crate) interval_ms: Option<u64>,
    pub(crate) view: View,
    pub(crate) show_changes: bool,
}

/// Members this version knows and cannot do.
const MISSING: [&str; 3] = ["csf", "temporalQ", "splitEntities"];

impl Subscription {
    /// Reads a subscription whose names are in `ctx`. `document` has its `id` already.
    pub fn parse(
        document: &Value,
        ctx: &Arc<LdContext>,
        contexts: &ContextCache,
        limits: &ContextLimits,
    ) -> Result<Self, ContextError> {
        let Value::Object(doc) = document else {
            return Err(ContextError::request("a subscription is a JSON object"));
        };
        for member in MISSING {
            if doc.get(member).is_some_and(|v| *v != Value::Bool(false)) {
                return Err(ContextError::not_yet(format!(
                    "the member {member} of a subscription"
                )));
            }
        }
        let r = Fields { map: doc, path: "" };
        if r.text("type")? != Some("Subscription") {
            return Err(ContextError::data("type", "must be \"Subscription\""));
        }
        let id: Arc<str> = r
            .text("id")?
            .filter(|id| is_uri(id))
            .map(Arc::from)
            .ok_or_else(|| ContextError::data("id", "must be a URI"))?;
        let context = match r.text("jsonldContext")? {
            Some(url) => contexts.resolve_url(url)?,
            None => ctx.clone(),
        };
        let notification = r
            .object("notification")?
            .ok_or_else(|| ContextError::data("notification", "is missing"))?;
        let n = Fields {
            map: notification,
            path: "notification",
        };
        let (view, show_changes) = view(&n, &r, ctx)?;
        let subscription = Self {
            id,
            endpoint: endpoint(&n)?,
            expires_at: r.time("expiresAt")?,
            is_active: r.flag("isActive")?.unwrap_or(true),
            context,
            names: ctx.clone(),
            selectors: selectors(&r, ctx)?,
            watched: r
                .names("watchedAttributes")?
                .map(|all| {
                    all.iter()
                        .map(|n| ctx.expand(n))
                        .collect::<Result<Vec<_>, _>>()
                })
                .transpose()?,
            triggers: triggers(&r)?,
            filter: filter(&r, ctx, limits)?,
            throttling_ms: r.seconds("throttling")?,
            interval_ms: r.seconds("timeInterval")?,
            view,
            show_changes,
            document: doc.clone(),
        };
        subscription.verify(r.flag("localOnly")?.unwrap_or(false))?;
        Ok(subscription)
    }

    /// Rules between members.
    fn verify(&self, local_only: bool) -> Result<(), ContextError> {
        let bad = |path: &str, what: &str| Err(ContextError::data(path, what));
        if self.selectors.is_empty() && self.watched.is_none() && !local_only {
            return bad("entities", "entities or watchedAttributes are needed");
        }
        if self.interval_ms.is_some() {
            if self.watched.is_some() || self.throttling_ms.is_some() {
                return bad(
                    "timeInterval",
                    "goes neither with watchedAttributes nor with throttling",
                );
            }
            if self.selectors.is_empty() && !local_only {
                return bad("timeInterval", "needs entities");
            }
            if self.interval_ms == Some(0) {
                return bad("timeInterval", "must be above 0");
            }
        }
        if self.show_changes && self.view.format == Format::Simplified {
            return bad("notification.showChanges", "does not go with simplified");
        }
        Ok(())
    }

    /// `active`, `paused` or `expired` at `now`.
    #[must_use]
    pub fn status(&self, now: TimeMs) -> &'static str {
        if self.expires_at.is_some_and(|t| t <= now) {
            "expired"
        } else if self.is_active {
            "active"
        } else {
            "paused"
        }
    }

    /// Whether `entity` is one it is about and passes its filters.
    pub(crate) fn about(&self, entity: &Entity) -> bool {
        (self.selectors.is_empty() || self.selectors.iter().any(|s| s.fits(entity)))
            && self.filter.fits(entity)
    }

    pub(crate) fn watches(&self, name: &Name) -> bool {
        self.watched.as_ref().is_none_or(|w| w.contains(name))
    }
}

impl Selector {
    fn fits(&self, entity: &Entity) -> bool {
        self.types.fits(entity)
            && self.id.as_ref().is_none_or(|ids| ids.contains(&entity.id))
            && self.pattern.as_ref().is_none_or(|p| p.is_match(&entity.id))
    }
}

fn selectors(r: &Fields<'_>, ctx: &LdContext) -> Result<Vec<Selector>, ContextError> {
    let Some(items) = r.array("entities")? else {
        return Ok(Vec::new());
    };
    if items.len() > 1000 {
        return Err(ContextError::data("entities", "has more than 1000 items"));
    }
    items
        .iter()
        .enumerate()
        .map(|(i, item)| {
            let path = format!("entities[{i}]");
            let map = item
                .as_object()
                .ok_or_else(|| ContextError::data(path.as_str(), "must be an object"))?;
            let f = Fields { map, path: &path };
            let types = f
                .text("type")?
                .ok_or_else(|| ContextError::data(format!("{path}.type"), "is missing"))?;
            let id = match map.get("id") {
                None => None,
                Some(Value::String(s)) if is_uri(s) => Some(vec![Arc::from(s.as_str())]),
                Some(Value::Array(a)) if !a.is_empty() => Some(
                    a.iter()
                        .map(|v| v.as_str().filter(|s| is_uri(s)).map(Arc::from))
                        .collect::<Option<Vec<Arc<str>>>>()
                        .ok_or_else(|| {
                            ContextError::data(format!("{path}.id"), "must hold URIs")
                        })?,
                ),
                Some(_) => return Err(ContextError::data(format!("{path}.id"), "must be a URI")),
            };
            let pattern = match (&id, f.text("idPattern")?) {
                (None, Some(p)) => Some(crate::q::pattern(p)?),
                _ => None, // an id beats a pattern
            };
            Ok(Selector {
                types: TypeSelection::parse(types, ctx).map_err(|e| e.under(&path))?,
                id,
                pattern,
            })
        })
        .collect()
}

fn triggers(r: &Fields<'_>) -> Result<Triggers, ContextError> {
    let mut t = Triggers::default();
    let Some(names) = r.names("notificationTrigger")? else {
        t.attribute_created = true;
        t.attribute_updated = true;
        return Ok(t);
    };
    for name in names {
        match name {
            "attributeCreated" => t.attribute_created = true,
            "attributeUpdated" => t.attribute_updated = true,
            "attributeDeleted" => t.attribute_deleted = true,
            "entityCreated" => t.entity_created = true,
            "entityDeleted" => t.entity_deleted = true,
            "entityUpdated" => {
                t.attribute_created = true;
                t.attribute_updated = true;
                t.attribute_deleted = true;
            }
            other => {
                return Err(ContextError::data(
                    "notificationTrigger",
                    format!("{other:?} is no trigger"),
                ));
            }
        }
    }
    Ok(t)
}

fn filter(r: &Fields<'_>, ctx: &LdContext, limits: &ContextLimits) -> Result<Filter, ContextError> {
    let geo = match r.object("geoQ")? {
        None => None,
        Some(map) => {
            let g = Fields { map, path: "geoQ" };
            let need = |name: &str| -> Result<&str, ContextError> {
                g.text(name)?
                    .ok_or_else(|| ContextError::data(format!("geoQ.{name}"), "is missing"))
            };
            let coordinates = map
                .get("coordinates")
                .ok_or_else(|| ContextError::data("geoQ.coordinates", "is missing"))?;
            let property = g.text("geoproperty")?;
            Some(GeoQuery::parse(
                need("georel")?,
                need("geometry")?,
                coordinates,
                property,
                ctx,
            )?)
        }
    };
    Ok(Filter {
        q: r.text("q")?
            .map(|q| Q::parse(q, ctx, limits.query_terms))
            .transpose()?,
        scope: r.text("scopeQ")?.map(ScopeQuery::parse).transpose()?,
        geo,
        ..Filter::default()
    })
}

fn view(n: &Fields<'_>, r: &Fields<'_>, ctx: &LdContext) -> Result<(View, bool), ContextError> {
    if n.text("join")?.is_some_and(|j| j != "@none") {
        return Err(ContextError::not_yet("notification.join"));
    }
    let projection = |member: &str| -> Result<Option<Projection>, ContextError> {
        n.names(member)?
            .map(|all| Projection::parse(&all.join(","), ctx))
            .transpose()
    };
    let format = match n.text("format")? {
        None => Format::Normalized,
        Some(name) => Format::from_name(name)
            .ok_or_else(|| ContextError::data("notification.format", "is unknown"))?,
    };
    let view = View {
        format,
        sys_attrs: n.flag("sysAttrs")?.unwrap_or(false),
        pick: projection("pick")?,
        omit: projection("omit")?,
        attrs: projection("attributes")?.map(|p| p.attributes),
        lang: r.text("lang")?.map(str::to_owned),
        datasets: r
            .names("datasetId")?
            .map(|all| View::parse_datasets(&all.join(","))),
    };
    Ok((view, n.flag("showChanges")?.unwrap_or(false)))
}

fn endpoint(n: &Fields<'_>) -> Result<Endpoint, ContextError> {
    let map = n
        .object("endpoint")?
        .ok_or_else(|| ContextError::data("notification.endpoint", "is missing"))?;
    let e = Fields {
        map,
        path: "notification.endpoint",
    };
    let uri = e
        .text("uri")?
        .filter(|u| {
            is_uri(u)
                && ["http://", "https://", "mqtt://", "mqtts://"]
                    .iter()
                    .any(|s| u.len() > s.len() && u.starts_with(s))
        })
        .ok_or_else(|| {
            ContextError::data(
                "notification.endpoint.uri",
                "must be an http, https, mqtt or mqtts URI",
            )
        })?;
    let accept = e.text("accept")?.unwrap_or("application/json");
    if !matches!(
        accept,
        "application/json" | "application/ld+json" | "application/geo+json"
    ) {
        return Err(ContextError::data(
            "notification.endpoint.accept",
            "is no media type we send",
        ));
    }
    Ok(Endpoint {
        uri: uri.to_owned(),
        accept: accept.to_owned(),
        receiver_info: e.pairs("receiverInfo")?,
        notifier_info: e.pairs("notifierInfo")?,
        timeout_ms: e.number("timeout")?.map(|n| n as u64),
        cooldown_ms: e.number("cooldown")?.map(|n| n as u64),
    })
}

/// Typed access to the members of an object, with errors that name them.
struct Fields<'m> {
    map: &'m Map<String, Value>,
    path: &'m str,
}

impl<'m> Fields<'m> {
    fn bad(&self, name: &str, what: &str) -> ContextError {
        if self.path.is_empty() {
            ContextError::data(name, what)
        } else {
            ContextError::data(name, what).under(self.path)
        }
    }

    fn text(&self, name: &str) -> Result<Option<&'m str>, ContextError> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::String(s)) => Ok(Some(s)),
            Some(_) => Err(self.bad(name, "must be a text")),
        }
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, ContextError> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::Bool(b)) => Ok(Some(*b)),
            Some(_) => Err(self.bad(name, "must be true or false")),
        }
    }

    fn number(&self, name: &str) -> Result<Option<f64>, ContextError> {
        match self.map.get(name) {
            None => Ok(None),
            Some(v) => v
                .as_f64()
                .filter(|n| *n >= 0.0 && *n < 1e12)
                .map(Some)
                .ok_or_else(|| self.bad(name, "must be a number, not negative")),
        }
    }

    /// Seconds, fractions allowed, as milliseconds.
    fn seconds(&self, name: &str) -> Result<Option<u64>, ContextError> {
        Ok(self.number(name)?.map(|s| (s * 1000.0).round() as u64))
    }

    fn time(&self, name: &str) -> Result<Option<TimeMs>, ContextError> {
        match self.text(name)? {
            None => Ok(None),
            Some(t) => read_time(t)
                .map(Some)
                .ok_or_else(|| self.bad(name, "must be an ISO 8601 instant in UTC")),
        }
    }

    fn object(&self, name: &str) -> Result<Option<&'m Map<String, Value>>, ContextError> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::Object(m)) => Ok(Some(m)),
            Some(_) => Err(self.bad(name, "must be an object")),
        }
    }

    fn array(&self, name: &str) -> Result<Option<&'m Vec<Value>>, ContextError> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::Array(a)) if !a.is_empty() => Ok(Some(a)),
            Some(_) => Err(self.bad(name, "must be an array that is not empty")),
        }
    }

    fn names(&self, name: &str) -> Result<Option<Vec<&'m str>>, ContextError> {
        self.array(name)?
            .map(|all| {
                all.iter()
                    .map(|v| {
                        v.as_str()
                            .ok_or_else(|| self.bad(name, "must hold texts only"))
                    })
                    .collect()
            })
            .transpose()
    }

    fn pairs(&self, name: &str) -> Result<Vec<(String, String)>, ContextError> {
        let Some(items) = self.array(name)? else {
            return Ok(Vec::new());
        };
        items
            .iter()
            .map(|v| {
                let part = |k: &str| v.get(k).and_then(Value::as_str).map(str::to_owned);
                part("key")
                    .zip(part("value"))
                    .ok_or_else(|| self.bad(name, "must hold {\"key\": ..., \"value\": ...}"))
            })
            .collect()
    }
}
