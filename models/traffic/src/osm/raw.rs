//! Nodes, ways and relations as both kinds of file give them.

use conurb_base::At;

use crate::error::TrafficError;

/// Most nodes of one way, tags of one object and members of one relation.
pub(super) const REFS_MAX: usize = 100_000;
pub(super) const TAGS_MAX: usize = 5_000;
pub(super) const MEMBERS_MAX: usize = 100_000;
/// Most objects of one file.
pub(super) const OBJECTS_MAX: usize = 500_000_000;

/// The tags of an object.
#[derive(Debug, Clone, Default)]
pub(super) struct Tags(pub(super) Vec<(String, String)>);

impl Tags {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(k, _)| k == key);
        found.map(|(_, value)| value.trim())
    }

    /// The keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}

/// A node.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) id: i64,
    pub(super) lat_deg: f64,
    pub(super) lon_deg: f64,
    pub(super) tags: Tags,
}

/// A way.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) id: i64,
    pub(super) refs: Vec<i64>,
    pub(super) tags: Tags,
    /// Line in the file; 0 where it has none.
    pub(super) line: u32,
}

/// The kinds of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Node,
    Way,
    Relation,
}

/// A member of a relation.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) kind: Kind,
    pub(super) id: i64,
    pub(super) role: String,
}

/// A relation.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) id: i64,
    pub(super) members: Vec<Member>,
    pub(super) tags: Tags,
    pub(super) line: u32,
}

/// One object of a file.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Node(Node),
    Way(Way),
    Relation(Relation),
}

/// What is asked of one reading of a file: nodes come last, when it is known which are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Nodes,
    WaysAndRelations,
}

/// Refuses positions that are not on the Earth.
pub(super) fn check_position(
    lat_deg: f64,
    lon_deg: f64,
    at: impl FnOnce() -> Box<At>,
) -> Result<(), TrafficError> {
    let (what, value, rule) = if !(-90.0..=90.0).contains(&lat_deg) {
        (
            "latitude in degrees",
            lat_deg,
            "it has to be from -90 to 90",
        )
    } else if !(-180.0..=180.0).contains(&lon_deg) {
        (
            "longitude in degrees",
            lon_deg,
            "it has to be from -180 to 180",
        )
    } else {
        return Ok(());
    };
    Err(TrafficError::BadNumber {
        at: at(),
        what,
        value,
        rule,
    })
}
