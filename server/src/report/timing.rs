//! `timing.json`: everything about a run that a wall clock says, kept out of `report.json`.

use serde::{Deserialize, Serialize};

/// Wall-clock figures of one run; differs from run to run by nature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Timing {
    /// Version of this shape, `major.minor`.
    pub(crate) schema_version: String,
    /// When the run began, ISO 8601 with offset.
    pub(crate) started_at: String,
    /// Wall time of the whole run, seconds.
    pub(crate) total_s: f64,
    /// Where the time went, in the order it was spent.
    pub(crate) phases: Vec<PhaseTiming>,
    /// From the newest input of a decision to its command, on the wall clock; null: not measured.
    pub(crate) decision_latency: Option<Latency>,
    /// Events that went through the intake.
    pub(crate) events: u64,
    /// Events per wall second while the loop ran.
    pub(crate) events_per_s: f64,
    /// Simulated seconds per wall second while the loop ran.
    pub(crate) real_time_factor: f64,
    /// The machine it ran on.
    pub(crate) machine: Machine,
}

/// One part of the run, e.g. `read network`, `baseline`, `brain`, `report`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PhaseTiming {
    /// Its name.
    pub(crate) name: String,
    /// Wall time, seconds.
    pub(crate) wall_s: f64,
}

/// A distribution of latencies, milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    /// How many were measured.
    pub(crate) n: u64,
    /// Median.
    pub(crate) p50_ms: f64,
    /// 99th percentile.
    pub(crate) p99_ms: f64,
    /// The longest.
    pub(crate) max_ms: f64,
}

/// What the figures were measured on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Processor's own name, or `unknown`.
    pub(crate) cpu: String,
    /// Logical cores available to the process.
    pub(crate) cores: u32,
    /// Operating system and architecture, e.g. `linux x86_64`.
    pub(crate) os: String,
    /// `release` or `debug`.
    pub(crate) build: String,
}

/// The version of `timing.json` this build writes.
pub(crate) const TIMING_SCHEMA_VERSION: &str = "1.0";

impl Latency {
    /// Percentiles (nearest rank) of latencies in milliseconds; `None` when there are none.
    #[must_use]
    pub(crate) fn of(mut samples_ms: Vec<f64>) -> Option<Self> {
        samples_ms.retain(|v| v.is_finite());
        samples_ms.sort_by(f64::total_cmp);
        let max_ms = *samples_ms.last()?;
        let rank = |p: f64| {
            let at = (p * samples_ms.len() as f64).ceil() as usize;
            samples_ms[at.clamp(1, samples_ms.len()) - 1]
        };
        Some(Self {
            n: samples_ms.len() as u64,
            p50_ms: rank(0.5),
            p99_ms: rank(0.99),
            max_ms,
        })
    }
}

impl Machine {
    /// This machine.
    #[must_use]
    pub(crate) fn here() -> Self {
        let cpu = std::fs::read_to_string("/proc/cpuinfo")
            .ok()
            .and_then(|text| {
                let line = text.lines().find(|l| l.starts_with("model name"))?;
                Some(line.split_once(':')?.1.trim().to_owned())
            });
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            cpu: cpu.unwrap_or_else(|| "unknown".to_owned()),
            cores: u32::try_from(cores).unwrap_or(u32::MAX),
            os: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            build: if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            }
            .to_owned(),
        }
    }
}
