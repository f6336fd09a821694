//! A simulated way to simulated actuators, with a seeded fault plan: late, lost, twice, refused,
//! lying receipt. `conurb day` and the tests act through it as they would through a real one.
//!
//! The simulated actuator keeps the rules a real controller must keep: it drops expired commands
//! and those older than the newest it has, does one command once, and goes back to its safe plan
//! by itself when its command expires.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conurb_base::{Stream, TimeMs, stream};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ActError, Channel, Command, Receipt};

/// Changes a field keeps until they are drained; the oldest go first.
const CHANGES_MAX: usize = 1 << 20;
/// Newest command ids an actuator remembers.
const SEEN_MAX: usize = 64;

/// How often what goes wrong, as probabilities a command.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultPlan {
    /// Arrives late, by up to `late_ms_max`.
    pub late: f64,
    /// Longest delay, in milliseconds.
    pub late_ms_max: i64,
    /// Never arrives; no receipt comes.
    pub lost: f64,
    /// Arrives twice, the second time late.
    pub twice: f64,
    /// The actuator refuses.
    pub refused: f64,
    /// The receipt says the opposite of what the actuator did.
    pub lying: f64,
}

impl Default for FaultPlan {
    fn default() -> Self {
        Self {
            late: 0.0,
            late_ms_max: 10_000,
            lost: 0.0,
            twice: 0.0,
            refused: 0.0,
            lying: 0.0,
        }
    }
}

impl FaultPlan {
    /// Whether the plan makes sense.
    pub fn validate(&self) -> Result<(), ActError> {
        let wrong = |what: String| Err(ActError::Setup { what });
        for (name, p) in [
            ("late", self.late),
            ("lost", self.lost),
            ("twice", self.twice),
            ("refused", self.refused),
            ("lying", self.lying),
        ] {
            if !(0.0..=1.0).contains(&p) {
                return wrong(format!("fault {name} = {p} is no probability"));
            }
        }
        if !(1..=3_600_000).contains(&self.late_ms_max) {
            return wrong("late_ms_max must be within 1 to 3600000".into());
        }
        Ok(())
    }
}

/// What an actuator does.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// Its safe plan.
    Safe,
    /// The action of a command.
    Commanded(Value),
}

/// An actuator changed what it does.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// When.
    pub at: TimeMs,
    /// Which actuator.
    pub actuator: String,
    /// What it does now.
    pub plan: Plan,
    /// The command that did it; `None`: its command expired.
    pub command_id: Option<String>,
}

#[derive(Debug)]
struct Actuator {
    plan: Plan,
    expires_at: TimeMs,
    newest_issued: TimeMs,
    seen: VecDeque<String>,
    faults: Stream,
}

#[derive(Debug)]
struct Delivery {
    command: Command,
    /// Whether a receipt is owed, and whether it will lie.
    receipt: Option<bool>,
}

#[derive(Debug)]
struct Field {
    seed: u64,
    plan: FaultPlan,
    own_expiry: bool,
    actuators: BTreeMap<String, Actuator>,
    expiries: BTreeSet<(TimeMs, String)>,
    on_the_way: BTreeMap<(TimeMs, u64), Delivery>,
    sent: u64,
    receipts: Vec<(String, Receipt)>,
    changes: VecDeque<FieldChange>,
}

/// The actuators' side: what they do, for the world they stand in.
#[derive(Debug, Clone)]
pub struct SimField(Arc<Mutex<Field>>);

/// The desk's side.
#[derive(Debug)]
pub struct SimChannel(SimField);

impl SimChannel {
    /// A channel and its field. Equal seeds, plans and commands give equal faults.
    pub fn new(seed: u64, plan: FaultPlan) -> Result<(Self, SimField), ActError> {
        Self::build(seed, plan, true)
    }

    /// The same with actuators that do not go back to the safe plan by themselves, so that only
    /// the desk's watchdog can bring them back.
    pub fn without_own_expiry(seed: u64, plan: FaultPlan) -> Result<(Self, SimField), ActError> {
        Self::build(seed, plan, false)
    }

    fn build(seed: u64, plan: FaultPlan, own_expiry: bool) -> Result<(Self, SimField), ActError> {
        plan.validate()?;
        let field = SimField(Arc::new(Mutex::new(Field {
            seed,
            plan,
            own_expiry,
            actuators: BTreeMap::new(),
            expiries: BTreeSet::new(),
            on_the_way: BTreeMap::new(),
            sent: 0,
            receipts: Vec::new(),
            changes: VecDeque::new(),
        })));
        Ok((Self(field.clone()), field))
    }
}

impl Channel for SimChannel {
    fn send(&mut self, command: &Command, now: TimeMs) -> Result<Receipt, String> {
        let mut field = self.0.lock();
        field.advance(now);
        Ok(field.send(command, now))
    }

    fn poll(&mut self, now: TimeMs) -> Vec<(String, Receipt)> {
        let mut field = self.0.lock();
        field.advance(now);
        std::mem::take(&mut field.receipts)
    }
}

impl SimField {
    /// What an actuator does at `now`.
    #[must_use]
    pub fn plan_of(&self, actuator: &str, now: TimeMs) -> Plan {
        let mut field = self.lock();
        field.advance(now);
        field
            .actuators
            .get(actuator)
            .map_or(Plan::Safe, |a| a.plan.clone())
    }

    /// What changed up to `now` since the last call, in the order it happened.
    #[must_use]
    pub fn drain(&self, now: TimeMs) -> Vec<FieldChange> {
        let mut field = self.lock();
        field.advance(now);
        field.changes.drain(..).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Field> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Field {
    /// Lets everything happen that is due by `now`, in order of time; an expiry goes before an
    /// arrival of the same moment.
    fn advance(&mut self, now: TimeMs) {
        loop {
            let expiry = self
                .expiries
                .first()
                .filter(|(t, _)| *t <= now)
                .map(|(t, _)| *t);
            let arrival = self
                .on_the_way
                .keys()
                .next()
                .filter(|(t, _)| *t <= now)
                .copied();
            match (expiry, arrival) {
                (Some(at), arrival) if arrival.is_none_or(|(t, _)| at <= t) => self.expire(),
                (_, Some(key)) => self.arrive(key),
                _ => break,
            }
        }
    }

    fn expire(&mut self) {
        let Some((at, actuator)) = self.expiries.pop_first() else {
            return;
        };
        if let Some(a) = self.actuators.get_mut(&actuator) {
            a.plan = Plan::Safe;
            self.changed(at, actuator, Plan::Safe, None);
        }
    }

    fn arrive(&mut self, key: (TimeMs, u64)) {
        let Some(delivery) = self.on_the_way.remove(&key) else {
            return;
        };
        let honest = self.apply(&delivery.command, key.0);
        if let Some(lies) = delivery.receipt {
            let receipt = if lies { opposite(&honest) } else { honest };
            self.receipts.push((delivery.command.id, receipt));
        }
    }

    fn send(&mut self, command: &Command, now: TimeMs) -> Receipt {
        let plan = self.plan;
        let seed = self.seed;
        let actuator = self.actuator(&command.actuator, seed);
        // Always the same number of draws, so that one kind of fault does not shift the others.
        let mut hit = |p: f64| actuator.faults.random::<f64>() < p;
        let (lost, late, twice) = (hit(plan.lost), hit(plan.late), hit(plan.twice));
        let (refused, lying, undone) = (hit(plan.refused), hit(plan.lying), hit(0.5));
        let mut delay = || actuator.faults.random_range(1..=plan.late_ms_max);
        let (first, second) = (delay(), delay());
        if lost {
            return Receipt::Pending;
        }
        if refused {
            return Receipt::Refused {
                reason: "simulated refusal".into(),
            };
        }
        if lying && undone {
            // It says yes and does nothing.
            return Receipt::Accepted;
        }
        if twice {
            self.put_on_the_way(command, now.0 + second, None);
        }
        if late {
            self.put_on_the_way(command, now.0 + first, Some(lying));
            return Receipt::Pending;
        }
        let honest = self.apply(command, now);
        if lying { opposite(&honest) } else { honest }
    }

    fn put_on_the_way(&mut self, command: &Command, at_ms: i64, receipt: Option<bool>) {
        self.sent += 1;
        let command = command.clone();
        self.on_the_way
            .insert((TimeMs(at_ms), self.sent), Delivery { command, receipt });
    }

    fn actuator(&mut self, id: &str, seed: u64) -> &mut Actuator {
        self.actuators
            .entry(id.to_owned())
            .or_insert_with(|| Actuator {
                plan: Plan::Safe,
                expires_at: TimeMs(i64::MIN),
                newest_issued: TimeMs(i64::MIN),
                seen: VecDeque::new(),
                faults: stream(seed, id, "actuator faults"),
            })
    }

    fn apply(&mut self, command: &Command, at: TimeMs) -> Receipt {
        let own_expiry = self.own_expiry;
        let seed = self.seed;
        let refuse = |reason: &str| Receipt::Refused {
            reason: reason.to_owned(),
        };
        let actuator = self.actuator(&command.actuator, seed);
        if actuator.seen.contains(&command.id) {
            return Receipt::Accepted;
        }
        if command.expires_at <= at {
            return refuse("expired before it arrived");
        }
        if command.issued_at < actuator.newest_issued {
            return refuse("older than the command in force");
        }
        actuator.seen.push_back(command.id.clone());
        if actuator.seen.len() > SEEN_MAX {
            actuator.seen.pop_front();
        }
        let before = (actuator.expires_at, command.actuator.clone());
        actuator.newest_issued = command.issued_at;
        actuator.expires_at = command.expires_at;
        let plan = if command.is_safe_plan() {
            Plan::Safe
        } else {
            Plan::Commanded(command.action.clone())
        };
        actuator.plan = plan.clone();
        self.expiries.remove(&before);
        if own_expiry && plan != Plan::Safe {
            self.expiries
                .insert((command.expires_at, command.actuator.clone()));
        }
        self.changed(at, command.actuator.clone(), plan, Some(command.id.clone()));
        Receipt::Accepted
    }

    fn changed(&mut self, at: TimeMs, actuator: String, plan: Plan, command_id: Option<String>) {
        if self.changes.len() >= CHANGES_MAX {
            self.changes.pop_front();
        }
        self.changes.push_back(FieldChange {
            at,
            actuator,
            plan,
            command_id,
        });
    }
}

fn opposite(receipt: &Receipt) -> Receipt {
    match receipt {
        Receipt::Accepted => Receipt::Refused {
            reason: "simulated refusal".into(),
        },
        Receipt::Refused { .. } | Receipt::Pending => Receipt::Accepted,
    }
}
