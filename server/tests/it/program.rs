//! Running the program: a folder of its own for each test, and what came out.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A test's own folder; removed at the end.
pub(crate) struct Dir(tempfile::TempDir);

/// What a run of the program gave; printed whole where a test fails.
#[derive(Debug)]
#[allow(dead_code)]
pub(crate) struct Run {
    pub(crate) command: String,
    pub(crate) exit: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Makes a test of a function that is handed a folder: `conurb_test!(name, |dir| { ... });`
macro_rules! conurb_test {
    ($name:ident, $body:expr) => {
        #[test]
        fn $name() {
            let run: fn(crate::program::Dir) = $body;
            run(crate::program::Dir::new());
        }
    };
}
pub(crate) use conurb_test;

impl Dir {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("inside the folder")).expect("made");
        std::fs::write(path, bytes).expect("written");
    }

    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    #[track_caller]
    pub(crate) fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(&self.read(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Runs `conurb` with these words, in this folder, with a plain environment.
    #[track_caller]
    pub(crate) fn run(&self, words: &str) -> Run {
        self.run_with(words, &[])
    }

    #[track_caller]
    pub(crate) fn run_with(&self, words: &str, extra: &[&Path]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_conurb"));
        command
            .current_dir(self.0.path())
            .env_clear()
            .env("LANG", "C")
            .args(words.split_whitespace())
            .args(extra);
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().expect("it starts");
        let run = Run {
            command: format!("conurb {words} {extra:?}"),
            exit: status.code(),
            out: String::from_utf8(stdout).expect("UTF-8 on standard output"),
            err: String::from_utf8(stderr).expect("UTF-8 on standard error"),
        };
        for sign in ["panicked at", "RUST_BACKTRACE"] {
            assert!(!run.err.contains(sign), "it panicked: {run:#?}");
        }
        run
    }
}

impl Run {
    /// It ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.exit, Some(0), "{self:#?}");
        self
    }

    /// It ended with this code, and standard error holds every one of these words.
    #[track_caller]
    pub(crate) fn fails(self, exit: i32, words: &[&str]) -> Self {
        assert_eq!(self.exit, Some(exit), "{self:#?}");
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in {self:#?}");
        }
        self
    }

    #[track_caller]
    pub(crate) fn says(self, word: &str) -> Self {
        assert!(self.out.contains(word), "no {word:?} in {self:#?}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }
}
