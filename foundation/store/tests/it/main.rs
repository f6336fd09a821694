//! The behaviour suite for every backend, and what is particular to the embedded one.

#![allow(clippy::unwrap_used)] // helpers of tests are tests too

mod faults;
mod kill;
mod model;

use std::path::Path;

use conurb_store::embedded::{self, EmbeddedOptions};
use conurb_store::suite::Text;
use conurb_store::{Stores, memory, store_suite};

fn open_memory(_: &Path) -> Stores<Text> {
    memory::open()
}

fn open_embedded(folder: &Path) -> Stores<Text> {
    embedded::open(folder, EmbeddedOptions::default()).expect("the store opens")
}

fn open_buffered(folder: &Path) -> Stores<Text> {
    embedded::open(folder, EmbeddedOptions::default().buffered()).expect("the store opens")
}

/// Limits so low that segments, seals and checkpoints happen all the time.
fn open_restless(folder: &Path) -> Stores<Text> {
    let options = EmbeddedOptions {
        segment_bytes: 500,
        checkpoint_bytes: 3000,
        head_bytes: 300,
        pack_from_bytes: 100,
        ..EmbeddedOptions::default()
    };
    embedded::open(folder, options).expect("the store opens")
}

store_suite!(memory_backend, open_memory, volatile);
store_suite!(embedded_backend, open_embedded);
store_suite!(embedded_buffered, open_buffered);
store_suite!(embedded_restless, open_restless);
