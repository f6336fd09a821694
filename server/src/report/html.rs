//! `report.html`: one file that draws the report, from any place, without a network.
//!
//! The page is the template with four holes: style, messages, report and script. Text of the
//! report reaches the page only as JSON, and the script only ever sets text nodes and attributes,
//! so an id such as `</script>` is drawn and not run. A content security policy in the page
//! forbids every request.

use super::kpi::{figure, percent, unit_en};
use super::model::Report;
use crate::markup::text;

const TEMPLATE: &str = include_str!("assets/template.html");
const STYLE: &str = concat!(
    include_str!("assets/tokens.css"),
    include_str!("assets/report.css")
);
const MESSAGES_ZH: &str = include_str!("assets/messages.zh.json");
const MESSAGES_EN: &str = include_str!("assets/messages.en.json");

/// The script's parts in the order in which they are joined; each adds to one object.
const SCRIPTS: [&str; 8] = [
    include_str!("assets/base.js"),
    include_str!("assets/scorecard.js"),
    include_str!("assets/chart.js"),
    include_str!("assets/map_draw.js"),
    include_str!("assets/map.js"),
    include_str!("assets/decisions.js"),
    include_str!("assets/tables.js"),
    include_str!("assets/report.js"),
];

/// The whole page.
#[must_use]
pub(crate) fn render(report: &Report) -> String {
    let data = serde_json::to_string(report)
        .expect("the report holds only string keys and serialisable values");
    let messages = format!("{{\"zh\":{MESSAGES_ZH},\"en\":{MESSAGES_EN}}}");
    fill(TEMPLATE, |hole| match hole {
        "title" => text(&format!("{} - Conurb", report.city.en)),
        "style" => STYLE.to_owned(),
        "noscript" => plain_table(report),
        "messages" => script_safe(&messages),
        "report" => script_safe(&data),
        "script" => SCRIPTS.concat(),
        other => unreachable!("the template has a hole named {other}"),
    })
}

/// Replaces each `{{name}}` of the template once; what is filled in is never looked at again.
fn fill(template: &str, mut value: impl FnMut(&str) -> String) -> String {
    let mut page = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, hole)) = rest.split_once("{{") {
        let (name, after) = hole
            .split_once("}}")
            .expect("every hole of the template is closed");
        page.push_str(before);
        page.push_str(&value(name));
        rest = after;
    }
    page.push_str(rest);
    page
}

/// JSON that cannot end or open an element: `<`, `>`, `&` and the two line separators escaped.
fn script_safe(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            c => safe.push(c),
        }
    }
    safe
}

/// The scorecard for a reader whose browser runs no script.
fn plain_table(report: &Report) -> String {
    let mut rows = String::new();
    for kpi in &report.kpis {
        let change = kpi.change_pct.map(percent).unwrap_or_default();
        rows.push_str(&format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{change}</td></tr>\n",
            text(&kpi.id),
            text(&kpi.name.zh),
            text(unit_en(&kpi.unit)),
            figure(kpi.baseline),
            figure(kpi.brain),
        ));
    }
    format!(
        "<table><thead><tr><th>KPI</th><th>指标</th><th>unit 单位</th><th>baseline 基准</th>\
         <th>brain 大脑</th><th>change 变化</th></tr></thead><tbody>\n{rows}</tbody></table>"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::report::fixture;

    /// Set `CONURB_REPORT_PREVIEW` to a folder to look at the pages the tests make.
    fn page(name: &str, report: &Report) -> String {
        let page = render(report);
        if let Some(folder) = std::env::var_os("CONURB_REPORT_PREVIEW") {
            let file = std::path::Path::new(&folder).join(format!("{name}.html"));
            std::fs::write(file, &page).expect("the preview folder is writable");
        }
        page
    }

    #[test]
    fn every_kpi_is_on_the_page() {
        let report = fixture::report();
        let page = page("five_seeds", &report);
        for kpi in &report.kpis {
            assert!(page.contains(&kpi.id), "{} is missing", kpi.id);
            let noscript = page.split("<noscript>").nth(1).expect("a noscript part");
            assert!(
                noscript.contains(&kpi.id),
                "{} is missing without script",
                kpi.id
            );
        }
    }

    #[test]
    fn one_seed_still_makes_a_page() {
        let page = page("one_seed", &fixture::one_seed());
        assert!(page.contains("\"seeds\":[1]") && !page.contains("paired t"));
    }

    /// Nothing on the page may load: no address at all but the SVG name space in the script.
    #[test]
    fn nothing_is_loaded_from_anywhere() {
        let page = render(&fixture::report());
        for tag in [
            "<link ",
            "<img",
            "<iframe",
            "<object",
            "<embed",
            "@import",
            "url(",
            "fetch(",
            "XMLHttpRequest",
            " src=",
        ] {
            let allowed = usize::from(tag == "<link ");
            assert_eq!(page.matches(tag).count(), allowed, "{tag} on the page");
        }
        assert!(page.contains("<link rel=\"icon\" href=\"data:,\">"));
        assert!(page.contains("default-src 'none'"));
        let addresses = page.matches("http://").count() + page.matches("https://").count();
        let name_space = page.matches("'http://www.w3.org/2000/svg'").count();
        assert_eq!(
            addresses, name_space,
            "an address other than the SVG name space"
        );
    }

    #[test]
    fn hostile_strings_stay_data() {
        let mut report = fixture::report();
        let evil = "</script><script>alert(1)</script><!-- {{script}} \u{2028}";
        report.map.roads[0].id = evil.to_owned();
        report.city.en = evil.to_owned();
        report.kpis[0].id = evil.to_owned();
        let page = page("hostile", &report);
        assert!(!page.contains("alert(1)</script>"));
        let opened = page.matches("<script").count();
        assert_eq!(
            opened,
            render(&fixture::report()).matches("<script").count()
        );
        assert_eq!(opened, page.matches("</script>").count());
        // The embedded data still reads back as what it was.
        let data = page
            .split("<script type=\"application/json\" id=\"report\">")
            .nth(1)
            .and_then(|rest| rest.split("</script>").next())
            .expect("the data element");
        let read: Report = serde_json::from_str(data).expect("still JSON");
        assert_eq!(read, report);
    }

    #[test]
    fn script_sets_text_and_never_markup() {
        for part in SCRIPTS {
            for banned in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!part.contains(banned), "{banned} in a script");
            }
            assert!(part.lines().count() < 600);
        }
    }

    fn keys(json: &str) -> BTreeSet<String> {
        let map: std::collections::BTreeMap<String, String> =
            serde_json::from_str(json).expect("messages are flat text");
        map.into_keys().collect()
    }

    #[test]
    fn both_languages_have_the_same_messages_and_the_script_uses_no_other() {
        let (zh, en) = (keys(MESSAGES_ZH), keys(MESSAGES_EN));
        assert_eq!(zh, en);
        let used: BTreeSet<&str> = SCRIPTS.iter().flat_map(|part| messages_of(part)).collect();
        assert!(used.len() > 20, "the script's messages are found");
        // `t('mode_' + mode)` names a family: one member is enough.
        let known = |key: &&str| {
            en.contains(*key) || (key.ends_with('_') && en.iter().any(|k| k.starts_with(*key)))
        };
        let missing: Vec<_> = used.into_iter().filter(|key| !known(key)).collect();
        assert!(missing.is_empty(), "messages without text: {missing:?}");
    }

    /// The keys of all calls `t('key'...)` in a script; not of `get('x')` and the like.
    fn messages_of(script: &str) -> Vec<&str> {
        let ends_a_word = |before: &str| {
            before
                .chars()
                .next_back()
                .is_none_or(|c| !c.is_alphanumeric() && c != '.')
        };
        script
            .match_indices("t('")
            .filter(|(at, _)| ends_a_word(&script[..*at]))
            .filter_map(|(at, call)| script[at + call.len()..].split('\'').next())
            .collect()
    }
}
