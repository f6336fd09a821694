//! The travel time of the published comparisons, reproduced with its quirks.

use std::collections::BTreeMap;

use crate::ids::{JunctionIx, NONE};
use crate::network::Network;
use crate::sim::Sim;

/// Per vehicle and signalised junction: from the first second on its entering lanes to the last
/// second at which the vehicle was found gone from them; summed over junctions, mean over vehicles
/// ever seen.
///
/// What it hides: exit roads, junction interiors and the queue outside the network; a vehicle that
/// comes back to a junction is charged the loop again; a vehicle that arrives at a junction whose
/// entering lanes were all empty a second before, and never leaves, counts 0.
#[derive(Debug, Clone)]
pub struct ApproachMeter {
    junctions: Vec<JunctionIx>,
    /// Per junction, per vehicle: first second seen, last second found gone.
    times: Vec<BTreeMap<u32, (f64, Option<f64>)>>,
    /// Per junction the vehicles of the last observation.
    before: Vec<Vec<u32>>,
    now: Vec<Vec<u32>>,
    /// Per vehicle the junction (place in `junctions`) it was and is seen at.
    was_at: Vec<u32>,
    is_at: Vec<u32>,
    last_s: f64,
}

impl ApproachMeter {
    /// A meter at time 0 over all signalised junctions.
    #[must_use]
    pub fn new(net: &Network) -> Self {
        let junctions = net.signalised();
        let n = junctions.len();
        Self {
            junctions,
            times: vec![BTreeMap::new(); n],
            before: vec![Vec::new(); n],
            now: vec![Vec::new(); n],
            was_at: Vec::new(),
            is_at: Vec::new(),
            last_s: 0.0,
        }
    }

    /// Looks at the simulation; call it after every step.
    pub fn observe(&mut self, sim: &Sim) {
        let time_s = sim.time_s();
        self.last_s = time_s;
        let net = sim.network();
        std::mem::swap(&mut self.before, &mut self.now);
        std::mem::swap(&mut self.was_at, &mut self.is_at);
        let vehicles = sim.created() as usize;
        self.was_at.resize(vehicles, NONE);
        self.is_at.clear();
        self.is_at.resize(vehicles, NONE);
        for (k, j) in self.junctions.iter().enumerate() {
            let here = u32::try_from(k).expect("junctions are limited");
            let now = &mut self.now[k];
            now.clear();
            for lane in net.incoming_lanes(*j) {
                for v in sim.vehicles_on(net.drivable_of_lane(*lane)) {
                    now.push(v.event);
                    self.is_at[v.event as usize] = here;
                }
            }
        }
        for k in 0..self.junctions.len() {
            self.book(k, time_s);
        }
    }

    fn book(&mut self, k: usize, time_s: f64) {
        let here = u32::try_from(k).expect("junctions are limited");
        let times = &mut self.times[k];
        for vehicle in &self.now[k] {
            if self.was_at[*vehicle as usize] != here {
                times.entry(*vehicle).or_insert((time_s, None));
            }
        }
        let was_empty = self.before[k].is_empty();
        let gone = if was_empty {
            &self.now[k]
        } else {
            &self.before[k]
        };
        for vehicle in gone {
            if (was_empty || self.is_at[*vehicle as usize] != here)
                && let Some((_, left)) = times.get_mut(vehicle)
            {
                *left = Some(time_s);
            }
        }
    }

    /// The average so far, s; 0 before the first vehicle.
    #[must_use]
    pub fn average_s(&self) -> f64 {
        let mut by_vehicle: BTreeMap<u32, f64> = BTreeMap::new();
        for times in &self.times {
            for (vehicle, (from, to)) in times {
                *by_vehicle.entry(*vehicle).or_default() += to.unwrap_or(self.last_s) - from;
            }
        }
        if by_vehicle.is_empty() {
            return 0.0;
        }
        let count = f64::from(u32::try_from(by_vehicle.len()).unwrap_or(u32::MAX));
        by_vehicle.values().sum::<f64>() / count
    }

    /// Vehicles seen on any entering lane so far.
    #[must_use]
    pub fn vehicles_seen(&self) -> usize {
        let mut seen: Vec<u32> = self.times.iter().flat_map(|t| t.keys().copied()).collect();
        seen.sort_unstable();
        seen.dedup();
        seen.len()
    }
}
