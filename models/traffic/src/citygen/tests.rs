//! Placeholder until the checks below are written.
