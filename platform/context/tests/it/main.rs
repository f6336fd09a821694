//! The context engine from outside: JSON in, commits and JSON out, on the memory store.

mod formats;
mod jsonld;
mod queries;
mod support;
mod writes;
