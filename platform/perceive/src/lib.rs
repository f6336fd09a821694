//! Intake: mapping, units, quality flags.
