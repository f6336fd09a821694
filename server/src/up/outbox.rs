//! The way from the desk to actuators: an event on the bus for whoever listens over HTTP, and a
//! message over MQTT where a command prefix is configured. Receipts come back over either.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use conurb_act::{Channel, Command, Receipt};
use conurb_base::TimeMs;
use conurb_bus::Bus;

use super::mqtt::MqttPort;

/// Receipts that may wait for the next turn; further ones are refused, the actuator asks again.
const RECEIPTS_MAX: usize = 100_000;

/// Receipts that came and were not yet looked at. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Receipts(Arc<Mutex<VecDeque<(String, Receipt)>>>);

impl Receipts {
    /// Takes one in; false when too many wait.
    pub(crate) fn push(&self, command_id: String, receipt: Receipt) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= RECEIPTS_MAX {
            return false;
        }
        waiting.push_back((command_id, receipt));
        true
    }

    fn take(&self) -> Vec<(String, Receipt)> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.drain(..).collect()
    }
}

/// The channel of one scenario.
pub(crate) struct Outbox {
    /// Subject of its commands, `command.<scenario>`.
    pub(crate) subject: String,
    /// Where they are published.
    pub(crate) bus: Arc<dyn Bus>,
    /// The link and the prefix of its topics, where configured.
    pub(crate) mqtt: Option<(Arc<MqttPort>, String)>,
    /// Receipts.
    pub(crate) receipts: Receipts,
}

impl Channel for Outbox {
    fn send(&mut self, command: &Command, _now: TimeMs) -> Result<Receipt, String> {
        let bytes = serde_json::to_vec(command).map_err(|e| e.to_string())?;
        self.bus
            .publish(&self.subject, &bytes)
            .map_err(|e| e.to_string())?;
        if let Some((link, prefix)) = &self.mqtt {
            link.publish(&format!("{prefix}/{}", command.actuator), bytes)?;
        }
        Ok(Receipt::Pending)
    }

    fn poll(&mut self, _now: TimeMs) -> Vec<(String, Receipt)> {
        self.receipts.take()
    }
}

#[cfg(test)]
mod tests {
    use conurb_bus::{Delivery, InProcess, Start};

    use super::*;

    #[test]
    fn a_command_is_an_event_and_its_receipt_comes_back_once() {
        let bus: Arc<dyn Bus> = Arc::new(InProcess::default());
        let receipts = Receipts::default();
        let mut outbox = Outbox {
            subject: "command.signals".to_owned(),
            bus: bus.clone(),
            mqtt: None,
            receipts: receipts.clone(),
        };
        let mut follower = bus.subscribe("command.", Start::Oldest).unwrap();
        let command = Command {
            id: "urn:conurb:command:x:0".to_owned(),
            decision_id: "urn:conurb:decision:x".to_owned(),
            actuator: "urn:ngsi-ld:TrafficSignal:x".to_owned(),
            action: serde_json::json!({"phase": 1}),
            issued_at: TimeMs(0),
            expires_at: TimeMs(1000),
        };
        assert_eq!(outbox.send(&command, TimeMs(0)), Ok(Receipt::Pending));
        let Some(Delivery::Event(event)) = follower.try_next() else {
            panic!("no event");
        };
        let read: Command = serde_json::from_slice(&event.payload).unwrap();
        assert_eq!(read, command);
        assert!(receipts.push(command.id.clone(), Receipt::Accepted));
        assert_eq!(
            outbox.poll(TimeMs(1)),
            vec![(command.id, Receipt::Accepted)]
        );
        assert!(outbox.poll(TimeMs(1)).is_empty());
    }
}
