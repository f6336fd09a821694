//! The emergency corridor on a generated arterial of 21 signals.

use std::sync::Arc;

use conurb_traffic::citygen::grid::{GridOptions, generate};
use conurb_traffic::control::{Controller, Pressure, PressureRule};
use conurb_traffic::corridor::{CorridorOptions, Dispatch, alternatives, plan};
use conurb_traffic::file::read_flows;
use conurb_traffic::protocol::ProtocolOptions;
use conurb_traffic::{Network, VehicleTemplate};

/// 21 signals along seven kilometres in a peak.
fn arterial() -> (Arc<Network>, Vec<u8>) {
    let options = GridOptions {
        columns: 21,
        rows: 1,
        block_x_m: 333.0,
        block_y_m: 333.0,
        load: 0.7,
        straight: 0.3,
        span_s: 2_400,
        seed: 5,
    };
    println!("seed {}", options.seed);
    let (roads, flows) = generate(&options).unwrap();
    (Arc::new(Network::from_json(&roads, "grid").unwrap()), flows)
}

fn ends(net: &Network) -> Dispatch {
    // West to east: the first and the last road of the arterial.
    let along = |first: bool| {
        let roads = (0..).zip(net.roads()).filter(|(_, r)| {
            let (a, b) = (r.points[0], r.points[1]);
            b[0] > a[0] && (a[1] - b[1]).abs() < 1e-9
        });
        let key = |r: &(u32, &conurb_traffic::Road)| r.1.points[0][0];
        let found = if first {
            roads.min_by(|a, b| key(a).total_cmp(&key(b)))
        } else {
            roads.max_by(|a, b| key(a).total_cmp(&key(b)))
        };
        conurb_traffic::RoadIx(found.unwrap().0)
    };
    Dispatch {
        from: along(true),
        to: along(false),
        at_s: 600,
        vehicle: VehicleTemplate::default(),
    }
}

fn options() -> CorridorOptions {
    CorridorOptions {
        protocol: ProtocolOptions {
            duration_s: 3_000,
            ..ProtocolOptions::default()
        },
        ..CorridorOptions::default()
    }
}

#[test]
fn the_vehicle_takes_at_most_half_the_time_and_what_others_pay_is_told() {
    let (net, flows) = arterial();
    let flows = read_flows(&flows, "grid").unwrap();
    let rule = PressureRule::MaxPressure;
    let control = || Box::new(Pressure::new(&net, rule, 1, 4)) as Box<dyn Controller>;
    let dispatch = ends(&net);
    let found = plan(&net, &flows, &dispatch, &control, &options()).unwrap();
    println!("{found:#?}");
    let chosen = &found.tried[found.chosen.unwrap()];
    let (with, without) = (chosen.vehicle_s.unwrap(), found.without.vehicle_s.unwrap());
    assert!(with <= 0.5 * without, "{with} s instead of {without} s");
    assert_eq!(found.without.others_veh_s.to_bits(), 0.0_f64.to_bits());
    assert!(found.without.payers.is_empty());
    // Somebody pays, and the payers' sum is of the size of the whole.
    assert!(!chosen.payers.is_empty());
    let again = plan(&net, &flows, &dispatch, &control, &options()).unwrap();
    assert_eq!(found, again);
    // A bound nobody can keep leaves the signals alone.
    let strict = CorridorOptions {
        others_max_veh_s: Some(-1e12),
        leads: vec![1.0],
        ..options()
    };
    assert_eq!(
        plan(&net, &flows, &dispatch, &control, &strict)
            .unwrap()
            .chosen,
        None
    );
}

#[test]
fn ways_are_different_and_one_that_is_not_there_is_told() {
    let grid = GridOptions::random(3);
    let (roads, _) = generate(&grid).unwrap();
    let net = Network::from_json(&roads, "grid").unwrap();
    let inward = |at: usize| {
        let mut gates = (0..)
            .zip(net.roads())
            .filter(|(_, r)| net.junctions()[r.from.ix()].is_virtual);
        conurb_traffic::RoadIx(gates.nth(at).unwrap().0)
    };
    let outward = (0..)
        .zip(net.roads())
        .filter(|(_, r)| net.junctions()[r.to.ix()].is_virtual);
    let dispatch = Dispatch {
        from: inward(0),
        to: conurb_traffic::RoadIx(outward.last().unwrap().0),
        at_s: 0,
        vehicle: VehicleTemplate::default(),
    };
    let routes = alternatives(&net, &dispatch, 3).unwrap();
    assert!(routes.len() > 1);
    for route in &routes {
        assert_eq!(
            (route[0], *route.last().unwrap()),
            (dispatch.from, dispatch.to)
        );
    }
    let back = Dispatch {
        from: dispatch.to,
        to: dispatch.from,
        ..dispatch
    };
    let error = alternatives(&net, &back, 3).unwrap_err().to_string();
    assert!(error.contains("no way leads from"), "{error}");
}
