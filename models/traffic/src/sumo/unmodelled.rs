//! What was found in the files and is not simulated: counted and listed, never dropped in silence.

use std::collections::BTreeMap;
use std::fmt;

/// One feature that is not modelled.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Feature {
    /// What it is and what is done instead.
    pub feature: String,
    /// How often it was found.
    pub count: u64,
    /// The first one: `file:line`.
    pub first: String,
}

/// All features found that are not modelled, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unmodelled {
    found: BTreeMap<String, (u64, String)>,
}

impl Unmodelled {
    pub(crate) fn add(&mut self, feature: &str, file: &str, line: u32) {
        self.add_many(feature, 1, file, line);
    }

    pub(crate) fn add_many(&mut self, feature: &str, count: u64, file: &str, line: u32) {
        if count == 0 {
            return;
        }
        if let Some(known) = self.found.get_mut(feature) {
            known.0 += count;
            return;
        }
        let first = format!("{file}:{line}");
        self.found.insert(feature.to_owned(), (count, first));
    }

    /// Counts one, at a place that is no line: `file: way 12`.
    pub(crate) fn add_at(&mut self, feature: &str, place: impl FnOnce() -> String) {
        match self.found.get_mut(feature) {
            Some(known) => known.0 += 1,
            None => {
                self.found.insert(feature.to_owned(), (1, place()));
            }
        }
    }

    /// Takes over what another file's reading found.
    pub fn merge(&mut self, other: &Self) {
        for (feature, (count, first)) in &other.found {
            let known = self.found.entry(feature.clone());
            known.or_insert_with(|| (0, first.clone())).0 += count;
        }
    }

    /// The features in alphabetical order.
    #[must_use]
    pub fn features(&self) -> Vec<Feature> {
        let all = self.found.iter();
        all.map(|(feature, (count, first))| Feature {
            feature: feature.clone(),
            count: *count,
            first: first.clone(),
        })
        .collect()
    }

    /// How often a feature was found.
    #[must_use]
    pub fn count(&self, feature: &str) -> u64 {
        self.found.get(feature).map_or(0, |(count, _)| *count)
    }

    /// True when everything found is modelled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

impl fmt::Display for Unmodelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (feature, (count, first)) in &self.found {
            writeln!(f, "{count:>8}  {feature} (first at {first})")?;
        }
        Ok(())
    }
}
