//! The scorecard a run ends with on the terminal, in Chinese or English.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::kpi::{figure, percent, unit_en, unit_zh};
use super::model::{Better, Kpi, KpiInterval, Report, Text};
use crate::out::Lang;

/// Below this many columns the table becomes a list.
const TABLE_FROM_COLUMNS: u16 = 76;

/// The text of a language, from the report's own pairs.
fn text(lang: Lang, text: &Text) -> &str {
    lang.pick(&text.zh, &text.en)
}

/// A unit as that language writes it.
fn unit(lang: Lang, unit: &str) -> &str {
    match lang {
        Lang::Zh => unit_zh(unit),
        Lang::En => unit_en(unit),
    }
}

/// The scorecard as text with a final newline.
///
/// `width` is the terminal's width in columns (Chinese characters take two); `None` means the
/// output is not a terminal: plain ASCII, never wrapped.
#[must_use]
pub(crate) fn render(report: &Report, lang: Lang, width: Option<u16>) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    head(report, lang).into_iter().for_each(&mut line);
    match width {
        Some(columns) if columns < TABLE_FROM_COLUMNS => {
            report
                .kpis
                .iter()
                .flat_map(|k| list_lines(k, lang))
                .for_each(&mut line);
        }
        _ => table(report, lang, width)
            .lines()
            .for_each(|l| line(l.to_owned())),
    }
    foot(report, lang).into_iter().for_each(&mut line);
    out
}

fn head(report: &Report, lang: Lang) -> Vec<String> {
    let minutes = report.span_s as f64 / 60.0;
    let mut lines = vec![format!(
        "{}  |  {} {}  |  {} {}",
        text(lang, &report.city),
        figure(minutes),
        lang.pick("分钟模拟时间", "min simulated"),
        lang.pick("种子", "seed"),
        report
            .seeds
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    )];
    if report.synthetic {
        let note = report.synthetic_note.as_ref().map_or("", |n| text(lang, n));
        lines.push(format!("{} {note}", lang.pick("[合成数据]", "[SYNTHETIC]")));
    }
    lines.push(format!(
        "{} {}: {}",
        lang.pick("信息等级", "Information level"),
        report.information_level.code,
        text(lang, &report.information_level.says)
    ));
    lines.push(format!(
        "{} {} {}: {}",
        lang.pick("控制器", "Controller"),
        report.policy.name,
        report.policy.version,
        text(lang, &report.policy.says)
    ));
    lines.push(format!(
        "{}: {}",
        lang.pick("基准", "Baseline"),
        text(lang, &report.baseline.says)
    ));
    lines.push(String::new());
    lines
}

fn table(report: &Report, lang: Lang, width: Option<u16>) -> String {
    let mut table = Table::new();
    match width {
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
    table.set_header(vec![
        lang.pick("指标", "KPI"),
        lang.pick("单位", "unit"),
        lang.pick("方向", "better"),
        lang.pick("基准", "baseline"),
        lang.pick("大脑", "brain"),
        lang.pick("变化", "change"),
        lang.pick("对比韦伯斯特", "vs Webster"),
        lang.pick("区间", "interval"),
    ]);
    for kpi in &report.kpis {
        table.add_row(vec![
            title(kpi, lang),
            unit(lang, &kpi.unit).to_owned(),
            direction(kpi, lang).to_owned(),
            figure(kpi.baseline),
            figure(kpi.brain),
            kpi.change_pct.map_or_else(|| "-".to_owned(), percent),
            kpi.change_vs_webster_pct
                .map_or_else(|| "-".to_owned(), percent),
            kpi.interval
                .as_ref()
                .map_or_else(|| "-".to_owned(), interval),
        ]);
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn title(kpi: &Kpi, lang: Lang) -> String {
    let declared = if kpi.declared { " *" } else { "" };
    let worse = if kpi.worse_than_baseline {
        lang.pick("（比基准差）", " (WORSE)")
    } else {
        ""
    };
    format!("{}{declared}{worse}", text(lang, &kpi.name))
}

fn direction(kpi: &Kpi, lang: Lang) -> &'static str {
    match kpi.better {
        Better::Lower => lang.pick("越低越好", "lower"),
        Better::Higher => lang.pick("越高越好", "higher"),
    }
}

fn interval(i: &KpiInterval) -> String {
    format!("{} .. {}", figure(i.low), figure(i.high))
}

fn list_lines(kpi: &Kpi, lang: Lang) -> Vec<String> {
    let unit = unit(lang, &kpi.unit);
    let mut lines = vec![
        title(kpi, lang),
        format!(
            "  {} -> {} {unit}  {}",
            figure(kpi.baseline),
            figure(kpi.brain),
            kpi.change_pct.map(percent).unwrap_or_default(),
        ),
    ];
    if let Some(change) = kpi.change_vs_webster_pct {
        lines.push(format!(
            "  {} {}",
            lang.pick("对比韦伯斯特", "vs Webster"),
            percent(change)
        ));
    }
    if let Some(i) = &kpi.interval {
        lines.push(format!(
            "  {} {} {unit}",
            lang.pick("差的区间", "interval"),
            interval(i)
        ));
    }
    lines
}

fn foot(report: &Report, lang: Lang) -> Vec<String> {
    let mut lines = vec![String::new()];
    if report.kpis.iter().any(|k| k.declared) {
        lines.push(
            lang.pick(
                "* 承诺的指标：变差则退出码为 1。",
                "* declared: exit 1 if worse.",
            )
            .to_owned(),
        );
    }
    lines.push(match report.kpis.iter().find_map(|k| k.interval.as_ref()) {
        Some(i) => {
            let level = figure(i.level * 100.0);
            match lang {
                Lang::Zh => format!(
                    "区间：“大脑减基准”之差的 {level} % 区间，{} 个种子（{}）。",
                    i.n, i.method
                ),
                Lang::En => format!(
                    "Interval: {level} % for the difference brain - baseline over {} seeds ({}).",
                    i.n, i.method
                ),
            }
        }
        None => lang
            .pick(
                "只有一次运行：没有区间，请用 --seeds。",
                "One run: no interval, use --seeds.",
            )
            .to_owned(),
    });
    let d = &report.decisions;
    lines.push(match lang {
        Lang::Zh => format!(
            "决策 {}：自动 {}，批准 {}，拒绝 {}，仅建议 {}，撤销 {}；看门狗 {} 次。",
            d.total, d.auto, d.approved, d.rejected, d.advised, d.overturned, d.watchdog
        ),
        Lang::En => format!(
            "Decisions {}: auto {}, approved {}, rejected {}, advised {}, overturned {}; watchdog {}.",
            d.total, d.auto, d.approved, d.rejected, d.advised, d.overturned, d.watchdog
        ),
    });
    if let Some(ledger) = &report.ledger {
        lines.push(format!(
            "{} {}: {} {}, {} {}",
            lang.pick("账本", "Ledger"),
            ledger.file,
            ledger.entries,
            lang.pick("条", "entries"),
            lang.pick("末条哈希", "head"),
            ledger.head_hash
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_wide_terminal_gets_a_table() {
        insta::assert_snapshot!("en_120", render(&fixture::report(), Lang::En, Some(120)));
        insta::assert_snapshot!("zh_120", render(&fixture::report(), Lang::Zh, Some(120)));
    }

    #[test]
    fn a_narrow_terminal_gets_a_list() {
        insta::assert_snapshot!("zh_60", render(&fixture::report(), Lang::Zh, Some(60)));
    }

    #[test]
    fn a_pipe_gets_ascii_rules_and_one_run_says_so() {
        let text = render(&fixture::one_seed(), Lang::En, None);
        assert!(text.is_ascii(), "{text}");
        insta::assert_snapshot!("en_pipe", text);
    }

    #[test]
    fn no_table_line_is_wider_than_the_terminal() {
        for lang in [Lang::Zh, Lang::En] {
            for columns in [76_u16, 100, 140] {
                let text = table(&fixture::report(), lang, Some(columns));
                let widest = text.lines().map(columns_of).max().unwrap_or(0);
                assert!(
                    widest <= usize::from(columns),
                    "{widest} > {columns}:\n{text}"
                );
            }
        }
    }

    /// Columns of a line: two for each CJK character and full-width sign.
    fn columns_of(line: &str) -> usize {
        let wide = |c: char| matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xf900..=0xfaff | 0xff00..=0xff60);
        line.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
    }
}
