//! The comparison as a picture: travel time per controller, a dot with its interval.

use std::fmt::Write as _;

use super::compare::{Document, Measured};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 130.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 86.0;
const ROW: f64 = 34.0;

/// The two travel times of the literature, as they are drawn.
const SERIES: [(&str, &str, &str); 2] = [
    ("average_travel_time_s_network", "#0b6bcb", "全网 network"),
    (
        "average_travel_time_s_approach",
        "#b4530a",
        "进口道 approaches",
    ),
];

/// The picture as SVG, in both languages, from 0: a bar that starts elsewhere exaggerates.
pub(crate) fn svg(document: &Document) -> String {
    let rows = document.controllers.len();
    let height = TOP + ROW * rows as f64 + 60.0;
    let largest = document
        .controllers
        .iter()
        .flat_map(|c| SERIES.iter().map(|s| high(&c.kpis[s.0])))
        .fold(1.0, f64::max);
    let step = nice_step(largest / 6.0);
    let end = (largest / step).ceil() * step;
    let x = |value: f64| LEFT + (WIDTH - LEFT - RIGHT) * value / end;
    let mut out = String::new();
    head(&mut out, document, height);
    let mut tick = 0.0;
    while tick <= end + step / 2.0 {
        let at = x(tick);
        let bottom = TOP + ROW * rows as f64;
        let _ = write!(
            out,
            "<line x1='{at:.1}' y1='{TOP}' x2='{at:.1}' y2='{bottom}' stroke='#d5d9de'/>\
             <text x='{at:.1}' y='{:.1}' text-anchor='middle' class='s'>{tick:.0}</text>",
            bottom + 18.0
        );
        tick += step;
    }
    for (i, c) in document.controllers.iter().enumerate() {
        let y = TOP + ROW * (i as f64 + 0.5);
        let _ = write!(
            out,
            "<text x='{:.1}' y='{:.1}' text-anchor='end'>{}</text>",
            LEFT - 10.0,
            y + 4.0,
            c.id
        );
        for (k, (id, colour, _)) in SERIES.iter().enumerate() {
            mark(&mut out, &c.kpis[id], y - 5.0 + 10.0 * k as f64, colour, &x);
        }
    }
    let _ = writeln!(
        out,
        "<text x='{:.1}' y='{:.1}' text-anchor='middle' class='s'>平均行程时间 average travel time, s</text></svg>",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        height - 12.0
    );
    out
}

/// Begins a figure: its size, its letters, its title with the mark of generated data.
pub(super) fn sheet(out: &mut String, (width, height): (f64, f64), title: &str, synthetic: bool) {
    let mark = if synthetic {
        " · 合成数据 SYNTHETIC"
    } else {
        ""
    };
    let _ = write!(
        out,
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' \
         role='img'><style>text{{font:13px system-ui,'Noto Sans CJK SC',sans-serif;fill:#1c2126}}\
         .s{{font-size:11px;fill:#555d66}}.t{{font-size:15px;font-weight:600}}</style>\
         <rect width='100%' height='100%' fill='#fff'/>\
         <text x='16' y='26' class='t'>{}{mark}</text>",
        escape(title)
    );
}

fn head(out: &mut String, document: &Document, height: f64) {
    let seeds = document.seeds.len();
    sheet(
        out,
        (WIDTH, height),
        &document.city,
        document.synthetic.is_some(),
    );
    let _ = write!(
        out,
        "<text x='16' y='46' class='s'>{} s · {} s / {} s · n = {seeds} · 95 % t</text>",
        document.span_s, document.interval_s, document.yellow_s
    );
    for (k, (_, colour, name)) in SERIES.iter().enumerate() {
        let at = 16.0 + 150.0 * k as f64;
        let _ = write!(
            out,
            "<circle cx='{:.1}' cy='64' r='4' fill='{colour}'/><text x='{:.1}' y='68' class='s'>{name}</text>",
            at + 4.0,
            at + 14.0
        );
    }
}

fn mark(out: &mut String, m: &Measured, y: f64, colour: &str, x: &impl Fn(f64) -> f64) {
    let Some(mean) = m.mean else { return };
    if let Some((low, high)) = m.interval_95 {
        let _ = write!(
            out,
            "<line x1='{:.1}' y1='{y:.1}' x2='{:.1}' y2='{y:.1}' stroke='{colour}' stroke-width='2'/>",
            x(low.max(0.0)),
            x(high)
        );
    }
    let _ = write!(
        out,
        "<circle cx='{0:.1}' cy='{y:.1}' r='4' fill='{colour}'/>\
         <text x='{1:.1}' y='{2:.1}' class='s'>{mean:.1}</text>",
        x(mean),
        m.interval_95.map_or(x(mean), |(_, high)| x(high)) + 9.0,
        y + 4.0
    );
}

fn high(m: &Measured) -> f64 {
    let mean = m.mean.unwrap_or(0.0);
    m.interval_95.map_or(mean, |(_, high)| high)
}

/// 1, 2 or 5 times a power of ten, at least `rough`.
pub(super) fn nice_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0];
    let fits = factor.iter().find(|f| *f * power >= rough);
    fits.copied().unwrap_or(10.0) * power
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (rough, step) in [(0.9, 1.0), (1.1, 2.0), (30.0, 50.0), (77.0, 100.0)] {
            assert!((nice_step(rough) - step).abs() < 1e-9, "{rough}");
        }
    }

    #[test]
    fn names_cannot_open_an_element() {
        assert_eq!(escape("<a>&"), "&lt;a&gt;&amp;");
    }
}
