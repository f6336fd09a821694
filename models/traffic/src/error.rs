//! What can go wrong with road networks, demand and simulations, each with code, place and remedy.

use conurb_base::{At, Coded};

/// Every error of this crate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrafficError {
    /// The bytes are no JSON, or a member is missing or of the wrong type.
    #[error("{at}: {message}")]
    Syntax {
        /// Where.
        at: Box<At>,
        /// What the parser said.
        message: String,
    },
    /// A size limit is exceeded.
    #[error("{at}: {what} is {found}, the limit is {limit}")]
    TooLarge {
        /// Where.
        at: Box<At>,
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Two things share one identifier.
    #[error("{at}: {what} id \"{id}\" is used twice (first at {first})")]
    DuplicateId {
        /// Where the second one is.
        at: Box<At>,
        /// `intersection` or `road`.
        what: &'static str,
        /// The identifier.
        id: String,
        /// The path of the first one.
        first: String,
    },
    /// A reference to something that is not in the network.
    #[error("{at}: there is no {what} \"{id}\"{hint}")]
    UnknownId {
        /// Where.
        at: Box<At>,
        /// `intersection` or `road`.
        what: &'static str,
        /// The identifier that was looked for.
        id: String,
        /// ` (in this network)` or a reason.
        hint: String,
    },
    /// A lane index, road link index or phase beyond what exists.
    #[error("{at}: {what} {found} is out of range, there are {count} (from 0)")]
    OutOfRange {
        /// Where.
        at: Box<At>,
        /// What the index counts.
        what: &'static str,
        /// The index.
        found: i64,
        /// How many there are.
        count: usize,
    },
    /// A number that is not finite or outside its domain.
    #[error("{at}: {} is no valid {what}; {rule}", plain(*value))]
    BadNumber {
        /// Where.
        at: Box<At>,
        /// The quantity with its unit.
        what: &'static str,
        /// The number found.
        value: f64,
        /// What it has to be.
        rule: &'static str,
    },
    /// A lane or lane link without length, or a polyline with fewer than two points.
    #[error("{at}: {message}")]
    Geometry {
        /// Where.
        at: Box<At>,
        /// What is wrong.
        message: String,
    },
    /// Times of a flow that contradict each other.
    #[error("{at}: {message}")]
    Times {
        /// Where.
        at: Box<At>,
        /// What is wrong.
        message: String,
    },
    /// No way leads from one road of a route to the next.
    #[error("{at}: no lane links lead from road \"{from}\" to road \"{to}\"")]
    Disconnected {
        /// Where.
        at: Box<At>,
        /// The road before the gap.
        from: String,
        /// The road that cannot be reached.
        to: String,
    },
    /// A link, road or route that contradicts the network it stands in.
    #[error("{at}: {message}")]
    Inconsistent {
        /// Where.
        at: Box<At>,
        /// What is wrong.
        message: String,
    },
    /// An option, phase or placement that the simulation cannot run with.
    #[error("{what}: {message}")]
    Option {
        /// The option.
        what: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// A table of demand (CSV) that says what cannot be.
    #[error("{at}: {message}")]
    Table {
        /// Where.
        at: Box<At>,
        /// What is wrong.
        message: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A state of another network or demand.
    #[error("the state belongs to another {what}: {found} instead of {expected}")]
    StateMismatch {
        /// What differs.
        what: &'static str,
        /// The size found.
        found: usize,
        /// The size expected.
        expected: usize,
    },
}

/// A number as people write it: not with three hundred digits.
fn plain(value: f64) -> String {
    if value.is_finite() && value != 0.0 && !(1e-6..1e15).contains(&value.abs()) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

impl TrafficError {
    /// Refuses more than `limit`; `at` is asked only then.
    pub(crate) fn within(
        what: &'static str,
        found: usize,
        limit: usize,
        at: impl FnOnce() -> Box<At>,
    ) -> Result<(), Self> {
        if found <= limit {
            return Ok(());
        }
        Err(Self::TooLarge {
            at: at(),
            what,
            found,
            limit,
        })
    }

    /// The place, to be named in the terms of the file a network was made from.
    pub(crate) fn at_mut(&mut self) -> Option<&mut At> {
        match self {
            Self::Syntax { at, .. }
            | Self::TooLarge { at, .. }
            | Self::DuplicateId { at, .. }
            | Self::UnknownId { at, .. }
            | Self::OutOfRange { at, .. }
            | Self::BadNumber { at, .. }
            | Self::Geometry { at, .. }
            | Self::Times { at, .. }
            | Self::Disconnected { at, .. }
            | Self::Inconsistent { at, .. }
            | Self::Table { at, .. } => Some(at),
            Self::Option { .. } | Self::StateMismatch { .. } => None,
        }
    }
}

impl Coded for TrafficError {
    fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "CNB-TRAFFIC-0001",
            Self::TooLarge { .. } => "CNB-TRAFFIC-0002",
            Self::DuplicateId { .. } => "CNB-TRAFFIC-0003",
            Self::UnknownId { .. } => "CNB-TRAFFIC-0004",
            Self::OutOfRange { .. } => "CNB-TRAFFIC-0005",
            Self::BadNumber { .. } => "CNB-TRAFFIC-0006",
            Self::Geometry { .. } => "CNB-TRAFFIC-0007",
            Self::Times { .. } => "CNB-TRAFFIC-0008",
            Self::Disconnected { .. } => "CNB-TRAFFIC-0009",
            Self::Inconsistent { .. } => "CNB-TRAFFIC-0010",
            Self::Option { .. } => "CNB-TRAFFIC-0012",
            Self::StateMismatch { .. } => "CNB-TRAFFIC-0013",
            Self::Table { .. } => "CNB-TRAFFIC-0014",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::TooLarge { .. } => 413,
            _ => 400,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "Malformed traffic file",
            Self::TooLarge { .. } => "Traffic file too large",
            Self::DuplicateId { .. } => "Identifier used twice",
            Self::UnknownId { .. } => "Unknown identifier",
            Self::OutOfRange { .. } => "Index out of range",
            Self::BadNumber { .. } => "Invalid number",
            Self::Geometry { .. } => "Invalid geometry",
            Self::Times { .. } => "Times out of order",
            Self::Disconnected { .. } => "Roads not connected",
            Self::Inconsistent { .. } => "Inconsistent network or route",
            Self::Option { .. } => "Invalid option",
            Self::StateMismatch { .. } => "State of another simulation",
            Self::Table { .. } => "Unusable table of demand",
        }
    }

    fn at(&self) -> Option<At> {
        match self {
            Self::Syntax { at, .. }
            | Self::TooLarge { at, .. }
            | Self::DuplicateId { at, .. }
            | Self::UnknownId { at, .. }
            | Self::OutOfRange { at, .. }
            | Self::BadNumber { at, .. }
            | Self::Geometry { at, .. }
            | Self::Times { at, .. }
            | Self::Disconnected { at, .. }
            | Self::Inconsistent { at, .. }
            | Self::Table { at, .. } => Some(At::clone(at)),
            Self::Option { .. } | Self::StateMismatch { .. } => None,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Syntax { .. } => "Check that the file is complete (UTF-8 JSON in the CityFlow form, XML of SUMO, a map of OpenStreetMap, or GMNS tables) and that the member, attribute or column named here is present and of the right type.".into(),
            Self::TooLarge { limit, .. } => format!("Split or simplify the file so that it stays within {limit}."),
            Self::DuplicateId { what, .. } => format!("Give each {what} its own id."),
            Self::UnknownId { what, .. } => format!("Correct the id, or add that {what}."),
            Self::OutOfRange { count: 0, .. } => "Remove the reference: there is nothing it could name.".into(),
            Self::OutOfRange { count, .. } => format!("Use an index from 0 to {}.", count - 1),
            Self::BadNumber { rule, .. } => format!("Correct the number: {rule}."),
            Self::Geometry { .. } => "Give it at least one lane and a line of two or more different points, or reduce the width of the junctions at both ends of the road.".into(),
            Self::Times { .. } => "In a CityFlow flow, set startTime <= endTime (or endTime = -1 for one that never ends) and an interval of at least 1 s; in a SUMO file, let flows and intervals end after they begin, and sort departures and steps by time (0 to 1e9 s).".into(),
            Self::Disconnected { from, .. } => format!("Add the road link at the end of \"{from}\", or correct the route."),
            Self::Inconsistent { .. } => "Correct the member or attribute named here so that it agrees with the rest of the network.".into(),
            Self::Option { .. } => "Choose a value within the range named in the message.".into(),
            Self::Table { remedy, .. } => (*remedy).into(),
            Self::StateMismatch { .. } => "Restore a state only into a simulation of the network and demand it was taken from.".into(),
        })
    }
}
