//! `conurb gen`.

use crate::program::conurb_test;

const FILES: [&str; 3] = ["roadnet.json", "flow.json", "city.json"];

conurb_test!(the_same_options_give_the_same_bytes, |dir| {
    for out in ["a", "b"] {
        dir.run(&format!("gen --signals 9 --seed 3 --span 10m --out {out}"))
            .ok()
            .says("conurb day --network");
    }
    dir.run("gen --signals 9 --seed 4 --span 10m --out c").ok();
    for file in FILES {
        let of = |d: &str| dir.read(&format!("{d}/{file}"));
        assert_eq!(of("a"), of("b"), "{file}");
        assert_ne!(of("a"), of("c"), "{file} of another seed");
    }
});

conurb_test!(
    a_city_has_the_size_asked_for_and_says_it_is_synthetic,
    |dir| {
        for signals in [4, 25, 120] {
            let run = dir.run(&format!(
                "gen --signals {signals} --span 5m --out c{signals}"
            ));
            assert!(run.ok().err.contains("synthetic"));
            let net = dir.json(&format!("c{signals}/roadnet.json"));
            let lights = net["intersections"]
                .as_array()
                .expect("a list")
                .iter()
                .filter(|i| i["virtual"] == false)
                .filter(|i| {
                    i["trafficLight"]["lightphases"]
                        .as_array()
                        .is_some_and(|p| p.len() > 1)
                })
                .count();
            assert_eq!(lights, signals);
            assert!(net["synthetic"].is_object());
        }
    }
);

conurb_test!(impossible_cities_are_refused, |dir| {
    for (words, says) in [
        ("--signals 3", "signals"),
        ("--signals 10001", "10,000"),
        ("--signals 9 --load 99", "load"),
        ("--signals 9 --load NaN", "load"),
        ("--signals 9 --load -1", "'-1'"),
        ("--signals 9 --from 25:00", "25:00"),
        ("--signals 9 --span 0", "span"),
        ("--signals 9 --span 30s", "30"),
        ("--signals nine", "nine"),
    ] {
        dir.run(&format!("gen {words} --out x")).fails(2, &[says]);
        assert!(!dir.path("x").exists(), "{words} left something");
    }
    dir.write("file", "in the way");
    dir.run("gen --signals 4 --span 5m --out file/inside")
        .fails(2, &["file/inside", "error[CNB-"]);
});
