//! How a city plugs in: MQTT.
//!
//! **Invariant** A message is acknowledged only when its handler says that it is durable, or that
//! it can never be. **Invariant** Every queue is bounded; a full one stops reading, it drops nothing.

mod backoff;
mod error;
mod health;
mod mqtt;

pub use backoff::BackOff;
pub use error::LinkError;
pub use health::MqttHealth;
pub use mqtt::{Handler, MqttLink, MqttMessage, MqttOptions, Verdict};
