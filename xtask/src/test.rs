//! `cargo xtask test`: builds and passes everything, step by step.

use anyhow::{Result, bail};

use crate::shell::{Counts, Stopwatch, cargo, human, on_path, run, run_tests};
use crate::{callgrind, tidy, tools};

/// Options of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run only these steps (may be given several times).
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Say which steps there are and stop.
    #[arg(long)]
    list: bool,
}

/// One step. It returns the tests it ran; an error is a failed step.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn() -> Result<Counts>,
}

/// The steps in order: cheap and telling ones first. Artefacts are built three times at most:
/// checked (clippy), for tests (dev) and for release; every later step reuses one of these.
const STEPS: &[Step] = &[
    Step {
        name: "tools",
        what: "programs the tests need",
        run: || tools::ensure().map(none),
    },
    Step {
        name: "fmt",
        what: "formatting",
        run: fmt,
    },
    Step {
        name: "clippy",
        what: "lints, warnings are errors",
        run: clippy,
    },
    Step {
        name: "tidy",
        what: "the rules of the house",
        run: tidy,
    },
    Step {
        name: "unit",
        what: "all tests of the workspace",
        run: unit,
    },
    Step {
        name: "doc",
        what: "examples in documentation",
        run: doc,
    },
    Step {
        name: "platform",
        what: "the platform with no scenario builds and passes",
        run: platform,
    },
    Step {
        name: "python",
        what: "the Python package, installed into a fresh environment",
        run: crate::python::test,
    },
    Step {
        name: "release",
        what: "the release binary and the bench program",
        run: release,
    },
    Step {
        name: "callgrind",
        what: "instruction counts of the hot loops",
        run: || callgrind::main(&callgrind::Args::default()),
    },
];

const fn none((): ()) -> Counts {
    Counts {
        passed: 0,
        failed: 0,
    }
}

/// Runs the chosen steps, all of them even when one fails, and sums up.
pub(crate) fn main(args: &Args) -> Result<()> {
    if args.list {
        for step in STEPS {
            println!("{:<10} {}", step.name, step.what);
        }
        return Ok(());
    }
    if let Some(unknown) = args
        .only
        .iter()
        .find(|o| STEPS.iter().all(|s| s.name != *o))
    {
        let known: Vec<&str> = STEPS.iter().map(|s| s.name).collect();
        bail!(
            "no step is called \"{unknown}\"; there are: {}",
            known.join(", ")
        );
    }
    let chosen: Vec<&Step> = STEPS
        .iter()
        .filter(|s| args.only.is_empty() || args.only.iter().any(|o| o == s.name))
        .collect();
    let whole = Stopwatch::start();
    let mut sum = Counts::default();
    let mut lines = Vec::new();
    for (i, step) in chosen.iter().enumerate() {
        println!("== {}/{} {}: {}", i + 1, chosen.len(), step.name, step.what);
        let watch = Stopwatch::start();
        let done = (step.run)();
        let took = human(watch.elapsed());
        let said = match done {
            Ok(counts) => {
                sum.passed += counts.passed;
                sum.failed += counts.failed;
                tell(counts)
            }
            Err(error) => {
                sum.failed += 1;
                format!("FAILED: {error:#}")
            }
        };
        println!("== {} took {took}: {said}\n", step.name);
        lines.push(format!("{:<10} {took:>12}  {said}", step.name));
    }
    println!("{}", lines.join("\n"));
    println!("all steps took {}", human(whole.elapsed()));
    println!("{} passed, {} failed", sum.passed, sum.failed);
    if sum.failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

fn tell(counts: Counts) -> String {
    match counts {
        Counts {
            passed: 0,
            failed: 0,
        } => "ok".to_owned(),
        Counts { passed, failed } => format!("{passed} passed, {failed} failed"),
    }
}

fn fmt() -> Result<Counts> {
    run(cargo().args(["fmt", "--all", "--check"])).map(none)
}

fn clippy() -> Result<Counts> {
    run(cargo().args([
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--quiet",
        "--",
        "-D",
        "warnings",
    ]))
    .map(none)
}

fn tidy() -> Result<Counts> {
    tidy::main(&tidy::Args::default()).map(none)
}

fn unit() -> Result<Counts> {
    tests(&["--workspace"])
}

fn doc() -> Result<Counts> {
    judge(run_tests(cargo().args([
        "test",
        "--locked",
        "--doc",
        "--workspace",
        "--quiet",
    ]))?)
}

fn platform() -> Result<Counts> {
    tests(&["--package", "conurb", "--no-default-features"])
}

fn release() -> Result<Counts> {
    run(cargo().args(["build", "--locked", "--release", "--package", "conurb"])).map(none)
}

/// Runs tests with nextest, or with `cargo test` where nextest is not installed.
fn tests(which: &[&str]) -> Result<Counts> {
    let mut command = cargo();
    if on_path("cargo-nextest") {
        command
            .args(["nextest", "run", "--locked", "--no-tests", "pass"])
            .args(which);
    } else {
        command
            .args([
                "test",
                "--locked",
                "--no-fail-fast",
                "--lib",
                "--bins",
                "--tests",
            ])
            .args(which);
    }
    judge(run_tests(&mut command)?)
}

/// A runner that fails without naming a failed test (it did not compile) is a failed step.
fn judge((counts, well): (Counts, bool)) -> Result<Counts> {
    if !well && counts.failed == 0 {
        bail!("the test runner failed before it could report a test; see above");
    }
    Ok(counts)
}
