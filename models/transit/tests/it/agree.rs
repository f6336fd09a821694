//! Random timetables: profile scan, earliest arrival, rounds and brute force agree; what must not
//! matter does not.

use conurb_transit::{
    Call, Direction, Earliest, NO_ALIGHTING, NO_BOARDING, Pair, Place, Raptor, Scan, Timetable,
    TimetableStop, TripRun, arrive_s,
};
use proptest::prelude::*;

const STOPS: u32 = 7;
/// More rounds than any journey of a plan needs.
const ROUNDS: usize = 80;
const LATE: u32 = u32::MAX;

#[derive(Debug, Clone)]
struct Plan {
    change_s: Vec<u32>,
    foot: Vec<(u32, u32, u32)>,
    trips: Vec<Vec<Call>>,
}

impl Plan {
    fn timetable(&self) -> Timetable {
        let stops = (0..STOPS).map(|n| TimetableStop {
            id: format!("s{n}").into(),
            name: format!("Stop {n}").into(),
            lat_lon: None,
        });
        let trips = self.trips.iter().enumerate().map(|(n, calls)| TripRun {
            id: format!("t{n}").into(),
            name: "".into(),
            route: "r".into(),
            headway_s: None,
            calls: calls.clone().into(),
        });
        Timetable::from_parts(
            stops.collect(),
            self.change_s.clone(),
            self.foot.clone(),
            trips.collect(),
        )
        .unwrap()
    }

    /// Earliest arrivals with at most `rounds` trips, by trying everything.
    fn brute(&self, from: u32, ready_s: u32, rounds: usize) -> Vec<u32> {
        let mut arrive = vec![LATE; STOPS as usize];
        let mut board = vec![LATE; STOPS as usize];
        let lower = |list: &mut Vec<u32>, stop: u32, time: u32| {
            list[stop as usize] = list[stop as usize].min(time);
        };
        let walks = |from: u32| self.foot.iter().filter(move |f| f.0 == from && f.1 != from);
        lower(&mut arrive, from, ready_s);
        lower(&mut board, from, ready_s + self.change_s[from as usize]);
        for (_, to, s) in walks(from) {
            lower(&mut arrive, *to, ready_s + s);
            lower(&mut board, *to, ready_s + s);
        }
        for _ in 0..rounds {
            let ready = board.clone();
            for calls in &self.trips {
                for (n, on) in calls.iter().enumerate() {
                    if on.flags & NO_BOARDING != 0 || ready[on.stop as usize] > on.dep_s {
                        continue;
                    }
                    for off in &calls[n + 1..] {
                        if off.flags & NO_ALIGHTING != 0 {
                            continue;
                        }
                        lower(&mut arrive, off.stop, off.arr_s);
                        let change_s = self.change_s[off.stop as usize];
                        lower(&mut board, off.stop, off.arr_s + change_s);
                        for (_, to, s) in walks(off.stop) {
                            lower(&mut arrive, *to, off.arr_s + s);
                            lower(&mut board, *to, off.arr_s + s);
                        }
                    }
                }
            }
        }
        arrive
    }
}

fn trip() -> impl Strategy<Value = Vec<Call>> {
    let call = (
        0..STOPS,
        0_u32..4,
        0_u32..3,
        prop_oneof![8 => Just(0_u8), 1 => 0_u8..4],
    );
    (0_u32..60, prop::collection::vec(call, 2..6)).prop_map(|(start, calls)| {
        let mut time = start;
        calls
            .into_iter()
            .map(|(stop, run, dwell, flags)| {
                let arr_s = time + run;
                time = arr_s + dwell;
                Call {
                    stop,
                    arr_s,
                    dep_s: time,
                    flags,
                }
            })
            .collect()
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    (
        prop::collection::vec(prop_oneof![Just(0_u32), 0_u32..6], STOPS as usize),
        prop::collection::vec((0..STOPS, 0..STOPS, 0_u32..8), 0..5),
        prop::collection::vec(trip(), 1..14),
    )
        .prop_map(|(change_s, foot, trips)| {
            // The shortest of each pair counts; brute force takes all, which is the same.
            Plan {
                change_s,
                foot,
                trips,
            }
        })
}

/// Earliest arrival by the profile or on foot alone.
fn by_profile(plan: &Plan, profile: &[Pair], from: u32, to: u32, ready_s: u32) -> u32 {
    let walk = plan
        .foot
        .iter()
        .filter(|f| (f.0, f.1) == (from, to))
        .map(|f| ready_s + f.2);
    let ride = arrive_s(profile, ready_s.cast_signed()).map(i32::cast_unsigned);
    walk.chain(ride).min().unwrap_or(LATE)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn all_engines_agree(plan in plan()) {
        let day = plan.timetable();
        let to_one = Scan::new(&day, Direction::AllToOne);
        let from_one = Scan::new(&day, Direction::OneToAll);
        let all = to_one.all_pairs(&to_one.stops_as_places()).unwrap();
        let mut earliest = Earliest::new(&day);
        let mut raptor = Raptor::new(&day, 14).unwrap();
        for from in 0..STOPS {
            let place = Place::stop(from);
            let out = from_one.profiles(&place).unwrap();
            for to in (0..STOPS).filter(|to| *to != from) {
                prop_assert_eq!(out.of(to as usize), all.profile(from as usize, to as usize));
            }
            prop_assert_eq!(&to_one.profiles(&place).unwrap(), &all.to[from as usize]);
            for ready_s in (0..70).step_by(3) {
                let brute = plan.brute(from, ready_s, ROUNDS);
                let brute_14 = plan.brute(from, ready_s, 14);
                let scanned = earliest.at_all(&place, ready_s);
                let rounds = raptor.arrivals(&place, ready_s);
                for to in 0..STOPS {
                    let known = brute[to as usize];
                    let known = (known != LATE).then_some(known);
                    prop_assert_eq!(scanned[to as usize], known, "scan {} {}", from, to);
                    prop_assert_eq!(rounds[14][to as usize].unwrap_or(LATE), brute_14[to as usize], "rounds {} {}", from, to);
                    if to != from {
                        prop_assert_eq!(earliest.at_stop(from, to, ready_s), known);
                        let profile = all.profile(from as usize, to as usize);
                        let found = by_profile(&plan, profile, from, to, ready_s);
                        prop_assert_eq!((found != LATE).then_some(found), known, "profile");
                    }
                }
            }
        }
    }

    #[test]
    fn trips_count_alike(plan in plan(), from in 0..STOPS) {
        let day = plan.timetable();
        let place = Place::stop(from);
        let scan = Scan::new(&day, Direction::AllToOne);
        let back = Scan::new(&day, Direction::OneToAll).profiles_by_trips(&place, 4).unwrap();
        let mut raptor = Raptor::new(&day, 4).unwrap();
        for ready_s in (0..60).step_by(4) {
            let rounds = raptor.arrivals(&place, ready_s);
            for k in 1..=4 {
                let brute = plan.brute(from, ready_s, k);
                for to in (0..STOPS).filter(|to| *to != from) {
                    let known = brute[to as usize];
                    prop_assert_eq!(rounds[k][to as usize].unwrap_or(LATE), known);
                    let profile = back[k - 1].of(to as usize);
                    prop_assert_eq!(by_profile(&plan, profile, from, to, ready_s), known);
                }
            }
        }
        for to in (0..STOPS).filter(|to| *to != from) {
            let forward = scan.profiles_by_trips(&Place::stop(to), 4).unwrap();
            for k in 0..4 {
                prop_assert_eq!(forward[k].of(from as usize), back[k].of(to as usize));
            }
        }
    }

    #[test]
    fn a_range_is_all_its_times(plan in plan(), from in 0..STOPS, to in 0..STOPS) {
        prop_assume!(from != to);
        let day = plan.timetable();
        let place = Place::stop(from);
        let mut raptor = Raptor::new(&day, 5).unwrap();
        // The window holds every departure: trips begin before 60 and end before 95.
        let range = raptor.range(&place, to, (0, 200)).unwrap();
        for ready_s in 0..70 {
            for k in 1..=5 {
                let known = plan.brute(from, ready_s, k)[to as usize];
                let walk = plan.brute(from, ready_s, 0)[to as usize];
                let found = range
                    .iter()
                    .filter(|o| o.ready_s >= ready_s && o.trips <= k)
                    .map(|o| o.arrive_s)
                    .min()
                    .unwrap_or(LATE);
                prop_assert_eq!(found.min(walk), known, "{} at most {}", ready_s, k);
            }
        }
    }

    #[test]
    fn journeys_add_up_and_can_be_made(plan in plan(), from in 0..STOPS, to in 0..STOPS, ready_s in 0_u32..60) {
        prop_assume!(from != to);
        let day = plan.timetable();
        let (a, b) = (
            Place { name: "a".into(), stops: vec![(from, 3)] },
            Place { name: "b".into(), stops: vec![(to, 2)] },
        );
        let mut earliest = Earliest::new(&day);
        let known = plan.brute(from, ready_s + 3, ROUNDS)[to as usize];
        let Some(journey) = earliest.journey(&a, &b, ready_s).unwrap() else {
            prop_assert_eq!(known, LATE);
            return Ok(());
        };
        prop_assert_eq!(journey.arrive_s, known + 2);
        let parts = journey.parts();
        let sum = parts.access_s + parts.wait_s + parts.ride_s + parts.change_s + parts.egress_s;
        prop_assert_eq!(sum, journey.arrive_s - journey.ready_s);
        let mut at = (from, ready_s + 3, true);
        for leg in &journey.legs {
            at = match *leg {
                conurb_transit::Leg::Walk { from, to, time_s } => {
                    prop_assert_eq!(at.0, from);
                    (to, at.1 + time_s, false)
                }
                conurb_transit::Leg::Ride { from, to, dep_s, arr_s, .. } => {
                    prop_assert_eq!(at.0, from);
                    let change_s = if at.2 { plan.change_s[from as usize] } else { 0 };
                    prop_assert!(at.1 + change_s <= dep_s && dep_s <= arr_s);
                    (to, arr_s, true)
                }
            };
        }
        prop_assert_eq!((at.0, at.1 + 2), (to, journey.arrive_s));
    }

    #[test]
    fn another_trip_never_hurts_and_threads_do_not_matter(plan in plan(), more in trip()) {
        let day = plan.timetable();
        let scan = Scan::new(&day, Direction::AllToOne);
        let places = scan.stops_as_places();
        let all = scan.all_pairs(&places).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let alone = pool.install(|| scan.all_pairs(&places).unwrap());
        prop_assert_eq!(&alone, &all);
        let mut richer = plan.clone();
        richer.trips.push(more);
        let richer_day = richer.timetable();
        let scan = Scan::new(&richer_day, Direction::AllToOne);
        let after = scan.all_pairs(&places).unwrap();
        for from in 0..STOPS as usize {
            for to in 0..STOPS as usize {
                for pair in all.profile(from, to) {
                    let now = arrive_s(after.profile(from, to), pair.ready_s);
                    prop_assert!(now.is_some_and(|n| n <= pair.arrive_s));
                }
            }
        }
    }
}
