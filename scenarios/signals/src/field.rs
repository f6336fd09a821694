//! What the scenario knows of the field: the last report of every lane and signal, and which
//! signals are due for a decision. Event time only.

use std::collections::VecDeque;
use std::sync::Arc;

use conurb_base::TimeMs;
use conurb_context::{Attribute, Change, ChangeKind, Entity};
use conurb_perceive::Quality;
use conurb_traffic::{LaneIx, Network};
use rustc_hash::FxHashMap;

use crate::input::{Entries, LaneObservation};
use crate::layout::SignalLayout;
use crate::names;
use crate::settings::Settings;
use crate::twin::free_speed;

/// Most vehicles one lane can hold: 10 km bumper to bumper is half of it.
const VEHICLES_MAX: f64 = 10_000.0;

/// Fastest mean speed a station can mean, km/h.
const SPEED_MAX_KM_H: f64 = 400.0;

/// How far ahead of its own recording a report may claim to be, milliseconds. One from the year
/// 9999 would otherwise silence its lane until then.
const AHEAD_MAX_MS: i64 = 60_000;

/// Longest green a controller can mean, seconds.
const GREEN_MAX_S: f64 = 86_400.0;

/// Longest gap between two reports of a lane that delay is summed over, milliseconds.
const LONGEST_GAP_MS: i64 = 60_000;

/// How far back the rate of entries looks, milliseconds.
const RATE_WINDOW_MS: i64 = 300_000;

/// Most reports of entries kept per lane.
const ENTRIES_MAX: usize = 64;

/// The last reports of a lane.
#[derive(Debug, Clone)]
pub struct LaneState {
    /// What the last one said (without entries); none before the first.
    pub seen: Option<LaneObservation>,
    /// Entries by report, oldest first: start and end of the period, vehicles.
    entered: VecDeque<(TimeMs, TimeMs, f64)>,
    /// When.
    pub at: TimeMs,
    /// Entity version for the decision's input list.
    pub version_ms: i64,
    /// Vehicles counted in since the first report.
    pub entered_veh: f64,
    /// Vehicles gone since then, by conservation: there before, and entered, less there now.
    pub left_veh: f64,
    /// The signal it leads to.
    leads_to: Option<u32>,
}

/// The last report of a signal, and its decision clock.
#[derive(Debug, Clone, Default)]
pub struct SignalState {
    /// Green phase shown or being switched to.
    pub phase: Option<u16>,
    /// Since when it is green.
    pub green_since: TimeMs,
    /// Next decision.
    pub due: Option<TimeMs>,
    /// Delay on the entering lanes since the last decision, vehicle-seconds.
    delay_veh_s: f64,
    since: Option<TimeMs>,
    /// The last closed interval: from, to, delay.
    pub closed: Option<(TimeMs, TimeMs, f64)>,
    /// Decisions not made because a report was too old.
    pub missed: u64,
}

/// The field as last reported.
pub struct Field {
    /// By lane index.
    pub lanes: Vec<LaneState>,
    /// By signal number.
    pub signals: Vec<SignalState>,
    lane_by_urn: FxHashMap<Arc<str>, LaneIx>,
    signal_by_urn: FxHashMap<Arc<str>, u32>,
}

impl LaneState {
    /// What is known of the lane at `at`, entries back to those that cover all vehicles on it.
    #[must_use]
    pub fn observation(&self, at: TimeMs) -> Option<LaneObservation> {
        let mut seen = self.seen.clone()?;
        let mut covered = 0.0;
        for (from, to, vehicles) in self.entered.iter().rev() {
            if covered >= seen.vehicles {
                break;
            }
            covered += vehicles;
            #[allow(clippy::cast_precision_loss)] // minutes in milliseconds
            let age = |t: TimeMs| at.since_ms(t).max(0) as f64 / 1000.0;
            seen.entered.push(Entries {
                from_s: age(*from),
                to_s: age(*to),
                vehicles: *vehicles,
            });
        }
        Some(seen)
    }

    /// Entries a second over the last minutes; 0 where none are counted.
    #[must_use]
    pub fn rate_veh_s(&self, at: TimeMs) -> f64 {
        let recent = (self.entered.iter()).filter(|(_, to, _)| at.since_ms(*to) < RATE_WINDOW_MS);
        let (mut sum, mut first, mut last) = (0.0, None, at);
        for (from, to, vehicles) in recent {
            sum += vehicles;
            first.get_or_insert(*from);
            last = *to;
        }
        let span_ms = first.map_or(0, |f: TimeMs| last.since_ms(f));
        if span_ms <= 0 {
            return 0.0;
        }
        #[allow(clippy::cast_precision_loss)] // minutes in milliseconds
        let span_s = span_ms as f64 / 1000.0;
        sum / span_s
    }
}

impl Field {
    /// A field of which nothing is known yet.
    #[must_use]
    pub fn new(network: &Network, signals: &[SignalLayout], settings: &Settings) -> Self {
        let blank = LaneState {
            seen: None,
            entered: VecDeque::new(),
            at: TimeMs(i64::MIN / 2),
            version_ms: 0,
            entered_veh: 0.0,
            left_veh: 0.0,
            leads_to: None,
        };
        let mut lanes = vec![blank; network.lanes().len()];
        let mut lane_by_urn = FxHashMap::default();
        let mut signal_by_urn = FxHashMap::default();
        for (i, s) in signals.iter().enumerate() {
            let number = u32::try_from(i).expect("a network has fewer than 2^32 signals");
            signal_by_urn.insert(s.urn.clone(), number);
            for lane in &s.entering {
                lanes[lane.ix()].leads_to = Some(number);
            }
            for lane in s.entering.iter().chain(&s.leaving) {
                let urn = names::lane_urn(&settings.city, &network.lanes()[lane.ix()].id);
                lane_by_urn.insert(Arc::from(urn.as_str()), *lane);
            }
        }
        Self {
            lanes,
            signals: vec![SignalState::default(); signals.len()],
            lane_by_urn,
            signal_by_urn,
        }
    }

    /// The number of a signal by entity id.
    #[must_use]
    pub fn signal(&self, urn: &str) -> Option<usize> {
        self.signal_by_urn.get(urn).map(|n| *n as usize)
    }

    /// Takes in committed changes; gives the numbers of signals touched, ascending, each once.
    pub fn take_in(
        &mut self,
        changes: &[Change],
        network: &Network,
        settings: &Settings,
    ) -> Vec<usize> {
        let mut touched = Vec::new();
        for change in changes.iter().filter(|c| c.kind != ChangeKind::Deleted) {
            let e = &change.entity;
            if let Some(&lane) = self.lane_by_urn.get(&e.id) {
                if let Some(signal) = self.lane_report(lane, e, change.at, network, settings) {
                    touched.push(signal);
                }
            } else if let Some(&n) = self.signal_by_urn.get(&e.id) {
                self.signal_report(n as usize, e, change.at);
            }
        }
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    fn lane_report(
        &mut self,
        lane: LaneIx,
        entity: &Entity,
        recorded: TimeMs,
        network: &Network,
        settings: &Settings,
    ) -> Option<usize> {
        let (seen, at) = observation(entity)?;
        let state = &mut self.lanes[lane.ix()];
        if at < state.at || at.since_ms(recorded) > AHEAD_MAX_MS {
            return None; // an older report changes nothing that is known now
        }
        let speed_km_h = seen.speed_km_h;
        let vehicles = seen.vehicles;
        let intensity = entity
            .attribute(names::INTENSITY)
            .filter(|a| a.observed_at.is_none_or(|t| t == at))
            .and_then(|a| number_within(a, VEHICLES_MAX));
        if let (Some(entered), Some(before)) = (intensity, &state.seen) {
            state.entered_veh += entered;
            state.left_veh += (before.vehicles + entered - vehicles).max(0.0);
            if state.entered.len() == ENTRIES_MAX {
                state.entered.pop_front();
            }
            state.entered.push_back((state.at, at, entered));
        }
        let gap_ms = at.since_ms(state.at).min(LONGEST_GAP_MS);
        let known_before = state.seen.is_some();
        state.seen = Some(seen);
        state.at = at;
        state.version_ms = entity.modified_at.0;
        let signal = state.leads_to? as usize;
        if known_before {
            let free = free_speed(network, lane, settings);
            let speed = speed_km_h.map_or(free, |v| v / 3.6);
            let lost = vehicles * (1.0 - speed / free).max(0.0);
            #[allow(clippy::cast_precision_loss)] // at most a minute
            let gap_s = gap_ms as f64 / 1000.0;
            self.signals[signal].delay_veh_s += lost * gap_s;
        }
        Some(signal)
    }

    fn signal_report(&mut self, n: usize, entity: &Entity, recorded: TimeMs) {
        let Some(attribute) = entity.attribute(names::CURRENT_PHASE) else {
            return;
        };
        let Some(phase) = number_within(attribute, f64::from(u16::MAX)) else {
            return;
        };
        let at = attribute.observed_at.unwrap_or(entity.modified_at);
        if at.since_ms(recorded) > AHEAD_MAX_MS {
            return;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked above
        let phase = phase as u16;
        let state = &mut self.signals[n];
        // A controller that says for how long its green stands is believed (clearance does not
        // count as green); of another it is known only when the phase was first reported.
        let green_s = entity
            .attribute(names::GREEN_TIME)
            .filter(|a| a.observed_at == attribute.observed_at)
            .and_then(|a| number_within(a, GREEN_MAX_S));
        #[allow(clippy::cast_possible_truncation)] // at most a day
        match green_s {
            Some(s) => state.green_since = TimeMs(at.0 - (s * 1000.0) as i64),
            None if state.phase != Some(phase) => state.green_since = at,
            None => {}
        }
        state.phase = Some(phase);
    }

    /// Whether signal `n` is due: its moment has come and every entering lane has reported it.
    /// Moves its clock on. A moment whose reports are too old is missed, not decided on a gap.
    pub fn take_due(
        &mut self,
        n: usize,
        layout: &SignalLayout,
        settings: &Settings,
    ) -> Option<TimeMs> {
        let newest = layout
            .entering
            .iter()
            .map(|l| self.lanes[l.ix()].at)
            .max()?;
        let oldest = layout
            .entering
            .iter()
            .map(|l| self.lanes[l.ix()].at)
            .min()?;
        let count = i64::try_from(self.signals.len()).unwrap_or(1).max(1);
        let state = &mut self.signals[n];
        let interval_ms = i64::from(settings.decision_interval_s) * 1000;
        let offset_ms = if settings.stagger {
            interval_ms * i64::try_from(n).unwrap_or(0) / count
        } else {
            0
        };
        let due = *state.due.get_or_insert_with(|| {
            TimeMs(
                (newest.0 - offset_ms).div_euclid(interval_ms) * interval_ms
                    + offset_ms
                    + if (newest.0 - offset_ms).rem_euclid(interval_ms) == 0 {
                        0
                    } else {
                        interval_ms
                    },
            )
        });
        if oldest >= due {
            let behind = newest.since_ms(due).div_euclid(interval_ms);
            state.due = Some(TimeMs(due.0 + (behind + 1) * interval_ms));
            state.missed += u64::try_from(behind).unwrap_or(0);
            let at = TimeMs(due.0 + behind * interval_ms);
            state.close(at);
            return Some(at);
        }
        if newest.since_ms(due) > i64::from(settings.max_age_s) * 1000 {
            state.missed += 1;
            state.due = Some(TimeMs(due.0 + interval_ms));
            state.close(due);
        }
        None
    }
}

/// What a lane's entity says, and when it was so. A report with a value outside what its quantity
/// can be, or flagged so at the intake, is no report: the lane stays as old as it was.
fn observation(entity: &Entity) -> Option<(LaneObservation, TimeMs)> {
    let count = entity.attribute(names::VEHICLE_COUNT)?;
    let optional = |name: &str, most: f64| match entity.attribute(name) {
        None => Some(None),
        Some(a) => number_within(a, most).map(Some),
    };
    let seen = LaneObservation {
        vehicles: number_within(count, VEHICLES_MAX)?,
        queue: optional(names::QUEUE_LENGTH, VEHICLES_MAX)?.unwrap_or(0.0),
        speed_km_h: optional(names::AVERAGE_VEHICLE_SPEED, SPEED_MAX_KM_H)?,
        entered: Vec::new(),
    };
    Some((seen, count.observed_at.unwrap_or(entity.modified_at)))
}

/// The number of an attribute, if it is one from 0 to `most` and not flagged as out of its range.
fn number_within(attribute: &Attribute, most: f64) -> Option<f64> {
    if Quality::of(attribute) == Some(Quality::OutOfRange) {
        return None;
    }
    attribute.number().filter(|v| (0.0..=most).contains(v))
}

impl SignalState {
    fn close(&mut self, at: TimeMs) {
        if let Some(since) = self.since {
            self.closed = Some((since, at, self.delay_veh_s));
        }
        self.since = Some(at);
        self.delay_veh_s = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(values: &[(&str, f64)]) -> Entity {
        values.iter().fold(
            Entity::new("urn:x", names::TRAFFIC_SIGNAL.into()),
            |e, (name, v)| {
                let a = Attribute::property(serde_json::json!(v)).observed(TimeMs(100_000));
                e.with((*name).into(), a)
            },
        )
    }

    fn field() -> Field {
        Field {
            lanes: Vec::new(),
            signals: vec![SignalState::default()],
            lane_by_urn: FxHashMap::default(),
            signal_by_urn: FxHashMap::default(),
        }
    }

    #[test]
    fn a_controller_that_tells_its_green_time_is_believed() {
        let mut f = field();
        let e = signal(&[(names::CURRENT_PHASE, 2.0), (names::GREEN_TIME, 12.0)]);
        f.signal_report(0, &e, TimeMs(100_000));
        assert_eq!(f.signals[0].phase, Some(2));
        assert_eq!(f.signals[0].green_since, TimeMs(88_000));
    }

    #[test]
    fn without_it_the_first_report_of_the_phase_counts() {
        let mut f = field();
        f.signal_report(0, &signal(&[(names::CURRENT_PHASE, 2.0)]), TimeMs(100_000));
        assert_eq!(f.signals[0].green_since, TimeMs(100_000));
    }

    #[test]
    fn an_impossible_phase_changes_nothing() {
        let mut f = field();
        for bad in [-1.0, 70_000.0, f64::MAX] {
            f.signal_report(0, &signal(&[(names::CURRENT_PHASE, bad)]), TimeMs(100_000));
        }
        assert_eq!(f.signals[0].phase, None);
        // Nor one from the future.
        f.signal_report(0, &signal(&[(names::CURRENT_PHASE, 1.0)]), TimeMs(0));
        assert_eq!(f.signals[0].phase, None);
    }
}
