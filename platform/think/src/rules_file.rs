//! `rules.toml`: rules as text, with errors that name the line.

use conurb_base::{At, ConfigError, from_toml};
use serde::Deserialize;
use toml::Spanned;

use crate::check;
use crate::error::ThinkError;
use crate::rule::{Aggregate, Rule, RuleKind, Severity};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    #[serde(default, rename = "rule")]
    rules: Vec<Spanned<RuleText>>,
}

/// All keys any rule may have; which ones belong together is told by `when`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    id: Spanned<String>,
    version: Option<String>,
    #[serde(rename = "type")]
    entity_type: Spanned<String>,
    attribute: Spanned<String>,
    severity: Severity,
    when: Spanned<When>,
    raise: Option<Spanned<f64>>,
    clear: Option<Spanned<f64>>,
    for_s: Option<Spanned<f64>>,
    silent_s: Option<Spanned<f64>>,
    per_s: Option<Spanned<f64>>,
    over_s: Option<Spanned<f64>>,
    aggregate: Option<Spanned<Aggregate>>,
    length_s: Option<Spanned<f64>>,
    step_s: Option<Spanned<f64>>,
    lag_s: Option<Spanned<f64>>,
    k: Option<Spanned<usize>>,
    n: Option<Spanned<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum When {
    Threshold,
    Absence,
    Rate,
    Window,
    KOfN,
}

impl When {
    const fn word(self) -> &'static str {
        match self {
            Self::Threshold => "threshold",
            Self::Absence => "absence",
            Self::Rate => "rate",
            Self::Window => "window",
            Self::KOfN => "k_of_n",
        }
    }

    /// The keys that belong to it.
    const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Threshold => &["raise", "clear", "for_s"],
            Self::Absence => &["silent_s"],
            Self::Rate => &["per_s", "over_s"],
            Self::Window => &["aggregate", "length_s", "step_s", "lag_s"],
            Self::KOfN => &["k", "n", "raise"],
        }
    }
}

/// Where an error is to be shown.
struct Source<'a> {
    text: &'a str,
    file: &'a str,
}

impl Source<'_> {
    fn error(&self, offset: usize, message: String) -> ThinkError {
        ThinkError::from(ConfigError::at_offset(
            self.text, self.file, offset, message,
        ))
    }

    fn at(&self, offset: usize) -> Box<At> {
        Box::new(ConfigError::at_offset(self.text, self.file, offset, String::new()).at)
    }
}

impl RuleText {
    /// Where the value of a key stands, if it is there.
    fn offset(&self, key: &str) -> Option<usize> {
        let start = |s: &Option<Spanned<f64>>| s.as_ref().map(|s| s.span().start);
        match key {
            "id" => Some(self.id.span().start),
            "type" => Some(self.entity_type.span().start),
            "attribute" => Some(self.attribute.span().start),
            "raise" => start(&self.raise),
            "clear" => start(&self.clear),
            "for_s" => start(&self.for_s),
            "silent_s" => start(&self.silent_s),
            "per_s" => start(&self.per_s),
            "over_s" => start(&self.over_s),
            "aggregate" => self.aggregate.as_ref().map(|s| s.span().start),
            "length_s" => start(&self.length_s),
            "step_s" => start(&self.step_s),
            "lag_s" => start(&self.lag_s),
            "k" => self.k.as_ref().map(|s| s.span().start),
            "n" => self.n.as_ref().map(|s| s.span().start),
            _ => None,
        }
    }

    /// The keys of all conditions.
    const CONDITIONAL: [&'static str; 12] = [
        "raise",
        "clear",
        "for_s",
        "silent_s",
        "per_s",
        "over_s",
        "aggregate",
        "length_s",
        "step_s",
        "lag_s",
        "k",
        "n",
    ];

    fn kind(&self, source: &Source<'_>) -> Result<RuleKind, ThinkError> {
        let when = *self.when.get_ref();
        let word = when.word();
        if let Some(stray) = Self::CONDITIONAL
            .iter()
            .find(|key| !when.keys().contains(key) && self.offset(key).is_some())
        {
            let known = when.keys().join("`, `");
            let message =
                format!("`{stray}` does not belong to `when = \"{word}\"`, which takes `{known}`");
            return Err(source.error(self.offset(stray).unwrap_or(0), message));
        }
        let missing = |key: &str| {
            let message = format!("missing field `{key}`: `when = \"{word}\"` needs it");
            source.error(self.when.span().start, message)
        };
        let need = |value: &Option<Spanned<f64>>, key: &str| {
            value
                .as_ref()
                .map(|s| *s.get_ref())
                .ok_or_else(|| missing(key))
        };
        let or_zero = |value: &Option<Spanned<f64>>| value.as_ref().map_or(0.0, |s| *s.get_ref());
        let count = |value: &Option<Spanned<usize>>, key: &str| {
            value
                .as_ref()
                .map(|s| *s.get_ref())
                .ok_or_else(|| missing(key))
        };
        Ok(match when {
            When::Threshold => RuleKind::Threshold {
                raise: need(&self.raise, "raise")?,
                clear: need(&self.clear, "clear")?,
                for_s: or_zero(&self.for_s),
            },
            When::Absence => RuleKind::Absence {
                silent_s: need(&self.silent_s, "silent_s")?,
            },
            When::Rate => RuleKind::Rate {
                per_s: need(&self.per_s, "per_s")?,
                over_s: need(&self.over_s, "over_s")?,
            },
            When::Window => {
                let length_s = need(&self.length_s, "length_s")?;
                RuleKind::Window {
                    aggregate: *self
                        .aggregate
                        .as_ref()
                        .ok_or_else(|| missing("aggregate"))?
                        .get_ref(),
                    length_s,
                    step_s: self.step_s.as_ref().map_or(length_s, |s| *s.get_ref()),
                    lag_s: or_zero(&self.lag_s),
                }
            }
            When::KOfN => RuleKind::KOfN {
                k: count(&self.k, "k")?,
                n: count(&self.n, "n")?,
                raise: need(&self.raise, "raise")?,
            },
        })
    }
}

/// Reads `[[rule]]` tables. Names are kept as written: expand them with [`expand_names`].
///
/// # Errors
/// Unknown keys (with the nearest known one), wrong types, missing or stray keys, figures out of
/// bounds and doubled ids, each with file, line and column.
pub fn rules_from_toml(text: &str, file: &str) -> Result<Vec<Rule>, ThinkError> {
    let parsed: RulesFile = from_toml(text, file)?;
    let source = Source { text, file };
    let mut rules: Vec<Rule> = Vec::with_capacity(parsed.rules.len());
    for spanned in &parsed.rules {
        let begin = spanned.span().start;
        let raw = spanned.get_ref();
        let rule = Rule {
            id: raw.id.get_ref().clone(),
            version: raw.version.clone().unwrap_or_else(|| "1".to_owned()),
            entity_type: raw.entity_type.get_ref().clone(),
            attribute: raw.attribute.get_ref().clone(),
            severity: raw.severity,
            kind: raw.kind(&source)?,
        };
        check::check(&rule).map_err(|f| ThinkError::BadRule {
            rule: rule.id.clone(),
            field: f.field,
            detail: f.detail,
            at: Some(source.at(raw.offset(f.field).unwrap_or(begin))),
        })?;
        if rules.iter().any(|r| r.id == rule.id) {
            let at = Some(source.at(raw.id.span().start));
            return Err(ThinkError::DuplicateRule { rule: rule.id, at });
        }
        rules.push(rule);
    }
    Ok(rules)
}

/// Replaces the terms of rules by expanded IRIs; `expand` is the context's own expansion.
pub fn expand_names(rules: &mut [Rule], expand: impl Fn(&str) -> String) {
    for rule in rules {
        rule.entity_type = expand(&rule.entity_type);
        rule.attribute = expand(&rule.attribute);
    }
}
