//! From an observation to states to run ahead from: one for each sample of what is not known.

use crate::control::lookahead::observe::{Observation, SeenVehicle, TurnShares};
use crate::ids::{DrivableIx, LaneIx, NONE};
use crate::network::Network;
use crate::rng::{mix, unit};
use crate::sim::{Due, Put, Start};
use crate::vehicle::VehicleTemplate;

/// Builds states for one decision.
pub(crate) struct Twin<'a> {
    pub(crate) net: &'a Network,
    pub(crate) seen: &'a Observation,
    pub(crate) templates: &'a [VehicleTemplate],
    pub(crate) horizon_s: u32,
    pub(crate) seed: u64,
    pub(crate) samples: u32,
}

impl Twin<'_> {
    /// The state of sample `k`.
    pub(crate) fn start(&self, shares: &TurnShares, k: u32) -> Start {
        let mut start = Start {
            phases: self.seen.phases.clone(),
            ..Start::default()
        };
        for (i, v) in (0..).zip(&self.seen.vehicles) {
            let draw = Draw::new(self, i, k);
            let first = self.net.drivable_of_lane(v.lane);
            let (cursor, path_end) = self.path(&mut start, shares, v, first, draw);
            start.puts.push(Put {
                drivable: first.0,
                position_m: v.position_m,
                speed_m_s: v.speed_m_s,
                template: v.template,
                cursor,
                path_end,
                prev: NONE,
            });
        }
        self.crossings(&mut start, shares, k);
        self.arrivals(&mut start, shares, k);
        start
    }

    fn reach_m(&self, template: u32) -> f64 {
        let vmax = self.templates[template as usize].max_speed_m_s;
        f64::from(self.horizon_s) * vmax
    }

    /// Appends a path from `first` on: the known one, or one drawn from the shares.
    fn path(
        &self,
        start: &mut Start,
        shares: &TurnShares,
        v: &SeenVehicle,
        first: DrivableIx,
        mut draw: Draw,
    ) -> (u32, u32) {
        let at = |start: &Start| u32::try_from(start.paths.len()).expect("vehicles are limited");
        let cursor = at(start);
        let mut rest = self.reach_m(v.template) + v.position_m;
        if let Some(path) = &v.path {
            for d in path {
                start.paths.push(*d);
                rest -= self.net.length_m(DrivableIx(*d));
                if rest < 0.0 && self.net.as_lane(DrivableIx(*d)).is_some() {
                    break;
                }
            }
            return (cursor, at(start));
        }
        let mut here = first;
        loop {
            start.paths.push(here.0);
            rest -= self.net.length_m(here);
            let next = match (self.net.as_lane(here), self.net.as_link(here)) {
                (Some(_), _) if rest < 0.0 => None,
                (Some(lane), _) => {
                    (shares.way(self.net, lane, draw.next())).map(|l| self.net.drivable_of_link(l))
                }
                (None, Some(link)) => Some(DrivableIx(self.net.links()[link.ix()].to.0)),
                (None, None) => None,
            };
            let Some(next) = next else { break };
            here = next;
        }
        (cursor, at(start))
    }

    /// Vehicles inside junctions, carried on from where they were seen last.
    fn crossings(&self, start: &mut Start, shares: &TurnShares, k: u32) {
        let mut on_links: Vec<Put> = Vec::new();
        for (i, c) in (0x4000_0000..).zip(&self.seen.crossings) {
            let mut draw = Draw::new(self, i, k);
            let known = c.seen.path.as_ref().map(|p| DrivableIx(p[0]));
            let Some(first) = known.or_else(|| {
                let link = shares.way(self.net, c.from, draw.next())?;
                Some(self.net.drivable_of_link(link))
            }) else {
                continue;
            };
            let (cursor, path_end) = self.path(start, shares, &c.seen, first, draw);
            let (position_m, speed_m_s) = if known.is_some() {
                (c.seen.position_m, c.seen.speed_m_s)
            } else {
                self.carried_on(c.from, &c.seen, c.age_s, first)
            };
            on_links.push(Put {
                drivable: first.0,
                position_m,
                speed_m_s,
                template: c.seen.template,
                cursor,
                path_end,
                prev: c.from.0,
            });
        }
        on_links.sort_by(|a, b| {
            let ahead = b.position_m.total_cmp(&a.position_m);
            a.drivable.cmp(&b.drivable).then(ahead)
        });
        // Bodies do not overlap where sampled ways meet.
        for i in 1..on_links.len() {
            let before = on_links[i - 1];
            if before.drivable == on_links[i].drivable {
                let t = &self.templates[before.template as usize];
                let most = before.position_m - t.length_m - t.min_gap_m;
                on_links[i].position_m = on_links[i].position_m.min(most).max(0.0);
            }
        }
        start.puts.extend(on_links);
    }

    /// Position and speed on a link, `age_s` after a vehicle was last seen on its lane.
    fn carried_on(
        &self,
        from: LaneIx,
        seen: &SeenVehicle,
        age_s: f64,
        link: DrivableIx,
    ) -> (f64, f64) {
        let t = &self.templates[seen.template as usize];
        let speed = (seen.speed_m_s + t.usual_pos_acc_m_s2 * age_s).min(t.max_speed_m_s);
        let driven = f64::midpoint(seen.speed_m_s, speed) * age_s;
        let over = seen.position_m + driven - self.net.lanes()[from.ix()].length_m;
        (over.clamp(0.0, self.net.length_m(link)), speed)
    }

    fn arrivals(&self, start: &mut Start, shares: &TurnShares, k: u32) {
        if let Some((due, paths)) = &self.seen.future {
            let base = u32::try_from(start.paths.len()).expect("vehicles are limited");
            start.paths.extend_from_slice(paths);
            start.due.extend(due.iter().map(|d| {
                let mut d = *d;
                d.put.cursor += base;
                d.put.path_end += base;
                d
            }));
            return;
        }
        for (i, (lane, rate)) in (0x8000_0000..).zip(&self.seen.rate) {
            let mut draw = Draw::new(self, i, k);
            let mut at_s = draw.next() / rate;
            while at_s < f64::from(self.horizon_s) {
                let v = SeenVehicle {
                    lane: *lane,
                    position_m: 0.0,
                    speed_m_s: 0.0,
                    template: 0,
                    path: None,
                };
                let first = self.net.drivable_of_lane(*lane);
                let ways = Draw(draw.bits());
                let (cursor, path_end) = self.path(start, shares, &v, first, ways);
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                // below the horizon
                let step = at_s as u32;
                let put = Put {
                    drivable: first.0,
                    position_m: 0.0,
                    speed_m_s: 0.0,
                    template: 0,
                    cursor,
                    path_end,
                    prev: NONE,
                };
                start.due.push(Due { step, put });
                at_s += 1.0 / rate;
            }
        }
        start.due.sort_by_key(|d| d.step);
    }
}

/// Numbers drawn for one vehicle: the same for every option, spread evenly over the samples.
#[derive(Debug, Clone, Copy)]
struct Draw(u64);

impl Draw {
    fn new(twin: &Twin<'_>, vehicle: u64, sample: u32) -> Self {
        let time = twin.seen.time_s.to_bits();
        let mixed = mix(twin.seed ^ mix(time ^ mix(vehicle)));
        // Samples take quantiles a fixed part apart, so together they cover the shares.
        let part = u64::MAX / u64::from(twin.samples.max(1));
        Self(mixed.wrapping_add(part.wrapping_mul(u64::from(sample))))
    }

    fn bits(&mut self) -> u64 {
        let now = self.0;
        self.0 = mix(self.0);
        now
    }

    fn next(&mut self) -> f64 {
        unit(self.bits())
    }
}
