//! How evenly reach is shared, weighted by persons: Gini, Theil, coefficient of variation, Palma,
//! least.

use conurb_base::inequality;
use serde::Serialize;

use super::reach::Reach;
use crate::error::TransitError;

/// Balance of a measure over places.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Equity {
    /// Places with a value and a weight: the others are in no figure.
    pub places: usize,
    /// Places without a value: cut off, the least equal of all.
    pub without: Vec<usize>,
    /// Weighted mean.
    pub mean: f64,
    /// Gini coefficient: 0 where all are equal.
    pub gini: f64,
    /// Theil T; `None` where a value is negative.
    pub theil: Option<f64>,
    /// Population standard deviation over mean.
    pub cv: f64,
    /// Share of the top tenth over share of the bottom four tenths of persons; `None` where the
    /// bottom has nothing.
    pub palma: Option<f64>,
    /// The least value.
    pub least: f64,
    /// The place that has it (the first in order).
    pub least_place: usize,
}

/// Balance of a measure, weighted (by default with persons). Sound for measures where more is
/// better (potential, contour); for travel times a Palma above 1 means long ways for few.
///
/// # Errors
/// Where no place has both a value and a weight, or the mean is not above 0.
pub fn equity(found: &[Reach], weights: &[f64]) -> Result<Equity, TransitError> {
    let wrong = |message: String| TransitError::Option {
        what: "equity",
        message,
    };
    let (mut values, mut persons) = (Vec::new(), Vec::new());
    let mut without = Vec::new();
    let mut least: Option<(f64, usize)> = None;
    for reach in found {
        let weight = weights.get(reach.place).copied().unwrap_or(0.0);
        match reach.value {
            Some(value) if weight > 0.0 => {
                values.push(value);
                persons.push(weight);
                if least.is_none_or(|l| value < l.0) {
                    least = Some((value, reach.place));
                }
            }
            Some(_) => {}
            None => without.push(reach.place),
        }
    }
    let (least, least_place) =
        least.ok_or_else(|| wrong("no place has both a value and a weight".into()))?;
    let total: f64 = persons.iter().sum();
    let rows = || values.iter().zip(&persons);
    let mean = rows().map(|(v, w)| v * w).sum::<f64>() / total;
    if mean <= 0.0 {
        return Err(wrong(format!("the mean is {mean}, not above 0")));
    }
    let variance = rows()
        .map(|(v, w)| w * (v - mean) * (v - mean))
        .sum::<f64>()
        / total;
    let totals: Vec<f64> = rows().map(|(v, w)| v * w).collect();
    Ok(Equity {
        places: values.len(),
        without,
        mean,
        gini: inequality::gini_weighted(&values, &persons).unwrap_or(0.0),
        theil: inequality::theil(&totals, &persons),
        cv: variance.sqrt() / mean,
        palma: inequality::palma(&values, &persons),
        least,
        least_place,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_repeated_persons() {
        let reach = |place, value| Reach {
            place,
            value: Some(value),
            reached: 0,
            lost: Vec::new(),
            lost_mass: 0.0,
        };
        let found = [reach(0, 2.0), reach(1, 5.0), reach(2, 9.0)];
        let weighted = equity(&found, &[3.0, 1.0, 2.0]).unwrap();
        let persons: Vec<Reach> = (0..)
            .zip([2.0, 2.0, 2.0, 5.0, 9.0, 9.0])
            .map(|(place, value)| reach(place, value))
            .collect();
        let each = equity(&persons, &[1.0; 6]).unwrap();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-14, "{a} {b}");
        near(weighted.gini, each.gini);
        near(weighted.theil.unwrap(), each.theil.unwrap());
        near(weighted.palma.unwrap(), each.palma.unwrap());
        near(weighted.cv, each.cv);
        // By the definition over ordered pairs.
        let values = [2.0_f64, 2.0, 2.0, 5.0, 9.0, 9.0];
        let pairs = values
            .iter()
            .flat_map(|a| values.iter().map(move |b| (a - b).abs()));
        near(each.gini, pairs.sum::<f64>() / (2.0 * 6.0 * 29.0));
    }

    #[test]
    fn places_without_a_value_are_told() {
        let reach = |place, value| Reach {
            place,
            value,
            reached: 0,
            lost: Vec::new(),
            lost_mass: 0.0,
        };
        let found = [reach(0, Some(4.0)), reach(1, None), reach(2, Some(2.0))];
        let made = equity(&found, &[1.0, 1.0, 1.0]).unwrap();
        assert_eq!((made.places, made.mean, made.least), (2, 3.0, 2.0));
        assert_eq!((made.without, made.least_place), (vec![1], 2));
        assert!((made.cv - 1.0 / 3.0).abs() < 1e-15);
        assert!(equity(&found[1..2], &[1.0, 1.0]).is_err());
    }
}
