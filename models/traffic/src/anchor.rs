//! Where on the globe a network lies.

use conurb_geo::{LocalFrame, TransverseMercator};
use serde::{Deserialize, Serialize};

/// The place of a network on the globe (WGS 84): a point of which both coordinates are known, and the
/// plane the network is drawn in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// Latitude of the point, degrees.
    #[serde(rename = "lat")]
    pub lat_deg: f64,
    /// Its longitude, degrees.
    #[serde(rename = "lon")]
    pub lon_deg: f64,
    /// East in the network, m.
    #[serde(rename = "x")]
    pub x_m: f64,
    /// North in the network, m.
    #[serde(rename = "y")]
    pub y_m: f64,
    /// Scale of the transverse Mercator projection whose origin the point is (UTM: 0.9996); none: the
    /// plane that touches the Earth at the point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
}

/// What has to hold of the numbers of an anchor.
pub(crate) const LAT_RULE: &str = "a latitude is from -90 to 90 degrees";
pub(crate) const LON_RULE: &str = "a longitude is from -180 to 180 degrees";

impl Anchor {
    /// A network whose origin lies at this place, drawn in the plane that touches there.
    #[must_use]
    pub const fn at_origin(lat_deg: f64, lon_deg: f64) -> Self {
        Self {
            lat_deg,
            lon_deg,
            x_m: 0.0,
            y_m: 0.0,
            scale: None,
        }
    }

    /// Points in the network of (latitude, longitude) in degrees, m.
    pub(crate) fn plane(&self) -> impl Fn(f64, f64) -> [f64; 2] + use<> {
        let (x_m, y_m) = (self.x_m, self.y_m);
        let projection = self.scale.map_or_else(
            || Err(LocalFrame::at(self.lat_deg, self.lon_deg)),
            |scale| Ok(TransverseMercator::at(self.lat_deg, self.lon_deg, scale)),
        );
        move |lat_deg, lon_deg| {
            let (east, north) = match &projection {
                Ok(mercator) => mercator.to_m(lat_deg, lon_deg),
                Err(frame) => frame.to_m(lat_deg, lon_deg),
            };
            [x_m + east, y_m + north]
        }
    }
}
