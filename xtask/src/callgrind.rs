//! `cargo xtask callgrind`: instruction counts of small deterministic pieces of work, against
//! committed figures. Quiet on busy machines, where times are not.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::bench;
use crate::shell::{Counts, on_path, output, program, root, target_dir};

/// The committed figures.
const FIGURES: &str = "benches/callgrind.json";
/// How far a count may rise above its figure.
const TOLERANCE: f64 = 0.05;

/// Options of `cargo xtask callgrind`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Take what is counted now as the new figures (say why in the commit).
    #[arg(long)]
    bless: bool,
}

/// Instructions by piece of work, and the toolchain they were counted with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Figures {
    /// `rustc --version`: another compiler gives other code.
    rustc: String,
    /// Instructions.
    instructions: BTreeMap<String, u64>,
}

/// Counts and compares; each piece of work counts as a test.
pub(crate) fn main(args: &Args) -> Result<Counts> {
    if !on_path("valgrind") {
        bail!("valgrind is not installed: sudo apt-get install -y valgrind");
    }
    let binary = bench::binary()?;
    let path = root().join(FIGURES);
    let known: Figures = match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).context(FIGURES)?,
        Err(_) => Figures::default(),
    };
    let rustc = output(program("rustc").arg("--version"))?.trim().to_owned();
    let mut now = Figures {
        rustc,
        ..Figures::default()
    };
    for work in output(program(&binary).arg("works"))?.lines() {
        now.instructions
            .insert(work.to_owned(), count(&binary, work)?);
    }
    if args.bless {
        std::fs::write(&path, serde_json::to_string_pretty(&now)? + "\n").context(FIGURES)?;
    }
    let against = if args.bless { &now } else { &known };
    let mut counts = Counts::default();
    for (work, instructions) in &now.instructions {
        let (line, fine) = judge(work, *instructions, against.instructions.get(work).copied());
        println!("   {line}");
        if fine {
            counts.passed += 1;
        } else {
            counts.failed += 1;
        }
    }
    if counts.failed > 0 && known.rustc != now.rustc && !known.rustc.is_empty() {
        println!(
            "   the figures are from {}, this is {}: `cargo xtask callgrind --bless`",
            known.rustc, now.rustc
        );
    }
    Ok(counts)
}

/// Instructions of one piece of work.
fn count(binary: &str, work: &str) -> Result<u64> {
    let out = program("valgrind")
        .args(["--tool=callgrind", "--error-exitcode=9"])
        .arg(format!(
            "--callgrind-out-file={}",
            target_dir().join("callgrind.out").display()
        ))
        .args([binary, "work", work])
        .output()
        .context("cannot start valgrind")?;
    let said = String::from_utf8_lossy(&out.stderr);
    if !out.status.success() {
        bail!(
            "work {work} failed under valgrind ({}):\n{said}",
            out.status
        );
    }
    collected(&said).with_context(|| format!("callgrind gave no count for {work}:\n{said}"))
}

/// The number in `==123== Collected : 456789`.
fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|l| l.contains("Collected"))?;
    line.split_once(':')?
        .1
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

fn judge(work: &str, now: u64, known: Option<u64>) -> (String, bool) {
    let Some(known) = known else {
        return (
            format!(
                "{work}: {now} instructions, and no committed figure: `cargo xtask callgrind --bless`"
            ),
            false,
        );
    };
    #[allow(clippy::cast_precision_loss)] // below 2^53
    let ratio = now as f64 / known as f64;
    let fine = ratio <= 1.0 + TOLERANCE;
    let verdict = if !fine {
        "SLOWER"
    } else if ratio < 1.0 - TOLERANCE {
        "ok, faster: bless it"
    } else {
        "ok"
    };
    (
        format!("{work}: {now} instructions, figure {known}, ratio {ratio:.3}: {verdict}"),
        fine,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_and_judged() {
        assert_eq!(
            collected("==1== Events    : Ir\n==1== Collected : 12345\n"),
            Some(12345)
        );
        assert_eq!(collected("nothing"), None);
        assert!(judge("w", 105, Some(100)).1);
        assert!(!judge("w", 106, Some(100)).1);
        assert!(
            !judge("w", 100, None).1,
            "work without a figure is not guarded"
        );
    }
}
