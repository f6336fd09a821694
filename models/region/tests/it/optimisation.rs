//! Published instances: p-median 1 of the OR-Library, transit design networks.

use conurb_region::location::{MedianOptions, p_median, read_orlib};
use conurb_region::transit_design::{DesignNetwork, read_route_sets};
use conurb_testkit::need_shared;

use crate::support::{csv, near, text};

#[test]
fn pmed1_is_found_with_its_gap() {
    let data = need_shared!("pmed1_is_found_with_its_gap");
    let (sites, p) = read_orlib(&text(&data.join("region/orlib/pmed1.txt")), "pmed1.txt").unwrap();
    let plan = p_median(&sites, p, MedianOptions::default()).unwrap();
    println!("{:?}", plan.certificate);
    near(plan.certificate.objective, 5819.0, 0.0);
    assert_eq!(plan.open, [6, 12, 64, 90, 98]); // 7, 13, 65, 91, 99 from 1
    assert!(plan.certificate.bound <= 5819.0 && plan.certificate.gap < 0.01);
}

/// Two edges stand twice in the file; with the smaller costs it is another problem.
#[test]
fn pmed1_with_the_smaller_costs_is_another_problem() {
    let data = need_shared!("pmed1_with_the_smaller_costs_is_another_problem");
    let file = text(&data.join("region/orlib/pmed1.txt"));
    let smaller: Vec<&str> = (file.lines())
        .filter(|l| !matches!(l.trim(), "20 19 30" | "70 30 74" | "30 70 74"))
        .collect();
    // The number of edges stands in the first line.
    let edges = file.lines().count() - smaller.len();
    assert_eq!(edges, 2);
    let smaller = smaller.join("\n").replacen("100 200 5", "100 198 5", 1);
    let (sites, p) = read_orlib(&smaller, "smaller").unwrap();
    let plan = p_median(&sites, p, MedianOptions::default()).unwrap();
    near(plan.certificate.objective, 5718.0, 0.0);
}

fn network(data: &std::path::Path, folder: &str, name: &str) -> DesignNetwork {
    let at = data.join("region/tndp").join(folder);
    let table = |kind: &str| text(&at.join(format!("{name}_{kind}.txt")));
    DesignNetwork::read(&table("nodes"), &table("links"), &table("demand")).unwrap()
}

#[test]
fn mandls_routes() {
    let data = need_shared!("mandls_routes");
    let mandl = network(&data, "Mandl/Mandl1", "mandl1");
    assert_eq!((mandl.nodes(), mandl.directed_links()), (15, 42));
    let rows = csv(&data.join("region/tndp/Mandl/Mandl1/mandl1_links.txt"));
    assert_eq!(rows.len(), mandl.directed_links());
    near(mandl.total_demand(), 15_570.0, 0.0);
    near(mandl.bound_min().unwrap(), 10.005780, 1e-7);
    let file = data.join("region/tndp/Mandl/Mandl1/literature_solutions_for_mandl1_20181025.txt");
    let sets = read_route_sets(&text(&file), "solutions").unwrap();
    assert_eq!(sets.len(), 122);
    let report = |title: &str| {
        let set = sets.iter().find(|s| s.title == title).unwrap();
        mandl.evaluate(&set.routes, 5.0).unwrap()
    };
    let r = report("Mandl (1980) 4 routes");
    let rounded = |v: f64, digits: i32| (v * 10_f64.powi(digits)).round() / 10_f64.powi(digits);
    assert_eq!(rounded(r.direct_percent, 2), 69.94);
    assert_eq!(rounded(r.one_transfer_percent, 2), 29.93);
    assert_eq!(rounded(r.two_transfers_percent, 2), 0.13);
    assert_eq!(r.unsatisfied_percent, 0.0);
    assert_eq!(rounded(r.average_travel_min.unwrap(), 3), 12.902);
    let r = report("Nikolic (2013) 4 routes");
    assert_eq!(rounded(r.direct_percent, 2), 88.76);
    assert_eq!(rounded(r.one_transfer_percent, 2), 10.15);
    assert_eq!(rounded(r.two_transfers_percent, 2), 1.09);
    assert_eq!(rounded(r.average_travel_min.unwrap(), 3), 10.790);
    for set in &sets {
        if let Ok(r) = mandl.evaluate(&set.routes, 5.0) {
            assert!(
                r.average_travel_min.unwrap() >= r.bound_min - 1e-9,
                "{}",
                set.title
            );
        }
    }
}

#[test]
fn bounds_of_the_other_networks() {
    let data = need_shared!("bounds_of_the_other_networks");
    for (folder, name, demand, bound) in [
        ("Mumford/Mumford0", "mumford0", 342_160.0, 13.012100),
        ("Mumford/Mumford1", "mumford1", 1_926_170.0, 19.269545),
        ("Mumford/Mumford2", "mumford2", 4_847_900.0, 22.168925),
        ("Mumford/Mumford3", "mumford3", 6_394_950.0, 24.745272),
        ("Ceder/Ceder1", "ceder1", f64::NAN, 13.75),
        ("Ceder/Ceder2", "ceder2", f64::NAN, 28.861111),
        ("Rivera/Rivera1", "rivera1", 836.3634, 14.111312),
    ] {
        let n = network(&data, folder, name);
        assert!(
            (n.bound_min().unwrap() - bound).abs() < 1e-6,
            "{name}: {:?}",
            n.bound_min()
        );
        if demand.is_finite() {
            near(n.total_demand(), demand, 1e-6);
        }
    }
    for (folder, name, terminals) in [
        ("Mandl/Mandl2", "mandl2", 10),
        ("Rivera/Rivera2", "rivera2", 12),
        ("Ceder/Ceder1", "ceder1", 1),
        ("Ceder/Ceder2", "ceder2", 2),
    ] {
        assert_eq!(
            network(&data, folder, name).terminals(),
            terminals,
            "{name}"
        );
    }
}
