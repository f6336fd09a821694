//! What a joint decision is told with: every option of every junction and what is expected of it,
//! for those who keep a record of each choice.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::observe::Observation;
use super::sites::Choices;
use super::{LookAhead, LookAheadOptions};
use crate::error::TrafficError;
use crate::ids::JunctionIx;
use crate::network::Network;
use crate::sim::Sim;
use crate::vehicle::VehicleTemplate;

/// What is expected of one option of a junction, the mean over the samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptionOutlook {
    /// The phase.
    pub phase: u16,
    /// Cost over the horizon and of what is left then, on the junction's surroundings,
    /// vehicle-seconds. Options are told apart by it; the other junctions do what the plan had for
    /// them when this one was searched.
    pub cost_veh_s: f64,
    /// Delay on the entering lanes until the next decision, vehicle-seconds: what detectors there
    /// will measure.
    pub interval_delay_veh_s: f64,
    /// Vehicles slower than 0.1 m/s on the entering lanes at the next decision.
    pub queue_veh: f64,
}

/// One junction of a joint decision.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteOutlook {
    /// The junction.
    pub junction: JunctionIx,
    /// Its options in the order they were named; empty where it has but one.
    pub options: Vec<OptionOutlook>,
    /// The phase to show.
    pub chosen: u16,
}

/// A joint decision.
#[derive(Debug, Clone, PartialEq)]
pub struct JointPlan {
    /// All signalised junctions, in the network's order.
    pub sites: Vec<SiteOutlook>,
    /// Expected cost of the whole network under the plan, vehicle-seconds.
    pub cost_veh_s: f64,
    /// The same under the base policy; never less than `cost_veh_s`.
    pub base_cost_veh_s: f64,
}

impl LookAhead {
    /// A controller whose junctions choose among the phases named for them (each at least one of
    /// the junction's); others keep phase 0. The range of `options` is not used.
    ///
    /// # Errors
    /// Options outside their domain, or a phase that a junction does not have.
    pub fn with_choices(
        net: &Arc<Network>,
        templates: &[VehicleTemplate],
        options: LookAheadOptions,
        choices: BTreeMap<JunctionIx, Vec<u16>>,
    ) -> Result<Self, TrafficError> {
        for (j, phases) in &choices {
            let junction = &net.junctions()[j.ix()];
            let count = junction.phases.len();
            if phases.is_empty() || phases.iter().any(|p| usize::from(*p) >= count) {
                let message = format!(
                    "junction \"{}\" has {count} phases, {phases:?} were named",
                    junction.id
                );
                return Err(TrafficError::Option {
                    what: "choices",
                    message,
                });
            }
        }
        Self::choosing(net, templates, options, &Choices::Named(choices))
    }

    /// Decides from an observation, and tells what was expected of every option. `may(junction,
    /// phase)` says which may be chosen now; options that may not are told of all the same.
    ///
    /// Depends on the observation, `may` and the options alone, not on earlier decisions. A junction
    /// that shows none of its options counts as showing its first.
    pub fn joint_plan(
        &mut self,
        seen: &Observation,
        may: impl Fn(JunctionIx, u16) -> bool,
    ) -> JointPlan {
        self.shown.fill(0);
        self.efforts.clear();
        let allowed: Vec<Vec<bool>> = (self.sites.iter())
            .map(|s| s.options.iter().map(|p| may(s.junction, *p)).collect())
            .collect();
        let found = self.search(seen, Some(&allowed));
        let sites = self.sites.iter().zip(&found.plan).zip(&found.outcomes);
        JointPlan {
            sites: sites
                .map(|((site, chosen), outcomes)| SiteOutlook {
                    junction: site.junction,
                    options: (site.options.iter().zip(outcomes))
                        .map(|(phase, o)| OptionOutlook {
                            phase: *phase,
                            cost_veh_s: o.cost,
                            interval_delay_veh_s: o.delay,
                            queue_veh: o.queue,
                        })
                        .collect(),
                    chosen: site.options[*chosen],
                })
                .collect(),
            cost_veh_s: found.cost,
            base_cost_veh_s: found.base_cost,
        }
    }
}

/// What a local rollout came to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Outcome {
    /// Cost, vehicle-seconds.
    pub(crate) cost: f64,
    /// Delay on the entering lanes in the first interval, vehicle-seconds.
    delay: f64,
    /// Vehicles waiting on them at its end.
    queue: f64,
}

impl Outcome {
    /// Counts a second of the first interval at a junction.
    pub(crate) fn second(&mut self, sim: &Sim, junction: JunctionIx, last: bool) {
        let net = sim.network();
        for lane in net.incoming_lanes(junction) {
            let drivable = net.drivable_of_lane(*lane);
            for v in sim.vehicles_on(drivable) {
                self.delay += 1.0 - v.speed_m_s / sim.free_speed_m_s(drivable, v.template);
            }
            if last {
                self.queue += f64::from(sim.lane_waiting(*lane));
            }
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.cost += other.cost;
        self.delay += other.delay;
        self.queue += other.queue;
    }

    #[allow(clippy::cast_precision_loss)] // few samples
    pub(crate) fn over(&self, samples: usize) -> Self {
        let n = samples as f64;
        Self {
            cost: self.cost / n,
            delay: self.delay / n,
            queue: self.queue / n,
        }
    }
}
