//! Tables of one figure per unit, and shares computed from them. No source, no share.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::RegionError;
use crate::error::hint;

/// Where figures come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The document or data set.
    pub name: String,
    /// The year the figures hold for.
    pub year: u16,
}

/// One figure per unit, by code.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Indicator {
    /// What is counted, with unit, e.g. `population, persons`.
    pub what: String,
    /// Figures by code.
    pub values: BTreeMap<String, f64>,
    /// The total as the source states it; `None`: the sum of the figures.
    pub declared_total: Option<f64>,
    /// The source; without it nothing is computed.
    pub source: Option<Source>,
}

/// A share with all that is needed to check it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    /// What is counted.
    pub what: String,
    /// Sum over the units asked for.
    pub part: f64,
    /// Sum over all units.
    pub total: f64,
    /// part / total.
    pub share: f64,
    /// The source.
    pub source: Source,
}

impl Indicator {
    /// Share of some units in the total.
    ///
    /// # Errors
    /// [`RegionError::NoSource`] without a source or with an empty name;
    /// [`RegionError::Unjoined`] for codes without a figure; [`RegionError::DoesNotAddUp`] when the
    /// declared total is not the sum of the figures; [`RegionError::Option`] for a total of 0 or a
    /// code named twice.
    pub fn share(&self, codes: &[&str]) -> Result<Share, RegionError> {
        let source = self
            .source
            .clone()
            .filter(|s| !s.name.trim().is_empty())
            .ok_or_else(|| RegionError::NoSource {
                figure: format!("the share of {}", self.what),
            })?;
        let part = self.sum(codes)?;
        let total: f64 = self.values.values().sum();
        if let Some(declared) = self.declared_total
            && (declared - total).abs() > 1e-9 * declared.abs().max(1.0)
        {
            return Err(RegionError::DoesNotAddUp {
                what: self.what.clone(),
                total: declared,
                parts: total,
            });
        }
        if !(total.is_finite() && total > 0.0) {
            return Err(RegionError::option(
                &self.what,
                format!("the total is {total}"),
            ));
        }
        Ok(Share {
            what: self.what.clone(),
            part,
            total,
            share: part / total,
            source,
        })
    }

    fn sum(&self, codes: &[&str]) -> Result<f64, RegionError> {
        let mut sorted = codes.to_vec();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|p| p[0] == p[1]) {
            return Err(RegionError::option(
                "codes",
                format!("{} is named twice", pair[0]),
            ));
        }
        let missing: Vec<&str> = codes
            .iter()
            .copied()
            .filter(|c| !self.values.contains_key(*c))
            .collect();
        if !missing.is_empty() {
            let known = || self.values.keys().map(String::as_str);
            let named = |c: &&str| format!("{c}{}", hint(c, known()));
            return Err(RegionError::Unjoined {
                what: format!("codes with {}", self.what),
                count: missing.len(),
                names: missing
                    .iter()
                    .take(5)
                    .map(named)
                    .collect::<Vec<_>>()
                    .join(", "),
            });
        }
        Ok(codes.iter().map(|c| self.values[*c]).sum())
    }
}
