//! The rule engine: changes in, findings out, in event time only.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::{Attribute, Change, ChangeKind, Entity, Name};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::check;
use crate::error::ThinkError;
use crate::finding::{Finding, FindingKind};
use crate::limits::{EngineLimits, EngineStats, RuleStats};
use crate::ops::{Observation, Operator, Subject, WHOLE_OPERATOR};
use crate::rule::{Rule, Severity};
use crate::watch::{Newest, Watch};

/// The sub-attribute in which intake says how far an observation can be trusted. Observations
/// that it calls `out_of_range`, `late` or `duplicate` are signs of life, not values.
pub const QUALITY: &str = "https://uri.etsi.org/ngsi-ld/default-context/quality";

/// Larger figures are no sensor's: they are not summed.
const VALUE_MAX: f64 = 1e15;

/// Rules compiled to operators over dense ids.
///
/// Feed it the change stream in commit order, in pieces of any size, and tell it the time of day
/// (in event time) when nothing comes: the findings depend on neither. A moment is complete, and
/// what waits for it is decided, only when something later has been seen.
#[derive(Debug)]
pub struct RuleEngine {
    watches: Vec<Watch>,
    index: FxHashMap<Name, FxHashMap<Name, u32>>,
    /// Where each rule went: watch and operator, in the order the rules came.
    places: Vec<(u32, u32)>,
    timers: BinaryHeap<Reverse<Timer>>,
    /// The newest event time seen.
    clock: i64,
    limits: EngineLimits,
    stats: EngineStats,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Timer {
    deadline: i64,
    watch: u32,
    operator: u32,
    slot: u32,
    generation: u32,
}

impl RuleEngine {
    /// Compiles rules; type and attribute names must be expanded IRIs (see [`crate::expand_names`]).
    ///
    /// # Errors
    /// When a rule makes no sense, two share an id, or there are too many.
    pub fn new(rules: Vec<Rule>, limits: EngineLimits) -> Result<Self, ThinkError> {
        if rules.len() > limits.max_rules {
            return Err(ThinkError::TooManyRules {
                count: rules.len(),
                limit: limits.max_rules,
            });
        }
        let limits = check::limits(&limits);
        let mut engine = Self {
            watches: Vec::new(),
            index: FxHashMap::default(),
            places: Vec::new(),
            timers: BinaryHeap::new(),
            clock: i64::MIN,
            limits,
            stats: EngineStats::default(),
        };
        let mut ids = FxHashSet::default();
        for rule in rules {
            check::check(&rule).map_err(|f| ThinkError::BadRule {
                rule: rule.id.clone(),
                field: f.field,
                detail: f.detail,
                at: None,
            })?;
            if !ids.insert(rule.id.clone()) {
                return Err(ThinkError::DuplicateRule {
                    rule: rule.id,
                    at: None,
                });
            }
            engine.add(&rule);
        }
        Ok(engine)
    }

    fn add(&mut self, rule: &Rule) {
        let limits = &self.limits;
        let operator = Operator::new(
            rule,
            limits.max_entities_per_rule,
            limits.max_state_bytes_per_rule,
        );
        let of_type = self
            .index
            .entry(Name::from(&*rule.entity_type))
            .or_default();
        let attribute = Name::from(&*rule.attribute);
        let watches = &mut self.watches;
        let watch = *of_type.entry(attribute.clone()).or_insert_with(|| {
            watches.push(Watch::new(attribute));
            u32::try_from(watches.len() - 1).expect("few watches")
        });
        let at = &mut watches[watch as usize];
        at.add(operator);
        self.places.push((
            watch,
            u32::try_from(at.operators.len() - 1).expect("few rules"),
        ));
    }

    /// Reads changes in commit order.
    pub fn on_changes(&mut self, changes: &[Change]) -> Vec<Finding> {
        let mut out = Vec::new();
        for change in changes {
            self.on_change(change, &mut out);
        }
        self.stats.findings += out.len() as u64;
        out
    }

    /// Event time has come to `event_time`, whether or not anything was observed: what waited for
    /// an earlier moment (durations, absences, window ends) is decided.
    pub fn on_time(&mut self, event_time: TimeMs) -> Vec<Finding> {
        let mut out = Vec::new();
        self.advance(event_time.0, &mut out);
        self.stats.findings += out.len() as u64;
        out
    }

    /// The stream has ended: closes every window that holds anything, in order of its end.
    /// Durations and absences stay open, since nothing says how long they would have lasted.
    pub fn on_end(&mut self) -> Vec<Finding> {
        let mut out = Vec::new();
        let mut rest = Vec::new();
        while let Some(Reverse(timer)) = self.timers.pop() {
            let whole = timer.slot == WHOLE_OPERATOR;
            if whole {
                self.fire(timer, &mut out)
            } else {
                rest.push(Reverse(timer))
            }
        }
        self.timers.extend(rest);
        self.stats.findings += out.len() as u64;
        out
    }

    /// The newest event time seen.
    #[must_use]
    pub fn event_time(&self) -> Option<TimeMs> {
        (self.clock != i64::MIN).then_some(TimeMs(self.clock))
    }

    /// What it has counted.
    #[must_use]
    pub const fn stats(&self) -> EngineStats {
        self.stats
    }

    /// What each rule has done, in the order the rules came.
    #[must_use]
    pub fn rule_stats(&self) -> Vec<RuleStats> {
        let stats = |&(w, o): &(u32, u32)| {
            let watch = &self.watches[w as usize];
            let head = &watch.operators[o as usize].head;
            RuleStats {
                rule: head.label.clone(),
                entities: watch.entities().min(head.max_slots),
                findings: head.findings,
                late: head.late,
                untracked: head.untracked,
            }
        };
        self.places.iter().map(stats).collect()
    }

    fn on_change(&mut self, change: &Change, out: &mut Vec<Finding>) {
        let entity = &change.entity;
        for type_name in &entity.types {
            if !self.index.contains_key(type_name) {
                continue;
            }
            if change.kind == ChangeKind::Deleted {
                self.forget_entity(type_name, entity, change.at, out);
                continue;
            }
            for name in &change.written {
                let Some(&watch) = self.index.get(type_name).and_then(|t| t.get(name)) else {
                    continue;
                };
                match entity.attribute(name) {
                    Some(attribute) => self.on_attribute(watch, entity, attribute, change.at, out),
                    None => self.forget(watch, &entity.id, change.at, out),
                }
            }
        }
    }

    fn on_attribute(
        &mut self,
        watch: u32,
        entity: &Entity,
        attribute: &Attribute,
        recorded: TimeMs,
        out: &mut Vec<Finding>,
    ) {
        self.stats.observations += 1;
        let at = attribute.observed_at.unwrap_or(recorded).0;
        if at.saturating_sub(recorded.0) > self.limits.future_ms {
            self.stats.future += 1;
            return;
        }
        self.advance(at, out);
        let value = self.usable(attribute);
        let w = &mut self.watches[watch as usize];
        let Some(slot) = w.slot(&entity.id) else {
            self.stats.untracked += w.operators.len() as u64;
            for operator in &mut w.operators {
                refuse(operator, at, out);
            }
            return;
        };
        let newest = w.newest[slot];
        // The same moment again is the same observation again; without `observedAt` each write is
        // an observation of its own.
        if at == newest.at && attribute.observed_at.is_some() {
            self.stats.duplicates += 1;
            return;
        }
        let obs = Observation {
            at,
            value,
            previous_at: newest.at,
            previous_value: newest.value,
            out_of_order: at < newest.at,
        };
        if obs.out_of_order {
            self.stats.out_of_order += 1;
        } else {
            w.newest[slot] = Newest { at, value };
        }
        self.run(watch, slot, &entity.id, &obs, out);
    }

    fn run(
        &mut self,
        watch: u32,
        slot: usize,
        entity: &Arc<str>,
        obs: &Observation,
        out: &mut Vec<Finding>,
    ) {
        let w = &mut self.watches[watch as usize];
        let subject = Subject {
            entity,
            attribute: &w.attribute,
        };
        let generation = w.generation[slot];
        for (number, operator) in (0u32..).zip(&mut w.operators) {
            if slot >= operator.head.max_slots {
                self.stats.untracked += 1;
                refuse(operator, obs.at, out);
                continue;
            }
            let late = operator.head.late;
            if let Some((slot, at)) = operator.observe(slot, subject, obs, self.clock, out) {
                let generation = if slot == WHOLE_OPERATOR {
                    0
                } else {
                    generation
                };
                let patience = if operator.is_window() {
                    0
                } else {
                    self.limits.disorder_ms
                };
                let deadline = at.saturating_add(patience);
                self.timers.push(Reverse(Timer {
                    deadline,
                    watch,
                    operator: number,
                    slot,
                    generation,
                }));
            }
            self.stats.late += operator.head.late - late;
        }
    }

    /// The number rules may use; NaN when it is none or not to be trusted.
    fn usable(&mut self, attribute: &Attribute) -> f64 {
        if is_flagged(attribute) {
            self.stats.flagged += 1;
            return f64::NAN;
        }
        match attribute.number() {
            Some(v) if v.is_finite() && v.abs() <= VALUE_MAX => v,
            _ => {
                self.stats.not_numeric += 1;
                f64::NAN
            }
        }
    }

    /// Moves event time on and decides what has waited for an earlier moment.
    fn advance(&mut self, to: i64, out: &mut Vec<Finding>) {
        if to <= self.clock {
            return;
        }
        self.clock = to;
        while let Some(Reverse(timer)) = self.timers.peek().copied() {
            if timer.deadline >= to {
                break;
            }
            self.timers.pop();
            self.fire(timer, out);
        }
    }

    fn fire(&mut self, timer: Timer, out: &mut Vec<Finding>) {
        let w = &mut self.watches[timer.watch as usize];
        let operator = &mut w.operators[timer.operator as usize];
        let again = if timer.slot == WHOLE_OPERATOR {
            operator.wake_whole(&w.attribute, &w.ids, out)
        } else {
            let slot = timer.slot as usize;
            let Some(entity) = w.ids[slot]
                .as_ref()
                .filter(|_| w.generation[slot] == timer.generation)
            else {
                return;
            };
            let subject = Subject {
                entity,
                attribute: &w.attribute,
            };
            let newest = w.newest[slot];
            let patience = self.limits.disorder_ms;
            let due = timer.deadline.saturating_sub(patience);
            let wake = operator.wake(slot, subject, (newest.at, newest.value), due, out);
            wake.map(|at| at.saturating_add(patience))
        };
        if let Some(deadline) = again {
            self.timers.push(Reverse(Timer { deadline, ..timer }));
        }
    }

    fn forget_entity(
        &mut self,
        type_name: &Name,
        entity: &Entity,
        at: TimeMs,
        out: &mut Vec<Finding>,
    ) {
        let mut watches: Vec<u32> = self
            .index
            .get(type_name)
            .map(|t| t.values().copied().collect())
            .unwrap_or_default();
        watches.sort_unstable();
        for watch in watches {
            self.forget(watch, &entity.id, at, out);
        }
    }

    fn forget(&mut self, watch: u32, entity: &Arc<str>, at: TimeMs, out: &mut Vec<Finding>) {
        let w = &mut self.watches[watch as usize];
        let Some(slot) = w.known(entity) else { return };
        let subject = Subject {
            entity,
            attribute: &w.attribute,
        };
        for operator in &mut w.operators {
            operator.forget(slot, subject, at.0, out);
        }
        w.release(slot);
    }
}

/// Counts an observation a rule could not follow, and says so the first time.
fn refuse(operator: &mut Operator, at: i64, out: &mut Vec<Finding>) {
    let head = &mut operator.head;
    head.untracked += 1;
    if head.untracked == 1 {
        let subject: Arc<str> = Arc::from(format!("urn:ngsi-ld:Rule:{}", head.rule_id));
        #[allow(clippy::cast_precision_loss)] // a count of entities
        let limit = head.max_slots as f64;
        let mut finding = head.finding(FindingKind::Raised, &subject, at, Some(limit), Vec::new());
        finding.severity = Severity::Warning;
        out.push(finding);
    }
}

/// Whether intake says that the value must not be judged.
fn is_flagged(attribute: &Attribute) -> bool {
    let flag = attribute.sub.iter().find(|(name, _)| &**name == QUALITY);
    flag.and_then(|(_, instances)| instances.first()?.text())
        .is_some_and(|text| matches!(text, "out_of_range" | "late" | "duplicate"))
}
