//! The MQTT link against a real Mosquitto.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod broker;
mod mqtt;
