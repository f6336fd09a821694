//! What the process interface refuses, under the exception types of OGC 18-062r2.

use conurb_base::Coded;

/// What the process interface refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProcessError {
    /// No process has this id.
    #[error("there is no process \"{id}\"{hint}")]
    NoProcess {
        /// The id asked for.
        id: String,
        /// The nearest known one.
        hint: String,
    },
    /// No job has this id.
    #[error("there is no job \"{0}\"")]
    NoJob(String),
    /// The job has not ended.
    #[error("job \"{id}\" is {status}")]
    NotReady {
        /// The job.
        id: String,
        /// Where it stands.
        status: &'static str,
    },
    /// An input that cannot be read.
    #[error("input {0}")]
    Input(String),
    /// An output that cannot be written as JSON.
    #[error("an output cannot be written: {0}")]
    Output(String),
    /// As many jobs wait as may.
    #[error("{0} jobs are waiting; no more may")]
    Full(usize),
    /// The computation was dismissed.
    #[error("job \"{0}\" was dismissed")]
    Dismissed(String),
    /// The model panicked: our fault.
    #[error("the model stopped unexpectedly: {0}")]
    Crashed(String),
}

impl Coded for ProcessError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoProcess { .. } => "CNB-PROC-0001",
            Self::NoJob(_) => "CNB-PROC-0002",
            Self::NotReady { .. } => "CNB-PROC-0003",
            Self::Input(_) => "CNB-PROC-0004",
            Self::Output(_) => "CNB-PROC-0005",
            Self::Full(_) => "CNB-PROC-0006",
            Self::Dismissed(_) => "CNB-PROC-0007",
            Self::Crashed(_) => "CNB-PROC-0008",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::NoProcess { .. } | Self::NoJob(_) | Self::NotReady { .. } => 404,
            Self::Input(_) => 400,
            Self::Full(_) => 429,
            Self::Dismissed(_) => 410,
            Self::Output(_) | Self::Crashed(_) => 500,
        }
    }

    fn problem_type(&self) -> Option<&'static str> {
        match self {
            Self::NoProcess { .. } => {
                Some("http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-process")
            }
            Self::NoJob(_) => {
                Some("http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-job")
            }
            Self::NotReady { .. } => Some(
                "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/result-not-ready",
            ),
            _ => None,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::NoProcess { .. } => "No such process",
            Self::NoJob(_) => "No such job",
            Self::NotReady { .. } => "Result not ready",
            Self::Input(_) => "Invalid input",
            Self::Output(_) => "Output cannot be written",
            Self::Full(_) => "Too many jobs",
            Self::Dismissed(_) => "Job dismissed",
            Self::Crashed(_) => "Model stopped unexpectedly",
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(
            match self {
                Self::NoProcess { .. } => "See /ogc/processes for what there is.",
                Self::NoJob(_) => {
                    "See /ogc/jobs; finished jobs are kept until newer ones crowd them out."
                }
                Self::NotReady { .. } => {
                    "Read the job's status, and its results once it is successful."
                }
                Self::Input(_) => "Compare the inputs with the process description.",
                Self::Output(_) => "Report it with the inputs; a value that is no number came out.",
                Self::Full(_) => "Wait for a job to end, or dismiss one.",
                Self::Dismissed(_) => "Execute it again.",
                Self::Crashed(_) => "Report it with the inputs; other jobs are not affected.",
            }
            .to_owned(),
        )
    }
}
