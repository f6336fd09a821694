//! Quality flags: how far an observation can be trusted, kept beside it as a sub-attribute.

use std::sync::{Arc, OnceLock};

use conurb_context::{Attribute, Name};
use serde_json::Value;

/// Expanded name of the sub-attribute that carries the flag.
pub const QUALITY: &str = "https://uri.etsi.org/ngsi-ld/default-context/quality";
/// Expanded name of the sub-attribute of the flag that says why.
pub const REASON: &str = "https://uri.etsi.org/ngsi-ld/default-context/reason";

/// How far an observation can be trusted, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    /// Nothing speaks against it.
    Good,
    /// Possible, but not plausible.
    Suspect,
    /// It came late, or after a newer one.
    Late,
    /// The same moment was observed before with another value.
    Duplicate,
    /// Outside what the quantity or the sensor can be.
    OutOfRange,
}

impl Quality {
    /// The word that is stored.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Suspect => "suspect",
            Self::Late => "late",
            Self::Duplicate => "duplicate",
            Self::OutOfRange => "out_of_range",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [
            Self::Good,
            Self::Suspect,
            Self::Late,
            Self::Duplicate,
            Self::OutOfRange,
        ]
        .into_iter()
        .find(|q| q.word() == word)
    }

    /// The flag of an attribute, if it carries one.
    #[must_use]
    pub fn of(attribute: &Attribute) -> Option<Self> {
        let (_, instances) = attribute.sub.iter().find(|(name, _)| &**name == QUALITY)?;
        Self::from_word(instances.first()?.text()?)
    }

    /// Flags an attribute; a worse flag that is there already stays.
    pub fn flag(self, attribute: &mut Attribute, reason: Option<String>) {
        if Self::of(attribute).is_some_and(|there| there > self) {
            return;
        }
        let names = names();
        let mut flag = Attribute::property(Value::String(self.word().to_owned()));
        flag.observed_at = attribute.observed_at;
        if let Some(reason) = reason {
            let why = Attribute::property(Value::String(reason));
            flag.sub.push((names.1.clone(), vec![why]));
        }
        attribute.sub.retain(|(name, _)| &**name != QUALITY);
        attribute.sub.push((names.0.clone(), vec![flag]));
    }
}

fn names() -> &'static (Name, Name) {
    static NAMES: OnceLock<(Name, Name)> = OnceLock::new();
    NAMES.get_or_init(|| (Arc::from(QUALITY), Arc::from(REASON)))
}
