//! Which lanes each phase serves: what pressure rules look at.

use crate::ids::{JunctionIx, LaneIx, RoadIx};
use crate::network::Network;

/// Vehicles of one entering lane towards one road.
#[derive(Debug, Clone, PartialEq)]
pub struct Movement {
    /// The entering lane.
    pub lane: LaneIx,
    /// The road it feeds.
    pub to: RoadIx,
}

/// The movements of every phase of every junction.
#[derive(Debug, Clone)]
pub struct Movements {
    by_phase: Vec<Vec<Vec<Movement>>>,
}

impl Movements {
    /// Movements green in a phase but not in phase 0 (in the published networks phase 0 is the
    /// yellow one, in which right turns go); all of the phase's where that leaves none.
    #[must_use]
    pub fn new(net: &Network) -> Self {
        let junctions = 0..u32::try_from(net.junctions().len()).expect("limited on load");
        let by_phase = junctions.map(|j| junction(net, JunctionIx(j))).collect();
        Self { by_phase }
    }

    /// The movements a phase serves.
    #[must_use]
    pub fn of(&self, junction: JunctionIx, phase: u16) -> &[Movement] {
        self.by_phase[junction.ix()]
            .get(usize::from(phase))
            .map_or(&[], Vec::as_slice)
    }
}

/// The phases after phase 0 in which a road link of a junction is green.
pub(crate) fn serving(net: &Network, junction: JunctionIx, road_link: u32) -> Vec<u16> {
    (0..)
        .zip(&net.junctions()[junction.ix()].phases)
        .skip(1)
        .filter(|(_, phase)| phase.road_links.contains(&road_link))
        .map(|(n, _)| n)
        .collect()
}

fn junction(net: &Network, j: JunctionIx) -> Vec<Vec<Movement>> {
    let node = &net.junctions()[j.ix()];
    let always = node.phases.first().map_or(&[][..], |p| &p.road_links);
    (node.phases.iter())
        .map(|phase| {
            let own = phase.road_links.iter().filter(|r| !always.contains(r));
            let mut links: Vec<u32> = own.copied().collect();
            if links.is_empty() {
                links.clone_from(&phase.road_links);
            }
            let mut movements: Vec<Movement> = Vec::new();
            for r in links {
                let road_link = &node.road_links[r as usize];
                for link in &road_link.links {
                    let movement = Movement {
                        lane: net.links()[link.ix()].from,
                        to: road_link.to,
                    };
                    if !movements.contains(&movement) {
                        movements.push(movement);
                    }
                }
            }
            movements
        })
        .collect()
}
