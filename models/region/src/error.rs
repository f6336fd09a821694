//! What can go wrong with regional data and programmes, each with code, place and remedy.

use conurb_base::{At, Coded};

/// Every error of this crate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RegionError {
    /// A file or a part of it is not what its format says.
    #[error("{at}: {message}")]
    Unreadable {
        /// Where.
        at: Box<At>,
        /// What the system or the format said.
        message: String,
    },
    /// A table lacks a column that the reader needs.
    #[error("{at}: there is no column \"{column}\"{hint}")]
    MissingColumn {
        /// The table.
        at: Box<At>,
        /// The column.
        column: String,
        /// The nearest known column, as `; did you mean "x"?`, or nothing.
        hint: String,
    },
    /// A cell of a table, or a cell of a raster, holds what its field cannot be.
    #[error("{at}: {what} \"{value}\" {message}")]
    BadValue {
        /// The cell.
        at: Box<At>,
        /// The field.
        what: String,
        /// What stands there.
        value: String,
        /// What is wrong with it, e.g. `is no number`.
        message: String,
    },
    /// Two tables share a key, and some keys of one are not in the other. Nothing is dropped in silence: the computation stops.
    #[error("{count} {what} do not join: {names}")]
    Unjoined {
        /// What was joined, e.g. `cities of flows.csv with places.csv`.
        what: String,
        /// How many did not.
        count: usize,
        /// The first of them, each with the nearest known name.
        names: String,
    },
    /// A total and the sum of its parts differ by more than 1e-9 relative.
    #[error("{what}: the total is {total}, its parts give {parts}")]
    DoesNotAddUp {
        /// The decomposition.
        what: String,
        /// The declared or computed total.
        total: f64,
        /// The sum of the parts.
        parts: f64,
    },
    /// An option or argument lies outside its domain.
    #[error("{what}: {message}")]
    Option {
        /// The option.
        what: String,
        /// What is wrong with it.
        message: String,
    },
    /// An input exceeds a limit that keeps memory and time bounded.
    #[error("{what}: {count} is more than {limit}")]
    TooLarge {
        /// What is counted.
        what: String,
        /// How many there are.
        count: u64,
        /// How many there may be.
        limit: u64,
    },
    /// Two arguments that must have one length, or a matrix that must be square, do not match.
    #[error("{what}: {found} given, {expected} needed")]
    Shape {
        /// The argument.
        what: String,
        /// How many are needed.
        expected: usize,
        /// How many are given.
        found: usize,
    },
    /// A regression or a system of equations has no unique answer.
    #[error("{what}: {message}")]
    Singular {
        /// The computation.
        what: String,
        /// Which column or unit makes it so.
        message: String,
    },
    /// A programme has no solution under its constraints.
    #[error("{problem}: no solution keeps {constraint}")]
    Infeasible {
        /// The programme.
        problem: String,
        /// The constraint that cannot be kept.
        constraint: String,
    },
    /// A computed share or figure rests on data whose source is not given.
    #[error("{figure} has no source and is not printed")]
    NoSource {
        /// The figure.
        figure: String,
    },
    /// An iterative method did not reach its tolerance.
    #[error("{what} did not settle in {iterations} iterations")]
    NotConverged {
        /// The computation.
        what: String,
        /// How many were made.
        iterations: u32,
    },
    /// A polygon crosses itself, is not closed, or has too few points.
    #[error("{name}: {message}")]
    Geometry {
        /// The polygon's name or row.
        name: String,
        /// What is wrong with it, and where.
        message: String,
    },
    /// The linear solver gave up without an answer.
    #[error("{what}: the solver stopped: {message}")]
    Solver {
        /// The programme.
        what: String,
        /// What the solver said.
        message: String,
    },
    /// A cluster, city, sector or corridor that a query names is not known.
    #[error("there is no {what} \"{name}\"{hint}")]
    UnknownName {
        /// `cluster`, `city`, `sector`.
        what: String,
        /// The name looked for.
        name: String,
        /// The nearest known name, as `; did you mean "x"?`, or nothing.
        hint: String,
    },
    /// The caller asked a long computation to stop.
    #[error("{what}: stopped on request")]
    Stopped {
        /// What was being computed.
        what: String,
    },
}

impl RegionError {
    /// A place in a file; `line` counts from 1, 0 means the whole file.
    #[must_use]
    pub fn place(file: &str, line: usize) -> Box<At> {
        Box::new(At {
            file: Some(file.to_owned()),
            line: (line > 0).then_some(line),
            ..At::default()
        })
    }

    /// A file or a part of it that cannot be read.
    pub fn unreadable(file: &str, error: &dyn std::fmt::Display) -> Self {
        Self::Unreadable {
            at: Self::place(file, 0),
            message: error.to_string(),
        }
    }

    /// An option outside its domain.
    pub fn option(what: &str, message: impl Into<String>) -> Self {
        Self::Option {
            what: what.to_owned(),
            message: message.into(),
        }
    }

    /// An unknown name with the nearest known one.
    pub fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self::UnknownName {
            what: what.to_owned(),
            name: name.to_owned(),
            hint: hint(name, known),
        }
    }

    /// Refuses lengths that differ.
    pub fn same_len(what: &str, expected: usize, found: usize) -> Result<(), Self> {
        if expected == found {
            return Ok(());
        }
        Err(Self::Shape {
            what: what.to_owned(),
            expected,
            found,
        })
    }
}

/// `; did you mean "x"?`, or nothing.
pub(crate) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    conurb_base::nearest(name, known)
        .map_or_else(String::new, |k| format!("; did you mean \"{k}\"?"))
}

impl Coded for RegionError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "CNB-REGION-0001",
            Self::MissingColumn { .. } => "CNB-REGION-0002",
            Self::BadValue { .. } => "CNB-REGION-0003",
            Self::Unjoined { .. } => "CNB-REGION-0004",
            Self::DoesNotAddUp { .. } => "CNB-REGION-0005",
            Self::Option { .. } => "CNB-REGION-0006",
            Self::TooLarge { .. } => "CNB-REGION-0007",
            Self::Shape { .. } => "CNB-REGION-0008",
            Self::Singular { .. } => "CNB-REGION-0009",
            Self::Infeasible { .. } => "CNB-REGION-0010",
            Self::NoSource { .. } => "CNB-REGION-0011",
            Self::NotConverged { .. } => "CNB-REGION-0012",
            Self::Geometry { .. } => "CNB-REGION-0013",
            Self::Solver { .. } => "CNB-REGION-0014",
            Self::UnknownName { .. } => "CNB-REGION-0015",
            Self::Stopped { .. } => "CNB-REGION-0016",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Unjoined { .. }
            | Self::DoesNotAddUp { .. }
            | Self::Singular { .. }
            | Self::Infeasible { .. }
            | Self::NoSource { .. }
            | Self::NotConverged { .. }
            | Self::Geometry { .. } => 422,
            Self::TooLarge { .. } => 413,
            Self::Solver { .. } => 500,
            Self::UnknownName { .. } => 404,
            Self::Stopped { .. } => 409,
            _ => 400,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "Input cannot be read",
            Self::MissingColumn { .. } => "Column missing",
            Self::BadValue { .. } => "Bad value",
            Self::Unjoined { .. } => "Names do not join",
            Self::DoesNotAddUp { .. } => "Decomposition does not add up",
            Self::Option { .. } => "Invalid option",
            Self::TooLarge { .. } => "Too large",
            Self::Shape { .. } => "Shapes differ",
            Self::Singular { .. } => "Singular",
            Self::Infeasible { .. } => "Infeasible",
            Self::NoSource { .. } => "No source",
            Self::NotConverged { .. } => "Not converged",
            Self::Geometry { .. } => "Bad geometry",
            Self::Solver { .. } => "Solver stopped",
            Self::UnknownName { .. } => "Unknown name",
            Self::Stopped { .. } => "Stopped on request",
        }
    }

    fn at(&self) -> Option<At> {
        match self {
            Self::Unreadable { at, .. }
            | Self::MissingColumn { at, .. }
            | Self::BadValue { at, .. } => Some(At::clone(at)),
            _ => None,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(
            match self {
                Self::Unreadable { .. } => "Check the path and the format named in the message.",
                Self::MissingColumn { .. } => "Add the column, or correct its header.",
                Self::BadValue { .. } => "Correct the value in the row named.",
                Self::Unjoined { .. } => {
                    "Correct the names with the suggestions, or remove the rows on purpose."
                }
                Self::DoesNotAddUp { .. } => {
                    "Look for units missing or doubled; the message names the total."
                }
                Self::Option { .. } => "Choose a value within the range named in the message.",
                Self::TooLarge { .. } => {
                    "Use fewer, or the approximate method named in the documentation."
                }
                Self::Shape { .. } => "Give one value per unit, in the same order.",
                Self::Singular { .. } => "Drop the column named, or add rows.",
                Self::Infeasible { .. } => "Relax the constraint named.",
                Self::NoSource { .. } => "Add source and year of the data.",
                Self::NotConverged { .. } => {
                    "Check the data for units without flow, or raise the limit of iterations."
                }
                Self::Geometry { .. } => "Repair the polygon at the coordinates named.",
                Self::Solver { .. } => {
                    "Scale the units of the problem, or use the heuristic and its bound."
                }
                Self::UnknownName { .. } => {
                    "Correct the name; the message suggests the nearest one."
                }
                Self::Stopped { .. } => "Start it again.",
            }
            .to_owned(),
        )
    }
}
