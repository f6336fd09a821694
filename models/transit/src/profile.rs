//! Profiles: for one origin and one destination, every journey of the day worth taking, and what
//! follows from them: fastest, mean and percentiles over a window.

use serde::{Deserialize, Serialize};

/// A journey worth taking: ready no later than `ready_s` at the origin (change time and access
/// included), there at `arrive_s` (egress included). Seconds after midnight; `ready_s` may be
/// negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// Latest time to be ready.
    pub ready_s: i32,
    /// Arrival.
    pub arrive_s: i32,
}

impl Pair {
    /// From ready to arrived, s.
    #[must_use]
    pub const fn travel_s(self) -> i32 {
        self.arrive_s - self.ready_s
    }
}

/// Profiles by stop or place, each ascending in both times.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Profiles {
    pub(crate) first: Vec<u32>,
    pub(crate) pairs: Vec<Pair>,
}

impl Profiles {
    /// How many stops or places there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.first.len().saturating_sub(1)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The profile of one stop or place; empty where there is no journey that day.
    #[must_use]
    pub fn of(&self, at: usize) -> &[Pair] {
        &self.pairs[self.first[at] as usize..self.first[at + 1] as usize]
    }

    /// Pairs of all profiles.
    #[must_use]
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }
}

/// The fastest journey of the day, s; `None` where there is none.
#[must_use]
pub fn fastest_s(profile: &[Pair]) -> Option<i32> {
    profile.iter().map(|p| p.travel_s()).min()
}

/// Earliest arrival when ready at a time, s.
#[must_use]
pub fn arrive_s(profile: &[Pair], ready_s: i32) -> Option<i32> {
    let at = profile.partition_point(|p| p.ready_s < ready_s);
    profile.get(at).map(|p| p.arrive_s)
}

/// Latest time to be ready for being there at a time, s.
#[must_use]
pub fn ready_s(profile: &[Pair], arrive_s: i32) -> Option<i32> {
    let after = profile.partition_point(|p| p.arrive_s <= arrive_s);
    Some(profile.get(after.checked_sub(1)?)?.ready_s)
}

/// A window of times to be ready, s after midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Its begin.
    pub from_s: i32,
    /// Its end.
    pub to_s: i32,
}

impl Window {
    /// 07:00 to 19:00.
    pub const DAY: Self = Self {
        from_s: 7 * 3600,
        to_s: 19 * 3600,
    };
}

/// A piece of the travel time over the window: it falls evenly from `high_s` to `high_s - span_s`
/// while the time to be ready goes on by `span_s`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Piece {
    span_s: f64,
    low_s: f64,
}

/// Travel time over a window of times to be ready.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowStats {
    /// Journeys worth taking that leave within the window.
    pub journeys: usize,
    /// Part of the window after which a journey still leaves, s: the mean is over this part.
    pub covered_s: i32,
    /// Mean travel time, min.
    pub mean_min: f64,
    #[serde(skip)]
    pieces: Vec<Piece>,
}

impl WindowStats {
    /// Over a window; `None` where no journey leaves after its begin.
    #[must_use]
    pub fn new(profile: &[Pair], window: Window) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut before = window.from_s;
        let mut sum = 0.0;
        let mut journeys = 0;
        for pair in profile {
            if pair.ready_s <= window.from_s || before >= window.to_s {
                continue;
            }
            journeys += usize::from(pair.ready_s <= window.to_s);
            let end = pair.ready_s.min(window.to_s);
            let span_s = f64::from(end - before);
            let (high, low) = (
                f64::from(pair.arrive_s - before),
                f64::from(pair.arrive_s - end),
            );
            sum += span_s * (high + low) / 2.0;
            pieces.push(Piece { span_s, low_s: low });
            before = end;
        }
        let covered_s = before - window.from_s;
        (covered_s > 0).then(|| Self {
            journeys,
            covered_s,
            mean_min: sum / f64::from(covered_s) / 60.0,
            pieces,
        })
    }

    /// The travel time that the share `q` (0 to 1) of the covered times does not exceed, min.
    #[must_use]
    pub fn percentile_min(&self, q: f64) -> f64 {
        let wanted = q.clamp(0.0, 1.0) * f64::from(self.covered_s);
        // The share below a time is linear between the ends of pieces; its slope is how many
        // pieces are under way. All are whole seconds, so sums are exact.
        let mut ends: Vec<(f64, f64)> = self
            .pieces
            .iter()
            .flat_map(|p| [(p.low_s, 1.0), (p.low_s + p.span_s, -1.0)])
            .collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut from, mut slope, mut share) = (ends[0].0, 0.0, 0.0);
        for (to, change) in ends {
            let next = share + slope * (to - from);
            if slope > 0.0 && to > from && next >= wanted {
                return (from + (wanted - share) / slope) / 60.0;
            }
            share = next;
            from = to;
            slope += change;
        }
        from / 60.0
    }
}
