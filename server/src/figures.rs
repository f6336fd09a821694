//! The figures of one run, and the KPIs made of them.

use conurb_traffic::metrics::{ApproachMeter, TripMeter};
use conurb_traffic::{DetourTally, HaltTally, Network, ParkReading, ParkingTally, Sim};
use serde::Serialize;

use crate::out::Lang;

/// What one run of the city came to.
#[cfg_attr(not(feature = "signals"), allow(dead_code))] // only the report of a day draws courses and roads
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// KPI values in the order of [`KPIS`].
    pub(crate) kpis: Vec<f64>,
    /// Running vehicles each minute.
    pub(crate) running: Vec<f64>,
    /// Queued vehicles (below 0.1 m/s) each minute.
    pub(crate) queue: Vec<f64>,
    /// Vehicles waiting to enter each minute.
    pub(crate) outside: Vec<f64>,
    /// Per road in the network's order: mean delay of the vehicles that passed, and their number.
    pub(crate) roads: Vec<(Option<f64>, u64)>,
    /// Halts, detours and parking, where there were any.
    pub(crate) on_the_way: Option<OnTheWay>,
}

/// What happened to vehicles on their way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OnTheWay {
    /// Of buses.
    pub(crate) halts: HaltTally,
    /// Around closures.
    pub(crate) detours: DetourTally,
    /// Of those who looked for a place to park.
    pub(crate) parking: ParkingTally,
    /// Car parks at the end.
    pub(crate) car_parks: Vec<ParkReading>,
}

impl OnTheWay {
    fn of(sim: &Sim) -> Option<Self> {
        let all = Self {
            halts: sim.halt_tally(),
            detours: sim.detour_tally(),
            parking: sim.parking_tally(),
            car_parks: sim.parks(),
        };
        let nothing = all.halts == HaltTally::default()
            && all.detours == DetourTally::default()
            && all.car_parks.is_empty();
        (!nothing).then_some(all)
    }

    /// For people, a line each.
    pub(crate) fn lines(&self, lang: Lang) -> Vec<String> {
        let mean = |sum: f64, n: u32| if n == 0 { 0.0 } else { sum / f64::from(n) };
        let mut lines = Vec::new();
        let h = &self.halts;
        if *h != HaltTally::default() {
            let late_s = mean(h.late_s, h.timed);
            lines.push(
                lang.pick(
                    &format!(
                        "停靠 {} 次，未停 {} 次，平均晚点 {late_s:.1} 秒",
                        h.served, h.missed
                    ),
                    &format!(
                        "halts: {} made, {} missed, on average {late_s:.1} s late",
                        h.served, h.missed
                    ),
                )
                .to_owned(),
            );
        }
        let d = &self.detours;
        if *d != DetourTally::default() {
            lines.push(
                lang.pick(
                    &format!("绕行 {} 辆，无路可绕 {} 辆", d.redirected, d.stranded),
                    &format!(
                        "closures: {} sent another way, {} found none and waited",
                        d.redirected, d.stranded
                    ),
                )
                .to_owned(),
            );
        }
        let p = &self.parking;
        if !self.car_parks.is_empty() {
            let (search_s, walk_m) = (mean(p.search_s, p.parked), mean(p.walk_m, p.parked));
            lines.push(lang.pick(
                &format!("找车位 {} 辆：停入 {}，被拒 {} 次，放弃 {}；平均寻找 {search_s:.0} 秒，步行 {walk_m:.0} 米", p.seekers, p.parked, p.turned_away, p.gave_up),
                &format!("parking: {} looked for a place, {} parked, turned away {} times, {} gave up; on average {search_s:.0} s of search, {walk_m:.0} m on foot", p.seekers, p.parked, p.turned_away, p.gave_up),
            ).to_owned());
            for park in &self.car_parks {
                let (id, taken, spots, most) = (&park.id, park.taken, park.spots, park.taken_max);
                lines.push(
                    lang.pick(
                        &format!("  {id}：{taken}/{spots}，最多 {most}"),
                        &format!("  {id}: {taken} of {spots} places taken, {most} at most"),
                    )
                    .to_owned(),
                );
            }
        }
        lines
    }
}

/// A KPI of a run.
pub(crate) struct KpiDef {
    /// Id, unit inside.
    pub(crate) id: &'static str,
    /// Unit, `1` for a ratio.
    pub(crate) unit: &'static str,
    /// Chinese name.
    pub(crate) zh: &'static str,
    /// English name.
    pub(crate) en: &'static str,
}

/// All KPIs, declared ones first; direction and whether it is declared stand in the manifest.
pub(crate) const KPIS: [KpiDef; 7] = [
    KpiDef {
        id: "average_travel_time_s_network",
        unit: "s",
        zh: "平均行程时间（全网）",
        en: "average travel time, network",
    },
    KpiDef {
        id: "average_travel_time_s_approach",
        unit: "s",
        zh: "平均行程时间（进口道）",
        en: "average travel time, approaches",
    },
    KpiDef {
        id: "delay_index",
        unit: "1",
        zh: "延误指数（实际/自由流）",
        en: "delay index (actual / free flow)",
    },
    KpiDef {
        id: "throughput_veh",
        unit: "veh",
        zh: "完成车辆数",
        en: "vehicles that arrived",
    },
    KpiDef {
        id: "stops_per_veh",
        unit: "1/veh",
        zh: "每车停车次数",
        en: "stops per vehicle",
    },
    KpiDef {
        id: "queue_max_veh",
        unit: "veh",
        zh: "单车道最大排队",
        en: "largest queue on one lane",
    },
    KpiDef {
        id: "co2_kg",
        unit: "kg",
        zh: "二氧化碳排放",
        en: "CO2 emitted",
    },
];

/// Watches a run second by second.
pub(crate) struct Meters {
    approach: ApproachMeter,
    trips: TripMeter,
}

impl Meters {
    /// For a run on `network`, before its first step.
    pub(crate) fn new(network: &Network) -> Self {
        Self {
            approach: ApproachMeter::new(network),
            trips: TripMeter::new(network),
        }
    }

    /// After each step.
    pub(crate) fn observe(&mut self, sim: &Sim) {
        self.approach.observe(sim);
        self.trips.observe(sim);
    }

    /// At the end. Without a single finished trip the delay index is not a number.
    pub(crate) fn finish(&self, sim: &Sim) -> Figures {
        let t = self.trips.summary(sim);
        let kpis = vec![
            sim.average_travel_time_network_s(),
            self.approach.average_s(),
            t.delay_index.unwrap_or(f64::NAN),
            f64::from(t.throughput_veh),
            t.stops_per_vehicle,
            f64::from(t.lane_queue_max_veh),
            t.co2_kg,
        ];
        let course = |f: fn(&conurb_traffic::metrics::SeriesPoint) -> u32| {
            t.series.iter().map(|p| f64::from(f(p))).collect()
        };
        Figures {
            kpis,
            running: course(|p| p.running),
            queue: course(|p| p.waiting),
            outside: course(|p| p.waiting_outside),
            roads: t
                .roads
                .iter()
                .map(|r| {
                    (
                        (r.vehicles > 0).then_some(r.mean_delay_s),
                        u64::from(r.vehicles),
                    )
                })
                .collect(),
            on_the_way: OnTheWay::of(sim),
        }
    }
}
