//! Ordinary least squares that says which column is one too many.

use nalgebra::{DMatrix, DVector};
use serde::Serialize;

use crate::RegionError;

/// A named column of a regression.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    /// Its name, for results and errors.
    pub name: String,
    /// One value a row.
    pub values: Vec<f64>,
}

impl Column {
    /// A column.
    pub fn new(name: impl Into<String>, values: Vec<f64>) -> Self {
        Self {
            name: name.into(),
            values,
        }
    }

    /// The constant.
    #[must_use]
    pub fn constant(rows: usize) -> Self {
        Self::new("constant", vec![1.0; rows])
    }
}

/// A least-squares fit; coefficients stand in the order of the columns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ols {
    /// Coefficients.
    pub coefficients: Vec<f64>,
    /// Their standard errors, residual variance over n - k.
    pub standard_errors: Vec<f64>,
    /// Observed minus fitted.
    pub residuals: Vec<f64>,
    /// 1 - residual over total sum of squares about the mean; NaN-free: 0 for constant y.
    pub r2: f64,
    /// Residual variance over n - k.
    pub sigma2: f64,
}

/// A column whose part outside the columns before it is smaller than this share of it adds nothing.
const INDEPENDENT: f64 = 1e-10;

/// y = X b + e by QR. Include [`Column::constant`] for an intercept.
///
/// # Errors
/// `Shape` for lengths that differ; `Option` for values that are not finite or fewer rows than
/// columns + 1; `Singular` naming the first column that depends on those before it.
pub fn ols(y: &[f64], columns: &[Column]) -> Result<Ols, RegionError> {
    let design = design(y, columns)?;
    let (n, k) = design.shape();
    if n <= k {
        return Err(RegionError::option(
            "regression",
            format!("{n} rows for {k} columns; give at least {} rows", k + 1),
        ));
    }
    let fit = Projection::of(design, columns)?;
    let observed = DVector::from_column_slice(y);
    let coefficients = fit.coefficients(&observed);
    let residuals = &observed - &fit.design * &coefficients;
    let sse = residuals.norm_squared();
    let sigma2 = sse / (n - k) as f64;
    let spread = observed.add_scalar(-observed.mean()).norm_squared();
    Ok(Ols {
        standard_errors: (0..k)
            .map(|j| (sigma2 * fit.inverse_r.row(j).norm_squared()).sqrt())
            .collect(),
        coefficients: coefficients.as_slice().to_vec(),
        residuals: residuals.as_slice().to_vec(),
        r2: if spread > 0.0 {
            1.0 - sse / spread
        } else {
            0.0
        },
        sigma2,
    })
}

/// The matrix of a regression, checked.
pub(crate) fn design(y: &[f64], columns: &[Column]) -> Result<DMatrix<f64>, RegionError> {
    let all = std::iter::once(("y", y)).chain(
        columns
            .iter()
            .map(|c| (c.name.as_str(), c.values.as_slice())),
    );
    for (name, values) in all {
        RegionError::same_len(&format!("values of \"{name}\""), y.len(), values.len())?;
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(RegionError::option(
                &format!("column \"{name}\""),
                format!("row {at} holds {}; give finite values", values[at]),
            ));
        }
    }
    if columns.is_empty() {
        return Err(RegionError::option("regression", "no columns are given"));
    }
    Ok(DMatrix::from_fn(y.len(), columns.len(), |i, j| {
        columns[j].values[i]
    }))
}

/// X = QR, with R inverted.
pub(crate) struct Projection {
    pub(crate) design: DMatrix<f64>,
    q: DMatrix<f64>,
    pub(crate) inverse_r: DMatrix<f64>,
}

impl Projection {
    /// Needs at least as many rows as columns.
    pub(crate) fn of(design: DMatrix<f64>, columns: &[Column]) -> Result<Self, RegionError> {
        let qr = design.clone().qr();
        let r = qr.r();
        for (j, column) in columns.iter().enumerate() {
            if r[(j, j)].abs() <= INDEPENDENT * design.column(j).norm() {
                return Err(RegionError::Singular {
                    what: "regression".to_owned(),
                    message: format!(
                        "the column \"{}\" is a combination of the columns before it",
                        column.name
                    ),
                });
            }
        }
        let k = r.ncols();
        let inverse_r = r
            .solve_upper_triangular(&DMatrix::identity(k, k))
            .expect("no diagonal entry is 0, checked above");
        Ok(Self {
            design,
            q: qr.q(),
            inverse_r,
        })
    }

    pub(crate) fn coefficients(&self, y: &DVector<f64>) -> DVector<f64> {
        &self.inverse_r * self.q.tr_mul(y)
    }

    pub(crate) fn residuals(&self, y: &DVector<f64>) -> DVector<f64> {
        y - &self.q * self.q.tr_mul(y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_through_three_points() {
        let x = Column::new("x", vec![0.0, 1.0, 2.0]);
        let fit = ols(&[1.0, 2.0, 4.0], &[Column::constant(3), x]).unwrap();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} is not {b}");
        near(fit.coefficients[0], 5.0 / 6.0);
        near(fit.coefficients[1], 1.5);
        near(fit.sigma2, 1.0 / 6.0);
        near(fit.standard_errors[1], (1.0_f64 / 12.0).sqrt());
        near(fit.r2, 27.0 / 28.0);
    }

    #[test]
    fn the_column_too_many_is_named() {
        let x = Column::new("x", vec![1.0, 2.0, 4.0, 7.0]);
        let twice = Column::new("twice x + 1", vec![3.0, 5.0, 9.0, 15.0]);
        let error = ols(&[1.0; 4], &[Column::constant(4), x.clone(), twice]).unwrap_err();
        assert!(
            matches!(&error, RegionError::Singular { message, .. } if message.contains("twice x + 1"))
        );
        let zero = Column::new("empty", vec![0.0; 4]);
        assert!(ols(&[1.0; 4], &[x.clone(), zero]).is_err());
        assert!(ols(&[1.0; 3], std::slice::from_ref(&x)).is_err());
        assert!(ols(&[1.0, f64::NAN, 1.0, 1.0], &[x]).is_err());
        assert!(
            ols(
                &[1.0, 2.0],
                &[Column::constant(2), Column::new("x", vec![1.0, 2.0])]
            )
            .is_err()
        );
    }
}
