//! Weights by distance and by travel time.

use conurb_geo::EARTH_RADIUS_KM;
use rstar::RTree;
use rstar::primitives::GeomWithData;

use crate::RegionError;
use crate::weights::{Weights, limit_links};

/// What the coordinates of points are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Plane coordinates (x, y); distances in their unit.
    Plane,
    /// (latitude, longitude) in degrees; distances are great circles in km.
    GreatCircle,
}

impl Metric {
    /// The point in space whose straight distances order like distances on the ground.
    fn embed(self, point: (f64, f64)) -> [f64; 3] {
        match self {
            Self::Plane => [point.0, point.1, 0.0],
            Self::GreatCircle => {
                let (lat, lon) = (point.0.to_radians(), point.1.to_radians());
                [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
            }
        }
    }

    /// The distance on the ground.
    fn between(self, a: (f64, f64), b: (f64, f64)) -> f64 {
        match self {
            Self::Plane => (a.0 - b.0).hypot(a.1 - b.1),
            Self::GreatCircle => conurb_geo::great_circle_km(a, b),
        }
    }

    /// The straight distance in space that belongs to a distance on the ground.
    fn chord(self, distance: f64) -> f64 {
        match self {
            Self::Plane => distance,
            Self::GreatCircle => {
                let half = (distance / EARTH_RADIUS_KM / 2.0).min(std::f64::consts::FRAC_PI_2);
                2.0 * half.sin()
            }
        }
    }
}

type Place = GeomWithData<[f64; 3], usize>;

/// Space left around a search so that rounding of the embedding loses no neighbour; the distance on
/// the ground then decides.
const ROOM: f64 = 1e-9;

fn tree(points: &[(f64, f64)], metric: Metric) -> Result<RTree<Place>, RegionError> {
    for (i, p) in points.iter().enumerate() {
        let on_earth = metric == Metric::Plane || (p.0.abs() <= 90.0 && p.1.abs() <= 360.0);
        if !(p.0.is_finite() && p.1.is_finite() && on_earth) {
            return Err(RegionError::option(
                "points",
                format!(
                    "point {i} is ({}, {}); give finite (x, y), or (latitude, longitude) in degrees",
                    p.0, p.1
                ),
            ));
        }
    }
    Ok(RTree::bulk_load(
        points
            .iter()
            .enumerate()
            .map(|(i, &p)| Place::new(metric.embed(p), i))
            .collect(),
    ))
}

/// Binary weights to the `k` nearest other points; of equally near ones the first in order count.
///
/// # Errors
/// `Option` unless 1 <= k < number of points, and for points that are none.
pub fn k_nearest(points: &[(f64, f64)], k: usize, metric: Metric) -> Result<Weights, RegionError> {
    if k == 0 || k >= points.len() {
        return Err(RegionError::option(
            "k nearest neighbours",
            format!("k is {k}; choose 1 to {}", points.len().saturating_sub(1)),
        ));
    }
    limit_links(k.saturating_mul(points.len()))?;
    let tree = tree(points, metric)?;
    let lists: Vec<Vec<usize>> = points
        .iter()
        .enumerate()
        .map(|(i, &p)| {
            let mut near: Vec<(f64, usize)> = Vec::with_capacity(k + 1);
            let at = metric.embed(p);
            let mut reach = f64::INFINITY;
            for place in tree.nearest_neighbor_iter(&at) {
                if place.data == i {
                    continue;
                }
                let straight = straight(&at, place.geom());
                if straight > reach {
                    break;
                }
                near.push((metric.between(p, points[place.data]), place.data));
                if near.len() == k {
                    // Ties with the k-th are looked at too, so that order decides among them.
                    reach = straight * (1.0 + ROOM) + f64::MIN_POSITIVE;
                }
            }
            near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            near.truncate(k);
            near.into_iter().map(|(_, j)| j).collect()
        })
        .collect();
    Weights::from_neighbours(&lists)
}

fn straight(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    ((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2)).sqrt()
}

/// Binary weights to all other points at most `limit` away.
///
/// # Errors
/// `Option` for a limit that is not positive and points that are none; `TooLarge` above the limit of
/// links.
pub fn distance_band(
    points: &[(f64, f64)],
    limit: f64,
    metric: Metric,
) -> Result<Weights, RegionError> {
    if !(limit.is_finite() && limit > 0.0) {
        return Err(RegionError::option(
            "distance band",
            format!("the limit is {limit}; choose one above 0"),
        ));
    }
    let tree = tree(points, metric)?;
    let reach = metric.chord(limit) * (1.0 + ROOM) + ROOM * f64::EPSILON;
    let mut links = 0_usize;
    let mut lists = Vec::with_capacity(points.len());
    for (i, &p) in points.iter().enumerate() {
        let list: Vec<usize> = tree
            .locate_within_distance(metric.embed(p), reach * reach)
            .map(|place| place.data)
            .filter(|&j| j != i && metric.between(p, points[j]) <= limit)
            .collect();
        links += list.len();
        limit_links(links)?;
        lists.push(list);
    }
    Weights::from_neighbours(&lists)
}

/// Binary weights to all units reached within `limit_min` minutes. `minutes` lists (from, to,
/// minutes) as a timetable engine or a table gives them; pairs not listed are not reached, and a
/// unit's way to itself is passed over. The way there decides: weights need not be symmetric.
///
/// # Errors
/// `Option` for a limit that is not positive, minutes that are negative or no number, a unit that
/// does not exist, or a pair listed twice.
pub fn travel_time_band(
    units: usize,
    minutes: &[(usize, usize, f64)],
    limit_min: f64,
) -> Result<Weights, RegionError> {
    if !(limit_min.is_finite() && limit_min > 0.0) {
        return Err(RegionError::option(
            "travel time band",
            format!("the limit is {limit_min} minutes; choose one above 0"),
        ));
    }
    let mut lists = vec![Vec::new(); units];
    for &(from, to, travel_min) in minutes {
        if travel_min.is_nan() || travel_min < 0.0 || from >= units || to >= units {
            return Err(RegionError::option(
                "travel time band",
                format!(
                    "from {from} to {to} in {travel_min} minutes is no way between {units} units"
                ),
            ));
        }
        if from != to && travel_min <= limit_min {
            lists[from].push(to);
        }
    }
    Weights::from_neighbours(&lists)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_nearest_of_equals_are_the_first() {
        let points = [(0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)];
        let w = k_nearest(&points, 2, Metric::Plane).unwrap();
        assert_eq!(w.row(0).0, [1, 2]);
        assert!(k_nearest(&points, 5, Metric::Plane).is_err());
        assert!(k_nearest(&points, 0, Metric::Plane).is_err());
        assert!(k_nearest(&[(91.0, 0.0), (0.0, 0.0)], 1, Metric::GreatCircle).is_err());
    }

    #[test]
    fn the_date_line_and_the_travel_time_band() {
        let points = [(0.0, 179.9), (0.0, -179.9), (0.0, 170.0)];
        let w = distance_band(&points, 30.0, Metric::GreatCircle).unwrap();
        assert_eq!(w.row(0).0, [1]);
        assert_eq!(w.islands(), [2]);
        let ways = [(0, 1, 40.0), (1, 0, 70.0), (0, 0, 0.0), (2, 1, 59.9)];
        let w = travel_time_band(3, &ways, 60.0).unwrap();
        assert_eq!(
            (w.row(0).0, w.row(1).0, w.row(2).0),
            (&[1][..], &[][..], &[1][..])
        );
        assert!(travel_time_band(3, &[(0, 3, 1.0)], 60.0).is_err());
        assert!(travel_time_band(3, &[(0, 1, f64::NAN)], 60.0).is_err());
        assert!(distance_band(&points, 0.0, Metric::Plane).is_err());
    }

    proptest! {
        #[test]
        fn the_tree_finds_what_all_pairs_give(
            points in prop::collection::vec((-80.0..80.0_f64, -180.0..180.0_f64), 3..25),
            k in 1..3_usize,
            limit in 1.0..9000.0_f64,
            earth: bool,
        ) {
            let metric = if earth { Metric::GreatCircle } else { Metric::Plane };
            let near = k_nearest(&points, k, metric).unwrap();
            let band = distance_band(&points, limit, metric).unwrap();
            for i in 0..points.len() {
                let mut all: Vec<(f64, u32)> = (0..points.len())
                    .filter(|&j| j != i)
                    .map(|j| (metric.between(points[i], points[j]), j as u32))
                    .collect();
                all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let mut want: Vec<u32> = all[..k].iter().map(|a| a.1).collect();
                want.sort_unstable();
                prop_assert_eq!(near.row(i).0, &want[..]);
                let mut want: Vec<u32> =
                    all.iter().filter(|a| a.0 <= limit).map(|a| a.1).collect();
                want.sort_unstable();
                prop_assert_eq!(band.row(i).0, &want[..]);
            }
        }
    }
}
