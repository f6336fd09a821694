//! Where on the globe a `.net.xml` lies: its `location`.

use super::xml::{Element, Xml};
use crate::anchor::Anchor;
use crate::error::TrafficError;

/// Scale of UTM on the central meridian of a zone.
const UTM_SCALE: f64 = 0.9996;
/// East of the central meridian of a zone, and north of the equator for zones of the south, m.
const UTM_EAST_M: f64 = 500_000.0;
const UTM_SOUTH_M: f64 = 10_000_000.0;

/// The anchor of a `location`; none where the network is not projected, or by a projection other than
/// UTM and transverse Mercator on WGS 84.
pub(super) fn anchor(xml: &Xml<'_>, e: &Element) -> Result<Option<Anchor>, TrafficError> {
    let Some(origin) = e.get("projParameter").and_then(projection) else {
        return Ok(None);
    };
    let text = e.get("netOffset").unwrap_or("0,0");
    let mut numbers = text.split(',').map(|n| n.trim().parse::<f64>());
    let offset = match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(x)), Some(Ok(y)), None) if x.abs() <= 1e9 && y.abs() <= 1e9 => (x, y),
        _ => {
            return Err(TrafficError::Syntax {
                at: xml.at(e, "netOffset"),
                message: format!("\"{text}\" is no offset `x,y` in m"),
            });
        }
    };
    Ok(Some(Anchor {
        x_m: origin.x_m + offset.0,
        y_m: origin.y_m + offset.1,
        ..origin
    }))
}

/// A projection in the words of PROJ.
fn projection(text: &str) -> Option<Anchor> {
    let word = |name: &str| {
        let mut all = text.split_ascii_whitespace();
        all.find_map(|w| w.strip_prefix('+')?.strip_prefix(name)?.strip_prefix('='))
    };
    let number = |name: &str, usual: f64| match word(name) {
        Some(n) => n.parse::<f64>().ok().filter(|n| n.abs() <= 1e9),
        None => Some(usual),
    };
    let known =
        |name: &str| word(name).is_none_or(|w| matches!(w, "WGS84" | "GRS80" | "ETRS89" | "NAD83"));
    if !known("ellps") || !known("datum") || word("units").is_some_and(|u| u != "m") {
        return None;
    }
    let found = match word("proj")? {
        "utm" => {
            let zone: u8 = word("zone")?
                .parse()
                .ok()
                .filter(|z| (1..=60).contains(z))?;
            let south = text.split_ascii_whitespace().any(|w| w == "+south");
            Anchor {
                lat_deg: 0.0,
                lon_deg: 6.0 * f64::from(zone) - 183.0,
                x_m: UTM_EAST_M,
                y_m: if south { UTM_SOUTH_M } else { 0.0 },
                scale: Some(UTM_SCALE),
            }
        }
        "tmerc" => Anchor {
            lat_deg: number("lat_0", 0.0)?,
            lon_deg: number("lon_0", 0.0)?,
            x_m: number("x_0", 0.0)?,
            y_m: number("y_0", 0.0)?,
            scale: Some(number("k", number("k_0", 1.0)?)?),
        },
        _ => return None,
    };
    let sound = found.lat_deg.abs() <= 90.0
        && found.lon_deg.abs() <= 180.0
        && found.scale.is_some_and(|s| (0.5..=2.0).contains(&s));
    sound.then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utm_and_transverse_mercator_are_known_other_projections_are_not() {
        let utm = projection("+proj=utm +zone=32 +ellps=WGS84 +datum=WGS84 +units=m +no_defs");
        let utm = utm.unwrap();
        assert_eq!((utm.lon_deg, utm.x_m, utm.y_m), (9.0, 500_000.0, 0.0));
        // Cologne's cathedral, zone 32: 356,700 m east, 5,645,000 m north to some hundred m.
        let [x, y] = utm.plane()(50.9413, 6.9583);
        assert!(
            (x - 356_600.0).abs() < 500.0 && (y - 5_645_300.0).abs() < 500.0,
            "{x} {y}"
        );
        let south = projection("+proj=utm +zone=56 +south +ellps=WGS84").unwrap();
        assert_eq!(south.y_m, 10_000_000.0);
        let gauss =
            projection("+proj=tmerc +lat_0=0 +lon_0=120 +k=1 +x_0=500000 +y_0=0 +ellps=GRS80");
        assert_eq!(gauss.unwrap().scale, Some(1.0));
        for other in [
            "!",
            "-",
            "",
            "+proj=merc +a=6378137",
            "+proj=utm +zone=61",
            "+proj=utm +zone=33 +ellps=krass",
            "+proj=tmerc +lon_0=x",
            "+proj=tmerc +k=1000",
        ] {
            assert_eq!(projection(other), None, "{other}");
        }
    }
}
