//! Pressure rules: MaxPressure (Varaiya 2013) and its descendants in the published comparisons.

use super::{Controller, Movements};
use crate::ids::{JunctionIx, LaneIx, RoadIx};
use crate::network::Network;
use crate::sim::{Sim, WAITING_BELOW_M_S};

/// Reach of the "running vehicles" of Advanced-MP before the stop line, m (15 s at 11.11 m/s).
const EFFECTIVE_RANGE_M: f64 = 167.0;

/// Which pressure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PressureRule {
    /// Queue of each entering lane minus the sum of the queues on its target road.
    MaxPressure,
    /// Queue of each entering lane minus the mean queue of the target road's lanes (Wu et al. 2021).
    Efficient,
    /// Efficient, but the present phase is kept while the vehicles running towards its stop lines
    /// are at least the largest pressure (Zhang et al. 2022).
    Advanced,
    /// The largest sum of entering queues.
    MaxQueue,
}

/// A pressure controller over the phases `first..=last`; ties go to the first phase.
#[derive(Debug, Clone)]
pub struct Pressure {
    rule: PressureRule,
    movements: Movements,
    first: u16,
    last: u16,
    kept: Vec<Option<u16>>,
}

impl Pressure {
    /// A controller for this network.
    #[must_use]
    pub fn new(net: &Network, rule: PressureRule, first: u16, last: u16) -> Self {
        Self {
            rule,
            movements: Movements::new(net),
            first,
            last,
            kept: vec![None; net.junctions().len()],
        }
    }

    /// The pressure of a phase.
    #[must_use]
    pub fn pressure(&self, sim: &Sim, junction: JunctionIx, phase: u16) -> f64 {
        let mut sum = 0.0;
        for m in self.movements.of(junction, phase) {
            let queue = f64::from(sim.lane_waiting(m.lane));
            sum += match self.rule {
                PressureRule::MaxPressure => queue - downstream(sim, m.to).0,
                PressureRule::Efficient | PressureRule::Advanced => {
                    let (waiting, lanes) = downstream(sim, m.to);
                    queue - waiting / lanes
                }
                PressureRule::MaxQueue => queue,
            };
        }
        sum
    }

    fn largest(&self, sim: &Sim, junction: JunctionIx) -> (u16, f64) {
        let count = sim.network().junctions()[junction.ix()].phases.len();
        let end = usize::from(self.last).min(count.saturating_sub(1));
        let last = u16::try_from(end).unwrap_or(self.last);
        let first = self.first.min(last);
        let mut best = (first, f64::NEG_INFINITY);
        for phase in first..=last {
            let pressure = self.pressure(sim, junction, phase);
            if pressure > best.1 {
                best = (phase, pressure);
            }
        }
        best
    }

    fn running_towards(&self, sim: &Sim, junction: JunctionIx, phase: u16) -> f64 {
        let mut lanes: Vec<LaneIx> = Vec::new();
        for m in self.movements.of(junction, phase) {
            if !lanes.contains(&m.lane) {
                lanes.push(m.lane);
            }
        }
        let running = lanes
            .into_iter()
            .map(|lane| running(sim, lane))
            .sum::<u32>();
        f64::from(running)
    }
}

/// Waiting vehicles of a road and its number of lanes.
fn downstream(sim: &Sim, road: RoadIx) -> (f64, f64) {
    let lanes = &sim.network().roads()[road.ix()].lanes;
    let waiting: u32 = lanes.iter().map(|lane| sim.lane_waiting(*lane)).sum();
    let count = u32::try_from(lanes.len()).unwrap_or(u32::MAX);
    (f64::from(waiting), f64::from(count))
}

fn running(sim: &Sim, lane: LaneIx) -> u32 {
    let net = sim.network();
    let road = &net.roads()[net.lanes()[lane.ix()].road.ix()];
    let (a, b) = (road.points[0], road.points[1]);
    let length = ((b[0] - a[0]).powi(2) + (b[1] - a[1]).powi(2)).sqrt();
    let near = |position_m: f64| position_m >= length - EFFECTIVE_RANGE_M;
    let on_lane = sim.vehicles_on(net.drivable_of_lane(lane));
    let count = on_lane.filter(|v| v.speed_m_s > WAITING_BELOW_M_S && near(v.position_m));
    u32::try_from(count.count()).unwrap_or(u32::MAX)
}

impl Controller for Pressure {
    fn choose(&mut self, sim: &Sim, junction: JunctionIx, _time_s: f64) -> u16 {
        let (best, pressure) = self.largest(sim, junction);
        if self.rule != PressureRule::Advanced {
            return best;
        }
        let kept = self.kept[junction.ix()].unwrap_or_else(|| sim.phase(junction));
        let keep = self.running_towards(sim, junction, kept) >= pressure;
        let chosen = if keep { kept } else { best };
        self.kept[junction.ix()] = Some(chosen);
        chosen
    }
}
