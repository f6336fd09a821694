//! Plans that say the phase of every second: Webster's, recorded ones, the file's programme.

use crate::error::TrafficError;
use crate::ids::JunctionIx;
use crate::network::Network;
use crate::sim::Sim;

/// Says the phase of each junction for each step.
pub trait SecondPlan {
    /// Before the first step of a run.
    ///
    /// # Errors
    /// Phases that the network has not got.
    fn begin(&mut self, _sim: &mut Sim) -> Result<(), TrafficError> {
        Ok(())
    }

    /// Decides for all junctions at once, before [`SecondPlan::phase`] asks for each.
    fn decide(&mut self, _sim: &Sim, _time_s: f64) {}

    /// Looks at the simulation after every step.
    fn observe(&mut self, _sim: &Sim) {}

    /// Whether what is shown at a junction may only be delayed for the safety of others (an
    /// emergency vehicle is on its way).
    fn insists(&self, _junction: JunctionIx) -> bool {
        false
    }

    /// The phase to show during the step that starts at `time_s`.
    fn phase(&mut self, sim: &Sim, junction: JunctionIx, time_s: f64) -> u16;
}

/// Phases recorded second by second, per junction; the last row stays.
#[derive(Debug, Clone)]
pub struct RecordedPlan {
    /// `rows[second][column]`.
    pub rows: Vec<Vec<u16>>,
    /// Column of each junction by index; none: it keeps its phase.
    pub columns: Vec<Option<usize>>,
}

impl SecondPlan for RecordedPlan {
    fn phase(&mut self, sim: &Sim, junction: JunctionIx, time_s: f64) -> u16 {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        // saturates, and then the last row stays
        let second = (time_s.floor() as usize).min(self.rows.len().saturating_sub(1));
        self.columns[junction.ix()]
            .and_then(|c| self.rows.get(second)?.get(c).copied())
            .unwrap_or_else(|| sim.phase(junction))
    }
}

/// The programme of the road network file: what [`crate::protocol::run_programme`] shows, as a plan.
#[derive(Debug, Clone)]
pub struct ProgrammePlan {
    /// End of each phase within the cycle, s.
    ends_s: Vec<Vec<f64>>,
    /// Start of the first phase, s.
    offset_s: Vec<f64>,
}

impl ProgrammePlan {
    /// The programmes of this network.
    #[must_use]
    pub fn new(net: &Network) -> Self {
        let ends = |j: &crate::network::Junction| {
            let mut end = 0.0;
            let ends = j.phases.iter().map(|p| {
                end += p.time_s;
                end
            });
            ends.collect()
        };
        Self {
            ends_s: net.junctions().iter().map(ends).collect(),
            offset_s: net.junctions().iter().map(|j| j.offset_s).collect(),
        }
    }
}

impl SecondPlan for ProgrammePlan {
    fn phase(&mut self, _sim: &Sim, junction: JunctionIx, time_s: f64) -> u16 {
        let ends = &self.ends_s[junction.ix()];
        let Some(cycle) = ends.last().copied().filter(|c| *c > 0.0) else {
            return 0;
        };
        let at = (time_s - self.offset_s[junction.ix()]).rem_euclid(cycle);
        let phase = ends.iter().position(|end| at < *end).unwrap_or(0);
        u16::try_from(phase).unwrap_or(0)
    }
}
