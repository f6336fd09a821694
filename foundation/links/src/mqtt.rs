//! MQTT 3.1.1 (OASIS Standard, 29 October 2014): subscribe, acknowledge after the durable write,
//! publish commands.
//!
//! Two tasks share a link. The *reader* owns the connection; it hands publications to the *worker*
//! over a bounded channel and stops reading while that is full. The worker runs handlers side by
//! side, acknowledges in the order of arrival (clause 4.6), and asks the reader to reconnect when a
//! message did not become durable: a broker sends again only to a new connection (clause 4.4).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conurb_base::{SharedClock, TimeMs};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, StreamExt};
use rumqttc::{
    AsyncClient, Event, EventLoop, Packet, Publish, QoS, SubscribeFilter, SubscribeReasonCode,
};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

use crate::backoff::BackOff;
use crate::error::LinkError;
use crate::health::MqttHealth;

/// Where to connect and how much may be under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttOptions {
    /// Host name or address of the broker.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Our name at the broker; the session belongs to it.
    pub client_id: String,
    /// User name and password.
    pub credentials: Option<(String, String)>,
    /// Topic filters, subscribed with QoS 1.
    pub subscriptions: Vec<String>,
    /// Whether the broker forgets us when we go. Off by default: messages wait for us.
    pub clean_session: bool,
    /// Messages handled at once at most.
    pub in_flight_max: usize,
    /// Bytes of a payload that are handed on; a larger one is refused.
    pub payload_bytes_max: usize,
    /// Bytes of a packet that are read at all; a larger one breaks the connection.
    pub packet_bytes_max: usize,
    /// Publications waiting to be sent at most.
    pub publish_waiting_max: usize,
    /// Ping interval in seconds.
    pub keep_alive_s: u64,
    /// First and longest wait before a new attempt to connect, in ms.
    pub reconnect_ms: (u64, u64),
}

impl Default for MqttOptions {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 1883,
            client_id: "conurb".to_owned(),
            credentials: None,
            subscriptions: Vec::new(),
            clean_session: false,
            in_flight_max: 64,
            payload_bytes_max: 4 << 20,
            packet_bytes_max: 16 << 20,
            publish_waiting_max: 1024,
            keep_alive_s: 30,
            reconnect_ms: (200, 30_000),
        }
    }
}

impl MqttOptions {
    fn check(&self) -> Result<(), LinkError> {
        let bad = |option, detail: &str| {
            Err(LinkError::Options {
                option,
                detail: detail.to_owned(),
            })
        };
        if self.host.is_empty() {
            return bad("host", "is empty");
        }
        if self.client_id.is_empty() || self.client_id.starts_with(' ') {
            return bad("client_id", "is empty; a session needs a name");
        }
        if self.subscriptions.len() > 1024
            || self
                .subscriptions
                .iter()
                .any(|s| s.is_empty() || s.len() > 65_535)
        {
            return bad("subscriptions", "at most 1,024 filters, none of them empty");
        }
        if !(1..=10_000).contains(&self.in_flight_max) {
            return bad("in_flight_max", "must be 1 to 10,000");
        }
        if !(1..=100_000).contains(&self.publish_waiting_max) {
            return bad("publish_waiting_max", "must be 1 to 100,000");
        }
        if !(1..=65_535).contains(&self.keep_alive_s) {
            return bad("keep_alive_s", "must be 1 to 65,535");
        }
        if self.payload_bytes_max == 0 || self.packet_bytes_max < self.payload_bytes_max {
            return bad(
                "packet_bytes_max",
                "must be at least payload_bytes_max, and that above 0",
            );
        }
        Ok(())
    }
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MqttMessage {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
    /// When it came.
    pub received_at: TimeMs,
    /// Whether the broker says that it sent it before.
    pub redelivered: bool,
    /// Whether the broker had kept it from earlier.
    pub retained: bool,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Its content is on disk: acknowledge.
    Durable,
    /// It can never be used, with the reason: count it and acknowledge, it would be no better.
    Refused(String),
    /// It is not on disk now: do not acknowledge, so that it comes again.
    NotDurable(String),
}

/// Takes a message and answers once its fate is known. While intake is full the future just waits:
/// the link then stops reading.
pub type Handler = Arc<dyn Fn(MqttMessage) -> BoxFuture<'static, Verdict> + Send + Sync>;

struct Shared {
    health: Mutex<MqttHealth>,
    clock: SharedClock,
    /// Counts connections: an acknowledgement for an earlier one is void.
    epoch: AtomicU64,
    reconnect: Notify,
    stopping: AtomicBool,
    stop: Notify,
}

impl Shared {
    fn health(&self) -> MutexGuard<'_, MqttHealth> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running link. Dropping it stops it; what was not acknowledged comes again to the session.
#[derive(Debug)]
pub struct MqttLink {
    client: AsyncClient,
    shared: Arc<Shared>,
    reader: JoinHandle<()>,
    worker: JoinHandle<()>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shared")
    }
}

struct Incoming {
    publish: Publish,
    epoch: u64,
    received_at: TimeMs,
}

impl MqttLink {
    /// Starts the link on the current tokio runtime; it connects, and reconnects, by itself.
    ///
    /// # Errors
    /// When the options make no sense. A broker that is away is no error but health.
    pub fn start(
        options: MqttOptions,
        clock: SharedClock,
        handler: Handler,
    ) -> Result<Self, LinkError> {
        options.check()?;
        let mut o = rumqttc::MqttOptions::new(&options.client_id, &options.host, options.port);
        o.set_keep_alive(Duration::from_secs(options.keep_alive_s));
        o.set_clean_session(options.clean_session);
        o.set_manual_acks(true);
        o.set_max_packet_size(options.packet_bytes_max, options.packet_bytes_max);
        if let Some((user, password)) = &options.credentials {
            o.set_credentials(user, password);
        }
        // Room for every acknowledgement that can be outstanding and all publications allowed to
        // wait: so the worker never waits for the reader while the reader waits for the worker.
        let room = 2 * options.in_flight_max + options.publish_waiting_max + 16;
        let (client, connection) = AsyncClient::new(o, room);
        let shared = Arc::new(Shared {
            health: Mutex::new(MqttHealth::default()),
            clock,
            epoch: AtomicU64::new(0),
            reconnect: Notify::new(),
            stopping: AtomicBool::new(false),
            stop: Notify::new(),
        });
        let (tx, rx) = mpsc::channel(options.in_flight_max);
        let worker = Worker {
            client: client.clone(),
            shared: shared.clone(),
            handler,
            in_flight_max: options.in_flight_max,
            payload_bytes_max: options.payload_bytes_max,
        };
        let reader = Reader {
            connection,
            client: client.clone(),
            shared: shared.clone(),
            tx,
            options,
        };
        Ok(Self {
            client,
            shared,
            reader: tokio::spawn(reader.run()),
            worker: tokio::spawn(worker.run(rx)),
        })
    }

    /// Publishes a command with QoS 1, without waiting for the broker.
    ///
    /// # Errors
    /// When the topic is none, the link has stopped, or too many messages wait to be sent.
    pub fn publish(&self, topic: &str, payload: Vec<u8>, retain: bool) -> Result<(), LinkError> {
        let bad = |detail| {
            Err(LinkError::Topic {
                topic: topic.to_owned(),
                detail,
            })
        };
        if topic.is_empty() || topic.len() > 65_535 {
            return bad("must be 1 to 65,535 bytes long");
        }
        if topic.contains(['+', '#', '\0']) {
            return bad("has a wildcard or a zero in it");
        }
        let not_sent = |detail: String| LinkError::NotSent {
            topic: topic.to_owned(),
            detail,
        };
        if self.shared.stopping.load(Ordering::SeqCst) {
            return Err(not_sent("the link has stopped".to_owned()));
        }
        self.client
            .try_publish(topic, QoS::AtLeastOnce, retain, payload)
            .map_err(|_| not_sent("too many messages wait to be sent".to_owned()))?;
        self.shared.health().published += 1;
        Ok(())
    }

    /// Its health now.
    #[must_use]
    pub fn health(&self) -> MqttHealth {
        self.shared.health().clone()
    }

    /// Stops reading, lets handlers that are under way finish and be acknowledged, and
    /// disconnects; after `patience` it goes regardless.
    pub async fn stop(mut self, patience: Duration) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.shared.stop.notify_one();
        let both = async {
            let _ = (&mut self.reader).await;
        };
        // An error is the end of patience: dropping self ends both tasks.
        let _ = tokio::time::timeout(patience, both).await;
    }
}

impl Drop for MqttLink {
    fn drop(&mut self) {
        self.reader.abort();
        self.worker.abort();
    }
}

struct Reader {
    connection: EventLoop,
    client: AsyncClient,
    shared: Arc<Shared>,
    tx: mpsc::Sender<Incoming>,
    options: MqttOptions,
}

impl Reader {
    async fn run(mut self) {
        let (least, most) = self.options.reconnect_ms;
        let mut backoff = BackOff::new(Duration::from_millis(least), Duration::from_millis(most));
        loop {
            let shared = self.shared.clone();
            let event = tokio::select! {
                event = self.connection.poll() => event,
                () = shared.reconnect.notified() => {
                    self.break_off("a message did not become durable").await;
                    tokio::time::sleep(backoff.wait()).await;
                    continue;
                }
                () = shared.stop.notified() => return self.finish().await,
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => self.connected(),
                Ok(Event::Incoming(Packet::SubAck(ack))) => {
                    let refused =
                        |c: &&SubscribeReasonCode| matches!(c, SubscribeReasonCode::Failure);
                    let count = ack.return_codes.iter().filter(refused).count() as u64;
                    self.shared.health().subscriptions_refused += count;
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    if !self.hand_over(publish).await {
                        return;
                    }
                    // A message came through: the connection is worth something.
                    backoff.reset();
                }
                Ok(_) => {}
                Err(error) => {
                    self.broken(&error.to_string());
                    tokio::select! {
                        () = tokio::time::sleep(backoff.wait()) => {}
                        () = shared.stop.notified() => return,
                    }
                }
            }
        }
    }

    fn connected(&self) {
        self.shared.epoch.fetch_add(1, Ordering::SeqCst);
        {
            let mut health = self.shared.health();
            health.connected = true;
            health.connections += 1;
        }
        if self.options.subscriptions.is_empty() {
            return;
        }
        // Subscribing again to what the session has already changes nothing (3.8.4).
        let filters = self.options.subscriptions.iter();
        let filters = filters.map(|f| SubscribeFilter::new(f.clone(), QoS::AtLeastOnce));
        if let Err(error) = self.client.try_subscribe_many(filters) {
            tracing::warn!(%error, "subscription could not be sent");
            self.shared.health().last_error = Some(error.to_string());
            self.shared.reconnect.notify_one();
        }
    }

    /// False when the worker is gone.
    async fn hand_over(&mut self, publish: Publish) -> bool {
        let received_at = self.shared.clock.now();
        {
            let mut health = self.shared.health();
            health.received += 1;
            health.received_bytes += publish.payload.len() as u64;
            health.redelivered += u64::from(publish.dup);
            health.last_seen = Some(received_at);
        }
        let epoch = self.shared.epoch.load(Ordering::SeqCst);
        self.tx
            .send(Incoming {
                publish,
                epoch,
                received_at,
            })
            .await
            .is_ok()
    }

    fn broken(&self, error: &str) {
        self.shared.epoch.fetch_add(1, Ordering::SeqCst);
        tracing::warn!(error, host = %self.options.host, port = self.options.port, "MQTT link is down");
        let mut health = self.shared.health();
        health.connected = false;
        health.failures += 1;
        health.last_error = Some(error.to_owned());
    }

    /// Ends the connection without saying goodbye; the session stays.
    async fn break_off(&mut self, why: &str) {
        self.broken(why);
        self.connection.clean();
    }

    /// Waits until the worker has answered for everything, sends what it answered, and leaves.
    async fn finish(mut self) {
        let (closed, _) = mpsc::channel(1);
        self.tx = closed; // the worker's channel ends, and with it the worker
        let shared = self.shared.clone();
        loop {
            tokio::select! {
                event = self.connection.poll() => {
                    match event {
                        Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) | Err(_) => break,
                        // Neither handled nor acknowledged: it comes again.
                        Ok(_) => {}
                    }
                }
                () = shared.stop.notified() => {
                    if self.client.try_disconnect().is_err() {
                        break;
                    }
                }
            }
        }
        shared.health().connected = false;
    }
}

struct Worker {
    client: AsyncClient,
    shared: Arc<Shared>,
    handler: Handler,
    in_flight_max: usize,
    payload_bytes_max: usize,
}

impl Worker {
    async fn run(self, mut rx: mpsc::Receiver<Incoming>) {
        let mut under_way = FuturesOrdered::new();
        let mut open = true;
        while open || !under_way.is_empty() {
            tokio::select! {
                incoming = rx.recv(), if open && under_way.len() < self.in_flight_max => {
                    match incoming {
                        Some(incoming) => under_way.push_back(self.handle(incoming)),
                        None => open = false,
                    }
                }
                Some((incoming, verdict)) = under_way.next(), if !under_way.is_empty() => {
                    self.answer(&incoming, verdict).await;
                }
            }
        }
        // All is answered: tells the reader, which waits for it when stopping.
        self.shared.stop.notify_one();
    }

    fn handle(&self, mut incoming: Incoming) -> BoxFuture<'static, (Incoming, Verdict)> {
        let (bytes, limit) = (incoming.publish.payload.len(), self.payload_bytes_max);
        if bytes > limit {
            let why = format!("a payload of {bytes} bytes; the limit is {limit}");
            return Box::pin(async move { (incoming, Verdict::Refused(why)) });
        }
        let message = MqttMessage {
            topic: incoming.publish.topic.clone(),
            payload: incoming.publish.payload.to_vec(),
            received_at: incoming.received_at,
            redelivered: incoming.publish.dup,
            retained: incoming.publish.retain,
        };
        incoming.publish.payload.clear();
        // A task of its own: a handler that panics is a message that did not become durable.
        let task = tokio::spawn((self.handler)(message));
        Box::pin(async move {
            let verdict = task
                .await
                .unwrap_or_else(|e| Verdict::NotDurable(e.to_string()));
            (incoming, verdict)
        })
    }

    async fn answer(&self, incoming: &Incoming, verdict: Verdict) {
        let current = incoming.epoch == self.shared.epoch.load(Ordering::SeqCst);
        let acknowledge = {
            let mut health = self.shared.health();
            match verdict {
                Verdict::Durable => {
                    let lag_ms = self.shared.clock.now().since_ms(incoming.received_at);
                    health.durable += 1;
                    health.lag_ms = Some(lag_ms);
                    health.lag_max_ms = health.lag_max_ms.max(lag_ms);
                    true
                }
                Verdict::Refused(why) => {
                    tracing::warn!(topic = %incoming.publish.topic, why, "MQTT message refused");
                    health.refused += 1;
                    health.last_refusal = Some(why);
                    true
                }
                Verdict::NotDurable(why) => {
                    tracing::warn!(topic = %incoming.publish.topic, why, "MQTT message not durable");
                    health.not_durable += 1;
                    health.last_error = Some(why);
                    false
                }
            }
        };
        if !current {
            return; // the broker sends it again; the write is idempotent
        }
        if !acknowledge {
            // At QoS 0 there is nothing to send again.
            if incoming.publish.qos != QoS::AtMostOnce {
                self.shared.reconnect.notify_one();
            }
        } else if let Err(error) = self.client.ack(&incoming.publish).await {
            tracing::warn!(%error, "acknowledgement could not be sent");
        }
    }
}
