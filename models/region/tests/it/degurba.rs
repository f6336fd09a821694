//! Degree of urbanisation: the published cells and totals of Belgium, and Beijing with and without
//! true areas.

use std::path::Path;

use conurb_geo::raster::Raster;
use conurb_region::degurba::{
    Classes, GroupRule, Level1Rules, Level2Rules, Neighbours, PopulationGrid, Smoothing, UnitClass,
    WaterRule, classify_units, level1, level2, water,
};
use conurb_testkit::need_shared;

use crate::support::{csv, near, timed};

fn belgium(data: &Path) -> PopulationGrid {
    let read = |name: &str| Raster::read(&data.join("region/popgrid_belgium").join(name)).unwrap();
    let (pop, land, built) = (read("POP.tif"), read("LAND.tif"), read("BUILT_S.tif"));
    PopulationGrid::from_rasters(&pop, Some(&land), Some(&built)).unwrap()
}

fn group(density_per_km2: f64, size_persons: f64, neighbours: Neighbours) -> GroupRule {
    GroupRule {
        density_per_km2,
        size_persons,
        neighbours,
    }
}

/// The three sets of level 2.
fn level2_sets() -> [(&'static str, Level2Rules); 3] {
    let base = Level2Rules::default();
    let mut b = base;
    b.low_density_per_km2 = 70.0;
    b.centre.smoothing = None;
    b.dense.size_persons = 6_000.0;
    b.semi_dense = group(300.0, 5_000.0, Neighbours::Eight);
    b.buffer_cells = 3;
    let mut c = base;
    c.centre.group.size_persons = 60_000.0;
    c.centre.fill_below_km2 = Some(3.0);
    c.dense.density_per_km2 = 1_000.0;
    c.semi_dense = group(300.0, 5_000.0, Neighbours::Four);
    c.suburban.neighbours = Neighbours::Four;
    [("l2_default", base), ("l2_b", b), ("l2_c", c)]
}

/// The four sets of level 1.
fn level1_sets() -> [(&'static str, Level1Rules); 4] {
    let mut a = Level1Rules::default();
    a.centre.built_share_min = Some(0.5);
    a.centre.smoothing = Some(Smoothing::R2022A);
    let mut b = Level1Rules::default();
    b.centre.group = group(1_000.0, 40_000.0, Neighbours::Four);
    b.centre.built_share_min = None;
    b.centre.fill_below_km2 = None;
    b.centre.smoothing = None;
    b.centre.mean_window_cells = Some(3);
    let mut c = a;
    c.cluster.density_per_km2 = 400.0;
    c.cluster.size_persons = 7_000.0;
    c.centre.group.neighbours = Neighbours::Eight;
    let mut d = Level1Rules::default();
    d.centre.group.density_per_km2 = 2_000.0;
    d.cluster.size_persons = 80_000.0;
    d.centre.group.neighbours = Neighbours::Eight;
    d.centre.fill_below_km2 = None;
    d.centre.smoothing = None;
    d.centre.built_share_min = Some(0.5);
    [("l1_a", a), ("l1_b", b), ("l1_c", c), ("l1_d", d)]
}

#[test]
fn belgium_gives_every_published_cell() {
    let data = need_shared!("belgium_gives_every_published_cell");
    let grid = belgium(&data);
    let rows = csv(&data.join("region/reference/belgium_degurba_cells.csv"));
    assert_eq!(rows.len(), 50);
    let mut right = 0;
    let mut check = |set: &str, classes: &Classes| {
        for row in &rows {
            let cell: usize = row["cell_1based_rowmajor"].parse().unwrap();
            let expected: u8 = row[set].parse().unwrap();
            assert_eq!(
                classes.codes[cell - 1],
                Some(expected),
                "{set}, cell {cell}"
            );
            right += 1;
        }
    };
    for (set, rules) in level2_sets() {
        check(set, &level2(&grid, &rules).unwrap());
    }
    for (set, rules) in level1_sets() {
        check(set, &level1(&grid, &rules).unwrap());
    }
    assert_eq!(right, 350);
}

#[test]
fn belgium_gives_the_totals() {
    let data = need_shared!("belgium_gives_the_totals");
    let grid = belgium(&data);
    let known: f64 = grid.persons.iter().filter(|p| !p.is_nan()).sum();
    near(known, 20_602_095.7, 1e-8);

    let one = level1(&grid, &Level1Rules::default()).unwrap();
    let expected = [
        (0, 2_578, 0.0),
        (1, 52_837, 4_677_461.0),
        (2, 8_797, 9_200_861.0),
        (3, 2_145, 6_723_774.0),
    ];
    for (code, cells, persons) in expected {
        let t = one.tally[&code];
        assert_eq!(
            (t.cells, t.persons.round()),
            (cells, persons),
            "class {code}"
        );
    }
    assert_eq!(one.centres.len(), 33);
    let largest = one
        .centres
        .iter()
        .max_by(|a, b| a.persons.total_cmp(&b.persons))
        .unwrap();
    assert_eq!((largest.persons.round(), largest.cells), (1_404_431.0, 224));

    let two = level2(&grid, &Level2Rules::default()).unwrap();
    let cells: Vec<(u8, usize)> = two.tally.iter().map(|(&c, t)| (c, t.cells)).collect();
    let expected = [
        (10, 2_578),
        (11, 29_713),
        (12, 20_955),
        (13, 2_091),
        (21, 6_789),
        (22, 575),
        (23, 1_511),
        (30, 2_145),
    ];
    assert_eq!(cells, expected);

    let mut density_only = Level1Rules::default();
    density_only.centre.built_share_min = None;
    let one = level1(&grid, &density_only).unwrap();
    let t = one.tally[&3];
    assert_eq!(
        (one.centres.len(), t.cells, t.persons.round()),
        (31, 1_815, 6_301_103.0)
    );

    let rule = WaterRule {
        land_share_below: 0.6,
        persons_max: 1.0,
        built_share_max: 0.2,
    };
    let dry = water(&grid, &rule).unwrap().iter().filter(|w| !**w).count();
    assert_eq!(dry, 63_734);
}

#[test]
fn beijing_shows_that_area_is_respected() {
    let data = need_shared!("beijing_shows_that_area_is_respected");
    let folder = data.join("region/popgrid_beijing");
    let pop = Raster::read(&folder.join("bj_ppp_2020_1000m_UNadj.tif")).unwrap();
    let other = Raster::read(&folder.join("grid_cla.tif")).unwrap();
    let areas = pop.cell_areas_km2().unwrap();
    let (least, most) = (
        areas.iter().copied().fold(f64::INFINITY, f64::min),
        areas.iter().copied().fold(0.0, f64::max),
    );
    assert_eq!(
        (format!("{least:.4}"), format!("{most:.4}")),
        ("0.6475".into(), "0.6630".into())
    );

    let grid = PopulationGrid::from_rasters(&pop, None, None).unwrap();
    let counted: Vec<f64> = (grid.persons.iter().copied())
        .filter(|p| !p.is_nan())
        .collect();
    assert_eq!((grid.rows, grid.cols, counted.len()), (193, 250, 24_947));
    assert_eq!(counted.iter().sum::<f64>().round(), 28_255_291.0);
    let of_class = |class: f64| other.values.iter().filter(|v| **v == class).count();
    assert_eq!([1.0, 2.0, 3.0].map(of_class), [2_983, 5_201, 16_763]);
    let mut rules = Level1Rules::default();
    rules.centre.built_share_min = None;
    rules.centre.smoothing = Some(Smoothing::R2022A);
    let dense = level1(&grid, &rules).unwrap();
    let count = |classes: &Classes| [3, 2, 1].map(|c| classes.tally[&c].cells);
    assert_eq!(count(&dense), [3_975, 6_126, 14_846]);

    // The other tool's classes: 1 centre, 2 cluster, 3 rural.
    let agreement = |classes: &Classes| {
        let pairs: Vec<(u8, u8)> = classes
            .codes
            .iter()
            .zip(&other.values)
            .filter_map(|(c, o)| c.map(|c| (c, 4 - *o as u8)))
            .collect();
        pairs.iter().filter(|(a, b)| a == b).count() as f64 / pairs.len() as f64
    };
    assert_eq!(format!("{:.2}", 100.0 * agreement(&dense)), "88.30");
    let counts = level1(&grid.clone().as_counts(), &rules).unwrap();
    assert_eq!(format!("{:.2}", 100.0 * agreement(&counts)), "99.39");
    let changed = dense
        .codes
        .iter()
        .zip(&counts.codes)
        .filter(|(a, b)| a != b)
        .count();
    assert_eq!(changed, 2_822);
}

#[test]
fn a_grid_of_66357_cells_is_quick() {
    let data = need_shared!("a_grid_of_66357_cells_is_quick");
    let grid = belgium(&data);
    let best = (0..5)
        .map(|_| timed(|| level2(&grid, &Level2Rules::default()).unwrap()).1)
        .fold(f64::INFINITY, f64::min);
    println!("level 2 of 66,357 cells: {best:.1} ms");
    // Far above the figure of a release build: a guard against a lost order of magnitude.
    assert!(best < 1_000.0);
}

/// A synthetic 6 x 6 grid of 1 km2 cells.
fn synthetic(persons: f64) -> PopulationGrid {
    PopulationGrid {
        rows: 6,
        cols: 6,
        persons: vec![persons; 36],
        cell_km2: vec![1.0; 6],
        land_share: None,
        built_share: None,
    }
}

#[test]
fn units_are_classed_by_population_and_empty_ones_by_land() {
    let mut grid = synthetic(0.0);
    // Rows 0 and 1: a centre of 60,000; row 3: 250 persons a cell.
    grid.persons[..12].fill(5_000.0);
    grid.persons[18..24].fill(250.0);
    let mut rules = Level1Rules::default();
    rules.centre.built_share_min = None;
    let classes = level1(&grid, &rules).unwrap();
    assert_eq!(classes.centres.len(), 1);
    // Unit 0: the centre and rural cells with few people; unit 1: rural; unit 2: nobody.
    let unit_of: Vec<Option<usize>> = (0..36)
        .map(|c| match c / 6 {
            0..=2 => Some(0),
            3 => Some(1),
            4 => Some(2),
            _ => None,
        })
        .collect();
    let units = classify_units(&grid, &classes, &unit_of, 4).unwrap();
    assert_eq!(units[0].class, Some(UnitClass::City));
    assert_eq!((units[0].persons, units[0].centre_share), (60_000.0, 1.0));
    assert_eq!(units[1].class, Some(UnitClass::Rural));
    assert!(units[2].by_land && units[2].class == Some(UnitClass::Rural));
    assert_eq!(units[3].class, None);
    assert!(classify_units(&grid, &classes, &unit_of, 2).is_err());
}

#[test]
fn wrong_grids_and_rules_are_refused() {
    use conurb_base::Coded;
    let code = |e: conurb_region::RegionError| e.code();
    let rules = Level1Rules::default();
    assert_eq!(
        code(level1(&synthetic(0.0), &rules).unwrap_err()),
        "CNB-REGION-0006"
    );
    // The built-up criterion without the layer.
    assert_eq!(
        code(level1(&synthetic(9.0), &rules).unwrap_err()),
        "CNB-REGION-0006"
    );
    let mut negative = synthetic(9.0);
    negative.persons[7] = -1.0;
    let error = level1(&negative, &rules).unwrap_err();
    assert!(error.to_string().contains("row 1, column 1"), "{error}");
    let mut short = synthetic(9.0);
    short.persons.pop();
    assert_eq!(code(level1(&short, &rules).unwrap_err()), "CNB-REGION-0008");
    let mut even = rules;
    even.centre.mean_window_cells = Some(4);
    assert!(level1(&synthetic(9.0), &even).is_err());
}
