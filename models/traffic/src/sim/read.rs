//! Reading a simulation: counts, lanes, vehicles, travel time, hash.

use std::borrow::Cow;
use std::sync::Arc;

use super::state::SHADOW;
use super::{Finished, Sim, State};
use crate::demand::Demand;
use crate::ids::{DrivableIx, JunctionIx, LaneIx, NONE};
use crate::network::Network;
use crate::plan::Event;
use crate::vehicle::VehicleTemplate;

/// Below this a vehicle counts as waiting, m/s.
pub const WAITING_BELOW_M_S: f64 = 0.1;

/// What a detector over a whole lane reads.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct LaneReading {
    /// Vehicles on the lane.
    pub vehicles: u32,
    /// Vehicles slower than 0.1 m/s.
    pub waiting: u32,
    /// Mean speed, m/s; none on an empty lane.
    pub mean_speed_m_s: Option<f64>,
    /// Share of the lane's length covered by vehicles, 0 to 1.
    pub occupancy: f64,
    /// Vehicles that have entered the lane since the start.
    pub entered_total: u32,
    /// Vehicles that have left the lane since the start.
    pub left_total: u32,
}

/// A running vehicle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VehicleView {
    /// Flow of the demand file.
    pub flow: u32,
    /// Running number in the flow.
    pub number: u32,
    /// Place in the state's table until the next step (large states move their vehicles).
    pub slot: u32,
    /// Number in order of creation, unique in a run.
    pub event: u32,
    /// Where it is.
    pub drivable: DrivableIx,
    /// Front bumper from the start of the drivable, m.
    pub position_m: f64,
    /// m/s.
    pub speed_m_s: f64,
    /// Its kind, see [`Sim::template`]: those of [`Demand::templates`] come first.
    pub template: u32,
    /// The second body, on the lane it goes to, of a vehicle that is changing lane.
    pub shadow: bool,
}

impl VehicleView {
    /// `flow_i_n`, or `manually_pushed_n`, as the reference names vehicles; shadows end in `_shadow`.
    #[must_use]
    pub fn id(&self) -> String {
        let body = if self.shadow { "_shadow" } else { "" };
        if self.flow == NONE {
            return format!("manually_pushed_{}{body}", self.number);
        }
        format!("flow_{}_{}{body}", self.flow, self.number)
    }
}

impl Sim {
    /// The network.
    #[must_use]
    pub const fn network(&self) -> &Arc<Network> {
        &self.net
    }

    /// The demand.
    #[must_use]
    pub const fn demand(&self) -> &Arc<Demand> {
        &self.demand
    }

    /// Step length, s.
    #[must_use]
    pub const fn step_s(&self) -> f64 {
        self.dt
    }

    /// Simulated time, s.
    #[must_use]
    pub fn time_s(&self) -> f64 {
        f64::from(self.state.step) * self.dt
    }

    /// Steps done.
    #[must_use]
    pub const fn step_count(&self) -> u32 {
        self.state.step
    }

    /// The phase shown at a junction.
    #[must_use]
    pub fn phase(&self, junction: JunctionIx) -> u16 {
        self.state.phase[junction.ix()]
    }

    /// Vehicles on the network.
    #[must_use]
    pub const fn running(&self) -> u32 {
        self.state.running
    }

    /// Vehicles created so far.
    #[must_use]
    pub const fn created(&self) -> u32 {
        self.state.created
    }

    /// Vehicles that have finished their trip.
    #[must_use]
    pub const fn finished(&self) -> u32 {
        self.state.finished
    }

    /// Vehicles created but not yet on the network.
    #[must_use]
    pub const fn waiting_outside(&self) -> u32 {
        self.state.created - self.state.running - self.state.finished
    }

    /// Trips that ended in the last step.
    #[must_use]
    pub fn just_finished(&self) -> &[Finished] {
        &self.scratch.finished
    }

    /// The state, to be copied and restored.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Remarks about the compiled demand.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let cut = self.plan.cut_paths;
        (cut > 0)
            .then(|| {
                let what = if self.lattice.is_some() {
                    "wait at the end of a lane that does not serve the route unless a gap beside lets them change"
                } else {
                    "leave where the lane stops serving the route"
                };
                format!("{cut} combinations of route and first lane cannot be driven to the end without lane change: those vehicles {what}")
            })
            .into_iter()
            .collect()
    }

    /// What a detector over the whole lane reads now.
    #[must_use]
    pub fn lane(&self, lane: LaneIx) -> LaneReading {
        let length = self.net.flat.length_m[lane.ix()];
        let (mut vehicles, mut waiting, mut sum, mut covered) = (0u32, 0u32, 0.0, 0.0);
        let mut slot = self.state.tracks[lane.ix()].front;
        while slot != NONE {
            let car = &self.state.cars[slot as usize];
            vehicles += 1;
            waiting += u32::from(car.speed < WAITING_BELOW_M_S);
            sum += car.speed;
            let len = self.plan.templates[car.template as usize].len;
            covered += len.min(car.pos);
            slot = car.behind;
        }
        let book = &self.state.lanes[lane.ix()];
        LaneReading {
            vehicles,
            waiting,
            mean_speed_m_s: (vehicles > 0).then(|| sum / f64::from(vehicles)),
            occupancy: (covered / length).min(1.0),
            entered_total: book.entered,
            left_total: book.left,
        }
    }

    /// Vehicles slower than 0.1 m/s on a lane.
    #[must_use]
    pub fn lane_waiting(&self, lane: LaneIx) -> u32 {
        let mut waiting = 0;
        let mut slot = self.state.tracks[lane.ix()].front;
        while slot != NONE {
            let car = &self.state.cars[slot as usize];
            waiting += u32::from(car.speed < WAITING_BELOW_M_S);
            slot = car.behind;
        }
        waiting
    }

    /// Vehicles created but waiting to enter a lane.
    #[must_use]
    pub fn lane_waiting_outside(&self, lane: LaneIx) -> u32 {
        self.state.lanes[lane.ix()].wait_count
    }

    /// Vehicles of a lane or lane link from the front to the back. One that is changing lane stands
    /// in both lists, in the second as a shadow, and counts on both lanes.
    pub fn vehicles_on(&self, drivable: DrivableIx) -> impl Iterator<Item = VehicleView> + '_ {
        let mut slot = self.state.tracks[drivable.ix()].front;
        std::iter::from_fn(move || {
            if slot == NONE {
                return None;
            }
            let view = self.view(slot, drivable);
            slot = self.state.cars[slot as usize].behind;
            Some(view)
        })
    }

    /// All running vehicles: drivables in order of first occupation, each from the front. No shadows.
    pub fn vehicles(&self) -> impl Iterator<Item = VehicleView> + '_ {
        self.state
            .occupied
            .iter()
            .flat_map(|d| self.vehicles_on(DrivableIx(*d)))
            .filter(|v| !v.shadow)
    }

    /// The draw that ranks a running vehicle among others.
    pub(crate) fn priority(&self, slot: u32) -> i32 {
        self.state.cars[slot as usize].priority
    }

    /// Whether a running vehicle halts on the road it is on, now or before its end.
    pub(crate) fn halts_here(&self, slot: u32) -> bool {
        let car = &self.state.cars[slot as usize];
        let halts = &self.state.halts;
        let at = halts.binary_search_by_key(&car.event, |h| h.event);
        at.is_ok_and(|at| (halts[at].path_at..halts[at].path_to).contains(&car.cursor))
    }

    /// The lane a vehicle is changing to and how far it has moved aside, m.
    pub(crate) fn changing_to(&self, slot: u32) -> Option<(DrivableIx, f64)> {
        if self.state.cars[slot as usize].partner == NONE {
            return None;
        }
        let change = self.state.changes.iter().find(|c| c.slot == slot)?;
        Some((DrivableIx(change.to), change.offset_m))
    }

    /// The rest of a vehicle's path, its present drivable first.
    #[must_use]
    pub fn path_ahead(&self, slot: u32) -> Cow<'_, [u32]> {
        let car = &self.state.cars[slot as usize];
        match &self.lattice {
            None => Cow::Borrowed(&self.plan.paths[car.cursor as usize..car.path_end as usize]),
            Some(lattice) => Cow::Owned(lattice.path(&self.net, &self.plan.paths, car.cursor)),
        }
    }

    fn view(&self, slot: u32, drivable: DrivableIx) -> VehicleView {
        let car = &self.state.cars[slot as usize];
        let event = self.plan.events.get(car.event as usize);
        VehicleView {
            flow: event.map_or(NONE, |e| e.flow),
            number: event.map_or(car.event, |e| e.number),
            slot,
            event: car.event,
            drivable,
            position_m: car.pos,
            speed_m_s: car.speed,
            template: car.template,
            shadow: car.flags & SHADOW != 0,
        }
    }

    pub(crate) fn event(&self, event: u32) -> Option<&Event> {
        self.plan.events.get(event as usize)
    }

    /// Free-flow time of a created vehicle's whole path, s; 0 for an unknown vehicle.
    #[must_use]
    pub fn free_flow_s(&self, event: u32) -> f64 {
        let Some(e) = self.event(event) else {
            return 0.0;
        };
        self.plan.paths[e.path as usize..e.path_end as usize]
            .iter()
            .map(|d| {
                self.net.flat.length_m[*d as usize]
                    / self.free_speed_m_s(DrivableIx(*d), e.template)
            })
            .sum()
    }

    /// The lower of a vehicle's and a drivable's top speed, m/s.
    #[must_use]
    pub fn free_speed_m_s(&self, drivable: DrivableIx, template: u32) -> f64 {
        self.plan.templates[template as usize]
            .vmax
            .min(self.net.flat.limit_m_s[drivable.ix()])
    }

    /// The simulator's own average travel time, s: from creation to exit, waiting to enter and
    /// unfinished trips (until now) included, over all created vehicles. 0 before the first.
    #[must_use]
    pub fn average_travel_time_network_s(&self) -> f64 {
        if self.state.created == 0 {
            return 0.0;
        }
        let now = self.time_s();
        let mut sum = self.state.finished_time_s;
        let since = |event: u32| {
            self.event(event)
                .map_or(0.0, |e| now - f64::from(e.step) * self.dt)
        };
        for vehicle in self.vehicles() {
            sum += since(vehicle.event);
        }
        for event in self.waiting_events() {
            sum += since(event);
        }
        sum / f64::from(self.state.created)
    }

    /// Vehicles created but not yet on the network, lane by lane in the order of their queues.
    fn waiting_events(&self) -> impl Iterator<Item = u32> + '_ {
        self.state.waiting_lanes.iter().flat_map(|lane| {
            let book = &self.state.lanes[*lane as usize];
            let next = |event: &u32| Some(self.plan.events[*event as usize].next_in_lane);
            std::iter::successors(Some(book.wait_head), next).take(book.wait_count as usize)
        })
    }

    /// The kind of a vehicle ([`VehicleView::template`]).
    #[must_use]
    pub fn template(&self, template: u32) -> &VehicleTemplate {
        &self.plan.sources[template as usize]
    }

    /// The kinds of the vehicles waiting outside.
    pub fn waiting_templates(&self) -> impl Iterator<Item = &VehicleTemplate> + '_ {
        let template = |event| self.plan.events[event as usize].template;
        (self.waiting_events()).map(move |event| self.template(template(event)))
    }

    /// The kinds of all vehicles created so far, in order.
    pub fn created_templates(&self) -> impl Iterator<Item = &VehicleTemplate> + '_ {
        let created = self.plan.events.iter().take(self.state.created as usize);
        created.map(|event| self.template(event.template))
    }

    /// Cost of this second: sum over running vehicles of 1 - v/vfree, plus one for each vehicle
    /// waiting outside. vfree = the lower of the vehicle's and the drivable's top speed.
    #[must_use]
    pub fn cost(&self) -> f64 {
        let mut sum = f64::from(self.waiting_outside());
        for d in &self.state.occupied {
            let limit = self.net.flat.limit_m_s[*d as usize];
            let mut slot = self.state.tracks[*d as usize].front;
            while slot != NONE {
                let car = &self.state.cars[slot as usize];
                if car.flags & SHADOW == 0 {
                    let free = self.plan.templates[car.template as usize].vmax.min(limit);
                    sum += 1.0 - car.speed / free;
                }
                slot = car.behind;
            }
        }
        sum
    }

    /// A hash of everything that decides the future, equal for equal states on any machine.
    #[must_use]
    pub fn state_hash(&self) -> u64 {
        let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
        let s = &self.state;
        hash.eat(u64::from(s.step));
        hash.eat(u64::from(s.next_event));
        hash.eat(u64::from(s.finished));
        hash.eat(s.finished_time_s.to_bits());
        for (d, track) in s.tracks.iter().enumerate() {
            if track.front == NONE {
                continue;
            }
            hash.eat(d as u64);
            let mut slot = track.front;
            while slot != NONE {
                let car = &s.cars[slot as usize];
                hash.eat(u64::from(car.event));
                hash.eat(car.pos.to_bits());
                hash.eat(car.speed.to_bits());
                slot = car.behind;
            }
        }
        for (phase, rest) in s.phase.iter().zip(&s.rest_s) {
            hash.eat(u64::from(*phase));
            hash.eat(rest.to_bits());
        }
        for lane in &s.lanes {
            hash.eat(u64::from(lane.wait_count) << 32 | u64::from(lane.entered));
        }
        for change in &s.changes {
            hash.eat(u64::from(change.from) << 32 | u64::from(change.to));
            hash.eat(change.offset_m.to_bits());
        }
        if s.changing {
            hash.eat(u64::from(s.shadows()));
        }
        for halt in &s.halts {
            hash.eat(u64::from(halt.event) << 32 | u64::from(halt.until));
            hash.eat(u64::from(halt.path_at) << 32 | u64::from(halt.path_to));
        }
        for (event, speed) in &s.commands {
            hash.eat(u64::from(*event));
            hash.eat(speed.to_bits());
        }
        for seek in &s.seeks {
            hash.eat(u64::from(seek.event) << 32 | u64::from(seek.tried));
        }
        for (step, place) in &s.leaving {
            hash.eat(u64::from(*step) << 32 | u64::from(*place));
        }
        if s.mark != 0 {
            hash.eat(s.mark);
        }
        hash.0
    }
}

/// FNV-1a over 64-bit words with a final mix per word.
struct Fnv(u64);

impl Fnv {
    fn eat(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        self.0 ^= self.0 >> 29;
    }
}
