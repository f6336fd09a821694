//! Input that cannot be used: each a precise error with file and place, exit 2, no panic.
#![cfg(feature = "signals")]

use serde_json::{Value, json};

use crate::program::{Dir, conurb_test};

const DAY: &str = "day --network c/roadnet.json --demand c/flow.json --span 30 --quiet --out o";

/// A small generated city, in `c/`.
fn city(dir: &Dir) -> (Value, Value) {
    dir.run("gen --signals 4 --seed 2 --span 2m --out c").ok();
    (dir.json("c/roadnet.json"), dir.json("c/flow.json"))
}

/// Runs the day on these files; it must end in exit 2 with these words, and leave no report.
#[track_caller]
fn refused(dir: &Dir, network: &Value, demand: &Value, words: &[&str]) {
    dir.write("c/roadnet.json", network.to_string());
    dir.write("c/flow.json", demand.to_string());
    refused_as_written(dir, words);
}

#[track_caller]
fn refused_as_written(dir: &Dir, words: &[&str]) {
    let run = dir.run(DAY).fails(2, &["error[CNB-"]).fails(2, words);
    assert!(!dir.path("o/report.json").exists(), "{run:#?}");
}

/// The first signalised junction.
fn junction(network: &Value) -> usize {
    network["intersections"]
        .as_array()
        .and_then(|l| l.iter().position(|i| i["virtual"] == false))
        .expect("a junction")
}

conurb_test!(files_that_are_no_json, |dir| {
    let (net, flow) = city(&dir);
    let good = net.to_string();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("truncated", good.as_bytes()[..good.len() / 2].to_vec()),
        ("one brace", b"{".to_vec()),
        (
            "UTF-16",
            good.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        (
            "Latin-1",
            good.replace("intersection_1_1", "caf\u{1}")
                .into_bytes()
                .into_iter()
                .map(|b| if b == 1 { 0xe9 } else { b })
                .collect(),
        ),
        ("deeply nested", "[".repeat(200_000).into_bytes()),
        ("deep objects", "{\"a\":".repeat(100_000).into_bytes()),
        ("zero bytes", vec![0; 4096]),
        ("a list", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        (
            "NaN",
            good.replacen("\"width\":", "\"width\":NaN,\"w\":", 1)
                .into_bytes(),
        ),
        (
            "1e999",
            good.replacen("\"width\":", "\"width\":1e999,\"w\":", 1)
                .into_bytes(),
        ),
    ];
    for (what, bytes) in cases {
        println!("{what}");
        dir.write("c/roadnet.json", &bytes);
        dir.write("c/flow.json", flow.to_string());
        refused_as_written(&dir, &["roadnet.json"]);
        dir.write("c/roadnet.json", &good);
        if what != "a list" {
            dir.write(
                "c/flow.json",
                if what == "NaN" || what == "1e999" {
                    flow.to_string()
                        .replacen("\"interval\":", "\"interval\":NaN,\"x\":", 1)
                        .into_bytes()
                } else {
                    bytes
                },
            );
            refused_as_written(&dir, &["flow.json"]);
        }
    }
});

conurb_test!(a_file_too_large_is_refused_before_it_is_read, |dir| {
    city(&dir);
    // Five gigabytes that take no room on the disk.
    let file = std::fs::File::create(dir.path("c/roadnet.json")).expect("created");
    file.set_len(5 << 30).expect("a sparse file");
    refused_as_written(&dir, &["roadnet.json", "at most"]);
});

conurb_test!(networks_that_contradict_themselves, |dir| {
    let (net, flow) = city(&dir);
    let j = junction(&net);
    let change = |f: &dyn Fn(&mut Value)| {
        let mut n = net.clone();
        f(&mut n);
        n
    };
    let case = |words: &[&str], f: &dyn Fn(&mut Value)| {
        let mut all = vec!["roadnet.json"];
        all.extend(words);
        refused(&dir, &change(f), &flow, &all);
    };
    case(&["roads"], &|n| {
        drop(n.as_object_mut().map(|o| o.remove("roads")))
    });
    case(&["nowhere", "startRoad"], &|n| {
        n["intersections"][j]["roadLinks"][0]["startRoad"] = json!("nowhere")
    });
    case(&["nowhere"], &|n| {
        n["roads"][0]["endIntersection"] = json!("nowhere")
    });
    case(&["roads[0]"], &|n| {
        let first = n["roads"][0]["points"][0].clone();
        n["roads"][0]["points"] = json!([first.clone(), first]);
    });
    case(&["roads[0]", "lanes"], &|n| {
        n["roads"][0]["lanes"] = json!([])
    });
    case(&["maxSpeed"], &|n| {
        n["roads"][0]["lanes"][0]["maxSpeed"] = json!(0)
    });
    case(&["maxSpeed"], &|n| {
        n["roads"][0]["lanes"][0]["maxSpeed"] = json!(-3)
    });
    case(&["availableRoadLinks"], &|n| {
        n["intersections"][j]["trafficLight"]["lightphases"][1]["availableRoadLinks"] = json!([999])
    });
    case(&["endLaneIndex"], &|n| {
        n["intersections"][j]["roadLinks"][0]["laneLinks"][0]["endLaneIndex"] = json!(77)
    });
    case(&["used twice", "roads[1]"], &|n| {
        n["roads"][1]["id"] = n["roads"][0]["id"].clone()
    });
    case(&["used twice"], &|n| {
        n["intersections"][1]["id"] = n["intersections"][0]["id"].clone()
    });
    case(&["points"], &|n| {
        n["roads"][0]["points"][0]["x"] = json!("ten")
    });
});

conurb_test!(demands_that_cannot_be_driven, |dir| {
    let (net, flow) = city(&dir);
    let case = |words: &[&str], f: &dyn Fn(&mut Value)| {
        let mut d = flow.clone();
        f(&mut d[0]);
        let mut all = vec!["flow.json", "[0]"];
        all.extend(words);
        refused(&dir, &net, &d, &all);
    };
    case(&["nowhere"], &|f| {
        f["route"] = json!(["nowhere", "nowhere"])
    });
    case(&["route"], &|f| f["route"] = json!([]));
    case(&["no lane links"], &|f| {
        // Backwards: no link leads from a road onto the one before it.
        let first = f["route"][0].clone();
        f["route"] = json!([f["route"][1].clone(), first]);
    });
    case(&["interval"], &|f| f["interval"] = json!(0));
    case(&["interval"], &|f| f["interval"] = json!(-1));
    case(&["endTime"], &|f| {
        f["startTime"] = json!(100);
        f["endTime"] = json!(50);
    });
    case(&["length"], &|f| f["vehicle"]["length"] = json!(-5));
    case(&["maxSpeed"], &|f| f["vehicle"]["maxSpeed"] = json!(null));
    case(&["vehicle"], &|f| {
        drop(f.as_object_mut().map(|o| o.remove("vehicle")))
    });
});

conurb_test!(names_that_no_station_could_report, |dir| {
    // Ids end up in topics, payloads and URNs: what cannot be part of them is refused or carried
    // through whole, never half.
    for id in [
        "a \"quoted\" one",
        "a b",
        "back\\slash",
        "十字路口",
        "a/b",
        "a+b",
        "a#b",
        "tab\there",
        "",
    ] {
        let (net, flow) = city(&dir);
        let text = net.to_string();
        let old = net["intersections"][junction(&net)]["id"].to_string();
        dir.write("c/roadnet.json", text.replace(&old, &json!(id).to_string()));
        dir.write("c/flow.json", flow.to_string());
        let run = dir.run(DAY);
        match run.exit {
            Some(0 | 1) => {}
            _ => drop(run.fails(2, &["error[CNB-"])),
        }
    }
});

conurb_test!(files_and_folders_that_are_not_there, |dir| {
    city(&dir);
    dir.run("day --network none.json --demand c/flow.json --out o")
        .fails(2, &["none.json", "help:"]);
    dir.run("day --network c/roadnet.json --demand none.json --out o")
        .fails(2, &["none.json"]);
    // A folder is a map in GMNS tables.
    dir.run("day --network c --demand c/flow.json --out o")
        .fails(2, &["the folder has no node.csv", "help:"]);
    // The two files swapped.
    dir.run("day --network c/flow.json --demand c/roadnet.json --out o")
        .fails(2, &["flow.json"]);
    dir.write("file", "in the way");
    dir.run("day --gen signals=4 --out file")
        .fails(2, &["file"]);
    dir.run("day --gen signals=4 --out file/inside")
        .fails(2, &["file/inside"]);
    dir.run("day --gen signals=4 --out /proc/conurb")
        .fails(2, &["/proc/conurb"]);
    for spec in [
        "signals",
        "signals=many",
        "roads=4",
        "signals=4,load=1e9",
        "signals=4,from=noon",
    ] {
        dir.run(&format!("day --gen {spec} --out o"))
            .fails(2, &["error[CNB-"]);
    }
});

conurb_test!(a_damaged_folder_is_named, |dir| {
    dir.write("d/node/node.json", "{\"city\": 7}");
    dir.run("decide list --data d").fails(2, &["node.json"]);
    dir.write("d/node/node.json", "{\"city\":\"town\",\"made_by\":\"0\"}");
    dir.run("decide verify --data d")
        .fails(2, &["ledger.jsonl"]);
    dir.write("d/node/ledger/ledger.jsonl", b"\xff\xfe not json\n");
    dir.run("decide verify --data d")
        .fails(1, &["ledger.jsonl"]);
    dir.write("d/node/ledger/ledger.jsonl", "[".repeat(300_000));
    dir.run("decide verify --data d")
        .fails(1, &["ledger.jsonl"]);
});
