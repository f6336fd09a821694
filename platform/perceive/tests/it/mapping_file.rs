//! Mapping files that cannot be used: the error names the line and what is known.

use conurb_base::Coded;
use conurb_perceive::Mapping;

const GOOD: &str = r#"[[source]]
id = "gate"
topic = "a/+"
keys = { device = "/dev" }
entity = "urn:ngsi-ld:T:{device}"
type = "T"

[[source.field]]
from = "/v"
attribute = "v"
unit = "km/h"
to = "m/s"
range = [0, 10]
"#;

fn broken(from: &str, to: &str) -> (String, &'static str, Option<usize>) {
    assert!(GOOD.contains(from), "{from}");
    let error = Mapping::from_toml(&GOOD.replacen(from, to, 1), "mapping.toml").unwrap_err();
    let text = format!("{error} | {}", error.remedy().unwrap_or_default());
    (text, error.code(), error.at().and_then(|a| a.line))
}

#[test]
fn an_unknown_unit_names_line_and_known_units() {
    let (text, code, line) = broken("\"km/h\"", "\"kmm/h\"");
    assert!(
        text.starts_with(
            "mapping.toml:11:8: unit \"kmm/h\" is not known; known: m/s (MTS), km/h (KMH)"
        ),
        "{text}"
    );
    assert!(text.contains("did you mean \"km/h\"?"), "{text}");
    assert_eq!((code, line), ("CNB-PERCEIVE-0002", Some(11)));
}

#[test]
fn a_unit_of_another_quantity_is_refused() {
    let (text, _, line) = broken("\"m/s\"", "\"degC\"");
    assert!(
        text.contains("a unit of temperature, not of speed"),
        "{text}"
    );
    assert_eq!(line, Some(12));
}

#[test]
fn typing_errors_are_found_where_they_stand() {
    let cases = [
        ("attribute =", "atribute =", 10, "did you mean `attribute`?"),
        ("{device}", "{devise}", 5, "did you mean {device}?"),
        ("\"/v\"", "\"v\"", 9, "did you mean \"/v\"?"),
        ("a/+", "a/#/b", 3, "last level"),
        ("[0, 10]", "[10, 0]", 13, "[least, most]"),
        ("\"/dev\"", "\"topic:0\"", 4, "from 1"),
        (
            "to = \"m/s\"",
            "kind = \"text\"",
            11,
            "only numbers have units",
        ),
        ("urn:ngsi-ld:T:", "", 5, "no URI"),
        ("unit = \"km/h\"\n", "", 11, "needs `unit`"),
    ];
    for (from, to, line, part) in cases {
        let (text, _, at) = broken(from, to);
        assert!(text.contains(part), "{from} -> {to}: {text}");
        assert_eq!(at, Some(line), "{text}");
    }
}

#[test]
fn an_id_may_be_used_once() {
    let error = Mapping::from_toml(&format!("{GOOD}{GOOD}"), "m.toml").unwrap_err();
    assert!(error.to_string().contains("twice"), "{error}");
}
