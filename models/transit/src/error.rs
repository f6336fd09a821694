//! What can go wrong with feeds, queries and scenarios, each with code, place and remedy.

use conurb_base::{At, Coded};

/// Every error of this crate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TransitError {
    /// A file, folder or archive cannot be read or written.
    #[error("{at}: {message}")]
    Unreadable {
        /// Where.
        at: Box<At>,
        /// What the system or the archive said.
        message: String,
    },
    /// A table that a feed must have is not there.
    #[error("{at}: there is no {missing}")]
    MissingTable {
        /// The feed.
        at: Box<At>,
        /// The table, or the tables one of which would do.
        missing: String,
    },
    /// A column that a table must have is not there.
    #[error("{at}: there is no column \"{column}\"")]
    MissingColumn {
        /// The table.
        at: Box<At>,
        /// The column.
        column: String,
    },
    /// A size limit is exceeded.
    #[error("{at}: {what} are more than {limit}")]
    TooLarge {
        /// Where.
        at: Box<At>,
        /// What is counted.
        what: &'static str,
        /// How many there may be.
        limit: u64,
    },
    /// A name that is not in the feed, timetable or table.
    #[error("there is no {what} \"{name}\"{hint}")]
    UnknownName {
        /// `stop`, `route`, `trip`, `place`.
        what: &'static str,
        /// The name looked for.
        name: String,
        /// The nearest known name, as `; did you mean "x"?`, or nothing.
        hint: String,
    },
    /// No trip runs on the day asked for.
    #[error("no trip runs on {day}; the feed has service from {first} to {last}")]
    NoService {
        /// The day.
        day: String,
        /// First day with service.
        first: String,
        /// Last day with service.
        last: String,
    },
    /// An option or argument outside its domain.
    #[error("{what}: {message}")]
    Option {
        /// The option.
        what: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// An edit of a scenario that cannot be applied.
    #[error("edit {number} ({kind}): {message}")]
    Edit {
        /// Which edit, from 1.
        number: usize,
        /// Its kind.
        kind: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The caller asked to stop.
    #[error("stopped on request in {file}")]
    Stopped {
        /// What was being read or computed.
        file: String,
    },
}

impl TransitError {
    pub(crate) fn at_file(file: &str) -> Box<At> {
        Box::new(At {
            file: Some(file.to_owned()),
            ..At::default()
        })
    }

    pub(crate) fn unreadable(file: &str, error: &dyn std::fmt::Display) -> Self {
        Self::Unreadable {
            at: Self::at_file(file),
            message: error.to_string(),
        }
    }

    /// An unknown name with the nearest known one.
    pub(crate) fn unknown<'a>(
        what: &'static str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let hint = conurb_base::nearest(name, known)
            .map_or_else(String::new, |k| format!("; did you mean \"{k}\"?"));
        Self::UnknownName {
            what,
            name: name.to_owned(),
            hint,
        }
    }
}

impl Coded for TransitError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "CNB-TRANSIT-0001",
            Self::MissingTable { .. } => "CNB-TRANSIT-0002",
            Self::MissingColumn { .. } => "CNB-TRANSIT-0003",
            Self::TooLarge { .. } => "CNB-TRANSIT-0004",
            Self::UnknownName { .. } => "CNB-TRANSIT-0005",
            Self::NoService { .. } => "CNB-TRANSIT-0006",
            Self::Option { .. } => "CNB-TRANSIT-0007",
            Self::Edit { .. } => "CNB-TRANSIT-0008",
            Self::Stopped { .. } => "CNB-TRANSIT-0009",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::TooLarge { .. } => 413,
            Self::UnknownName { .. } => 404,
            Self::Edit { .. } => 422,
            _ => 400,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "Feed cannot be read",
            Self::MissingTable { .. } => "Table missing",
            Self::MissingColumn { .. } => "Column missing",
            Self::TooLarge { .. } => "Feed too large",
            Self::UnknownName { .. } => "Unknown name",
            Self::NoService { .. } => "No service that day",
            Self::Option { .. } => "Invalid option",
            Self::Edit { .. } => "Edit cannot be applied",
            Self::Stopped { .. } => "Stopped on request",
        }
    }

    fn at(&self) -> Option<At> {
        match self {
            Self::Unreadable { at, .. }
            | Self::MissingTable { at, .. }
            | Self::MissingColumn { at, .. }
            | Self::TooLarge { at, .. } => Some(At::clone(at)),
            _ => None,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => {
                "Check that the path is right and the file complete; a GTFS feed is a zip archive or a folder of CSV tables.".into()
            }
            Self::MissingTable { missing, .. } => format!("Add {missing} to the feed."),
            Self::MissingColumn { column, .. } => {
                format!("Add the column \"{column}\", or correct its header.")
            }
            Self::TooLarge { limit, .. } => {
                format!("Cut the feed to fewer than {limit}, or raise the limit.")
            }
            Self::UnknownName { what, .. } => {
                format!("Correct the name, or add that {what} first.")
            }
            Self::NoService { .. } => "Choose a day within the feed's service.".into(),
            Self::Option { .. } => "Choose a value within the range named in the message.".into(),
            Self::Edit { .. } => "Correct the edit, or drop it; the base is unchanged.".into(),
            Self::Stopped { .. } => "Start it again.".into(),
        })
    }
}
