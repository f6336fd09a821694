//! The corridor's plans as a table and its course as a picture: time to the right, the way upwards,
//! the vehicle with and without the plan, and every signal's hold.

use std::fmt::Write as _;

use comfy_table::{Table, presets};
use conurb_traffic::corridor::Effect;

use super::corridor::Document;
use crate::markup::text;
use crate::out::Lang;
use crate::stats::figure;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 70.0;
const BOTTOM: f64 = 50.0;

/// Heads of the table, Chinese and English.
const HEADS: [(&str, &str); 7] = [
    ("方案", "plan"),
    ("车辆用时 秒", "vehicle s"),
    ("其他车辆合计 车·秒", "others veh s"),
    ("每辆 秒", "each s"),
    ("恢复 秒", "recovery s"),
    ("最长占用 秒", "longest hold s"),
    ("不可选", "refused by"),
];

/// The text on the terminal.
pub(crate) fn table(document: &Document, lang: Lang) -> String {
    let mut lines = vec![format!(
        "{}  |  {} s  |  {} {} s  |  {} {}",
        document.city,
        document.span_s,
        lang.pick("出发", "dispatch at"),
        document.at_s,
        lang.pick("种子", "seed"),
        document.seed,
    )];
    if let Some(note) = &document.synthetic {
        let mark = lang.pick("[合成数据]", "[SYNTHETIC]");
        lines.push(format!("{mark} {}", lang.pick(&note.zh, &note.en)));
    }
    lines.push(format!(
        "{} {}: {}",
        lang.pick("信息等级", "Information level"),
        document.information_level,
        lang.pick(
            "孪生知道所有车辆的路线和到达",
            "the twin knows routes and arrivals of all vehicles"
        )
    ));
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(HEADS.map(|(zh, en)| lang.pick(zh, en)));
    for row in rows(document, lang) {
        table.add_row(row);
    }
    lines.push(table.to_string());
    let (zh, en) = ("选择：", "chosen: ");
    let why = lang.pick(&document.why.zh, &document.why.en);
    lines.push(format!("{}{why}", lang.pick(zh, en)));
    lines.join("\n")
}

fn rows(document: &Document, lang: Lang) -> Vec<Vec<String>> {
    let no_plan = lang.pick("无方案", "no plan");
    let mut rows = Vec::new();
    if document.control != "fixed" {
        let mut row = vec![
            format!("fixed, {no_plan}"),
            seconds(document.without_fixed_s),
        ];
        row.resize(HEADS.len(), String::new());
        rows.push(row);
    }
    let named = format!("{}, {no_plan}", document.control);
    rows.push(row(named, &document.without, None));
    for (i, tried) in document.tried.iter().enumerate() {
        let plan = &tried.effect.plan;
        let named = format!(
            "{}{} {}, {} {}",
            if document.chosen == Some(i) { "* " } else { "" },
            lang.pick("路线", "route"),
            plan.route + 1,
            lang.pick("提前", "lead"),
            plan.lead.unwrap_or(0.0),
        );
        rows.push(row(named, &tried.effect, tried.refused_by.as_deref()));
    }
    rows
}

fn row(named: String, e: &Effect, refused_by: Option<&str>) -> Vec<String> {
    let longest = e
        .holds
        .iter()
        .map(|h| h.to_s - h.from_s)
        .fold(0.0, f64::max);
    vec![
        named,
        seconds(e.vehicle_s),
        figure(e.others_veh_s),
        figure(e.others_mean_s),
        e.plan
            .lead
            .map_or_else(String::new, |_| seconds(e.recovery_s.map(f64::from))),
        figure(longest),
        refused_by.unwrap_or_default().to_owned(),
    ]
}

fn seconds(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), figure)
}

/// The picture.
pub(crate) fn svg(document: &Document) -> String {
    let chosen = document.chosen.map(|i| &document.tried[i].effect);
    let drawn: Vec<&Effect> = chosen.into_iter().chain([&document.without]).collect();
    let points = drawn.iter().flat_map(|e| &e.track);
    let (mut end_s, mut end_m) = (f64::from(document.at_s) + 1.0, 1.0_f64);
    for (t, m) in points {
        (end_s, end_m) = (end_s.max(*t), end_m.max(*m));
    }
    let start_s = f64::from(document.at_s);
    let x = |t: f64| {
        LEFT + (WIDTH - LEFT - RIGHT) * ((t - start_s) / (end_s - start_s)).clamp(0.0, 1.0)
    };
    let y = |m: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * m / end_m;
    let mut out = String::new();
    head(&mut out, document, chosen.is_some());
    axes(&mut out, (start_s, end_s, end_m), &x, &y);
    for hold in chosen.into_iter().flat_map(|e| &e.holds) {
        let _ = write!(
            out,
            "<rect x='{:.1}' y='{:.1}' width='{:.1}' height='4' fill='#2e9e4f' opacity='.75'><title>{}</title></rect>",
            x(hold.from_s),
            y(hold.at_m) - 2.0,
            (x(hold.to_s) - x(hold.from_s)).max(1.0),
            text(&format!(
                "{}: {:.0}-{:.0} s",
                hold.junction, hold.from_s, hold.to_s
            ))
        );
    }
    for (e, colour) in [(Some(&document.without), "#9aa3ad"), (chosen, "#0b6bcb")] {
        let Some(e) = e else { continue };
        let line: Vec<String> = (e.track.iter())
            .map(|(t, m)| format!("{:.1},{:.1}", x(*t), y(*m)))
            .collect();
        let _ = write!(
            out,
            "<polyline points='{}' fill='none' stroke='{colour}' stroke-width='2'/>",
            line.join(" ")
        );
    }
    out.push_str("</svg>\n");
    out
}

fn head(out: &mut String, document: &Document, planned: bool) {
    let mark = if document.synthetic.is_some() {
        " · 合成数据 SYNTHETIC"
    } else {
        ""
    };
    let _ = write!(
        out,
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' height='{HEIGHT}' \
         role='img'><style>text{{font:12px system-ui,'Noto Sans CJK SC',sans-serif;fill:#1c2126}}\
         .t{{font-size:15px;font-weight:600}}</style><rect width='100%' height='100%' fill='#fff'/>\
         <text x='16' y='26' class='t'>{}{mark}</text>\
         <text x='16' y='48' fill='#555d66'><tspan fill='#9aa3ad'>■</tspan> 无方案 no plan",
        text(&document.city)
    );
    if planned {
        out.push_str(
            "   <tspan fill='#0b6bcb'>■</tspan> 有方案 with the plan   \
             <tspan fill='#2e9e4f'>■</tspan> 信号占用 signal held",
        );
    }
    out.push_str("</text>");
}

fn axes(
    out: &mut String,
    (start_s, end_s, end_m): (f64, f64, f64),
    x: &dyn Fn(f64) -> f64,
    y: &dyn Fn(f64) -> f64,
) {
    for k in 0..=4 {
        let share = f64::from(k) / 4.0;
        let (t, m) = (start_s + share * (end_s - start_s), share * end_m);
        let _ = write!(
            out,
            "<line x1='{LEFT}' y1='{1:.1}' x2='{2}' y2='{1:.1}' stroke='#e3e6ea'/>\
             <text x='{0:.1}' y='{3}' text-anchor='middle'>{t:.0} s</text>\
             <text x='{4}' y='{5:.1}' text-anchor='end'>{m:.0} m</text>",
            x(t),
            y(m),
            WIDTH - RIGHT,
            HEIGHT - BOTTOM + 20.0,
            LEFT - 8.0,
            y(m) + 4.0
        );
    }
}

/// A page with the table, the picture, who pays and the reason, in both languages.
pub(crate) fn html(document: &Document, picture: &str) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang='zh-CN'><head><meta charset='utf-8'><title>{0}</title><style>\
         body{{font:15px/1.5 system-ui,'Noto Sans CJK SC',sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}\
         table{{border-collapse:collapse}}td,th{{border:1px solid #d5d9de;padding:.3rem .6rem;text-align:right}}\
         td:first-child{{text-align:left}}svg{{max-width:100%;height:auto}}</style></head><body>\n\
         <h1>应急绿波走廊 Emergency corridor: {0}</h1>\n",
        text(&document.city)
    );
    if let Some(note) = &document.synthetic {
        let _ = writeln!(
            out,
            "<p><strong>合成数据 SYNTHETIC</strong>: {} {}</p>",
            text(&note.zh),
            text(&note.en)
        );
    }
    let _ = writeln!(
        out,
        "<p>{}</p>\n<p lang='en'>{}</p>\n{picture}\n<table><thead><tr>",
        text(&document.why.zh),
        text(&document.why.en)
    );
    for (zh, en) in HEADS {
        let _ = write!(out, "<th>{zh}<br>{en}</th>");
    }
    out.push_str("</tr></thead><tbody>\n");
    for row in rows(document, Lang::En) {
        let cells: Vec<String> = row
            .iter()
            .map(|c| format!("<td>{}</td>", text(c)))
            .collect();
        let _ = writeln!(out, "<tr>{}</tr>", cells.concat());
    }
    out.push_str("</tbody></table>\n<h2>谁承担延误 Who pays</h2>\n<table><tbody>\n");
    let chosen = document.chosen.map(|i| &document.tried[i].effect);
    for payer in chosen.into_iter().flat_map(|e| &e.payers) {
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{:+.0} veh s</td></tr>",
            text(&payer.road),
            payer.more_veh_s
        );
    }
    let _ = writeln!(
        out,
        "</tbody></table>\n<p>信息等级 Information level {}: 孪生知道所有车辆的路线和到达；其他驾驶人不让行。\
         The twin knows routes and arrivals of all vehicles; other drivers do not make way.</p>\n</body></html>",
        document.information_level
    );
    out
}
