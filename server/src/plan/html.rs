//! Pieces of a page in two languages: text, tables, bars.

use std::fmt::Write as _;

pub(crate) use crate::markup::text;

/// A text in both languages; the page shows one.
pub(crate) fn both(zh: &str, en: &str) -> String {
    format!(
        "<span lang=\"zh-CN\">{}</span><span lang=\"en\">{}</span>",
        text(zh),
        text(en)
    )
}

/// A paragraph in both languages.
pub(crate) fn paragraph(zh: &str, en: &str) -> String {
    format!("<p>{}</p>\n", both(zh, en))
}

/// A table; caption and heads are ready HTML, cells are text, numbers stand right.
pub(crate) fn table(caption: &str, heads: &[String], rows: &[Vec<String>]) -> String {
    let cells = |row: &Vec<String>| row.iter().map(|cell| text(cell)).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    rich_table(caption, heads, &rows)
}

/// A table whose cells are ready HTML.
pub(crate) fn rich_table(caption: &str, heads: &[String], rows: &[Vec<String>]) -> String {
    let mut out = format!("<div class=\"scroll\"><table><caption>{caption}</caption><thead><tr>");
    for head in heads {
        let _ = write!(out, "<th scope=\"col\">{head}</th>");
    }
    out.push_str("</tr></thead><tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            let class = if is_number(cell) {
                " class=\"num\""
            } else {
                ""
            };
            let _ = write!(out, "<td{class}>{cell}</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn is_number(cell: &str) -> bool {
    cell == "-"
        || cell
            .trim_start_matches(['+', '-'])
            .starts_with(|c: char| c.is_ascii_digit())
}

/// Horizontal bars with their values, from zero; negative values go left.
pub(crate) fn bars(label: &str, rows: &[(String, f64)], unit: &str) -> String {
    const ROW: f64 = 22.0;
    const LEFT: f64 = 150.0;
    const WIDTH: f64 = 520.0;
    let low = rows.iter().map(|r| r.1).fold(0.0_f64, f64::min);
    let high = rows.iter().map(|r| r.1).fold(0.0_f64, f64::max);
    let span = if high > low { high - low } else { 1.0 };
    let x = |v: f64| LEFT + (v - low) / span * WIDTH;
    #[allow(clippy::cast_precision_loss)] // dozens
    let height = rows.len() as f64 * ROW + 8.0;
    let mut out = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {} {height}\" role=\"img\" aria-label=\"{}\">",
        LEFT + WIDTH + 110.0,
        text(label)
    );
    let mut y = 4.0;
    for (name, value) in rows {
        let (from, to) = (x(value.min(0.0)), x(value.max(0.0)));
        let class = if *value < 0.0 { "less" } else { "more" };
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"{}\" class=\"name\">{}</text><rect class=\"{class}\" x=\"{from:.1}\" y=\"{}\" width=\"{:.1}\" height=\"14\"/><text x=\"{:.1}\" y=\"{}\">{value:.1} {}</text>",
            LEFT - 8.0,
            y + 13.0,
            text(name),
            y + 2.0,
            (to - from).max(0.5),
            to + 6.0,
            y + 13.0,
            text(unit)
        );
        y += ROW;
    }
    out.push_str("</svg>\n");
    out
}

/// The page around the sections.
pub(crate) fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"zh-CN\" data-lang=\"zh\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>\n{}{}</style>\n</head>\n<body>\n{body}\n<script>\n{}</script>\n</body>\n</html>\n",
        text(title),
        include_str!("../report/assets/tokens.css"),
        include_str!("assets/plan.css"),
        include_str!("assets/plan.js"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let cell = both("</span><script>", "a & \"b\"");
        assert!(!cell.contains("<script>"), "{cell}");
        assert!(cell.contains("a &amp; &quot;b&quot;"));
        let page = page("<x>", "");
        assert!(page.contains("<title>&lt;x&gt;</title>"));
    }

    #[test]
    fn bars_of_either_sign_start_at_zero() {
        let chart = bars("c", &[("a".into(), -2.0), ("b".into(), 2.0)], "min");
        assert_eq!(chart.matches("width=\"260.0\"").count(), 2, "{chart}");
        assert!(bars("none", &[], "min").contains("</svg>"));
    }

    #[test]
    fn numbers_stand_right() {
        let t = table(
            "c",
            &["h".into()],
            &[vec!["-1.5".into()], vec!["南京".into()]],
        );
        assert_eq!(t.matches("class=\"num\"").count(), 1);
    }
}
