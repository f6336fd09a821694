//! Local rollouts: a handful of placed vehicles, no demand, for the decision loop.

use std::sync::Arc;

use super::parallel::SHARE_FROM;
use super::state::{Car, EMPTY, LaneBook};
use super::{Sim, State, step::Scratch};
use crate::demand::Demand;
use crate::error::TrafficError;
use crate::ids::{DrivableIx, LaneIx, LinkIx, NONE};
use crate::network::Network;
use crate::plan::Plan;
use crate::vehicle::VehicleTemplate;

/// Most drivables in a [`SmallPath`].
pub const SMALL_PATH_MAX: usize = 8;

/// The drivables a placed vehicle still drives, its present one first; at its end it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmallPath {
    drivables: [u32; SMALL_PATH_MAX],
    len: u8,
}

impl SmallPath {
    /// A path over these drivables; none when empty or longer than [`SMALL_PATH_MAX`].
    #[must_use]
    pub fn new(drivables: &[DrivableIx]) -> Option<Self> {
        let len = drivables.len();
        if len == 0 || len > SMALL_PATH_MAX {
            return None;
        }
        let mut all = [NONE; SMALL_PATH_MAX];
        for (to, from) in all.iter_mut().zip(drivables) {
            *to = from.0;
        }
        let len = u8::try_from(len).expect("at most 8");
        Some(Self {
            drivables: all,
            len,
        })
    }

    /// A path that ends with its lane.
    #[must_use]
    pub const fn stay(lane: LaneIx) -> Self {
        let mut drivables = [NONE; SMALL_PATH_MAX];
        drivables[0] = lane.0;
        Self { drivables, len: 1 }
    }

    /// From a lane over one of its links to the end of the lane behind it.
    #[must_use]
    pub fn through(net: &Network, link: LinkIx) -> Self {
        let l = &net.links()[link.ix()];
        let mut drivables = [NONE; SMALL_PATH_MAX];
        drivables[0] = l.from.0;
        drivables[1] = net.drivable_of_link(link).0;
        drivables[2] = l.to.0;
        Self { drivables, len: 3 }
    }

    fn as_slice(&self) -> &[u32] {
        &self.drivables[..usize::from(self.len)]
    }
}

/// A vehicle placed by an estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    /// The lane it is on: the first drivable of `path` (which may be a link; then the lane it came from).
    pub lane: LaneIx,
    /// Front bumper from the start of the path's first drivable, m.
    pub position_m: f64,
    /// m/s.
    pub speed_m_s: f64,
    /// Its kind.
    pub template: VehicleTemplate,
    /// Where it drives.
    pub path: SmallPath,
}

impl Sim {
    /// A simulation of exactly these vehicles, without demand, at 1 s steps and phase 0 everywhere.
    ///
    /// Positions and speeds are clamped to the drivable and the vehicle's top speed.
    pub fn local(net: Arc<Network>, vehicles: &[Placed]) -> Result<Self, TrafficError> {
        let plan = Plan::empty(&net, 1.0);
        let mut sim = Self {
            state: State::new(&net),
            plan: Arc::new(plan),
            scratch: Scratch::default(),
            dt: 1.0,
            programme: false,
            lattice: None,
            crew: None,
            share_from: SHARE_FROM,
            changes: None,
            parking: None,
            demand: Arc::new(Demand::none()),
            net,
        };
        sim.reset_local(vehicles)?;
        Ok(sim)
    }

    /// Starts again with these vehicles, reusing every buffer; phases stay as they are.
    ///
    /// Cost is proportional to the vehicles of the last and of this rollout, not to the network.
    pub fn reset_local(&mut self, vehicles: &[Placed]) -> Result<(), TrafficError> {
        let state = &mut self.state;
        for d in state.occupied.drain(..) {
            state.tracks[d as usize] = EMPTY;
        }
        for drivable in &self.plan.paths {
            if let Some(book) = state.lanes.get_mut(*drivable as usize) {
                *book = LaneBook {
                    wait_head: NONE,
                    ..LaneBook::default()
                };
            }
        }
        state.cars.clear();
        state.free.clear();
        (state.step, state.next_event, state.created) = (0, 0, 0);
        (state.running, state.finished, state.finished_time_s) = (0, 0, 0.0);
        self.scratch = std::mem::take(&mut self.scratch).emptied();
        let plan = Arc::make_mut(&mut self.plan);
        plan.clear_demand();
        // From the front to the back of each drivable.
        let mut order: Vec<u32> = (0..u32::try_from(vehicles.len()).unwrap_or(NONE)).collect();
        order.sort_by(|a, b| {
            let (a, b) = (&vehicles[*a as usize], &vehicles[*b as usize]);
            let place = |p: &Placed| p.path.drivables[0];
            place(a)
                .cmp(&place(b))
                .then_with(|| b.position_m.total_cmp(&a.position_m))
        });
        for ix in order {
            self.place_one(ix, &vehicles[ix as usize])?;
        }
        self.find_leaders();
        Ok(())
    }

    fn place_one(&mut self, ix: u32, placed: &Placed) -> Result<(), TrafficError> {
        self.check_path(ix, placed)?;
        let plan = Arc::make_mut(&mut self.plan);
        let template = plan.intern(&placed.template);
        let cursor = u32::try_from(plan.paths.len()).expect("placed vehicles are few");
        plan.paths.extend_from_slice(placed.path.as_slice());
        let path_end = u32::try_from(plan.paths.len()).expect("placed vehicles are few");
        let drivable = placed.path.drivables[0];
        let on_link = drivable as usize >= self.net.lanes.len();
        let car = Car {
            pos: placed
                .position_m
                .clamp(0.0, self.net.flat.length_m[drivable as usize]),
            speed: placed.speed_m_s.clamp(0.0, placed.template.max_speed_m_s),
            ahead: NONE,
            behind: NONE,
            cursor,
            path_end,
            template,
            prev: if on_link { placed.lane.0 } else { NONE },
            blocker: NONE,
            entered_link: if on_link { 0 } else { NONE },
            priority: ix.cast_signed(),
            event: ix,
            flags: 0,
            partner: NONE,
        };
        self.state.created += 1;
        self.place(car, drivable);
        Ok(())
    }

    fn check_path(&self, ix: u32, placed: &Placed) -> Result<(), TrafficError> {
        let wrong = |message: String| TrafficError::Option {
            what: "placed vehicle",
            message: format!("number {ix}: {message}"),
        };
        if !(placed.position_m.is_finite() && placed.speed_m_s.is_finite()) {
            return Err(wrong("position and speed have to be finite".into()));
        }
        let net = &self.net;
        let path = placed.path.as_slice();
        let known = net.lanes.len() + net.links.len();
        if let Some(bad) = path.iter().find(|d| **d as usize >= known) {
            return Err(wrong(format!("there is no drivable {bad}")));
        }
        for pair in path.windows(2) {
            let (a, b) = (DrivableIx(pair[0]), DrivableIx(pair[1]));
            let joined = match (
                net.as_lane(a),
                net.as_link(a),
                net.as_lane(b),
                net.as_link(b),
            ) {
                (Some(lane), _, _, Some(link)) => net.links[link.ix()].from == lane,
                (_, Some(link), Some(lane), _) => net.links[link.ix()].to == lane,
                _ => false,
            };
            if !joined {
                return Err(wrong(format!("drivable {} does not lead to {}", a.0, b.0)));
            }
        }
        Ok(())
    }
}
