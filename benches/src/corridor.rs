//! The emergency corridor: an ambulance over 21 signals of a generated arterial in a peak, with and
//! without a green wave, on one seed.

use std::sync::Arc;

use anyhow::{Context, Result};
use conurb_traffic::citygen::grid::{GridOptions, generate};
use conurb_traffic::control::{Controller, Pressure, PressureRule};
use conurb_traffic::corridor::{CorridorOptions, Dispatch, plan};
use conurb_traffic::file::read_flows;
use conurb_traffic::protocol::ProtocolOptions;
use conurb_traffic::{Network, RoadIx, VehicleTemplate};

use crate::figure::Figure;

const BENCH: &str = "corridor";
/// Share of the time without a plan that may be left.
const TIME_SHARE_MAX: f64 = 0.5;

/// Runs the bench.
pub(crate) fn run() -> Result<Vec<Figure>> {
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
    let (roads, flows) = generate(&options)?;
    let net = Arc::new(Network::from_json(&roads, "generated arterial")?);
    let flows = read_flows(&flows, "generated demand")?;
    let (from, to) = ends(&net).context("the arterial has no roads")?;
    let dispatch = Dispatch {
        from,
        to,
        at_s: 600,
        vehicle: VehicleTemplate::default(),
    };
    let rule = PressureRule::MaxPressure;
    let control = || Box::new(Pressure::new(&net, rule, 1, 4)) as Box<dyn Controller>;
    let options = CorridorOptions {
        protocol: ProtocolOptions {
            duration_s: 3_000,
            ..ProtocolOptions::default()
        },
        ..CorridorOptions::default()
    };
    let found = plan(&net, &flows, &dispatch, &control, &options)?;
    let chosen = &found.tried[found.chosen.context("no plan helps")?];
    let without = found
        .without
        .vehicle_s
        .context("it never arrives without a plan")?;
    let with = chosen.vehicle_s.context("it never arrives")?;
    let told = |metric: &str, value: f64, unit| Figure::told(BENCH, metric, value, unit);
    Ok(vec![
        Figure::at_most(
            BENCH,
            "ambulance time over that under MaxPressure alone, 21 signals, 7 km",
            with / without,
            "1",
            TIME_SHARE_MAX,
        ),
        told("ambulance time without a plan", without, "s"),
        told("ambulance time with a green wave", with, "s"),
        told("delay to all others", chosen.others_veh_s, "veh s"),
        told(
            "delay to each other vehicle, mean",
            chosen.others_mean_s,
            "s",
        ),
        told(
            "recovery after the arrival",
            chosen.recovery_s.map_or(f64::NAN, f64::from),
            "s",
        ),
    ])
}

/// The first and the last road of the arterial from west to east.
fn ends(net: &Network) -> Option<(RoadIx, RoadIx)> {
    let mut along: Vec<(f64, RoadIx)> = (0..)
        .zip(net.roads())
        .filter_map(|(at, road)| {
            let (a, b) = (road.points.first()?, road.points.last()?);
            (b[0] > a[0] && (a[1] - b[1]).abs() < 1e-9).then_some((a[0], RoadIx(at)))
        })
        .collect();
    along.sort_by(|a, b| a.0.total_cmp(&b.0));
    Some((along.first()?.1, along.last()?.1))
}
