//! Industry structures of the clusters from the censuses of 2010 and 2020.

use std::path::Path;

use conurb_region::industry::{
    Jobs, PairMeasure, rank_complementarity, redundant_sectors, relatedness, sector_location,
};
use conurb_region::tables::{Table, doubtful_headers, gbt4754, unknown_sectors};
use conurb_testkit::need_shared;

use crate::size::{LISTS, employment, members};
use crate::workbook;

fn cluster(data: &Path, table: &Table, list: &str) -> Jobs {
    let codes = members(data, list);
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    table.jobs_of(&codes).unwrap()
}

fn mean(jobs: &Jobs, measure: PairMeasure) -> f64 {
    jobs.pairs(measure).unwrap().mean_of_pairs().unwrap()
}

#[track_caller]
fn shown(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{what}: {found} is not {expected}"
    );
}

fn city(jobs: &Jobs, name: &str) -> usize {
    jobs.names()
        .iter()
        .position(|n| n.trim_end_matches('市') == name)
        .unwrap()
}

#[test]
fn similarity_within_the_five_clusters() {
    let data = need_shared!("similarity_within_the_five_clusters");
    let table = employment(&data);
    let expected = [
        (0.877312, 0.389699),
        (0.865611, 0.405608),
        (0.930563, 0.381347),
        (0.945353, 0.249332),
        (0.917535, 0.318892),
    ];
    for (list, (s, k)) in LISTS.iter().zip(expected) {
        let jobs = cluster(&data, &table, list);
        shown(list, mean(&jobs, PairMeasure::Similarity), s, 5.1e-7);
        shown(list, mean(&jobs, PairMeasure::Krugman), k, 5.1e-7);
    }
    let delta = cluster(&data, &table, "yrd41");
    shown(
        "FK",
        mean(&delta, PairMeasure::FingerKreinin),
        0.797196,
        5.1e-7,
    );
    let farming = delta.sector("农林牧渔业").unwrap();
    let without = delta.without(farming).unwrap();
    shown(
        "without",
        mean(&without, PairMeasure::Similarity),
        0.928770,
        5.1e-7,
    );
}

#[test]
fn pairs_of_the_delta() {
    let data = need_shared!("pairs_of_the_delta");
    let delta = cluster(&data, &employment(&data), "yrd41");
    let pair = |a: &str, b: &str, m| delta.pair(city(&delta, a), city(&delta, b), m);
    for (a, b, s) in [
        ("无锡", "苏州", 0.999514),
        ("苏州", "宿州", 0.415148),
        ("上海", "杭州", 0.980996),
        ("上海", "南京", 0.973810),
        ("上海", "合肥", 0.917943),
        ("上海", "苏州", 0.904385),
        ("上海", "无锡", 0.901655),
        ("上海", "宁波", 0.875695),
        ("上海", "嘉兴", 0.867336),
        ("上海", "南通", 0.836386),
    ] {
        shown(
            &format!("{a}-{b}"),
            pair(a, b, PairMeasure::Similarity),
            s,
            5.1e-7,
        );
    }
    for (b, k) in [("杭州", 0.186017), ("南京", 0.197135), ("苏州", 0.445146)] {
        shown(b, pair("上海", b, PairMeasure::Krugman), k, 5.1e-7);
    }
    let all = delta.pairs(PairMeasure::Similarity).unwrap();
    let pairs = (0..41).flat_map(|i| (0..i).map(move |j| (i, j)));
    let by: Vec<f64> = pairs.map(|(i, j)| all.at(i, j)).collect();
    let extreme = |f: fn(f64, f64) -> f64, from| by.iter().copied().fold(from, f);
    shown("highest", extreme(f64::max, 0.0), 0.999514, 5.1e-7);
    shown("lowest", extreme(f64::min, 1.0), 0.415148, 5.1e-7);
}

#[test]
fn location_quotients_of_the_core_and_the_making_tier() {
    let data = need_shared!("location_quotients_of_the_core_and_the_making_tier");
    let table = employment(&data);
    let nation = table.sector_totals();
    let (jobs, _) = table.all_jobs().unwrap();
    let lq = jobs.location_quotients(&nation).unwrap();
    let (ict, research) = ("信息传输软件和信息技术服务业", "科学研究和技术服务业");
    for (name, sector, value) in [
        ("上海", ict, 3.5283),
        ("杭州", ict, 3.4714),
        ("南京", ict, 3.4071),
        ("合肥", ict, 2.0017),
        ("北京", ict, 5.4713),
        ("深圳", ict, 3.0042),
        ("南京", research, 3.0286),
        ("上海", research, 2.8323),
        ("嘉兴", "制造业", 2.6450),
        ("宁波", "制造业", 2.5175),
        ("苏州", "制造业", 2.3633),
        ("上海", "金融业", 2.6125),
    ] {
        let found = lq[city(&jobs, name)][jobs.sector(sector).unwrap()].unwrap();
        shown(&format!("{name} {sector}"), found, value, 5.1e-5);
    }
    let all: f64 = nation.iter().sum();
    for (sector, share, gini, g) in [
        ("制造业", 0.180605, 0.322382, 0.00264349),
        (ict, 0.017210, 0.427846, 0.01171564),
    ] {
        let s = jobs.sector(sector).unwrap();
        shown(sector, nation[s] / all, share, 5.1e-7);
        let l = sector_location(&jobs, s, None).unwrap();
        shown(sector, l.locational_gini, gini, 5.1e-7);
        shown(sector, l.raw_g, g, 5.1e-9);
        assert_eq!(l.gamma, None);
    }
}

/// With the rows that count persons twice left in, the quotient is another one (Q6).
#[test]
fn doubled_rows_show_in_a_quotient() {
    let data = need_shared!("doubled_rows_show_in_a_quotient");
    let path = data.join("region/reference/cn_prefecture_employment20_census2020.csv");
    let rows = crate::support::csv(&path);
    assert_eq!(rows.len(), 372);
    let sum = |k: &str| -> f64 {
        rows.iter()
            .map(|r| r[k].parse::<f64>().unwrap_or(0.0))
            .sum()
    };
    assert_eq!(sum("人口数_合计"), 1_414_735_461.0);
    let table = employment(&data);
    let nation: Vec<f64> = table.sectors.iter().map(|s| sum(s)).collect();
    let jobs = table.jobs_of(&["310100"]).unwrap();
    let ict = jobs.sector("信息传输软件和信息技术服务业").unwrap();
    let lq = jobs.location_quotients(&nation).unwrap()[0][ict].unwrap();
    shown("with doubles", lq, 3.5357, 5.1e-5);
}

/// Skipping a blank instead of reading 0 moves the mean Krugman index in the sixth digit.
#[test]
fn a_blank_is_nobody_and_not_unknown() {
    let data = need_shared!("a_blank_is_nobody_and_not_unknown");
    let delta = cluster(&data, &employment(&data), "yrd41");
    let n = delta.names().len();
    let shares: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            (0..delta.sectors().len())
                .map(|s| delta.share(i, s))
                .collect()
        })
        .collect();
    let mut sum = 0.0;
    for i in 0..n {
        for j in 0..i {
            let both = (shares[i].iter().zip(&shares[j])).filter(|(a, b)| **a > 0.0 && **b > 0.0);
            sum += both.map(|(a, b)| (a - b).abs()).sum::<f64>();
        }
    }
    let skipping = sum / (n * (n - 1) / 2) as f64;
    shown("skipping", skipping, 0.405603, 5.1e-7);
    shown(
        "zeros",
        mean(&delta, PairMeasure::Krugman),
        0.405608,
        5.1e-7,
    );
}

/// Jobs of 41 Delta cities in 2010, sectors named by GB/T 4754-2002; and the headers of the workbook.
fn delta_2010(data: &Path) -> (Jobs, Vec<String>) {
    let wanted: Vec<String> = (114..=133).map(workbook::letters).collect();
    let path = data.join("region/census/census_county_2010_v1.xlsx");
    let (headers, rows) = workbook::rows(&path, &wanted);
    let codes = members(data, "yrd41");
    let cells = codes.iter().flat_map(|c| {
        let key = if c == "310100" { "310000" } else { c.as_str() };
        &rows[key]
    });
    let jobs = cells
        .map(|c| {
            if c.is_empty() {
                0.0
            } else {
                c.parse().unwrap()
            }
        })
        .collect();
    let sectors = gbt4754("2002").unwrap();
    let sectors = sectors.into_iter().map(|s| s.key).collect();
    (Jobs::new(codes, sectors, jobs).unwrap(), headers)
}

#[test]
fn structures_of_the_delta_converged_since_2010() {
    let data = need_shared!("structures_of_the_delta_converged_since_2010");
    let (then, headers) = delta_2010(&data);
    shown(
        "S 2010",
        mean(&then, PairMeasure::Similarity),
        0.7920,
        5.1e-5,
    );
    shown("K 2010", mean(&then, PairMeasure::Krugman), 0.5642, 5.1e-5);
    let without = then.without(then.sector("farming").unwrap()).unwrap();
    shown(
        "S without",
        mean(&without, PairMeasure::Similarity),
        0.9138,
        5.1e-5,
    );
    // Q7: the three headers that were scrambled, and a misprint.
    let names = gbt4754("2002").unwrap();
    let names: Vec<&str> = names.iter().map(|s| s.name_zh.as_str()).collect();
    let unknown = unknown_sectors(&headers, &names);
    assert_eq!(unknown.len(), 4, "{unknown:?}");
    for (found, header) in unknown
        .iter()
        .zip(["仓储", "交通运输", "信息传输", "科学研究"])
    {
        assert!(found[1..].starts_with(header), "{found}");
    }
    // Paired by position, sectors resemble others more than themselves; by key, fewer do.
    let now = cluster(&data, &employment(&data), "yrd41");
    let now_keys: Vec<String> = gbt4754("2017")
        .unwrap()
        .into_iter()
        .map(|s| s.key)
        .collect();
    let now = Jobs::new(
        now.names().to_vec(),
        now_keys.clone(),
        (0..41 * 20).map(|k| now.at(k / 20, k % 20)).collect(),
    )
    .unwrap();
    let by_position: Vec<usize> = (0..20).collect();
    let by_key: Vec<usize> = then
        .sectors()
        .iter()
        .map(|k| now_keys.iter().position(|n| n == k).unwrap())
        .collect();
    let doubts = doubtful_headers(&then, &now, &by_position).unwrap();
    let named: Vec<&str> = doubts.iter().map(|d| d.sector.as_str()).collect();
    let honest = doubtful_headers(&then, &now, &by_key).unwrap();
    assert_eq!(
        named,
        [
            "transport_post",
            "ict",
            "wholesale_retail",
            "water_environment",
            "household_services"
        ]
    );
    // Two sectors are still flagged under right headers, for reasons we have not looked into; the swapped ones are gone.
    let honest: Vec<&str> = honest.iter().map(|d| d.sector.as_str()).collect();
    assert_eq!(honest, ["water_environment", "household_services"]);
}

/// One header of the file is a misprint, and found.
#[test]
fn sectors_of_the_census_are_those_of_the_classification() {
    let data = need_shared!("sectors_of_the_census_are_those_of_the_classification");
    let names = gbt4754("2017").unwrap();
    let names: Vec<&str> = names.iter().map(|s| s.name_zh.as_str()).collect();
    assert_eq!(
        unknown_sectors(&employment(&data).sectors, &names),
        ["\"居民服务修理和其服务业\"; did you mean \"居民服务修理和其他服务业\"?"]
    );
    assert!(gbt4754("2011").is_err());
}

#[test]
fn relatedness_and_flags_of_the_nation() {
    let data = need_shared!("relatedness_and_flags_of_the_nation");
    let table = employment(&data);
    let nation = table.sector_totals();
    let (jobs, without) = table.all_jobs().unwrap();
    assert_eq!(without, ["三沙市"]);
    let r = relatedness(&jobs, &nation).unwrap();
    assert_eq!(r.eci_note, None);
    let eci = |name| r.eci[city(&jobs, name)].unwrap();
    assert!(
        eci("上海") > 1.0 && eci("宿州") < 0.0,
        "{} {}",
        eci("上海"),
        eci("宿州")
    );
    assert!(r.density.iter().flatten().all(|w| (0.0..=1.0).contains(w)));
    let delta = cluster(&data, &table, "yrd41");
    let flags = redundant_sectors(&delta, &nation, 1.25).unwrap();
    assert_eq!(flags[0].sector, "制造业");
    assert!(flags[0].specialised.len() > 10);
    let c = rank_complementarity(&delta, &nation).unwrap();
    let at = |a, b| c.at(city(&delta, a), city(&delta, b));
    assert!(at("上海", "宿州") > at("上海", "杭州"));
}
