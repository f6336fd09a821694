//! Taking up after a restart what the ledger says was under way.
//!
//! Only the ledger's tail is read: what waits for a person or for its measurement is recent. What
//! an actuator was told is not taken up: its command expires in the field, and the field goes back
//! to its own plan.

use std::collections::BTreeMap;

use conurb_base::TimeMs;
use conurb_decide::{Decision, Ledger, LedgerEntry, Status};

use crate::brain::{Brain, ledger_error, wait};
use crate::error::ScenarioError;

/// Most lines of the ledger's end that are read.
const TAIL_LINES_MAX: u64 = 200_000;

/// What was taken up again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resumed {
    /// Decisions that wait for a person.
    pub pending: u64,
    /// Decisions whose effect is still to be measured.
    pub unmeasured: u64,
}

impl Brain {
    /// Takes up what was under way when the process before this one ended, as of `now`: decisions
    /// that wait for a person, what desks may still act on or undo, and effects to be measured.
    ///
    /// # Errors
    /// A ledger whose tail is damaged.
    pub fn resume(&mut self, now: TimeMs) -> Result<Resumed, ScenarioError> {
        let mut resumed = Resumed::default();
        for decision in tail(&self.ledger)? {
            let Some(i) = self.slot_of(&decision.record.scenario) else {
                continue; // its scenario is not in this build, or not switched on
            };
            let slot = &mut self.slots[i];
            slot.desk.restore(&decision);
            let status = decision.status();
            if status == Status::Pending {
                self.approvals.restore(&decision);
                resumed.pending += 1;
            }
            let record = &decision.record;
            let after_s = slot.scenario.measure_after_s();
            let over = matches!(status, Status::Measured | Status::Overturned);
            // The loop gives a late report as long again: after that it stays "not measured".
            if !over && now <= record.perceived_at.plus_s(2 * after_s) {
                wait(slot, record);
                resumed.unmeasured += 1;
            }
        }
        Ok(resumed)
    }
}

/// The decisions whose record is among the last lines, in order, each with its story.
fn tail(ledger: &Ledger) -> Result<Vec<Decision>, ScenarioError> {
    let mut order: Vec<Decision> = Vec::new();
    let mut place: BTreeMap<String, usize> = BTreeMap::new();
    let from = ledger.len().saturating_sub(TAIL_LINES_MAX);
    let mut take = |seq, entry| {
        match entry {
            LedgerEntry::Decided(record) => {
                place.insert(record.id.clone(), order.len());
                order.push(Decision::new(*record, seq));
            }
            other => {
                if let Some(at) = place.get(other.id()) {
                    order[*at].fold(other);
                }
            }
        }
        true
    };
    ledger.for_each(from, &mut take).map_err(ledger_error)?;
    Ok(order)
}
