//! Commands with envelope, receipt, expiry and watchdog.
//!
//! **Invariant** Every command names the decision it carries out, can expire, and has a safe plan
//! to fall back to.

mod command;

pub use command::{Channel, Command, Receipt};
