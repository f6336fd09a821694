//! Frames, projections and plane geometry.
