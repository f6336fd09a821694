//! Inequality divided: between and within groups, near and far.

use std::collections::BTreeMap;

use serde::Serialize;

use conurb_base::inequality::theil_term;

use crate::RegionError;
use crate::inequality::indices::{against, gini, theil, theil_population};
use crate::inequality::{closes, total};
use crate::weights::Weights;

/// One group's part in a Theil decomposition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupPart<G> {
    /// The group.
    pub group: G,
    /// Its units.
    pub units: usize,
    /// Its share of the total.
    pub share: f64,
    /// Its share of the base: of units, or of population.
    pub base_share: f64,
    /// Theil's T inside the group.
    pub within: f64,
}

/// Theil's T, divided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TheilParts<G> {
    /// T of all units.
    pub total: f64,
    /// Between groups.
    pub between: f64,
    /// Within groups: sum of group shares x T inside.
    pub within: f64,
    /// By group, in ascending order.
    pub groups: Vec<GroupPart<G>>,
}

/// Members of each group, in ascending order of groups.
fn members<G: Ord + Clone>(groups: &[G]) -> BTreeMap<G, Vec<usize>> {
    let mut members = BTreeMap::<G, Vec<usize>>::new();
    for (unit, group) in groups.iter().enumerate() {
        members.entry(group.clone()).or_default().push(unit);
    }
    members
}

fn pick(values: &[f64], units: &[usize]) -> Vec<f64> {
    units.iter().map(|&i| values[i]).collect()
}

/// Theil's T with every unit counting alike: between = sum S_g ln(S_g n/n_g).
///
/// # Errors
/// As [`theil`]; `Shape` for lengths that differ; `DoesNotAddUp` when the parts do not give the total.
pub fn theil_groups<G: Ord + Clone>(
    values: &[f64],
    groups: &[G],
) -> Result<TheilParts<G>, RegionError> {
    RegionError::same_len("groups of the Theil index", values.len(), groups.len())?;
    let base = vec![1.0; values.len()];
    parts(values, &base, groups, theil(values)?, |values, _| {
        theil(values)
    })
}

/// Theil's T of totals against population: between = sum S_g ln(S_g/P_g).
///
/// # Errors
/// As [`theil_population`] and [`theil_groups`].
pub fn theil_population_groups<G: Ord + Clone>(
    totals: &[f64],
    population: &[f64],
    groups: &[G],
) -> Result<TheilParts<G>, RegionError> {
    RegionError::same_len("groups of the Theil index", totals.len(), groups.len())?;
    let t = theil_population(totals, population)?;
    parts(totals, population, groups, t, theil_population)
}

fn parts<G: Ord + Clone>(
    values: &[f64],
    base: &[f64],
    groups: &[G],
    t: f64,
    index: impl Fn(&[f64], &[f64]) -> Result<f64, RegionError>,
) -> Result<TheilParts<G>, RegionError> {
    let (sum, base_sum) = against(values, base)?;
    let mut result = TheilParts {
        total: t,
        between: 0.0,
        within: 0.0,
        groups: Vec::new(),
    };
    for (group, units) in members(groups) {
        let (own, own_base) = (pick(values, &units), pick(base, &units));
        let share = own.iter().sum::<f64>() / sum;
        let base_share = own_base.iter().sum::<f64>() / base_sum;
        // A group that has nothing has nothing to share unequally.
        let within = if share > 0.0 {
            index(&own, &own_base)?
        } else {
            0.0
        };
        result.between += theil_term(share, base_share);
        result.within += share * within;
        result.groups.push(GroupPart {
            group,
            units: units.len(),
            share,
            base_share,
            within,
        });
    }
    closes("Theil index by group", t, result.between + result.within)?;
    Ok(result)
}

/// The spatial Gini of Rey and Smith (2013). Sums are over *ordered* pairs: each pair counts twice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SpatialGini {
    /// The Gini index.
    pub gini: f64,
    /// Sum of |y_i - y_j| over neighbours.
    pub near: f64,
    /// Sum over all other pairs.
    pub far: f64,
}

/// Divides the Gini index into pairs of neighbours and other pairs. The weights' links are taken as
/// they are: only whether there is one counts.
///
/// # Errors
/// As [`gini`]; `Shape` for lengths that differ; `DoesNotAddUp` when the parts do not give the index.
pub fn spatial_gini(values: &[f64], weights: &Weights) -> Result<SpatialGini, RegionError> {
    RegionError::same_len("values of the spatial Gini", weights.len(), values.len())?;
    let g = gini(values)?;
    let (mut near, mut far) = (0.0, 0.0);
    let mut linked = vec![false; values.len()];
    for (i, y) in values.iter().enumerate() {
        let (neighbours, _) = weights.row(i);
        neighbours.iter().for_each(|&j| linked[j as usize] = true);
        for (other, linked) in values.iter().zip(&linked) {
            let part = if *linked { &mut near } else { &mut far };
            *part += (y - other).abs();
        }
        neighbours.iter().for_each(|&j| linked[j as usize] = false);
    }
    let scale = 2.0 * values.len() as f64 * values.iter().sum::<f64>();
    closes("spatial Gini", g, (near + far) / scale)?;
    Ok(SpatialGini { gini: g, near, far })
}

/// The Gini index divided by Dagum (1997).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Dagum {
    /// The Gini index.
    pub gini: f64,
    /// Gw: within groups.
    pub within: f64,
    /// Gnb: net between groups.
    pub net_between: f64,
    /// Gt: where the poorer group's rich stand above the richer group's poor (transvariation).
    pub transvariation: f64,
}

/// Dagum's decomposition over groups; every unit counts alike.
///
/// # Errors
/// As [`gini`]; `Shape` for lengths that differ; `Option` for a group whose values are all 0;
/// `DoesNotAddUp` when the parts do not give the index.
pub fn dagum<G: Ord + Clone>(values: &[f64], groups: &[G]) -> Result<Dagum, RegionError> {
    RegionError::same_len(
        "groups of Dagum's decomposition",
        values.len(),
        groups.len(),
    )?;
    let sum = total("Dagum's decomposition", values)?;
    let n = values.len() as f64;
    let mut parts: Vec<Vec<f64>> = Vec::new();
    for units in members(groups).values() {
        let own = pick(values, units);
        total("a group of Dagum's decomposition", &own)?;
        parts.push(own);
    }
    let means: Vec<f64> = parts
        .iter()
        .map(|y| y.iter().sum::<f64>() / y.len() as f64)
        .collect();
    let population = |j: usize| parts[j].len() as f64 / n;
    let share = |j: usize| parts[j].iter().sum::<f64>() / sum;
    let mut result = Dagum {
        gini: gini(values)?,
        within: 0.0,
        net_between: 0.0,
        transvariation: 0.0,
    };
    for j in 0..parts.len() {
        result.within += gini(&parts[j])? * population(j) * share(j);
        for h in 0..j {
            let (rich, poor) = if means[j] >= means[h] { (j, h) } else { (h, j) };
            let (above, below) = overlap(&parts[rich], &parts[poor]);
            let weight = population(j) * share(h) + population(h) * share(j);
            let between = (above + below) / (means[j] + means[h]) * weight;
            let affluence = if above + below > 0.0 {
                (above - below) / (above + below)
            } else {
                0.0
            };
            result.net_between += between * affluence;
            result.transvariation += between * (1.0 - affluence);
        }
    }
    let sum_of_parts = result.within + result.net_between + result.transvariation;
    closes("Dagum's decomposition", result.gini, sum_of_parts)?;
    Ok(result)
}

/// Mean positive and mean negative part of (rich - poor) over all pairs.
fn overlap(rich: &[f64], poor: &[f64]) -> (f64, f64) {
    let (mut above, mut below) = (0.0, 0.0);
    for r in rich {
        for p in poor {
            above += (r - p).max(0.0);
            below += (p - r).max(0.0);
        }
    }
    let pairs = (rich.len() * poor.len()) as f64;
    (above / pairs, below / pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dagums_toy() {
        let parts = dagum(&[1.0, 3.0, 2.0, 6.0], &["a", "a", "b", "b"]).unwrap();
        let expected = [1.0 / 3.0, 0.125, 1.0 / 6.0, 1.0 / 24.0];
        let found = [
            parts.gini,
            parts.within,
            parts.net_between,
            parts.transvariation,
        ];
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 1e-12, "{found:?}");
        }
    }

    #[test]
    fn a_group_that_has_nothing() {
        let parts = theil_groups(&[0.0, 0.0, 1.0, 3.0], &[1, 1, 2, 2]).unwrap();
        assert!((parts.between - 2.0_f64.ln()).abs() < 1e-12);
        assert!(dagum(&[0.0, 0.0, 1.0, 3.0], &[1, 1, 2, 2]).is_err());
        assert!(theil_groups(&[1.0, 2.0], &[1]).is_err());
        let error = closes("x", 1.0, 1.1).unwrap_err();
        assert!(matches!(error, RegionError::DoesNotAddUp { .. }));
    }

    proptest! {
        #[test]
        fn every_decomposition_closes(
            rows in prop::collection::vec((0.1..1e4_f64, 0.1..1e3_f64, 0..4_u8), 4..40),
        ) {
            let y: Vec<f64> = rows.iter().map(|r| r.0).collect();
            let p: Vec<f64> = rows.iter().map(|r| r.1).collect();
            let g: Vec<u8> = rows.iter().map(|r| r.2).collect();
            let unit = theil_groups(&y, &g).unwrap();
            prop_assert!(unit.between > -1e-12 && unit.within > -1e-12);
            // Units with equal population: both forms are one.
            let same = theil_population_groups(&y, &vec![7.0; y.len()], &g).unwrap();
            prop_assert!((same.between - unit.between).abs() < 1e-9);
            theil_population_groups(&y, &p, &g).unwrap();
            dagum(&y, &g).unwrap();
            spatial_gini(&y, &Weights::blocks(&g).unwrap()).unwrap();
        }
    }
}
