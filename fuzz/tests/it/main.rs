//! Every target over its corpus and over seeded mutations of it.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // tests may unwrap and say their seed

mod malformed;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use conurb_fuzz::{Target, target};
use conurb_testkit::Mutator;

/// The seed of the mutations, unless `CONURB_FUZZ_SEED` says otherwise.
const SEED: u64 = 20_261_128;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect(variable))
}

/// The good files of a target, and those of `malformed` that its parser reads.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files: Vec<_> = std::fs::read_dir(all.join(name))
        .unwrap_or_else(|e| panic!("corpus/{name}: {e}"))
        .chain(
            std::fs::read_dir(all.join("malformed").join(name))
                .into_iter()
                .flatten(),
        )
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

fn feed(target: &Target, input: &[u8], what: &str) {
    let ran = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    assert!(
        ran.is_ok(),
        "target {} panicked at {what}; the input:\n{}",
        target.name,
        String::from_utf8_lossy(input)
    );
}

fn check(name: &str) {
    let target = target(name).unwrap();
    let seeds = corpus(name);
    assert!(!seeds.is_empty(), "{name} has no seed");
    for (n, seed) in seeds.iter().enumerate() {
        feed(target, seed, &format!("seed file {n}"));
    }
    let (rounds, seed) = (
        number("CONURB_FUZZ_ROUNDS", target.rounds),
        number("CONURB_FUZZ_SEED", SEED),
    );
    println!("{name}: seed {seed}, {rounds} rounds");
    let mut mutator = Mutator::new(seed);
    for round in 0..rounds {
        let input = mutator.next(&seeds);
        feed(target, &input, &format!("round {round} of seed {seed}"));
    }
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { check(stringify!($name)); })*

        #[test]
        fn every_target_has_a_test() {
            let tested = [$(stringify!($name)),*];
            let known: Vec<_> = conurb_fuzz::TARGETS.iter().map(|t| t.name).collect();
            assert_eq!(tested.as_slice(), known.as_slice());
        }
    };
}

targets!(
    roadnet,
    flow,
    changes,
    parking,
    sumo_net,
    sumo_demand,
    sumo_config,
    sumo_additional,
    od_table,
    zone_table,
    entry_table,
    turn_table,
    count_table,
    osm_xml,
    osm_pbf,
    gmns,
    gtfs_zip,
    gtfs_table,
    rail_table,
    rail_stations,
    access_table,
    edits,
    raster,
    wkt,
    census,
    places_csv,
    places_json,
    places_pbf,
    jobs_table,
    p_median,
    transit_design,
    route_sets,
    region_inputs,
    ngsi_entity,
    ngsi_context,
    ngsi_query,
    ngsi_subscription,
    mapping,
    payload,
    topic,
    rules,
    manifest,
    ledger,
);
