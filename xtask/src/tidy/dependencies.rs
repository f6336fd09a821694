//! The package budget of the default build.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Finding;
use super::repo::Repo;
use crate::shell::{cargo, output};

/// Most packages the default features of the binary may reach on Linux.
pub(crate) const PACKAGES_MAX: usize = 450;

/// How many packages the default build compiles.
pub(crate) fn packages() -> Result<usize> {
    let tree = output(cargo().args([
        "tree",
        "--locked",
        "--target",
        "x86_64-unknown-linux-gnu",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--package",
        "conurb",
    ]))?;
    Ok(count(&tree))
}

/// Distinct packages in what `cargo tree` printed.
fn count(tree: &str) -> usize {
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .collect::<BTreeSet<_>>()
        .len()
}

/// A finding when the build is over its budget.
pub(super) fn budget(_: &Repo) -> Result<Vec<Finding>> {
    Ok(judge(packages()?))
}

fn judge(packages: usize) -> Vec<Finding> {
    if packages <= PACKAGES_MAX {
        return Vec::new();
    }
    vec![Finding::new(
        "Cargo.lock",
        format!("the default build compiles {packages} packages (limit {PACKAGES_MAX})"),
        "drop features first (default-features = false), then look at `cargo tree -d`, or move the crate behind a feature",
    )]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_counted_once_per_package_and_version() {
        let tree = "conurb v0.1.0 (x)\nserde v1.0.1\nserde v1.0.1 (*)\nserde v2.0.0\nserde_derive v1.0.1 (proc-macro)\n\n[build-dependencies]\n";
        assert_eq!(count(tree), 4);
    }

    #[test]
    fn a_build_over_budget_is_found() {
        assert!(judge(PACKAGES_MAX).is_empty());
        assert_eq!(judge(PACKAGES_MAX + 1).len(), 1);
    }
}
