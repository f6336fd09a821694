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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_equator_and_no_way_at_all() {
        let quarter = EARTH_RADIUS_KM * std::f64::consts::FRAC_PI_2;
        assert!((great_circle_km((0.0, 0.0), (0.0, 90.0)) - quarter).abs() < 1e-9);
        assert!((great_circle_km((0.0, 0.0), (0.0, 180.0)) - 2.0 * quarter).abs() < 1e-6);
        assert!(great_circle_km((31.2, 121.4), (31.2, 121.4)).abs() < 1e-12);
    }
}
