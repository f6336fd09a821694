//! Contiguity: units that touch, on a lattice or as polygons.

use std::collections::BTreeMap;

use crate::RegionError;
use crate::weights::{Weights, limit_links};

/// When two units touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contiguity {
    /// They share a point.
    Queen,
    /// They share an edge.
    Rook,
}

/// The boundary of a unit: closed rings of points (outer rings, holes and further parts alike).
pub type Rings = Vec<Vec<(f64, f64)>>;

/// Binary weights of a `rows` x `columns` lattice, numbered row by row.
///
/// # Errors
/// `Option` for a lattice without cells; `TooLarge` above the limit of links.
pub fn lattice(rows: usize, columns: usize, rule: Contiguity) -> Result<Weights, RegionError> {
    if rows == 0 || columns == 0 {
        return Err(RegionError::option(
            "lattice",
            format!("{rows} x {columns} cells; give at least 1 x 1"),
        ));
    }
    limit_links(rows.saturating_mul(columns).saturating_mul(8))?;
    let mut lists = Vec::with_capacity(rows * columns);
    for r in 0..rows {
        for c in 0..columns {
            let mut list = Vec::with_capacity(8);
            for near_r in r.saturating_sub(1)..=(r + 1).min(rows - 1) {
                for near_c in c.saturating_sub(1)..=(c + 1).min(columns - 1) {
                    let steps = near_r.abs_diff(r) + near_c.abs_diff(c);
                    if steps == 1 || (steps == 2 && rule == Contiguity::Queen) {
                        list.push(near_r * columns + near_c);
                    }
                }
            }
            lists.push(list);
        }
    }
    Weights::from_neighbours(&lists)
}

/// A point as a key; -0 and 0 are one.
type Key = (u64, u64);

fn key(point: (f64, f64)) -> Key {
    ((point.0 + 0.0).to_bits(), (point.1 + 0.0).to_bits())
}

/// Binary weights of units given as polygons. Boundaries must share their vertices exactly, as those
/// of one topologically clean data set do: an edge of one unit that lies along two edges of
/// another is no shared edge.
///
/// # Errors
/// `Geometry` for a ring that is open, has fewer than four points or a coordinate that is not
/// finite, and for a unit without rings.
pub fn polygons(units: &[Rings], rule: Contiguity) -> Result<Weights, RegionError> {
    let mut shared = BTreeMap::<(Key, Key), Vec<usize>>::new();
    for (unit, rings) in units.iter().enumerate() {
        check_rings(unit, rings)?;
        for ring in rings {
            for edge in ring.windows(2) {
                let (a, b) = (key(edge[0]), key(edge[1]));
                let feature = match rule {
                    Contiguity::Queen => (a, a),
                    Contiguity::Rook => (a.min(b), a.max(b)),
                };
                let owners = shared.entry(feature).or_default();
                if owners.last() != Some(&unit) {
                    owners.push(unit);
                }
            }
        }
    }
    let mut lists = vec![Vec::new(); units.len()];
    for owners in shared.values() {
        for &i in owners {
            lists[i].extend(owners.iter().copied().filter(|&j| j != i));
        }
    }
    for list in &mut lists {
        list.sort_unstable();
        list.dedup();
    }
    Weights::from_neighbours(&lists)
}

fn check_rings(unit: usize, rings: &Rings) -> Result<(), RegionError> {
    let bad = |message: String| {
        Err(RegionError::Geometry {
            name: format!("unit {unit}"),
            message,
        })
    };
    if rings.is_empty() {
        return bad("it has no ring".to_owned());
    }
    for (at, ring) in rings.iter().enumerate() {
        if ring.len() < 4 {
            return bad(format!(
                "ring {at} has {} points; a closed ring has at least 4",
                ring.len()
            ));
        }
        if let Some(p) = ring.iter().find(|p| !(p.0.is_finite() && p.1.is_finite())) {
            return bad(format!("ring {at} holds the point ({}, {})", p.0, p.1));
        }
        if ring.first() != ring.last() {
            return bad(format!(
                "ring {at} begins at {:?} and ends at {:?}",
                ring[0],
                ring[ring.len() - 1]
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f64, y: f64) -> Rings {
        vec![vec![
            (x, y),
            (x + 1.0, y),
            (x + 1.0, y + 1.0),
            (x, y + 1.0),
            (x, y),
        ]]
    }

    #[test]
    fn squares_as_polygons_are_the_lattice() {
        let units: Vec<Rings> = (0..12_u32)
            .map(|i| square(f64::from(i % 4), f64::from(i / 4)))
            .collect();
        for rule in [Contiguity::Queen, Contiguity::Rook] {
            let by_rings = polygons(&units, rule).unwrap();
            assert_eq!(by_rings, lattice(3, 4, rule).unwrap());
        }
        let queen = lattice(150, 150, Contiguity::Queen).unwrap();
        assert_eq!(queen.links(), 148 * 148 * 8 + 4 * 148 * 5 + 4 * 3);
    }

    #[test]
    fn rings_that_are_none_are_refused_with_their_unit() {
        let mut open = square(0.0, 0.0);
        open[0].pop();
        for bad in [open, vec![], vec![vec![(0.0, 0.0); 3]], {
            let mut nan = square(0.0, 0.0);
            nan[0][1].0 = f64::NAN;
            nan
        }] {
            let error = polygons(&[square(0.0, 0.0), bad], Contiguity::Queen).unwrap_err();
            assert!(error.to_string().starts_with("unit 1: "), "{error}");
        }
        assert!(lattice(0, 3, Contiguity::Rook).is_err());
    }
}
