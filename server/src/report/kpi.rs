//! The scorecard's arithmetic: means over seeds, changes, paired intervals, sentences.

use super::model::{Better, Kpi, KpiInterval, SeedKpi, Text};
pub(crate) use crate::stats::{figure, percent, unit_en, unit_zh};
use crate::stats::{mean, mean_interval};

/// What a KPI is, before it has figures.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KpiSpec {
    /// Id with its unit last.
    pub(crate) id: String,
    /// Name for people.
    pub(crate) name: Text,
    /// Unit: `s`, `veh`, `kg`, `1` for a ratio, ...
    pub(crate) unit: String,
    /// Which direction is good.
    pub(crate) better: Better,
    /// Whether being worse than the baseline fails the run.
    pub(crate) declared: bool,
}

/// The level of every interval on the scorecard.
pub(crate) const INTERVAL_LEVEL: f64 = 0.95;

impl Kpi {
    /// One scorecard line from the figures of every seed (one entry per seed, same order).
    ///
    /// With two seeds or more it carries the paired interval of `brain - baseline`; with one it
    /// carries none, because one run cannot show its own spread. `None` without any figure or
    /// when one of them is not finite.
    #[must_use]
    pub(crate) fn over_seeds(spec: KpiSpec, seeds: &[SeedKpi]) -> Option<Self> {
        let finite = |s: &SeedKpi| {
            s.baseline.is_finite() && s.brain.is_finite() && s.webster.is_none_or(f64::is_finite)
        };
        if seeds.is_empty() || !seeds.iter().all(finite) {
            return None;
        }
        let baseline = mean(seeds.iter().map(|s| s.baseline));
        let brain = mean(seeds.iter().map(|s| s.brain));
        let plans: Option<Vec<f64>> = seeds.iter().map(|s| s.webster).collect();
        let webster = plans.map(|p| mean(p.into_iter()));
        let differences: Vec<f64> = seeds.iter().map(|s| s.brain - s.baseline).collect();
        let change_pct = change_pct(baseline, brain);
        let worse_than_baseline = match spec.better {
            Better::Lower => brain > baseline,
            Better::Higher => brain < baseline,
        };
        let says = sentence(&spec, baseline, brain, change_pct);
        Some(Self {
            change_vs_webster_pct: webster.and_then(|w| self::change_pct(w, brain)),
            interval: KpiInterval::paired(&differences),
            id: spec.id,
            name: spec.name,
            unit: spec.unit,
            better: spec.better,
            declared: spec.declared,
            baseline,
            brain,
            webster,
            change_pct,
            worse_than_baseline,
            says,
        })
    }
}

impl KpiInterval {
    /// Student's interval of the mean of paired differences at [`INTERVAL_LEVEL`]; `None` with
    /// fewer than two of them.
    #[must_use]
    pub(crate) fn paired(differences: &[f64]) -> Option<Self> {
        let (low, high) = mean_interval(differences)?;
        Some(Self {
            low,
            high,
            level: INTERVAL_LEVEL,
            n: u32::try_from(differences.len()).unwrap_or(u32::MAX),
            method: "paired t".to_owned(),
            of: "difference brain - baseline".to_owned(),
        })
    }
}

/// `100 * (to - from) / from`; `None` when `from` is 0.
#[must_use]
pub(crate) fn change_pct(from: f64, to: f64) -> Option<f64> {
    let change = 100.0 * (to - from) / from;
    change.is_finite().then_some(change)
}

fn sentence(spec: &KpiSpec, baseline: f64, brain: f64, change: Option<f64>) -> Text {
    let (from, to) = (figure(baseline), figure(brain));
    let (zh_unit, en_unit) = match spec.unit.as_str() {
        "1" => (String::new(), String::new()),
        unit => (format!(" {}", unit_zh(unit)), format!(" {unit}")),
    };
    let (zh, en) = (&spec.name.zh, &spec.name.en);
    if brain == baseline {
        return Text::new(
            format!("{zh}没有变化：{to}{zh_unit}。"),
            format!("{en} did not change: {to}{en_unit}."),
        );
    }
    let change = change.map(percent).unwrap_or_default();
    let (zh_word, en_word) = if brain < baseline {
        ("降至", "fell")
    } else {
        ("升至", "rose")
    };
    let (zh_change, en_change) = if change.is_empty() {
        (String::new(), String::new())
    } else {
        (format!("（{change}）"), format!(" ({change})"))
    };
    Text::new(
        format!("{zh}由 {from}{zh_unit}{zh_word} {to}{zh_unit}{zh_change}。"),
        format!("{en} {en_word} from {from}{en_unit} to {to}{en_unit}{en_change}."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(better: Better) -> KpiSpec {
        KpiSpec {
            id: "average_travel_time_s_network".to_owned(),
            name: Text::new("平均旅行时间", "Average travel time"),
            unit: "s".to_owned(),
            better,
            declared: true,
        }
    }

    fn seed(baseline: f64, brain: f64) -> SeedKpi {
        SeedKpi {
            baseline,
            brain,
            webster: Some(400.0),
        }
    }

    #[test]
    fn one_seed_gives_no_interval() {
        let kpi = Kpi::over_seeds(spec(Better::Lower), &[seed(500.0, 300.0)]).expect("figures");
        assert_eq!(kpi.interval, None);
        assert_eq!(kpi.change_pct, Some(-40.0));
        assert_eq!(kpi.change_vs_webster_pct, Some(-25.0));
        assert!(!kpi.worse_than_baseline);
        assert_eq!(
            kpi.says.en,
            "Average travel time fell from 500 s to 300 s (-40.0 %)."
        );
        assert_eq!(kpi.says.zh, "平均旅行时间由 500 秒降至 300 秒（-40.0 %）。");
    }

    #[test]
    fn the_paired_interval_is_students() {
        // Differences -10, -12, -14: mean -12, s = 2, half width 4.303 * 2 / sqrt(3).
        let seeds = [seed(100.0, 90.0), seed(100.0, 88.0), seed(100.0, 86.0)];
        let kpi = Kpi::over_seeds(spec(Better::Lower), &seeds).expect("figures");
        let interval = kpi.interval.expect("three seeds");
        let half = 4.303 * 2.0 / 3.0_f64.sqrt();
        assert!((interval.low - (-12.0 - half)).abs() < 1e-9);
        assert!((interval.high - (-12.0 + half)).abs() < 1e-9);
        assert_eq!(interval.n, 3);
    }

    #[test]
    fn worse_depends_on_the_direction() {
        let up = [seed(100.0, 120.0)];
        assert!(
            Kpi::over_seeds(spec(Better::Lower), &up)
                .expect("figures")
                .worse_than_baseline
        );
        assert!(
            !Kpi::over_seeds(spec(Better::Higher), &up)
                .expect("figures")
                .worse_than_baseline
        );
    }

    #[test]
    fn figures_that_are_none_make_no_line() {
        assert_eq!(Kpi::over_seeds(spec(Better::Lower), &[]), None);
        assert_eq!(
            Kpi::over_seeds(spec(Better::Lower), &[seed(f64::NAN, 1.0)]),
            None
        );
    }

    #[test]
    fn a_change_from_zero_is_not_a_percentage() {
        assert_eq!(change_pct(0.0, 3.0), None);
    }
}
