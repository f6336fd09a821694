//! Road network, demand, microsimulation and signal control.
//!
//! Usable alone: CityFlow road network and flow files in, vehicle trajectories, detector readings
//! and measures out. [`Network`] and [`Demand`] are immutable and shared; a [`Sim`] holds the state
//! of one run and is cheap to clone. The model and its limits are described in
//! `docs/traffic/model.md`.
//!
//! **Invariant** Deterministic: the same files, seed and phases give the same bytes of state, on
//! any number of threads.

mod anchor;
pub mod assignment;
mod build;
pub mod buses;
mod changes;
pub mod citygen;
pub mod control;
pub mod corridor;
pub mod crossings;
mod demand;
mod error;
pub mod file;
mod file_ext;
mod geometry;
pub mod gmns;
mod heap;
mod ids;
mod lanes;
pub mod metrics;
mod network;
pub mod osm;
mod parking;
mod place;
mod plan;
pub mod protocol;
pub mod replay;
mod rng;
mod routing;
mod sim;
mod stop_table;
mod streets;
pub mod sumo;
mod to_file;
mod vehicle;
pub mod webster;

pub use anchor::Anchor;
pub use changes::{Changes, ChangesFile, Closure, Incident, SpeedLimit};
pub use demand::{Demand, Flow, Stop};
pub use error::TrafficError;
pub use ids::{DrivableIx, FlowIx, JunctionIx, LaneIx, LinkIx, RoadIx, RoadLinkIx};
pub use network::{Cross, Junction, Lane, Link, Network, Phase, Road, RoadLink, Turn};
pub use parking::{CarParkFile, Parking, ParkingFile};
pub use sim::{
    DetourTally, Finished, HaltTally, LaneReading, Memory, ParkReading, ParkingTally, Placed,
    SMALL_PATH_MAX, Signals, Sim, SimOptions, SmallPath, State, VehicleView, WAITING_BELOW_M_S,
};
pub use streets::{Clearance, MapNetwork, MapOptions};
pub use vehicle::{VehicleClass, VehicleTemplate};
