//! From committed changes to notifications at their receivers (clause 5.8.6): a thread matches, a
//! task per subscription sends. Neither is ever waited for by who commits.
//!
//! Definitions survive a restart (the registry has them); what waits to be sent does not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use conurb_context::{
    Change, ContextEngine, ContextError, Delivery, LdContext, NotificationSink, Subscriptions,
};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LINK};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc as outbox;

use super::answer::context_link;
use super::fail::Fail;
use super::guard::Guard;

/// How often what time brings is looked at: ends of throttling, intervals.
const TICK: Duration = Duration::from_millis(100);

/// The longest pause between two attempts.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Bounds of sending.
#[derive(Debug, Clone)]
pub(crate) struct NotifierOptions {
    /// Hosts that may be called though they are local.
    pub(crate) allow_hosts: Vec<String>,
    /// Changes that may wait to be matched.
    pub(crate) changes_max: usize,
    /// Notifications that may wait per subscription.
    pub(crate) outbox_max: usize,
    /// Attempts per notification.
    pub(crate) attempts: u32,
    /// Pause after the first failure; it doubles.
    pub(crate) retry_first: Duration,
    /// How long an endpoint may take where the subscription does not say.
    pub(crate) timeout: Duration,
}

impl Default for NotifierOptions {
    fn default() -> Self {
        Self {
            allow_hosts: Vec::new(),
            changes_max: 200_000,
            outbox_max: 1_000,
            attempts: 6,
            retry_first: Duration::from_secs(1),
            timeout: Duration::from_secs(10),
        }
    }
}

/// What was lost, for the metrics: nothing is dropped in silence.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    /// Changes not matched, as too many waited.
    pub(crate) changes: AtomicU64,
    /// Notifications not sent: the outbox was full, or all attempts failed.
    pub(crate) notifications: AtomicU64,
}

/// One notification as it goes out.
struct Parcel {
    uri: String,
    headers: HeaderMap,
    body: Vec<u8>,
    timeout: Duration,
    cooldown: Duration,
}

struct Shared {
    subscriptions: Subscriptions,
    outboxes: Mutex<BTreeMap<Arc<str>, outbox::Sender<Parcel>>>,
    options: NotifierOptions,
    guard: Guard,
    client: reqwest::Client,
    runtime: Handle,
    waiting: AtomicUsize,
    lost: Lost,
}

/// The subscriptions of a node and their delivery.
pub(crate) struct Notifier {
    shared: Arc<Shared>,
    count: AtomicUsize,
    changes: mpsc::Sender<Vec<Change>>,
}

impl Notifier {
    /// Opens the subscriptions in the engine's registry and starts delivering on `runtime`.
    pub(crate) fn open(
        engine: Arc<ContextEngine>,
        options: NotifierOptions,
        runtime: Handle,
    ) -> Result<Self, ContextError> {
        let guard = Guard::new(&options.allow_hosts);
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(guard.clone())
            .build()
            .expect("a client without TLS and proxies always builds");
        let subscriptions = Subscriptions::open(engine)?;
        let count = AtomicUsize::new(subscriptions.list().len());
        let shared = Arc::new(Shared {
            subscriptions,
            outboxes: Mutex::default(),
            options,
            guard,
            client,
            runtime,
            waiting: AtomicUsize::new(0),
            lost: Lost::default(),
        });
        let (changes, incoming) = mpsc::channel();
        let matcher = shared.clone();
        std::thread::Builder::new()
            .name("notify".to_owned())
            .spawn(move || match_changes(&matcher, &incoming))
            .expect("a thread starts while the node starts");
        Ok(Self {
            shared,
            count,
            changes,
        })
    }

    /// Takes committed changes. Called by who commits: costs one load without subscriptions, a
    /// clone of pointers otherwise; never waits.
    pub(crate) fn on_changes(&self, changes: &[Change]) {
        if changes.is_empty() || self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let n = changes.len();
        let waiting = self.shared.waiting.fetch_add(n, Ordering::Relaxed);
        if waiting.saturating_add(n) > self.shared.options.changes_max
            || self.changes.send(changes.to_vec()).is_err()
        {
            self.shared.waiting.fetch_sub(n, Ordering::Relaxed);
            let before = self
                .shared
                .lost
                .changes
                .fetch_add(n as u64, Ordering::Relaxed);
            tracing::warn!(
                changes = n,
                so_far = before,
                "changes are not matched with subscriptions: too many wait"
            );
        }
    }

    /// The subscriptions.
    pub(crate) fn subscriptions(&self) -> &Subscriptions {
        &self.shared.subscriptions
    }

    /// What was lost so far.
    pub(crate) fn lost(&self) -> &Lost {
        &self.shared.lost
    }

    /// Creates a subscription whose endpoint may be called.
    pub(crate) fn create(&self, document: &Value, ctx: &Arc<LdContext>) -> Result<Arc<str>, Fail> {
        self.check_endpoint(document)?;
        let id = self.shared.subscriptions.create(document, ctx)?;
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(id)
    }

    /// Changes a subscription; a new endpoint must be one that may be called.
    pub(crate) fn update(&self, id: &str, patch: &Value, ctx: &Arc<LdContext>) -> Result<(), Fail> {
        self.check_endpoint(patch)?;
        Ok(self.shared.subscriptions.update(id, patch, ctx)?)
    }

    /// Deletes a subscription; what waits for it is not sent any more.
    pub(crate) fn delete(&self, id: &str) -> Result<(), Fail> {
        self.shared.subscriptions.delete(id)?;
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.shared.lock().remove(id);
        Ok(())
    }

    fn check_endpoint(&self, document: &Value) -> Result<(), Fail> {
        match document.pointer("/notification/endpoint/uri") {
            Some(Value::String(uri)) => self.shared.guard.endpoint(uri).map(|_| ()),
            _ => Ok(()), // the engine says what is wrong with it
        }
    }
}

/// The thread: changes to notifications, and what time brings, until the notifier is gone.
fn match_changes(shared: &Arc<Shared>, incoming: &mpsc::Receiver<Vec<Change>>) {
    let sink = Sink(shared);
    loop {
        match incoming.recv_timeout(TICK) {
            Ok(changes) => {
                shared.subscriptions.notify(&changes, &sink);
                shared.waiting.fetch_sub(changes.len(), Ordering::Relaxed);
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        shared
            .subscriptions
            .due()
            .into_iter()
            .for_each(|d| sink.deliver(d));
    }
}

struct Sink<'s>(&'s Arc<Shared>);

impl NotificationSink for Sink<'_> {
    fn deliver(&self, delivery: Delivery) {
        let shared = self.0;
        let id = delivery.subscription_id.clone();
        let parcel = Parcel::of(delivery, shared.options.timeout);
        let mut outboxes = shared.lock();
        // its task has ended: the subscription was deleted, and may be back under the same id
        if outboxes.get(&id).is_some_and(outbox::Sender::is_closed) {
            outboxes.remove(&id);
        }
        let sent = outboxes
            .entry(id.clone())
            .or_insert_with(|| {
                let (sender, receiver) = outbox::channel(shared.options.outbox_max.max(1));
                let worker = send_all(shared.clone(), id.clone(), receiver);
                shared.runtime.spawn(worker);
                sender
            })
            .try_send(parcel);
        drop(outboxes);
        if sent.is_err() {
            shared.lose(&id, "its outbox is full");
            shared.subscriptions.report(&id, false);
        }
    }
}

/// Sends the notifications of one subscription in order, until it is deleted.
async fn send_all(shared: Arc<Shared>, id: Arc<str>, mut waiting: outbox::Receiver<Parcel>) {
    while let Some(parcel) = waiting.recv().await {
        let mut pause = shared.options.retry_first;
        let mut attempt = 1;
        loop {
            if shared.subscriptions.get(&id).is_err() {
                return;
            }
            let outcome = shared.send(&parcel).await;
            shared.subscriptions.report(&id, outcome.is_ok());
            match outcome {
                Ok(()) => break,
                Err(Miss::ForGood(why)) => {
                    shared.lose(&id, &why);
                    break;
                }
                Err(Miss::Now(why)) if attempt >= shared.options.attempts => {
                    shared.lose(&id, &why);
                    break;
                }
                Err(Miss::Now(_)) => {
                    attempt += 1;
                    tokio::time::sleep(pause.max(parcel.cooldown)).await;
                    pause = (pause * 2).min(RETRY_MAX);
                }
            }
        }
    }
}

/// Why a notification did not arrive.
enum Miss {
    /// Another attempt may do.
    Now(String),
    /// It would be refused again.
    ForGood(String),
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Arc<str>, outbox::Sender<Parcel>>> {
        self.outboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, id: &str, why: &str) {
        self.lost.notifications.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(subscription = id, why, "a notification was not delivered");
    }

    async fn send(&self, parcel: &Parcel) -> Result<(), Miss> {
        // checked again: the operator may have changed what is allowed since it was created
        let url = self
            .guard
            .endpoint(&parcel.uri)
            .map_err(|_| Miss::ForGood("its endpoint may not be called".to_owned()))?;
        let response = self
            .client
            .post(url)
            .headers(parcel.headers.clone())
            .timeout(parcel.timeout)
            .body(parcel.body.clone())
            .send()
            .await
            .map_err(|e| Miss::Now(e.to_string()))?;
        let status = response.status();
        if status.is_success() {
            Ok(())
        } else if status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429) {
            Err(Miss::Now(format!("the endpoint answered {status}")))
        } else {
            Err(Miss::ForGood(format!("the endpoint answered {status}")))
        }
    }
}

impl Parcel {
    fn of(delivery: Delivery, timeout: Duration) -> Self {
        let endpoint = delivery.endpoint;
        let mut headers = HeaderMap::new();
        for (name, value) in &endpoint.receiver_info {
            // those that frame the message are ours
            let ours = [
                "content-type",
                "content-length",
                "host",
                "transfer-encoding",
                "connection",
                "link",
            ];
            if let (Ok(name), Ok(value)) = (
                HeaderName::try_from(name.as_str()),
                HeaderValue::from_str(value),
            ) && !ours.contains(&name.as_str())
            {
                headers.append(name, value);
            }
        }
        if let Ok(value) = HeaderValue::from_str(&endpoint.accept) {
            headers.insert(CONTENT_TYPE, value);
        }
        if endpoint.accept != "application/ld+json"
            && let Some(link) = context_link(&delivery.context)
            && let Ok(value) = HeaderValue::from_str(&link)
        {
            headers.insert(LINK, value);
        }
        Self {
            uri: endpoint.uri,
            headers,
            body: serde_json::to_vec(&delivery.body).expect("JSON values always serialise"),
            timeout: endpoint.timeout_ms.map_or(timeout, |ms| {
                Duration::from_millis(ms).min(Duration::from_secs(60))
            }),
            cooldown: Duration::from_millis(endpoint.cooldown_ms.unwrap_or(0)).min(RETRY_MAX),
        }
    }
}
