//! The default bus: a ring of events in this process.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Bus, BusError, Delivery, Event, Retention, Start, Subscription, Waker};

const SUBJECT_BYTES: usize = 256;

/// A bus within one process. Clones share the stream.
#[derive(Clone)]
pub struct InProcess {
    shared: Arc<Shared>,
}

struct Shared {
    ring: Mutex<Ring>,
    published: Condvar,
    retention: Retention,
}

#[derive(Default)]
struct Ring {
    events: VecDeque<Event>,
    bytes: usize,
    last_seq: u64,
    next_waker: u64,
    /// Whom to wake for which prefix.
    wakers: BTreeMap<u64, (Arc<str>, Waker)>,
}

fn size(event: &Event) -> usize {
    event.subject.len() + event.payload.len()
}

impl Ring {
    /// The first sequence that is kept (or will be).
    fn oldest(&self) -> u64 {
        self.last_seq + 1 - self.events.len() as u64
    }

    /// Keeps `event` and drops the oldest ones beyond the retention.
    fn push(&mut self, event: Event, retention: Retention) {
        self.bytes += size(&event);
        self.last_seq = event.seq;
        self.events.push_back(event);
        while self.events.len() > retention.items.max(1) || self.bytes > retention.bytes {
            let Some(gone) = self.events.pop_front() else {
                break;
            };
            self.bytes -= size(&gone);
        }
    }

    /// What a subscriber at `cursor` gets next; moves the cursor past what it does not want.
    fn next(&self, cursor: &mut u64, prefix: &str) -> Option<Delivery> {
        let oldest = self.oldest();
        if *cursor < oldest {
            let first = std::mem::replace(cursor, oldest);
            return Some(Delivery::Missed {
                first,
                last: oldest - 1,
            });
        }
        let skip = usize::try_from(*cursor - oldest).unwrap_or(usize::MAX);
        for event in self.events.range(skip.min(self.events.len())..) {
            *cursor = event.seq + 1;
            if event.subject.starts_with(prefix) {
                return Some(Delivery::Event(event.clone()));
            }
        }
        None
    }
}

impl InProcess {
    /// An empty stream that keeps this much.
    #[must_use]
    pub fn new(retention: Retention) -> Self {
        Self {
            shared: Arc::new(Shared {
                ring: Mutex::default(),
                published: Condvar::new(),
                retention,
            }),
        }
    }
}

impl Default for InProcess {
    fn default() -> Self {
        Self::new(Retention::default())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bus for InProcess {
    fn publish(&self, subject: &str, payload: &[u8]) -> Result<u64, BusError> {
        let bad = |c: char| c.is_control() || c.is_whitespace();
        if subject.is_empty() || subject.len() > SUBJECT_BYTES || subject.contains(bad) {
            return Err(BusError::BadSubject {
                subject: subject.chars().take(64).collect(),
            });
        }
        let (bytes, limit) = (subject.len() + payload.len(), self.shared.retention.bytes);
        if bytes > limit {
            return Err(BusError::TooLarge {
                subject: subject.to_owned(),
                bytes,
                limit,
            });
        }
        let (subject, payload) = (Arc::from(subject), Arc::from(payload));
        let mut ring = self.shared.lock();
        let seq = ring.last_seq + 1;
        let event = Event {
            seq,
            subject,
            payload,
        };
        let wanted = |(prefix, waker): &(Arc<str>, Waker)| {
            event.subject.starts_with(&**prefix).then(|| waker.clone())
        };
        let wakers: Vec<Waker> = ring.wakers.values().filter_map(wanted).collect();
        ring.push(event, self.shared.retention);
        drop(ring);
        self.shared.published.notify_all();
        // Outside the lock: what a waker does is its own business.
        wakers.iter().for_each(|waker| waker());
        Ok(seq)
    }

    fn subscribe(&self, prefix: &str, start: Start) -> Result<Box<dyn Subscription>, BusError> {
        let mut ring = self.shared.lock();
        let last = ring.last_seq;
        let cursor = match start {
            Start::New => last + 1,
            Start::Oldest => ring.oldest(),
            Start::At(asked) if asked > last + 1 => return Err(BusError::Ahead { asked, last }),
            Start::At(asked) => asked.max(1),
        };
        let id = ring.next_waker;
        ring.next_waker += 1;
        Ok(Box::new(Follower {
            shared: self.shared.clone(),
            prefix: Arc::from(prefix),
            cursor,
            id,
        }))
    }

    fn last_seq(&self) -> u64 {
        self.shared.lock().last_seq
    }
}

struct Follower {
    shared: Arc<Shared>,
    prefix: Arc<str>,
    cursor: u64,
    id: u64,
}

impl Subscription for Follower {
    fn next(&mut self, timeout: Duration) -> Option<Delivery> {
        let mut found = None;
        let (cursor, prefix) = (&mut self.cursor, &*self.prefix);
        let ring = self.shared.lock();
        let nothing = |ring: &mut Ring| {
            found = ring.next(cursor, prefix);
            found.is_none()
        };
        // Keeps the time over wake-ups for other subjects.
        let waited = self
            .shared
            .published
            .wait_timeout_while(ring, timeout, nothing);
        drop(waited);
        found
    }

    fn cursor(&self) -> u64 {
        self.cursor
    }

    fn set_waker(&mut self, waker: Option<Waker>) {
        let mut ring = self.shared.lock();
        match waker {
            Some(waker) => ring.wakers.insert(self.id, (self.prefix.clone(), waker)),
            None => ring.wakers.remove(&self.id),
        };
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.set_waker(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(retention: Retention) -> Arc<dyn Bus> {
        Arc::new(InProcess::new(retention))
    }

    crate::bus_suite!(in_process, open);
}
