//! Finding and reading the shared reference data; generated grids; what signals showed.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use conurb_traffic::citygen::grid::{GridOptions, generate};
use conurb_traffic::control::SecondPlan;
use conurb_traffic::{Demand, JunctionIx, Network, Sim, TrafficError};

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

/// Three by three signals, half an hour.
pub(crate) fn three_by_three(load: f64, seed: u64) -> GridOptions {
    GridOptions {
        columns: 3,
        rows: 3,
        block_x_m: 300.0,
        block_y_m: 400.0,
        load,
        straight: 0.3,
        span_s: 1_800,
        seed,
    }
}

/// A generated grid.
pub(crate) fn generated(options: &GridOptions) -> (Arc<Network>, Arc<Demand>) {
    let (net, demand) = generate(options).unwrap();
    let net = Network::from_json(&net, "grid").unwrap();
    let demand = Demand::from_json(&demand, "grid", &net).unwrap();
    (Arc::new(net), Arc::new(demand))
}

/// A plan of every second that notes what it shows.
pub(crate) struct Noted<'a> {
    inner: &'a mut dyn SecondPlan,
    /// By junction, second by second.
    pub(crate) shown: Vec<Vec<u16>>,
}

impl<'a> Noted<'a> {
    pub(crate) fn new(net: &Network, inner: &'a mut dyn SecondPlan) -> Self {
        Self {
            inner,
            shown: vec![Vec::new(); net.junctions().len()],
        }
    }
}

impl SecondPlan for Noted<'_> {
    fn begin(&mut self, sim: &mut Sim) -> Result<(), TrafficError> {
        self.inner.begin(sim)
    }

    fn decide(&mut self, sim: &Sim, time_s: f64) {
        self.inner.decide(sim, time_s);
    }

    fn phase(&mut self, sim: &Sim, junction: JunctionIx, time_s: f64) -> u16 {
        let phase = self.inner.phase(sim, junction, time_s);
        self.shown[junction.ix()].push(phase);
        phase
    }

    fn observe(&mut self, sim: &Sim) {
        self.inner.observe(sim);
    }
}
