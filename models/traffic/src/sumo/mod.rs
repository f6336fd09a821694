//! SUMO networks and demand in, networks and demand out to SUMO.
//!
//! [`read_network`] and [`read_demand`] read `.net.xml` and `.rou.xml` (trips and flows too),
//! [`read_config`] a `.sumocfg`, [`read_additional`] detectors, stops and closings. What is found and
//! not simulated is counted in [`Unmodelled`]. The mapping and its reasons: `docs/traffic/sumo.md`.

mod additional;
mod attributes;
mod closures;
mod conflicts;
mod demand;
mod departures;
mod export;
mod location;
pub(crate) mod net;
mod network;
mod signals;
mod stops;
mod traffic;
mod unmodelled;
mod vtype;
mod ways;
pub(crate) mod xml;

pub use additional::{Additional, Config, Detector, DetectorKind, read_additional, read_config};
pub use demand::{DemandOptions, SumoDemand, read_demand};
pub use export::{PlainFiles, plain_files, routes_xml};
pub use network::{NetworkOptions, SumoNetwork, read_network};
pub(crate) use network::{Side, assemble};
pub use traffic::route_by_traffic;
pub use unmodelled::{Feature, Unmodelled};
pub(crate) use vtype::bus;
