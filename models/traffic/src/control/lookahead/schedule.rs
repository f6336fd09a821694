//! The base policy that plans every junction alone: the sequence of phases over the next intervals
//! that costs its approaching vehicles the least delay in a point-queue model (in the spirit of
//! schedule-driven control: Xie, Smith, Lu, Barlow 2012).
//!
//! Vehicles count that are on its lanes now and, beyond them, those that will enter at the rate
//! counted so far: a phase that many will need later is worth keeping room for.
//!
//! The cost of a lane depends only on the intervals in which it is green, so it is worked out once
//! for each such pattern; a sequence then costs the sum of a few numbers, and all are tried.

use super::sites::{Site, Timing};
use crate::ids::LaneIx;
use crate::sim::Sim;

/// A plan covers at least this, s,
const PLAN_MIN_S: u32 = 60;
/// and at least this many intervals.
const DEPTH_MIN: usize = 4;
/// Longest plan, intervals.
const DEPTH_MAX: usize = 5;
/// Patterns of green intervals of the longest plan.
const PATTERNS_MAX: usize = 1 << DEPTH_MAX;
/// Most sequences tried; plans of junctions with many options are shortened to it.
const SEQUENCES_MAX: usize = 1_100;
/// Vehicles of a lane that count, from its stop line.
const QUEUE_MAX: usize = 96;
/// What a vehicle that the plan does not serve waits beyond its end, s.
const LEFT_S: f32 = 30.0;
/// Less is no difference, vehicle-seconds.
const SAME: f32 = 1e-3;

/// The best option of a site (the present one on ties) and what the plan it begins costs,
/// vehicle-seconds.
pub(crate) fn choose(sim: &Sim, site: &Site, current: usize, timing: &Timing) -> (usize, f64) {
    let model = Model::new(site.options.len(), timing);
    let mut costs = vec![[0.0; PATTERNS_MAX]; site.groups.len()];
    for (group, costs) in site.groups.iter().zip(&mut costs) {
        for (lane, rate) in group.lanes.iter().zip(&group.rates) {
            model.add_lane(sim, *lane, *rate, group.served_by(current), costs);
        }
    }
    let mut plans = Plans {
        site,
        costs: &costs,
        depth: model.depth,
        patterns: vec![0; site.groups.len()],
    };
    let mut best = (current, plans.least_with(0, current));
    for option in (0..site.options.len()).filter(|o| *o != current) {
        let cost = plans.least_with(0, option);
        if cost < best.1 - SAME {
            best = (option, cost);
        }
    }
    (best.0, f64::from(best.1))
}

/// The point-queue model of one stop line.
struct Model {
    depth: usize,
    interval_s: f32,
    /// From the start of an interval to the first vehicle's passing when the lane was red before.
    start_s: f32,
    headway_s: f32,
}

impl Model {
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // seconds
    fn new(options: usize, timing: &Timing) -> Self {
        let wanted = PLAN_MIN_S.div_ceil(timing.interval_s) as usize;
        let mut depth = wanted.clamp(DEPTH_MIN, DEPTH_MAX);
        let fits = |depth: usize| (0..depth).try_fold(1_usize, |n, _| n.checked_mul(options));
        while depth > 1 && fits(depth).is_none_or(|n| n > SEQUENCES_MAX) {
            depth -= 1;
        }
        Self {
            depth,
            interval_s: timing.interval_s as f32,
            start_s: timing.yellow_s as f32 + timing.startup_s as f32,
            headway_s: timing.headway_s as f32,
        }
    }

    /// Adds what a lane's vehicles, and those expected behind them at `rate`, cost under every
    /// pattern of green intervals.
    #[allow(clippy::cast_possible_truncation)] // seconds, a few intervals
    fn add_lane(
        &self,
        sim: &Sim,
        lane: LaneIx,
        rate: f64,
        green: bool,
        costs: &mut [f32; PATTERNS_MAX],
    ) {
        let net = sim.network();
        let length_m = net.lanes()[lane.ix()].length_m;
        let drivable = net.drivable_of_lane(lane);
        let mut reach_s = [0.0_f32; QUEUE_MAX];
        let mut count = 0;
        for (v, reach_s) in sim.vehicles_on(drivable).zip(&mut reach_s) {
            let free_m_s = sim.free_speed_m_s(drivable, v.template);
            *reach_s = ((length_m - v.position_m) / free_m_s) as f32;
            if *reach_s >= self.end_s() {
                break;
            }
            count += 1;
        }
        // The usual vehicle stands for those to come.
        let through_s = length_m / sim.free_speed_m_s(drivable, 0);
        count = self.add_expected(&mut reach_s, count, rate as f32, through_s as f32);
        if count > 0 {
            for (pattern, cost) in (0_u32..).zip(&mut costs[..1 << self.depth]) {
                *cost += self.delay_s(&reach_s[..count], pattern, green);
            }
        }
    }

    /// Adds vehicles evenly spread at `rate` that have not entered yet and drive through in
    /// `through_s`, up to the end of the plan; the new number of vehicles.
    fn add_expected(
        &self,
        reach_s: &mut [f32; QUEUE_MAX],
        mut count: usize,
        rate: f32,
        through_s: f32,
    ) -> usize {
        let every_s = rate.recip();
        // On average the first is half a headway away.
        let mut at_s = through_s + 0.5 * every_s;
        while at_s < self.end_s() && count < QUEUE_MAX {
            reach_s[count] = at_s;
            count += 1;
            at_s += every_s;
        }
        count
    }

    #[allow(clippy::cast_precision_loss)] // a few intervals
    fn end_s(&self) -> f32 {
        self.interval_s * self.depth as f32
    }

    /// Delay of vehicles that could reach the stop line at these times if the lane is green in the
    /// intervals of `pattern` (`green`: and in the one before).
    #[allow(clippy::cast_precision_loss)] // a few intervals
    fn delay_s(&self, reach_s: &[f32], pattern: u32, green: bool) -> f32 {
        let is_green = |n: usize| match n.checked_sub(1) {
            None => green,
            Some(n) => pattern & (1 << n) != 0,
        };
        let mut sum = 0.0;
        let mut interval = 0;
        let mut earliest_s = f32::NEG_INFINITY;
        for (i, reach) in reach_s.iter().enumerate() {
            let ready_s = reach.max(earliest_s);
            let passes_s = loop {
                if interval == self.depth {
                    let left = &reach_s[i..];
                    return sum + left.iter().map(|r| self.end_s() - r + LEFT_S).sum::<f32>();
                }
                let from_s = self.interval_s * interval as f32;
                if is_green(interval + 1) && ready_s < from_s + self.interval_s {
                    let kept = is_green(interval);
                    let opens_s = from_s + if kept { 0.0 } else { self.start_s };
                    break ready_s.max(opens_s);
                }
                interval += 1;
            };
            sum += passes_s - reach;
            earliest_s = passes_s + self.headway_s;
        }
        sum
    }
}

/// All sequences of a site's options.
struct Plans<'a> {
    site: &'a Site,
    /// By group of lanes and pattern of green intervals.
    costs: &'a [[f32; PATTERNS_MAX]],
    depth: usize,
    /// By group: the pattern of the sequence being tried, up to its present interval.
    patterns: Vec<u32>,
}

impl Plans<'_> {
    /// The least cost of the sequences that go on with `option` in interval `n`.
    fn least_with(&mut self, n: usize, option: usize) -> f32 {
        let before = (1 << n) - 1;
        for (pattern, group) in self.patterns.iter_mut().zip(&self.site.groups) {
            *pattern = *pattern & before | u32::from(group.served_by(option)) << n;
        }
        if n + 1 == self.depth {
            let each = self.costs.iter().zip(&self.patterns);
            return each.map(|(costs, pattern)| costs[*pattern as usize]).sum();
        }
        (0..self.site.options.len())
            .map(|next| self.least_with(n + 1, next))
            .fold(f32::INFINITY, f32::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        let timing = Timing {
            interval_s: 15,
            yellow_s: 5,
            headway_s: 2.5,
            startup_s: 2.0,
        };
        Model::new(4, &timing)
    }

    #[test]
    fn a_plan_is_a_minute_and_shorter_where_there_are_many_options() {
        assert_eq!(model().depth, 4);
        let timing = |interval_s| Timing {
            interval_s,
            yellow_s: 5,
            headway_s: 2.5,
            startup_s: 2.0,
        };
        assert_eq!(Model::new(4, &timing(30)).depth, 4);
        assert_eq!(Model::new(8, &timing(15)).depth, 3);
        assert_eq!(Model::new(2_000, &timing(15)).depth, 1);
    }

    #[test]
    fn expected_vehicles_come_behind_who_is_seen_and_until_the_end_of_the_plan() {
        let mut reach_s = [0.0; QUEUE_MAX];
        // One every 10 s, 30 s away: at 35, 45 and 55 of 60 s.
        assert_eq!(model().add_expected(&mut reach_s, 1, 0.1, 30.0), 4);
        assert_eq!(&reach_s[..5], &[0.0, 35.0, 45.0, 55.0, 0.0]);
        assert_eq!(model().add_expected(&mut reach_s, 1, 0.0, 30.0), 1);
        assert_eq!(model().add_expected(&mut reach_s, 1, 0.1, 60.0), 1);
        let most = model().add_expected(&mut reach_s, 0, 1e6, 0.0);
        assert_eq!(most, QUEUE_MAX);
    }

    #[test]
    fn a_kept_green_delays_nobody_who_comes_apart() {
        assert!(model().delay_s(&[1.0, 5.0, 20.0], 0b0011, true).abs() < 1e-6);
    }

    #[test]
    fn a_new_green_costs_yellow_and_start_up_and_then_a_headway_each() {
        // Passing at 7, 9.5 and 12 s.
        let delay_s = model().delay_s(&[0.0, 0.0, 0.0], 0b0001, false);
        assert!((delay_s - 28.5).abs() < 1e-4, "{delay_s}");
    }

    #[test]
    fn who_is_not_served_waits_to_the_end_and_longer() {
        let delay_s = model().delay_s(&[0.0, 10.0], 0, true);
        assert!((delay_s - (60.0 + 50.0 + 2.0 * LEFT_S)).abs() < 1e-4);
        // Three of a queue fit into one new green, the rest into the next.
        let delay_s = model().delay_s(&[0.0; 5], 0b0011, false);
        assert!((delay_s - (7.0 + 9.5 + 12.0 + 14.5 + 17.0)).abs() < 1e-4);
    }
}
