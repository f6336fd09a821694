//! A map of the cluster's cities, coloured by a measure.

use std::fmt::Write as _;

use super::base::Base;
use super::html::text;

const WIDTH: f64 = 760.0;

/// A class of colour: upper end of its values, and its words.
pub(crate) struct Legend {
    /// Classes go up to these values; the last has none.
    pub(crate) up_to: [f64; 4],
    /// Unit of the values.
    pub(crate) unit: String,
}

impl Legend {
    /// Five classes of equal numbers of cities.
    pub(crate) fn quintiles(values: &[f64], unit: &str) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |k: usize| sorted.get(sorted.len() * k / 5).copied().unwrap_or(0.0);
        Self {
            up_to: [at(1), at(2), at(3), at(4)],
            unit: unit.to_owned(),
        }
    }

    fn class(&self, value: f64) -> usize {
        self.up_to.iter().filter(|end| value > **end).count()
    }

    fn words(&self, class: usize) -> String {
        let end = |k: usize| format!("{:.1}", self.up_to[k]);
        match class {
            0 => format!("≤ {} {}", end(0), self.unit),
            4 => format!("> {} {}", end(3), self.unit),
            k => format!("{} – {} {}", end(k - 1), end(k), self.unit),
        }
    }
}

/// The map with its legend; `value` of a code, none is drawn grey.
pub(crate) fn draw(
    base: &Base,
    label: &str,
    legend: &Legend,
    value: &dyn Fn(&str) -> Option<f64>,
) -> String {
    let shapes = shapes(base);
    let Some(frame) = Frame::around(shapes.iter().flat_map(|s| s.1.iter().flatten())) else {
        return String::new();
    };
    let mut out = format!(
        "<svg class=\"map\" viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\" aria-label=\"{}\">",
        frame.height,
        text(label)
    );
    let mut names = String::new();
    for (code, rings) in &shapes {
        let class =
            value(code).map_or_else(|| "none".to_owned(), |v| format!("c{}", legend.class(v)));
        let shown = value(code).map_or_else(|| "-".to_owned(), |v| format!("{v:.1}"));
        let path: String = rings.iter().map(|ring| frame.path(ring)).collect();
        let _ = write!(
            out,
            "<path class=\"{class}\" d=\"{path}\"><title>{} {shown} {}</title></path>",
            text(base.name(code)),
            text(&legend.unit)
        );
        if let Some((lat, lon)) = base.centre(code) {
            let (x, y) = frame.point(lon, lat);
            let _ = write!(
                names,
                "<text x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
                text(base.name(code))
            );
        }
    }
    let _ = write!(out, "{names}</svg>\n<div class=\"legend\">");
    for class in 0..5 {
        let _ = write!(
            out,
            "<span><svg viewBox=\"0 0 1 1\"><rect width=\"1\" height=\"1\" class=\"c{class}\"/></svg> {}</span>",
            text(&legend.words(class))
        );
    }
    let _ = writeln!(
        out,
        "<span><svg viewBox=\"0 0 1 1\"><rect width=\"1\" height=\"1\" class=\"none\"/></svg> {}</span></div>",
        super::html::both("无", "none")
    );
    out
}

type Rings = Vec<Vec<(f64, f64)>>;

/// Outer rings (longitude, latitude) of the members.
fn shapes(base: &Base) -> Vec<(String, Rings)> {
    (base.members.iter())
        .filter_map(|m| {
            let boundary = base.census.units[base.unit_of[&m.code]].boundary.as_ref()?;
            let rings = (boundary.shape().iter())
                .map(|p| p.exterior().coords().map(|c| (c.x, c.y)).collect())
                .collect();
            Some((m.code.clone(), rings))
        })
        .collect()
}

/// Degrees to the drawing: equirectangular, true in the middle latitude.
struct Frame {
    west: f64,
    north: f64,
    per_lon: f64,
    per_lat: f64,
    height: f64,
}

impl Frame {
    fn around<'a>(points: impl Iterator<Item = &'a (f64, f64)>) -> Option<Self> {
        let mut box_: Option<[f64; 4]> = None;
        for (lon, lat) in points {
            let b = box_.get_or_insert([*lon, *lat, *lon, *lat]);
            *b = [
                b[0].min(*lon),
                b[1].min(*lat),
                b[2].max(*lon),
                b[3].max(*lat),
            ];
        }
        let [west, south, east, north] = box_?;
        let per_lon = WIDTH / (east - west).max(1e-9);
        let per_lat = per_lon / ((south + north) / 2.0).to_radians().cos();
        Some(Self {
            west,
            north,
            per_lon,
            per_lat,
            height: (north - south) * per_lat,
        })
    }

    fn point(&self, lon: f64, lat: f64) -> (f64, f64) {
        (
            (lon - self.west) * self.per_lon,
            (self.north - lat) * self.per_lat,
        )
    }

    /// A ring as a path; points nearer than half a unit to the one before are left out.
    fn path(&self, ring: &[(f64, f64)]) -> String {
        let mut out = String::new();
        let mut last: Option<(f64, f64)> = None;
        for (lon, lat) in ring {
            let (x, y) = self.point(*lon, *lat);
            if last.is_some_and(|(a, b)| (a - x).abs() + (b - y).abs() < 0.5) {
                continue;
            }
            let _ = write!(
                out,
                "{}{x:.1} {y:.1}",
                if last.is_none() { 'M' } else { 'L' }
            );
            last = Some((x, y));
        }
        out.push('Z');
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_equal_numbers() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let legend = Legend::quintiles(&values, "min");
        let mut count = [0; 5];
        for v in values {
            count[legend.class(v)] += 1;
        }
        assert_eq!(count, [3, 2, 2, 2, 1]);
        assert_eq!(legend.words(4), "> 9.0 min");
    }

    #[test]
    fn a_ring_is_drawn_once_around() {
        let ring = [(120.0, 30.0), (121.0, 30.0), (121.0, 31.0), (120.0, 30.0)];
        let frame = Frame::around(ring.iter()).expect("points");
        let path = frame.path(&ring);
        assert!(path.starts_with('M') && path.ends_with('Z'), "{path}");
        assert_eq!(path.matches('L').count(), 3);
        assert!(Frame::around([].iter()).is_none());
    }
}
