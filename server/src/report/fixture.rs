//! A plausible, invented report of a 4 x 4 grid for the tests of this module; never shipped.

use std::collections::BTreeMap;

use super::kpi::KpiSpec;
use super::model::{
    Better, Bounds, DecisionCounts, InformationLevel, Input, Kpi, LedgerRef, MapJunction, MapRoad,
    NetworkMap, PlanRef, Policy, PredictionQuality, Product, REPORT_SCHEMA_VERSION, Report,
    RunMode, SampleDecision, SampleOption, SeedKpi, SeedRow, Series, SignalRow, Text,
};

/// Columns and rows of the grid, without its border.
const GRID: i32 = 4;
/// Distance of junctions, metres.
const BLOCK_M: f64 = 600.0;

/// A number in `0..1` that depends on `key` alone.
fn noise(key: u64) -> f64 {
    let mut x = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A report with five seeds.
pub(crate) fn report() -> Report {
    let seeds: Vec<u64> = (1..=5).collect();
    let seeds_table: Vec<SeedRow> = seeds.iter().map(|s| seed_row(*s)).collect();
    build(seeds, seeds_table)
}

/// The same with one seed: no interval anywhere.
pub(crate) fn one_seed() -> Report {
    build(vec![1], vec![seed_row(1)])
}

fn specs() -> Vec<(KpiSpec, [f64; 3])> {
    let spec = |id: &str, zh: &str, en: &str, unit: &str, better, declared| KpiSpec {
        id: id.to_owned(),
        name: Text::new(zh, en),
        unit: unit.to_owned(),
        better,
        declared,
    };
    let (low, high) = (Better::Lower, Better::Higher);
    vec![
        (
            spec(
                "average_travel_time_s_network",
                "平均旅行时间（全网）",
                "Average travel time (network)",
                "s",
                low,
                true,
            ),
            [567.2, 331.4, 402.8],
        ),
        (
            spec(
                "average_travel_time_s_approach",
                "平均旅行时间（进口道）",
                "Average travel time (approach)",
                "s",
                low,
                true,
            ),
            [497.9, 285.1, 351.9],
        ),
        (
            spec("delay_index", "延误指数", "Delay index", "1", low, true),
            [2.71, 1.58, 1.93],
        ),
        (
            spec("throughput_veh", "通过量", "Throughput", "veh", high, true),
            [2614.0, 2861.0, 2790.0],
        ),
        (
            spec(
                "stops_per_veh",
                "每车停车次数",
                "Stops per vehicle",
                "1",
                low,
                false,
            ),
            [5.62, 3.11, 3.94],
        ),
        (
            spec("co2_kg", "二氧化碳排放", "CO2 emitted", "kg", low, false),
            [3410.0, 2705.0, 2930.0],
        ),
        (
            spec(
                "max_queue_veh",
                "最长排队",
                "Longest queue",
                "veh",
                low,
                false,
            ),
            [41.0, 43.0, 38.0],
        ),
    ]
}

fn seed_row(seed: u64) -> SeedRow {
    let kpis: BTreeMap<String, SeedKpi> = specs()
        .into_iter()
        .enumerate()
        .map(|(k, (spec, [baseline, brain, webster]))| {
            let shake = |j: u64| 1.0 + 0.02 * (noise(seed * 100 + k as u64 * 10 + j) - 0.5);
            let round = |v: f64| if spec.unit == "veh" { v.round() } else { v };
            let figures = SeedKpi {
                baseline: round(baseline * shake(0)),
                brain: round(brain * shake(1)),
                webster: Some(round(webster * shake(2))),
            };
            (spec.id, figures)
        })
        .collect();
    SeedRow { seed, kpis }
}

fn build(seeds: Vec<u64>, seeds_table: Vec<SeedRow>) -> Report {
    let kpis = specs()
        .into_iter()
        .filter_map(|(spec, _)| {
            let rows: Vec<SeedKpi> = seeds_table
                .iter()
                .map(|r| r.kpis[&spec.id].clone())
                .collect();
            Kpi::over_seeds(spec, &rows)
        })
        .collect();
    let map = map();
    let signals = signals(&map);
    let total: u64 = signals.iter().map(|s| s.decisions).sum();
    Report {
        schema_version: REPORT_SCHEMA_VERSION.to_owned(),
        product: Product {
            name: "conurb".to_owned(),
            version: "0.1.0".to_owned(),
        },
        seed: seeds[0],
        command: format!(
            "conurb day --network roadnet.json --demand flow.json --span 3600 --seed 1 --seeds {} --mode auto --baseline fixed --out out",
            seeds.len()
        ),
        seeds,
        span_s: 3600,
        start: "2026-03-02T07:00:00+08:00".to_owned(),
        synthetic: true,
        synthetic_note: Some(Text::new(
            "测试样例：所有数字均为虚构。",
            "Test fixture: every figure here is invented.",
        )),
        city: Text::new("四乘四样例城", "Fixture city 4 x 4"),
        inputs: inputs(),
        mode: RunMode::Auto,
        information_level: information_level(),
        baseline: PlanRef {
            kind: "fixed".to_owned(),
            says: Text::new(
                "定时方案：四个相位依次放行，每次绿灯 25 秒，黄灯 5 秒。",
                "Fixed time: four phases in order, 25 s of green each, 5 s of yellow.",
            ),
        },
        webster: Some(PlanRef {
            kind: "webster".to_owned(),
            says: Text::new(
                "韦伯斯特方案：由需求算出各路口的周期与绿信比。",
                "Webster: cycle and splits of every junction computed from the demand.",
            ),
        }),
        policy: policy(),
        kpis,
        decisions: DecisionCounts {
            auto: total - 6,
            overturned: 2,
            total,
            watchdog: 4,
            rejected: 6,
            ..Default::default()
        },
        series: series(),
        sample_decisions: samples(&map),
        map,
        signals,
        prediction: Some(PredictionQuality {
            kpi: "delay_veh_s".to_owned(),
            unit: "veh s".to_owned(),
            n: 3_820,
            mean_error: -3.4,
            mean_abs_error: 18.7,
            coverage: Some(0.873),
            coverage_level: Some(0.9),
        }),
        seeds_table,
        ledger: Some(LedgerRef {
            entries: total * 3,
            head_hash: "9f2c4a8e13bd5570c6a1e7f02b9d48835c1e6f7a90b2d4c3e8f1a5b67c9d0e12"
                .to_owned(),
            file: "ledger.jsonl".to_owned(),
        }),
        limits: vec![
            Text::new(
                "城市由孪生仿真扮演：真实街道上的效果没有测量。",
                "The twin plays the city: the effect on a real street was not measured.",
            ),
            Text::new(
                "没有行人、公交和停车。",
                "No pedestrians, no transit, no parking.",
            ),
        ],
    }
}

fn information_level() -> InformationLevel {
    InformationLevel {
        code: "LD".to_owned(),
        says: Text::new(
            "只用检测器：停车线与上游线圈的流量、占有率和平均速度，每秒一次；看不到车辆的路线，也不知道将要到来的车辆。",
            "Detectors only: counts, occupancy and mean speed of stop-line and upstream loops, once a second; no vehicle's route and no future arrival is known.",
        ),
    }
}

fn policy() -> Policy {
    Policy {
        name: "signals.local-twin".to_owned(),
        version: "1".to_owned(),
        says: Text::new(
            "每 15 秒在每个路口试算每个允许的相位，选预计延误最小的。",
            "Every 15 s, at every signal, each admissible phase is tried in the twin; the one with the least predicted delay is chosen.",
        ),
        parameters: BTreeMap::from([
            ("decision_interval_s".to_owned(), 15.into()),
            ("horizon_s".to_owned(), 60.into()),
            ("yellow_s".to_owned(), 5.into()),
        ]),
    }
}

fn inputs() -> Vec<Input> {
    let input = |role: &str, file: &str, bytes, notes: &[&str]| Input {
        role: role.to_owned(),
        file: file.to_owned(),
        sha256: format!("{:064x}", u128::from(bytes) * 0x1234_5678_9abc_def1),
        bytes,
        notes: notes.iter().map(|n| (*n).to_owned()).collect(),
    };
    vec![
        input(
            "network",
            "roadnet.json",
            482_113_u64,
            &["80 roads, 240 lanes, 16 signals"],
        ),
        input(
            "demand",
            "flow.json",
            1_204_877,
            &[
                "2,983 vehicles",
                "unknown member `purpose` kept (2,983 times)",
            ],
        ),
    ]
}

fn series() -> Vec<Series> {
    let course = |peak: f64, shape: f64, key: u64| -> Vec<f64> {
        (0..=120)
            .map(|i| {
                let t = f64::from(i) / 120.0;
                let rise = 1.0 - (-t * shape).exp();
                (peak * rise * (1.0 + 0.05 * (noise(key + i as u64) - 0.5))).round()
            })
            .collect()
    };
    let total = |rate: f64, lag: f64| -> Vec<f64> {
        (0..=120)
            .map(|i| (rate * (f64::from(i) * 30.0 - lag).max(0.0)).round())
            .collect()
    };
    let row = |id: &str, zh: &str, en: &str, b, c, w| Series {
        id: id.to_owned(),
        name: Text::new(zh, en),
        unit: "veh".to_owned(),
        step_s: 30.0,
        baseline: b,
        brain: c,
        webster: w,
    };
    vec![
        row(
            "running_veh",
            "在途车辆",
            "Vehicles under way",
            course(520.0, 3.0, 1),
            course(290.0, 6.0, 1_000),
            course(360.0, 5.0, 2_000),
        ),
        row(
            "queue_veh",
            "排队车辆",
            "Vehicles queued",
            course(310.0, 2.6, 3_000),
            course(96.0, 6.0, 4_000),
            course(150.0, 5.0, 5_000),
        ),
        row(
            "finished_veh",
            "到达车辆",
            "Vehicles arrived",
            total(0.82, 420.0),
            total(0.86, 260.0),
            total(0.85, 320.0),
        ),
    ]
}

fn at(k: i32) -> f64 {
    f64::from(k) * BLOCK_M
}

fn map() -> NetworkMap {
    let inside = |k: i32| (1..=GRID).contains(&k);
    let (mut roads, mut junctions) = (Vec::new(), Vec::new());
    for i in 0..=GRID + 1 {
        for j in 0..=GRID + 1 {
            if !inside(i) && !inside(j) {
                continue;
            }
            let signalised = inside(i) && inside(j);
            let key = (i * 10 + j) as u64;
            junctions.push(MapJunction {
                id: format!("intersection_{i}_{j}"),
                x: at(i),
                y: at(j),
                signalised,
                decisions: if signalised { 240 } else { 0 },
                phases_changed: if signalised {
                    90 + (noise(key) * 120.0) as u64
                } else {
                    0
                },
            });
            for (d, (dx, dy)) in [(1, 0), (0, 1), (-1, 0), (0, -1)].into_iter().enumerate() {
                let (a, b) = (i + dx, j + dy);
                let ends_inside = inside(a) && inside(b);
                let on_map = (0..=GRID + 1).contains(&a) && (0..=GRID + 1).contains(&b);
                if !on_map || !(signalised || ends_inside) {
                    continue;
                }
                roads.push(road(i, j, (a, b), d as u64, ends_inside));
            }
        }
    }
    NetworkMap {
        projection: "local metres".to_owned(),
        bounds: Bounds {
            min_x: 0.0,
            min_y: 0.0,
            max_x: at(GRID + 1),
            max_y: at(GRID + 1),
        },
        roads,
        junctions,
    }
}

fn road(i: i32, j: i32, (a, b): (i32, i32), d: u64, ends_inside: bool) -> MapRoad {
    let key = (i * 1_000 + j * 100) as u64 + d * 7;
    let centre = 1.0 - (f64::from(i + a) / 2.0 - 2.5).hypot(f64::from(j + b) / 2.0 - 2.5) / 4.0;
    let empty = noise(key + 5) < 0.03;
    let before = if ends_inside {
        160.0 * noise(key) * centre + 12.0
    } else {
        3.0
    };
    let after = before * (0.25 + noise(key + 1) * 0.9);
    let vehicles = 60 + (400.0 * noise(key + 2)) as u64;
    MapRoad {
        id: format!("road_{i}_{j}_{d}"),
        points: vec![[at(i), at(j)], [at(a), at(b)]],
        lanes: 3,
        length_m: BLOCK_M,
        delay_baseline_s_per_veh: (!empty).then_some(before),
        delay_brain_s_per_veh: (!empty).then_some(after),
        vehicles_baseline: if empty { 0 } else { vehicles - vehicles / 20 },
        vehicles: if empty { 0 } else { vehicles },
    }
}

fn signals(map: &NetworkMap) -> Vec<SignalRow> {
    let rows = map.junctions.iter().filter(|j| j.signalised).enumerate();
    rows.map(|(k, j)| {
        let measured = 20_000.0 + 9_000.0 * noise(k as u64);
        SignalRow {
            id: j.id.clone(),
            decisions: j.decisions,
            changed: j.phases_changed,
            watchdog: u64::from(k == 5) * 4,
            mean_abs_error: (k != 7).then_some(9.0 + 20.0 * noise(k as u64 + 50)),
            measured_sum: (k != 7).then_some(measured),
            counterfactual_sum: (k != 7).then_some(measured * (1.15 + 0.8 * noise(k as u64 + 90))),
        }
    })
    .collect()
}

fn samples(map: &NetworkMap) -> Vec<SampleDecision> {
    let subjects = map
        .junctions
        .iter()
        .filter(|j| j.signalised)
        .enumerate()
        .take(12);
    subjects.map(|(k, j)| sample(k, &j.id)).collect()
}

fn sample(k: usize, junction: &str) -> SampleDecision {
    const ZH: [&str; 4] = ["东西直行", "南北直行", "东西左转", "南北左转"];
    const EN: [&str; 4] = [
        "west-east through",
        "north-south through",
        "west-east left",
        "north-south left",
    ];
    let value = |p: usize| 60.0 + 120.0 * noise((k * 10 + p) as u64);
    let refused = k.is_multiple_of(3).then_some(3);
    let chosen = (0..4)
        .filter(|p| Some(*p) != refused)
        .min_by(|a, b| value(*a).total_cmp(&value(*b)))
        .expect("three options are left");
    let options = (0..4)
        .map(|p| SampleOption {
            label: Text::new(
                format!("相位 {}：{}", p + 1, ZH[p]),
                format!("Phase {}: {}", p + 1, EN[p]),
            ),
            action: serde_json::json!({ "phase": p + 1 }),
            predicted: Some(value(p)),
            predicted_low: Some(value(p) - 22.0),
            predicted_high: Some(value(p) + 26.0),
            refused_by: (Some(p) == refused).then(|| "min_green: 4 s of 10 s shown".to_owned()),
        })
        .collect();
    let minutes = 5 * (k + 1);
    SampleDecision {
        id: format!(
            "urn:conurb:decision:fixture:signals:{junction}:2026-03-01T23:{minutes:02}:00Z"
        ),
        subject: format!("urn:ngsi-ld:TrafficLight:{junction}"),
        at_s: minutes as f64 * 60.0 - 60.0,
        mode: RunMode::Auto,
        kpi: "delay_veh_s".to_owned(),
        unit: "veh s".to_owned(),
        options,
        chosen,
        why: Text::new(
            format!(
                "{}方向排队 {} 辆，预计延误最小：{:.0} 车·秒。",
                ZH[chosen],
                8 + k,
                value(chosen)
            ),
            format!(
                "{} vehicles queue {}; it has the least predicted delay: {:.0} veh s.",
                8 + k,
                EN[chosen],
                value(chosen)
            ),
        ),
        measured_kpi: "delay_veh_s".to_owned(),
        expected: Some(value(chosen)),
        measured: (k != 4).then_some(value(chosen) * 1.07),
        counterfactual: (k != 4).then_some(value(chosen) * 1.61),
        counterfactual_method: (k != 4)
            .then(|| "twin rollout of the fixed plan from the same state".to_owned()),
        input_hash: format!("{:064x}", (k as u128 + 1) * 0xfeed_beef_1234_5678_9abc),
    }
}
