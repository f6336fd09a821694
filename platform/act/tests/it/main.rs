//! Tests of the desk against recording and simulated actuators.

#![allow(clippy::unwrap_used)]

mod desk;
mod faults;
mod support;
mod whole_loop;
