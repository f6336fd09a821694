//! The direction of crates: `foundation <- models`, `foundation <- platform`,
//! `{models, platform} <- {cluster, scenarios} <- server`; and which crate may know a heavy library.

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata};

use super::Finding;
use super::repo::Repo;

/// One of our crates depends on something.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edge {
    /// Folder of the crate that depends, e.g. `models/traffic`.
    from: String,
    /// Folder of the crate of ours it depends on, or the name of somebody else's crate.
    to: Target,
    /// Only for its tests.
    dev: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Ours(String),
    Theirs(String),
}

/// Libraries only some folders may know, and why.
const FENCED: &[(&str, &[&str], &str)] = &[
    ("axum", &["server"], "HTTP surfaces are wired in server"),
    (
        "clap",
        &["server", "xtask", "benches"],
        "only programs have a command line",
    ),
    (
        "anyhow",
        &["server", "xtask", "benches", "tests"],
        "a library has an error enum with codes",
    ),
    (
        "tokio",
        &[
            "server",
            "foundation/links",
            "foundation/store",
            "foundation/bus",
            "foundation/testkit",
            "cluster",
            "benches",
            "tests",
        ],
        "engines and the platform need no runtime",
    ),
    (
        "reqwest",
        &["server", "foundation/links", "cluster", "benches", "tests"],
        "network clients live in links",
    ),
    (
        "rumqttc",
        &["foundation/links", "benches", "tests"],
        "MQTT lives in links",
    ),
    ("rusqlite", &["foundation/store"], "SQL lives in the store"),
    (
        "parquet",
        &["foundation/store"],
        "history files live in the store",
    ),
];

/// Reads `cargo metadata` and judges every edge.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    if !repo.root().join("Cargo.toml").is_file() {
        return Ok(Vec::new());
    }
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(repo.root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cargo metadata")?;
    Ok(edges(&metadata).iter().filter_map(judge).collect())
}

fn edges(metadata: &Metadata) -> Vec<Edge> {
    let inside = |path: &cargo_metadata::camino::Utf8Path| {
        path.strip_prefix(&metadata.workspace_root)
            .ok()
            .map(|p| p.as_str().replace('\\', "/"))
    };
    let mut edges = Vec::new();
    for package in &metadata.packages {
        let Some(from) = package.manifest_path.parent().and_then(inside) else {
            continue;
        };
        for dependency in &package.dependencies {
            let to = match dependency.path.as_deref().and_then(inside) {
                Some(folder) => Target::Ours(folder),
                None => Target::Theirs(dependency.name.clone()),
            };
            edges.push(Edge {
                from: from.clone(),
                to,
                dev: dependency.kind == DependencyKind::Development,
            });
        }
    }
    edges
}

fn judge(edge: &Edge) -> Option<Finding> {
    let place = format!("{}/Cargo.toml", edge.from);
    match &edge.to {
        Target::Theirs(name) => {
            let (_, allowed, why) = FENCED.iter().find(|(fenced, _, _)| fenced == name)?;
            let fine = edge.dev || allowed.iter().any(|a| within(&edge.from, a));
            (!fine).then(|| {
                Finding::new(
                    place,
                    format!("depends on {name}, which only {} may", allowed.join(", ")),
                    format!("{why}: take what you need through a port"),
                )
            })
        }
        Target::Ours(to) => {
            let remedy = forbidden(&edge.from, to, edge.dev)?;
            Some(Finding::new(
                place,
                format!("{} depends on {to}", edge.from),
                remedy,
            ))
        }
    }
}

fn within(folder: &str, of: &str) -> bool {
    folder == of
        || folder
            .strip_prefix(of)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// Why `from` may not depend on `to`; `None` when it may.
fn forbidden(from: &str, to: &str, dev: bool) -> Option<&'static str> {
    if to == "foundation/testkit" {
        return (!dev && !matches!(from, "foundation/testkit" | "benches"))
            .then_some("the test kit is for [dev-dependencies] and benches only");
    }
    // The template of a scenario keeps a scenario's rules.
    let layer = |folder: &str| match folder.strip_prefix("xtask/templates/") {
        Some(_) => "scenarios".to_owned(),
        None => folder.split('/').next().unwrap_or_default().to_owned(),
    };
    let basic = matches!(to, "foundation/base" | "foundation/geo");
    match (layer(from).as_str(), layer(to).as_str()) {
        ("foundation", "foundation") | ("platform", "foundation" | "platform") => None,
        ("foundation", _) => {
            Some("foundation knows nothing above it: move the code up, or make a port")
        }
        ("models", "foundation") if basic => None,
        ("models", _) => Some(
            "an engine stands on foundation/base and foundation/geo alone: numbers in, numbers out",
        ),
        ("platform", _) => {
            Some("the platform depends on foundation only: take the model through a scenario")
        }
        ("cluster", "foundation" | "platform" | "models" | "cluster") => None,
        ("cluster", _) => Some("the cluster stands on foundation, platform and models"),
        ("scenarios", "foundation") if basic => None,
        ("scenarios", "models" | "platform") => None,
        ("scenarios", "foundation") => Some(
            "a scenario reaches stores, buses and links only through what the platform hands it",
        ),
        ("scenarios", "scenarios") => {
            Some("scenarios never depend on one another: meet in the context, through entities")
        }
        ("scenarios", _) => Some("a scenario stands on platform and models"),
        ("server", "foundation" | "models" | "platform" | "cluster" | "scenarios") => None,
        ("server", _) => Some("the product does not depend on its tooling"),
        ("benches" | "tests" | "fuzz" | "examples" | "clients", "xtask") => {
            Some("nothing depends on xtask")
        }
        ("benches" | "tests" | "fuzz" | "examples" | "clients", _) => None,
        ("xtask", _) => Some("xtask must build when the product does not"),
        _ => Some("this folder is in no layer of ARCHITECTURE.md: put the crate in one, by an ADR"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upward_edges_are_refused() {
        for (from, to) in [
            ("foundation/store", "platform/context"),
            ("foundation/base", "models/traffic"),
            ("models/traffic", "platform/context"),
            ("models/traffic", "foundation/store"),
            ("models/transit", "models/traffic"),
            ("platform/think", "models/traffic"),
            ("platform/act", "scenarios/signals"),
            ("scenarios/signals", "scenarios/parking"),
            ("scenarios/signals", "foundation/store"),
            ("scenarios/signals", "server"),
            ("server", "xtask"),
            ("xtask", "foundation/base"),
            ("benches", "xtask"),
            ("misc/new", "foundation/base"),
        ] {
            assert!(
                forbidden(from, to, false).is_some(),
                "{from} -> {to} must be refused"
            );
        }
    }

    #[test]
    fn downward_edges_are_fine() {
        for (from, to) in [
            ("foundation/store", "foundation/base"),
            ("models/traffic", "foundation/geo"),
            ("platform/context", "foundation/store"),
            ("platform/decide", "platform/think"),
            ("scenarios/signals", "models/traffic"),
            ("scenarios/signals", "platform/scenario"),
            ("cluster/federation", "platform/context"),
            ("server", "scenarios/signals"),
            ("benches", "server"),
        ] {
            assert_eq!(forbidden(from, to, false), None, "{from} -> {to}");
        }
    }

    #[test]
    fn the_test_kit_is_for_tests() {
        assert!(forbidden("models/traffic", "foundation/testkit", false).is_some());
        assert_eq!(
            forbidden("models/traffic", "foundation/testkit", true),
            None
        );
        assert_eq!(forbidden("benches", "foundation/testkit", false), None);
        assert!(forbidden("server", "foundation/testkit", false).is_some());
    }

    #[test]
    fn a_heavy_library_stays_in_its_crate() {
        let edge = |from: &str, dev| Edge {
            from: from.into(),
            to: Target::Theirs("axum".into()),
            dev,
        };
        assert!(judge(&edge("platform/context", false)).is_some());
        assert!(
            judge(&edge("serverless", false)).is_some(),
            "a longer name is another folder"
        );
        assert_eq!(judge(&edge("server", false)), None);
        assert_eq!(judge(&edge("platform/context", true)), None);
    }
}
