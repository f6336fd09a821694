//! Joining tables by key, and decompositions that must close. Nothing is dropped in silence: a
//! key of one table that the other lacks stops the computation and comes with its nearest
//! spelling on the other side.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::RegionError;

/// Unmatched keys that an error spells out; their count is always told.
const NAMED: usize = 10;
/// Unmatched keys for which a report looks for the nearest spelling (it costs a pass each).
const SPELLED: usize = 200;
/// Relative tolerance of sums that must close.
const CLOSES: f64 = 1e-9;

/// A key without a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unmatched {
    /// The key.
    pub key: String,
    /// The nearest key of the other table that has no partner either, else the nearest of all.
    pub nearest: Option<String>,
}

/// Two lists of keys, joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Join {
    /// What was joined with what.
    pub what: String,
    /// For every left key the position of its partner on the right.
    pub partner: Vec<Option<usize>>,
    /// Left keys without partner, in order.
    pub left_only: Vec<Unmatched>,
    /// Right keys without partner, in order.
    pub right_only: Vec<Unmatched>,
}

impl Join {
    /// Every left key has a partner and every right key too: positions on the right, in the
    /// order of the left. Else [`RegionError::Unjoined`] names the keys of both sides.
    pub fn both(self) -> Result<Vec<usize>, RegionError> {
        self.refuse(self.left_only.iter().chain(&self.right_only))?;
        Ok(self.partner.into_iter().flatten().collect())
    }

    /// Every left key has a partner; the right table may hold more.
    pub fn left(self) -> Result<Vec<usize>, RegionError> {
        self.refuse(self.left_only.iter())?;
        Ok(self.partner.into_iter().flatten().collect())
    }

    fn refuse<'a>(
        &self,
        unmatched: impl Iterator<Item = &'a Unmatched> + Clone,
    ) -> Result<(), RegionError> {
        let count = unmatched.clone().count();
        if count == 0 {
            return Ok(());
        }
        let mut names: Vec<String> = unmatched.take(NAMED).map(spelled).collect();
        if count > NAMED {
            names.push("...".to_owned());
        }
        Err(RegionError::Unjoined {
            what: self.what.clone(),
            count,
            names: names.join(", "),
        })
    }
}

fn spelled(unmatched: &Unmatched) -> String {
    match &unmatched.nearest {
        Some(near) => format!("\"{}\" (nearest: \"{near}\")", unmatched.key),
        None => format!("\"{}\"", unmatched.key),
    }
}

/// Joins two lists of keys, exactly. A key that stands twice in one list is an error: a join must
/// not double anybody.
///
/// `what` names both, e.g. `cities of flows.csv with places.csv`.
pub fn join(what: &str, left: &[&str], right: &[&str]) -> Result<Join, RegionError> {
    let at_left = positions(what, left)?;
    let at_right = positions(what, right)?;
    let partner: Vec<Option<usize>> = left.iter().map(|k| at_right.get(k).copied()).collect();
    let lone_left = lone(left, &at_right);
    let lone_right = lone(right, &at_left);
    Ok(Join {
        what: what.to_owned(),
        partner,
        left_only: with_nearest(&lone_left, &lone_right, right),
        right_only: with_nearest(&lone_right, &lone_left, left),
    })
}

fn lone<'a>(keys: &[&'a str], other: &BTreeMap<&str, usize>) -> Vec<&'a str> {
    keys.iter()
        .copied()
        .filter(|k| !other.contains_key(k))
        .collect()
}

fn positions<'a>(what: &str, keys: &[&'a str]) -> Result<BTreeMap<&'a str, usize>, RegionError> {
    let mut map = BTreeMap::new();
    for (i, key) in keys.iter().enumerate() {
        if let Some(first) = map.insert(*key, i) {
            return Err(RegionError::option(
                what,
                format!(
                    "the key \"{key}\" stands twice (entries {} and {})",
                    first + 1,
                    i + 1
                ),
            ));
        }
    }
    Ok(map)
}

/// A misspelt key has its partner among the unmatched of the other side, so these come first.
fn with_nearest(lone: &[&str], lone_other: &[&str], all_other: &[&str]) -> Vec<Unmatched> {
    lone.iter()
        .enumerate()
        .map(|(i, key)| Unmatched {
            key: (*key).to_owned(),
            nearest: (i < SPELLED)
                .then(|| {
                    conurb_base::nearest(key, lone_other.iter().copied())
                        .or_else(|| conurb_base::nearest(key, all_other.iter().copied()))
                })
                .flatten()
                .map(str::to_owned),
        })
        .collect()
}

/// Refuses a decomposition whose parts do not give the total:
/// `|total - sum of parts| <= 1e-9 max(1, |total|)`.
pub fn closes(what: &str, total: f64, parts: &[f64]) -> Result<(), RegionError> {
    let sum: f64 = parts.iter().sum();
    // Written so that a NaN on either side is refused too.
    if (total - sum).abs() <= CLOSES * total.abs().max(1.0) {
        return Ok(());
    }
    Err(RegionError::DoesNotAddUp {
        what: what.to_owned(),
        total,
        parts: sum,
    })
}

/// A code of a Chinese prefecture-level unit in one form: spreadsheets add `.0`, and the four
/// municipalities are `310000` in some files and `310100` in others (the second is kept).
///
/// Errors: not six digits.
pub fn prefecture_code(text: &str) -> Result<String, RegionError> {
    let trimmed = text.trim();
    let digits = trimmed.strip_suffix(".0").unwrap_or(trimmed);
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(RegionError::option(
            "place code",
            format!("\"{text}\" is not a code of six digits"),
        ));
    }
    Ok(match digits {
        "110000" | "120000" | "310000" | "500000" => format!("{}100", &digits[..3]),
        _ => digits.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_city_is_named_with_its_neighbour_on_both_sides() {
        let left = ["亳州市", "上海市"];
        let right = ["上海市", "毫州市"];
        let report = join("cities of a with b", &left, &right).unwrap();
        assert_eq!(report.partner, [None, Some(0)]);
        assert_eq!(report.left_only[0].nearest.as_deref(), Some("毫州市"));
        assert_eq!(report.right_only[0].nearest.as_deref(), Some("亳州市"));
        let error = report.both().unwrap_err();
        assert_eq!(
            error.to_string(),
            "2 cities of a with b do not join: \"亳州市\" (nearest: \"毫州市\"), \"毫州市\" (nearest: \"亳州市\")"
        );
    }

    #[test]
    fn the_right_side_may_hold_more_only_where_that_is_said() {
        let report = join("x", &["a"], &["b", "a"]).unwrap();
        assert_eq!(report.clone().left().unwrap(), [1]);
        assert!(report.both().is_err());
    }

    #[test]
    fn a_key_that_stands_twice_is_refused() {
        let error = join("x", &["a", "a"], &["a"]).unwrap_err().to_string();
        assert!(error.contains("entries 1 and 2"), "{error}");
    }

    #[test]
    fn parts_that_do_not_give_the_total_are_refused() {
        assert!(closes("Theil", 0.1035, &[0.05, 0.0535]).is_ok());
        assert!(matches!(
            closes("Theil", 0.1119, &[0.05, 0.0535]),
            Err(RegionError::DoesNotAddUp { .. })
        ));
        assert!(closes("Theil", f64::NAN, &[0.0]).is_err());
    }

    #[test]
    fn codes_of_municipalities_have_one_form() {
        assert_eq!(prefecture_code("310000.0").unwrap(), "310100");
        assert_eq!(prefecture_code("310100").unwrap(), "310100");
        assert_eq!(prefecture_code(" 320500 ").unwrap(), "320500");
        assert!(prefecture_code("Suzhou").is_err());
    }
}
