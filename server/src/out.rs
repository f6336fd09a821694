//! What is printed for people, and in which language.

use std::io::{IsTerminal as _, Write as _};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::LangArg;

/// A language of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The language asked for, or the one of the environment.
    pub(crate) fn resolve(arg: LangArg) -> Self {
        match arg {
            LangArg::Zh => Self::Zh,
            LangArg::En => Self::En,
            LangArg::Auto => {
                let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
                    .iter()
                    .find_map(|k| std::env::var(k).ok().filter(|v| !v.is_empty()))
                    .unwrap_or_default();
                Self::from_tag(&set)
            }
        }
    }

    /// From a tag such as `zh_CN.UTF-8`: whatever begins with `zh` is Chinese.
    fn from_tag(tag: &str) -> Self {
        if tag.to_ascii_lowercase().starts_with("zh") {
            Self::Zh
        } else {
            Self::En
        }
    }

    /// The text of this language.
    pub(crate) const fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

/// A text for people, in both languages of the interface.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Text {
    /// Chinese.
    pub(crate) zh: String,
    /// English.
    pub(crate) en: String,
}

impl Text {
    /// Both languages of one text.
    #[must_use]
    pub(crate) fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            zh: zh.into(),
            en: en.into(),
        }
    }
}

impl From<conurb_decide::Bilingual> for Text {
    fn from(text: conurb_decide::Bilingual) -> Self {
        Self {
            zh: text.zh,
            en: text.en,
        }
    }
}

/// A line on standard output. A closed pipe ends the program quietly, as users of `head` expect.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").is_err() {
        std::process::exit(0);
    }
}

/// A line on standard error.
pub(crate) fn tell(text: &str) {
    // Nothing can be done where standard error itself is gone.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Columns of the terminal on standard output; `None` for a pipe or file.
pub(crate) fn terminal_width() -> Option<u16> {
    std::io::stdout().is_terminal().then(|| {
        std::env::var("COLUMNS")
            .ok()
            .and_then(|c| c.parse().ok())
            .unwrap_or(100)
    })
}

/// Whether a person is watching standard error.
pub(crate) fn watched() -> bool {
    std::io::stderr().is_terminal()
}

impl From<Lang> for conurb_decide::Lang {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Zh => Self::Zh,
            Lang::En => Self::En,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_told_by_its_tag() {
        assert_eq!(Lang::from_tag("zh_CN.UTF-8"), Lang::Zh);
        assert_eq!(Lang::from_tag("C"), Lang::En);
    }
}
