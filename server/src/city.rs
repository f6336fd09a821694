//! What a day is run on: files the user has, or a generated city.

mod additional;
mod buses;
pub(crate) mod maps;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use conurb_traffic::citygen;
use conurb_traffic::sumo::{self, NetworkOptions};
use conurb_traffic::{Changes, ChangesFile, Clearance, Demand, Network};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::{CityArgs, MapArgs, NetworkArgs};
use crate::fail::{Failure, io};
use crate::gen_cmd::options_from_spec;
use crate::out::Text;

/// Largest input file, bytes.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// One file that was read (or generated).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Input {
    /// `network`, `demand`, `plan`, ...
    pub(crate) role: String,
    /// File name without its folder.
    pub(crate) file: String,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub(crate) sha256: String,
    /// Its size.
    pub(crate) bytes: u64,
    /// What the reader noticed: unknown members, repaired values, dropped vehicles.
    pub(crate) notes: Vec<String>,
}

/// A city to run.
pub(crate) struct City {
    /// Road network.
    pub(crate) network: Arc<Network>,
    /// Its file's bytes, kept as a blob for replays.
    #[cfg_attr(not(feature = "signals"), allow(dead_code))] // only a day keeps blobs
    pub(crate) network_bytes: Vec<u8>,
    /// Demand.
    pub(crate) demand: Arc<Demand>,
    /// What its files change on the streets during a run.
    pub(crate) changes: ChangesFile,
    /// For the report.
    pub(crate) inputs: Vec<Input>,
    /// Which generator made it, where one did.
    pub(crate) synthetic: Option<Text>,
    /// Name for people.
    pub(crate) name: String,
}

impl City {
    /// What its files change on the streets, for a run that lets it happen.
    pub(crate) fn changes(&self) -> Result<Changes, Failure> {
        let file = "additional files";
        Ok(Changes::from_file(&self.changes, file, &self.network)?)
    }
}

/// Loads or generates what the arguments name.
pub(crate) fn load(args: &CityArgs, span_s: u32) -> Result<City, Failure> {
    load_for(args, span_s, Clearance::First)
}

/// [`load`], with the signal programmes of maps made to run by themselves or under a controller.
pub(crate) fn load_for(
    args: &CityArgs,
    span_s: u32,
    clearance: Clearance,
) -> Result<City, Failure> {
    let mut city = match (&args.network, &args.demand) {
        (Some(network), None) if args.buses.gtfs.is_some() => {
            without_demand(args, network, clearance)?
        }
        _ => load_files(args, span_s, clearance)?,
    };
    buses::add(&args.buses, &mut city, span_s)?;
    Ok(city)
}

/// A network on which nobody drives yet.
fn without_demand(args: &CityArgs, network: &Path, clearance: Clearance) -> Result<City, Failure> {
    if maps::is_map(network) {
        return maps::network_only(&args.map, network, clearance);
    }
    let roads = load_roads(&NetworkArgs {
        network: Some(network.to_owned()),
        map: args.map.clone(),
        gen_spec: None,
    })?;
    Ok(City {
        network_bytes: bytes_of(&roads.network)?,
        network: roads.network,
        demand: Arc::new(Demand::none()),
        changes: ChangesFile::default(),
        inputs: roads.inputs,
        synthetic: roads.synthetic,
        name: roads.name,
    })
}

/// A network as it is kept for replays where its file is not in our form.
fn bytes_of(network: &Network) -> Result<Vec<u8>, Failure> {
    let written =
        |e: serde_json::Error| Failure::plain(format!("the network cannot be kept: {e}"), None);
    serde_json::to_vec(&network.to_file()).map_err(written)
}

fn load_files(args: &CityArgs, span_s: u32, clearance: Clearance) -> Result<City, Failure> {
    if let Some(spec) = &args.gen_spec {
        // A generated demand ends with its day.
        let whole = span_s == ALL_DAY_S;
        return generate(
            spec,
            if whole {
                *citygen::SPAN_S.end()
            } else {
                span_s
            },
        );
    }
    let (Some(network), Some(demand)) = (&args.network, &args.demand) else {
        return Err(Failure::plain(
            "name --network and --demand, or --gen",
            None,
        ));
    };
    if maps::is_map(network) {
        return maps::load(args, (network, demand), span_s, clearance);
    }
    no_map_options(&args.map)?;
    let network_bytes = read(network)?;
    let demand_bytes = read(demand)?;
    if is_xml(network) {
        return from_sumo(
            (&network_bytes, &name_of(network)),
            (&demand_bytes, &name_of(demand)),
            (&args.additional, span_s),
        );
    }
    additional::none(&args.additional)?;
    let mark = synthetic_mark(&network_bytes);
    let mut city = build(
        network_bytes,
        &demand_bytes,
        &name_of(network),
        &name_of(demand),
    )?;
    city.synthetic = mark;
    Ok(city)
}

/// Another network has no use for what is said of a map.
fn no_map_options(args: &MapArgs) -> Result<(), Failure> {
    if args.bbox.is_none() && !args.left_hand {
        return Ok(());
    }
    Err(Failure::plain(
        "--bbox and --left-hand are for maps (.osm, .osm.pbf, GMNS tables)",
        None,
    ))
}

/// A road network alone.
pub(crate) struct Roads {
    /// The network.
    pub(crate) network: Arc<Network>,
    /// For the report.
    pub(crate) inputs: Vec<Input>,
    /// Which generator made it, where one did.
    pub(crate) synthetic: Option<Text>,
    /// Name for people.
    pub(crate) name: String,
}

impl Roads {
    fn of(city: City) -> Self {
        let network = city.inputs.into_iter().filter(|i| i.role == "network");
        Self {
            network: city.network,
            inputs: network.collect(),
            synthetic: city.synthetic,
            name: city.name,
        }
    }
}

/// Loads or generates the network the arguments name.
pub(crate) fn load_roads(args: &NetworkArgs) -> Result<Roads, Failure> {
    if let Some(spec) = &args.gen_spec {
        let city = generate(spec, *citygen::SPAN_S.start())?;
        return Ok(Roads::of(city));
    }
    let Some(path) = &args.network else {
        return Err(Failure::plain("name --network, or --gen", None));
    };
    if maps::is_map(path) {
        let city = maps::network_only(&args.map, path, Clearance::First)?;
        return Ok(Roads::of(city));
    }
    no_map_options(&args.map)?;
    let (bytes, name) = (read(path)?, name_of(path));
    let (network, notes) = if is_xml(path) {
        let read = sumo::read_network(&bytes, &name, &NetworkOptions::default())?;
        (read.network, not_modelled(&read.unmodelled))
    } else {
        let network = Network::from_json(&bytes, &name)?;
        let notes = network.notes().to_vec();
        (network, notes)
    };
    let synthetic = synthetic_mark(&bytes);
    let stem = name.split('.').next().unwrap_or(&name).to_owned();
    Ok(Roads {
        network: Arc::new(network),
        inputs: vec![input("network", &name, &bytes, &notes)],
        synthetic,
        name: stem,
    })
}

/// The bytes and the name of one more input file; it is added to those of the report.
pub(crate) fn read_input(
    path: &Path,
    role: &str,
    inputs: &mut Vec<Input>,
) -> Result<(Vec<u8>, String), Failure> {
    let (bytes, name) = (read(path)?, name_of(path));
    inputs.push(input(role, &name, &bytes, &[]));
    Ok((bytes, name))
}

/// The city a generator specification names.
pub(crate) fn generate(spec: &str, span_s: u32) -> Result<City, Failure> {
    let options = options_from_spec(spec, span_s)?;
    let city = citygen::City::generate(&options)?;
    let mark = synthetic_mark(&city.network_json);
    let mut input = build(
        city.network_json,
        &city.demand_json,
        "roadnet.json (generated)",
        "flow.json (generated)",
    )?;
    input.synthetic = mark;
    input.name = format!("synthetic-{}-{}", options.signals, options.seed);
    Ok(input)
}

/// The arterial a specification names: signals in a row from west to east, each with a cross street.
#[cfg(feature = "corridor")]
pub(crate) fn arterial(spec: &str, span_s: u32) -> Result<City, Failure> {
    let mut options = citygen::grid::GridOptions {
        columns: 21,
        rows: 1,
        block_x_m: 333.0,
        block_y_m: 333.0,
        load: 0.7,
        straight: 0.3,
        span_s,
        seed: 5,
    };
    for part in spec.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        let bad = |why: &str| {
            Failure::plain(
                format!("--arterial \"{part}\": {why}"),
                Some("write --arterial signals=21,block=333,load=0.7,seed=5"),
            )
        };
        let (key, value) = part.split_once('=').ok_or_else(|| bad("no key=value"))?;
        match key {
            "signals" => options.columns = value.parse().map_err(|_| bad("no whole number"))?,
            "seed" => options.seed = value.parse().map_err(|_| bad("no whole number"))?,
            "load" => options.load = value.parse().map_err(|_| bad("no number"))?,
            "block" => {
                options.block_x_m = value.parse().map_err(|_| bad("no number"))?;
                options.block_y_m = options.block_x_m;
            }
            _ => return Err(bad("known keys are signals, block, load, seed")),
        }
    }
    let (roads, flows) = citygen::grid::generate(&options)?;
    let mut city = build(
        roads,
        &flows,
        "arterial (generated)",
        "flow.json (generated)",
    )?;
    let seed = options.seed;
    city.synthetic = Some(Text::new(
        format!("合成数据：由 conurb-citygen 生成的干道，种子 {seed}；并非观测"),
        format!("synthetic: an arterial made by conurb-citygen, seed {seed}; not observed"),
    ));
    city.name = format!("arterial-{}-{seed}", options.columns);
    Ok(city)
}

/// A span no demand is longer than, for commands that take all of it.
pub(crate) const ALL_DAY_S: u32 = 86_400 * 7;

fn is_xml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("xml"))
}

/// A city from SUMO's files, by way of ours: the run is that of the converted files.
fn from_sumo(
    (network_bytes, network_name): (&[u8], &str),
    (demand_bytes, demand_name): (&[u8], &str),
    (additional, span_s): (&[PathBuf], u32),
) -> Result<City, Failure> {
    let read = sumo::read_network(network_bytes, network_name, &NetworkOptions::default())?;
    let with = additional::demand(additional, (demand_bytes, demand_name), &read, span_s)?;
    let network = Arc::new(read.network);
    let found = sumo::route_by_traffic(&network, &with.found, 0)?;
    let mut inputs = vec![
        input(
            "network",
            network_name,
            network_bytes,
            &not_modelled(&read.unmodelled),
        ),
        input(
            "demand",
            demand_name,
            demand_bytes,
            &not_modelled(&found.unmodelled),
        ),
    ];
    inputs.extend(with.inputs);
    Ok(City {
        network_bytes: bytes_of(&network)?,
        network,
        demand: Arc::new(found.demand),
        changes: with.changes,
        inputs,
        synthetic: None,
        name: network_name.trim_end_matches(".net.xml").to_owned(),
    })
}

/// What is not modelled, a line each.
fn not_modelled(unmodelled: &sumo::Unmodelled) -> Vec<String> {
    let all = unmodelled.features().into_iter();
    all.map(|f| {
        format!(
            "not modelled: {} ({}, first: {})",
            f.feature, f.count, f.first
        )
    })
    .collect()
}

fn build(
    network_bytes: Vec<u8>,
    demand_bytes: &[u8],
    network_name: &str,
    demand_name: &str,
) -> Result<City, Failure> {
    let network = Network::from_json(&network_bytes, network_name)?;
    let demand = Demand::from_json(demand_bytes, demand_name, &network)?;
    let inputs = vec![
        input("network", network_name, &network_bytes, network.notes()),
        input("demand", demand_name, demand_bytes, demand.notes()),
    ];
    let stem = Path::new(network_name)
        .file_stem()
        .map_or_else(String::new, |s| s.to_string_lossy().into_owned());
    Ok(City {
        network: Arc::new(network),
        network_bytes,
        demand: Arc::new(demand),
        changes: ChangesFile::default(),
        inputs,
        synthetic: None,
        name: stem,
    })
}

/// The generator's mark in a network file, so that generated files stay marked wherever they go.
fn synthetic_mark(network_bytes: &[u8]) -> Option<Text> {
    let value: serde_json::Value = serde_json::from_slice(network_bytes).ok()?;
    let mark = value.get("synthetic")?;
    let text = |name: &str| {
        mark.get(name)
            .map(|v| v.to_string().trim_matches('"').to_owned())
    };
    let (generator, version, seed) = (text("generator")?, text("version")?, text("seed")?);
    Some(Text::new(
        format!("合成数据：由 {generator} {version} 生成，种子 {seed}；并非观测"),
        format!("synthetic: made by {generator} {version}, seed {seed}; not observed"),
    ))
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let size = std::fs::metadata(path)
        .map_err(|e| io(path, "cannot read", &e))?
        .len();
    if size > FILE_BYTES_MAX {
        return Err(Failure::plain(
            format!(
                "{} has {size} bytes; at most {FILE_BYTES_MAX} are read",
                path.display()
            ),
            None,
        ));
    }
    std::fs::read(path).map_err(|e| io(path, "cannot read", &e))
}

pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |n| n.to_string_lossy().into_owned(),
    )
}

/// What a file was, for the report.
pub(crate) fn input(role: &str, file: &str, bytes: &[u8], notes: &[String]) -> Input {
    use sha2::Digest as _;
    Input {
        role: role.to_owned(),
        file: file.to_owned(),
        sha256: hex::encode(sha2::Sha256::digest(bytes)),
        bytes: bytes.len() as u64,
        notes: notes.to_vec(),
    }
}
