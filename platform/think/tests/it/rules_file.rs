//! Rules as text: what is read, and how errors point at their line.

use conurb_base::Coded;
use conurb_think::{Aggregate, RuleKind, expand_names, rules_from_toml};

const GOOD: &str = r#"
[[rule]]
id = "road-blocked"
type = "TrafficFlowObserved"
attribute = "occupancy"
severity = "major"
when = "threshold"
raise = 85
clear = 70
for_s = 60

[[rule]]
id = "mean-speed"
version = "3"
type = "TrafficFlowObserved"
attribute = "averageVehicleSpeed"
severity = "indeterminate"
when = "window"
aggregate = "mean"
length_s = 300
lag_s = 5
"#;

#[test]
fn rules_are_read_with_their_defaults() {
    let mut rules = rules_from_toml(GOOD, "rules.toml").unwrap();
    assert_eq!(
        rules[0].kind,
        RuleKind::Threshold {
            raise: 85.0,
            clear: 70.0,
            for_s: 60.0
        }
    );
    let window = RuleKind::Window {
        aggregate: Aggregate::Mean,
        length_s: 300.0,
        step_s: 300.0,
        lag_s: 5.0,
    };
    assert_eq!((rules[1].kind.clone(), &*rules[1].version), (window, "3"));
    expand_names(&mut rules, |term| format!("https://example.org/{term}"));
    assert_eq!(rules[0].attribute, "https://example.org/occupancy");
}

/// `GOOD` with one piece replaced: the error's text, code and line.
fn broken(from: &str, to: &str) -> (String, &'static str, Option<usize>) {
    assert!(GOOD.contains(from), "{from}");
    let error = rules_from_toml(&GOOD.replacen(from, to, 1), "rules.toml").unwrap_err();
    let text = format!("{error} {}", error.remedy().unwrap_or_default());
    (text, error.code(), error.at().and_then(|at| at.line))
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    let (text, code, line) = broken("clear = 70", "claer = 70");
    assert!(
        text.contains("claer") && text.contains("did you mean `clear`?"),
        "{text}"
    );
    assert_eq!((code, line), ("CNB-THINK-0001", Some(9)));
}

#[test]
fn an_unknown_condition_is_refused_with_the_nearest_known_one() {
    let (text, _, line) = broken("\"threshold\"", "\"treshold\"");
    assert!(text.contains("did you mean `threshold`?"), "{text}");
    assert_eq!(line, Some(7));
}

#[test]
fn a_missing_and_a_stray_key_name_what_the_condition_takes() {
    let (text, _, line) = broken("raise = 85\n", "");
    assert!(text.contains("missing field `raise`"), "{text}");
    assert_eq!(line, Some(7));
    let (text, _, line) = broken("for_s = 60", "silent_s = 60");
    assert!(
        text.contains("`silent_s` does not belong to `when = \"threshold\"`"),
        "{text}"
    );
    assert_eq!(line, Some(10));
}

#[test]
fn figures_out_of_bounds_are_refused_where_they_stand() {
    let (text, code, line) = broken("for_s = 60", "for_s = -1");
    assert!(text.contains("for_s"), "{text}");
    assert_eq!((code, line), ("CNB-THINK-0002", Some(10)));
    let (text, ..) = broken("raise = 85", "raise = nan");
    assert!(text.contains("no finite number"), "{text}");
    let (text, _, line) = broken("length_s = 300", "length_s = 300\nstep_s = 0.001");
    assert!(text.contains("panes"), "{text}");
    assert_eq!(line, Some(21));
}

#[test]
fn an_id_may_be_used_once() {
    let (text, code, line) = broken("\"mean-speed\"", "\"road-blocked\"");
    assert!(text.contains("twice"), "{text}");
    assert_eq!((code, line), ("CNB-THINK-0003", Some(13)));
}

#[test]
fn rubbish_is_an_error_and_no_panic() {
    for text in [
        "[[rule",
        "rule = 3",
        "[[rule]]\nid = 7",
        "\u{0}",
        "[[rule]]\nid=\"é\u{301}\"\n",
    ] {
        assert!(rules_from_toml(text, "r.toml").is_err(), "{text:?}");
    }
    assert_eq!(rules_from_toml("", "r.toml").unwrap().len(), 0);
}

#[test]
fn the_rule_in_the_documentation_is_one() {
    let page = include_str!("../../../../docs/rules.md");
    let text = page
        .split("```")
        .find_map(|block| block.strip_prefix("toml\n"))
        .unwrap();
    let rules = rules_from_toml(text, "docs/rules.md").unwrap();
    assert_eq!(rules.len(), 1);
}
