//! Which decisions may be acted on: learnt from the ledger's entries, never from a command.

use std::collections::{BTreeMap, VecDeque};

use conurb_decide::{Decision, LedgerEntry, Mode};

#[derive(Debug, Clone, Copy)]
struct Grant {
    mode: Mode,
    approved: bool,
    stopped: bool,
}

/// The standing of the newest decisions; the oldest are forgotten first, which refuses.
#[derive(Debug)]
pub(crate) struct Grants {
    by_id: BTreeMap<String, Grant>,
    order: VecDeque<String>,
    most: usize,
}

impl Grants {
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            by_id: BTreeMap::new(),
            order: VecDeque::new(),
            most,
        }
    }

    pub(crate) fn witness(&mut self, entry: &LedgerEntry) {
        match entry {
            LedgerEntry::Decided(record) => self.insert(
                &record.id,
                Grant {
                    mode: record.mode,
                    approved: false,
                    stopped: false,
                },
            ),
            LedgerEntry::Approved { id, .. } => {
                if let Some(grant) = self.by_id.get_mut(id) {
                    grant.approved = true;
                }
            }
            LedgerEntry::Rejected { id, .. } | LedgerEntry::Overturned { id, .. } => self.stop(id),
            LedgerEntry::Acted { .. } | LedgerEntry::Measured { .. } => {}
        }
    }

    pub(crate) fn restore(&mut self, decision: &Decision) {
        self.insert(
            &decision.record.id,
            Grant {
                mode: decision.record.mode,
                approved: decision.approved.is_some(),
                stopped: decision.rejected.is_some() || decision.overturned.is_some(),
            },
        );
    }

    pub(crate) fn stop(&mut self, id: &str) {
        if let Some(grant) = self.by_id.get_mut(id) {
            grant.stopped = true;
        }
    }

    /// Why nothing may be sent for this decision, or `Ok`.
    pub(crate) fn may_act(&self, id: &str) -> Result<(), &'static str> {
        match self.by_id.get(id) {
            None => Err("is not known"),
            Some(g) if g.stopped => Err("was rejected or overturned"),
            Some(g) if g.mode == Mode::Advise => Err("is advice only"),
            Some(g) if !g.approved => Err("is not approved"),
            Some(_) => Ok(()),
        }
    }

    fn insert(&mut self, id: &str, grant: Grant) {
        // A decision seen twice keeps its first standing: seeing it again approves nothing.
        if self.by_id.contains_key(id) {
            return;
        }
        self.by_id.insert(id.to_owned(), grant);
        self.order.push_back(id.to_owned());
        if self.order.len() > self.most
            && let Some(old) = self.order.pop_front()
        {
            self.by_id.remove(&old);
        }
    }
}
