//! MQTT intake of the node: payloads through the mappings into the one write path, acknowledged
//! once they are durable; commands out, receipts back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conurb_act::Receipt;
use conurb_base::SharedClock;
use conurb_context::WriteOp;
use conurb_links::{Handler, MqttHealth, MqttLink, MqttMessage, MqttOptions, Verdict};
use conurb_perceive::{LinkHealth, Mapping, Receiver};
use serde::Deserialize;

use super::node::{WriteFailure, Writer};
use super::outbox::Receipts;
use crate::config::MqttConfig;
use crate::fail::{Failure, io};

/// Entities whose newest observation a receiver remembers, to tell doubles and disorder.
const REMEMBERED_MAX: usize = 500_000;

/// The link, once it is there; commands can be handed to it before.
#[derive(Default)]
pub(crate) struct MqttPort {
    link: Mutex<Option<MqttLink>>,
    receivers: Arc<Mutex<Vec<Receiver>>>,
}

/// A receipt as an actuator publishes it under `<command_prefix>/receipt`.
#[derive(Debug, Deserialize)]
struct ReceiptMessage {
    command: String,
    #[serde(flatten)]
    receipt: Receipt,
}

impl MqttPort {
    /// A port with the mappings of `config`, not connected yet.
    pub(crate) fn load(config: &MqttConfig) -> Result<Self, Failure> {
        let mut receivers = Vec::new();
        for path in &config.mappings {
            let text = std::fs::read_to_string(path).map_err(|e| io(path, "cannot read", &e))?;
            let mapping = Mapping::from_toml(&text, &path.display().to_string())?;
            receivers.push(Receiver::new(mapping, REMEMBERED_MAX));
        }
        Ok(Self {
            link: Mutex::new(None),
            receivers: Arc::new(Mutex::new(receivers)),
        })
    }

    /// Connects; from here on payloads come in. Needs a Tokio runtime around it.
    pub(crate) fn connect(
        &self,
        config: &MqttConfig,
        clock: SharedClock,
        writer: Writer,
        receipts: Receipts,
    ) -> Result<(), Failure> {
        let mut subscriptions: Vec<String> = self
            .receivers()
            .iter()
            .flat_map(|r| {
                r.mapping()
                    .sources()
                    .map(|s| s.topic.to_owned())
                    .collect::<Vec<_>>()
            })
            .collect();
        let receipt_topic = config
            .command_prefix
            .as_ref()
            .map(|p| format!("{p}/receipt"));
        subscriptions.extend(receipt_topic.clone());
        subscriptions.sort();
        subscriptions.dedup();
        let options = MqttOptions {
            host: config.host.clone(),
            port: config.port,
            client_id: config.client_id.clone(),
            credentials: credentials(config)?,
            subscriptions,
            ..MqttOptions::default()
        };
        let receivers = self.receivers.clone();
        let handler: Handler = Arc::new(move |message: MqttMessage| {
            if Some(&message.topic) == receipt_topic.as_ref() {
                let verdict = receipt(&message.payload, &receipts);
                return Box::pin(async move { verdict });
            }
            let (receivers, writer) = (receivers.clone(), writer.clone());
            Box::pin(async move { take_in(&receivers, &writer, message).await })
        });
        let link = MqttLink::start(options, clock, handler)?;
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
        Ok(())
    }

    /// Publishes a command.
    pub(crate) fn publish(&self, topic: &str, payload: Vec<u8>) -> Result<(), String> {
        match &*self.link.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(link) => link
                .publish(topic, payload, false)
                .map_err(|e| e.to_string()),
            None => Err("the MQTT link is not up".to_owned()),
        }
    }

    /// Health of the connection, and of each source.
    pub(crate) fn health(&self) -> (MqttHealth, Vec<LinkHealth>) {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let health = link.as_ref().map(MqttLink::health).unwrap_or_default();
        let sources = self
            .receivers()
            .iter()
            .flat_map(|r| r.health().to_vec())
            .collect();
        (health, sources)
    }

    /// Stops reading; what is under way is written and acknowledged first.
    pub(crate) async fn stop(&self, patience: Duration) {
        let link = self
            .link
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(link) = link {
            link.stop(patience).await;
        }
    }

    fn receivers(&self) -> std::sync::MutexGuard<'_, Vec<Receiver>> {
        self.receivers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn credentials(config: &MqttConfig) -> Result<Option<(String, String)>, Failure> {
    let Some(user) = &config.username else {
        return Ok(None);
    };
    let password = match &config.password_env {
        None => String::new(),
        Some(name) => std::env::var(name).map_err(|_| {
            Failure::plain(
                format!("mqtt.password_env names {name}, which is not set"),
                Some("set it in the environment of the node"),
            )
        })?,
    };
    Ok(Some((user.clone(), password)))
}

fn receipt(payload: &[u8], receipts: &Receipts) -> Verdict {
    match serde_json::from_slice::<ReceiptMessage>(payload) {
        Err(e) => Verdict::Refused(format!("no receipt: {e}")),
        Ok(m) => {
            if receipts.push(m.command, m.receipt) {
                Verdict::Durable
            } else {
                Verdict::NotDurable("too many receipts wait".to_owned())
            }
        }
    }
}

async fn take_in(
    receivers: &Mutex<Vec<Receiver>>,
    writer: &Writer,
    message: MqttMessage,
) -> Verdict {
    let MqttMessage {
        topic,
        payload,
        received_at,
        ..
    } = message;
    let received = {
        let mut receivers = receivers.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(receiver) = receivers
            .iter_mut()
            .find(|r| r.mapping().source_of(&topic).is_ok())
        else {
            return Verdict::Refused(format!("no source of the mappings takes {topic}"));
        };
        receiver.receive(&payload, &topic, received_at)
    };
    let received = match received {
        Ok(received) => received,
        Err(e) => return Verdict::Refused(e.to_string()),
    };
    if received.entities.is_empty() {
        let why = received.refused.first().map(ToString::to_string);
        return why.map_or(Verdict::Durable, Verdict::Refused);
    }
    let ops = received.entities.into_iter().map(WriteOp::upsert).collect();
    match writer.write_patiently(ops, payload.len()).await {
        Ok(written) => match written.outcomes.into_iter().find_map(Result::err) {
            Some(error) => Verdict::Refused(error.to_string()),
            None => Verdict::Durable,
        },
        Err(e @ WriteFailure::Full(_)) => Verdict::Refused(e.to_string()),
        Err(e) => Verdict::NotDurable(e.to_string()),
    }
}
