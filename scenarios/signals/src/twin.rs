//! The local twin: one junction's surroundings rebuilt from detector reports and run ahead, once
//! for every admissible phase.
//!
//! The state is an estimate (level LD, `estimate`), and a vehicle's turn is the one its lane serves.
//! Rollout with a base policy: Bertsekas 2020, section 2.1; the base policy is the longest queue.

use std::sync::Arc;

use conurb_traffic::{LaneIx, Network, Placed, Sim, SmallPath, VehicleTemplate};

use crate::estimate::{Estimate, split};
use crate::input::{InputDocument, LaneObservation};
use crate::layout::SignalLayout;
use crate::settings::Settings;

/// What the model expects of one phase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// Delay over the horizon on the junction's surroundings, vehicle-seconds: the choice rests on it.
    pub horizon_delay_veh_s: f64,
    /// Delay on the entering lanes until the next decision, vehicle-seconds: what detectors will
    /// measure.
    pub interval_delay_veh_s: f64,
    /// Vehicles queued on the entering lanes at the next decision.
    pub queue_veh: f64,
}

/// Runs junctions ahead; keeps its buffers between decisions.
pub struct LocalTwin {
    network: Arc<Network>,
    sim: Sim,
    placed: Vec<Placed>,
}

impl LocalTwin {
    /// A twin of any junction of `network`.
    #[must_use]
    pub fn new(network: Arc<Network>) -> Self {
        let sim = Sim::local(network.clone(), &[]).expect("no vehicle is placed, so none is wrong");
        Self {
            network,
            sim,
            placed: Vec::new(),
        }
    }

    /// The outlook of every option of `signal`, in their order.
    pub fn outlooks(
        &mut self,
        signal: &SignalLayout,
        input: &InputDocument,
        settings: &Settings,
    ) -> Vec<Outlook> {
        self.estimate(signal, input, settings);
        (0..signal.options.len())
            .map(|first| self.roll_out(signal, input.phase, first, settings))
            .collect()
    }

    /// Puts the estimated vehicles in place.
    fn estimate(&mut self, signal: &SignalLayout, input: &InputDocument, settings: &Settings) {
        self.placed.clear();
        let template = template(settings);
        let shown = signal.options.iter().find(|o| o.phase == input.phase);
        for (i, (lane, seen)) in signal.entering.iter().zip(&input.entering).enumerate() {
            let served = shown.is_some_and(|o| o.lanes.contains(&i));
            let always = !signal.options.iter().any(|o| o.lanes.contains(&i));
            self.place_entering(*lane, seen, served || always, settings);
        }
        for (lane, seen) in signal.leaving.iter().zip(&input.leaving) {
            self.place_leaving(*lane, seen, settings, template);
        }
    }

    fn place_entering(
        &mut self,
        lane: LaneIx,
        seen: &LaneObservation,
        green: bool,
        settings: &Settings,
    ) {
        let l = &self.network.lanes()[lane.ix()];
        let free = free_speed(&self.network, lane, settings);
        let estimate = Estimate {
            seen,
            length_m: l.length_m,
            free_m_s: free,
            green,
            settings,
        };
        let template = template(settings);
        for (i, (position_m, speed_m_s)) in estimate.vehicles().into_iter().enumerate() {
            let path = if l.links.is_empty() {
                SmallPath::stay(lane)
            } else {
                SmallPath::through(&self.network, l.links[i % l.links.len()])
            };
            self.placed.push(Placed {
                lane,
                position_m,
                speed_m_s,
                template,
                path,
            });
        }
    }

    /// Leaving lanes matter only where they are so full that they block: their queue is put at
    /// their far end and stays there for the horizon.
    fn place_leaving(
        &mut self,
        lane: LaneIx,
        seen: &LaneObservation,
        settings: &Settings,
        template: VehicleTemplate,
    ) {
        let l = &self.network.lanes()[lane.ix()];
        let spacing = settings.fleet.length_m + settings.fleet.min_gap_m;
        let (queued, _) = split(seen, l.length_m, spacing);
        if f64::from(queued) * spacing < 0.7 * l.length_m {
            return;
        }
        let parked = VehicleTemplate {
            max_speed_m_s: 0.01,
            ..template
        };
        for i in 0..queued {
            let position_m = l.length_m - 1.0 - f64::from(i) * spacing;
            if position_m <= settings.fleet.length_m {
                break;
            }
            self.placed.push(Placed {
                lane,
                position_m,
                speed_m_s: 0.0,
                template: parked,
                path: SmallPath::stay(lane),
            });
        }
    }

    fn roll_out(
        &mut self,
        signal: &SignalLayout,
        shown: u16,
        first: usize,
        settings: &Settings,
    ) -> Outlook {
        self.sim
            .reset_local(&self.placed)
            .expect("vehicles are placed within their lanes");
        let mut out = Outlook {
            horizon_delay_veh_s: 0.0,
            interval_delay_veh_s: 0.0,
            queue_veh: 0.0,
        };
        let mut phase = shown;
        let mut next = signal.options[first].phase;
        for second in 0..settings.horizon_s {
            let into = second % settings.decision_interval_s;
            if into == 0 && second > 0 {
                phase = next;
                next = self.longest_queue(signal, phase);
            }
            let clearing = next != phase && into < settings.yellow_s;
            let show = if clearing {
                settings.clearance_phase
            } else {
                next
            };
            self.sim
                .set_phase(signal.junction, show)
                .expect("phases of a layout are the junction's own");
            self.sim.step();
            out.horizon_delay_veh_s += self.sim.cost();
            if second < settings.decision_interval_s {
                out.interval_delay_veh_s += self.entering_delay(signal, settings);
            }
            if second + 1 == settings.decision_interval_s {
                out.queue_veh = signal
                    .entering
                    .iter()
                    .map(|l| f64::from(self.sim.lane(*l).waiting))
                    .sum();
            }
        }
        out
    }

    /// Delay of this second on the entering lanes, as detectors would give it.
    fn entering_delay(&self, signal: &SignalLayout, settings: &Settings) -> f64 {
        signal
            .entering
            .iter()
            .map(|l| {
                let r = self.sim.lane(*l);
                let free = free_speed(&self.network, *l, settings);
                r.mean_speed_m_s
                    .map_or(0.0, |v| f64::from(r.vehicles) * (1.0 - v / free).max(0.0))
            })
            .sum()
    }

    fn longest_queue(&self, signal: &SignalLayout, shown: u16) -> u16 {
        let mut best = (shown, -1i64);
        for option in &signal.options {
            let queue: i64 = option
                .lanes
                .iter()
                .map(|i| i64::from(self.sim.lane(signal.entering[*i]).waiting))
                .sum();
            if queue > best.1 || (queue == best.1 && option.phase == shown) {
                best = (option.phase, queue);
            }
        }
        best.0
    }
}

/// Free speed of a lane for the model's vehicle, m/s.
#[must_use]
pub fn free_speed(network: &Network, lane: LaneIx, settings: &Settings) -> f64 {
    network.lanes()[lane.ix()]
        .max_speed_m_s
        .min(settings.fleet.max_speed_m_s)
}

/// The model's vehicle.
pub(crate) fn template(settings: &Settings) -> VehicleTemplate {
    let f = &settings.fleet;
    VehicleTemplate {
        length_m: f.length_m,
        width_m: 2.0,
        min_gap_m: f.min_gap_m,
        max_pos_acc_m_s2: f.acceleration_m_s2,
        max_neg_acc_m_s2: f.deceleration_m_s2,
        usual_pos_acc_m_s2: f.acceleration_m_s2,
        usual_neg_acc_m_s2: f.deceleration_m_s2,
        max_speed_m_s: f.max_speed_m_s,
        headway_s: f.headway_s,
        ..VehicleTemplate::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{FORMAT, LaneObservation};
    use crate::layout::signals_of;
    use conurb_traffic::citygen::{City, CityOptions};

    fn queue(vehicles: f64) -> LaneObservation {
        LaneObservation {
            vehicles,
            queue: vehicles,
            speed_km_h: Some(0.0),
            entered: Vec::new(),
        }
    }

    /// The first signal of a small city, with nothing on its lanes.
    fn quiet() -> (LocalTwin, SignalLayout, InputDocument, Settings) {
        let options = CityOptions {
            signals: 4,
            span_s: 60,
            ..CityOptions::default()
        };
        let city = City::generate(&options).expect("a small city");
        let network = Network::from_json(&city.network_json, "n").expect("it reads");
        let settings = Settings::default();
        let layout = signals_of(&network, &settings).swap_remove(0);
        let input = InputDocument {
            format: FORMAT,
            network: String::new(),
            settings: String::new(),
            junction: layout.id.to_string(),
            at_ms: 0,
            phase: layout.options[0].phase,
            green_for_s: 60,
            fixed_phase: None,
            entering: vec![LaneObservation::default(); layout.entering.len()],
            leaving: vec![LaneObservation::default(); layout.leaving.len()],
            errors: None,
        };
        (LocalTwin::new(Arc::new(network)), layout, input, settings)
    }

    #[test]
    fn an_empty_junction_costs_nothing_whatever_is_shown() {
        let (mut twin, layout, input, settings) = quiet();
        for o in twin.outlooks(&layout, &input, &settings) {
            assert_eq!(o.horizon_delay_veh_s, 0.0);
            assert_eq!((o.interval_delay_veh_s, o.queue_veh), (0.0, 0.0));
        }
    }

    #[test]
    fn a_queue_is_served_best_by_its_own_phase() {
        let (mut twin, layout, mut input, settings) = quiet();
        // A lane that only one option serves.
        let served = |lane: usize| {
            layout
                .options
                .iter()
                .filter(|o| o.lanes.contains(&lane))
                .count()
        };
        let (own, lane) = layout
            .options
            .iter()
            .enumerate()
            .skip(1)
            .find_map(|(i, o)| Some((i, *o.lanes.iter().find(|l| served(**l) == 1)?)))
            .expect("some lane belongs to one phase");
        input.entering[lane] = queue(8.0);
        let outlooks = twin.outlooks(&layout, &input, &settings);
        for (i, o) in outlooks.iter().enumerate() {
            assert!(
                i == own || outlooks[own].horizon_delay_veh_s < o.horizon_delay_veh_s,
                "option {i} of {outlooks:?}, own {own}"
            );
        }
        assert!(outlooks[own].queue_veh < 8.0);
    }

    #[test]
    fn an_outlook_does_not_depend_on_what_was_asked_before() {
        let (mut twin, layout, quiet_input, settings) = quiet();
        let mut busy = quiet_input.clone();
        busy.entering.fill(queue(6.0));
        let first = twin.outlooks(&layout, &busy, &settings);
        twin.outlooks(&layout, &quiet_input, &settings);
        assert_eq!(twin.outlooks(&layout, &busy, &settings), first);
    }
}
