//! Random queries of both real feeds: profile scan, earliest arrival scan and rounds agree.

use conurb_testkit::need_shared;
use conurb_transit::{Direction, Earliest, Place, Raptor, Scan, Timetable, arrive_s};
use rand::RngExt as _;

use crate::support::{china_day, tokyo_day};

const SEED: u64 = 20_160_315;
/// More trips than any query of these feeds needs; the test holds that the last two add nothing.
const TRIPS: usize = 16;

/// From, to and the time to be ready, s.
type Query = (u32, u32, u32);

/// Draws pairs of different served stops and times within a day.
#[allow(clippy::print_stdout)] // the seed
fn draws(day: &Timetable, feed: &str, count: usize) -> Vec<Query> {
    println!("seed {SEED}, {count} queries of {feed}");
    let mut served: Vec<u32> = day.connections().iter().map(|c| c.from).collect();
    served.sort_unstable();
    served.dedup();
    let mut random = conurb_base::stream(SEED, feed, "queries");
    let stop = |random: &mut conurb_base::Stream| served[random.random_range(0..served.len())];
    let mut queries = Vec::with_capacity(count);
    while queries.len() < count {
        let (from, to) = (stop(&mut random), stop(&mut random));
        if from != to {
            queries.push((from, to, random.random_range(0..86_400)));
        }
    }
    queries
}

/// Asks every engine the same, and returns how many queries have a journey.
fn all_agree(day: &Timetable, queries: &[Query]) -> usize {
    let targets: Vec<Place> = queries.iter().map(|q| Place::stop(q.1)).collect();
    let by_profile = Scan::new(day, Direction::AllToOne)
        .to_places(&targets, |at, profiles| {
            let (from, to, ready_s) = queries[at];
            // A profile holds journeys with a vehicle; a way on foot needs none.
            let walk = day.foot().from(from).iter().find(|w| w.0 == to);
            let walk = walk.map(|w| ready_s + w.1);
            let ride = arrive_s(profiles.of(from as usize), ready_s.cast_signed());
            walk.into_iter().chain(ride.map(i32::cast_unsigned)).min()
        })
        .unwrap();
    let mut earliest = Earliest::new(day);
    let mut raptor = Raptor::new(day, TRIPS).unwrap();
    for ((from, to, ready_s), profile) in queries.iter().zip(&by_profile) {
        let what = || {
            let name = |stop: u32| &day.stops()[stop as usize].name;
            format!("{} -> {} at {ready_s} s", name(*from), name(*to))
        };
        assert_eq!(
            earliest.at_stop(*from, *to, *ready_s),
            *profile,
            "scan: {}",
            what()
        );
        // `None` of the profile must mean that no number of trips helps, and a late round that
        // still improves would mean that the bound, not the timetable, decides.
        let rounds = raptor.arrivals(&Place::stop(*from), *ready_s);
        assert_eq!(rounds[TRIPS][*to as usize], *profile, "rounds: {}", what());
        assert_eq!(
            rounds[TRIPS],
            rounds[TRIPS - 2],
            "the bound is reached: {}",
            what()
        );
    }
    by_profile.iter().flatten().count()
}

#[test]
fn a_thousand_queries_of_the_nation_agree() {
    let data = need_shared!("a_thousand_queries_of_the_nation_agree");
    let day = china_day(&data, 600);
    let reached = all_agree(&day, &draws(&day, "China", 1_000));
    assert!(reached > 200, "{reached} have a journey");
}

#[test]
fn queries_of_tokyo_agree() {
    let data = need_shared!("queries_of_tokyo_agree");
    let day = tokyo_day(&data);
    let reached = all_agree(&day, &draws(&day, "Tokyo", 60));
    assert!(reached > 40, "{reached} have a journey");
}

#[test]
#[ignore = "minutes of one core; sixty of these run in continuous integration"]
fn a_thousand_queries_of_tokyo_agree() {
    let data = need_shared!("a_thousand_queries_of_tokyo_agree");
    let day = tokyo_day(&data);
    let reached = all_agree(&day, &draws(&day, "Tokyo", 1_000));
    assert!(reached > 800, "{reached} have a journey");
}
