//! `conurb decide` and `conurb doctor` on the ledger of a day.

use std::sync::OnceLock;

use crate::program::{Dir, conurb_test};

/// A day's output, run once for all tests of this file and copied for each.
fn day(dir: &Dir) {
    static DAY: OnceLock<Dir> = OnceLock::new();
    let made = DAY.get_or_init(|| {
        let made = Dir::new();
        let run = made.run("day --gen signals=4,seed=5 --span 10m --quiet --out day");
        assert!(matches!(run.exit, Some(0 | 1)), "{run:#?}");
        made
    });
    copy(&made.path("day"), &dir.path("day"));
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

const LEDGER: &str = "day/node/ledger/ledger.jsonl";

/// A small generator, so that the positions are printed and can be had again.
fn positions(seed: u64, below: usize, n: usize) -> Vec<usize> {
    let mut x = seed;
    (0..n)
        .map(|_| {
            x = x
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (x >> 33) as usize % below
        })
        .collect()
}

conurb_test!(decisions_are_listed_and_explained, |dir| {
    day(&dir);
    let listed = dir
        .run("decide list --limit 5 --data day")
        .ok()
        .says("5 shown");
    let id = listed
        .out
        .lines()
        .next()
        .and_then(|l| l.split_whitespace().last());
    let id = id.expect("an id").to_owned();
    let explained = dir.run(&format!("decide explain {id} --data day")).ok();
    assert!(
        explained.out.contains("signals.local-twin"),
        "{explained:#?}"
    );
    let zh = dir
        .run(&format!("--lang zh decide explain {id} --data day"))
        .ok();
    assert!(zh.out.contains("相位"), "{zh:#?}");
    let json = dir
        .run(&format!("decide explain {id} --json --data day"))
        .ok()
        .json();
    assert_eq!(json["record"]["id"], *id);
    let subject = json["record"]["subject"]
        .as_str()
        .expect("a subject")
        .to_owned();
    let all = dir
        .run(&format!(
            "decide list --json --subject {subject} --limit 7 --data day"
        ))
        .ok();
    let all = all.json();
    let all = all.as_array().expect("a list");
    assert_eq!(all.len(), 7);
    assert!(all.iter().all(|d| d["record"]["subject"] == *subject));
    dir.run("decide explain urn:none --data day")
        .fails(2, &["urn:none", "decide list"]);
    dir.run("decide list --data nowhere")
        .fails(2, &["nowhere", "node.json", "--data"]);
});

conurb_test!(a_hundred_decisions_replay, |dir| {
    day(&dir);
    let run = dir
        .run("decide replay --sample 100 --seed 4 --json --data day")
        .ok();
    let json = run.json();
    assert_eq!(
        (&json["replayed"], &json["same"]),
        (&100.into(), &100.into())
    );
    let again = dir
        .run("decide replay --sample 100 --seed 4 --json --data day")
        .ok();
    assert_eq!(again.json(), json);
    let one = dir.run("decide list --limit 1 --data day").ok();
    let id = one
        .out
        .lines()
        .next()
        .and_then(|l| l.split_whitespace().last())
        .expect("an id");
    dir.run(&format!("decide replay {id} --data day"))
        .ok()
        .says("1 of 1");
});

conurb_test!(
    the_untouched_ledger_verifies_and_its_head_is_the_reports,
    |dir| {
        day(&dir);
        let json = dir.run("decide verify --json --data day").ok().json();
        assert_eq!(json["ok"], true);
        let report = dir.json("day/report.json");
        assert_eq!(report["ledger"]["head_hash"], json["head"]);
        let head = json["head"].as_str().expect("a hash").to_owned();
        dir.run(&format!("decide verify --head {head} --data day"))
            .ok()
            .says("intact");
        let zeros = "0".repeat(head.len());
        dir.run(&format!("decide verify --head {zeros} --data day"))
            .fails(1, &["head"]);
        // A whole line cut from the tail is found against the noted head only.
        let bytes = dir.read(LEDGER);
        let cut = bytes[..bytes.len() - 1]
            .iter()
            .rposition(|b| *b == b'\n')
            .expect("lines")
            + 1;
        dir.write(LEDGER, &bytes[..cut]);
        dir.run(&format!("decide verify --head {head} --data day"))
            .fails(1, &["ledger.jsonl"]);
    }
);

conurb_test!(any_flipped_byte_is_found_and_the_record_named, |dir| {
    day(&dir);
    let good = dir.read(LEDGER);
    let seed = 20_260_302;
    println!("seed {seed}");
    for position in positions(seed, good.len(), 24) {
        let line = good[..position].iter().filter(|b| **b == b'\n').count();
        for mask in [0x01, 0x20, 0x80] {
            let mut bad = good.clone();
            bad[position] ^= mask;
            dir.write(LEDGER, &bad);
            let run = dir
                .run("decide verify --data day")
                .fails(1, &["ledger.jsonl"]);
            // Lines are counted from 0 or 1 by the message; a flipped line end joins two.
            let named = [line, line + 1, line + 2].iter().any(|n| {
                run.err
                    .split(|c: char| !c.is_ascii_digit())
                    .any(|w| w == n.to_string())
            });
            assert!(
                named,
                "byte {position}, mask {mask:#x}, line {line}: {run:#?}"
            );
        }
    }
    let json = dir.run("decide verify --json --data day");
    assert_eq!(json.exit, Some(1));
    assert_eq!(json.json()["ok"], false);
    assert!(json.json()["broken"].is_object(), "{json:#?}");
});

conurb_test!(
    a_flipped_byte_is_named_with_the_decision_it_touches,
    |dir| {
        day(&dir);
        let good = dir.read(LEDGER);
        let text = String::from_utf8(good.clone()).expect("UTF-8");
        let (n, line) = text
            .lines()
            .enumerate()
            .filter(|(_, l)| l.contains("\"chosen\""))
            .nth(40)
            .expect("a day has more than 40 decisions");
        let id_at = line.find("urn:conurb:decision:").expect("its id");
        let id = line[id_at..].split('"').next().expect("ends").to_owned();
        let start: usize = text.lines().take(n).map(|l| l.len() + 1).sum();
        let at = start + line.find("\"chosen\":").expect("found above") + "\"chosen\":".len();
        let mut bad = good;
        bad[at] ^= 0x01;
        dir.write(LEDGER, &bad);
        dir.run("decide verify --data day").fails(1, &[&id]);
        let doctor = dir.run("doctor --data day");
        assert_eq!(doctor.exit, Some(1), "{doctor:#?}");
        assert!(
            doctor.out.contains("FAIL") && doctor.out.contains("ledger"),
            "{doctor:#?}"
        );
    }
);

conurb_test!(a_decision_can_be_taken_back_once, |dir| {
    day(&dir);
    let list = dir.run("decide list --limit 1 --data day").ok();
    let id = list
        .out
        .lines()
        .next()
        .and_then(|l| l.split_whitespace().last())
        .expect("an id")
        .to_owned();
    let overturn = format!("decide overturn {id} --by officer-7 --reason flooding --data day");
    dir.run(&overturn).ok().says("to undo");
    dir.run(&format!("decide explain {id} --data day"))
        .ok()
        .says("officer-7")
        .says("flooding");
    dir.run("decide verify --data day").ok();
    let again = dir.run(&overturn);
    assert_ne!(again.exit, Some(0), "{again:#?}");
    assert!(again.err.contains("overturned"), "{again:#?}");
    dir.run("decide overturn urn:none --by a --reason b --data day")
        .fails(2, &["urn:none"]);
    dir.run(&format!("decide overturn {id} --data day"))
        .fails(2, &["--by"]);
});

conurb_test!(doctor_says_what_it_found, |dir| {
    day(&dir);
    let run = dir
        .run("doctor --data day")
        .ok()
        .says("ledger lines")
        .says("machine");
    assert!(!run.out.contains("FAIL"));
    let json = dir.run("doctor --data day --json").ok().json();
    assert!(
        json.as_array()
            .is_some_and(|f| f.iter().all(|f| f["ok"] == true))
    );
    dir.write("conurb.toml", "[http]\nlissten = \"127.0.0.1:1\"\n");
    let bad = dir.run("doctor --config conurb.toml");
    assert_eq!(bad.exit, Some(1), "{bad:#?}");
    assert!(
        bad.out.contains("conurb.toml:2") && bad.out.contains("listen"),
        "{bad:#?}"
    );
    dir.run("doctor --data nowhere")
        .fails(1, &[])
        .says("nowhere");
});

conurb_test!(two_programs_do_not_share_a_store, |dir| {
    day(&dir);
    let clock = conurb_base::SystemClock::shared();
    let options = conurb_store::embedded::EmbeddedOptions {
        clock,
        ..Default::default()
    };
    let held: conurb_store::Stores<conurb_context::Entity> =
        conurb_store::embedded::open(&dir.path("day/node"), options).expect("the first opens it");
    dir.run("decide list --data day")
        .fails(2, &["error[CNB-STORE-", "day/node"]);
    // What only reads the ledger works beside a running node.
    dir.run("decide verify --data day").ok();
    drop(held);
    dir.run("decide list --data day").ok();
});
