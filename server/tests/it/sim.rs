//! `conurb sim`: the twin alone, run, compared and timed.

use conurb_testkit::need_shared;

use crate::program::conurb_test;

conurb_test!(a_comparison_is_written_and_repeats_to_the_byte, |dir| {
    let command = "sim compare --gen signals=4,seed=3 --span 10m --seeds 3 \
                   --controllers fixed,webster,maxpressure,maxqueue --quiet";
    let run = dir.run(&format!("{command} --out a --lang en")).ok();
    for word in ["SYNTHETIC", "maxpressure", "95 % t interval", "L0"] {
        assert!(run.out.contains(word), "{word}: {run:#?}");
    }
    dir.run(&format!("{command} --out b --lang zh"))
        .ok()
        .says("合成数据");
    let (mut a, mut b) = (dir.json("a/compare.json"), dir.json("b/compare.json"));
    for document in [&mut a, &mut b] {
        let controllers = document["controllers"].as_array_mut().expect("a list");
        for c in controllers {
            // Wall time is the one thing that may differ.
            c["decision_ms"] = serde_json::Value::Null;
        }
    }
    assert_eq!(a, b);
    assert_eq!(a["controllers"].as_array().map(Vec::len), Some(4));
    let kpi = &a["controllers"][2]["kpis"]["average_travel_time_s_network"];
    assert_eq!(kpi["by_seed"].as_array().map(Vec::len), Some(3));
    assert!(kpi["change_pct"].is_number(), "{kpi}");
    assert!(a["controllers"][0]["kpis"]["throughput_veh"]["change_pct"].is_null());
    let svg = String::from_utf8(dir.read("a/compare.svg")).expect("text");
    assert!(svg.starts_with("<svg") && svg.contains("SYNTHETIC") && svg.contains("webster"));
});

conurb_test!(a_run_gives_the_golden_figure, |dir| {
    let Some(shared) = need_shared("a_run_gives_the_golden_figure") else {
        return;
    };
    let city = shared.join("traffic/hangzhou_4x4");
    let run = dir
        .run(&format!(
            "sim run --network {0}/roadnet_4_4.json --demand {0}/anon_4_4_hangzhou_real.json \
             --controller maxpressure --json --quiet",
            city.display()
        ))
        .ok();
    let json = run.json();
    let kpis = &json["controllers"][0]["kpis"];
    let of = |id: &str| (kpis[id]["mean"].as_f64().expect("measured") * 100.0).round();
    assert_eq!(of("average_travel_time_s_network"), 33_422.0);
    assert_eq!(of("average_travel_time_s_approach"), 28_998.0);
});

conurb_test!(the_engine_is_timed, |dir| {
    let run = dir
        .run("sim bench --gen signals=4,seed=3 --span 2m --runs 2 --json")
        .ok();
    let json = run.json();
    assert!(json["vehicle_updates"].as_u64() > Some(0), "{json}");
    assert_eq!(json["step_s"].as_array().map(Vec::len), Some(2));
});

conurb_test!(what_cannot_be_run_is_refused, |dir| {
    let city = "--gen signals=4,seed=3 --span 1m --quiet";
    dir.run(&format!("sim compare {city} --controllers fixed,fixed"))
        .fails(2, &["names fixed twice"]);
    dir.run(&format!("sim compare {city} --controllers fixed,magic"))
        .fails(2, &["magic", "maxpressure"]);
    dir.run(&format!("sim run {city} --phases 4-1"))
        .fails(2, &["ends before it begins"]);
    dir.run(&format!("sim run {city} --interval 5 --yellow 5"))
        .fails(2, &["leaves no green"]);
    dir.run("sim run").fails(2, &["--network"]);
    dir.write("file", "in the way");
    dir.run(&format!("sim compare {city} --out file/x"))
        .fails(2, &["file/x"]);
});
