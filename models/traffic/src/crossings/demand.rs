//! How many want to cross, and when they come.

use conurb_base::nearest;

use super::Crossing;
use crate::assignment::table::Table;
use crate::error::TrafficError;
use crate::rng::Mt19937;

const COLUMNS: &[&str] = &["crossing", "ped_h", "bike_h"];
/// Most of a kind at one crossing, an hour.
const RATE_MAX_H: f64 = 20_000.0;

/// Pedestrians and cyclists an hour, by crossing.
#[derive(Debug, Clone, PartialEq)]
pub struct WalkDemand {
    pub(super) ped_h: Vec<f64>,
    pub(super) bike_h: Vec<f64>,
}

impl WalkDemand {
    /// The same at every crossing, an hour.
    ///
    /// # Errors
    /// Rates that are negative, no number or above 20,000 an hour.
    pub fn uniform(count: usize, ped_h: f64, bike_h: f64) -> Result<Self, TrafficError> {
        for (what, value) in [("pedestrians", ped_h), ("bikes", bike_h)] {
            if !(0.0..=RATE_MAX_H).contains(&value) {
                let message = format!("{value} an hour is not between 0 and {RATE_MAX_H}");
                return Err(TrafficError::Option { what, message });
            }
        }
        Ok(Self {
            ped_h: vec![ped_h; count],
            bike_h: vec![bike_h; count],
        })
    }

    /// Whether nobody comes anywhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ped_h
            .iter()
            .chain(&self.bike_h)
            .all(|rate| *rate == 0.0)
    }

    /// Reads a table with columns `crossing,ped_h` and perhaps `bike_h`; crossings that are not in it
    /// have nobody.
    ///
    /// # Errors
    /// Where a row cannot be used; it is named.
    pub fn from_csv(bytes: &[u8], file: &str, all: &[Crossing]) -> Result<Self, TrafficError> {
        let mut table = Table::open(bytes, file, COLUMNS, 2)?;
        let mut demand = Self::uniform(all.len(), 0.0, 0.0)?;
        let mut seen = vec![false; all.len()];
        while table.next()? {
            let id = table.text(0)?;
            let Some(k) = all.iter().position(|c| c.id == id) else {
                let near = nearest(id, all.iter().map(|c| c.id.as_str()));
                let hint = near.map(|n| format!("; did you mean \"{n}\"?"));
                return Err(TrafficError::UnknownId {
                    at: table.at("crossing"),
                    what: "crossing",
                    id: id.to_owned(),
                    hint: format!(" at a signal{}", hint.unwrap_or_default()),
                });
            };
            if std::mem::replace(&mut seen[k], true) {
                let message = format!("the crossing \"{id}\" has a row already");
                let remedy = "Keep one row of each crossing.";
                return Err(table.refuse("crossing", message, remedy));
            }
            demand.ped_h[k] = table.number(1, RATE_MAX_H)?;
            if table.maybe(2)?.is_some() {
                demand.bike_h[k] = table.number(2, RATE_MAX_H)?;
            }
        }
        Ok(demand)
    }
}

/// A Poisson stream of people.
#[derive(Debug, Clone)]
pub(super) struct Arrivals {
    rng: Mt19937,
    per_s: f64,
    next_s: f64,
}

impl Arrivals {
    /// Streams of one seed with different numbers are drawn apart.
    pub(super) fn new(per_h: f64, seed: u32, number: u32) -> Self {
        let apart = number.wrapping_add(1).wrapping_mul(0x9e37_79b9);
        let mut stream = Self {
            rng: Mt19937::new(seed ^ apart),
            per_s: per_h / 3600.0,
            next_s: 0.0,
        };
        stream.draw();
        stream
    }

    fn draw(&mut self) {
        // In (0, 1): never the logarithm of 0.
        let uniform = (f64::from(self.rng.draw()) + 0.5) / 4_294_967_296.0;
        self.next_s += if self.per_s > 0.0 {
            -uniform.ln() / self.per_s
        } else {
            f64::INFINITY
        };
    }

    /// The next who has come before a moment.
    pub(super) fn before(&mut self, time_s: f64) -> Option<f64> {
        let at_s = self.next_s;
        (at_s < time_s).then(|| {
            self.draw();
            at_s
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_have_their_rate_and_are_drawn_apart() {
        let times = |seed, number| {
            let mut stream = Arrivals::new(360.0, seed, number);
            std::iter::from_fn(move || stream.before(36_000.0)).collect::<Vec<f64>>()
        };
        let (a, b) = (times(1, 0), times(1, 1));
        // 3,600 expected with a standard deviation of 60.
        assert!(a.len().abs_diff(3_600) < 250, "{}", a.len());
        assert!(a.is_sorted() && a != b && a != times(2, 0));
        assert_eq!(a, times(1, 0));
        assert_eq!(Arrivals::new(0.0, 1, 0).before(1e9), None);
    }
}
