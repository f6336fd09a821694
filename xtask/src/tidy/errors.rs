//! Error codes: every code a crate can give has a page under `docs/errors/`, every page a code,
//! and no code belongs to two crates.

use std::collections::BTreeMap;

use anyhow::Result;

use super::Finding;
use super::repo::Repo;

/// Folders whose code users meet.
const PRODUCT: &[&str] = &[
    "foundation/",
    "models/",
    "platform/",
    "cluster/",
    "scenarios/",
    "server/",
];

/// Parts every page has, in these words or with more around them.
const PARTS: &[&str] = &["meaning", "cause", "remedy"];

/// Compares codes in sources with pages.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut codes: BTreeMap<String, (String, String)> = BTreeMap::new();
    let sources = repo
        .ending(".rs")
        .filter(|f| PRODUCT.iter().any(|p| f.starts_with(p)) && f.contains("/src/"));
    for file in sources {
        let home = file.split("/src/").next().unwrap_or_default();
        let text = repo.text(file)?.unwrap_or_default();
        for (i, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for code in quoted_codes(line) {
                let place = format!("{file}:{}", i + 1);
                match codes.get(&code) {
                    Some((other, first)) if other != home => findings.push(Finding::new(
                        place,
                        format!("{code} is already the code of {first}"),
                        "take the next free number of this crate",
                    )),
                    Some(_) => {}
                    None => {
                        codes.insert(code, (home.to_owned(), place));
                    }
                }
            }
        }
    }
    for (code, (_, place)) in &codes {
        if !repo.root().join(format!("docs/errors/{code}.md")).is_file() {
            findings.push(Finding::new(
                place.as_str(),
                format!("{code} has no page"),
                format!("write docs/errors/{code}.md: meaning, likely cause, remedy"),
            ));
        }
    }
    for file in repo.ending(".md") {
        let Some(code) = file
            .strip_prefix("docs/errors/")
            .and_then(|f| f.strip_suffix(".md"))
        else {
            continue;
        };
        if code == "README" {
            continue;
        }
        if !codes.contains_key(code) {
            findings.push(Finding::new(
                file,
                "no crate gives this code",
                "remove the page, or give the code (a retired code keeps its number free)",
            ));
        }
        let text = repo.text(file)?.unwrap_or_default();
        if !text
            .lines()
            .next()
            .is_some_and(|l| l.starts_with("# ") && l.contains(code))
        {
            findings.push(Finding::at(
                file,
                1,
                "does not begin with its code",
                format!("begin with `# {code}: what is wrong`"),
            ));
        }
        let lower = text.to_lowercase();
        for part in PARTS.iter().filter(|part| !lower.contains(*part)) {
            findings.push(Finding::new(
                file,
                format!("says nothing under \"{part}\""),
                "a page gives meaning, likely cause and remedy",
            ));
        }
    }
    Ok(findings)
}

/// Codes that stand as a whole text: `"CNB-STORE-0003"`.
fn quoted_codes(line: &str) -> Vec<String> {
    line.split('"')
        .skip(1)
        .step_by(2)
        .filter(|t| is_code(t))
        .map(str::to_owned)
        .collect()
}

fn is_code(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some("CNB"), Some(name), Some(number), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_uppercase())
        && number.len() == 4
        && number.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::repo::planted::plant;
    use super::*;

    #[test]
    fn codes_without_pages_and_pages_without_codes_are_found() {
        let page = "# CNB-A-0001: x\nMeaning. Likely cause. Remedy.\n";
        let planted = plant(&[
            (
                "foundation/a/src/lib.rs",
                "E::A => \"CNB-A-0001\",\nE::B => \"CNB-A-0002\",\n// \"CNB-A-0009\"\n",
            ),
            ("platform/b/src/lib.rs", "E::A => \"CNB-A-0001\",\n"),
            ("docs/errors/CNB-A-0001.md", page),
            (
                "docs/errors/CNB-A-0003.md",
                "# CNB-A-0003: x\nMeaning. Remedy.\n",
            ),
            ("docs/errors/README.md", "# Errors\n"),
        ]);
        let found: Vec<String> = check(&planted.repo)
            .expect("runs")
            .into_iter()
            .map(|f| f.place + " " + &f.what)
            .collect();
        assert_eq!(
            found,
            [
                "platform/b/src/lib.rs:1 CNB-A-0001 is already the code of foundation/a/src/lib.rs:1",
                "foundation/a/src/lib.rs:2 CNB-A-0002 has no page",
                "docs/errors/CNB-A-0003.md no crate gives this code",
                "docs/errors/CNB-A-0003.md says nothing under \"cause\"",
            ]
        );
    }
}
