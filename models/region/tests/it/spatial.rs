//! Spatial autocorrelation against PySAL's numbers, exact enumeration and itself.

use conurb_region::autocorrelation::{
    Permutations, bivariate_moran, g_star, geary, getis_ord_g, join_counts, local_moran, moran,
    moran_permuted, neighbour_p,
};
use conurb_region::weights::{Contiguity, Metric, Weights, k_nearest, lattice, travel_time_band};
use proptest::prelude::*;
use serde_json::Value;

use crate::support::{csv, json, near};

/// Values and binary weights of the 78 counties around St. Louis.
pub(crate) fn stl(oracle: &Value) -> (Vec<f64>, Weights) {
    let order: Vec<&str> = oracle["order"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap())
        .collect();
    let neighbours: Vec<Vec<usize>> = order
        .iter()
        .map(|id| {
            let ids = oracle["neighbors"][id].as_array().unwrap();
            ids.iter()
                .map(|j| {
                    order
                        .iter()
                        .position(|o| *o == j.as_str().unwrap())
                        .unwrap()
                })
                .collect()
        })
        .collect();
    let weights = Weights::from_neighbours(&neighbours).unwrap();
    (numbers(&oracle["y"]), weights)
}

pub(crate) fn numbers(list: &Value) -> Vec<f64> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

fn oracle(data: &std::path::Path) -> Value {
    json(&data.join("region/reference/pysal_reference.json"))["stl"].clone()
}

#[test]
fn global_statistics_equal_pysals() {
    let data = conurb_testkit::need_shared!("global_statistics_equal_pysals");
    let o = oracle(&data);
    let (y, binary) = stl(&o);
    let w = binary.row_standardised();
    let m = moran(&y, &w).unwrap();
    let of = |table: &str, key: &str| o[table][key].as_f64().unwrap();
    near(m.i, of("moran", "I"), 1e-9);
    near(m.expected, of("moran", "EI"), 1e-9);
    near(m.normal.variance, of("moran", "VI_norm"), 1e-9);
    near(m.normal.z, of("moran", "z_norm"), 1e-9);
    near(m.normal.p, of("moran", "p_norm"), 1e-9);
    near(m.randomised.variance, of("moran", "VI_rand"), 1e-9);
    near(m.randomised.z, of("moran", "z_rand"), 1e-9);
    near(m.randomised.p, of("moran", "p_rand"), 1e-9);
    assert_eq!(m.islands, 0);
    let c = geary(&y, &w).unwrap();
    near(c.c, of("geary", "C"), 1e-9);
    near(c.normal.z, of("geary", "z_norm"), 1e-9);
    let g = getis_ord_g(&y, &binary).unwrap();
    near(g.g, of("G", "G"), 1e-9);
    near(g.expected, of("G", "EG"), 1e-9);
    near(g.randomised.z, of("G", "z"), 1e-9);
}

#[test]
fn local_statistics_equal_pysals() {
    let data = conurb_testkit::need_shared!("local_statistics_equal_pysals");
    let o = oracle(&data);
    let (y, binary) = stl(&o);
    let w = binary.row_standardised();
    let local = local_moran(&y, &w, Permutations::with_seed(1)).unwrap();
    let mut quadrants = [0; 4];
    for ((unit, i), q) in local
        .units
        .iter()
        .zip(numbers(&o["local_I"]))
        .zip(numbers(&o["local_q"]))
    {
        near(unit.i, i, 1e-9);
        assert_eq!(f64::from(unit.quadrant.number()), q);
        quadrants[usize::from(unit.quadrant.number()) - 1] += 1;
    }
    assert_eq!(quadrants, [8, 13, 44, 13]);
    assert!((local.units.iter().map(|u| u.i).sum::<f64>() - 18.761_498_619).abs() < 5e-10);
    assert!((local.units[39].i - 11.112_859_673).abs() < 5e-10);
    assert!((local.units[21].i + 0.487_975_795).abs() < 5e-10);

    // What the file calls G* is the deviation of the mean; the Ord-Getis value is typed here.
    let star = g_star(&y, &binary).unwrap();
    for (unit, z) in star.iter().zip(numbers(&o["Gstar_z"])) {
        near(unit.mean_deviation_sd, z, 1e-9);
    }
    assert!((star[39].mean_deviation_sd - 2.950_216_832).abs() < 5e-10);
    let first = [
        -0.008_008_284,
        -0.889_698_135,
        -0.568_620_960,
        -0.635_826_482,
        -0.747_440_152,
    ];
    for (unit, z) in star.iter().zip(first) {
        assert!((unit.z - z).abs() < 5e-10, "{} is not {z}", unit.z);
    }
    assert!((star[39].z - 6.018_848_818).abs() < 5e-10);
    assert!((star[37].z + 1.363_492_572).abs() < 5e-10);
    for (a, b) in star.iter().zip(g_star(&y, &w).unwrap()) {
        near(b.z, a.z, 1e-9);
    }
}

/// Prefectures within two hours by direct train, service day 2016-03-15.
#[test]
fn the_nations_trains_make_a_travel_time_band() {
    let data = conurb_testkit::need_shared!("the_nations_trains_make_a_travel_time_band");
    let pairs = csv(&data.join("region/reference/cn2016_direct_trains_city_od.csv"));
    let codes: std::collections::BTreeSet<&str> = pairs
        .iter()
        .flat_map(|p| [p["from_code"].as_str(), p["to_code"].as_str()])
        .collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    let at = |code: &str| codes.binary_search(&code).unwrap();
    let minutes: Vec<(usize, usize, f64)> = pairs
        .iter()
        .map(|p| {
            (
                at(&p["from_code"]),
                at(&p["to_code"]),
                p["fastest_min"].parse().unwrap(),
            )
        })
        .collect();
    let w = travel_time_band(codes.len(), &minutes, 120.0).unwrap();
    let expected = minutes
        .iter()
        .filter(|(from, to, min)| from != to && *min <= 120.0)
        .count();
    assert!(expected > 1000);
    assert_eq!(w.links(), expected);
    // Nanjing to Wuxi takes 37 minutes.
    assert_eq!(w.weight(at("320100"), at("320200")), 1.0);
    let standard = w.row_standardised();
    let with_neighbours = codes.len() - standard.islands().len();
    assert!((standard.sums().s0 - with_neighbours as f64).abs() < 1e-9);
}

/// All orders of `items`.
fn orders(items: &[f64]) -> Vec<Vec<f64>> {
    if items.len() < 2 {
        return vec![items.to_vec()];
    }
    let mut all = Vec::new();
    for i in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(i);
        for mut order in orders(&rest) {
            order.push(first);
            all.push(order);
        }
    }
    all
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    (mean, squares / n)
}

/// Six units with weights of no symmetry at all.
fn crooked() -> Weights {
    Weights::from_lists(&[
        vec![(1, 1.0), (2, 0.5)],
        vec![(0, 2.0), (3, 1.0)],
        vec![(5, 0.7)],
        vec![(0, 1.0), (1, 1.0), (4, 3.0)],
        vec![(3, 0.2)],
        vec![(2, 1.0), (4, 1.0)],
    ])
    .unwrap()
}

#[test]
fn moments_under_randomisation_are_those_of_all_orders() {
    let w = crooked();
    let x = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6];
    let all = orders(&x);
    let of = |f: &dyn Fn(&[f64]) -> f64| -> (f64, f64) {
        mean_and_variance(&all.iter().map(|x| f(x)).collect::<Vec<f64>>())
    };
    let m = moran(&x, &w).unwrap();
    let (mean, variance) = of(&|x| moran(x, &w).unwrap().i);
    near(m.expected, mean, 1e-9);
    near(m.randomised.variance, variance, 1e-9);
    let g = getis_ord_g(&x, &w).unwrap();
    let (mean, variance) = of(&|x| getis_ord_g(x, &w).unwrap().g);
    near(g.expected, mean, 1e-9);
    near(g.randomised.variance, variance, 1e-9);
    let (mean, _) = of(&|x| geary(x, &w).unwrap().c);
    near(mean, 1.0, 1e-9);
}

#[test]
fn moments_of_join_counts_are_those_of_all_placements() {
    let few = Permutations { draws: 1, seed: 1 };
    for w in [crooked(), lattice(2, 3, Contiguity::Rook).unwrap()] {
        for ones in 2..=4 {
            let x: Vec<f64> = (0..6).map(|i| f64::from(u8::from(i < ones))).collect();
            let counts = |x: &[f64]| {
                let black: Vec<bool> = x.iter().map(|v| *v > 0.5).collect();
                join_counts(&black, &w, few).unwrap()
            };
            let all: Vec<_> = orders(&x).iter().map(|x| counts(x)).collect();
            let j = counts(&x);
            let (mean, variance) = mean_and_variance(&all.iter().map(|j| j.bb).collect::<Vec<_>>());
            near(j.bb_expected, mean, 1e-9);
            near(j.bb_test.variance, variance, 1e-9);
            let (mean, variance) = mean_and_variance(&all.iter().map(|j| j.bw).collect::<Vec<_>>());
            near(j.bw_expected, mean, 1e-9);
            near(j.bw_test.variance, variance, 1e-9);
            near(j.bb + j.ww + j.bw, w.sums().s0 / 2.0, 1e-12);
        }
    }
}

/// Pseudo p by complete enumeration on a small map: all ordered draws of the neighbours.
#[test]
fn pseudo_p_is_the_share_of_all_draws() {
    let w = lattice(2, 3, Contiguity::Rook).unwrap().row_standardised();
    let x = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6];
    let draws = 200_000;
    let p = neighbour_p(&x, &w, Permutations { draws, seed: 2 }).unwrap();
    for (i, p) in p.iter().enumerate() {
        let (neighbours, ws) = w.row(i);
        let others: Vec<f64> = (0..6).filter(|&j| j != i).map(|j| x[j]).collect();
        let observed: f64 = neighbours
            .iter()
            .zip(ws)
            .map(|(&j, w)| w * x[j as usize])
            .sum();
        let lags: Vec<f64> = orders(&others)
            .iter()
            .map(|o| o.iter().zip(ws).map(|(v, w)| v * w).sum())
            .collect();
        let share = |keep: &dyn Fn(f64) -> bool| {
            lags.iter().filter(|l| keep(**l)).count() as f64 / lags.len() as f64
        };
        let exact = share(&|l| l >= observed - 1e-9).min(share(&|l| l <= observed + 1e-9));
        let room = 5.0 * (exact * (1.0 - exact) / draws as f64).sqrt() + 1e-5;
        let p = p.unwrap();
        assert!((p - exact).abs() < room, "unit {i}: {p} against {exact}");
    }
}

#[test]
fn p_is_the_same_on_one_two_and_four_threads() {
    let w = lattice(40, 40, Contiguity::Queen)
        .unwrap()
        .row_standardised();
    let x: Vec<f64> = (0..1600_u32).map(|i| f64::from(i * 7919 % 1009)).collect();
    let y: Vec<f64> = x.iter().rev().copied().collect();
    let black: Vec<bool> = x.iter().map(|v| *v > 500.0).collect();
    let permutations = Permutations {
        draws: 199,
        seed: 77,
    };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let local = serde_json::to_vec(&local_moran(&x, &w, permutations).unwrap()).unwrap();
            let joins =
                serde_json::to_vec(&join_counts(&black, &w, permutations).unwrap()).unwrap();
            let both = bivariate_moran(&x, &y, &w, permutations).unwrap();
            let plain = moran_permuted(&x, &w, permutations).unwrap();
            (
                local,
                joins,
                both.p.to_bits(),
                both.i.to_bits(),
                plain.to_bits(),
            )
        })
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(4));
    let other = Permutations {
        draws: 199,
        seed: 78,
    };
    assert_ne!(
        neighbour_p(&x, &w, permutations).unwrap(),
        neighbour_p(&x, &w, other).unwrap()
    );
}

#[test]
fn bad_input_is_refused_with_its_remedy() {
    let w = lattice(3, 3, Contiguity::Queen).unwrap().row_standardised();
    let says = |values: &[f64], words: &str| {
        let error = moran(values, &w).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    says(&[2.5; 9], "all values are equal");
    says(&[1.0; 8], "8 given, 9 needed");
    let mut x: Vec<f64> = (0..9_u32).map(f64::from).collect();
    x[4] = f64::NAN;
    says(&x, "value 4 is NaN");
    let three = Weights::from_neighbours(&[vec![1], vec![0, 2], vec![1]]).unwrap();
    assert!(
        moran(&[1.0, 2.0, 3.0], &three)
            .unwrap_err()
            .to_string()
            .contains("at least 4")
    );
    let alone = Weights::from_neighbours(&vec![vec![]; 5]).unwrap();
    let error = moran(&[1.0, 2.0, 3.0, 4.0, 5.0], &alone).unwrap_err();
    assert!(
        error.to_string().contains("no unit has a neighbour"),
        "{error}"
    );
    x[4] = -1.0;
    assert!(
        getis_ord_g(&x, &w)
            .unwrap_err()
            .to_string()
            .contains("value 4 is -1")
    );
    let full = Weights::blocks(&[0; 9]).unwrap();
    assert!(
        g_star(&x, &full)
            .unwrap_err()
            .to_string()
            .contains("neighbour to all")
    );
    assert!(join_counts(&[true; 9], &w, Permutations::with_seed(1)).is_err());
}

#[test]
fn islands_are_counted_and_have_no_p() {
    let mut lists = vec![vec![1], vec![0, 2], vec![1, 3], vec![2]];
    lists.push(vec![]);
    let w = Weights::from_neighbours(&lists).unwrap().row_standardised();
    let x = [1.0, 2.0, 4.0, 7.0, 30.0];
    assert_eq!(moran(&x, &w).unwrap().islands, 1);
    let local = local_moran(&x, &w, Permutations::with_seed(4)).unwrap();
    assert!(local.units[4].p.is_none() && local.units[0].p.is_some());
    assert_eq!(local.units[4].i, 0.0);
}

proptest! {
    #[test]
    fn row_standardised_weights_sum_to_their_units(rows in 2..9_usize, columns in 2..9_usize, queen: bool) {
        let rule = if queen { Contiguity::Queen } else { Contiguity::Rook };
        let w = lattice(rows, columns, rule).unwrap().row_standardised();
        prop_assert!((w.sums().s0 - (rows * columns) as f64).abs() < 1e-9);
        let lag = w.lag(&vec![3.5; rows * columns]).unwrap();
        prop_assert!(lag.iter().all(|l| (l - 3.5).abs() < 1e-12));
    }

    #[test]
    fn local_morans_sum_to_the_global_one(
        values in prop::collection::vec((-50.0..50.0_f64, -50.0..50.0_f64, -9.0..9.0_f64), 5..30),
        k in 1..4_usize,
    ) {
        let points: Vec<(f64, f64)> = values.iter().map(|v| (v.0, v.1)).collect();
        let x: Vec<f64> = values.iter().map(|v| v.2).collect();
        let n = x.len() as f64;
        let w = k_nearest(&points, k, Metric::Plane).unwrap().row_standardised();
        let few = Permutations { draws: 9, seed: 1 };
        let local = local_moran(&x, &w, few).unwrap();
        let sum: f64 = local.units.iter().map(|u| u.i).sum();
        let global = moran(&x, &w).unwrap().i;
        // sum I_i = (n - 1) I for weights whose rows sum to 1.
        prop_assert!((sum - (n - 1.0) * global).abs() < 1e-9 * n);
        prop_assert!((bivariate_moran(&x, &x, &w, few).unwrap().i - global).abs() < 1e-9);
    }
}
