//! `cargo xtask tidy`: the rules of the house that a compiler does not know. Each finding says
//! where, what, and what to do about it. It also runs as a test of this crate.

mod dependencies;
mod errors;
mod layers;
mod licences;
mod links;
mod papers;
mod repo;
mod scenarios;
mod sources;

use anyhow::{Result, bail};

pub(crate) use dependencies::{PACKAGES_MAX, packages};

use crate::generate;
use repo::Repo;

/// Options of `cargo xtask tidy`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Show hints too: long files and functions that are still allowed.
    #[arg(long)]
    hints: bool,
    /// Run only these checks (may be given several times).
    #[arg(long, value_name = "CHECK")]
    only: Vec<String>,
    /// Say which checks there are and stop.
    #[arg(long)]
    list: bool,
}

/// Something that breaks a rule, or a hint that something grows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// `file:line`, or the file.
    place: String,
    /// What is there.
    what: String,
    /// What to do.
    remedy: String,
    /// Only worth knowing.
    hint: bool,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
            remedy: remedy.into(),
            hint: false,
        }
    }

    fn at(file: &str, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(format!("{file}:{line}"), what, remedy)
    }

    fn hint(mut self) -> Self {
        self.hint = true;
        self
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.hint { "hint: " } else { "" };
        write!(
            f,
            "{}: {kind}{}\n    -> {}",
            self.place, self.what, self.remedy
        )
    }
}

/// One check.
struct Check {
    name: &'static str,
    what: &'static str,
    run: fn(&Repo) -> Result<Vec<Finding>>,
}

/// All checks.
const CHECKS: &[Check] = &[
    Check {
        name: "layers",
        what: "crates depend downwards only",
        run: layers::check,
    },
    Check {
        name: "sources",
        what: "headers, sizes and banned calls of Rust files",
        run: sources::check,
    },
    Check {
        name: "words",
        what: "no absolute paths of somebody's machine",
        run: papers::words,
    },
    Check {
        name: "size",
        what: "no file above 1 MiB",
        run: papers::size,
    },
    Check {
        name: "adr",
        what: "decision records are numbered once and complete",
        run: papers::adr,
    },
    Check {
        name: "changes",
        what: "change fragments have their three lines",
        run: papers::changes,
    },
    Check {
        name: "links",
        what: "links and anchors in Markdown lead somewhere",
        run: links::check,
    },
    Check {
        name: "errors",
        what: "every error code has a page, every page a code",
        run: errors::check,
    },
    Check {
        name: "scenarios",
        what: "every scenario has all its parts",
        run: scenarios::check,
    },
    Check {
        name: "generated",
        what: "generated files are fresh",
        run: generated,
    },
    Check {
        name: "budget",
        what: "packages in the default build",
        run: dependencies::budget,
    },
    Check {
        name: "licences",
        what: "licences of all dependencies",
        run: licences::check,
    },
];

/// Runs the chosen checks and prints what they found.
pub(crate) fn main(args: &Args) -> Result<()> {
    if args.list {
        for check in CHECKS {
            println!("{:<10} {}", check.name, check.what);
        }
        return Ok(());
    }
    if let Some(unknown) = args
        .only
        .iter()
        .find(|o| CHECKS.iter().all(|c| c.name != *o))
    {
        let known: Vec<&str> = CHECKS.iter().map(|c| c.name).collect();
        bail!(
            "no check is called \"{unknown}\"; there are: {}",
            known.join(", ")
        );
    }
    let findings = look(&Repo::open()?, &args.only)?;
    let errors = findings.iter().filter(|f| !f.hint).count();
    let hints = findings.len() - errors;
    for finding in findings.iter().filter(|f| args.hints || !f.hint) {
        println!("{finding}");
    }
    println!(
        "tidy: {errors} findings, {hints} hints{}",
        if args.hints {
            ""
        } else {
            " (--hints shows them)"
        }
    );
    if errors > 0 {
        bail!("{errors} findings");
    }
    Ok(())
}

/// Runs checks by name; all of them when no name is given.
fn look(repo: &Repo, only: &[String]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for check in CHECKS {
        if only.is_empty() || only.iter().any(|o| o == check.name) {
            let mut found = (check.run)(repo)?;
            found.sort();
            findings.extend(found);
        }
    }
    Ok(findings)
}

/// Generated files that differ from what their generators give now. They are rewritten, so that
/// the second run passes: look at the change and commit it.
fn generated(repo: &Repo) -> Result<Vec<Finding>> {
    Ok(generate::refresh(repo.root())?
        .into_iter()
        .map(|file| {
            Finding::new(
                file,
                "was not fresh; it has been rewritten",
                "look at the change and commit it",
            )
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let repo = Repo::open().expect("the repository can be listed");
        let errors: Vec<String> = look(&repo, &[])
            .expect("all checks run")
            .into_iter()
            .filter(|f| !f.hint)
            .map(|f| f.to_string())
            .collect();
        assert!(
            errors.is_empty(),
            "{} findings:\n{}",
            errors.len(),
            errors.join("\n")
        );
    }
}
