//! Typed TOML files with errors that name file, line and column, and the nearest known key.

use serde::de::DeserializeOwned;

use crate::error::{At, Coded};

/// A configuration file that cannot be used as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {message}")]
pub struct ConfigError {
    /// Where.
    pub at: At,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: Option<String>,
}

impl Coded for ConfigError {
    fn code(&self) -> &'static str {
        "CNB-BASE-0001"
    }

    fn status(&self) -> u16 {
        400
    }

    fn title(&self) -> &'static str {
        "Configuration cannot be used"
    }

    fn at(&self) -> Option<At> {
        Some(self.at.clone())
    }

    fn remedy(&self) -> Option<String> {
        self.remedy.clone()
    }
}

impl ConfigError {
    /// An error at byte `offset` of `text`.
    #[must_use]
    pub fn at_offset(text: &str, file: &str, offset: usize, message: String) -> Self {
        let (line, column) = line_column(text, offset);
        let remedy = suggestion(&message);
        Self {
            at: At {
                file: Some(file.to_owned()),
                line: Some(line),
                column: Some(column),
                path: None,
            },
            message,
            remedy,
        }
    }
}

/// Line and column (from 1, in characters) of a byte offset.
#[must_use]
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = &text[..end];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// The known word nearest to `word`, where one is near enough to be meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(word, k), k))
        .filter(|(d, k)| *d <= 1 + k.chars().count().max(word.chars().count()) / 3)
        .min()
        .map(|(_, k)| k)
}

/// Turns serde's "unknown field `x`, expected one of `a`, `b`" into "did you mean `a`?".
fn suggestion(message: &str) -> Option<String> {
    if !message.contains("unknown field") && !message.contains("unknown variant") {
        return None;
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let wrong = quoted.next()?;
    let known: Vec<&str> = quoted.collect();
    nearest(wrong, known).map(|k| format!("did you mean `{k}`?"))
}

/// Reads a TOML text into its typed form.
pub fn from_toml<T: DeserializeOwned>(text: &str, file: &str) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|e| {
        let offset = e.span().map_or(0, |s| s.start);
        ConfigError::at_offset(text, file, offset, e.message().trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Conf {
        #[allow(dead_code)]
        listen: String,
    }

    #[test]
    fn an_unknown_key_names_line_column_and_the_nearest_known_one() {
        let err = from_toml::<Conf>("# a\nlisten = \"x\"\nlisen = 1\n", "c.toml").unwrap_err();
        assert_eq!(err.at.line, Some(3));
        assert_eq!(err.at.column, Some(1));
        assert_eq!(err.remedy.as_deref(), Some("did you mean `listen`?"));
        assert!(err.to_string().starts_with("c.toml:3:1: unknown field"));
    }

    #[test]
    fn nearest_keeps_quiet_about_strangers() {
        assert_eq!(nearest("hedway", ["headway", "length"]), Some("headway"));
        assert_eq!(nearest("zzzzzz", ["headway", "length"]), None);
    }
}
