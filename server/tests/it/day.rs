//! `conurb day` on a small generated city.

use serde_json::Value;

use crate::program::{Dir, conurb_test};
use crate::schema;

const CITY: &str = "--gen signals=4,seed=5,load=0.9 --span 5m --quiet";

fn kpi<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["kpis"]
        .as_array()
        .and_then(|l| l.iter().find(|k| k["id"] == id))
        .unwrap_or_else(|| panic!("no KPI {id}"))
}

fn committed_schema() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../api/report.schema.json");
    serde_json::from_slice(&std::fs::read(path).expect("committed")).expect("JSON")
}

conurb_test!(a_day_leaves_a_whole_report, |dir| {
    let run = dir.run(&format!("day {CITY} --out o")).ok();
    assert!(run.out.contains("o/report.html"), "{run:#?}");
    let report = dir.json("o/report.json");
    schema::check(&committed_schema(), &report);
    for id in [
        "average_travel_time_s_network",
        "average_travel_time_s_approach",
        "delay_index",
        "throughput_veh",
    ] {
        assert_eq!(kpi(&report, id)["declared"], true, "{id}");
        assert!(kpi(&report, id)["brain"].is_number());
    }
    assert_eq!(report["synthetic"], true);
    assert_eq!(report["information_level"]["code"], "LD");
    assert_eq!(report["decisions"]["auto"], report["decisions"]["total"]);
    assert!(report["decisions"]["total"].as_u64() > Some(60));
    let ledger = dir.read("o/node/ledger/ledger.jsonl");
    let lines = ledger.iter().filter(|b| **b == b'\n').count() as u64;
    assert_eq!(report["ledger"]["entries"].as_u64(), Some(lines));
    let html = String::from_utf8(dir.read("o/report.html")).expect("UTF-8");
    assert!(html.contains("synthetic"), "marked wherever it is shown");
    assert!(!html.contains("src=\"http"), "self-contained");
    assert!(dir.json("o/timing.json")["total_s"].is_number());
});

conurb_test!(
    the_same_seed_gives_the_same_bytes_and_another_does_not,
    |dir| {
        for (out, seed) in [("a", 2), ("b", 2), ("c", 3)] {
            dir.run(&format!("day {CITY} --seed {seed} --out {out}"))
                .ok();
        }
        for file in ["report.json", "node/ledger/ledger.jsonl"] {
            let of = |d: &str| dir.read(&format!("{d}/{file}"));
            assert!(of("a") == of("b"), "{file} differs for equal seeds");
            assert!(of("a") != of("c"), "{file} is the same for another seed");
        }
    }
);

conurb_test!(two_seeds_give_intervals, |dir| {
    let run = dir
        .run(&format!("day {CITY} --seeds 2 --seed 8 --json --out o"))
        .ok();
    let report = run.json();
    assert_eq!(report, dir.json("o/report.json"), "--json prints the file");
    assert_eq!(report["seeds"], serde_json::json!([8, 9]));
    let interval = &kpi(&report, "average_travel_time_s_network")["interval"];
    assert!(
        interval["low"].as_f64() <= interval["high"].as_f64(),
        "{interval}"
    );
    assert_eq!(report["seeds_table"].as_array().map(Vec::len), Some(2));
    assert!(dir.path("o/node-seed-9/node.json").is_file());
    schema::check(&committed_schema(), &report);
});

conurb_test!(each_mode_counts_its_own, |dir| {
    let counts = |dir: &Dir, words: &str| {
        // Which way the KPIs go is not the point here: advise equals the fixed plan or comes near.
        let run = dir.run(&format!("day {CITY} {words} --json --out o"));
        assert!(matches!(run.exit, Some(0 | 1)), "{run:#?}");
        run.json()["decisions"].clone()
    };
    let advise = counts(&dir, "--mode advise");
    assert_eq!(
        (&advise["auto"], &advise["approved"]),
        (&0.into(), &0.into())
    );
    assert_eq!(advise["advised"], advise["total"]);
    let approve = counts(&dir, "--mode approve --approve-after 2");
    assert_eq!(approve["auto"], 0);
    assert!(approve["approved"].as_u64() > Some(60), "{approve}");
    let auto = counts(&dir, "--mode auto");
    assert_eq!(auto["auto"], auto["total"]);
});

conurb_test!(
    advice_that_nobody_follows_is_the_baseline_to_the_digit,
    |dir| {
        let run = dir.run(&format!("day {CITY} --mode advise --json --out o"));
        for k in run.ok().json()["kpis"].as_array().expect("a list") {
            assert_eq!(k["brain"], k["baseline"], "{k}");
        }
    }
);

conurb_test!(a_declared_kpi_that_is_worse_ends_in_exit_1, |dir| {
    // In mode advise the signals keep the fixed plan, which is worse than Webster's.
    let run = dir
        .run(&format!(
            "day {CITY} --mode advise --baseline webster --out o"
        ))
        .fails(1, &["worse than the baseline", "average_travel_time_s"]);
    assert!(
        run.out.contains("report"),
        "the scorecard is shown all the same"
    );
    let report = dir.json("o/report.json");
    let k = kpi(&report, "average_travel_time_s_network");
    assert_eq!(k["worse_than_baseline"], true);
    assert!(k["brain"].as_f64() > k["baseline"].as_f64());
});

conurb_test!(
    an_output_folder_is_reused_without_touching_what_is_not_ours,
    |dir| {
        dir.write("o/notes.txt", "mine");
        dir.write("o/node-plans/node.json", "mine too");
        dir.run(&format!("day {CITY} --seeds 2 --out o")).ok();
        let first = dir.read("o/report.json");
        dir.write("o/node/stray", "left by a crash");
        dir.run(&format!("day {CITY} --seed 1 --out o")).ok();
        assert!(first != dir.read("o/report.json"));
        assert!(!dir.path("o/node/stray").exists());
        assert!(!dir.path("o/node-seed-1").exists(), "of the earlier run");
        assert_eq!(dir.read("o/notes.txt"), b"mine");
        assert_eq!(dir.read("o/node-plans/node.json"), b"mine too");
    }
);

conurb_test!(other_intervals_and_periods_run, |dir| {
    for words in [
        "--interval 6 --detector-period 1",
        "--interval 30 --detector-period 60",
        "--interval 45 --detector-period 7",
    ] {
        let run = dir.run(&format!("day {CITY} {words} --json --out o"));
        assert!(matches!(run.exit, Some(0 | 1)), "{run:#?}");
        let d = &run.json()["decisions"];
        assert!(d["total"].as_u64() > Some(0), "{words}: {d}");
    }
});

conurb_test!(the_shortest_span_still_ends_in_a_report, |dir| {
    dir.run("gen --signals 4 --span 1m --out c").ok();
    let files = "--network c/roadnet.json --demand c/flow.json";
    let run = dir.run(&format!("day {files} --span 1 --quiet --json --out o"));
    assert!(matches!(run.exit, Some(0 | 1)), "{run:#?}");
    schema::check(&committed_schema(), &run.json());
});

conurb_test!(the_stream_and_the_languages, |dir| {
    let city = "--gen signals=4 --span 60 --quiet";
    let zh = dir.run(&format!("day {city} --stream --lang zh --out o"));
    assert!(zh.err.contains("车·秒"), "{zh:#?}");
    assert!(zh.out.contains("平均行程时间"), "{zh:#?}");
    let en = dir.run(&format!("day {city} --stream --lang en --out o"));
    assert!(en.err.contains("vehicle-seconds"), "{en:#?}");
    let bad = dir.run("day --gen signals=4 --start yesterday --out p");
    bad.fails(2, &["--start", "yesterday"]);
    assert!(!dir.path("p").exists());
});

conurb_test!(look_ahead_decides_from_detectors_and_replays, |dir| {
    let command = format!("day {CITY} --controller lookahead --lang en");
    let run = dir.run(&format!("{command} --out a")).ok();
    for word in ["Controller signals.lookahead 1", "Information level LD"] {
        assert!(run.out.contains(word), "{word}: {run:#?}");
    }
    let report = dir.json("a/report.json");
    schema::check(&committed_schema(), &report);
    assert_eq!(report["policy"]["name"], "signals.lookahead");
    assert_eq!(report["policy"]["parameters"]["horizon_s"], 30);
    assert_eq!(report["information_level"]["code"], "LD");
    assert!(
        report["command"]
            .as_str()
            .is_some_and(|c| c.contains("--controller lookahead")),
        "{}",
        report["command"]
    );
    // Four signals, every 15 s, five minutes.
    assert_eq!(report["decisions"]["auto"], 80);
    dir.run(&format!("{command} --json --out b")).ok();
    assert!(dir.read("a/report.json") == dir.read("b/report.json"));
    dir.run("decide replay --sample 30 --seed 1 --data a")
        .ok()
        .says("30 of 30");
    let listed = dir.run("decide list --limit 1 --data a").ok();
    let id = (listed.out.lines().next())
        .and_then(|l| l.split_whitespace().last())
        .expect("an id");
    dir.run(&format!("--lang en decide explain {id} --data a"))
        .ok()
        .says("joint plan of 4 signals");
});
