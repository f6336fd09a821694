//! The scorecard of the 41 Delta cities from the shared data.

use conurb_region::RegionError;
use conurb_region::network::tie_centrality;
use conurb_region::secondary::{Better, Column, dependence, roles, scorecard, siphon_watch};
use conurb_testkit::need_shared;

use crate::network::delta;
use crate::size::{employment, members, of_list};

fn column(name: &str, better: Better, weight: f64, values: Vec<Option<f64>>) -> Column {
    Column {
        name: name.to_owned(),
        unit: "1".to_owned(),
        source: "timetable 2016, census 2010 and 2020".to_owned(),
        better,
        weight,
        values,
    }
}

#[test]
fn scorecard_of_the_delta() {
    let data = need_shared!("scorecard_of_the_delta");
    let (names, flows) = delta(&data);
    let codes = members(&data, "yrd41");
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let core = names.iter().position(|n| n == "上海").unwrap();
    let population = of_list(&data, "yrd41");
    let jobs = employment(&data).jobs_of(&codes).unwrap();
    let power = tie_centrality(&flows.symmetric()).unwrap();
    let served = |i: usize| power.strength[i] > 0.0;
    let some = |v: Vec<f64>| v.into_iter().map(Some).collect::<Vec<_>>();
    let columns = vec![
        column(
            "persons",
            Better::High,
            1.0,
            some(population.iter().map(|p| p.1).collect()),
        ),
        column(
            "dependence",
            Better::Low,
            1.0,
            dependence(&flows, core).unwrap(),
        ),
        column(
            "power",
            Better::High,
            1.0,
            (0..41)
                .map(|i| served(i).then(|| power.alternative_power[i]))
                .collect(),
        ),
        column("entropy", Better::High, 1.0, some(jobs.entropy())),
        column(
            "growth",
            Better::High,
            1.0,
            some(population.iter().map(|p| p.1 / p.0 - 1.0).collect()),
        ),
    ];
    let card = scorecard(&names, columns.clone()).unwrap();
    // The core has no dependence on itself, eleven cities had no train: named, not filled in.
    assert_eq!((card.scores.len(), card.not_scored.len()), (29, 12));
    assert!(card.scores.windows(2).all(|w| w[0].rank <= w[1].rank));
    assert!(card.scores.iter().any(|s| s.unstable) && card.scores.iter().any(|s| !s.unstable));
    for s in &card.scores {
        assert!(
            s.rank_range.0 <= s.rank && s.rank <= s.rank_range.1,
            "{s:?}"
        );
    }
    let mut bare = columns;
    bare[0].source.clear();
    assert!(matches!(
        scorecard(&names, bare),
        Err(RegionError::NoSource { .. })
    ));
}

#[test]
fn siphon_watch_and_roles_of_the_delta() {
    let data = need_shared!("siphon_watch_and_roles_of_the_delta");
    let (names, _) = delta(&data);
    let codes = members(&data, "yrd41");
    let core = names.iter().position(|n| n == "上海").unwrap();
    let rows = crate::support::csv(&data.join("region/reference/cn2016_direct_trains_city_od.csv"));
    let minutes: Vec<Option<f64>> = codes
        .iter()
        .map(|c| {
            let row = rows
                .iter()
                .find(|r| r["from_code"] == *c && r["to_code"] == "310100")?;
            row["fastest_min"].parse().ok()
        })
        .collect();
    let (then, now): (Vec<f64>, Vec<f64>) = of_list(&data, "yrd41").into_iter().unzip();
    let watch = siphon_watch(&then, &now, &minutes, core, Some(120.0)).unwrap();
    assert!(!watch.is_empty());
    assert!(
        watch
            .iter()
            .all(|s| s.share_now < s.share_then && s.minutes <= 120.0)
    );
    let table = employment(&data);
    let (jobs, _) = table.all_jobs().unwrap();
    let found = roles(&jobs, &table.sector_totals(), 3).unwrap();
    let role = |name: &str| found.iter().find(|r| r.city == name).unwrap();
    let shanghai: Vec<&str> = role("上海市")
        .stands_for
        .iter()
        .map(|s| s.sector.as_str())
        .collect();
    assert_eq!(shanghai[..2], ["国际组织", "信息传输软件和信息技术服务业"]);
    assert_eq!(role("嘉兴市").stands_for[0].sector, "制造业");
    assert!(
        role("宿州市")
            .could_grow
            .iter()
            .all(|s| s.location_quotient < 1.0)
    );
}
