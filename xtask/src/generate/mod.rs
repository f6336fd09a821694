//! `cargo xtask generate`: files that are made from others, and committed. A test makes them again
//! and fails once, having rewritten what was stale.

mod indexes;
pub(crate) mod registry;

use std::path::Path;

use anyhow::{Context, Result};

use crate::shell::{cargo, output, root};

/// A file and what it should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// Path relative to the root.
    pub(crate) file: String,
    /// Its whole text.
    pub(crate) text: String,
}

/// Rewrites what is stale and says what that was.
pub(crate) fn main() -> Result<()> {
    let stale = refresh(&root())?;
    for file in &stale {
        println!("rewritten: {file}");
    }
    println!("generate: {} files rewritten", stale.len());
    Ok(())
}

/// Rewrites stale files; returns their names. An empty answer means everything was fresh.
pub(crate) fn refresh(root: &Path) -> Result<Vec<String>> {
    let mut made = registry::make(root)?;
    made.extend(indexes::make(root)?);
    let mut stale = Vec::new();
    for Made { file, text } in made {
        let path = root.join(&file);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        std::fs::write(&path, text).with_context(|| format!("cannot write {file}"))?;
        stale.push(file);
    }
    if stale.iter().any(|f| f.ends_with("Cargo.toml")) {
        lock()?;
    }
    Ok(stale)
}

/// Brings `Cargo.lock` up to date with our own manifests, touching no other package.
fn lock() -> Result<()> {
    output(cargo().args(["update", "--workspace", "--offline", "--quiet"])).map(|_| ())
}
