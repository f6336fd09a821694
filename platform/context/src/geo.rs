//! Geo queries (clause 4.10) on longitude, latitude in WGS 84.
//!
//! Distances between points follow the great circle (mean radius 6,371,008.8 m, IUGG 1980); to
//! edges they are taken on a plane tangent at the query's first point, which is within 0.2 % up
//! to about 100 km. Polygon tests are exact on the plane of coordinates; polygons must be simple
//! and must not cross the antimeridian.

use serde_json::Value;

use crate::ContextError;
use crate::json::Node;
use crate::jsonld::LdContext;
use crate::model::{AttributeValue, Entity, Name};

type P = [f64; 2];

/// Mean radius of the Earth in metres.
const RADIUS_M: f64 = 6_371_008.8;

/// How places are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GeoRelation {
    /// Within / beyond this distance.
    Near {
        /// At most, in metres.
        max_m: Option<f64>,
        /// At least, in metres.
        min_m: Option<f64>,
    },
    /// The entity lies within the query's geometry.
    Within,
    /// The entity contains it.
    Contains,
    /// They share a point.
    Intersects,
    /// They are the same.
    Equals,
    /// They share none.
    Disjoint,
    /// They share an area, none contains the other.
    Overlaps,
}

/// A geo query.
#[derive(Debug, Clone)]
pub struct GeoQuery {
    relation: GeoRelation,
    shape: Shape,
    property: Name,
}

impl GeoQuery {
    /// Parses `georel`, `geometry`, `coordinates`, `geoproperty`.
    pub fn parse(
        georel: &str,
        geometry: &str,
        coordinates: &Value,
        geoproperty: Option<&str>,
        ctx: &LdContext,
    ) -> Result<Self, ContextError> {
        let parsed;
        let coordinates = match coordinates {
            Value::String(text) => {
                parsed = serde_json::from_str::<Value>(text)
                    .map_err(|_| ContextError::request("coordinates: not a JSON array"))?;
                &parsed
            }
            other => other,
        };
        let whole = serde_json::json!({ "type": geometry, "coordinates": coordinates });
        crate::check::check_geometry(&Node::from(&whole))
            .map_err(|what| ContextError::request(format!("coordinates: {what}")))?;
        Ok(Self {
            relation: relation(georel)?,
            shape: Shape::read(&whole)
                .ok_or_else(|| ContextError::request("coordinates: not a geometry"))?,
            property: ctx.expand(geoproperty.unwrap_or("location"))?,
        })
    }

    /// Whether any instance of the entity's GeoProperty fits.
    #[must_use]
    pub fn fits(&self, entity: &Entity) -> bool {
        entity.instances(&self.property).is_some_and(|all| {
            all.iter().any(|a| match &a.value {
                AttributeValue::Geo(g) => Shape::read(g).is_some_and(|s| self.relates(&s)),
                _ => false,
            })
        })
    }

    fn relates(&self, s: &Shape) -> bool {
        match self.relation {
            GeoRelation::Near { max_m, min_m } => {
                let d = s.distance_m(&self.shape);
                max_m.is_none_or(|m| d <= m) && min_m.is_none_or(|m| d >= m)
            }
            GeoRelation::Within => s.within(&self.shape),
            GeoRelation::Contains => self.shape.within(s),
            GeoRelation::Intersects => s.intersects(&self.shape),
            GeoRelation::Disjoint => !s.intersects(&self.shape),
            GeoRelation::Equals => s.within(&self.shape) && self.shape.within(s),
            GeoRelation::Overlaps => {
                s.intersects(&self.shape) && !s.within(&self.shape) && !self.shape.within(s)
            }
        }
    }
}

fn relation(text: &str) -> Result<GeoRelation, ContextError> {
    let mut parts = text.split(';');
    let simple = match parts.next().unwrap_or_default() {
        "near" => None,
        "within" => Some(GeoRelation::Within),
        "contains" => Some(GeoRelation::Contains),
        "intersects" => Some(GeoRelation::Intersects),
        "equals" => Some(GeoRelation::Equals),
        "disjoint" => Some(GeoRelation::Disjoint),
        "overlaps" => Some(GeoRelation::Overlaps),
        other => {
            return Err(ContextError::request(format!(
                "georel: {other:?} is unknown"
            )));
        }
    };
    if let Some(r) = simple {
        return match parts.next() {
            None => Ok(r),
            Some(_) => Err(ContextError::request("georel: only near takes a distance")),
        };
    }
    let (mut max_m, mut min_m) = (None, None);
    for part in parts {
        let (key, metres) = part
            .split_once("==")
            .ok_or_else(|| ContextError::request("georel: near;maxDistance==METRES"))?;
        let metres: f64 = metres
            .parse()
            .ok()
            .filter(|m: &f64| m.is_finite() && *m >= 0.0)
            .ok_or_else(|| {
                ContextError::request(format!("georel: {metres:?} is no distance in metres"))
            })?;
        match key {
            "maxDistance" => max_m = Some(metres),
            "minDistance" => min_m = Some(metres),
            other => {
                return Err(ContextError::request(format!(
                    "georel: {other:?} is unknown"
                )));
            }
        }
    }
    if max_m.is_none() && min_m.is_none() {
        return Err(ContextError::request(
            "georel: near needs maxDistance or minDistance",
        ));
    }
    Ok(GeoRelation::Near { max_m, min_m })
}

/// A geometry as its parts.
#[derive(Debug, Clone, Default)]
struct Shape {
    points: Vec<P>,
    lines: Vec<Vec<P>>,
    /// Rings of each polygon: the outer one, then holes.
    polygons: Vec<Vec<Vec<P>>>,
}

fn point(v: &Value) -> Option<P> {
    Some([v.get(0)?.as_f64()?, v.get(1)?.as_f64()?])
}

fn points(v: &Value) -> Option<Vec<P>> {
    v.as_array()?.iter().map(point).collect()
}

fn rings(v: &Value) -> Option<Vec<Vec<P>>> {
    v.as_array()?.iter().map(points).collect()
}

impl Shape {
    fn read(geometry: &Value) -> Option<Self> {
        let c = geometry.get("coordinates")?;
        let mut s = Self::default();
        match geometry.get("type")?.as_str()? {
            "Point" => s.points = vec![point(c)?],
            "MultiPoint" => s.points = points(c)?,
            "LineString" => s.lines = vec![points(c)?],
            "MultiLineString" => s.lines = rings(c)?,
            "Polygon" => s.polygons = vec![rings(c)?],
            "MultiPolygon" => {
                s.polygons = c.as_array()?.iter().map(rings).collect::<Option<_>>()?
            }
            _ => return None,
        }
        Some(s)
    }

    fn vertices(&self) -> impl Iterator<Item = P> + '_ {
        self.points
            .iter()
            .chain(self.lines.iter().flatten())
            .chain(self.polygons.iter().flatten().flatten())
            .copied()
    }

    fn edges(&self) -> impl Iterator<Item = (P, P)> + '_ {
        self.lines
            .iter()
            .chain(self.polygons.iter().flatten())
            .flat_map(|l| l.windows(2).map(|w| (w[0], w[1])))
    }

    /// Whether `p` lies on or in this shape.
    fn covers(&self, p: P) -> bool {
        self.points.contains(&p)
            || self.edges().any(|(a, b)| on_segment(p, a, b))
            || self.polygons.iter().any(|rings| in_polygon(p, rings))
    }

    fn intersects(&self, other: &Self) -> bool {
        self.vertices().any(|p| other.covers(p))
            || other.vertices().any(|p| self.covers(p))
            || self
                .edges()
                .any(|(a, b)| other.edges().any(|(c, d)| segments_meet(a, b, c, d)))
    }

    /// Whether every part of this lies in or on `other`: vertices are covered, and the pieces of
    /// each edge between crossings with the other's edges are covered at their middles.
    fn within(&self, other: &Self) -> bool {
        if !self.polygons.is_empty() && other.polygons.is_empty() {
            return false;
        }
        let mut any = false;
        for p in self.vertices() {
            any = true;
            if !other.covers(p) {
                return false;
            }
        }
        any && self.edges().all(|(a, b)| {
            let mut cuts: Vec<f64> = other.edges().filter_map(|(c, d)| cut(a, b, c, d)).collect();
            cuts.extend([0.0, 1.0]);
            cuts.sort_by(f64::total_cmp);
            cuts.windows(2)
                .all(|w| w[1] - w[0] < 1e-12 || other.covers(lerp(a, b, f64::midpoint(w[0], w[1]))))
        }) && !self.swallows_hole(other)
    }

    /// Whether a hole of `other` lies inside this shape's area.
    fn swallows_hole(&self, other: &Self) -> bool {
        other.polygons.iter().any(|rings| {
            rings.iter().skip(1).any(|hole| {
                hole.iter()
                    .any(|p| self.polygons.iter().any(|r| strictly_in(*p, r)))
            })
        })
    }

    fn distance_m(&self, other: &Self) -> f64 {
        if self.intersects(other) {
            return 0.0;
        }
        let mut best = f64::INFINITY;
        for a in self.vertices() {
            for b in other.vertices() {
                best = best.min(haversine_m(a, b));
            }
            for (c, d) in other.edges() {
                best = best.min(point_segment_m(a, c, d));
            }
        }
        for b in other.vertices() {
            for (c, d) in self.edges() {
                best = best.min(point_segment_m(b, c, d));
            }
        }
        best
    }
}

fn lerp(a: P, b: P, t: f64) -> P {
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t]
}

fn cross(o: P, a: P, b: P) -> f64 {
    (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])
}

/// Whether `p` lies on the segment, to about a tenth of a millimetre.
fn on_segment(p: P, a: P, b: P) -> bool {
    let length = (b[0] - a[0]).hypot(b[1] - a[1]);
    let inside = p[0] >= a[0].min(b[0]) - 1e-9
        && p[0] <= a[0].max(b[0]) + 1e-9
        && p[1] >= a[1].min(b[1]) - 1e-9
        && p[1] <= a[1].max(b[1]) + 1e-9;
    inside && cross(a, b, p).abs() <= 1e-9 * length.max(1e-9)
}

fn segments_meet(a: P, b: P, c: P, d: P) -> bool {
    let (d1, d2) = (cross(a, b, c), cross(a, b, d));
    let (d3, d4) = (cross(c, d, a), cross(c, d, b));
    (d1 > 0.0) != (d2 > 0.0) && (d3 > 0.0) != (d4 > 0.0) && d1 != d2 && d3 != d4
        || on_segment(c, a, b)
        || on_segment(d, a, b)
        || on_segment(a, c, d)
        || on_segment(b, c, d)
}

/// Where on `a`-`b` (0 to 1) the line of `c`-`d` cuts it.
fn cut(a: P, b: P, c: P, d: P) -> Option<f64> {
    let r = [b[0] - a[0], b[1] - a[1]];
    let s = [d[0] - c[0], d[1] - c[1]];
    let den = r[0] * s[1] - r[1] * s[0];
    if den == 0.0 {
        return None;
    }
    let t = ((c[0] - a[0]) * s[1] - (c[1] - a[1]) * s[0]) / den;
    (0.0..=1.0).contains(&t).then_some(t)
}

fn in_ring(p: P, ring: &[P]) -> bool {
    ring.windows(2).fold(false, |inside, w| {
        let ([x1, y1], [x2, y2]) = (w[0], w[1]);
        let crosses = (y1 > p[1]) != (y2 > p[1]) && p[0] < (x2 - x1) * (p[1] - y1) / (y2 - y1) + x1;
        inside != crosses
    })
}

fn in_polygon(p: P, rings: &[Vec<P>]) -> bool {
    rings
        .split_first()
        .is_some_and(|(outer, holes)| in_ring(p, outer) && !holes.iter().any(|h| in_ring(p, h)))
}

fn strictly_in(p: P, rings: &[Vec<P>]) -> bool {
    in_polygon(p, rings)
        && !rings
            .iter()
            .any(|r| r.windows(2).any(|w| on_segment(p, w[0], w[1])))
}

fn haversine_m(a: P, b: P) -> f64 {
    let (lat1, lat2) = (a[1].to_radians(), b[1].to_radians());
    let half_lat = ((lat2 - lat1) / 2.0).sin();
    let half_lon = ((b[0] - a[0]).to_radians() / 2.0).sin();
    let h = half_lat * half_lat + lat1.cos() * lat2.cos() * half_lon * half_lon;
    2.0 * RADIUS_M * h.sqrt().min(1.0).asin()
}

fn point_segment_m(p: P, a: P, b: P) -> f64 {
    let scale = RADIUS_M.to_radians();
    let shrink = p[1].to_radians().cos();
    let flat = |q: P| [(q[0] - p[0]) * shrink * scale, (q[1] - p[1]) * scale];
    let (a, b) = (flat(a), flat(b));
    let d = [b[0] - a[0], b[1] - a[1]];
    let length2 = d[0] * d[0] + d[1] * d[1];
    let t = if length2 == 0.0 {
        0.0
    } else {
        (-(a[0] * d[0] + a[1] * d[1]) / length2).clamp(0.0, 1.0)
    };
    (a[0] + d[0] * t).hypot(a[1] + d[1] * t)
}

// `RADIUS_M.to_radians()` is metres per degree of latitude: radius x pi / 180.

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fits(georel: &str, kind: &str, coordinates: &Value, location: &Value) -> bool {
        let cache = crate::ContextCache::default();
        let q = GeoQuery::parse(georel, kind, coordinates, None, &cache.core()).unwrap();
        let e = Entity::new("urn:x", crate::intern("urn:t")).with(
            crate::intern(crate::render::LOCATION),
            crate::Attribute::of(AttributeValue::Geo(location.clone())),
        );
        q.fits(&e)
    }

    #[test]
    fn near_counts_metres() {
        let berlin = json!([13.4050, 52.5200]);
        let potsdam = json!({"type": "Point", "coordinates": [13.0645, 52.3906]});
        assert!(fits("near;maxDistance==28000", "Point", &berlin, &potsdam));
        assert!(!fits("near;maxDistance==26000", "Point", &berlin, &potsdam));
        assert!(fits("near;minDistance==26000", "Point", &berlin, &potsdam));
        let line = json!({"type": "LineString", "coordinates": [[13.0, 52.0], [14.0, 52.0]]});
        assert!(fits(
            "near;maxDistance==57900",
            "Point",
            &json!([13.5, 52.52]),
            &line
        ));
        assert!(!fits(
            "near;maxDistance==57700",
            "Point",
            &json!([13.5, 52.52]),
            &line
        ));
    }

    #[test]
    fn polygons_relate() {
        let square = json!([[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]);
        let at = |x: f64, y: f64| json!({"type": "Point", "coordinates": [x, y]});
        assert!(fits("within", "Polygon", &square, &at(5.0, 5.0)));
        assert!(!fits("within", "Polygon", &square, &at(15.0, 5.0)));
        assert!(fits("disjoint", "Polygon", &square, &at(15.0, 5.0)));
        let big = json!({"type": "Polygon", "coordinates": [[[-1, -1], [11, -1], [11, 11], [-1, 11], [-1, -1]]]});
        assert!(fits("contains", "Polygon", &square, &big));
        assert!(!fits("within", "Polygon", &square, &big));
        let shifted = json!({"type": "Polygon", "coordinates": [[[5, 5], [15, 5], [15, 15], [5, 15], [5, 5]]]});
        assert!(fits("overlaps", "Polygon", &square, &shifted));
        assert!(fits("intersects", "Polygon", &square, &shifted));
        let turned = json!({"type": "Polygon", "coordinates": [[[10, 0], [10, 10], [0, 10], [0, 0], [10, 0]]]});
        assert!(fits("equals", "Polygon", &square, &turned));
        assert!(!fits("equals", "Polygon", &square, &big));
        let line = json!({"type": "LineString", "coordinates": [[-5, 5], [15, 5]]});
        assert!(fits("intersects", "Polygon", &square, &line));
        assert!(!fits("within", "Polygon", &square, &line));
    }
}
