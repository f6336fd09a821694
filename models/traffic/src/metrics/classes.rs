//! Time lost by classes of vehicles: who gains and who pays when some have priority.

use serde::Serialize;

use crate::sim::Sim;
use crate::vehicle::VehicleClass;

/// What the vehicles of a class lost.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct ClassDelay {
    /// Vehicles created.
    pub vehicles: u32,
    /// Time lost against free flow, waiting to enter included, unfinished trips until now, s.
    pub lost_s: f64,
    /// The same per vehicle, s; 0 without any.
    pub mean_lost_s: f64,
}

/// What everybody lost.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct ClassDelays {
    /// Buses.
    pub bus: ClassDelay,
    /// Emergency vehicles.
    pub emergency: ClassDelay,
    /// All others.
    pub others: ClassDelay,
}

/// Adds up `1 - v / v_free` for every vehicle and second, 1 for every second outside.
#[derive(Debug, Clone, Default)]
pub struct ClassMeter {
    sums: ClassDelays,
}

impl ClassMeter {
    /// Looks at the simulation after a step.
    pub fn observe(&mut self, sim: &Sim) {
        let dt = sim.step_s();
        for v in sim.vehicles() {
            let share = (v.speed_m_s / sim.free_speed_m_s(v.drivable, v.template)).min(1.0);
            self.sums.of(sim.template(v.template).class).lost_s += (1.0 - share) * dt;
        }
        for template in sim.waiting_templates() {
            self.sums.of(template.class).lost_s += dt;
        }
    }

    /// The sums so far.
    #[must_use]
    pub fn delays(&self, sim: &Sim) -> ClassDelays {
        let mut delays = self.sums;
        for template in sim.created_templates() {
            delays.of(template.class).vehicles += 1;
        }
        for delay in [&mut delays.bus, &mut delays.emergency, &mut delays.others] {
            delay.mean_lost_s = delay.lost_s / f64::from(delay.vehicles.max(1));
        }
        delays
    }
}

impl ClassDelays {
    const fn of(&mut self, class: VehicleClass) -> &mut ClassDelay {
        match class {
            VehicleClass::Bus => &mut self.bus,
            VehicleClass::Emergency => &mut self.emergency,
            _ => &mut self.others,
        }
    }
}
