//! Counts against the twin as a picture: a point a count, before and after the fit, and the lines
//! of GEH 5.

use std::fmt::Write as _;

use super::calibrate::Document;
use super::figure::{nice_step, sheet};

const SIZE: f64 = 520.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 86.0;
const RIGHT: f64 = 24.0;
const BELOW: f64 = 52.0;

const BEFORE: &str = "#9aa3ad";
const AFTER: &str = "#0b6bcb";

/// The picture as SVG, in both languages, both axes from 0 with one scale.
pub(super) fn svg(d: &Document) -> String {
    let all = d.counts.iter();
    let largest = all
        .flat_map(|c| [c.counted_veh_h, c.before_veh_h, c.after_veh_h])
        .fold(1.0, f64::max);
    let step = nice_step(largest / 5.0);
    let end = (largest / step).ceil() * step;
    let x = |value: f64| LEFT + SIZE * value / end;
    let y = |value: f64| TOP + SIZE * (1.0 - value / end);
    let mut out = String::new();
    head(&mut out, d);
    let mut tick = 0.0;
    while tick <= end + step / 2.0 {
        let _ = write!(
            out,
            "<line x1='{0:.1}' y1='{TOP}' x2='{0:.1}' y2='{1:.1}' stroke='#e3e6ea'/>\
             <line x1='{LEFT}' y1='{2:.1}' x2='{3:.1}' y2='{2:.1}' stroke='#e3e6ea'/>\
             <text x='{0:.1}' y='{4:.1}' text-anchor='middle' class='s'>{tick:.0}</text>\
             <text x='{5:.1}' y='{6:.1}' text-anchor='end' class='s'>{tick:.0}</text>",
            x(tick),
            TOP + SIZE,
            y(tick),
            LEFT + SIZE,
            TOP + SIZE + 16.0,
            LEFT - 6.0,
            y(tick) + 4.0
        );
        tick += step;
    }
    for sign in [-1.0, 0.0, 1.0] {
        bound(&mut out, sign, end, &x, &y);
    }
    for (colour, after) in [(BEFORE, false), (AFTER, true)] {
        for c in &d.counts {
            let model = if after { c.after_veh_h } else { c.before_veh_h };
            let _ = write!(
                out,
                "<circle cx='{:.1}' cy='{:.1}' r='3' fill='{colour}' fill-opacity='0.7'/>",
                x(c.counted_veh_h),
                y(model)
            );
        }
    }
    let _ = writeln!(
        out,
        "<text x='{0:.1}' y='{1:.1}' text-anchor='middle' class='s'>计数 counted, veh/h</text>\
         <text x='16' y='{2:.1}' text-anchor='middle' class='s' transform='rotate(-90 16 {2:.1})'>孪生 twin, veh/h</text></svg>",
        LEFT + SIZE / 2.0,
        TOP + SIZE + 38.0,
        TOP + SIZE / 2.0
    );
    out
}

/// The line on which counts and model have GEH 5 (0: are equal): from `g = 5` and the count `c` the
/// model is `c + g^2 / 4 +- g sqrt(c + g^2 / 16)`.
fn bound(out: &mut String, sign: f64, end: f64, x: &impl Fn(f64) -> f64, y: &impl Fn(f64) -> f64) {
    let model = |c: f64| {
        if sign == 0.0 {
            c
        } else {
            c + 6.25 + sign * 5.0 * (c + 25.0 / 16.0).sqrt()
        }
    };
    let points: Vec<String> = (0..=100)
        .map(|k| end * f64::from(k) / 100.0)
        .filter(|c| (0.0..=end).contains(&model(*c)))
        .map(|c| format!("{:.1},{:.1}", x(c), y(model(c))))
        .collect();
    let dash = if sign == 0.0 {
        ""
    } else {
        " stroke-dasharray='4 4'"
    };
    let _ = write!(
        out,
        "<polyline points='{}' fill='none' stroke='#555d66'{dash}/>",
        points.join(" ")
    );
}

fn head(out: &mut String, d: &Document) {
    let size = (LEFT + SIZE + RIGHT, TOP + SIZE + BELOW);
    sheet(out, size, &d.city, d.synthetic.is_some());
    let (before, after) = (&d.rounds[0].fit, &d.rounds[d.best].fit);
    let _ = write!(
        out,
        "<text x='16' y='46' class='s'>n = {} · GEH &lt; 5: {:.0} % -&gt; {:.0} % · - - GEH = 5</text>\
         <circle cx='20' cy='64' r='4' fill='{BEFORE}'/><text x='30' y='68' class='s'>先验 prior</text>\
         <circle cx='120' cy='64' r='4' fill='{AFTER}'/><text x='130' y='68' class='s'>校准后 fitted</text>",
        d.counts.len(),
        100.0 * before.geh_below_5_share,
        100.0 * after.geh_below_5_share
    );
}
