//! Running other programs: where, with which environment, and what they said.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The repository's root: the parent of this crate's folder.
pub(crate) fn root() -> PathBuf {
    // At run time where cargo says so (a checkout may have moved), else where it was built.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let here = manifest
        .filter(|dir| dir.ends_with("xtask"))
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.parent()
        .map_or_else(|| here.clone(), Path::to_path_buf)
}

/// A program in the repository's root.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root());
    command
}

/// `cargo` in the repository's root, without what an outer `cargo run` told this process about
/// itself: build scripts watch those variables and would run again.
pub(crate) fn cargo() -> Command {
    let mut command = program(&std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || name.starts_with("CARGO_BIN_")
            || name.starts_with("CARGO_CRATE_")
            || name.starts_with("NEXTEST")
            || name == "CARGO_PRIMARY_PACKAGE"
        {
            command.env_remove(&key);
        }
    }
    command
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || root().join("target"),
        |dir| {
            let dir = PathBuf::from(dir);
            if dir.is_absolute() {
                dir
            } else {
                root().join(dir)
            }
        },
    )
}

/// Whether a program of this name is on the path.
pub(crate) fn on_path(name: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(name).is_file()))
}

/// The command as a person would type it.
pub(crate) fn spoken(command: &Command) -> String {
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    std::iter::once(name)
        .chain(command.get_args().map(|a| a.to_string_lossy().into_owned()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs it with its output on ours; an error unless it ends well.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("   $ {}", spoken(command));
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", spoken(command)))?;
    if status.success() {
        Ok(())
    } else {
        bail!("`{}` ended with {status}", spoken(command))
    }
}

/// Runs it and returns what it wrote to standard output; an error unless it ends well.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let out = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", spoken(command)))?;
    if !out.status.success() {
        bail!("`{}` ended with {}", spoken(command), out.status);
    }
    String::from_utf8(out.stdout).with_context(|| format!("{}: no UTF-8", spoken(command)))
}

/// How many tests passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Passed.
    pub(crate) passed: u64,
    /// Failed, timed out or could not start.
    pub(crate) failed: u64,
}

impl Counts {
    /// Adds what one line of output says about tests, if it says anything.
    fn read(&mut self, line: &str) {
        // nextest: "Summary [   1.2s] 12 tests run: 11 passed (1 slow), 1 failed, 3 skipped"
        let nextest = line
            .trim_start()
            .starts_with("Summary [")
            .then(|| line.split_once(" run: "))
            .flatten();
        // libtest: "test result: ok. 5 passed; 0 failed; 1 ignored; ..."
        let libtest = line
            .split_once("test result: ")
            .and_then(|(_, r)| r.split_once(". "));
        // pytest: "8 passed, 1 skipped in 1.06s", with or without a frame of `=`
        let pytest = line
            .trim_matches(['=', ' ', '\n'])
            .rsplit_once(" in ")
            .filter(|(head, time)| {
                head.starts_with(|c: char| c.is_ascii_digit()) && time.ends_with('s')
            })
            .map(|(head, _)| ("", head));
        let Some((_, tail)) = nextest.or(libtest).or(pytest) else {
            return;
        };
        for part in tail.split([',', ';', '(', ')']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(word)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match word {
                "passed" => self.passed += number,
                "failed" | "timed" | "exec" | "error" | "errors" => self.failed += number,
                _ => {}
            }
        }
    }
}

/// Runs a test runner: shows its output and counts the tests it reports. The second value says
/// whether it ended well.
pub(crate) fn run_tests(command: &mut Command) -> Result<(Counts, bool)> {
    println!("   $ {}", spoken(command));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", spoken(command)))?;
    let out = child.stdout.take().context("no standard output")?;
    let err = child.stderr.take().context("no standard error")?;
    let other = std::thread::spawn(move || pass_on(err, std::io::stderr()));
    let mut counts = pass_on(out, std::io::stdout());
    let more = other.join().ok().context("a reader of output died")?;
    counts.passed += more.passed;
    counts.failed += more.failed;
    let status = child.wait().context("cannot wait for a test runner")?;
    Ok((counts, status.success()))
}

/// Copies lines as they come, counting tests.
fn pass_on(from: impl Read, mut to: impl Write) -> Counts {
    let mut counts = Counts::default();
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while let Ok(n) = reader.read_until(b'\n', &mut line) {
        if n == 0 {
            break;
        }
        counts.read(&String::from_utf8_lossy(&line));
        // A closed terminal must not stop the tests.
        to.write_all(&line).ok();
        line.clear();
    }
    counts
}

/// Measures how long a step takes.
#[derive(Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[allow(clippy::disallowed_methods)] // tooling: nothing replayable depends on it
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// `73.4 s` or `4 min 05 s`.
pub(crate) fn human(duration: Duration) -> String {
    let s = duration.as_secs_f64();
    if s < 100.0 {
        format!("{s:.1} s")
    } else {
        format!(
            "{} min {:02} s",
            duration.as_secs() / 60,
            duration.as_secs() % 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_both_runners_are_counted() {
        let mut c = Counts::default();
        c.read("     Summary [   0.204s] 12 tests run: 9 passed (1 slow), 2 failed, 1 timed out, 3 skipped\n");
        c.read("test result: FAILED. 5 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out\n");
        c.read("running 5 tests, all passed");
        c.read("2 failed, 3 passed, 1 warning, 1 error in 1.06s\n");
        c.read("Finished 5 targets in 3 houses\n");
        assert_eq!(
            c,
            Counts {
                passed: 17,
                failed: 7
            }
        );
    }

    #[test]
    fn times_read_well() {
        assert_eq!(human(Duration::from_millis(73_440)), "73.4 s");
        assert_eq!(human(Duration::from_secs(245)), "4 min 05 s");
    }
}
