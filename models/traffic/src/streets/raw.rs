//! The map as edges, connections, right of way and programmes, from which the network is assembled.

use super::cluster::Junctions;
use super::lanes::{self, Join};
use super::rules::{self, Passage, Rules};
use super::shape::{self, Strip};
use super::turns::{Kind, Turn};
use super::{Clearance, Map, phases};
use crate::geometry::{self, P};
use crate::sumo::net::{Point, RawConnection, RawEdge, RawJunction, RawLane, RawNet, RawRequest};

/// Nodes named in the identifier of a joined junction.
const NAMES_MAX: usize = 4;
/// Where on its way through the junction a left turn waits for oncoming traffic, share of its length.
const WAIT_SHARE: f64 = 0.4;

/// Writes the network.
pub(super) fn write(
    map: &Map,
    junctions: &Junctions,
    turns: &[Vec<Turn>],
    kept: &[bool],
    clearance: Clearance,
) -> RawNet {
    let strips = shape::strips(map, junctions, kept);
    let mut writer = Writer {
        map,
        net: RawNet::default(),
        strips: &strips,
        clearance,
    };
    let names: Vec<String> = junctions.nodes.iter().map(|n| name(map, n)).collect();
    let mut entering: Vec<Vec<usize>> = vec![Vec::new(); names.len()];
    let mut used = vec![false; names.len()];
    for (k, s) in map.streets.iter().enumerate().filter(|(k, _)| kept[*k]) {
        let (from, to) = (junctions.of[s.from], junctions.of[s.to]);
        entering[to].push(k);
        (used[from], used[to]) = (true, true);
        writer.edge(k, &names[from], &names[to]);
    }
    for (j, streets) in entering.iter().enumerate().filter(|(j, _)| used[*j]) {
        let passages = writer.passages(streets, turns, kept);
        writer.junction(j, junctions, &names[j], streets, &passages);
    }
    writer.net
}

fn name(map: &Map, nodes: &[usize]) -> String {
    let all = nodes.iter().take(NAMES_MAX);
    let mut name = all
        .map(|n| map.nodes[*n].id.as_str())
        .collect::<Vec<_>>()
        .join("_");
    if nodes.len() > NAMES_MAX {
        name.push_str(&format!("_and_{}", nodes.len() - NAMES_MAX));
    }
    name
}

fn point(p: &P) -> Point {
    [p.x, p.y]
}

struct Writer<'a> {
    map: &'a Map,
    net: RawNet,
    strips: &'a [Vec<Strip>],
    clearance: Clearance,
}

impl Writer<'_> {
    fn edge(&mut self, k: usize, from: &str, to: &str) {
        let s = &self.map.streets[k];
        // Edges count their lanes from the right.
        let lanes = self.strips[k].iter().rev().enumerate();
        let lanes = lanes.map(|(index, strip)| RawLane {
            id: format!("{}_{index}", s.id),
            speed_m_s: s.speed_m_s,
            length_m: strip.length_m,
            width_m: s.width_m,
            shape: strip.line.iter().map(point).collect(),
            cars: true,
        });
        self.net.edges.push(RawEdge {
            id: s.id.clone(),
            from: from.to_owned(),
            to: to.to_owned(),
            function: "normal".into(),
            lanes: lanes.collect(),
            line: s.line_in_file,
        });
    }

    /// The passages of a junction in the order of its requests: streets, their lanes from the right.
    fn passages(&self, streets: &[usize], turns: &[Vec<Turn>], kept: &[bool]) -> Vec<Passage> {
        let mut all = Vec::new();
        for &street in streets {
            let open = turns[street].iter().filter(|t| kept[t.to]).copied();
            let mut joins = lanes::of(self.map, street, &open.collect::<Vec<_>>());
            joins.sort_by_key(|j| std::cmp::Reverse(j.from_lane));
            for join in joins {
                let (line, speed_m_s) = shape::turn(self.map, self.strips, &join);
                all.push(Passage {
                    join,
                    line,
                    speed_m_s,
                    heading: rules::heading(self.map, street),
                    rank: rules::rank(self.map, street),
                });
            }
        }
        all
    }

    fn junction(
        &mut self,
        j: usize,
        junctions: &Junctions,
        id: &str,
        streets: &[usize],
        passages: &[Passage],
    ) {
        let first = &self.map.nodes[junctions.nodes[j][0]];
        let rules = rules::of(passages, junctions.signal[j]);
        let speeds: Vec<f64> = streets
            .iter()
            .map(|s| self.map.streets[*s].speed_m_s)
            .collect();
        let programme = junctions.signal[j]
            .then(|| phases::programme(passages, &rules, &speeds, self.clearance, first.line))
            .flatten();
        let light = programme.is_some();
        if let Some(programme) = programme {
            self.net.programmes.insert(id.to_owned(), programme);
        }
        for k in 0..passages.len() {
            self.connection(id, k, passages, &rules, light);
        }
        let lanes = streets.iter().flat_map(|s| {
            let count = self.strips[*s].len();
            (0..count).map(|lane| format!("{}_{lane}", self.map.streets[*s].id))
        });
        let requests = rules.foes.iter().zip(&rules.yields);
        let nodes = &junctions.nodes[j];
        let n = nodes.len() as f64;
        let sum = nodes.iter().map(|n| self.map.nodes[*n].at);
        let (x, y) = sum.fold((0.0, 0.0), |(x, y), p| (x + p.x / n, y + p.y / n));
        self.net.junctions.push(RawJunction {
            id: id.to_owned(),
            kind: if light { "traffic_light" } else { "priority" }.into(),
            point: [x, y],
            inc_lanes: lanes.collect(),
            requests: requests
                .map(|(foes, yields)| RawRequest {
                    response: yields.clone(),
                    foes: foes.clone(),
                })
                .collect(),
            line: first.line,
        });
    }

    fn connection(&mut self, id: &str, k: usize, passages: &[Passage], rules: &Rules, light: bool) {
        let p = &passages[k];
        let waits = light && p.join.kind == Kind::Left && rules.yields[k].contains(&true);
        let pieces = if waits {
            let (before, after) = split(&p.line);
            vec![
                (format!(":{id}_{k}"), before),
                (format!(":{id}_{k}w"), after),
            ]
        } else {
            vec![(format!(":{id}_{k}"), p.line.clone())]
        };
        let Join { from, to, .. } = p.join;
        let (from, to) = (&self.map.streets[from], &self.map.streets[to]);
        let from_lane = usize::from(from.lanes) - 1 - p.join.from_lane;
        let to_lane = usize::from(to.lanes) - 1 - p.join.to_lane;
        let state = match (rules.zips[k], rules.yields[k].contains(&true)) {
            (true, _) => 'Z',
            (false, true) => 'm',
            (false, false) => 'M',
        };
        let dir = match p.join.kind {
            Kind::Around => "t",
            Kind::Left => "l",
            Kind::Straight => "s",
            Kind::Right => "r",
        };
        let base = RawConnection {
            from: from.id.clone(),
            to: to.id.clone(),
            from_lane,
            to_lane,
            via: None,
            tl: light.then(|| (id.to_owned(), k)),
            dir: dir.into(),
            state,
            line: from.line_in_file,
        };
        let mut starts = from.id.clone();
        let mut lane = from_lane;
        for (edge, line) in pieces {
            self.net.connections.push(RawConnection {
                from: std::mem::replace(&mut starts, edge.clone()),
                from_lane: std::mem::replace(&mut lane, 0),
                via: Some(format!("{edge}_0")),
                ..base.clone()
            });
            self.net.edges.push(RawEdge {
                from: String::new(),
                to: String::new(),
                function: "internal".into(),
                lanes: vec![RawLane {
                    id: format!("{edge}_0"),
                    speed_m_s: p.speed_m_s,
                    length_m: geometry::length(&line),
                    width_m: from.width_m,
                    shape: line.iter().map(point).collect(),
                    cars: true,
                }],
                id: edge,
                line: from.line_in_file,
            });
        }
    }
}

/// A line in two, at the place where its traffic waits.
fn split(line: &[P]) -> (Vec<P>, Vec<P>) {
    let at = WAIT_SHARE * geometry::length(line);
    let middle = geometry::point_at(line, at);
    let (mut before, mut after) = (Vec::new(), vec![middle]);
    let mut along = 0.0;
    for (n, p) in line.iter().enumerate() {
        along += if n == 0 {
            0.0
        } else {
            super::distance(line[n - 1], *p)
        };
        if along < at {
            before.push(*p);
        } else if along > at {
            after.push(*p);
        }
    }
    before.push(middle);
    (before, after)
}
