//! The comparison as a table on the terminal.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use conurb_traffic::webster::Wave;

use super::around;
use super::compare::{Controlled, Document, Measured};
use crate::figures::KPIS;
use crate::out::{Lang, Text, terminal_width};
use crate::stats::{figure, percent, unit_en, unit_zh};

/// Green waves listed; the JSON has all of them.
const WAVES_SHOWN: usize = 8;

/// The line that says that the city is generated, where it is.
pub(super) fn synthetic_mark(note: Option<&Text>, lang: Lang) -> Option<String> {
    let mark = lang.pick("[合成数据]", "[SYNTHETIC]");
    note.map(|note| format!("{mark} {}", lang.pick(&note.zh, &note.en)))
}

/// The text, with a head that says what was run.
pub(crate) fn render(document: &Document, lang: Lang) -> String {
    let seeds: Vec<String> = document.seeds.iter().map(u32::to_string).collect();
    let mut lines = vec![format!(
        "{}  |  {} s  |  {} {} s, {} {} s  |  {} {}",
        document.city,
        document.span_s,
        lang.pick("决策间隔", "decision every"),
        document.interval_s,
        lang.pick("清空", "clearance"),
        document.yellow_s,
        lang.pick("种子", "seeds"),
        seeds.join(", "),
    )];
    if document.lane_change {
        lines.push(
            lang.pick("车辆可变换车道", "vehicles change lane")
                .to_owned(),
        );
    }
    lines.extend(synthetic_mark(document.synthetic.as_ref(), lang));
    lines.push(table(document, lang).to_string());
    for c in &document.controllers {
        lines.push(format!("{}: {}", c.id, lang.pick(&c.says.zh, &c.says.en)));
        lines.extend(waves(c, lang));
        lines.extend(around::lines(c, lang));
        for (run, seed) in c.on_the_way.iter().zip(&document.seeds) {
            let told = run.lines(lang).into_iter();
            lines.extend(told.map(|line| format!("  [{}, {seed}] {line}", c.id)));
        }
    }
    if document.seeds.len() > 1 {
        lines.push(
            lang.pick(
                "± 为均值的 95 % t 区间；变化按种子配对，与第一行比较",
                "±: 95 % t interval of the mean; change: paired by seed, against the first row",
            )
            .to_owned(),
        );
    }
    if document.nothing_random() {
        lines.push(
            lang.pick(
                "各种子结果相同：这些文件的车辆与路径中没有随机成分",
                "all seeds agree: nothing in these files is left to chance (no free choice of lane)",
            )
            .to_owned(),
        );
    }
    lines.join("\n")
}

/// The bandwidths of the busiest green waves.
fn waves(c: &Controlled, lang: Lang) -> Vec<String> {
    let line = |w: &Wave| {
        let ends = w.junctions.first().zip(w.junctions.last());
        let (from, to) = ends.map_or(("", ""), |(a, b)| (a.as_str(), b.as_str()));
        format!(
            "  {from} - {to}, {} {}: {} {} + {} s, {} {:.2}, {} {:.2}",
            w.junctions.len(),
            lang.pick("处信号", "signals"),
            lang.pick("带宽", "bands"),
            w.bands.outbound_s,
            w.bands.inbound_s,
            lang.pick("效率", "efficiency"),
            w.efficiency,
            lang.pick("达成度", "attainability"),
            w.attainability,
        )
    };
    let mut lines: Vec<String> = c.waves.iter().take(WAVES_SHOWN).map(line).collect();
    if let Some(more) = c.waves.len().checked_sub(WAVES_SHOWN).filter(|n| *n > 0) {
        lines.push(format!(
            "  {} {more} {}",
            lang.pick("另有", "and"),
            lang.pick("段", "more sections")
        ));
    }
    lines
}

/// An empty table, drawn for the terminal or as Markdown for a pipe.
pub(super) fn blank() -> Table {
    let mut table = Table::new();
    match terminal_width() {
        Some(columns) => {
            table.load_style(presets::UTF8_HORIZONTAL_ONLY);
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(columns);
        }
        None => {
            table.load_style(presets::ASCII_MARKDOWN);
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    table
}

/// Numbers to the right, from this column on.
pub(super) fn to_the_right(table: &mut Table, from: usize) {
    for column in from..table.column_count() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn table(document: &Document, lang: Lang) -> Table {
    let mut table = blank();
    let mut head = vec![
        lang.pick("控制器", "controller").to_owned(),
        lang.pick("信息", "knows").to_owned(),
    ];
    for (i, kpi) in KPIS.iter().enumerate() {
        let unit = lang.pick(unit_zh(kpi.unit), unit_en(kpi.unit));
        head.push(format!("{} [{unit}]", lang.pick(kpi.zh, kpi.en)));
        if i == 0 && document.controllers.len() > 1 {
            head.push(lang.pick("变化", "change").to_owned());
        }
    }
    head.push(
        lang.pick("决策 毫秒 中位/最长", "decision ms, median / worst")
            .to_owned(),
    );
    table.set_header(head);
    for c in &document.controllers {
        table.add_row(row(c, document.controllers.len() > 1));
    }
    to_the_right(&mut table, 2);
    table
}

fn row(c: &Controlled, with_change: bool) -> Vec<String> {
    let mut row = vec![c.id.to_owned(), c.information_level.to_owned()];
    for (i, kpi) in KPIS.iter().enumerate() {
        let measured = &c.kpis[kpi.id];
        row.push(value(measured));
        if i == 0 && with_change {
            row.push(change(measured));
        }
    }
    row.push(c.decision_ms.as_ref().map_or_else(
        || "-".to_owned(),
        |d| format!("{:.2} / {:.2}", d.median, d.worst),
    ));
    row
}

fn value(m: &Measured) -> String {
    match (m.mean, m.interval_95) {
        (None, _) => "-".to_owned(),
        (Some(mean), None) => figure(mean),
        (Some(mean), Some((low, high))) => {
            format!("{} ± {}", figure(mean), figure((high - low) / 2.0))
        }
    }
}

fn change(m: &Measured) -> String {
    match (m.change_pct, m.change_interval_95_pct) {
        (None, _) => "-".to_owned(),
        (Some(change), None) => percent(change),
        (Some(change), Some((low, high))) => format!("{} [{low:+.1}, {high:+.1}]", percent(change)),
    }
}
