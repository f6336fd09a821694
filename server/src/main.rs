//! Conurb: cities that see, decide and act together.

fn main() {}
