//! Means, intervals and figures as people read them.

/// The mean; not a number of nothing.
pub(crate) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

/// Student's 95 % interval of the mean; `None` with fewer than two values, because one run cannot
/// show its own spread.
pub(crate) fn mean_interval(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len();
    if n < 2 {
        return None;
    }
    let centre = mean(values.iter().copied());
    let squares: f64 = values.iter().map(|d| (d - centre).powi(2)).sum();
    let error = (squares / (n - 1) as f64 / n as f64).sqrt();
    let half = student_975(n - 1) * error;
    Some((centre - half, centre + half))
}

/// 97.5 % quantile of Student's t: tabulated to 30 degrees of freedom, above that the expansion of
/// Abramowitz and Stegun 26.7.5, which is then good to 1e-4.
fn student_975(degrees: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042,
    ];
    if let Some(t) = TABLE.get(degrees.saturating_sub(1)) {
        return *t;
    }
    let (z, v): (f64, f64) = (1.959_964, degrees as f64);
    z + (z.powi(3) + z) / (4.0 * v)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * v * v)
}

/// A figure for people: enough digits to compare, none to boast with.
#[must_use]
pub(crate) fn figure(value: f64) -> String {
    let size = value.abs();
    if size >= 1.0e15 {
        format!("{value:.3e}")
    } else if value.fract() == 0.0 || size >= 10_000.0 {
        format!("{value:.0}")
    } else if size >= 100.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

/// A signed percentage, e.g. `-41.8 %`.
#[must_use]
pub(crate) fn percent(value: f64) -> String {
    format!("{value:+.1} %")
}

/// A unit as a Chinese reader writes it; units without a word stay as they are.
#[must_use]
pub(crate) fn unit_zh(unit: &str) -> &str {
    match unit {
        "s" => "秒",
        "min" => "分钟",
        "h" => "小时",
        "veh" => "辆",
        "m" => "米",
        "km" => "公里",
        "kg" => "千克",
        "t" => "吨",
        "1" => "比值",
        other => other,
    }
}

/// A unit as an English reader writes it.
#[must_use]
pub(crate) fn unit_en(unit: &str) -> &str {
    if unit == "1" { "ratio" } else { unit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_joins_its_table_smoothly() {
        assert!((student_975(31) - 2.0395).abs() < 1e-3);
        assert!((student_975(1_000) - 1.9623).abs() < 1e-3);
    }
}
