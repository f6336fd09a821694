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

#[cfg(test)]
mod tests {
    use super::*;

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
