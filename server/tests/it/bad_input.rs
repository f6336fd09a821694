//! Bad input
