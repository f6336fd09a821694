//! Frames, projections, rasters and plane geometry.

mod error;
pub mod raster;

pub use error::GeoError;

/// Mean radius of the Earth, km (IUGG R1), the radius of every great circle of the product.
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// Great-circle distance in km between two points given as (latitude, longitude) in degrees
/// (haversine).
#[must_use]
pub fn great_circle_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat_a, lat_b) = (a.0.to_radians(), b.0.to_radians());
    let half_lat = ((lat_b - lat_a) / 2.0).sin();
    let half_lon = ((b.1 - a.1).to_radians() / 2.0).sin();
    let h = half_lat * half_lat + lat_a.cos() * lat_b.cos() * half_lon * half_lon;
    2.0 * EARTH_RADIUS_KM * h.sqrt().min(1.0).asin()
}

/// Equatorial radius of WGS 84, m.
const WGS84_A_M: f64 = 6_378_137.0;
/// Squared eccentricity of WGS 84.
const WGS84_E2: f64 = 6.694_379_990_14e-3;

/// A plane that touches the Earth at one point: east and north in m.
///
/// Transverse Mercator on the sphere, drawn out by the radii of curvature of WGS 84 at the origin. 30 km
/// from it lengths are right to 1 in 10,000, 100 km from it to 1 in 2,000.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocalFrame {
    lat: f64,
    lon: f64,
    /// Along the meridian, m.
    north_m: f64,
    /// Across it, m.
    east_m: f64,
}

impl LocalFrame {
    /// The plane that touches at (latitude, longitude) in degrees.
    #[must_use]
    pub fn at(lat_deg: f64, lon_deg: f64) -> Self {
        let lat = lat_deg.to_radians();
        let w = (1.0 - WGS84_E2 * lat.sin() * lat.sin()).sqrt();
        Self {
            lat,
            lon: lon_deg.to_radians(),
            north_m: WGS84_A_M * (1.0 - WGS84_E2) / (w * w * w),
            east_m: WGS84_A_M / w,
        }
    }

    /// (east, north) in m of (latitude, longitude) in degrees, less than 90 degrees of longitude away.
    #[must_use]
    pub fn to_m(&self, lat_deg: f64, lon_deg: f64) -> (f64, f64) {
        let (lat, lon) = (lat_deg.to_radians(), lon_deg.to_radians() - self.lon);
        let east = (lat.cos() * lon.sin()).atanh();
        let north = lat.tan().atan2(lon.cos()) - self.lat;
        (self.east_m * east, self.north_m * north)
    }
}

/// Third flattening of WGS 84 (a - b) / (a + b).
const WGS84_N: f64 = 1.679_220_386_383_705e-3;

/// Transverse Mercator on WGS 84, as UTM uses it: east and north in m.
///
/// L. Krüger, *Konforme Abbildung des Erdellipsoids in der Ebene* (1912), series in the third flattening
/// to the fourth power: right to less than 1 mm within 30 degrees of the central meridian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TransverseMercator {
    lon: f64,
    scale: f64,
    /// North of the equator at the origin, m.
    origin_m: f64,
}

impl TransverseMercator {
    /// With its origin at (latitude, longitude) in degrees and this scale on the central meridian (UTM:
    /// 0.9996).
    #[must_use]
    pub fn at(lat_deg: f64, lon_deg: f64, scale: f64) -> Self {
        let from_equator = Self {
            lon: lon_deg.to_radians(),
            scale,
            origin_m: 0.0,
        };
        Self {
            origin_m: from_equator.to_m(lat_deg, lon_deg).1,
            ..from_equator
        }
    }

    /// (east, north) of the origin in m of (latitude, longitude) in degrees.
    #[must_use]
    pub fn to_m(&self, lat_deg: f64, lon_deg: f64) -> (f64, f64) {
        let (lat, lon) = (lat_deg.to_radians(), lon_deg.to_radians() - self.lon);
        let n = WGS84_N;
        let (n2, n3, n4) = (n * n, n * n * n, n * n * n * n);
        let alpha = [
            n / 2.0 - 2.0 * n2 / 3.0 + 5.0 * n3 / 16.0 + 41.0 * n4 / 180.0,
            13.0 * n2 / 48.0 - 3.0 * n3 / 5.0 + 557.0 * n4 / 1_440.0,
            61.0 * n3 / 240.0 - 103.0 * n4 / 140.0,
            49_561.0 * n4 / 161_280.0,
        ];
        let radius_m = WGS84_A_M / (1.0 + n) * (1.0 + n2 / 4.0 + n4 / 64.0);
        let e = 2.0 * n.sqrt() / (1.0 + n);
        let conformal = (lat.sin().atanh() - e * (e * lat.sin()).atanh()).sinh();
        let xi = conformal.atan2(lon.cos());
        let eta = (lon.sin() / (conformal * conformal + lon.cos() * lon.cos()).sqrt()).asinh();
        let (mut north, mut east) = (xi, eta);
        for (j, a) in [2.0, 4.0, 6.0, 8.0].into_iter().zip(alpha) {
            north += a * (j * xi).sin() * (j * eta).cosh();
            east += a * (j * xi).cos() * (j * eta).sinh();
        }
        let m = self.scale * radius_m;
        (m * east, m * north - self.origin_m)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utm_places_a_tower_and_measures_a_meridian() {
        // CN Tower, zone 17 north: 630,084 m east, 4,833,438 m north (Wikipedia, "Universal Transverse
        // Mercator coordinate system").
        let zone = TransverseMercator::at(0.0, -81.0, 0.9996);
        let degrees = |d: f64, m: f64, s: f64| d + m / 60.0 + s / 3_600.0;
        let (east, north) = zone.to_m(degrees(43.0, 38.0, 33.24), -degrees(79.0, 23.0, 13.7));
        assert!((east + 500_000.0 - 630_084.0).abs() < 1.0, "{east}");
        assert!((north - 4_833_438.0).abs() < 1.0, "{north}");
        // The quarter of a meridian of WGS 84: 10,001,965.729 m.
        let (_, quarter) = TransverseMercator::at(0.0, 0.0, 1.0).to_m(90.0, 0.0);
        assert!((quarter - 10_001_965.729).abs() < 0.01, "{quarter}");
        // Near its origin it is the plane that touches there.
        let (a, b) = (
            TransverseMercator::at(30.2, 120.1, 1.0).to_m(30.25, 120.2),
            LocalFrame::at(30.2, 120.1).to_m(30.25, 120.2),
        );
        assert!(
            (a.0 - b.0).abs() < 1.0 && (a.1 - b.1).abs() < 1.0,
            "{a:?} {b:?}"
        );
    }

    #[test]
    fn a_local_frame_measures_degrees_of_wgs84() {
        // Length of a degree of latitude and longitude at 40 degrees north, m (WGS 84): 111,035, 85,394.
        let frame = LocalFrame::at(40.0, 116.0);
        assert_eq!(frame.to_m(40.0, 116.0), (0.0, 0.0));
        let (_, north) = frame.to_m(40.01, 116.0);
        assert!((north - 1_110.35).abs() < 0.2, "{north}");
        let (east, bend) = frame.to_m(40.0, 116.01);
        assert!(
            (east - 853.94).abs() < 0.2 && bend.abs() < 0.2,
            "{east} {bend}"
        );
        // Across the date line.
        let (east, _) = LocalFrame::at(-17.0, 179.999).to_m(-17.0, -179.999);
        assert!((east - 212.97).abs() < 0.2, "{east}");
    }

    #[test]
    fn a_quarter_of_the_equator_and_no_way_at_all() {
        let quarter = EARTH_RADIUS_KM * std::f64::consts::FRAC_PI_2;
        assert!((great_circle_km((0.0, 0.0), (0.0, 90.0)) - quarter).abs() < 1e-9);
        assert!((great_circle_km((0.0, 0.0), (0.0, 180.0)) - 2.0 * quarter).abs() < 1e-6);
        assert!(great_circle_km((31.2, 121.4), (31.2, 121.4)).abs() < 1e-12);
    }
}
