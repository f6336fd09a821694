//! `cargo xtask new-scenario NAME`: a whole small scenario to start from, in one folder.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::generate;
use crate::generate::registry::package_name;
use crate::shell::{output, program, root};

/// The template: a scenario of its own, built and tested with the workspace.
const TEMPLATE: &str = "xtask/templates/example_scenario";
/// Longest name.
const NAME_MAX: usize = 40;

/// Options of `cargo xtask new-scenario`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name: lower-case letters, digits and underscores, e.g. `lake_basin`.
    name: String,
    /// Remove the scenario again: its folder, and its registration.
    #[arg(long)]
    remove: bool,
}

/// Makes or removes the folder, then everything that is generated from it.
pub(crate) fn main(args: &Args) -> Result<()> {
    let root = root();
    check_name(&args.name)?;
    let folder = format!("scenarios/{}", args.name);
    if args.remove {
        let path = root.join(&folder);
        if !path.join("scenario.toml").is_file() {
            bail!("there is no scenario in {folder}");
        }
        std::fs::remove_dir_all(&path).with_context(|| format!("cannot remove {folder}"))?;
        println!("removed: {folder}");
    } else {
        for file in copy(&root, &args.name)? {
            println!("new: {file}");
        }
        let sources = ["src/lib.rs", "tests/it/main.rs"].map(|f| format!("{folder}/{f}"));
        output(program("rustfmt").args(["--edition", "2024"]).args(sources))?;
    }
    for file in generate::refresh(&root)? {
        println!("rewritten: {file}");
    }
    if !args.remove {
        println!(
            "next: fill the blanks of {folder}/scenario.toml, then `cargo nextest run -p {}`; the checklist is in CONTRIBUTING.md",
            package_name(&args.name)
        );
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let fine = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('_')
        && !name.contains("__");
    if !fine || name.len() > NAME_MAX {
        bail!(
            "\"{name}\" is no name of a scenario: lower-case letters, digits and single underscores, at most {NAME_MAX}, a letter first"
        );
    }
    // A feature of the server is called after it.
    if matches!(
        name,
        "default" | "scenarios" | "full" | "studio" | "test" | "template"
    ) {
        bail!("\"{name}\" is taken; choose another name");
    }
    Ok(())
}

/// Copies the template under a new name; returns the files made.
fn copy(root: &Path, name: &str) -> Result<Vec<String>> {
    let target = format!("scenarios/{name}");
    if root.join(&target).exists() {
        bail!("{target} exists already");
    }
    let mut made = Vec::new();
    let mut folders = vec![root.join(TEMPLATE)];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inner = path
                .strip_prefix(root.join(TEMPLATE))
                .context("a file outside the template")?;
            let file = format!("{target}/{}", inner.display());
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let to = root.join(&file);
            std::fs::create_dir_all(to.parent().context("a file without folder")?)?;
            std::fs::write(&to, renamed(&text, name))
                .with_context(|| format!("cannot write {file}"))?;
            made.push(file);
        }
    }
    made.sort();
    Ok(made)
}

/// The template's text with its three names replaced. Rust sources are formatted again, since a
/// name of another length moves line breaks and a name of another letter the order of imports.
fn renamed(text: &str, name: &str) -> String {
    let camel: String = name
        .split('_')
        .map(|part| {
            let (first, rest) = part.split_at(1);
            first.to_ascii_uppercase() + rest
        })
        .collect();
    text.replace("example_scenario", name)
        .replace("example-scenario", &name.replace('_', "-"))
        .replace("ExampleScenario", &camel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_break_rust_or_cargo_are_refused() {
        for bad in [
            "",
            "Park",
            "9a",
            "a-b",
            "a__b",
            "_a",
            "a_",
            "../a",
            "default",
            &"a".repeat(41),
        ] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert!(check_name("demo_parking").is_ok());
    }

    #[test]
    fn a_copy_carries_the_new_name_everywhere_and_never_overwrites() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let from = root().join(TEMPLATE);
        let to = folder.path().join(TEMPLATE);
        for file in [
            "Cargo.toml",
            "scenario.toml",
            "src/lib.rs",
            "tests/it/main.rs",
        ] {
            std::fs::create_dir_all(to.join(file).parent().expect("a parent")).expect("a folder");
            std::fs::copy(from.join(file), to.join(file)).expect("the template has it");
        }
        let made = copy(folder.path(), "demo_parking").expect("copies");
        assert_eq!(made.len(), 4);
        for file in &made {
            let text = std::fs::read_to_string(folder.path().join(file)).expect("was written");
            assert!(
                !text.contains("example_scenario") && !text.contains("ExampleScenario"),
                "{file}"
            );
        }
        let manifest =
            std::fs::read_to_string(folder.path().join("scenarios/demo_parking/Cargo.toml"))
                .expect("is there");
        assert!(manifest.contains("name = \"conurb-demo-parking\""));
        assert!(copy(folder.path(), "demo_parking").is_err());
    }
}
