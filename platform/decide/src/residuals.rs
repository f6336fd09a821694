//! Intervals from data: around a prediction from past errors, around a mean from its values.

use std::collections::{BTreeMap, VecDeque};

use crate::{Decision, Interval};

/// Fewest errors an interval is made of.
pub const SAMPLES_MIN: usize = 20;

/// Past errors (measured - predicted) by subject and KPI, and pooled by KPI. Bounded, and equal
/// for equal calls in equal order.
#[derive(Debug, Clone)]
pub struct Residuals {
    by_subject: BTreeMap<(String, String), VecDeque<f64>>,
    pooled: BTreeMap<String, VecDeque<f64>>,
    ring: usize,
    keys_max: usize,
}

impl Residuals {
    /// Keeps the newest `ring` errors (at least [`SAMPLES_MIN`]) of each of at most `keys_max`
    /// keys; subjects beyond that count in the pool only.
    #[must_use]
    pub fn new(ring: usize, keys_max: usize) -> Self {
        Self {
            by_subject: BTreeMap::new(),
            pooled: BTreeMap::new(),
            ring: ring.max(SAMPLES_MIN),
            keys_max,
        }
    }

    /// Learns one error. What is no number teaches nothing; says whether it was learnt.
    pub fn learn(&mut self, subject: &str, kpi: &str, predicted: f64, measured: f64) -> bool {
        let error = measured - predicted;
        if !error.is_finite() {
            return false;
        }
        if self.pooled.len() < self.keys_max || self.pooled.contains_key(kpi) {
            push(
                self.pooled.entry(kpi.to_owned()).or_default(),
                error,
                self.ring,
            );
        }
        let key = (subject.to_owned(), kpi.to_owned());
        if self.by_subject.len() < self.keys_max || self.by_subject.contains_key(&key) {
            push(self.by_subject.entry(key).or_default(), error, self.ring);
        }
        true
    }

    /// Learns from a measured decision: each KPI that its chosen option predicted and that was
    /// measured. Says how many.
    pub fn learn_from(&mut self, decision: &Decision) -> usize {
        let record = &decision.record;
        let (Some(measured), Some(option)) =
            (&decision.measured, record.options.get(record.chosen))
        else {
            return 0;
        };
        let mut learnt = 0;
        for predicted in &option.predicted {
            if let Some(seen) = measured.values.iter().find(|v| v.kpi == predicted.kpi) {
                let ok = self.learn(&record.subject, &seen.kpi, predicted.value, seen.value);
                learnt += usize::from(ok);
            }
        }
        learnt
    }

    /// The interval around a prediction at `level`: the subject's own errors if there are enough,
    /// else those of all subjects, else `None`, which prints as "not measured".
    ///
    /// The ends are order statistics `floor((n+1)a/2)` and `ceil((n+1)(1-a/2))` with `a = 1 -
    /// level`, so that for exchangeable errors the coverage is at least `level` whatever their
    /// distribution (split conformal prediction; Vovk, Gammerman and Shafer 2005). Too few errors
    /// for the level (39 for 0.95) give `None` too.
    #[must_use]
    pub fn interval(
        &self,
        subject: &str,
        kpi: &str,
        predicted: f64,
        level: f64,
    ) -> Option<Interval> {
        let own = self.by_subject.get(&(subject.to_owned(), kpi.to_owned()));
        own.and_then(|ring| around(predicted, ring, level, ""))
            .or_else(|| {
                self.pooled
                    .get(kpi)
                    .and_then(|ring| around(predicted, ring, level, ", all subjects"))
            })
    }
}

fn push(ring: &mut VecDeque<f64>, error: f64, most: usize) {
    if ring.len() >= most {
        ring.pop_front();
    }
    ring.push_back(error);
}

fn around(predicted: f64, ring: &VecDeque<f64>, level: f64, of: &str) -> Option<Interval> {
    let n = ring.len();
    if n < SAMPLES_MIN || !predicted.is_finite() || !(level > 0.0 && level < 1.0) {
        return None;
    }
    let half = (1.0 - level) / 2.0;
    // 1e-9: a level such as 0.9 is not exact in binary, and must not cost a sample.
    let low = ((n + 1) as f64 * half + 1e-9).floor() as usize;
    let high = ((n + 1) as f64 * (1.0 - half) - 1e-9).ceil() as usize;
    if low < 1 || high > n {
        return None;
    }
    let mut sorted: Vec<f64> = ring.iter().copied().collect();
    sorted.sort_by(f64::total_cmp);
    Some(Interval {
        low: predicted + sorted[low - 1],
        high: predicted + sorted[high - 1],
        level,
        method: format!("residual quantiles, n = {n}{of}"),
    })
}

/// The interval of a mean by Student's t, e.g. over seeds; `None` for fewer than two values, for
/// values that are no numbers, and for a level outside (0, 1).
#[must_use]
pub fn student_t_interval(values: &[f64], level: f64) -> Option<Interval> {
    let n = values.len();
    if n < 2 || values.iter().any(|v| !v.is_finite()) || !(level > 0.0 && level < 1.0) {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    let error = (squares / (n - 1) as f64 / n as f64).sqrt();
    let half = t_two_sided(level, n - 1) * error;
    (mean.is_finite() && half.is_finite()).then(|| Interval {
        low: mean - half,
        high: mean + half,
        level,
        method: format!("Student's t, n = {n}"),
    })
}

/// The t with `P(|T| <= t) = level` for `dof` degrees of freedom: bisection over
/// [`t_within`]. Above 10,000 degrees of freedom, 10,000 is used, which is wider by < 0.02 %.
fn t_two_sided(level: f64, dof: usize) -> f64 {
    let dof = dof.min(10_000);
    let mut high = 1.0;
    while t_within(high, dof) < level && high < 1e12 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if t_within(middle, dof) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// `P(|T| <= t)` for whole degrees of freedom, by the finite series of Abramowitz and Stegun
/// 26.7.3 (odd) and 26.7.4 (even).
fn t_within(t: f64, dof: usize) -> f64 {
    let nu = dof as f64;
    let cos2 = nu / (nu + t * t);
    let sin = t / (nu + t * t).sqrt();
    if dof == 1 {
        return (t / nu.sqrt()).atan() * std::f64::consts::FRAC_2_PI;
    }
    let odd = dof % 2 == 1;
    // Odd: cos (1 + 2/3 cos2 + 2*4/(3*5) cos2^2 ...); even: 1 + 1/2 cos2 + 1*3/(2*4) cos2^2 ...
    let mut term = if odd { cos2.sqrt() } else { 1.0 };
    let mut sum = term;
    let mut k = if odd { 2 } else { 1 };
    while k + 3 <= dof {
        term *= cos2 * k as f64 / (k + 1) as f64;
        sum += term;
        if term < 1e-18 {
            break;
        }
        k += 2;
    }
    if odd {
        ((t / nu.sqrt()).atan() + sin * sum) * std::f64::consts::FRAC_2_PI
    } else {
        sin * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn t_quantiles_are_those_of_the_tables() {
        // Abramowitz and Stegun, table 26.10; two-sided.
        for (level, dof, t) in [
            (0.95, 1, 12.706_205),
            (0.95, 2, 4.302_653),
            (0.95, 3, 3.182_446),
            (0.95, 4, 2.776_445),
            (0.90, 5, 2.015_048),
            (0.95, 9, 2.262_157),
            (0.99, 10, 3.169_273),
            (0.95, 30, 2.042_272),
            (0.95, 120, 1.979_930),
            (0.999, 7, 5.407_883),
            (0.95, 10_000, 1.960_201),
        ] {
            let found = t_two_sided(level, dof);
            assert!((found - t).abs() < 2e-6, "{level} {dof}: {found} {t}");
        }
    }

    #[test]
    fn a_mean_has_the_textbook_interval() {
        let i = student_t_interval(&[9.0, 10.0, 11.0, 12.0, 13.0], 0.95).unwrap();
        // s = sqrt(2.5), t(4) = 2.776445, s / sqrt(5) = 0.707107
        assert!((i.high - (11.0 + 1.963_243)).abs() < 1e-5, "{i:?}");
        assert!((i.high + i.low - 22.0).abs() < 1e-12);
        assert_eq!(student_t_interval(&[1.0], 0.95), None);
        assert_eq!(student_t_interval(&[1.0, f64::NAN], 0.95), None);
        assert_eq!(student_t_interval(&[1.0, 2.0], 1.0), None);
    }

    #[test]
    fn too_few_errors_make_no_interval() {
        let mut r = Residuals::new(100, 10);
        for n in 0..19 {
            assert!(r.learn("s", "d", 0.0, f64::from(n)));
        }
        assert!(!r.learn("s", "d", 0.0, f64::NAN));
        assert_eq!(r.interval("s", "d", 5.0, 0.9), None);
        r.learn("s", "d", 0.0, 19.0);
        let i = r.interval("s", "d", 5.0, 0.9).unwrap();
        assert_eq!((i.low, i.high), (5.0, 24.0));
        assert_eq!(i.method, "residual quantiles, n = 20");
        assert_eq!(
            r.interval("s", "d", 5.0, 0.95),
            None,
            "20 errors cannot carry 0.95"
        );
        let pooled = r.interval("other", "d", 5.0, 0.9).unwrap();
        assert_eq!(pooled.method, "residual quantiles, n = 20, all subjects");
        assert_eq!(r.interval("s", "other", 5.0, 0.9), None);
    }

    #[test]
    fn old_errors_are_forgotten_and_subjects_are_bounded() {
        let mut r = Residuals::new(20, 1);
        for n in 0..40 {
            r.learn("s", "d", 0.0, f64::from(n));
            r.learn("t", "d", 0.0, 1000.0);
        }
        let i = r.interval("s", "d", 0.0, 0.8).unwrap();
        assert!(i.low >= 20.0 && i.high <= 39.0, "{i:?}");
        assert_eq!(r.by_subject.len(), 1);
        assert_eq!(r.pooled["d"].len(), 20);
    }

    proptest! {
        #[test]
        fn an_interval_covers_its_share_of_the_errors_it_is_made_of(
            errors in prop::collection::vec(-1e3..1e3f64, 20..200), level in 0.1..0.9f64,
        ) {
            let mut r = Residuals::new(200, 10);
            errors.iter().for_each(|e| { r.learn("s", "d", 0.0, *e); });
            let i = r.interval("s", "d", 0.0, level).unwrap();
            let inside = errors.iter().filter(|e| **e >= i.low && **e <= i.high).count();
            prop_assert!(inside as f64 >= level * errors.len() as f64 - 1e-9);
        }
    }
}
