//! Inequality, convergence and spatial regressions against published programs' numbers.

use conurb_region::convergence::{
    Column, LogTOptions, SpatialFit, SpatialModel, beta_convergence, convergence_clubs, log_t,
    markov, merge_clubs, sigma_convergence, spatial_markov, spatial_regression,
};
use conurb_region::inequality::{
    atkinson, dagum, gini, mean_log_deviation, spatial_gini, theil, theil_groups,
};
use conurb_region::weights::{Contiguity, Weights, lattice};
use rand::RngExt;
use serde_json::Value;

use crate::spatial::{numbers, stl};
use crate::support::{json, near};

fn oracle(data: &std::path::Path) -> Value {
    json(&data.join("region/reference/pysal_reference.json"))
}

fn rows(table: &Value) -> Vec<Vec<f64>> {
    table.as_array().unwrap().iter().map(numbers).collect()
}

/// Typed values: equal to the digits shown.
#[track_caller]
fn shown(found: f64, expected: f64, half_digit: f64) {
    assert!(
        (found - expected).abs() <= half_digit,
        "{found} is not {expected}"
    );
}

#[test]
fn mexicos_inequality_equals_pysals() {
    let data = conurb_testkit::need_shared!("mexicos_inequality_equals_pysals");
    let o = oracle(&data)["mexico"].clone();
    let states = rows(&o["pcgdp"]);
    let groups: Vec<u32> = numbers(&o["hanson98"]).iter().map(|g| *g as u32).collect();
    let year = |t: usize| -> Vec<f64> { states.iter().map(|s| s[t]).collect() };
    for t in 0..7 {
        let y = year(t);
        let of = |key: &str| o[key][t].as_f64().unwrap();
        let parts = theil_groups(&y, &groups).unwrap();
        near(theil(&y).unwrap(), of("theil"), 1e-9);
        near(parts.total, of("theil"), 1e-9);
        near(parts.between, of("theil_between"), 1e-9);
        near(parts.within, of("theil_within"), 1e-9);
        near(gini(&y).unwrap(), of("gini"), 1e-9);
        near(atkinson(&y, 0.5).unwrap(), of("atkinson_eps05"), 1e-9);
    }
    let blocks = Weights::blocks(&groups).unwrap();
    let spatial = spatial_gini(&year(0), &blocks).unwrap();
    near(
        spatial.near,
        o["gini_spatial_1940"]["wg"].as_f64().unwrap(),
        1e-9,
    );
    near(
        spatial.far,
        o["gini_spatial_1940"]["wcg"].as_f64().unwrap(),
        1e-9,
    );
    shown(
        mean_log_deviation(&year(0)).unwrap(),
        0.202_948_913_8,
        5e-11,
    );
    shown(
        mean_log_deviation(&year(6)).unwrap(),
        0.104_907_030_5,
        5e-11,
    );
    let expected = [
        (0, [0.059_705_723_8, 0.140_660_858_7, 0.153_357_129_3]),
        (6, [0.039_017_727_4, 0.133_711_298_5, 0.085_384_056_6]),
    ];
    for (t, parts) in expected {
        let d = dagum(&year(t), &groups).unwrap();
        for (found, part) in [d.within, d.net_between, d.transvariation]
            .iter()
            .zip(parts)
        {
            shown(*found, part, 5e-11);
        }
    }
}

#[test]
fn the_income_of_48_states_converges_as_computed_elsewhere() {
    let data =
        conurb_testkit::need_shared!("the_income_of_48_states_converges_as_computed_elsewhere");
    let all = oracle(&data);
    let o = &all["us_income"];
    let states = rows(&o["pci"]);
    let sigma = sigma_convergence(&states).unwrap();
    near(sigma[0], o["sigma_cv_1929_2009"][0].as_f64().unwrap(), 1e-9);
    near(
        sigma[80],
        o["sigma_cv_1929_2009"][1].as_f64().unwrap(),
        1e-9,
    );
    let first: Vec<f64> = states.iter().map(|s| s[0]).collect();
    let last: Vec<f64> = states.iter().map(|s| s[80]).collect();
    let beta = beta_convergence(&first, &last, 80.0, &[]).unwrap();
    near(beta.a, o["beta_abs"]["alpha"].as_f64().unwrap(), 1e-9);
    near(beta.b, o["beta_abs"]["b"].as_f64().unwrap(), 1e-9);
    near(
        beta.speed_per_year.unwrap(),
        o["beta_abs"]["speed"].as_f64().unwrap(),
        1e-9,
    );

    let chain = markov(&states, 5).unwrap();
    let expected = &all["us_income_markov"];
    for (found, row) in chain.transitions.iter().zip(rows(&expected["transitions"])) {
        let found: Vec<f64> = found.iter().map(|&c| c as f64).collect();
        assert_eq!(found, row);
    }
    for (found, row) in chain.probabilities.iter().zip(rows(&expected["p"])) {
        for (f, e) in found.iter().zip(row).filter(|(_, e)| *e > 0.0) {
            near(*f, e, 1e-9);
        }
    }
    for (f, e) in chain
        .steady_state
        .unwrap()
        .iter()
        .zip(numbers(&expected["steady"]))
    {
        near(*f, e, 1e-9);
    }
}

/// States as a ring in the order of the file, a made-up neighbourhood; counts of giddy 2.3.8.
#[test]
fn the_spatial_chain_counts_what_giddy_counts() {
    let data = conurb_testkit::need_shared!("the_spatial_chain_counts_what_giddy_counts");
    let states = rows(&oracle(&data)["us_income"]["pci"]);
    let ring: Vec<Vec<usize>> = (0..48).map(|i| vec![(i + 1) % 48, (i + 47) % 48]).collect();
    let w = Weights::from_neighbours(&ring).unwrap().row_standardised();
    let chain = spatial_markov(&states, &w, 5).unwrap();
    assert_eq!(
        chain.by_lag_class[0].transitions,
        [
            [81, 19, 0, 0, 0],
            [18, 111, 24, 0, 0],
            [0, 22, 203, 16, 0],
            [0, 1, 13, 93, 14],
            [0, 0, 0, 12, 173]
        ]
    );
    assert_eq!(
        chain.by_lag_class[4].transitions,
        [
            [135, 10, 0, 0, 0],
            [9, 70, 7, 0, 0],
            [0, 8, 80, 20, 0],
            [0, 0, 20, 147, 17],
            [0, 0, 0, 15, 260]
        ]
    );
}

fn logs(states: &[Vec<f64>], from: usize) -> Vec<Vec<f64>> {
    states
        .iter()
        .map(|s| s[from..].iter().map(|y| y.ln()).collect())
        .collect()
}

/// Values of convergence-clubs 0.1.2, adaptive bandwidth.
#[test]
fn the_log_t_test_gives_what_another_program_gives() {
    let data = conurb_testkit::need_shared!("the_log_t_test_gives_what_another_program_gives");
    let states = rows(&oracle(&data)["us_income"]["pci"]);
    let expected = [
        (0, 0.953_219_373_401_559_9, 0.162_227_965_407_198_33),
        (20, 0.013_195_546_880_526_85, 0.104_768_852_970_005_38),
    ];
    for (from, b, standard_error) in expected {
        let test = log_t(&logs(&states, from), LogTOptions::default()).unwrap();
        near(test.b, b, 1e-8);
        near(test.standard_error, standard_error, 1e-8);
        assert!(test.converges);
    }
}

/// 1980 to 2009: the clubs of convergence-clubs 0.1.2 by the rules of the paper (highest t, rising
/// c*), adaptive bandwidth.
#[test]
fn clubs_are_those_another_program_finds() {
    let data = conurb_testkit::need_shared!("clubs_are_those_another_program_finds");
    let states = rows(&oracle(&data)["us_income"]["pci"]);
    let panel = logs(&states, 51);
    let options = LogTOptions::default();
    let found = convergence_clubs(&panel, options).unwrap();
    let first: [&[usize]; 3] = [
        &[5, 18, 27, 31, 38, 47],
        &[4, 15, 17, 20, 29, 43],
        &[3, 6, 10, 24, 25, 26, 36, 40, 44],
    ];
    for (club, units) in found.clubs.iter().zip(first) {
        assert_eq!(club.units, units);
    }
    assert_eq!(found.clubs.len(), 4);
    assert_eq!(found.clubs[3].units.len(), 27);
    assert!(found.divergent.is_empty());
    let t = [
        1.338_134_067_986,
        0.382_443_533_702,
        1.231_627_458_761,
        0.487_866_479_400,
    ];
    for (club, t) in found.clubs.iter().zip(t) {
        near(club.test.t, t, 1e-7);
    }
    let merged = merge_clubs(&panel, &found, options).unwrap();
    assert_eq!(merged.clubs.len(), 2);
    near(merged.clubs[0].test.t, 0.016_642_336_302, 1e-6);
}

/// Made-up columns beside the rates of the 78 counties.
fn columns() -> Vec<Column> {
    let x1 = (0..78_u32).map(|i| f64::from(i * 37 % 78) / 10.0).collect();
    let x2 = (0..78_u32)
        .map(|i| f64::from(i * i * 11 % 53) / 7.0)
        .collect();
    vec![Column::new("x1", x1), Column::new("x2", x2)]
}

/// Values of spreg 1.9.0 (`method="full"`), whose optimiser stops at some 1e-6.
#[test]
fn spatial_regressions_equal_spregs() {
    let data = conurb_testkit::need_shared!("spatial_regressions_equal_spregs");
    let (y, binary) = stl(&oracle(&data)["stl"]);
    let w = binary.row_standardised();
    let check = |model, coefficients: &[f64], errors: &[f64], likelihood: f64, sigma2: f64| {
        let fit = spatial_regression(model, &y, &columns(), &w).unwrap();
        let k = fit.coefficients.len();
        let (found, found_errors) = (
            [fit.coefficients.as_slice(), &[fit.spatial]].concat(),
            [
                fit.standard_errors.as_slice(),
                &[fit.spatial_standard_error],
            ]
            .concat(),
        );
        assert_eq!(k + 1, coefficients.len());
        for (f, e) in found
            .iter()
            .zip(coefficients)
            .chain(found_errors.iter().zip(errors))
        {
            near(*f, *e, 2e-5);
        }
        near(fit.log_likelihood, likelihood, 1e-9);
        near(fit.sigma2, sigma2, 1e-5);
        fit
    };
    let lag = check(
        SpatialModel::Lag,
        &[
            1.800_660_481_9,
            0.041_989_544_46,
            -0.010_142_004_16,
            0.594_072_605_8,
        ],
        &[
            1.710_411_573_6,
            0.267_948_484_3,
            0.257_859_476_6,
            0.112_633_004_9,
        ],
        -243.543_437_039_997_74,
        27.636_419_079_1,
    );
    // spreg prints these as multipliers of every coefficient.
    near(
        lag.impacts[0].direct / lag.coefficients[1],
        1.104_133_992_3,
        1e-5,
    );
    near(
        lag.impacts[1].total / lag.coefficients[2],
        2.463_494_739,
        1e-5,
    );
    check(
        SpatialModel::Durbin,
        &[
            5.365_360_120_8,
            -0.097_884_339_76,
            0.052_740_078_59,
            -1.180_470_097_9,
            0.366_786_892_85,
            0.568_832_993_4,
        ],
        &[
            3.514_724_001_8,
            0.274_772_554_5,
            0.255_068_782_2,
            0.594_193_299,
            0.611_222_459_6,
            0.115_889_085_9,
        ],
        -241.462_723_971_397_6,
        26.425_057_081_0,
    );
    check(
        SpatialModel::Error,
        &[
            4.221_538_589_8,
            0.149_441_453_3,
            -0.014_749_911_99,
            0.605_219_653_9,
        ],
        &[
            2.113_645_473_9,
            0.247_882_257_7,
            0.254_187_251,
            0.110_762_581_4,
        ],
        -243.360_290_757_101_64,
        27.397_889_293_7,
    );
}

const SEED: u64 = 20_261;

/// A fit to data made by the model itself.
fn simulated(model: SpatialModel, spatial: f64) -> SpatialFit {
    let w = lattice(15, 15, Contiguity::Rook)
        .unwrap()
        .row_standardised();
    let mut random = conurb_base::stream(SEED, "spatial regression", "test");
    let mut noise = |scale: f64| -> Vec<f64> {
        // A sum of twelve uniforms is near enough to a normal.
        (0..225)
            .map(|_| scale * ((0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0))
            .collect()
    };
    let (x, e) = (noise(1.0), noise(0.3));
    let lag_x = w.lag(&x).unwrap();
    let solve = |right: Vec<f64>| {
        // (I - rho W)^-1 by its series.
        let mut y = right.clone();
        for _ in 0..200 {
            let lag = w.lag(&y).unwrap();
            y = right
                .iter()
                .zip(lag)
                .map(|(r, l)| r + spatial * l)
                .collect();
        }
        y
    };
    let mean = |i: usize| 2.0 + 1.5 * x[i];
    let y = match model {
        SpatialModel::Lag => solve((0..225).map(|i| mean(i) + e[i]).collect()),
        SpatialModel::Durbin => solve((0..225).map(|i| mean(i) - 0.8 * lag_x[i] + e[i]).collect()),
        SpatialModel::Error => {
            let u = solve(e);
            (0..225).map(|i| mean(i) + u[i]).collect()
        }
    };
    spatial_regression(model, &y, &[Column::new("x", x)], &w).unwrap()
}

#[test]
fn simulated_data_give_their_parameters_back() {
    println!("seed {SEED}");
    for (model, rho) in [
        (SpatialModel::Lag, 0.6),
        (SpatialModel::Lag, -0.4),
        (SpatialModel::Durbin, 0.5),
        (SpatialModel::Error, 0.7),
    ] {
        let fit = simulated(model, rho);
        assert!(
            (fit.spatial - rho).abs() < 4.0 * fit.spatial_standard_error,
            "{fit:?}"
        );
        assert!(
            (fit.coefficients[1] - 1.5).abs() < 4.0 * fit.standard_errors[1],
            "{fit:?}"
        );
        let impact = &fit.impacts[0];
        shown(impact.direct + impact.indirect, impact.total, 1e-12);
        // Rows of W sum to 1, so that the total effect is (b + t)/(1 - rho).
        let lagged = match model {
            SpatialModel::Durbin => fit.coefficients[2],
            _ => 0.0,
        };
        let multiplier = match model {
            SpatialModel::Error => 1.0,
            _ => 1.0 / (1.0 - fit.spatial),
        };
        near(
            impact.total,
            (fit.coefficients[1] + lagged) * multiplier,
            1e-9,
        );
    }
}

#[test]
fn spatial_regressions_refuse_what_they_cannot_fit() {
    let w = lattice(4, 4, Contiguity::Rook).unwrap();
    let y: Vec<f64> = (0..16_u32).map(|i| f64::from(i * 7 % 11)).collect();
    let x: Vec<f64> = (0..16_u32).map(|i| f64::from(i * 5 % 13)).collect();
    let ask = |y: &[f64], columns: &[Column], w: &Weights| {
        spatial_regression(SpatialModel::Lag, y, columns, w)
            .unwrap_err()
            .to_string()
    };
    let x = Column::new("x", x);
    let ones = Column::new("ones", vec![1.0; 16]);
    let standard = w.row_standardised();
    assert!(ask(&y, std::slice::from_ref(&x), &w).contains("row-standardise"));
    assert!(ask(&y, &[x.clone(), ones], &standard).contains("\"ones\""));
    assert!(ask(&y[..15], std::slice::from_ref(&x), &standard).contains("15 given, 16 needed"));
    assert!(ask(&x.values, std::slice::from_ref(&x), &standard).contains("exactly"));
}
