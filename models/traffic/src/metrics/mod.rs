//! Measures of a run: the papers' travel time, delay index, throughput, stops, queues, CO2.

mod approach;

pub use approach::ApproachMeter;
