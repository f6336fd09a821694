//! What a bench is told, and where its files go.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// How to run.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// A short run, for continuous integration: the figures are rougher.
    pub(crate) quick: bool,
}

impl Options {
    /// The built `conurb`, beside this program.
    pub(crate) fn conurb(&self) -> Result<PathBuf> {
        let here = std::env::current_exe().context("where is this program?")?;
        let path = here.with_file_name("conurb");
        ensure!(
            path.is_file(),
            "{} is not built; `cargo xtask bench` builds it",
            path.display()
        );
        Ok(path)
    }
}

/// A folder of its own under the target folder (a real disk, where `/tmp` may be memory); removed
/// at the end.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// An empty folder for the bench of this name.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let here = std::env::current_exe().context("where is this program?")?;
        let folder = here.with_file_name(format!("bench-{name}-{}", std::process::id()));
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self(folder))
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is in the target folder, which is nobody's treasure.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
