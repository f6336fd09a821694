//! Scenarios: each folder has all its parts, and a manifest without an empty blank.

use anyhow::Result;

use super::Finding;
use super::repo::Repo;
use crate::generate::registry::{package_name, scenario_folders};

/// Files every scenario has.
const PARTS: &[(&str, &str)] = &[
    ("Cargo.toml", "the package"),
    ("scenario.toml", "the six blanks"),
    ("src/lib.rs", "the code"),
    ("README.md", "formulae with their sources"),
    (
        "tests/it/main.rs",
        "its tests, with the conformance kit and a golden day",
    ),
];

/// Fewest stories, one of them about things that go wrong.
const STORIES_MIN: usize = 2;

/// Blanks that are lists, and may not be empty.
const LISTS: &[&str] = &["entity", "model", "decision", "action", "kpi"];

/// Checks every folder under `scenarios/`.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for name in scenario_folders(repo.root())? {
        let folder = format!("scenarios/{name}");
        for (part, what) in PARTS
            .iter()
            .filter(|(p, _)| !repo.root().join(&folder).join(p).is_file())
        {
            findings.push(Finding::new(
                &folder,
                format!("has no {part} ({what})"),
                "see xtask/templates/scenario",
            ));
        }
        let stories = format!("{folder}/stories/");
        let count = repo
            .ending(".md")
            .filter(|f| f.starts_with(&stories))
            .count();
        if count < STORIES_MIN {
            findings.push(Finding::new(
                &folder,
                format!("has {count} stories, of {STORIES_MIN}"),
                "tell a user's errand in stories/*.md, and one where things go wrong",
            ));
        }
        let file = format!("{folder}/Cargo.toml");
        if repo.root().join(&file).is_file() {
            let wanted = format!("name = \"{}\"", package_name(&name));
            if !repo
                .text(&file)?
                .unwrap_or_default()
                .lines()
                .any(|l| l == wanted)
            {
                findings.push(Finding::new(
                    file,
                    "the package is not called after the folder",
                    format!("write {wanted}"),
                ));
            }
        }
        let file = format!("{folder}/scenario.toml");
        if repo.root().join(&file).is_file() {
            findings.extend(blanks(&file, &name, &repo.text(&file)?.unwrap_or_default()));
        }
    }
    Ok(findings)
}

/// Blanks that are empty.
fn blanks(file: &str, name: &str, text: &str) -> Vec<Finding> {
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            return vec![Finding::new(
                file,
                format!("is no TOML: {}", error.message()),
                "correct it",
            )];
        }
    };
    let mut findings = Vec::new();
    if table.get("id").and_then(toml::Value::as_str) != Some(name) {
        findings.push(Finding::new(
            file,
            "its id is not the folder's name",
            format!("write id = \"{name}\""),
        ));
    }
    for blank in LISTS {
        if table
            .get(*blank)
            .and_then(toml::Value::as_array)
            .is_none_or(|a| a.is_empty())
        {
            findings.push(Finding::new(
                file,
                format!("the blank [[{blank}]] is empty"),
                "fill it: no scenario runs with an empty blank",
            ));
        }
    }
    let border = table.get("border").and_then(toml::Value::as_table);
    let said = border.is_some_and(|b| {
        b.get("none").and_then(toml::Value::as_bool) == Some(true)
            || b.get("share")
                .and_then(toml::Value::as_array)
                .is_some_and(|a| !a.is_empty())
    });
    if !said {
        findings.push(Finding::new(
            file,
            "the blank [border] is empty",
            "list what is shared, or say none = true",
        ));
    }
    if !table.get("register").is_some_and(toml::Value::is_table) {
        findings.push(Finding::new(
            file,
            "has no [register] entry",
            "say what is decided, on what basis, and how to appeal",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::repo::planted::plant;
    use super::*;

    #[test]
    fn missing_parts_and_empty_blanks_are_found() {
        let planted = plant(&[
            (
                "scenarios/a_b/Cargo.toml",
                "[package]\nname = \"conurb-a\"\n",
            ),
            (
                "scenarios/a_b/scenario.toml",
                "id = \"a\"\nentity = []\n[border]\n",
            ),
            ("scenarios/a_b/stories/one.md", "# One\n"),
        ]);
        let found: Vec<String> = check(&planted.repo)
            .expect("runs")
            .into_iter()
            .map(|f| f.what)
            .collect();
        for what in [
            "has no src/lib.rs (the code)",
            "has no README.md (formulae with their sources)",
            "has 1 stories, of 2",
            "the package is not called after the folder",
            "its id is not the folder's name",
            "the blank [[entity]] is empty",
            "the blank [[kpi]] is empty",
            "the blank [border] is empty",
            "has no [register] entry",
        ] {
            assert!(found.iter().any(|f| f == what), "{what} in {found:#?}");
        }
    }
}
