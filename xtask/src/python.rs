//! The Python package: its wheel is built, installed into a fresh environment and tested there.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::{Counts, output, program, run, run_tests, target_dir};

/// Builds wheels; a fixed minor version, so that a release of theirs does not break ours.
const MATURIN: &str = "maturin>=1.9,<2";

/// Builds, installs and tests.
pub(crate) fn test() -> Result<Counts> {
    let at = target_dir().join("python");
    let wheel = wheel(&at)?;
    let fresh = environment(&at.join("fresh"), true)?;
    let with_tests = format!("{}[test]", wheel.display());
    // Modules are compiled when they are imported: most of what is installed never is.
    run(pip(&fresh).args(["install", "--quiet", "--no-compile", &with_tests]))?;
    let mut pytest = program(&python(&fresh));
    pytest
        .current_dir(crate::shell::root().join("clients/python"))
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]);
    let binary = target_dir().join("debug/conurb");
    if binary.is_file() {
        pytest.env("CONURB_BIN", binary);
    }
    let (counts, well) = run_tests(&mut pytest)?;
    if !well && counts.failed == 0 {
        bail!("pytest failed before it could report a test; see above");
    }
    Ok(counts)
}

/// The wheel of the present tree, built with the optimised development profile.
fn wheel(at: &Path) -> Result<PathBuf> {
    let tools = environment(&at.join("tools"), false)?;
    run(pip(&tools).args(["install", "--quiet", MATURIN]))?;
    let wheels = at.join("wheels");
    if wheels.exists() {
        std::fs::remove_dir_all(&wheels).context("cannot clear the folder of wheels")?;
    }
    let maturin = tools.join("bin/maturin").display().to_string();
    run(program(&maturin)
        .args(["build", "--locked", "--quiet", "--profile", "dev"])
        .args(["--manifest-path", "clients/python/Cargo.toml", "--out"])
        .arg(&wheels))?;
    let found = std::fs::read_dir(&wheels)?
        .filter_map(Result::ok)
        .map(|e| e.path())
        .find(|p| p.extension().is_some_and(|x| x == "whl"));
    found.context("maturin built no wheel")
}

/// A virtual environment at `at`; made anew where `fresh`.
fn environment(at: &Path, fresh: bool) -> Result<PathBuf> {
    if fresh && at.exists() {
        std::fs::remove_dir_all(at).with_context(|| format!("cannot clear {}", at.display()))?;
    }
    if !at.join("bin/python").exists() {
        run(program("python3").args(["-m", "venv"]).arg(at))?;
    }
    Ok(at.to_owned())
}

fn python(environment: &Path) -> String {
    environment.join("bin/python").display().to_string()
}

fn pip(environment: &Path) -> std::process::Command {
    let mut command = program(&python(environment));
    command.args(["-m", "pip", "--disable-pip-version-check"]);
    command
}

/// Whether Python is there, new enough, and can make environments.
pub(crate) fn usable() -> bool {
    let ask = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";
    output(
        program("python3")
            .args(["-c", ask])
            .stderr(std::process::Stdio::null()),
    )
    .is_ok()
}
