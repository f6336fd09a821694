//! From the figures of the runs to the report.

use std::collections::BTreeMap;

use conurb_scenario::{Better, Manifest};
use conurb_traffic::Network;

use crate::figures::{Figures, KPIS};
use crate::report::kpi::KpiSpec;
use crate::report::model::{
    Better as ReportBetter, Bounds, Kpi, MapJunction, MapRoad, NetworkMap, SeedKpi, SeedRow,
    Series, SignalRow, Text,
};

/// The runs of one seed.
pub(crate) struct SeedRuns {
    /// Seed.
    pub(crate) seed: u64,
    /// Under the baseline.
    pub(crate) baseline: Figures,
    /// Under the brain.
    pub(crate) brain: Figures,
    /// Under the strongest fixed plan.
    pub(crate) webster: Option<Figures>,
}

/// The scorecard: one line a KPI, means over the seeds.
pub(crate) fn kpis(runs: &[SeedRuns], manifest: &Manifest) -> Vec<Kpi> {
    KPIS.iter()
        .enumerate()
        .filter_map(|(i, def)| {
            let blank = manifest.kpi.iter().find(|k| k.id == def.id)?;
            let spec = KpiSpec {
                id: def.id.to_owned(),
                name: Text::new(def.zh, def.en),
                unit: blank.unit.clone(),
                better: match blank.better {
                    Better::Lower => ReportBetter::Lower,
                    Better::Higher => ReportBetter::Higher,
                },
                declared: blank.declared,
            };
            let seeds: Vec<SeedKpi> = runs.iter().map(|r| seed_kpi(r, i)).collect();
            Kpi::over_seeds(spec, &seeds)
        })
        .collect()
}

fn seed_kpi(run: &SeedRuns, i: usize) -> SeedKpi {
    SeedKpi {
        baseline: run.baseline.kpis[i],
        brain: run.brain.kpis[i],
        webster: run.webster.as_ref().map(|w| w.kpis[i]),
    }
}

/// One row a seed.
pub(crate) fn seed_rows(runs: &[SeedRuns]) -> Vec<SeedRow> {
    runs.iter()
        .map(|r| {
            let kpis: BTreeMap<String, SeedKpi> = KPIS
                .iter()
                .enumerate()
                .filter(|(i, _)| {
                    seed_kpi(r, *i).baseline.is_finite() && seed_kpi(r, *i).brain.is_finite()
                })
                .map(|(i, def)| (def.id.to_owned(), seed_kpi(r, i)))
                .collect();
            SeedRow { seed: r.seed, kpis }
        })
        .collect()
}

/// The courses over the run, of one seed.
pub(crate) fn series(run: &SeedRuns) -> Vec<Series> {
    let course = |id: &str, zh: &str, en: &str, f: fn(&Figures) -> &Vec<f64>| Series {
        id: id.to_owned(),
        name: Text::new(zh, en),
        unit: "veh".to_owned(),
        step_s: 60.0,
        baseline: f(&run.baseline).clone(),
        brain: f(&run.brain).clone(),
        webster: run
            .webster
            .as_ref()
            .map(|w| f(w).clone())
            .unwrap_or_default(),
    };
    vec![
        course("running_veh", "在途车辆", "vehicles on the road", |f| {
            &f.running
        }),
        course("queue_veh", "排队车辆", "vehicles queued", |f| &f.queue),
        course(
            "outside_veh",
            "网外等待车辆",
            "vehicles waiting to enter",
            |f| &f.outside,
        ),
    ]
}

/// The network as drawn, with the delay on each road.
pub(crate) fn map(network: &Network, run: &SeedRuns, signals: &[SignalRow]) -> NetworkMap {
    let mut bounds = Bounds {
        min_x: f64::MAX,
        min_y: f64::MAX,
        max_x: f64::MIN,
        max_y: f64::MIN,
    };
    let roads = network
        .roads()
        .iter()
        .enumerate()
        .map(|(i, road)| {
            for [x, y] in &road.points {
                bounds.min_x = bounds.min_x.min(*x);
                bounds.min_y = bounds.min_y.min(*y);
                bounds.max_x = bounds.max_x.max(*x);
                bounds.max_y = bounds.max_y.max(*y);
            }
            let length_m = road
                .points
                .windows(2)
                .map(|p| (p[1][0] - p[0][0]).hypot(p[1][1] - p[0][1]))
                .sum();
            MapRoad {
                id: road.id.clone(),
                points: road.points.clone(),
                lanes: u32::try_from(road.lanes.len()).unwrap_or(u32::MAX),
                length_m,
                delay_baseline_s_per_veh: run.baseline.roads[i].0,
                delay_brain_s_per_veh: run.brain.roads[i].0,
                vehicles_baseline: run.baseline.roads[i].1,
                vehicles: run.brain.roads[i].1,
            }
        })
        .collect();
    let by_id: BTreeMap<&str, &SignalRow> = signals.iter().map(|s| (s.id.as_str(), s)).collect();
    let junctions = network
        .junctions()
        .iter()
        .filter(|j| !j.is_virtual)
        .map(|j| {
            let row = by_id.get(j.id.as_str());
            MapJunction {
                id: j.id.clone(),
                x: j.point[0],
                y: j.point[1],
                signalised: j.phases.len() > 1,
                decisions: row.map_or(0, |r| r.decisions),
                phases_changed: row.map_or(0, |r| r.changed),
            }
        })
        .collect();
    if network.roads().is_empty() {
        bounds = Bounds::default();
    }
    NetworkMap {
        projection: "local metres".to_owned(),
        bounds,
        roads,
        junctions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_have_the_units_the_manifest_declares() {
        let manifest = Manifest::from_toml(conurb_signals::MANIFEST, "scenario.toml").unwrap();
        for def in &KPIS {
            let blank = manifest.kpi.iter().find(|k| k.id == def.id);
            assert_eq!(blank.map(|b| b.unit.as_str()), Some(def.unit), "{}", def.id);
        }
    }
}
