//! Tables of the shared data.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use conurb_base::{Clock as _, SystemClock};

/// Text of a plain or gzipped file.
pub(crate) fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    if path.extension().is_some_and(|e| e == "gz") {
        flate2::read::GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text
}

/// Rows of a CSV file with headers, by column.
pub(crate) fn csv(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let headers = reader.headers().unwrap().clone();
    reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            headers
                .iter()
                .zip(record.iter())
                .map(|(h, c)| (h.trim_start_matches('\u{feff}').to_owned(), c.to_owned()))
                .collect()
        })
        .collect()
}

/// Asserts that `found` is `expected` within `relative` of it.
#[track_caller]
pub(crate) fn near(found: f64, expected: f64, relative: f64) {
    let scale = expected.abs().max(f64::MIN_POSITIVE);
    assert!(
        (found - expected).abs() <= relative * scale,
        "{found} is not {expected} within {relative}"
    );
}

/// The JSON file of oracle values.
pub(crate) fn json(path: &Path) -> serde_json::Value {
    serde_json::from_str(&text(path)).unwrap()
}

/// What a closure gives, and the milliseconds it took.
pub(crate) fn timed<T>(run: impl FnOnce() -> T) -> (T, f64) {
    let clock = SystemClock::new();
    let start = clock.monotonic_ns();
    let found = run();
    (found, (clock.monotonic_ns() - start) as f64 / 1e6)
}
