//! Error codes and RFC 9457 problem details, mapped once for HTTP and once for the command line.

use serde::{Deserialize, Serialize};

/// Where in a user's file an error sits. Lines and columns count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// The file as the user named it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<usize>,
    /// The column, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<usize>,
    /// The place inside the document, e.g. `roads[3].lanes[0].width`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sep = "";
        if let Some(file) = &self.file {
            write!(f, "{file}")?;
            sep = ":";
        }
        if let Some(line) = self.line {
            write!(f, "{sep}{line}")?;
            sep = ":";
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        if let Some(path) = &self.path {
            let lead = if sep.is_empty() { "" } else { " " };
            write!(f, "{lead}at {path}")?;
        }
        Ok(())
    }
}

/// An error with a stable code and a page under `docs/errors/`.
pub trait Coded: std::error::Error {
    /// The stable code, e.g. `CNB-STORE-0003`. A gap in the numbers is a retired code.
    fn code(&self) -> &'static str;

    /// The HTTP status this error maps to (RFC 9110).
    fn status(&self) -> u16 {
        500
    }

    /// A URI that names the kind of problem; `None` means the error's own page.
    fn problem_type(&self) -> Option<&'static str> {
        None
    }

    /// A short name of the kind of problem, the same for every instance.
    fn title(&self) -> &'static str {
        "Error"
    }

    /// Where in the user's input it happened.
    fn at(&self) -> Option<At> {
        None
    }

    /// What the user can do about it, one sentence.
    fn remedy(&self) -> Option<String> {
        None
    }

    /// The RFC 9457 body of this error.
    fn problem(&self) -> Problem {
        Problem {
            problem_type: self.problem_type().map_or_else(
                || format!("https://conurb.dev/errors/{}", self.code()),
                str::to_owned,
            ),
            title: self.title().to_owned(),
            status: self.status(),
            detail: self.to_string(),
            instance: None,
            code: self.code().to_owned(),
            at: self.at(),
            remedy: self.remedy(),
        }
    }
}

/// Problem details for HTTP APIs (RFC 9457), with our members `code`, `at` and `remedy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// A short name of the kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time.
    pub detail: String,
    /// The resource it happened on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instance: Option<String>,
    /// The stable code.
    pub code: String,
    /// Where in the input.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at: Option<At>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub remedy: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_like_a_compiler_message() {
        let at = At {
            file: Some("a.json".into()),
            line: Some(3),
            column: Some(9),
            path: Some("roads[2].id".into()),
        };
        assert_eq!(at.to_string(), "a.json:3:9 at roads[2].id");
        assert_eq!(
            At {
                path: Some("x".into()),
                ..At::default()
            }
            .to_string(),
            "at x"
        );
    }
}
