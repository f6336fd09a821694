//! Synthetic cities: a believable road network and a day's demand of any size, from a seed.
//!
//! The city is an arterial grid with minor streets, one-way pairs, unequal blocks and a river with
//! few bridges, and is written in the same two files as a real one (CityFlow road network and flow
//! JSON). Every number that is a choice of ours is a named constant; `docs/traffic/city.md` lists
//! them with their sources. Equal options give equal bytes.
//!
//! **Invariant** A generated file says so: the network carries a top-level member `synthetic`, the
//! demand (an array, which has no room for one) is accompanied by the manifest `city.json`.

mod demand;
pub mod grid;
mod junction;
mod layout;
mod routes;
mod write;

use std::io::Write;

use conurb_base::Coded;
use serde_json::json;

use demand::Demand;
use layout::Layout;
pub(crate) use layout::unit;

/// The generator's name in every file it writes.
pub const GENERATOR: &str = "conurb-citygen";
/// The generator's version: another version may give another city for the same options.
pub const VERSION: u32 = 1;
/// The smallest and the largest number of signals.
pub const SIGNALS: std::ops::RangeInclusive<u32> = 4..=10_000;
/// The longest and the shortest span of demand, seconds.
pub const SPAN_S: std::ops::RangeInclusive<u32> = 60..=86_400;
/// The most vehicles one demand file may hold.
pub const MAX_VEHICLES: u64 = 5_000_000;

/// What to generate.
#[derive(Debug, Clone, PartialEq)]
pub struct CityOptions {
    /// Signalised junctions, exactly this many; see [`SIGNALS`].
    pub signals: u32,
    /// The seed of every draw.
    pub seed: u64,
    /// Length of the demand, seconds; see [`SPAN_S`].
    pub span_s: u32,
    /// Time of day at which the demand starts, seconds after midnight, below 86,400.
    pub start_of_day_s: u32,
    /// Degree of saturation of the busiest junctions at the height of the day's peak, 0.05 to 1.5.
    /// 0.85 is a busy city that a decent plan keeps moving.
    pub load: f64,
    /// Hour of the morning peak, 0 to 24.
    pub morning_peak_h: f64,
    /// Hour of the evening peak, 0 to 24.
    pub evening_peak_h: f64,
}

impl Default for CityOptions {
    /// 64 signals, the hour around the morning peak, load 0.85.
    fn default() -> Self {
        Self {
            signals: 64,
            seed: 1,
            span_s: 3600,
            start_of_day_s: 27_000,
            load: 0.85,
            morning_peak_h: 8.0,
            evening_peak_h: 18.0,
        }
    }
}

impl CityOptions {
    /// Refuses what no city can be made of.
    pub fn check(&self) -> Result<(), CityError> {
        if !SIGNALS.contains(&self.signals) {
            return Err(CityError::Signals(self.signals));
        }
        if !SPAN_S.contains(&self.span_s) || self.start_of_day_s >= 86_400 {
            return Err(CityError::Span {
                span_s: self.span_s,
                start_of_day_s: self.start_of_day_s,
            });
        }
        let hour = 0.0..=24.0;
        if !(0.05..=1.5).contains(&self.load) {
            return Err(CityError::Value {
                name: "load",
                value: self.load,
                range: "0.05 to 1.5",
            });
        }
        for (name, value) in [
            ("morning_peak_h", self.morning_peak_h),
            ("evening_peak_h", self.evening_peak_h),
        ] {
            if !hour.contains(&value) {
                return Err(CityError::Value {
                    name,
                    value,
                    range: "0 to 24",
                });
            }
        }
        Ok(())
    }
}

/// Why no city was generated.
#[derive(Debug, thiserror::Error)]
pub enum CityError {
    /// The number of signals is out of range.
    #[error("a city of {0} signals: 4 to 10,000 are possible")]
    Signals(u32),
    /// The span or its start is out of range.
    #[error(
        "a span of {span_s} s from second {start_of_day_s} of the day: 60 to 86,400 s starting below 86,400 are possible"
    )]
    Span {
        /// The span asked for, seconds.
        span_s: u32,
        /// The start asked for, seconds after midnight.
        start_of_day_s: u32,
    },
    /// Another option is out of range or not a number.
    #[error("{name} is {value}: {range} is possible")]
    Value {
        /// The option.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What is possible.
        range: &'static str,
    },
    /// The demand would hold too many vehicles.
    #[error("the demand would hold {vehicles} vehicles: 5,000,000 are possible")]
    TooManyVehicles {
        /// How many it would hold.
        vehicles: u64,
    },
    /// The files could not be written.
    #[error("the city could not be written: {0}")]
    Write(#[from] std::io::Error),
}

impl Coded for CityError {
    fn code(&self) -> &'static str {
        match self {
            Self::Signals(_) => "CNB-GEN-0001",
            Self::Span { .. } => "CNB-GEN-0002",
            Self::Value { .. } => "CNB-GEN-0003",
            Self::TooManyVehicles { .. } => "CNB-GEN-0004",
            Self::Write(_) => "CNB-GEN-0005",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Write(_) => 500,
            _ => 400,
        }
    }

    fn title(&self) -> &'static str {
        "No city generated"
    }

    fn remedy(&self) -> Option<String> {
        Some(
            match self {
                Self::Signals(_) => "ask for 4 to 10,000 signals",
                Self::Span { .. } => "ask for 60 to 86,400 s that start within the day",
                Self::Value { .. } => "keep the option in its range",
                Self::TooManyVehicles { .. } => "shorten the span, lower the load or the signals",
                Self::Write(_) => "check the space and the rights of the target folder",
            }
            .to_owned(),
        )
    }
}

/// A city worked out but not yet written: compact (8 bytes a vehicle), for writing as a stream.
#[derive(Debug)]
pub struct CityPlan {
    options: CityOptions,
    layout: Layout,
    demand: Demand,
}

impl CityPlan {
    /// Lays out streets and river, assigns the trips and scales them to the load.
    pub fn new(options: &CityOptions) -> Result<Self, CityError> {
        options.check()?;
        let layout = Layout::new(options.signals as usize, options.seed);
        let demand = Demand::new(options, &layout)?;
        Ok(Self {
            options: options.clone(),
            layout,
            demand,
        })
    }

    /// Vehicles in the demand.
    #[must_use]
    pub fn vehicles(&self) -> usize {
        self.demand.trips.len()
    }

    /// Writes the road network (CityFlow JSON).
    pub fn write_network(&self, out: &mut impl Write) -> Result<(), CityError> {
        write::network(&self.layout, &self.options, out).map_err(CityError::Write)
    }

    /// Writes the demand (CityFlow JSON), one vehicle an entry, in order of time.
    pub fn write_demand(&self, out: &mut impl Write) -> Result<(), CityError> {
        write::demand(&self.layout, &self.demand, out).map_err(CityError::Write)
    }

    /// The companion `city.json`: what the files are, made with what, and what they hold.
    #[must_use]
    pub fn manifest(&self) -> serde_json::Value {
        let o = &self.options;
        let l = &self.layout;
        let count = |f: &dyn Fn(&layout::Road) -> bool| l.roads.iter().filter(|r| f(r)).count();
        let one_way = |s: &[layout::Street]| s.iter().filter(|s| s.forward.is_some()).count();
        json!({
            "synthetic": true,
            "generator": GENERATOR,
            "version": VERSION,
            "options": {
                "signals": o.signals, "seed": o.seed, "span_s": o.span_s,
                "start_of_day_s": o.start_of_day_s, "load": o.load,
                "morning_peak_h": o.morning_peak_h, "evening_peak_h": o.evening_peak_h,
            },
            "network": {
                "signals": l.nodes.iter().filter(|n| !n.border).count(),
                "border_nodes": l.nodes.iter().filter(|n| n.border).count(),
                "roads": l.roads.len(),
                "bridges": l.bridges.len(),
                "bridge_roads": count(&|r| r.bridge),
                "one_way_streets": one_way(&l.columns) + one_way(&l.rows),
                "river": { "width_m": l.river_width_m, "line_m": l.river },
            },
            "demand": {
                "vehicles": self.demand.trips.len(),
                "routes": self.demand.routes.len(),
                "peak_veh_h": self.demand.peak_veh_h.round(),
                "saturation_at_peak": {
                    "busiest": round3(self.demand.saturation.last().copied().unwrap_or(0.0)),
                    "median": round3(self.demand.saturation.get(self.demand.saturation.len() / 2).copied().unwrap_or(0.0)),
                },
            },
        })
    }
}

fn round3(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

/// A generated city as three files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct City {
    /// The road network, CityFlow JSON with the extra member `synthetic`.
    pub network_json: Vec<u8>,
    /// The demand, CityFlow JSON.
    pub demand_json: Vec<u8>,
    /// The companion `city.json` that marks both as synthetic.
    pub manifest_json: Vec<u8>,
}

impl City {
    /// Generates a city in memory. For large ones write [`CityPlan`] as a stream instead.
    pub fn generate(options: &CityOptions) -> Result<Self, CityError> {
        let plan = CityPlan::new(options)?;
        let mut network_json = Vec::new();
        plan.write_network(&mut network_json)?;
        let mut demand_json = Vec::new();
        plan.write_demand(&mut demand_json)?;
        let mut manifest_json =
            serde_json::to_vec_pretty(&plan.manifest()).map_err(|e| CityError::Write(e.into()))?;
        manifest_json.push(b'\n');
        Ok(Self {
            network_json,
            demand_json,
            manifest_json,
        })
    }
}

#[cfg(test)]
mod tests;
