//! Time, randomness, errors and identifiers: the ports everything else stands on.
//!
//! **Invariant** No other crate reads the system clock or an entropy source: they take a
//! [`Clock`] and a seed. That is what makes a day replayable to the byte.

mod config;
mod csv_cell;
mod error;
pub mod inequality;
mod rand_stream;
mod time;

pub use config::{ConfigError, from_toml, line_column, nearest};
pub use csv_cell::quoted;
pub use error::{At, Coded, Problem};
pub use rand_stream::{Stream, stream, stream_seed};
pub use time::{Clock, ManualClock, SharedClock, SystemClock, TimeError, TimeMs};
