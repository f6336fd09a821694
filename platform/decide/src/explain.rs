//! A decision read to a person, in Chinese or English, from its record alone.

use std::fmt::Write as _;

use crate::{Bilingual, Decision, DecisionOption, KpiValue, Mode, Status};

/// Inputs and findings named one by one; more are counted.
const NAMED_MAX: usize = 8;

/// A language of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// Reads `zh`, `en` and tags such as `zh-CN`.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next().unwrap_or_default() {
            "zh" => Some(Self::Zh),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    const fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    fn of(self, text: &Bilingual) -> &str {
        match self {
            Self::Zh => &text.zh,
            Self::En => &text.en,
        }
    }
}

/// What was seen, what could be done and what was expected of it, what was chosen and why, who let
/// it pass, what was sent, and what came of it. Ends with a newline; the same decision gives the
/// same text.
#[must_use]
pub fn explain(decision: &Decision, lang: Lang) -> String {
    let mut out = String::new();
    head(&mut out, decision, lang);
    seen(&mut out, decision, lang);
    options(&mut out, decision, lang);
    passing(&mut out, decision, lang);
    acting(&mut out, decision, lang);
    effect(&mut out, decision, lang);
    out
}

/// One line `label  text`. Writing to a string cannot fail, so the result is not looked at.
fn line(out: &mut String, label: &str, text: &str) {
    let _ = writeln!(out, "{label}: {text}");
}

fn head(out: &mut String, d: &Decision, lang: Lang) {
    let r = &d.record;
    line(out, lang.pick("决策", "decision"), &r.id);
    let about = match lang {
        Lang::Zh => format!("{}(场景 {},城市 {})", r.subject, r.scenario, r.city),
        Lang::En => format!("{} (scenario {}, city {})", r.subject, r.scenario, r.city),
    };
    line(out, lang.pick("对象", "about"), &about);
    line(out, lang.pick("状态", "status"), status(d.status(), lang));
    line(
        out,
        lang.pick("决策时间", "decided at"),
        &r.decided_at.to_iso(),
    );
    if let Some(old) = &r.supersedes {
        line(out, lang.pick("取代", "replaces"), old);
    }
}

fn seen(out: &mut String, d: &Decision, lang: Lang) {
    let r = &d.record;
    let what = match lang {
        Lang::Zh => format!(
            "{} 个实体,最新观测于 {}",
            r.inputs.entities.len(),
            r.perceived_at
        ),
        Lang::En => format!(
            "{} entities, the newest observed at {}",
            r.inputs.entities.len(),
            r.perceived_at
        ),
    };
    line(out, lang.pick("所见", "seen"), &what);
    let names: Vec<String> = r
        .inputs
        .entities
        .iter()
        .map(|i| format!("{} @{}", i.entity, conurb_base::TimeMs(i.version_ms)))
        .collect();
    listed(out, &names, lang);
    if r.findings.is_empty() {
        let none = lang.pick("无;决策周期到了", "none; the decision interval was over");
        line(out, lang.pick("缘起", "asked for by"), none);
    } else {
        line(
            out,
            lang.pick("缘起", "asked for by"),
            &r.findings.len().to_string(),
        );
        listed(out, &r.findings, lang);
    }
    let model = match lang {
        Lang::Zh => format!(
            "{} 版本 {},随机种子 {},信息级别 {},输入哈希 {}",
            r.model.name, r.model.version, r.model.seed, r.model.information_level, r.inputs.hash
        ),
        Lang::En => format!(
            "{} version {}, seed {}, information level {}, inputs {}",
            r.model.name, r.model.version, r.model.seed, r.model.information_level, r.inputs.hash
        ),
    };
    line(out, lang.pick("模型", "model"), &model);
}

fn listed(out: &mut String, names: &[String], lang: Lang) {
    for name in names.iter().take(NAMED_MAX) {
        let _ = writeln!(out, "  - {name}");
    }
    if names.len() > NAMED_MAX {
        let more = names.len() - NAMED_MAX;
        let _ = match lang {
            Lang::Zh => writeln!(out, "  - 另有 {more} 个"),
            Lang::En => writeln!(out, "  - and {more} more"),
        };
    }
}

fn options(out: &mut String, d: &Decision, lang: Lang) {
    let r = &d.record;
    line(
        out,
        lang.pick("方案", "options"),
        &r.options.len().to_string(),
    );
    for (index, option) in r.options.iter().enumerate() {
        let mark = if index == r.chosen { "->" } else { "  " };
        let _ = writeln!(out, "{mark} {}. {}", index + 1, one_option(option, lang));
    }
    line(out, lang.pick("理由", "why"), lang.of(&r.why));
}

fn one_option(option: &DecisionOption, lang: Lang) -> String {
    let figures = if option.predicted.is_empty() {
        lang.pick("无预测", "no prediction").to_owned()
    } else {
        figures(&option.predicted, lang)
    };
    let refused = match (&option.refused_by, lang) {
        (None, _) => String::new(),
        (Some(by), Lang::Zh) => format!(" [被约束否决:{by}]"),
        (Some(by), Lang::En) => format!(" [refused by: {by}]"),
    };
    format!("{} | {figures}{refused}", option.action)
}

fn figures(values: &[KpiValue], lang: Lang) -> String {
    let one = |v: &KpiValue| match &v.interval {
        Some(i) => format!(
            "{} = {} [{}, {}] ({} %, {})",
            v.kpi,
            number(v.value),
            number(i.low),
            number(i.high),
            number(i.level * 100.0),
            i.method
        ),
        None => format!(
            "{} = {} ({})",
            v.kpi,
            number(v.value),
            lang.pick("区间未测", "interval not measured")
        ),
    };
    values.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// At most three decimals, without trailing zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

fn passing(out: &mut String, d: &Decision, lang: Lang) {
    let mode = match d.record.mode {
        Mode::Advise => lang.pick("建议(只显示,不下发)", "advise (shown, never sent)"),
        Mode::Approve => lang.pick(
            "审批(有人批准后下发)",
            "approve (sent once a person approves)",
        ),
        Mode::Auto => lang.pick(
            "自动(在边界内立即下发)",
            "auto (sent at once, inside its envelope)",
        ),
    };
    line(out, lang.pick("方式", "mode"), mode);
    if let Some(a) = &d.approved {
        let text = format!("{} @{}", a.approver, a.at);
        line(out, lang.pick("批准", "approved by"), &text);
    }
    for (stop, label) in [
        (&d.rejected, lang.pick("驳回", "rejected by")),
        (&d.overturned, lang.pick("推翻", "overturned by")),
    ] {
        if let Some(s) = stop {
            line(out, label, &format!("{} @{}: {}", s.by, s.at, s.reason));
        }
    }
}

fn acting(out: &mut String, d: &Decision, lang: Lang) {
    if d.receipts.is_empty() {
        line(
            out,
            lang.pick("指令", "command"),
            lang.pick("未下发", "none was sent"),
        );
    }
    for r in &d.receipts {
        let sep = if r.detail.is_empty() { "" } else { ": " };
        let text = format!("{} {} @{}{sep}{}", r.command_id, r.receipt, r.at, r.detail);
        line(out, lang.pick("指令", "command"), &text);
    }
}

fn effect(out: &mut String, d: &Decision, lang: Lang) {
    let missing = lang.pick("未测量", "not measured");
    let effect = lang.pick("效果", "effect");
    let otherwise = lang.pick("若不如此", "without it");
    match &d.measured {
        Some(m) if !m.values.is_empty() => {
            line(
                out,
                effect,
                &format!("{} @{}", figures(&m.values, lang), m.at),
            );
        }
        _ => line(out, effect, missing),
    }
    match d.measured.as_ref().and_then(|m| m.counterfactual.as_ref()) {
        Some(c) => {
            line(
                out,
                otherwise,
                &format!("{} ({})", figures(&c.values, lang), c.method),
            );
        }
        None => line(out, otherwise, missing),
    }
}

const fn status(status: Status, lang: Lang) -> &'static str {
    let (zh, en) = match status {
        Status::Advised => ("建议", "advised"),
        Status::Pending => ("待批", "waits for approval"),
        Status::Approved => ("已批准", "approved"),
        Status::Rejected => ("已驳回", "rejected"),
        Status::Acted => ("已执行", "acted"),
        Status::Measured => ("已测效", "measured"),
        Status::Overturned => ("已推翻", "overturned"),
    };
    match lang {
        Lang::Zh => zh,
        Lang::En => en,
    }
}
