//! The reference's golden runs, lane change off: five sets, five controllers, 15 and 30 s.

use std::path::Path;
use std::sync::Arc;

use conurb_traffic::control::{Controller, FixedTime, Pressure, PressureRule};
use conurb_traffic::protocol::{Outcome, ProtocolOptions, run, run_programme};
use conurb_traffic::{Demand, Network};

use crate::common::{SETS, bytes, load, shared};

fn controller(net: &Network, name: &str, options: &ProtocolOptions) -> Box<dyn Controller> {
    let rule = match name {
        "fixed_time" => {
            let junctions = net.junctions().len();
            let green = f64::from(options.interval_s);
            return Box::new(FixedTime::new(
                junctions,
                green,
                f64::from(options.yellow_s),
                1,
                4,
            ));
        }
        "max_pressure" => PressureRule::MaxPressure,
        "efficient_max_pressure" => PressureRule::Efficient,
        "advanced_max_pressure" => PressureRule::Advanced,
        "max_queue" => PressureRule::MaxQueue,
        other => panic!("unknown controller {other}"),
    };
    Box::new(Pressure::new(net, rule, 1, 4))
}

fn outcome(net: &Arc<Network>, demand: &Arc<Demand>, row: &[&str]) -> Outcome {
    let mut options = ProtocolOptions::default();
    if row[1] == "programme_of_the_file" {
        return run_programme(net, demand, &options, &mut |_| {}).unwrap();
    }
    options.interval_s = row[2].parse().unwrap();
    run(
        net,
        demand,
        controller(net, row[1], &options).as_mut(),
        &options,
    )
    .unwrap()
}

fn compare(row: &[&str], o: &Outcome) -> Vec<String> {
    let mut off = Vec::new();
    let mut differs = |what: &str, ours: String, theirs: &str| {
        if !theirs.is_empty() && ours != theirs {
            off.push(format!("{what} {ours} against {theirs}"));
        }
    };
    differs("approach", trimmed(o.approach_s, 4), row[4]);
    differs("network", trimmed(o.network_s, 6), row[5]);
    differs("seen", o.vehicles_seen.to_string(), row[6]);
    differs("running", o.running_at_end.to_string(), row[7]);
    let left = o.running_at_end + o.waiting_outside_at_end;
    differs("inside or waiting", left.to_string(), row[8]);
    differs("updates", o.vehicle_updates.to_string(), row[9]);
    let series: Vec<String> = o
        .running_every_600_s
        .iter()
        .map(ToString::to_string)
        .collect();
    differs("every 600 s", series.join(" "), row[10]);
    off
}

fn trimmed(x: f64, digits: usize) -> String {
    let text = format!("{x:.digits$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn check(dir: &Path, set: &str) {
    let (net, demand) = load(dir, set);
    let (net, demand) = (Arc::new(net), Arc::new(demand));
    let csv = String::from_utf8(bytes(dir.join("reference/golden.csv"))).unwrap();
    let rows: Vec<Vec<&str>> = csv
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect())
        .filter(|r: &Vec<&str>| r[0] == set && r[3] == "0")
        .collect();
    assert_eq!(rows.len(), 11);
    let mut wrong = Vec::new();
    for row in &rows {
        let off = compare(row, &outcome(&net, &demand, row));
        println!(
            "{} {} {}: {}",
            row[0],
            row[1],
            row[2],
            if off.is_empty() {
                "exact".into()
            } else {
                off.join(", ")
            }
        );
        wrong.extend(off);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_names_the_five_sets() {
    let names: Vec<&str> = SETS.iter().map(|s| s.0).collect();
    assert_eq!(
        names,
        ["jinan1", "jinan2", "jinan3", "hangzhou1", "hangzhou2"]
    );
}

macro_rules! golden {
    ($($set:ident),*) => { $(
        #[test]
        fn $set() {
            if let Some(dir) = shared(stringify!($set)) {
                check(&dir, stringify!($set));
            }
        }
    )* };
}

golden!(jinan1, jinan2, jinan3, hangzhou1, hangzhou2);
