//! What a run holds in memory, counted table by table: growth of the process would also count what
//! reading the files has left free.

use std::collections::HashMap;
use std::mem::size_of;

use super::Sim;
use crate::demand::Demand;
use crate::network::{Flat, Junction, Lane, Link, Network, Phase, Priority, Road, RoadLink};
use crate::plan::Plan;

/// Bytes on the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The road network, shared by all runs on it.
    pub network_b: usize,
    /// The demand, and the paths and departures made from it so far.
    pub demand_b: usize,
    /// What a snapshot copies.
    pub state_b: usize,
}

impl Sim {
    /// What it holds now.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory {
            network_b: self.net.heap_b(),
            demand_b: self.demand.heap_b() + self.plan.heap_b(),
            state_b: self.state.heap_b(),
        }
    }
}

/// A list of numbers or of other plain data.
pub(crate) const fn plain_b<T: Copy>(list: &Vec<T>) -> usize {
    list.capacity() * size_of::<T>()
}

/// A list whose items hold memory of their own.
fn list_b<T>(list: &Vec<T>, own_b: impl Fn(&T) -> usize) -> usize {
    list.capacity() * size_of::<T>() + list.iter().map(own_b).sum::<usize>()
}

fn text_b(text: &String) -> usize {
    text.capacity()
}

/// A table by name: a control byte and an entry for each place.
fn names_b<T: Copy>(names: &HashMap<String, T>) -> usize {
    let places = names.capacity() * 8 / 7;
    let texts: usize = names.keys().map(text_b).sum();
    places * (1 + size_of::<(String, T)>()) + texts
}

impl Network {
    fn heap_b(&self) -> usize {
        list_b(&self.junctions, junction_b)
            + list_b(&self.roads, road_b)
            + list_b(&self.lanes, lane_b)
            + list_b(&self.links, link_b)
            + plain_b(&self.crosses)
            + plain_b(&self.cross_from)
            + flat_b(&self.flat)
            + names_b(&self.junction_ids)
            + names_b(&self.road_ids)
            + list_b(&self.incoming, plain_b)
            + list_b(&self.outgoing, plain_b)
            + list_b(&self.phase_links, |phases| list_b(phases, plain_b))
            + self.priority.as_ref().map_or(0, priority_b)
            + list_b(&self.junction_links, |_| 0)
            + list_b(&self.notes, text_b)
    }
}

fn junction_b(j: &Junction) -> usize {
    let phase_b = |p: &Phase| plain_b(&p.road_links) + plain_b(&p.yields);
    let movement_b = |m: &RoadLink| plain_b(&m.links);
    text_b(&j.id)
        + list_b(&j.phases, phase_b)
        + list_b(&j.road_links, movement_b)
        + plain_b(&j.roads)
}

fn road_b(road: &Road) -> usize {
    text_b(&road.id) + plain_b(&road.points) + plain_b(&road.lanes)
}

fn lane_b(lane: &Lane) -> usize {
    text_b(&lane.id) + plain_b(&lane.links) + plain_b(&lane.points)
}

fn link_b(link: &Link) -> usize {
    text_b(&link.id) + plain_b(&link.points)
}

const fn flat_b(flat: &Flat) -> usize {
    plain_b(&flat.length_m)
        + plain_b(&flat.limit_m_s)
        + plain_b(&flat.link_from)
        + plain_b(&flat.link_to)
        + plain_b(&flat.link_rank)
        + plain_b(&flat.lane_links_from)
        + plain_b(&flat.lane_links)
        + plain_b(&flat.seats)
}

fn priority_b(p: &Priority) -> usize {
    plain_b(&p.wait_m)
        + plain_b(&p.clear_m)
        + plain_b(&p.changes)
        + plain_b(&p.yields)
        + plain_b(&p.foe_from)
        + plain_b(&p.foes)
        + plain_b(&p.upstream_from)
        + plain_b(&p.upstream)
}

impl Demand {
    fn heap_b(&self) -> usize {
        let routes = self.routes();
        let own: usize = routes.iter().map(plain_b).sum();
        std::mem::size_of_val(self.flows())
            + std::mem::size_of_val(self.templates())
            + std::mem::size_of_val(routes)
            + own
    }
}

impl Plan {
    /// Without what is needed only to make more of it.
    const fn heap_b(&self) -> usize {
        plain_b(&self.templates) + plain_b(&self.paths) + plain_b(&self.events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lists_are_counted_with_what_they_hold() {
        let texts = vec![String::with_capacity(100), String::new()];
        assert_eq!(list_b(&texts, text_b), 2 * size_of::<String>() + 100);
        assert_eq!(plain_b(&Vec::<u32>::with_capacity(8)), 32);
        let names: HashMap<String, u32> = [("abc".to_owned(), 1)].into();
        assert!(names_b(&names) >= 3 + size_of::<(String, u32)>());
    }
}
