//! Green waves of largest bandwidth on generated streets.

use std::sync::Arc;

use conurb_traffic::citygen::grid::GridOptions;
use conurb_traffic::protocol::{ProtocolOptions, run_plan};
use conurb_traffic::webster::{
    Offsets, PlanPlayer, SignalPlan, Wave, WebsterOptions, greenwave_searched, with_waves,
};
use conurb_traffic::{Demand, Network};

use crate::common::generated;

fn grid(columns: u32, rows: u32, seed: u64) -> (Arc<Network>, Arc<Demand>) {
    generated(&GridOptions {
        columns,
        rows,
        block_x_m: 400.0,
        block_y_m: 300.0,
        load: 0.5,
        straight: 0.6,
        span_s: 1_800,
        seed,
    })
}

fn options(offsets: Offsets) -> WebsterOptions {
    WebsterOptions {
        common_cycle_s: Some(80),
        offsets,
        window_s: (0.0, 1_800.0),
        ..WebsterOptions::default()
    }
}

fn protocol() -> ProtocolOptions {
    ProtocolOptions {
        duration_s: 1_800,
        ..ProtocolOptions::default()
    }
}

fn network_s(net: &Arc<Network>, demand: &Arc<Demand>, plans: &[SignalPlan]) -> f64 {
    let mut player = PlanPlayer::new(net, plans);
    let run = run_plan(net, demand, &mut player, &protocol(), &mut |_| {}).unwrap();
    run.network_s
}

/// Seconds of the cycle in which a vehicle that passes the first junction then meets green at every
/// junction of the wave, going at 11.11 m/s; the longest run of them.
fn band_s(net: &Network, plans: &[SignalPlan], wave: &Wave, inbound: bool) -> usize {
    let mut ids = wave.junctions.clone();
    if inbound {
        ids.reverse();
    }
    let green = |second: u32| {
        let mut at_s = f64::from(second);
        ids.windows(2).enumerate().all(|(k, pair)| {
            let (a, b) = (
                net.junction_ix(&pair[0]).unwrap(),
                net.junction_ix(&pair[1]).unwrap(),
            );
            let road = (0_u32..)
                .zip(net.roads())
                .find(|(_, r)| (r.from, r.to) == (a, b))
                .map(|(r, _)| conurb_traffic::RoadIx(r))
                .unwrap();
            let shows = |j: conurb_traffic::JunctionIx, at_s: f64, leaving: bool| {
                let plan = plans.iter().find(|p| p.junction == j).unwrap();
                let links = net.phase_links(j, plan.phase_at(at_s.round()));
                links.iter().any(|l| {
                    let link = &net.links()[l.ix()];
                    let end = if leaving { link.to } else { link.from };
                    link.turn == conurb_traffic::Turn::Straight
                        && net.lanes()[end.ix()].road == road
                })
            };
            let starts = k > 0 || shows(a, at_s, true);
            let inside = (net.junctions()[a.ix()].road_links.iter())
                .find(|l| l.to == road && l.turn == conurb_traffic::Turn::Straight)
                .map_or(0.0, |l| net.links()[l.links[0].ix()].length_m);
            let lane = &net.lanes()[net.roads()[road.ix()].lanes[0].ix()];
            at_s += (lane.length_m + inside) / lane.max_speed_m_s.min(11.111);
            starts && shows(b, at_s, false)
        })
    };
    let seconds: Vec<bool> = (0..2 * wave.cycle_s).map(green).collect();
    let runs = seconds.chunk_by(|a, b| a == b).filter(|r| r[0]);
    runs.map(<[bool]>::len).max().unwrap_or(0)
}

#[test]
fn the_bands_told_are_there_on_the_street() {
    for (columns, rows, seed) in [(6, 1, 1), (4, 4, 2)] {
        let (net, demand) = grid(columns, rows, seed);
        let (plans, waves) = with_waves(&net, &demand, &options(Offsets::Bands));
        assert!(!waves.is_empty());
        for wave in &waves {
            println!("{wave:?}");
            assert!(wave.attainability >= 0.5 && wave.attainability <= 1.0);
            assert!(wave.efficiency > 0.0 && wave.efficiency < wave.attainability);
            for (told, inbound) in [(wave.bands.outbound_s, false), (wave.bands.inbound_s, true)] {
                let there = band_s(&net, &plans, wave, inbound);
                let told = told as usize;
                assert!(there + 2 >= told, "{wave:?}: {there} s instead of {told} s");
            }
        }
        // The busiest come first, and every offset is within the cycle.
        let flow = |w: &Wave| w.through_veh_h.0 + w.through_veh_h.1;
        assert!(waves.windows(2).all(|w| flow(&w[0]) >= flow(&w[1])));
        assert!(plans.iter().all(|p| p.offset_s < p.cycle_s));
    }
}

#[test]
fn a_wave_is_faster_than_signals_that_start_together() {
    let (net, demand) = grid(6, 1, 1);
    let time = |offsets| {
        network_s(
            &net,
            &demand,
            &with_waves(&net, &demand, &options(offsets)).0,
        )
    };
    let (zero, tree, bands) = (
        time(Offsets::Zero),
        time(Offsets::Tree),
        time(Offsets::Bands),
    );
    println!("offsets 0: {zero:.1} s, one-way tree: {tree:.1} s, bands: {bands:.1} s");
    assert!(bands < zero, "{bands} s against {zero} s");
}

#[test]
fn the_cycle_is_searched_and_found_again() {
    let (net, demand) = grid(4, 3, 3);
    let base = WebsterOptions {
        window_s: (0.0, 1_800.0),
        ..WebsterOptions::default()
    };
    let found = greenwave_searched(&net, &demand, &base, &protocol()).unwrap();
    assert_eq!(found.tried.len(), 7);
    assert!(
        found
            .tried
            .iter()
            .all(|(_, s)| *s >= found.outcome.network_s)
    );
    assert!(!found.waves.is_empty());
    let again = network_s(&net, &demand, &found.plans);
    assert_eq!(again.to_bits(), found.outcome.network_s.to_bits());
    // Stages that need a longer cycle than a word has bits are refused.
    let slow = WebsterOptions {
        yellow_s: 60,
        ..base
    };
    let refused = greenwave_searched(&net, &demand, &slow, &protocol()).unwrap_err();
    assert!(refused.to_string().contains("128 s"), "{refused}");
}
