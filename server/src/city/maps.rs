//! Cities from maps: OpenStreetMap files and GMNS folders.

use std::path::Path;
use std::sync::Arc;

use conurb_traffic::gmns;
use conurb_traffic::osm;
use conurb_traffic::sumo;
use conurb_traffic::{ChangesFile, Clearance, Demand, MapNetwork, MapOptions};

use super::{City, Input, additional, input, is_xml, name_of, not_modelled, read};
use crate::cli::{CityArgs, MapArgs};
use crate::fail::{Failure, io};

/// True for a map: `.osm`, `.osm.pbf`, or a folder of GMNS tables.
pub(crate) fn is_map(network: &Path) -> bool {
    network.is_dir() || osm::is_osm(&network.to_string_lossy())
}

/// The map's network without a demand.
pub(crate) fn network_only(
    args: &MapArgs,
    network: &Path,
    clearance: Clearance,
) -> Result<City, Failure> {
    let (map, input, network_bytes) = load_map(args, network, clearance)?;
    let network_name = input.file.clone();
    let built = Arc::new(map.network.network);
    let demand = Demand::from_json(b"[]", "no demand", &built)?;
    Ok(City {
        network: built,
        network_bytes,
        demand: Arc::new(demand),
        changes: ChangesFile::default(),
        inputs: vec![input],
        synthetic: None,
        name: stem(&network_name),
    })
}

/// The map's network and a demand: CityFlow JSON, or SUMO routes, trips and flows by street.
pub(super) fn load(
    args: &CityArgs,
    (network, demand): (&Path, &Path),
    span_s: u32,
    clearance: Clearance,
) -> Result<City, Failure> {
    let (map, mut first, network_bytes) = load_map(&args.map, network, clearance)?;
    let demand_bytes = read(demand)?;
    let demand_name = name_of(demand);
    let name = stem(&first.file);
    let (mut changes, mut more) = (ChangesFile::default(), Vec::new());
    let (network, demand, notes) = if is_xml(demand) {
        let files = (&demand_bytes[..], &demand_name[..]);
        let with = additional::demand(&args.additional, files, &map.network, span_s)?;
        let network = Arc::new(map.network.network);
        let found = sumo::route_by_traffic(&network, &with.found, 0)?;
        let notes = not_modelled(&found.unmodelled);
        (changes, more) = (with.changes, with.inputs);
        (network, found.demand, notes)
    } else {
        additional::none(&args.additional)?;
        let network = Arc::new(map.network.network);
        let found = Demand::from_json(&demand_bytes, &demand_name, &network)?;
        let notes = found.notes().to_vec();
        (network, found, notes)
    };
    let mut inputs = vec![input("demand", &demand_name, &demand_bytes, &notes)];
    inputs.extend(more);
    first.notes.extend(network.notes().iter().cloned());
    inputs.insert(0, first);
    Ok(City {
        network,
        network_bytes,
        demand: Arc::new(demand),
        changes,
        inputs,
        synthetic: None,
        name,
    })
}

fn stem(file: &str) -> String {
    let name = file.split_once(".osm").map_or(file, |(name, _)| name);
    if name.is_empty() { "map" } else { name }.to_owned()
}

/// Reads the map; its network, the note of it, and the network's bytes in our form.
fn load_map(
    args: &MapArgs,
    network: &Path,
    clearance: Clearance,
) -> Result<(MapNetwork, Input, Vec<u8>), Failure> {
    let options = MapOptions {
        left_hand: args.left_hand,
        bbox_deg: args.bbox.as_ref().map(|b| b.0),
        clearance,
        ..MapOptions::default()
    };
    let name = name_of(network);
    let (map, bytes) = if network.is_dir() {
        let files = tables(network)?;
        let map = gmns::read_tables(&files, &name, &options)?;
        // What is hashed for the report: the tables in the order of their names.
        (map, files.into_values().flatten().collect())
    } else {
        let bytes = read(network)?;
        (osm::read_map(&bytes, &name, &options)?, bytes)
    };
    let mut notes: Vec<String> = (map.assumed.features().iter())
        .map(|f| format!("assumed: {} ({}, first: {})", f.feature, f.count, f.first))
        .collect();
    notes.extend(not_modelled(&map.network.unmodelled));
    let kept = serde_json::to_vec(&map.network.file)
        .map_err(|e| Failure::plain(format!("the network cannot be kept: {e}"), None))?;
    let input = input("network", &name, &bytes, &notes);
    Ok((map, input, kept))
}

/// The GMNS tables of a folder; other files in it are not looked at.
fn tables(folder: &Path) -> Result<gmns::Files, Failure> {
    let mut files = gmns::Files::new();
    let entries = std::fs::read_dir(folder).map_err(|e| io(folder, "cannot read", &e))?;
    for entry in entries {
        let path = entry.map_err(|e| io(folder, "cannot read", &e))?.path();
        let name = name_of(&path);
        if gmns::is_table(&name) {
            files.insert(name, read(&path)?);
        }
    }
    Ok(files)
}
