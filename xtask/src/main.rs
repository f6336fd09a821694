//! Build, test, tidy and benchmark this repository.

fn main() {}
