//! The loop: changes in; findings, decisions, commands and measured effects out.
//!
//! One call of [`Brain::step`] is one turn: rules look at the changes, scenarios say who needs a
//! decision, due effects are measured, proposals become records, records become durable, and only
//! then do commands leave. It reads no clock and starts no thread: `conurb up` calls it at wall
//! time, `conurb day` in simulated time, with the same result for the same calls.

use std::collections::VecDeque;
use std::sync::Arc;

use conurb_act::{Cause, Command, Desk};
use conurb_base::TimeMs;
use conurb_context::Change;
use conurb_decide::{
    Approvals, DecisionRecord, Ledger, LedgerEntry, Mode, command_id, decision_id,
};
use conurb_think::{EngineLimits, Finding, Rule, RuleEngine};

use crate::contract::{Effect, Proposal, Scenario, World};
use crate::error::ScenarioError;
use crate::kit::check_proposal;

/// Most decisions whose effect is still to be measured; beyond it the oldest stay unmeasured.
const WAITING_MAX: usize = 100_000;

/// How the loop runs.
#[derive(Debug, Clone, PartialEq)]
pub struct BrainOptions {
    /// City id.
    pub city: String,
    /// Mode for all scenarios; `None` = each manifest's default.
    pub mode: Option<Mode>,
    /// In mode approve: for how long a decision may wait for a person, seconds.
    pub approval_ttl_s: i64,
}

/// How many went which way since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Decision records.
    pub decided: u64,
    /// Sent at once.
    pub auto: u64,
    /// Sent after approval.
    pub approved: u64,
    /// Refused, or not approved in time.
    pub rejected: u64,
    /// Only shown.
    pub advised: u64,
    /// Taken back.
    pub overturned: u64,
    /// Effects measured.
    pub measured: u64,
    /// Findings.
    pub findings: u64,
    /// Commands the desk sent.
    pub commands: u64,
    /// Times the watchdog returned an actuator to its safe plan.
    pub watchdog: u64,
}

/// What one turn gave.
#[derive(Debug, Default)]
pub struct Tick {
    /// New findings.
    pub findings: Vec<Finding>,
    /// New decision records, durable.
    pub decided: Vec<DecisionRecord>,
    /// Commands that left.
    pub commands: Vec<Command>,
    /// Effects measured, with the record they belong to.
    pub measured: Vec<(DecisionRecord, Effect)>,
}

pub(crate) struct Slot {
    pub(crate) scenario: Box<dyn Scenario>,
    pub(crate) desk: Desk,
    mode: Mode,
    waiting: VecDeque<(TimeMs, DecisionRecord)>,
}

/// The loop over a set of scenarios (which may be empty).
pub struct Brain {
    options: BrainOptions,
    rules: RuleEngine,
    pub(crate) slots: Vec<Slot>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) approvals: Approvals,
    counts: Counts,
}

impl Brain {
    /// A loop over `scenarios`, each with the desk that reaches its actuators, plus `rules` of the
    /// operator.
    pub fn new(
        options: BrainOptions,
        scenarios: Vec<(Box<dyn Scenario>, Desk)>,
        mut rules: Vec<Rule>,
        ledger: Arc<Ledger>,
    ) -> Result<Self, ScenarioError> {
        let mut slots: Vec<Slot> = Vec::new();
        for (scenario, desk) in scenarios {
            let manifest = scenario.manifest();
            if slots
                .iter()
                .any(|s| s.scenario.manifest().id == manifest.id)
            {
                return Err(ScenarioError::Twice(manifest.id.clone()));
            }
            let default = manifest
                .decision
                .first()
                .map_or(Mode::Advise, |d| d.default_mode);
            rules.extend(scenario.rules());
            let mode = options.mode.unwrap_or(default);
            slots.push(Slot {
                scenario,
                desk,
                mode,
                waiting: VecDeque::new(),
            });
        }
        let rules = RuleEngine::new(rules, EngineLimits::default())
            .map_err(|e| ScenarioError::Rules(e.to_string()))?;
        let approvals = Approvals::new(options.approval_ttl_s, WAITING_MAX);
        Ok(Self {
            options,
            rules,
            slots,
            ledger,
            approvals,
            counts: Counts::default(),
        })
    }

    /// One turn at `now`.
    pub fn step(
        &mut self,
        changes: &[Change],
        world: &dyn World,
        now: TimeMs,
    ) -> Result<Tick, ScenarioError> {
        let mut tick = Tick {
            findings: self.rules.on_changes(changes),
            ..Tick::default()
        };
        tick.findings.extend(self.rules.on_time(now));
        self.counts.findings += tick.findings.len() as u64;
        let mut entries: Vec<LedgerEntry> = self.approvals.expire(now);
        self.counts.rejected += entries.len() as u64;
        let mut to_send: Vec<(usize, DecisionRecord)> = Vec::new();
        for i in 0..self.slots.len() {
            let slot = &mut self.slots[i];
            let triggers = slot.scenario.observe(changes, &tick.findings, now);
            measure_due(slot, world, now, &mut entries, &mut tick, &mut self.counts);
            if triggers.is_empty() {
                continue;
            }
            for proposal in slot.scenario.decide(&triggers, world, now) {
                let record = record_of(&self.options, slot, &self.ledger, proposal, now)?;
                self.counts.decided += 1;
                entries.push(LedgerEntry::Decided(Box::new(record.clone())));
                entries.extend(self.approvals.decided(&record, now));
                match slot.mode {
                    Mode::Advise => self.counts.advised += 1,
                    Mode::Approve => {}
                    Mode::Auto => {
                        self.counts.auto += 1;
                        to_send.push((i, record.clone()));
                    }
                }
                wait(slot, &record);
                tick.decided.push(record);
            }
        }
        // Durable first, then the commands: nothing reaches an actuator that the ledger forgot.
        self.append(&entries)?;
        self.send(&to_send, now, &mut tick)?;
        Ok(tick)
    }

    /// A person lets a waiting decision pass; its command leaves at once.
    pub fn approve(&mut self, id: &str, who: &str, now: TimeMs) -> Result<Tick, ScenarioError> {
        let entry = self.approvals.approve(id, who, now).map_err(ledger_error)?;
        self.append(&[entry])?;
        self.counts.approved += 1;
        let mut tick = Tick::default();
        if let Some(decision) = self.ledger.read(id).map_err(ledger_error)?
            && let Some(i) = self.slot_of(&decision.record.scenario)
        {
            self.send(&[(i, decision.record)], now, &mut tick)?;
        }
        Ok(tick)
    }

    /// A person refuses a waiting decision.
    pub fn reject(
        &mut self,
        id: &str,
        who: &str,
        why: &str,
        now: TimeMs,
    ) -> Result<(), ScenarioError> {
        let entry = self
            .approvals
            .reject(id, who, why, now)
            .map_err(ledger_error)?;
        self.append(&[entry])?;
        self.counts.rejected += 1;
        Ok(())
    }

    /// A person takes a decision back; what it commanded is undone at once.
    pub fn overturn(
        &mut self,
        id: &str,
        who: &str,
        why: &str,
        now: TimeMs,
    ) -> Result<(), ScenarioError> {
        let undo = self
            .ledger
            .overturn(id, who, why, now)
            .map_err(ledger_error)?;
        self.approvals.overturned(id);
        self.counts.overturned += 1;
        if let Some(i) = self.slot_of(&undo.scenario) {
            let entries = self.slots[i].desk.undo(id, now);
            self.append(&entries)?;
        }
        Ok(())
    }

    /// Ids of decisions that wait for a person, ascending.
    #[must_use]
    pub fn pending(&self) -> Vec<String> {
        self.approvals.pending().map(|p| p.id.clone()).collect()
    }

    /// Counts since the start.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The scenarios it runs.
    pub fn scenarios(&self) -> impl Iterator<Item = &dyn Scenario> {
        self.slots.iter().map(|s| &*s.scenario)
    }

    pub(crate) fn slot_of(&self, scenario: &str) -> Option<usize> {
        self.slots
            .iter()
            .position(|s| s.scenario.manifest().id == scenario)
    }

    /// Makes entries durable, then lets the desks see them: a desk acts only on what is written.
    fn append(&mut self, entries: &[LedgerEntry]) -> Result<(), ScenarioError> {
        if entries.is_empty() {
            return Ok(());
        }
        self.ledger.append(entries).map_err(ledger_error)?;
        for slot in &mut self.slots {
            entries.iter().for_each(|e| slot.desk.witness(e));
        }
        Ok(())
    }

    /// Sends the commands of approved decisions, then lets every desk look after its own.
    fn send(
        &mut self,
        records: &[(usize, DecisionRecord)],
        now: TimeMs,
        tick: &mut Tick,
    ) -> Result<(), ScenarioError> {
        let mut entries = Vec::new();
        for (i, record) in records {
            let slot = &mut self.slots[*i];
            let Some(order) = slot.scenario.order(record) else {
                continue;
            };
            let command = Command {
                id: command_id(&record.id, 0),
                decision_id: record.id.clone(),
                actuator: order.actuator,
                action: order.action,
                issued_at: now,
                expires_at: now.plus_s(order.valid_s),
            };
            let outcome =
                slot.desk
                    .issue(command.clone(), now)
                    .map_err(|e| ScenarioError::Contract {
                        scenario: record.scenario.clone(),
                        what: e.to_string(),
                    })?;
            entries.extend(outcome.entries);
            if outcome.sent {
                self.counts.commands += 1;
                tick.commands.push(command);
            }
        }
        for slot in &mut self.slots {
            let watch = slot.desk.tick(now);
            let back = watch.iter().filter(|e| is_watchdog(e)).count();
            self.counts.watchdog += back as u64;
            entries.extend(watch);
        }
        self.append(&entries)
    }
}

/// Whether an entry tells of a watchdog's order back to the safe plan.
fn is_watchdog(entry: &LedgerEntry) -> bool {
    matches!(entry, LedgerEntry::Acted { command_id, .. }
        if command_id.starts_with(Cause::Watchdog.prefix()))
}

pub(crate) fn ledger_error(e: impl std::fmt::Display) -> ScenarioError {
    ScenarioError::Ledger(e.to_string())
}

/// Measures the decisions of `slot` whose moment has come.
fn measure_due(
    slot: &mut Slot,
    world: &dyn World,
    now: TimeMs,
    entries: &mut Vec<LedgerEntry>,
    tick: &mut Tick,
    counts: &mut Counts,
) {
    let mut late = VecDeque::new();
    while slot.waiting.front().is_some_and(|(due, _)| *due <= now) {
        let Some((due, record)) = slot.waiting.pop_front() else {
            break;
        };
        let Some(effect) = slot.scenario.measure(&record, world, now) else {
            // Reports of the last moment may still be under way; a gap stays "not measured".
            if now.since_ms(due) < slot.scenario.measure_after_s() * 1000 {
                late.push_back((due, record));
            }
            continue;
        };
        entries.push(LedgerEntry::Measured {
            id: record.id.clone(),
            measured_at: now,
            measured: effect.measured.clone(),
            counterfactual: effect.counterfactual.clone(),
        });
        counts.measured += 1;
        tick.measured.push((record, effect));
    }
    late.append(&mut slot.waiting);
    slot.waiting = late;
}

/// Remembers to measure the effect of `record`.
pub(crate) fn wait(slot: &mut Slot, record: &DecisionRecord) {
    if slot.waiting.len() == WAITING_MAX {
        slot.waiting.pop_front();
    }
    let due = record.perceived_at.plus_s(slot.scenario.measure_after_s());
    slot.waiting.push_back((due, record.clone()));
}

fn record_of(
    options: &BrainOptions,
    slot: &Slot,
    ledger: &Ledger,
    proposal: Proposal,
    now: TimeMs,
) -> Result<DecisionRecord, ScenarioError> {
    let manifest = slot.scenario.manifest();
    check_proposal(&proposal).map_err(|what| ScenarioError::Contract {
        scenario: manifest.id.clone(),
        what,
    })?;
    let hash = ledger
        .put_inputs(&proposal.input_document)
        .map_err(ledger_error)?;
    let id = decision_id(&options.city, &manifest.id, &proposal.subject, proposal.at);
    let whose = (manifest.id.as_str(), options.city.as_str());
    Ok(DecisionRecord {
        decided_at: now,
        ..proposal.into_record(id, whose, slot.mode, hash)
    })
}
