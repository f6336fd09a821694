//! The context engine from outside: JSON in, commits and JSON out, on the memory store.

mod support;
mod writes;
