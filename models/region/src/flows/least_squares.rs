//! Least squares: weighted, by Householder QR, with the first column that depends on those before
//! it found by name; and the straight line.

use nalgebra::{DMatrix, DVector};

use crate::RegionError;

/// What is left of a column after projection, relative to it, below which it counts as dependent.
const DEPENDENT: f64 = 1e-9;

/// Refuses a design whose columns depend on each other, naming the first that does.
///
/// Modified Gram-Schmidt on unit columns, each projected twice so that rounding does not hide a
/// dependence.
pub(crate) fn refuse_dependent(
    what: &str,
    x: &DMatrix<f64>,
    names: &[String],
) -> Result<(), RegionError> {
    let mut basis: Vec<DVector<f64>> = Vec::with_capacity(x.ncols());
    for (j, name) in names.iter().enumerate() {
        let column = x.column(j).clone_owned();
        let norm = column.norm();
        let mut rest = if norm > 0.0 { column / norm } else { column };
        for _ in 0..2 {
            for b in &basis {
                let along = b.dot(&rest);
                rest.axpy(-along, b, 1.0);
            }
        }
        let left = rest.norm();
        if left <= DEPENDENT || left.is_nan() {
            return Err(RegionError::Singular {
                what: what.to_owned(),
                message: if norm > 0.0 {
                    format!("column \"{name}\" is a combination of the columns before it")
                } else {
                    format!("column \"{name}\" is 0 everywhere")
                },
            });
        }
        basis.push(rest / left);
    }
    Ok(())
}

/// Solves `min sum w (z - X b)^2`. Also gives `(X' W X)^-1`'s diagonal.
pub(crate) fn weighted(
    what: &str,
    x: &DMatrix<f64>,
    z: &DVector<f64>,
    w: &DVector<f64>,
) -> Result<(DVector<f64>, Vec<f64>), RegionError> {
    let root = w.map(f64::sqrt);
    let mut a = x.clone();
    for mut column in a.column_iter_mut() {
        column.component_mul_assign(&root);
    }
    let scale: Vec<f64> = a.column_iter().map(|c| c.norm()).collect();
    for (mut column, s) in a.column_iter_mut().zip(&scale) {
        if *s > 0.0 {
            column /= *s;
        }
    }
    let qr = a.qr();
    let r = qr.r();
    let rhs = qr.q().transpose() * z.component_mul(&root);
    let lost = || RegionError::Singular {
        what: what.to_owned(),
        message: "the weighted columns depend on each other; some units have no flow".to_owned(),
    };
    let mut b = r.solve_upper_triangular(&rhs).ok_or_else(lost)?;
    let inverse = r
        .solve_upper_triangular(&DMatrix::identity(r.nrows(), r.nrows()))
        .ok_or_else(lost)?;
    let mut variance = Vec::with_capacity(scale.len());
    for (j, s) in scale.iter().enumerate() {
        b[j] /= s;
        variance.push(inverse.row(j).norm_squared() / (s * s));
    }
    if b.iter().chain(&variance).all(|v| v.is_finite()) {
        Ok((b, variance))
    } else {
        Err(lost())
    }
}

/// A straight line `y = intercept + slope x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    pub(crate) intercept: f64,
    pub(crate) slope: f64,
    /// Share of the variance explained; 1 where `y` has none.
    pub(crate) r2: f64,
}

impl Line {
    pub(crate) fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }
}

/// Ordinary least squares of one variable; equal `x` are [`RegionError::Singular`].
pub(crate) fn straight_line(what: &str, x: &[f64], y: &[f64]) -> Result<Line, RegionError> {
    RegionError::same_len(what, x.len(), y.len())?;
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let xx: f64 = x.iter().map(|a| (a - mx) * (a - mx)).sum();
    let yy: f64 = y.iter().map(|b| (b - my) * (b - my)).sum();
    let xy: f64 = x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).sum();
    if x.len() < 2 || xx <= 0.0 || xx.is_nan() {
        return Err(RegionError::Singular {
            what: what.to_owned(),
            message: "it needs two units of different size".to_owned(),
        });
    }
    let slope = xy / xx;
    Ok(Line {
        intercept: my - slope * mx,
        slope,
        r2: if yy > 0.0 { xy * xy / (xx * yy) } else { 1.0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dependent_column_is_named() {
        let x = DMatrix::from_row_slice(4, 3, &[1., 2., 3., 1., 3., 4., 1., 5., 6., 1., 7., 8.]);
        let names = ["k", "a", "b"].map(str::to_owned);
        let error = refuse_dependent("fit", &x, &names).unwrap_err().to_string();
        assert!(error.contains("\"b\" is a combination"), "{error}");
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice() {
        let x = DMatrix::from_row_slice(3, 2, &[1., 1., 1., 2., 1., 4.]);
        let z = DVector::from_vec(vec![1.0, 3.0, 4.0]);
        let (b, _) = weighted("fit", &x, &z, &DVector::from_vec(vec![1.0, 2.0, 1.0])).unwrap();
        let line = straight_line("line", &[1., 2., 2., 4.], &[1., 3., 3., 4.]).unwrap();
        assert!((b[0] - line.intercept).abs() < 1e-12 && (b[1] - line.slope).abs() < 1e-12);
    }
}
