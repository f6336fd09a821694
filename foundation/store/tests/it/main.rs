//! The behaviour suite for every backend, and what is particular to the embedded one.

use std::path::Path;

use conurb_store::suite::Text;
use conurb_store::{Stores, memory, store_suite};

fn open_memory(_: &Path) -> Stores<Text> {
    memory::open()
}

store_suite!(memory_backend, open_memory, volatile);
