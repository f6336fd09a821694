//! Looking for a place to park: see [`crate::Parking`].

use std::sync::Arc;

use super::Sim;
use super::halts::{Aim, Halt, LEAVES, Told};
use crate::error::TrafficError;
use crate::ids::{DrivableIx, NONE, RoadIx};
use crate::parking::Parking;
use crate::plan::Tpl;
use crate::rng;

/// A vehicle that looks for a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seek {
    pub(crate) event: u32,
    /// The road it came for.
    pub(crate) to: u32,
    /// Car parks asked so far, in the order of the way on foot.
    pub(crate) tried: u32,
    /// Step in which it was first turned away; `NONE` before.
    pub(crate) since: u32,
}

/// What has become of those who looked for a place.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct ParkingTally {
    /// Vehicles that set out to park.
    pub seekers: u32,
    /// Those that have parked.
    pub parked: u32,
    /// Times somebody was turned away because all places were taken.
    pub turned_away: u32,
    /// Those that asked everywhere in reach, or found no way, and gave up.
    pub gave_up: u32,
    /// Sum over the parked of the time since they were first turned away, s.
    pub search_s: f64,
    /// Sum over the parked of the way on foot, m.
    pub walk_m: f64,
}

/// A car park now.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct ParkReading {
    /// Its name.
    pub id: String,
    /// Places.
    pub spots: u32,
    /// Places taken now.
    pub taken: u32,
    /// Most taken at any time.
    pub taken_max: u32,
}

/// What is drawn of a vehicle, so that one draw says nothing of another.
#[derive(Debug, Clone, Copy)]
enum Draw {
    /// Whether it looks for a place.
    Seeks,
    /// How long it stays.
    Stays,
    /// How long one stays that was there at the start, in this car park.
    StaysOn(u32),
}

/// A number from 0 to 1 that depends on these alone.
fn unit(seed: u32, number: u32, draw: Draw) -> f64 {
    let what = match draw {
        Draw::Seeks => 1,
        Draw::Stays => 2,
        Draw::StaysOn(place) => 3 + u64::from(place),
    };
    let who = u64::from(seed) << 32 | u64::from(number);
    rng::unit(rng::mix(rng::mix(who) ^ what))
}

impl Sim {
    /// Lets vehicles look for a place to park. Before the first step.
    ///
    /// # Errors
    /// A run that has begun.
    pub fn set_parking(&mut self, parking: Arc<Parking>) -> Result<(), TrafficError> {
        if self.state.step > 0 {
            return Err(TrafficError::Option {
                what: "parking",
                message: "car parks are there from the first step on".into(),
            });
        }
        self.state.taken = parking.parks.iter().map(|p| p.taken).collect();
        self.state.taken_max.clone_from(&self.state.taken);
        self.state.leaving.clear();
        for (place, park) in (0..).zip(&parking.parks) {
            for nth in 0..park.taken {
                let leaves = self.leaves_at(&parking, nth, Draw::StaysOn(place));
                self.state.leaving.push((leaves, place));
            }
        }
        self.state.leaving.sort_unstable();
        self.parking = (!parking.is_empty()).then_some(parking);
        Ok(())
    }

    /// The step in which somebody who parks now drives away.
    fn leaves_at(&self, parking: &Parking, number: u32, draw: Draw) -> u32 {
        let u = unit(self.plan.seed, number, draw);
        let stay_s = -(1.0 - u).ln() * parking.stay_mean_s;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // stays are limited
        let steps = (stay_s / self.dt).ceil() as u32;
        self.state.step.saturating_add(steps.max(1))
    }

    /// A vehicle that has just entered may set out for a car park.
    pub(crate) fn begin_seek(&mut self, slot: u32, event: u32) {
        let Some(parking) = self.parking.clone() else {
            return;
        };
        if self.state.halts_at_stop(event)
            || unit(self.plan.seed, event, Draw::Seeks) >= parking.share
        {
            return;
        }
        let last = self.path_ahead(slot).last().copied();
        let Some(lane) = last.and_then(|d| self.net.as_lane(DrivableIx(d))) else {
            return;
        };
        let to = self.net.lanes[lane.ix()].road;
        if parking.near[to.ix()].is_empty() {
            return;
        }
        self.state.parking_tally.seekers += 1;
        let seek = Seek {
            event,
            to: to.0,
            tried: 0,
            since: NONE,
        };
        match self.state.seeks.binary_search_by_key(&event, |s| s.event) {
            Ok(at) => self.state.seeks[at] = seek,
            Err(at) => self.state.seeks.insert(at, seek),
        }
        let lane = self.drivable_of(slot);
        // It may enter on another lane than the one drawn for its old way.
        for (nth, (place, _)) in parking.near[to.ix()].iter().enumerate() {
            let park = &parking.parks[*place as usize];
            if let Some(way) = self.way_of_entered(slot, lane, park.road) {
                self.set_out(&parking, (event, slot), nth, &way);
                return self.find_leaders();
            }
        }
        self.seek_next(&parking, slot, event);
        self.find_leaders();
    }

    /// Sends a vehicle to the car park that is this one on its list.
    fn set_out(&mut self, parking: &Parking, (event, slot): (u32, u32), nth: usize, way: &[u32]) {
        let Ok(at) = self.state.seeks.binary_search_by_key(&event, |s| s.event) else {
            return;
        };
        let seek = &mut self.state.seeks[at];
        seek.tried = u32::try_from(nth + 1).expect("car parks are limited");
        let place = parking.near[seek.to as usize][nth].0;
        let (path_at, path_to) = self.redirect(slot, way);
        self.state.set_halt(Halt {
            event,
            aim: Aim::Park { place },
            path_at,
            path_to,
            position_m: parking.parks[place as usize].position_m,
            until: NONE,
        });
        self.with_halting(slot);
    }

    /// Sends a vehicle to the next car park on its list that can be reached, or to its destination.
    fn seek_next(&mut self, parking: &Parking, slot: u32, event: u32) {
        let Ok(at) = self.state.seeks.binary_search_by_key(&event, |s| s.event) else {
            return;
        };
        let to = RoadIx(self.state.seeks[at].to);
        let drivable = self.drivable_of(slot);
        let first = self.state.seeks[at].tried as usize;
        for (nth, (place, _)) in parking.near[to.ix()].iter().enumerate().skip(first) {
            let park = &parking.parks[*place as usize];
            let way = self.way_to_entry(slot, drivable, park.road, park.position_m);
            if let Some(way) = way {
                return self.set_out(parking, (event, slot), nth, &way);
            }
        }
        self.state.drop_halt(event);
        self.state.seeks.remove(at);
        self.state.parking_tally.gave_up += 1;
        if let Some(way) = self.way_from(drivable, to) {
            self.redirect(slot, &way);
        }
    }

    /// The drivable a running vehicle is on: its path begins there.
    fn drivable_of(&self, slot: u32) -> u32 {
        self.path_ahead(slot)[0]
    }

    /// The way to an entry: none where it lies behind on the vehicle's own road, or too near to stop.
    fn way_to_entry(
        &self,
        slot: u32,
        drivable: u32,
        road: RoadIx,
        position_m: f64,
    ) -> Option<Vec<u32>> {
        let car = &self.state.cars[slot as usize];
        let tpl = &self.plan.templates[car.template as usize];
        let lane = self.net.as_lane(DrivableIx(drivable));
        let on_it = lane.is_some_and(|lane| self.net.lanes[lane.ix()].road == road);
        if on_it && position_m - car.pos <= stopping_m(tpl, car.speed) {
            return None;
        }
        self.way_from(drivable, road)
    }

    /// Makes a vehicle one that looks at its halt.
    fn with_halting(&mut self, slot: u32) {
        let template = self.state.cars[slot as usize].template;
        if !self.plan.templates[template as usize].halts {
            let template = Arc::make_mut(&mut self.plan).halting_twin(template);
            self.state.cars[slot as usize].template = template;
        }
    }

    /// Somebody stands at an entry, or has driven past it.
    pub(crate) fn arrive_at_park(&mut self, (event, slot): (u32, u32), place: u32, told: Told) {
        let Some(parking) = self.parking.clone() else {
            return;
        };
        let free = self.state.taken[place as usize] < parking.parks[place as usize].spots;
        if told == Told::Arrived && free {
            return self.park(&parking, event, place);
        }
        if let Ok(at) = self.state.seeks.binary_search_by_key(&event, |s| s.event)
            && !free
        {
            self.state.parking_tally.turned_away += 1;
            if self.state.seeks[at].since == NONE {
                self.state.seeks[at].since = self.state.step;
            }
        }
        self.seek_next(&parking, slot, event);
        self.find_leaders();
    }

    fn park(&mut self, parking: &Parking, event: u32, place: u32) {
        let leaves = self.leaves_at(parking, event, Draw::Stays);
        let state = &mut self.state;
        if let Ok(at) = state.halts.binary_search_by_key(&event, |h| h.event) {
            state.halts[at].until = LEAVES;
        }
        let taken = &mut state.taken[place as usize];
        *taken += 1;
        let most = &mut state.taken_max[place as usize];
        *most = (*most).max(*taken);
        let at = state.leaving.partition_point(|l| *l <= (leaves, place));
        state.leaving.insert(at, (leaves, place));
        state.parking_tally.parked += 1;
        if let Ok(at) = state.seeks.binary_search_by_key(&event, |s| s.event) {
            let seek = state.seeks.remove(at);
            let near = &parking.near[seek.to as usize];
            let way = near.iter().find(|w| w.0 == place);
            state.parking_tally.walk_m += way.map_or(0.0, |w| w.1);
            if seek.since != NONE {
                let steps = state.step - seek.since;
                state.parking_tally.search_s += f64::from(steps) * self.dt;
            }
        }
    }

    /// Places become free again.
    pub(crate) fn free_places(&mut self) {
        let state = &mut self.state;
        let over = state.leaving.partition_point(|l| l.0 <= state.step);
        for (_, place) in state.leaving.drain(..over) {
            state.taken[place as usize] -= 1;
        }
    }

    /// What has become of those who looked for a place so far.
    #[must_use]
    pub const fn parking_tally(&self) -> ParkingTally {
        self.state.parking_tally
    }

    /// The car parks now.
    #[must_use]
    pub fn parks(&self) -> Vec<ParkReading> {
        let parks = self.parking.iter().flat_map(|p| &p.parks).enumerate();
        parks
            .map(|(n, park)| ParkReading {
                id: park.id.clone(),
                spots: park.spots,
                taken: self.state.taken[n],
                taken_max: self.state.taken_max[n],
            })
            .collect()
    }
}

/// What a vehicle needs to stop as usual and some metres more, m.
fn stopping_m(tpl: &Tpl, speed_m_s: f64) -> f64 {
    speed_m_s * speed_m_s / (2.0 * tpl.usual_neg) + 10.0
}
