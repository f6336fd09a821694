//! Tests of the ledger, its chain and the rules of deciding.

mod chain;
mod rules;
mod support;
