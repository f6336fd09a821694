//! `conurb up`: the loop at wall time, behind HTTP and MQTT.

pub(crate) mod meters;
pub(crate) mod node;
