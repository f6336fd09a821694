//! The conformance kit: what every scenario's own tests call, so that none enters incomplete.
//!
//! ```no_run
//! # fn signals() -> Box<dyn conurb_scenario::Scenario> { unimplemented!() }
//! let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
//! conurb_scenario::kit::check_folder(folder).expect("all parts are there");
//! ```

use std::path::Path;

use crate::contract::Proposal;
use crate::error::ScenarioError;
use crate::manifest::Manifest;

/// The parts a scenario's folder must hold, and what each is for.
pub const PARTS: [(&str, &str); 5] = [
    ("scenario.toml", "the six blanks"),
    ("README.md", "formulae with source"),
    ("src/lib.rs", "the scenario"),
    ("stories", "at least two stories, one where things go wrong"),
    (
        "tests",
        "a golden day with and without the scenario from one seed",
    ),
];

/// Fewest stories.
const STORIES_MIN: usize = 2;

/// Checks a scenario's folder: every part is there, every blank is filled.
pub fn check_folder(folder: &Path) -> Result<Manifest, ScenarioError> {
    let part = |what: String| ScenarioError::Part {
        folder: folder.display().to_string(),
        what,
    };
    for (name, purpose) in PARTS {
        if !folder.join(name).exists() {
            return Err(part(format!("{name} is missing ({purpose})")));
        }
    }
    let count_of = |sub: &str, ending: &str| {
        std::fs::read_dir(folder.join(sub)).map_or(0, |entries| {
            entries
                .filter_map(Result::ok)
                .filter(|e| e.file_name().to_string_lossy().ends_with(ending))
                .count()
        })
    };
    let stories = count_of("stories", ".md");
    if stories < STORIES_MIN {
        return Err(part(format!(
            "stories/ holds {stories}, at least {STORIES_MIN} are asked"
        )));
    }
    let golden = has_golden(&folder.join("tests"));
    if !golden {
        return Err(part(
            "tests/ names no golden day (a test or file with `golden` in its name)".into(),
        ));
    }
    let file = folder.join("scenario.toml");
    let text = std::fs::read_to_string(&file).map_err(|e| part(format!("scenario.toml: {e}")))?;
    let manifest = Manifest::from_toml(&text, &file.display().to_string())?;
    let name = folder
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    if manifest.id != name {
        return Err(part(format!(
            "the manifest's id is \"{}\", the folder's name is \"{name}\"",
            manifest.id
        )));
    }
    Ok(manifest)
}

fn has_golden(tests: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(tests) else {
        return false;
    };
    entries.filter_map(Result::ok).any(|e| {
        let path = e.path();
        let named = e.file_name().to_string_lossy().contains("golden");
        named
            || (path.is_dir() && has_golden(&path))
            || (path.extension().is_some_and(|x| x == "rs")
                && std::fs::read_to_string(&path).is_ok_and(|t| t.contains("fn golden_")))
    })
}

/// Checks a proposal against the contract; the loop calls this on every one.
pub fn check_proposal(proposal: &Proposal) -> Result<(), String> {
    if proposal.options.is_empty() {
        return Err("a proposal without options".to_owned());
    }
    let Some(chosen) = proposal.options.get(proposal.chosen) else {
        return Err(format!(
            "option {} was chosen of {}",
            proposal.chosen,
            proposal.options.len()
        ));
    };
    if let Some(constraint) = &chosen.refused_by {
        return Err(format!("the chosen option is refused by {constraint}"));
    }
    if chosen.predicted.is_empty() {
        return Err("the chosen option has no prediction".to_owned());
    }
    for kpi in proposal.options.iter().flat_map(|o| &o.predicted) {
        if !kpi.value.is_finite() {
            return Err(format!("the prediction of {} is not a number", kpi.kpi));
        }
    }
    if proposal.why.zh.trim().is_empty() || proposal.why.en.trim().is_empty() {
        return Err("a proposal without a reason in both languages".to_owned());
    }
    if proposal.input_document.is_empty() {
        return Err("a proposal that keeps no inputs".to_owned());
    }
    Ok(())
}
