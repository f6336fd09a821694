//! The program from outside: every test runs the built `conurb` in a folder of its own.

mod bad_input;
mod buses;
mod cities;
mod convert;
#[cfg(feature = "signals")]
mod day;
#[cfg(feature = "signals")]
mod decide;
mod help;
mod plan;
mod program;
#[cfg(feature = "signals")]
mod real;
mod schema;
mod sim;
#[cfg(feature = "signals")]
mod stories;
