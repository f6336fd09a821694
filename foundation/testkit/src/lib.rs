//! Virtual time, faults and golden helpers for tests.
