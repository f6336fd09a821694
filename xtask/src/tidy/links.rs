//! Markdown: every link to a file or heading of the repository leads somewhere.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use anyhow::Result;

use super::Finding;
use super::repo::Repo;

/// Checks all Markdown files.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let mut anchors: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in repo.ending(".md") {
        anchors.insert(
            file.to_owned(),
            headings(&repo.text(file)?.unwrap_or_default()),
        );
    }
    let mut findings = Vec::new();
    // Templates hold links that lead somewhere once they are copied.
    for file in repo.ending(".md").filter(|f| !f.contains("/templates/")) {
        for (line, target) in targets(&repo.text(file)?.unwrap_or_default()) {
            if let Some(what) = broken(repo, &anchors, file, &target) {
                findings.push(Finding::at(
                    file,
                    line,
                    what,
                    "correct the link, or remove it",
                ));
            }
        }
    }
    Ok(findings)
}

/// What is wrong with a link, if anything.
fn broken(
    repo: &Repo,
    anchors: &BTreeMap<String, Vec<String>>,
    file: &str,
    target: &str,
) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None; // elsewhere: not ours to test without a network
    }
    let (path, anchor) = target
        .split_once('#')
        .map_or((target, None), |(p, a)| (p, Some(a)));
    let resolved = if path.is_empty() {
        file.to_owned()
    } else if path.starts_with('/') {
        return Some(format!("link \"{target}\" is absolute"));
    } else {
        let folder = Path::new(file).parent().unwrap_or(Path::new(""));
        match normal(&folder.join(path)) {
            Some(resolved) => resolved,
            None => return Some(format!("link \"{target}\" leaves the repository")),
        }
    };
    if !repo.root().join(&resolved).exists() {
        return Some(format!(
            "link \"{target}\" leads nowhere: there is no {resolved}"
        ));
    }
    let anchor = anchor?;
    let known = anchors.get(&resolved)?;
    (!known.iter().any(|a| a == anchor))
        .then(|| format!("link \"{target}\" leads nowhere: {resolved} has no heading #{anchor}"))
}

/// The path without `.` and `..`; `None` where it climbs out.
fn normal(path: &Path) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => {
                parts.pop()?;
            }
            _ => {}
        }
    }
    Some(parts.join("/"))
}

/// The lines of a document outside of code fences, with their numbers, inline code blanked.
fn prose(text: &str) -> Vec<(usize, String)> {
    let mut fence: Option<&str> = None;
    let mut lines = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|m| start.starts_with(m));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
            (None, None) => lines.push((i + 1, line.to_owned())),
        }
    }
    lines
}

/// The line without its inline code.
fn without_code(line: &str) -> String {
    line.split('`')
        .enumerate()
        .map(|(i, part)| if i % 2 == 0 { part } else { "" })
        .collect()
}

/// All link targets with their lines: `[text](target)` and `[name]: target`.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(&line);
        let mut rest = line.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let end = rest.find([')', ' ']).unwrap_or(rest.len());
            found.push((number, rest[..end].trim_matches(['<', '>']).to_owned()));
        }
        if line.starts_with('[')
            && let Some((_, target)) = line.split_once("]: ")
        {
            found.push((
                number,
                target
                    .split_whitespace()
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            ));
        }
    }
    found.retain(|(_, target)| !target.is_empty());
    found
}

/// The anchors of a document's headings, as GitHub makes them.
fn headings(text: &str) -> Vec<String> {
    let mut made: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let slug: String = title
            .trim()
            .chars()
            .filter_map(|c| match c {
                ' ' => Some('-'),
                '-' | '_' => Some(c),
                c if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
                _ => None,
            })
            .collect();
        let again = made
            .iter()
            .filter(|m| {
                **m == slug
                    || m.strip_prefix(&slug)
                        .is_some_and(|n| n.starts_with('-') && n[1..].parse::<u32>().is_ok())
            })
            .count();
        made.push(if again == 0 {
            slug
        } else {
            format!("{slug}-{again}")
        });
    }
    made
}

#[cfg(test)]
mod tests {
    use super::super::repo::planted::plant;
    use super::*;

    #[test]
    fn dead_links_and_anchors_are_found() {
        let planted = plant(&[
            (
                "README.md",
                "# A title, here\n[a](docs/a.md) [b](docs/none.md) [c](#a-title-here) [d](#none)\n`[x](y.md)`\n```\n[x](z.md)\n```\n[web](https://x.org/none)\n[r]: docs/gone.md\n",
            ),
            (
                "docs/a.md",
                "# A\n[up](../README.md#a-title-here) [out](../../x) [abs](/etc)\n[n](../README.md#no)\n",
            ),
        ]);
        let found: Vec<String> = check(&planted.repo)
            .expect("runs")
            .into_iter()
            .map(|f| f.place)
            .collect();
        assert_eq!(
            found,
            [
                "README.md:2",
                "README.md:2",
                "README.md:8",
                "docs/a.md:2",
                "docs/a.md:2",
                "docs/a.md:3"
            ]
        );
    }

    #[test]
    fn headings_become_anchors() {
        assert_eq!(
            headings("# `conurb up`: at wall time\n## Two\n## Two\n#no\n```\n# not this\n```\n"),
            ["conurb-up-at-wall-time", "two", "two-1"]
        );
    }
}
