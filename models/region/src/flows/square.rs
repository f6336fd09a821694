//! A square table over one list of places: flows, distances, similarities.

use serde::Serialize;

use crate::RegionError;

/// Places of one table: 3,000 prefectures and counties give 72 MB.
const PLACES_MAX: usize = 3_000;

/// `n` x `n` values, row-major: row = from, column = to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Square {
    n: usize,
    values: Vec<f64>,
}

impl Square {
    /// A table of the given values, `n * n` of them, row by row.
    pub fn new(what: &str, n: usize, values: Vec<f64>) -> Result<Self, RegionError> {
        if n > PLACES_MAX {
            return Err(RegionError::TooLarge {
                what: what.to_owned(),
                count: n as u64,
                limit: PLACES_MAX as u64,
            });
        }
        RegionError::same_len(what, n * n, values.len())?;
        Ok(Self { n, values })
    }

    /// A table filled by `value(from, to)`.
    pub fn from_fn(
        what: &str,
        n: usize,
        mut value: impl FnMut(usize, usize) -> f64,
    ) -> Result<Self, RegionError> {
        if n > PLACES_MAX {
            return Self::new(what, n, Vec::new());
        }
        let values = (0..n * n).map(|k| value(k / n, k % n)).collect();
        Self::new(what, n, values)
    }

    /// A table from rows `(from, to, value)`, keys in the order of `places`; pairs without a row
    /// are 0. A key that is not a place is an error with its nearest spelling, a pair that stands
    /// twice too.
    pub fn from_rows<'a>(
        what: &str,
        places: &[&str],
        rows: impl IntoIterator<Item = (&'a str, &'a str, f64)>,
    ) -> Result<Self, RegionError> {
        let n = places.len();
        let mut table = Self::from_fn(what, n, |_, _| 0.0)?;
        let mut seen = vec![false; n * n];
        let at: std::collections::BTreeMap<&str, usize> =
            places.iter().enumerate().map(|(i, p)| (*p, i)).collect();
        RegionError::same_len(&format!("{what}: different places"), n, at.len())?;
        let mut unknown = std::collections::BTreeSet::new();
        for (from, to, value) in rows {
            let (Some(&i), Some(&j)) = (at.get(from), at.get(to)) else {
                unknown.extend([from, to].into_iter().filter(|k| !at.contains_key(k)));
                continue;
            };
            if std::mem::replace(&mut seen[i * n + j], true) {
                return Err(RegionError::option(
                    what,
                    format!("the pair \"{from}\" to \"{to}\" stands twice"),
                ));
            }
            table.values[i * n + j] = value;
        }
        let unknown: Vec<&str> = unknown.into_iter().collect();
        crate::joins::join(&format!("places of {what}"), &unknown, places)?.left()?;
        Ok(table)
    }

    /// Number of places.
    #[must_use]
    pub fn n(&self) -> usize {
        self.n
    }

    /// The value from `i` to `j`.
    #[must_use]
    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i * self.n + j]
    }

    /// All values from `i`.
    #[must_use]
    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.n..(i + 1) * self.n]
    }

    /// All values, row by row.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// `(A + A') / 2`: ties without direction.
    #[must_use]
    pub fn symmetric(&self) -> Self {
        let n = self.n;
        let values = (0..n * n)
            .map(|k| self.at(k / n, k % n).midpoint(self.at(k % n, k / n)))
            .collect();
        Self { n, values }
    }

    /// Whether both directions of every pair are equal.
    #[must_use]
    pub fn is_symmetric(&self) -> bool {
        (0..self.n).all(|i| (0..i).all(|j| self.at(i, j) == self.at(j, i)))
    }

    /// Mean over the unordered pairs of different places, of the upper half; `None` below two.
    #[must_use]
    pub fn mean_of_pairs(&self) -> Option<f64> {
        let pairs = self.n * self.n.saturating_sub(1) / 2;
        let sum: f64 = (0..self.n).flat_map(|i| &self.row(i)[i + 1..]).sum();
        (pairs > 0).then(|| sum / pairs as f64)
    }

    /// Refuses negative and unknown numbers off the diagonal.
    pub(crate) fn refuse_negative(&self, what: &str) -> Result<(), RegionError> {
        for i in 0..self.n {
            for j in 0..self.n {
                let v = self.at(i, j);
                if i != j && !(v >= 0.0 && v.is_finite()) {
                    return Err(RegionError::option(
                        what,
                        format!(
                            "the value from unit {} to unit {} is {v}; flows are finite and not negative",
                            i + 1,
                            j + 1
                        ),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Refuses values that are not finite and above zero, naming the unit by its position from 1.
pub(crate) fn refuse_not_positive(what: &str, values: &[f64]) -> Result<(), RegionError> {
    match values.iter().position(|v| !(*v > 0.0 && v.is_finite())) {
        None => Ok(()),
        Some(i) => Err(RegionError::option(
            what,
            format!("unit {} has {}; it must be above 0", i + 1, values[i]),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_a_table_and_strangers_stop_it() {
        let t =
            Square::from_rows("flows", &["a", "b"], [("a", "b", 2.0), ("b", "a", 4.0)]).unwrap();
        assert_eq!(t.values(), [0.0, 2.0, 4.0, 0.0]);
        assert_eq!(t.symmetric().at(0, 1), 3.0);
        let error = Square::from_rows("flows", &["上海市", "苏州市"], [("上海", "苏州市", 1.0)]);
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("nearest: \"上海市\"")
        );
        let twice = Square::from_rows("flows", &["a", "b"], [("a", "b", 1.0), ("a", "b", 1.0)]);
        assert!(twice.unwrap_err().to_string().contains("twice"));
    }

    #[test]
    fn shapes_and_sizes_are_checked() {
        assert!(matches!(
            Square::new("x", 2, vec![0.0]),
            Err(RegionError::Shape { .. })
        ));
        assert!(matches!(
            Square::from_fn("x", 3_001, |_, _| 0.0),
            Err(RegionError::TooLarge { .. })
        ));
    }
}
