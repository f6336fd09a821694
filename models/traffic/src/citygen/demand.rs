//! Trips of a synthetic city: zones, gravity, congestion-aware routes, and a day's profile.
//!
//! Homes thin out towards the centre, work crowds in it; a gravity model with exponential
//! deterrence (Ortuzar and Willumsen, Modelling Transport, ch. 5) joins them. Routes are assigned
//! in four parts, each seeing the waits the parts before it cause (incremental assignment), and
//! the number of vehicles is scaled until the busiest junctions reach the wanted saturation.

use conurb_base::{Stream, stream};
use rayon::prelude::*;

use super::layout::{Class, Layout, unit};
use super::routes::{Costs, Junctions, Search};
use super::{CityError, CityOptions, MAX_VEHICLES};

/// Mean distance of the deterrence function, metres.
const DETERRENCE_M: f64 = 2500.0;
/// What crossing the river adds to it, metres.
const RIVER_DETOUR_M: f64 = 1500.0;
/// Most zones along a side of the city.
const ZONES_A_SIDE: usize = 14;
/// Routes worked out, for each signal and at most in all; vehicles share them.
const ROUTES_PER_SIGNAL: usize = 60;
const ROUTES: (usize, usize) = (2_000, 40_000);
/// Shares of the morning and evening peaks and of other trips at their height.
const MORNING: f64 = 0.75;
const EVENING: f64 = 0.65;
const OTHER: (f64, f64) = (0.04, 0.3);
/// Width (standard deviation) of the peaks, hours.
const MORNING_WIDTH_H: f64 = 0.9;
const EVENING_WIDTH_H: f64 = 1.2;
/// Share of the junctions that reach the wanted saturation. Trips that would take one beyond it
/// are not made: people who know the city avoid its full bridges in the peak.
const FULL_SHARE: f64 = 0.1;
/// Share of heavy vehicles.
const HEAVY_SHARE: f64 = 0.04;

/// One vehicle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trip {
    /// Second of the span.
    pub(crate) start_s: u32,
    pub(crate) route: u32,
    pub(crate) heavy: bool,
}

/// All trips.
#[derive(Debug)]
pub(crate) struct Demand {
    pub(crate) routes: Vec<Vec<u32>>,
    pub(crate) trips: Vec<Trip>,
    /// Vehicles per hour at the height of the day.
    pub(crate) peak_veh_h: f64,
    /// Degree of saturation of the junctions then, ascending.
    pub(crate) saturation: Vec<f64>,
}

/// What a trip is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    ToWork,
    ToHome,
    Other,
}

const PURPOSES: [Purpose; 3] = [Purpose::ToWork, Purpose::ToHome, Purpose::Other];

impl Demand {
    pub(crate) fn new(options: &CityOptions, layout: &Layout) -> Result<Self, CityError> {
        let zones = Zones::new(layout, options.seed);
        let junctions = Junctions::new(layout);
        let count = (options.signals as usize * ROUTES_PER_SIGNAL).clamp(ROUTES.0, ROUTES.1);
        let mut pools = assign(layout, &zones, &junctions, count, options.seed);
        let mut profile = Profile::new(options);
        let (potential_veh_h, saturation) =
            scale(layout, &junctions, &mut pools, &mut profile, options.load);
        let span_h = f64::from(options.span_s) / 3600.0;
        let expected = (potential_veh_h * span_h * profile.mean(options)).round();
        #[allow(clippy::cast_precision_loss)] // five million
        if expected > MAX_VEHICLES as f64 {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            // positive, saturates
            let vehicles = expected as u64;
            return Err(CityError::TooManyVehicles { vehicles });
        }
        let trips = trips(options, &profile, potential_veh_h, &pools);
        Ok(Self {
            routes: pools.into_iter().flatten().collect(),
            trips,
            peak_veh_h: potential_veh_h * profile.now_highest(),
            saturation,
        })
    }
}

/// A place where trips start and end.
struct Zone {
    x: f64,
    y: f64,
    north_bank: bool,
    home: f64,
    work: f64,
    starts: Weighted,
    ends: Weighted,
}

/// Roads to draw from, with running sums of their weights.
#[derive(Default)]
struct Weighted {
    roads: Vec<u32>,
    sums: Vec<f64>,
}

impl Weighted {
    fn push(&mut self, road: u32, weight: f64) {
        self.roads.push(road);
        self.sums
            .push(self.sums.last().copied().unwrap_or(0.0) + weight);
    }

    fn draw(&self, rng: &mut Stream) -> Option<u32> {
        draw(&self.sums, rng).map(|i| self.roads[i])
    }
}

/// An index with probability by its share of the running sums.
fn draw(sums: &[f64], rng: &mut Stream) -> Option<usize> {
    let at = unit(rng) * sums.last()?;
    Some(sums.partition_point(|&s| s <= at).min(sums.len() - 1))
}

struct Zones {
    zones: Vec<Zone>,
    /// By purpose: running sums over all pairs, origin by origin.
    pairs: [Vec<f64>; 3],
}

impl Zones {
    #[allow(clippy::cast_precision_loss)] // counts of junctions
    fn new(layout: &Layout, seed: u64) -> Self {
        let (nx, ny) = (layout.columns.len(), layout.rows.len());
        let block = nx.max(ny).div_ceil(ZONES_A_SIDE).max(1);
        let (zx, zy) = (nx.div_ceil(block), ny.div_ceil(block));
        let inner = zx * zy;
        // A zone of the city for each block, then one outside for each block (used at the edge).
        let mut zones: Vec<Zone> = (0..2 * inner).map(|_| Zone::empty()).collect();
        let mut members = vec![0.0_f64; 2 * inner];
        for node in &layout.nodes {
            let z =
                node.row / block * zx + node.column / block + if node.border { inner } else { 0 };
            members[z] += 1.0;
            zones[z].x += node.x;
            zones[z].y += node.y;
            zones[z].north_bank |= node.row > layout.river_row;
        }
        for (z, n) in zones.iter_mut().zip(&members) {
            z.x /= n.max(1.0);
            z.y /= n.max(1.0);
        }
        let zone_of = |node: u32| {
            let n = &layout.nodes[node as usize];
            n.row / block * zx + n.column / block + if n.border { inner } else { 0 }
        };
        for (i, road) in (0..).zip(&layout.roads) {
            let from_border = layout.nodes[road.from as usize].border;
            let to_border = layout.nodes[road.to as usize].border;
            let weight = weight(road.class, from_border || to_border);
            if road.bridge {
                continue;
            }
            if !to_border {
                zones[zone_of(road.from)].starts.push(i, weight);
            }
            if !from_border {
                zones[zone_of(road.to)].ends.push(i, weight);
            }
        }
        masses(&mut zones, &members, inner, layout, seed);
        let pairs = PURPOSES.map(|p| gravity(&zones, p));
        Self { zones, pairs }
    }

    /// Two roads to travel between.
    fn draw(&self, purpose: Purpose, rng: &mut Stream) -> Option<(u32, u32)> {
        let pair = draw(&self.pairs[purpose as usize], rng)?;
        let (from, to) = (pair / self.zones.len(), pair % self.zones.len());
        let start = self.zones[from].starts.draw(rng)?;
        let end = self.zones[to].ends.draw(rng)?;
        Some((start, end))
    }
}

impl Zone {
    fn empty() -> Self {
        Self {
            x: 0.0,
            y: 0.0,
            north_bank: false,
            home: 0.0,
            work: 0.0,
            starts: Weighted::default(),
            ends: Weighted::default(),
        }
    }
}

/// How many trips start or end on a road of this class: houses stand on minor streets, but traffic
/// from outside comes by the main roads.
const fn weight(class: Class, gate: bool) -> f64 {
    match (class, gate) {
        (Class::Major, true) => 6.0,
        (Class::Arterial, true) => 4.0,
        (Class::Minor, true) => 1.0,
        (Class::Major, false) => 0.3,
        (Class::Arterial, false) => 1.0,
        (Class::Minor, false) => 3.0,
    }
}

/// Homes and workplaces of each zone; the outside gets the share that a city of this size trades
/// with it (a ring of gates around an area: large in a small town, small in a large city).
#[allow(clippy::cast_precision_loss)]
fn masses(zones: &mut [Zone], members: &[f64], inner: usize, layout: &Layout, seed: u64) {
    let mut rng = stream(seed, "city", "zones");
    let junctions: f64 = members[..inner].iter().sum();
    let extent = layout.nodes.iter().map(|n| n.x).fold(0.0, f64::max);
    let height = layout.nodes.iter().map(|n| n.y).fold(0.0, f64::max);
    let centre = (
        extent * (0.4 + 0.2 * unit(&mut rng)),
        height * (0.4 + 0.2 * unit(&mut rng)),
    );
    let spread = (0.18 * f64::midpoint(extent, height)).max(400.0);
    for (zone, &n) in zones.iter_mut().zip(members).take(inner) {
        let r = (zone.x - centre.0).hypot(zone.y - centre.1) / spread;
        let core = (-0.5 * r * r).exp();
        zone.home = n * (1.0 - 0.6 * core) * (0.6 + 0.8 * unit(&mut rng));
        zone.work = n * (0.25 + 3.0 * core) * (0.6 + 0.8 * unit(&mut rng));
    }
    let outside = (3.4 / junctions.sqrt() + 0.08).min(0.9);
    let gates: f64 = zones[inner..].iter().map(Zone::gate_weight).sum();
    let home: f64 = zones[..inner].iter().map(|z| z.home).sum();
    let work: f64 = zones[..inner].iter().map(|z| z.work).sum();
    for zone in &mut zones[inner..] {
        let share = zone.gate_weight() / gates * outside / (1.0 - outside);
        zone.home = home * share;
        zone.work = work * share;
    }
}

impl Zone {
    fn gate_weight(&self) -> f64 {
        let sum = |w: &Weighted| w.sums.last().copied().unwrap_or(0.0);
        sum(&self.starts).min(sum(&self.ends)).max(0.0)
    }
}

fn gravity(zones: &[Zone], purpose: Purpose) -> Vec<f64> {
    let mut sum = 0.0;
    let mut sums = Vec::with_capacity(zones.len() * zones.len());
    for a in zones {
        for b in zones {
            let masses = match purpose {
                Purpose::ToWork => a.home * b.work,
                Purpose::ToHome => a.work * b.home,
                Purpose::Other => (a.home + a.work) * (b.home + b.work),
            };
            let river = if a.north_bank == b.north_bank {
                0.0
            } else {
                RIVER_DETOUR_M
            };
            let far = (a.x - b.x).hypot(a.y - b.y) + river;
            sum += masses * (-far / DETERRENCE_M).exp();
            sums.push(sum);
        }
    }
    sums
}

/// Works out `count` routes, a third for each purpose, in four parts.
fn assign(
    layout: &Layout,
    zones: &Zones,
    junctions: &Junctions,
    count: usize,
    seed: u64,
) -> [Vec<Vec<u32>>; 3] {
    const PARTS: usize = 4;
    let mut pools = [const { Vec::new() }; 3];
    let mut load = junctions.no_load();
    let mut saturation = vec![0.0; layout.nodes.len()];
    for part in 0..PARTS {
        let costs = Costs::new(layout, &saturation);
        for purpose in PURPOSES {
            let mut rng = stream(seed, &format!("part-{part}"), &format!("{purpose:?}"));
            let each = count / 3 / PARTS;
            // More draws than wanted: some pairs lie too close or have no way.
            let pairs: Vec<(u32, u32)> = (0..each + each / 3)
                .filter_map(|_| zones.draw(purpose, &mut rng))
                .collect();
            let found: Vec<Vec<u32>> = pairs
                .par_chunks(256)
                .flat_map_iter(|chunk| {
                    let mut search = Search::new(layout);
                    let routes = chunk.iter().map(|&(a, b)| costs.route(a, b, &mut search));
                    routes.collect::<Vec<_>>()
                })
                .flatten()
                .filter(|route| route.len() >= 3)
                .collect();
            for route in found.into_iter().take(each) {
                junctions.add(layout, &route, 1.0, &mut load);
                pools[purpose as usize].push(route);
            }
        }
        // As if the whole day's trips went like those so far, with the busiest junctions full.
        let raw = junctions.saturation(&load);
        let full = busiest(&mut raw.clone()).max(1e-9);
        saturation = raw.into_iter().map(|x| (x / full).min(1.5)).collect();
    }
    pools
}

/// Sorts; the saturation that all but [`FULL_SHARE`] of the junctions stay below (in small cities
/// the largest).
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn busiest(saturation: &mut [f64]) -> f64 {
    saturation.sort_by(f64::total_cmp);
    let n = saturation.len();
    saturation[n - 1 - (n as f64 * FULL_SHARE) as usize]
}

/// Scales the trips to the load: vehicles per hour at the day's peak and the junctions' saturation
/// then (the worse of both peaks). Thins `pools` and tells `profile` what was kept.
fn scale(
    layout: &Layout,
    junctions: &Junctions,
    pools: &mut [Vec<Vec<u32>>; 3],
    profile: &mut Profile,
    load: f64,
) -> (f64, Vec<f64>) {
    // Per route and vehicle an hour of the whole city's peak, in the morning and in the evening.
    #[allow(clippy::cast_precision_loss)] // thousands
    let each = [profile.morning_h, profile.evening_h].map(|hour| {
        let parts = profile.parts(hour);
        [0, 1, 2].map(|p| parts[p] / profile.height / pools[p].len().max(1) as f64)
    });
    let inner = |saturation: Vec<f64>| {
        let pairs = saturation.into_iter().zip(&layout.nodes);
        let mut list: Vec<f64> = pairs.filter(|(_, n)| !n.border).map(|(x, _)| x).collect();
        let top = busiest(&mut list);
        (top, list)
    };
    let top = each.map(|each| {
        let mut veh_h = junctions.no_load();
        for (pool, each) in pools.iter().zip(each) {
            for route in pool {
                junctions.add(layout, route, 1000.0 * each, &mut veh_h);
            }
        }
        inner(junctions.saturation(&veh_h)).0
    });
    let peak_veh_h = 1000.0 * load / top[0].max(top[1]).max(1e-9);
    let mut loads = each.map(|_| junctions.no_load());
    let longest = pools.iter().map(Vec::len).max().unwrap_or(0);
    let mut kept = [const { Vec::new() }; 3];
    // The purposes take turns, so that none finds the city full already.
    for i in 0..longest {
        for p in 0..3 {
            let Some(route) = pools[p].get_mut(i).map(std::mem::take) else {
                continue;
            };
            let veh_h = [peak_veh_h * each[0][p], peak_veh_h * each[1][p]];
            if junctions.add_within(layout, &route, veh_h[0], load, &mut loads[0]) {
                if junctions.add_within(layout, &route, veh_h[1], load, &mut loads[1]) {
                    kept[p].push(route);
                } else {
                    junctions.add(layout, &route, -veh_h[0], &mut loads[0]);
                }
            }
        }
    }
    for p in 0..3 {
        #[allow(clippy::cast_precision_loss)]
        let share = kept[p].len() as f64 / pools[p].len().max(1) as f64;
        profile.kept[p] = share;
    }
    *pools = kept;
    let [morning, evening] = loads.map(|l| inner(junctions.saturation(&l)));
    let saturation = if morning.0 >= evening.0 {
        morning.1
    } else {
        evening.1
    };
    (peak_veh_h, saturation)
}

/// The day: two peaks over a low broad rest.
struct Profile {
    morning_h: f64,
    evening_h: f64,
    /// The largest sum of the parts.
    height: f64,
    /// Share of each purpose's trips that are made.
    kept: [f64; 3],
}

impl Profile {
    fn new(options: &CityOptions) -> Self {
        let mut profile = Self {
            morning_h: options.morning_peak_h,
            evening_h: options.evening_peak_h,
            height: 1.0,
            kept: [1.0; 3],
        };
        profile.height = (0..288)
            .map(|k| profile.parts(f64::from(k) / 12.0).iter().sum())
            .fold(f64::MIN_POSITIVE, f64::max);
        profile
    }

    /// Trips to work, home and elsewhere at an hour of the day, relative.
    fn parts(&self, hour: f64) -> [f64; 3] {
        let bell = |peak: f64, width: f64| {
            let d = (hour - peak).rem_euclid(24.0);
            let z = d.min(24.0 - d) / width;
            (-0.5 * z * z).exp()
        };
        let kept = self.kept;
        let day = 0.5 + 0.5 * (std::f64::consts::TAU * (hour - 14.0) / 24.0).cos();
        [
            kept[0] * MORNING * bell(self.morning_h, MORNING_WIDTH_H),
            kept[1] * EVENING * bell(self.evening_h, EVENING_WIDTH_H),
            kept[2] * (OTHER.0 + OTHER.1 * day),
        ]
    }

    /// The highest share of the height that is left of the day after thinning.
    fn now_highest(&self) -> f64 {
        let sums = (0..288).map(|k| self.parts(f64::from(k) / 12.0).iter().sum::<f64>());
        sums.fold(0.0, f64::max) / self.height
    }

    fn parts_at(&self, options: &CityOptions, second: f64) -> [f64; 3] {
        self.parts((f64::from(options.start_of_day_s) + second) / 3600.0)
    }

    /// Mean over the span, of the height.
    fn mean(&self, options: &CityOptions) -> f64 {
        let n = 200;
        let sum: f64 = (0..n)
            .map(|k| (f64::from(k) + 0.5) / f64::from(n) * f64::from(options.span_s))
            .map(|s| self.parts_at(options, s).iter().sum::<f64>())
            .sum();
        sum / f64::from(n) / self.height
    }
}

/// Draws the vehicles: a Poisson stream at the height of the day, thinned to the profile (Lewis and
/// Shedler 1979).
fn trips(
    options: &CityOptions,
    profile: &Profile,
    peak_veh_h: f64,
    pools: &[Vec<Vec<u32>>; 3],
) -> Vec<Trip> {
    let mut rng = stream(options.seed, "city", "trips");
    let rate_s = peak_veh_h / 3600.0;
    let mut trips = Vec::new();
    let mut at = 0.0;
    loop {
        at -= (1.0 - unit(&mut rng)).ln() / rate_s;
        if at >= f64::from(options.span_s) {
            return trips;
        }
        let parts = profile.parts_at(options, at);
        let mut pick = unit(&mut rng) * profile.height;
        let mut first = 0;
        for (pool, part) in pools.iter().zip(parts) {
            if pick < part && !pool.is_empty() {
                #[allow(
                    clippy::cast_precision_loss,
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss
                )] // at most 60,000 routes and 86,400 s
                let (route, start_s) = (
                    (first + (unit(&mut rng) * pool.len() as f64) as usize) as u32,
                    at as u32,
                );
                let heavy = unit(&mut rng) < HEAVY_SHARE;
                trips.push(Trip {
                    start_s,
                    route,
                    heavy,
                });
                break;
            }
            pick -= part;
            first += pool.len();
        }
    }
}
