//! `report.html`: context, concepts, evaluation, cases, recommendations; losers first.

use std::path::PathBuf;

use conurb_region::facts;
use conurb_transit::scenario::Change;

use super::Whole;
use super::base::Base;
use super::choices::Choice;
use super::define::core;
use super::html::{bars, both, page, paragraph, rich_table, table, text};
use super::map::{Legend, draw};
use super::optimise::CorridorEffect;
use super::project::Project;
use super::write;
use crate::fail::Failure;

/// Recommendations of a report.
const RECOMMENDED_MAX: usize = 3;

/// Writes report.html and report.json.
pub(crate) fn write(project: &Project, base: &Base, whole: &Whole) -> Result<PathBuf, Failure> {
    write::json(project, "report.json", whole)?;
    let body = [
        header(project),
        context(project, base, whole),
        concepts(),
        evaluation(project, base, whole),
        cases()?,
        recommendations(base, whole),
        "</main>".to_owned(),
    ];
    write::text(project, "report.html", &page(&project.name, &body.concat()))
}

fn header(project: &Project) -> String {
    format!(
        "<main>\n<header><div><h1>{}</h1><p class=\"note\">{}</p></div>\
         <div><button type=\"button\" data-set=\"zh\">中文</button> <button type=\"button\" data-set=\"en\">English</button></div></header>\n",
        text(&project.name),
        both(
            &format!(
                "规划期 {} 年；{}",
                project.horizon_year, project.analyse.feed_label
            ),
            &format!(
                "horizon {}; {}",
                project.horizon_year, project.analyse.feed_label
            ),
        )
    )
}

fn context(project: &Project, base: &Base, whole: &Whole) -> String {
    let d = &whole.defined;
    let rows: Vec<Vec<String>> = (d.cities.iter())
        .map(|c| {
            vec![
                format!("{} {}", c.name_zh, c.name_en),
                c.province_zh.clone(),
                millions(c.pop_2010_persons),
                millions(c.pop_2020_persons),
                if c.served { "●" } else { "○" }.to_owned(),
            ]
        })
        .collect();
    let targets: Vec<Vec<String>> = (facts::targets().iter())
        .map(|t| {
            vec![
                both(&t.what_zh, &t.what),
                t.target_year
                    .map_or_else(|| "-".to_owned(), |y| y.to_string()),
                t.value.map_or_else(|| "-".to_owned(), |v| v.to_string()),
                both(
                    t.unit_zh.as_deref().unwrap_or_default(),
                    t.unit.as_deref().unwrap_or_default(),
                ),
                both(
                    &format!("{}，{}", t.source_zh, t.year),
                    &format!("{}, {}", t.source, t.year),
                ),
            ]
        })
        .collect();
    let served = d.cities.iter().filter(|c| c.served).count();
    let share = 100.0 * d.share.share;
    let mut out = heading("1", "背景", "Context");
    out += &paragraph(
        &format!(
            "{} 个城市，{:.1} 百万人，占统计人口的 {share:.2} %（{}，{}）；{served} 个城市在 {} 有列车停靠。",
            d.cities.len(),
            d.share.part / 1e6,
            d.share.source.name,
            d.share.source.year,
            project.analyse.day
        ),
        &format!(
            "{} cities, {:.1} million people, {share:.2} % of all counted ({}, {}); trains call at {served} of them on {}.",
            d.cities.len(),
            d.share.part / 1e6,
            d.share.source.name,
            d.share.source.year,
            project.analyse.day
        ),
    );
    let heads = [
        both("城市", "city"),
        both("省份", "province"),
        both("2010 年，百万人", "2010, M persons"),
        both("2020 年，百万人", "2020, M persons"),
        both("有列车", "served"),
    ];
    out += &table(&text(&project.define.census_source), &heads, &rows);
    let heads = [
        both("目标", "target"),
        both("年份", "year"),
        both("数值", "value"),
        both("单位", "unit"),
        both("来源", "source"),
    ];
    out += &rich_table(&both("国家目标", "national targets"), &heads, &targets);
    for note in &base.notes {
        out += &format!("<p class=\"note\">{}</p>\n", text(note));
    }
    out
}

fn concepts() -> String {
    let rows: Vec<Vec<String>> = [
        ("WATT", "sum_j T_ij M_j / sum_j M_j, min", "Gutierrez 2001"),
        ("potential", "sum_j M_j / T_ij", "Harris 1954; Hansen 1959"),
        ("contour", "sum_j M_j [T_ij <= t]", "daily accessibility"),
        ("alternative power", "sum_j R_ij / s_j", "Neal 2011"),
        (
            "rank-size b",
            "ln(R - 1/2) = a - b ln S",
            "Gabaix and Ibragimov 2011",
        ),
        (
            "modularity Q",
            "(1/2m) sum (A_ij - g k_i k_j / 2m) [c_i = c_j]",
            "Traag et al. 2019 (Leiden)",
        ),
        ("Gini", "sum_ij p_i p_j |x_i - x_j| / (2 mu)", "-"),
    ]
    .iter()
    .map(|(name, formula, source)| {
        vec![
            (*name).to_owned(),
            (*formula).to_owned(),
            (*source).to_owned(),
        ]
    })
    .collect();
    let mut out = heading("2", "概念", "Concepts");
    out += &paragraph(
        "每个数字都有公式与出处；没有到达的目的地不进入平均值，另行列出。",
        "Every figure has its formula and source; destinations that are not reached enter no mean and are listed apart.",
    );
    let heads = [
        both("指标", "measure"),
        both("公式", "formula"),
        both("出处", "source"),
    ];
    out += &table("", &heads, &rows);
    out
}

fn evaluation(project: &Project, base: &Base, whole: &Whole) -> String {
    let a = &whole.analysed;
    let mut out = heading("3", "评价", "Evaluation");
    out += &paragraph(
        &format!("目的地：{}。", a.destinations_zh),
        &format!("Destinations: {}.", a.destinations),
    );
    let unserved = a.unserved.join("、");
    out += &paragraph(
        &format!("没有列车的城市（{}）：{unserved}。", a.unserved.len()),
        &format!(
            "Cities without a train ({}): {}.",
            a.unserved.len(),
            a.unserved.join(", ")
        ),
    );
    let watt = |code: &str| {
        a.cities
            .iter()
            .find(|c| c.code == code)
            .and_then(|c| c.watt_min)
    };
    let values: Vec<f64> = a.cities.iter().filter_map(|c| c.watt_min).collect();
    out += &format!(
        "<h3>{}</h3>\n",
        both("加权平均旅行时间", "Weighted average travel time")
    );
    out += &draw(base, "WATT", &Legend::quintiles(&values, "min"), &watt);
    let rows: Vec<(String, f64)> = (a.cities.iter())
        .filter_map(|c| Some((c.name.clone(), c.watt_min?)))
        .collect();
    out += &bars("WATT", &rows, "min");
    out += &reach_table(project, whole);
    out += &secondary_table(whole);
    let siphon: Vec<String> = (a.siphon.iter())
        .map(|s| format!("{} ({:.0} min)", s.name, s.found.minutes))
        .collect();
    let listed = if siphon.is_empty() {
        "-".to_owned()
    } else {
        siphon.join(", ")
    };
    out += &paragraph(
        &format!("虹吸观察（距核心一小时内、人口份额下降）：{listed}。"),
        &format!("Siphon watch (within an hour of the core, falling share of people): {listed}."),
    );
    out
}

fn reach_table(project: &Project, whole: &Whole) -> String {
    let mut heads = vec![
        both("城市", "city"),
        "WATT, min".to_owned(),
        both("到达", "reached"),
    ];
    heads.extend((project.analyse.contours_min.iter()).map(|t| {
        both(
            &format!("{t} 分钟内，百万人"),
            &format!("within {t} min, M"),
        )
    }));
    let rows: Vec<Vec<String>> = (whole.analysed.cities.iter())
        .map(|c| {
            let mut row = vec![c.name.clone(), minutes(c.watt_min), c.reached.to_string()];
            row.extend(c.within_persons.iter().map(|p| millions(*p)));
            row
        })
        .collect();
    table(&text(&project.analyse.feed_label), &heads, &rows)
}

fn secondary_table(whole: &Whole) -> String {
    let card = &whole.analysed.secondary;
    let mut heads = vec![both("二级城市", "secondary city"), both("位次", "rank")];
    heads.extend(card.columns.iter().map(|c| {
        let column = &c.column;
        format!(
            "<span title=\"{}\">{}, {}</span>",
            text(&column.source),
            text(&column.name),
            text(&column.unit)
        )
    }));
    let rows: Vec<Vec<String>> = (card.scores.iter())
        .map(|s| {
            let mark = if s.unstable { " *" } else { "" };
            let mut row = vec![s.city.clone(), format!("{}{mark}", s.rank)];
            let at = card.cities.iter().position(|c| *c == s.city);
            row.extend(card.columns.iter().map(|c| {
                let value = at.and_then(|at| c.column.values[at]);
                value.map_or_else(|| "-".to_owned(), |v| format!("{v:.2}"))
            }));
            row
        })
        .collect();
    let caption = both(
        "二级城市；* 表示任一权重变动 20 % 时位次会变",
        "secondary cities; * marks ranks that change when any weight moves by 20 %",
    );
    table(&caption, &heads, &rows)
}

fn cases() -> Result<String, Failure> {
    let mut out = heading("4", "案例", "Cases");
    out += &paragraph(
        "城市带的长度取决于连接距离与端点：两处参照城市的大圆距离如下。",
        "How long a belt is depends on linking distance and ends: great circles between the ends of two reference belts.",
    );
    let mut rows = Vec::new();
    for belt in ["boswash", "taiheiyo"] {
        let places = facts::reference_places(belt)?;
        if let (Some(first), Some(last)) = (places.first(), places.last()) {
            let km = conurb_geo::great_circle_km((first.lat, first.lon), (last.lat, last.lon));
            rows.push(vec![
                belt.to_owned(),
                format!("{} {}", first.name_zh, first.name_en),
                format!("{} {}", last.name_zh, last.name_en),
                places.len().to_string(),
                format!("{km:.0}"),
                format!("{}, {}", first.source, first.year),
            ]);
        }
    }
    let heads = [
        both("城市带", "belt"),
        both("起", "from"),
        both("止", "to"),
        both("城市", "places"),
        both("大圆距离，公里", "great circle, km"),
        both("来源", "source"),
    ];
    out += &table("", &heads, &rows);
    Ok(out)
}

fn recommendations(base: &Base, whole: &Whole) -> String {
    let o = &whole.optimised;
    let mut out = heading("5", "建议", "Recommendations");
    out += &paragraph(
        "逐条通道在内存中补全后重算全国；先列受损者。通道之后的平均值含新通车的城市；二级城市变化只比较前后都能到达的目的地。新线运行时间为假设，造价没有来源，不予计算。",
        "Each corridor was completed in memory and the nation recomputed; losers come first. The mean after is over more cities and destinations; the change of secondary cities is over destinations reached both times. Run times of new legs are assumed; building costs have no source and are not computed.",
    );
    let rows: Vec<Vec<String>> = o.corridors.iter().map(corridor_row).collect();
    let heads = [
        both("通道", "corridor"),
        both("新线路", "new legs"),
        "km".to_owned(),
        both("受损", "losers"),
        both("受益", "winners"),
        both(
            "二级城市平均变化，分",
            "mean change of secondary cities, min",
        ),
        both("首次通车", "connected for the first time"),
    ];
    let caption = both(
        "十六条通道对二级城市的影响",
        "what each corridor changes for secondary cities",
    );
    out += &table(&caption, &heads, &rows);
    let chart: Vec<(String, f64)> = (o.corridors.iter())
        .filter_map(|c| Some((c.id.clone(), c.secondary_change_min?)))
        .collect();
    out += &bars("change", &chart, "min");
    let helpful = |c: &&CorridorEffect| {
        !c.connected.is_empty() || c.secondary_change_min.is_some_and(|m| m < 0.0)
    };
    let mut any = false;
    for effect in o.corridors.iter().filter(helpful).take(RECOMMENDED_MAX) {
        out += &card(base, whole, effect);
        any = true;
    }
    if !any {
        out += &paragraph(
            "没有一条通道改善二级城市。",
            "No corridor helps the secondary cities.",
        );
    }
    out.extend(o.choices.iter().map(choice_card));
    out
}

/// A recommendation that was asked for apart: losers, effect, cost, confidence, formula.
fn choice_card(c: &Choice) -> String {
    let formula = format!("{} ({})", c.formula, c.citation);
    let items = [
        item("受损者", "losers", &both(&c.losers.zh, &c.losers.en)),
        item("效果", "effect", &both(&c.effect.zh, &c.effect.en)),
        item("代价", "cost", &both(&c.cost.zh, &c.cost.en)),
        item(
            "把握",
            "confidence",
            &both(&c.confidence.zh, &c.confidence.en),
        ),
        item("公式", "formula", &text(&formula)),
    ];
    format!(
        "<div class=\"card\"><h3>{}</h3><dl>{}</dl></div>\n",
        both(&c.title.zh, &c.title.en),
        items.concat()
    )
}

/// A line of a card; the value is ready HTML.
fn item(zh: &str, en: &str, value: &str) -> String {
    format!("<dt>{}</dt><dd>{value}</dd>", both(zh, en))
}

fn corridor_row(c: &CorridorEffect) -> Vec<String> {
    vec![
        format!("{} {} {}", c.id, c.name_zh, c.name_en),
        c.new_legs.to_string(),
        format!("{:.0}", c.new_km),
        c.report.losers.len().to_string(),
        c.report.winners.len().to_string(),
        c.secondary_change_min
            .map_or_else(|| "-".to_owned(), |m| format!("{m:+.2}")),
        c.connected.join(" "),
    ]
}

/// One recommendation: losers, effect, cost, confidence, formula.
fn card(base: &Base, whole: &Whole, c: &CorridorEffect) -> String {
    let list = |changes: &[Change]| -> String {
        let shown: Vec<String> = (changes.iter().take(8))
            .map(|x| match x.change {
                Some(change) => format!("{} {change:+.1}", base.name(&x.city)),
                None => base.name(&x.city).to_owned(),
            })
            .collect();
        match changes.len() {
            0 => "-".to_owned(),
            n if n > 8 => format!("{} … ({n})", shown.join(", ")),
            _ => shown.join(", "),
        }
    };
    let core = core(base);
    let bands: Vec<String> = (c.report.winners.iter())
        .filter(|w| w.city != core)
        .take(3)
        .filter_map(|w| {
            let (low, high) = w.interval?;
            Some(format!("{} {low:.0}–{high:.0} min", base.name(&w.city)))
        })
        .collect();
    let bands = if bands.is_empty() {
        "-".to_owned()
    } else {
        bands.join(", ")
    };
    let model = &whole.optimised.run_model;
    let effect = format!(
        "{} -> {} min; {}: {}",
        minutes(c.mean_before_min),
        minutes(c.mean_after_min),
        "+",
        list(&c.report.winners)
    );
    format!(
        "<div class=\"card\"><h3>{}</h3><dl>{}{}{}{}{}</dl></div>\n",
        both(
            &format!("补全 {} {}", c.id, c.name_zh),
            &format!("Complete {} {}", c.id, c.name_en)
        ),
        item("受损者", "losers", &text(&list(&c.report.losers))),
        item("效果（平均 WATT）", "effect (mean WATT)", &text(&effect)),
        item(
            "代价",
            "cost",
            &both(
                &format!(
                    "{} 段，{:.0} 公里；造价没有来源，不予计算",
                    c.new_legs, c.new_km
                ),
                &format!(
                    "{} legs, {:.0} km; money: no source, not computed",
                    c.new_legs, c.new_km
                )
            )
        ),
        item(
            "把握（07:00–19:00 出发的第一与第九十分位）",
            "confidence (first and ninth decile over departures 07:00-19:00)",
            &both(
                &format!(
                    "{bands}；运行时间为假设：{} + {} x 公里（{}）",
                    model.start_min, model.min_per_km, model.source
                ),
                &format!(
                    "{bands}; run minutes assumed: {} + {} x km ({})",
                    model.start_min, model.min_per_km, model.source
                )
            )
        ),
        item(
            "公式",
            "formula",
            "WATT_i = sum_j T_ij M_j / sum_j M_j (Gutierrez 2001), T fastest of the day"
        ),
    )
}

fn heading(number: &str, zh: &str, en: &str) -> String {
    format!("<h2>{number}. {}</h2>\n", both(zh, en))
}

fn minutes(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.1}"))
}

fn millions(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{:.2}", v / 1e6))
}
