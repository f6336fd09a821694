//! Which subscriptions get which changes, and what they are told (clauses 5.2.14, 5.8.6).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conurb_base::TimeMs;
use serde_json::{Map, Value, json};

use crate::ContextError;
use crate::engine::ContextEngine;
use crate::jsonld::LdContext;
use crate::model::{Change, ChangeKind, Entity};
use crate::parse_value::NULL;
use crate::render::features_json;
use crate::subscription::{Endpoint, Subscription};
use crate::told::{hit, told};

/// The registry's kind of subscriptions.
const KIND: &str = "subscription";

/// One notification to send.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Whose it is.
    pub subscription_id: Arc<str>,
    /// Where it goes.
    pub endpoint: Endpoint,
    /// The user context of the body (`Null` for the core alone): for the Link header.
    pub context: Value,
    /// The `Notification`.
    pub body: Value,
}

/// Who carries notifications away. Must not block: queue, and report how it went through
/// [`Subscriptions::report`].
pub trait NotificationSink: Send + Sync {
    /// Takes one notification.
    fn deliver(&self, delivery: Delivery);
}

/// What is known of one subscription beside its document.
struct Entry {
    subscription: Arc<Subscription>,
    sent: u64,
    failed: u64,
    last_notification: Option<TimeMs>,
    last_success: Option<TimeMs>,
    last_failure: Option<TimeMs>,
    /// On the monotonic clock, in nanoseconds.
    last_sent_ns: Option<u64>,
    /// Held back by throttling: the newest change of each entity.
    held: BTreeMap<Arc<str>, Change>,
    serial: u64,
}

/// The subscriptions of a node; durable in the registry.
pub struct Subscriptions {
    engine: Arc<ContextEngine>,
    entries: Mutex<BTreeMap<Arc<str>, Entry>>,
}

impl std::fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscriptions").finish_non_exhaustive()
    }
}

impl Entry {
    fn new(subscription: Subscription) -> Self {
        Self {
            subscription: Arc::new(subscription),
            sent: 0,
            failed: 0,
            last_notification: None,
            last_success: None,
            last_failure: None,
            last_sent_ns: None,
            held: BTreeMap::new(),
            serial: 0,
        }
    }

    fn json(&self, now: TimeMs) -> Value {
        let mut doc = self.subscription.document.clone();
        doc.insert("status".into(), json!(self.subscription.status(now)));
        if let Some(Value::Object(n)) = doc.get_mut("notification") {
            let mut time = |name: &str, t: Option<TimeMs>| {
                if let Some(t) = t {
                    n.insert(name.to_owned(), json!(t.to_iso()));
                }
            };
            time("lastNotification", self.last_notification);
            time("lastSuccess", self.last_success);
            time("lastFailure", self.last_failure);
            n.insert("timesSent".into(), json!(self.sent));
            n.insert("timesFailed".into(), json!(self.failed));
            let failing = self.last_failure > self.last_success;
            n.insert(
                "status".into(),
                json!(if failing { "failed" } else { "ok" }),
            );
        }
        Value::Object(doc)
    }

    fn gap_open(&self, now_ns: u64, gap_ms: u64) -> bool {
        self.last_sent_ns
            .is_some_and(|t| now_ns.saturating_sub(t) < gap_ms.saturating_mul(1_000_000))
    }
}

impl Subscriptions {
    /// The subscriptions kept in the engine's registry.
    pub fn open(engine: Arc<ContextEngine>) -> Result<Self, ContextError> {
        let mut entries = BTreeMap::new();
        for (id, text) in engine.stores().registry.list(KIND)? {
            let kept: Value = serde_json::from_str(&text)
                .map_err(|e| ContextError::data(id.as_str(), format!("is kept damaged: {e}")))?;
            let ctx = engine.contexts().resolve(&kept["context"])?;
            let s = Subscription::parse(
                &kept["subscription"],
                &ctx,
                engine.contexts(),
                engine.limits(),
            )?;
            entries.insert(s.id.clone(), Entry::new(s));
        }
        Ok(Self {
            engine,
            entries: Mutex::new(entries),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a subscription; returns its id (made up where the document has none).
    pub fn create(&self, document: &Value, ctx: &Arc<LdContext>) -> Result<Arc<str>, ContextError> {
        let now = self.engine.clock().now();
        let mut entries = self.lock();
        if entries.len() >= self.engine.limits().subscriptions {
            return Err(ContextError::TooLarge {
                path: "subscriptions".into(),
                what: format!("more than {}", self.engine.limits().subscriptions),
            });
        }
        let mut document = document.clone();
        if let Value::Object(map) = &mut document {
            map.shift_remove("@context");
            if !map.contains_key("id") {
                let seed = entries.len() as u64 ^ now.0 as u64;
                let text = Value::Object(map.clone()).to_string();
                let mut n = conurb_base::stream_seed(seed, &text, KIND);
                let id = loop {
                    let id = format!("urn:ngsi-ld:Subscription:{n:016x}");
                    if !entries.contains_key(id.as_str()) {
                        break id;
                    }
                    n = n.wrapping_add(1);
                };
                map.insert("id".into(), json!(id));
            }
        }
        let s = self.checked(&document, ctx, now, true)?;
        if entries.contains_key(&s.id) {
            return Err(ContextError::AlreadyExists {
                id: s.id.to_string(),
            });
        }
        self.keep(&s, ctx)?;
        let id = s.id.clone();
        entries.insert(id.clone(), Entry::new(s));
        Ok(id)
    }

    fn checked(
        &self,
        document: &Value,
        ctx: &Arc<LdContext>,
        now: TimeMs,
        future: bool,
    ) -> Result<Subscription, ContextError> {
        let s = Subscription::parse(document, ctx, self.engine.contexts(), self.engine.limits())?;
        if future && s.expires_at.is_some_and(|t| t <= now) {
            return Err(ContextError::data("expiresAt", "lies in the past"));
        }
        Ok(s)
    }

    fn keep(&self, s: &Subscription, ctx: &LdContext) -> Result<(), ContextError> {
        let kept = json!({ "subscription": s.document, "context": ctx.source() });
        Ok(self
            .engine
            .stores()
            .registry
            .put(KIND, &s.id, &kept.to_string())?)
    }

    /// A subscription with its status.
    pub fn get(&self, id: &str) -> Result<Value, ContextError> {
        let now = self.engine.clock().now();
        self.lock()
            .get(id)
            .map(|e| e.json(now))
            .ok_or_else(|| ContextError::missing(format!("the subscription {id}")))
    }

    /// All subscriptions with their status, by id.
    #[must_use]
    pub fn list(&self) -> Vec<Value> {
        let now = self.engine.clock().now();
        self.lock().values().map(|e| e.json(now)).collect()
    }

    /// PATCH: members sent replace, null removes. Where the patch brings no user context, names
    /// stay in the subscription's own.
    pub fn update(
        &self,
        id: &str,
        patch: &Value,
        ctx: &Arc<LdContext>,
    ) -> Result<(), ContextError> {
        let now = self.engine.clock().now();
        let Value::Object(patch) = patch else {
            return Err(ContextError::request("a patch is a JSON object"));
        };
        let mut entries = self.lock();
        let entry = entries
            .get_mut(id)
            .ok_or_else(|| ContextError::missing(format!("the subscription {id}")))?;
        let mut document = entry.subscription.document.clone();
        for (name, value) in patch {
            match name.as_str() {
                "@context" | "status" => {}
                "id" if value.as_str() != Some(id) => {
                    return Err(ContextError::data("id", "cannot change"));
                }
                _ if value.is_null() || value.as_str() == Some(NULL) => {
                    document.shift_remove(name);
                }
                _ => {
                    document.insert(name.clone(), value.clone());
                }
            }
        }
        let own = entry.subscription.names.clone();
        let ctx = if ctx.source().is_null() { &own } else { ctx };
        let expiry = patch.contains_key("expiresAt");
        let s = self.checked(&Value::Object(document), ctx, now, expiry)?;
        if patch.get("isActive") == Some(&Value::Bool(true)) && s.status(now) == "expired" {
            return Err(ContextError::data(
                "isActive",
                "it has expired: give a future expiresAt",
            ));
        }
        self.keep(&s, ctx)?;
        entry.subscription = Arc::new(s);
        entry.held.clear();
        Ok(())
    }

    /// Deletes a subscription.
    pub fn delete(&self, id: &str) -> Result<(), ContextError> {
        let mut entries = self.lock();
        if !entries.contains_key(id) {
            return Err(ContextError::missing(format!("the subscription {id}")));
        }
        self.engine.stores().registry.delete(KIND, id)?;
        entries.remove(id);
        Ok(())
    }

    /// Records how a delivery went.
    pub fn report(&self, id: &str, ok: bool) {
        let now = self.engine.clock().now();
        if let Some(e) = self.lock().get_mut(id) {
            if ok {
                e.last_success = Some(now);
            } else {
                e.failed += 1;
                e.last_failure = Some(now);
            }
        }
    }

    /// Tells `sink` what `changes` set off.
    pub fn notify(&self, changes: &[Change], sink: &dyn NotificationSink) {
        self.matching(changes)
            .into_iter()
            .for_each(|d| sink.deliver(d));
    }

    /// The notifications `changes` set off, by subscription id, then in order of the changes. What
    /// throttling holds back comes out of [`Self::due`] when the gap ends.
    pub fn matching(&self, changes: &[Change]) -> Vec<Delivery> {
        let now = self.engine.clock().now();
        let now_ns = self.engine.clock().monotonic_ns();
        let mut out = Vec::new();
        for entry in self.lock().values_mut() {
            let s = entry.subscription.clone();
            if s.status(now) != "active" || s.interval_ms.is_some() {
                continue;
            }
            let hits: Vec<&Change> = changes.iter().filter(|c| hit(&s, c, now)).collect();
            if hits.is_empty() {
                continue;
            }
            match s.throttling_ms {
                Some(gap) if entry.gap_open(now_ns, gap) => {
                    hits.into_iter().for_each(|c| hold(&mut entry.held, c));
                }
                _ => {
                    for group in groups(&hits) {
                        out.push(entry.send(&s, &group, now, now_ns));
                    }
                }
            }
        }
        out
    }

    /// The notifications whose time has come: the end of a throttling gap, or a `timeInterval`.
    pub fn due(&self) -> Vec<Delivery> {
        let now = self.engine.clock().now();
        let now_ns = self.engine.clock().monotonic_ns();
        let mut out = Vec::new();
        for entry in self.lock().values_mut() {
            let s = entry.subscription.clone();
            if s.status(now) != "active" {
                continue;
            }
            if let Some(gap) = s.throttling_ms
                && !entry.held.is_empty()
                && !entry.gap_open(now_ns, gap)
            {
                let held = std::mem::take(&mut entry.held);
                let changes: Vec<&Change> = held.values().collect();
                out.push(entry.send(&s, &changes, now, now_ns));
            }
            if let Some(gap) = s.interval_ms
                && !entry.gap_open(now_ns, gap)
            {
                let mut entities = Vec::new();
                self.engine.each(&mut |e| {
                    if s.about(e) {
                        entities.push(e.clone());
                    }
                    entities.len() < self.engine.limits().page
                });
                entry.last_sent_ns = Some(now_ns);
                if !entities.is_empty() {
                    let changes: Vec<Change> =
                        entities.into_iter().map(|e| unchanged(e, now)).collect();
                    out.push(entry.send(&s, &changes.iter().collect::<Vec<_>>(), now, now_ns));
                }
            }
        }
        out
    }
}

impl Entry {
    fn send(
        &mut self,
        s: &Subscription,
        changes: &[&Change],
        now: TimeMs,
        now_ns: u64,
    ) -> Delivery {
        self.sent += 1;
        self.serial += 1;
        self.last_notification = Some(now);
        self.last_sent_ns = Some(now_ns);
        let id = conurb_base::stream_seed(now.0 as u64 ^ self.serial, &s.id, "notification");
        let data = if s.endpoint.accept == "application/geo+json" {
            let entities: Vec<Arc<Entity>> = changes.iter().map(|c| c.entity.clone()).collect();
            features_json(&entities, &s.context, &s.view, None)
        } else {
            changes.iter().map(|c| told(s, c)).collect()
        };
        let mut body = Map::new();
        body.insert(
            "id".into(),
            json!(format!(
                "urn:ngsi-ld:Notification:{id:016x}-{}",
                self.serial
            )),
        );
        body.insert("type".into(), json!("Notification"));
        body.insert("subscriptionId".into(), json!(&*s.id));
        body.insert("notifiedAt".into(), json!(now.to_iso()));
        body.insert("data".into(), data);
        if s.endpoint.accept == "application/ld+json" {
            let context = match s.context.source() {
                Value::Null => json!(crate::CORE_CONTEXT_URL),
                other => other.clone(),
            };
            body.insert("@context".into(), context);
        }
        Delivery {
            subscription_id: s.id.clone(),
            endpoint: s.endpoint.clone(),
            context: s.context.source().clone(),
            body: Value::Object(body),
        }
    }
}

fn unchanged(entity: Arc<Entity>, now: TimeMs) -> Change {
    Change {
        seq: 0,
        kind: ChangeKind::Updated,
        before: Some(entity.clone()),
        entity,
        written: Vec::new(),
        at: now,
    }
}

/// Keeps the newest state, and what it was before the first change held back.
fn hold(held: &mut BTreeMap<Arc<str>, Change>, change: &Change) {
    let mut new = change.clone();
    if let Some(old) = held.remove(&change.entity.id) {
        new.before = old.before;
        for name in old.written {
            if !new.written.contains(&name) {
                new.written.push(name);
            }
        }
    }
    held.insert(change.entity.id.clone(), new);
}

/// Splits where an entity changes for a second time: one notification per update of it.
fn groups<'c>(hits: &[&'c Change]) -> Vec<Vec<&'c Change>> {
    let mut all: Vec<Vec<&Change>> = vec![Vec::new()];
    let mut seen = std::collections::BTreeSet::new();
    for change in hits {
        if !seen.insert(&change.entity.id) {
            all.push(Vec::new());
            seen.clear();
            seen.insert(&change.entity.id);
        }
        if let Some(last) = all.last_mut() {
            last.push(change);
        }
    }
    all
}
