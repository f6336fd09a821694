//! Changes on the streets during a run, applied between steps: see [`crate::Changes`].

use std::sync::Arc;

use super::Sim;
use super::cross::View;
use super::speed::{brake_m, stop};
use super::state::{Car, SHADOW};
use crate::changes::{Changes, Span};
use crate::error::TrafficError;
use crate::ids::NONE;
use crate::plan::Tpl;

/// A place nobody passes: lane, and position on it, m.
pub(crate) type Block = (u32, f64);

impl View<'_> {
    /// The speed limit of a drivable now, m/s.
    #[inline]
    pub(crate) fn limit_m_s(&self, drivable: usize) -> f64 {
        let limits = &self.state.limits;
        *limits
            .get(drivable)
            .unwrap_or(&self.net.flat.limit_m_s[drivable])
    }

    /// Some vehicle halts, or [`View::is_ordered`].
    pub(crate) fn is_watched(&self) -> bool {
        self.plan.has_halts || self.is_ordered()
    }

    /// Some vehicle has been told its speed, or somewhere nobody passes.
    #[inline]
    pub(crate) const fn is_ordered(&self) -> bool {
        !self.state.blocks.is_empty() || !self.state.commands.is_empty()
    }

    /// The speed a vehicle has been told to wish for in this step, m/s.
    pub(crate) fn command(&self, car: &Car) -> Option<f64> {
        let commands = &self.state.commands;
        if commands.is_empty() || car.flags & SHADOW != 0 {
            return None;
        }
        let at = commands.binary_search_by_key(&car.event, |c| c.0).ok()?;
        Some(commands[at].1)
    }

    /// The speed that stops before the next place nobody passes; who cannot stop there any more drives on.
    pub(crate) fn before_block(&self, car: &Car, tpl: &Tpl) -> f64 {
        let blocks = &self.state.blocks;
        let reach_m = tpl.reach_m(car.speed, car.speed + tpl.max_pos * self.dt, self.dt);
        let mut before = -car.pos;
        for drivable in &self.plan.paths[car.cursor as usize..car.path_end as usize] {
            let first = blocks.partition_point(|b| b.0 < *drivable);
            let here = blocks[first..].iter().take_while(|b| b.0 == *drivable);
            for (_, at_m) in here {
                let rest = before + at_m;
                if rest > 0.0 && rest <= reach_m && brake_m(tpl, car.speed) <= rest {
                    return stop(tpl, car.speed, rest, self.dt);
                }
            }
            before += self.net.flat.length_m[*drivable as usize];
            if before > reach_m {
                break;
            }
        }
        f64::INFINITY
    }
}

impl Sim {
    /// Lets these changes happen during the run. Before the first step; a later call counts from
    /// then on.
    ///
    /// # Errors
    /// Incidents together with lane change: who is blocked would not know that it has to change.
    pub fn set_changes(&mut self, changes: Arc<Changes>) -> Result<(), TrafficError> {
        if self.lattice.is_some() && !changes.incidents.is_empty() {
            return Err(TrafficError::Option {
                what: "incidents",
                message:
                    "vehicles that change lane do not see incidents: leave lane change off, or \
                          close the lane or road instead"
                        .into(),
            });
        }
        // Even without any: then what was applied before ends.
        self.changes = Some(changes);
        self.state.changes_at = NONE;
        Ok(())
    }

    /// Applies what begins or ends now.
    pub(crate) fn apply_changes(&mut self) {
        let Some(changes) = self.changes.clone() else {
            return;
        };
        let now_s = self.time_s();
        let at = changes.times_s.partition_point(|t| *t <= now_s);
        let at = u32::try_from(at).expect("changes are limited");
        if at == self.state.changes_at {
            return;
        }
        self.state.changes_at = at;
        self.apply_limits(&changes.limits, now_s);
        let active = changes.incidents.iter().filter(|s| s.holds_at(now_s));
        let mut blocks: Vec<Block> = active.map(|s| (s.lane.0, s.what)).collect();
        blocks.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        self.state.blocks = blocks;
        self.apply_closures(&changes.closures, now_s);
    }

    fn apply_limits(&mut self, limits: &[Span<f64>], now_s: f64) {
        self.state.limits.clear();
        if limits.iter().any(|s| s.holds_at(now_s)) {
            self.state.limits.clone_from(&self.net.flat.limit_m_s);
            for span in limits.iter().filter(|s| s.holds_at(now_s)) {
                self.state.limits[span.lane.ix()] = span.what;
            }
        }
    }

    fn apply_closures(&mut self, closures: &[Span<()>], now_s: f64) {
        let net = Arc::clone(&self.net);
        let active = closures.iter().filter(|s| s.holds_at(now_s));
        let mut lanes: Vec<u32> = active.map(|s| s.lane.0).collect();
        lanes.sort_unstable();
        lanes.dedup();
        let into = |to: &u32| lanes.binary_search(to).is_ok();
        let links = (0..).zip(&net.flat.link_to).filter(|(_, to)| into(to));
        let closed: Vec<u32> = links.map(|(link, _)| link).collect();
        if closed == self.state.closed && lanes == self.state.closed_lanes {
            return;
        }
        let more = closed
            .iter()
            .any(|l| self.state.closed.binary_search(l).is_err());
        let touched = closed.iter().chain(&self.state.closed);
        let mut junctions: Vec<usize> = touched
            .map(|link| net.links[*link as usize].junction.ix())
            .collect();
        junctions.sort_unstable();
        junctions.dedup();
        (self.state.closed, self.state.closed_lanes) = (closed, lanes);
        for j in junctions {
            self.state.show(&net, j, self.state.phase[j]);
        }
        if more {
            self.redirect_around();
        }
    }
}
