//! Trajectories against the reference simulator, lane change off: phases replayed second by second.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use conurb_traffic::{JunctionIx, Sim, SimOptions, VehicleView};

use crate::common::{gz_text, load, shared};

/// Far tighter than asked (1e-6): the recorded differences stay below 4e-13.
const TOLERANCE: f64 = 1e-9;

struct Replay {
    sim: Sim,
    junctions: Vec<JunctionIx>,
    phases: Vec<Vec<u16>>,
}

fn replay(dir: &Path, run: &str) -> Replay {
    let set = run.split('_').next().unwrap();
    let (net, demand) = load(dir, set);
    let csv = gz_text(dir.join(format!("reference/phases_{run}.csv.gz")));
    let mut lines = csv.lines();
    let junctions = lines.next().unwrap().split(',').skip(1);
    let junctions = junctions.map(|id| net.junction_ix(id).unwrap()).collect();
    let phases = lines
        .map(|l| l.split(',').skip(1).map(|p| p.parse().unwrap()).collect())
        .collect();
    let sim = Sim::new(Arc::new(net), Arc::new(demand), SimOptions::default()).unwrap();
    Replay {
        sim,
        junctions,
        phases,
    }
}

impl Replay {
    fn step(&mut self, second: usize) {
        for (j, phase) in self.junctions.iter().zip(&self.phases[second]) {
            self.sim.set_phase(*j, *phase).unwrap();
        }
        self.sim.step();
    }

    fn ordered(&self) -> Vec<VehicleView> {
        let mut all: Vec<_> = self.sim.vehicles().collect();
        all.sort_by_key(|v| (v.flow, v.number));
        all
    }
}

fn check(run: &str) {
    let Some(dir) = shared(run) else { return };
    let mut r = replay(&dir, run);
    let sums = gz_text(dir.join(format!("reference/sums_{run}.csv.gz")));
    let trace = gz_text(dir.join(format!("reference/trace_{run}.csv.gz")));
    let mut by_time: BTreeMap<u32, BTreeMap<&str, (&str, f64, f64)>> = BTreeMap::new();
    for line in trace.lines().skip(1) {
        let f: Vec<&str> = line.split(',').collect();
        by_time
            .entry(f[0].parse().unwrap())
            .or_default()
            .insert(f[1], (f[2], f[3].parse().unwrap(), f[4].parse().unwrap()));
    }
    let (mut compared, mut exact, mut exact_sums, mut worst) = (0, 0, 0, 0.0f64);
    for (second, line) in sums.lines().skip(1).enumerate() {
        r.step(second);
        let time = u32::try_from(second).unwrap() + 1;
        let vehicles = r.ordered();
        if let Some(expected) = by_time.get(&time) {
            for v in &vehicles {
                let id = v.id();
                let Some((lane, pos, speed)) = expected.get(id.as_str()) else {
                    panic!("{run} at {time}: {id} is not running in the reference");
                };
                let net = r.sim.network();
                let ours = net
                    .as_lane(v.drivable)
                    .map_or("", |l| net.lanes()[l.ix()].id.as_str());
                let fine = ours == *lane
                    && (v.position_m - pos).abs() < TOLERANCE
                    && (v.speed_m_s - speed).abs() < TOLERANCE;
                assert!(
                    fine,
                    "{run} at {time}: {id} on {ours} at {} with {}, reference on {lane} at {pos} with {speed}",
                    v.position_m, v.speed_m_s
                );
                worst = worst
                    .max((v.position_m - pos).abs())
                    .max((v.speed_m_s - speed).abs());
                compared += 1;
                exact += usize::from(v.position_m == *pos && v.speed_m_s == *speed);
            }
            assert_eq!(vehicles.len(), expected.len(), "{run} at {time}");
        }
        let f: Vec<f64> = line.split(',').map(|x| x.parse().unwrap()).collect();
        let position: f64 = vehicles.iter().map(|v| v.position_m).sum();
        let speed: f64 = vehicles.iter().map(|v| v.speed_m_s).sum();
        let waiting = vehicles.iter().filter(|v| v.speed_m_s < 0.1).count();
        #[allow(clippy::cast_precision_loss)]
        let ours = [vehicles.len() as f64, position, speed, waiting as f64];
        for (ours, theirs) in ours.iter().zip(&f[1..]) {
            assert!(
                (ours - theirs).abs() < 1e-5,
                "{run} at {time}: {ours} against {theirs} in {line}"
            );
        }
        exact_sums += usize::from(position == f[2] && speed == f[3]);
    }
    println!(
        "{run}: {compared} vehicle states compared, {exact} bit-equal, worst {worst:e}, {exact_sums} of 3600 sums bit-equal"
    );
    assert!(compared > 10_000);
    check_trips(&r.sim, &dir, run);
}

fn check_trips(sim: &Sim, dir: &Path, run: &str) {
    let trips = gz_text(dir.join(format!("reference/trips_{run}.csv.gz")));
    let seen = trips.lines().skip(1).count();
    let ours = sim.created() - sim.waiting_outside();
    assert_eq!(
        usize::try_from(ours).unwrap(),
        seen,
        "{run}: vehicles that entered"
    );
}

#[test]
fn hangzhou1_under_max_pressure() {
    check("hangzhou1_mp_15");
}

#[test]
fn hangzhou2_under_max_pressure() {
    check("hangzhou2_mp_15");
}

#[test]
fn jinan1_under_fixed_time() {
    check("jinan1_fixed_30");
}

#[test]
fn jinan3_under_advanced_max_pressure() {
    check("jinan3_advmp_15");
}
