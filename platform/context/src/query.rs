//! Reads of current state: retrieve and query (clauses 5.7.1, 5.7.2).

use std::sync::Arc;

use conurb_base::TimeMs;
use regex::Regex;
use serde_json::Value;

use crate::ContextError;
use crate::engine::{ContextEngine, ContextLimits};
use crate::geo::GeoQuery;
use crate::jsonld::LdContext;
use crate::model::{Attribute, Entity, Instances, Name};
use crate::q::Q;
use crate::select::{ScopeQuery, TypeSelection};

/// The parameters of a query as a request carries them, not yet read.
#[derive(Debug, Clone, Default)]
pub struct QueryParams {
    /// `id`: URIs separated by comma.
    pub id: Option<String>,
    /// `idPattern`: a regular expression.
    pub id_pattern: Option<String>,
    /// `type`: a type selection.
    pub kind: Option<String>,
    /// `attrs`: names separated by comma; entities with at least one of them.
    pub attrs: Option<String>,
    /// `q`
    pub q: Option<String>,
    /// `scopeQ`
    pub scope_q: Option<String>,
    /// `georel`
    pub georel: Option<String>,
    /// `geometry`
    pub geometry: Option<String>,
    /// `coordinates`: an array, or its text.
    pub coordinates: Option<Value>,
    /// `geoproperty`
    pub geoproperty: Option<String>,
    /// `local=true`
    pub local: bool,
    /// `limit`
    pub limit: Option<usize>,
    /// `offset`
    pub offset: usize,
    /// `count=true`
    pub count: bool,
}

/// The filters of a query, ready to run.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these ids.
    pub ids: Option<Vec<Arc<str>>>,
    /// Only ids that match.
    pub id_pattern: Option<Regex>,
    /// Only these types.
    pub types: Option<TypeSelection>,
    /// Only entities with at least one of these.
    pub attrs: Vec<Name>,
    /// Only entities that fit.
    pub q: Option<Q>,
    /// Only these scopes.
    pub scope: Option<ScopeQuery>,
    /// Only these places.
    pub geo: Option<GeoQuery>,
}

/// A query ready to run.
#[derive(Debug, Clone)]
pub struct Query {
    /// What fits.
    pub filter: Filter,
    /// How many at most.
    pub limit: usize,
    /// How many to leave out.
    pub offset: usize,
    /// Whether the total is wanted.
    pub count: bool,
}

/// A page of an answer, ascending by id.
#[derive(Debug, Clone)]
pub struct Page {
    /// The entities.
    pub entities: Vec<Arc<Entity>>,
    /// How many fit in all, where that was asked for.
    pub total: Option<usize>,
    /// Whether there are more after these.
    pub more: bool,
}

/// How many entities a page has where the request does not say.
const DEFAULT_LIMIT: usize = 20;

impl Filter {
    /// Reads the filters among `params`; `pattern` beside an id list is ignored, as the standard
    /// says.
    pub fn parse(
        params: &QueryParams,
        ctx: &LdContext,
        limits: &ContextLimits,
    ) -> Result<Self, ContextError> {
        let ids = params
            .id
            .as_ref()
            .map(|text| {
                text.split(',')
                    .map(|id| {
                        let id = id.trim();
                        if crate::check::is_uri(id) {
                            Ok(Arc::from(id))
                        } else {
                            Err(ContextError::data("id", format!("{id:?} is no URI")))
                        }
                    })
                    .collect::<Result<Vec<Arc<str>>, _>>()
            })
            .transpose()?;
        let id_pattern = match (&ids, &params.id_pattern) {
            (None, Some(p)) => Some(crate::q::pattern(p)?),
            _ => None,
        };
        let geo = match (&params.georel, &params.geometry, &params.coordinates) {
            (None, None, None) => None,
            (Some(rel), Some(kind), Some(c)) => Some(GeoQuery::parse(
                rel,
                kind,
                c,
                params.geoproperty.as_deref(),
                ctx,
            )?),
            _ => {
                return Err(ContextError::request(
                    "georel, geometry and coordinates go together",
                ));
            }
        };
        Ok(Self {
            ids,
            id_pattern,
            types: params
                .kind
                .as_ref()
                .map(|t| TypeSelection::parse(t, ctx))
                .transpose()?,
            attrs: match &params.attrs {
                Some(a) => crate::render::Projection::parse(a, ctx)?.attributes,
                None => Vec::new(),
            },
            q: params
                .q
                .as_ref()
                .map(|q| Q::parse(q, ctx, limits.query_terms))
                .transpose()?,
            scope: params
                .scope_q
                .as_ref()
                .map(|s| ScopeQuery::parse(s))
                .transpose()?,
            geo,
        })
    }

    /// Whether `entity` passes all filters.
    #[must_use]
    pub fn fits(&self, entity: &Entity) -> bool {
        self.types.as_ref().is_none_or(|t| t.fits(entity))
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&entity.id))
            && self
                .id_pattern
                .as_ref()
                .is_none_or(|p| p.is_match(&entity.id))
            && (self.attrs.is_empty() || self.attrs.iter().any(|a| entity.instances(a).is_some()))
            && self.scope.as_ref().is_none_or(|s| s.fits(entity))
            && self.q.as_ref().is_none_or(|q| q.fits(entity))
            && self.geo.as_ref().is_none_or(|g| g.fits(entity))
    }
}

impl Query {
    /// Reads `params` with names expanded in `ctx`.
    pub fn parse(
        params: &QueryParams,
        ctx: &LdContext,
        limits: &ContextLimits,
    ) -> Result<Self, ContextError> {
        let filter = Filter::parse(params, ctx, limits)?;
        let narrow = filter.types.is_some()
            || !filter.attrs.is_empty()
            || filter.q.is_some()
            || filter.geo.is_some()
            || params.local;
        if !narrow {
            return Err(ContextError::data(
                "query",
                "is too wide: give type, attrs, q, georel or local=true",
            ));
        }
        let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
        if limit == 0 && !params.count {
            return Err(ContextError::request("limit=0 goes with count=true only"));
        }
        if limit > limits.page {
            return Err(ContextError::request(format!(
                "limit is {limit}, at most {} are given",
                limits.page
            )));
        }
        Ok(Self {
            filter,
            limit,
            offset: params.offset,
            count: params.count,
        })
    }
}

/// The entity without what has expired at `now`; `None` if it has itself.
pub(crate) fn live(entity: &Arc<Entity>, now: TimeMs) -> Option<Arc<Entity>> {
    let gone = |t: Option<TimeMs>| t.is_some_and(|t| t <= now);
    if gone(entity.expires_at) {
        return None;
    }
    if !entity.attributes.iter().any(|(_, i)| has_expired(i, now)) {
        return Some(entity.clone());
    }
    let mut kept = Entity::clone(entity);
    kept.attributes = without_expired(kept.attributes, now);
    Some(Arc::new(kept))
}

fn has_expired(instances: &Instances, now: TimeMs) -> bool {
    instances.iter().any(|a| {
        a.expires_at.is_some_and(|t| t <= now) || a.sub.iter().any(|(_, i)| has_expired(i, now))
    })
}

fn without_expired(attributes: Vec<(Name, Instances)>, now: TimeMs) -> Vec<(Name, Instances)> {
    attributes
        .into_iter()
        .filter_map(|(name, instances)| {
            let kept: Vec<Attribute> = instances
                .into_iter()
                .filter(|a| a.expires_at.is_none_or(|t| t > now))
                .map(|mut a| {
                    a.sub = without_expired(a.sub, now);
                    a
                })
                .collect();
            (!kept.is_empty()).then_some((name, kept))
        })
        .collect()
}

impl ContextEngine {
    /// The entity as it is now; an error if there is none, it has expired, or `types` is given
    /// and does not fit.
    pub fn retrieve(
        &self,
        id: &str,
        types: Option<&TypeSelection>,
    ) -> Result<Arc<Entity>, ContextError> {
        self.stores
            .entities
            .get(id)
            .and_then(|e| live(&e, self.clock.now()))
            .filter(|e| types.is_none_or(|t| t.fits(e)))
            .ok_or_else(|| ContextError::missing(id))
    }

    /// The entities that fit, ascending by id.
    pub fn query(&self, query: &Query) -> Result<Page, ContextError> {
        let now = self.clock.now();
        let mut page = Page {
            entities: Vec::new(),
            total: None,
            more: false,
        };
        let mut found = 0usize;
        let mut take = |e: &Arc<Entity>| -> bool {
            if let Some(e) = live(e, now)
                && query.filter.fits(&e)
            {
                found += 1;
                if found > query.offset {
                    if page.entities.len() < query.limit {
                        page.entities.push(e);
                    } else {
                        page.more = true;
                        return query.count;
                    }
                }
            }
            true
        };
        match &query.filter.ids {
            Some(ids) => {
                let mut sorted: Vec<&Arc<str>> = ids.iter().collect();
                sorted.sort();
                sorted.dedup();
                for id in sorted {
                    if let Some(e) = self.stores.entities.get(id)
                        && !take(&e)
                    {
                        break;
                    }
                }
            }
            None => self.stores.entities.scan(None, &mut |_, e| take(e)),
        }
        page.total = query.count.then_some(found);
        Ok(page)
    }

    /// Visits every live entity ascending by id, until `visit` returns false.
    pub fn each(&self, visit: &mut dyn FnMut(&Arc<Entity>) -> bool) {
        let now = self.clock.now();
        self.stores
            .entities
            .scan(None, &mut |_, e| live(e, now).is_none_or(|e| visit(&e)));
    }
}
