//! `conurb doctor`: looks at the machine, a configuration and a data folder; says what to do.

use conurb_base::Coded as _;
use serde::Serialize;

use crate::cli::DoctorArgs;
use crate::fail::Failure;
use crate::node_dir;
use crate::out::say;

/// One thing looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    ok: bool,
    says: String,
    remedy: Option<String>,
}

impl Finding {
    fn good(what: &str, says: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            ok: true,
            says: says.into(),
            remedy: None,
        }
    }

    fn bad(what: &str, says: impl Into<String>, remedy: Option<String>) -> Self {
        Self {
            what: what.to_owned(),
            ok: false,
            says: says.into(),
            remedy,
        }
    }
}

/// Runs the command; exit 1 when something is wrong.
pub(crate) fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let mut findings = vec![machine(), scenarios()];
    if let Some(file) = &args.config {
        findings.push(configuration(file));
    }
    if let Some(dir) = &args.data {
        findings.extend(data(dir));
    }
    let wrong = findings.iter().filter(|f| !f.ok).count();
    if args.json {
        say(&serde_json::to_string_pretty(&findings).unwrap_or_default());
    } else {
        for f in &findings {
            say(&format!(
                "{} {}: {}",
                if f.ok { "ok  " } else { "FAIL" },
                f.what,
                f.says
            ));
            if let Some(remedy) = &f.remedy {
                say(&format!("     help: {remedy}"));
            }
        }
    }
    if wrong == 0 {
        Ok(())
    } else {
        Err(Failure::check(format!(
            "{wrong} of {} checks failed",
            findings.len()
        )))
    }
}

fn machine() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Finding::good(
        "machine",
        format!(
            "conurb {} on {} cores, {}",
            env!("CARGO_PKG_VERSION"),
            cores,
            std::env::consts::ARCH
        ),
    )
}

/// The scenarios of this build, each with all its blanks filled.
fn scenarios() -> Finding {
    let mut names = Vec::new();
    for entry in crate::registry::SCENARIOS {
        match conurb_scenario::Manifest::from_toml(entry.manifest, entry.id) {
            Ok(m) => names.push(format!("{} {}", m.id, m.version)),
            Err(e) => return Finding::bad("scenarios", e.to_string(), e.remedy()),
        }
    }
    let list = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    Finding::good("scenarios", list)
}

fn configuration(file: &std::path::Path) -> Finding {
    match crate::config::Config::load(Some(file), std::env::vars()) {
        Ok(c) => Finding::good(
            "configuration",
            format!("{} reads; city {}", file.display(), c.node.city),
        ),
        Err(e) => Finding::bad("configuration", e.to_string(), e.remedy()),
    }
}

fn data(dir: &std::path::Path) -> Vec<Finding> {
    let (folder, card) = match node_dir::locate(dir) {
        Ok(found) => found,
        Err(f) => return vec![Finding::bad("data", f.problem.detail, f.problem.remedy)],
    };
    let mut out = vec![Finding::good(
        "data",
        format!("{} is the data of city {}", folder.display(), card.city),
    )];
    let clock = conurb_base::SystemClock::shared();
    match node_dir::open(&folder, conurb_store::embedded::Durability::Synced, clock) {
        Ok(stores) => {
            out.push(Finding::good(
                "store",
                format!(
                    "{} entities, {} ledger lines",
                    stores.entities.len(),
                    stores.ledger.len()
                ),
            ));
        }
        Err(f) => out.push(Finding::bad("store", f.problem.detail, f.problem.remedy)),
    }
    let ledger = folder.join("ledger").join("ledger.jsonl");
    match std::fs::read(&ledger) {
        Ok(bytes) => match conurb_decide::verify_bytes(&bytes, &card.city, None) {
            Ok(v) => out.push(Finding::good(
                "ledger",
                format!("{} entries, head {}", v.entries, v.head),
            )),
            Err(b) => out.push(Finding::bad(
                "ledger",
                b.to_string(),
                Some("keep the file as evidence and restore it from a backup".into()),
            )),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            out.push(Finding::good("ledger", "none yet"))
        }
        Err(e) => out.push(Finding::bad("ledger", e.to_string(), None)),
    }
    out
}
