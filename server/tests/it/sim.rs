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

conurb_test!(demand_is_made_and_fitted_from_tables, |dir| {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let tables = format!(
        "--network {0}/roadnet/cross.json --od {0}/od_table/two.csv --zones {0}/zone_table/two.csv --quiet",
        corpus.display()
    );
    let command = format!("sim assign {tables} --method equilibrium --rounds 3 --lang en");
    let run = dir.run(&format!("{command} --out a")).ok();
    for word in ["relative gap", "181 vehicles", "total travel time"] {
        assert!(run.out.contains(word), "{word}: {run:#?}");
    }
    dir.run(&format!("{command} --out b")).ok();
    for file in ["flow.json", "assign.json"] {
        let (a, b) = (
            dir.read(&format!("a/{file}")),
            dir.read(&format!("b/{file}")),
        );
        assert!(a == b, "{file} differs");
    }
    assert_eq!(dir.json("a/flow.json").as_array().map(Vec::len), Some(181));
    let fitted = dir
        .run(&format!(
            "sim calibrate {tables} --counts {}/count_table/two.csv --fits 2 --out c --json",
            corpus.display()
        ))
        .ok();
    let json = fitted.json();
    assert_eq!(json["counts"].as_array().map(Vec::len), Some(2));
    assert!(json["counts"][0]["geh_after"].is_number(), "{json}");
    let svg = String::from_utf8(dir.read("c/calibrate.svg")).expect("text");
    assert!(svg.starts_with("<svg") && svg.contains("GEH = 5"));
    let od = String::from_utf8(dir.read("c/od.csv")).expect("text");
    assert!(od.starts_with("from,to,start_s,end_s,vehicles\n"), "{od}");
    dir.run(&format!(
        "sim assign --network {0}/roadnet/cross.json --od {0}/malformed/od_table/road_absent.csv --quiet",
        corpus.display()
    ))
    .fails(2, &["road_absent.csv:3", "did you mean \"out\"?"]);
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

conurb_test!(
    look_ahead_is_compared_with_plans_and_max_pressure_over_ten_seeds,
    |dir| {
        let command = "sim compare --gen signals=4,seed=3 --span 3m --seeds 10 \
                       --controllers fixed,webster,maxpressure,lookahead --quiet --out o --lang en";
        let run = dir.run(command).ok();
        assert!(run.out.contains("95 % t interval"), "{run:#?}");
        let json = dir.json("o/compare.json");
        let last = &json["controllers"][3];
        assert_eq!(
            (&last["id"], &last["information_level"]),
            (&"lookahead".into(), &"L0".into())
        );
        let kpi = &last["kpis"]["average_travel_time_s_network"];
        assert_eq!(kpi["by_seed"].as_array().map(Vec::len), Some(10));
        let (low, high) = (&kpi["interval_95"][0], &kpi["interval_95"][1]);
        assert!(low.as_f64() <= kpi["mean"].as_f64() && kpi["mean"].as_f64() <= high.as_f64());
        assert!(last["decision_ms"]["worst"].is_number());
        let svg = String::from_utf8(dir.read("o/compare.svg")).expect("text");
        assert!(svg.contains("lookahead") && svg.contains("n = 10"));
    }
);

conurb_test!(changing_lane_changes_the_run_and_is_told, |dir| {
    let city = "--gen signals=4,seed=3,load=1.2 --span 10m --quiet --lang en";
    let run = |words: &str| dir.run(&format!("sim run {city} {words}")).ok().out;
    let (off, on) = (run(""), run("--lane-change"));
    assert!(on.contains("vehicles change lane") && !off.contains("vehicles change lane"));
    let json = |words: &str| {
        let json = dir
            .run(&format!("sim run {city} --json {words}"))
            .ok()
            .json();
        (
            json["lane_change"].clone(),
            json["controllers"][0]["kpis"].clone(),
        )
    };
    let (off, on) = (json(""), json("--lane-change"));
    assert_eq!((off.0, on.0), (false.into(), true.into()));
    assert_ne!(off.1, on.1);
});

#[cfg(feature = "corridor")]
conurb_test!(an_ambulance_is_let_through_and_the_price_is_told, |dir| {
    let command = "sim corridor --arterial signals=6,seed=5 --span 15m --at 300 --leads 1,2";
    let run = dir
        .run(&format!("{command} --lang en --out a"))
        .ok()
        .says("SYNTHETIC")
        .says("fixed, no plan")
        .says("maxpressure, no plan");
    assert!(run.out.contains("instead of"), "{run:#?}");
    let json = dir.run(&format!("{command} --json --out b")).ok().json();
    assert_eq!(dir.json("a/corridor.json"), json, "the same in every run");
    let chosen = &json["tried"][json["chosen"].as_u64().expect("a plan") as usize];
    assert!(chosen["vehicle_s"].as_f64() < json["without"]["vehicle_s"].as_f64());
    assert!(chosen["others_veh_s"].is_number());
    assert_eq!(chosen["holds"].as_array().map(Vec::len), Some(6));
    // Under fixed time it is slower still, or has not arrived when the run ends.
    let fixed_s = json["without_fixed_s"].as_f64().unwrap_or(f64::INFINITY);
    assert!(Some(fixed_s) > chosen["vehicle_s"].as_f64());
    let page = String::from_utf8(dir.read("a/report.html")).expect("text");
    let picture = String::from_utf8(dir.read("a/corridor.svg")).expect("text");
    assert!(page.contains(picture.trim()) && picture.matches("<polyline").count() == 2);
    assert!(page.contains("SYNTHETIC") && picture.contains("SYNTHETIC"));
    // A bound that no plan keeps.
    let bound = format!("{command} --others-max -1000000 --json --out c");
    let json = dir.run(&bound).ok().json();
    assert!(json["chosen"].is_null());
    assert_eq!(json["tried"][0]["refused_by"], "others-delay");
});

#[cfg(feature = "corridor")]
conurb_test!(a_corridor_that_makes_no_sense_is_refused, |dir| {
    let city = "--arterial signals=4,seed=5 --span 10m";
    for (words, says) in [
        ("--from road_nowhere", "road_nowhere"),
        ("--at 20m", "1200"),
        ("--leads=-1", "leads"),
        ("--leads 1,x", "x"),
        ("--routes 99", "routes_max"),
        ("--yellow 1", "yellow"),
    ] {
        dir.run(&format!("sim corridor {city} {words} --out x"))
            .fails(2, &[says]);
        assert!(!dir.path("x").exists(), "{words}");
    }
    dir.run("sim corridor --arterial size=4 --out x")
        .fails(2, &["size=4", "signals"]);
    dir.run("gen --signals 4 --span 5m --out c").ok();
    dir.run("sim corridor --network c/roadnet.json --demand c/flow.json --out x")
        .fails(2, &["--from", "--to"]);
});

conurb_test!(a_binary_replay_becomes_the_text_that_run_writes, |dir| {
    let city = "--gen signals=4,seed=2 --span 2m --quiet --json";
    dir.run(&format!("sim run {city} --replay a.txt")).ok();
    dir.run(&format!("sim run {city} --replay a.rpl")).ok();
    dir.run("sim replay --gen signals=4,seed=2 --span 2m --log a.rpl --out b.txt")
        .ok();
    let text = String::from_utf8(dir.read("a.txt")).expect("text");
    assert_eq!(text.lines().count(), 120);
    assert_eq!(dir.read("b.txt"), text.into_bytes());
    assert_eq!(dir.json("a.json"), dir.json("b.json"));
    dir.run("sim replay --gen signals=9,seed=2 --log a.rpl --out c.txt")
        .fails(2, &["a.rpl", "step 1 is not of this city"]);
});

conurb_test!(streets_change_and_vehicles_park_during_a_run, |dir| {
    let city = "--gen signals=16,seed=3 --span 15m --quiet";
    dir.run("gen --signals 16 --seed 3 --span 15m --out city")
        .ok();
    let net = dir.json("city/roadnet.json");
    let inner = |road: &serde_json::Value| {
        let ends = [&road["startIntersection"], &road["endIntersection"]];
        let all = net["intersections"].as_array().into_iter().flatten();
        let signals: Vec<_> = all
            .filter(|i| i["virtual"] == false)
            .map(|i| &i["id"])
            .collect();
        ends.iter().all(|end| signals.contains(end))
    };
    let road = net["roads"]
        .as_array()
        .and_then(|roads| roads.iter().find(|road| inner(road)))
        .and_then(|road| road["id"].as_str())
        .expect("a road between two signals")
        .to_owned();
    dir.write(
        "changes.json",
        format!(
            r#"{{"closures":[{{"road":"{road}","from":60,"to":600}}],
            "speedLimits":[{{"road":"{road}","from":0,"to":900,"maxSpeed":5}}]}}"#
        ),
    );
    dir.write(
        "parking.json",
        format!(
            r#"{{"share":0.5,"stayMean":300,"walkMax":5000,"carParks":[
            {{"id":"P1","road":"{road}","position":20,"totalSpotNumber":40}}]}}"#
        ),
    );
    let command = format!("sim run {city} --changes changes.json --parking parking.json");
    let run = dir.run(&format!("{command} --lang en")).ok();
    for word in [
        "sent another way",
        "looked for a place",
        "P1:",
        "of 40 places",
    ] {
        assert!(run.out.contains(word), "{word}: {run:#?}");
    }
    let mut one = dir.run(&format!("{command} --json")).ok().json();
    let mut two = dir
        .run(&format!("{command} --json --threads 2"))
        .ok()
        .json();
    for document in [&mut one, &mut two] {
        // Wall time is the one thing that may differ.
        document["controllers"][0]["decision_ms"] = serde_json::Value::Null;
    }
    let told = &one["controllers"][0]["on_the_way"];
    assert!(
        told[0]["detours"]["redirected"].as_u64() > Some(0),
        "{told}"
    );
    assert!(told[0]["parking"]["parked"].as_u64() > Some(0), "{told}");
    assert_eq!(one["controllers"], two["controllers"]);
    let roles: Vec<&str> = (one["inputs"].as_array().into_iter().flatten())
        .filter_map(|i| i["role"].as_str())
        .collect();
    assert!(
        roles.contains(&"changes") && roles.contains(&"parking"),
        "{roles:?}"
    );
    dir.write(
        "bad.json",
        r#"{"closures":[{"road":"nowhere","from":60,"to":600}]}"#,
    );
    dir.run(&format!("sim run {city} --changes bad.json"))
        .fails(2, &["bad.json:1:22", "nowhere"]);
});

conurb_test!(actuated_signals_and_green_waves_are_compared, |dir| {
    let command = "sim compare --gen signals=9,seed=3 --span 10m --seeds 2 \
                   --controllers fixed,actuated,greenwave --quiet --out o";
    let run = dir.run(&format!("{command} --lang en")).ok();
    for word in ["passage time", "two-way bandwidth", "efficiency", "LD"] {
        assert!(run.out.contains(word), "{word}: {run:#?}");
    }
    dir.run(&format!("{command} --lang zh"))
        .ok()
        .says("感应控制")
        .says("绿波");
    let json = dir.json("o/compare.json");
    let of = |k: usize| &json["controllers"][k]["kpis"]["average_travel_time_s_network"]["mean"];
    assert!(of(1).as_f64() < of(0).as_f64(), "{json:#}");
    let waves = json["controllers"][2]["waves"].as_array().expect("a list");
    assert!(!waves.is_empty());
    for wave in waves {
        assert!(wave["bands"]["outbound_s"].is_u64() && wave["bands"]["inbound_s"].is_u64());
        assert!(wave["attainability"].as_f64() >= Some(0.5), "{wave}");
    }
    assert!(json["controllers"][1]["waves"].is_null());
});

conurb_test!(buses_and_sirens_have_priority_and_others_pay, |dir| {
    dir.run("gen --signals 9 --seed 3 --span 10m --out c").ok();
    let mut flows = dir.json("c/flow.json");
    for (k, flow) in flows.as_array_mut().expect("flows").iter_mut().enumerate() {
        let class = match k % 40 {
            7 => "bus",
            21 => "emergency",
            _ => continue,
        };
        flow["vehicle"]["conurb"] =
            serde_json::json!({"speedFactor": 1.0, "dawdle": 0.0, "class": class});
    }
    dir.write("flow.json", flows.to_string());
    let city = "--network c/roadnet.json --demand flow.json --span 10m --quiet --lang en";
    for controller in ["webster", "maxpressure", "actuated", "lookahead", "file"] {
        let command = format!("sim run {city} --controller {controller} --priority bus,emergency");
        dir.run(&command)
            .ok()
            .says("buses")
            .says("emergency vehicles");
        let json = dir.run(&format!("{command} --json")).ok().json();
        let effect = &json["controllers"][0]["priority"][0];
        let requests = &effect["requests"];
        assert!(requests["bus"]["made"].as_u64() > Some(0), "{effect:#}");
        assert!(
            requests["emergency"]["early"].as_u64() > Some(0),
            "{effect:#}"
        );
        let lost = |run: &str, class: &str| effect[run][class]["mean_lost_s"].as_f64();
        let (with, without) = (lost("with", "emergency"), lost("without", "emergency"));
        assert!(with < without, "{controller}: {effect:#}");
    }
    // Nobody has priority: nothing is said.
    let json = dir.run(&format!("sim run {city} --json")).ok().json();
    assert!(json["controllers"][0]["priority"].is_null());
    dir.run(&format!("sim run {city} --priority taxi"))
        .fails(2, &["taxi", "emergency"]);
});

conurb_test!(pedestrians_are_served_by_every_controller, |dir| {
    let city = "--gen signals=4,seed=3 --span 10m --quiet --lang en";
    for controller in ["fixed", "webster", "maxpressure", "actuated"] {
        let command =
            format!("sim run {city} --controller {controller} --pedestrians 60 --bikes 20");
        dir.run(&command).ok().says("pedestrians").says("cyclists");
        let json = dir.run(&format!("{command} --json")).ok().json();
        let report = &json["controllers"][0]["crossings"][0];
        assert!(
            report["pedestrians"]["served"].as_u64() > Some(50),
            "{report:#}"
        );
        assert!(report["pedestrians"]["mean_delay_s"].as_f64() > Some(0.0));
        let first = &report["crossings"][0];
        assert!(first["length_m"].as_f64() > Some(0.0) && first["id"].is_string());
    }
    // A table, by the names the report gives.
    let json = dir
        .run(&format!("sim run {city} --pedestrians 1 --json"))
        .ok()
        .json();
    let id = json["controllers"][0]["crossings"][0]["crossings"][0]["id"]
        .as_str()
        .expect("a name")
        .to_owned();
    dir.write("walk.csv", format!("crossing,ped_h\n{id},200\n"));
    let json = dir
        .run(&format!("sim run {city} --pedestrians walk.csv --json"))
        .ok()
        .json();
    let report = &json["controllers"][0]["crossings"][0];
    assert_eq!(
        report["pedestrians"]["arrived"],
        report["crossings"][0]["pedestrians"]["arrived"]
    );
    // Nobody: the same run as without the option.
    let kpis = |words: &str| {
        let json = dir
            .run(&format!("sim run {city} --json {words}"))
            .ok()
            .json();
        assert!(json["controllers"][0]["crossings"].is_null());
        json["controllers"][0]["kpis"].clone()
    };
    assert_eq!(kpis("--pedestrians 0"), kpis(""));
    dir.write("bad.csv", "crossing,ped_h\nnowhere/else,1\n");
    dir.run(&format!("sim run {city} --pedestrians bad.csv"))
        .fails(2, &["bad.csv:2", "nowhere/else"]);
    dir.run(&format!("sim run {city} --pedestrians absent.csv"))
        .fails(2, &["absent.csv"]);
    dir.run(&format!("sim run {city} --pedestrians=-5"))
        .fails(2, &["pedestrians"]);
});
