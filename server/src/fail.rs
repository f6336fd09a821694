//! How a failure reads on the command line: what, where, what to do; as JSON on request.

use conurb_base::Coded;

/// A failure that has been turned into words, with the exit code it ends in.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The RFC 9457 body; on the command line its text.
    pub(crate) problem: conurb_base::Problem,
    /// 1: a check failed; 2: the input cannot be used.
    pub(crate) exit: u8,
}

impl Failure {
    /// A failure of input, from any coded error.
    pub(crate) fn input(error: &impl Coded) -> Self {
        Self {
            problem: error.problem(),
            exit: 2,
        }
    }

    /// A failure of input without an error type of its own.
    pub(crate) fn plain(detail: impl Into<String>, remedy: Option<&str>) -> Self {
        Self {
            problem: conurb_base::Problem {
                problem_type: "about:blank".to_owned(),
                title: "The command cannot be carried out".to_owned(),
                status: 400,
                detail: detail.into(),
                instance: None,
                code: "CNB-CLI-0001".to_owned(),
                at: None,
                remedy: remedy.map(str::to_owned),
            },
            exit: 2,
        }
    }

    /// A check that did not hold.
    pub(crate) fn check(detail: impl Into<String>) -> Self {
        Self {
            exit: 1,
            ..Self::plain(detail, None)
        }
    }
}

impl<E: Coded> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::input(&error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "error[{}]: {}", self.problem.code, self.problem.detail)?;
        if let Some(at) = &self.problem.at {
            let place = at.to_string();
            if !place.is_empty() && !self.problem.detail.contains(&place) {
                write!(f, "\n  --> {place}")?;
            }
        }
        if let Some(remedy) = &self.problem.remedy {
            write!(f, "\n  help: {remedy}")?;
        }
        Ok(())
    }
}

/// What reading or writing `path` said, as a failure.
pub(crate) fn io(path: &std::path::Path, doing: &str, error: &std::io::Error) -> Failure {
    let remedy = match error.kind() {
        std::io::ErrorKind::NotFound => Some("check the path"),
        std::io::ErrorKind::PermissionDenied => {
            Some("check the permissions of the file and its folder")
        }
        std::io::ErrorKind::StorageFull => Some("free space on that disk, then try again"),
        _ => None,
    };
    Failure::plain(format!("{doing} {}: {error}", path.display()), remedy)
}
