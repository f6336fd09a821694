//! Regression values of the Tokyo weekday (scan and rounds agree).

use conurb_testkit::need_shared;
use conurb_transit::{Direction, Place, Scan, arrive_s};

use crate::support::{tokyo, tokyo_day};

#[test]
fn the_feed_has_the_known_size() {
    let data = need_shared!("the_tokyo_feed_has_the_known_size");
    let feed = tokyo(&data);
    assert_eq!(
        [
            feed.stops.len(),
            feed.routes.len(),
            feed.trips.len(),
            feed.calls.len(),
            feed.transfers.len()
        ],
        [2_574, 177, 48_709, 636_052, 2_636]
    );
    assert_eq!(feed.findings.total(), 0, "{:?}", feed.findings);
}

#[test]
fn reach_of_tokyo_and_shinjuku() {
    let data = need_shared!("reach_of_tokyo_and_shinjuku");
    let day = tokyo_day(&data);
    let scan = Scan::new(&day, Direction::OneToAll);
    for (origin, ready_min, reached, within, mean, arrivals) in [
        (
            "JR-East.Yamanote.Tokyo",
            8 * 60,
            2_574,
            [166, 561, 1_035, 1_387, 1_815, 2_003],
            76.1747,
            &[
                ("JR-East.Yamanote.Shinjuku", 8 * 60 + 17),
                ("JR-East.ShonanShinjuku.Yokohama", 8 * 60 + 36),
                ("JR-East.SobuRapid.Chiba", 8 * 60 + 42),
                ("JR-East.ChuoRapid.Takao", 9 * 60 + 11),
                ("Keisei.NaritaSkyAccess.NaritaAirportTerminal1", 9 * 60 + 7),
            ][..],
        ),
        (
            "JR-East.Yamanote.Shinjuku",
            18 * 60,
            2_556,
            [135, 596, 1_004, 1_402, 1_812, 2_012],
            74.6502,
            &[
                ("JR-East.Yamanote.Tokyo", 18 * 60 + 15),
                ("JR-East.SaikyoKawagoe.Omiya", 18 * 60 + 38),
                (
                    "Keisei.NaritaSkyAccess.NaritaAirportTerminal1",
                    19 * 60 + 24,
                ),
            ][..],
        ),
    ] {
        let from = day.stop(origin).unwrap();
        let profiles = scan.profiles(&Place::stop(from)).unwrap();
        let ready = ready_min * 60;
        let at = |stop: u32| {
            let walk = day.foot().from(from).iter().find(|w| w.0 == stop);
            let walk = walk.map(|w| ready + i32::try_from(w.1).unwrap());
            let ride = arrive_s(profiles.of(stop as usize), ready);
            if stop == from {
                Some(ready)
            } else {
                walk.into_iter().chain(ride).min()
            }
        };
        let times: Vec<i32> = (0..2_574).filter_map(at).map(|t| t - ready).collect();
        assert_eq!(times.len(), reached, "{origin}");
        let counts = [15, 30, 45, 60, 90, 120]
            .map(|minutes| times.iter().filter(|t| **t <= minutes * 60).count());
        assert_eq!(counts, within, "{origin}");
        let sum: i64 = times.iter().map(|t| i64::from(*t)).sum();
        let found = sum as f64 / reached as f64 / 60.0;
        assert!((found - mean).abs() < 5e-5, "{origin} {found}");
        for (stop, minutes) in arrivals {
            let stop = day.stop(stop).unwrap();
            assert_eq!(at(stop).map(|t| t / 60), Some(*minutes), "{origin}");
        }
    }
}
