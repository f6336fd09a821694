//! City sizes of the five clusters, and their totals in both files.

use std::collections::BTreeMap;
use std::path::Path;

use conurb_region::joins::join;
use conurb_region::size::size_distribution;
use conurb_region::tables::{Columns, Table};
use conurb_testkit::need_shared;

use crate::support::csv;

/// The clusters with the list each is counted by here.
pub(crate) const LISTS: [&str; 5] = ["jjj13", "yrd41", "prd9", "chengyu16", "midyangtze31"];

/// Codes of a list of `clusters.csv`.
pub(crate) fn members(data: &Path, list: &str) -> Vec<String> {
    csv(&data.join("region/reference/clusters.csv"))
        .into_iter()
        .filter(|r| r["lists"].split(';').any(|l| l == list))
        .map(|r| r["city_code"].clone())
        .collect()
}

/// Population 2010 and 2020 by code from the polygon file.
fn populations(data: &Path) -> BTreeMap<String, (f64, f64)> {
    csv(&data.join("region/census/census_city_2010-2020_v1.csv"))
        .into_iter()
        .filter_map(|r| {
            let of = |k: &str| r[k].parse::<f64>().ok();
            Some((r["city_code"].clone(), (of("popu_2010")?, of("popu_2020")?)))
        })
        .collect()
}

/// The employment table of the census of 2020.
pub(crate) fn employment(data: &Path) -> Table {
    let path = data.join("region/reference/cn_prefecture_employment20_census2020.csv");
    Table::read(
        &path,
        &Columns {
            name: "市",
            group: "省",
            code: "区划代码",
            counts: &["人口数_合计", "城镇人口"],
        },
    )
    .unwrap()
}

/// Population 2010, 2020 of the members of a list, in order.
pub(crate) fn of_list(data: &Path, list: &str) -> Vec<(f64, f64)> {
    let all = populations(data);
    let codes = members(data, list);
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let known: Vec<&str> = all.keys().map(String::as_str).collect();
    let values: Vec<(f64, f64)> = all.values().copied().collect();
    join("cluster members with the census", &codes, &known)
        .unwrap()
        .left()
        .unwrap()
        .into_iter()
        .map(|i| values[i])
        .collect()
}

#[test]
fn sizes_of_the_five_clusters() {
    let data = need_shared!("sizes_of_the_five_clusters");
    let expected = [
        (
            13,
            108_067_913.0,
            102_078_001.0,
            1.5390,
            0.6037,
            1.5789,
            0.6343,
            0.1045,
        ),
        (
            41,
            235_213_670.0,
            215_607_496.0,
            1.2812,
            0.2830,
            1.9509,
            0.7260,
            0.0374,
        ),
        (
            9,
            78_014_335.0,
            56_191_578.0,
            1.2147,
            0.5726,
            1.0636,
            0.4977,
            0.1575,
        ),
        (
            16,
            102_709_894.0,
            95_758_968.0,
            1.1545,
            0.4082,
            1.5309,
            1.0039,
            0.1575,
        ),
        (
            31,
            126_523_204.0,
            124_649_121.0,
            1.1826,
            0.3004,
            1.2268,
            0.5317,
            0.0450,
        ),
    ];
    let (mut then, mut now) = (0.0, 0.0);
    for (list, (n, total, total_2010, b, se, primacy, four, hhi)) in LISTS.iter().zip(expected) {
        let rows = of_list(&data, list);
        let sizes: Vec<f64> = rows.iter().map(|r| r.1).collect();
        assert_eq!(
            (rows.len(), sizes.iter().sum::<f64>()),
            (n, total),
            "{list}"
        );
        let sum_2010: f64 = rows.iter().map(|r| r.0).sum();
        assert_eq!(sum_2010, total_2010, "{list}");
        (then, now) = (then + sum_2010, now + total);
        let d = size_distribution(&sizes).unwrap();
        for (what, found, expected) in [
            ("b", d.b, b),
            ("se", d.b_se, se),
            ("primacy", d.primacy, primacy),
            ("four-city", d.four_city.unwrap(), four),
            ("hhi", d.hhi, hhi),
        ] {
            assert!((found - expected).abs() <= 5.1e-5, "{list} {what}: {found}");
        }
    }
    assert_eq!((then, now), (594_285_164.0, 650_529_016.0));
    for (list, total) in [("yrd26", 165_085_566.0), ("yrd27", 174_658_469.0)] {
        assert_eq!(of_list(&data, list).iter().map(|r| r.1).sum::<f64>(), total);
    }
}

#[test]
fn five_clusters_and_the_nation_in_the_workbook() {
    let data = need_shared!("five_clusters_and_the_nation_in_the_workbook");
    let table = employment(&data);
    assert_eq!(table.units.len(), 367);
    table.check_total("persons", 0, 1_409_778_724.0).unwrap();
    table
        .check_total("urban persons", 1, 899_991_162.0)
        .unwrap();
    assert_eq!(table.sector_totals().iter().sum::<f64>(), 65_631_786.0);
    let left_out: Vec<&str> = table.left_out.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(
        left_out,
        [
            "省直辖县级行政区划",
            "西沙群岛",
            "南沙群岛",
            "中沙群岛的岛礁及其海域",
            "自治区直辖县级行政区划"
        ]
    );
    assert!(table.blanks_as_zero > 0);
    let expected = [
        (110_369_339.0, 75_727_359.0),
        (235_213_670.0, 166_645_331.0),
        (77_948_672.0, 68_020_500.0),
        (102_709_894.0, 64_069_412.0),
        (126_523_204.0, 80_089_950.0),
    ];
    let (mut persons, mut urban) = (0.0, 0.0);
    for (list, expected) in LISTS.iter().zip(expected) {
        let codes = members(&data, list);
        let of = |k: usize| -> f64 {
            let here = table.units.iter().filter(|u| codes.contains(&u.code));
            here.map(|u| u.counts[k]).sum()
        };
        assert_eq!((of(0), of(1)), expected, "{list}");
        (persons, urban) = (persons + of(0), urban + of(1));
    }
    assert_eq!((persons, urban), (652_764_779.0, 454_552_552.0));
}
