//! A watch: everything that looks at one attribute of one entity type. One lookup finds it, one
//! more finds the entity's slot; all its operators share both.

use std::sync::Arc;

use conurb_context::Name;
use rustc_hash::FxHashMap;

use crate::ops::Operator;

/// The newest observation of an entity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Newest {
    pub(crate) at: i64,
    pub(crate) value: f64,
}

const NEVER: Newest = Newest {
    at: i64::MIN,
    value: f64::NAN,
};

#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) attribute: Name,
    pub(crate) operators: Vec<Operator>,
    /// Entity id of each slot; none where the slot is free.
    pub(crate) ids: Vec<Option<Arc<str>>>,
    pub(crate) newest: Vec<Newest>,
    /// Counts how often a slot was given out: a wake-up for an earlier holder is void.
    pub(crate) generation: Vec<u32>,
    slots: FxHashMap<Arc<str>, u32>,
    free: Vec<u32>,
    max_slots: usize,
}

impl Watch {
    pub(crate) fn new(attribute: Name) -> Self {
        Self {
            attribute,
            operators: Vec::new(),
            ids: Vec::new(),
            newest: Vec::new(),
            generation: Vec::new(),
            slots: FxHashMap::default(),
            free: Vec::new(),
            max_slots: 0,
        }
    }

    pub(crate) fn add(&mut self, operator: Operator) {
        self.max_slots = self.max_slots.max(operator.head.max_slots);
        self.operators.push(operator);
    }

    /// The slot of an entity, given out on first sight; none when all are taken.
    pub(crate) fn slot(&mut self, entity: &Arc<str>) -> Option<usize> {
        if let Some(&slot) = self.slots.get(&**entity) {
            return Some(slot as usize);
        }
        let slot = match self.free.pop() {
            Some(slot) => slot as usize,
            None if self.ids.len() < self.max_slots => {
                self.ids.push(None);
                self.newest.push(NEVER);
                self.generation.push(0);
                self.ids.len() - 1
            }
            None => return None,
        };
        self.ids[slot] = Some(entity.clone());
        self.newest[slot] = NEVER;
        self.generation[slot] = self.generation[slot].wrapping_add(1);
        for operator in &mut self.operators {
            operator.reset(slot);
        }
        let number = u32::try_from(slot).expect("slots are limited to u32");
        self.slots.insert(entity.clone(), number);
        Some(slot)
    }

    /// The slot of an entity that may not be followed.
    pub(crate) fn known(&self, entity: &str) -> Option<usize> {
        self.slots.get(entity).map(|&slot| slot as usize)
    }

    /// Gives a slot back; its operators must have forgotten it.
    pub(crate) fn release(&mut self, slot: usize) {
        if let Some(entity) = self.ids[slot].take() {
            self.slots.remove(&*entity);
            self.generation[slot] = self.generation[slot].wrapping_add(1);
            self.free
                .push(u32::try_from(slot).expect("slots are limited to u32"));
        }
    }

    /// Entities followed.
    pub(crate) fn entities(&self) -> usize {
        self.slots.len()
    }
}
