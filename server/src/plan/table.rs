//! Results as tables in the terminal.

use comfy_table::{Table, presets};
use conurb_transit::scenario::{Change, DiffReport};

use super::analyse::Analysed;
use super::base::Base;
use super::choices::{Choice, Words};
use super::define::Defined;
use super::optimise::Optimised;
use super::project::Project;
use crate::out::Lang;

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head);
    table
}

fn minutes(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.1}"))
}

fn change(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:+.3}"))
}

fn millions(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{:.2}", v / 1e6))
}

/// The step define.
pub(crate) fn defined(found: &Defined, lang: Lang) -> String {
    let mut t = table(&match lang {
        Lang::Zh => ["城市", "省份", "2010 年百万人", "2020 年百万人", "有列车"],
        Lang::En => [
            "city",
            "province",
            "M persons 2010",
            "M persons 2020",
            "served",
        ],
    });
    for c in &found.cities {
        let name = lang.pick(&c.name_zh, &c.name_en).to_owned();
        let served = lang.pick(
            if c.served { "是" } else { "否" },
            if c.served { "yes" } else { "no" },
        );
        t.add_row([
            name,
            c.province_zh.clone(),
            millions(c.pop_2010_persons),
            millions(c.pop_2020_persons),
            served.to_owned(),
        ]);
    }
    let s = &found.sizes;
    let groups: Vec<String> = (found.communities.iter())
        .filter(|g| g.len() > 1)
        .map(|g| format!("  {}", g.join(" ")))
        .collect();
    let f = &found.functional;
    format!(
        "{t}\n\n{}: {:.2} M, {:.2} % ({}, {})\n{}: b {:.4} (se {:.4}), {} {:.4}\n{} (Q {:.6}; {} {:.6}):\n{}\n{}: Jaccard {:.3}\n  +{}\n  -{}",
        lang.pick("人口", "people"),
        found.share.part / 1e6,
        100.0 * found.share.share,
        found.share.source.name,
        found.share.source.year,
        lang.pick("位序-规模", "rank-size"),
        s.b,
        s.b_se,
        lang.pick("首位度", "primacy"),
        s.primacy,
        lang.pick("直达列车社区", "communities of direct trains"),
        found.modularity,
        lang.pick("按省", "by province"),
        found.modularity_provinces,
        groups.join("\n"),
        lang.pick("功能区与名单", "functional region beside the list"),
        f.jaccard,
        f.only_found.join(" "),
        f.only_official.join(" "),
    )
}

/// The step analyse.
pub(crate) fn analysed(project: &Project, found: &Analysed, lang: Lang) -> String {
    let mut head = match lang {
        Lang::Zh => vec!["城市".to_owned(), "WATT 分钟".to_owned(), "到达".to_owned()],
        Lang::En => vec![
            "city".to_owned(),
            "WATT min".to_owned(),
            "reached".to_owned(),
        ],
    };
    for limit in &project.analyse.contours_min {
        head.push(format!("{limit} min, M"));
    }
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let mut t = table(&head);
    for c in &found.cities {
        let mut row = vec![c.name.clone(), minutes(c.watt_min), c.reached.to_string()];
        row.extend(c.within_persons.iter().map(|p| millions(*p)));
        t.add_row(row);
    }
    let mut s = table(&match lang {
        Lang::Zh => ["二级城市", "得分", "位次", "位次范围", ""],
        Lang::En => ["secondary city", "score", "rank", "rank range", ""],
    });
    for c in &found.secondary.scores {
        s.add_row([
            c.city.clone(),
            format!("{:.3}", c.score),
            c.rank.to_string(),
            format!("{}-{}", c.rank_range.0, c.rank_range.1),
            if c.unstable {
                lang.pick("不稳定", "unstable")
            } else {
                ""
            }
            .to_owned(),
        ]);
    }
    let siphon: Vec<String> = (found.siphon.iter())
        .map(|s| format!("{} ({:.0} min)", s.name, s.found.minutes))
        .collect();
    format!(
        "{t}\n{}: {}\n{}: {}\n{} {}: {}\n\n{s}\n\n{}: {}",
        lang.pick("目的地", "destinations"),
        found.destinations,
        lang.pick("人口加权平均 WATT", "population-weighted mean WATT"),
        minutes(found.watt_mean_min),
        found.unserved.len(),
        lang.pick("个城市没有列车", "cities without a train"),
        found.unserved.join(" "),
        lang.pick(
            "一小时内份额下降",
            "within an hour of the core with a falling share"
        ),
        if siphon.is_empty() {
            "-".to_owned()
        } else {
            siphon.join(", ")
        },
    )
}

/// A recommendation in a few lines, losers first.
fn choice(c: &Choice, lang: Lang) -> String {
    let say = |w: &Words| lang.pick(&w.zh, &w.en).to_owned();
    let rows = [
        (lang.pick("受损者", "losers"), say(&c.losers)),
        (lang.pick("效果", "effect"), say(&c.effect)),
        (lang.pick("代价", "cost"), say(&c.cost)),
        (lang.pick("把握", "confidence"), say(&c.confidence)),
        (
            lang.pick("公式", "formula"),
            format!("{} ({})", c.formula, c.citation),
        ),
    ];
    let lines: Vec<String> = rows.iter().map(|(k, v)| format!("\n  {k}: {v}")).collect();
    format!("\n\n{}{}", say(&c.title), lines.concat())
}

/// The step optimise.
pub(crate) fn optimised(found: &Optimised, lang: Lang) -> String {
    let mut t = table(&match lang {
        Lang::Zh => [
            "通道",
            "",
            "新线路",
            "公里",
            "平均 WATT 前",
            "后",
            "二级城市变化",
            "首次通车",
            "受损",
            "受益",
        ],
        Lang::En => [
            "corridor",
            "",
            "new legs",
            "km",
            "mean WATT before",
            "after",
            "secondary",
            "connected",
            "losers",
            "winners",
        ],
    });
    for c in &found.corridors {
        t.add_row([
            c.id.clone(),
            lang.pick(&c.name_zh, &c.name_en).to_owned(),
            c.new_legs.to_string(),
            format!("{:.0}", c.new_km),
            minutes(c.mean_before_min),
            minutes(c.mean_after_min),
            change(c.secondary_change_min),
            c.connected.join(" "),
            c.report.losers.len().to_string(),
            c.report.winners.len().to_string(),
        ]);
    }
    let m = &found.run_model;
    let choices: String = found.choices.iter().map(|c| choice(c, lang)).collect();
    format!(
        "{t}\n{}\n{}: {} + {} x km ({}){choices}",
        lang.pick(
            "通道之后的平均值含新通车的城市与新到达的目的地；二级城市变化只比较前后都能到达的目的地",
            "the mean after is over more cities and destinations; the change of secondary cities is over destinations reached both times",
        ),
        lang.pick("新线路运行分钟（假设）", "run minutes of new legs (assumed)"),
        m.start_min,
        m.min_per_km,
        m.source
    )
}

/// A comparison, losers first.
pub(crate) fn compared(base: &Base, found: &DiffReport, lang: Lang) -> String {
    let mut t = table(&match lang {
        Lang::Zh => ["", "城市", "前", "后", "变化", "失去", "新增"],
        Lang::En => ["", "city", "before", "after", "change", "lost", "gained"],
    });
    let mut add = |word: &str, rows: &[Change]| {
        for c in rows {
            t.add_row([
                word.to_owned(),
                base.name(&c.city).to_owned(),
                minutes(c.before),
                minutes(c.after),
                change(c.change),
                c.lost.len().to_string(),
                c.gained.len().to_string(),
            ]);
        }
    };
    add(lang.pick("受损", "loser"), &found.losers);
    add(lang.pick("受益", "winner"), &found.winners);
    let p = &found.pairs;
    format!(
        "{t}\n{}: {} -> {} {}\n{}: {} slower ({} lost), {} faster, {} gained",
        lang.pick("平均", "mean"),
        minutes(found.before.mean),
        minutes(found.after.mean),
        found.unit,
        lang.pick("城市对", "pairs of cities"),
        p.slower,
        p.lost,
        p.faster,
        p.gained,
    )
}
