//! The flat tables the engine reads.

use crate::geometry::{self, P};
use crate::ids::LinkIx;
use crate::network::{Cross, Flat, Junction, Lane, Link, Priority, Seat};

pub(super) fn phase_links(junction: &Junction) -> Vec<Vec<LinkIx>> {
    if junction.phases.is_empty() {
        let all = junction
            .road_links
            .iter()
            .flat_map(|r| r.links.iter().copied());
        return vec![all.collect()];
    }
    junction
        .phases
        .iter()
        .map(|phase| {
            phase
                .road_links
                .iter()
                .flat_map(|r| junction.road_links[*r as usize].links.iter().copied())
                .collect()
        })
        .collect()
}

/// The places of links in their junctions, with their foes by list if there are lists.
pub(super) fn seats(
    crosses: &[Cross],
    cross_from: &[u32],
    junction_links: &[std::ops::Range<u32>],
    priority: Option<&Priority>,
) -> Vec<Seat> {
    let mut seats = Vec::with_capacity(cross_from.len());
    for (junction, links) in (0..).zip(junction_links) {
        for link in links.clone() {
            let mut seat = Seat {
                foes: 0,
                junction,
                first: links.start,
            };
            let (from, to) = (cross_from[link as usize], cross_from[link as usize + 1]);
            for cross in &crosses[from as usize..to as usize] {
                seat.foes |= seat.bit(cross.other.ix());
            }
            for foe in priority.map_or(&[][..], |p| p.foes_of(link as usize)) {
                seat.foes |= seat.bit(foe.link as usize);
            }
            seats.push(seat);
        }
    }
    seats
}

type ConflictTable = (Vec<Cross>, Vec<u32>, Vec<std::ops::Range<u32>>);

pub(super) fn conflict_table(lines: &[Vec<Vec<P>>]) -> ConflictTable {
    let to_u32 =
        |n: usize| u32::try_from(n).expect("links and conflicts are limited by the file size");
    let mut crosses = Vec::new();
    let mut from = vec![0];
    let mut ranges = Vec::with_capacity(lines.len());
    let mut first = 0;
    for junction in geometry::conflicts_of_all(lines) {
        let last = first + to_u32(junction.len());
        for link in junction {
            crosses.extend(
                link.into_iter()
                    .map(|(distance_m, other, other_distance_m)| Cross {
                        distance_m,
                        other: LinkIx(first + other),
                        other_distance_m,
                    }),
            );
            from.push(to_u32(crosses.len()));
        }
        ranges.push(first..last);
        first = last;
    }
    (crosses, from, ranges)
}

pub(super) fn flat(lanes: &[Lane], links: &[Link]) -> Flat {
    let offset = u32::try_from(lanes.len()).expect("lanes are limited by the file size");
    let mut flat = Flat::default();
    for lane in lanes {
        flat.length_m.push(lane.length_m);
        flat.limit_m_s.push(lane.max_speed_m_s);
        flat.lane_links_from
            .push(u32::try_from(flat.lane_links.len()).expect("limited"));
        flat.lane_links
            .extend(lane.links.iter().map(|l| l.0 + offset));
    }
    flat.lane_links_from
        .push(u32::try_from(flat.lane_links.len()).expect("limited"));
    for link in links {
        flat.length_m.push(link.length_m);
        flat.limit_m_s.push(link.max_speed_m_s);
        flat.link_from.push(link.from.0);
        flat.link_to.push(link.to.0);
        flat.link_rank.push(link.turn as u8);
    }
    flat
}
