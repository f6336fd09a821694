//! The desk: the one way from an approved decision to an actuator, and back to the safe plan.

use std::collections::{BTreeMap, VecDeque};

use conurb_base::TimeMs;
use conurb_decide::{Decision, LedgerEntry};
use serde_json::Value;

use crate::envelope::well_formed;
use crate::grants::Grants;
use crate::{ActError, Cause, Channel, Command, Envelope, Guard, Receipt};

/// How much a desk remembers and how long it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeskLimits {
    /// How long a receipt may take before the command is recorded as unconfirmed.
    pub confirm_after_ms: i64,
    /// Most actuators; a command to one more is refused.
    pub actuators_max: usize,
    /// Newest decisions and commands kept; a command for an older decision is refused.
    pub remembered_max: usize,
}

impl Default for DeskLimits {
    fn default() -> Self {
        Self {
            confirm_after_ms: 5_000,
            actuators_max: 100_000,
            remembered_max: 16_384,
        }
    }
}

/// What became of an issued command. The entries belong into the ledger, in this order.
#[derive(Debug, Clone, PartialEq)]
pub struct ActOutcome {
    /// The actuator's answer, or the desk's refusal.
    pub receipt: Receipt,
    /// Whether this call sent something: false for refusals and for a command seen before.
    pub sent: bool,
    /// Why the desk refused.
    pub refusal: Option<ActError>,
    /// For the ledger.
    pub entries: Vec<LedgerEntry>,
}

/// The plan an actuator falls back to, by actuator, in the scenario's words.
pub type SafePlan = Box<dyn Fn(&str) -> Value + Send>;

struct SafeOrder {
    command: Command,
    cause: Cause,
    /// When to send it again, unless it is confirmed before.
    retry_at: TimeMs,
    recorded: &'static str,
}

struct Seat {
    /// The newest command sent, for the guard.
    last: Command,
    decision_id: String,
    /// When anything sent may last be in force; `None`: it is back on its safe plan.
    exposed_until: Option<TimeMs>,
    sent_at: VecDeque<TimeMs>,
    safe: Option<SafeOrder>,
    safe_orders: u32,
    /// Decisions whose commands may be in force, with their expiry: the newest accepted one and
    /// whatever was sent since without being accepted.
    holders: VecDeque<(String, TimeMs)>,
}

/// Most decisions that are held in question for one actuator.
const HOLDERS_MAX: usize = 16;

impl Seat {
    fn hold(&mut self, command: &Command, now: TimeMs) {
        self.holders.retain(|(_, until)| *until > now);
        self.holders
            .push_back((command.decision_id.clone(), command.expires_at));
        if self.holders.len() > HOLDERS_MAX {
            self.holders.pop_front();
        }
    }

    /// An accepted command ends whatever was before it.
    fn accepted(&mut self, decision_id: &str) {
        if let Some(at) = self.holders.iter().position(|(id, _)| id == decision_id) {
            self.holders.drain(..at);
        }
    }

    fn is_safe(&mut self) {
        self.safe = None;
        self.exposed_until = None;
        self.holders.clear();
    }
}

struct Waiting {
    decision_id: String,
    actuator: String,
    due: TimeMs,
    forget: TimeMs,
    unconfirmed: bool,
}

/// The desk. Everything is synchronous; time is passed in.
pub struct Desk {
    channel: Box<dyn Channel>,
    envelope: Envelope,
    guard: Box<dyn Guard>,
    safe_plan: SafePlan,
    limits: DeskLimits,
    grants: Grants,
    seats: BTreeMap<String, Seat>,
    waiting: BTreeMap<String, Waiting>,
    seen: BTreeMap<String, (Command, Receipt)>,
    seen_order: VecDeque<String>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("envelope", &self.envelope)
            .field("actuators", &self.seats.len())
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}

impl Desk {
    /// A desk over `channel`. `safe_plan` gives an actuator's safe action.
    pub fn new(
        channel: Box<dyn Channel>,
        envelope: Envelope,
        guard: Box<dyn Guard>,
        safe_plan: SafePlan,
    ) -> Result<Self, ActError> {
        Self::with_limits(channel, envelope, guard, safe_plan, DeskLimits::default())
    }

    /// The same, with other limits.
    pub fn with_limits(
        channel: Box<dyn Channel>,
        envelope: Envelope,
        guard: Box<dyn Guard>,
        safe_plan: SafePlan,
        limits: DeskLimits,
    ) -> Result<Self, ActError> {
        envelope.validate()?;
        if limits.confirm_after_ms <= 0 || limits.remembered_max == 0 {
            return Err(ActError::Setup {
                what: "confirm_after_ms and remembered_max must be above 0".into(),
            });
        }
        Ok(Self {
            channel,
            envelope,
            guard,
            safe_plan,
            grants: Grants::new(limits.remembered_max),
            limits,
            seats: BTreeMap::new(),
            waiting: BTreeMap::new(),
            seen: BTreeMap::new(),
            seen_order: VecDeque::new(),
        })
    }

    /// Learns from the ledger what may be acted on. Show it every entry once it is durable; it is
    /// how the desk knows that a command's decision was made and approved.
    pub fn witness(&mut self, entry: &LedgerEntry) {
        self.grants.witness(entry);
    }

    /// The same after a restart, from a decision read back.
    pub fn restore(&mut self, decision: &Decision) {
        self.grants.restore(decision);
    }

    /// The newest command that was sent to an actuator.
    #[must_use]
    pub fn last(&self, actuator: &str) -> Option<&Command> {
        self.seats.get(actuator).map(|s| &s.last)
    }

    /// Until when an actuator may be off its safe plan; `None`: it is on it.
    #[must_use]
    pub fn exposed_until(&self, actuator: &str) -> Option<TimeMs> {
        self.seats.get(actuator).and_then(|s| s.exposed_until)
    }

    /// Sends one command, if its decision is approved and it is inside the envelope.
    ///
    /// An error means the command is no command of ours, and nothing is to be recorded. A refusal
    /// by envelope or guard is an outcome with its ledger entry. A command seen before is not
    /// sent again: its first answer is returned, with no entry.
    pub fn issue(&mut self, command: Command, now: TimeMs) -> Result<ActOutcome, ActError> {
        if let Some((before, receipt)) = self.seen.get(&command.id) {
            return if *before == command {
                Ok(ActOutcome {
                    receipt: receipt.clone(),
                    sent: false,
                    refusal: None,
                    entries: Vec::new(),
                })
            } else {
                Err(ActError::Conflict {
                    command: command.id,
                })
            };
        }
        well_formed(&command, now)?;
        if let Err(what) = self.grants.may_act(&command.decision_id) {
            return Err(ActError::NoDecision {
                command: command.id,
                decision: command.decision_id,
                what,
            });
        }
        if let Err(refusal) = self.permits(&command, now) {
            return Ok(self.refuse(command, refusal, now));
        }
        Ok(self.dispatch(command, now))
    }

    /// Moves time on: collects receipts, records what stayed unconfirmed, and orders every
    /// actuator without a valid command back to its safe plan. Returns entries for the ledger.
    pub fn tick(&mut self, now: TimeMs) -> Vec<LedgerEntry> {
        let mut entries = Vec::new();
        for (id, receipt) in self.channel.poll(now) {
            self.answered(&id, &receipt, now, &mut entries);
        }
        self.time_out(now, &mut entries);
        let due: Vec<String> = self
            .seats
            .iter()
            .filter(|(_, s)| s.exposed_until.is_some_and(|t| t <= now))
            .map(|(actuator, _)| actuator.clone())
            .collect();
        for actuator in due {
            self.order_safe_plan(&actuator, Cause::Watchdog, now, &mut entries);
        }
        entries
    }

    /// Takes back what a decision ordered: nothing more is sent for it, and actuators that still
    /// carry it out are ordered back to the safe plan (again at every tick until they confirm).
    pub fn undo(&mut self, decision_id: &str, now: TimeMs) -> Vec<LedgerEntry> {
        self.grants.stop(decision_id);
        let held: Vec<String> = self
            .seats
            .iter()
            .filter(|(_, s)| {
                s.exposed_until.is_some()
                    && s.holders
                        .iter()
                        .any(|(id, until)| id == decision_id && *until > now)
            })
            .map(|(actuator, _)| actuator.clone())
            .collect();
        let mut entries = Vec::new();
        for actuator in held {
            if let Some(seat) = self.seats.get_mut(&actuator) {
                seat.exposed_until = Some(now);
                decision_id.clone_into(&mut seat.decision_id);
            }
            self.order_safe_plan(&actuator, Cause::Undo, now, &mut entries);
        }
        entries
    }

    fn permits(&self, command: &Command, now: TimeMs) -> Result<(), ActError> {
        let outside = |what: String| {
            Err(ActError::Envelope {
                command: command.id.clone(),
                what,
            })
        };
        if command.expires_at <= now {
            return outside(format!("it expired at {}", command.expires_at));
        }
        self.envelope.check(command)?;
        let seat = self.seats.get(&command.actuator);
        let (most, window_ms) = self.envelope.rate_window();
        let in_window = seat.map_or(0, |s| {
            s.sent_at
                .iter()
                .filter(|t| now.since_ms(**t) < window_ms)
                .count()
        });
        if in_window >= most {
            return outside(format!(
                "the actuator had {in_window} commands in the last {} s, at most {most} are allowed",
                window_ms / 1000
            ));
        }
        if seat.is_none() && self.seats.len() >= self.limits.actuators_max {
            return outside(format!("more than {} actuators", self.limits.actuators_max));
        }
        if seat.is_some_and(|s| s.last.issued_at > command.issued_at) {
            return outside("a newer command was already sent".into());
        }
        self.guard
            .check(command, seat.map(|s| &s.last), now)
            .map_err(|what| ActError::Guard {
                command: command.id.clone(),
                what,
            })
    }

    fn refuse(&mut self, command: Command, refusal: ActError, now: TimeMs) -> ActOutcome {
        let word = if command.expires_at <= now {
            "expired"
        } else {
            "refused"
        };
        let reason = refusal.to_string();
        let entries = vec![acted(&command, now, word, &reason)];
        let receipt = Receipt::Refused { reason };
        self.remember(command, receipt.clone());
        ActOutcome {
            receipt,
            sent: false,
            refusal: Some(refusal),
            entries,
        }
    }

    fn dispatch(&mut self, command: Command, now: TimeMs) -> ActOutcome {
        let (most, _) = self.envelope.rate_window();
        let seat = self
            .seats
            .entry(command.actuator.clone())
            .or_insert_with(|| Seat {
                last: command.clone(),
                decision_id: command.decision_id.clone(),
                exposed_until: None,
                sent_at: VecDeque::new(),
                safe: None,
                safe_orders: 0,
                holders: VecDeque::new(),
            });
        seat.last = command.clone();
        seat.decision_id.clone_from(&command.decision_id);
        // Whatever the receipt will say, it may be lying: from here on the actuator counts as off
        // its safe plan until it confirms an order back.
        seat.exposed_until = Some(command.expires_at);
        seat.safe = None;
        seat.hold(&command, now);
        seat.sent_at.push_back(now);
        while seat.sent_at.len() > most {
            seat.sent_at.pop_front();
        }
        let (word, detail, receipt) = words(self.channel.send(&command, now));
        if receipt == Receipt::Accepted {
            seat.accepted(&command.decision_id);
        }
        let entries = vec![acted(&command, now, word, &detail)];
        if receipt == Receipt::Pending {
            self.wait(&command, now, word == "unconfirmed");
        }
        self.remember(command, receipt.clone());
        ActOutcome {
            receipt,
            sent: true,
            refusal: None,
            entries,
        }
    }

    fn wait(&mut self, command: &Command, now: TimeMs, unconfirmed: bool) {
        let due = TimeMs(now.0 + self.limits.confirm_after_ms);
        self.waiting.insert(
            command.id.clone(),
            Waiting {
                decision_id: command.decision_id.clone(),
                actuator: command.actuator.clone(),
                due,
                // A receipt may still come after that; it is recorded while the command could
                // have been in force, and once as long again.
                forget: TimeMs(due.0.max(command.expires_at.0) + self.limits.confirm_after_ms),
                unconfirmed,
            },
        );
    }

    fn answered(
        &mut self,
        id: &str,
        receipt: &Receipt,
        now: TimeMs,
        entries: &mut Vec<LedgerEntry>,
    ) {
        if *receipt == Receipt::Pending {
            return;
        }
        // A second receipt for one command, or one for a command we never sent, says nothing new.
        let Some(waiting) = self.waiting.remove(id) else {
            return;
        };
        let (word, detail, _) = words(Ok(receipt.clone()));
        if let Some(seen) = self.seen.get_mut(id) {
            seen.1 = receipt.clone();
        }
        if let Some(seat) = self.seats.get_mut(&waiting.actuator) {
            let accepted = *receipt == Receipt::Accepted;
            match &mut seat.safe {
                Some(order) if order.command.id == id => {
                    if accepted {
                        seat.is_safe();
                    } else {
                        order.retry_at = now;
                        order.recorded = word;
                    }
                }
                _ if accepted => seat.accepted(&waiting.decision_id),
                _ => {}
            }
        }
        entries.push(LedgerEntry::Acted {
            id: waiting.decision_id,
            acted_at: now,
            command_id: id.to_owned(),
            receipt: word.to_owned(),
            detail,
        });
    }

    fn time_out(&mut self, now: TimeMs, entries: &mut Vec<LedgerEntry>) {
        for (id, waiting) in &mut self.waiting {
            if waiting.due <= now && !waiting.unconfirmed {
                waiting.unconfirmed = true;
                entries.push(LedgerEntry::Acted {
                    id: waiting.decision_id.clone(),
                    acted_at: now,
                    command_id: id.clone(),
                    receipt: "unconfirmed".into(),
                    detail: format!("no receipt within {} ms", self.limits.confirm_after_ms),
                });
            }
        }
        self.waiting.retain(|_, w| w.forget > now);
    }

    /// Sends (or sends again) the order back to the safe plan. One order keeps one id however
    /// often it is sent; the ledger gets a line when it is first sent and when its receipt changes.
    fn order_safe_plan(
        &mut self,
        actuator: &str,
        cause: Cause,
        now: TimeMs,
        entries: &mut Vec<LedgerEntry>,
    ) {
        let Some(seat) = self.seats.get_mut(actuator) else {
            return;
        };
        if seat.safe.as_ref().is_some_and(|order| order.retry_at > now) {
            return;
        }
        let order = seat.safe.get_or_insert_with(|| {
            seat.safe_orders += 1;
            let rest = seat
                .decision_id
                .strip_prefix("urn:conurb:decision:")
                .unwrap_or(&seat.decision_id);
            SafeOrder {
                command: Command {
                    id: format!("{}{rest}:{actuator}:{}", cause.prefix(), seat.safe_orders),
                    decision_id: seat.decision_id.clone(),
                    actuator: actuator.to_owned(),
                    action: (self.safe_plan)(actuator),
                    issued_at: now,
                    expires_at: now,
                },
                cause,
                retry_at: now,
                recorded: "",
            }
        });
        order.command.issued_at = now;
        order.command.expires_at = now.plus_s(self.envelope.expires_s);
        let (word, detail, receipt) = words(self.channel.send(&order.command, now));
        // While an answer may come we wait for it; after a failure the next tick tries again.
        order.retry_at = if receipt == Receipt::Pending && word == "sent" {
            TimeMs(now.0 + self.limits.confirm_after_ms)
        } else {
            now
        };
        let command = order.command.clone();
        if order.recorded != word {
            order.recorded = word;
            let why = match order.cause {
                Cause::Undo => "undo: the decision was taken back",
                _ => "watchdog: no valid command",
            };
            let sep = if detail.is_empty() { "" } else { "; " };
            entries.push(acted(&command, now, word, &format!("{why}{sep}{detail}")));
        }
        seat.last = command.clone();
        if receipt == Receipt::Accepted {
            seat.is_safe();
            self.waiting.remove(&command.id);
        } else if receipt == Receipt::Pending {
            let known = self.waiting.get(&command.id).is_some_and(|w| w.unconfirmed);
            self.wait(&command, now, known || word == "unconfirmed");
        }
    }

    fn remember(&mut self, command: Command, receipt: Receipt) {
        self.seen_order.push_back(command.id.clone());
        self.seen.insert(command.id.clone(), (command, receipt));
        if self.seen_order.len() > self.limits.remembered_max
            && let Some(old) = self.seen_order.pop_front()
        {
            self.seen.remove(&old);
        }
    }
}

/// The ledger's word, its detail, and the receipt for what a channel said.
fn words(answer: Result<Receipt, String>) -> (&'static str, String, Receipt) {
    match answer {
        Ok(Receipt::Accepted) => ("accepted", String::new(), Receipt::Accepted),
        Ok(Receipt::Refused { reason }) => ("refused", reason.clone(), Receipt::Refused { reason }),
        Ok(Receipt::Pending) => ("sent", String::new(), Receipt::Pending),
        // The way failed: the command may or may not have arrived.
        Err(what) => (
            "unconfirmed",
            format!("the channel failed: {what}"),
            Receipt::Pending,
        ),
    }
}

fn acted(command: &Command, now: TimeMs, receipt: &str, detail: &str) -> LedgerEntry {
    LedgerEntry::Acted {
        id: command.decision_id.clone(),
        acted_at: now,
        command_id: command.id.clone(),
        receipt: receipt.to_owned(),
        detail: detail.to_owned(),
    }
}
