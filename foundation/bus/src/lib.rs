//! Streams of events: the port, and the in-process default.
