//! The targets, by the layer of their parsers.

mod platform;
mod region;
mod traffic;
mod transit;

pub use traffic::gmns_tables;

use crate::Target;

/// Mutations a target gets in the tests.
const ROUNDS: u64 = 1_500;

/// One target per parser. The ledger gets fewer mutations: naming the record of a damaged line
/// tries every byte of its id.
pub const TARGETS: &[Target] = &[
    of("roadnet", traffic::roadnet),
    of("flow", traffic::flow),
    of("changes", traffic::changes),
    of("parking", traffic::parking),
    of("sumo_net", traffic::sumo_net),
    of("sumo_demand", traffic::sumo_demand),
    of("sumo_config", traffic::sumo_config),
    of("sumo_additional", traffic::sumo_additional),
    of("od_table", traffic::od_table),
    of("zone_table", traffic::zone_table),
    of("entry_table", traffic::entry_table),
    of("turn_table", traffic::turn_table),
    of("count_table", traffic::count_table),
    of("osm_xml", traffic::osm_xml),
    of("osm_pbf", traffic::osm_pbf),
    of("gmns", traffic::gmns),
    of("gtfs_zip", transit::gtfs_zip),
    of("gtfs_table", transit::gtfs_table),
    of("rail_table", transit::rail_table),
    of("rail_stations", transit::rail_stations),
    of("access_table", transit::access_table),
    of("edits", transit::edits),
    of("raster", region::raster),
    of("wkt", region::wkt),
    of("census", region::census),
    of("places_csv", region::places_csv),
    of("places_json", region::places_json),
    of("places_pbf", region::places_pbf),
    of("jobs_table", region::jobs_table),
    of("p_median", region::p_median),
    of("transit_design", region::transit_design),
    of("route_sets", region::route_sets),
    of("region_inputs", region::inputs),
    of("ngsi_entity", platform::ngsi_entity),
    of("ngsi_context", platform::ngsi_context),
    of("ngsi_query", platform::ngsi_query),
    of("ngsi_subscription", platform::ngsi_subscription),
    of("mapping", platform::mapping),
    of("payload", platform::payload),
    of("topic", platform::topic),
    of("rules", platform::rules),
    of("manifest", platform::manifest),
    Target {
        name: "ledger",
        run: platform::ledger,
        rounds: 30,
    },
];

const fn of(name: &'static str, run: fn(&[u8])) -> Target {
    Target {
        name,
        run,
        rounds: ROUNDS,
    }
}
