//! Maps of OpenStreetMap and GMNS tables, all drawn here, to networks that run.

mod broken;
mod draw;
mod gmns;
mod osm;
mod pbf;
mod runs;
