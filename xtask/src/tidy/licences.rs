//! Licences of all dependencies against `deny.toml`: by cargo-deny where it is installed, else by
//! a small reading of SPDX expressions.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::Finding;
use super::repo::Repo;
use crate::shell::{cargo, on_path, run};

/// What may be used.
#[derive(Debug, Default)]
struct Policy {
    allow: BTreeSet<String>,
    exceptions: BTreeMap<String, BTreeSet<String>>,
}

impl Policy {
    /// Reads the `[licenses]` part of `deny.toml`.
    fn read(text: &str) -> Result<Self> {
        let table: toml::Table = text.parse().context("deny.toml")?;
        let licenses = table
            .get("licenses")
            .and_then(toml::Value::as_table)
            .context("deny.toml has no [licenses]")?;
        let texts = |value: Option<&toml::Value>| -> BTreeSet<String> {
            value
                .and_then(toml::Value::as_array)
                .map(|a| {
                    a.iter()
                        .filter_map(|v| v.as_str().map(str::to_owned))
                        .collect()
                })
                .unwrap_or_default()
        };
        let mut exceptions = BTreeMap::new();
        for entry in licenses
            .get("exceptions")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
        {
            let name = entry
                .get("crate")
                .and_then(toml::Value::as_str)
                .context("an exception names no crate")?;
            exceptions.insert(name.to_owned(), texts(entry.get("allow")));
        }
        Ok(Self {
            allow: texts(licenses.get("allow")),
            exceptions,
        })
    }

    /// Whether a crate may be used under this expression.
    fn accepts(&self, name: &str, expression: &str) -> bool {
        let extra = self.exceptions.get(name);
        let allowed = |licence: &str| {
            self.allow.contains(licence) || extra.is_some_and(|e| e.contains(licence))
        };
        // Before SPDX, `/` meant OR.
        let text = expression
            .replace('/', " OR ")
            .replace('(', " ( ")
            .replace(')', " ) ");
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut at = 0;
        let fine = either(&words, &mut at, &allowed);
        fine && at == words.len()
    }
}

/// `a OR b`: one is enough.
fn either(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut fine = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        fine |= both(words, at, allowed);
    }
    fine
}

/// `a AND b`: all are needed; it binds closer than OR.
fn both(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut fine = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        fine &= one(words, at, allowed);
    }
    fine
}

fn one(words: &[&str], at: &mut usize, allowed: &dyn Fn(&str) -> bool) -> bool {
    let Some(word) = words.get(*at) else {
        return false;
    };
    *at += 1;
    if *word == "(" {
        let fine = either(words, at, allowed);
        *at += 1; // the closing one
        return fine;
    }
    if words.get(*at) == Some(&"WITH") {
        let whole = format!("{word} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
        return allowed(&whole) || allowed(word);
    }
    allowed(word)
}

/// Checks everything the workspace can compile on Linux.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    if on_path("cargo-deny") {
        return Ok(
            match run(cargo().args([
                "deny",
                "--all-features",
                "check",
                "licenses",
                "bans",
                "sources",
            ])) {
                Ok(()) => Vec::new(),
                Err(error) => vec![Finding::new(
                    "deny.toml",
                    error.to_string(),
                    "see what cargo-deny said above",
                )],
            },
        );
    }
    let text = repo.text("deny.toml")?.context("deny.toml is no UTF-8")?;
    let policy = Policy::read(&text)?;
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(repo.root().join("Cargo.toml"))
        .other_options(
            ["--locked", "--filter-platform", "x86_64-unknown-linux-gnu"].map(str::to_owned),
        )
        .exec()
        .context("cargo metadata")?;
    let reached: BTreeSet<_> = metadata
        .resolve
        .as_ref()
        .map(|r| r.nodes.iter().map(|n| n.id.clone()).collect())
        .unwrap_or_default();
    let used = metadata
        .packages
        .iter()
        .filter(|p| reached.contains(&p.id) && p.source.is_some());
    Ok(used
        .filter_map(|p| {
            judge(
                &policy,
                &p.name,
                &p.version.to_string(),
                p.license.as_deref(),
            )
        })
        .collect())
}

fn judge(policy: &Policy, name: &str, version: &str, licence: Option<&str>) -> Option<Finding> {
    let expression = licence.unwrap_or("(none given)");
    (!policy.accepts(name, expression)).then(|| {
        Finding::new(
            "deny.toml",
            format!("{name} {version} is under {expression}, which is not allowed"),
            "use another crate, or add an exception with its reason",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy::read("[licenses]\nallow = [\"MIT\", \"Apache-2.0\"]\nexceptions = [{ crate = \"u\", allow = [\"Unicode-3.0\"] }]\n").expect("reads")
    }

    #[test]
    fn expressions_are_read() {
        let p = policy();
        for fine in [
            "MIT",
            "MIT OR GPL-3.0",
            "GPL-3.0/MIT",
            "(MIT OR GPL-3.0) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(p.accepts("x", fine), "{fine}");
        }
        for bad in [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "MIT OR GPL-3.0 )",
            "",
            "MIT MIT",
            "Unicode-3.0",
        ] {
            assert!(!p.accepts("x", bad), "{bad}");
        }
        assert!(p.accepts("u", "MIT AND Unicode-3.0"));
    }

    #[test]
    fn a_forbidden_or_missing_licence_is_found() {
        assert!(judge(&policy(), "transit", "1.0.0", Some("AGPL-3.0")).is_some());
        assert!(judge(&policy(), "nameless", "1.0.0", None).is_some());
        assert_eq!(
            judge(&policy(), "serde", "1.0.0", Some("MIT OR Apache-2.0")),
            None
        );
    }
}
