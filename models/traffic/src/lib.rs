//! Road network, demand, microsimulation and signal control.
