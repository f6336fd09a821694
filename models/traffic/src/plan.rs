//! The demand compiled into spawn events in time order, each with its lane and whole path.
//!
//! Without lane change the path of a vehicle is fixed by its first lane, so routing never happens
//! in a step. Flows that never end are compiled a piece of time at a time.

mod added;
mod tpl;

use std::collections::HashMap;

use crate::demand::Demand;
use crate::ids::{LaneIx, LinkIx, NONE, RoadIx};
use crate::network::{Network, Priority};
use crate::rng::Mt19937;
use crate::vehicle::VehicleTemplate;
use added::{Added, Push};
pub(crate) use tpl::Tpl;

/// Steps compiled at once while nobody is pushed in.
const CHUNK_STEPS: u32 = 3_600;

/// A vehicle to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    /// Step of creation.
    pub(crate) step: u32,
    /// Flow and running number in it; `NONE` and its number among them for one pushed in.
    pub(crate) flow: u32,
    pub(crate) number: u32,
    /// Random priority, the last tie-break of right of way (with lane change: its place in the
    /// stream).
    pub(crate) priority: i32,
    pub(crate) lane: u32,
    /// Range in [`Plan::paths`].
    pub(crate) path: u32,
    pub(crate) path_end: u32,
    pub(crate) template: u32,
    /// The next event on the same lane.
    pub(crate) next_in_lane: u32,
}

/// Templates, paths and events of one run. Shared by its clones.
///
/// Paths are only ever appended to. What is added during a run has a mark that states carry, so that
/// one which goes back finds what it knows of.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) templates: Vec<Tpl>,
    pub(crate) paths: Vec<u32>,
    pub(crate) events: Vec<Event>,
    /// Longest vehicle, m.
    pub(crate) len_max: f64,
    /// Some template dawdles or wishes for another speed than the limit.
    pub(crate) own_drivers: bool,
    /// Some template halts.
    pub(crate) has_halts: bool,
    /// Events are complete for steps below this.
    pub(crate) covered: u32,
    /// Paths that end early because the lane cannot serve the route.
    pub(crate) cut_paths: u32,
    /// Vehicles pushed in, in order.
    pub(crate) pushes: Vec<Push>,
    /// What was added during the run, by its mark, see [`Plan::follow`].
    added: HashMap<u64, Added>,
    pub(crate) sources: Vec<VehicleTemplate>,
    /// By template: see [`Tpl::halts`].
    halting: Vec<bool>,
    pub(crate) seed: u32,
    dt: f64,
    clock: f64,
    draws: Draws,
    flows: Vec<FlowClock>,
    known_paths: HashMap<(u32, u32), (u32, u32)>,
    last_in_lane: Vec<u32>,
    /// Vehicles sent to each lane so far, where lanes are chosen on the way.
    given: Vec<u32>,
}

#[derive(Debug, Clone)]
struct FlowClock {
    accumulated: f64,
    created: u32,
    over: bool,
}

/// The generator's outputs, in order. Lane change draws from the same stream at times only the run
/// knows, so there the outputs are kept and asked for by place.
#[derive(Debug, Clone)]
struct Draws {
    rng: Mt19937,
    /// Outputs taken by the demand.
    taken: u32,
    kept: Option<Vec<u32>>,
}

/// Outputs kept beyond what the demand has taken.
pub(crate) const SPARE_DRAWS: u32 = 1 << 14;

impl Draws {
    fn new(seed: u32, keep: bool) -> Self {
        Self {
            rng: Mt19937::new(seed),
            taken: 0,
            kept: keep.then(Vec::new),
        }
    }

    fn draw(&mut self) -> u32 {
        let at = self.taken;
        self.taken += 1;
        self.keep(at);
        match &self.kept {
            Some(kept) => kept[at as usize],
            None => self.rng.draw(),
        }
    }

    /// Makes sure that the output at this place is kept, if any is.
    fn keep(&mut self, at: u32) {
        if let Some(kept) = &mut self.kept {
            while kept.len() <= at as usize {
                kept.push(self.rng.draw());
            }
        }
    }
}

impl Plan {
    /// With `keep_draws`, the priority of an event is the place of its output, see [`Plan::output`].
    pub(crate) fn new(
        net: &Network,
        demand: &Demand,
        seed: u32,
        dt: f64,
        keep_draws: bool,
    ) -> Self {
        let mut plan = Self {
            templates: Vec::new(),
            paths: Vec::new(),
            events: Vec::new(),
            len_max: 0.0,
            own_drivers: false,
            has_halts: false,
            covered: 0,
            cut_paths: 0,
            pushes: Vec::new(),
            added: HashMap::new(),
            sources: Vec::new(),
            halting: Vec::new(),
            seed,
            dt,
            clock: 0.0,
            draws: Draws::new(seed, keep_draws),
            flows: flow_clocks(demand),
            known_paths: HashMap::new(),
            last_in_lane: vec![NONE; net.lanes.len()],
            given: vec![0; net.lanes.len()],
        };
        plan.halting = vec![false; demand.templates().len()];
        for flow in demand.flows().iter().filter(|f| f.stops.is_some()) {
            plan.halting[flow.template as usize] = true;
        }
        plan.set_templates(demand.templates());
        plan.extend(net, demand);
        plan
    }

    /// Makes these the templates, by place.
    pub(crate) fn set_templates(&mut self, templates: &[VehicleTemplate]) {
        self.sources.clear();
        self.sources.extend_from_slice(templates);
        self.derive();
    }

    fn derive(&mut self) {
        let dt = self.dt;
        self.templates.clear();
        self.templates
            .extend(self.sources.iter().map(|t| Tpl::new(t, dt)));
        let neg_max = self
            .templates
            .iter()
            .map(|t| t.max_neg.max(t.usual_neg))
            .fold(0.0, f64::max);
        for (t, halts) in self.templates.iter_mut().zip(&self.halting) {
            t.halts = *halts;
        }
        self.has_halts = self.halting.contains(&true);
        for t in &mut self.templates {
            t.far_gap = t.far_gap(neg_max, dt);
            t.sight = t.sight(neg_max, dt);
        }
        let is_own = |t: &Tpl| t.dawdle > 0.0 || (t.speed_factor - 1.0).abs() > 0.0;
        self.own_drivers = self.templates.iter().any(is_own);
        self.len_max = self.templates.iter().map(|t| t.len).fold(0.0, f64::max);
    }

    /// The number of a template, added if new.
    pub(crate) fn intern(&mut self, template: &VehicleTemplate) -> u32 {
        let halts = |ix: usize| self.halting.get(ix).is_some_and(|halts| *halts);
        let mut known = self.sources.iter().enumerate();
        let found = known.position(|(ix, t)| t == template && !halts(ix));
        let ix = found.unwrap_or_else(|| {
            self.sources.push(*template);
            self.derive();
            self.sources.len() - 1
        });
        u32::try_from(ix).expect("templates are limited")
    }

    /// A template that differs from this one in that its vehicles halt; added if new.
    pub(crate) fn halting_twin(&mut self, template: u32) -> u32 {
        let source = self.sources[template as usize];
        let halts = |ix: usize| self.halting.get(ix).is_some_and(|halts| *halts);
        let mut known = self.sources.iter().enumerate();
        let found = known.position(|(ix, t)| *t == source && halts(ix));
        let ix = found.unwrap_or_else(|| {
            self.sources.push(source);
            self.halting.resize(self.sources.len(), false);
            self.halting[self.sources.len() - 1] = true;
            self.derive();
            self.sources.len() - 1
        });
        u32::try_from(ix).expect("templates are limited")
    }

    /// Compiles the next piece of time: a step where somebody was pushed in, for draws of later
    /// steps come after those of the next one pushed in.
    pub(crate) fn extend(&mut self, net: &Network, demand: &Demand) {
        let steps = if self.pushes.is_empty() {
            CHUNK_STEPS
        } else {
            1
        };
        self.extend_by(net, demand, steps);
    }

    fn extend_by(&mut self, net: &Network, demand: &Demand, steps: u32) {
        let times = self.times(steps);
        let first_event = self.events.len();
        let mut due = self.due(demand, &times);
        due.sort_unstable();
        let pushed = (0..)
            .zip(&self.pushes)
            .filter(|(_, p)| p.step == self.covered);
        let pushed: Vec<_> = pushed.map(|(n, p)| (p.step, NONE, n)).collect();
        due.splice(0..0, pushed);
        let mut at = 0;
        while at < due.len() {
            let step = due[at].0;
            let end = at + due[at..].iter().take_while(|d| d.0 == step).count();
            self.create(net, demand, &due[at..end]);
            at = end;
        }
        for i in first_event..self.events.len() {
            let lane = self.events[i].lane as usize;
            let ix = u32::try_from(i).expect("vehicles are limited to fewer than 2^32");
            match self.last_in_lane[lane] {
                NONE => {}
                before => self.events[before as usize].next_in_lane = ix,
            }
            self.last_in_lane[lane] = ix;
        }
        self.covered += steps;
        self.draws.keep(self.draws.taken + SPARE_DRAWS);
    }

    /// The kept output at this place of the stream.
    pub(crate) fn output(&self, at: u32) -> Option<u32> {
        self.draws.kept.as_ref()?.get(at as usize).copied()
    }

    /// Keeps outputs up to this place and some more.
    pub(crate) fn keep_outputs(&mut self, at: u32) {
        self.draws.keep(at + 2 * SPARE_DRAWS);
    }

    /// The clock of every step of the piece, summed as the reference sums it.
    fn times(&mut self, steps: u32) -> Vec<f64> {
        (0..steps)
            .map(|_| {
                let t = self.clock;
                self.clock += self.dt;
                t
            })
            .collect()
    }

    /// (step, flow, number) of the vehicles of this piece.
    #[allow(clippy::cast_precision_loss)] // times are limited to 1e9 s
    fn due(&mut self, demand: &Demand, times: &[f64]) -> Vec<(u32, u32, u32)> {
        let mut due = Vec::new();
        for (f, (flow, clock)) in demand.flows().iter().zip(&mut self.flows).enumerate() {
            if clock.over {
                continue;
            }
            let flow_ix = u32::try_from(f).expect("flows are limited");
            let first = times.partition_point(|t| *t < flow.start_s as f64);
            for (k, t) in times.iter().enumerate().skip(first) {
                if flow.end_s.is_some_and(|end| *t > end as f64) {
                    clock.over = true;
                    break;
                }
                while clock.accumulated >= flow.interval_s {
                    let step = self.covered + u32::try_from(k).expect("a piece is short");
                    due.push((step, flow_ix, clock.created));
                    clock.created += 1;
                    clock.accumulated -= flow.interval_s;
                }
                clock.accumulated += self.dt;
            }
        }
        due
    }

    /// Draws in the reference's order: priorities flow by flow, then first lanes road by road.
    fn create(&mut self, net: &Network, demand: &Demand, due: &[(u32, u32, u32)]) {
        let first = self.events.len();
        for (step, flow, number) in due {
            let at = self.draws.taken.cast_signed();
            let drawn = self.draws.draw().cast_signed();
            let priority = if self.draws.kept.is_some() { at } else { drawn };
            self.draws.draw(); // the reference draws a worker thread here
            let template = match demand.flows().get(*flow as usize) {
                Some(flow) => flow.template,
                None => self.pushes[*number as usize].template,
            };
            self.events.push(Event {
                step: *step,
                flow: *flow,
                number: *number,
                priority,
                lane: NONE,
                path: 0,
                path_end: 0,
                template,
                next_in_lane: NONE,
            });
        }
        let mut fresh = self.events.split_off(first);
        fresh.sort_by_key(|e| self.route(demand, e)[0]);
        for mut event in fresh {
            let draw = self.draws.draw();
            let Some((path, path_end)) = self.event_path(net, demand, &event, draw) else {
                continue;
            };
            (event.path, event.path_end) = (path, path_end);
            event.lane = self.paths[path as usize];
            self.events.push(event);
        }
    }

    /// The roads a vehicle was created for.
    fn route<'a>(&'a self, demand: &'a Demand, event: &Event) -> &'a [RoadIx] {
        match demand.flows().get(event.flow as usize) {
            Some(flow) => &demand.routes()[flow.route as usize],
            None => &self.pushes[event.number as usize].roads,
        }
    }

    /// The path from the first lane that was drawn; one that halts takes the outermost instead.
    fn event_path(
        &mut self,
        net: &Network,
        demand: &Demand,
        event: &Event,
        draw: u32,
    ) -> Option<(u32, u32)> {
        if let Some(priority) = &net.priority {
            let route = self.route(demand, event).to_vec();
            return self.best_path(net, priority, &route);
        }
        let flow = demand.flows().get(event.flow as usize);
        let route = self.route(demand, event);
        let lanes = &net.roads[route[0].ix()].lanes;
        let serves = |lane: &&LaneIx| net.links_to_road(**lane, route[1]).next().is_some();
        let count = lanes.iter().filter(serves).count();
        let nth = if flow.is_some_and(|f| f.stops.is_some()) {
            count.checked_sub(1)?
        } else {
            (draw as usize).checked_rem(count)?
        };
        let lane = *lanes.iter().filter(serves).nth(nth)?;
        if let Some(flow) = flow {
            let route_ix = flow.route;
            return Some(self.path(net, route_ix, &demand.routes()[route_ix as usize], lane));
        }
        let mut path = Vec::new();
        let complete = extend_path(net, route, lane, &mut path);
        self.cut_paths += u32::from(!complete);
        let start = u32::try_from(self.paths.len()).expect("paths are limited by the demand");
        self.paths.extend(path);
        let end = u32::try_from(self.paths.len()).expect("paths are limited by the demand");
        Some((start, end))
    }

    fn path(&mut self, net: &Network, route_ix: u32, route: &[RoadIx], lane: LaneIx) -> (u32, u32) {
        if let Some(range) = self.known_paths.get(&(route_ix, lane.0)) {
            return *range;
        }
        let start = u32::try_from(self.paths.len()).expect("paths are limited by the demand");
        let complete = extend_path(net, route, lane, &mut self.paths);
        self.cut_paths += u32::from(!complete);
        let end = u32::try_from(self.paths.len()).expect("paths are limited by the demand");
        self.known_paths.insert((route_ix, lane.0), (start, end));
        (start, end)
    }

    fn best_path(
        &mut self,
        net: &Network,
        priority: &Priority,
        route: &[RoadIx],
    ) -> Option<(u32, u32)> {
        let Some(path) = crate::lanes::best(net, priority, route, &mut self.given) else {
            self.cut_paths += 1;
            return None;
        };
        let start = u32::try_from(self.paths.len()).expect("paths are limited by the demand");
        self.paths.extend(path);
        let end = u32::try_from(self.paths.len()).expect("paths are limited by the demand");
        Some((start, end))
    }

    /// Forgets paths (not templates) of the last local rollout.
    pub(crate) fn clear_demand(&mut self) {
        self.paths.clear();
        self.events.clear();
    }

    /// A plan without demand, for local rollouts.
    pub(crate) fn empty(net: &Network, dt: f64) -> Self {
        let mut plan = Self::new(net, &Demand::none(), 0, dt, false);
        plan.covered = u32::MAX;
        plan
    }
}

fn flow_clocks(demand: &Demand) -> Vec<FlowClock> {
    let clocks = demand.flows().iter().map(|f| FlowClock {
        accumulated: f.interval_s,
        created: 0,
        over: false,
    });
    clocks.collect()
}

/// The link a vehicle takes from `lane` when these roads follow: of those that lead to the first
/// road onto a lane that serves the second, the one whose end lane is nearest to the lane's own
/// index. None when the lane serves no such way.
pub(crate) fn next_link(net: &Network, lane: LaneIx, roads: &[RoadIx]) -> Option<LinkIx> {
    let here = net.lanes[lane.ix()].index;
    let after = roads.get(1);
    let fits = |to: LaneIx| after.is_none_or(|road| net.links_to_road(to, *road).next().is_some());
    net.links_to_road(lane, *roads.first()?)
        .filter(|link| fits(net.links[link.ix()].to))
        .min_by_key(|link| net.lanes[net.links[link.ix()].to.ix()].index.abs_diff(here))
}

/// Appends the drivables of a route driven from `lane`; false if a lane on the way cannot serve it.
pub(crate) fn extend_path(
    net: &Network,
    route: &[RoadIx],
    lane: LaneIx,
    path: &mut Vec<u32>,
) -> bool {
    let mut lane = lane;
    path.push(lane.0);
    for i in 0..route.len() - 1 {
        let Some(link) = next_link(net, lane, &route[i + 1..]) else {
            return false;
        };
        path.push(net.drivable_of_link(link).0);
        lane = net.links[link.ix()].to;
        path.push(lane.0);
    }
    true
}
