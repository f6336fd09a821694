//! Intake: mapping, units, quality flags.
//!
//! **Invariant** A gap is a gap: what was not observed is not stored, and no value is replaced.
//! What is doubtful is stored with a flag that says why; what cannot be used is refused by name.
//!
//! **Invariant** Nothing is acknowledged here: an [`Ack`] speaks only when the owner of the state
//! says that a submission is durable, and says "not durable" when it is dropped.

mod error;
mod health;
mod mapping;
mod mapping_file;
mod quality;
mod queue;
mod receiver;
mod record;
mod topic;
mod units;

pub use error::PerceiveError;
pub use health::LinkHealth;
pub use mapping::{Mapped, Mapping, PayloadLimits, SourceInfo};
pub use quality::{QUALITY, Quality, REASON};
pub use queue::{Ack, IntakeQueue, QueueLimits, QueueStats, Submission};
pub use receiver::{Received, Receiver};
pub use topic::topic_matches;
pub use units::{Conversion, Unit, Units};
