//! A node's data folder: the stores, and the few facts that name it.

use std::path::{Path, PathBuf};

use conurb_base::SharedClock;
use conurb_context::Entity;
use conurb_store::{Stores, embedded};
use serde::{Deserialize, Serialize};

use crate::fail::{Failure, io};

/// `node.json`: what a folder is, readable without opening its stores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeCard {
    /// City id; the ledger's first hash is bound to it.
    pub(crate) city: String,
    /// Version that made the folder.
    pub(crate) made_by: String,
}

/// Finds the node folder in what the user named: the folder itself, or a day's `--out`.
pub(crate) fn locate(dir: &Path) -> Result<(PathBuf, NodeCard), Failure> {
    for candidate in [dir.to_path_buf(), dir.join("node")] {
        let card = candidate.join("node.json");
        if card.is_file() {
            let text = std::fs::read_to_string(&card).map_err(|e| io(&card, "cannot read", &e))?;
            let card = serde_json::from_str(&text)
                .map_err(|e| Failure::plain(format!("{}: {e}", card.display()), None))?;
            return Ok((candidate, card));
        }
    }
    Err(Failure::plain(
        format!("{} holds no node data (no node.json)", dir.display()),
        Some("name the folder of `conurb up` or the --out folder of `conurb day` with --data"),
    ))
}

/// Makes the folder if needed and leaves its card; a card of another city is an error.
pub(crate) fn prepare(dir: &Path, city: &str) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(|e| io(dir, "cannot create", &e))?;
    let path = dir.join("node.json");
    if path.is_file() {
        let (_, card) = locate(dir)?;
        if card.city != city {
            return Err(Failure::plain(
                format!(
                    "{} is the data of city \"{}\", not of \"{city}\"",
                    dir.display(),
                    card.city
                ),
                Some("choose another folder, or set node.city to the folder's city"),
            ));
        }
        return Ok(());
    }
    let card = NodeCard {
        city: city.to_owned(),
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let text = serde_json::to_string_pretty(&card).expect("two texts always serialise");
    std::fs::write(&path, text + "\n").map_err(|e| io(&path, "cannot write", &e))
}

/// Opens the stores of a node.
pub(crate) fn open(
    dir: &Path,
    durability: embedded::Durability,
    clock: SharedClock,
) -> Result<Stores<Entity>, Failure> {
    let options = embedded::EmbeddedOptions {
        durability,
        clock,
        ..embedded::EmbeddedOptions::default()
    };
    Ok(embedded::open(dir, options)?)
}
