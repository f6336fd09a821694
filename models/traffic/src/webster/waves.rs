//! Green waves of largest bandwidth over a network: its arterials, busiest first.
//!
//! **Arterials** come from the demand: of the streets between two signals not yet taken the one
//! with most through traffic (both directions) is lengthened straight on at both ends as long as
//! the next street has at least half of that traffic. **Along one**, offsets are those of largest
//! two-way bandwidth ([`super::bands`]), each direction weighted by its mean through flow. Where
//! the best bands of the whole attain less than half of what its shortest greens would let through
//! it is cut into sections, each as long as it attains that; the next begins at the junction where
//! the last one ended. (Attainability and efficiency as in PASSER II, Texas Transportation Institute
//! 1991. Two signals free of others always attain half: one of the directions can have all.) **Where arterials cross**, the busier one
//! comes first; later ones keep what is fixed and use the offsets still free (groups of
//! [`super::bands::Gate`]), so nothing found before is given up. This is not the optimum over the
//! network (MULTIBAND's mixed-integer programme with its loop constraints) but exact for each
//! section given those before it.
//!
//! Travel times are free-flow and rounded to whole seconds, as the greens are.

use std::collections::BTreeMap;

use serde::Serialize;

use super::SignalPlan;
use super::bands::{Bands, CYCLE_MAX_S, Gate, Green, widest};
use super::progression::stages_s;
use crate::ids::{JunctionIx, RoadIx};
use crate::network::{Network, Turn};

/// Least attainability of a section.
const ATTAINED: f64 = 0.5;
/// A street is lengthened by the next if that has at least this share of the first one's flow.
const CONTINUES: f64 = 0.5;
/// Most streets of one section: bands over more are poor anyway.
const SECTION_MAX: usize = 14;

/// A section of an arterial with its bands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Wave {
    /// Its signals in outbound order.
    pub junctions: Vec<String>,
    /// Common cycle, s.
    pub cycle_s: u32,
    /// Widths of the bands, s.
    pub bands: Bands,
    /// Mean through flows that weight them, outbound and inbound, vehicles an hour.
    pub through_veh_h: (f64, f64),
    /// Weighted bandwidth over cycle: 0.13 is fair, 0.25 good, 0.37 great (PASSER II).
    pub efficiency: f64,
    /// Weighted bandwidth over the shortest greens, weighted alike: 1 is all there is.
    pub attainability: f64,
}

/// A street between two signals, in the direction in which its arterial is counted.
#[derive(Debug, Clone, Copy)]
struct Street {
    from: usize,
    to: usize,
    outbound: RoadIx,
    inbound: Option<RoadIx>,
    flow_veh_h: f64,
}

/// Streets, the busiest first, of which arterials are made.
struct Left {
    streets: Vec<Street>,
    taken: Vec<bool>,
    /// Places in `streets` by plan at either end.
    at: Vec<Vec<usize>>,
}

impl Left {
    fn new(streets: Vec<Street>, plans: usize) -> Self {
        let mut at = vec![Vec::new(); plans];
        for (k, street) in streets.iter().enumerate() {
            at[street.from].push(k);
            at[street.to].push(k);
        }
        Self {
            taken: vec![false; streets.len()],
            streets,
            at,
        }
    }
}

struct Waves<'a> {
    net: &'a Network,
    plans: &'a mut [SignalPlan],
    through_veh_h: &'a [f64],
    travel_s: &'a [f64],
    cycle_s: u32,
    /// By plan: which others it is fixed against, and by how much, s.
    group: Vec<usize>,
    offset_s: Vec<u32>,
}

/// Sets the offsets of plans with the same cycle; `through_veh_h` and `travel_s` are by road:
/// vehicles that go straight on at its end, and free-flow travel time. Plans that do not keep the
/// common cycle, or one beyond [`CYCLE_MAX_S`], are left alone.
pub(super) fn set_offsets(
    net: &Network,
    plans: &mut [SignalPlan],
    through_veh_h: &[f64],
    travel_s: &[f64],
) -> Vec<Wave> {
    let cycle_s = plans.iter().map(|p| p.cycle_s).min().unwrap_or(0);
    if !(1..=CYCLE_MAX_S).contains(&cycle_s) {
        return Vec::new();
    }
    let mut waves = Waves {
        net,
        cycle_s,
        group: (0..plans.len()).collect(),
        offset_s: vec![0; plans.len()],
        plans,
        through_veh_h,
        travel_s,
    };
    let mut found = Vec::new();
    for arterial in waves.arterials() {
        waves.coordinate(&arterial, &mut found);
    }
    let flow = |w: &Wave| w.through_veh_h.0 + w.through_veh_h.1;
    found.sort_by(|a, b| flow(b).total_cmp(&flow(a)));
    for (plan, offset_s) in waves.plans.iter_mut().zip(waves.offset_s) {
        plan.offset_s = offset_s;
    }
    found
}

impl Waves<'_> {
    /// All streets between signals of the common cycle, as roads with or without a way back.
    fn streets(&self) -> Vec<Street> {
        let place: BTreeMap<JunctionIx, usize> = (self.plans.iter().enumerate())
            .filter(|(_, p)| p.cycle_s == self.cycle_s)
            .map(|(i, p)| (p.junction, i))
            .collect();
        let mut streets: BTreeMap<(usize, usize), Street> = BTreeMap::new();
        for (r, road) in self.net.roads().iter().enumerate() {
            let (Some(&from), Some(&to)) = (place.get(&road.from), place.get(&road.to)) else {
                continue;
            };
            let flow_veh_h = self.through_veh_h[r];
            match streets.get_mut(&(to, from)) {
                Some(street) if street.inbound.is_none() => {
                    street.inbound = Some(RoadIx::of(r));
                    street.flow_veh_h += flow_veh_h;
                }
                _ if from != to => {
                    streets.entry((from, to)).or_insert(Street {
                        from,
                        to,
                        outbound: RoadIx::of(r),
                        inbound: None,
                        flow_veh_h,
                    });
                }
                _ => (),
            }
        }
        let mut streets: Vec<Street> = streets.into_values().collect();
        streets.retain(|s| s.flow_veh_h > 0.0);
        streets.sort_by(|a, b| {
            let busier = b.flow_veh_h.total_cmp(&a.flow_veh_h);
            busier.then(a.outbound.cmp(&b.outbound))
        });
        streets
    }

    /// Arterials as streets in outbound order, the busiest first.
    fn arterials(&self) -> Vec<Vec<Street>> {
        let mut left = Left::new(self.streets(), self.plans.len());
        let mut arterials = Vec::new();
        for k in 0..left.streets.len() {
            if std::mem::replace(&mut left.taken[k], true) {
                continue;
            }
            let seed = left.streets[k];
            let least_veh_h = CONTINUES * seed.flow_veh_h;
            let mut arterial = vec![seed];
            while let Some(next) = self.next(arterial[arterial.len() - 1], &mut left, least_veh_h) {
                arterial.push(next);
            }
            // The other way round from the seed's beginning.
            let mut before = Vec::new();
            let mut at = turned(seed);
            while let Some(next) = at.and_then(|s| self.next(s, &mut left, least_veh_h)) {
                before.push(next);
                at = Some(next);
            }
            let before = before.into_iter().rev().filter_map(turned);
            arterials.push(before.chain(arterial).collect());
        }
        arterials
    }

    /// Takes the street that goes straight on from the end of another, if it is busy enough.
    fn next(&self, last: Street, left: &mut Left, least_veh_h: f64) -> Option<Street> {
        let junction = &self.net.junctions()[self.plans[last.to].junction.ix()];
        let straight = |from: Option<RoadIx>, to: Option<RoadIx>| match (from, to) {
            (Some(from), Some(to)) => (junction.road_links.iter())
                .any(|l| l.turn == Turn::Straight && l.from == from && l.to == to),
            (None, None) => true,
            _ => false,
        };
        let fits = |s: &Street| {
            s.from == last.to
                && straight(Some(last.outbound), Some(s.outbound))
                && straight(s.inbound, last.inbound)
        };
        let (k, street) = left.at[last.to].iter().find_map(|&k| {
            let s = left.streets[k];
            let found = [Some(s), turned(s)].into_iter().flatten().find(fits)?;
            (!left.taken[k] && s.flow_veh_h >= least_veh_h).then_some((k, found))
        })?;
        left.taken[k] = true;
        Some(street)
    }

    /// Sets one arterial, section by section.
    fn coordinate(&mut self, arterial: &[Street], found: &mut Vec<Wave>) {
        let mut start = 0;
        while start < arterial.len() {
            let longest = arterial.len().min(start + SECTION_MAX);
            let taken = (start + 1..=longest)
                .rev()
                .find_map(|end| Some((end, self.section(&arterial[start..end])?)));
            start = match taken {
                Some((end, wave)) => {
                    found.push(wave);
                    end
                }
                None => start + 1,
            };
        }
    }

    /// Fixes the offsets of a section if its bands are fair.
    fn section(&mut self, streets: &[Street]) -> Option<Wave> {
        let gates = self.gates(streets);
        #[allow(clippy::cast_precision_loss)] // a handful of streets
        let mean = |pick: fn(&Street) -> Option<RoadIx>| {
            let flows = streets
                .iter()
                .filter_map(pick)
                .map(|r| self.through_veh_h[r.ix()]);
            flows.sum::<f64>() / streets.len() as f64
        };
        let through_veh_h = (mean(|s| Some(s.outbound)), mean(|s| s.inbound));
        let sum = through_veh_h.0 + through_veh_h.1;
        if sum <= 0.0 {
            return None;
        }
        let weights = (through_veh_h.0 / sum, through_veh_h.1 / sum);
        let solution = widest(&gates, self.cycle_s, weights);
        let bands = solution.bands;
        let weighted_s =
            |b: Bands| weights.0 * f64::from(b.outbound_s) + weights.1 * f64::from(b.inbound_s);
        let attainability = weighted_s(bands) / weighted_s(solution.greens).max(1.0);
        if attainability < ATTAINED {
            return None;
        }
        let members = members(streets);
        for (k, shift_s) in members.iter().zip(&solution.shift_s) {
            self.join(members[0], *k, *shift_s);
        }
        let id = |k: &usize| {
            self.net.junctions()[self.plans[*k].junction.ix()]
                .id
                .clone()
        };
        Some(Wave {
            junctions: members.iter().map(id).collect(),
            cycle_s: self.cycle_s,
            bands,
            through_veh_h,
            efficiency: weighted_s(bands) / f64::from(self.cycle_s),
            attainability,
        })
    }

    /// Shifts the group of `k` and makes it one with the group of `first`. Called with the first
    /// junction first; whoever is in its group by then has been shifted.
    fn join(&mut self, first: usize, k: usize, shift_s: u32) {
        let (keep, gone) = (self.group[first], self.group[k]);
        if k != first && keep == gone {
            return;
        }
        for i in 0..self.group.len() {
            if self.group[i] == gone {
                self.offset_s[i] = (self.offset_s[i] + shift_s) % self.cycle_s;
                self.group[i] = keep;
            }
        }
    }

    /// The greens that each junction of a section shows to the two directions.
    fn gates(&self, streets: &[Street]) -> Vec<Gate> {
        let members = members(streets);
        // Seconds from the first junction to each, there and back.
        let mut there_s = vec![0.0];
        let mut back_s = vec![0.0];
        for street in streets {
            let add = |times: &mut Vec<f64>, road: Option<RoadIx>| {
                let last = times[times.len() - 1];
                times.push(last + road.map_or(0.0, |r| self.road_s(r)));
            };
            add(&mut there_s, Some(street.outbound));
            add(&mut back_s, street.inbound);
        }
        (members.iter().enumerate())
            .map(|(k, &plan)| {
                // A junction shows green to who leaves by the next street or has come by the last.
                let out = match k {
                    0 => self.green(plan, Some(streets[0].outbound), true),
                    _ => self.green(plan, Some(streets[k - 1].outbound), false),
                };
                let inn = match streets.get(k) {
                    Some(next) => self.green(plan, next.inbound, false),
                    None => self.green(plan, streets[k - 1].inbound, true),
                };
                Gate {
                    outbound: out.map(|g| moved(g, -there_s[k])),
                    inbound: inn.map(|g| moved(g, back_s[k])),
                    group: self.group[plan],
                    offset_s: self.offset_s[plan],
                }
            })
            .collect()
    }

    /// The longest stage with green straight into or out of a road.
    fn green(&self, plan: usize, road: Option<RoadIx>, leaving: bool) -> Option<Green> {
        let stages = stages_s(self.net, &self.plans[plan], road?, leaving);
        let longest = stages
            .into_iter()
            .rev()
            .max_by_key(|(_, length_s)| *length_s)?;
        Some(Green {
            start_s: i64::from(longest.0),
            length_s: longest.1,
        })
    }

    /// From one stop line to the next: the junction before the road, and the road.
    fn road_s(&self, road: RoadIx) -> f64 {
        let lane = &self.net.lanes()[self.net.roads()[road.ix()].lanes[0].ix()];
        let junction = &self.net.junctions()[self.net.roads()[road.ix()].from.ix()];
        let straight = (junction.road_links.iter())
            .find(|l| l.to == road && l.turn == Turn::Straight)
            .and_then(|l| l.links.first());
        let inside_m = straight.map_or(0.0, |l| self.net.links()[l.ix()].length_m);
        self.travel_s[road.ix()] * (1.0 + inside_m / lane.length_m)
    }
}

/// The same street from its other end; none of a one-way street.
fn turned(s: Street) -> Option<Street> {
    Some(Street {
        from: s.to,
        to: s.from,
        outbound: s.inbound?,
        inbound: Some(s.outbound),
        flow_veh_h: s.flow_veh_h,
    })
}

/// The plans along a section.
fn members(streets: &[Street]) -> Vec<usize> {
    (streets.iter().take(1).map(|s| s.from))
        .chain(streets.iter().map(|s| s.to))
        .collect()
}

/// A green as seen by a band that needs so long to get there.
#[allow(clippy::cast_possible_truncation)] // minutes
fn moved(green: Green, by_s: f64) -> Green {
    Green {
        start_s: green.start_s + by_s.round() as i64,
        length_s: green.length_s,
    }
}
