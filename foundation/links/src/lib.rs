//! How a city plugs in: MQTT.
