//! Conurb: cities that see, decide and act together.

mod report;

fn main() {}
