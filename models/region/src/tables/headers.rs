//! Are columns what their headers say? Names against a versioned classification, numbers against
//! another year (rule Q7).

use serde::Serialize;

use crate::RegionError;
use crate::error::hint;
use crate::flows::spearman;
use crate::industry::Jobs;

/// A sector whose rho with its own name in the other year is below this ...
const OWN_LOW: f64 = 0.3;
/// ... and below that with another sector by this much is doubted. Many sectors of services rise and
/// fall together, so that resembling another one more says little by itself.
const OWN_BELOW: f64 = 0.3;
/// Sections of the Chinese industrial classification, GB/T 4754, in the order of each version.
const GBT4754: &str = include_str!("../../data/gbt4754_sectors.csv");

/// A section of an industrial classification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The letter; letters move between versions.
    pub letter: String,
    /// Key that is equal over versions, e.g. `transport_post`.
    pub key: String,
    /// Name in Chinese.
    pub name_zh: String,
}

/// The 20 sections of GB/T 4754 of `2002` (the census of 2010) or `2017` (that of 2020). Their order
/// differs from the sixth on: tables must be paired by key, never by position.
pub fn gbt4754(version: &str) -> Result<Vec<Section>, RegionError> {
    let rows = GBT4754
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect::<Vec<_>>());
    let sections: Vec<Section> = rows
        .filter(|r| r[0] == version)
        .map(|r| Section {
            letter: r[1].to_owned(),
            key: r[2].to_owned(),
            name_zh: r[3].to_owned(),
        })
        .collect();
    if sections.is_empty() {
        return Err(RegionError::unknown(
            "version of GB/T 4754",
            version,
            ["2002", "2017"],
        ));
    }
    Ok(sections)
}

/// A sector whose column of another year looks more like another sector (Q7).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeaderDoubt {
    /// The sector as headed.
    pub sector: String,
    /// Spearman's rho with the sector of that name in the other year.
    pub own: f64,
    /// The sector of the other year it resembles most.
    pub resembles: String,
    /// Its rho.
    pub other: f64,
}

/// Sector names that a classification does not have, each with its nearest name (Q7). Blanks,
/// line breaks and marks between words do not count.
#[must_use]
pub fn unknown_sectors(headers: &[String], classification: &[&str]) -> Vec<String> {
    let plain = |s: &str| -> String { s.chars().filter(|c| c.is_alphanumeric()).collect() };
    let known: Vec<String> = classification.iter().map(|c| plain(c)).collect();
    headers
        .iter()
        .filter(|h| !known.contains(&plain(h)))
        .map(|h| {
            format!(
                "\"{h}\"{}",
                hint(&plain(h), known.iter().map(String::as_str))
            )
        })
        .collect()
}

/// Compares the shares of sectors over the same places in two years: swapped headers show as a
/// sector that hardly resembles itself (rho below 0.3) and another one clearly more (by 0.3). A
/// doubt, no proof: sectors that changed their definition show too. Both tables list the same places in the
/// same order; sectors are paired by `same[s]`, the position in `other` of the sector of that name.
pub fn doubtful_headers(
    this: &Jobs,
    other: &Jobs,
    same: &[usize],
) -> Result<Vec<HeaderDoubt>, RegionError> {
    RegionError::same_len("places of the other year", this.units(), other.units())?;
    RegionError::same_len("sectors with a partner", this.sectors().len(), same.len())?;
    let column = |jobs: &Jobs, s: usize| -> Vec<f64> {
        (0..jobs.units()).map(|i| jobs.share(i, s)).collect()
    };
    let others: Vec<Vec<f64>> = (0..other.sectors().len())
        .map(|s| column(other, s))
        .collect();
    let mut doubts = Vec::new();
    for (s, &partner) in same.iter().enumerate() {
        let own_column = column(this, s);
        // A sector that is absent everywhere has no ranks, and so nothing to doubt.
        let rho = |t: usize| spearman(&own_column, &others[t]).ok();
        let Some(own) = rho(partner) else { continue };
        let best = (0..others.len())
            .filter_map(|t| Some((t, rho(t)?)))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((t, other_rho)) = best
            && t != partner
            && own < OWN_LOW
            && other_rho - own >= OWN_BELOW
        {
            doubts.push(HeaderDoubt {
                sector: this.sectors()[s].clone(),
                own,
                resembles: other.sectors()[t].clone(),
                other: other_rho,
            });
        }
    }
    Ok(doubts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swapped_headers_are_doubted() {
        let names: Vec<String> = (0..6).map(|i| format!("city {i}")).collect();
        let sectors = |s: [&str; 3]| s.map(str::to_owned).to_vec();
        let rows = [
            [1., 9., 3.],
            [2., 7., 9.],
            [3., 5., 1.],
            [4., 4., 8.],
            [5., 2., 2.],
            [6., 1., 7.],
        ];
        let new = Jobs::new(names.clone(), sectors(["a", "b", "c"]), rows.concat()).unwrap();
        let old = Jobs::new(names, sectors(["b", "a", "c"]), rows.concat()).unwrap();
        let doubts = doubtful_headers(&old, &new, &[1, 0, 2]).unwrap();
        assert_eq!(doubts.len(), 2);
        assert_eq!(
            (doubts[0].sector.as_str(), doubts[0].resembles.as_str()),
            ("b", "a")
        );
        assert!(doubtful_headers(&new, &new, &[0, 1, 2]).unwrap().is_empty());
        let unknown = unknown_sectors(
            &sectors(["制 造业", "制造", "金融业"]),
            &["制造业", "金融业"],
        );
        assert_eq!(unknown, ["\"制造\"; did you mean \"制造业\"?"]);
    }
}
