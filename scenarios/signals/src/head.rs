//! A simulated signal controller: what stands at the roadside. It obeys bounded commands, puts a
//! clearance phase between two greens, and falls back to its own fixed plan when a command runs out.

use conurb_base::TimeMs;

/// The controller's own plan: every phase in turn, as the literature's FixedTime does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedPlan {
    /// Phases in their order.
    pub phases: Vec<u16>,
    /// Green of each, seconds.
    pub green_s: u32,
    /// Clearance between two, seconds.
    pub yellow_s: u32,
    /// How much of the first green is over at the start of a run, seconds.
    pub offset_s: u32,
}

impl FixedPlan {
    /// Which of its phases the plan gives at `second` after midnight of the run, clearance counted
    /// to the phase that follows it. Used as the counterfactual: what the signal would show.
    #[must_use]
    pub fn phase_at(&self, second: i64) -> Option<u16> {
        let part = i64::from(self.green_s + self.yellow_s).max(1);
        let n = i64::try_from(self.phases.len()).ok().filter(|n| *n > 0)?;
        let i = (second + i64::from(self.offset_s))
            .div_euclid(part)
            .rem_euclid(n);
        self.phases.get(usize::try_from(i).ok()?).copied()
    }
}

/// One signal head group: the state of one junction's controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalController {
    plan: FixedPlan,
    clearance_phase: u16,
    /// The green it shows, or will show after clearance.
    target: u16,
    /// Seconds of clearance left.
    clearance_left_s: u32,
    /// Seconds the target has been green.
    green_for_s: u32,
    /// Until when the last command holds; `None` = on its own plan.
    commanded_until: Option<TimeMs>,
}

impl SignalController {
    /// A controller on its own plan, showing `first`.
    #[must_use]
    pub const fn new(plan: FixedPlan, clearance_phase: u16, first: u16) -> Self {
        Self {
            green_for_s: plan.offset_s,
            plan,
            clearance_phase,
            target: first,
            clearance_left_s: 0,
            commanded_until: None,
        }
    }

    /// Obeys a command for `phase`; refuses a phase its plan does not know.
    pub fn command(&mut self, phase: u16, yellow_s: u32, until: TimeMs) -> Result<(), String> {
        if !self.plan.phases.contains(&phase) {
            return Err(format!("phase {phase} is not in this controller's plan"));
        }
        self.commanded_until = Some(until);
        self.switch(phase, yellow_s);
        Ok(())
    }

    fn switch(&mut self, phase: u16, yellow_s: u32) {
        if phase != self.target {
            self.target = phase;
            self.clearance_left_s = yellow_s;
            self.green_for_s = 0;
        }
    }

    /// Drops the command: back to the own plan at once.
    pub const fn release(&mut self) {
        self.commanded_until = None;
    }

    /// The phase to show during the second that starts at `now`. Call once a second.
    pub fn tick(&mut self, now: TimeMs) -> u16 {
        if self.commanded_until.is_some_and(|until| now >= until) {
            self.commanded_until = None;
        }
        if self.commanded_until.is_none()
            && self.clearance_left_s == 0
            && self.green_for_s >= self.plan.green_s
        {
            let next = self.next_in_plan();
            self.switch(next, self.plan.yellow_s);
        }
        if self.clearance_left_s > 0 {
            self.clearance_left_s -= 1;
            self.clearance_phase
        } else {
            self.green_for_s += 1;
            self.target
        }
    }

    fn next_in_plan(&self) -> u16 {
        let at = self
            .plan
            .phases
            .iter()
            .position(|p| *p == self.target)
            .unwrap_or(0);
        let n = self.plan.phases.len().max(1);
        self.plan
            .phases
            .get((at + 1) % n)
            .copied()
            .unwrap_or(self.target)
    }

    /// The green it shows or is about to show.
    #[must_use]
    pub const fn target(&self) -> u16 {
        self.target
    }

    /// Seconds the target has been green.
    #[must_use]
    pub const fn green_for_s(&self) -> u32 {
        self.green_for_s
    }

    /// Whether a command holds.
    #[must_use]
    pub const fn is_commanded(&self) -> bool {
        self.commanded_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controller() -> SignalController {
        let plan = FixedPlan {
            phases: vec![1, 2, 3, 4],
            green_s: 25,
            yellow_s: 5,
            offset_s: 0,
        };
        SignalController::new(plan, 0, 1)
    }

    #[test]
    fn on_its_own_it_shows_every_phase_in_turn_with_clearance_between() {
        let mut c = controller();
        let shown: Vec<u16> = (0..120).map(|s| c.tick(TimeMs(s * 1000))).collect();
        assert!(shown[..25].iter().all(|p| *p == 1));
        assert!(shown[25..30].iter().all(|p| *p == 0));
        assert!(shown[30..55].iter().all(|p| *p == 2));
        assert!(shown[60..85].iter().all(|p| *p == 3));
        assert!(shown[90..115].iter().all(|p| *p == 4));
    }

    #[test]
    fn a_command_switches_through_clearance_and_runs_out_into_the_plan() {
        let mut c = controller();
        for s in 0..10 {
            c.tick(TimeMs(s * 1000));
        }
        c.command(3, 5, TimeMs(40_000)).unwrap();
        let shown: Vec<u16> = (10..100).map(|s| c.tick(TimeMs(s * 1000))).collect();
        assert!(shown[..5].iter().all(|p| *p == 0));
        assert!(
            shown[5..30].iter().all(|p| *p == 3),
            "holds until 40 s: {shown:?}"
        );
        assert_eq!(
            shown[30], 0,
            "then the plan goes on: 25 s of green are over"
        );
        assert_eq!(shown[35], 4);
        assert!(!c.is_commanded());
    }

    #[test]
    fn an_unknown_phase_is_refused_and_changes_nothing() {
        let mut c = controller();
        let before = c.clone();
        assert!(c.command(9, 5, TimeMs(1000)).is_err());
        assert_eq!(c, before);
    }

    #[test]
    fn the_plan_answers_what_it_would_show() {
        let plan = FixedPlan {
            phases: vec![1, 2],
            green_s: 25,
            yellow_s: 5,
            offset_s: 0,
        };
        assert_eq!(plan.phase_at(0), Some(1));
        assert_eq!(plan.phase_at(30), Some(2));
        assert_eq!(plan.phase_at(61), Some(1));
        assert_eq!(
            FixedPlan {
                phases: vec![],
                green_s: 1,
                yellow_s: 0,
                offset_s: 0,
            }
            .phase_at(0),
            None
        );
    }
}
