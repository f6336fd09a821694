//! What is known of a link: connection, traffic, refusals.

use conurb_base::TimeMs;
use serde::Serialize;

/// Health of an MQTT link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MqttHealth {
    /// Whether the broker has accepted us and not gone since.
    pub connected: bool,
    /// Connections made.
    pub connections: u64,
    /// Attempts that failed, and connections that broke.
    pub failures: u64,
    /// The last of them.
    pub last_error: Option<String>,
    /// When the last message came.
    pub last_seen: Option<TimeMs>,
    /// Messages that came.
    pub received: u64,
    /// Bytes of their payloads.
    pub received_bytes: u64,
    /// Messages the broker marked as sent before.
    pub redelivered: u64,
    /// Messages whose content is durable.
    pub durable: u64,
    /// Messages refused for good (malformed, too large): acknowledged and counted.
    pub refused: u64,
    /// Why the last one was.
    pub last_refusal: Option<String>,
    /// Messages that did not become durable: not acknowledged, so that they come again.
    pub not_durable: u64,
    /// From arrival to durable, the last one, in ms.
    pub lag_ms: Option<i64>,
    /// The longest such lag, in ms.
    pub lag_max_ms: i64,
    /// Messages published.
    pub published: u64,
    /// Subscriptions the broker has refused.
    pub subscriptions_refused: u64,
}
