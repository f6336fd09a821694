//! Place codes (Q15): the same unit has different codes in different files. Joins are on codes
//! after normalising, never on names in Latin letters: two cities are called Suzhou.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Rule;
use crate::findings::{Findings, Severity};

/// Provinces that are one municipality (GB/T 2260): their unit is 0000 in some files and 0100 in
/// others.
const MUNICIPALITIES: [&str; 4] = ["11", "12", "31", "50"];

const PLACE: Rule = Rule {
    id: "Q15",
    severity: Severity::Error,
    file: "places",
    remedy: "correct the code, or add the unit on the other side",
};
const NAME: Rule = Rule {
    id: "Q15",
    severity: Severity::Warning,
    file: "places",
    remedy: "join on the code, never on this name",
};

/// A six-digit code of GB/T 2260 in one form: blanks and a fraction (`110000.0`) taken off,
/// municipalities as `xx0100`. Other codes only lose blanks.
#[must_use]
pub fn normal_code(code: &str) -> String {
    let code = code.trim();
    let code = code.strip_suffix(".0").unwrap_or(code);
    let six = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
    if six && code.ends_with("0000") && MUNICIPALITIES.contains(&&code[..2]) {
        return format!("{}0100", &code[..2]);
    }
    code.to_owned()
}

/// How two lists of units fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CodeMatch {
    /// Codes of both, normalised.
    pub common: Vec<String>,
    /// Only in the first list.
    pub only_left: Vec<String>,
    /// Only in the second.
    pub only_right: Vec<String>,
    /// What to look at: codes without a partner, codes that stand twice, names of several units.
    pub findings: Findings,
}

/// Joins two lists of (code, name) on normalised codes.
#[must_use]
pub fn match_codes(left: &[(String, String)], right: &[(String, String)]) -> CodeMatch {
    let mut made = CodeMatch::default();
    let a = by_code(left, &mut made.findings);
    let b = by_code(right, &mut made.findings);
    for (mine, others, into) in [
        (&a, &b, &mut made.only_left),
        (&b, &a, &mut made.only_right),
    ] {
        for (code, (row, name)) in mine {
            if others.contains_key(code) {
                continue;
            }
            into.push(code.clone());
            made.findings.add(PLACE.id, || {
                let near = conurb_base::nearest(code, others.keys().map(String::as_str));
                let hint = near.map_or_else(String::new, |n| format!("; the nearest is {n}"));
                let message = format!("{name} ({code}) has no partner{hint}");
                PLACE.finding(*row, code, None, message)
            });
        }
    }
    made.common = a.keys().filter(|c| b.contains_key(*c)).cloned().collect();
    made
}

/// Row and name by normalised code.
fn by_code<'a>(
    list: &'a [(String, String)],
    findings: &mut Findings,
) -> BTreeMap<String, (u32, &'a str)> {
    let mut made: BTreeMap<String, (u32, &str)> = BTreeMap::new();
    let mut named: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (row, (code, name)) in (2_u32..).zip(list) {
        let normal = normal_code(code);
        named.entry(name).or_default().insert(normal.clone());
        if let Some((first, _)) = made.get(&normal) {
            findings.add(PLACE.id, || {
                let message = format!("{name} ({normal}) stands in row {first} already");
                PLACE.finding(row, &normal, None, message)
            });
        } else {
            made.insert(normal, (row, name));
        }
    }
    for (name, codes) in named.iter().filter(|(n, c)| !n.is_empty() && c.len() > 1) {
        findings.add(NAME.id, || {
            let all: Vec<&str> = codes.iter().map(String::as_str).collect();
            let message = format!("{name} names {} units: {}", codes.len(), all.join(", "));
            NAME.finding(0, name, None, message)
        });
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rows: &[(&str, &str)]) -> Vec<(String, String)> {
        rows.iter()
            .map(|(c, n)| ((*c).to_owned(), (*n).to_owned()))
            .collect()
    }

    #[test]
    fn codes_come_into_one_form() {
        for (code, known) in [
            ("110000", "110100"),
            ("310000.0", "310100"),
            (" 500000 ", "500100"),
            ("320500", "320500"),
            ("130000", "130000"),
            ("DE11", "DE11"),
        ] {
            assert_eq!(normal_code(code), known);
        }
    }

    #[test]
    fn joins_tell_what_is_left_over() {
        let left = list(&[
            ("110100", "Beijing"),
            ("320500", "Suzhou"),
            ("341300", "Suzhou"),
        ]);
        let right = list(&[
            ("110000.0", "Beijing"),
            ("320500", "Suzhou"),
            ("341301", "Suzhou"),
        ]);
        let made = match_codes(&left, &right);
        assert_eq!(made.common, ["110100", "320500"]);
        assert_eq!(
            (made.only_left, made.only_right),
            (vec!["341300".into()], vec!["341301".into()])
        );
        let messages: Vec<&str> = made.findings.iter().map(|f| f.message.as_str()).collect();
        assert!(
            messages.iter().any(|m| m.contains("Suzhou names 2 units")),
            "{messages:?}"
        );
        assert!(
            messages.iter().any(|m| m.contains("the nearest is 341301")),
            "{messages:?}"
        );
        assert_eq!(made.findings.kept["Q15"][0].row, None);
        let twice = match_codes(&list(&[("310000", "a"), ("310100", "b")]), &[]);
        assert!(twice.findings.iter().any(|f| f.row == Some(3)));
    }
}
