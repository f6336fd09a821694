//! Fully actuated control: every phase by call, extension, gap-out and max-out.
//!
//! After the FHWA Signal Timing Manual, 2nd edition (NCHRP Report 812, 2015), chapters 5 and 6, and
//! HCM 6, chapter 31 (actuated phase duration): a phase is served when one of its lanes has a call,
//! in the order of the phases, those without a call are skipped; it shows its minimum green, is
//! extended as long as vehicles follow each other within the passage time, ends when every lane
//! has had a longer gap (gap-out) or when its maximum green, counted from the first call of
//! another phase, is over (max-out), and rests in green where nobody else calls. Calls of lanes at
//! red are kept until they are served (locking memory), since a vehicle over the upstream detector
//! is on its way to the stop line. One ring: a phase is whatever the network file says it is.
//!
//! It knows two detectors a lane ([`Presence`]) and the phase shown, nothing else.

use std::ops::RangeInclusive;

use super::by_signal::BySignal;
use super::detector::{self, Placement, Presence};
use super::{Movements, SecondPlan};
use crate::error::TrafficError;
use crate::ids::{JunctionIx, LaneIx};
use crate::network::Network;
use crate::sim::Sim;

/// How actuated control is set.
#[derive(Debug, Clone, PartialEq)]
pub struct ActuatedOptions {
    /// Where the detectors are.
    pub placement: Placement,
    /// Shortest green, s.
    pub min_green_s: u32,
    /// Longest green after a call of another phase, s.
    pub max_green_s: u32,
    /// Longest gap between vehicles that keeps the green, s.
    pub passage_s: u32,
    /// Clearance (phase 0) before a changed phase, s.
    pub yellow_s: u32,
    /// Phases that may be shown.
    pub phases: RangeInclusive<u16>,
}

impl Default for ActuatedOptions {
    /// Minimum green 5 s, maximum 40 s, passage time 3 s (Signal Timing Manual, tables 5-3 to 5-9:
    /// 4 to 15 s, 20 to 60 s, 2 to 4 s at 50 km/h or less).
    fn default() -> Self {
        Self {
            placement: Placement::default(),
            min_green_s: 5,
            max_green_s: 40,
            passage_s: 3,
            yellow_s: 5,
            phases: 1..=4,
        }
    }
}

/// A lane of a junction and what its detectors have said.
#[derive(Debug, Clone)]
struct Approach {
    lane: LaneIx,
    /// It has asked for green since it had none.
    calls: bool,
    /// Seconds without anybody over its detectors.
    gap_s: u32,
    /// Its queue has gone: it extends this green no more.
    is_out: bool,
}

/// What a junction is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// A phase has been green for so long, of it so long after a call of another.
    Green { for_s: u32, called_s: u32 },
    /// Clearance for so long yet, then a phase (place in the list).
    Clear { left_s: u32, next: usize },
}

#[derive(Debug, Clone)]
struct Site {
    junction: JunctionIx,
    approaches: Vec<Approach>,
    /// Phase numbers and the approaches (places) they serve.
    phases: Vec<(u16, Vec<usize>)>,
    /// Place of the present or last green phase.
    green: usize,
    doing: Doing,
    shown: u16,
}

/// Actuated control of every signalised junction, each for itself.
#[derive(Debug, Clone)]
pub struct Actuated {
    options: ActuatedOptions,
    sites: BySignal<Site>,
}

impl Actuated {
    /// A controller of this network.
    ///
    /// # Errors
    /// Times that contradict each other.
    pub fn new(net: &Network, options: ActuatedOptions) -> Result<Self, TrafficError> {
        check(&options)?;
        let movements = Movements::new(net);
        let signals = net.signalised().into_iter();
        let sites = signals.map(|j| Site::new(net, j, &movements, &options.phases));
        Ok(Self {
            sites: BySignal::new(net, sites.collect(), |site| site.junction),
            options,
        })
    }
}

impl SecondPlan for Actuated {
    fn begin(&mut self, sim: &mut Sim) -> Result<(), TrafficError> {
        for site in self.sites.iter() {
            sim.set_phase(site.junction, site.shown)?;
        }
        Ok(())
    }

    fn decide(&mut self, sim: &Sim, _time_s: f64) {
        for site in self.sites.iter_mut() {
            let placement = self.options.placement;
            let reports: Vec<Presence> = (site.approaches.iter())
                .map(|a| detector::read(sim, a.lane, placement))
                .collect();
            site.second(&reports, sim.phase(site.junction), &self.options);
        }
    }

    fn phase(&mut self, sim: &Sim, junction: JunctionIx, _time_s: f64) -> u16 {
        let site = self.sites.get(junction);
        site.map_or_else(|| sim.phase(junction), |site| site.shown)
    }
}

impl Site {
    fn new(net: &Network, j: JunctionIx, all: &Movements, range: &RangeInclusive<u16>) -> Self {
        let last = u16::try_from(net.junctions()[j.ix()].phases.len() - 1).unwrap_or(u16::MAX);
        let mut approaches: Vec<Approach> = Vec::new();
        let mut phases = Vec::new();
        for phase in (*range.start()).min(last)..=last.min(*range.end()) {
            let mut serves = Vec::new();
            for movement in all.of(j, phase) {
                let known = approaches.iter().position(|a| a.lane == movement.lane);
                let place = known.unwrap_or_else(|| {
                    approaches.push(Approach {
                        lane: movement.lane,
                        calls: false,
                        gap_s: 0,
                        is_out: false,
                    });
                    approaches.len() - 1
                });
                if !serves.contains(&place) {
                    serves.push(place);
                }
            }
            phases.push((phase, serves));
        }
        Self {
            junction: j,
            approaches,
            shown: phases[0].0,
            phases,
            green: 0,
            doing: Doing::Green {
                for_s: 0,
                called_s: 0,
            },
        }
    }

    /// What to show in the coming second, from the reports of the last one.
    fn second(&mut self, reports: &[Presence], on_street: u16, o: &ActuatedOptions) {
        self.follow_street(on_street);
        self.listen(reports, o);
        self.doing = match self.doing {
            Doing::Green { for_s, called_s } => self.green_second(for_s, called_s, o),
            Doing::Clear { left_s: 0, next } => self.start(next),
            clearing @ Doing::Clear { .. } => clearing,
        };
        self.shown = match &mut self.doing {
            Doing::Green { for_s, .. } => {
                *for_s += 1;
                self.phases[self.green].0
            }
            Doing::Clear { left_s, .. } => {
                *left_s = left_s.saturating_sub(1);
                0
            }
        };
    }

    /// Somebody with a higher right (priority, pedestrians) may show another phase than was asked:
    /// it goes on from there.
    fn follow_street(&mut self, on_street: u16) {
        if on_street == self.shown {
            return;
        }
        if let Some(place) = self
            .phases
            .iter()
            .position(|(phase, _)| *phase == on_street)
        {
            let is_new = place != self.green || matches!(self.doing, Doing::Clear { .. });
            if is_new {
                self.doing = self.start(place);
            }
        }
    }

    fn listen(&mut self, reports: &[Presence], o: &ActuatedOptions) {
        let is_green = matches!(self.doing, Doing::Green { .. });
        let (_, served) = &self.phases[self.green];
        for (place, (approach, report)) in self.approaches.iter_mut().zip(reports).enumerate() {
            if is_green && served.contains(&place) {
                approach.calls = false;
                approach.gap_s = if report.any() { 0 } else { approach.gap_s + 1 };
                approach.is_out |= approach.gap_s >= o.passage_s;
            } else {
                approach.calls |= report.any();
            }
        }
    }

    fn green_second(&mut self, for_s: u32, called_s: u32, o: &ActuatedOptions) -> Doing {
        let Some(next) = self.next_called() else {
            // Nobody else: rest, and let vehicles extend again once somebody calls.
            let (_, served) = &self.phases[self.green];
            for place in served {
                let approach = &mut self.approaches[*place];
                approach.is_out = approach.gap_s >= o.passage_s;
            }
            return Doing::Green { for_s, called_s: 0 };
        };
        let (_, served) = &self.phases[self.green];
        let gapped_out = served.iter().all(|place| self.approaches[*place].is_out);
        if for_s < o.min_green_s || !(gapped_out || called_s >= o.max_green_s) {
            return Doing::Green {
                for_s,
                called_s: called_s + 1,
            };
        }
        // A lane cut off by the maximum is not done.
        for place in served {
            let approach = &mut self.approaches[*place];
            approach.calls = !approach.is_out;
        }
        if o.yellow_s == 0 {
            return self.start(next);
        }
        Doing::Clear {
            left_s: o.yellow_s,
            next,
        }
    }

    /// The next phase in turn with a call that the present one does not serve.
    fn next_called(&self) -> Option<usize> {
        let (_, now) = &self.phases[self.green];
        let count = self.phases.len();
        (1..count).map(|k| (self.green + k) % count).find(|place| {
            let (_, serves) = &self.phases[*place];
            serves
                .iter()
                .any(|a| self.approaches[*a].calls && !now.contains(a))
        })
    }

    fn start(&mut self, place: usize) -> Doing {
        self.green = place;
        for approach in &mut self.approaches {
            approach.gap_s = 0;
            approach.is_out = false;
        }
        Doing::Green {
            for_s: 0,
            called_s: 0,
        }
    }
}

fn check(o: &ActuatedOptions) -> Result<(), TrafficError> {
    let wrong = |what: &'static str, message: String| Err(TrafficError::Option { what, message });
    if o.min_green_s == 0 || o.max_green_s < o.min_green_s || o.max_green_s > 600 {
        let message = format!(
            "{} s is not between the shortest green ({} s, at least 1) and 600 s",
            o.max_green_s, o.min_green_s
        );
        return wrong("max_green_s", message);
    }
    if !(1..=60).contains(&o.passage_s) {
        let message = format!("{} s is not between 1 and 60 s", o.passage_s);
        return wrong("passage_s", message);
    }
    let p = o.placement;
    if !(p.stop_zone_m > 0.0 && p.stop_zone_m <= p.setback_m && p.setback_m <= 500.0) {
        let message = format!(
            "a zone of {} m and an upstream detector at {} m: 0 < zone <= setback <= 500 m",
            p.stop_zone_m, p.setback_m
        );
        return wrong("placement", message);
    }
    if o.phases.is_empty() {
        return wrong("phases", "the range of phases is empty".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two phases, one lane each.
    fn site() -> Site {
        let approach = |lane| Approach {
            lane: LaneIx(lane),
            calls: false,
            gap_s: 0,
            is_out: false,
        };
        Site {
            junction: JunctionIx(0),
            approaches: vec![approach(0), approach(1), approach(2)],
            phases: vec![(1, vec![0]), (2, vec![1]), (3, vec![2])],
            green: 0,
            doing: Doing::Green {
                for_s: 0,
                called_s: 0,
            },
            shown: 1,
        }
    }

    const BUSY: Presence = Presence {
        at_stop: true,
        upstream: false,
    };
    const QUIET: Presence = Presence {
        at_stop: false,
        upstream: false,
    };

    /// What is shown while the detectors report this second by second.
    fn play(site: &mut Site, reports: &[[Presence; 3]]) -> Vec<u16> {
        let options = ActuatedOptions {
            yellow_s: 2,
            max_green_s: 8,
            ..ActuatedOptions::default()
        };
        (reports.iter())
            .map(|r| {
                site.second(r, site.shown, &options);
                site.shown
            })
            .collect()
    }

    #[test]
    fn it_rests_where_nobody_else_calls() {
        let shown = play(&mut site(), &[[BUSY, QUIET, QUIET]; 100]);
        assert!(shown.iter().all(|p| *p == 1));
    }

    #[test]
    fn it_gaps_out_after_the_minimum_green_and_skips_who_does_not_call() {
        // A call of the third phase alone, from the first second on; nobody on the first.
        let shown = play(&mut site(), &[[QUIET, QUIET, BUSY]; 12]);
        assert_eq!(shown, [1, 1, 1, 1, 1, 0, 0, 3, 3, 3, 3, 3]);
    }

    #[test]
    fn a_stream_without_gaps_maxes_out_and_is_served_again() {
        let shown = play(&mut site(), &[[BUSY, BUSY, QUIET]; 24]);
        let count = |p: u16| shown.iter().filter(|s| **s == p).count();
        assert_eq!(shown[..8], [1; 8]);
        assert_eq!((count(3), count(2)), (0, 9));
        assert_eq!(shown.last(), Some(&1));
    }

    #[test]
    fn a_gap_as_long_as_the_passage_time_ends_the_green() {
        let mut reports = vec![[BUSY, QUIET, BUSY]; 6];
        reports.extend([[QUIET, QUIET, BUSY]; 2]);
        reports.push([BUSY, QUIET, BUSY]);
        reports.extend([[QUIET, QUIET, BUSY]; 4]);
        let mut site = site();
        let options = ActuatedOptions {
            yellow_s: 2,
            ..ActuatedOptions::default()
        };
        let shown: Vec<u16> = (reports.iter())
            .map(|r| {
                site.second(r, site.shown, &options);
                site.shown
            })
            .collect();
        // Two seconds are no gap; three are.
        assert_eq!(shown[..11], [1; 11]);
        assert_eq!(shown[11..], [0, 0]);
    }

    #[test]
    fn it_goes_on_from_what_the_street_shows() {
        let mut site = site();
        let options = ActuatedOptions::default();
        site.second(&[QUIET; 3], 1, &options);
        // Somebody else showed phase 3.
        site.second(&[QUIET, QUIET, QUIET], 3, &options);
        assert_eq!(site.shown, 3);
    }

    #[test]
    fn times_that_contradict_each_other_are_refused() {
        for bad in [
            ActuatedOptions {
                max_green_s: 3,
                ..ActuatedOptions::default()
            },
            ActuatedOptions {
                passage_s: 0,
                ..ActuatedOptions::default()
            },
            ActuatedOptions {
                placement: Placement {
                    stop_zone_m: 50.0,
                    setback_m: 30.0,
                },
                ..ActuatedOptions::default()
            },
        ] {
            assert!(check(&bad).is_err(), "{bad:?}");
        }
    }
}
