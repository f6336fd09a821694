//! Other ways for vehicles under way: around closures, to a car park, where the user sends them.

use std::sync::Arc;

use super::Sim;
use super::lane_change::route_words;
use super::state::SHADOW;
use crate::error::TrafficError;
use crate::heap::Heap;
use crate::ids::{DrivableIx, LaneIx, LinkIx, NONE, RoadIx};
use crate::network::{Network, Turn};
use crate::plan::extend_path;
use crate::routing::{Router, free_road_s};
use crate::sim::speed::TURN_SPEED_M_S;
use crate::vehicle::VehicleTemplate;

/// What has become of vehicles whose way was closed.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct DetourTally {
    /// Sent another way.
    pub redirected: u32,
    /// Times that no other way was found, when a closure began or when a vehicle entered: it waits
    /// where its own is closed.
    pub stranded: u32,
}

#[derive(Debug)]
struct Open {
    cost_s: f64,
    lane: u32,
}

/// The quickest way by free-flow time from a lane to any lane of a road, lane by lane, without the
/// links that are `closed` (in order): drivables, the lane first.
fn way_around(net: &Network, closed: &[u32], from: LaneIx, to: RoadIx) -> Option<Vec<u32>> {
    let mut label = vec![f64::INFINITY; net.lanes.len()];
    let mut by_link = vec![NONE; net.lanes.len()];
    let mut open: Heap<Open> = Heap::new(|a, b| (a.cost_s, a.lane) > (b.cost_s, b.lane));
    let lane_s = |lane: &crate::network::Lane| lane.length_m / lane.max_speed_m_s;
    label[from.ix()] = 0.0;
    open.push(Open {
        cost_s: 0.0,
        lane: from.0,
    });
    while let Some(Open { cost_s, lane }) = open.pop() {
        if cost_s > label[lane as usize] {
            continue;
        }
        if net.lanes[lane as usize].road == to {
            return Some(trace(net, &by_link, lane));
        }
        for link in &net.lanes[lane as usize].links {
            if closed.binary_search(&link.0).is_ok() {
                continue;
            }
            let l = &net.links[link.ix()];
            let end = &net.lanes[l.to.ix()];
            let top = match l.turn {
                Turn::Straight => end.max_speed_m_s,
                Turn::Left | Turn::Right => end.max_speed_m_s.min(TURN_SPEED_M_S),
            };
            let cost_s = cost_s + l.length_m / top.min(l.max_speed_m_s) + lane_s(end);
            if cost_s < label[l.to.ix()] {
                label[l.to.ix()] = cost_s;
                by_link[l.to.ix()] = link.0;
                open.push(Open {
                    cost_s,
                    lane: l.to.0,
                });
            }
        }
    }
    None
}

fn trace(net: &Network, by_link: &[u32], mut lane: u32) -> Vec<u32> {
    let mut way = vec![lane];
    while by_link[lane as usize] != NONE {
        let link = LinkIx(by_link[lane as usize]);
        way.push(net.drivable_of_link(link).0);
        lane = net.links[link.ix()].from.0;
        way.push(lane);
    }
    way.reverse();
    way
}

impl Sim {
    /// The quickest open way from where a vehicle is to a road: drivables, its present one first. With
    /// lane change roads alone matter, and a lane stands for each (see [`Sim::redirect`]).
    pub(crate) fn way_from(&self, drivable: u32, to: RoadIx) -> Option<Vec<u32>> {
        let (net, closed) = (&self.net, &self.state.closed);
        let link = net.as_link(DrivableIx(drivable));
        let lane = link.map_or(LaneIx(drivable), |link| net.links[link.ix()].to);
        let mut way = if self.lattice.is_some() {
            self.roads_around(lane, to)?
        } else {
            way_around(net, closed, lane, to)?
        };
        if link.is_some() {
            way.insert(0, drivable);
        }
        Some(way)
    }

    /// A lane of each road of the quickest way by roads that are open, the vehicle's own lane first.
    fn roads_around(&self, lane: LaneIx, to: RoadIx) -> Option<Vec<u32>> {
        let net = &self.net;
        let is_closed = |lane: &LaneIx| self.state.closed_lanes.binary_search(&lane.0).is_ok();
        let mut road_s = free_road_s(net);
        for (cost, road) in road_s.iter_mut().zip(&net.roads) {
            if road.lanes.iter().all(is_closed) {
                *cost = f64::INFINITY;
            }
        }
        let from = net.lanes[lane.ix()].road;
        let roads = Router::by_road(net, &road_s).cheapest(from, to, 0.0)?;
        let lanes = roads[1..]
            .iter()
            .map(|road| net.roads[road.ix()].lanes[0].0);
        Some(std::iter::once(lane.0).chain(lanes).collect())
    }

    /// [`Sim::way_from`] for a vehicle that has just entered a lane: where that leads nowhere it enters
    /// on another lane of the road that has room.
    pub(crate) fn way_of_entered(&mut self, slot: u32, lane: u32, to: RoadIx) -> Option<Vec<u32>> {
        if let Some(way) = self.way_from(lane, to) {
            return Some(way);
        }
        let road = self.net.lanes[lane as usize].road;
        let car = self.state.cars[slot as usize];
        let own = &self.plan.templates[car.template as usize];
        let has_room = |other: &LaneIx| {
            let tail = self.state.tracks[other.ix()].tail;
            self.state.cars.get(tail as usize).is_none_or(|last| {
                let len = self.plan.templates[last.template as usize].len;
                last.pos > len + own.min_gap + car.pos
            })
        };
        let open = |other: &LaneIx| self.state.closed_lanes.binary_search(&other.0).is_err();
        let lanes = self.net.roads[road.ix()].lanes.iter();
        let others = lanes.filter(|other| other.0 != lane && open(other) && has_room(other));
        let mut ways = others.filter_map(|other| self.way_from(other.0, to));
        let way = ways.next()?;
        self.state.unlink(slot, lane);
        self.state.lanes[lane as usize].left -= 1;
        self.state.lanes[lane as usize].entered -= 1;
        self.state.push(slot, way[0]);
        Some(way)
    }

    /// Sends a vehicle along these drivables, its present one first. The cursors of the last lane.
    ///
    /// The caller calls [`Sim::find_leaders`] when all are sent.
    pub(crate) fn redirect(&mut self, slot: u32, way: &[u32]) -> (u32, u32) {
        let net = Arc::clone(&self.net);
        let plan = Arc::make_mut(&mut self.plan);
        let state = &mut self.state;
        let last = net.lanes.get(way[way.len() - 1] as usize);
        let last_lanes = last.map_or(1, |lane| net.roads[lane.road.ix()].lanes.len());
        let (cursor, path_end, last) = if let Some(lattice) = &self.lattice {
            let link = net.as_link(DrivableIx(way[0]));
            let lane = link.map_or(LaneIx(way[0]), |link| net.links[link.ix()].from);
            let later = way.iter().filter_map(|d| net.as_lane(DrivableIx(*d)));
            let lanes = link.map(|_| lane).into_iter().chain(later);
            let roads: Vec<RoadIx> = lanes.map(|l| net.lanes[l.ix()].road).collect();
            let words = route_words(&net, &roads);
            let (from, mark) = plan.grow(state.mark, &words);
            state.mark = mark;
            let cursor = from + 2 * net.lanes[lane.ix()].index + u32::from(link.is_some());
            let path_end = lattice.end(&plan.paths, cursor, link.is_some());
            let two = u32::try_from(2 * last_lanes).expect("lanes are limited");
            let to = from + u32::try_from(words.len()).expect("routes are limited");
            (cursor, path_end, (to - two, to))
        } else {
            let (from, mark) = plan.grow(state.mark, way);
            state.mark = mark;
            let to = from + u32::try_from(way.len()).expect("routes are limited");
            (from, to, (to - 1, to))
        };
        let drivable = way[0];
        let car = &mut state.cars[slot as usize];
        (car.cursor, car.path_end) = (cursor, path_end);
        car.flags &= SHADOW;
        let partner = car.partner;
        state.tracks[drivable as usize].forget_still();
        if let (Some(lattice), Some(change)) =
            (&self.lattice, state.changes.iter().find(|c| c.slot == slot))
        {
            let beside = lattice.beside(cursor, change.from, change.to);
            let shadow = &mut state.cars[partner as usize];
            shadow.cursor = beside;
            shadow.path_end = lattice.end(&plan.paths, beside, false);
        }
        last
    }

    /// Sends everybody under way around what is closed now, if their way leads through it.
    pub(crate) fn redirect_around(&mut self) {
        let mut held: Vec<(u32, u32)> = Vec::new();
        for drivable in &self.state.occupied {
            for v in self
                .vehicles_on(DrivableIx(*drivable))
                .filter(|v| !v.shadow)
            {
                if self.is_closed(&self.path_ahead(v.slot)) {
                    held.push((v.slot, *drivable));
                }
            }
        }
        for (slot, drivable) in held {
            self.redirect_one(slot, drivable);
        }
        self.find_leaders();
    }

    /// Whether a way leads over a closed link.
    fn is_closed(&self, way: &[u32]) -> bool {
        let lanes = u32::try_from(self.net.lanes.len()).expect("limited");
        let links = way.iter().skip(1).filter_map(|d| d.checked_sub(lanes));
        links
            .into_iter()
            .any(|link| self.state.closed.binary_search(&link).is_ok())
    }

    /// Sends a vehicle that has just entered around what is closed.
    pub(crate) fn redirect_entered(&mut self, slot: u32, lane: u32) {
        if !self.state.closed.is_empty() && self.is_closed(&self.path_ahead(slot)) {
            let to = self.destination(slot);
            let way = to.and_then(|to| self.way_of_entered(slot, lane, to));
            self.send_around(slot, way);
            self.find_leaders();
        }
    }

    fn redirect_one(&mut self, slot: u32, drivable: u32) {
        let to = self.destination(slot);
        let way = to.and_then(|to| self.way_from(drivable, to));
        self.send_around(slot, way);
    }

    /// The road where a vehicle's way ends; none for those that halt at stops, who keep their way.
    fn destination(&self, slot: u32) -> Option<RoadIx> {
        let event = self.state.cars[slot as usize].event;
        if self.state.halts_at_stop(event) {
            return None;
        }
        let last = self.path_ahead(slot).last().copied()?;
        let lane = self.net.as_lane(DrivableIx(last))?;
        Some(self.net.lanes[lane.ix()].road)
    }

    fn send_around(&mut self, slot: u32, way: Option<Vec<u32>>) {
        if let Some(way) = way {
            let last = self.redirect(slot, &way);
            let event = self.state.cars[slot as usize].event;
            self.state.move_halt(event, last);
            self.state.detour_tally.redirected += 1;
        } else {
            self.state.detour_tally.stranded += 1;
        }
    }

    /// What has become of those whose way was closed so far.
    #[must_use]
    pub const fn detour_tally(&self) -> DetourTally {
        self.state.detour_tally
    }

    /// Sends a running vehicle from the road it is on to these roads, joined by shortest paths (by
    /// length, as the reference simulator); false, and nothing changes, while it is inside a
    /// junction, where no way exists, and where its lane does not serve the new one. It halts no
    /// more, nor looks for a place to park.
    pub fn set_vehicle_route(&mut self, slot: u32, roads: &[RoadIx]) -> bool {
        let Some(view) = self.vehicles().find(|v| v.slot == slot) else {
            return false;
        };
        let Some(lane) = self.net.as_lane(view.drivable) else {
            return false;
        };
        let known = self.net.roads.len();
        if roads.iter().any(|road| road.ix() >= known) {
            return false;
        }
        let here = self.net.lanes[lane.ix()].road;
        let anchors = [&[here], roads].concat();
        let route = Router::by_length(&self.net).through(&anchors);
        let Some(route) = route.filter(|route| route.len() > 1) else {
            return false;
        };
        let mut way = Vec::new();
        extend_path(&self.net, &route, lane, &mut way);
        if way.len() < 2 {
            return false;
        }
        if self.lattice.is_some() {
            // Of the lanes only the roads count there; the way is written for all of them.
            way = vec![lane.0];
            let first = |road: &RoadIx| self.net.roads[road.ix()].lanes[0].0;
            way.extend(route[1..].iter().map(first));
        }
        self.redirect(slot, &way);
        self.state.forget_aim(view.event);
        self.find_leaders();
        true
    }

    /// Sets what a running vehicle wishes to drive in the next step alone, m/s; it still does not
    /// run into its leader, nor over a red light.
    pub fn set_vehicle_speed(&mut self, slot: u32, speed_m_s: f64) {
        let Some(view) = self.vehicles().find(|v| v.slot == slot) else {
            return;
        };
        self.state.cars[slot as usize].flags &= !super::state::STILL;
        self.state.tracks[view.drivable.ix()].forget_still();
        let commands = &mut self.state.commands;
        match commands.binary_search_by_key(&view.event, |c| c.0) {
            Ok(at) => commands[at].1 = speed_m_s,
            Err(at) => commands.insert(at, (view.event, speed_m_s)),
        }
    }

    /// Pushes a vehicle in: created in the next step, at the start of the first of these roads, which
    /// are joined by shortest paths. Its number among those pushed in.
    ///
    /// # Errors
    /// Roads that are not joined, fewer than two, numbers that no vehicle has.
    pub fn push_vehicle(
        &mut self,
        template: &VehicleTemplate,
        roads: &[RoadIx],
    ) -> Result<u32, TrafficError> {
        let wrong = |message: String| TrafficError::Option {
            what: "push_vehicle",
            message,
        };
        template.check().map_err(wrong)?;
        let net = Arc::clone(&self.net);
        if let Some(road) = roads.iter().find(|road| road.ix() >= net.roads.len()) {
            return Err(wrong(format!("there is no road {}", road.0)));
        }
        let route = Router::by_length(&net).through(roads);
        let route = route.ok_or_else(|| wrong("the roads are not joined by lane links".into()))?;
        if route.len() < 2 {
            let count = route.len();
            return Err(wrong(format!(
                "the route has {count} road(s), a vehicle needs at least 2"
            )));
        }
        let plan = Arc::make_mut(&mut self.plan);
        if plan.covered == u32::MAX {
            return Err(wrong("a local rollout has no demand".into()));
        }
        if plan.covered > self.state.step {
            plan.rewind(&net, &self.demand, self.state.step);
        }
        let template = plan.intern(template);
        let words = if self.lattice.is_some() {
            route_words(&net, &route)
        } else {
            Vec::new()
        };
        let (number, mark) = plan.push(self.state.mark, template, route, &words);
        self.state.mark = mark;
        Ok(number)
    }
}
