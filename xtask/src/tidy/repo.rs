//! The files of the repository, as tidy sees them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::root;

/// Folders that hold no source, for the walk without git.
const SKIPPED: &[&str] = &[".git", "target", "out", "node_modules"];

/// A checkout.
#[derive(Debug)]
pub(crate) struct Repo {
    root: PathBuf,
    files: Vec<String>,
}

impl Repo {
    /// The repository this crate is part of.
    pub(crate) fn open() -> Result<Self> {
        Self::at(&root())
    }

    /// The repository at this folder: its tracked files and those that could be added, or, where
    /// git has nothing to say, all files.
    pub(crate) fn at(root: &Path) -> Result<Self> {
        let mut files = match Self::by_git(root) {
            Some(files) => files,
            None => Self::by_walk(root)?,
        };
        files.retain(|f| root.join(f).is_file());
        files.sort();
        Ok(Self {
            root: root.to_path_buf(),
            files,
        })
    }

    fn by_git(root: &Path) -> Option<Vec<String>> {
        if !root.join(".git").exists() {
            return None;
        }
        let out = std::process::Command::new("git")
            .current_dir(root)
            .args([
                "-c",
                "safe.directory=*",
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .output()
            .ok()
            .filter(|out| out.status.success())?;
        let text = String::from_utf8(out.stdout).ok()?;
        let unique: BTreeSet<&str> = text.split('\0').filter(|f| !f.is_empty()).collect();
        Some(unique.into_iter().map(str::to_owned).collect())
    }

    fn by_walk(root: &Path) -> Result<Vec<String>> {
        let mut files = Vec::new();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder)
                .with_context(|| format!("cannot list {}", folder.display()))?;
            for entry in entries {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if path.is_dir() && !path.is_symlink() {
                    if !SKIPPED.contains(&name.as_ref()) {
                        folders.push(path);
                    }
                } else if let Ok(relative) = path.strip_prefix(root) {
                    files.push(relative.to_string_lossy().replace('\\', "/"));
                }
            }
        }
        Ok(files)
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// All files, relative to the root, sorted.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// Files with this ending.
    pub(crate) fn ending(&self, suffix: &str) -> impl Iterator<Item = &str> {
        self.files().filter(move |f| f.ends_with(suffix))
    }

    /// A file's text; `None` where it is no UTF-8.
    pub(crate) fn text(&self, file: &str) -> Result<Option<String>> {
        let bytes =
            std::fs::read(self.root.join(file)).with_context(|| format!("cannot read {file}"))?;
        Ok(String::from_utf8(bytes).ok())
    }
}

#[cfg(test)]
pub(crate) mod planted {
    //! A small repository with whatever a test plants in it.

    use super::*;

    /// A folder that goes away with the test, and the repository in it.
    pub(crate) struct Planted {
        _folder: tempfile::TempDir,
        /// The repository.
        pub(crate) repo: Repo,
    }

    /// Plants files (path, text).
    pub(crate) fn plant(files: &[(&str, &str)]) -> Planted {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let repo = Repo::at(folder.path()).expect("a repository");
        Planted {
            _folder: folder,
            repo,
        }
    }

    #[test]
    fn without_git_the_folder_is_walked_and_build_output_skipped() {
        let planted = plant(&[("a/b.rs", "x"), ("target/c.rs", "x"), (".ci/run", "x")]);
        assert_eq!(
            planted.repo.files().collect::<Vec<_>>(),
            [".ci/run", "a/b.rs"]
        );
    }
}
