//! Rules are checked before they are compiled: the figures must make sense and stay in bounds.

use crate::limits::EngineLimits;
use crate::ops;
use crate::rule::{Rule, RuleKind};

/// The longest span a rule may name: ten years, in seconds.
const SPAN_S_MAX: f64 = 10.0 * 365.25 * 86_400.0;
/// The most observations `k_of_n` looks back on.
const N_MAX: usize = 1024;
/// The most panes a window may need per entity.
const PANES_MAX: i64 = 4096;

/// What is wrong with a rule: the field, and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) field: &'static str,
    pub(crate) detail: String,
}

fn fault(field: &'static str, detail: impl Into<String>) -> Result<(), Fault> {
    Err(Fault {
        field,
        detail: detail.into(),
    })
}

fn span(field: &'static str, value: f64, least: f64) -> Result<(), Fault> {
    if value.is_finite() && (least..=SPAN_S_MAX).contains(&value) {
        Ok(())
    } else {
        fault(
            field,
            format!("{value} s is not between {least} s and ten years"),
        )
    }
}

fn finite(field: &'static str, value: f64) -> Result<(), Fault> {
    if value.is_finite() {
        Ok(())
    } else {
        fault(field, format!("{value} is no finite number"))
    }
}

/// Checks one rule.
pub(crate) fn check(rule: &Rule) -> Result<(), Fault> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if rule.id.is_empty() || rule.id.len() > 128 || !rule.id.chars().all(plain) {
        return fault(
            "id",
            "must be 1 to 128 letters, digits, dots, dashes or underscores",
        );
    }
    if rule.entity_type.is_empty() {
        return fault("type", "must name an entity type");
    }
    if rule.attribute.is_empty() {
        return fault("attribute", "must name an attribute");
    }
    match &rule.kind {
        RuleKind::Threshold {
            raise,
            clear,
            for_s,
        } => {
            finite("raise", *raise)?;
            finite("clear", *clear)?;
            span("for_s", *for_s, 0.0)
        }
        RuleKind::Absence { silent_s } => span("silent_s", *silent_s, 0.001),
        RuleKind::Rate { per_s, over_s } => {
            finite("per_s", *per_s)?;
            if *per_s <= 0.0 {
                return fault("per_s", "must be above 0: it is the size of the change");
            }
            span("over_s", *over_s, 0.0)
        }
        RuleKind::Window {
            length_s,
            step_s,
            lag_s,
            ..
        } => check_window(*length_s, *step_s, *lag_s),
        RuleKind::KOfN { k, n, raise } => {
            finite("raise", *raise)?;
            if *n == 0 || *n > N_MAX {
                return fault("n", format!("must be 1 to {N_MAX}"));
            }
            if *k == 0 || k > n {
                return fault("k", format!("must be 1 to n = {n}"));
            }
            Ok(())
        }
    }
}

fn check_window(length_s: f64, step_s: f64, lag_s: f64) -> Result<(), Fault> {
    span("length_s", length_s, 0.001)?;
    span("step_s", step_s, 0.001)?;
    span("lag_s", lag_s, 0.0)?;
    let panes = ops::window_panes(length_s, step_s, lag_s);
    if panes > PANES_MAX {
        return fault(
            "step_s",
            format!(
                "length {length_s} s, step {step_s} s and lag {lag_s} s need {panes} panes an entity; \
                 the limit is {PANES_MAX}: choose a step that divides the length"
            ),
        );
    }
    Ok(())
}

/// Limits must leave room for something.
pub(crate) fn limits(limits: &EngineLimits) -> EngineLimits {
    let mut limits = limits.clone();
    limits.max_entities_per_rule = limits.max_entities_per_rule.clamp(1, u32::MAX as usize - 1);
    limits.disorder_ms = limits.disorder_ms.max(0);
    limits.future_ms = limits.future_ms.max(0);
    limits
}
