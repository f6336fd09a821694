//! Speed figures: `cargo nextest run -p conurb-traffic speed --no-capture` prints them.

use std::sync::Arc;

use conurb_base::{Clock as _, SystemClock};
use conurb_traffic::control::{Controller, Pressure, PressureRule};
use conurb_traffic::protocol::{Head, ProtocolOptions};
use conurb_traffic::{Sim, SimOptions};

use crate::common::{load, shared};

#[test]
#[allow(clippy::cast_precision_loss)]
fn vehicle_updates_per_second() {
    let Some(dir) = shared("vehicle_updates_per_second") else {
        return;
    };
    let clock = SystemClock::new();
    for set in ["jinan1", "hangzhou1", "hangzhou2"] {
        let (net, demand) = load(&dir, set);
        let (net, demand) = (Arc::new(net), Arc::new(demand));
        let (mut best_ns, mut updates, mut busy) = (u64::MAX, 0u64, None);
        for _ in 0..2 {
            let options = ProtocolOptions::default();
            let mut sim =
                Sim::new(Arc::clone(&net), Arc::clone(&demand), SimOptions::default()).unwrap();
            let mut control: Box<dyn Controller> =
                Box::new(Pressure::new(&net, PressureRule::MaxPressure, 1, 4));
            let mut head = Head::new(&net, &mut sim, &options).unwrap();
            let mut ns = 0;
            updates = 0;
            for second in 0..3600 {
                head.act(&mut sim, control.as_mut(), second, &options)
                    .unwrap();
                let start = clock.monotonic_ns();
                sim.step();
                ns += clock.monotonic_ns() - start;
                updates += u64::from(sim.running());
                if busy.is_none() && sim.running() >= 600 {
                    busy = Some(sim.clone());
                }
            }
            best_ns = best_ns.min(ns);
        }
        println!(
            "{set}: {updates} updates, {:.3} s in steps, {:.1} M updates/s",
            best_ns as f64 / 1e9,
            updates as f64 * 1e3 / best_ns as f64
        );
        // A floor far below any machine's figure: it catches a loop that has become quadratic.
        assert!(
            updates * 1_000 > best_ns,
            "below a million updates a second"
        );
        if let Some(sim) = busy {
            rollouts(&clock, set, &sim);
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn rollouts(clock: &SystemClock, set: &str, sim: &Sim) {
    let state = sim.state().clone();
    let mut copy = sim.clone();
    let (mut clone_ns, mut roll_ns) = (u64::MAX, u64::MAX);
    for _ in 0..5 {
        let start = clock.monotonic_ns();
        copy.restore(&state).unwrap();
        let between = clock.monotonic_ns();
        for _ in 0..60 {
            copy.step();
        }
        clone_ns = clone_ns.min(between - start);
        roll_ns = roll_ns.min(clock.monotonic_ns() - start);
    }
    println!(
        "{set}: {} vehicles: restore {:.1} us, restore + 60 s rollout {:.3} ms",
        sim.running(),
        clone_ns as f64 / 1e3,
        roll_ns as f64 / 1e6
    );
}
