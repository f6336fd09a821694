//! Offsets for a common cycle: green waves along the busiest roads.
//!
//! Roads are taken by through traffic, busiest first; one that joins two groups of junctions not
//! yet coordinated sets their groups against each other (Kruskal's tree). Along it the through stage starts when the head
//! of the platoon arrives from the stage before. Each junction belongs to one wave; the others it
//! meets as they fall.

use std::collections::BTreeMap;

use super::SignalPlan;
use crate::ids::{JunctionIx, RoadIx};
use crate::network::{Network, Turn};

/// Starts and lengths, s after the start of the plan, of the stages in which a straight movement
/// into (`leaving`) or out of `road` is green.
pub(super) fn stages_s(
    net: &Network,
    plan: &SignalPlan,
    road: RoadIx,
    leaving: bool,
) -> Vec<(u32, u32)> {
    let junction = &net.junctions()[plan.junction.ix()];
    let mut at_s = 0;
    let mut found = Vec::new();
    for stage in &plan.stages {
        let links = &junction.phases[usize::from(stage.phase)].road_links;
        let serves = links.iter().any(|&r| {
            let link = &junction.road_links[r as usize];
            let end = if leaving { link.to } else { link.from };
            link.turn == Turn::Straight && end == road
        });
        if serves {
            found.push((at_s, stage.green_s));
        }
        at_s += stage.green_s + stage.yellow_s;
    }
    found
}

/// Start of the first of [`stages_s`].
pub(super) fn stage_start_s(
    net: &Network,
    plan: &SignalPlan,
    road: RoadIx,
    leaving: bool,
) -> Option<f64> {
    let first = stages_s(net, plan, road, leaving).into_iter().next();
    first.map(|(start_s, _)| f64::from(start_s))
}

/// Sets the offsets of plans with the same cycle. `through_veh_h` and `travel_s` are by road:
/// vehicles that go straight on at its end, and free-flow travel time.
pub(super) fn set_offsets(
    net: &Network,
    plans: &mut [SignalPlan],
    through_veh_h: &[f64],
    travel_s: &[f64],
) {
    let place: BTreeMap<JunctionIx, usize> = plans
        .iter()
        .enumerate()
        .map(|(i, p)| (p.junction, i))
        .collect();
    // (start plan, end plan, seconds from the start of one's plan to the start of the other's).
    let mut edges: Vec<(usize, usize, usize, f64)> = Vec::new();
    for (r, road) in net.roads().iter().enumerate() {
        let (Some(&a), Some(&b)) = (place.get(&road.from), place.get(&road.to)) else {
            continue;
        };
        let road = RoadIx::of(r);
        let leave = stage_start_s(net, &plans[a], road, true);
        let arrive = stage_start_s(net, &plans[b], road, false);
        if let (Some(leave), Some(arrive)) = (leave, arrive)
            && through_veh_h[r] > 0.0
        {
            edges.push((r, a, b, leave + travel_s[r] - arrive));
        }
    }
    edges.sort_by(|x, y| {
        let busier = through_veh_h[y.0].total_cmp(&through_veh_h[x.0]);
        busier.then(x.0.cmp(&y.0))
    });
    // Kruskal with relative offsets: joining two trees shifts the whole smaller one.
    let mut tree: Vec<usize> = (0..plans.len()).collect();
    let mut members: Vec<Vec<usize>> = (0..plans.len()).map(|i| vec![i]).collect();
    let mut offset_s = vec![0.0_f64; plans.len()];
    for (_, a, b, lag) in edges {
        let (ta, tb) = (tree[a], tree[b]);
        if ta == tb {
            continue;
        }
        let shift = offset_s[a] + lag - offset_s[b];
        let (keep, gone, shift) = if members[ta].len() >= members[tb].len() {
            (ta, tb, shift)
        } else {
            (tb, ta, -shift)
        };
        for i in std::mem::take(&mut members[gone]) {
            offset_s[i] += shift;
            tree[i] = keep;
            members[keep].push(i);
        }
    }
    for (plan, offset) in plans.iter_mut().zip(offset_s) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below the cycle
        let whole = offset.round().rem_euclid(f64::from(plan.cycle_s)) as u32;
        plan.offset_s = whole;
    }
}
