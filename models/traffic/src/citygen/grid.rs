//! Plain grids: what the published signal control comparisons look like, with random sizes, trips
//! and loads. For tuning and testing controllers away from the published sets.
//!
//! Roads of three lanes (left, straight, right), eight phases after the clearance phase 0 (through
//! and left by axis, then each approach alone), one vehicle an entry of the demand. Gates have
//! random weights as origins and destinations; a trip takes a random shortest way; arrivals are a
//! Poisson stream whose rate swings over the hour. The scale is set by the critical flow ratio of
//! the busiest junction.

use std::fmt::Write as _;

use rand::distr::weighted::WeightedIndex;
use rand::prelude::*;
use rand_pcg::Pcg64Mcg;

use super::CityError;

/// Saturation flow of a lane that the load is reckoned with, vehicles an hour.
const SATURATION_VEH_H: f64 = 1_500.0;
/// Half-size of a junction, m.
const HALF_M: f64 = 15.0;

/// What to generate.
#[derive(Debug, Clone, PartialEq)]
pub struct GridOptions {
    /// Junctions from west to east, 1 to 30.
    pub columns: u32,
    /// Junctions from south to north, 1 to 30.
    pub rows: u32,
    /// Length of blocks from west to east, m, 100 to 2,000.
    pub block_x_m: f64,
    /// Length of blocks from south to north, m, 100 to 2,000.
    pub block_y_m: f64,
    /// Critical flow ratio of the busiest junction at the mean rate, 0.05 to 1.5.
    pub load: f64,
    /// Share of trips that go straight through along one street, 0 to 1.
    pub straight: f64,
    /// Length of the demand, s.
    pub span_s: u32,
    /// The seed of every draw.
    pub seed: u64,
}

impl GridOptions {
    /// A random member of the family: sizes, blocks, load and trips drawn from `seed`.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        let mut rng = Pcg64Mcg::seed_from_u64(seed ^ 0x9e37_79b9_7f4a_7c15);
        Self {
            columns: rng.random_range(3..=4),
            rows: rng.random_range(3..=4),
            block_x_m: f64::from(rng.random_range(3..=8_u32)) * 100.0,
            block_y_m: f64::from(rng.random_range(3..=8_u32)) * 100.0,
            load: rng.random_range(0.35..0.85),
            straight: rng.random_range(0.0..0.6),
            span_s: 3_600,
            seed,
        }
    }

    fn check(&self) -> Result<(), CityError> {
        let within = |name, value: f64, low: f64, high: f64, range| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(CityError::Value { name, value, range })
            }
        };
        within("columns", f64::from(self.columns), 1.0, 30.0, "1 to 30")?;
        within("rows", f64::from(self.rows), 1.0, 30.0, "1 to 30")?;
        within(
            "block_x_m",
            self.block_x_m,
            100.0,
            2_000.0,
            "100 to 2,000 m",
        )?;
        within(
            "block_y_m",
            self.block_y_m,
            100.0,
            2_000.0,
            "100 to 2,000 m",
        )?;
        within("load", self.load, 0.05, 1.5, "0.05 to 1.5")?;
        within("straight", self.straight, 0.0, 1.0, "0 to 1")?;
        within(
            "span_s",
            f64::from(self.span_s),
            60.0,
            86_400.0,
            "60 to 86,400 s",
        )
    }
}

/// A node of the grid: column and row; 0 and n + 1 are gates.
type Node = (i32, i32);

/// East, north, west, south.
const STEP: [Node; 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];

/// Road network and demand, CityFlow JSON.
pub fn generate(options: &GridOptions) -> Result<(Vec<u8>, Vec<u8>), CityError> {
    options.check()?;
    let grid = Grid { o: options };
    Ok((grid.network().into_bytes(), grid.demand().into_bytes()))
}

struct Grid<'a> {
    o: &'a GridOptions,
}

impl Grid<'_> {
    fn size(&self) -> Node {
        (self.o.columns.cast_signed(), self.o.rows.cast_signed())
    }

    fn is_inner(&self, (c, r): Node) -> bool {
        let (columns, rows) = self.size();
        (1..=columns).contains(&c) && (1..=rows).contains(&r)
    }

    fn is_node(&self, (c, r): Node) -> bool {
        let (columns, rows) = self.size();
        self.is_inner((c, r))
            || ((1..=columns).contains(&c) && (r == 0 || r == rows + 1))
            || ((1..=rows).contains(&r) && (c == 0 || c == columns + 1))
    }

    fn nodes(&self) -> Vec<Node> {
        let (columns, rows) = self.size();
        (0..=columns + 1)
            .flat_map(|c| (0..=rows + 1).map(move |r| (c, r)))
            .filter(|n| self.is_node(*n))
            .collect()
    }

    fn network(&self) -> String {
        let mut out =
            String::from("{\"synthetic\":{\"generator\":\"conurb-grid\"},\"intersections\":[");
        for (i, node) in self.nodes().into_iter().enumerate() {
            out.push_str(if i > 0 { ",\n" } else { "\n" });
            self.junction(node, &mut out);
        }
        out.push_str("],\"roads\":[");
        let mut first = true;
        for node in self.nodes() {
            for (d, step) in STEP.iter().enumerate() {
                let to = (node.0 + step.0, node.1 + step.1);
                if !self.is_node(to) || !(self.is_inner(node) || self.is_inner(to)) {
                    continue;
                }
                out.push_str(if first { "\n" } else { ",\n" });
                first = false;
                let (a, b) = (self.point(node), self.point(to));
                let lane = "{\"width\":4,\"maxSpeed\":11.111}";
                write!(
                    out,
                    "{{\"id\":\"{}\",\"points\":[{{\"x\":{},\"y\":{}}},{{\"x\":{},\"y\":{}}}],\"lanes\":[{lane},{lane},{lane}],\"startIntersection\":\"{}\",\"endIntersection\":\"{}\"}}",
                    road(node, d), a.0, a.1, b.0, b.1, id(node), id(to)
                )
                .expect("a string takes everything");
            }
        }
        out.push_str("]}\n");
        out
    }

    fn point(&self, (c, r): Node) -> (f64, f64) {
        (
            f64::from(c) * self.o.block_x_m,
            f64::from(r) * self.o.block_y_m,
        )
    }

    fn junction(&self, node: Node, out: &mut String) {
        let (x, y) = self.point(node);
        let inner = self.is_inner(node);
        let roads: Vec<String> = (0..4)
            .flat_map(|d| {
                let from = (node.0 - STEP[d].0, node.1 - STEP[d].1);
                [road(from, d), road(node, d)]
            })
            .filter(|_| inner)
            .map(|r| format!("\"{r}\""))
            .collect();
        let (mut links, mut phases) = (Vec::new(), vec![Vec::new(); 9]);
        for heading in (0..4).filter(|_| inner) {
            let from = (node.0 - STEP[heading].0, node.1 - STEP[heading].1);
            for (turn, name) in [(1, "turn_left"), (0, "go_straight"), (3, "turn_right")] {
                let lane = [1, 0, 0, 2][turn];
                let ways: Vec<String> = (0..3)
                    .map(|to| {
                        format!("{{\"startLaneIndex\":{lane},\"endLaneIndex\":{to},\"points\":[]}}")
                    })
                    .collect();
                let number = links.len();
                for phase in phases_of(heading, turn) {
                    phases[phase].push(number.to_string());
                }
                links.push(format!(
                    "{{\"type\":\"{name}\",\"startRoad\":\"{}\",\"endRoad\":\"{}\",\"laneLinks\":[{}]}}",
                    road(from, heading),
                    road(node, (heading + turn) % 4),
                    ways.join(",")
                ));
            }
        }
        let light: Vec<String> = (phases.iter().enumerate())
            .filter(|_| inner)
            .map(|(i, p)| {
                let time = if i == 0 { 5 } else { 30 };
                format!(
                    "{{\"time\":{time},\"availableRoadLinks\":[{}]}}",
                    p.join(",")
                )
            })
            .collect();
        write!(
            out,
            "{{\"id\":\"{}\",\"point\":{{\"x\":{x},\"y\":{y}}},\"width\":{},\"roads\":[{}],\"roadLinks\":[{}],\"trafficLight\":{{\"lightphases\":[{}]}},\"virtual\":{}}}",
            id(node),
            if inner { HALF_M } else { 0.0 },
            roads.join(","),
            links.join(","),
            light.join(","),
            !inner
        )
        .expect("a string takes everything");
    }

    fn demand(&self) -> String {
        let mut rng = Pcg64Mcg::seed_from_u64(self.o.seed);
        let gates: Vec<Node> = (self.nodes().into_iter())
            .filter(|n| !self.is_inner(*n))
            .collect();
        let mut weights = || -> Vec<f64> {
            (gates.iter())
                .map(|_| (rng.random_range(-1.0..1.0_f64)).exp())
                .collect()
        };
        let from = WeightedIndex::new(weights()).expect("weights are positive");
        let to = WeightedIndex::new(weights()).expect("weights are positive");
        // The mean rate: trips are tried out until the busiest junction's flow ratio is known.
        let trips: Vec<Vec<(Node, usize)>> = (0..4_000)
            .map(|_| self.trip(&gates, &from, &to, &mut rng))
            .collect();
        let ratio = self.busiest(&trips);
        let rate_s = self.o.load / ratio * 4_000.0 / 3_600.0;
        let swing = rng.random_range(0.0..0.35);
        let turn = rng.random_range(0.0..std::f64::consts::TAU);
        let mut out = String::from("[");
        let (mut t, mut first) = (0.0, true);
        loop {
            t -= rng.random_range(f64::EPSILON..1.0_f64).ln() / (rate_s * (1.0 + swing));
            if t >= f64::from(self.o.span_s) {
                break;
            }
            let wave = (turn + std::f64::consts::TAU * t / 3_600.0).sin();
            if rng.random_range(0.0..1.0 + swing) > 1.0 + swing * wave {
                continue;
            }
            let trip = self.trip(&gates, &from, &to, &mut rng);
            let roads: Vec<String> = (trip.iter())
                .map(|(n, d)| format!("\"{}\"", road(*n, *d)))
                .collect();
            out.push_str(if first { "\n" } else { ",\n" });
            first = false;
            let s = t.floor();
            write!(out, "{{\"vehicle\":{CAR},\"route\":[{}],\"interval\":1.0,\"startTime\":{s},\"endTime\":{s}}}", roads.join(","))
                .expect("a string takes everything");
        }
        out.push_str("]\n");
        out
    }

    /// Roads of one trip: the node each starts from and its heading.
    fn trip(
        &self,
        gates: &[Node],
        from: &WeightedIndex<f64>,
        to: &WeightedIndex<f64>,
        rng: &mut Pcg64Mcg,
    ) -> Vec<(Node, usize)> {
        let (columns, rows) = self.size();
        let start = gates[from.sample(rng)];
        let heading = match start {
            (0, _) => 0,
            (_, 0) => 1,
            (c, _) if c == columns + 1 => 2,
            _ => 3,
        };
        let straight = rng.random_bool(self.o.straight);
        let end = loop {
            let end = match (straight, heading) {
                (true, 0) => (columns + 1, start.1),
                (true, 1) => (start.0, rows + 1),
                (true, 2) => (0, start.1),
                (true, _) => (start.0, 0),
                _ => gates[to.sample(rng)],
            };
            if end != start {
                break end;
            }
        };
        let mut at = start;
        let mut trip = Vec::new();
        let mut d = heading;
        loop {
            trip.push((at, d));
            at = (at.0 + STEP[d].0, at.1 + STEP[d].1);
            if at == end {
                return trip;
            }
            // Headings that bring it nearer; never back, never out by a wrong gate.
            let near = |n: Node| (n.0 - end.0).abs() + (n.1 - end.1).abs();
            let ways: Vec<usize> = [0, 1, 3]
                .map(|turn| (d + turn) % 4)
                .into_iter()
                .filter(|h| {
                    let next = (at.0 + STEP[*h].0, at.1 + STEP[*h].1);
                    next == end || (self.is_inner(next) && near(next) < near(at))
                })
                .collect();
            // A trip that would have to turn back goes round the block.
            d = match ways.choose(rng) {
                Some(way) => *way,
                None => {
                    let turns = [1, 3, 0].map(|turn| (d + turn) % 4);
                    let inner = turns
                        .into_iter()
                        .find(|h| self.is_inner((at.0 + STEP[*h].0, at.1 + STEP[*h].1)));
                    inner.unwrap_or(d)
                }
            };
            if trip.len() > 200 {
                return trip;
            }
        }
    }

    /// Critical flow ratio of the busiest junction if these trips came within an hour.
    fn busiest(&self, trips: &[Vec<(Node, usize)>]) -> f64 {
        let (columns, rows) = self.size();
        let width = usize::try_from(columns + 2).expect("at most 32");
        let cells = width * usize::try_from(rows + 2).expect("at most 32");
        // By junction, heading and turn (straight, left).
        let mut flow = vec![[[0.0_f64; 2]; 4]; cells];
        for trip in trips {
            for pair in trip.windows(2) {
                let ((node, d), turn) = (pair[1], (4 + pair[1].1 - pair[0].1) % 4);
                if turn < 2 {
                    let cell = usize::try_from(node.0).unwrap_or(0)
                        + width * usize::try_from(node.1).unwrap_or(0);
                    flow[cell][(4 + d - turn) % 4][turn] += 1.0;
                }
            }
        }
        let critical = |f: &[[f64; 2]; 4]| -> f64 {
            let pairs = [(0, 2, 0), (1, 3, 0), (0, 2, 1), (1, 3, 1)];
            pairs
                .iter()
                .map(|(a, b, turn)| f[*a][*turn].max(f[*b][*turn]))
                .sum()
        };
        flow.iter().map(critical).fold(1.0, f64::max) / SATURATION_VEH_H
    }
}

fn phases_of(heading: usize, turn: usize) -> Vec<usize> {
    let axis = heading % 2;
    match turn {
        3 => (0..9).collect(),
        0 => vec![1 + axis, 5 + heading],
        _ => vec![3 + axis, 5 + heading],
    }
}

fn id((c, r): Node) -> String {
    format!("i_{c}_{r}")
}

fn road((c, r): Node, heading: usize) -> String {
    format!("r_{c}_{r}_{heading}")
}

/// The vehicle of the published sets.
const CAR: &str = r#"{"length":5.0,"width":2.0,"maxPosAcc":2.0,"maxNegAcc":4.5,"usualPosAcc":2.0,"usualNegAcc":4.5,"minGap":2.5,"maxSpeed":11.111,"headwayTime":2.0}"#;
