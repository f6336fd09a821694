//! Road networks and demands: CityFlow's files and SUMO's.

use std::sync::{Arc, LazyLock};

use conurb_traffic::assignment::{Counts, OdMatrix, TurnDemand, Zones};
use conurb_traffic::osm::read_map;
use conurb_traffic::sumo::{
    DemandOptions, NetworkOptions, SumoNetwork, read_additional, read_config, read_demand,
    read_network,
};
use conurb_traffic::{
    Changes, Demand, MapOptions, Network, Parking, Signals, Sim, SimOptions, gmns,
};

const ROADNET: &[u8] = include_bytes!("../../corpus/roadnet/cross.json");
const FLOW: &[u8] = include_bytes!("../../corpus/flow/two.json");
const SUMO_NET: &[u8] = include_bytes!("../../corpus/sumo_net/signals.net.xml");

/// Seconds that a network and demand which read are driven.
const DRIVEN_S: usize = 20;

/// What reads must run: a network is only worth something to the engine.
fn drive(net: Network, demand: Demand) {
    let options = SimOptions {
        signals: Signals::Programme,
        ..SimOptions::default()
    };
    let Ok(mut sim) = Sim::new(Arc::new(net), Arc::new(demand), options) else {
        return;
    };
    for _ in 0..DRIVEN_S {
        sim.step();
    }
    assert!(
        sim.vehicles()
            .all(|v| v.position_m.is_finite() && v.speed_m_s >= 0.0),
        "a vehicle has left the numbers"
    );
}

pub(super) fn roadnet(bytes: &[u8]) {
    let Ok(net) = Network::from_json(bytes, "roadnet.json") else {
        return;
    };
    if let Ok(demand) = Demand::from_json(FLOW, "flow.json", &net) {
        drive(net, demand);
    }
}

pub(super) fn flow(bytes: &[u8]) {
    let net = Network::from_json(ROADNET, "cross.json").expect("the seed is a network");
    if let Ok(demand) = Demand::from_json(bytes, "flow.json", &net) {
        drive(net, demand);
    }
}

/// The crossing with its two flows, to which `with` adds what was read.
fn drive_with(with: impl FnOnce(&mut Sim)) {
    let net = Network::from_json(ROADNET, "cross.json").expect("the seed is a network");
    let demand = Demand::from_json(FLOW, "flow.json", &net).expect("the seed is a demand");
    let options = SimOptions {
        signals: Signals::Programme,
        ..SimOptions::default()
    };
    let mut sim = Sim::new(Arc::new(net), Arc::new(demand), options).expect("the seeds run");
    with(&mut sim);
    for _ in 0..5 * DRIVEN_S {
        sim.step();
    }
    assert!(
        sim.vehicles()
            .all(|v| v.position_m.is_finite() && v.speed_m_s >= 0.0),
        "a vehicle has left the numbers"
    );
}

pub(super) fn changes(bytes: &[u8]) {
    if let Ok(changes) = Changes::from_json(bytes, "changes.json", &CROSS) {
        drive_with(|sim| {
            let taken = sim.set_changes(Arc::new(changes));
            assert!(
                taken.is_ok(),
                "without lane change all changes are possible"
            );
        });
    }
}

/// Most car parks that vehicles are sent to.
const PARKS_MAX: usize = 50;

pub(super) fn parking(bytes: &[u8]) {
    if let Ok(parking) = Parking::from_json(bytes, "parking.json", &CROSS)
        && parking.len() <= PARKS_MAX
    {
        drive_with(|sim| {
            let taken = sim.set_parking(Arc::new(parking));
            assert!(
                taken.is_ok(),
                "before the first step all car parks are possible"
            );
        });
    }
}

pub(super) fn sumo_net(bytes: &[u8]) {
    drop(read_network(bytes, "a.net.xml", &NetworkOptions::default()));
}

/// Routes, trips, flows and types, on a network with a signal.
static SIGNALS: LazyLock<SumoNetwork> = LazyLock::new(|| {
    read_network(SUMO_NET, "signals.net.xml", &NetworkOptions::default())
        .expect("the seed is a network")
});

pub(super) fn sumo_demand(bytes: &[u8]) {
    let options = DemandOptions {
        end_s: 3_600.0,
        ..DemandOptions::default()
    };
    drop(read_demand(&[(bytes, "a.rou.xml")], &SIGNALS, &options));
}

pub(super) fn sumo_config(bytes: &[u8]) {
    drop(read_config(bytes, "a.sumocfg"));
}

pub(super) fn sumo_additional(bytes: &[u8]) {
    drop(read_additional(bytes, "a.add.xml", &SIGNALS, 0.0));
}

/// The network of the tables of demand.
static CROSS: LazyLock<Network> =
    LazyLock::new(|| Network::from_json(ROADNET, "cross.json").expect("the seed is a network"));

const ZONES: &[u8] = include_bytes!("../../corpus/zone_table/two.csv");
const ENTRIES: &[u8] = include_bytes!("../../corpus/entry_table/two.csv");
const TURNS: &[u8] = include_bytes!("../../corpus/turn_table/two.csv");

/// Most vehicles that are drawn from a table.
const DRAWN_MAX: f64 = 2_000.0;

fn draw(od: &OdMatrix) {
    if od.total_vehicles() <= DRAWN_MAX {
        drop(od.trips(1));
    }
}

pub(super) fn od_table(bytes: &[u8]) {
    let zones = Zones::from_csv(ZONES, "zones.csv", &CROSS).expect("the seed is a table");
    if let Ok(od) = OdMatrix::from_csv(bytes, "od.csv", &CROSS, &zones) {
        draw(&od);
        let again = od.to_csv();
        let again = OdMatrix::from_csv(again.as_bytes(), "od.csv", &CROSS, &zones);
        assert!(again.is_ok(), "what is written is not read");
    }
}

pub(super) fn zone_table(bytes: &[u8]) {
    const OD: &[u8] = include_bytes!("../../corpus/od_table/two.csv");
    if let Ok(zones) = Zones::from_csv(bytes, "zones.csv", &CROSS)
        && let Ok(od) = OdMatrix::from_csv(OD, "od.csv", &CROSS, &zones)
    {
        draw(&od);
    }
}

pub(super) fn entry_table(bytes: &[u8]) {
    let read = TurnDemand::from_csv((bytes, "flows.csv"), (TURNS, "turns.csv"), &CROSS);
    if let Ok(demand) = read
        && demand.total_vehicles() <= DRAWN_MAX
    {
        drop(demand.walk(&CROSS, 1));
    }
}

pub(super) fn turn_table(bytes: &[u8]) {
    let read = TurnDemand::from_csv((ENTRIES, "flows.csv"), (bytes, "turns.csv"), &CROSS);
    if let Ok(demand) = read {
        drop(demand.walk(&CROSS, 1));
    }
}

pub(super) fn count_table(bytes: &[u8]) {
    drop(Counts::from_csv(bytes, "counts.csv", &CROSS));
}

/// A map as XML; what reads has only numbers in it.
pub(super) fn osm_xml(bytes: &[u8]) {
    map(bytes, "a.osm");
}

/// A map as blocks of protocol buffers.
pub(super) fn osm_pbf(bytes: &[u8]) {
    map(bytes, "a.osm.pbf");
}

fn map(bytes: &[u8], name: &str) {
    if let Ok(map) = read_map(bytes, name, &MapOptions::default()) {
        let lanes = map.network.network.lanes();
        assert!(
            lanes
                .iter()
                .flat_map(|l| l.points.iter().flatten())
                .all(|v| v.is_finite()),
            "a lane has left the numbers"
        );
    }
}

/// Tables in one file, each after a line `== name.csv`.
pub(super) fn gmns(bytes: &[u8]) {
    drop(gmns::read_tables(
        &gmns_tables(bytes),
        "a",
        &MapOptions::default(),
    ));
}

/// The tables of a file of the corpus.
#[must_use]
pub fn gmns_tables(bytes: &[u8]) -> gmns::Files {
    let text = String::from_utf8_lossy(bytes);
    let parts = text.split("== ").skip(1);
    parts
        .filter_map(|part| part.split_once('\n'))
        .map(|(name, table)| (name.trim().to_owned(), table.as_bytes().to_vec()))
        .collect()
}
