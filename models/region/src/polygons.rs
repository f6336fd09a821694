//! Units with boundaries: census polygons in WKT, checked, indexed, measured.
//!
//! A ring must be closed and may not cross itself or another ring of its unit; touching at a point
//! is accepted, since shared corners of neighbouring parts do. Positions are degrees (WGS 84).

use conurb_geo::EARTH_RADIUS_KM;
use conurb_geo::raster::{Frame, Raster};
use geo::line_intersection::{LineIntersection, line_intersection};
use geo::{
    BoundingRect, Centroid, Coord, Intersects, Line, LineString, MultiPolygon, Point, Polygon,
};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use serde::Serialize;
use wkt::Wkt;

use crate::RegionError;

/// Corners a unit may have.
const CORNERS_MAX: usize = 2_000_000;
/// Units a file may have.
const UNITS_MAX: usize = 100_000;

/// A boundary: one or more polygons with holes, in degrees.
#[derive(Debug, Clone, PartialEq)]
pub struct Boundary {
    shape: MultiPolygon<f64>,
}

impl Boundary {
    /// Reads `POLYGON` or `MULTIPOLYGON` of (longitude, latitude); `name` is what errors call it.
    ///
    /// # Errors
    /// [`RegionError::Geometry`]: no polygon, a ring that is not closed, has fewer than three
    /// corners or crosses (with the place of the crossing), a corner out of range;
    /// [`RegionError::TooLarge`].
    pub fn from_wkt(text: &str, name: &str) -> Result<Self, RegionError> {
        let fault = |message: String| RegionError::Geometry {
            name: name.to_owned(),
            message,
        };
        // Collections nest: the parser would go as deep as the text says.
        let collection = "GEOMETRYCOLLECTION";
        let head = text.trim_start().get(..collection.len());
        if head.is_some_and(|h| h.eq_ignore_ascii_case(collection)) {
            return Err(fault("is no polygon".to_owned()));
        }
        let wkt: Wkt<f64> = text
            .parse()
            .map_err(|e: &str| fault(format!("no WKT: {e}")))?;
        let polygons = match &wkt {
            Wkt::Polygon(polygon) => std::slice::from_ref(polygon),
            Wkt::MultiPolygon(many) => many.polygons(),
            _ => return Err(fault("is no polygon".to_owned())),
        };
        let mut parts = Vec::new();
        for polygon in polygons {
            let mut rings = Vec::new();
            for ring in polygon.rings() {
                let corners: Vec<Coord<f64>> = ring
                    .coords()
                    .iter()
                    .map(|c| Coord { x: c.x, y: c.y })
                    .collect();
                rings.push(self::ring(corners).map_err(fault)?);
            }
            if rings.is_empty() {
                return Err(fault("has a polygon without rings".to_owned()));
            }
            let outer = rings.remove(0);
            parts.push(Polygon::new(outer, rings));
        }
        if parts.is_empty() {
            return Err(fault("is empty".to_owned()));
        }
        let shape = MultiPolygon(parts);
        no_crossing(&shape, name)?;
        Ok(Self { shape })
    }

    /// The polygons.
    #[must_use]
    pub fn shape(&self) -> &MultiPolygon<f64> {
        &self.shape
    }

    /// Whether a point lies inside or on the border; (latitude, longitude) in degrees.
    #[must_use]
    pub fn contains(&self, (lat, lon): (f64, f64)) -> bool {
        self.shape.intersects(&Point::new(lon, lat))
    }

    /// Area on the sphere, km2 (Chamberlain and Duquette 2007).
    #[must_use]
    pub fn area_km2(&self) -> f64 {
        let ring = |ring: &LineString<f64>| {
            let sum: f64 = ring
                .lines()
                .map(|l| {
                    let lat = |y: f64| y.to_radians().sin();
                    (l.end.x - l.start.x).to_radians() * (2.0 + lat(l.start.y) + lat(l.end.y))
                })
                .sum();
            (sum / 2.0).abs() * EARTH_RADIUS_KM.powi(2)
        };
        self.shape
            .iter()
            .map(|p| ring(p.exterior()) - p.interiors().iter().map(ring).sum::<f64>())
            .sum()
    }

    /// Plain centroid of the polygon in degrees, (latitude, longitude).
    #[must_use]
    pub fn centroid(&self) -> (f64, f64) {
        let point = self.shape.centroid().expect("a boundary has corners");
        (point.y(), point.x())
    }

    /// Centre of population: the mean of the cell centres inside, weighted by persons, on the
    /// sphere; (latitude, longitude). `None` when nobody lives on cells inside.
    ///
    /// # Errors
    /// [`RegionError::Option`] for a grid that is not in degrees.
    pub fn population_centre(&self, persons: &Raster) -> Result<Option<(f64, f64)>, RegionError> {
        if !matches!(persons.frame, Frame::Geographic { .. }) {
            return Err(RegionError::option("population grid", "must be in degrees"));
        }
        let mut sum = [0.0; 3];
        for row in 0..persons.rows {
            for col in 0..persons.cols {
                let place = persons.centre(row, col);
                let Some(p) = persons.value(row, col).filter(|p| *p > 0.0) else {
                    continue;
                };
                if self.contains(place) {
                    let (lat, lon) = (place.0.to_radians(), place.1.to_radians());
                    sum[0] += p * lat.cos() * lon.cos();
                    sum[1] += p * lat.cos() * lon.sin();
                    sum[2] += p * lat.sin();
                }
            }
        }
        let flat = sum[0].hypot(sum[1]);
        Ok((flat.hypot(sum[2]) > 0.0).then(|| {
            (
                sum[2].atan2(flat).to_degrees(),
                sum[1].atan2(sum[0]).to_degrees(),
            )
        }))
    }
}

/// A ring without repeated corners, or what is wrong with it.
fn ring(mut corners: Vec<Coord<f64>>) -> Result<LineString<f64>, String> {
    if let Some(c) = corners
        .iter()
        .find(|c| !(c.x.abs() <= 180.0 && c.y.abs() <= 90.0))
    {
        return Err(format!(
            "the corner {} {} lies outside the Earth's degrees",
            c.x, c.y
        ));
    }
    let (Some(first), Some(last)) = (corners.first(), corners.last()) else {
        return Err("has an empty ring".to_owned());
    };
    if first != last {
        return Err(format!(
            "a ring is not closed: it starts at {} {} and ends at {} {}",
            first.x, first.y, last.x, last.y
        ));
    }
    let start = *first;
    corners.dedup();
    if corners.len() < 4 {
        return Err(format!(
            "the ring at {} {} has fewer than three corners",
            start.x, start.y
        ));
    }
    Ok(LineString(corners))
}

/// A side of a ring: its number within all sides, its ring, its ends.
struct Side {
    ring: usize,
    at: usize,
    of: usize,
    line: Line<f64>,
}

impl Side {
    fn low_x(&self) -> f64 {
        self.line.start.x.min(self.line.end.x)
    }

    fn high_x(&self) -> f64 {
        self.line.start.x.max(self.line.end.x)
    }

    /// Whether two sides follow one another on one ring.
    fn joins(&self, other: &Self) -> bool {
        self.ring == other.ring
            && ((self.at + 1) % self.of == other.at || (other.at + 1) % self.of == self.at)
    }
}

/// Sweeps the sides from west to east and refuses the first pair that crosses or overlaps.
fn no_crossing(shape: &MultiPolygon<f64>, name: &str) -> Result<(), RegionError> {
    let rings = shape
        .iter()
        .flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()));
    let mut sides: Vec<Side> = Vec::new();
    for (ring, corners) in rings.enumerate() {
        let of = corners.0.len() - 1;
        sides.extend(
            corners
                .lines()
                .enumerate()
                .map(|(at, line)| Side { ring, at, of, line }),
        );
    }
    if sides.len() > CORNERS_MAX {
        return Err(RegionError::TooLarge {
            what: format!("{name}: corners"),
            count: sides.len() as u64,
            limit: CORNERS_MAX as u64,
        });
    }
    sides.sort_by(|a, b| a.low_x().total_cmp(&b.low_x()));
    for (i, side) in sides.iter().enumerate() {
        let (low, high) = (
            side.line.start.y.min(side.line.end.y),
            side.line.start.y.max(side.line.end.y),
        );
        for other in sides[i + 1..]
            .iter()
            .take_while(|o| o.low_x() <= side.high_x())
        {
            let (a, b) = (other.line.start.y, other.line.end.y);
            if a.min(b) > high || a.max(b) < low {
                continue;
            }
            let what = match line_intersection(side.line, other.line) {
                Some(LineIntersection::SinglePoint {
                    intersection,
                    is_proper: true,
                }) => format!("crosses itself at {} {}", intersection.x, intersection.y),
                Some(LineIntersection::Collinear { intersection })
                    if intersection.start != intersection.end
                        && (side.ring == other.ring
                            || same_polygon(shape, side.ring, other.ring)) =>
                {
                    format!(
                        "runs over itself from {} {} to {} {}",
                        intersection.start.x,
                        intersection.start.y,
                        intersection.end.x,
                        intersection.end.y
                    )
                }
                _ => continue,
            };
            let spike = if side.joins(other) { " (a spike)" } else { "" };
            return Err(RegionError::Geometry {
                name: name.to_owned(),
                message: format!("{what}{spike}"),
            });
        }
    }
    Ok(())
}

/// Whether two rings belong to one polygon; parts of a unit may share a border.
fn same_polygon(shape: &MultiPolygon<f64>, a: usize, b: usize) -> bool {
    let mut first = 0;
    for polygon in shape {
        let next = first + 1 + polygon.interiors().len();
        if (first..next).contains(&a) {
            return (first..next).contains(&b);
        }
        first = next;
    }
    false
}

/// A unit of the census file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CensusUnit {
    /// Name, e.g. 北京市.
    pub name: String,
    /// Code of the unit.
    pub code: String,
    /// Province.
    pub province: String,
    /// Persons in 2020, `None` where the file has none.
    pub pop_2020_persons: Option<f64>,
    /// Persons in 2010.
    pub pop_2010_persons: Option<f64>,
    /// Urban persons in 2020.
    pub urban_2020_persons: Option<f64>,
    /// Urban persons in 2010.
    pub urban_2010_persons: Option<f64>,
    /// The boundary; `None` when it was refused.
    #[serde(skip)]
    pub boundary: Option<Boundary>,
}

/// The units of a file, and why boundaries were refused.
#[derive(Debug, Clone, PartialEq)]
pub struct CensusFile {
    /// The units in the order of the file.
    pub units: Vec<CensusUnit>,
    /// One error per refused boundary.
    pub refused: Vec<RegionError>,
}

/// Reads the census file of prefectures (columns `city, city_code, province, popu_2020,
/// popu_urban_2020, popu_2010, popu_urban_2010, coord`). A boundary that is wrong is refused alone.
///
/// # Errors
/// [`RegionError::MissingColumn`], [`RegionError::BadValue`], [`RegionError::TooLarge`].
pub fn read_census(bytes: &[u8], file: &str) -> Result<CensusFile, RegionError> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut reader = csv::Reader::from_reader(bytes);
    let headers = reader
        .headers()
        .map_err(|e| RegionError::unreadable(file, &e))?
        .clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|h| h == name)
            .ok_or_else(|| RegionError::MissingColumn {
                at: RegionError::place(file, 1),
                column: name.to_owned(),
                hint: crate::error::hint(name, headers.iter()),
            })
    };
    let [name, code, province, coord] = [
        column("city")?,
        column("city_code")?,
        column("province")?,
        column("coord")?,
    ];
    let persons = [
        column("popu_2020")?,
        column("popu_2010")?,
        column("popu_urban_2020")?,
        column("popu_urban_2010")?,
    ];
    let mut read = CensusFile {
        units: Vec::new(),
        refused: Vec::new(),
    };
    for record in reader.records() {
        let record = record.map_err(|e| RegionError::unreadable(file, &e))?;
        let line = record.position().map_or(0, |p| p.line() as usize);
        if read.units.len() == UNITS_MAX {
            return Err(RegionError::TooLarge {
                what: format!("{file}: units"),
                count: UNITS_MAX as u64 + 1,
                limit: UNITS_MAX as u64,
            });
        }
        let mut numbers = [None; 4];
        for (number, &col) in numbers.iter_mut().zip(&persons) {
            *number = count(&record[col]).map_err(|message| RegionError::BadValue {
                at: RegionError::place(file, line),
                what: headers[col].to_owned(),
                value: record[col].to_owned(),
                message,
            })?;
        }
        let label = format!("{} ({file}, line {line})", &record[name]);
        let boundary = match Boundary::from_wkt(&record[coord], &label) {
            Ok(boundary) => Some(boundary),
            Err(error) => {
                read.refused.push(error);
                None
            }
        };
        read.units.push(CensusUnit {
            name: record[name].trim().to_owned(),
            code: record[code].trim().to_owned(),
            province: record[province].trim().to_owned(),
            pop_2020_persons: numbers[0],
            pop_2010_persons: numbers[1],
            urban_2020_persons: numbers[2],
            urban_2010_persons: numbers[3],
            boundary,
        });
    }
    Ok(read)
}

/// Persons; empty and `NA` are unknown.
fn count(text: &str) -> Result<Option<f64>, String> {
    match text.trim() {
        "" | "NA" => Ok(None),
        text => match text.parse::<f64>() {
            Ok(v) if v.is_finite() && v >= 0.0 => Ok(Some(v)),
            _ => Err("is no number of persons".to_owned()),
        },
    }
}

/// Finds the unit of a point.
pub struct UnitIndex<'u> {
    units: Vec<(usize, &'u Boundary)>,
    tree: RTree<GeomWithData<Rectangle<[f64; 2]>, usize>>,
}

impl<'u> UnitIndex<'u> {
    /// An index over boundaries and the numbers their units go by.
    pub fn new(units: impl IntoIterator<Item = (usize, &'u Boundary)>) -> Self {
        let units: Vec<_> = units.into_iter().collect();
        let boxes = units
            .iter()
            .enumerate()
            .filter_map(|(i, (_, boundary))| {
                let b = boundary.shape.bounding_rect()?;
                let corners =
                    Rectangle::from_corners([b.min().x, b.min().y], [b.max().x, b.max().y]);
                Some(GeomWithData::new(corners, i))
            })
            .collect();
        Self {
            units,
            tree: RTree::bulk_load(boxes),
        }
    }

    /// The number of the unit a point lies in or on; of several, the lowest.
    /// (latitude, longitude) in degrees.
    #[must_use]
    pub fn find(&self, place: (f64, f64)) -> Option<usize> {
        self.tree
            .locate_in_envelope_intersecting(&AABB::from_point([place.1, place.0]))
            .filter(|b| self.units[b.data].1.contains(place))
            .map(|b| self.units[b.data].0)
            .min()
    }
}
