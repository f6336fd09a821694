//! From mode to approval: what passes at once, what waits for a person, and for how long.

use std::collections::BTreeMap;

use conurb_base::TimeMs;

use crate::{DecideError, Decision, DecisionRecord, LedgerEntry, Mode, POLICY_AUTO, Status};

/// Who rejects a decision nobody answered in time.
pub const POLICY_EXPIRY: &str = "policy:expiry";

/// A decision that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its id.
    pub id: String,
    /// When it was made.
    pub decided_at: TimeMs,
    /// When it is rejected unless somebody answers.
    pub deadline: TimeMs,
}

/// The decisions that wait for a person. It makes entries; the ledger keeps them.
#[derive(Debug)]
pub struct Approvals {
    expiry_s: i64,
    most: usize,
    waiting: BTreeMap<String, Pending>,
}

impl Approvals {
    /// Decisions wait at most `expiry_s`; at most `most` wait at a time, the oldest are rejected
    /// when there are more.
    #[must_use]
    pub fn new(expiry_s: i64, most: usize) -> Self {
        Self {
            expiry_s: expiry_s.max(1),
            most: most.max(1),
            waiting: BTreeMap::new(),
        }
    }

    /// What follows from a decision's mode: auto passes by policy, approve waits, advise is shown
    /// and nothing more. The entries belong into the ledger after the decision itself.
    pub fn decided(&mut self, record: &DecisionRecord, now: TimeMs) -> Vec<LedgerEntry> {
        match record.mode {
            Mode::Advise => Vec::new(),
            Mode::Auto => vec![LedgerEntry::Approved {
                id: record.id.clone(),
                approved_at: now,
                approver: POLICY_AUTO.to_owned(),
            }],
            Mode::Approve => {
                self.wait(record);
                self.crowded_out(now)
            }
        }
    }

    /// Takes up a decision that was waiting before a restart.
    pub fn restore(&mut self, decision: &Decision) {
        if decision.status() == Status::Pending {
            self.wait(&decision.record);
        }
    }

    /// A person lets a decision pass. Too late is too late, even if nobody looked at the clock.
    pub fn approve(
        &mut self,
        id: &str,
        who: &str,
        now: TimeMs,
    ) -> Result<LedgerEntry, DecideError> {
        let pending = self.named(id, who)?;
        if pending.deadline <= now {
            return Err(DecideError::OutOfOrder {
                id: id.to_owned(),
                what: format!("the time to approve it was over at {}", pending.deadline),
            });
        }
        self.waiting.remove(id);
        Ok(LedgerEntry::Approved {
            id: id.to_owned(),
            approved_at: now,
            approver: who.to_owned(),
        })
    }

    /// A person refuses a decision.
    pub fn reject(
        &mut self,
        id: &str,
        who: &str,
        why: &str,
        now: TimeMs,
    ) -> Result<LedgerEntry, DecideError> {
        self.named(id, who)?;
        self.waiting.remove(id);
        Ok(rejected(id, now, who, why))
    }

    /// Rejects what nobody answered in time, the oldest first.
    pub fn expire(&mut self, now: TimeMs) -> Vec<LedgerEntry> {
        let mut late: Vec<Pending> = self
            .waiting
            .values()
            .filter(|p| p.deadline <= now)
            .cloned()
            .collect();
        late.sort_by(|a, b| (a.deadline, &a.id).cmp(&(b.deadline, &b.id)));
        late.into_iter()
            .map(|p| {
                self.waiting.remove(&p.id);
                let why = format!("nobody approved it within {} s", self.expiry_s);
                rejected(&p.id, now, POLICY_EXPIRY, &why)
            })
            .collect()
    }

    /// Forgets a decision that was overturned while it waited; says whether it did.
    pub fn overturned(&mut self, id: &str) -> bool {
        self.waiting.remove(id).is_some()
    }

    /// What waits, by id.
    pub fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.waiting.values()
    }

    fn wait(&mut self, record: &DecisionRecord) {
        self.waiting.insert(
            record.id.clone(),
            Pending {
                id: record.id.clone(),
                decided_at: record.decided_at,
                deadline: record.decided_at.plus_s(self.expiry_s),
            },
        );
    }

    fn crowded_out(&mut self, now: TimeMs) -> Vec<LedgerEntry> {
        let mut entries = Vec::new();
        while self.waiting.len() > self.most {
            let oldest = self
                .waiting
                .values()
                .min_by_key(|p| (p.deadline, p.id.clone()));
            let Some(id) = oldest.map(|p| p.id.clone()) else {
                break;
            };
            self.waiting.remove(&id);
            let why = format!("more than {} decisions were waiting", self.most);
            entries.push(rejected(&id, now, POLICY_EXPIRY, &why));
        }
        entries
    }

    fn named(&self, id: &str, who: &str) -> Result<&Pending, DecideError> {
        let wrong = |what: &str| DecideError::OutOfOrder {
            id: id.to_owned(),
            what: what.to_owned(),
        };
        if who.trim().is_empty() || who.starts_with("policy:") {
            return Err(wrong("a person must answer, by name"));
        }
        self.waiting
            .get(id)
            .ok_or_else(|| wrong("it does not wait for an answer"))
    }
}

fn rejected(id: &str, now: TimeMs, who: &str, why: &str) -> LedgerEntry {
    LedgerEntry::Rejected {
        id: id.to_owned(),
        rejected_at: now,
        approver: who.to_owned(),
        reason: why.to_owned(),
    }
}
