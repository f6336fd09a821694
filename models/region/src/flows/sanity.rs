//! Does a table of flows behave like flows? Real ones fall with distance and time; published tables
//! filled at random do not (rule Q4).

use serde::Serialize;

use crate::RegionError;

/// Below this rank correlation a table does not behave like a flow.
const CORRELATED: f64 = 0.1;
/// Pairs below which nothing is said.
const PAIRS_MIN: usize = 100;

/// What the rank correlation says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Correlated with distance, time or the second flow as real flows are.
    BehavesLikeAFlow,
    /// `|rho| < 0.1`: filler, shuffled rows, or a wrong join.
    DoesNotBehaveLikeAFlow,
    /// Fewer than 100 pairs.
    TooFewPairs,
}

/// Result of rule Q4.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FlowSanity {
    /// Pairs compared.
    pub pairs: usize,
    /// Spearman's rho of flow and the other measure.
    pub spearman: f64,
    /// The reading.
    pub verdict: Verdict,
}

/// Compares flows with the distance, time or second flow of the same pairs.
pub fn flow_sanity(flows: &[f64], other: &[f64]) -> Result<FlowSanity, RegionError> {
    let rho = spearman(flows, other)?;
    let verdict = if flows.len() < PAIRS_MIN {
        Verdict::TooFewPairs
    } else if rho.abs() < CORRELATED {
        Verdict::DoesNotBehaveLikeAFlow
    } else {
        Verdict::BehavesLikeAFlow
    };
    Ok(FlowSanity {
        pairs: flows.len(),
        spearman: rho,
        verdict,
    })
}

/// Spearman's rank correlation, ties with their mean rank.
///
/// Errors: lengths that differ, fewer than two values, values that are not finite, a list whose
/// values are all equal (it has no ranks).
pub fn spearman(x: &[f64], y: &[f64]) -> Result<f64, RegionError> {
    RegionError::same_len("rank correlation", x.len(), y.len())?;
    if x.len() < 2 {
        return Err(RegionError::option(
            "rank correlation",
            "it needs two values",
        ));
    }
    correlation("rank correlation", &ranks(x)?, &ranks(y)?)
}

/// Pearson's correlation; a list without spread is [`RegionError::Singular`].
pub(crate) fn correlation(what: &str, x: &[f64], y: &[f64]) -> Result<f64, RegionError> {
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        xy += (a - mx) * (b - my);
        xx += (a - mx) * (a - mx);
        yy += (b - my) * (b - my);
    }
    for (which, spread) in [("first", xx), ("second", yy)] {
        if spread <= 0.0 {
            return Err(RegionError::Singular {
                what: what.to_owned(),
                message: format!("all values of the {which} list are equal"),
            });
        }
    }
    Ok((xy / (xx * yy).sqrt()).clamp(-1.0, 1.0))
}

/// Ranks from 1 (smallest), equal values with their mean rank.
pub(crate) fn ranks(values: &[f64]) -> Result<Vec<f64>, RegionError> {
    if let Some(i) = values.iter().position(|v| !v.is_finite()) {
        return Err(RegionError::option(
            "ranks",
            format!("value {} is {}", i + 1, values[i]),
        ));
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut out = vec![0.0; values.len()];
    let mut before = 0;
    for ties in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let mean = before as f64 + (ties.len() as f64 + 1.0) / 2.0;
        for &i in ties {
            out[i] = mean;
        }
        before += ties.len();
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]).unwrap(), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[9.0, 4.0, 1.0]).unwrap(), -1.0);
    }

    #[test]
    fn shuffled_flows_are_filler_and_few_pairs_say_nothing() {
        use rand::{RngExt, SeedableRng};
        let seed = 7;
        println!("seed {seed}");
        let mut random = rand_pcg::Pcg64::seed_from_u64(seed);
        let km: Vec<f64> = (1..=1000).map(f64::from).collect();
        let real: Vec<f64> = km.iter().map(|d| 1e6 / (d * d)).collect();
        let filler: Vec<f64> = km.iter().map(|_| random.random::<f64>()).collect();
        let verdict = |f: &[f64], d: &[f64]| flow_sanity(f, d).unwrap().verdict;
        assert_eq!(verdict(&real, &km), Verdict::BehavesLikeAFlow);
        assert_eq!(verdict(&filler, &km), Verdict::DoesNotBehaveLikeAFlow);
        assert_eq!(verdict(&real[..50], &km[..50]), Verdict::TooFewPairs);
    }

    #[test]
    fn constants_and_unknown_numbers_are_refused() {
        assert!(matches!(
            spearman(&[1.0, 1.0], &[1.0, 2.0]),
            Err(RegionError::Singular { .. })
        ));
        assert!(spearman(&[1.0, f64::NAN], &[1.0, 2.0]).is_err());
        assert!(spearman(&[1.0], &[1.0, 2.0]).is_err());
    }
}
