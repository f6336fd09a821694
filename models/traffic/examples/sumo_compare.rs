//! Runs a SUMO scenario in the twin and prints its measures; `--trips FILE` writes every trip.

use std::io::Write as _;
use std::sync::Arc;

use conurb_traffic::sumo::{DemandOptions, NetworkOptions, read_demand, read_network};
use conurb_traffic::{Signals, Sim, SimOptions};

fn main() {
    let a: Vec<String> = std::env::args().collect();
    let (net_file, rou, begin, end) = (&a[1], &a[2], a[3].parse::<f64>().unwrap(), a[4].parse::<f64>().unwrap());
    let bytes = std::fs::read(net_file).unwrap();
    let net = read_network(&bytes, net_file, &NetworkOptions { begin_s: begin }).unwrap_or_else(|e| panic!("{e}"));
    println!("{}", net.unmodelled);
    let rou_bytes = std::fs::read(rou).unwrap();
    let opts = DemandOptions { begin_s: begin, end_s: end, seed: 0 };
    let d = read_demand(&[(&rou_bytes, rou)], &net, &opts).unwrap_or_else(|e| panic!("{e}"));
    println!("{}", d.unmodelled);
    println!("roads {} lanes {} links {} vehicles {} templates {}", net.network.roads().len(), net.network.lanes().len(), net.network.links().len(), d.ids.len(), d.demand.templates().len());
    let (network, demand, ids) = (Arc::new(net.network), Arc::new(d.demand), d.ids);
    if let Ok(f) = std::env::var("ROUTES") { let mut o = std::fs::File::create(f).unwrap(); for (fl, id) in demand.flows().iter().zip(&ids) { let r: Vec<&str> = demand.routes()[fl.route as usize].iter().map(|r| network.roads()[r.ix()].id.as_str()).collect(); writeln!(o, "{id},{}", r.join(" ")).unwrap(); } }
    let options = SimOptions { signals: Signals::Programme, ..SimOptions::default() };
    let mut sim = Sim::new(Arc::clone(&network), Arc::clone(&demand), options).unwrap();
    println!("{:?}", sim.notes());
    let mut seen: Vec<u32> = vec![u32::MAX; ids.len() + 10];
    let mut waits: Vec<u32> = vec![0; ids.len() + 10];
    let mut flow_of: Vec<u32> = vec![0; ids.len() + 10];
    let (mut total, mut n, mut delay, mut updates, mut wait) = (0.0, 0, 0.0, 0u64, 0u64);
    let mut per_road = vec![(0u32, 0u32); network.roads().len()];
    let mut out = a.get(5).map(|f| std::io::BufWriter::new(std::fs::File::create(f).unwrap()));
    for t in 0..(end - begin) as u32 {
        sim.step();
        for f in sim.just_finished() {
            let e = f.event as usize;
            let dur = f64::from(t) + 1.0 - f64::from(seen[e]);
            total += dur;
            n += 1;
            wait += u64::from(waits[e]);
            if let Some(o) = &mut out {
                writeln!(o, "{},{},{},{}", ids[flow_of[e] as usize], seen[e], dur, waits[e]).unwrap();
            }
        }
        for v in sim.vehicles() {
            if let Some(l) = network.as_lane(v.drivable) { let r = network.lanes()[l.ix()].road.ix(); per_road[r].0 += 1; if v.speed_m_s < 0.1 { per_road[r].1 += 1; } }
            updates += 1;
            let e = v.event as usize;
            if v.speed_m_s < 0.1 { waits[e] += 1; }
            if seen[e] == u32::MAX {
                seen[e] = t;
                flow_of[e] = v.flow;
                delay += f64::from(t) - demand.flows()[v.flow as usize].start_s as f64;
            }
        }
        if std::env::var("DBG").ok().and_then(|d| d.parse::<u32>().ok()) == Some(t) {
            let name = |d: conurb_traffic::DrivableIx| match (network.as_lane(d), network.as_link(d)) { (Some(l), _) => network.lanes()[l.ix()].id.clone(), (_, Some(l)) => network.links()[l.ix()].id.clone(), _ => String::new() };
            let mut of_slot = std::collections::HashMap::new();
            for v in sim.vehicles() { of_slot.insert(v.slot, v); }
            let mut rows: Vec<(u32, String)> = Vec::new();
            for d in 0..(network.lanes().len() + network.links().len()) {
                if let Some(v) = sim.vehicles_on(conurb_traffic::DrivableIx(d as u32)).next() {
                    if v.speed_m_s < 0.1 && waits[v.event as usize] > 100 {
                        let b = sim.debug_blocker(v.slot);
                        let path = sim.path_ahead(v.slot);
                        let next = path.get(1).map_or(String::new(), |d| name(conurb_traffic::DrivableIx(*d)));
                        let n = sim.vehicles_on(v.drivable).count();
                        let bl = of_slot.get(&b).map_or("-".to_owned(), |o| format!("{} on {} pos {:.1} v {:.1}", ids[o.flow as usize], name(o.drivable), o.position_m, o.speed_m_s));
                        rows.push((waits[v.event as usize], format!("ev {} {} on {} pos {:.1}/{:.1} n {n} next {next} waits {} BLOCKED BY {bl}", v.event, ids[v.flow as usize], name(v.drivable), v.position_m, network.length_m(v.drivable), waits[v.event as usize])));
                    }
                }
            }
            rows.sort(); rows.reverse();
            for r in rows.iter().take(25) { println!("DBG {}", r.1); }
        }
        if t % 600 == 599 { println!("t {} running {} outside {} finished {}", t + 1, sim.running(), sim.waiting_outside(), sim.finished()); }
    }
    println!("finished {n} running {} outside {} total {total} mean {:.2} wait {:.2} depart_delay {:.2} updates {updates}", sim.running(), sim.waiting_outside(), total / f64::from(n), wait as f64 / f64::from(n), delay / ids.len() as f64);
    if let Some(f) = a.get(6) { let mut o = std::fs::File::create(f).unwrap(); for (r, x) in network.roads().iter().zip(&per_road) { writeln!(o, "{},{},{}", r.id, x.0, x.1).unwrap(); } }
    // where vehicles stand now
    let mut standing: Vec<(u32, String)> = (0..network.lanes().len()).map(|l| (sim.lane_waiting(conurb_traffic::LaneIx(l as u32)), network.lanes()[l].id.clone())).collect();
    standing.sort();
    standing.reverse();
    println!("{:?}", &standing[..12.min(standing.len())]);
}
