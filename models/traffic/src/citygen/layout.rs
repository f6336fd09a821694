//! Streets, river, junctions and roads of a synthetic city.
//!
//! Topologically a grid of columns (south to north) and rows (west to east) whose corners are cut;
//! geometrically the rows near the river follow its meander. Directions and arms count
//! anticlockwise: 0 east, 1 north, 2 west, 3 south. Metres, right-hand traffic.

use conurb_base::{Stream, stream};
use rand::Rng;

/// Block length between neighbouring streets, metres: from, to.
const BLOCK_M: (f64, f64) = (220.0, 420.0);
/// Length of the roads that lead out of the city, metres.
const STUB_M: f64 = 300.0;
/// Width of the river, metres, added to the block it crosses: from, to.
const RIVER_M: (f64, f64) = (140.0, 220.0);
/// Streets from one arterial to the next: from, to (inclusive).
const ARTERIAL_EVERY: (u64, u64) = (3, 5);
/// One bridge for so many columns.
const COLUMNS_PER_BRIDGE: f64 = 8.0;
/// Share of neighbouring minor streets that become a one-way pair.
const ONE_WAY_SHARE: f64 = 0.6;
/// Fewest parallel streets for which one-way pairs make sense.
const ONE_WAY_FROM: usize = 6;

/// A number in [0, 1) with 53 random bits.
pub(crate) fn unit(rng: &mut Stream) -> f64 {
    #[allow(clippy::cast_precision_loss)] // 53 bits fit exactly
    let x = (rng.next_u64() >> 11) as f64;
    x / 9_007_199_254_740_992.0
}

/// A number in [`a`, `b`).
pub(crate) fn between(rng: &mut Stream, (a, b): (f64, f64)) -> f64 {
    a + (b - a) * unit(rng)
}

/// What a street is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Main road: five lanes on approach, 60 km/h.
    Major,
    /// Arterial: four lanes, 50 km/h.
    Arterial,
    /// Minor street: three lanes, 40 km/h.
    Minor,
}

impl Class {
    /// Lanes per direction.
    pub(crate) const fn lanes(self) -> usize {
        match self {
            Self::Major => 5,
            Self::Arterial => 4,
            Self::Minor => 3,
        }
    }

    /// Speed limit, m/s.
    pub(crate) const fn speed_m_s(self) -> f64 {
        match self {
            Self::Major => 16.667,
            Self::Arterial => 13.889,
            Self::Minor => 11.111,
        }
    }

    /// Lane width, metres.
    pub(crate) const fn lane_width_m(self) -> f64 {
        match self {
            Self::Major | Self::Arterial => 3.5,
            Self::Minor => 3.25,
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn side_m(self) -> f64 {
        self.lanes() as f64 * self.lane_width_m()
    }
}

/// A street right across the city.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Street {
    pub(crate) class: Class,
    /// One-way: `Some(true)` towards north or east, `Some(false)` towards south or west.
    pub(crate) forward: Option<bool>,
}

/// A junction or, where `border`, an end of the network.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) column: usize,
    pub(crate) row: usize,
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) border: bool,
    /// Half-size of the junction box, metres.
    pub(crate) width_m: f64,
    /// The road that leaves towards each arm.
    pub(crate) out: [Option<u32>; 4],
    /// The road that arrives from each arm.
    pub(crate) inn: [Option<u32>; 4],
}

/// A directed road.
#[derive(Debug, Clone)]
pub(crate) struct Road {
    pub(crate) id: String,
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// Direction of travel, 0 to 3.
    pub(crate) dir: usize,
    pub(crate) class: Class,
    pub(crate) bridge: bool,
    pub(crate) length_m: f64,
}

/// The whole network.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) columns: Vec<Street>,
    pub(crate) rows: Vec<Street>,
    /// The river flows between this row and the next.
    pub(crate) river_row: usize,
    pub(crate) river_width_m: f64,
    /// Its middle line, west to east.
    pub(crate) river: Vec<[f64; 2]>,
    /// Columns that cross it.
    pub(crate) bridges: Vec<usize>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) roads: Vec<Road>,
}

impl Layout {
    /// The network of `signals` junctions for `seed`.
    pub(crate) fn new(signals: usize, seed: u64) -> Self {
        let grid = Grid::new(signals, seed);
        let mut streets = Streets::new(&grid, seed);
        loop {
            let layout = build(&grid, &streets);
            // A one-way pair that cuts somebody off becomes two-way again, last drawn first.
            if layout.everyone_gets_in_and_out() || !streets.drop_last_pair() {
                return layout;
            }
        }
    }

    /// The roads a vehicle may take after `road` (no U-turns).
    pub(crate) fn next_roads(&self, road: u32) -> impl Iterator<Item = u32> + '_ {
        let road = &self.roads[road as usize];
        let back = (road.dir + 2) % 4;
        let out = &self.nodes[road.to as usize].out;
        (0..4).filter_map(move |arm| out[arm].filter(|_| arm != back))
    }

    fn previous_roads(&self, road: u32) -> impl Iterator<Item = u32> + '_ {
        let road = &self.roads[road as usize];
        let inn = &self.nodes[road.from as usize].inn;
        (0..4).filter_map(move |arm| inn[arm].filter(|_| arm != road.dir))
    }

    /// Every road can be reached from the border and leads back to it.
    fn everyone_gets_in_and_out(&self) -> bool {
        let flood = |back: bool| {
            let mut seen = vec![false; self.roads.len()];
            let mut stack: Vec<u32> = (0..)
                .zip(&self.roads)
                .filter(|(_, r)| self.nodes[(if back { r.to } else { r.from }) as usize].border)
                .map(|(i, _)| i)
                .collect();
            while let Some(road) = stack.pop() {
                if !std::mem::replace(&mut seen[road as usize], true) {
                    if back {
                        stack.extend(self.previous_roads(road));
                    } else {
                        stack.extend(self.next_roads(road));
                    }
                }
            }
            seen.into_iter().all(|s| s)
        };
        flood(false) && flood(true)
    }
}

/// Which cells of the grid are built on, and where they are.
struct Grid {
    nx: usize,
    ny: usize,
    built: Vec<bool>,
    x: Vec<f64>,
    y: Vec<f64>,
    river_row: usize,
    river_width_m: f64,
    /// Amplitude, wavelength (metres) and phase of the meander.
    wave: (f64, f64, f64),
}

impl Grid {
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )] // at most 10,000 cells
    fn new(signals: usize, seed: u64) -> Self {
        let mut rng = stream(seed, "city", "grid");
        let aspect = between(&mut rng, (0.9, 1.5));
        let nx = ((signals as f64 * aspect).sqrt().round() as usize).clamp(2, signals / 2);
        let ny = signals.div_ceil(nx);
        let river_row =
            ((ny as f64 * between(&mut rng, (0.35, 0.6))) as usize).clamp(1, ny - 1) - 1;
        let river_width_m = between(&mut rng, RIVER_M).round();
        let axis = |rng: &mut Stream, n: usize| {
            let mut at = 0.0;
            let mut line = vec![0.0];
            for _ in 1..n {
                at += between(rng, BLOCK_M).round();
                line.push(at);
            }
            line
        };
        let x = axis(&mut rng, nx);
        let mut y = axis(&mut rng, ny);
        for y in &mut y[river_row + 1..] {
            *y += river_width_m;
        }
        let wavelength = (x[nx - 1] * between(&mut rng, (0.7, 1.1))).max(2000.0);
        let amplitude = (wavelength * 0.035).min(160.0);
        let wave = (
            amplitude,
            wavelength,
            between(&mut rng, (0.0, std::f64::consts::TAU)),
        );
        Self {
            built: built_cells(nx, ny, signals),
            nx,
            ny,
            x,
            y,
            river_row,
            river_width_m,
            wave,
        }
    }

    fn is_built(&self, column: usize, row: usize) -> bool {
        column < self.nx && row < self.ny && self.built[row * self.nx + column]
    }

    fn meander(&self, x: f64) -> f64 {
        let (amplitude, wavelength, phase) = self.wave;
        amplitude * (std::f64::consts::TAU * x / wavelength + phase).sin()
    }

    /// Where a junction is: rows near the river follow it, distant ones are straight.
    #[allow(clippy::cast_precision_loss)]
    fn place(&self, column: usize, row: usize) -> (f64, f64) {
        let rows_off = if row <= self.river_row {
            self.river_row - row
        } else {
            row - self.river_row - 1
        };
        let x = self.x[column];
        let follow = (-(rows_off as f64) / 3.0).exp();
        (x, self.y[row] + self.meander(x) * follow)
    }
}

/// The cells of an `nx` by `ny` grid without those farthest out, so that `signals` are left:
/// corners go first (the distance is the 4-norm, whose circles are rounded squares).
#[allow(clippy::cast_precision_loss)]
fn built_cells(nx: usize, ny: usize, signals: usize) -> Vec<bool> {
    let out = |i: usize, n: usize| ((2 * i) as f64 - (n - 1) as f64).abs() / n as f64;
    let far = |cell: usize| out(cell % nx, nx).powi(4) + out(cell / nx, ny).powi(4);
    let mut cells: Vec<usize> = (0..nx * ny).collect();
    cells.sort_by(|&a, &b| far(a).total_cmp(&far(b)).then(a.cmp(&b)));
    let mut built = vec![false; nx * ny];
    for &cell in &cells[..signals] {
        built[cell] = true;
    }
    built
}

/// The streets' classes, one-way pairs and bridges.
struct Streets {
    columns: Vec<Street>,
    rows: Vec<Street>,
    bridges: Vec<usize>,
    /// (is a column, first of the pair), in order of drawing.
    pairs: Vec<(bool, usize)>,
}

impl Streets {
    fn new(grid: &Grid, seed: u64) -> Self {
        let mut rng = stream(seed, "city", "streets");
        let mut columns = classes(&mut rng, grid.nx);
        let mut rows = classes(&mut rng, grid.ny);
        let mut pairs = Vec::new();
        let river = grid.river_row;
        // Riverside roads stay two-way: they feed the bridges.
        one_way_pairs(&mut rng, &mut rows, true, |i| i == river || i == river + 1)
            .into_iter()
            .for_each(|i| pairs.push((false, i)));
        one_way_pairs(&mut rng, &mut columns, false, |_| false)
            .into_iter()
            .for_each(|i| pairs.push((true, i)));
        let bridges = bridges(grid, &columns);
        for &i in &bridges {
            if columns[i].class == Class::Minor {
                columns[i].class = Class::Arterial;
            }
            if let Some(at) = pairs
                .iter()
                .position(|&(column, first)| column && (first == i || first + 1 == i))
            {
                let (_, first) = pairs.remove(at);
                columns[first].forward = None;
                columns[first + 1].forward = None;
            }
        }
        Self {
            columns,
            rows,
            bridges,
            pairs,
        }
    }

    fn drop_last_pair(&mut self) -> bool {
        let Some((column, first)) = self.pairs.pop() else {
            return false;
        };
        let line = if column {
            &mut self.columns
        } else {
            &mut self.rows
        };
        line[first].forward = None;
        line[first + 1].forward = None;
        true
    }
}

/// Arterials at irregular distances, every second of a large city's a main road.
fn classes(rng: &mut Stream, n: usize) -> Vec<Street> {
    let minor = Street {
        class: Class::Minor,
        forward: None,
    };
    let mut line = vec![minor; n];
    let draw = |rng: &mut Stream, (a, b): (u64, u64)| {
        usize::try_from(a + rng.next_u64() % (b - a + 1)).expect("a handful")
    };
    let mut at = draw(rng, (0, 1)).min(n - 1);
    let mut nth = 0;
    while at < n {
        let main = n >= 8 && nth % 2 == 1;
        line[at].class = if main { Class::Major } else { Class::Arterial };
        at += draw(rng, ARTERIAL_EVERY);
        nth += 1;
    }
    line
}

/// Marks pairs of neighbouring minor streets one-way, against each other, so that each pair works
/// like a road with two carriageways in right-hand traffic.
fn one_way_pairs(
    rng: &mut Stream,
    line: &mut [Street],
    first_forward: bool,
    keep: impl Fn(usize) -> bool,
) -> Vec<usize> {
    let mut pairs = Vec::new();
    let mut i = 0;
    // The outermost streets stay two-way: they are the way round.
    while line.len() >= ONE_WAY_FROM && i + 2 < line.len() {
        let free = |i: usize| i > 0 && line[i].class == Class::Minor && !keep(i);
        if free(i) && free(i + 1) && unit(rng) < ONE_WAY_SHARE {
            line[i].forward = Some(first_forward);
            line[i + 1].forward = Some(!first_forward);
            pairs.push(i);
            i += 2;
        } else {
            i += 1;
        }
    }
    pairs
}

/// The columns that cross the river: arterials, evenly spread.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn bridges(grid: &Grid, columns: &[Street]) -> Vec<usize> {
    let both_banks =
        |i: &usize| grid.is_built(*i, grid.river_row) && grid.is_built(*i, grid.river_row + 1);
    let mut sites: Vec<usize> = (0..grid.nx)
        .filter(both_banks)
        .filter(|&i| columns[i].class != Class::Minor)
        .collect();
    if sites.is_empty() {
        sites = (0..grid.nx).filter(both_banks).collect();
    }
    let fewest = if grid.nx >= 6 { 2 } else { 1 };
    let count = ((grid.nx as f64 / COLUMNS_PER_BRIDGE).round() as usize)
        .max(fewest)
        .min(sites.len());
    (0..count)
        .map(|k| sites[(2 * k + 1) * sites.len() / (2 * count)])
        .collect()
}

/// Puts junctions, border nodes and roads together.
fn build(grid: &Grid, streets: &Streets) -> Layout {
    let river = (0..=40)
        .map(|k| {
            let x = -STUB_M + (grid.x[grid.nx - 1] + 2.0 * STUB_M) * f64::from(k) / 40.0;
            let mid = f64::midpoint(grid.y[grid.river_row], grid.y[grid.river_row + 1]);
            [round2(x), round2(mid + grid.meander(x))]
        })
        .collect();
    let mut b = Builder {
        layout: Layout {
            columns: streets.columns.clone(),
            rows: streets.rows.clone(),
            river_row: grid.river_row,
            river_width_m: grid.river_width_m,
            river,
            bridges: streets.bridges.clone(),
            nodes: Vec::new(),
            roads: Vec::new(),
        },
        grid,
    };
    b.junctions();
    let inner = b.layout.nodes.len();
    for node in 0..inner {
        b.connect(node);
    }
    for node in &mut b.layout.nodes {
        let roads = &b.layout.roads;
        let sides = node.out.iter().chain(&node.inn).flatten();
        node.width_m = if node.border {
            0.0
        } else {
            sides
                .map(|&r| roads[r as usize].class.side_m())
                .fold(0.0, f64::max)
                + 4.0
        };
    }
    b.layout
}

struct Builder<'a> {
    layout: Layout,
    grid: &'a Grid,
}

impl Builder<'_> {
    fn node(
        &mut self,
        id: String,
        column: usize,
        row: usize,
        (x, y): (f64, f64),
        border: bool,
    ) -> u32 {
        let index = u32::try_from(self.layout.nodes.len()).expect("at most 30,000 nodes");
        self.layout.nodes.push(Node {
            id,
            column,
            row,
            x: round2(x),
            y: round2(y),
            border,
            width_m: 0.0,
            out: [None; 4],
            inn: [None; 4],
        });
        index
    }

    fn junctions(&mut self) {
        for row in 0..self.grid.ny {
            for column in 0..self.grid.nx {
                if self.grid.is_built(column, row) {
                    let id = format!("intersection_{}_{}", column + 1, row + 1);
                    self.node(id, column, row, self.grid.place(column, row), false);
                }
            }
        }
    }

    /// All four arms of a junction: to the neighbour (each pair once), or out of the city.
    fn connect(&mut self, node: usize) {
        let (column, row) = (self.layout.nodes[node].column, self.layout.nodes[node].row);
        let from = u32::try_from(node).expect("at most 30,000 nodes");
        for arm in 0..4 {
            let (c, r) = step(column, row, arm);
            let crosses_river = match arm {
                1 => row == self.grid.river_row,
                3 => row == self.grid.river_row + 1,
                _ => false,
            };
            let bridge = crosses_river && self.layout.bridges.contains(&column);
            if crosses_river && !bridge {
                continue;
            }
            if self.grid.is_built(c, r) {
                if arm < 2 {
                    let to = self.at(c, r);
                    self.street(from, to, arm, bridge);
                }
            } else {
                let to = self.border(from, arm, c, r);
                self.street(from, to, arm, bridge);
            }
        }
    }

    fn at(&self, column: usize, row: usize) -> u32 {
        let found = self
            .layout
            .nodes
            .partition_point(|n| !n.border && (n.row, n.column) < (row, column));
        u32::try_from(found).expect("at most 30,000 nodes")
    }

    /// A border node beyond `node`; shorter where a cut corner would let two of them cross.
    fn border(&mut self, node: u32, arm: usize, c: usize, r: usize) -> u32 {
        let n = &self.layout.nodes[node as usize];
        let (x, y) = (n.x, n.y);
        let (column, row) = (n.column, n.row);
        let length = if c < self.grid.nx && r < self.grid.ny {
            let (ox, oy) = self.grid.place(c, r);
            ((ox - x).hypot(oy - y) * 0.6).min(STUB_M)
        } else {
            STUB_M
        };
        let (dx, dy) = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][arm];
        let side = ["east", "north", "west", "south"][arm];
        let id = format!("border_{}_{}_{side}", column + 1, row + 1);
        self.node(id, column, row, (x + dx * length, y + dy * length), true)
    }

    /// The one or two roads between two nodes.
    fn street(&mut self, a: u32, b: u32, arm: usize, bridge: bool) {
        let n = &self.layout.nodes[a as usize];
        let street = if arm % 2 == 1 {
            self.layout.columns[n.column]
        } else {
            self.layout.rows[n.row]
        };
        let along = street.forward.map(|f| f == (arm < 2));
        if along != Some(false) {
            self.road(a, b, arm, street.class, bridge);
        }
        if along != Some(true) {
            self.road(b, a, (arm + 2) % 4, street.class, bridge);
        }
    }

    fn road(&mut self, from: u32, to: u32, dir: usize, class: Class, bridge: bool) {
        let index = u32::try_from(self.layout.roads.len()).expect("at most 50,000 roads");
        let nodes = &mut self.layout.nodes;
        let (a, b) = (&nodes[from as usize], &nodes[to as usize]);
        let id = if a.border {
            format!("road_in_{}_{}_{dir}", b.column + 1, b.row + 1)
        } else {
            format!("road_{}_{}_{dir}", a.column + 1, a.row + 1)
        };
        let length_m = (b.x - a.x).hypot(b.y - a.y);
        nodes[from as usize].out[dir] = Some(index);
        nodes[to as usize].inn[(dir + 2) % 4] = Some(index);
        self.layout.roads.push(Road {
            id,
            from,
            to,
            dir,
            class,
            bridge,
            length_m,
        });
    }
}

fn step(column: usize, row: usize, arm: usize) -> (usize, usize) {
    match arm {
        0 => (column + 1, row),
        1 => (column, row + 1),
        2 => (column.wrapping_sub(1), row),
        _ => (column, row.wrapping_sub(1)),
    }
}

pub(crate) fn round2(x: f64) -> f64 {
    (x * 100.0).round() / 100.0
}
