//! Finding and reading the shared reference data.

use std::io::Read as _;
use std::path::PathBuf;

use conurb_traffic::{Demand, Network};

/// The folder `data/traffic` of the shared test data, if it is there.
pub(crate) fn shared(test: &str) -> Option<PathBuf> {
    let from_env = std::env::var_os("CONURB_SHARED").map(PathBuf::from);
    let found = from_env.or_else(|| {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .ancestors()
            .map(|dir| dir.join("shared"))
            .find(|dir| dir.join("data").is_dir())
    });
    let dir = found
        .map(|dir| dir.join("data/traffic"))
        .filter(|d| d.is_dir());
    if dir.is_none() {
        println!("skipped: needs ../shared ({test})");
    }
    dir
}

/// A file of the shared data as bytes.
pub(crate) fn bytes(path: PathBuf) -> Vec<u8> {
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A gzipped text file of the shared data.
pub(crate) fn gz_text(path: PathBuf) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes(path).as_slice())
        .read_to_string(&mut text)
        .unwrap();
    text
}

/// One of the five sets of the published comparisons.
pub(crate) const SETS: [(&str, &str, &str); 5] = [
    (
        "jinan1",
        "jinan_3x4/roadnet_3_4.json",
        "jinan_3x4/anon_3_4_jinan_real.json",
    ),
    (
        "jinan2",
        "jinan_3x4/roadnet_3_4.json",
        "jinan_3x4/anon_3_4_jinan_real_2000.json",
    ),
    (
        "jinan3",
        "jinan_3x4/roadnet_3_4.json",
        "jinan_3x4/anon_3_4_jinan_real_2500.json",
    ),
    (
        "hangzhou1",
        "hangzhou_4x4/roadnet_4_4.json",
        "hangzhou_4x4/anon_4_4_hangzhou_real.json",
    ),
    (
        "hangzhou2",
        "hangzhou_4x4/roadnet_4_4.json",
        "hangzhou_4x4/anon_4_4_hangzhou_real_5816.json",
    ),
];

/// Loads a set.
pub(crate) fn load(dir: &std::path::Path, set: &str) -> (Network, Demand) {
    let (_, roadnet, flow) = SETS.iter().find(|(name, ..)| *name == set).unwrap();
    let net = Network::from_json(&bytes(dir.join(roadnet)), roadnet).unwrap();
    let demand = Demand::from_json(&bytes(dir.join(flow)), flow, &net).unwrap();
    (net, demand)
}
