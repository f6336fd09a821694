//! `conurb day` on real road networks, against the reference's figures (`../shared/data/traffic`).

use serde_json::Value;

use crate::program::Dir;

/// One set: the brain is at least 30 % faster than the fixed plan, the fixed plan is the reference's,
/// and the same seed gives the same bytes.
fn holds(test: &str, set: &str, network: &str, demand: &str) {
    let data = conurb_testkit::need_shared!(test);
    let traffic = data.join("traffic");
    let (network, demand) = (traffic.join(network), traffic.join(demand));
    let dir = Dir::new();
    for out in ["a", "b"] {
        let extra = [
            "--network".as_ref(),
            &*network,
            "--demand".as_ref(),
            &*demand,
        ];
        dir.run_with(&format!("day --quiet --out {out}"), &extra)
            .ok();
    }
    for file in ["report.json", "node/ledger/ledger.jsonl"] {
        let of = |d: &str| dir.read(&format!("{d}/{file}"));
        assert!(of("a") == of("b"), "{file} differs for equal seeds");
    }
    let golden = std::fs::read_to_string(traffic.join("reference/golden.csv")).expect("a table");
    let row = golden
        .lines()
        .find(|l| l.starts_with(&format!("{set},fixed_time,15,0,")))
        .expect("the reference has this run");
    let figures: Vec<f64> = row
        .split(',')
        .skip(4)
        .take(2)
        .map(|v| v.parse().expect("a number"))
        .collect();
    let report = dir.json("a/report.json");
    for (id, reference) in [
        ("average_travel_time_s_approach", figures[0]),
        ("average_travel_time_s_network", figures[1]),
    ] {
        let kpi = kpi(&report, id);
        let of = |who: &str| kpi[who].as_f64().expect("a figure");
        let (baseline, brain) = (of("baseline"), of("brain"));
        // 3 % is asked; the engine reproduces the reference's digits.
        assert!(
            (baseline / reference - 1.0).abs() < 1e-6,
            "{id}: {baseline}, reference {reference}"
        );
        assert!(
            brain <= 0.7 * baseline,
            "{id}: brain {brain}, fixed plan {baseline}"
        );
    }
    assert_eq!(report["synthetic"], false);
}

fn kpi<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["kpis"]
        .as_array()
        .and_then(|l| l.iter().find(|k| k["id"] == id))
        .unwrap_or_else(|| panic!("no KPI {id}"))
}

const JINAN: &str = "jinan_3x4/roadnet_3_4.json";

#[test]
fn hangzhou_is_thirty_percent_faster() {
    holds(
        "hangzhou_is_thirty_percent_faster",
        "hangzhou1",
        "hangzhou_4x4/roadnet_4_4.json",
        "hangzhou_4x4/anon_4_4_hangzhou_real.json",
    );
}

#[test]
fn jinan_1_is_thirty_percent_faster() {
    holds(
        "jinan_1_is_thirty_percent_faster",
        "jinan1",
        JINAN,
        "jinan_3x4/anon_3_4_jinan_real.json",
    );
}

#[test]
fn jinan_2_is_thirty_percent_faster() {
    holds(
        "jinan_2_is_thirty_percent_faster",
        "jinan2",
        JINAN,
        "jinan_3x4/anon_3_4_jinan_real_2000.json",
    );
}

#[test]
fn jinan_3_is_thirty_percent_faster() {
    holds(
        "jinan_3_is_thirty_percent_faster",
        "jinan3",
        JINAN,
        "jinan_3x4/anon_3_4_jinan_real_2500.json",
    );
}
