//! Files that are not code: their size, their words, decision records and change fragments.

use std::collections::BTreeMap;

use anyhow::Result;

use super::Finding;
use super::repo::Repo;

/// Largest file in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Beginnings of absolute paths that exist on one machine only.
const MACHINE_PATHS: &[&str] = &["/home/", "/root/", "/Users/", "/mnt/", "C:\\Users\\"];

/// This list itself.
const MAY_NAME_THEM: &str = "xtask/src/tidy/papers.rs";

/// No file above 1 MiB.
pub(super) fn size(repo: &Repo) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in repo.files() {
        let bytes = std::fs::metadata(repo.root().join(file))?.len();
        if bytes > FILE_BYTES_MAX {
            findings.push(Finding::new(
                file,
                format!("has {bytes} bytes (limit {FILE_BYTES_MAX})"),
                "keep data outside the repository, or generate it from a seed",
            ));
        }
    }
    Ok(findings)
}

/// No paths of somebody's machine.
pub(super) fn words(repo: &Repo) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in repo.files().filter(|f| *f != MAY_NAME_THEM) {
        let Some(text) = repo.text(file)? else {
            continue;
        };
        for (i, line) in text.lines().enumerate() {
            if let Some(path) = MACHINE_PATHS.iter().find(|p| names_path(line, p)) {
                findings.push(Finding::at(
                    file,
                    i + 1,
                    format!("names an absolute path of one machine ({path}...)"),
                    "write it relative to the repository, or as a placeholder",
                ));
            }
        }
    }
    Ok(findings)
}

/// Whether the path starts here, rather than being the middle of a longer one or of a URL.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        line[..at]
            .chars()
            .next_back()
            .is_none_or(|c| !c.is_alphanumeric() && !"._-}>~*/".contains(c))
    })
}

/// Parts every decision record has, as a heading or in bold.
const ADR_PARTS: &[&str] = &[
    "context",
    "options",
    "decision",
    "consequences",
    "what would change our mind",
];

/// Whether a line begins a part: `## Context`, `**Context.** ...`.
fn begins(line: &str, part: &str) -> bool {
    let line = line.to_lowercase();
    (line.starts_with('#') || line.starts_with("**"))
        && line.trim_start_matches(['#', '*', ' ']).starts_with(part)
}

/// Decision records: numbered once, with all parts.
pub(super) fn adr(repo: &Repo) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for file in repo.ending(".md") {
        let Some(name) = file.strip_prefix("docs/adr/") else {
            continue;
        };
        if matches!(name, "README.md" | "template.md") {
            continue;
        }
        let number = name.split('-').next().unwrap_or_default();
        if number.len() != 4 || number.parse::<u32>().is_err() {
            findings.push(Finding::new(
                file,
                "has no four-digit number",
                "name it NNNN-short-title.md",
            ));
            continue;
        }
        if let Some(other) = seen.insert(number, file) {
            findings.push(Finding::new(
                file,
                format!("has the number of {other}"),
                "take the next free number",
            ));
        }
        let text = repo.text(file)?.unwrap_or_default();
        for part in ADR_PARTS
            .iter()
            .filter(|part| !text.lines().any(|l| begins(l, part)))
        {
            findings.push(Finding::new(
                file,
                format!("has no part \"{part}\""),
                "see docs/adr/template.md",
            ));
        }
    }
    Ok(findings)
}

/// Change fragments: three lines, `kind:`, `what:`, `you:`.
pub(super) fn changes(repo: &Repo) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in repo.ending(".md") {
        let Some(name) = file.strip_prefix("changes/unreleased/") else {
            continue;
        };
        if name == "README.md" {
            continue;
        }
        let text = repo.text(file)?.unwrap_or_default();
        let mut lines = text.lines();
        for key in ["kind: ", "what: ", "you: "] {
            if !lines
                .next()
                .is_some_and(|l| l.len() > key.len() && l.starts_with(key))
            {
                findings.push(Finding::new(
                    file,
                    format!("has no line \"{key}...\" in its place"),
                    "see changes/unreleased/README.md",
                ));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::super::repo::planted::plant;
    use super::*;

    #[test]
    fn a_large_file_is_found() {
        let big = "x".repeat(usize::try_from(FILE_BYTES_MAX).expect("small") + 1);
        let planted = plant(&[("a.bin", &big), ("b.txt", "x")]);
        let found = size(&planted.repo).expect("runs");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "a.bin");
    }

    #[test]
    fn a_machine_path_is_found_and_a_longer_path_is_not() {
        let planted = plant(&[
            ("docs/a.md", "see\n`/home/me/x`\n"),
            ("docs/b.md", "https://x.org/work/y and a/root/b"),
        ]);
        let found = words(&planted.repo).expect("runs");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "docs/a.md:2");
    }

    #[test]
    fn a_number_given_twice_and_a_missing_part_are_found() {
        let whole = "# T\n## Context\n## Options\n## Decision\n## Consequences\n## What would change our mind\n";
        let planted = plant(&[
            ("docs/adr/0001-a.md", whole),
            ("docs/adr/0001-b.md", whole),
            ("docs/adr/0002-c.md", "# T\n"),
            ("docs/adr/x.md", whole),
        ]);
        let found = adr(&planted.repo).expect("runs");
        let of = |file: &str| found.iter().filter(|f| f.place == file).count();
        assert_eq!((of("docs/adr/0001-a.md"), of("docs/adr/0001-b.md")), (0, 1));
        assert_eq!(
            (of("docs/adr/0002-c.md"), of("docs/adr/x.md")),
            (ADR_PARTS.len(), 1)
        );
    }

    #[test]
    fn a_fragment_without_its_lines_is_found() {
        let planted = plant(&[
            (
                "changes/unreleased/3-a.md",
                "kind: new\nwhat: x\nyou: nothing\n",
            ),
            ("changes/unreleased/3-b.md", "kind: new\nwhat: x\n"),
        ]);
        let found = changes(&planted.repo).expect("runs");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "changes/unreleased/3-b.md");
    }
}
