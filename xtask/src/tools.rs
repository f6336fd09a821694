//! What the tests need from the machine, and how it gets there.

use anyhow::{Result, bail};

use crate::shell::{on_path, output, program, run};

/// Something a test needs.
struct Need {
    /// A program on the path, or a file, whose presence proves it.
    proof: &'static str,
    /// The Debian package that brings it.
    package: &'static str,
    /// Who needs it.
    why: &'static str,
}

/// All of it, in one place.
const NEEDS: &[Need] = &[
    Need {
        proof: "cc",
        package: "build-essential",
        why: "linking; SQLite and zstd are C",
    },
    Need {
        proof: "git",
        package: "git",
        why: "tidy looks at tracked files",
    },
    Need {
        proof: "mosquitto",
        package: "mosquitto",
        why: "MQTT tests against a real broker",
    },
    Need {
        proof: "python3 with venv",
        package: PYTHON,
        why: "the Python package is tested in an environment of its own",
    },
    Need {
        proof: "valgrind",
        package: "valgrind",
        why: "instruction-count guards",
    },
    Need {
        proof: "chromium",
        package: "chromium",
        why: "the report is opened in a real browser",
    },
    Need {
        proof: "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
        package: "fonts-noto-cjk",
        why: "Chinese text in that browser",
    },
];

/// Proven by asking it, not by a file: Debian splits Python into parts.
const PYTHON: &str = "python3-venv";

/// How often an apt command is tried while another process holds its lock.
const APT_TRIES: u32 = 5;

fn present(need: &Need) -> bool {
    if need.package == PYTHON {
        return crate::python::usable();
    }
    if need.proof.starts_with('/') {
        std::path::Path::new(need.proof).exists()
    } else {
        // Debian keeps daemons in sbin, which a user's path may lack.
        on_path(need.proof) || std::path::Path::new("/usr/sbin").join(need.proof).is_file()
    }
}

/// Makes sure all tools are there: root installs what is missing through apt, anyone else is
/// told what to install.
pub(crate) fn ensure() -> Result<()> {
    if !on_path("cargo-nextest") {
        println!("   cargo-nextest is absent: falling back to `cargo test` (slower, same tests)");
    }
    let missing: Vec<&Need> = NEEDS.iter().filter(|n| !present(n)).collect();
    if missing.is_empty() {
        println!(
            "   all there: {}",
            NEEDS
                .iter()
                .map(|n| n.package)
                .collect::<Vec<_>>()
                .join(", ")
        );
        return Ok(());
    }
    for need in &missing {
        println!("   missing: {} ({})", need.package, need.why);
    }
    let packages: Vec<&str> = missing.iter().map(|n| n.package).collect();
    if !on_path("apt-get") || !is_root() {
        bail!(
            "install what is missing, then run this again: sudo apt-get update && sudo apt-get install -y --no-install-recommends {}",
            packages.join(" ")
        );
    }
    apt(&["update", "-qq"])?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(&packages);
    apt(&install)?;
    match missing.iter().find(|n| !present(n)) {
        Some(still) => bail!(
            "{} was installed, yet {} is not there",
            still.package,
            still.proof
        ),
        None => Ok(()),
    }
}

/// Runs apt-get, waiting for its lock.
fn apt(args: &[&str]) -> Result<()> {
    let mut last = None;
    for attempt in 1..=APT_TRIES {
        let done = run(program("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-o", "DPkg::Lock::Timeout=120"])
            .args(args));
        match done {
            Ok(()) => return Ok(()),
            Err(error) => {
                println!("   attempt {attempt} of {APT_TRIES}: {error}");
                last = Some(error);
            }
        }
        std::thread::sleep(std::time::Duration::from_secs(3 * u64::from(attempt)));
    }
    Err(last.unwrap_or_else(|| anyhow::anyhow!("apt-get was never run")))
}

fn is_root() -> bool {
    output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
