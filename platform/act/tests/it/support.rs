//! Decisions, commands, and a channel that records what passes through it.

use std::sync::{Arc, Mutex};

use conurb_act::{Channel, Command, Desk, Envelope, Guard, NoGuard, Receipt};
use conurb_base::TimeMs;
use conurb_decide::{
    Bilingual, DecisionOption, DecisionRecord, Inputs, KpiValue, LedgerEntry, Mode, ModelRef,
    POLICY_AUTO, command_id, decision_id,
};

/// The start of every test.
pub(crate) const T0: TimeMs = TimeMs(1_772_000_000_000);

/// The id of decision `n` about `actuator`.
pub(crate) fn id(actuator: &str, n: usize) -> String {
    decision_id("testville", "signals", actuator, T0.plus_s(n as i64))
}

/// A decision.
pub(crate) fn decided(id: &str, mode: Mode) -> LedgerEntry {
    LedgerEntry::Decided(Box::new(DecisionRecord {
        id: id.to_owned(),
        scenario: "signals".into(),
        city: "testville".into(),
        subject: "s".into(),
        perceived_at: T0,
        decided_at: T0,
        findings: vec![],
        inputs: Inputs {
            entities: vec![],
            hash: "0".repeat(64),
        },
        model: ModelRef {
            name: "m".into(),
            version: "1".into(),
            seed: 1,
            information_level: "LD".into(),
        },
        options: vec![DecisionOption {
            action: serde_json::json!({"phase": 1}),
            predicted: vec![KpiValue {
                kpi: "queue_veh".into(),
                value: 1.0,
                interval: None,
            }],
            refused_by: None,
        }],
        chosen: 0,
        why: Bilingual {
            zh: "队列最长".into(),
            en: "longest queue".into(),
        },
        mode,
        supersedes: None,
    }))
}

/// Its approval.
pub(crate) fn approved(id: &str, by: &str) -> LedgerEntry {
    LedgerEntry::Approved {
        id: id.to_owned(),
        approved_at: T0,
        approver: by.to_owned(),
    }
}

/// Lets the desk know an automatic decision.
pub(crate) fn grant(desk: &mut Desk, id: &str) {
    desk.witness(&decided(id, Mode::Auto));
    desk.witness(&approved(id, POLICY_AUTO));
}

/// Command `n` of a decision, valid for `valid_s`.
pub(crate) fn command(
    decision: &str,
    n: u32,
    actuator: &str,
    now: TimeMs,
    valid_s: i64,
) -> Command {
    Command {
        id: command_id(decision, n),
        decision_id: decision.to_owned(),
        actuator: actuator.to_owned(),
        action: serde_json::json!({"phase": n, "green_s": 20}),
        issued_at: now,
        expires_at: now.plus_s(valid_s),
    }
}

/// The envelope of the tests.
pub(crate) fn envelope(rate_per_min: f64) -> Envelope {
    Envelope {
        rate_per_min,
        expires_s: 30,
        limits: [
            ("min_green_s".to_owned(), 5.0),
            ("max_green_s".to_owned(), 60.0),
        ]
        .into(),
    }
}

/// A desk over a channel, with a guard.
pub(crate) fn desk_with(channel: Box<dyn Channel>, rate: f64, guard: Box<dyn Guard>) -> Desk {
    let safe = Box::new(|_: &str| serde_json::json!({"plan": "fixed"}));
    Desk::new(channel, envelope(rate), guard, safe).unwrap()
}

/// The same without a guard.
pub(crate) fn desk(channel: Box<dyn Channel>, rate: f64) -> Desk {
    desk_with(channel, rate, Box::new(NoGuard))
}

/// What was sent, and when.
pub(crate) type Sent = Arc<Mutex<Vec<(TimeMs, Command)>>>;

/// Records what is sent, then passes it on.
pub(crate) struct Tap {
    pub(crate) sent: Sent,
    pub(crate) to: Box<dyn Channel>,
}

impl Tap {
    pub(crate) fn on(to: Box<dyn Channel>) -> (Box<dyn Channel>, Sent) {
        let sent = Sent::default();
        let tap = Self {
            sent: sent.clone(),
            to,
        };
        (Box::new(tap), sent)
    }
}

impl Channel for Tap {
    fn send(&mut self, command: &Command, now: TimeMs) -> Result<Receipt, String> {
        self.sent.lock().unwrap().push((now, command.clone()));
        self.to.send(command, now)
    }

    fn poll(&mut self, now: TimeMs) -> Vec<(String, Receipt)> {
        self.to.poll(now)
    }
}

/// Answers every command the same way.
pub(crate) struct Always(pub(crate) Result<Receipt, String>);

impl Channel for Always {
    fn send(&mut self, _: &Command, _: TimeMs) -> Result<Receipt, String> {
        self.0.clone()
    }
}
